#include "cli/rules.h"

#include <string.h>

#include "cli/session.h"
#include "model/format.h"

/* "likely_leak_bytes>1M: is 3.21MB"; exactly, too, where a reader would wonder. */
static void tell_value(enum ms_session_metric metric, double value)
{
    char text[MS_FORMAT_MAX];
    const enum ms_unit unit = ms_session_metric_unit(metric);
    ms_format_value(text, sizeof text, ms_value_of(value), unit);
    fprintf(stderr, "is %s%s", text, unit == MS_UNIT_PERCENT ? "%" : "");
    if (value >= 1000 && (unit == MS_UNIT_BYTES || unit == MS_UNIT_COUNT)) {
        fprintf(stderr, " (%.0f)", value);
    }
}

static void tell_because(const char *before, const char *because, const char *after)
{
    char safe[256];
    if (because != NULL && *because != '\0') {
        ms_format_safe(safe, sizeof safe, because, strlen(because), false);
        fprintf(stderr, "%s%s%s", before, safe, after);
    }
}

/* Whether a rule fails the run. */
static bool check(const struct ms_rule *rule, const struct ms_model *model,
                  const struct ms_findings *findings)
{
    double value;
    const char *because;
    const enum ms_rule_result result = ms_rule_session(rule, model, findings, &value, &because);
    if (result == MS_RULE_HOLDS_NOT && because == NULL) {
        return false;
    }
    fprintf(stderr, "memscope-top: --fail-on %s: ", rule->text);
    if (result == MS_RULE_UNKNOWN) {
        fputs("cannot be checked", stderr);
        tell_because(": ", because, "");
    } else {
        tell_value((enum ms_session_metric)rule->metric, value);
        tell_because(", ", because, "");
        fputs(result == MS_RULE_HOLDS_NOT ? "; passed" : "", stderr);
    }
    fputc('\n', stderr);
    return result != MS_RULE_HOLDS_NOT;
}

int ms_rules_check(const struct ms_options *options, const struct ms_model *model,
                   const struct ms_findings *findings, int status)
{
    bool failed = false;
    for (size_t i = 0; i < options->fail_rule_count; i++) {
        failed |= check(&options->fail_rules[i], model, findings);
    }
    return failed && status != MS_EXIT_FAILURE ? MS_EXIT_RULE : status;
}
