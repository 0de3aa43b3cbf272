/*
 * Begin, end and name of threads.
 *
 * A thread begins in a trampoline that is gone from the stack when the start routine runs (a
 * sibling call): backtraces, cancellation and exceptions find the frames that they would find
 * without us. Its end is the destructor of a thread-specific key, which return, pthread_exit and
 * cancellation all reach. C11 threads and raw clones are met at their first allocation instead.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "probe/map.h"
#include "probe/process.h"
#include "probe/thread.h"

static struct {
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int (*pthread_setname_np)(pthread_t, const char *);
} next;

/* libc keeps the values of the first keys in the thread itself and allocates for later ones. */
#define KEYS_WITHOUT_MEMORY 32u
static pthread_key_t end_key;
static bool have_end_key;

static void thread_ends(void *value)
{
    (void)value;
    ms_thread_exiting();
}

void ms_thread_hooks_init(void)
{
    next.pthread_create = ms_real_symbol("pthread_create");
    next.pthread_setname_np = ms_real_symbol("pthread_setname_np");
    ms_syscall_hooks_init();
    if (!have_end_key && pthread_key_create(&end_key, thread_ends) == 0) {
        have_end_key = end_key < KEYS_WITHOUT_MEMORY;
        if (!have_end_key) {
            (void)pthread_key_delete(end_key);
        }
    }
}

/*
 * What a new thread needs until it runs. Cells come from pages of ours and go round a free list;
 * its head counts the changes, so that a cell that left and came back is not mistaken.
 */
struct start {
    void *(*routine)(void *);
    void *argument;
    uint64_t stack_bytes; /* usable for certain below the thread's descriptor; 0: unknown */
    _Atomic uint32_t next_free;
    uint32_t number; /* from 1 */
};

#define STARTS_PER_PAGE (MS_PAGE_BYTES / sizeof(struct start))
#define START_PAGES     1024u
static struct start *_Atomic start_pages[START_PAGES];
static _Atomic uint32_t start_page_count;
static _Atomic uint64_t start_free; /* changes << 32 | number of the first free cell, 0 = none */

static struct start *start_at(uint32_t number)
{
    uint32_t index = number - 1;
    return atomic_load_explicit(&start_pages[index / STARTS_PER_PAGE], memory_order_acquire) +
           index % STARTS_PER_PAGE;
}

static void start_give_back(struct start *start)
{
    uint64_t head = atomic_load_explicit(&start_free, memory_order_relaxed);
    uint64_t wanted;
    do {
        atomic_store_explicit(&start->next_free, (uint32_t)head, memory_order_relaxed);
        wanted = (((head >> 32) + 1) << 32) | start->number;
    } while (!atomic_compare_exchange_weak_explicit(&start_free, &head, wanted,
                                                    memory_order_release, memory_order_relaxed));
}

/* Another page of cells; returns one of them, the rest are free. NULL: no memory. */
static struct start *start_page_add(void)
{
    uint32_t page = atomic_fetch_add(&start_page_count, 1);
    if (page >= START_PAGES) {
        atomic_store(&start_page_count, START_PAGES);
        return NULL;
    }
    struct start *cells = ms_private_pages(MS_PAGE_BYTES, false);
    if (cells == NULL) {
        return NULL;
    }
    atomic_store_explicit(&start_pages[page], cells, memory_order_release);
    for (uint32_t i = 0; i < STARTS_PER_PAGE; i++) {
        cells[i].number = page * (uint32_t)STARTS_PER_PAGE + i + 1;
        if (i > 0) {
            start_give_back(&cells[i]);
        }
    }
    return cells;
}

static struct start *start_take(void)
{
    uint64_t head = atomic_load_explicit(&start_free, memory_order_acquire);
    while ((uint32_t)head != 0) {
        struct start *start = start_at((uint32_t)head);
        uint64_t wanted = (((head >> 32) + 1) << 32) |
                          atomic_load_explicit(&start->next_free, memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&start_free, &head, wanted, memory_order_acquire,
                                                  memory_order_acquire)) {
            return start;
        }
    }
    return start_page_add();
}

