/* See system.h. */
#include "collect/system.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collect/proc_text.h"
#include "wire/clock.h"

enum { SNAPSHOTS = 16, STAT_TEXT_BYTES = 256 << 10 };

struct snapshot {
    uint64_t time_ns; /* 0: empty */
    uint64_t busy[MS_CORES_MAX];
    uint64_t total[MS_CORES_MAX];
};

struct ms_system_reader {
    int stat, loadavg, meminfo;
    unsigned newest;
    struct snapshot *snapshots; /* ring: long enough to reach back a second */
    char *text;
};

struct ms_system_reader *ms_system_reader_new(void)
{
    struct ms_system_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return NULL;
    }
    reader->stat = reader->loadavg = reader->meminfo = -1;
    reader->snapshots = calloc(SNAPSHOTS, sizeof *reader->snapshots);
    reader->text = malloc(STAT_TEXT_BYTES);
    if (reader->snapshots == NULL || reader->text == NULL) {
        ms_system_reader_free(reader);
        return NULL;
    }
    return reader;
}

void ms_system_reader_free(struct ms_system_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    struct ms_descriptor_budget none = {.open = 3};
    ms_proc_close(&none, &reader->stat);
    ms_proc_close(&none, &reader->loadavg);
    ms_proc_close(&none, &reader->meminfo);
    free(reader->snapshots);
    free(reader->text);
    free(reader);
}

static void copy_text(char *out, size_t size, const char *text, size_t bytes)
{
    size_t kept = bytes < size - 1 ? bytes : size - 1;
    memcpy(out, text, kept);
    out[kept] = '\0';
}

static void read_cpu_model(struct ms_system *system)
{
    struct ms_descriptor_budget none = {0};
    char text[8192];
    int kept = -1;
    ssize_t bytes = ms_proc_read(&none, &kept, AT_FDCWD, "/proc/cpuinfo", text, sizeof text);
    const char *found = bytes > 0 ? strstr(text, "model name") : NULL;
    const char *colon = found == NULL ? NULL : strchr(found, ':');
    if (colon != NULL) {
        const char *name = colon + 1 + strspn(colon + 1, " \t");
        copy_text(system->cpu_model, sizeof system->cpu_model, name, strcspn(name, "\n"));
    }
}

void ms_system_identify(struct ms_system *system)
{
    struct utsname names;
    if (uname(&names) == 0) {
        copy_text(system->host, sizeof system->host, names.nodename, strlen(names.nodename));
        copy_text(system->kernel, sizeof system->kernel, names.release, strlen(names.release));
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    system->cores = cores > 0 && cores <= (long)MS_CORES_MAX ? (uint32_t)cores : MS_CORES_MAX;
    ms_machine_unknown(system);
    read_cpu_model(system);
}

enum { FIELD_IDLE = 3, FIELD_IO_WAIT = 4, FIELD_STEAL = 7 };

uint32_t ms_system_parse_stat(const char *text, size_t bytes, uint64_t *busy, uint64_t *total)
{
    const char *end = text + bytes;
    uint32_t cores = 0;
    memset(busy, 0, MS_CORES_MAX * sizeof *busy);
    memset(total, 0, MS_CORES_MAX * sizeof *total);
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next == NULL ? end : next + 1;
        const char *at = line + 3;
        uint64_t core;
        if (next - line < 5 || memcmp(line, "cpu", 3) != 0) {
            break; /* the cpu lines come first */
        }
        if (*at >= '0' && *at <= '9' && ms_proc_number(&at, next, &core) && core < MS_CORES_MAX) {
            for (int field = 0; field <= FIELD_STEAL; field++) {
                uint64_t ticks;
                if (!ms_proc_number(&at, next, &ticks)) {
                    break;
                }
                total[core] += ticks;
                busy[core] += field == FIELD_IDLE || field == FIELD_IO_WAIT ? 0 : ticks;
            }
            cores = (uint32_t)core + 1 > cores ? (uint32_t)core + 1 : cores;
        }
        line = next;
    }
    return cores;
}

/* The youngest snapshot that is about a second old, else the oldest there is; NULL: none. */
static const struct snapshot *a_second_ago(const struct ms_system_reader *reader, uint64_t now_ns)
{
    const struct snapshot *best = NULL;
    for (unsigned i = 1; i < SNAPSHOTS; i++) {
        const struct snapshot *old =
            &reader->snapshots[(reader->newest + SNAPSHOTS - i) % SNAPSHOTS];
        if (old->time_ns == 0) {
            break;
        }
        best = old;
        if (now_ns - old->time_ns >= 950 * MS_NS_PER_MS) {
            break;
        }
    }
    return best;
}

static void read_cores(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                       struct ms_system *system, uint64_t now_ns)
{
    ssize_t bytes =
        ms_proc_read(budget, &reader->stat, AT_FDCWD, "/proc/stat", reader->text, STAT_TEXT_BYTES);
    if (bytes <= 0) {
        system->cpu_pct = NAN;
        return;
    }
    reader->newest = (reader->newest + 1) % SNAPSHOTS;
    struct snapshot *now = &reader->snapshots[reader->newest];
    uint32_t cores = ms_system_parse_stat(reader->text, (size_t)bytes, now->busy, now->total);
    now->time_ns = now_ns;
    const struct snapshot *then = a_second_ago(reader, now_ns);
    double sum = 0;
    uint32_t online = 0;
    for (uint32_t i = 0; i < cores; i++) {
        uint64_t passed = 0;
        if (then != NULL && now->total[i] > then->total[i] && then->total[i] != 0) {
            passed = now->total[i] - then->total[i];
        }
        if (passed == 0) {
            system->core[i].pct = NAN;
            continue;
        }
        uint64_t worked = now->busy[i] > then->busy[i] ? now->busy[i] - then->busy[i] : 0;
        double pct = 100.0 * (double)worked / (double)passed;
        system->core[i].pct = (float)(pct > 100.0 ? 100.0 : pct);
        sum += (double)system->core[i].pct;
        online++;
    }
    system->cores = cores;
    system->cpu_pct = online > 0 ? sum / online : (double)NAN;
}

/* "0.52": the kernel writes two decimals and no locale. */
static double take_load(const char **at, const char *end)
{
    uint64_t whole;
    uint64_t hundredths;
    if (!ms_proc_number(at, end, &whole) || *at == end || **at != '.') {
        return (double)NAN;
    }
    ++*at;
    if (!ms_proc_number(at, end, &hundredths)) {
        return (double)NAN;
    }
    return (double)whole + (double)hundredths / 100.0;
}

void ms_system_read(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                    struct ms_system *system, uint64_t now_ns)
{
    read_cores(reader, budget, system, now_ns);
    char text[4096];
    ssize_t bytes =
        ms_proc_read(budget, &reader->loadavg, AT_FDCWD, "/proc/loadavg", text, sizeof text);
    const char *at = text;
    const char *end = text + (bytes > 0 ? bytes : 0);
    system->load_1 = take_load(&at, end);
    system->load_5 = take_load(&at, end);
    system->load_15 = take_load(&at, end);

    bytes = ms_proc_read(budget, &reader->meminfo, AT_FDCWD, "/proc/meminfo", text, sizeof text);
    uint64_t kib;
    if (bytes > 0 && ms_proc_parse_key(text, (size_t)bytes, "MemTotal:", &kib)) {
        system->memory_total_bytes = kib << 10;
    }
    if (bytes > 0 && ms_proc_parse_key(text, (size_t)bytes, "MemAvailable:", &kib)) {
        system->memory_available_bytes = kib << 10;
    }
}
