/* See system.h. */
#include "collect/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collect/cpu_list.h"
#include "collect/proc_text.h"
#include "wire/clock.h"

#define SNAPSHOTS       16u
#define STAT_TEXT_BYTES (256u << 10)
#define MANY_CORES      64u /* /proc/stat costs in proportion to cores and interrupts */
#define CORES_NS        (190 * MS_NS_PER_MS)
#define MANY_CORES_NS   (990 * MS_NS_PER_MS)
#define MEMORY_NS       (490 * MS_NS_PER_MS)
#define LOAD_NS         (990 * MS_NS_PER_MS)

struct snapshot {
    uint64_t time_ns; /* 0: empty */
    uint32_t count;
    struct ms_core_ticks core[MS_CORES_MAX];
};

struct ms_system_reader {
    const char *proc, *sys;
    int stat, loadavg, meminfo;
    uint64_t cores_due_ns, memory_due_ns, load_due_ns;
    unsigned newest;
    struct snapshot *snapshots; /* ring: long enough to reach back a second */
    char *text;
};

struct ms_system_reader *ms_system_reader_new(const char *proc, const char *sys)
{
    struct ms_system_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return NULL;
    }
    reader->proc = proc;
    reader->sys = sys;
    reader->stat = reader->loadavg = reader->meminfo = -1;
    reader->snapshots = calloc(SNAPSHOTS, sizeof *reader->snapshots);
    reader->text = malloc(STAT_TEXT_BYTES);
    if (reader->snapshots == NULL || reader->text == NULL) {
        struct ms_descriptor_budget none = {0};
        ms_system_reader_free(reader, &none);
        return NULL;
    }
    return reader;
}

void ms_system_reader_free(struct ms_system_reader *reader, struct ms_descriptor_budget *budget)
{
    if (reader == NULL) {
        return;
    }
    ms_proc_close(budget, &reader->stat);
    ms_proc_close(budget, &reader->loadavg);
    ms_proc_close(budget, &reader->meminfo);
    free(reader->snapshots);
    free(reader->text);
    free(reader);
}

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%.*s", (int)size - 1, text);
}

static void set_node(void *system, uint32_t core, uint32_t node)
{
    if (core < MS_CORES_MAX) {
        ((struct ms_system *)system)->core[core].node = (int32_t)node;
    }
}

/* Without the folder the kernel knows no nodes: then their number stays 0, "not told". */
static void read_nodes(const struct ms_system_reader *reader, struct ms_system *system)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/devices/system/node", reader->sys);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *at = entry->d_name + 4;
        uint64_t node;
        char name[300];
        char list[4096];
        if (strncmp(entry->d_name, "node", 4) != 0 || *at < '0' || *at > '9' ||
            !ms_proc_number(&at, at + strlen(at), &node) || *at != '\0' || node > INT32_MAX) {
            continue;
        }
        (void)snprintf(name, sizeof name, "devices/system/node/%s/cpulist", entry->d_name);
        ssize_t bytes = ms_proc_read_in(reader->sys, name, list, sizeof list);
        if (bytes > 0) {
            system->nodes++;
            ms_cpu_list_each(list, (size_t)bytes, (uint32_t)node, set_node, system);
        }
    }
    closedir(folder);
}

static void read_cpu_model(const struct ms_system_reader *reader, struct ms_system *system)
{
    char text[8192];
    ssize_t bytes = ms_proc_read_in(reader->proc, "cpuinfo", text, sizeof text);
    const char *found = bytes > 0 ? strstr(text, "model name") : NULL;
    const char *colon = found == NULL ? NULL : strchr(found, ':');
    if (colon != NULL) {
        const char *name = colon + 1 + strspn(colon + 1, " \t");
        (void)snprintf(system->cpu_model, sizeof system->cpu_model, "%.*s",
                       (int)strcspn(name, "\n"), name);
    }
}

