#include "analysis/judge.h"

#include <math.h>
#include <stdio.h>

#include "model/format.h"

char ms_role_letter(enum ms_role role)
{
    static const char letters[] = {
#define MS_ROLE_LETTER(id, letter, name, word) [MS_ROLE_##id] = letter,
        MS_ROLES(MS_ROLE_LETTER)
#undef MS_ROLE_LETTER
    };
    return letters[role];
}

const char *ms_role_name(enum ms_role role)
{
    static const char *const names[] = {
#define MS_ROLE_NAME(id, letter, name, word) [MS_ROLE_##id] = name,
        MS_ROLES(MS_ROLE_NAME)
#undef MS_ROLE_NAME
    };
    return names[role];
}

const char *ms_role_word(enum ms_role role)
{
    static const char *const words[] = {
#define MS_ROLE_WORD(id, letter, name, word) [MS_ROLE_##id] = word,
        MS_ROLES(MS_ROLE_WORD)
#undef MS_ROLE_WORD
    };
    return words[role];
}

const char *ms_alert_name(enum ms_alert alert)
{
    static const char *const names[] = {
        [MS_ALERT_NORMAL] = "normal",
        [MS_ALERT_MEDIUM] = "medium",
        [MS_ALERT_HIGH] = "high",
    };
    return names[alert];
}

const char *ms_findings_waiting_unavailable(void)
{
    return "waits for locks are not measured";
}

struct ms_thresholds ms_thresholds_default(void)
{
    return (struct ms_thresholds){
        .relative = true,
        .waiting_pct = 50,
        .memory_peak_bytes = 18000000,
        .memory_allocations = 1200,
        .cpu_pct = 25,
        .io_operations = 2000,
        .balanced_allocations = 1000,
        .alert_high_bytes = 20000000,
        .alert_medium_bytes = 15000000,
        .alert_high_cpu_pct = 30,
        .alert_medium_cpu_pct = 20,
        .role_window_ns = 10 * MS_SECOND_NS,
        .role_hold_ns = 3 * MS_SECOND_NS,
        .role_margin = 0.10,
    };
}

double ms_mean_of_others(double sum, size_t count, double own)
{
    if (isnan(own)) {
        return count > 0 ? sum / (double)count : NAN;
    }
    return count > 1 ? (sum - own) / (double)(count - 1) : NAN;
}

/* Comparisons with NaN are false: what is not known fulfils no condition. */
static bool role_holds(enum ms_role role, const struct ms_judged_figures *figures,
                       const struct ms_thresholds *thresholds, double factor)
{
    switch (role) {
    case MS_ROLE_MEMORY:
        return figures->peak_bytes > (double)thresholds->memory_peak_bytes * factor &&
               figures->allocations > (double)thresholds->memory_allocations * factor;
    case MS_ROLE_CPU:
        return figures->cpu_pct > thresholds->cpu_pct * factor;
    case MS_ROLE_IO:
        return figures->io_operations > (double)thresholds->io_operations * factor;
    case MS_ROLE_BALANCED:
        return figures->allocations >= (double)thresholds->balanced_allocations * factor;
    case MS_ROLE_LIGHTWEIGHT:
        return true;
    case MS_ROLE_WAITING: /* ms_findings_waiting_unavailable */
    case MS_ROLE_TOTAL:
        break;
    }
    return false;
}

enum ms_role ms_role_of(const struct ms_judged_figures *figures,
                        const struct ms_thresholds *thresholds, enum ms_role current, double margin)
{
    for (int i = 0; i < MS_ROLE_TOTAL; i++) {
        const enum ms_role role = (enum ms_role)i;
        const double factor = role == current ? 1 - margin : 1 + margin;
        if (role_holds(role, figures, thresholds, factor)) {
            return role;
        }
    }
    return MS_ROLE_LIGHTWEIGHT;
}

static const char *sign(double figure, double limit)
{
    return figure > limit ? ">" : figure < limit ? "<" : "=";
}

static char *percent(char *out, size_t size, double pct)
{
    if (isnan(pct)) {
        (void)snprintf(out, size, "n/a");
    } else {
        (void)snprintf(out, size, "%.1f%%", pct);
    }
    return out;
}

static void lightweight_reason(char *out, size_t size, const struct ms_judged_figures *figures,
                               const char *span)
{
    char peak[MS_FORMAT_MAX];
    char cpu[MS_FORMAT_MAX];
    char io[MS_FORMAT_MAX];
    char allocations[MS_FORMAT_MAX];
    (void)snprintf(out, size,
                   "below all limits%s: peak %s, %s allocations, CPU %s, %s I/O operations", span,
                   ms_format_bytes(peak, sizeof(peak), figures->peak_bytes),
                   ms_format_count(allocations, sizeof(allocations), figures->allocations),
                   percent(cpu, sizeof(cpu), figures->cpu_pct),
                   ms_format_count(io, sizeof(io), figures->io_operations));
}

