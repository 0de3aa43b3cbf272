/* What a process uses besides its heap, for the JSON report. */
#include <math.h>
#include <string.h>

#include "export/json_parts.h"

static void write_time(struct ms_json_writer *writer, const struct ms_model *model,
                       uint64_t read_ns)
{
    ms_json_key(writer, "t_ns");
    ms_json_i64(writer, (int64_t)(read_ns - ms_model_start_ns(model)));
}

static void write_figures(struct ms_json_writer *writer, const char *part,
                          const struct ms_memory_figures *figures)
{
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "part", part);
    ms_json_member_u64(writer, "mapped_bytes", figures->mapped_bytes);
    ms_json_member_u64(writer, "resident_bytes", figures->resident_bytes);
    ms_json_member_u64(writer, "proportional_bytes", figures->proportional_bytes);
    ms_json_member_u64(writer, "private_bytes", figures->private_bytes);
    ms_json_member_u64(writer, "swapped_bytes", figures->swapped_bytes);
    ms_json_member_u64(writer, "mappings", figures->mappings);
    ms_json_object_end(writer);
}

static void write_map(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_memory_map *map)
{
    ms_json_key(writer, "memory_map");
    if (!map->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    write_time(writer, model, map->read_ns);
    ms_json_key(writer, "parts");
    ms_json_array_begin(writer);
    for (int part = 0; part < MS_MEMORY_PART_TOTAL; part++) {
        write_figures(writer, ms_memory_part_name((enum ms_memory_part)part), &map->parts[part]);
    }
    write_figures(writer, "all", &map->all);
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}

static void write_heap(struct ms_json_writer *writer, const struct ms_process *process)
{
    const struct ms_heap_parts heap = ms_heap_parts_of(process);
    ms_json_key(writer, "heap");
    if (!heap.have) {
        ms_json_null(writer);
    } else {
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "resident_bytes", heap.resident_bytes);
        ms_json_member_u64(writer, "live_bytes", heap.live_bytes);
        ms_json_member_u64(writer, "rounding_bytes", heap.rounding_bytes);
        ms_json_member_u64(writer, "tags_bytes", heap.tags_bytes);
        ms_json_key(writer, "unexplained_bytes");
        ms_json_i64(writer, heap.unexplained_bytes);
        ms_json_member_fixed(writer, "fragmentation", heap.fragmentation);
        ms_json_object_end(writer);
    }
    ms_json_member_text_or_null(writer, "heap_unavailable_because", heap.because);
}

/* null: no limit. */
static void write_limit(struct ms_json_writer *writer, const char *name, uint64_t limit)
{
    ms_json_member_u64_or_null(writer, name, limit != MS_NO_LIMIT, limit);
}