void ms_system_identify(struct ms_system_reader *reader, struct ms_system *system)
{
    struct utsname names;
    if (uname(&names) == 0) {
        copy_text(system->host, sizeof system->host, names.nodename);
        copy_text(system->kernel, sizeof system->kernel, names.release);
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    system->cores = cores > 0 && cores <= (long)MS_CORES_MAX ? (uint32_t)cores : MS_CORES_MAX;
    ms_machine_unknown(system);
    read_cpu_model(reader, system);
    read_nodes(reader, system);
    ssize_t bytes = ms_proc_read_in(reader->proc, "meminfo", reader->text, STAT_TEXT_BYTES);
    if (bytes > 0) {
        ms_system_parse_memory(reader->text, (size_t)bytes, system);
    }
}

enum { FIELD_USER, FIELD_NICE, FIELD_SYSTEM, FIELD_IDLE, FIELD_IO_WAIT, FIELD_STEAL = 7 };

static struct ms_core_ticks take_core(const char *at, const char *end)
{
    struct ms_core_ticks core = {.online = true};
    for (int field = 0; field <= FIELD_STEAL; field++) {
        uint64_t ticks;
        if (!ms_proc_number(&at, end, &ticks)) {
            core.online = field > FIELD_IDLE; /* the first four were always there */
            break;
        }
        switch (field) {
        case FIELD_USER:
        case FIELD_NICE:
            core.user += ticks;
            break;
        case FIELD_IDLE:
            core.idle = ticks;
            break;
        case FIELD_IO_WAIT:
            core.io_wait = ticks;
            break;
        case FIELD_STEAL:
            core.steal = ticks;
            break;
        default:
            core.system += ticks; /* and those of interrupts */
            break;
        }
    }
    return core;
}

uint32_t ms_system_parse_stat(const char *text, size_t bytes, struct ms_core_ticks *cores,
                              uint32_t known)
{
    const char *end = text + bytes;
    uint32_t count = 0;
    memset(cores, 0, known * sizeof *cores);
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        const char *at = line + 3;
        uint64_t core;
        if (next == NULL || next - line < 4 || memcmp(line, "cpu", 3) != 0) {
            break; /* the cpu lines come first */
        }
        if (*at >= '0' && *at <= '9' && ms_proc_number(&at, next, &core) && core < MS_CORES_MAX) {
            const uint32_t index = (uint32_t)core;
            if (index >= count) {
                /* What lies between was offline now, and past `known` nobody has cleared it. */
                memset(cores + count, 0, (index - count) * sizeof *cores);
                count = index + 1;
            }
            cores[index] = take_core(at, next);
        }
        line = next + 1;
    }
    return count;
}

