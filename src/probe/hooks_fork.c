/*
 * fork from a signal handler that interrupted a hook. The child returns from the handler into the
 * middle of our code, and that goes on with the thread's state, which lies in memory that the fork
 * has wiped. So the child gets the state back as it was, but for what would let it count: without
 * its key the next event sets the child up as ever, and what the interrupted event still adds goes
 * to a record that nobody reads. An event in the middle of its stack, which is most of the time of
 * one, ends in private memory: the child is set up before it goes on. At other places what it still
 * adds may be the parent's: there one event may be in twice.
 *
 * fork by a raw system call has no such help; it is not made in handlers.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probe/process.h"
#include "probe/thread.h"

typedef pid_t fork_function(void);

static struct {
    fork_function *fork;
    fork_function *bare; /* _Fork: since glibc 2.34 */
} next;

static struct ms_region_thread nobody;

void ms_fork_hooks_init(void)
{
    next.fork = (fork_function *)ms_real_symbol("fork");
    next.bare = (fork_function *)ms_real_symbol("_Fork");
}

static void restore(struct ms_thread_state *state, const struct ms_thread_state *before)
{
    if (state->key != 0) {
        return;
    }
    memcpy(state, before, sizeof *state);
    state->key = 0;
    state->record = &nobody;
    state->index = 0;
    state->root_context = 0;
    state->unpublished_bytes = 0;
    /* Reserved for the parent, in the parent's region. */
    state->contexts.slab_next = 0;
    state->contexts.slab_end = 0;
    memset(&state->io, 0, sizeof state->io);
    if (state->busy_stack_pointer != 0) {
        (void)ms_thread_enter();
    }
}

static pid_t fork_by(fork_function *real)
{
    if (MS_UNLIKELY(real == NULL)) {
        errno = ENOSYS;
        return -1;
    }
    struct ms_thread_state *state = ms_ready ? ms_thread_state : NULL;
    if (state == NULL || state->key == 0) {
        return real();
    }
    struct ms_thread_state before = *state;
    pid_t child = real();
    if (child == 0) {
        restore(state, &before);
    }
    return child;
}

static void resolve(void)
{
    if (MS_UNLIKELY(next.fork == NULL)) {
        int before = errno;
        ms_fork_hooks_init();
        errno = before;
    }
}

MS_EXPORT pid_t fork(void)
{
    resolve();
    return fork_by(next.fork);
}

MS_EXPORT pid_t _Fork(void)
{
    resolve();
    return fork_by(next.bare != NULL ? next.bare : next.fork);
}
