/*
 * When a process executes a program, its first thread goes on under the same id: what the kernel
 * counted of it before is not of that program, nor is its new name that of the one before.
 */
#include <string.h>

#include "collect/threads_watched.h"

/* Those that a process does not have: X(member). */
#define THREAD_SUMS(X) X(run_ns) X(run_queue_wait_ns) X(migrations)

void ms_watched_to_raw(const struct ms_watched_threads *threads, pid_t tid,
                       struct ms_kernel_thread *kernel)
{
#define ADD(member) kernel->member += threads->inherited.member;
    if (threads->inherited_tid != 0 && threads->inherited_tid == tid) {
        MS_KERNEL_SUMS(ADD)
        THREAD_SUMS(ADD)
    }
#undef ADD
}

void ms_watched_to_own(const struct ms_watched_threads *threads, pid_t tid,
                       struct ms_kernel_thread *kernel)
{
#define TAKE_OFF(member)                                                                           \
    kernel->member -=                                                                              \
        kernel->member < threads->inherited.member ? kernel->member : threads->inherited.member;
    if (threads->inherited_tid != 0 && threads->inherited_tid == tid) {
        MS_KERNEL_SUMS(TAKE_OFF)
        THREAD_SUMS(TAKE_OFF)
    }
#undef TAKE_OFF
}

void ms_watched_take_name(struct ms_watched_threads *threads, struct ms_thread *thread,
                          const char *name, size_t size, bool exec)
{
    if (name[0] == '\0' || strcmp(name, thread->name) == 0) {
        return;
    }
    if (exec && threads->before_exec.model_id == 0) {
        threads->before_exec.model_id = thread->id;
        memcpy(threads->before_exec.name, thread->name, sizeof thread->name);
    }
    ms_watched_thread_name(thread, name, size);
}

void ms_watched_threads_inherit(struct ms_watched_threads *threads,
                                const struct ms_watched_threads *older,
                                const struct ms_model *model, pid_t pid)
{
    for (size_t i = 0; i < older->present_count; i++) {
        const struct ms_watched_thread *watched = older->present[i];
        const struct ms_thread *thread =
            watched->tid == pid ? ms_model_thread_by_id(model, watched->model_id) : NULL;
        if (thread != NULL) {
            threads->inherited_tid = pid;
            threads->inherited = thread->kernel;
            ms_watched_to_raw(older, pid, &threads->inherited);
        }
    }
}

void ms_watched_threads_executed(struct ms_watched_threads *threads, struct ms_model *model)
{
    struct ms_thread *thread = ms_model_thread_mutable(model, threads->before_exec.model_id);
    if (thread != NULL) {
        memcpy(thread->name, threads->before_exec.name, sizeof thread->name);
    }
    threads->before_exec.model_id = 0;
}
