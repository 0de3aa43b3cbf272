/* Histograms, the peak's shares, sampling errors and the check of call stacks, for the JSON report.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "export/json_parts.h"
#include "model/figures.h"

static void write_bounds(struct ms_json_writer *writer, const char *name,
                         uint64_t (*bound)(unsigned), unsigned classes)
{
    ms_json_key(writer, name);
    ms_json_array_begin(writer);
    for (unsigned i = 0; i < classes; i++) {
        if (bound(i) == UINT64_MAX) {
            ms_json_null(writer);
        } else {
            ms_json_u64(writer, bound(i));
        }
    }
    ms_json_array_end(writer);
}

void ms_json_histograms(struct ms_json_writer *writer)
{
    ms_json_object_begin(writer);
    write_bounds(writer, "size_class_bounds_bytes", ms_size_class_bound_bytes, MS_HISTOGRAM_SIZES);
    write_bounds(writer, "lifetime_class_bounds_ns", ms_lifetime_class_bound_ns,
                 MS_HISTOGRAM_LIFETIMES);
    ms_json_object_end(writer);
}

/* null when there were events but none is in a class: then it is not known. */
static void write_histogram(struct ms_json_writer *writer, const char *name,
                            const struct ms_histogram *histogram, unsigned classes, bool available,
                            uint64_t events)
{
    ms_json_key(writer, name);
    if (!available || (events > 0 && ms_histogram_events(histogram) == 0)) {
        ms_json_null(writer);
        return;
    }
    ms_json_array_begin(writer);
    for (unsigned i = 0; i < classes; i++) {
        ms_json_u64(writer, histogram->events[i]);
    }
    ms_json_array_end(writer);
}

static void write_sampled(struct ms_json_writer *writer, const struct ms_figures *figures,
                          const struct ms_heap *heap)
{
    ms_json_key(writer, "sampled");
    if (figures->samples == 0) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "samples", figures->samples);
    ms_json_member_fixed(writer, "relative_error",
                         ms_figures_relative_error(figures->variance, heap->bytes_allocated));
    ms_json_member_u64(writer, "live_samples", figures->live_samples);
    ms_json_member_fixed(
        writer, "live_relative_error",
        ms_figures_relative_error(figures->live_variance, ms_heap_current_bytes(heap)));
    ms_json_member_fixed(writer, "peak_relative_error",
                         ms_figures_relative_error(figures->peak_variance, heap->peak_bytes));
    ms_json_member_fixed(
        writer, "at_peak_relative_error",
        ms_figures_relative_error(figures->at_peak_variance, figures->at_peak_bytes));
    ms_json_object_end(writer);
}

void ms_json_classes(struct ms_json_writer *writer, const struct ms_figures *figures,
                     const struct ms_heap *heap, bool available)
{
    write_histogram(writer, "size_classes", &figures->sizes, MS_HISTOGRAM_SIZES, available,
                    heap->allocations);
    write_histogram(writer, "lifetime_classes", &figures->lifetimes, MS_HISTOGRAM_LIFETIMES,
                    available, heap->deallocations);
}

static void write_freed_ratio(struct ms_json_writer *writer, const struct ms_heap *heap,
                              bool available)
{
    const bool any = available && heap->bytes_allocated > 0;
    ms_json_member_fixed(writer, "freed_ratio",
                         any ? (double)heap->bytes_freed / (double)heap->bytes_allocated
                             : (double)NAN);
}

void ms_json_not_sampled(struct ms_json_writer *writer, const struct ms_figures *figures)
{
    ms_json_key(writer, "not_sampled");
    if (!figures->sampled) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "allocations", figures->not_sampled_allocations);
    ms_json_member_u64(writer, "deallocations", figures->not_sampled_deallocations);
    ms_json_member_u64(writer, "bytes_allocated", figures->not_sampled_bytes_allocated);
    ms_json_member_u64(writer, "bytes_freed", figures->not_sampled_bytes_freed);
    ms_json_object_end(writer);
}

