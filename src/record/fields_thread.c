/* Threads, and what rates are made of, as tables of fields. */
#include "model/model.h"
#include "model/past.h"
#include "record/fields_tables.h"

#define F(member)  MS_FIELD(struct ms_thread, member)
#define IO(member) MS_FIELD_EACH(struct ms_thread, io.of, member)

/* clang-format off */
static const struct ms_field thread_rows[] = {
    F(process_id),
    F(tid),
    F(name),
    F(tracked),
    F(probed),
    F(start_ns),
    F(end_ns),
    F(last_seen_before_end_ns),
    MS_FIELDS_OF_HEAP(struct ms_thread, heap),
    F(own_deallocations),
    F(own_bytes_freed),
    F(at_peak_bytes),
    F(at_peak_known),
    F(kernel.have),
    F(kernel.refused),
    F(kernel.often_read_ns),
    F(kernel.stat_read_ns),
    F(kernel.slowly_read_ns),
    F(kernel.counters_read_ns),
    F(kernel.state),
    F(kernel.last_core),
    F(kernel.node),
    F(kernel.cores_allowed),
    F(kernel.affinity),
    F(kernel.migrations),
    F(kernel.counters.cycles),
    F(kernel.counters.instructions),
    F(kernel.counters.cache_references),
    F(kernel.counters.cache_misses),
    F(kernel.counters.branches),
    F(kernel.counters.branch_misses),
    F(kernel.counters.enabled_ns),
    F(kernel.counters.running_ns),
    F(kernel.run_ns),
    F(kernel.run_queue_wait_ns),
    F(kernel.user_ns),
    F(kernel.system_ns),
    F(kernel.minor_faults),
    F(kernel.major_faults),
    F(kernel.voluntary_switches),
    F(kernel.involuntary_switches),
    F(kernel.read_calls),
    F(kernel.write_calls),
    F(kernel.read_chars_bytes),
    F(kernel.write_chars_bytes),
    F(kernel.read_storage_bytes),
    F(kernel.write_storage_bytes),
    F(io.have),
    F(io.in_flight),
    MS_FIELD_ENUM(struct ms_thread, io.in_flight_kind, MS_IO_KIND_TOTAL),
    F(io.in_flight_since_ns),
    IO(calls),
    IO(bytes),
    IO(errors),
    IO(would_block),
    IO(messages),
    IO(timed_calls),
    IO(timed_ns),
    IO(wait_ns),
    F(merged),
    F(merged_life_ns),
};

static const struct ms_left_out thread_left_out[] = {
    MS_LEFT_OUT(struct ms_thread, id, "names the thread, and never changes"),
    MS_LEFT_OUT(struct ms_thread, rates, "in the table thread_rates"),
    MS_LEFT_OUT(struct ms_thread, history, "histories are made of ticks, or in blocks of their own"),
};
#undef F
#undef IO

#define F(member) MS_FIELD(struct ms_thread_rates, member)
static const struct ms_field rate_rows[] = {
    F(cpu_pct),
    F(user_pct),
    F(system_pct),
    F(run_queue_wait_pct),
    F(allocations_per_s),
    F(bytes_allocated_per_s),
    F(growth_bytes_per_s),
    F(io_calls_per_s),
    F(io_bytes_per_s),
    F(read_bytes_per_s),
    F(write_bytes_per_s),
    F(io_wait_pct),
    F(poll_wait_pct),
    F(network_wait_pct),
    F(received_bytes_per_s),
    F(sent_bytes_per_s),
    F(switches_per_s),
    F(migrations_per_s),
    F(minor_faults_per_s),
    F(major_faults_per_s),
    F(cycles_per_s),
    F(instructions_per_s),
    F(cache_misses_per_s),
    F(branch_misses_per_s),
    F(cache_references_per_s),
    F(branches_per_s),
    F(temporary_per_s),
    F(throttled_pct),
};
#undef F

#define F(member) MS_FIELD(struct ms_sample, member)
static const struct ms_field sample_rows[] = {
    F(time_ns),
    MS_FIELD_ARRAY(struct ms_sample, read_ns),
    F(have),
    MS_FIELD_ARRAY(struct ms_sample, counters),
};
#undef F

static const struct ms_field past_rows[] = {
    MS_FIELD_UPTO(struct ms_past, count, MS_PAST_SAMPLES),
    MS_FIELD_UPTO(struct ms_past, newest, MS_PAST_SAMPLES - 1),
    MS_FIELD(struct ms_past, flat_since_ns),
    MS_FIELD_UPTO(struct ms_past, sparse_count, MS_PAST_SPARSE),
    MS_FIELD_UPTO(struct ms_past, sparse_newest, MS_PAST_SPARSE - 1),
};
static const struct ms_left_out past_left_out[] = {
    MS_LEFT_OUT(struct ms_past, base, "looked for anew in every tick"),
    MS_LEFT_OUT(struct ms_past, samples, "each by the table sample"),
    MS_LEFT_OUT(struct ms_past, sparse, "each by the table sample"),
};
/* clang-format on */

const struct ms_fields ms_fields_thread =
    MS_FIELDS(struct ms_thread, "thread", thread_rows, thread_left_out);
const struct ms_fields ms_fields_thread_rates =
    MS_FIELDS_ALL(struct ms_thread_rates, "thread_rates", rate_rows);
const struct ms_fields ms_fields_sample = MS_FIELDS_ALL(struct ms_sample, "sample", sample_rows);
const struct ms_fields ms_fields_past = MS_FIELDS(struct ms_past, "past", past_rows, past_left_out);
