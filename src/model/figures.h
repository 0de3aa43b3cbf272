/*
 * Figures of a site, thread or process that are added up over usages when somebody looks:
 * histograms, what was live at the peak, and how far to trust what was sampled. Costs time in
 * proportion to the usages of the thing.
 */
#ifndef MS_MODEL_FIGURES_H
#define MS_MODEL_FIGURES_H

#include "model/histogram.h"
#include "model/model.h"

/* What only some usages have, kept apart so that the others are small. */
struct ms_usage_extra {
    uint64_t reallocations, failed_calls;
    uint64_t samples, samples_freed; /* of a sampled usage: blocks that its figures are from */
    /* Of a sampled usage: of the blocks in the sample. Empty where not known. */
    struct ms_histogram sizes, lifetimes;
};

/*
 * Writes and reads the extra part of a usage; the counters of the usage are set before it is
 * written. Returns 0 or -ENOMEM: then the histograms are not known.
 */
int ms_usage_put_extra(struct ms_usage *usage, const struct ms_usage_extra *extra);
void ms_usage_get_extra(const struct ms_usage *usage, struct ms_usage_extra *extra);
/* The same without what is in one class only, which follows from the counters. */
void ms_usage_get_kept(const struct ms_usage *usage, struct ms_usage_extra *extra);

/* True for exactly one of the usages of a thread and a site, of which each rate has one. */
bool ms_usage_stands_for_pair(const struct ms_model *model, const struct ms_usage *usage);

/* Live at the attributed peak of its process. */
uint64_t ms_usage_at_peak_bytes(const struct ms_usage *usage, const struct ms_peak *peak);

static inline uint64_t ms_usage_current_bytes(const struct ms_usage *usage)
{
    return usage->bytes_allocated > usage->bytes_freed ? usage->bytes_allocated - usage->bytes_freed
                                                       : 0;
}

/* Adds what the usage counts; the peak becomes a sum of peaks. */
void ms_usage_add_to_heap(const struct ms_usage *usage, struct ms_heap *sum);

struct ms_figures {
    struct ms_histogram sizes, lifetimes;
    uint64_t at_peak_bytes;
    uint64_t samples, live_samples; /* 0: nothing is sampled */
    /* Of what is estimated, in squared bytes: allocated, live, live at the peak, and the sum of the
     * peaks of the threads there. */
    double variance, live_variance, at_peak_variance, peak_variance;
    uint32_t peaks; /* that are in that sum */
    /* Of a thread or process that is sampled: exact figures of what the sample left out. */
    bool sampled;
    uint64_t not_sampled_allocations, not_sampled_deallocations;
    uint64_t not_sampled_bytes_allocated, not_sampled_bytes_freed;
};

/* Of the live bytes of a usage, in squared bytes; 0: they are exact. */
double ms_usage_live_variance(const struct ms_usage *usage);

void ms_figures_of_usage(const struct ms_model *model, const struct ms_usage *usage,
                         struct ms_figures *figures);
void ms_figures_of_site(const struct ms_model *model, uint32_t site_id, struct ms_figures *figures);
/* Of what the threads did there of which `has_thread` says so. */
void ms_figures_of_site_by(const struct ms_model *model, uint32_t site_id,
                           bool (*has_thread)(const void *context, uint32_t thread_id),
                           const void *context, struct ms_figures *figures);
void ms_figures_of_thread(const struct ms_model *model, uint32_t thread_id,
                          struct ms_figures *figures);
void ms_figures_of_process(const struct ms_model *model, uint32_t process_id,
                           struct ms_figures *figures);
/*
 * Figures of all sites and processes of a model that does not change meanwhile, each usage added up
 * once however often they are asked for. Costs its time when first asked; sites that have few
 * usages are not kept, so that it never takes more than 100 bytes for each usage.
 */
struct ms_kept_figures;                                                    /* opaque */
struct ms_kept_figures *ms_kept_figures_new(const struct ms_model *model); /* NULL: no memory */
void ms_kept_figures_free(struct ms_kept_figures *kept);                   /* accepts NULL */
/* As ms_figures_of_site and ms_figures_of_process; `kept` may be NULL. */
void ms_kept_figures_of_site(struct ms_kept_figures *kept, const struct ms_model *model,
                             uint32_t site_id, struct ms_figures *figures);
void ms_kept_figures_of_process(struct ms_kept_figures *kept, const struct ms_model *model,
                                uint32_t process_id, struct ms_figures *figures);

/*
 * Half the width of the 95 % interval as a part of `bytes`: 1.96 / sqrt(n) when all of it is
 * estimated from n samples of one rate. Counts of blocks are that exact where a site allocates
 * blocks of one size. NaN when nothing is known.
 */
double ms_figures_relative_error(double variance, uint64_t bytes);
/* The same in bytes, of a sum of estimates whose variances are added up; 0: it is exact. */
double ms_figures_error_bytes(double variance);

/*
 * The most that a call site can have had live at once: the sum of the peaks of its threads, or,
 * when that is estimated or more, the exact peak of its process with its error. False: neither is
 * known.
 */
bool ms_site_peak_at_most(const struct ms_model *model, const struct ms_site *site,
                          uint64_t sum_of_peaks_bytes, const struct ms_figures *figures,
                          uint64_t *out_bytes);

/*
 * Blocks and bytes that a site allocates per second, over the last second or so; NaN when it was
 * read but once. When its process has ended, over the life of that.
 */
struct ms_site_rates {
    double allocations_per_s, bytes_allocated_per_s;
};
struct ms_site_rates ms_site_rates_of(const struct ms_model *model, const struct ms_site *site);

/* Shares of call stacks, 0..1; NaN when there is nothing to take a share of. */
double ms_stack_check_proven_share(const struct ms_stack_check *check);
double ms_stack_check_rechecked_share(const struct ms_stack_check *check);
double ms_stack_check_agreement(const struct ms_stack_check *check);
void ms_stack_check_add(struct ms_stack_check *sum, const struct ms_stack_check *check);

#endif
