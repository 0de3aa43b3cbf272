#include "model/machine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

void ms_machine_unknown(struct ms_system *system)
{
    const struct ms_stall no_stall = {NAN, NAN, NAN, NAN, 0, 0};
    system->cpu_pct = system->user_pct = system->system_pct = NAN;
    system->io_wait_pct = system->steal_pct = system->mhz = NAN;
    system->load_1 = system->load_5 = system->load_15 = NAN;
    system->pressure.cpu = system->pressure.memory = system->pressure.io = no_stall;
    for (uint32_t i = 0; i < MS_CORES_MAX; i++) {
        system->core[i] = (struct ms_core){.pct = NAN,
                                           .user_pct = NAN,
                                           .system_pct = NAN,
                                           .io_wait_pct = NAN,
                                           .steal_pct = NAN,
                                           .mhz = NAN,
                                           .node = -1};
    }
}

double ms_system_disk_bytes_per_s(const struct ms_system *system)
{
    double sum = (double)NAN;
    for (size_t i = 0; i < system->disk_count; i++) {
        const struct ms_disk *disk = &system->disks[i];
        if (!disk->stacked && !isnan(disk->read_bytes_per_s)) {
            sum = (isnan(sum) ? 0 : sum) + disk->read_bytes_per_s + disk->write_bytes_per_s;
        }
    }
    return sum;
}

double ms_system_network_bytes_per_s(const struct ms_system *system)
{
    double sums[2] = {NAN, NAN}; /* of hardware, of the others */
    for (size_t i = 0; i < system->interface_count; i++) {
        const struct ms_interface *interface = &system->interfaces[i];
        double *sum = &sums[interface->hardware ? 0 : 1];
        if (strcmp(interface->name, "lo") != 0 && !isnan(interface->received_bytes_per_s)) {
            *sum = (isnan(*sum) ? 0 : *sum) + interface->received_bytes_per_s +
                   interface->sent_bytes_per_s;
        }
    }
    return isnan(sums[0]) ? sums[1] : sums[0];
}

bool ms_gpu_stale(const struct ms_gpu *gpu, uint64_t now_ns)
{
    return gpu->lost || gpu->read_ns == 0 ||
           (now_ns > gpu->read_ns && now_ns - gpu->read_ns > MS_GPU_STALE_NS);
}

static int tick_gpus(struct ms_model *model, uint64_t tick, uint64_t repeat)
{
    int error = 0;
    for (size_t i = 0; i < model->system.gpu_count; i++) {
        struct ms_gpu *gpu = &model->system.gpus[i];
        const bool stale = ms_gpu_stale(gpu, model->now_ns);
        const double pct = stale ? (double)NAN : gpu->pct;
        const double used =
            gpu->memory_total_bytes > 0 && !stale ? (double)gpu->memory_used_bytes : (double)NAN;
        if (ms_model_append(model, &gpu->history, tick, repeat, pct) != 0 ||
            ms_model_append(model, &gpu->memory_history, tick, repeat, used) != 0) {
            error = -ENOMEM;
        }
    }
    return error;
}

int ms_machine_tick(struct ms_model *model, uint64_t tick, uint64_t repeat)
{
    struct ms_system *system = &model->system;
    const struct ms_pressure *pressure = &system->pressure;
    const double none = (double)NAN;
    const double values[MS_SYSTEM_SERIES_COUNT] = {
        [MS_SYSTEM_SERIES_CPU_PCT] = system->cpu_pct,
        [MS_SYSTEM_SERIES_AVAILABLE_BYTES] =
            system->memory_total_bytes > 0 ? (double)system->memory_available_bytes : none,
        [MS_SYSTEM_SERIES_LOAD_1] = system->load_1,
        [MS_SYSTEM_SERIES_STALL_CPU_PCT] = pressure->have ? pressure->cpu.some_avg10_pct : none,
        [MS_SYSTEM_SERIES_STALL_MEMORY_PCT] =
            pressure->have ? pressure->memory.some_avg10_pct : none,
        [MS_SYSTEM_SERIES_STALL_IO_PCT] = pressure->have ? pressure->io.some_avg10_pct : none,
        [MS_SYSTEM_SERIES_IO_WAIT_PCT] = system->io_wait_pct,
        [MS_SYSTEM_SERIES_DISK_PER_S] = ms_system_disk_bytes_per_s(system),
        [MS_SYSTEM_SERIES_INTERFACES_PER_S] = ms_system_network_bytes_per_s(system),
    };
    int error = tick_gpus(model, tick, repeat);
    for (int i = 0; i < MS_SYSTEM_SERIES_COUNT; i++) {
        if (ms_model_append(model, &system->history[i], tick, repeat, values[i]) != 0) {
            error = -ENOMEM;
        }
    }
    for (uint32_t i = 0; i < system->cores; i++) {
        if (ms_model_append(model, &system->core_history[i], tick, repeat,
                            (double)system->core[i].pct) != 0) {
            error = -ENOMEM;
        }
    }
    return error;
}

void ms_machine_free(struct ms_system *system)
{
    for (size_t i = 0; i < MS_SYSTEM_SERIES_COUNT; i++) {
        ms_history_free(system->history[i]);
    }
    for (size_t i = 0; i < MS_CORES_MAX; i++) {
        ms_history_free(system->core_history[i]);
    }
    for (size_t i = 0; i < system->gpu_count; i++) {
        ms_history_free(system->gpus[i].history);
        ms_history_free(system->gpus[i].memory_history);
    }
    free(system->gpus);
}
