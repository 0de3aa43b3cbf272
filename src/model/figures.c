#include "model/figures.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "model/internal.h"

/* Blocks that the histogram of sizes (`freed`: of lifetimes) of a usage is about. */
static uint64_t blocks_of(const struct ms_usage *usage, bool freed)
{
    if (usage->rate == 0) {
        return freed ? usage->deallocations : usage->allocations;
    }
    const struct ms_usage_detail *detail = usage->detail;
    return detail == NULL ? 0 : freed ? detail->samples_freed : detail->samples;
}

/* Class + 1 when all `blocks` are in one class, else 0. */
static uint8_t only_class(const struct ms_histogram *histogram, uint64_t blocks)
{
    for (unsigned i = 0; i < MS_HISTOGRAM_CLASSES && blocks > 0; i++) {
        if (histogram->events[i] != 0) {
            return histogram->events[i] == blocks ? (uint8_t)(i + 1) : 0;
        }
    }
    return 0;
}

int ms_usage_keep_histogram(struct ms_histogram **kept, uint8_t home,
                            const struct ms_histogram *histogram)
{
    if (home == 0 && *kept == NULL && ms_histogram_events(histogram) != 0) {
        *kept = malloc(sizeof(**kept));
        if (*kept == NULL) {
            return -ENOMEM;
        }
    }
    if (*kept != NULL) {
        *(*kept) = *histogram;
    }
    return 0;
}

struct ms_usage_detail *ms_usage_detail_put(struct ms_usage *usage,
                                            const struct ms_usage_extra *extra)
{
    if (usage->detail == NULL) {
        usage->detail = calloc(1, sizeof(*usage->detail));
    }
    if (usage->detail != NULL) {
        usage->detail->reallocations = extra->reallocations;
        usage->detail->failed_calls = extra->failed_calls;
        usage->detail->samples = extra->samples;
        usage->detail->samples_freed = extra->samples_freed;
    }
    return usage->detail;
}

static bool is_small(const struct ms_usage *usage, const struct ms_usage_extra *extra)
{
    const uint64_t none = ms_histogram_events(&extra->sizes);
    const uint64_t none_freed = ms_histogram_events(&extra->lifetimes);
    return usage->detail == NULL && usage->rate == 0 && extra->reallocations == 0 &&
           extra->failed_calls == 0 &&
           (none == 0 || only_class(&extra->sizes, usage->allocations) != 0) &&
           (none_freed == 0 || only_class(&extra->lifetimes, usage->deallocations) != 0);
}

int ms_usage_put_extra(struct ms_usage *usage, const struct ms_usage_extra *extra)
{
    if (is_small(usage, extra)) {
        usage->size_home = only_class(&extra->sizes, usage->allocations);
        usage->lifetime_home = only_class(&extra->lifetimes, usage->deallocations);
        return 0;
    }
    struct ms_usage_detail *detail = ms_usage_detail_put(usage, extra);
    if (detail == NULL) {
        usage->size_home = usage->lifetime_home = 0;
        return -ENOMEM;
    }
    usage->size_home = only_class(&extra->sizes, blocks_of(usage, false));
    usage->lifetime_home = only_class(&extra->lifetimes, blocks_of(usage, true));
    const int sizes_error =
        ms_usage_keep_histogram(&detail->sizes, usage->size_home, &extra->sizes);
    const int error =
        ms_usage_keep_histogram(&detail->lifetimes, usage->lifetime_home, &extra->lifetimes);
    return sizes_error != 0 ? sizes_error : error;
}

static void add_histogram(struct ms_histogram *sum, uint8_t home, uint64_t blocks,
                          const struct ms_histogram *kept)
{
    if (home != 0) {
        sum->events[home - 1] += blocks;
    } else if (kept != NULL) {
        ms_histogram_add(sum, kept);
    }
}

