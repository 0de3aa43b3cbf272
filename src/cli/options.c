/* Command line and environment, by the one table. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_hint.h"
#include "cli/options_rows.h"

const struct ms_option_row ms_option_rows[MS_OPTION_TOTAL] = {
#define OPTION_ROW(id, name, letter, argument, standard, help)                                     \
    {name, letter, argument, standard, help},
    MS_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

/* "no-color" -> "MEMSCOPE_NO_COLOR" */
static void variable_name(const char *option, char *out, size_t size)
{
    snprintf(out, size, "MEMSCOPE_%s", option);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-') {
            *c = '_';
        } else if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
}

/* What would change the action (--pid, --help) is not taken from the environment. */
static bool from_environment(enum ms_option_id id)
{
    return id != MS_OPTION_PID && id != MS_OPTION_HELP && id != MS_OPTION_VERSION;
}

static int read_environment(struct ms_options *options, struct ms_options_given *given)
{
    for (int id = 0; id < MS_OPTION_TOTAL; id++) {
        char name[64];
        variable_name(ms_option_rows[id].name, name, sizeof name);
        const char *value = getenv(name);
        if (value == NULL || *value == '\0' || !from_environment((enum ms_option_id)id)) {
            continue;
        }
        bool on = true;
        if (ms_option_rows[id].argument == NULL && !ms_option_yes_no(value, &on)) {
            fprintf(stderr, "memscope-top: %s: '%s' is not valid; give yes or no\n", name, value);
            return -EINVAL;
        }
        int result = on ? ms_option_set((enum ms_option_id)id, value, options) : 0;
        if (result != 0) {
            return result;
        }
        given->environment |= on ? MS_GIVEN(id) : 0;
    }
    const char *no_colour = getenv("NO_COLOR");
    return no_colour != NULL && *no_colour != '\0'
               ? ms_option_set(MS_OPTION_NO_COLOR, NULL, options)
               : 0;
}

static int read_arguments(int argc, char **argv, struct ms_options *options,
                          struct ms_options_given *given)
{
    struct option long_options[MS_OPTION_TOTAL + 1] = {0};
    char letters[2 * MS_OPTION_TOTAL + 3] = "+:";
    char *letter = letters + 2;
    for (int id = 0; id < MS_OPTION_TOTAL; id++) {
        bool argument = ms_option_rows[id].argument != NULL;
        long_options[id] = (struct option){ms_option_rows[id].name, argument, NULL, 256 + id};
        if (ms_option_rows[id].letter != 0) {
            *letter++ = (char)ms_option_rows[id].letter;
            if (argument) {
                *letter++ = ':';
            }
        }
    }
    opterr = 0;
    int found;
    while ((found = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
        if (found == '?' || found == ':') {
            ms_option_refuse(found, optopt, argv[optind - 1]);
            return -EINVAL;
        }
        int id = found - 256;
        for (int row = 0; found < 256 && row < MS_OPTION_TOTAL; row++) {
            if (ms_option_rows[row].letter == found) {
                id = row;
            }
        }
        int result = ms_option_set((enum ms_option_id)id, optarg, options);
        given->arguments |= MS_GIVEN(id);
        if (result != 0 || options->request == MS_REQUEST_HELP ||
            options->request == MS_REQUEST_VERSION) {
            return result;
        }
    }
    return 0;
}

/* A word of ours that is no program to run, behind which options go on; MS_COMMAND_TOTAL: none. */
static enum ms_cli_command command_of(const char *word)
{
    int command = 0;
    while (command < MS_COMMAND_TOTAL && strcmp(ms_cli_commands[command].name, word) != 0) {
        command++;
    }
    return (enum ms_cli_command)command;
}

/* Files and options of a command may stand in any order; with a program its own come last. */
static int read_command(int argc, char **argv, const struct ms_cli_command_row *command,
                        struct ms_options *options, struct ms_options_given *given)
{
    size_t files = 0;
    int result = 0;
    optind++;
    while (result == 0 && optind <= argc) {
        result = read_arguments(argc, argv, options, given);
        if (command->files == 0 || optind >= argc || files == MS_COMMAND_FILES_MAX) {
            break;
        }
        options->files[files++] = argv[optind++];
    }
    options->help_of = command->request;
    if (result != 0 || options->request == MS_REQUEST_HELP ||
        options->request == MS_REQUEST_VERSION) {
        return result;
    }
    options->request = command->request;
    options->arguments = command->files != 0 ? options->files : argv + optind;
    if (command->files != files || (command->files != 0 && optind < argc)) {
        fprintf(stderr, "memscope-top: usage: memscope-top %s %s\n", command->name,
                command->arguments);
        return -EINVAL;
    }
    return 0;
}

/* Without a command the first word is the program. */
static int read_all_arguments(int argc, char **argv, struct ms_options *options,
                              struct ms_options_given *given)
{
    int result = read_arguments(argc, argv, options, given);
    if (result != 0 || options->request == MS_REQUEST_HELP ||
        options->request == MS_REQUEST_VERSION || optind >= argc) {
        return result;
    }
    const bool ended_by_dashes = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
    const enum ms_cli_command command =
        ended_by_dashes ? MS_COMMAND_TOTAL : command_of(argv[optind]);
    if (command != MS_COMMAND_TOTAL) {
        return read_command(argc, argv, &ms_cli_commands[command], options, given);
    }
    if (options->request == MS_REQUEST_LIST) {
        options->request = MS_REQUEST_RUN;
    }
    options->arguments = argv + optind;
    options->command_near = ended_by_dashes ? NULL : ms_command_near(argv[optind]);
    return 0;
}

int ms_options_parse(int argc, char **argv, struct ms_options *options)
{
    *options = (struct ms_options){
        .request = MS_REQUEST_LIST,
        .tracking = {.mode = MS_TRACK_EXACT,
                     .depth = MS_DEPTH_DEFAULT,
                     .rate = {.interval = MS_SAMPLE_BYTES_DEFAULT}},
        .children = true,
        .colours = true,
        .max_bytes = UINT64_C(1000000000),
        .sections = MS_SECTIONS_ALL,
    };
    ms_settings_default(&options->settings);
    struct ms_options_given given = {0};
    int result = read_environment(options, &given);
    if (result == 0) {
        result = read_all_arguments(argc, argv, options, &given);
    }
    if (result != 0 || options->request == MS_REQUEST_HELP ||
        options->request == MS_REQUEST_VERSION) {
        return result;
    }
    return ms_options_settle(options, &given, optind < argc ? argv[optind] : NULL);
}
