/* What the kernel counts of a watched process, less what it counted of the program before. */
#include <errno.h>

#include "collect/target_parts.h"
#include "wire/clock.h"

#define MAPS_NS       (1000 * MS_NS_PER_MS)
#define MAPS_STILL_NS (10 * MS_NS_PER_S) /* of a process that does nothing */

/* What is shown and what /proc says differ by what was inherited. */
static void to_raw(const struct ms_target *target, struct ms_process_kernel *kernel)
{
#define ADD(member) kernel->member += target->inherited.member;
    MS_KERNEL_SUMS(ADD)
#undef ADD
}

static void to_own(const struct ms_target *target, struct ms_process_kernel *kernel)
{
#define TAKE_OFF(member)                                                                           \
    kernel->member -=                                                                              \
        kernel->member < target->inherited.member ? kernel->member : target->inherited.member;
    MS_KERNEL_SUMS(TAKE_OFF)
#undef TAKE_OFF
}

void ms_target_inherit(struct ms_target *target, const struct ms_target *older,
                       const struct ms_target_room *room)
{
    struct ms_process *process = ms_model_process_mutable(room->model, target->process_id);
    const struct ms_process *before = ms_model_process_by_id(room->model, older->process_id);
    if (process == NULL || before == NULL || older->pid <= 0) {
        return;
    }
    target->inherited = before->kernel;
    to_raw(older, &target->inherited);
    to_own(target, &process->kernel);
    ms_watched_threads_inherit(target->threads, older->threads, room->model, older->pid);
}

static int read_process(struct ms_target *target, const struct ms_target_room *room,
                        enum ms_proc_depth depth, struct ms_process_kernel *kernel)
{
    to_raw(target, kernel);
    const int result = ms_proc_process_read(&target->proc, room->budget, depth, kernel);
    to_own(target, kernel);
    return result;
}

static int read_kernel(struct ms_target *target, const struct ms_target_room *room,
                       struct ms_process *process, uint64_t now_ns, bool slow)
{
    enum ms_proc_depth depth = slow ? MS_PROC_STATUS : MS_PROC_QUICK;
    const bool turn = room->resources == NULL || ms_shared_map_turn(room->resources, now_ns);
    const uint64_t mark = ms_proc_memory_mark(&process->kernel);
    const uint64_t rest_ns = mark == target->maps_mark ? MAPS_STILL_NS : MAPS_NS;
    if (!turn || now_ns < target->maps_ns + rest_ns) {
        return read_process(target, room, depth, &process->kernel);
    }
    target->maps_ns = now_ns;
    target->maps_mark = mark;
    const uint64_t from_ns = ms_thread_cpu_ns();
    const int result = read_process(target, room, MS_PROC_MAPS, &process->kernel);
    if (room->resources != NULL) {
        ms_shared_map_took(room->resources, now_ns, ms_thread_cpu_ns() - from_ns);
    }
    return result;
}

int ms_target_read_proc(struct ms_target *target, const struct ms_target_room *room,
                        struct ms_process *process, uint64_t now_ns, bool slow)
{
    if (target->proc_gone || target->ended) {
        return 0;
    }
    if (room->resources != NULL && !target->proc.zombie) {
        ms_watched_resources_read(target->resources, room->resources, room->model, room->budget,
                                  target->proc.folder, process, now_ns - target->heard_ns, now_ns);
    }
    if (read_kernel(target, room, process, now_ns, slow) == -ESRCH) {
        target->proc_gone = true;
        target->gone_ns = now_ns;
        return 0;
    }
    if (target->proc.zombie && target->gone_ns == 0) {
        target->gone_ns = now_ns;
    }
    if (!target->same_namespace) {
        process->threads_unread = "the process is in another pid namespace: the thread ids that "
                                  "its probe knows are not those of our /proc";
    }
    if (target->proc.zombie || !target->same_namespace) {
        return 0;
    }
    bool executed = target->has_view && ms_target_executed_for_long(target, now_ns);
    return ms_watched_threads_proc(target->threads, room->model, room->budget, &target->proc,
                                   target->has_view ? &target->view : NULL, executed, now_ns,
                                   target->ticks);
}

static void take_final(struct ms_process_kernel *kernel, const struct ms_process_final *final)
{
    if ((final->have & MS_FINAL_RUSAGE) != 0) {
        kernel->user_ns = final->user_ns;
        kernel->system_ns = final->system_ns;
        kernel->minor_faults = final->minor_faults;
        kernel->major_faults = final->major_faults;
        /* With waited-for children in them they are not this process's own. */
        if ((final->have & MS_FINAL_WAITED) == 0) {
            kernel->peak_rss_bytes = final->peak_rss_bytes;
            kernel->voluntary_switches = final->voluntary_switches;
            kernel->involuntary_switches = final->involuntary_switches;
        }
    }
    if ((final->have & MS_FINAL_IO) != 0) {
        kernel->have_io = true;
        kernel->read_calls = final->read_calls;
        kernel->write_calls = final->write_calls;
        kernel->read_chars_bytes = final->read_chars_bytes;
        kernel->write_chars_bytes = final->write_chars_bytes;
        kernel->read_storage_bytes = final->read_storage_bytes;
        kernel->write_storage_bytes = final->write_storage_bytes;
    }
}

void ms_target_take_final(const struct ms_target *target, struct ms_process *process,
                          const struct ms_process_final *final)
{
    to_raw(target, &process->kernel);
    take_final(&process->kernel, final);
    to_own(target, &process->kernel);
}
