#include "tui/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ms_setting_info infos[MS_SETTING_TOTAL] = {
#define MS_SETTING_ROW(id, section_, name_, kind_, standard_, low_, high_, unit_, meaning_)        \
    [MS_SETTING_##id] = {.section = section_,                                                      \
                         .name = name_,                                                            \
                         .kind = MS_SETTING_##kind_,                                               \
                         .standard = standard_,                                                    \
                         .low = low_,                                                              \
                         .high = high_,                                                            \
                         .unit = unit_,                                                            \
                         .meaning = meaning_},
    MS_SETTINGS(MS_SETTING_ROW)
#undef MS_SETTING_ROW
};

/* The numbers are those of the 256 colours of terminals; the first eight exist everywhere. */
static const struct {
    const char *name;
    int number;
} colour_names[] = {
    {"scheme", MS_COLOUR_OF_SCHEME},
    {"terminal", -1},
    {"black", 0},
    {"red", 1},
    {"green", 2},
    {"yellow", 3},
    {"blue", 4},
    {"magenta", 5},
    {"cyan", 6},
    {"white", 7},
    {"grey", 244},
    {"orange", 208},
};
enum { COLOUR_NAMES = sizeof colour_names / sizeof colour_names[0] };

const struct ms_setting_info *ms_setting_info(enum ms_setting setting)
{
    return &infos[setting];
}

enum ms_setting ms_setting_find(const char *section, const char *name)
{
    int found = 0;
    while (found < MS_SETTING_TOTAL &&
           (strcmp(infos[found].section, section) != 0 || strcmp(infos[found].name, name) != 0)) {
        found++;
    }
    return (enum ms_setting)found;
}

static bool take_number(const struct ms_setting_info *info, const char *text, double *value,
                        char *why, size_t size)
{
    char *end;
    const double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < info->low ||
        number > info->high) {
        snprintf(why, size, "give a number from %g to %g%s%s", info->low, info->high,
                 *info->unit != '\0' ? " " : "", info->unit);
        return false;
    }
    *value = number;
    return true;
}

static bool take_word(const struct ms_setting_info *info, const char *text, double *value,
                      char *why, size_t size)
{
    const size_t length = strlen(text);
    int position = 0;
    for (const char *at = info->unit; *at != '\0'; position++) {
        const size_t word = strcspn(at, "|");
        if (word == length && memcmp(at, text, word) == 0) {
            *value = position;
            return true;
        }
        at += word + (at[word] == '|' ? 1 : 0);
    }
    snprintf(why, size, "give one of %s", info->unit);
    return false;
}

static bool take_colour(const char *text, double *value, char *why, size_t size)
{
    for (int i = 0; i < COLOUR_NAMES; i++) {
        if (strcmp(colour_names[i].name, text) == 0) {
            *value = colour_names[i].number;
            return true;
        }
    }
    const struct ms_setting_info number = {.low = 0, .high = 255, .unit = ""};
    double parsed;
    if (take_number(&number, text, &parsed, why, size) && parsed == floor(parsed)) {
        *value = parsed;
        return true;
    }
    snprintf(why, size, "give scheme, terminal, the name of a colour, or its number, 0 to 255");
    return false;
}

static bool find_metric(const char *name, size_t length, enum ms_metric *metric)
{
    for (int id = 0; id < MS_METRIC_TOTAL; id++) {
        const char *known = ms_metric_info((enum ms_metric)id)->name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) {
            *metric = (enum ms_metric)id;
            return true;
        }
    }
    return false;
}

static bool take_metrics(struct ms_settings *settings, const char *text, char *why, size_t size)
{
    static const char separators[] = " \t,";
    enum ms_metric columns[MS_COLUMNS_MAX];
    size_t count = 0;
    for (const char *at = text + strspn(text, separators); *at != '\0';) {
        const size_t length = strcspn(at, separators);
        enum ms_metric metric;
        if (!find_metric(at, length, &metric)) {
            snprintf(why, size, "'%.*s' is not a metric; memscope-top(7) lists them",
                     (int)(length < 40 ? length : 40), at);
            return false;
        }
        bool repeated = false;
        for (size_t i = 0; i < count; i++) {
            repeated = repeated || columns[i] == metric;
        }
        if (!repeated && count < MS_COLUMNS_MAX) {
            columns[count++] = metric;
        }
        at += length;
        at += strspn(at, separators);
    }
    if (count == 0) {
        snprintf(why, size, "give metric names separated by spaces");
        return false;
    }
    memcpy(settings->columns, columns, count * sizeof columns[0]);
    settings->column_count = count;
    return true;
}

