/* See machine_reader.h. */
#include "collect/machine_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "collect/cpu_identity.h"
#include "collect/disks.h"
#include "collect/frequency.h"
#include "collect/gpu.h"
#include "collect/interfaces.h"
#include "collect/nvml.h"
#include "collect/pressure.h"
#include "collect/sensors.h"
#include "collect/system.h"
#include "wire/clock.h"

#define PRESSURE_NS (490 * MS_NS_PER_MS)
#define SLOW_NS     (990 * MS_NS_PER_MS)

static const char proc[] = "/proc";
static const char sys[] = "/sys";

struct ms_machine_reader {
    struct ms_system_reader *system;
    struct ms_disks_reader *disks;
    struct ms_interfaces_reader *interfaces;
    struct ms_frequency_reader *frequency;
    struct ms_sensors_reader *sensors;
    struct ms_gpu_reader *gpus;
    int pressure_folder; /* -1: there is none */
    struct ms_pressure_files pressure;
    uint64_t pressure_due_ns, slow_due_ns;
};

struct ms_machine_reader *ms_machine_reader_new(struct ms_model *model)
{
    const struct ms_gpu_options gpus = {.nvml = MS_NVML_LIBRARY, .proc = proc, .sys = sys};
    struct ms_machine_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return NULL;
    }
    reader->pressure = MS_PRESSURE_FILES_NONE;
    reader->pressure_folder = open("/proc/pressure", O_PATH | O_DIRECTORY | O_CLOEXEC);
    reader->system = ms_system_reader_new(proc, sys);
    reader->disks = ms_disks_reader_new(proc, sys);
    reader->interfaces = ms_interfaces_reader_new(proc, sys);
    reader->frequency = ms_frequency_reader_new(proc, sys);
    reader->sensors = ms_sensors_reader_new(sys, &ms_libsensors);
    reader->gpus = ms_gpu_reader_new(&gpus);
    if (reader->system == NULL || reader->disks == NULL || reader->interfaces == NULL ||
        reader->frequency == NULL || reader->sensors == NULL || reader->gpus == NULL) {
        struct ms_descriptor_budget none = {0};
        ms_machine_reader_free(reader, &none);
        return NULL;
    }
    ms_system_identify(reader->system, ms_model_system_mutable(model));
    ms_cpu_identity_read(model, proc, sys);
    return reader;
}

void ms_machine_reader_free(struct ms_machine_reader *reader, struct ms_descriptor_budget *budget)
{
    if (reader == NULL) {
        return;
    }
    ms_system_reader_free(reader->system, budget);
    ms_disks_reader_free(reader->disks, budget);
    ms_interfaces_reader_free(reader->interfaces, budget);
    ms_frequency_reader_free(reader->frequency, budget);
    ms_sensors_reader_free(reader->sensors);
    ms_gpu_reader_free(reader->gpus);
    ms_pressure_close(&reader->pressure, budget);
    if (reader->pressure_folder >= 0) {
        close(reader->pressure_folder);
    }
    free(reader);
}

static void read_pressure(struct ms_machine_reader *reader, struct ms_descriptor_budget *budget,
                          struct ms_model *model)
{
    const int error =
        reader->pressure_folder < 0
            ? -ENOENT
            : ms_pressure_read(&reader->pressure, budget, MS_PRESSURE_OF_MACHINE,
                               reader->pressure_folder, &ms_model_system_mutable(model)->pressure);
    ms_model_source_set(model, MS_SOURCE_PRESSURE,
                        error == 0 ? MS_SOURCE_AVAILABLE : MS_SOURCE_UNAVAILABLE,
                        error == 0 ? NULL : ms_pressure_because(error, MS_PRESSURE_OF_MACHINE));
}

void ms_machine_read(struct ms_machine_reader *reader, struct ms_descriptor_budget *budget,
                     struct ms_model *model, uint64_t now_ns)
{
    ms_system_read(reader->system, budget, model, now_ns);
    if (now_ns >= reader->pressure_due_ns) {
        reader->pressure_due_ns = now_ns + PRESSURE_NS;
        read_pressure(reader, budget, model);
    }
    if (now_ns >= reader->slow_due_ns) {
        reader->slow_due_ns = now_ns + SLOW_NS;
        ms_disks_read(reader->disks, budget, model, now_ns);
        ms_interfaces_read(reader->interfaces, budget, model, now_ns);
        ms_frequency_read(reader->frequency, budget, model);
    }
    ms_sensors_read(reader->sensors, model, now_ns);
    ms_gpu_read(reader->gpus, model, now_ns);
}
