/*
 * The machine that the made-up session runs on, and what its process uses besides its heap. As in
 * world.h every figure follows from the tick number.
 */
#ifndef MS_TESTS_SCREENS_WORLD_MACHINE_H
#define MS_TESTS_SCREENS_WORLD_MACHINE_H

#include "world.h"

static inline void world_source(struct world *world, enum ms_source source,
                                enum ms_source_condition condition, const char *because)
{
    ms_model_source_set(world->model, source, condition, because);
}

static inline void world_machine_sources(struct world *world)
{
    for (int source = 0; source < MS_SOURCE_TOTAL; source++) {
        world_source(world, (enum ms_source)source, MS_SOURCE_AVAILABLE, NULL);
    }
    world_source(world, MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_UNAVAILABLE,
                 "this machine has no performance counters (a virtual machine?)");
    world_source(world, MS_SOURCE_NVIDIA_GPU, MS_SOURCE_UNAVAILABLE,
                 "libnvidia-ml.so.1 was not found: no driver of NVIDIA's is installed");
    world_source(world, MS_SOURCE_DRM_GPU, MS_SOURCE_UNAVAILABLE, "there is no /dev/dri");
    world_source(world, MS_SOURCE_SENSORS, MS_SOURCE_PARTIAL, "fans are not told by this machine");
    world_source(world, MS_SOURCE_FREQUENCY, MS_SOURCE_NOT_ASKED, NULL);
}

/* What does not change. */
static inline void world_machine_open(struct world *world, uint32_t cores)
{
    struct ms_system *system = ms_model_system_mutable(world->model);
    struct ms_cpu_identity *identity = &system->identity;
    world_machine_sources(world);
    system->cores = cores;
    system->nodes = 1;
    snprintf(system->host, sizeof system->host, "testhost");
    snprintf(system->kernel, sizeof system->kernel, "6.1.0-18-amd64");
    identity->have = true;
    snprintf(identity->vendor, sizeof identity->vendor, "AuthenticAMD");
    snprintf(identity->brand, sizeof identity->brand, "AMD EPYC 7543 32-Core Processor");
    snprintf(identity->codename, sizeof identity->codename, "Milan");
    identity->family = 25;
    identity->model = 1;
    identity->stepping = 1;
    identity->packages = 1;
    identity->physical_cores = cores / 2;
    identity->logical_cores = cores;
    identity->caches[0] = (struct ms_cache){1, 'd', 32768, 64, cores / 2};
    identity->caches[1] = (struct ms_cache){1, 'i', 32768, 64, cores / 2};
    identity->caches[2] = (struct ms_cache){2, 'u', 524288, 64, cores / 2};
    identity->caches[3] = (struct ms_cache){3, 'u', 33554432, 64, 1};
    identity->cache_count = 4;
    system->memory_total_bytes = 16000000000u;
    system->swap_total_bytes = 2000000000u;
    system->swap_free_bytes = 1900000000u;
    system->page_cache_bytes = 3100000000u;
    system->disk_count = 2;
    snprintf(system->disks[0].name, sizeof system->disks[0].name, "nvme0n1");
    snprintf(system->disks[1].name, sizeof system->disks[1].name, "sda");
    system->interface_count = 2;
    snprintf(system->interfaces[0].name, sizeof system->interfaces[0].name, "lo");
    snprintf(system->interfaces[1].name, sizeof system->interfaces[1].name, "eth0");
    system->sensor_count = 2;
    system->sensors[0] = (struct ms_sensor){.kind = MS_SENSOR_TEMPERATURE,
                                            .chip = "k10temp-pci-00c3",
                                            .label = "Tctl",
                                            .value = 61.5,
                                            .high = 90,
                                            .critical = 95};
    system->sensors[1] = (struct ms_sensor){.kind = MS_SENSOR_POWER,
                                            .chip = "zenpower",
                                            .label = "package",
                                            .value = 88,
                                            .high = NAN,
                                            .critical = NAN};
}