void ms_role_reason(char *out, size_t size, enum ms_role role,
                    const struct ms_judged_figures *figures, const struct ms_thresholds *thresholds,
                    const char *span)
{
    const double peak_limit = (double)thresholds->memory_peak_bytes;
    const double allocations_limit = (double)thresholds->memory_allocations;
    const double io_limit = (double)thresholds->io_operations;
    const double balanced_limit = (double)thresholds->balanced_allocations;
    /* Inside the margin a role stays although the plain limit says otherwise. */
    const char *held = role_holds(role, figures, thresholds, 1) ? "" : " (kept: not clearly out)";
    char a[MS_FORMAT_MAX];
    char b[MS_FORMAT_MAX];
    char c[MS_FORMAT_MAX];
    switch (role) {
    case MS_ROLE_MEMORY:
        (void)snprintf(
            out, size, "peak %s %s %s and %s allocations %s %.0f%s%s",
            ms_format_bytes(a, sizeof(a), figures->peak_bytes),
            sign(figures->peak_bytes, peak_limit), ms_format_bytes(b, sizeof(b), peak_limit),
            ms_format_count(c, sizeof(c), figures->allocations),
            sign(figures->allocations, allocations_limit), allocations_limit, span, held);
        return;
    case MS_ROLE_CPU:
        (void)snprintf(out, size, "CPU %s %s %.0f%%%s%s", percent(a, sizeof(a), figures->cpu_pct),
                       sign(figures->cpu_pct, thresholds->cpu_pct), thresholds->cpu_pct, span,
                       held);
        return;
    case MS_ROLE_IO:
        (void)snprintf(out, size, "%s I/O operations %s %.0f%s%s",
                       ms_format_count(a, sizeof(a), figures->io_operations),
                       sign(figures->io_operations, io_limit), io_limit, span, held);
        return;
    case MS_ROLE_BALANCED:
        (void)snprintf(out, size, "%s allocations %s %.0f%s, no other limit passed%s",
                       ms_format_count(a, sizeof(a), figures->allocations),
                       sign(figures->allocations, balanced_limit), balanced_limit, span, held);
        return;
    case MS_ROLE_LIGHTWEIGHT:
    case MS_ROLE_WAITING:
    case MS_ROLE_TOTAL:
        break;
    }
    lightweight_reason(out, size, figures, span);
}

static bool passes(double figure, double limit, double mean_of_others, bool relative)
{
    return figure > limit && (!relative || isnan(mean_of_others) || figure > 2 * mean_of_others);
}

static void alert_reason(char *out, size_t size, const char *figure, const char *limit,
                         const char *others, bool relative)
{
    if (relative) {
        (void)snprintf(out, size, "%s > %s and twice the mean of other threads (%s)", figure, limit,
                       others);
    } else {
        (void)snprintf(out, size, "%s > %s", figure, limit);
    }
}

static bool alert_at(const struct ms_judged_figures *figures, const struct ms_others *others,
                     bool relative, uint64_t bytes_limit, double cpu_limit, char *reason,
                     size_t size)
{
    char figure[MS_FORMAT_MAX + 8];
    char limit[MS_FORMAT_MAX];
    char mean[MS_FORMAT_MAX];
    if (passes(figures->peak_bytes, (double)bytes_limit, others->peak_bytes, relative)) {
        char bytes[MS_FORMAT_MAX];
        (void)snprintf(figure, sizeof(figure), "peak %s",
                       ms_format_bytes(bytes, sizeof(bytes), figures->peak_bytes));
        alert_reason(reason, size, figure,
                     ms_format_bytes(limit, sizeof(limit), (double)bytes_limit),
                     ms_format_bytes(mean, sizeof(mean), others->peak_bytes),
                     relative && !isnan(others->peak_bytes));
        return true;
    }
    if (figures->cpu_span_ns >= MS_ALERT_CPU_SPAN_NS &&
        passes(figures->cpu_pct, cpu_limit, others->cpu_pct, relative)) {
        char pct[MS_FORMAT_MAX];
        (void)snprintf(figure, sizeof(figure), "CPU %s",
                       percent(pct, sizeof(pct), figures->cpu_pct));
        alert_reason(reason, size, figure, percent(limit, sizeof(limit), cpu_limit),
                     percent(mean, sizeof(mean), others->cpu_pct),
                     relative && !isnan(others->cpu_pct));
        return true;
    }
    return false;
}

enum ms_alert ms_alert_of(const struct ms_judged_figures *figures, const struct ms_others *others,
                          const struct ms_thresholds *thresholds, char *reason, size_t size)
{
    reason[0] = '\0';
    if (alert_at(figures, others, thresholds->relative, thresholds->alert_high_bytes,
                 thresholds->alert_high_cpu_pct, reason, size)) {
        return MS_ALERT_HIGH;
    }
    if (alert_at(figures, others, thresholds->relative, thresholds->alert_medium_bytes,
                 thresholds->alert_medium_cpu_pct, reason, size)) {
        return MS_ALERT_MEDIUM;
    }
    return MS_ALERT_NORMAL;
}
