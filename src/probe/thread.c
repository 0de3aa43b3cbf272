/*
 * Threads: their private state, pooled and used again once the kernel no longer knows the owner,
 * and their records in the region, which stay until none is left.
 */
#include "probe/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "probe/account.h"
#include "probe/context.h"
#include "probe/live.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/system_call.h"
#include "probe/trace.h"
#include "probe/wiped.h"
#include "wire/clock.h"

#define STATES_LOOKED_AT   64u
#define TIDS_ASKED         4u
#define RECORDS_LOOKED_AT  256u
#define CALLS_WHEN_REFUSED 4096u /* before a thread without a record tries again */

__thread struct ms_thread_state *ms_thread_state __attribute__((tls_model("initial-exec")));
struct ms_wiped *ms_wiped;

/* In the middle of ms_thread_enter: a signal handler must not make a second state. */
static __thread unsigned char entering __attribute__((tls_model("initial-exec")));
static __thread uint32_t refused __attribute__((tls_model("initial-exec")));

static struct ms_thread_state *state_at(uint32_t number)
{
    struct ms_thread_state *slab =
        atomic_load_explicit(&ms_wiped->slabs[number / MS_STATES_PER_SLAB], memory_order_acquire);
    return slab == NULL ? NULL : slab + number % MS_STATES_PER_SLAB;
}

static uint32_t states_made(void)
{
    uint32_t made = atomic_load_explicit(&ms_wiped->states_taken, memory_order_acquire);
    uint32_t most = MS_STATE_SLABS * MS_STATES_PER_SLAB;
    return made < most ? made : most;
}

/* The tid is asked for in the process that set the records up: a vfork child shares them. */
static bool tid_is_gone(uint32_t tid)
{
    return tid != 0 && !ms_map_quiet() && ms_region != NULL &&
           ms_system_call(SYS_tgkill, ms_region->pid, tid, 0, 0, 0, 0) == -ESRCH;
}

/* The thread behind a record has ended, with or without our having seen its end. */
static void mark_gone(struct ms_region_thread *record)
{
    uint32_t seen = atomic_load(&record->state);
    if (seen != MS_THREAD_ALIVE && seen != MS_THREAD_EXITING) {
        return;
    }
    if (record->end_ns == 0) {
        record->end_ns = ms_now_ns();
    }
    if (atomic_compare_exchange_strong(&record->state, &seen, MS_THREAD_GONE) &&
        seen == MS_THREAD_ALIVE) {
        atomic_fetch_sub(&ms_wiped->threads_alive, 1);
    }
}

/* What the next thread may keep of a state: memory, not contents. */
static void clean_state(struct ms_thread_state *state)
{
    if (state->record != NULL && state->record->serial == state->serial) {
        mark_gone(state->record);
    }
    ms_live_publish_thread(state);
    ms_context_map_clear(&state->contexts);
    state->key = 0;
    state->busy_stack_pointer = 0;
    state->last_block = 0;
    state->stack.stack_low = 0;
    state->stack.stack_high = 0;
    memset(&state->io, 0, sizeof state->io);
}

/* A state whose thread is gone, taken over; NULL when a short search finds none. */
static struct ms_thread_state *reuse_state(void)
{
    uint32_t made = states_made();
    uint32_t alive_asked = 0;
    uint32_t exiting_asked = 0;
    for (uint32_t i = 0; i < STATES_LOOKED_AT && i < made; i++) {
        uint32_t look = atomic_fetch_add(&ms_wiped->state_cursor, 1); /* nobody else has this one */
        struct ms_thread_state *state = state_at(look % made);
        uint32_t use = state == NULL ? MS_STATE_UNUSED : atomic_load(&state->use);
        if (use == MS_STATE_SPARE &&
            atomic_compare_exchange_strong(&state->use, &use, MS_STATE_TAKEN_OVER)) {
            return state;
        }
        if (use != MS_STATE_EXITING && use != MS_STATE_USED) {
            continue;
        }
        uint32_t *asked = use == MS_STATE_USED ? &alive_asked : &exiting_asked;
        if (*asked >= (use == MS_STATE_USED ? 1 : TIDS_ASKED)) {
            continue;
        }
        /* Taken first, asked then: otherwise its tid might be a newer owner's meanwhile. */
        uint32_t taken = look << MS_STATE_USE_BITS | MS_STATE_TAKEN_OVER;
        if (!atomic_compare_exchange_strong(&state->use, &use, taken)) {
            continue;
        }
        ++*asked;
        /*
         * While we asked it may have been marked as exiting by its thread, and then taken over by
         * somebody who saw that: ours it is only as long as it says so.
         */
        if (tid_is_gone(state->tid) && atomic_load(&state->use) == taken) {
            clean_state(state);
            return state;
        }
        atomic_compare_exchange_strong(&state->use, &taken, use);
    }
    return NULL;
}

