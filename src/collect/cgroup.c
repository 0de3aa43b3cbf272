/* See cgroup.h. */
#include "collect/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_text.h"

#define LEVELS_AT_MOST 32
/* Version 1 writes the highest number of pages it can count when there is no limit. */
#define NO_LIMIT_V1 (UINT64_C(1) << 62)

/* A piece of hostile text, not terminated. */
struct piece {
    const char *at;
    size_t bytes;
};

static bool is(struct piece piece, const char *text)
{
    return piece.bytes == strlen(text) && memcmp(piece.at, text, piece.bytes) == 0;
}

/* Takes what stands before `separator` (or all) off the front. */
static struct piece take(struct piece *rest, char separator)
{
    const char *found = memchr(rest->at, separator, rest->bytes);
    const size_t bytes = found == NULL ? rest->bytes : (size_t)(found - rest->at);
    const struct piece taken = {rest->at, bytes};
    const size_t passed = found == NULL ? bytes : bytes + 1;
    *rest = (struct piece){rest->at + passed, rest->bytes - passed};
    return taken;
}

static bool lists(struct piece list, const char *word)
{
    while (list.bytes > 0) {
        if (is(take(&list, ','), word)) {
            return true;
        }
    }
    return false;
}

/* The path of the group in the hierarchy of `controller`; NULL: version 2. */
static bool find_group(const char *groups, const char *controller, struct piece *path)
{
    struct piece rest = {groups, strlen(groups)};
    while (rest.bytes > 0) {
        struct piece line = take(&rest, '\n');
        const struct piece number = take(&line, ':');
        const struct piece controllers = take(&line, ':');
        if (line.bytes == 0 || line.at[0] != '/') {
            continue;
        }
        if (controller == NULL ? is(number, "0") && controllers.bytes == 0
                               : lists(controllers, controller)) {
            *path = line;
            return true;
        }
    }
    return false;
}

/* "\040" and the like, as mountinfo writes spaces. Returns the bytes, 0: no room or nothing. */
static size_t unescape(struct piece piece, char *out, size_t size)
{
    size_t bytes = 0;
    for (size_t i = 0; i < piece.bytes; i++) {
        char c = piece.at[i];
        if (c == '\\' && i + 3 < piece.bytes && piece.at[i + 1] >= '0' && piece.at[i + 1] <= '3') {
            c = (char)((piece.at[i + 1] - '0') * 64 + (piece.at[i + 2] - '0') * 8 +
                       (piece.at[i + 3] - '0'));
            i += 3;
        }
        if (bytes + 1 >= size || c == '\0') {
            return 0;
        }
        out[bytes++] = c;
    }
    out[bytes] = '\0';
    return bytes;
}

struct mount {
    char root[MS_CGROUP_PATH_MAX], point[MS_CGROUP_PATH_MAX];
};

/*
 * "32 31 0:29 /root /point options optional - type source superoptions"; the last one that fits is
 * on top of those before.
 */
static bool find_mount(const char *mounts, const char *controller, struct mount *out)
{
    struct piece rest = {mounts, strlen(mounts)};
    bool found = false;
    while (rest.bytes > 0) {
        struct piece line = take(&rest, '\n');
        struct piece fields[5];
        for (size_t i = 0; i < 5; i++) {
            fields[i] = take(&line, ' ');
        }
        while (line.bytes > 0 && !is(take(&line, ' '), "-")) {
        }
        const struct piece type = take(&line, ' ');
        (void)take(&line, ' '); /* source */
        if (controller == NULL ? !is(type, "cgroup2")
                               : !is(type, "cgroup") || !lists(line, controller)) {
            continue;
        }
        struct mount mount;
        if (unescape(fields[3], mount.root, sizeof mount.root) > 0 &&
            unescape(fields[4], mount.point, sizeof mount.point) > 0) {
            *out = mount;
            found = true;
        }
    }
    return found;
}