static inline void world_machine_process(struct world *world)
{
    struct ms_process *process = ms_model_process_mutable(world->model, 1);
    struct ms_resources *resources = &process->resources;
    const uint64_t rss = process->kernel.rss_bytes;
    const double phase = (double)world->tick / 30;
    process->kernel.read_chars_bytes += (uint64_t)(900000 * (1 + sin(phase)));
    process->kernel.write_chars_bytes += (uint64_t)(200000 * (1 + cos(phase)));
    process->kernel.read_calls += 40;
    process->kernel.have_io = true;
    resources->map.have = true;
    resources->map.read_ns = ms_model_now_ns(world->model);
    struct ms_memory_figures *parts = resources->map.parts;
    const uint64_t shares[MS_MEMORY_PART_TOTAL] = {700, 90, 40, 120, 20, 25, 1, 4};
    resources->map.all = (struct ms_memory_figures){0};
    for (int part = 0; part < MS_MEMORY_PART_TOTAL; part++) {
        const uint64_t resident = rss / 1000 * shares[part];
        parts[part] = (struct ms_memory_figures){
            .mapped_bytes = resident * 2,
            .resident_bytes = resident,
            .proportional_bytes = part == MS_MEMORY_PART_FILES ? resident / 3 : resident,
            .private_bytes = part == MS_MEMORY_PART_FILES ? resident / 10 : resident,
            .mappings = 3 + (uint32_t)part * 7};
        struct ms_memory_figures *all = &resources->map.all;
        all->mapped_bytes += parts[part].mapped_bytes;
        all->resident_bytes += parts[part].resident_bytes;
        all->proportional_bytes += parts[part].proportional_bytes;
        all->private_bytes += parts[part].private_bytes;
        all->mappings += parts[part].mappings;
    }
    resources->limits = (struct ms_resource_limits){.have = true,
                                                    .address_space_bytes = MS_NO_LIMIT,
                                                    .data_bytes = MS_NO_LIMIT,
                                                    .stack_bytes = 8388608,
                                                    .resident_bytes = MS_NO_LIMIT,
                                                    .locked_bytes = 67108864,
                                                    .file_bytes = MS_NO_LIMIT,
                                                    .core_bytes = 0,
                                                    .files = 1024,
                                                    .processes = 63000};
    snprintf(process->allocator, sizeof process->allocator, "/lib/x86_64-linux-gnu/libc.so.6");
    resources->map.live_bytes = resources->map.parts[MS_MEMORY_PART_HEAP].resident_bytes / 10 * 8;
    resources->map.rounding_bytes = resources->map.live_bytes / 16;
    resources->map.live_blocks = 21000;
    process->kernel.virtual_bytes = 2 * rss + 300000000;
    struct ms_cgroup *cgroup = &resources->cgroup;
    cgroup->have = cgroup->have_memory = cgroup->have_swap = cgroup->have_kills = true;
    cgroup->have_cpu = cgroup->have_throttling = cgroup->have_processes = true;
    resources->cgroup.version = 2;
    snprintf(resources->cgroup.path, sizeof resources->cgroup.path, "/system.slice/app.service");
    resources->cgroup.memory_bytes = rss + 40000000;
    resources->cgroup.memory_max_bytes = 512000000;
    resources->cgroup.memory_high_bytes = MS_NO_LIMIT;
    resources->cgroup.swap_max_bytes = 0;
    resources->cgroup.cpus = 2;
    resources->cgroup.periods = 900;
    resources->cgroup.throttled_periods = 31;
    resources->cgroup.throttled_ns = 410000000;
    resources->cgroup.processes = 9;
    resources->cgroup.processes_max = 4915;
    resources->files = (struct ms_open_files){
        .have = true, .all = 27, .files = 11, .sockets = 9, .pipes = 4, .others = 3};
    resources->network.have = true;
    resources->network.established = 2;
    resources->network.listening = 1;
    resources->network.sent_bytes += (uint64_t)(30000 * (1 + sin(phase * 2)));
    resources->network.received_bytes += 11000;
    resources->network.retransmitted = 3;
    resources->network.connections_seen = 14;
    resources->network.round_trip_us = 212;
    resources->network.round_trip_max_us = 380;
    resources->network.read_ns = ms_model_now_ns(world->model);
    if (resources->network.connections == NULL) {
        resources->network.connections =
            calloc(MS_CONNECTIONS_KEPT, sizeof *resources->network.connections);
    }
    struct ms_connection *connections = resources->network.connections;
    resources->network.kept = 2;
    connections[0] = (struct ms_connection){.kind = MS_CONNECTION_TCP,
                                            .descriptor = 12,
                                            .state = "established",
                                            .local = "10.0.0.4:51034",
                                            .remote = "10.0.0.9:5432",
                                            .sent_bytes = resources->network.sent_bytes,
                                            .received_bytes = resources->network.received_bytes,
                                            .retransmitted = 3,
                                            .round_trip_us = 212,
                                            .round_trip_min_us = 150};
    connections[1] = (struct ms_connection){.kind = MS_CONNECTION_TCP,
                                            .descriptor = 5,
                                            .state = "listening",
                                            .local = "0.0.0.0:8080",
                                            .remote = "",
                                            .round_trip_us = NAN,
                                            .round_trip_min_us = NAN};
}

