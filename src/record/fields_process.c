/* Processes as tables of fields. */
#include "model/model.h"
#include "model/restore.h"
#include "record/fields_tables.h"

#define F(member)           MS_FIELD(struct ms_process, member)
#define EACH(array, member) MS_FIELD_EACH(struct ms_process, array, member)

/* clang-format off */
#define MEMORY_FIGURES(at)                                                                         \
    F(at.mapped_bytes), F(at.resident_bytes), F(at.proportional_bytes), F(at.private_bytes),       \
        F(at.swapped_bytes), F(at.mappings)

static const struct ms_field process_rows[] = {
    F(parent_id),
    F(exec_of),
    F(pid),
    F(exe),
    F(start_ns),
    F(start_unix_ns),
    F(end_ns),
    F(exit_status),
    F(exit_signal),
    F(core_dumped),
    F(replaced_by_exec),
    MS_FIELD_ENUM(struct ms_process, seen, MS_SEEN_NONE + 1),
    F(seen_because),
    F(thread_read_hz),
    F(allocator),
    MS_FIELDS_OF_HEAP(struct ms_process, totals),
    F(peak_error_bytes),
    F(peak.epoch),
    F(peak.bytes),
    F(peak.error_bytes),
    F(peak.at_ns),
    F(sites_read_ns),
    F(sites_before_ns),
    F(stacks.walked),
    F(stacks.proven),
    F(stacks.rechecked),
    F(stacks.differed),
    F(stacks.interpreted),
    F(stacks.cut_no_cfi),
    F(probe_bytes),
    F(gpu_pct),
    F(gpu_bytes),
    F(have_gpu),
    F(resources.map.have),
    F(resources.map.read_ns),
    EACH(resources.map.parts, mapped_bytes),
    EACH(resources.map.parts, resident_bytes),
    EACH(resources.map.parts, proportional_bytes),
    EACH(resources.map.parts, private_bytes),
    EACH(resources.map.parts, swapped_bytes),
    EACH(resources.map.parts, mappings),
    MEMORY_FIGURES(resources.map.all),
    F(resources.map.live_bytes),
    F(resources.map.live_blocks),
    F(resources.map.rounding_bytes),
    F(resources.limits.have),
    F(resources.limits.address_space_bytes),
    F(resources.limits.data_bytes),
    F(resources.limits.stack_bytes),
    F(resources.limits.resident_bytes),
    F(resources.limits.locked_bytes),
    F(resources.limits.file_bytes),
    F(resources.limits.core_bytes),
    F(resources.limits.files),
    F(resources.limits.processes),
    F(resources.cgroup.have),
    F(resources.cgroup.have_memory),
    F(resources.cgroup.have_swap),
    F(resources.cgroup.have_kills),
    F(resources.cgroup.have_cpu),
    F(resources.cgroup.have_throttling),
    F(resources.cgroup.have_processes),
    F(resources.cgroup.version),
    F(resources.cgroup.path),
    F(resources.cgroup.memory_bytes),
    F(resources.cgroup.memory_max_bytes),
    F(resources.cgroup.memory_high_bytes),
    F(resources.cgroup.swap_bytes),
    F(resources.cgroup.swap_max_bytes),
    F(resources.cgroup.out_of_memory_kills),
    F(resources.cgroup.cpus),
    F(resources.cgroup.throttled_periods),
    F(resources.cgroup.periods),
    F(resources.cgroup.throttled_ns),
    F(resources.cgroup.processes),
    F(resources.cgroup.processes_max),
    MS_FIELDS_OF_PRESSURE(struct ms_process, resources.cgroup.pressure),
    F(resources.files.have),
    F(resources.files.all),
    F(resources.files.files),
    F(resources.files.sockets),
    F(resources.files.pipes),
    F(resources.files.others),
    F(resources.network.have),
    F(resources.network.established),
    F(resources.network.listening),
    F(resources.network.other_tcp),
    F(resources.network.udp),
    F(resources.network.unix_sockets),
    F(resources.network.sent_bytes),
    F(resources.network.received_bytes),
    F(resources.network.retransmitted),
    F(resources.network.connections_seen),
    F(resources.network.round_trip_us),
    F(resources.network.round_trip_max_us),
    F(resources.network.read_ns),
    F(losses.recorded),
    F(losses.lost),
    F(losses.coarsened),
    F(losses.owner_unknown),
    F(losses.threads_folded),
    F(losses.not_classified),
    F(losses.rates_refused),
    F(losses.misuse_missing),
    F(losses.marks_missing),
    F(losses.io_sites_missing),
    F(trace.begun),
    F(trace.sent),
    F(trace.lost),
    F(tracking.known),
    F(tracking.trace_allowed),
    F(tracking.changes),
    MS_FIELD_ENUM(struct ms_process, tracking.asked.mode, MS_TRACK_MODES),
    F(tracking.asked.depth),
    F(tracking.asked.rate.interval),
    F(tracking.asked.rate.of_allocations),
    F(tracking.asked.threads),
    F(tracking.steps),
    EACH(tracking.step, at_ns),
    EACH(tracking.step, sampled),
    EACH(tracking.step, depth),
    EACH(tracking.step, rate.interval),
    EACH(tracking.step, rate.of_allocations),
    EACH(tracking.step, in_force),
    F(kernel.have_memory),
    F(kernel.have_pss),
    F(kernel.have_io),
    F(kernel.rss_bytes),
    F(kernel.pss_bytes),
    F(kernel.virtual_bytes),
    F(kernel.peak_rss_bytes),
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
    F(merged),
    F(merged_failed),
    F(merged_unknown),
    F(merged_life_ns),
    F(merged_peak_bytes),
};

