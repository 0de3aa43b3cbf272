/*
 * Fills the templates of this folder with the tables of options, commands, metrics and sections:
 * template on stdin, file on stdout. A line that is a mark becomes the lines that belong to it.
 *
 * How the argument of an option is completed follows from how its table writes it: words with bars
 * between them are the choice; FILE, DIR, PID, METRIC are what they say, LIST after `sections` are
 * sections; of anything else nothing is known.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_table.h"
#include "export/export.h"
#include "model/metric.h"

struct option_row {
    const char *name;
    int letter;
    const char *argument, *help;
};

static const struct option_row options[] = {
#define OPTION_ROW(id, name, letter, argument, standard, help) {name, letter, argument, help},
    MS_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

static const struct {
    const char *name;
    bool files;
    const char *help;
} commands[] = {
#define COMMAND_ROW(id, name, files, arguments, help) {name, (files) != 0, help},
    MS_COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};

enum completed { BY_SWITCH, BY_NOTHING, BY_CHOICE, BY_FILE, BY_FOLDER, BY_PROCESS };

static enum completed completed_by(const struct option_row *option)
{
    const char *argument = option->argument;
    if (argument == NULL) {
        return BY_SWITCH;
    }
    if (strncmp(argument, "FILE", 4) == 0) {
        return BY_FILE;
    }
    if (strstr(argument, "DIR") != NULL) {
        return BY_FOLDER;
    }
    if (strcmp(argument, "PID") == 0) {
        return BY_PROCESS;
    }
    const bool choice = strchr(argument, '|') != NULL || strcmp(argument, "METRIC") == 0 ||
                        strcmp(option->name, "sections") == 0;
    return choice ? BY_CHOICE : BY_NOTHING;
}

/* Words in capitals stand for something else and are left out. */
static void put_choice(const struct option_row *option)
{
    const char *argument = option->argument;
    if (strcmp(argument, "METRIC") == 0) {
        for (int id = 0; id < MS_METRIC_TOTAL; id++) {
            printf("%s%s", id == 0 ? "" : " ", ms_metric_info((enum ms_metric)id)->name);
        }
        return;
    }
    if (strcmp(option->name, "sections") == 0) {
        fputs("all", stdout);
        for (int id = 0; id < MS_SECTION_TOTAL; id++) {
            printf(" %s", ms_section_name((enum ms_section)id));
        }
        return;
    }
    const char *gap = "";
    while (*argument != '\0') {
        const size_t bytes = strcspn(argument, "|");
        if (*argument < 'A' || *argument > 'Z') {
            printf("%s%.*s", gap, (int)bytes, argument);
            gap = " ";
        }
        argument += bytes + (argument[bytes] == '|');
    }
}

/* Inside single quotes; `special` gets a backslash. */
static void put_quoted(const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else {
            if (strchr(special, *text) != NULL) {
                putchar('\\');
            }
            putchar(*text);
        }
    }
}

/* Names that a shell sees before an argument: "--depth", or "-p|--pid". */
static void bash_names(const struct option_row *option)
{
    if (option->letter != 0) {
        printf("-%c|", option->letter);
    }
    printf("--%s", option->name);
}

static void bash_arguments(void)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const enum completed by = completed_by(&options[i]);
        if (by == BY_SWITCH) {
            continue;
        }
        fputs("    ", stdout);
        bash_names(&options[i]);
        fputs(by == BY_FILE      ? ") kind=file ;;\n"
              : by == BY_FOLDER  ? ") kind=folder ;;\n"
              : by == BY_PROCESS ? ") kind=process ;;\n"
              : by == BY_NOTHING ? ") kind=nothing ;;\n"
                                 : ") kind=choice choice='",
              stdout);
        if (by == BY_CHOICE) {
            put_choice(&options[i]);
            puts("' ;;");
        }
    }
}

static void bash_words(void)
{
    fputs("    local commands='", stdout);
    for (int i = 0; i < MS_COMMAND_TOTAL; i++) {
        printf("%s%s", i == 0 ? "" : " ", commands[i].name);
    }
    fputs("'\n    local options='", stdout);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        printf("%s--%s", i == 0 ? "" : " ", options[i].name);
    }
    puts("'");
}