static inline void world_machine_tick(struct world *world)
{
    struct ms_system *system = ms_model_system_mutable(world->model);
    const double t = (double)world->tick;
    double sum = 0;
    for (uint32_t i = 0; i < system->cores; i++) {
        const double busy = 50 + 50 * sin(t / 25 + (double)i * 0.7);
        system->core[i] = (struct ms_core){.pct = (float)busy,
                                           .user_pct = (float)(busy * 0.8),
                                           .system_pct = (float)(busy * 0.2),
                                           .io_wait_pct = 2,
                                           .steal_pct = 0,
                                           .mhz = NAN,
                                           .node = 0};
        sum += busy;
    }
    system->cpu_pct = sum / system->cores;
    system->user_pct = system->cpu_pct * 0.8;
    system->system_pct = system->cpu_pct * 0.2;
    system->io_wait_pct = 2 + 2 * sin(t / 40);
    system->steal_pct = 0;
    system->load_1 = 3.2 + sin(t / 100);
    system->load_5 = 2.9;
    system->load_15 = 2.1;
    system->runnable = 4;
    system->tasks = 812;
    system->memory_available_bytes = (uint64_t)(9e9 + 1e9 * sin(t / 60));
    system->pressure.have = true;
    const double stall = 3 + 3 * sin(t / 50);
    system->pressure.cpu = (struct ms_stall){stall, stall / 2, NAN, NAN, 1000, 0};
    system->pressure.memory = (struct ms_stall){0, 0, 0, 0, 0, 0};
    system->pressure.io = (struct ms_stall){stall / 3, 1, stall / 6, 0.5, 1000, 400};
    for (size_t i = 0; i < system->disk_count; i++) {
        struct ms_disk *disk = &system->disks[i];
        disk->read_bytes_per_s = i == 0 ? 4e6 * (1 + sin(t / 20)) : 0;
        disk->write_bytes_per_s = i == 0 ? 1e6 : 0;
        disk->reads_per_s = i == 0 ? 120 : 0;
        disk->writes_per_s = i == 0 ? 40 : 0;
        disk->busy_pct = i == 0 ? 18 : 0;
        disk->wait_ms = i == 0 ? 0.4 : NAN;
        disk->in_flight = i == 0 ? 1 : 0;
    }
    for (size_t i = 0; i < system->interface_count; i++) {
        struct ms_interface *interface = &system->interfaces[i];
        interface->received_bytes_per_s = 120000;
        interface->sent_bytes_per_s = 310000 * (1 + sin(t / 15));
        interface->received_packets_per_s = 210;
        interface->sent_packets_per_s = 340;
        interface->dropped = i == 1 ? 7 : 0;
    }
}

static inline void world_machine_run(struct world *world, uint64_t ticks)
{
    for (uint64_t i = 0; i < ticks; i++) {
        if (!world->stopped) {
            world_machine_tick(world);
            world_machine_process(world);
        }
        world_run(world, 1);
    }
}

/* A session on a machine of so many cores that has run for 70 seconds. */
static inline void world_machine_begin(struct world *world, enum ms_glyphs glyphs, uint32_t cores)
{
    world_open(world, ACTORS, glyphs);
    world_machine_open(world, cores);
    world_machine_run(world, 700);
}

#endif
