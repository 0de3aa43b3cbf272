/* The machine, in the JSON report: what its sources told last, with the reasons of the others. */
#include <math.h>
#include <string.h>

#include "export/json_parts.h"

static void member_figure(struct ms_json_writer *writer, const char *name, double value)
{
    ms_json_key(writer, name);
    ms_json_fixed(writer, value, 3);
}

static void member_positive(struct ms_json_writer *writer, const char *name, uint64_t value)
{
    ms_json_member_u64_or_null(writer, name, value > 0, value);
}

static void write_caches(struct ms_json_writer *writer, const struct ms_cpu_identity *identity)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < identity->cache_count; i++) {
        const struct ms_cache *cache = &identity->caches[i];
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "level", cache->level);
        ms_json_member_string(writer, "kind",
                              cache->kind == 'd'   ? "data"
                              : cache->kind == 'i' ? "instruction"
                                                   : "unified");
        ms_json_member_u64(writer, "bytes", cache->bytes);
        member_positive(writer, "line_bytes", cache->line_bytes);
        member_positive(writer, "instances", cache->instances);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_identity(struct ms_json_writer *writer, const struct ms_cpu_identity *identity)
{
    ms_json_object_begin(writer);
    ms_json_member_text_or_null(writer, "vendor", identity->vendor);
    ms_json_member_text_or_null(writer, "brand", identity->brand);
    ms_json_member_text_or_null(writer, "codename", identity->codename);
    ms_json_member_text_or_null(writer, "codename_unavailable_because", identity->codename_because);
    ms_json_member_u64_or_null(writer, "family", identity->family > 0, identity->family);
    ms_json_member_u64_or_null(writer, "model", identity->family > 0, identity->model);
    ms_json_member_u64_or_null(writer, "stepping", identity->family > 0, identity->stepping);
    member_positive(writer, "packages", identity->packages);
    member_positive(writer, "physical_cores", identity->physical_cores);
    member_positive(writer, "logical_cores", identity->logical_cores);
    ms_json_member_text_or_null(writer, "hypervisor", identity->hypervisor);
    ms_json_key(writer, "caches");
    write_caches(writer, identity);
    ms_json_object_end(writer);
}

static void write_core(struct ms_json_writer *writer, uint32_t index, const struct ms_core *core)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "core", index);
    member_figure(writer, "busy_percent", (double)core->pct);
    member_figure(writer, "user_percent", (double)core->user_pct);
    member_figure(writer, "system_percent", (double)core->system_pct);
    member_figure(writer, "io_wait_percent", (double)core->io_wait_pct);
    member_figure(writer, "steal_percent", (double)core->steal_pct);
    member_figure(writer, "mhz", (double)core->mhz);
    ms_json_member_u64_or_null(writer, "node", core->node >= 0,
                               core->node >= 0 ? (uint64_t)core->node : 0);
    ms_json_object_end(writer);
}

static void write_cores(struct ms_json_writer *writer, const struct ms_system *system)
{
    ms_json_array_begin(writer);
    for (uint32_t i = 0; i < system->cores && i < MS_CORES_MAX; i++) {
        ms_json_line(writer);
        write_core(writer, i, &system->core[i]);
    }
    ms_json_array_end(writer);
}

static void write_stall(struct ms_json_writer *writer, const struct ms_stall *stall)
{
    ms_json_object_begin(writer);
    member_figure(writer, "some_avg10_percent", stall->some_avg10_pct);
    member_figure(writer, "some_avg60_percent", stall->some_avg60_pct);
    member_figure(writer, "full_avg10_percent", stall->full_avg10_pct);
    member_figure(writer, "full_avg60_percent", stall->full_avg60_pct);
    ms_json_object_end(writer);
}

