#include "record/fields_sites.h"

#include "model/figures.h"
#include "model/model.h"

#define SITE(member)         MS_FIELD(struct ms_site, member)
#define OUT(member, because) MS_LEFT_OUT(struct ms_site, member, because)

static const struct ms_field site_rows[] = {
    SITE(process_id),
    SITE(flags),
    SITE(changed_ns),
    SITE(allocations_per_s),
    SITE(bytes_allocated_per_s),
};
static const struct ms_left_out site_left_out[] = {
    OUT(id, "written apart"),
    OUT(depth, "among the names"),
    OUT(frame_numbers, "among the names"),
    OUT(frames, "among the names"),
    OUT(heap, "the sum of its usages"),
    OUT(work, "the sum of its activities"),
};
const struct ms_fields ms_fields_site = MS_FIELDS(struct ms_site, "site", site_rows, site_left_out);

static const struct ms_field site_sum_rows[] = {
    SITE(heap.allocations),
    SITE(heap.deallocations),
    SITE(heap.bytes_allocated),
    SITE(heap.bytes_freed),
    SITE(heap.peak_bytes),
    SITE(heap.reallocations),
    SITE(heap.failed_calls),
    SITE(heap.temporary),
    SITE(heap.waste_bytes),
    SITE(heap.frees_for_others),
    SITE(heap.bytes_freed_for_others),
    SITE(heap.foreign_frees),
    SITE(heap.mmap_bytes),
    SITE(heap.munmap_bytes),
};
static const struct ms_left_out site_sum_left_out[] = {
    OUT(id, "not a sum"),
    OUT(process_id, "not a sum"),
    OUT(depth, "not a sum"),
    OUT(flags, "not a sum"),
    OUT(frame_numbers, "not a sum"),
    OUT(frames, "not a sum"),
    OUT(changed_ns, "not a sum"),
    OUT(allocations_per_s, "not a sum"),
    OUT(bytes_allocated_per_s, "not a sum"),
    OUT(work, "compared apart"),
};
const struct ms_fields ms_fields_site_sums =
    MS_FIELDS(struct ms_site, "site sums", site_sum_rows, site_sum_left_out);

#undef OUT
#define USAGE(member)        MS_FIELD(struct ms_usage, member)
#define OUT(member, because) MS_LEFT_OUT(struct ms_usage, member, because)

/* Those that change most often come first, which makes for short gaps. */
static const struct ms_field usage_rows[] = {
    USAGE(allocations),
    USAGE(deallocations),
    USAGE(bytes_allocated),
    USAGE(bytes_freed),
    USAGE(peak_bytes),
    USAGE(waste_bytes),
    USAGE(temporary),
    USAGE(at_peak_bytes),
    USAGE(peak_epoch),
    MS_FIELD_UPTO(struct ms_usage, size_home, MS_HISTOGRAM_CLASSES),
    MS_FIELD_UPTO(struct ms_usage, lifetime_home, MS_HISTOGRAM_CLASSES),
    USAGE(not_sampled),
};
static const struct ms_left_out usage_left_out[] = {
    OUT(thread_id, "in the table usage identity"),
    OUT(site_id, "in the table usage identity"),
    OUT(rate, "in the table usage identity"),
    OUT(detail, "a table of its own"),
};
const struct ms_fields ms_fields_usage =
    MS_FIELDS(struct ms_usage, "usage", usage_rows, usage_left_out);

static const struct ms_field usage_identity_rows[] = {
    USAGE(thread_id),
    USAGE(site_id),
    USAGE(rate),
};
static const struct ms_left_out usage_identity_left_out[] = {
    OUT(allocations, "a figure"),      OUT(deallocations, "a figure"),
    OUT(bytes_allocated, "a figure"),  OUT(bytes_freed, "a figure"),
    OUT(peak_bytes, "a figure"),       OUT(waste_bytes, "a figure"),
    OUT(temporary, "a figure"),        OUT(at_peak_bytes, "a figure"),
    OUT(peak_epoch, "a figure"),       OUT(size_home, "a figure"),
    OUT(lifetime_home, "a figure"),    OUT(not_sampled, "a figure"),
    OUT(detail, "a table of its own"),
};
const struct ms_fields ms_fields_usage_identity =
    MS_FIELDS(struct ms_usage, "usage identity", usage_identity_rows, usage_identity_left_out);

static const struct ms_field usage_extra_rows[] = {
    MS_FIELD(struct ms_usage_extra, reallocations),
    MS_FIELD(struct ms_usage_extra, failed_calls),
    MS_FIELD(struct ms_usage_extra, samples),
    MS_FIELD(struct ms_usage_extra, samples_freed),
    MS_FIELD_ARRAY(struct ms_usage_extra, sizes.events),
    MS_FIELD_ARRAY(struct ms_usage_extra, lifetimes.events),
};
const struct ms_fields ms_fields_usage_extra =
    MS_FIELDS_ALL(struct ms_usage_extra, "usage extra", usage_extra_rows);

#undef OUT
#define ACTIVITY(member) MS_FIELD(struct ms_activity, member)

static const struct ms_field activity_rows[] = {
    ACTIVITY(work.cpu_samples), ACTIVITY(work.cpu_ns),     ACTIVITY(work.io_calls),
    ACTIVITY(work.io_bytes),    ACTIVITY(work.io_wait_ns), ACTIVITY(work.io_samples),
};
static const struct ms_left_out activity_left_out[] = {
    MS_LEFT_OUT(struct ms_activity, thread_id, "written apart"),
    MS_LEFT_OUT(struct ms_activity, site_id, "written apart"),
};
const struct ms_fields ms_fields_activity =
    MS_FIELDS(struct ms_activity, "activity", activity_rows, activity_left_out);

#define SAMPLING(member) MS_FIELD(struct ms_cpu_sampling, member)

static const struct ms_field cpu_sampling_rows[] = {
    SAMPLING(frequency_hz), SAMPLING(keep_one_in), SAMPLING(kernel),
    SAMPLING(samples),      SAMPLING(lost),        SAMPLING(throttled),
};
const struct ms_fields ms_fields_cpu_sampling =
    MS_FIELDS_ALL(struct ms_cpu_sampling, "CPU sampling", cpu_sampling_rows);

#define FLOW(member) MS_FIELD(struct ms_flow, member)

static const struct ms_field flow_rows[] = {
    FLOW(process_id), FLOW(from_thread), FLOW(to_thread), FLOW(blocks), FLOW(bytes),
};
const struct ms_fields ms_fields_flow = MS_FIELDS_ALL(struct ms_flow, "flow", flow_rows);

#define MISUSE(member) MS_FIELD(struct ms_misuse, member)

static const struct ms_field misuse_rows[] = {
    MISUSE(process_id),     MS_FIELD_ENUM(struct ms_misuse, kind, MS_MISUSE_TOTAL),
    MISUSE(allocated_site), MISUSE(released_site),
    MISUSE(thread_id),      MISUSE(count),
    MISUSE(bytes),          MS_FIELD_ENUM(struct ms_misuse, provenance, MS_UNAVAILABLE + 1),
    MISUSE(samples),        MISUSE(first_seen_ns),
    MISUSE(last_seen_ns),
};
static const struct ms_left_out misuse_left_out[] = {
    MS_LEFT_OUT(struct ms_misuse, how, "a string, written behind it"),
};
const struct ms_fields ms_fields_misuse =
    MS_FIELDS(struct ms_misuse, "misuse", misuse_rows, misuse_left_out);
