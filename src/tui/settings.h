/*
 * What a person can set: values of the table settings_table.h, from their text in the configuration
 * file or in F2 Setup to what screens and judgements use. No I/O.
 */
#ifndef MS_TUI_SETTINGS_H
#define MS_TUI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/findings.h"
#include "model/metric.h"
#include "tui/grid.h"
#include "tui/settings_table.h"

enum ms_setting {
#define MS_SETTING_ID(id, section, name, kind, standard, low, high, unit, meaning) MS_SETTING_##id,
    MS_SETTINGS(MS_SETTING_ID)
#undef MS_SETTING_ID
        MS_SETTING_TOTAL
};

enum ms_setting_kind {
    MS_SETTING_NUMBER,
    MS_SETTING_CHOICE,
    MS_SETTING_COLOUR,
    MS_SETTING_METRIC,
    MS_SETTING_METRICS
};

struct ms_setting_info {
    const char *section, *name;
    enum ms_setting_kind kind;
    const char *standard;
    double low, high;
    const char *unit; /* of a choice: the words joined by | */
    const char *meaning;
};

#define MS_COLUMNS_MAX      64u
#define MS_COLOUR_OF_SCHEME (-2)

struct ms_settings {
    /* A number, the position of a word, or a colour: -1 the terminal's own, 0..255, or
     * MS_COLOUR_OF_SCHEME; of METRIC its id. */
    double values[MS_SETTING_TOTAL];
    enum ms_metric columns[MS_COLUMNS_MAX];
    size_t column_count;
};

const struct ms_setting_info *ms_setting_info(enum ms_setting setting);
/* MS_SETTING_TOTAL: there is none of this name in this section. */
enum ms_setting ms_setting_find(const char *section, const char *name);

void ms_settings_default(struct ms_settings *settings);
/* Takes a value as the file has it. False: it is not valid, and `why` says what would be. */
bool ms_settings_set(struct ms_settings *settings, enum ms_setting setting, const char *text,
                     char *why, size_t size);
/* The value as the file has it. */
char *ms_settings_text(const struct ms_settings *settings, enum ms_setting setting, char *out,
                       size_t size);
bool ms_settings_is_default(const struct ms_settings *settings, enum ms_setting setting);
/* The next value up (`by` 1) or down (-1): words and colours go round, numbers step by 1, 2, 5. */
void ms_settings_step(struct ms_settings *settings, enum ms_setting setting, int by);

struct ms_thresholds ms_settings_thresholds(const struct ms_settings *settings);
/* Colours that differ from those of the scheme: MS_COLOUR_OF_SCHEME, or a number as above. */
void ms_settings_colours(const struct ms_settings *settings, int colours[MS_COLOUR_COUNT]);

/* The configuration file with these values: each with its meaning, defaults commented out. Appends
 * by `put`, which is told `context`. */
void ms_settings_write(const struct ms_settings *settings,
                       void (*put)(void *context, const char *text), void *context);

#endif