static bool leads_upwards(const char *path)
{
    for (const char *at = path; (at = strstr(at, "/..")) != NULL; at++) {
        if (at[3] == '/' || at[3] == '\0') {
            return true;
        }
    }
    return false;
}

/* Returns 0, -ENOENT (no such hierarchy, or not mounted) or -EXDEV. */
static int find_place(const char *groups, const char *mounts, const char *root,
                      const char *controller, struct ms_cgroup_place *out)
{
    struct piece group;
    struct mount mount;
    char path[MS_CGROUP_PATH_MAX];
    *out = (struct ms_cgroup_place){0};
    if (!find_group(groups, controller, &group) || !find_mount(mounts, controller, &mount)) {
        return -ENOENT;
    }
    if (group.bytes >= sizeof path) {
        return -EXDEV;
    }
    memcpy(path, group.at, group.bytes);
    path[group.bytes] = '\0';
    const char *below = path;
    if (strcmp(mount.root, "/") != 0) {
        const size_t bytes = strlen(mount.root);
        if (strncmp(path, mount.root, bytes) != 0 || (path[bytes] != '/' && path[bytes] != '\0')) {
            return -EXDEV;
        }
        below = path + bytes;
    }
    if (leads_upwards(below)) {
        return -EXDEV;
    }
    below = strcmp(below, "/") == 0 ? "" : below;
    const int bytes = snprintf(out->folder, sizeof out->folder, "%s%s%s", root, mount.point, below);
    if (bytes < 0 || (size_t)bytes >= sizeof out->folder) {
        *out = (struct ms_cgroup_place){0};
        return -EXDEV;
    }
    out->mount_bytes = strlen(root) + strlen(mount.point);
    out->version = controller == NULL ? 2 : 1;
    return 0;
}

static void show_path(const char *groups, const char *controller, char *out, size_t size)
{
    struct piece group;
    if (find_group(groups, controller, &group)) {
        (void)snprintf(out, size, "%.*s", (int)group.bytes, group.at);
    }
}

int ms_cgroup_find(const char *groups, const char *mounts, const char *root,
                   struct ms_cgroup_places *out)
{
    *out = (struct ms_cgroup_places){0};
    const int unified = find_place(groups, mounts, root, NULL, &out->unified);
    struct {
        const char *controller;
        struct ms_cgroup_place *place;
    } const wanted[] = {{"memory", &out->memory}, {"cpu", &out->cpu}, {"pids", &out->processes}};
    bool any = unified == 0;
    bool outside = unified == -EXDEV;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct piece unused;
        const int result = find_place(groups, mounts, root, wanted[i].controller, wanted[i].place);
        any |= result == 0;
        outside |= result == -EXDEV;
        /* One that has no hierarchy of version 1 can only be in that of version 2. */
        if (!find_group(groups, wanted[i].controller, &unused)) {
            *wanted[i].place = out->unified;
        }
    }
    show_path(groups, out->memory.version == 1 ? "memory" : NULL, out->path, sizeof out->path);
    if (any) {
        return 0;
    }
    return outside ? -EXDEV : -ENOENT;
}

/* "max" is MS_NO_LIMIT, and so is -1. False: it is not there or no number. */
static bool read_number(const char *folder, const char *name, uint64_t *out)
{
    char text[64];
    const ssize_t bytes = ms_proc_read_in(folder, name, text, sizeof text);
    const char *at = text;
    if (bytes <= 0) {
        return false;
    }
    if (strncmp(text, "max", 3) == 0 || strncmp(text, "-1", 2) == 0) {
        *out = MS_NO_LIMIT;
        return true;
    }
    return ms_proc_number(&at, text + bytes, out);
}

static bool read_key(const char *folder, const char *name, const char *key, uint64_t *out)
{
    char text[8192];
    const ssize_t bytes = ms_proc_read_in(folder, name, text, sizeof text);
    return bytes > 0 && ms_proc_parse_key(text, (size_t)bytes, key, out);
}