/*
 * Room that a thread made with `attributes` has for certain below its descriptor, which lies at the
 * upper end of its stack: the size asked for, less the guard, the thread-local data that libc puts
 * there too, and some more.
 */
static uint64_t stack_bytes_of(const pthread_attr_t *attributes)
{
    const size_t slack = 8u << 10; /* the descriptor itself and its alignment take under 4 */
    pthread_attr_t defaults;
    size_t size = 0, guard = 0;
    if (attributes == NULL) {
        if (pthread_attr_init(&defaults) != 0) {
            return 0;
        }
        attributes = &defaults;
        (void)pthread_attr_getstacksize(attributes, &size);
        (void)pthread_attr_getguardsize(attributes, &guard);
        (void)pthread_attr_destroy(&defaults);
    } else {
        (void)pthread_attr_getstacksize(attributes, &size);
        (void)pthread_attr_getguardsize(attributes, &guard);
    }
    return size > guard + slack ? size - guard - slack : 0;
}

/* Nothing of ours may be on the stack at the final call: only values, no addresses. */
static __attribute__((noinline)) void thread_begins(uint64_t stack_bytes)
{
    /* glibc's pthread_t is the address of the descriptor above the stack. */
    uintptr_t high = (uintptr_t)pthread_self();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    bool plausible = stack_bytes != 0 && here < high && high - here < stack_bytes;
    int before = errno;
    ms_thread_begin(plausible ? high - stack_bytes : 0, plausible ? high : 0);
    if (have_end_key) {
        (void)pthread_setspecific(end_key, &end_key);
    }
    errno = before;
}

static void *thread_main(void *cell)
{
    struct start *start = cell;
    void *(*routine)(void *) = start->routine;
    void *argument = start->argument;
    uint64_t stack_bytes = start->stack_bytes;
    start_give_back(start);
    thread_begins(stack_bytes);
    return routine(argument);
}

MS_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                             void *(*routine)(void *), void *argument)
{
    int before = errno;
    if (MS_UNLIKELY(next.pthread_create == NULL)) {
        /* From the constructor of a library that runs before ours. */
        next.pthread_create = ms_real_symbol("pthread_create");
        if (next.pthread_create == NULL) {
            return ENOSYS;
        }
    }
    struct start *start = ms_ready && ms_region != NULL ? start_take() : NULL;
    errno = before;
    if (start == NULL) {
        return next.pthread_create(thread, attributes, routine, argument);
    }
    start->routine = routine;
    start->argument = argument;
    start->stack_bytes = stack_bytes_of(attributes);
    int error = next.pthread_create(thread, attributes, thread_main, start);
    if (error != 0) {
        start_give_back(start);
    }
    return error;
}

/* The kernel's id of a thread, 0 for the calling one; false when it has ended. No system call. */
static bool thread_tid(pthread_t thread, uint32_t *tid)
{
    clockid_t clock;
    *tid = 0;
    if (pthread_equal(thread, pthread_self())) {
        return true;
    }
    if (pthread_getcpuclockid(thread, &clock) != 0) {
        return false;
    }
    /* The number of a thread's clock is made of its id: the kernel's ABI. */
    *tid = ~(uint32_t)(clock >> 3) & 0x1fffffffu;
    return *tid != 0;
}

MS_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    if (MS_UNLIKELY(next.pthread_setname_np == NULL)) {
        next.pthread_setname_np = ms_real_symbol("pthread_setname_np");
        if (next.pthread_setname_np == NULL) {
            return ENOSYS;
        }
    }
    int error = next.pthread_setname_np(thread, name);
    uint32_t tid;
    if (error == 0 && ms_ready && thread_tid(thread, &tid)) {
        int before = errno;
        ms_thread_renamed(tid, name);
        errno = before;
    }
    return error;
}
