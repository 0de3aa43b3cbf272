/*
 * The functions by which programs do I/O: each is called as it was asked for and counted when it
 * has returned.
 *
 * Most are points of cancellation and may be left by a handler that jumps: a hook holds nothing
 * while the real function runs, and its frame has unwind information like any other, so forced
 * unwinding passes it by. errno is the real function's.
 *
 * libc's own calls do not come here: what stdio reads and writes is seen by the kernel's counters
 * of the thread alone.
 */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "probe/account.h"
#include "probe/init.h"
#include "probe/io.h"
#include "probe/process.h"
#include "probe/system_call.h"
#include "probe/thread.h"

enum way { PASS, COUNT, TIME };

/* What is done with a call, and of which kind it is: what it costs to ask comes last. */
static inline __attribute__((always_inline)) enum way way_of(uint32_t base, int descriptor,
                                                             uint32_t *kind)
{
    struct ms_thread_state *state = ms_thread_state;
    if (MS_UNLIKELY(state == NULL || state->io.lines == NULL || !state->tracked)) {
        state = ms_io_enter();
        if (state == NULL) {
            return PASS;
        }
    }
    *kind = base <= MS_REGION_IO_WRITE ? ms_io_kind_of(descriptor, base) : base;
    return MS_LIKELY(--state->io.until_timed[*kind] > 0) ? COUNT : TIME;
}

static inline __attribute__((always_inline)) void mark(uint64_t in_call)
{
    struct ms_region_thread_io *lines = ms_thread_state->io.lines;
    if (MS_LIKELY(lines != NULL)) {
        __atomic_store_n(&lines->in_call, in_call, __ATOMIC_RELAXED);
    }
}

/* Lines of the thread after a call. It may be another process's: a handler may have forked. */
static inline __attribute__((always_inline)) struct ms_region_thread_io *lines_now(void)
{
    struct ms_thread_state *state = ms_thread_state;
    return state != NULL ? state->io.lines : NULL;
}

/* A call has returned; `bytes` is not looked at when it failed. */
static inline __attribute__((always_inline)) void tally(struct ms_region_thread_io *lines,
                                                        uint32_t kind, bool failed, uint64_t bytes)
{
    ms_own_add(&lines->calls[kind], 1);
    if (MS_UNLIKELY(failed)) {
        ms_io_failed(lines, kind, errno);
    } else {
        ms_own_add(&lines->bytes[kind], bytes);
    }
    __atomic_store_n(&lines->in_call, 0, __ATOMIC_RELAXED);
}

/* Before our start. Without it, and before relocation, errno cannot be reached either. */
static __attribute__((noinline)) void *find_next(const char *name)
{
    if (!ms_relocated()) {
        return NULL;
    }
    const int before = errno;
    void *found = ms_real_symbol(name);
    errno = found != NULL ? before : ENOSYS;
    return found;
}

/*
 * X(returned type, name, parameters, arguments, kind, descriptor, bytes, early)
 * `kind`: READ and WRITE depend on what `descriptor` is. `bytes`: of a call that did not fail,
 * which returned `result`. `early`: what to do before we are relocated, by system call.
 */
