#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_parts.h"
#include "model/figures.h"

#define SNAPSHOT_NS (5 * MS_SECOND_NS)  /* between two snapshots */
#define EARLIEST_NS (2 * MS_SECOND_NS)  /* growth over less says nothing */
#define LATEST_NS   (30 * MS_SECOND_NS) /* nobody looked meanwhile: begin anew */

static void forget(struct ms_call_snapshot *snapshot)
{
    free(snapshot->live);
    *snapshot = (struct ms_call_snapshot){0};
}

void ms_call_past_free(struct ms_call_past *past)
{
    forget(&past->older);
    forget(&past->newer);
}

static struct ms_call_snapshot take_snapshot(const struct ms_model *model, uint32_t thread_id)
{
    struct ms_call_snapshot snapshot = {.count = ms_model_site_count(model),
                                        .at_ns = ms_model_now_ns(model)};
    snapshot.live = calloc(snapshot.count + 1, sizeof(*snapshot.live));
    if (snapshot.live == NULL) {
        return snapshot;
    }
    if (thread_id == 0) {
        for (size_t i = 0; i < snapshot.count; i++) {
            snapshot.live[i] = ms_heap_current_bytes(&ms_model_site(model, i)->heap);
        }
        return snapshot;
    }
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_thread_usage(model, thread_id, usage)) != NULL) {
        snapshot.live[ms_model_site_position(model, usage->site_id)] +=
            ms_usage_current_bytes(usage);
    }
    return snapshot;
}

/* Ended processes were merged: what was live goes where its site went. */
static void move_snapshot(struct ms_call_snapshot *snapshot, const struct ms_model *model)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        if (ms_model_site_moved(model, i) != SIZE_MAX) {
            snapshot->live[kept++] = snapshot->live[i];
        }
    }
    snapshot->count = kept;
}

static void move_snapshots(struct ms_call_past *past, const struct ms_model *model)
{
    if (ms_model_site_moves_known(model, past->sites_version)) {
        move_snapshot(&past->older, model);
        move_snapshot(&past->newer, model);
        past->sites_version = ms_model_sites_version(model);
    }
}

void ms_call_past_update(struct ms_call_past *past, const struct ms_model *model,
                         uint32_t thread_id)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    move_snapshots(past, model);
    if (past->thread_id != thread_id || past->sites_version != ms_model_sites_version(model) ||
        (past->newer.live != NULL && now_ns - past->newer.at_ns > LATEST_NS)) {
        ms_call_past_free(past);
        past->thread_id = thread_id;
        past->sites_version = ms_model_sites_version(model);
    }
    if (past->newer.live != NULL && now_ns - past->newer.at_ns < SNAPSHOT_NS) {
        return;
    }
    const struct ms_call_snapshot snapshot = take_snapshot(model, thread_id);
    if (snapshot.live != NULL) {
        forget(&past->older);
        past->older = past->newer;
        past->newer = snapshot;
    }
}

struct ms_call_snapshot ms_call_past_reference(const struct ms_call_past *past,
                                               const struct ms_model *model)
{
    const struct ms_call_snapshot *best = past->older.live != NULL ? &past->older : &past->newer;
    if (best->live == NULL || ms_model_now_ns(model) - best->at_ns < EARLIEST_NS) {
        return (struct ms_call_snapshot){0};
    }
    return *best;
}

static uint64_t past_live(const struct ms_call_snapshot *reference, uint32_t index)
{
    return index < reference->count ? reference->live[index] : 0;
}

static void add_usage_only(struct ms_call_sums *sums, const struct ms_usage *usage,
                           const struct ms_peak *peak)
{
    sums->of[MS_SITE_FIGURE_AT_PEAK] += ms_usage_at_peak_bytes(usage, peak);
    sums->of[MS_CALL_ESTIMATED] |= usage->rate != 0;
}

static const struct ms_peak no_peak;

/* No process has the number 0. */
static const struct ms_peak *peak_of(const struct ms_model *model, uint32_t process_id,
                                     uint32_t *last_id, const struct ms_peak *last)
{
    if (process_id == *last_id) {
        return last;
    }
    const struct ms_process *process = ms_model_process_by_id(model, process_id);
    *last_id = process_id;
    return process != NULL ? &process->peak : &no_peak;
}

static bool sum_up_sites(struct ms_call_layout *layout, const struct ms_call_snapshot *reference)
{
    const struct ms_model *model = layout->model;
    uint32_t not_sampled = 0;
    uint32_t process_id = 0;
    const struct ms_peak *peak = &no_peak;
    for (uint32_t rank = 0; rank < layout->sites; rank++) {
        const uint32_t index = layout->order[rank];
        const struct ms_site *site = ms_model_site(model, index);
        const struct ms_heap *heap = &site->heap;
        struct ms_call_sums sums = {{
            [MS_SITE_FIGURE_LIVE] = ms_heap_current_bytes(heap),
            [MS_SITE_FIGURE_ALLOCATED] = heap->bytes_allocated,
            [MS_SITE_FIGURE_COUNT] = heap->allocations,
            [MS_SITE_FIGURE_TEMPORARY] = heap->temporary,
            [MS_SITE_FIGURE_WASTE] = heap->waste_bytes,
            [MS_CALL_PAST_LIVE] = past_live(reference, index),
        }};
        peak = peak_of(model, site->process_id, &process_id, peak);
        const struct ms_usage *usage = NULL;
        while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
            add_usage_only(&sums, usage, peak);
        }
        not_sampled += (site->flags & MS_SITE_NOT_SAMPLED) != 0;
        layout->sums[rank + 1] = layout->sums[rank];
        ms_call_sums_add(&layout->sums[rank + 1], &sums);
    }
    return not_sampled == layout->not_sampled;
}

