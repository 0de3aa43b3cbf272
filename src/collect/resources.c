/* See resources.h. */
#include "collect/resources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/cgroup.h"
#include "collect/memory_map.h"
#include "collect/network.h"
#include "collect/open_files.h"
#include "collect/proc_process.h"
#include "collect/resource_limits.h"
#include "wire/clock.h"

/* Processes of a build live for less: looking at all of each would be most of the work. */
#define CHILD_AGE_NS   (300 * MS_NS_PER_MS)
#define PROGRAM_AGE_NS (100 * MS_NS_PER_MS) /* before, it may still be the keeper's child */
#define MAP_AGE_NS     (300 * MS_NS_PER_MS)
#define MAP_NS         (5 * MS_NS_PER_S)
#define YOUNG_NS       (10 * MS_NS_PER_S)
#define MAP_YOUNG_NS   MS_NS_PER_S
#define STILL_NS       (20 * MS_NS_PER_S) /* of a process that does nothing */
#define FILES_NS       MS_NS_PER_S
#define LIMITS_NS      (5 * MS_NS_PER_S)
#define CGROUP_NS      (2 * MS_NS_PER_S)
#define CGROUP_FIND_NS (10 * MS_NS_PER_S)
/* What takes longer is done less often: one part in so many of the time of one process ... */
#define SHARE 1000u
/* ... and of all processes together, of what holds memory locks. */
#define SHARE_OF_ALL 1000u

#define GROUPS_AT_MOST      32u
#define MOUNTS_BYTES        (256u << 10)
#define GROUPS_BYTES        4096u
#define MOUNTS_LOOKED_AT_NS (30 * MS_NS_PER_S)

struct group {
    char text[GROUPS_BYTES]; /* of /proc/PID/cgroup: who has the same is in the same */
    struct ms_cgroup_places places;
    struct ms_pressure_files pressure;
    struct ms_cgroup cgroup;
    int found_result, result, pressure_result;
    uint64_t found_ns, read_ns; /* 0: never */
};

struct ms_shared_resources {
    struct ms_socket_monitor *sockets;
    struct ms_mappings mappings; /* scratch */
    uint64_t next_map_ns;
    struct group *groups[GROUPS_AT_MOST];
    size_t group_count, next_group;
    char *mounts; /* NULL: not read yet */
    uint64_t mounts_ns;
};

struct ms_watched_resources {
    struct ms_watched_network *network;
    struct ms_open_sockets sockets;
    uint64_t next_files_ns, next_map_ns, next_limits_ns, next_cgroup_ns, next_find_ns;
    /* When its descriptors were read, and the CPU time of the process then. */
    uint64_t files_read_ns, files_run_ns;
    uint64_t map_mark; /* ms_proc_memory_mark when its mappings were read */
    char group_text[GROUPS_BYTES];
};

struct ms_shared_resources *ms_shared_resources_new(void)
{
    struct ms_shared_resources *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        return NULL;
    }
    shared->sockets = ms_socket_monitor_new();
    if (shared->sockets == NULL) {
        free(shared);
        return NULL;
    }
    return shared;
}

void ms_shared_resources_free(struct ms_shared_resources *shared,
                              struct ms_descriptor_budget *budget)
{
    if (shared == NULL) {
        return;
    }
    for (size_t i = 0; i < shared->group_count; i++) {
        ms_pressure_close(&shared->groups[i]->pressure, budget);
        free(shared->groups[i]);
    }
    ms_socket_monitor_free(shared->sockets);
    ms_mappings_free(&shared->mappings);
    free(shared->mounts);
    free(shared);
}

bool ms_shared_map_turn(const struct ms_shared_resources *shared, uint64_t now_ns)
{
    return now_ns >= shared->next_map_ns;
}

void ms_shared_map_took(struct ms_shared_resources *shared, uint64_t now_ns, uint64_t took_ns)
{
    shared->next_map_ns = now_ns + took_ns * SHARE_OF_ALL;
}

struct ms_watched_resources *ms_watched_resources_new(void)
{
    struct ms_watched_resources *watched = calloc(1, sizeof *watched);
    if (watched != NULL) {
        watched->network = ms_watched_network_new();
        if (watched->network == NULL) {
            free(watched);
            return NULL;
        }
    }
    return watched;
}