static uint64_t moved(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

void ms_system_core_between(const struct ms_core_ticks *then, const struct ms_core_ticks *now,
                            struct ms_core *core)
{
    const uint64_t user = moved(then->user, now->user);
    const uint64_t system = moved(then->system, now->system);
    const uint64_t io_wait = moved(then->io_wait, now->io_wait);
    const uint64_t steal = moved(then->steal, now->steal);
    const double all = (double)user + (double)system + (double)io_wait + (double)steal +
                       (double)moved(then->idle, now->idle);
    if (!then->online || !now->online || all <= 0) {
        core->pct = core->user_pct = core->system_pct = core->io_wait_pct = core->steal_pct = NAN;
        return;
    }
    core->user_pct = (float)(100.0 * (double)user / all);
    core->system_pct = (float)(100.0 * (double)system / all);
    core->io_wait_pct = (float)(100.0 * (double)io_wait / all);
    core->steal_pct = (float)(100.0 * (double)steal / all);
    core->pct = (float)(100.0 * ((double)user + (double)system) / all);
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

static void means_of_cores(struct ms_system *system)
{
    double sums[5] = {0};
    uint32_t online = 0;
    for (uint32_t i = 0; i < system->cores; i++) {
        const struct ms_core *core = &system->core[i];
        if (!isnan(core->pct)) {
            const float figures[] = {core->pct, core->user_pct, core->system_pct, core->io_wait_pct,
                                     core->steal_pct};
            for (size_t k = 0; k < 5; k++) {
                sums[k] += (double)figures[k];
            }
            online++;
        }
    }
    double *const means[] = {&system->cpu_pct, &system->user_pct, &system->system_pct,
                             &system->io_wait_pct, &system->steal_pct};
    for (size_t k = 0; k < 5; k++) {
        *means[k] = online > 0 ? sums[k] / online : (double)NAN;
    }
}

static void no_cores(struct ms_system *system)
{
    const struct ms_core_ticks offline = {0};
    for (uint32_t i = 0; i < system->cores; i++) {
        ms_system_core_between(&offline, &offline, &system->core[i]);
    }
    means_of_cores(system);
}

static void read_cores(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                       struct ms_model *model, uint64_t now_ns)
{
    struct ms_system *system = ms_model_system_mutable(model);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/stat", reader->proc);
    ssize_t bytes =
        ms_proc_read(budget, &reader->stat, AT_FDCWD, path, reader->text, STAT_TEXT_BYTES);
    reader->newest = (reader->newest + 1) % SNAPSHOTS;
    struct snapshot *now = &reader->snapshots[reader->newest];
    now->count =
        ms_system_parse_stat(reader->text, bytes > 0 ? (size_t)bytes : 0, now->core, now->count);
    if (now->count == 0) {
        char because[120];
        (void)snprintf(because, sizeof because, "/proc/stat %s",
                       bytes < 0 ? strerror((int)-bytes) : "names no core");
        ms_model_source_set(model, MS_SOURCE_CORES, MS_SOURCE_UNAVAILABLE, because);
        reader->newest = (reader->newest + SNAPSHOTS - 1) % SNAPSHOTS;
        no_cores(system);
        return;
    }
    now->time_ns = now_ns;
    ms_model_source_set(model, MS_SOURCE_CORES, MS_SOURCE_AVAILABLE, NULL);
    /* A core that goes offline keeps its place: the others' histories are theirs. */
    system->cores = now->count > system->cores ? now->count : system->cores;
    const struct snapshot *then = a_second_ago(reader, now_ns);
    const struct ms_core_ticks offline = {0};
    for (uint32_t i = 0; i < system->cores; i++) {
        ms_system_core_between(then != NULL && i < then->count ? &then->core[i] : &offline,
                               i < now->count ? &now->core[i] : &offline, &system->core[i]);
    }
    means_of_cores(system);
}

/* "0.52": the kernel writes two decimals and no locale. */
static bool take_load(const char **at, const char *end, double *out)
{
    uint64_t whole;
    uint64_t hundredths;
    if (!ms_proc_number(at, end, &whole) || *at == end || **at != '.') {
        return false;
    }
    ++*at;
    if (!ms_proc_number(at, end, &hundredths)) {
        return false;
    }
    *out = (double)whole + (double)hundredths / 100.0;
    return true;
}

bool ms_system_parse_load(const char *text, size_t bytes, struct ms_system *system)
{
    const char *at = text;
    const char *end = text + bytes;
    double loads[3];
    uint64_t runnable;
    uint64_t tasks;
    if (!take_load(&at, end, &loads[0]) || !take_load(&at, end, &loads[1]) ||
        !take_load(&at, end, &loads[2]) || !ms_proc_number(&at, end, &runnable) || at == end ||
        *at++ != '/' || !ms_proc_number(&at, end, &tasks) || at == end) {
        return false;
    }
    system->load_1 = loads[0];
    system->load_5 = loads[1];
    system->load_15 = loads[2];
    system->runnable = runnable;
    system->tasks = tasks;
    return true;
}

void ms_system_parse_memory(const char *text, size_t bytes, struct ms_system *system)
{
    const struct {
        const char *key;
        uint64_t *out;
    } lines[] = {{"MemTotal:", &system->memory_total_bytes},
                 {"MemAvailable:", &system->memory_available_bytes},
                 {"SwapTotal:", &system->swap_total_bytes},
                 {"SwapFree:", &system->swap_free_bytes},
                 {"Cached:", &system->page_cache_bytes}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        uint64_t kib;
        if (ms_proc_parse_key(text, bytes, lines[i].key, &kib) && kib <= UINT64_MAX >> 10) {
            *lines[i].out = kib << 10;
        }
    }
}

static void read_load(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                      struct ms_system *system)
{
    char path[512];
    char text[256];
    (void)snprintf(path, sizeof path, "%s/loadavg", reader->proc);
    ssize_t bytes = ms_proc_read(budget, &reader->loadavg, AT_FDCWD, path, text, sizeof text);
    if (bytes <= 0 || !ms_system_parse_load(text, (size_t)bytes, system)) {
        system->load_1 = system->load_5 = system->load_15 = NAN;
        system->runnable = system->tasks = 0;
    }
}

static void read_memory(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                        struct ms_system *system)
{
    char path[512];
    char text[4096];
    (void)snprintf(path, sizeof path, "%s/meminfo", reader->proc);
    ssize_t bytes = ms_proc_read(budget, &reader->meminfo, AT_FDCWD, path, text, sizeof text);
    if (bytes > 0) {
        ms_system_parse_memory(text, (size_t)bytes, system);
    }
}

static bool due(uint64_t *due_ns, uint64_t now_ns, uint64_t period_ns)
{
    if (now_ns < *due_ns) {
        return false;
    }
    *due_ns = now_ns + period_ns;
    return true;
}

void ms_system_read(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                    struct ms_model *model, uint64_t now_ns)
{
    struct ms_system *system = ms_model_system_mutable(model);
    const bool many = system->cores > MANY_CORES;
    if (due(&reader->cores_due_ns, now_ns, many ? MANY_CORES_NS : CORES_NS)) {
        read_cores(reader, budget, model, now_ns);
    }
    if (due(&reader->load_due_ns, now_ns, LOAD_NS)) {
        read_load(reader, budget, system);
    }
    if (due(&reader->memory_due_ns, now_ns, MEMORY_NS)) {
        read_memory(reader, budget, system);
    }
}
