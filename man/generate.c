/*
 * Fills the templates of this folder: options, commands, exports, rules, keys, settings, metrics,
 * figures of call sites, parts of the efficiency, limits and series come from the tables that the
 * program itself uses, so the pages cannot say anything else. Template on stdin, page on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/bottleneck.h"
#include "analysis/efficiency.h"
#include "analysis/forecast.h"
#include "analysis/site_figure.h"
#include "cli/commands.h"
#include "cli/options_table.h"
#include "export/export.h"
#include "model/metric.h"
#include "record/blocks.h"
#include "record/fields.h"
#include "record/layout.h"
#include "tui/keys.h"
#include "tui/settings.h"

/* Text as roff wants it: a minus is a minus, and no line begins with a control character. */
static void put(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-') {
            fputs("\\-", stdout);
        } else if (*text == '\\') {
            fputs("\\e", stdout);
        } else if (*text == '\'') {
            fputs("\\(aq", stdout);
        } else if (*text == '~') {
            fputs("\\(ti", stdout);
        } else if (*text == '^') {
            fputs("\\(ha", stdout);
        } else {
            putchar(*text);
        }
    }
}

static void option(const char *name, int letter, const char *argument, const char *standard,
                   const char *help)
{
    fputs(".TP\n.B ", stdout);
    if (letter != 0) {
        printf("\\-%c, ", letter);
    }
    fputs("\\-\\-", stdout);
    put(name);
    if (argument != NULL) {
        printf(" \\fI%s\\fR", argument);
    }
    putchar('\n');
    put(help);
    if (*standard != '\0') {
        fputs(" (default: ", stdout);
        put(standard);
        putchar(')');
    }
    putchar('\n');
}

static void options(void)
{
#define OPTION(id, name, letter, argument, standard, help)                                         \
    option(name, letter, argument, standard, help);
    MS_OPTIONS(OPTION)
#undef OPTION
}

/* What many places share is told once. */
enum shared { ON_SCREENS, ON_ROWS, IN_DIALOGS, OWN };

static enum shared shared_by(const struct ms_key_row *row, unsigned place)
{
    /* On the timelines some keys are others; that is said with them. */
    if (((row->places | MS_PLACE_TIMELINES) & MS_PLACE_SCREENS) == MS_PLACE_SCREENS) {
        return ON_SCREENS;
    }
    /* The screen of changes has ways back of its own. */
    if (((row->places | MS_PLACE_DIFF) & MS_PLACE_LISTS) == MS_PLACE_LISTS &&
        (place & MS_PLACE_ROWS) != 0) {
        return ON_ROWS;
    }
    return (row->places & MS_PLACE_DIALOGS) == MS_PLACE_DIALOGS ? IN_DIALOGS : OWN;
}

static void keys_of(const char *title, unsigned place, enum shared shared)
{
    size_t count;
    const struct ms_key_row *rows = ms_key_rows(&count);
    printf(".SS %s\n", title);
    for (size_t i = 0; i < count;) {
        char names[128];
        size_t taken = ms_key_names(i, place, names, sizeof names);
        if (taken == 0) {
            taken = 1;
        } else if ((rows[i].places & place) != 0 && shared_by(&rows[i], place) == shared) {
            fputs(".TP\n.B ", stdout);
            put(names);
            putchar('\n');
            put(rows[i].help);
            putchar('\n');
        }
        i += taken;
    }
}

static void keys(void)
{
    static const enum ms_place screens[] = {
        MS_PLACE_OVERVIEW,     MS_PLACE_FOCUS,    MS_PLACE_RANKINGS,  MS_PLACE_TIMELINES,
        MS_PLACE_CORRELATIONS, MS_PLACE_HOTSPOTS, MS_PLACE_SITE,      MS_PLACE_LEAKS,
        MS_PLACE_FLOWS,        MS_PLACE_TYPES,    MS_PLACE_PROCESSES, MS_PLACE_DIFF,
        MS_PLACE_OUTPUT,       MS_PLACE_SYSTEM};
    static const enum ms_place dialogs[] = {MS_PLACE_TRACKING, MS_PLACE_SETUP,  MS_PLACE_SORT,
                                            MS_PLACE_SIGNAL,   MS_PLACE_EXPORT, MS_PLACE_TIME,
                                            MS_PLACE_RECORD,   MS_PLACE_MARK,   MS_PLACE_QUIT};
    unsigned told = MS_PLACE_HELP;
    keys_of("On every screen", MS_PLACE_SCREENS, ON_SCREENS);
    keys_of("On every screen of rows", MS_PLACE_ROWS, ON_ROWS);
    for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++) {
        keys_of(ms_place_name(screens[i]), screens[i], OWN);
        told |= screens[i];
    }
    keys_of("In every dialog", MS_PLACE_DIALOGS, IN_DIALOGS);
    for (size_t i = 0; i < sizeof dialogs / sizeof dialogs[0]; i++) {
        keys_of(ms_place_name(dialogs[i]), dialogs[i], OWN);
        told |= dialogs[i];
    }
    if (told != (MS_PLACE_SCREENS | MS_PLACE_DIALOGS)) {
        fputs("a screen or dialog of tui/keys.h is missing in generate.c\n", stderr);
        exit(EXIT_FAILURE);
    }
}

