/* What --fail-on asks for, at the end of a session or of a recording. */
#ifndef MS_CLI_RULES_H
#define MS_CLI_RULES_H

#include "cli/options.h"

/*
 * A line on stderr for each rule that holds, and for each whose figure is not known, since a check
 * that could not be made is not passed. `findings` may be NULL. Returns `status` when there is none
 * of them, or when it says that we failed ourselves; else MS_EXIT_RULE.
 */
int ms_rules_check(const struct ms_options *options, const struct ms_model *model,
                   const struct ms_findings *findings, int status);

#endif