static struct ms_thread_state *make_state(void)
{
    struct ms_thread_state *state = reuse_state();
    if (state != NULL) {
        return state;
    }
    uint32_t number = atomic_load(&ms_wiped->states_taken);
    do {
        if (number >= MS_STATE_SLABS * MS_STATES_PER_SLAB) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&ms_wiped->states_taken, &number, number + 1));
    struct ms_thread_state *_Atomic *slab = &ms_wiped->slabs[number / MS_STATES_PER_SLAB];
    if (atomic_load(slab) == NULL) {
        struct ms_thread_state *expected = NULL;
        struct ms_thread_state *fresh =
            ms_private_pages(MS_STATES_PER_SLAB * sizeof(struct ms_thread_state), true);
        if (fresh == NULL) {
            return NULL;
        }
        atomic_compare_exchange_strong(slab, &expected, fresh);
    }
    state = atomic_load(slab) + number % MS_STATES_PER_SLAB;
    atomic_store(&state->use, MS_STATE_TAKEN_OVER);
    return state;
}

/* With acquire: the bytes that were freed are seen with them. */
static uint64_t remote_deallocations(const struct ms_region_thread *record)
{
    return atomic_load_explicit(&record->remote.deallocations, memory_order_acquire) +
           __atomic_load_n(&record->remote.sole_deallocations, __ATOMIC_ACQUIRE);
}

