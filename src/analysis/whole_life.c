/* Judgement of a thread over its whole life: what reports show. */
#include <math.h>
#include <stdio.h>

#include "analysis/judge.h"

static double cpu_pct_of_life(const struct ms_thread *thread, uint64_t now_ns, uint64_t *span_ns)
{
    const struct ms_kernel_thread *kernel = &thread->kernel;
    if ((kernel->have & (MS_HAVE_CPU | MS_HAVE_RUN_QUEUE)) == 0) {
        return NAN;
    }
    const uint64_t end_ns = thread->end_ns != 0 ? thread->end_ns : now_ns;
    uint64_t life_ns = end_ns > thread->start_ns ? end_ns - thread->start_ns : 0;
    if (thread->merged > 0) {
        life_ns = thread->merged_life_ns;
    } else if (thread->start_ns == 0) {
        return NAN;
    }
    *span_ns = life_ns;
    const uint64_t run_ns = (kernel->have & MS_HAVE_RUN_QUEUE) != 0
                                ? kernel->run_ns
                                : kernel->user_ns + kernel->system_ns;
    return life_ns > 0 ? 100.0 * (double)run_ns / (double)life_ns : NAN;
}

static struct ms_judged_figures figures_of_life(const struct ms_thread *thread, uint64_t now_ns)
{
    struct ms_judged_figures figures = {
        .peak_bytes = NAN,
        .allocations = NAN,
        .io_operations = NAN,
    };
    figures.cpu_pct = cpu_pct_of_life(thread, now_ns, &figures.cpu_span_ns);
    const double threads = thread->merged > 0 ? (double)thread->merged : 1;
    if (thread->probed && thread->tracked) {
        figures.peak_bytes = (double)thread->heap.peak_bytes;
        figures.allocations = (double)thread->heap.allocations / threads;
    }
    if ((thread->kernel.have & MS_HAVE_IO) != 0) {
        figures.io_operations =
            (double)(thread->kernel.read_calls + thread->kernel.write_calls) / threads;
    }
    return figures;
}

struct ms_baseline ms_baseline_of(const struct ms_model *model)
{
    struct ms_baseline baseline = {.now_ns = ms_model_now_ns(model)};
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->merged > 0) {
            continue;
        }
        const struct ms_judged_figures figures = figures_of_life(thread, baseline.now_ns);
        if (!isnan(figures.peak_bytes)) {
            baseline.peak_bytes_sum += figures.peak_bytes;
            baseline.peak_bytes_count++;
        }
        if (!isnan(figures.cpu_pct)) {
            baseline.cpu_pct_sum += figures.cpu_pct;
            baseline.cpu_pct_count++;
        }
    }
    return baseline;
}

struct ms_judgement ms_judge_against(const struct ms_thresholds *thresholds,
                                     const struct ms_baseline *baseline,
                                     const struct ms_thread *thread)
{
    const struct ms_judged_figures figures = figures_of_life(thread, baseline->now_ns);
    const bool counted = thread->merged == 0;
    const struct ms_others others = {
        .peak_bytes = ms_mean_of_others(baseline->peak_bytes_sum, baseline->peak_bytes_count,
                                        counted ? figures.peak_bytes : NAN),
        .cpu_pct = ms_mean_of_others(baseline->cpu_pct_sum, baseline->cpu_pct_count,
                                     counted ? figures.cpu_pct : NAN),
    };
    struct ms_judgement judgement = {.thread_id = thread->id};
    judgement.role = ms_role_of(&figures, thresholds, MS_ROLE_TOTAL, 0);
    ms_role_reason(judgement.role_reason, sizeof(judgement.role_reason), judgement.role, &figures,
                   thresholds, "");
    judgement.alert = ms_alert_of(&figures, &others, thresholds, judgement.alert_reason,
                                  sizeof(judgement.alert_reason));
    return judgement;
}

struct ms_judgement ms_judge_whole_life(const struct ms_thresholds *thresholds,
                                        const struct ms_model *model,
                                        const struct ms_thread *thread)
{
    const struct ms_baseline baseline = ms_baseline_of(model);
    return ms_judge_against(thresholds, &baseline, thread);
}