static void write_pressure(struct ms_json_writer *writer, const struct ms_pressure *pressure)
{
    if (!pressure->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    ms_json_key(writer, "cpu");
    write_stall(writer, &pressure->cpu);
    ms_json_key(writer, "memory");
    write_stall(writer, &pressure->memory);
    ms_json_key(writer, "io");
    write_stall(writer, &pressure->io);
    ms_json_object_end(writer);
}

static void write_disks(struct ms_json_writer *writer, const struct ms_system *system)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < system->disk_count; i++) {
        const struct ms_disk *disk = &system->disks[i];
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "name", disk->name);
        ms_json_member_bool(writer, "stacked", disk->stacked);
        ms_json_member_u64(writer, "read_bytes", disk->read_bytes);
        ms_json_member_u64(writer, "written_bytes", disk->written_bytes);
        member_figure(writer, "read_bytes_per_s", disk->read_bytes_per_s);
        member_figure(writer, "write_bytes_per_s", disk->write_bytes_per_s);
        member_figure(writer, "reads_per_s", disk->reads_per_s);
        member_figure(writer, "writes_per_s", disk->writes_per_s);
        member_figure(writer, "busy_percent", disk->busy_pct);
        member_figure(writer, "wait_ms", disk->wait_ms);
        ms_json_member_u64(writer, "in_flight", disk->in_flight);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_interfaces(struct ms_json_writer *writer, const struct ms_system *system)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < system->interface_count; i++) {
        const struct ms_interface *interface = &system->interfaces[i];
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "name", interface->name);
        ms_json_member_bool(writer, "hardware", interface->hardware);
        ms_json_member_u64(writer, "received_bytes", interface->received_bytes);
        ms_json_member_u64(writer, "sent_bytes", interface->sent_bytes);
        member_figure(writer, "received_bytes_per_s", interface->received_bytes_per_s);
        member_figure(writer, "sent_bytes_per_s", interface->sent_bytes_per_s);
        member_figure(writer, "received_packets_per_s", interface->received_packets_per_s);
        member_figure(writer, "sent_packets_per_s", interface->sent_packets_per_s);
        ms_json_member_u64(writer, "errors", interface->errors);
        ms_json_member_u64(writer, "dropped", interface->dropped);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_sensors(struct ms_json_writer *writer, const struct ms_system *system)
{
    static const char *const kinds[] = {[MS_SENSOR_TEMPERATURE] = "temperature_c",
                                        [MS_SENSOR_FAN] = "fan_rpm",
                                        [MS_SENSOR_POWER] = "power_w",
                                        [MS_SENSOR_VOLTAGE] = "voltage_v"};
    ms_json_array_begin(writer);
    for (size_t i = 0; i < system->sensor_count; i++) {
        const struct ms_sensor *sensor = &system->sensors[i];
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "kind", kinds[sensor->kind]);
        ms_json_member_string(writer, "chip", sensor->chip);
        ms_json_member_string(writer, "label", sensor->label);
        member_figure(writer, "value", sensor->value);
        member_figure(writer, "high", sensor->high);
        member_figure(writer, "critical", sensor->critical);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_gpu_users(struct ms_json_writer *writer, const struct ms_gpu *gpu)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < gpu->user_count; i++) {
        const struct ms_gpu_user *user = &gpu->users[i];
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "pid", user->pid > 0 ? (uint64_t)user->pid : 0);
        ms_json_member_u64_or_null(writer, "process_id", user->process_id != 0, user->process_id);
        ms_json_member_u64_or_null(writer, "memory_bytes", user->have_memory, user->memory_bytes);
        member_figure(writer, "percent", user->pct);
        member_figure(writer, "memory_percent", user->memory_pct);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

/* Of one that does not answer any more everything but what it is: null. */
static void write_gpu(struct ms_json_writer *writer, const struct ms_gpu *gpu, uint64_t now_ns)
{
    const bool stale = ms_gpu_stale(gpu, now_ns);
    const bool memory = !stale && gpu->memory_total_bytes > 0;
    const struct {
        const char *name;
        double value;
    } figures[] = {{"utilization_percent", gpu->pct},
                   {"memory_traffic_percent", gpu->memory_traffic_pct},
                   {"sm_mhz", gpu->sm_mhz},
                   {"sm_max_mhz", gpu->sm_max_mhz},
                   {"memory_mhz", gpu->memory_mhz},
                   {"temperature_c", gpu->temperature_c},
                   {"power_w", gpu->power_w},
                   {"power_limit_w", gpu->power_limit_w},
                   {"pcie_sent_bytes_per_s", gpu->pcie_sent_bytes_per_s},
                   {"pcie_received_bytes_per_s", gpu->pcie_received_bytes_per_s}};
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "name", gpu->name);
    ms_json_member_text_or_null(writer, "uuid", gpu->uuid);
    ms_json_member_text_or_null(writer, "driver", gpu->driver);
    ms_json_member_text_or_null(writer, "pci", gpu->pci);
    ms_json_member_string(writer, "source", gpu->nvidia ? "nvidia_gpu" : "drm_gpu");
    ms_json_member_bool(writer, "lost", gpu->lost);
    ms_json_member_bool(writer, "stale", stale);
    ms_json_member_bool(writer, "partitioned", gpu->partitioned);
    ms_json_member_u64_or_null(writer, "memory_used_bytes", memory, gpu->memory_used_bytes);
    member_positive(writer, "memory_total_bytes", gpu->memory_total_bytes);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        member_figure(writer, figures[i].name, stale ? (double)NAN : figures[i].value);
    }
    member_positive(writer, "multiprocessors", gpu->multiprocessors);
    member_positive(writer, "energy_mj", gpu->energy_mj);
    ms_json_member_text_or_null(writer, "unavailable_because", gpu->because);
    ms_json_key(writer, "processes");
    write_gpu_users(writer, gpu);
    ms_json_object_end(writer);
}

