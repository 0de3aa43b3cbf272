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
#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "probe/account.h"
#include "probe/init.h"
#include "probe/io.h"
#include "probe/loaded_object.h"
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

/* Is the object at `path` named in LD_PRELOAD, in whatever folder it was found? */
static bool is_preloaded(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash != NULL ? slash + 1 : path;
    const size_t length = strlen(file);
    const char *list = getenv("LD_PRELOAD");
    while (list != NULL && *list != '\0') {
        const size_t entry = strcspn(list, " :");
        if (entry >= length && memcmp(list + entry - length, file, length) == 0 &&
            (entry == length || list[entry - length - 1] == '/')) {
            return true;
        }
        list += entry + (list[entry] != '\0');
    }
    return false;
}

/*
 * Is it the function of the C library, or one that was put before it to do the same? Any library
 * may have a `connect` or `splice` of its own, which is something else: nothing is known of its
 * parameters.
 */
static bool is_as_expected(const struct ms_loaded_object *libc, void *function)
{
    Dl_info found;
    const uintptr_t at = (uintptr_t)function;
    return function == NULL || (at >= libc->base && at < libc->end) ||
           dladdr(function, &found) == 0 || strstr(found.dli_fname, "/libpthread") != NULL ||
           is_preloaded(found.dli_fname);
}

/*
 * The next function in `next`, or one that is not what its name says in `other`, which is jumped
 * to with all registers as they are: therefore no parameter of the hooks is narrower than one.
 */
static void find_either(const struct ms_loaded_object *libc, const char *name, void **next,
                        void **other)
{
    void *found = ms_real_symbol(name);
    *(is_as_expected(libc, found) ? next : other) = found;
}

/*
 * X(returned type, name, parameters, arguments, kind, descriptor, bytes, early)
 * `kind`: READ and WRITE depend on what `descriptor` is. `bytes`: of a call that did not fail,
 * which returned `result`. `early`: what to do before we are relocated, by system call.
 */