static const struct ms_field rate_rows[] = {
    F(cpu_pct),
    F(allocated_per_s),
    F(allocations_per_s),
    F(growth_per_s),
    F(io_calls_per_s),
    F(read_per_s),
    F(written_per_s),
    F(received_per_s),
    F(sent_per_s),
    F(run_queue_pct),
    F(major_faults_per_s),
    F(minor_faults_per_s),
};

static const char apart[] = "written apart, since it is a pointer or goes with one";
static const char elsewhere[] = "in the table process_rates";
static const char of_history[] = "histories are made of ticks, or in blocks of their own";
#define LEFT(member, because) MS_LEFT_OUT(struct ms_process, member, because)
/* Of each step down, the words. */
#define STEP(index) LEFT(tracking.step[index].because, apart)
static const struct ms_left_out process_left_out[] = {
    LEFT(id, "names the process, and never changes"),
    LEFT(arguments, apart),
    LEFT(arguments_bytes, apart),
    LEFT(threads_unread, apart),
    LEFT(trace.because, apart),
    STEP(0), STEP(1), STEP(2), STEP(3), STEP(4), STEP(5), STEP(6), STEP(7),
    LEFT(tracking.steps_kept, apart),
    LEFT(resources.network.kept, apart),
    LEFT(resources.network.connections, apart),
    LEFT(cpu_pct, elsewhere),
    LEFT(allocated_per_s, elsewhere),
    LEFT(allocations_per_s, elsewhere),
    LEFT(growth_per_s, elsewhere),
    LEFT(io_calls_per_s, elsewhere),
    LEFT(read_per_s, elsewhere),
    LEFT(written_per_s, elsewhere),
    LEFT(received_per_s, elsewhere),
    LEFT(sent_per_s, elsewhere),
    LEFT(run_queue_pct, elsewhere),
    LEFT(major_faults_per_s, elsewhere),
    LEFT(minor_faults_per_s, elsewhere),
    LEFT(history, of_history),
};
#undef F
#undef EACH
#undef STEP
/* clang-format on */
_Static_assert(MS_STEP_DOWNS_MAX == 8, "each of them has its row above");

const struct ms_fields ms_fields_process =
    MS_FIELDS(struct ms_process, "process", process_rows, process_left_out);
const struct ms_fields ms_fields_process_rates =
    MS_FIELDS_ALL(struct ms_process, "process_rates", rate_rows);

#define F(member) MS_FIELD(struct ms_process_inside, member)
static const struct ms_field inside_rows[] = {
    F(attributed_epoch), F(attributed_at_end),  F(stands_for_many),        F(run_queue_pct),
    F(network_ns),       F(network_sent_bytes), F(network_received_bytes),
};
#undef F
const struct ms_fields ms_fields_process_inside =
    MS_FIELDS_ALL(struct ms_process_inside, "process_inside", inside_rows);

#define F(member) MS_FIELD(struct ms_connection, member)
static const struct ms_field connection_rows[] = {
    MS_FIELD_ENUM(struct ms_connection, kind, MS_CONNECTION_UNIX + 1),
    F(descriptor),
    F(state),
    F(local),
    F(remote),
    F(sent_bytes),
    F(received_bytes),
    F(sent_messages),
    F(received_messages),
    F(retransmitted),
    F(send_queue_bytes),
    F(receive_queue_bytes),
    F(round_trip_us),
    F(round_trip_min_us),
};
#undef F
const struct ms_fields ms_fields_connection =
    MS_FIELDS_ALL(struct ms_connection, "connection", connection_rows);
