/* See io.h: everything but the short way, which hooks_io.c has. */
#include "probe/io.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>

#include "probe/account.h"
#include "probe/caller_stack.h"
#include "probe/intern.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/system_call.h"
#include "probe/thread.h"
#include "probe/wiped.h"

#define COUNTED_ONLY   1024 /* calls from one look at the descriptor to the next, without timing */
#define ASKED_ONE_IN   4u   /* timed calls; of fast ones: */
#define ASKED_FAST     16u
#define SITES_MAX      4096u /* of one thread */
#define LINKS_FOLLOWED 256u

unsigned char ms_io_descriptors[MS_IO_DESCRIPTORS];

static _Atomic uint32_t highest_known;

void ms_io_forget(uint32_t first, uint32_t last)
{
    const uint32_t highest = atomic_load_explicit(&highest_known, memory_order_relaxed);
    for (uint64_t i = first; i <= last && i <= highest; i++) {
        if (__atomic_load_n(&ms_io_descriptors[i], __ATOMIC_RELAXED) != MS_IO_UNKNOWN) {
            __atomic_store_n(&ms_io_descriptors[i], MS_IO_UNKNOWN, __ATOMIC_RELAXED);
        }
    }
}

bool ms_io_ask(int descriptor)
{
    if (descriptor < 0 || ms_map_quiet()) {
        return false;
    }
    int type;
    socklen_t bytes = sizeof type;
    long result = ms_system_call(SYS_getsockopt, descriptor, SOL_SOCKET, SO_TYPE, (long)&type,
                                 (long)&bytes, 0);
    unsigned char found = result == 0           ? MS_IO_SOCKET
                          : result == -ENOTSOCK ? MS_IO_FILE
                                                : MS_IO_UNKNOWN;
    if ((unsigned)descriptor < MS_IO_DESCRIPTORS &&
        __atomic_load_n(&ms_io_descriptors[descriptor], __ATOMIC_RELAXED) != found) {
        uint32_t highest = atomic_load_explicit(&highest_known, memory_order_relaxed);
        while ((uint32_t)descriptor > highest &&
               !atomic_compare_exchange_weak(&highest_known, &highest, (uint32_t)descriptor)) {
        }
        __atomic_store_n(&ms_io_descriptors[descriptor], found, __ATOMIC_RELAXED);
    }
    return found == MS_IO_SOCKET;
}