void ms_json_site_figures(struct ms_json_writer *writer, const struct ms_model *model,
                          const struct ms_site *site)
{
    const struct ms_process *process = ms_model_process_by_id(model, site->process_id);
    const struct ms_heap *heap = &site->heap;
    const struct ms_site_rates rates = ms_site_rates_of(model, site);
    struct ms_figures figures;
    uint64_t at_most;
    ms_kept_figures_of_site(writer->figures, model, site->id, &figures);
    const bool bounded = ms_site_peak_at_most(model, site, heap->peak_bytes, &figures, &at_most);
    ms_json_member_u64_or_null(writer, "peak_at_most_bytes", bounded, at_most);
    ms_json_member_u64_or_null(writer, "at_peak_bytes", process != NULL && process->peak.epoch != 0,
                               figures.at_peak_bytes);
    ms_json_member_u64(writer, "waste_bytes", heap->waste_bytes);
    ms_json_member_u64(writer, "temporary", heap->temporary);
    ms_json_member_u64(writer, "reallocations", heap->reallocations);
    ms_json_member_u64(writer, "failed_calls", heap->failed_calls);
    write_freed_ratio(writer, heap, true);
    ms_json_member_fixed(writer, "allocations_per_s", rates.allocations_per_s);
    ms_json_member_fixed(writer, "bytes_allocated_per_s", rates.bytes_allocated_per_s);
    ms_json_classes(writer, &figures, heap, true);
    ms_json_member_string(writer, "provenance", figures.samples == 0 ? "measured" : "sampled");
    write_sampled(writer, &figures, heap);
}

static void write_peak(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_peak *peak)
{
    ms_json_key(writer, "at_peak");
    if (peak->epoch == 0) {
        ms_json_null(writer);
        return;
    }
    const uint64_t start_ns = ms_model_start_ns(model);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "bytes", peak->bytes);
    ms_json_member_u64(writer, "error_bytes", peak->error_bytes);
    ms_json_key(writer, "t_ns");
    ms_json_i64(writer, (int64_t)(peak->at_ns - start_ns));
    ms_json_object_end(writer);
}

void ms_json_process_figures(struct ms_json_writer *writer, const struct ms_model *model,
                             const struct ms_process *process, const struct ms_figures *figures)
{
    const bool available = process->seen != MS_SEEN_NONE;
    const struct ms_heap *heap = &process->totals;
    const bool ended = process->end_ns > process->start_ns;
    const double seconds = (double)(process->end_ns - process->start_ns) / (double)MS_SECOND_NS;
    ms_json_member_fixed(writer, "allocations_per_s",
                         !available ? (double)NAN
                         : ended    ? (double)heap->allocations / seconds
                                    : process->allocations_per_s);
    ms_json_member_fixed(writer, "bytes_allocated_per_s",
                         !available ? (double)NAN
                         : ended    ? (double)heap->bytes_allocated / seconds
                                    : process->allocated_per_s);
    write_freed_ratio(writer, heap, available);
    write_peak(writer, model, &process->peak);
    ms_json_classes(writer, figures, heap, available);
    ms_json_key(writer, "stacks");
    ms_json_stack_check(writer, &process->stacks);
}

void ms_json_stack_check(struct ms_json_writer *writer, const struct ms_stack_check *check)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "walked", check->walked);
    ms_json_member_u64(writer, "proven", check->proven);
    ms_json_key(writer, "proven_share");
    ms_json_fixed(writer, ms_stack_check_proven_share(check), 6);
    ms_json_member_u64(writer, "rechecked", check->rechecked);
    ms_json_key(writer, "rechecked_share");
    ms_json_fixed(writer, ms_stack_check_rechecked_share(check), 6);
    ms_json_member_u64(writer, "differed", check->differed);
    /* Not rounded: one difference in a billion is not agreement. */
    ms_json_key(writer, "agreement");
    ms_json_double(writer, ms_stack_check_agreement(check));
    ms_json_member_u64(writer, "interpreted", check->interpreted);
    ms_json_member_u64(writer, "cut_no_unwind_information", check->cut_no_cfi);
    ms_json_object_end(writer);
}
