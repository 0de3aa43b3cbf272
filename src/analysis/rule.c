#include "analysis/rule.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/ranking.h"
#include "model/edit_distance.h"
#include "model/format.h"
#include "model/metric.h"

static const struct {
    const char *name;
    enum ms_unit unit;
    const char *what;
} session_metrics[MS_SESSION_METRIC_TOTAL] = {
#define METRIC_ROW(id, name, unit, what) {name, MS_UNIT_##unit, what},
    MS_SESSION_METRICS(METRIC_ROW)
#undef METRIC_ROW
};

static int metric_total(enum ms_rule_of of)
{
    return of == MS_RULE_OF_SESSION ? MS_SESSION_METRIC_TOTAL : MS_RANK_TOTAL;
}

static const char *metric_name(enum ms_rule_of of, int metric)
{
    return of == MS_RULE_OF_SESSION ? session_metrics[metric].name : ms_rank_name(metric);
}

static enum ms_unit metric_unit(enum ms_rule_of of, int metric)
{
    return of == MS_RULE_OF_SESSION ? session_metrics[metric].unit : ms_rank_unit(metric);
}

static int metric_by_name(enum ms_rule_of of, const char *name)
{
    int metric = 0;
    while (metric < metric_total(of) && strcmp(metric_name(of, metric), name) != 0) {
        metric++;
    }
    return metric;
}

/* A name that holds the other one is nearer than any that must be changed, and what begins like the
 * first words of a name is near. */
static size_t distance(const char *typed, const char *name)
{
    size_t beginnings[MS_EDIT_NAME_MAX + 1];
    if (strlen(typed) >= 3 && strstr(name, typed) != NULL) {
        return 1;
    }
    size_t least = ms_edit_distance(typed, name, beginnings);
    for (size_t x = 1; x < strnlen(name, MS_EDIT_NAME_MAX); x++) {
        least = name[x] == '_' && beginnings[x] + 1 < least ? beginnings[x] + 1 : least;
    }
    return least;
}

static const char *nearest_name(enum ms_rule_of of, const char *typed)
{
    const char *nearest = metric_name(of, 0);
    size_t least = SIZE_MAX;
    for (int metric = 0; metric < metric_total(of); metric++) {
        const size_t here = distance(typed, metric_name(of, metric));
        if (here < least) {
            least = here;
            nearest = metric_name(of, metric);
        }
    }
    return nearest;
}

static int refuse_name(enum ms_rule_of of, const char *typed, char *error, size_t error_bytes)
{
    const bool session = of == MS_RULE_OF_SESSION;
    const enum ms_rule_of other = session ? MS_RULE_OF_THREAD : MS_RULE_OF_SESSION;
    snprintf(error, error_bytes, "'%s' is %s; the nearest metric of %s is %s", typed,
             metric_by_name(other, typed) == metric_total(other) ? "no metric"
             : session                                           ? "a metric of threads"
                                                                 : "a metric of a whole session",
             session ? "a session" : "threads", nearest_name(of, typed));
    return -EINVAL;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* Past it, or NULL: there is none. */
static const char *read_comparison(const char *text, enum ms_comparison *out)
{
    static const struct {
        const char *sign;
        enum ms_comparison comparison;
    } signs[] = {{"<=", MS_AT_MOST}, {">=", MS_AT_LEAST}, {"==", MS_EQUAL},
                 {"!=", MS_UNEQUAL}, {"<", MS_LESS},      {">", MS_MORE}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        const size_t bytes = strlen(signs[i].sign);
        if (strncmp(text, signs[i].sign, bytes) == 0) {
            *out = signs[i].comparison;
            return text + bytes;
        }
    }
    return NULL;
}

enum dimension { OF_NUMBER = 1, OF_BYTES = 2, OF_PERCENT = 4, OF_RATIO = 8, OF_TIME = 16 };

static const char *dimension_words(enum dimension dimension)
{
    switch (dimension) {
    case OF_BYTES:
        return "bytes, as 1M or 512Ki";
    case OF_PERCENT:
        return "a percentage, as 50%";
    case OF_RATIO:
        return "a ratio, as 0.5 or 50%";
    case OF_TIME:
        return "a time, as 500ms or 2s";
    case OF_NUMBER:
        break;
    }
    return "a number, as 1000 or 1k";
}

static enum dimension dimension_of(enum ms_unit unit)
{
    switch (unit) {
    case MS_UNIT_BYTES:
    case MS_UNIT_BYTES_PER_S:
        return OF_BYTES;
    case MS_UNIT_PERCENT:
        return OF_PERCENT;
    case MS_UNIT_RATIO:
        return OF_RATIO;
    case MS_UNIT_MS:
    case MS_UNIT_US:
        return OF_TIME;
    default:
        return OF_NUMBER;
    }
}

/* What a suffix multiplies by, in the unit of the metric; 0: it does not fit. */
static double factor_of(const char *suffix, enum ms_unit unit)
{
    static const struct {
        const char *suffix;
        unsigned fits;
        double factor; /* times in ms */
    } suffixes[] = {
        {"", OF_NUMBER | OF_BYTES | OF_PERCENT | OF_RATIO | OF_TIME, 1},
        {"k", OF_NUMBER | OF_BYTES, 1e3},
        {"K", OF_NUMBER | OF_BYTES, 1e3},
        {"M", OF_NUMBER | OF_BYTES, 1e6},
        {"G", OF_NUMBER | OF_BYTES, 1e9},
        {"T", OF_NUMBER | OF_BYTES, 1e12},
        {"Ki", OF_NUMBER | OF_BYTES, 1024.0},
        {"Mi", OF_NUMBER | OF_BYTES, 1048576.0},
        {"Gi", OF_NUMBER | OF_BYTES, 1073741824.0},
        {"Ti", OF_NUMBER | OF_BYTES, 1099511627776.0},
        {"%", OF_PERCENT, 1},
        {"%", OF_RATIO, 0.01},
        {"s", OF_TIME, 1e3},
        {"ms", OF_TIME, 1},
        {"us", OF_TIME, 1e-3},
        {"ns", OF_TIME, 1e-6},
    };
    const enum dimension dimension = dimension_of(unit);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if ((suffixes[i].fits & dimension) != 0 && strcmp(suffixes[i].suffix, suffix) == 0) {
            const bool us = unit == MS_UNIT_US && *suffix != '\0';
            return us ? suffixes[i].factor * 1e3 : suffixes[i].factor;
        }
    }
    return 0;
}

