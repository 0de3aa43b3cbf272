#include "analysis/efficiency.h"

#include <math.h>
#include <stdio.h>

#include "model/format.h"

static const struct ms_efficiency_part_info infos[MS_EFFICIENCY_TOTAL] = {
#define MS_EFFICIENCY_ROW(id, name_, word_, weight_, formula_)                                     \
    [MS_EFFICIENCY_##id] = {.name = name_, .word = word_, .formula = formula_, .weight = weight_},
    MS_EFFICIENCY_PARTS(MS_EFFICIENCY_ROW)
#undef MS_EFFICIENCY_ROW
};

const struct ms_efficiency_part_info *ms_efficiency_part_info(enum ms_efficiency_part part)
{
    return &infos[part];
}

/* a / (a + b), NaN when one is not known or there is nothing of either. */
static double share(double a, double b)
{
    return a + b > 0 ? a / (a + b) : (double)NAN;
}

static double overhead_of(const struct ms_time_use *use)
{
    const double calls = use->files + use->sockets;
    if (isnan(calls)) {
        return use->system;
    }
    return use->system > calls ? use->system - calls : 0;
}

static void set_parts(struct ms_efficiency *efficiency, const struct ms_time_use *use)
{
    const double overhead = overhead_of(use);
    efficiency->parts[MS_EFFICIENCY_CPU] = share(use->cpu - overhead, overhead);
    efficiency->parts[MS_EFFICIENCY_WAITING] = share(use->cpu, use->run_queue);
    efficiency->parts[MS_EFFICIENCY_IO] = share(use->cpu, use->files_blocked);
    efficiency->parts[MS_EFFICIENCY_CHURN] =
        share(use->cpu, use->temporary * (MS_EFFICIENCY_TEMPORARY_NS / 1e9));
}

static void reason_of(char *out, size_t size, enum ms_efficiency_part part,
                      const struct ms_time_use *use)
{
    char count[MS_FORMAT_MAX];
    switch (part) {
    case MS_EFFICIENCY_CPU:
        (void)snprintf(out, size, "%.0f %% of its CPU time is kernel time%s",
                       100 * overhead_of(use) / use->cpu,
                       isnan(use->files + use->sockets) ? "" : " that no I/O call explains");
        return;
    case MS_EFFICIENCY_WAITING:
        (void)snprintf(out, size, "waiting for a core %.0f %% of its runnable time",
                       100 * use->run_queue / (use->cpu + use->run_queue));
        return;
    case MS_EFFICIENCY_IO:
        (void)snprintf(out, size, "blocked in calls on files %.0f %% of %s time",
                       100 * use->files_blocked / (use->threads > 1 ? use->threads : 1),
                       use->threads > 1 ? "its threads'" : "the");
        return;
    case MS_EFFICIENCY_CHURN:
        (void)snprintf(out, size, "%s temporary allocations per second on a core",
                       ms_format_count(count, sizeof(count), use->temporary / use->cpu));
        return;
    case MS_EFFICIENCY_TOTAL:
        break;
    }
    out[0] = '\0';
}

/* Which part lowers the score the most; MS_EFFICIENCY_TOTAL: none does by a hundredth. */
static enum ms_efficiency_part worst_of(const struct ms_efficiency *efficiency)
{
    enum ms_efficiency_part worst = MS_EFFICIENCY_TOTAL;
    double least = 0.99;
    for (int i = 0; i < MS_EFFICIENCY_TOTAL; i++) {
        const double factor = pow(efficiency->parts[i], infos[i].weight);
        if (factor < least) {
            least = factor;
            worst = (enum ms_efficiency_part)i;
        }
    }
    return worst;
}

static void write_sentence(struct ms_efficiency *efficiency, const struct ms_time_use *use)
{
    char *out = efficiency->sentence;
    const size_t size = sizeof(efficiency->sentence);
    const enum ms_efficiency_part worst = worst_of(efficiency);
    int used = 0;
    if (worst == MS_EFFICIENCY_TOTAL) {
        used = snprintf(out, size, "nothing lost, as far as known");
    } else {
        char reason[100];
        reason_of(reason, sizeof(reason), worst, use);
        used = snprintf(out, size, "%s: %s", infos[worst].word, reason);
    }
    const char *separator = "; not known: ";
    for (int i = 0; i < MS_EFFICIENCY_TOTAL && used > 0 && (size_t)used < size; i++) {
        if (isnan(efficiency->parts[i])) {
            used += snprintf(out + used, size - (size_t)used, "%s%s", separator, infos[i].word);
            separator = ", ";
        }
    }
}

struct ms_efficiency ms_efficiency_of_use(const struct ms_time_use *use)
{
    struct ms_efficiency efficiency = {.score = (double)NAN};
    const double busy = use->cpu + (isnan(use->run_queue) ? 0 : use->run_queue) +
                        (isnan(use->files_blocked) ? 0 : use->files_blocked);
    for (int i = 0; i < MS_EFFICIENCY_TOTAL; i++) {
        efficiency.parts[i] = (double)NAN;
    }
    if (isnan(busy)) {
        (void)snprintf(efficiency.sentence, sizeof(efficiency.sentence),
                       "no score: its CPU time is not known%s", use->span_ns == 0 ? " yet" : "");
        return efficiency;
    }
    if (busy * (double)use->span_ns < (double)MS_EFFICIENCY_LEAST_NS) {
        (void)snprintf(efficiency.sentence, sizeof(efficiency.sentence),
                       "no score: it did almost nothing in %.0f s", (double)use->span_ns / 1e9);
        return efficiency;
    }
    set_parts(&efficiency, use);
    double product = 1;
    for (int i = 0; i < MS_EFFICIENCY_TOTAL; i++) {
        product *= isnan(efficiency.parts[i]) ? 1 : pow(efficiency.parts[i], infos[i].weight);
    }
    efficiency.score = 100 * product;
    write_sentence(&efficiency, use);
    return efficiency;
}

struct ms_efficiency ms_efficiency_of_thread(const struct ms_model *model,
                                             const struct ms_thread *thread)
{
    const struct ms_time_use use = ms_time_use_of_thread(model, thread);
    return ms_efficiency_of_use(&use);
}

struct ms_efficiency ms_efficiency_of_process(const struct ms_model *model,
                                              const struct ms_process *process)
{
    const struct ms_time_use use = ms_time_use_of_process(model, process);
    return ms_efficiency_of_use(&use);
}