static void write_limits(struct ms_json_writer *writer, const struct ms_resource_limits *limits)
{
    ms_json_key(writer, "limits");
    if (!limits->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    write_limit(writer, "address_space_bytes", limits->address_space_bytes);
    write_limit(writer, "data_bytes", limits->data_bytes);
    write_limit(writer, "stack_bytes", limits->stack_bytes);
    write_limit(writer, "resident_bytes", limits->resident_bytes);
    write_limit(writer, "locked_bytes", limits->locked_bytes);
    write_limit(writer, "file_bytes", limits->file_bytes);
    write_limit(writer, "core_bytes", limits->core_bytes);
    write_limit(writer, "files", limits->files);
    write_limit(writer, "processes", limits->processes);
    ms_json_object_end(writer);
}

static void write_stall(struct ms_json_writer *writer, const char *name,
                        const struct ms_stall *stall)
{
    ms_json_key(writer, name);
    ms_json_object_begin(writer);
    ms_json_member_fixed(writer, "some_avg10_percent", stall->some_avg10_pct);
    ms_json_member_fixed(writer, "some_avg60_percent", stall->some_avg60_pct);
    ms_json_member_fixed(writer, "full_avg10_percent", stall->full_avg10_pct);
    ms_json_member_fixed(writer, "full_avg60_percent", stall->full_avg60_pct);
    ms_json_member_u64_or_null(writer, "some_us", !isnan(stall->some_avg10_pct), stall->some_us);
    ms_json_member_u64_or_null(writer, "full_us", !isnan(stall->full_avg10_pct), stall->full_us);
    ms_json_object_end(writer);
}

static void put_pressure(struct ms_json_writer *writer, const struct ms_pressure *pressure)
{
    if (!pressure->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    write_stall(writer, "cpu", &pressure->cpu);
    write_stall(writer, "memory", &pressure->memory);
    write_stall(writer, "io", &pressure->io);
    ms_json_object_end(writer);
}

static void write_cgroup(struct ms_json_writer *writer, const struct ms_cgroup *cgroup)
{
    ms_json_key(writer, "cgroup");
    if (!cgroup->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "version", cgroup->version);
    ms_json_key(writer, "path");
    ms_json_bytes(writer, cgroup->path, strnlen(cgroup->path, sizeof(cgroup->path)));
    ms_json_member_u64_or_null(writer, "memory_bytes", cgroup->have_memory, cgroup->memory_bytes);
    write_limit(writer, "memory_max_bytes", cgroup->memory_max_bytes);
    write_limit(writer, "memory_high_bytes", cgroup->memory_high_bytes);
    ms_json_member_u64_or_null(writer, "swap_bytes", cgroup->have_swap, cgroup->swap_bytes);
    write_limit(writer, "swap_max_bytes", cgroup->swap_max_bytes);
    ms_json_member_u64_or_null(writer, "out_of_memory_kills", cgroup->have_kills,
                               cgroup->out_of_memory_kills);
    ms_json_member_fixed(writer, "cpus", cgroup->cpus);
    ms_json_member_u64_or_null(writer, "periods", cgroup->have_throttling, cgroup->periods);
    ms_json_member_u64_or_null(writer, "throttled_periods", cgroup->have_throttling,
                               cgroup->throttled_periods);
    ms_json_member_u64_or_null(writer, "throttled_ns", cgroup->have_throttling,
                               cgroup->throttled_ns);
    ms_json_member_u64_or_null(writer, "processes", cgroup->have_processes, cgroup->processes);
    write_limit(writer, "processes_max", cgroup->processes_max);
    ms_json_key(writer, "pressure");
    put_pressure(writer, &cgroup->pressure);
    ms_json_object_end(writer);
}

static void write_open_files(struct ms_json_writer *writer, const struct ms_open_files *files)
{
    ms_json_key(writer, "open_files");
    if (!files->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "all", files->all);
    ms_json_member_u64(writer, "files", files->files);
    ms_json_member_u64(writer, "sockets", files->sockets);
    ms_json_member_u64(writer, "pipes", files->pipes);
    ms_json_member_u64(writer, "others", files->others);
    ms_json_object_end(writer);
}

static void write_connection(struct ms_json_writer *writer, const struct ms_connection *connection)
{
    static const char *const kinds[] = {
        [MS_CONNECTION_TCP] = "tcp",
        [MS_CONNECTION_UDP] = "udp",
        [MS_CONNECTION_UNIX] = "unix",
    };
    const bool tcp = connection->kind == MS_CONNECTION_TCP;
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "kind", kinds[connection->kind]);
    ms_json_member_u64(writer, "descriptor", connection->descriptor);
    ms_json_member_string(writer, "state", connection->state);
    ms_json_member_text_or_null(writer, "local", connection->local);
    ms_json_member_text_or_null(writer, "remote", connection->remote);
    ms_json_member_u64_or_null(writer, "sent_bytes", tcp, connection->sent_bytes);
    ms_json_member_u64_or_null(writer, "received_bytes", tcp, connection->received_bytes);
    ms_json_member_u64_or_null(writer, "sent_messages", tcp, connection->sent_messages);
    ms_json_member_u64_or_null(writer, "received_messages", tcp, connection->received_messages);
    ms_json_member_u64_or_null(writer, "retransmitted", tcp, connection->retransmitted);
    ms_json_member_u64(writer, "send_queue_bytes", connection->send_queue_bytes);
    ms_json_member_u64(writer, "receive_queue_bytes", connection->receive_queue_bytes);
    ms_json_member_fixed(writer, "round_trip_us", connection->round_trip_us);
    ms_json_member_fixed(writer, "round_trip_min_us", connection->round_trip_min_us);
    ms_json_object_end(writer);
}

static void write_network(struct ms_json_writer *writer, const struct ms_model *model,
                          const struct ms_process *process)
{
    const struct ms_network *network = &process->resources.network;
    ms_json_key(writer, "network");
    if (!network->have) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    write_time(writer, model, network->read_ns);
    ms_json_member_u64(writer, "established", network->established);
    ms_json_member_u64(writer, "listening", network->listening);
    ms_json_member_u64(writer, "other_tcp", network->other_tcp);
    ms_json_member_u64(writer, "udp", network->udp);
    ms_json_member_u64(writer, "unix", network->unix_sockets);
    ms_json_member_u64(writer, "sent_bytes", network->sent_bytes);
    ms_json_member_u64(writer, "received_bytes", network->received_bytes);
    ms_json_member_u64(writer, "retransmitted", network->retransmitted);
    ms_json_member_u64(writer, "connections_seen", network->connections_seen);
    ms_json_member_fixed(writer, "sent_bytes_per_s", process->sent_per_s);
    ms_json_member_fixed(writer, "received_bytes_per_s", process->received_per_s);
    ms_json_member_fixed(writer, "round_trip_us", network->round_trip_us);
    ms_json_member_fixed(writer, "round_trip_max_us", network->round_trip_max_us);
    ms_json_key(writer, "connections");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < network->kept; i++) {
        write_connection(writer, &network->connections[i]);
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}

void ms_json_resources(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_process *process)
{
    const struct ms_resources *resources = &process->resources;
    ms_json_object_begin(writer);
    write_map(writer, model, &resources->map);
    write_heap(writer, process);
    write_limits(writer, &resources->limits);
    write_cgroup(writer, &resources->cgroup);
    write_open_files(writer, &resources->files);
    write_network(writer, model, process);
    ms_json_object_end(writer);
}