static void add_histograms(const struct ms_usage *usage, struct ms_histogram *sizes,
                           struct ms_histogram *lifetimes)
{
    const struct ms_usage_detail *detail = usage->detail;
    add_histogram(sizes, usage->size_home, blocks_of(usage, false),
                  detail != NULL ? detail->sizes : NULL);
    add_histogram(lifetimes, usage->lifetime_home, blocks_of(usage, true),
                  detail != NULL ? detail->lifetimes : NULL);
}

static void get_histogram(struct ms_histogram *out, uint8_t home, const struct ms_histogram *kept)
{
    if (home == 0 && kept != NULL) {
        *out = *kept;
    } else {
        *out = (struct ms_histogram){0};
    }
}

void ms_usage_get_kept(const struct ms_usage *usage, struct ms_usage_extra *extra)
{
    const struct ms_usage_detail *detail = usage->detail;
    if (detail == NULL) {
        *extra = (struct ms_usage_extra){0};
        return;
    }
    extra->reallocations = detail->reallocations;
    extra->failed_calls = detail->failed_calls;
    extra->samples = detail->samples;
    extra->samples_freed = detail->samples_freed;
    get_histogram(&extra->sizes, usage->size_home, detail->sizes);
    get_histogram(&extra->lifetimes, usage->lifetime_home, detail->lifetimes);
}

void ms_usage_get_extra(const struct ms_usage *usage, struct ms_usage_extra *extra)
{
    ms_usage_get_kept(usage, extra);
    if (usage->size_home != 0) {
        extra->sizes.events[usage->size_home - 1] += blocks_of(usage, false);
    }
    if (usage->lifetime_home != 0) {
        extra->lifetimes.events[usage->lifetime_home - 1] += blocks_of(usage, true);
    }
}

void ms_usage_detail_free(struct ms_usage_detail *detail)
{
    if (detail != NULL) {
        free(detail->sizes);
        free(detail->lifetimes);
        free(detail);
    }
}

uint64_t ms_usage_at_peak_bytes(const struct ms_usage *usage, const struct ms_peak *peak)
{
    if (peak->epoch == 0) {
        return 0;
    }
    return usage->peak_epoch == peak->epoch ? usage->at_peak_bytes : ms_usage_current_bytes(usage);
}

/* n samples of one rate are a Poisson count, so their estimate has the variance value^2 / n. */
static double variance_of(uint64_t bytes, uint64_t samples)
{
    return samples > 0 ? (double)bytes * (double)bytes / (double)samples : 0;
}

static uint64_t live_samples_of(const struct ms_usage *usage)
{
    const struct ms_usage_detail *detail = usage->detail;
    return usage->rate != 0 && detail != NULL && detail->samples > detail->samples_freed
               ? detail->samples - detail->samples_freed
               : 0;
}

double ms_usage_live_variance(const struct ms_usage *usage)
{
    return variance_of(ms_usage_current_bytes(usage), live_samples_of(usage));
}

/*
 * Of what was live at a moment that is over nobody knows how many samples it was: as many as there
 * are when each stands for what one does on average.
 */
static double variance_of_part(const struct ms_usage *usage, uint64_t bytes)
{
    return (double)bytes * (double)usage->bytes_allocated / (double)usage->detail->samples;
}

static void add_sample(struct ms_figures *figures, const struct ms_usage *usage,
                       uint64_t at_peak_bytes)
{
    figures->samples += usage->detail->samples;
    figures->live_samples += live_samples_of(usage);
    figures->variance += variance_of(usage->bytes_allocated, usage->detail->samples);
    figures->live_variance += ms_usage_live_variance(usage);
    if (usage->detail->samples > 0) {
        figures->at_peak_variance += variance_of_part(usage, at_peak_bytes);
        figures->peak_variance += variance_of_part(usage, usage->peak_bytes);
    }
}