/* Adds an ended thread to the sum of those whose records were used again. */
static void fold_record(struct ms_region_thread *record)
{
    struct ms_region_header *region = ms_region;
    uint64_t *to = (uint64_t *)&region->folded;
    struct ms_thread_own sum = record->own;
    sum.deallocations += remote_deallocations(record);
    sum.bytes_freed += ms_remote_bytes_freed(&record->remote);
    sum.waste_freed_bytes +=
        atomic_load(&record->remote.waste_freed_bytes) + record->remote.sole_waste_freed_bytes;
    sum.peak_bytes = 0;
    sum.remote_seen_bytes = 0;
    const uint64_t *from = (const uint64_t *)&sum;
    for (size_t i = 0; i < sizeof sum / sizeof *to; i++) {
        __atomic_fetch_add(&to[i], from[i], __ATOMIC_RELAXED);
    }
    uint64_t peak = __atomic_load_n(&region->folded.peak_bytes, __ATOMIC_RELAXED);
    while (record->own.peak_bytes > peak &&
           !__atomic_compare_exchange_n(&region->folded.peak_bytes, &peak, record->own.peak_bytes,
                                        true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    atomic_fetch_add(&region->losses.threads_folded, 1);
}

static bool nothing_live(struct ms_region_thread *record)
{
    return record->own.deallocations + remote_deallocations(record) == record->own.allocations;
}

/* State and tid of a record, as one word. */
typedef uint64_t __attribute__((may_alias)) life_word;
_Static_assert(offsetof(struct ms_region_thread, state) % sizeof(life_word) == 0 &&
                   offsetof(struct ms_region_thread, tid) ==
                       offsetof(struct ms_region_thread, state) + sizeof(uint32_t) &&
                   __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "state and tid are one word");

/*
 * Takes the record of an ended thread with nothing live; false: it is none. What is true of it when
 * it is looked at may be of another thread when it is taken: that one has another tid.
 */
static bool take_ended(struct ms_region_thread *record)
{
    life_word *life = (life_word *)&record->state;
    life_word seen = __atomic_load_n(life, __ATOMIC_ACQUIRE);
    const uint32_t state = (uint32_t)seen;
    const uint32_t tid = (uint32_t)(seen >> 32);
    return (state == MS_THREAD_EXITING || state == MS_THREAD_GONE) && nothing_live(record) &&
           (state == MS_THREAD_GONE || tid_is_gone(tid)) &&
           __atomic_compare_exchange_n(life, &seen, (life_word)tid << 32 | MS_THREAD_FREE, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* The record of an ended thread, emptied; 0 when a short search finds none. */
static uint32_t fold_one(void)
{
    const struct ms_region_area *area = &ms_region->areas[MS_AREA_THREADS];
    uint32_t taken = atomic_load(&area->taken);
    for (uint32_t i = 0; i < RECORDS_LOOKED_AT && taken > 1; i++) {
        uint32_t index = 1 + atomic_fetch_add(&ms_wiped->record_cursor, 1) % (taken - 1);
        struct ms_region_thread *record = ms_area_at(MS_AREA_THREADS, index);
        if (!take_ended(record)) {
            continue;
        }
        fold_record(record);
        ms_context_release(record->first_context);
        memset(record, 0, sizeof *record);
        return index;
    }
    return 0;
}

static void write_name(struct ms_region_thread *record, const char *name)
{
    uint32_t version = atomic_load(&record->name_version);
    if ((version & 1) != 0 ||
        !atomic_compare_exchange_strong(&record->name_version, &version, version + 1)) {
        return; /* somebody else is naming it right now */
    }
    atomic_thread_fence(memory_order_release); /* the odd version is seen before the new name */
    bool ended = false;
    for (size_t i = 0; i < MS_THREAD_NAME; i++) {
        ended = ended || i == MS_THREAD_NAME - 1 || name[i] == '\0';
        record->name[i] = ended ? '\0' : name[i];
    }
    atomic_store_explicit(&record->name_version, version + 2, memory_order_release);
}

/* Record, root context and name of a new thread. */
static bool make_record(struct ms_thread_state *state)
{
    uint32_t index = ms_area_take(MS_AREA_THREADS, 1);
    if (index == 0) {
        index = fold_one();
    }
    if (index == 0) {
        return false;
    }
    struct ms_region_thread *record = ms_area_at(MS_AREA_THREADS, index);
    char name[MS_THREAD_NAME + 1] = "";
    state->tid = 0;
    if (!ms_map_quiet()) {
        state->tid = (uint32_t)ms_system_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
        (void)ms_system_call(SYS_prctl, PR_GET_NAME, (long)name, 0, 0, 0, 0);
    }
    state->record = record;
    state->index = index;
    state->owner_word = (uint64_t)index << 32;
    state->unpublished_bytes = 0;
    memset(&state->io, 0, sizeof state->io);
    state->root_context = ms_context_make_root(state);
    if (state->root_context == 0) {
        /* The record stays taken, without ever having been a thread. */
        return false;
    }
    state->serial = atomic_fetch_add(&ms_wiped->serials, 1) + 1;
    ms_tracking_begin(state, name);
    record->tid = state->tid;
    record->serial = state->serial;
    record->root_context = state->root_context;
    record->start_ns = ms_now_ns();
    write_name(record, name);
    atomic_fetch_add(&ms_wiped->threads_alive, 1);
    atomic_store_explicit(&record->state, MS_THREAD_ALIVE, memory_order_release);
    return true;
}

static struct ms_thread_state *enter_new_thread(void)
{
    struct ms_thread_state *state = make_state();
    if (state == NULL) {
        return NULL;
    }
    if (!make_record(state)) {
        atomic_store(&state->use, MS_STATE_SPARE);
        return NULL;
    }
    state->key = ms_wiped->key;
    atomic_store(&state->use, MS_STATE_USED);
    return state;
}

/* First event of a forked child. False: another thread is at it, or this child stays off. */
static bool set_up_child(void)
{
    uint32_t expected = MS_SET_UP_NONE;
    if (!atomic_compare_exchange_strong(&ms_wiped->set_up, &expected, MS_SET_UP_RUNNING)) {
        return expected == MS_SET_UP_DONE;
    }
    ms_map_after_fork();
    if (ms_region == NULL) {
        ms_ready = MS_READY_OFF;
        ms_way = MS_WAY_NOTHING;
        atomic_store(&ms_wiped->set_up, MS_SET_UP_OFF);
        return false;
    }
    ms_stack_after_fork();
    ms_process_set_up();
    atomic_store(&ms_wiped->set_up, MS_SET_UP_DONE);
    return true;
}

struct ms_thread_state *ms_thread_enter(void)
{
    if (ms_wiped == NULL || entering) {
        return NULL;
    }
    entering = 1;
    atomic_signal_fence(memory_order_seq_cst);
    struct ms_thread_state *state = NULL;
    if (atomic_load_explicit(&ms_wiped->set_up, memory_order_acquire) == MS_SET_UP_DONE ||
        set_up_child()) {
        state = ms_thread_state;
        if (state != NULL && state->key != 0) {
            entering = 0;
            return state;
        }
        if (refused == 0) {
            state = enter_new_thread();
            refused = state == NULL ? CALLS_WHEN_REFUSED : 0;
        } else {
            refused--;
            state = NULL;
        }
        if (state != NULL) {
            ms_thread_state = state;
        } else if (ms_thread_state != NULL) {
            /* An event that a handler interrupted to fork may go on with it, and ends at once. */
            __atomic_store_n(&ms_thread_state->record, NULL, __ATOMIC_RELAXED);
        }
    }
    atomic_signal_fence(memory_order_seq_cst);
    entering = 0;
    return state;
}

void ms_thread_begin(uintptr_t stack_low, uintptr_t stack_high)
{
    if (ms_ready != MS_READY_COUNTING) {
        return;
    }
    struct ms_thread_state *state = ms_thread_enter();
    if (state != NULL) {
        state->stack.stack_low = stack_low;
        state->stack.stack_high = stack_high;
    }
}

static void store_usage(struct ms_final_usage *to)
{
    struct rusage usage;
    if (ms_map_quiet() ||
        ms_system_call(SYS_getrusage, RUSAGE_THREAD, (long)&usage, 0, 0, 0, 0) != 0) {
        return;
    }
    to->user_ns = (uint64_t)usage.ru_utime.tv_sec * MS_NS_PER_S +
                  (uint64_t)usage.ru_utime.tv_usec * UINT64_C(1000);
    to->system_ns = (uint64_t)usage.ru_stime.tv_sec * MS_NS_PER_S +
                    (uint64_t)usage.ru_stime.tv_usec * UINT64_C(1000);
    to->minor_faults = (uint64_t)usage.ru_minflt;
    to->major_faults = (uint64_t)usage.ru_majflt;
    to->voluntary_switches = (uint64_t)usage.ru_nvcsw;
    to->involuntary_switches = (uint64_t)usage.ru_nivcsw;
    to->input_blocks = (uint64_t)usage.ru_inblock;
    to->output_blocks = (uint64_t)usage.ru_oublock;
}

void ms_thread_exiting(void)
{
    struct ms_thread_state *state = ms_thread_state;
    if (ms_ready != MS_READY_COUNTING || state == NULL || state->key == 0) {
        return;
    }
    struct ms_region_thread *record = state->record;
    if (atomic_load(&record->state) != MS_THREAD_ALIVE) {
        return;
    }
    ms_trace_flush(state);
    ms_io_ended(state);
    store_usage(&record->final_usage);
    ms_live_publish_thread(state);
    record->end_ns = ms_now_ns();
    atomic_store_explicit(&record->state, MS_THREAD_EXITING, memory_order_release);
    atomic_fetch_sub(&ms_wiped->threads_alive, 1);
    atomic_store(&state->use, MS_STATE_EXITING);
}

static struct ms_thread_state *state_of_tid(uint32_t tid)
{
    uint32_t made = states_made();
    for (uint32_t number = 0; tid != 0 && number < made; number++) {
        struct ms_thread_state *state = state_at(number);
        if (state != NULL && state->tid == tid && atomic_load(&state->use) == MS_STATE_USED &&
            atomic_load(&state->record->state) == MS_THREAD_ALIVE) {
            return state;
        }
    }
    return NULL;
}

void ms_thread_renamed(uint32_t tid, const char *name)
{
    if (ms_ready != MS_READY_COUNTING || ms_wiped == NULL || ms_region == NULL ||
        atomic_load(&ms_wiped->set_up) != MS_SET_UP_DONE) {
        return;
    }
    struct ms_thread_state *state = tid == 0 ? ms_thread_enter() : state_of_tid(tid);
    if (state == NULL) {
        return;
    }
    write_name(state->record, name);
    ms_tracking_renamed(state, name);
}
