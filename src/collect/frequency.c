/* See frequency.h. */
#include "collect/frequency.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_text.h"

#define CORES_A_CALL  64u
#define CPUINFO_EVERY 10u /* calls: reading it costs in proportion to cores */
#define CPUINFO_BYTES (4u << 20)
#define CPUINFO_NEEDS (64u << 10)

struct ms_frequency_reader {
    const char *proc, *sys;
    uint32_t next, calls;
    bool by_cpuinfo;
    int kept[MS_CORES_MAX];
};

struct ms_frequency_reader *ms_frequency_reader_new(const char *proc, const char *sys)
{
    struct ms_frequency_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return NULL;
    }
    reader->proc = proc;
    reader->sys = sys;
    for (size_t i = 0; i < MS_CORES_MAX; i++) {
        reader->kept[i] = -1;
    }
    return reader;
}

void ms_frequency_reader_free(struct ms_frequency_reader *reader,
                              struct ms_descriptor_budget *budget)
{
    if (reader != NULL) {
        for (size_t i = 0; i < MS_CORES_MAX; i++) {
            ms_proc_close(budget, &reader->kept[i]);
        }
        free(reader);
    }
}

/* "1234.567" */
static bool take_mhz(const char *at, const char *end, float *mhz)
{
    uint64_t whole;
    if (!ms_proc_number(&at, end, &whole) || whole == 0 || whole > 1000000) {
        return false;
    }
    double value = (double)whole;
    double step = 0.1;
    if (at < end && *at == '.') {
        for (at++; at < end && *at >= '0' && *at <= '9'; at++, step /= 10) {
            value += step * (*at - '0');
        }
    }
    *mhz = (float)value;
    return true;
}

/* "cpu MHz" of each processor; returns how many were told. Cores beyond `system`'s are left. */
static uint32_t frequency_parse_cpuinfo(const char *text, size_t bytes, struct ms_system *system)
{
    const char *end = text + bytes;
    uint32_t core = MS_CORES_MAX;
    uint32_t told = 0;
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        if (next == NULL) {
            break;
        }
        const char *colon = memchr(line, ':', (size_t)(next - line));
        uint64_t number;
        if (colon != NULL && next - line > 9 && memcmp(line, "processor", 9) == 0) {
            const char *at = colon + 1;
            core = ms_proc_number(&at, next, &number) && number < system->cores ? (uint32_t)number
                                                                                : MS_CORES_MAX;
        } else if (colon != NULL && core < MS_CORES_MAX && next - line > 7 &&
                   memcmp(line, "cpu MHz", 7) == 0) {
            told += take_mhz(colon + 1, next, &system->core[core].mhz) ? 1 : 0;
        }
        line = next + 1;
    }
    return told;
}

static uint32_t read_cpuinfo(const struct ms_frequency_reader *reader, struct ms_system *system)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/cpuinfo", reader->proc);
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    size_t capacity = CPUINFO_NEEDS;
    size_t bytes = 0;
    char *text = descriptor < 0 ? NULL : malloc(capacity);
    while (text != NULL) {
        const ssize_t count = read(descriptor, text + bytes, capacity - bytes);
        if (count <= 0) {
            break;
        }
        bytes += (size_t)count;
        if (bytes == capacity) {
            char *larger = capacity < CPUINFO_BYTES ? realloc(text, 2 * capacity) : NULL;
            if (larger == NULL) {
                break;
            }
            text = larger;
            capacity *= 2;
        }
    }
    for (uint32_t i = 0; i < system->cores; i++) {
        system->core[i].mhz = NAN;
    }
    const uint32_t told = text == NULL ? 0 : frequency_parse_cpuinfo(text, bytes, system);
    free(text);
    if (descriptor >= 0) {
        close(descriptor);
    }
    return told;
}

static uint32_t read_cpufreq(struct ms_frequency_reader *reader,
                             struct ms_descriptor_budget *budget, struct ms_system *system)
{
    const uint32_t now = system->cores < CORES_A_CALL ? system->cores : CORES_A_CALL;
    uint32_t told = 0;
    for (uint32_t i = 0; i < now; i++) {
        const uint32_t core = reader->next % system->cores;
        char path[600];
        char text[64];
        uint64_t khz;
        const char *at = text;
        (void)snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq",
                       reader->sys, core);
        ssize_t bytes =
            ms_proc_read(budget, &reader->kept[core], AT_FDCWD, path, text, sizeof text);
        if (bytes < 0) {
            ms_proc_close(budget, &reader->kept[core]); /* offline: another file when it is back */
        }
        if (bytes > 0 && ms_proc_number(&at, text + bytes, &khz) && khz > 0) {
            system->core[core].mhz = (float)khz / 1000.0F;
            told++;
        } else {
            system->core[core].mhz = NAN;
        }
        reader->next = core + 1;
    }
    return told;
}

static void mean_of_cores(struct ms_system *system)
{
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < system->cores; i++) {
        if (!isnan(system->core[i].mhz)) {
            sum += (double)system->core[i].mhz;
            count++;
        }
    }
    system->mhz = count > 0 ? sum / count : (double)NAN;
}

void ms_frequency_read(struct ms_frequency_reader *reader, struct ms_descriptor_budget *budget,
                       struct ms_model *model)
{
    struct ms_system *system = ms_model_system_mutable(model);
    const bool first = reader->calls++ == 0;
    if (!reader->by_cpuinfo) {
        if (read_cpufreq(reader, budget, system) > 0) {
            ms_model_source_set(model, MS_SOURCE_FREQUENCY, MS_SOURCE_AVAILABLE, NULL);
        } else if (first) {
            reader->by_cpuinfo = true;
        }
    }
    if (reader->by_cpuinfo && (first || reader->calls % CPUINFO_EVERY == 0)) {
        if (read_cpuinfo(reader, system) > 0) {
            ms_model_source_set(model, MS_SOURCE_FREQUENCY, MS_SOURCE_PARTIAL,
                                "no cpufreq (a virtual machine?): 'cpu MHz' of /proc/cpuinfo, "
                                "which may never change");
        } else {
            ms_model_source_set(model, MS_SOURCE_FREQUENCY, MS_SOURCE_UNAVAILABLE,
                                "neither cpufreq nor 'cpu MHz' in /proc/cpuinfo");
        }
    }
    mean_of_cores(system);
}