bool ms_settings_set(struct ms_settings *settings, enum ms_setting setting, const char *text,
                     char *why, size_t size)
{
    const struct ms_setting_info *info = &infos[setting];
    double *value = &settings->values[setting];
    enum ms_metric metric;
    switch (info->kind) {
    case MS_SETTING_NUMBER:
        return take_number(info, text, value, why, size);
    case MS_SETTING_CHOICE:
        return take_word(info, text, value, why, size);
    case MS_SETTING_COLOUR:
        return take_colour(text, value, why, size);
    case MS_SETTING_METRICS:
        return take_metrics(settings, text, why, size);
    case MS_SETTING_METRIC:
        break;
    }
    if (!find_metric(text, strlen(text), &metric)) {
        snprintf(why, size, "give the name of a metric such as peak_bytes (see memscope-top(7))");
        return false;
    }
    *value = metric;
    return true;
}

void ms_settings_default(struct ms_settings *settings)
{
    char why[128];
    memset(settings, 0, sizeof *settings);
    for (int setting = 0; setting < MS_SETTING_TOTAL; setting++) {
        (void)ms_settings_set(settings, (enum ms_setting)setting, infos[setting].standard, why,
                              sizeof why);
    }
}

static void word_at(const char *words, int position, char *out, size_t size)
{
    for (; position > 0; position--) {
        words += strcspn(words, "|");
        words += *words == '|' ? 1 : 0;
    }
    snprintf(out, size, "%.*s", (int)strcspn(words, "|"), words);
}

static void colour_text(int number, char *out, size_t size)
{
    for (int i = 0; i < COLOUR_NAMES; i++) {
        if (colour_names[i].number == number) {
            snprintf(out, size, "%s", colour_names[i].name);
            return;
        }
    }
    snprintf(out, size, "%d", number);
}

char *ms_settings_text(const struct ms_settings *settings, enum ms_setting setting, char *out,
                       size_t size)
{
    const double value = settings->values[setting];
    size_t used = 0;
    out[0] = '\0';
    switch (infos[setting].kind) {
    case MS_SETTING_NUMBER:
        snprintf(out, size, "%.15g", value);
        break;
    case MS_SETTING_CHOICE:
        word_at(infos[setting].unit, (int)value, out, size);
        break;
    case MS_SETTING_COLOUR:
        colour_text((int)value, out, size);
        break;
    case MS_SETTING_METRIC:
        snprintf(out, size, "%s", ms_metric_info((enum ms_metric)value)->name);
        break;
    case MS_SETTING_METRICS:
        for (size_t i = 0; i < settings->column_count && used < size; i++) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "",
                                     ms_metric_info(settings->columns[i])->name);
        }
        break;
    }
    return out;
}

bool ms_settings_is_default(const struct ms_settings *settings, enum ms_setting setting)
{
    struct ms_settings standard;
    ms_settings_default(&standard);
    if (infos[setting].kind == MS_SETTING_METRICS) {
        return settings->column_count == standard.column_count &&
               memcmp(settings->columns, standard.columns,
                      standard.column_count * sizeof standard.columns[0]) == 0;
    }
    return settings->values[setting] == standard.values[setting];
}

/* ..., 0.5, 1, 2, 5, 10, 20, ...: the next of these above the value; as doubles print them. */
static double next_round(double value)
{
    if (value <= 0) {
        return 0.1;
    }
    double power = pow(10, floor(log10(value) + 1e-9));
    const double steps[] = {1, 2, 5, 10, 20};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const double candidate = steps[i] * power;
        if (candidate > value * (1 + 1e-9)) {
            return candidate;
        }
    }
    return 10 * power;
}

static double previous_round(double value)
{
    if (value <= 0.1) {
        return 0;
    }
    const double power = pow(10, floor(log10(value) + 1e-9) - 1);
    const double steps[] = {50, 20, 10, 5, 2};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const double candidate = steps[i] * power;
        if (candidate < value * (1 - 1e-9)) {
            return candidate;
        }
    }
    return power;
}