/* "M", "MB", "M/s", "MB/s" of what is so counted: all "M". The rest of a text, in `out`. */
static void read_suffix(const char *text, enum ms_unit unit, char *out, size_t size)
{
    size_t bytes = strlen(text);
    while (bytes > 0 && (text[bytes - 1] == ' ' || text[bytes - 1] == '\t')) {
        bytes--;
    }
    const bool rate = unit == MS_UNIT_RATE || unit == MS_UNIT_BYTES_PER_S;
    if (rate && bytes >= 2 && strncmp(text + bytes - 2, "/s", 2) == 0) {
        bytes -= 2;
    }
    if (dimension_of(unit) == OF_BYTES && bytes >= 1 && text[bytes - 1] == 'B') {
        bytes--;
    }
    snprintf(out, size, "%.*s", (int)(bytes < size ? bytes : size - 1), text);
}

static bool read_value(const char *text, enum ms_unit unit, double *out)
{
    char suffix[8];
    char *end;
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits) && *digits != '.') {
        return false; /* strtod() takes "inf" and "nan", too */
    }
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        return false;
    }
    const double number = strtod(text, &end);
    if (end == text || !isfinite(number)) {
        return false;
    }
    read_suffix(skip_blanks(end), unit, suffix, sizeof suffix);
    const double factor = factor_of(suffix, unit);
    *out = number * factor;
    return factor != 0 && isfinite(*out);
}

int ms_rule_parse(const char *text, enum ms_rule_of of, struct ms_rule *rule, char *error,
                  size_t error_bytes)
{
    char safe[sizeof rule->text];
    char name[MS_EDIT_NAME_MAX];
    ms_format_safe(safe, sizeof safe, text, strlen(text), false);
    const char *begin = skip_blanks(text);
    const size_t bytes = strspn(begin, "abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    const char *sign = skip_blanks(begin + bytes);
    const char *value = read_comparison(sign, &rule->comparison);
    if (bytes == 0 || bytes >= sizeof name || value == NULL) {
        snprintf(error, error_bytes,
                 "'%s' is not a rule; give METRIC, one of < <= > >= == !=, and a value, as %s", safe,
                 of == MS_RULE_OF_SESSION ? "'likely_leak_bytes>1M'" : "'efficiency_score<80'");
        return -EINVAL;
    }
    snprintf(name, sizeof name, "%.*s", (int)bytes, begin);
    rule->metric = metric_by_name(of, name);
    if (rule->metric == metric_total(of)) {
        return refuse_name(of, name, error, error_bytes);
    }
    const enum ms_unit unit = metric_unit(of, rule->metric);
    value = skip_blanks(value);
    if (!read_value(value, unit, &rule->value)) {
        char wrong[sizeof safe];
        ms_format_safe(wrong, sizeof wrong, value, strlen(value), false);
        snprintf(error, error_bytes, "'%s' is not a value of %s; give %s", wrong, name,
                 dimension_words(dimension_of(unit)));
        return -EINVAL;
    }
    memcpy(rule->text, safe, sizeof safe);
    return 0;
}

const char *ms_session_metric_name(enum ms_session_metric metric)
{
    return session_metrics[metric].name;
}

enum ms_unit ms_session_metric_unit(enum ms_session_metric metric)
{
    return session_metrics[metric].unit;
}

const char *ms_session_metric_what(enum ms_session_metric metric)
{
    return session_metrics[metric].what;
}

static bool compare(double value, const struct ms_rule *rule)
{
    switch (rule->comparison) {
    case MS_LESS:
        return value < rule->value;
    case MS_AT_MOST:
        return value <= rule->value;
    case MS_MORE:
        return value > rule->value;
    case MS_AT_LEAST:
        return value >= rule->value;
    case MS_EQUAL:
        return value == rule->value;
    case MS_UNEQUAL:
        return value != rule->value;
    }
    return false;
}

enum ms_rule_result ms_rule_session(const struct ms_rule *rule, const struct ms_model *model,
                                    const struct ms_findings *findings, double *value,
                                    const char **because)
{
    const double now =
        ms_session_metric((enum ms_session_metric)rule->metric, model, findings, because);
    if (value != NULL) {
        *value = now;
    }
    return isnan(now) ? MS_RULE_UNKNOWN : compare(now, rule) ? MS_RULE_HOLDS : MS_RULE_HOLDS_NOT;
}

bool ms_rules_thread(const struct ms_rule *rules, size_t count, const struct ms_model *model,
                     const struct ms_findings *findings, const struct ms_thread *thread)
{
    (void)findings;
    for (size_t i = 0; i < count; i++) {
        const struct ms_value value = ms_rank_value(model, thread, rules[i].metric);
        if (!value.available || isnan(value.number) || !compare(value.number, &rules[i])) {
            return false;
        }
    }
    return true;
}