#define NOT_EARLY (-1)
/* clang-format off */
#define HOOKS(X)                                                                                   \
    X(ssize_t, read, (int fd, void *to, size_t bytes), (fd, to, bytes), READ, fd, result,          \
      ms_system_call(SYS_read, fd, (long)to, (long)bytes, 0, 0, 0))                                \
    X(ssize_t, __read_chk, (int fd, void *to, size_t bytes, size_t room), (fd, to, bytes, room),   \
      READ, fd, result, NOT_EARLY)                                                                 \
    X(ssize_t, write, (int fd, const void *from, size_t bytes), (fd, from, bytes), WRITE, fd,      \
      result, ms_system_call(SYS_write, fd, (long)from, (long)bytes, 0, 0, 0))                     \
    X(ssize_t, pread, (int fd, void *to, size_t bytes, long at), (fd, to, bytes, at), READ, fd,    \
      result, ms_system_call(SYS_pread64, fd, (long)to, (long)bytes, at, 0, 0))                    \
    X(ssize_t, pread64, (int fd, void *to, size_t bytes, long at), (fd, to, bytes, at), READ, fd,  \
      result, ms_system_call(SYS_pread64, fd, (long)to, (long)bytes, at, 0, 0))                    \
    X(ssize_t, __pread_chk, (int fd, void *to, size_t bytes, long at, size_t room),                \
      (fd, to, bytes, at, room), READ, fd, result, NOT_EARLY)                                      \
    X(ssize_t, __pread64_chk, (int fd, void *to, size_t bytes, long at, size_t room),              \
      (fd, to, bytes, at, room), READ, fd, result, NOT_EARLY)                                      \
    X(ssize_t, pwrite, (int fd, const void *from, size_t bytes, long at), (fd, from, bytes, at),   \
      WRITE, fd, result, NOT_EARLY)                                                                \
    X(ssize_t, pwrite64, (int fd, const void *from, size_t bytes, long at), (fd, from, bytes, at), \
      WRITE, fd, result, NOT_EARLY)                                                                \
    X(ssize_t, readv, (int fd, const void *parts, int count), (fd, parts, count), READ, fd,        \
      result, NOT_EARLY)                                                                           \
    X(ssize_t, writev, (int fd, const void *parts, int count), (fd, parts, count), WRITE, fd,      \
      result, NOT_EARLY)                                                                           \
    X(ssize_t, preadv, (int fd, const void *parts, int count, long at), (fd, parts, count, at),    \
      READ, fd, result, NOT_EARLY)                                                                 \
    X(ssize_t, preadv64, (int fd, const void *parts, int count, long at), (fd, parts, count, at),  \
      READ, fd, result, NOT_EARLY)                                                                 \
    X(ssize_t, pwritev, (int fd, const void *parts, int count, long at), (fd, parts, count, at),   \
      WRITE, fd, result, NOT_EARLY)                                                                \
    X(ssize_t, pwritev64, (int fd, const void *parts, int count, long at), (fd, parts, count, at), \
      WRITE, fd, result, NOT_EARLY)                                                                \
    X(ssize_t, preadv2, (int fd, const void *parts, int count, long at, int flags),                \
      (fd, parts, count, at, flags), READ, fd, result, NOT_EARLY)                                  \
    X(ssize_t, preadv64v2, (int fd, const void *parts, int count, long at, int flags),             \
      (fd, parts, count, at, flags), READ, fd, result, NOT_EARLY)                                  \
    X(ssize_t, pwritev2, (int fd, const void *parts, int count, long at, int flags),               \
      (fd, parts, count, at, flags), WRITE, fd, result, NOT_EARLY)                                 \
    X(ssize_t, pwritev64v2, (int fd, const void *parts, int count, long at, int flags),            \
      (fd, parts, count, at, flags), WRITE, fd, result, NOT_EARLY)                                 \
    X(ssize_t, recv, (int fd, void *to, size_t bytes, int flags), (fd, to, bytes, flags), RECEIVE, \
      fd, result, NOT_EARLY)                                                                       \
    X(ssize_t, __recv_chk, (int fd, void *to, size_t bytes, size_t room, int flags),               \
      (fd, to, bytes, room, flags), RECEIVE, fd, result, NOT_EARLY)                                \
    X(ssize_t, recvfrom, (int fd, void *to, size_t bytes, int flags, void *who, void *size),       \
      (fd, to, bytes, flags, who, size), RECEIVE, fd, result, NOT_EARLY)                           \
    X(ssize_t, __recvfrom_chk,                                                                     \
      (int fd, void *to, size_t bytes, size_t room, int flags, void *who, void *size),             \
      (fd, to, bytes, room, flags, who, size), RECEIVE, fd, result, NOT_EARLY)                     \
    X(ssize_t, recvmsg, (int fd, void *message, int flags), (fd, message, flags), RECEIVE, fd,     \
      result, NOT_EARLY)                                                                           \
    X(int, recvmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags, void *timeout), \
      (fd, messages, count, flags, timeout), RECEIVE, fd,                                          \
      bytes_of(messages, result, false), NOT_EARLY)                                                \
    X(ssize_t, send, (int fd, const void *from, size_t bytes, int flags),                          \
      (fd, from, bytes, flags), SEND, fd, result, NOT_EARLY)                                       \
    X(ssize_t, sendto,                                                                             \
      (int fd, const void *from, size_t bytes, int flags, const void *who, unsigned size),         \
      (fd, from, bytes, flags, who, size), SEND, fd, result, NOT_EARLY)                            \
    X(ssize_t, sendmsg, (int fd, const void *message, int flags), (fd, message, flags), SEND, fd,  \
      result, NOT_EARLY)                                                                           \
    X(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags),                \
      (fd, messages, count, flags), SEND, fd, bytes_of(messages, result, true), NOT_EARLY)         \
    X(ssize_t, sendfile, (int to, int from, long *at, size_t bytes), (to, from, at, bytes), WRITE, \
      to, result, NOT_EARLY)                                                                       \
    X(ssize_t, sendfile64, (int to, int from, long *at, size_t bytes), (to, from, at, bytes),      \
      WRITE, to, result, NOT_EARLY)                                                                \
    X(ssize_t, splice,                                                                             \
      (int from, long *from_at, int to, long *to_at, size_t bytes, unsigned flags),                \
      (from, from_at, to, to_at, bytes, flags), WRITE, to, result, NOT_EARLY)                      \
    X(ssize_t, copy_file_range,                                                                    \
      (int from, long *from_at, int to, long *to_at, size_t bytes, unsigned flags),                \
      (from, from_at, to, to_at, bytes, flags), WRITE, to, result, NOT_EARLY)                      \
    X(int, fsync, (int fd), (fd), SYNC, fd, 0, NOT_EARLY)                                          \
    X(int, fdatasync, (int fd), (fd), SYNC, fd, 0, NOT_EARLY)                                      \
    X(int, syncfs, (int fd), (fd), SYNC, fd, 0, NOT_EARLY)                                         \
    X(int, sync_file_range, (int fd, long at, long bytes, unsigned flags), (fd, at, bytes, flags), \
      SYNC, fd, 0, NOT_EARLY)                                                                      \
    X(int, msync, (void *at, size_t bytes, int flags), (at, bytes, flags), SYNC, -1, 0, NOT_EARLY) \
    X(int, connect, (int fd, const void *who, unsigned size), (fd, who, size), OPEN, fd, 0,        \
      NOT_EARLY)                                                                                   \
    X(int, accept, (int fd, void *who, void *size), (fd, who, size), OPEN, fd, 0, NOT_EARLY)       \
    X(int, accept4, (int fd, void *who, void *size, int flags), (fd, who, size, flags), OPEN, fd,  \
      0, NOT_EARLY)                                                                                \
    X(int, poll, (void *descriptors, unsigned long count, int timeout),                            \
      (descriptors, count, timeout), POLL, -1, 0, NOT_EARLY)                                       \
    X(int, __poll_chk, (void *descriptors, unsigned long count, int timeout, size_t room),         \
      (descriptors, count, timeout, room), POLL, -1, 0, NOT_EARLY)                                 \
    X(int, ppoll, (void *descriptors, unsigned long count, const void *timeout, const void *mask), \
      (descriptors, count, timeout, mask), POLL, -1, 0, NOT_EARLY)                                 \
    X(int, __ppoll_chk,                                                                            \
      (void *descriptors, unsigned long count, const void *timeout, const void *mask,              \
       size_t room),                                                                               \
      (descriptors, count, timeout, mask, room), POLL, -1, 0, NOT_EARLY)                           \
    X(int, select, (int count, void *in, void *out, void *other, void *timeout),                   \
      (count, in, out, other, timeout), POLL, -1, 0, NOT_EARLY)                                    \
    X(int, pselect,                                                                                \
      (int count, void *in, void *out, void *other, const void *timeout, const void *mask),        \
      (count, in, out, other, timeout, mask), POLL, -1, 0, NOT_EARLY)                              \
    X(int, epoll_wait, (int fd, void *events, int count, int timeout),                             \
      (fd, events, count, timeout), POLL, -1, 0, NOT_EARLY)                                        \
    X(int, epoll_pwait, (int fd, void *events, int count, int timeout, const void *mask),          \
      (fd, events, count, timeout, mask), POLL, -1, 0, NOT_EARLY)                                  \
    X(int, epoll_pwait2,                                                                           \
      (int fd, void *events, int count, const void *timeout, const void *mask),                    \
      (fd, events, count, timeout, mask), POLL, -1, 0, NOT_EARLY)
