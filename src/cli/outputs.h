/* Are all files that the command line names to write to files of their own? Asked before anything
 * is started or read. */
#ifndef MS_CLI_OUTPUTS_H
#define MS_CLI_OUTPUTS_H

#include "cli/options.h"

/*
 * 0; or the exit status to leave with after one line on stderr: two outputs are the same file, one
 * is a file that is read, or (of a recording's reports, before it is gone through) one is there
 * already and --force was not given. Pipes and devices may be named several times.
 */
int ms_outputs_check(const struct ms_options *options);

#endif
