/* One call site that is watched. The formula stands in leaks_growth.c. */
#include "analysis/leaks_watched.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "model/figures.h"
#include "model/format.h"
#include "model/heap.h"

#define QUIET_WINDOWS 6u /* without a rise: no longer watched */

#define SURE_ENOUGH       0.5
#define STILL_SURE        0.4 /* for what is one already */
#define OLD_BLOCKS_WEIGHT 0.25

#define HELD_UP_SHARE 0.5 /* of a window: less is what any busy machine does to a process */

#define IDLE_CPU_SHARE   0.01
#define IDLE_ALLOCATIONS 10u

uint64_t ms_leak_live_blocks(const struct ms_site *site)
{
    return site->heap.allocations > site->heap.deallocations
               ? site->heap.allocations - site->heap.deallocations
               : 0;
}

double ms_leak_held_up(const struct ms_process *process)
{
    if (process == NULL || isnan(process->run_queue_pct)) {
        return 0;
    }
    const double used = isnan(process->cpu_pct) ? 0 : process->cpu_pct / 100;
    return fmax(0, fmin(process->run_queue_pct / 100, 1 - used));
}

struct ms_leak_work ms_leak_work_of(const struct ms_process *process)
{
    struct ms_leak_work work = {.cpu_s = NAN};
    if (process != NULL) {
        const struct ms_process_kernel *kernel = &process->kernel;
        work.frees = process->totals.deallocations;
        work.allocations = process->totals.allocations;
        if (kernel->user_ns + kernel->system_ns > 0) {
            work.cpu_s = (double)(kernel->user_ns + kernel->system_ns) / 1e9;
        }
    }
    return work;
}

void ms_leak_watched_open(struct ms_leak_watched *watched, const struct ms_site *site,
                          const struct ms_leak_work *work, uint64_t now_ns)
{
    watched->begin_ns = now_ns;
    watched->held_up_s = 0;
    watched->work = watched->floor_work = *work;
    watched->allocations = site->heap.allocations;
    watched->floor_bytes = watched->ceiling_bytes = ms_heap_current_bytes(&site->heap);
    watched->floor_blocks = ms_leak_live_blocks(site);
}

void ms_leak_watched_look(struct ms_leak_watched *watched, const struct ms_site *site,
                          const struct ms_leak_work *work)
{
    const uint64_t bytes = ms_heap_current_bytes(&site->heap);
    const uint64_t blocks = ms_leak_live_blocks(site);
    watched->leak.live_bytes = bytes;
    watched->leak.live_blocks = blocks;
    if (watched->ended) {
        return;
    }
    watched->held_up_s += work->held_up_s;
    watched->floor_bytes = bytes < watched->floor_bytes ? bytes : watched->floor_bytes;
    if (blocks < watched->floor_blocks) {
        watched->floor_blocks = blocks;
        watched->floor_work = *work;
    }
    watched->ceiling_bytes = bytes > watched->ceiling_bytes ? bytes : watched->ceiling_bytes;
}

static bool said_nothing(const struct ms_leak_watched *watched, const struct ms_site *site,
                         const struct ms_leak_work *work, double seconds)
{
    const double cpu_s = work->cpu_s - watched->work.cpu_s;
    return site->heap.allocations == watched->allocations &&
           work->allocations - watched->work.allocations < IDLE_ALLOCATIONS &&
           (isnan(cpu_s) || cpu_s < IDLE_CPU_SHARE * seconds);
}

/* The share of growth and old frees that is old frees: blocks that lived for half the age of the
 * growth and were freed all the same. */
static double old_frees_share(const struct ms_figures *figures,
                              const struct ms_growth_verdict *verdict)
{
    double old = 0;
    for (unsigned class = 1; class < MS_HISTOGRAM_LIFETIMES; class ++) {
        if (ms_lifetime_class_bound_ns(class - 1) >= verdict->age_ns / 2) {
            old += (double)figures->lifetimes.events[class];
        }
    }
    const double kept = (double)verdict->blocks;
    return old + kept > 0 ? old / (old + kept) : 0;
}

/* A judgement stands when nothing was learnt since, but is told to be old. */
void ms_leak_watched_say_when(struct ms_leak_watched *watched, uint64_t window_ns, uint64_t now_ns)
{
    const struct ms_growth *growth = &watched->growth;
    const uint64_t rest_ns = now_ns - growth->windows[growth->count - 1].end_ns;
    char when[MS_LEAK_REASON_MAX - MS_LEAK_WHY_MAX] = "";
    /* Of a process that ended within a window, that window tells nothing. */
    if (rest_ns > (watched->ended ? 2 * window_ns : 0)) {
        (void)snprintf(when, sizeof(when),
                       "as of %" PRIu64 " s %s, idle since: ", rest_ns / MS_SECOND_NS,
                       watched->ended ? "before its end" : "ago");
    } else if (watched->ended) {
        (void)snprintf(when, sizeof(when), "as of its end: ");
    }
    (void)snprintf(watched->leak.reason, sizeof(watched->leak.reason), "%s%s", when, watched->why);
}