/* clang-format on */

/* Of several messages the first `count` were received or sent; one each call is counted anyway. */
static uint64_t bytes_of(const struct mmsghdr *messages, int count, bool sent)
{
    uint64_t bytes = 0;
    for (int i = 0; i < count; i++) {
        bytes += messages[i].msg_len;
    }
    struct ms_thread_state *state = ms_thread_state;
    if (count > 1 && state != NULL && state->io.lines != NULL) {
        struct ms_region_thread_io *lines = state->io.lines;
        ms_own_add(sent ? &lines->more_sent : &lines->more_received, (uint64_t)count - 1);
    }
    return bytes;
}

/*
 * Three ways of each function: passed on by a jump, counted, and timed, which is another function
 * that is jumped to, so that the way in the middle keeps nothing but the kind over the call. The
 * names are the program's; ours differ, as the types do where they do not matter.
 */
#define DEFINE(type, name, parameters, arguments, io_kind, descriptor, transferred, early)         \
    typedef type name##_function parameters;                                                       \
    static name##_function *next_##name;                                                           \
    static __attribute__((noinline)) type name##_timed parameters                                  \
    {                                                                                              \
        const uint32_t base = MS_REGION_IO_##io_kind;                                              \
        const int asked = base <= MS_REGION_IO_WRITE ? (descriptor) : -1;                          \
        struct ms_io_call call = {.kind = asked >= 0 ? ms_io_kind_of(asked, base) : base};         \
        ms_io_begin_timed(ms_thread_state, &call, asked);                                          \
        mark(MS_IN_CALL(call.begin_ns, call.kind));                                                \
        const type result = next_##name arguments;                                                 \
        struct ms_region_thread_io *lines = lines_now();                                           \
        if (MS_LIKELY(lines != NULL)) {                                                            \
            const int before = errno;                                                              \
            const uint64_t moved = result < 0 ? 0 : (uint64_t)(transferred);                       \
            tally(lines, call.kind, result < 0, moved);                                            \
            if (call.weight != 0) {                                                                \
                const struct ms_caller caller = MS_CALLER();                                       \
                ms_io_end_timed(ms_thread_state, &call, &caller, moved);                           \
            }                                                                                      \
            errno = before;                                                                        \
        }                                                                                          \
        return result;                                                                             \
    }                                                                                              \
    type ms_hook_##name parameters __asm__(#name);                                                 \
    MS_EXPORT type ms_hook_##name parameters                                                       \
    {                                                                                              \
        uint32_t kind;                                                                             \
        if (MS_UNLIKELY(next_##name == NULL)) {                                                    \
            name##_function *found = (name##_function *)find_next(#name);                          \
            return found != NULL ? found arguments : (type)(early);                                \
        }                                                                                          \
        const enum way way = way_of(MS_REGION_IO_##io_kind, descriptor, &kind);                    \
        if (MS_UNLIKELY(way != COUNT)) {                                                           \
            return way == PASS ? next_##name arguments : name##_timed arguments;                   \
        }                                                                                          \
        mark(MS_IN_CALL(0, kind));                                                                 \
        const type result = next_##name arguments;                                                 \
        struct ms_region_thread_io *lines = lines_now();                                           \
        if (MS_LIKELY(lines != NULL)) {                                                            \
            tally(lines, kind, result < 0, result < 0 ? 0 : (uint64_t)(transferred));              \
        }                                                                                          \
        return result;                                                                             \
    }
HOOKS(DEFINE)
#undef DEFINE

/*
 * The functions after which a descriptor is not what it was. Forgotten before: afterwards another
 * thread may have the number already.
 * X(returned type, name, parameters, arguments, first, last, early)
 */
/* clang-format off */
#define CLOSERS(X)                                                                                 \
    X(int, close, (int fd), (fd), fd, fd, (int)ms_system_call(SYS_close, fd, 0, 0, 0, 0, 0))       \
    X(int, dup2, (int from, int to), (from, to), to, to, NOT_EARLY)                                \
    X(int, dup3, (int from, int to, int flags), (from, to, flags), to, to, NOT_EARLY)              \
    X(int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags), first,   \
      last, NOT_EARLY)
/* clang-format on */

#define DEFINE(type, name, parameters, arguments, first_, last_, early)                            \
    typedef type name##_function parameters;                                                       \
    static name##_function *next_##name;                                                           \
    type ms_hook_##name parameters __asm__(#name);                                                 \
    MS_EXPORT type ms_hook_##name parameters                                                       \
    {                                                                                              \
        name##_function *real = next_##name;                                                       \
        if (MS_UNLIKELY(real == NULL)) {                                                           \
            real = (name##_function *)find_next(#name);                                            \
            if (real == NULL) {                                                                    \
                return early;                                                                      \
            }                                                                                      \
        }                                                                                          \
        ms_io_forget((uint32_t)(first_), (uint32_t)(last_));                                       \
        return real arguments;                                                                     \
    }
CLOSERS(DEFINE)
#undef DEFINE

static void (*next_closefrom)(int);
void ms_hook_closefrom(int first) __asm__("closefrom");

MS_EXPORT void ms_hook_closefrom(int first)
{
    void (*real)(int) = next_closefrom;
    if (MS_UNLIKELY(real == NULL)) {
        real = (void (*)(int))find_next("closefrom");
    }
    ms_io_forget(first < 0 ? 0 : (uint32_t)first, UINT32_MAX);
    if (real != NULL) {
        real(first);
    }
}

void ms_io_hooks_init(void)
{
#define RESOLVE(type, name, ...) next_##name = (name##_function *)ms_real_symbol(#name);
    HOOKS(RESOLVE)
    CLOSERS(RESOLVE)
#undef RESOLVE
    next_closefrom = (void (*)(int))ms_real_symbol("closefrom");
}