#define NOT_EARLY (-1)
/* clang-format off */
#define HOOKS(X)                                                                                   \
    X(ssize_t, read, (long fd, void *to, size_t bytes), (fd, to, bytes), READ, fd, result,         \
      ms_system_call(SYS_read, fd, (long)to, (long)bytes, 0, 0, 0))                                \
    X(ssize_t, __read_chk, (long fd, void *to, size_t bytes, size_t room), (fd, to, bytes, room),  \
      READ, fd, result, NOT_EARLY)                                                                 \
    X(ssize_t, write, (long fd, const void *from, size_t bytes), (fd, from, bytes), WRITE, fd,     \
      result, ms_system_call(SYS_write, fd, (long)from, (long)bytes, 0, 0, 0))                     \
    X(ssize_t, pread, (long fd, void *to, size_t bytes, long at), (fd, to, bytes, at), READ, fd,   \
      result, ms_system_call(SYS_pread64, fd, (long)to, (long)bytes, at, 0, 0))                    \
    X(ssize_t, pread64, (long fd, void *to, size_t bytes, long at), (fd, to, bytes, at), READ, fd, \
      result, ms_system_call(SYS_pread64, fd, (long)to, (long)bytes, at, 0, 0))                    \
    X(ssize_t, __pread_chk, (long fd, void *to, size_t bytes, long at, size_t room),               \
      (fd, to, bytes, at, room), READ, fd, result, NOT_EARLY)                                      \
    X(ssize_t, __pread64_chk, (long fd, void *to, size_t bytes, long at, size_t room),             \
      (fd, to, bytes, at, room), READ, fd, result, NOT_EARLY)                                      \
    X(ssize_t, pwrite, (long fd, const void *from, size_t bytes, long at), (fd, from, bytes, at),  \
      WRITE, fd, result, NOT_EARLY)                                                                \
    X(ssize_t, pwrite64, (long fd, const void *from, size_t bytes, long at), (fd, from, bytes,     \
      at), WRITE, fd, result, NOT_EARLY)                                                           \
    X(ssize_t, readv, (long fd, const void *parts, long count), (fd, parts, count), READ, fd,      \
      result, NOT_EARLY)                                                                           \
    X(ssize_t, writev, (long fd, const void *parts, long count), (fd, parts, count), WRITE, fd,    \
      result, NOT_EARLY)                                                                           \
    X(ssize_t, preadv, (long fd, const void *parts, long count, long at), (fd, parts, count, at),  \
      READ, fd, result, NOT_EARLY)                                                                 \
    X(ssize_t, preadv64, (long fd, const void *parts, long count, long at), (fd, parts, count,     \
      at), READ, fd, result, NOT_EARLY)                                                            \
    X(ssize_t, pwritev, (long fd, const void *parts, long count, long at), (fd, parts, count, at), \
      WRITE, fd, result, NOT_EARLY)                                                                \
    X(ssize_t, pwritev64, (long fd, const void *parts, long count, long at), (fd, parts, count,    \
      at), WRITE, fd, result, NOT_EARLY)                                                           \
    X(ssize_t, preadv2, (long fd, const void *parts, long count, long at, long flags),             \
      (fd, parts, count, at, flags), READ, fd, result, NOT_EARLY)                                  \
    X(ssize_t, preadv64v2, (long fd, const void *parts, long count, long at, long flags),          \
      (fd, parts, count, at, flags), READ, fd, result, NOT_EARLY)                                  \
    X(ssize_t, pwritev2, (long fd, const void *parts, long count, long at, long flags),            \
      (fd, parts, count, at, flags), WRITE, fd, result, NOT_EARLY)                                 \
    X(ssize_t, pwritev64v2, (long fd, const void *parts, long count, long at, long flags),         \
      (fd, parts, count, at, flags), WRITE, fd, result, NOT_EARLY)                                 \
    X(ssize_t, recv, (long fd, void *to, size_t bytes, long flags), (fd, to, bytes, flags),        \
      RECEIVE, fd, result, NOT_EARLY)                                                              \
    X(ssize_t, __recv_chk, (long fd, void *to, size_t bytes, size_t room, long flags),             \
      (fd, to, bytes, room, flags), RECEIVE, fd, result, NOT_EARLY)                                \
    X(ssize_t, recvfrom, (long fd, void *to, size_t bytes, long flags, void *who, void *size),     \
      (fd, to, bytes, flags, who, size), RECEIVE, fd, result, NOT_EARLY)                           \
    X(ssize_t, __recvfrom_chk,                                                                     \
      (long fd, void *to, size_t bytes, size_t room, long flags, void *who, void *size),           \
      (fd, to, bytes, room, flags, who, size), RECEIVE, fd, result, NOT_EARLY)                     \
    X(ssize_t, recvmsg, (long fd, void *message, long flags), (fd, message, flags), RECEIVE, fd,   \
      result, NOT_EARLY)                                                                           \
    X(int, recvmmsg, (long fd, struct mmsghdr *messages, long count, long flags, void *timeout),   \
      (fd, messages, count, flags, timeout), RECEIVE, fd,                                          \
      bytes_of(messages, result, false), NOT_EARLY)                                                \
    X(ssize_t, send, (long fd, const void *from, size_t bytes, long flags),                        \
      (fd, from, bytes, flags), SEND, fd, result, NOT_EARLY)                                       \
    X(ssize_t, sendto,                                                                             \
      (long fd, const void *from, size_t bytes, long flags, const void *who, long size),           \
      (fd, from, bytes, flags, who, size), SEND, fd, result, NOT_EARLY)                            \
    X(ssize_t, sendmsg, (long fd, const void *message, long flags), (fd, message, flags), SEND,    \
      fd, result, NOT_EARLY)                                                                       \
    X(int, sendmmsg, (long fd, struct mmsghdr *messages, long count, long flags),                  \
      (fd, messages, count, flags), SEND, fd, bytes_of(messages, result, true), NOT_EARLY)         \
    X(ssize_t, sendfile, (long to, long from, long *at, size_t bytes), (to, from, at, bytes),      \
      WRITE, to, result, NOT_EARLY)                                                                \
    X(ssize_t, sendfile64, (long to, long from, long *at, size_t bytes), (to, from, at, bytes),    \
      WRITE, to, result, NOT_EARLY)                                                                \
    X(ssize_t, splice,                                                                             \
      (long from, long *from_at, long to, long *to_at, size_t bytes, long flags),                  \
      (from, from_at, to, to_at, bytes, flags), WRITE, to, result, NOT_EARLY)                      \
    X(ssize_t, copy_file_range,                                                                    \
      (long from, long *from_at, long to, long *to_at, size_t bytes, long flags),                  \
      (from, from_at, to, to_at, bytes, flags), WRITE, to, result, NOT_EARLY)                      \
    X(int, fsync, (long fd), (fd), SYNC, fd, 0, NOT_EARLY)                                         \
    X(int, fdatasync, (long fd), (fd), SYNC, fd, 0, NOT_EARLY)                                     \
    X(int, syncfs, (long fd), (fd), SYNC, fd, 0, NOT_EARLY)                                        \
    X(int, sync_file_range, (long fd, long at, long bytes, long flags), (fd, at, bytes, flags),    \
      SYNC, fd, 0, NOT_EARLY)                                                                      \
    X(int, msync, (void *at, size_t bytes, long flags), (at, bytes, flags), SYNC, -1, 0,           \
      NOT_EARLY) X(int, connect, (long fd, const void *who, long size), (fd, who, size), OPEN, fd, \
      0, NOT_EARLY)                                                                                \
    X(int, accept, (long fd, void *who, void *size), (fd, who, size), OPEN, fd, 0, NOT_EARLY)      \
    X(int, accept4, (long fd, void *who, void *size, long flags), (fd, who, size, flags), OPEN,    \
      fd, 0, NOT_EARLY)                                                                            \
    X(int, poll, (void *descriptors, unsigned long count, long timeout),                           \
      (descriptors, count, timeout), POLL, -1, 0, NOT_EARLY)                                       \
    X(int, __poll_chk, (void *descriptors, unsigned long count, long timeout, size_t room),        \
      (descriptors, count, timeout, room), POLL, -1, 0, NOT_EARLY)                                 \
    X(int, ppoll, (void *descriptors, unsigned long count, const void *timeout, const void *mask), \
      (descriptors, count, timeout, mask), POLL, -1, 0, NOT_EARLY)                                 \
    X(int, __ppoll_chk,                                                                            \
      (void *descriptors, unsigned long count, const void *timeout, const void *mask,              \
       size_t room),                                                                               \
      (descriptors, count, timeout, mask, room), POLL, -1, 0, NOT_EARLY)                           \
    X(int, select, (long count, void *in, void *out, void *other, void *timeout),                  \
      (count, in, out, other, timeout), POLL, -1, 0, NOT_EARLY)                                    \
    X(int, pselect,                                                                                \
      (long count, void *in, void *out, void *other, const void *timeout, const void *mask),       \
      (count, in, out, other, timeout, mask), POLL, -1, 0, NOT_EARLY)                              \
    X(int, epoll_wait, (long fd, void *events, long count, long timeout),                          \
      (fd, events, count, timeout), POLL, -1, 0, NOT_EARLY)                                        \
    X(int, epoll_pwait, (long fd, void *events, long count, long timeout, const void *mask),       \
      (fd, events, count, timeout, mask), POLL, -1, 0, NOT_EARLY)                                  \
    X(int, epoll_pwait2,                                                                           \
      (long fd, void *events, long count, const void *timeout, const void *mask),                  \
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
    static name##_function *other_##name;                                                          \
    static __attribute__((noinline)) type name##_timed parameters                                  \
    {                                                                                              \
        const uint32_t base = MS_REGION_IO_##io_kind;                                              \
        const int asked = base <= MS_REGION_IO_WRITE ? (int)(descriptor) : -1;                     \
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
            if (other_##name != NULL) {                                                            \
                return other_##name arguments;                                                     \
            }                                                                                      \
            name##_function *found = (name##_function *)find_next(#name);                          \
            return found != NULL ? found arguments : (type)(early);                                \
        }                                                                                          \
        const enum way way = way_of(MS_REGION_IO_##io_kind, (int)(descriptor), &kind);             \
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
    X(int, close, (long fd), (fd), fd, fd, (int)ms_system_call(SYS_close, fd, 0, 0, 0, 0, 0))      \
    X(int, dup2, (long from, long to), (from, to), to, to, NOT_EARLY)                              \
    X(int, dup3, (long from, long to, long flags), (from, to, flags), to, to, NOT_EARLY)           \
    X(int, close_range, (long first, long last, long flags), (first, last, flags), first,          \
      last, NOT_EARLY)
/* clang-format on */

#define DEFINE(type, name, parameters, arguments, first_, last_, early)                            \
    typedef type name##_function parameters;                                                       \
    static name##_function *next_##name;                                                           \
    static name##_function *other_##name;                                                          \
    type ms_hook_##name parameters __asm__(#name);                                                 \
    MS_EXPORT type ms_hook_##name parameters                                                       \
    {                                                                                              \
        name##_function *real = next_##name;                                                       \
        if (MS_UNLIKELY(real == NULL)) {                                                           \
            if (other_##name != NULL) {                                                            \
                return other_##name arguments;                                                     \
            }                                                                                      \
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
    struct ms_loaded_object libc = {.end = UINTPTR_MAX};
    (void)ms_object_by_iteration((uintptr_t)&gnu_get_libc_version, &libc);
#define RESOLVE(type, name, ...)                                                                   \
    find_either(&libc, #name, (void **)&next_##name, (void **)&other_##name);
    HOOKS(RESOLVE)
    CLOSERS(RESOLVE)
#undef RESOLVE
    next_closefrom = (void (*)(int))ms_real_symbol("closefrom");
}