/* null: there is none that tells anything; the sources say why. */
static void write_gpus(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_system *system = ms_model_system(model);
    if (system->gpu_count == 0) {
        ms_json_null(writer);
        return;
    }
    ms_json_array_begin(writer);
    for (size_t i = 0; i < system->gpu_count; i++) {
        ms_json_line(writer);
        write_gpu(writer, &system->gpus[i], ms_model_now_ns(model));
    }
    ms_json_array_end(writer);
}

static void write_memory(struct ms_json_writer *writer, const struct ms_system *system)
{
    const bool have = system->memory_total_bytes > 0;
    member_positive(writer, "memory_total_bytes", system->memory_total_bytes);
    member_positive(writer, "memory_available_bytes", system->memory_available_bytes);
    member_positive(writer, "page_cache_bytes", system->page_cache_bytes);
    ms_json_member_u64_or_null(writer, "swap_total_bytes", have, system->swap_total_bytes);
    ms_json_member_u64_or_null(writer, "swap_free_bytes", have, system->swap_free_bytes);
}

void ms_json_system(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_system *system = ms_model_system(model);
    ms_json_object_begin(writer);
    ms_json_member_text_or_null(writer, "kernel", system->kernel);
    ms_json_member_text_or_null(writer, "cpu_model", system->cpu_model);
    member_positive(writer, "cores", system->cores);
    member_positive(writer, "nodes", system->nodes);
    write_memory(writer, system);
    member_figure(writer, "cpu_percent", system->cpu_pct);
    member_figure(writer, "user_percent", system->user_pct);
    member_figure(writer, "system_percent", system->system_pct);
    member_figure(writer, "io_wait_percent", system->io_wait_pct);
    member_figure(writer, "steal_percent", system->steal_pct);
    member_figure(writer, "mhz", system->mhz);
    member_figure(writer, "load_1", system->load_1);
    member_figure(writer, "load_5", system->load_5);
    member_figure(writer, "load_15", system->load_15);
    member_positive(writer, "runnable", system->runnable);
    member_positive(writer, "tasks", system->tasks);
    ms_json_key(writer, "processor");
    write_identity(writer, &system->identity);
    ms_json_key(writer, "pressure");
    write_pressure(writer, &system->pressure);
    ms_json_key(writer, "per_core");
    write_cores(writer, system);
    ms_json_key(writer, "disks");
    write_disks(writer, system);
    ms_json_key(writer, "interfaces");
    write_interfaces(writer, system);
    ms_json_key(writer, "sensors");
    write_sensors(writer, system);
    ms_json_key(writer, "gpus");
    write_gpus(writer, model);
    ms_json_object_end(writer);
}

void ms_json_sources(struct ms_json_writer *writer, const struct ms_model *model)
{
    static const char *const conditions[] = {[MS_SOURCE_NOT_ASKED] = "not_asked",
                                             [MS_SOURCE_AVAILABLE] = "available",
                                             [MS_SOURCE_UNAVAILABLE] = "unavailable",
                                             [MS_SOURCE_PARTIAL] = "partial"};
    ms_json_array_begin(writer);
    for (int i = 0; i < MS_SOURCE_TOTAL; i++) {
        const struct ms_source_state *state = ms_model_source(model, (enum ms_source)i);
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "name", ms_source_name((enum ms_source)i));
        ms_json_member_string(writer, "what", ms_source_what((enum ms_source)i));
        ms_json_member_string(writer, "condition", conditions[state->condition]);
        ms_json_member_text_or_null(writer, "because", state->because);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}