void ms_watched_resources_free(struct ms_watched_resources *watched)
{
    if (watched != NULL) {
        ms_watched_network_free(watched->network);
        ms_open_sockets_free(&watched->sockets);
        free(watched);
    }
}

/* One source stands for all processes: what one of them gives and another does not is in part. */
static void say_available(struct ms_model *model, enum ms_source source)
{
    const struct ms_source_state *state = ms_model_source(model, source);
    if (state->condition == MS_SOURCE_NOT_ASKED) {
        ms_model_source_set(model, source, MS_SOURCE_AVAILABLE, NULL);
    } else if (state->condition == MS_SOURCE_UNAVAILABLE) {
        const struct ms_source_state before = *state;
        ms_model_source_set(model, source, MS_SOURCE_PARTIAL, before.because);
    }
}

static void say_missing(struct ms_model *model, enum ms_source source, const char *because)
{
    const struct ms_source_state *state = ms_model_source(model, source);
    if (state->condition == MS_SOURCE_NOT_ASKED) {
        ms_model_source_set(model, source, MS_SOURCE_UNAVAILABLE, because);
    } else if (state->condition == MS_SOURCE_AVAILABLE) {
        ms_model_source_set(model, source, MS_SOURCE_PARTIAL, because);
    }
}

static bool is_gone(int error)
{
    return error == -ESRCH || error == -ENOENT;
}

static const char *proc_because(int error)
{
    switch (error) {
    case -EACCES:
    case -EPERM:
        return "the process is of another user or protects itself: run memscope-top as that user, "
               "or as root";
    case -ENOMEM:
        return "no memory for it";
    case -EPROTO:
        return "the kernel writes it in a way that is not known here";
    default:
        return "/proc cannot be read";
    }
}

static void read_limits(struct ms_model *model, int folder, struct ms_process *process)
{
    const int result = ms_resource_limits_read(folder, &process->resources.limits);
    if (result == 0) {
        say_available(model, MS_SOURCE_RESOURCE_LIMITS);
    } else if (!is_gone(result)) {
        say_missing(model, MS_SOURCE_RESOURCE_LIMITS, proc_because(result));
    }
}

static void read_files(struct ms_watched_resources *watched, struct ms_shared_resources *shared,
                       struct ms_model *model, int folder, struct ms_process *process,
                       uint64_t now_ns)
{
    const uint64_t from_ns = ms_thread_cpu_ns();
    const uint64_t run_ns = process->kernel.user_ns + process->kernel.system_ns;
    /* Nobody else opens and closes descriptors of a process that does nothing. */
    const bool same = run_ns != 0 && run_ns == watched->files_run_ns &&
                      now_ns < watched->files_read_ns + STILL_NS;
    int result =
        same ? 0 : ms_open_files_read(folder, &watched->sockets, &process->resources.files);
    watched->files_run_ns = result == 0 ? run_ns : 0;
    watched->files_read_ns = same ? watched->files_read_ns : now_ns;
    const uint64_t rest_ns = (ms_thread_cpu_ns() - from_ns) * SHARE;
    watched->next_files_ns = now_ns + (rest_ns > FILES_NS ? rest_ns : FILES_NS);
    if (result != 0) {
        if (!is_gone(result)) {
            say_missing(model, MS_SOURCE_OPEN_FILES, proc_because(result));
            say_missing(model, MS_SOURCE_SOCKETS, proc_because(result));
        }
        return;
    }
    say_available(model, MS_SOURCE_OPEN_FILES);
    result = ms_watched_network_read(watched->network, shared->sockets, folder, &watched->sockets,
                                     now_ns, &process->resources.network);
    if (result == 0) {
        say_available(model, MS_SOURCE_SOCKETS);
    } else if (result != -EAGAIN && result != -ESRCH) {
        say_missing(model, MS_SOURCE_SOCKETS, ms_sockets_because(result));
    }
}

