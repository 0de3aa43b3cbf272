/*
 * Fills man/memscope-top.1.in: options, keys and metrics come from the tables that the program
 * itself uses, so the page cannot say anything else. Template on stdin, page on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options_table.h"
#include "model/metric.h"
#include "tui/keys.h"

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

static void keys_of(const char *title, unsigned place)
{
    size_t count;
    const struct ms_key_row *rows = ms_key_rows(&count);
    printf(".SS %s\n", title);
    for (size_t i = 0; i < count;) {
        char names[128];
        size_t taken = ms_key_names(i, place, names, sizeof names);
        if (taken == 0) {
            taken = 1;
        } else if ((rows[i].places & place) != 0 && *rows[i].help != '\0') {
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
    keys_of("On the overview", MS_PLACE_OVERVIEW);
    keys_of("In focus", MS_PLACE_FOCUS);
    keys_of("On the screen of processes", MS_PLACE_PROCESSES);
    keys_of("On the output screen", MS_PLACE_OUTPUT);
    keys_of("In the dialog of what is tracked", MS_PLACE_TRACKING);
    keys_of("In the export dialog", MS_PLACE_EXPORT);
    keys_of("In the quit dialog", MS_PLACE_QUIT);
}

static void metrics(void)
{
    static const char *const provenances[] = {"measured", "derived", "sampled", "unavailable"};
    for (int id = 0; id < MS_METRIC_TOTAL; id++) {
        const struct ms_metric_info *metric = ms_metric_info((enum ms_metric)id);
        fputs(".TP\n.B ", stdout);
        put(metric->name);
        printf("\n(%s, %s from ", ms_unit_name(metric->unit), provenances[metric->provenance]);
        put(metric->source);
        fputs(") ", stdout);
        put(metric->meaning);
        putchar('\n');
    }
}

static void fill(const char *line)
{
    static const struct {
        const char *mark;
        void (*write)(void);
    } parts[] = {{"@OPTIONS@\n", options}, {"@KEYS@\n", keys}, {"@METRICS@\n", metrics}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(line, parts[i].mark) == 0) {
            parts[i].write();
            return;
        }
    }
    const char *mark;
    static const char *const values[][2] = {{"@VERSION@", MS_VERSION}, {"@DATE@", MS_DATE}};
    while ((mark = strchr(line, '@')) != NULL) {
        size_t value = 0;
        while (value < 2 && strncmp(mark, values[value][0], strlen(values[value][0])) != 0) {
            value++;
        }
        if (value == 2) {
            break;
        }
        printf("%.*s%s", (int)(mark - line), line, values[value][1]);
        line = mark + strlen(values[value][0]);
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