/* Shortens a folder of the place to that of its parent; false at the mount. */
static bool go_up(const struct ms_cgroup_place *place, char *folder)
{
    const size_t bytes = strlen(folder);
    if (bytes <= place->mount_bytes) {
        return false;
    }
    char *slash = strrchr(folder, '/');
    if (slash == NULL || (size_t)(slash - folder) < place->mount_bytes) {
        return false;
    }
    *slash = '\0';
    return true;
}

/* The smallest limit from the group up, and the folder it stands at; false: none is told. */
static bool smallest(const struct ms_cgroup_place *place, const char *name, uint64_t *out, char *at)
{
    char folder[MS_CGROUP_PATH_MAX];
    bool told = false;
    memcpy(folder, place->folder, sizeof folder);
    memcpy(at, place->folder, sizeof folder);
    *out = MS_NO_LIMIT;
    for (int level = 0; level < LEVELS_AT_MOST; level++) {
        uint64_t limit;
        if (read_number(folder, name, &limit)) {
            told = true;
            if (place->version == 1 && limit >= NO_LIMIT_V1) {
                limit = MS_NO_LIMIT;
            }
            if (limit < *out) {
                *out = limit;
                memcpy(at, folder, sizeof folder);
            }
        }
        if (!go_up(place, folder)) {
            break;
        }
    }
    return told;
}

static void read_memory(const struct ms_cgroup_place *place, struct ms_cgroup *out)
{
    char at[MS_CGROUP_PATH_MAX];
    const bool two = place->version == 2;
    out->memory_max_bytes = out->memory_high_bytes = out->swap_max_bytes = MS_NO_LIMIT;
    (void)smallest(place, two ? "memory.max" : "memory.limit_in_bytes", &out->memory_max_bytes, at);
    out->have_memory =
        read_number(at, two ? "memory.current" : "memory.usage_in_bytes", &out->memory_bytes);
    if (!out->have_memory) {
        return;
    }
    out->have_kills = read_key(at, two ? "memory.events" : "memory.oom_control", "oom_kill ",
                               &out->out_of_memory_kills);
    if (two) {
        (void)smallest(place, "memory.high", &out->memory_high_bytes, at);
        (void)smallest(place, "memory.swap.max", &out->swap_max_bytes, at);
        out->have_swap = read_number(at, "memory.swap.current", &out->swap_bytes);
        return;
    }
    uint64_t both; /* version 1 limits the sum of memory and swap */
    if (smallest(place, "memory.memsw.limit_in_bytes", &both, at)) {
        out->swap_max_bytes = both == MS_NO_LIMIT            ? MS_NO_LIMIT
                              : both > out->memory_max_bytes ? both - out->memory_max_bytes
                                                             : 0;
        out->have_swap = read_key(at, "memory.stat", "total_swap ", &out->swap_bytes) ||
                         read_key(at, "memory.stat", "swap ", &out->swap_bytes);
    }
}

static bool read_cpus(const char *folder, uint32_t version, double *out)
{
    uint64_t quota;
    uint64_t period;
    if (version == 1) {
        if (!read_number(folder, "cpu.cfs_quota_us", &quota) ||
            !read_number(folder, "cpu.cfs_period_us", &period)) {
            return false;
        }
    } else {
        char text[64];
        const ssize_t bytes = ms_proc_read_in(folder, "cpu.max", text, sizeof text);
        const char *at = text;
        if (bytes <= 0) {
            return false;
        }
        if (strncmp(text, "max", 3) == 0) {
            *out = NAN;
            return true;
        }
        if (!ms_proc_number(&at, text + bytes, &quota) ||
            !ms_proc_number(&at, text + bytes, &period)) {
            return false;
        }
    }
    *out = quota == MS_NO_LIMIT || period == 0 ? (double)NAN : (double)quota / (double)period;
    return true;
}