static bool sum_up_thread(struct ms_call_layout *layout, uint32_t thread_id,
                          const struct ms_call_snapshot *reference, uint32_t *rank_of)
{
    const struct ms_model *model = layout->model;
    const size_t all = ms_model_site_count(model);
    memset(rank_of, 0, all * sizeof(*rank_of));
    memset(layout->sums, 0, ((size_t)layout->sites + 1) * sizeof(*layout->sums));
    for (uint32_t rank = 0; rank < layout->sites; rank++) {
        const uint32_t index = layout->order[rank];
        rank_of[index] = rank + 1;
        layout->sums[rank + 1].of[MS_CALL_PAST_LIVE] = past_live(reference, index);
    }
    const struct ms_usage *usage = NULL;
    uint32_t not_sampled = 0;
    uint32_t process_id = 0;
    const struct ms_peak *peak = &no_peak;
    while ((usage = ms_model_thread_usage(model, thread_id, usage)) != NULL) {
        const size_t index = ms_model_site_position(model, usage->site_id);
        const struct ms_site *site = ms_model_site(model, index);
        const uint32_t rank = rank_of[index];
        if (rank != 0) {
            struct ms_call_sums *sums = &layout->sums[rank];
            sums->of[MS_SITE_FIGURE_LIVE] += ms_usage_current_bytes(usage);
            sums->of[MS_SITE_FIGURE_ALLOCATED] += usage->bytes_allocated;
            sums->of[MS_SITE_FIGURE_COUNT] += usage->allocations;
            sums->of[MS_SITE_FIGURE_TEMPORARY] += usage->temporary;
            sums->of[MS_SITE_FIGURE_WASTE] += usage->waste_bytes;
            peak = peak_of(model, site->process_id, &process_id, peak);
            add_usage_only(sums, usage, peak);
        }
    }
    for (uint32_t rank = 0; rank < layout->sites; rank++) {
        not_sampled +=
            (ms_model_site(model, layout->order[rank])->flags & MS_SITE_NOT_SAMPLED) != 0;
        ms_call_sums_add(&layout->sums[rank + 1], &layout->sums[rank]);
    }
    return not_sampled == layout->not_sampled;
}

static void add_work(struct ms_call_sums *sums, const struct ms_work *work,
                     enum ms_site_figure_kind kind)
{
    if (kind == MS_FIGURES_CPU) {
        sums->of[MS_SITE_FIGURE_CPU] += work->cpu_ns;
        sums->of[MS_SITE_FIGURE_CPU_SAMPLES] += work->cpu_samples;
        return;
    }
    sums->of[MS_SITE_FIGURE_IO_CALLS] += work->io_calls;
    sums->of[MS_SITE_FIGURE_IO_BYTES] += work->io_bytes;
    sums->of[MS_SITE_FIGURE_IO_WAIT] += work->io_wait_ns;
    sums->of[MS_CALL_ESTIMATED] |= work->io_samples < work->io_calls;
}

static void sum_up_work(struct ms_call_layout *layout, uint32_t thread_id, uint32_t *rank_of)
{
    const struct ms_model *model = layout->model;
    memset(layout->sums, 0, ((size_t)layout->sites + 1) * sizeof(*layout->sums));
    if (thread_id != 0) {
        memset(rank_of, 0, ms_model_site_count(model) * sizeof(*rank_of));
    }
    for (uint32_t rank = 0; rank < layout->sites; rank++) {
        const struct ms_site *site = ms_model_site(model, layout->order[rank]);
        if (thread_id != 0) {
            rank_of[layout->order[rank]] = rank + 1;
        } else if (site->work != NULL) {
            add_work(&layout->sums[rank + 1], site->work, layout->kind);
        }
    }
    const struct ms_activity *activity = NULL;
    while (thread_id != 0 &&
           (activity = ms_model_thread_activity(model, thread_id, activity)) != NULL) {
        const uint32_t rank = rank_of[ms_model_site_position(model, activity->site_id)];
        if (rank != 0) {
            add_work(&layout->sums[rank], &activity->work, layout->kind);
        }
    }
    for (uint32_t rank = 0; rank < layout->sites; rank++) {
        ms_call_sums_add(&layout->sums[rank + 1], &layout->sums[rank]);
    }
}

bool ms_call_sum_up(struct ms_call_layout *layout, const struct ms_scope *scope,
                    const struct ms_call_snapshot *reference, uint32_t *rank_of)
{
    layout->has_sums = true;
    if (layout->kind != MS_FIGURES_MEMORY) {
        sum_up_work(layout, scope->thread_id, rank_of);
        return true;
    }
    return scope->thread_id != 0 ? sum_up_thread(layout, scope->thread_id, reference, rank_of)
                                 : sum_up_sites(layout, reference);
}
