/*
 * The table of options as an enumeration and an array, and what the files that make sense of them
 * share: options.c reads them, options_values.c says what a value means, options_settle.c what all
 * of them mean together. For src/cli/options*.c only.
 */
#ifndef MS_CLI_OPTIONS_ROWS_H
#define MS_CLI_OPTIONS_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "cli/options_table.h"

enum ms_option_id {
#define OPTION_ID(id, name, letter, argument, standard, help) MS_OPTION_##id,
    MS_OPTIONS(OPTION_ID)
#undef OPTION_ID
        MS_OPTION_TOTAL
};

struct ms_option_row {
    const char *name;
    int letter;           /* 0: none */
    const char *argument; /* NULL: a switch */
    const char *standard, *help;
};
extern const struct ms_option_row ms_option_rows[MS_OPTION_TOTAL];

/* Options that were given, one bit for each. */
struct ms_options_given {
    uint64_t environment, arguments;
};
#define MS_GIVEN(id) (UINT64_C(1) << (id))
_Static_assert(MS_OPTION_TOTAL <= 64, "a bit for each option");

/* Settings that environment or command line gave, a bit for each: the file does not change them. */
#define MS_OVER_FILE(setting) (UINT64_C(1) << (setting))
_Static_assert(MS_SETTING_TOTAL <= 64, "a bit for each setting");

/* `value` of a switch may be NULL. 0, or -EINVAL after one line on stderr. */
int ms_option_set(enum ms_option_id id, const char *value, struct ms_options *options);
/* yes, 1, true; no, 0, false. false: none of them. */
bool ms_option_yes_no(const char *text, bool *out);

/*
 * After all of them were read. `word` is the first that is no option, NULL: none. Reads the
 * configuration file where a session asks for it. 0, or -EINVAL after one line on stderr.
 */
int ms_options_settle(struct ms_options *options, const struct ms_options_given *given,
                      const char *word);

#endif