static void read_map(struct ms_watched_resources *watched, struct ms_shared_resources *shared,
                     struct ms_model *model, int folder, struct ms_process *process,
                     uint64_t age_ns, uint64_t now_ns)
{
    const struct ms_resource_limits *limits = &process->resources.limits;
    struct ms_memory_map *map = &process->resources.map;
    struct ms_memory_hints hints = {.stack_bytes = limits->have ? limits->stack_bytes : 0,
                                    .glibc_allocator = ms_path_is_of_glibc(process->allocator),
                                    .mem = -1};
    const uint64_t mark = ms_proc_memory_mark(&process->kernel);
    if (map->read_ns != 0 && mark == watched->map_mark && now_ns < map->read_ns + STILL_NS) {
        watched->next_map_ns = now_ns + MAP_YOUNG_NS;
        return;
    }
    watched->map_mark = mark;
    const uint64_t from_ns = ms_thread_cpu_ns();
    const int result = ms_memory_map_read(folder, &shared->mappings, &hints, map);
    const uint64_t took_ns = ms_thread_cpu_ns() - from_ns;
    /* A young process is looked at more often, so that a short one has a map of its end. */
    const uint64_t every_ns = age_ns < YOUNG_NS ? MAP_YOUNG_NS : MAP_NS;
    const uint64_t rest_ns = took_ns * SHARE;
    watched->next_map_ns = now_ns + (rest_ns > every_ns ? rest_ns : every_ns);
    ms_shared_map_took(shared, now_ns, took_ns);
    if (result != 0) {
        if (!is_gone(result)) {
            say_missing(model, MS_SOURCE_MEMORY_MAP, proc_because(result));
        }
        return;
    }
    const struct ms_heap *heap = &process->totals;
    map->read_ns = now_ns;
    map->live_bytes = ms_heap_current_bytes(heap);
    map->live_blocks =
        heap->allocations > heap->deallocations ? heap->allocations - heap->deallocations : 0;
    map->rounding_bytes = heap->waste_bytes;
    /* Where maps are dear, smaps_rollup never gets the turn that both wait for. */
    process->kernel.pss_bytes = map->all.proportional_bytes;
    process->kernel.have_pss = true;
    say_available(model, MS_SOURCE_MEMORY_MAP);
    if (hints.blocks_unread > 0) {
        say_missing(model, MS_SOURCE_MEMORY_MAP,
                    "/proc/PID/mem may not be read (ptrace): large blocks of malloc that are "
                    "mapped one by one count as mmap");
    }
}

