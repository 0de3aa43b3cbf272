/* --help and the usage, from the table of options. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_rows.h"

enum { HELP_INDENT = 32, HELP_COLUMNS = 100 };

/* Options worth knowing of a command; it may take more, see --help. */
#define OUTPUTS                                                                                    \
    MS_GIVEN(MS_OPTION_JSON) | MS_GIVEN(MS_OPTION_JSON_SET) | MS_GIVEN(MS_OPTION_JSON_LINES) |     \
        MS_GIVEN(MS_OPTION_HTML) | MS_GIVEN(MS_OPTION_TEXT) | MS_GIVEN(MS_OPTION_CSV) |            \
        MS_GIVEN(MS_OPTION_PPROF) | MS_GIVEN(MS_OPTION_SPEEDSCOPE) | MS_GIVEN(MS_OPTION_FOLDED) |  \
        MS_GIVEN(MS_OPTION_PERFETTO) | MS_GIVEN(MS_OPTION_SVG) | MS_GIVEN(MS_OPTION_SECTIONS) |    \
        MS_GIVEN(MS_OPTION_ONLY) | MS_GIVEN(MS_OPTION_TABLE) | MS_GIVEN(MS_OPTION_WEIGHT) |        \
        MS_GIVEN(MS_OPTION_TITLE)
#define TRACKING                                                                                   \
    MS_GIVEN(MS_OPTION_THREADS) | MS_GIVEN(MS_OPTION_DEPTH) | MS_GIVEN(MS_OPTION_EXACT) |          \
        MS_GIVEN(MS_OPTION_SAMPLE) | MS_GIVEN(MS_OPTION_AUTO) | MS_GIVEN(MS_OPTION_COUNT) |        \
        MS_GIVEN(MS_OPTION_OFF) | MS_GIVEN(MS_OPTION_TRACE)

static const uint64_t options_of[MS_COMMAND_TOTAL] = {
    [MS_CLI_SET] = MS_GIVEN(MS_OPTION_PID) | TRACKING,
    [MS_CLI_RECORD] = MS_GIVEN(MS_OPTION_PID) | MS_GIVEN(MS_OPTION_OUTPUT) |
                      MS_GIVEN(MS_OPTION_MAX_SIZE) | MS_GIVEN(MS_OPTION_FORCE) |
                      MS_GIVEN(MS_OPTION_FAIL_ON) | MS_GIVEN(MS_OPTION_DURATION) |
                      MS_GIVEN(MS_OPTION_QUIET) | TRACKING | MS_GIVEN(MS_OPTION_IO) |
                      MS_GIVEN(MS_OPTION_CPU_SAMPLES) | MS_GIVEN(MS_OPTION_INTERVAL) |
                      MS_GIVEN(MS_OPTION_CHILDREN) | MS_GIVEN(MS_OPTION_NO_ARGS) | OUTPUTS,
    [MS_CLI_VIEW] = MS_GIVEN(MS_OPTION_AT) | MS_GIVEN(MS_OPTION_FILTER) | MS_GIVEN(MS_OPTION_SORT) |
                    MS_GIVEN(MS_OPTION_CONFIG) | MS_GIVEN(MS_OPTION_NO_COLOR) |
                    MS_GIVEN(MS_OPTION_NO_UNICODE) | MS_GIVEN(MS_OPTION_NO_MOUSE),
    [MS_CLI_EXPORT] =
        MS_GIVEN(MS_OPTION_AT) | MS_GIVEN(MS_OPTION_FORCE) | MS_GIVEN(MS_OPTION_FAIL_ON) | OUTPUTS,
    [MS_CLI_DIFF] = MS_GIVEN(MS_OPTION_AT) | MS_GIVEN(MS_OPTION_JSON) | MS_GIVEN(MS_OPTION_HTML) |
                    MS_GIVEN(MS_OPTION_TEXT) | MS_GIVEN(MS_OPTION_FORCE),
    [MS_CLI_REPORT] = MS_GIVEN(MS_OPTION_AT) | MS_GIVEN(MS_OPTION_ONLY) |
                      MS_GIVEN(MS_OPTION_TITLE) | MS_GIVEN(MS_OPTION_FAIL_ON),
};

void ms_options_usage(FILE *out)
{
    fprintf(out,
            "usage: memscope-top %-36s %s\n"
            "       memscope-top %-36s %s\n",
            "[options] [--] PROGRAM [ARG...]", "run a program and watch it live", "-p PID",
            "attach to a program started under memscope-top");
    for (int command = 0; command < MS_COMMAND_TOTAL; command++) {
        const struct ms_cli_command_row *row = &ms_cli_commands[command];
        char left[64];
        snprintf(left, sizeof left, "%s %s", row->name, row->arguments);
        fprintf(out, "       memscope-top %-36s %s\n", left, row->help);
    }
    fprintf(out, "       memscope-top %-36s %s\n", "[COMMAND] --help",
            "all options, or those of a command");
}

/* Words in lines of HELP_COLUMNS at most, those after the first below it. */
static void put_wrapped(FILE *out, const char *text)
{
    int column = HELP_INDENT;
    while (*text != '\0') {
        const int bytes = (int)strcspn(text, " ");
        if (column > HELP_INDENT && column + 1 + bytes > HELP_COLUMNS) {
            fprintf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
        }
        const bool first = column == HELP_INDENT;
        fprintf(out, "%s%.*s", first ? "" : " ", bytes, text);
        column += bytes + (first ? 0 : 1);
        text += bytes;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void put_option(FILE *out, const struct ms_option_row *row)
{
    char left[48];
    char letter[8] = "    ";
    if (row->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    }
    snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->argument != NULL ? " " : "",
             row->argument != NULL ? row->argument : "");
    char right[400];
    const bool has_standard = *row->standard != '\0';
    snprintf(right, sizeof right, "%s%s%s%s", row->help, has_standard ? " (default: " : "",
             row->standard, has_standard ? ")" : "");
    fprintf(out, "  %-*s", HELP_INDENT - 2, left);
    put_wrapped(out, right);
}

static void put_options(FILE *out, uint64_t which)
{
    fputs("\noptions:\n", out);
    for (size_t i = 0; i < MS_OPTION_TOTAL; i++) {
        if ((which & MS_GIVEN(i)) != 0) {
            put_option(out, &ms_option_rows[i]);
        }
    }
}

void ms_options_help(FILE *out, enum ms_request request)
{
    for (int command = 0; command < MS_COMMAND_TOTAL; command++) {
        if (ms_cli_commands[command].request == request) {
            fprintf(out, "usage: memscope-top %s %s\n       %s\n", ms_cli_commands[command].name,
                    ms_cli_commands[command].arguments, ms_cli_commands[command].help);
            if (options_of[command] != 0) {
                put_options(out, options_of[command]);
            }
            fputs("\nmemscope-top --help lists all commands and options; man memscope-top "
                  "explains them.\n",
                  out);
            return;
        }
    }
    ms_options_usage(out);
    put_options(out, UINT64_MAX);
    fputs(
        "\nThe first word that is not an option is the program; what follows belongs to it.\n"
        "Most options can also be set in the environment: MEMSCOPE_JSON stands for --json,\n"
        "MEMSCOPE_COUNT_ONLY for --count-only, and so on.\n"
        "\n"
        "exit status: that of the program; 128+N if it was killed by signal N; 127 not found;\n"
        "126 cannot be run; 125 memscope-top itself failed; 2 wrong usage; 3 a rule of --fail-on\n"
        "holds or cannot be checked; 0 if the program was left running.\n",
        out);
}
