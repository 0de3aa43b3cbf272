/* --help and the usage, from the table of options. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_rows.h"

enum { HELP_INDENT = 32, HELP_COLUMNS = 100 };

void ms_options_usage(FILE *out)
{
    fputs("usage: memscope-top [options] [--] PROGRAM [ARG...]   run it and watch it live\n"
          "       memscope-top -p PID                           join a program again\n",
          out);
    for (int command = 0; command < MS_COMMAND_TOTAL; command++) {
        const struct ms_cli_command_row *row = &ms_cli_commands[command];
        char left[64];
        snprintf(left, sizeof left, "%s %s", row->name, row->arguments);
        fprintf(out, "       memscope-top %-32s %s\n", left, row->help);
    }
    fputs("       memscope-top --help                           all options\n", out);
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

void ms_options_help(FILE *out)
{
    ms_options_usage(out);
    fputs("\noptions:\n", out);
    for (size_t i = 0; i < MS_OPTION_TOTAL; i++) {
        const struct ms_option_row *row = &ms_option_rows[i];
        char left[48];
        char letter[8] = "    ";
        if (row->letter != 0) {
            snprintf(letter, sizeof letter, "-%c, ", row->letter);
        }
        snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name,
                 row->argument != NULL ? " " : "", row->argument != NULL ? row->argument : "");
        char right[400];
        const bool has_standard = *row->standard != '\0';
        snprintf(right, sizeof right, "%s%s%s%s", row->help, has_standard ? " (default: " : "",
                 row->standard, has_standard ? ")" : "");
        fprintf(out, "  %-*s", HELP_INDENT - 2, left);
        put_wrapped(out, right);
    }
    fputs(
        "\nOptions end at the first word that is none. MEMSCOPE_JSON, MEMSCOPE_DEPTH ... in the\n"
        "environment stand for --json, --depth ...\n"
        "exit status: the program's own; 128+N when signal N ended it; 127 not found; 126 cannot\n"
        "be run; 125 memscope-top itself failed; 2 wrong usage; 3 a rule of --fail-on holds; 0 "
        "after leaving it running.\n",
        out);
}