/* Mounts are those of the viewer: the paths that it can open. */
static const char *mounts(struct ms_shared_resources *shared, uint64_t now_ns)
{
    if (shared->mounts != NULL && now_ns < shared->mounts_ns + MOUNTS_LOOKED_AT_NS) {
        return shared->mounts;
    }
    if (shared->mounts == NULL) {
        shared->mounts = malloc(MOUNTS_BYTES);
    }
    const int descriptor = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    size_t bytes = 0;
    while (shared->mounts != NULL && descriptor >= 0 && bytes < MOUNTS_BYTES - 1) {
        const ssize_t got = read(descriptor, shared->mounts + bytes, MOUNTS_BYTES - 1 - bytes);
        if (got <= 0) {
            break;
        }
        bytes += (size_t)got;
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (shared->mounts != NULL) {
        shared->mounts[bytes] = '\0';
        shared->mounts_ns = now_ns;
    }
    return shared->mounts;
}

/* Of so many groups at a time the oldest gives way. NULL without memory. */
static struct group *add_group(struct ms_shared_resources *shared,
                               struct ms_descriptor_budget *budget, const char *text)
{
    struct group *group;
    if (shared->group_count < GROUPS_AT_MOST) {
        group = malloc(sizeof *group);
        if (group == NULL) {
            return NULL;
        }
        shared->groups[shared->group_count++] = group;
    } else {
        group = shared->groups[shared->next_group++ % GROUPS_AT_MOST];
        ms_pressure_close(&group->pressure, budget);
    }
    *group = (struct group){.pressure = MS_PRESSURE_FILES_NONE};
    memcpy(group->text, text, sizeof group->text);
    return group;
}

static struct group *find_group(struct ms_shared_resources *shared,
                                struct ms_descriptor_budget *budget, const char *text)
{
    for (size_t i = 0; i < shared->group_count; i++) {
        if (strcmp(shared->groups[i]->text, text) == 0) {
            return shared->groups[i];
        }
    }
    return add_group(shared, budget, text);
}

static void refresh_group(struct ms_shared_resources *shared, struct group *group,
                          struct ms_descriptor_budget *budget, uint64_t now_ns)
{
    const bool again = group->found_result != 0 || group->result != 0;
    if (group->found_ns == 0 || (again && now_ns > group->found_ns + CGROUP_FIND_NS)) {
        const char *text = mounts(shared, now_ns);
        group->found_ns = now_ns;
        group->found_result =
            text == NULL ? -ENOMEM : ms_cgroup_find(group->text, text, "", &group->places);
    }
    if (group->found_result == 0 && (group->read_ns == 0 || now_ns >= group->read_ns + CGROUP_NS)) {
        group->read_ns = now_ns;
        group->result = ms_cgroup_read(&group->places, &group->pressure, budget, &group->cgroup,
                                       &group->pressure_result);
    }
}

static void read_cgroup(struct ms_watched_resources *watched, struct ms_shared_resources *shared,
                        struct ms_model *model, struct ms_descriptor_budget *budget, int folder,
                        struct ms_process *process, uint64_t now_ns)
{
    watched->next_cgroup_ns = now_ns + CGROUP_NS;
    if (now_ns >= watched->next_find_ns) {
        const ssize_t bytes =
            ms_proc_read_once(folder, "cgroup", watched->group_text, sizeof watched->group_text);
        watched->next_find_ns = now_ns + CGROUP_FIND_NS;
        if (bytes < 0) {
            watched->group_text[0] = '\0';
            if (!is_gone((int)bytes)) {
                say_missing(model, MS_SOURCE_CGROUP, proc_because((int)bytes));
            }
        }
    }
    struct group *group =
        watched->group_text[0] == '\0' ? NULL : find_group(shared, budget, watched->group_text);
    if (group == NULL) {
        return;
    }
    refresh_group(shared, group, budget, now_ns);
    const int result = group->found_result != 0 ? group->found_result : group->result;
    if (result != 0) {
        /* A group that was never there has not gone: its file system is hidden. */
        if (group->found_result != 0 || !is_gone(result) ||
            ms_model_source(model, MS_SOURCE_CGROUP)->condition == MS_SOURCE_NOT_ASKED) {
            say_missing(model, MS_SOURCE_CGROUP, ms_cgroup_because(result));
            say_missing(model, MS_SOURCE_CGROUP_PRESSURE, ms_cgroup_because(result));
        }
        return;
    }
    process->resources.cgroup = group->cgroup;
    say_available(model, MS_SOURCE_CGROUP);
    if (group->pressure_result == 0) {
        say_available(model, MS_SOURCE_CGROUP_PRESSURE);
    } else {
        say_missing(model, MS_SOURCE_CGROUP_PRESSURE,
                    ms_pressure_because(group->pressure_result, MS_PRESSURE_OF_CGROUP));
    }
}

void ms_watched_resources_read(struct ms_watched_resources *watched,
                               struct ms_shared_resources *shared, struct ms_model *model,
                               struct ms_descriptor_budget *budget, int folder,
                               struct ms_process *process, uint64_t age_ns, uint64_t now_ns)
{
    const bool child = process->parent_id != 0;
    if (folder < 0 || age_ns < (child ? CHILD_AGE_NS : PROGRAM_AGE_NS)) {
        return;
    }
    if (now_ns >= watched->next_limits_ns) {
        watched->next_limits_ns = now_ns + LIMITS_NS;
        read_limits(model, folder, process);
    }
    if (now_ns >= watched->next_files_ns) {
        read_files(watched, shared, model, folder, process, now_ns);
    }
    if (now_ns >= watched->next_cgroup_ns) {
        read_cgroup(watched, shared, model, budget, folder, process, now_ns);
    }
    if (age_ns >= MAP_AGE_NS && now_ns >= watched->next_map_ns &&
        ms_shared_map_turn(shared, now_ns)) {
        read_map(watched, shared, model, folder, process, age_ns, now_ns);
    }
}
