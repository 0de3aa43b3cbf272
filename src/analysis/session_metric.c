/* Figures of a whole session, and what is not known of them. */
#include <math.h>

#include "analysis/leaks_growth.h"
#include "analysis/rule.h"

/* `because` says of a known figure what it leaves out. */
static double known(double figure, const char *because, const char **out)
{
    *out = because;
    return figure;
}

static double unknown(const char *because, const char **out)
{
    *out = because;
    return (double)NAN;
}

struct heaps {
    size_t seen, unseen;
    bool all_off, without_stacks;
    const char *because; /* of the first one that was not seen */
};

static struct heaps look(const struct ms_model *model)
{
    struct heaps heaps = {.all_off = true};
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        const bool seen = process->seen != MS_SEEN_NONE || process->totals.allocations > 0;
        heaps.seen += seen;
        if (!seen && !process->replaced_by_exec) {
            heaps.unseen++;
            heaps.because = heaps.because != NULL ? heaps.because : process->seen_because;
        }
        const struct ms_process_tracking *tracking = &process->tracking;
        const bool off = tracking->known && tracking->asked.mode == MS_TRACK_OFF;
        heaps.all_off = heaps.all_off && (!seen || (off && process->totals.allocations == 0));
        heaps.without_stacks = heaps.without_stacks || (seen && tracking->known &&
                                                        tracking->asked.mode == MS_TRACK_COUNTERS);
    }
    return heaps;
}

/* Of memory: whether anything of it is known; then NULL, or what is not. */
static bool memory_known(const struct ms_model *model, const char **because)
{
    const struct heaps heaps = look(model);
    if (heaps.seen == 0) {
        *because =
            heaps.because != NULL && *heaps.because != '\0' ? heaps.because : "no heap was seen";
        return false;
    }
    if (heaps.all_off) {
        *because = "nothing was tracked";
        return false;
    }
    *because = heaps.unseen > 0 ? "without processes whose heap was not seen" : NULL;
    return true;
}

static double of_heap(enum ms_session_metric metric, const struct ms_model *model,
                      const char *because, const char **out)
{
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    switch (metric) {
    case MS_SESSION_METRIC_PEAK_BYTES:
        return known((double)totals.peak_bytes, because, out);
    case MS_SESSION_METRIC_CURRENT_BYTES:
        return known((double)ms_heap_current_bytes(&totals), because, out);
    case MS_SESSION_METRIC_ALLOCATIONS:
        return known((double)totals.allocations, because, out);
    case MS_SESSION_METRIC_BYTES_ALLOCATED:
        return known((double)totals.bytes_allocated, because, out);
    case MS_SESSION_METRIC_LOST:
        return known((double)losses.lost, because, out);
    default:
        return totals.allocations == 0
                   ? unknown("nothing was allocated", out)
                   : known(100 * (double)totals.temporary / (double)totals.allocations, because,
                           out);
    }
}

static double of_likely_leaks(enum ms_session_metric metric, const struct ms_model *model,
                              const struct ms_findings *findings, const char *because,
                              const char **out)
{
    if (findings == NULL) {
        return unknown("nothing was judged on the way", out);
    }
    if (look(model).without_stacks) {
        return unknown("tracked without call stacks", out);
    }
    const struct ms_leaks *leaks = ms_findings_leaks(findings);
    double count = 0;
    double bytes = 0;
    for (size_t i = 0; i < ms_leaks_count(leaks); i++) {
        const struct ms_leak *leak = ms_leaks_at(leaks, i);
        count += !leak->suppressed;
        bytes += leak->suppressed ? 0 : (double)leak->leaked_bytes;
    }
    if (ms_model_now_ns(model) - ms_model_start_ns(model) < MS_GROWTH_AGE_MIN_NS) {
        because = "it did not run long enough for a likely leak";
    }
    return known(metric == MS_SESSION_METRIC_LIKELY_LEAKS ? count : bytes, because, out);
}

static double of_not_freed(enum ms_session_metric metric, const struct ms_model *model,
                           const struct ms_findings *findings, const char *because,
                           const char **out)
{
    static const struct ms_scope all;
    const struct ms_not_freed_sum sum =
        ms_not_freed_sum(model, &all, findings != NULL ? ms_findings_suppressions(findings) : NULL);
    if (!sum.known) {
        return unknown("no process whose heap was seen has ended", out);
    }
    because = sum.estimated ? "estimated from a sample" : because;
    return known(metric == MS_SESSION_METRIC_NOT_FREED_BYTES
                     ? (double)(sum.bytes - sum.suppressed_bytes)
                     : (double)(sum.blocks - sum.suppressed_blocks),
                 because, out);
}

