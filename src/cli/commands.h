/*
 * The one table of commands: the parser, --help, the manual page and completions come from it.
 *
 * X(id, name, files that it is about, arguments, help)
 */
#ifndef MS_CLI_COMMANDS_H
#define MS_CLI_COMMANDS_H

#include "cli/options.h"

/* clang-format off */
#define MS_COMMANDS(X)                                                                             \
    X(SET,    "set",    0, "-p PID options",            "change what is tracked in a running program, then exit") \
    X(DOCTOR, "doctor", 0, "[PROGRAM]",                 "check what can be measured on this machine and of a program") \
    X(RECORD, "record", 0, "[-o FILE] [--] PROGRAM [ARG...]", "record without a screen (-p PID: a running program)") \
    X(VIEW,   "view",   1, "FILE [--at TIME]",          "open a recording in the same screens") \
    X(EXPORT, "export", 1, "FILE --json OUT ...",       "write reports from a recording") \
    X(DIFF,   "diff",   2, "A[@MOMENT] B[@MOMENT]",     "what changed between two recordings or two moments") \
    X(REPORT, "report", 1, "FILE [--fail-on RULE]",     "print a recording as a page of text") \
    X(VERIFY, "verify", 1, "FILE",                      "check that a recording is complete and consistent")
/* clang-format on */

enum ms_cli_command {
#define MS_COMMAND_ID(id, name, files, arguments, help) MS_CLI_##id,
    MS_COMMANDS(MS_COMMAND_ID)
#undef MS_COMMAND_ID
        MS_COMMAND_TOTAL
};

struct ms_cli_command_row {
    enum ms_request request;
    const char *name;
    size_t files;
    const char *arguments, *help;
};
extern const struct ms_cli_command_row ms_cli_commands[MS_COMMAND_TOTAL];

/* What they do; each returns the exit status. */
int ms_record(const struct ms_options *options);
int ms_view(const struct ms_options *options);
int ms_export_recording(const struct ms_options *options);
int ms_diff(const struct ms_options *options);
int ms_report(const struct ms_options *options);
int ms_verify(const struct ms_options *options);

#endif