/* The lines of the calling thread, which may have been those of a thread before it. */
static struct ms_region_thread_io *take_lines(const struct ms_thread_state *state)
{
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    if (region == NULL || !ms_area_open(MS_AREA_THREAD_IO, state->index + 1)) {
        return NULL;
    }
    struct ms_region_thread_io *lines = ms_region_element(region, MS_AREA_THREAD_IO, state->index);
    if (atomic_load_explicit(&lines->serial, memory_order_relaxed) == state->serial) {
        return lines; /* a handler took them while we did */
    }
    atomic_store_explicit(&lines->serial, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    __builtin_memset(lines, 0, sizeof *lines);
    atomic_store_explicit(&lines->serial, state->serial, memory_order_release);
    return lines;
}

/*
 * How many calls to the next that is timed, when each has a chance of one in MS_IO_STRIDE: a random
 * number against the chances that none of the next n is, in 32 bits.
 */
#define GAP_CHANCES 64u
static uint32_t none_of_next[GAP_CHANCES]; /* n is index + 1; filled at first use, by all alike */

static void fill_chances(void)
{
    uint64_t chance = UINT64_C(1) << 32;
    for (uint32_t i = 0; i < GAP_CHANCES; i++) {
        chance -= chance / MS_IO_STRIDE;
        __atomic_store_n(&none_of_next[i], (uint32_t)chance, __ATOMIC_RELAXED);
    }
}

static int32_t next_gap(struct ms_thread_state *state)
{
    int32_t gap = 1;
    for (;;) {
        const uint32_t random = (uint32_t)(ms_tracking_random(&state->tracking) >> 32);
        uint32_t low = 0; /* how many chances are above it */
        for (uint32_t step = GAP_CHANCES / 2; step != 0; step /= 2) {
            low += random < __atomic_load_n(&none_of_next[low + step - 1], __ATOMIC_RELAXED) ? step
                                                                                             : 0;
        }
        if (random >= __atomic_load_n(&none_of_next[GAP_CHANCES - 1], __ATOMIC_RELAXED)) {
            return gap + (int32_t)low;
        }
        gap += (int32_t)GAP_CHANCES;
    }
}

struct ms_thread_state *ms_io_enter(void)
{
    const struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    if (ms_ready != MS_READY_COUNTING || region == NULL || region->config.io == MS_IO_OFF) {
        return NULL;
    }
    struct ms_thread_state *state = ms_thread_state;
    if (state == NULL || state->key == 0) {
        /* A forked child counts from its first allocation on: most that only do I/O are about to
         * execute something else, and places for children are few. */
        if (ms_wiped == NULL ||
            atomic_load_explicit(&ms_wiped->set_up, memory_order_acquire) != MS_SET_UP_DONE) {
            return NULL;
        }
        state = ms_thread_enter();
        if (state == NULL) {
            return NULL;
        }
    }
    if (!state->tracked) {
        if (--state->tracking.events_until_look <= 0) {
            ms_tracking_look(state);
        }
        return NULL;
    }
    if (state->io.lines == NULL && !state->io.refused) {
        fill_chances();
        state->io.lines = take_lines(state);
        if (state->io.lines == NULL) {
            state->io.refused = true;
            atomic_fetch_add_explicit(&ms_region->losses.io_threads_missing, 1,
                                      memory_order_relaxed);
        }
    }
    return state->io.lines != NULL ? state : NULL;
}

/* May the next call of this kind be timed whatever it is? Then it is paid for. */
static bool can_pay(struct ms_io_state *io, uint32_t kind)
{
    if (kind == MS_REGION_IO_SYNC || kind == MS_REGION_IO_OPEN) {
        return true; /* never as fast as to matter */
    }
    const bool enough = io->credit_ns[kind] >= MS_IO_TIMING_NS;
    io->credit_ns[kind] -= enough ? MS_IO_TIMING_NS : 0;
    return enough;
}

static void earn(struct ms_io_state *io, uint32_t kind, uint64_t now_ns)
{
    const uint64_t before_ns = io->timed_at_ns[kind];
    const uint64_t earned_ns = before_ns == 0       ? MS_IO_CREDIT_FIRST_NS
                               : now_ns > before_ns ? (now_ns - before_ns) / MS_IO_TIMING_SHARE
                                                    : 0;
    const uint64_t credit_ns = (uint64_t)io->credit_ns[kind] + earned_ns;
    io->credit_ns[kind] =
        credit_ns < MS_IO_CREDIT_MAX_NS ? (int32_t)credit_ns : MS_IO_CREDIT_MAX_NS;
    io->timed_at_ns[kind] = now_ns;
}

/* Which call of this kind is timed next, and what it stands for. `pays`: it may be any. */
static void choose_next(struct ms_thread_state *state, uint32_t kind, uint32_t counting, bool pays)
{
    struct ms_io_state *io = &state->io;
    if (counting == MS_IO_COUNT) {
        io->weight[kind] = 0;
        io->until_timed[kind] = COUNTED_ONLY;
    } else if (counting == MS_IO_ALL || (pays && can_pay(io, kind))) {
        io->weight[kind] = 1;
        io->until_timed[kind] = 1;
    } else {
        io->weight[kind] = MS_IO_STRIDE;
        io->until_timed[kind] = next_gap(state);
    }
}

/* A change of what is tracked reaches threads that allocate nothing, too. */
static void look_at_wishes(struct ms_thread_state *state, const struct ms_region_header *region)
{
    uint64_t changes = atomic_load_explicit(&region->config.changes, memory_order_relaxed);
    uint64_t steps = atomic_load_explicit(&region->config.steps, memory_order_relaxed);
    if (MS_UNLIKELY(state->tracking.seen != (steps << 32 | changes))) {
        ms_tracking_look(state);
    }
}

/* Asks again what a descriptor is. False: it is something else than the table said. */
static bool is_still(uint32_t kind, int descriptor)
{
    const bool was_socket = kind == MS_REGION_IO_RECEIVE || kind == MS_REGION_IO_SEND;
    return ms_map_quiet() || ms_io_ask(descriptor) == was_socket;
}

void ms_io_begin_timed(struct ms_thread_state *state, struct ms_io_call *call, int descriptor)
{
    call->weight = 0;
    const struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    struct ms_io_state *io = &state->io;
    if (region == NULL) {
        return;
    }
    const uint32_t counting = region->config.io;
    const uint32_t weight = io->weight[call->kind];
    look_at_wishes(state, region);
    choose_next(state, call->kind, counting, false); /* now: the call may not return */
    if (descriptor >= 0 && ++io->since_asked >= (weight > 1 ? ASKED_FAST : ASKED_ONE_IN)) {
        io->since_asked = 0;
        if (!is_still(call->kind, descriptor)) {
            call->kind ^= MS_REGION_IO_READ ^ MS_REGION_IO_RECEIVE;
            return; /* chosen among those of another kind */
        }
    }
    if (counting != MS_IO_COUNT && !ms_now_stands) {
        call->weight = weight != 0 ? weight : 1;
        call->begin_ns = ms_now_ns();
    }
}

static struct ms_region_io_site *site_at(struct ms_region_header *region, uint32_t index)
{
    return ms_region_element(region, MS_AREA_IO_SITES, index);
}

/* The element of an identity, taken if this thread has none; NULL: no room. */
static struct ms_region_io_site *site_of(struct ms_region_header *region, struct ms_io_state *io,
                                         uint64_t identity)
{
    uint32_t *head =
        &io->heads[identity * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (MS_IO_SITE_HEADS - 1)];
    const uint32_t first = *head;
    uint32_t index = first;
    for (uint32_t i = 0; index != 0 && i < LINKS_FOLLOWED; i++) {
        struct ms_region_io_site *site = site_at(region, index);
        if (atomic_load_explicit(&site->identity, memory_order_relaxed) == identity) {
            return site;
        }
        index = site->next;
    }
    index = io->sites < SITES_MAX ? ms_area_take(MS_AREA_IO_SITES, 1) : 0;
    if (index == 0 || __atomic_load_n(&ms_region, __ATOMIC_RELAXED) != region) {
        return NULL;
    }
    io->sites++;
    struct ms_region_io_site *site = site_at(region, index);
    site->next = first;
    atomic_store_explicit(&site->identity, identity, memory_order_release);
    *head = index;
    return site;
}

/* Calls that wait for others are no I/O of their own: theirs are no call sites of it. */
static void count_site(struct ms_thread_state *state, const struct ms_io_call *call, uint32_t stack,
                       uint64_t bytes, uint64_t wait_ns)
{
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    if (region == NULL || state->io.lines == NULL) {
        return; /* a fork in a handler */
    }
    stack = stack < UINT32_C(1) << MS_IO_SITE_STACK_BITS ? stack : 0;
    struct ms_region_io_site *site =
        site_of(region, &state->io, MS_IO_SITE_IDENTITY(state->serial, call->kind, stack));
    if (site == NULL) {
        atomic_fetch_add_explicit(&region->losses.io_sites_missing, 1, memory_order_relaxed);
        return;
    }
    ms_own_add(&site->calls, call->weight);
    ms_own_add(&site->bytes, bytes * call->weight);
    ms_own_add(&site->wait_ns, wait_ns * call->weight);
    atomic_signal_fence(memory_order_seq_cst);
    ms_own_add(&site->samples, 1);
}

void ms_io_end_timed(struct ms_thread_state *state, const struct ms_io_call *call,
                     const struct ms_caller *caller, uint64_t bytes)
{
    const uint64_t now_ns = ms_now_ns();
    const uint64_t wait_ns = now_ns > call->begin_ns ? now_ns - call->begin_ns : 0;
    const struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    struct ms_io_state *io = &state->io;
    struct ms_region_thread_io *lines = io->lines;
    const uint32_t kind = call->kind;
    if (lines == NULL || region == NULL) {
        return;
    }
    ms_own_add(&lines->timed_ns[kind], wait_ns);
    ms_own_add(&lines->timed_calls[kind], 1);
    ms_own_add(&lines->weighed_ns[kind], wait_ns * call->weight);
    ms_own_add(&lines->weighed_calls[kind], call->weight);
    earn(io, kind, now_ns);
    choose_next(state, kind, region->config.io, true);
    if (kind != MS_REGION_IO_POLL &&
        (state->tracking.mode == MS_MODE_EXACT || state->tracking.mode == MS_MODE_SAMPLED)) {
        count_site(state, call, ms_caller_stack(state, caller), bytes, wait_ns);
    }
}

void ms_io_failed(struct ms_region_thread_io *lines, uint32_t kind, int error)
{
    const bool would_block = error == EAGAIN || error == EWOULDBLOCK || error == EINPROGRESS;
    ms_own_add(would_block ? &lines->would_block[kind] : &lines->errors[kind], 1);
}

void ms_io_ended(struct ms_thread_state *state)
{
    if (state->io.lines != NULL) {
        state->io.lines->in_call = 0;
    }
}