static double of_misuses(const struct ms_model *model, const char *because, const char **out)
{
    double count = 0;
    for (size_t i = 0; i < ms_model_misuse_count(model); i++) {
        const struct ms_misuse *misuse = ms_model_misuse(model, i);
        count += misuse->kind != MS_MISUSE_OTHER_LIBRARY ? (double)misuse->count : 0;
    }
    return known(count, because, out);
}

static double of_memory(enum ms_session_metric metric, const struct ms_model *model,
                        const struct ms_findings *findings, const char **out)
{
    const char *because;
    if (!memory_known(model, &because)) {
        return unknown(because, out);
    }
    switch (metric) {
    case MS_SESSION_METRIC_LIKELY_LEAKS:
    case MS_SESSION_METRIC_LIKELY_LEAK_BYTES:
        return of_likely_leaks(metric, model, findings, because, out);
    case MS_SESSION_METRIC_NOT_FREED_BYTES:
    case MS_SESSION_METRIC_NOT_FREED_BLOCKS:
        return of_not_freed(metric, model, findings, because, out);
    case MS_SESSION_METRIC_MISUSES:
        return of_misuses(model, because, out);
    default:
        return of_heap(metric, model, because, out);
    }
}

/* CPU time and resident memory, from what the kernel told of each process. */
static double of_kernel(enum ms_session_metric metric, const struct ms_model *model,
                        const char **out)
{
    size_t read = 0;
    size_t unread = 0;
    double cpu_ms = 0;
    uint64_t peak_rss_bytes = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        const struct ms_process_kernel *kernel = &process->kernel;
        const uint64_t cpu_ns = kernel->user_ns + kernel->system_ns;
        if (kernel->have_memory || cpu_ns > 0) {
            read++;
            cpu_ms += (double)cpu_ns / 1e6;
            peak_rss_bytes =
                kernel->peak_rss_bytes > peak_rss_bytes ? kernel->peak_rss_bytes : peak_rss_bytes;
        } else {
            unread += !process->replaced_by_exec;
        }
    }
    if (read == 0) {
        return unknown("it ended before the kernel was asked", out);
    }
    const char *because =
        unread > 0 ? "without processes that ended before the kernel was asked" : NULL;
    return known(metric == MS_SESSION_METRIC_CPU_MS ? cpu_ms : (double)peak_rss_bytes, because,
                 out);
}

static double of_high_alerts(const struct ms_model *model, const struct ms_findings *findings,
                             const char **out)
{
    if (findings == NULL) {
        return unknown("nothing was judged on the way", out);
    }
    double count = 0;
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        count += ms_findings_of(findings, thread->id)->alert == MS_ALERT_HIGH;
    }
    return known(count, NULL, out);
}

static double threads_of(const struct ms_model *model)
{
    double count = 0;
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const uint32_t merged = ms_model_thread(model, i)->merged;
        count += merged > 0 ? merged : 1;
    }
    return count;
}

/* What a process was before exec is not another one. */
static double processes_of(const struct ms_model *model)
{
    double count = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        count += process->merged > 0 ? process->merged : !process->replaced_by_exec;
    }
    return count;
}

double ms_session_metric(enum ms_session_metric metric, const struct ms_model *model,
                         const struct ms_findings *findings, const char **because)
{
    const char *unused;
    const char **out = because != NULL ? because : &unused;
    if (ms_model_process_count(model) == 0) {
        return unknown("no process was seen", out);
    }
    switch (metric) {
    case MS_SESSION_METRIC_THREADS:
        return known(threads_of(model), NULL, out);
    case MS_SESSION_METRIC_PROCESSES:
        return known(processes_of(model), NULL, out);
    case MS_SESSION_METRIC_DURATION_MS:
        return known((double)(ms_model_now_ns(model) - ms_model_start_ns(model)) / 1e6, NULL, out);
    case MS_SESSION_METRIC_HIGH_ALERTS:
        return of_high_alerts(model, findings, out);
    case MS_SESSION_METRIC_PEAK_RSS_BYTES:
    case MS_SESSION_METRIC_CPU_MS:
        return of_kernel(metric, model, out);
    default:
        return of_memory(metric, model, findings, out);
    }
}