static void add_usage(struct ms_figures *figures, const struct ms_usage *usage,
                      const struct ms_peak *peak)
{
    const uint64_t at_peak_bytes = peak != NULL ? ms_usage_at_peak_bytes(usage, peak) : 0;
    add_histograms(usage, &figures->sizes, &figures->lifetimes);
    figures->at_peak_bytes += at_peak_bytes;
    figures->peaks += usage->peak_bytes > 0;
    if (usage->not_sampled) {
        figures->not_sampled_allocations += usage->allocations;
        figures->not_sampled_deallocations += usage->deallocations;
        figures->not_sampled_bytes_allocated += usage->bytes_allocated;
        figures->not_sampled_bytes_freed += usage->bytes_freed;
    }
    figures->sampled = figures->sampled || usage->rate != 0 || usage->not_sampled;
    if (usage->rate != 0 && usage->detail != NULL) {
        add_sample(figures, usage, at_peak_bytes);
    }
}

static const struct ms_peak *peak_of(const struct ms_model *model, uint32_t process_id)
{
    const struct ms_process *process = ms_model_process_by_id(model, process_id);
    return process != NULL ? &process->peak : NULL;
}

static void add_site(const struct ms_model *model, uint32_t site_id, const struct ms_peak *peak,
                     struct ms_figures *figures)
{
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, site_id, usage)) != NULL) {
        add_usage(figures, usage, peak);
    }
}

void ms_figures_of_usage(const struct ms_model *model, const struct ms_usage *usage,
                         struct ms_figures *figures)
{
    const struct ms_site *site = ms_model_site_by_id(model, usage->site_id);
    *figures = (struct ms_figures){0};
    add_usage(figures, usage, site != NULL ? peak_of(model, site->process_id) : NULL);
}

void ms_figures_of_site(const struct ms_model *model, uint32_t site_id, struct ms_figures *figures)
{
    const struct ms_site *site = ms_model_site_by_id(model, site_id);
    *figures = (struct ms_figures){0};
    if (site != NULL) {
        add_site(model, site_id, peak_of(model, site->process_id), figures);
    }
}

void ms_figures_of_site_by(const struct ms_model *model, uint32_t site_id,
                           bool (*has_thread)(const void *context, uint32_t thread_id),
                           const void *context, struct ms_figures *figures)
{
    const struct ms_site *site = ms_model_site_by_id(model, site_id);
    const struct ms_usage *usage = NULL;
    *figures = (struct ms_figures){0};
    while (site != NULL && (usage = ms_model_site_usage(model, site_id, usage)) != NULL) {
        if (has_thread(context, usage->thread_id)) {
            add_usage(figures, usage, peak_of(model, site->process_id));
        }
    }
}

void ms_figures_of_process(const struct ms_model *model, uint32_t process_id,
                           struct ms_figures *figures)
{
    const struct ms_peak *peak = peak_of(model, process_id);
    *figures = (struct ms_figures){0};
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        if (site->process_id == process_id) {
            add_site(model, site->id, peak, figures);
        }
    }
}

static void add_thread(const struct ms_model *model, const struct ms_thread_record *record,
                       const struct ms_peak *peak, struct ms_figures *figures)
{
    for (uint32_t position = record->first_usage; position != MS_NO_USAGE;) {
        const struct ms_usage_record *usage = ms_chunks_at(&model->usages.records, position);
        add_usage(figures, &usage->usage, peak);
        position = usage->next_of_thread;
    }
}

void ms_figures_of_thread(const struct ms_model *model, uint32_t thread_id,
                          struct ms_figures *figures)
{
    const struct ms_thread_record *record = ms_threads_find(&model->threads, thread_id);
    *figures = (struct ms_figures){0};
    if (record != NULL) {
        add_thread(model, record, peak_of(model, record->thread.process_id), figures);
    }
}

static uint64_t thread_at_peak_bytes(const struct ms_model *model,
                                     const struct ms_thread_record *record,
                                     const struct ms_peak *peak)
{
    uint64_t bytes = 0;
    for (uint32_t position = record->first_usage; position != MS_NO_USAGE;) {
        const struct ms_usage_record *usage = ms_chunks_at(&model->usages.records, position);
        bytes += ms_usage_at_peak_bytes(&usage->usage, peak);
        position = usage->next_of_thread;
    }
    return bytes;
}