static void say_why(struct ms_leak_watched *watched, const struct ms_growth_verdict *verdict,
                    const struct ms_figures *figures, uint64_t window_ns)
{
    char rate[MS_FORMAT_MAX];
    char kept[48] = "";
    if (!isnan(verdict->kept)) {
        const double percent = verdict->kept * 100;
        (void)snprintf(kept, sizeof(kept), "; %.*f %% of what it allocates is never freed",
                       percent < 10 && percent > 0 ? 1 : 0, percent);
    }
    (void)snprintf(watched->why, sizeof(watched->why), "grew in %u of %u windows of %u s, %s%s%s",
                   (unsigned)verdict->rises, (unsigned)verdict->spans,
                   (unsigned)(window_ns / MS_SECOND_NS),
                   ms_format_bytes_rate(rate, sizeof(rate), verdict->slope_bytes_per_s), kept,
                   figures->samples > 0 ? "; estimated from a sample" : "");
}

/* What the sample's error, and blocks that were freed late, take from the confidence. */
static double trust_in(const struct ms_figures *figures, const struct ms_growth_verdict *verdict,
                       const struct ms_leak *leak)
{
    double trust = 1 - OLD_BLOCKS_WEIGHT * old_frees_share(figures, verdict);
    if (figures->samples > 0 && leak->live_bytes > 0) {
        const double share = (double)verdict->bytes / (double)leak->live_bytes;
        const double error = ms_figures_relative_error(
            figures->live_variance * (share < 1 ? share : 1), verdict->bytes);
        trust *= isnan(error) || error > 1 ? 0 : 1 - error;
    }
    return trust;
}

static void judge(struct ms_leak_watched *watched, const struct ms_model *model,
                  const struct ms_site *site, const struct ms_leak_windows *windows)
{
    struct ms_growth_verdict verdict = ms_growth_judge(&watched->growth);
    const bool was_likely = watched->likely;
    const double limit = was_likely ? STILL_SURE : SURE_ENOUGH;
    watched->likely = false;
    if (!verdict.grows || verdict.confidence < limit) {
        return;
    }
    struct ms_figures figures;
    ms_figures_of_site(model, site->id, &figures);
    verdict.confidence *= trust_in(&figures, &verdict, &watched->leak);
    if (verdict.confidence < limit) {
        return;
    }
    watched->likely = true;
    struct ms_leak *leak = &watched->leak;
    leak->judged_ns = was_likely ? leak->judged_ns : ms_model_now_ns(model);
    leak->leaked_bytes = verdict.bytes;
    leak->leaked_blocks = verdict.blocks;
    leak->since_ns = verdict.since_ns;
    leak->slope_bytes_per_s = verdict.slope_bytes_per_s;
    leak->windows = verdict.rises;
    leak->confidence = verdict.confidence;
    leak->suppressed = ms_suppressions_match(windows->suppressions, site);
    say_why(watched, &verdict, &figures, windows->length_ns);
    ms_leak_watched_say_when(watched, windows->length_ns, ms_model_now_ns(model));
}

bool ms_leak_watched_close(struct ms_leak_watched *watched, const struct ms_model *model,
                           const struct ms_leak_windows *windows)
{
    if (watched->ended) {
        return true;
    }
    const uint64_t now_ns = ms_model_now_ns(model);
    const struct ms_site *site = ms_model_site_by_id(model, watched->leak.site_id);
    const struct ms_leak_work work =
        ms_leak_work_of(ms_model_process_by_id(model, watched->leak.process_id));
    const double seconds = (double)(now_ns - watched->begin_ns) / 1e9;
    /* One that was opened in the middle of the window would be shorter than the others. */
    const bool whole = watched->begin_ns <= windows->begin_ns;
    if (whole && !said_nothing(watched, site, &work, seconds)) {
        const struct ms_growth_window window = {
            .end_ns = now_ns,
            .floor_bytes = watched->floor_bytes,
            .floor_blocks = watched->floor_blocks,
            .ceiling_bytes = watched->ceiling_bytes,
            .seconds = (float)seconds,
            .held_up_s =
                watched->held_up_s > HELD_UP_SHARE * seconds ? (float)watched->held_up_s : 0,
            .allocations = (float)(site->heap.allocations - watched->allocations),
            .work_blocks = (double)watched->floor_work.frees,
            .work_cpu_s = watched->floor_work.cpu_s,
        };
        ms_growth_append(&watched->growth, &window);
        judge(watched, model, site, windows);
    } else if (watched->likely) {
        ms_leak_watched_say_when(watched, windows->length_ns, now_ns);
    }
    ms_leak_watched_open(watched, site, &work, now_ns);
    return watched->likely || watched->growth.count < QUIET_WINDOWS ||
           ms_growth_rose(&watched->growth, QUIET_WINDOWS);
}

double ms_leak_watched_rise(const struct ms_leak_watched *watched)
{
    const struct ms_growth *growth = &watched->growth;
    return growth->count == 0 ? 0
                              : (double)growth->windows[growth->count - 1].floor_bytes -
                                    (double)growth->windows[0].floor_bytes;
}