static void metrics(void)
{
    static const char *const provenances[] = {"measured", "derived", "sampled", "unavailable"};
    for (int id = 0; id < MS_METRIC_TOTAL; id++) {
        const struct ms_metric_info *metric = ms_metric_info((enum ms_metric)id);
        fputs(".TP\n.B ", stdout);
        put(metric->name);
        printf("\n(%s, %s from ", ms_unit_name(metric->unit), provenances[metric->provenance]);
        put(ms_source_name(metric->source));
        fputs(") ", stdout);
        put(metric->meaning);
        putchar('\n');
    }
}

static void site_figures(void)
{
    for (int id = 0; id < MS_SITE_FIGURE_TOTAL; id++) {
        const struct ms_site_figure_info *figure = ms_site_figure_info((enum ms_site_figure)id);
        fputs(".TP\n.BR ", stdout);
        put(figure->name);
        printf(" \" (%s)\"\n", figure->heading);
        put(figure->meaning);
        putchar('\n');
    }
}

static void settings(void)
{
    const char *section = "";
    for (int id = 0; id < MS_SETTING_TOTAL; id++) {
        const struct ms_setting_info *info = ms_setting_info((enum ms_setting)id);
        if (strcmp(info->section, section) != 0) {
            section = info->section;
            printf(".SS [%s]\n", section);
        }
        fputs(".TP\n.B ", stdout);
        put(info->name);
        putchar('\n');
        put(info->meaning);
        if (info->kind == MS_SETTING_NUMBER) {
            printf("; %.15g to %.15g", info->low, info->high);
            fputs(*info->unit != '\0' ? " " : "", stdout);
            put(info->unit);
        } else if (info->kind == MS_SETTING_CHOICE) {
            fputs("; ", stdout);
            put(info->unit);
        }
        fputs(" (default: ", stdout);
        put(info->standard);
        fputs(")\n", stdout);
    }
}

static void put_plain(void *context, const char *text)
{
    (void)fputs(text, context);
}

static void efficiency_parts(void)
{
    for (int id = 0; id < MS_EFFICIENCY_TOTAL; id++) {
        const struct ms_efficiency_part_info *part =
            ms_efficiency_part_info((enum ms_efficiency_part)id);
        fputs(".TP\n.BR ", stdout);
        put(part->name);
        printf(" \" (weight %.1f)\"\n", part->weight);
        put(part->formula);
        putchar('\n');
    }
}

static void limits(void)
{
#define LIMIT(id, name, word, what)                                                                \
    fputs(".TP\n.B ", stdout);                                                                     \
    put(name);                                                                                     \
    putchar('\n');                                                                                 \
    put(word ": " what);                                                                           \
    putchar('\n');
    MS_LIMITS(LIMIT)
#undef LIMIT
}

static void series(void)
{
    static const char *const titles[] = {"Of threads", "Of processes", "Of the machine"};
    for (int of = 0; of < 3; of++) {
        printf(".SS %s\n", titles[of]);
        for (int i = 0; i < ms_series_count((enum ms_series_of)of); i++) {
            const struct ms_series_info *info = ms_series_info((enum ms_series_of)of, i);
            fputs(".TP\n.B ", stdout);
            put(info->name);
            putchar('\n');
            put(info->what);
            putchar('\n');
        }
    }
}

static void named(const char *name, const char *what)
{
    fputs(".TP\n.B ", stdout);
    put(name);
    putchar('\n');
    put(what);
    putchar('\n');
}