static void bash_commands_of_files(void)
{
    fputs("    ", stdout);
    const char *gap = "";
    for (int i = 0; i < MS_COMMAND_TOTAL; i++) {
        if (commands[i].files) {
            printf("%s%s", gap, commands[i].name);
            gap = "|";
        }
    }
    puts(") kind=recording ;;");
}

static void zsh_options(void)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *option = &options[i];
        const enum completed by = completed_by(option);
        const char *equals = by == BY_SWITCH ? "" : "=";
        if (option->letter != 0) {
            printf("    '(-%c --%s)'{-%c%s,--%s%s}'[", option->letter, option->name, option->letter,
                   by == BY_SWITCH ? "" : "+", option->name, equals);
        } else {
            printf("    '--%s%s[", option->name, equals);
        }
        put_quoted(option->help, "[]:\\");
        putchar(']');
        if (by != BY_SWITCH) {
            putchar(':');
            put_quoted(option->argument, "[]:\\");
            putchar(':');
        }
        if (by == BY_CHOICE) {
            putchar('(');
            put_choice(option);
            putchar(')');
        }
        fputs(by == BY_FILE      ? "_files"
              : by == BY_FOLDER  ? "_files -/"
              : by == BY_PROCESS ? "_memscope_top_pids"
              : by == BY_NOTHING ? " "
                                 : "",
              stdout);
        puts("'");
    }
}

static void zsh_commands(void)
{
    for (int i = 0; i < MS_COMMAND_TOTAL; i++) {
        printf("    '%s:", commands[i].name);
        put_quoted(commands[i].help, ":\\");
        puts("'");
    }
}

static void fish_options(void)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *option = &options[i];
        const enum completed by = completed_by(option);
        printf("complete -c memscope-top -n __memscope_top_own -l %s", option->name);
        if (option->letter != 0) {
            printf(" -s %c", option->letter);
        }
        fputs(by == BY_SWITCH ? "" : by == BY_FILE || by == BY_FOLDER ? " -r -F" : " -x", stdout);
        if (by == BY_CHOICE) {
            fputs(" -a '", stdout);
            put_choice(option);
            putchar('\'');
        } else if (by == BY_PROCESS) {
            fputs(" -a '(__memscope_top_pids)'", stdout);
        }
        fputs(" -d \"", stdout);
        for (const char *at = option->help; *at != '\0'; at++) {
            if (strchr("\"\\$", *at) != NULL) {
                putchar('\\');
            }
            putchar(*at);
        }
        puts("\"");
    }
}

static void fish_commands(void)
{
    for (int i = 0; i < MS_COMMAND_TOTAL; i++) {
        printf("complete -c memscope-top -n __memscope_top_first -a %s -d '", commands[i].name);
        put_quoted(commands[i].help, "\\");
        puts("'");
    }
}

static void fish_commands_of_files(void)
{
    fputs("complete -c memscope-top -n '__fish_seen_subcommand_from", stdout);
    for (int i = 0; i < MS_COMMAND_TOTAL; i++) {
        if (commands[i].files) {
            printf(" %s", commands[i].name);
        }
    }
    puts("' -F");
}

static void desktop_view(void)
{
    printf("Exec=memscope-top %s %%f\n", commands[MS_CLI_VIEW].name);
}

static void fill(const char *line)
{
    static const struct {
        const char *mark;
        void (*write)(void);
    } parts[] = {{"@BASH_WORDS@\n", bash_words},
                 {"@BASH_ARGUMENTS@\n", bash_arguments},
                 {"@BASH_COMMANDS_OF_FILES@\n", bash_commands_of_files},
                 {"@ZSH_OPTIONS@\n", zsh_options},
                 {"@ZSH_COMMANDS@\n", zsh_commands},
                 {"@FISH_OPTIONS@\n", fish_options},
                 {"@FISH_COMMANDS@\n", fish_commands},
                 {"@FISH_COMMANDS_OF_FILES@\n", fish_commands_of_files},
                 {"@DESKTOP_VIEW@\n", desktop_view}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(line, parts[i].mark) == 0) {
            parts[i].write();
            return;
        }
    }
    fputs(line, stdout);
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        fill(line);
    }
    return ferror(stdout) || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