static void read_cpu(const struct ms_cgroup_place *place, struct ms_cgroup *out)
{
    char folder[MS_CGROUP_PATH_MAX];
    char at[MS_CGROUP_PATH_MAX];
    memcpy(folder, place->folder, sizeof folder);
    memcpy(at, place->folder, sizeof at);
    for (int level = 0; level < LEVELS_AT_MOST; level++) {
        double cpus;
        if (read_cpus(folder, place->version, &cpus)) {
            out->have_cpu = true;
            if (!isnan(cpus) && (isnan(out->cpus) || cpus < out->cpus)) {
                out->cpus = cpus;
                memcpy(at, folder, sizeof at);
            }
        }
        if (!go_up(place, folder)) {
            break;
        }
    }
    uint64_t throttled;
    const bool two = place->version == 2;
    out->have_throttling =
        read_key(at, "cpu.stat", "nr_periods ", &out->periods) &&
        read_key(at, "cpu.stat", "nr_throttled ", &out->throttled_periods) &&
        read_key(at, "cpu.stat", two ? "throttled_usec " : "throttled_time ", &throttled);
    if (out->have_throttling) {
        out->throttled_ns = !two                            ? throttled
                            : throttled > UINT64_MAX / 1000 ? UINT64_MAX
                                                            : throttled * 1000;
    }
}

static void read_processes(const struct ms_cgroup_place *place, struct ms_cgroup *out)
{
    char at[MS_CGROUP_PATH_MAX];
    out->processes_max = MS_NO_LIMIT;
    (void)smallest(place, "pids.max", &out->processes_max, at);
    out->have_processes = read_number(at, "pids.current", &out->processes);
}

int ms_cgroup_read(const struct ms_cgroup_places *places, struct ms_pressure_files *pressure,
                   struct ms_descriptor_budget *budget, struct ms_cgroup *out, int *pressure_result)
{
    struct ms_cgroup fresh = {.cpus = NAN,
                              .memory_max_bytes = MS_NO_LIMIT,
                              .memory_high_bytes = MS_NO_LIMIT,
                              .swap_max_bytes = MS_NO_LIMIT,
                              .processes_max = MS_NO_LIMIT,
                              .pressure = MS_PRESSURE_NONE};
    memcpy(fresh.path, places->path, sizeof fresh.path);
    fresh.version = places->memory.version != 0 ? places->memory.version : places->unified.version;
    if (places->memory.version != 0) {
        read_memory(&places->memory, &fresh);
    }
    if (places->cpu.version != 0) {
        read_cpu(&places->cpu, &fresh);
    }
    if (places->processes.version != 0) {
        read_processes(&places->processes, &fresh);
    }
    *pressure_result = -ENOENT;
    if (places->unified.version != 0) {
        const int folder =
            open(places->unified.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY);
        *pressure_result = folder < 0 ? -errno
                                      : ms_pressure_read(pressure, budget, MS_PRESSURE_OF_CGROUP,
                                                         folder, &fresh.pressure);
        if (folder >= 0) {
            close(folder);
        }
    }
    fresh.have = fresh.have_memory || fresh.have_cpu || fresh.have_processes || fresh.pressure.have;
    if (!fresh.have) {
        return access(places->unified.version != 0 ? places->unified.folder : places->memory.folder,
                      R_OK) != 0
                   ? -errno
                   : -ENODATA;
    }
    *out = fresh;
    return 0;
}

const char *ms_cgroup_because(int error)
{
    switch (error) {
    case -EXDEV:
        return "the control group is outside of what is mounted here: look from the host";
    case -ENOENT:
        return "no control group file system is mounted here";
    case -EACCES:
    case -EPERM:
        return "not allowed to read its files";
    case -ENODATA:
        return "its group has no controllers: it is the root, or none is switched on for it";
    default:
        return "it cannot be read";
    }
}
