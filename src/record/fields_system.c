/* The machine, sources and the trace as tables of fields. */
#include "model/model.h"
#include "model/restore.h"
#include "record/fields_tables.h"

/* clang-format off */
#define F(member) MS_FIELD(struct ms_inside, member)
static const struct ms_field session_rows[] = {
    F(now_ns),
    F(ticks),
    F(first_tick),
    F(next_thread_id),
    F(turn),
    F(merged_programs),
    F(ended_with_history),
};
#undef F

#define F(member)     MS_FIELD(struct ms_system, member)
#define CACHE(member) MS_FIELD_EACH(struct ms_system, identity.caches, member)
static const struct ms_field system_rows[] = {
    F(host),
    F(kernel),
    F(cpu_model),
    F(identity.have),
    F(identity.vendor),
    F(identity.brand),
    F(identity.codename),
    F(identity.codename_because),
    F(identity.family),
    F(identity.model),
    F(identity.stepping),
    F(identity.packages),
    F(identity.physical_cores),
    F(identity.logical_cores),
    CACHE(level),
    CACHE(kind),
    CACHE(bytes),
    CACHE(line_bytes),
    CACHE(instances),
    MS_FIELD_UPTO(struct ms_system, identity.cache_count, MS_ELEMENTS(struct ms_system, identity.caches)),
    F(identity.hypervisor),
    MS_FIELD_UPTO(struct ms_system, cores, MS_CORES_MAX),
    F(nodes),
    F(cpu_pct),
    F(user_pct),
    F(system_pct),
    F(io_wait_pct),
    F(steal_pct),
    F(load_1),
    F(load_5),
    F(load_15),
    F(runnable),
    F(tasks),
    F(memory_total_bytes),
    F(memory_available_bytes),
    F(swap_total_bytes),
    F(swap_free_bytes),
    F(page_cache_bytes),
    F(mhz),
    MS_FIELDS_OF_PRESSURE(struct ms_system, pressure),
    MS_FIELD_UPTO(struct ms_system, disk_count, MS_DISKS_MAX),
    MS_FIELD_UPTO(struct ms_system, interface_count, MS_INTERFACES_MAX),
    MS_FIELD_UPTO(struct ms_system, sensor_count, MS_SENSORS_MAX),
};
static const char of_history[] = "histories are made of ticks, or in blocks of their own";
static const struct ms_left_out system_left_out[] = {
    MS_LEFT_OUT(struct ms_system, core, "each by the table core"),
    MS_LEFT_OUT(struct ms_system, disks, "each by the table disk"),
    MS_LEFT_OUT(struct ms_system, interfaces, "each by the table interface"),
    MS_LEFT_OUT(struct ms_system, sensors, "each by the table sensor"),
    MS_LEFT_OUT(struct ms_system, gpus, "each by the table gpu"),
    MS_LEFT_OUT(struct ms_system, gpu_count, "written apart, since there must be room for them"),
    MS_LEFT_OUT(struct ms_system, history, of_history),
    MS_LEFT_OUT(struct ms_system, core_history, of_history),
};
#undef F
#undef CACHE

#define F(member) MS_FIELD(struct ms_core, member)
static const struct ms_field core_rows[] = {
    F(pct), F(user_pct), F(system_pct), F(io_wait_pct), F(steal_pct), F(mhz), F(node),
};
#undef F

#define F(member) MS_FIELD(struct ms_disk, member)
static const struct ms_field disk_rows[] = {
    F(name),
    F(stacked),
    F(read_bytes),
    F(written_bytes),
    F(read_bytes_per_s),
    F(write_bytes_per_s),
    F(reads_per_s),
    F(writes_per_s),
    F(busy_pct),
    F(wait_ms),
    F(in_flight),
};
#undef F

#define F(member) MS_FIELD(struct ms_interface, member)
static const struct ms_field interface_rows[] = {
    F(name),
    F(hardware),
    F(received_bytes),
    F(sent_bytes),
    F(received_bytes_per_s),
    F(sent_bytes_per_s),
    F(received_packets_per_s),
    F(sent_packets_per_s),
    F(errors),
    F(dropped),
};
#undef F

#define F(member) MS_FIELD(struct ms_sensor, member)
static const struct ms_field sensor_rows[] = {
    MS_FIELD_ENUM(struct ms_sensor, kind, MS_SENSOR_VOLTAGE + 1),
    F(chip),
    F(label),
    F(value),
    F(high),
    F(critical),
};
#undef F

#define F(member) MS_FIELD(struct ms_gpu, member)
static const struct ms_field gpu_rows[] = {
    F(name),
    F(uuid),
    F(driver),
    F(pci),
    F(nvidia),
    F(lost),
    F(partitioned),
    F(read_ns),
    F(pct),
    F(memory_traffic_pct),
    F(memory_used_bytes),
    F(memory_total_bytes),
    F(sm_mhz),
    F(sm_max_mhz),
    F(memory_mhz),
    F(temperature_c),
    F(power_w),
    F(power_limit_w),
    F(pcie_sent_bytes_per_s),
    F(pcie_received_bytes_per_s),
    F(multiprocessors),
    F(energy_mj),
    F(because),
    MS_FIELD_UPTO(struct ms_gpu, user_count, MS_GPU_USERS_MAX),
};
#undef F
static const struct ms_left_out gpu_left_out[] = {
    MS_LEFT_OUT(struct ms_gpu, users, "each by the table gpu_user"),
    MS_LEFT_OUT(struct ms_gpu, history, of_history),
    MS_LEFT_OUT(struct ms_gpu, memory_history, of_history),
};

#define F(member) MS_FIELD(struct ms_gpu_user, member)
static const struct ms_field gpu_user_rows[] = {
    F(pid), F(process_id), F(memory_bytes), F(have_memory), F(pct), F(memory_pct),
};
#undef F

static const struct ms_field source_rows[] = {
    MS_FIELD_ENUM(struct ms_source_state, condition, MS_SOURCE_PARTIAL + 1),
    MS_FIELD(struct ms_source_state, because),
};

#define F(member) MS_FIELD(struct ms_trace, member)
static const struct ms_field trace_rows[] = {
    F(asked), F(reading), F(because), F(events), F(batches), F(packet_bytes), F(missing), F(refused),
};
#undef F
/* clang-format on */

const struct ms_fields ms_fields_session = MS_FIELDS_ALL(struct ms_inside, "session", session_rows);
const struct ms_fields ms_fields_system =
    MS_FIELDS(struct ms_system, "system", system_rows, system_left_out);
const struct ms_fields ms_fields_core = MS_FIELDS_ALL(struct ms_core, "core", core_rows);
const struct ms_fields ms_fields_disk = MS_FIELDS_ALL(struct ms_disk, "disk", disk_rows);
const struct ms_fields ms_fields_interface =
    MS_FIELDS_ALL(struct ms_interface, "interface", interface_rows);
const struct ms_fields ms_fields_sensor = MS_FIELDS_ALL(struct ms_sensor, "sensor", sensor_rows);
const struct ms_fields ms_fields_gpu = MS_FIELDS(struct ms_gpu, "gpu", gpu_rows, gpu_left_out);
const struct ms_fields ms_fields_gpu_user =
    MS_FIELDS_ALL(struct ms_gpu_user, "gpu_user", gpu_user_rows);
const struct ms_fields ms_fields_source =
    MS_FIELDS_ALL(struct ms_source_state, "source", source_rows);
const struct ms_fields ms_fields_trace = MS_FIELDS_ALL(struct ms_trace, "trace", trace_rows);