static double within(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

void ms_settings_step(struct ms_settings *settings, enum ms_setting setting, int by)
{
    const struct ms_setting_info *info = &infos[setting];
    double *value = &settings->values[setting];
    int count = 1;
    switch (info->kind) {
    case MS_SETTING_NUMBER:
        *value =
            within(by > 0 ? next_round(*value) : previous_round(*value), info->low, info->high);
        break;
    case MS_SETTING_CHOICE:
        for (const char *at = info->unit; *at != '\0'; at++) {
            count += *at == '|' ? 1 : 0;
        }
        *value = ((int)*value + by + count) % count;
        break;
    case MS_SETTING_COLOUR: {
        int at = 0;
        for (int i = 0; i < COLOUR_NAMES; i++) {
            at = colour_names[i].number == (int)*value ? i : at;
        }
        *value = colour_names[(at + by + COLOUR_NAMES) % COLOUR_NAMES].number;
        break;
    }
    case MS_SETTING_METRIC:
        *value = ((int)*value + by + MS_METRIC_TOTAL) % MS_METRIC_TOTAL;
        break;
    case MS_SETTING_METRICS:
        break; /* is typed */
    }
}

struct ms_thresholds ms_settings_thresholds(const struct ms_settings *settings)
{
    const double *values = settings->values;
    const double mega = 1e6;
    return (struct ms_thresholds){
        .relative = values[MS_SETTING_THRESHOLDS] == 0,
        .waiting_pct = values[MS_SETTING_WAITING_PCT],
        .memory_peak_bytes = (uint64_t)(values[MS_SETTING_MEMORY_PEAK] * mega),
        .memory_allocations = (uint64_t)values[MS_SETTING_MEMORY_COUNT],
        .cpu_pct = values[MS_SETTING_CPU_PCT],
        .io_operations = (uint64_t)values[MS_SETTING_IO_CALLS],
        .balanced_allocations = (uint64_t)values[MS_SETTING_BALANCED_COUNT],
        .alert_high_bytes = (uint64_t)(values[MS_SETTING_HIGH_PEAK] * mega),
        .alert_medium_bytes = (uint64_t)(values[MS_SETTING_MEDIUM_PEAK] * mega),
        .alert_high_cpu_pct = values[MS_SETTING_HIGH_CPU],
        .alert_medium_cpu_pct = values[MS_SETTING_MEDIUM_CPU],
        .role_window_ns = (uint64_t)(values[MS_SETTING_ROLE_WINDOW] * (double)MS_SECOND_NS),
        .role_hold_ns = (uint64_t)(values[MS_SETTING_ROLE_HOLD] * (double)MS_SECOND_NS),
        .role_margin = values[MS_SETTING_ROLE_MARGIN] / 100,
    };
}

void ms_settings_colours(const struct ms_settings *settings, int colours[MS_COLOUR_COUNT])
{
    static const struct {
        enum ms_colour colour;
        enum ms_setting setting;
    } own[] = {
        {MS_COLOUR_WAITING, MS_SETTING_WAITING},
        {MS_COLOUR_MEMORY, MS_SETTING_MEMORY},
        {MS_COLOUR_CPU, MS_SETTING_CPU},
        {MS_COLOUR_IO, MS_SETTING_IO},
        {MS_COLOUR_BALANCED, MS_SETTING_BALANCED},
        {MS_COLOUR_LIGHT, MS_SETTING_LIGHT},
        {MS_COLOUR_ALERT_HIGH, MS_SETTING_ALERT_HIGH},
        {MS_COLOUR_ALERT_MEDIUM, MS_SETTING_ALERT_MEDIUM},
        {MS_COLOUR_GRAPH, MS_SETTING_GRAPH},
        {MS_COLOUR_TITLE, MS_SETTING_TITLE},
    };
    for (int i = 0; i < MS_COLOUR_COUNT; i++) {
        colours[i] = MS_COLOUR_OF_SCHEME;
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        colours[own[i].colour] = (int)settings->values[own[i].setting];
    }
}

void ms_settings_write(const struct ms_settings *settings,
                       void (*put)(void *context, const char *text), void *context)
{
    const char *section = "";
    char value[2048];
    char line[4096];
    put(context, "# memscope-top: lines that start with # show the defaults.\n");
    for (int id = 0; id < MS_SETTING_TOTAL; id++) {
        const enum ms_setting setting = (enum ms_setting)id;
        const struct ms_setting_info *info = &infos[id];
        if (strcmp(info->section, section) != 0) {
            section = info->section;
            snprintf(line, sizeof line, "\n[%s]\n", section);
            put(context, line);
        }
        const bool unit = *info->unit != '\0';
        snprintf(line, sizeof line, "# %s%s%s%s\n%s%s = %s\n", info->meaning, unit ? " (" : "",
                 info->unit, unit ? ")" : "", ms_settings_is_default(settings, setting) ? "#" : "",
                 info->name, ms_settings_text(settings, setting, value, sizeof value));
        put(context, line);
    }
}