static void command(const char *name, const char *arguments, const char *help)
{
    fputs(".TP\n.B ", stdout);
    put(name);
    fputs(" \\fI", stdout);
    put(arguments);
    fputs("\\fR\n", stdout);
    put(help);
    putchar('\n');
}

static void commands(void)
{
#define COMMAND(id, name, files, arguments, help) command(name, arguments, help);
    MS_COMMANDS(COMMAND)
#undef COMMAND
}

static void exports(void)
{
#define EXPORT(id, name, suffix, what)                                                             \
    fputs(".TP\n.B ", stdout);                                                                     \
    put("--" name);                                                                                \
    fputs(" \\fIFILE\\fR\n" what, stdout);                                                         \
    puts(" (" suffix ")");
    MS_EXPORTS(EXPORT)
#undef EXPORT
}

static void weights(void)
{
#define WEIGHT(id, name, unit, what) named(name, what);
    MS_WEIGHTS(WEIGHT)
#undef WEIGHT
}

static void session_metrics(void)
{
    for (int id = 0; id < MS_SESSION_METRIC_TOTAL; id++) {
        const enum ms_session_metric metric = (enum ms_session_metric)id;
        fputs(".TP\n.BR ", stdout);
        put(ms_session_metric_name(metric));
        printf(" \" (%s)\"\n", ms_unit_name(ms_session_metric_unit(metric)));
        put(ms_session_metric_what(metric));
        putchar('\n');
    }
}

static void block_types(void)
{
#define BLOCK_TYPE(id, name, what) named(name, what);
    MS_BLOCK_TYPES(BLOCK_TYPE)
#undef BLOCK_TYPE
}

static void state_parts(void)
{
#define PART(id, name, what) named(name, what);
    MS_PARTS(PART)
#undef PART
}

static void field_kinds(void)
{
    fputs("Fields are of these kinds: ", stdout);
    const char *gap = "";
#define FIELD_KIND(id, name)                                                                       \
    printf("%s%s", gap, name);                                                                     \
    gap = ", ";
    MS_FIELD_KINDS(FIELD_KIND)
#undef FIELD_KIND
    puts(".");
}

static void fill(const char *line)
{
    static const struct {
        const char *mark;
        void (*write)(void);
    } parts[] = {{"@OPTIONS@\n", options},
                 {"@COMMANDS@\n", commands},
                 {"@EXPORTS@\n", exports},
                 {"@WEIGHTS@\n", weights},
                 {"@SESSION_METRICS@\n", session_metrics},
                 {"@BLOCK_TYPES@\n", block_types},
                 {"@PARTS@\n", state_parts},
                 {"@FIELD_KINDS@\n", field_kinds},
                 {"@KEYS@\n", keys},
                 {"@METRICS@\n", metrics},
                 {"@SITE_FIGURES@\n", site_figures},
                 {"@EFFICIENCY_PARTS@\n", efficiency_parts},
                 {"@LIMITS@\n", limits},
                 {"@SERIES@\n", series},
                 {"@SETTINGS@\n", settings}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(line, parts[i].mark) == 0) {
            parts[i].write();
            return;
        }
    }
    const char *mark;
#define TEXT_OF(number)        #number
#define FORMAT_VERSION(number) TEXT_OF(number)
    static const char *const values[][2] = {
        {"@VERSION@", MS_VERSION},
        {"@DATE@", MS_DATE},
        {"@FORMAT_VERSION@", FORMAT_VERSION(MS_RECORD_VERSION)}};
    const size_t value_count = sizeof values / sizeof values[0];
    while ((mark = strchr(line, '@')) != NULL) {
        size_t value = 0;
        while (value < value_count &&
               strncmp(mark, values[value][0], strlen(values[value][0])) != 0) {
            value++;
        }
        if (value == value_count) {
            break;
        }
        printf("%.*s%s", (int)(mark - line), line, values[value][1]);
        line = mark + strlen(values[value][0]);
    }
    fputs(line, stdout);
}

/* With the word "config": the example of a configuration file. */
int main(int argc, char **argv)
{
    char line[4096];
    if (argc == 2 && strcmp(argv[1], "config") == 0) {
        struct ms_settings standard;
        ms_settings_default(&standard);
        ms_settings_write(&standard, put_plain, stdout);
        return ferror(stdout) || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        fill(line);
    }
    return ferror(stdout) || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