static void attribute_to(struct ms_model *model, const struct ms_thread_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct ms_thread_record *record = list->records[list->first + i];
        const struct ms_process_record *process =
            ms_process_record_of(model, record->thread.process_id);
        if (process != NULL && process->attribute_peak) {
            const uint64_t bytes = thread_at_peak_bytes(model, record, &process->process.peak);
            if (!record->thread.at_peak_known || bytes != record->thread.at_peak_bytes) {
                ms_thread_mark(model, record);
            }
            record->thread.at_peak_known = true;
            record->thread.at_peak_bytes = bytes;
        }
    }
}

void ms_peaks_attribute(struct ms_model *model)
{
    bool any = false;
    for (size_t i = 0; i < model->process_count; i++) {
        struct ms_process_record *record = model->processes[i];
        const struct ms_process *process = &record->process;
        const bool ended = process->end_ns != 0;
        /* What was live then does not change any more; at the end, what a race left is put right.
         */
        record->attribute_peak =
            process->peak.epoch != 0 &&
            (process->peak.epoch != record->attributed_epoch || ended != record->attributed_at_end);
        record->attributed_epoch = process->peak.epoch;
        record->attributed_at_end = ended;
        any = any || record->attribute_peak;
    }
    if (any) {
        attribute_to(model, &model->threads.alive);
        attribute_to(model, &model->threads.merged);
        attribute_to(model, &model->threads.ended);
    }
}

double ms_figures_relative_error(double variance, uint64_t bytes)
{
    return bytes > 0 ? ms_figures_error_bytes(variance) / (double)bytes : NAN;
}

double ms_figures_error_bytes(double variance)
{
    return 1.96 * sqrt(variance);
}

bool ms_site_peak_at_most(const struct ms_model *model, const struct ms_site *site, uint64_t sum,
                          const struct ms_figures *figures, uint64_t *out_bytes)
{
    const struct ms_process *process = ms_model_process_by_id(model, site->process_id);
    if (process == NULL || process->totals.peak_bytes == 0) {
        *out_bytes = sum;
        return figures->samples == 0;
    }
    const uint64_t most = process->totals.peak_bytes + process->peak_error_bytes;
    *out_bytes = figures->samples > 0 || most < sum ? most : sum;
    return true;
}

struct ms_site_rates ms_site_rates_of(const struct ms_model *model, const struct ms_site *site)
{
    const struct ms_process *process = ms_model_process_by_id(model, site->process_id);
    if (process != NULL && process->end_ns > process->start_ns) {
        const double seconds = (double)(process->end_ns - process->start_ns) / (double)MS_SECOND_NS;
        return (struct ms_site_rates){(double)site->heap.allocations / seconds,
                                      (double)site->heap.bytes_allocated / seconds};
    }
    if (process == NULL || process->end_ns != 0 || process->sites_before_ns == 0) {
        return (struct ms_site_rates){NAN, NAN};
    }
    return site->changed_ns == process->sites_read_ns
               ? (struct ms_site_rates){site->allocations_per_s, site->bytes_allocated_per_s}
               : (struct ms_site_rates){0, 0};
}

/* Threads publish the whole later than the part. */
static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? NAN : part < whole ? (double)part / (double)whole : 1;
}

double ms_stack_check_proven_share(const struct ms_stack_check *check)
{
    return share(check->proven, check->walked + check->proven);
}

double ms_stack_check_rechecked_share(const struct ms_stack_check *check)
{
    return share(check->rechecked, check->proven);
}

double ms_stack_check_agreement(const struct ms_stack_check *check)
{
    return 1 - share(check->differed, check->rechecked);
}

void ms_stack_check_add(struct ms_stack_check *sum, const struct ms_stack_check *check)
{
    sum->walked += check->walked;
    sum->proven += check->proven;
    sum->rechecked += check->rechecked;
    sum->differed += check->differed;
    sum->interpreted += check->interpreted;
    sum->cut_no_cfi += check->cut_no_cfi;
}
