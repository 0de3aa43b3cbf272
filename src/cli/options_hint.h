/* What somebody meant who mistyped a word of ours. */
#ifndef MS_CLI_OPTIONS_HINT_H
#define MS_CLI_OPTIONS_HINT_H

#include <stdbool.h>

/* The command that `word` is a slip of; NULL: none. */
const char *ms_command_near(const char *word);

/* One line on stderr about what getopt_long did not take: `found` is what it returned, '?' or ':',
 * `letter` its optopt, `word` what it had before itself. */
void ms_option_refuse(int found, int letter, const char *word);

#endif
