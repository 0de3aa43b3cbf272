/* What program a watched process is, and which process started it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/target_parts.h"
#include "wire/clock.h"

#define FOREFATHERS_AT_MOST 8
#define HEARD_APART_NS      (100 * MS_NS_PER_MS)

uint64_t ms_target_unix_ns(const struct ms_message_session *session, uint64_t time_ns)
{
    return session->start_unix_ns + (time_ns - session->start_ns);
}

static void keep_arguments(struct ms_process *process, const char *text, size_t bytes)
{
    if (bytes == 0) {
        return;
    }
    char *copy = malloc(bytes + 1);
    if (copy != NULL) {
        memcpy(copy, text, bytes);
        copy[bytes] = '\0';
        free(process->arguments);
        process->arguments = copy;
        process->arguments_bytes = bytes;
    }
}

void ms_target_read_identity(struct ms_target *target, struct ms_process *process)
{
    char text[65536];
    char exe[sizeof process->exe];
    ms_proc_process_exe(&target->proc, exe, sizeof exe);
    size_t bytes = ms_proc_process_arguments(&target->proc, text, sizeof text);
    /* Looked at last: what /proc showed may be the program that it became. */
    if (target->has_view && ms_region_view_state(&target->view) == MS_REGION_EXEC) {
        return;
    }
    if (exe[0] != '\0') {
        memcpy(process->exe, exe, sizeof exe);
    }
    keep_arguments(process, text, bytes);
}

void ms_target_take_session_identity(struct ms_process *process,
                                     const struct ms_message_session *session)
{
    size_t bytes =
        session->text_bytes < sizeof session->text ? session->text_bytes : sizeof session->text;
    size_t exe_bytes = session->exe_bytes < bytes ? session->exe_bytes : bytes;
    (void)snprintf(process->exe, sizeof process->exe, "%.*s", (int)exe_bytes, session->text);
    keep_arguments(process, session->text + exe_bytes, bytes - exe_bytes);
    process->start_ns = session->start_ns;
    process->start_unix_ns = session->start_unix_ns;
}

/* The latest process of that pid that began no later: pids are reused. When a process began is
 * known to be when it was heard of, at first, and then two that were heard of at once are in no
 * order. */
static uint32_t find_parent(const struct ms_model *model, uint32_t own_id, pid_t parent_pid,
                            uint64_t start_ns)
{
    const struct ms_process *best = NULL;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->pid == parent_pid && process->id != own_id &&
            process->start_ns <= start_ns + HEARD_APART_NS &&
            (process->end_ns == 0 || process->end_ns >= start_ns || process->replaced_by_exec) &&
            (best == NULL || process->start_ns >= best->start_ns)) {
            best = process;
        }
    }
    return best == NULL ? 0 : best->id;
}

void ms_target_take_start(struct ms_process *process, const struct ms_target_room *room,
                          const struct ms_region_facts *facts)
{
    if (facts->start_ns != 0 && facts->start_ns < process->start_ns) {
        process->start_ns = facts->start_ns;
        process->start_unix_ns = ms_target_unix_ns(room->session, facts->start_ns);
    }
}

void ms_target_find_parent(struct ms_target *target, const struct ms_target_room *room)
{
    struct ms_process *process =
        target->parent_pid > 0 ? ms_model_process_mutable(room->model, target->process_id) : NULL;
    if (process == NULL || target->parent_found) {
        return;
    }
    pid_t pid = target->parent_pid;
    uint32_t found = find_parent(room->model, process->id, pid, process->start_ns);
    target->parent_found = found != 0;
    for (int level = 0; found == 0 && process->parent_id == 0 && level < FOREFATHERS_AT_MOST;
         level++) {
        pid = target->same_namespace ? ms_proc_parent(pid) : 0;
        found = pid > 1 ? find_parent(room->model, process->id, pid, process->start_ns) : 0;
    }
    if (found != 0) {
        process->parent_id = found;
    }
}

void ms_target_read_exe(struct ms_target *target, struct ms_process *process)
{
    char exe[sizeof process->exe];
    ms_proc_process_exe(&target->proc, exe, sizeof exe);
    bool exec = target->has_view && ms_region_view_state(&target->view) == MS_REGION_EXEC;
    if (exe[0] != '\0' && !exec) {
        memcpy(process->exe, exe, sizeof exe);
    }
}
