/* The look of a thread, sampling, and stepping down by itself. */
#include "probe/tracking.h"

#include <stdatomic.h>
#include <string.h>

#include "probe/allocator.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/thread.h"
#include "probe/trace.h"
#include "probe/wiped.h"
#include "wire/selection.h"

#define LOOK_APART_NS       (UINT64_C(1) << (MS_TICK_SHIFT - 1)) /* half a tick */
#define STEP_DEPTH_MIN      8u
#define STEP_RATE_GROWTH    4u
#define JUDGED_AFTER_STACKS 65536u
#define JUDGES_ALL_BELOW    8u
#define JUDGED_EVENTS       192u
#define LOOKS_PUT_OFF_MAX   64u
#define WISHES_TRIED        256u /* some microseconds */

/* 32nds of a table that are full before step number n (from 0) is made; there are no more. */
static const uint32_t step_at_32nds[] = {16, 22, 26, 28, 29, 30, 31};
#define STEPS_MAX (sizeof step_at_32nds / sizeof *step_at_32nds)

uint64_t ms_tracking_random(struct ms_thread_tracking *tracking)
{
    uint64_t value = tracking->random += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

/* Uniform in [0, limit). */
static uint64_t random_below(struct ms_thread_tracking *tracking, uint64_t limit)
{
    return (uint64_t)(((unsigned __int128)ms_tracking_random(tracking) * limit) >> 64);
}

/*
 * From one sampling point to the next: uniform in [interval / 2, 3 interval / 2], so that no period
 * of the program is in step with it and no block below half the interval holds two points.
 */
static uint64_t next_gap(struct ms_thread_tracking *tracking)
{
    uint64_t interval = tracking->rate_interval;
    return (interval + 1) / 2 + random_below(tracking, interval | 1);
}

/*
 * The first point of a thread: anywhere in a gap that is met in the middle, and long gaps are met
 * more often. Without this the first interval of every thread would be sampled too rarely.
 */
static uint64_t first_gap(struct ms_thread_tracking *tracking)
{
    uint64_t gap;
    do {
        gap = next_gap(tracking);
    } while (random_below(tracking, tracking->rate_interval * 3 / 2 + 1) >= gap);
    return 1 + random_below(tracking, gap);
}

bool ms_tracking_samples(struct ms_thread_tracking *tracking, uint64_t bytes)
{
    uint64_t amount = 1;
    if (tracking->rate_in_bytes) {
        amount = bytes != 0 ? bytes : 1;
        if (amount >= tracking->rate_interval / 2) {
            return true;
        }
    }
    tracking->until_sample -= (int64_t)amount;
    if (tracking->until_sample > 0) {
        return false;
    }
    tracking->until_sample += (int64_t)next_gap(tracking);
    return true;
}

/* Index of a rate in the region, entered if it is new. */
static uint8_t rate_index(uint64_t rate)
{
    struct ms_region_header *region = ms_region;
    for (uint8_t i = 1; i < MS_RATES_MAX; i++) {
        uint64_t there = atomic_load(&region->rates[i]);
        if (there == 0 && atomic_compare_exchange_strong(&region->rates[i], &there, rate)) {
            return i;
        }
        if (there == rate) {
            return i;
        }
    }
    atomic_fetch_add(&region->losses.rates_missing, 1);
    return MS_RATES_MAX - 1;
}

static void use_rate(struct ms_thread_tracking *tracking, uint64_t wanted)
{
    uint8_t index = rate_index(wanted);
    if (tracking->rate == index) {
        return;
    }
    uint64_t rate = atomic_load(&ms_region->rates[index]);
    tracking->rate = index;
    tracking->rate_in_bytes = (rate & MS_RATE_ALLOCATIONS) == 0;
    tracking->rate_interval = MS_RATE_INTERVAL(rate);
    tracking->until_sample = (int64_t)first_gap(tracking);
}

static uint64_t sound_rate(uint64_t rate)
{
    uint64_t interval = MS_RATE_INTERVAL(rate);
    if (interval == 0) {
        return MS_RATE_DEFAULT_BYTES;
    }
    return interval <= MS_RATE_INTERVAL_BYTES_MAX
               ? rate
               : (rate & MS_RATE_ALLOCATIONS) | MS_RATE_INTERVAL_BYTES_MAX;
}

static uint32_t sound_depth(uint32_t depth)
{
    return depth < 1 ? 1 : depth > MS_STACK_DEPTH_MAX ? MS_STACK_DEPTH_MAX : depth;
}

/* A copy of what viewers want; false: it is being written right now. */
static bool read_wishes(const struct ms_probe_config *config, struct ms_tracking *to,
                        uint32_t *changes)
{
    *changes = atomic_load_explicit(&config->changes, memory_order_acquire);
    memcpy(to, &config->tracking, sizeof *to);
    atomic_thread_fence(memory_order_acquire);
    to->selection[MS_SELECTION_MAX - 1] = '\0';
    return *changes % 2 == 0 &&
           atomic_load_explicit(&config->changes, memory_order_relaxed) == *changes;
}

/* The newest step down that holds under `changes`, over what was wished for. */
static void follow_step(const struct ms_region_header *region, uint32_t steps, uint32_t changes,
                        struct ms_tracking *tracking)
{
    if (steps == 0) {
        return;
    }
    const struct ms_region_step *step = &region->step[(steps - 1) % MS_STEPS_KEPT];
    if (step->of_changes == changes) {
        tracking->mode = step->mode;
        tracking->stack_depth = step->stack_depth;
        tracking->sample_rate = step->sample_rate;
    }
}

static bool is_selected(const struct ms_thread_state *state, const struct ms_tracking *wishes,
                        const char *name)
{
    if (wishes->mode == MS_MODE_OFF) {
        return false;
    }
    return wishes->selection[0] == '\0' ||
           ms_selection_matches(wishes->selection, name, state->tid, state->serial - 1);
}

static void set_tracked(struct ms_thread_state *state, bool tracked)
{
    if (tracked && ms_way == MS_WAY_NOTHING) {
        bool headers = ms_allocator.tags && ms_allocator.glibc_headers;
        __atomic_store_n(&ms_way, headers ? MS_WAY_HEADERS : MS_WAY_GENERAL, __ATOMIC_RELEASE);
    }
    if (!tracked) {
        atomic_store_explicit(&ms_wiped->blocks_unseen, 1, memory_order_relaxed);
    }
    __atomic_store_n(&state->tracked, tracked, __ATOMIC_RELAXED);
    __atomic_store_n(&state->record->tracked, tracked, __ATOMIC_RELAXED);
}

static void take_over(struct ms_thread_state *state, const char *name)
{
    const struct ms_region_header *region = ms_region;
    struct ms_thread_tracking *tracking = &state->tracking;
    struct ms_tracking wishes;
    uint32_t changes;
    uint32_t steps = atomic_load_explicit(&region->config.steps, memory_order_acquire);
    if (!read_wishes(&region->config, &wishes, &changes)) {
        return; /* at the next look */
    }
    set_tracked(state, is_selected(state, &wishes, name));
    tracking->automatic = wishes.automatic != 0;
    bool traced = tracking->trace;
    tracking->trace = wishes.trace != 0 && region->config.trace_allowed != 0;
    if (traced && !tracking->trace) {
        ms_trace_flush(state);
    }
    follow_step(region, steps, changes, &wishes);
    if (wishes.mode == MS_MODE_SAMPLED) {
        use_rate(tracking, sound_rate(wishes.sample_rate));
    } else {
        tracking->rate = 0;
    }
    tracking->stack_depth = sound_depth(wishes.stack_depth);
    ms_stack_depth_changed(&state->stack);
    tracking->mode = wishes.mode;
    tracking->seen = (uint64_t)steps << 32 | changes;
    tracking->stacks_seen = state->stack.walks_published + state->stack.found_published;
    tracking->walks_seen = state->stack.walks_published;
}

/* The next lower tracking, in the order depth, sample, coarser sample. False: there is none. */
static bool next_step(const struct ms_thread_tracking *tracking, const struct ms_tracking *wishes,
                      struct ms_region_step *step)
{
    step->mode = tracking->mode;
    step->stack_depth = tracking->stack_depth;
    step->sample_rate = sound_rate(wishes->sample_rate);
    if (tracking->mode == MS_MODE_EXACT && tracking->stack_depth > STEP_DEPTH_MIN) {
        uint32_t half = tracking->stack_depth / 2;
        step->stack_depth = half > STEP_DEPTH_MIN ? half : STEP_DEPTH_MIN;
        return true;
    }
    if (tracking->mode == MS_MODE_EXACT) {
        step->mode = MS_MODE_SAMPLED;
        return true;
    }
    uint64_t unit = tracking->rate_in_bytes ? 0 : MS_RATE_ALLOCATIONS;
    uint64_t interval = tracking->rate_interval * STEP_RATE_GROWTH;
    step->sample_rate = unit | interval;
    return tracking->mode == MS_MODE_SAMPLED && interval <= MS_RATE_INTERVAL_BYTES_MAX;
}

/* How many steps were made since the tracking was set. */
static uint32_t steps_made(const struct ms_region_header *region, uint32_t steps, uint32_t changes)
{
    const struct ms_region_step *newest = &region->step[(steps - 1) % MS_STEPS_KEPT];
    return steps == 0 || newest->of_changes != changes ? 0 : newest->number;
}

/* One step for the whole process, unless another thread makes one or this one missed some. */
static void step_down(struct ms_thread_state *state, enum ms_stepped_reason reason,
                      uint32_t full_32nds)
{
    struct ms_region_header *region = ms_region;
    struct ms_tracking wishes;
    uint32_t changes;
    if (atomic_exchange_explicit(&ms_wiped->step_busy, 1, memory_order_acquire) != 0) {
        return;
    }
    uint32_t steps = atomic_load_explicit(&region->config.steps, memory_order_acquire);
    struct ms_region_step *step = &region->step[steps % MS_STEPS_KEPT];
    struct ms_region_step next;
    if (read_wishes(&region->config, &wishes, &changes) &&
        state->tracking.seen == ((uint64_t)steps << 32 | changes) && wishes.automatic != 0) {
        uint32_t made = steps_made(region, steps, changes);
        if (made < STEPS_MAX && full_32nds >= step_at_32nds[made] &&
            next_step(&state->tracking, &wishes, &next)) {
            step->at_ns = ms_now_ns();
            step->sample_rate = next.sample_rate;
            step->of_changes = changes;
            step->number = made + 1;
            step->mode = next.mode;
            step->stack_depth = next.stack_depth;
            step->reason = reason;
            atomic_store_explicit(&region->config.steps, steps + 1, memory_order_release);
        }
    }
    atomic_store_explicit(&ms_wiped->step_busy, 0, memory_order_release);
    state->tracking.events_until_look = 0;
}

void ms_tracking_table_filled(struct ms_thread_state *state, enum ms_area_id area, uint32_t taken,
                              uint32_t capacity)
{
    uint32_t full_32nds = (uint32_t)((uint64_t)taken * 32 / capacity);
    if (state->tracking.automatic && full_32nds >= step_at_32nds[0]) {
        step_down(state, area == MS_AREA_STACKS ? MS_STEPPED_STACKS_FULL : MS_STEPPED_CONTEXTS_FULL,
                  full_32nds);
    }
}

/* Are most stacks of this thread walked, over a number of stacks that tells something? */
static void judge_walks(struct ms_thread_state *state)
{
    struct ms_thread_tracking *tracking = &state->tracking;
    uint64_t walks = state->stack.walks_published;
    uint64_t stacks = walks + state->stack.found_published;
    if (stacks - tracking->stacks_seen < JUDGED_AFTER_STACKS) {
        return;
    }
    bool slow = walks - tracking->walks_seen > (stacks - tracking->stacks_seen) / 2;
    tracking->stacks_seen = stacks;
    tracking->walks_seen = walks;
    if (slow && tracking->automatic) {
        step_down(state, MS_STEPPED_SLOW_WALKS, 32);
    }
}

static void look_at_clock(struct ms_thread_tracking *tracking)
{
    uint64_t now_ns = ms_now_ns();
    uint64_t elapsed_ns = now_ns - tracking->look_ns;
    uint64_t interval = (uint64_t)tracking->look_interval;
    if (elapsed_ns > LOOK_APART_NS) {
        interval = interval * LOOK_APART_NS / elapsed_ns;
        interval = interval > 0 ? interval : 1;
    } else {
        interval = interval * 2 < MS_CLOCK_EVENTS ? interval * 2 : MS_CLOCK_EVENTS;
    }
    tracking->look_ns = now_ns;
    tracking->tick = (uint32_t)(now_ns >> MS_TICK_SHIFT) & ((UINT32_C(1) << MS_TICK_BITS) - 1);
    tracking->look_interval = (int32_t)interval;
    /* Every few looks; all of them where they are frequent since events are rare. */
    tracking->judge_gap += tracking->look_gap;
    bool judges = tracking->look_gap <= JUDGES_ALL_BELOW || tracking->judge_gap >= JUDGED_EVENTS;
    tracking->stands_for = judges ? tracking->judge_gap : 0;
    tracking->judge_gap = judges ? 0 : tracking->judge_gap;
    /* Uneven, or a program that repeats itself would always be met at the same of its events. */
    uint64_t less = interval > 1 ? random_below(tracking, interval / 8 + 2) : 0;
    tracking->look_gap = (uint32_t)(interval - less);
    tracking->events_until_look = (int32_t)tracking->look_gap;
}

void ms_tracking_look(struct ms_thread_state *state)
{
    struct ms_region_header *region = ms_region;
    struct ms_thread_tracking *tracking = &state->tracking;
    look_at_clock(tracking);
    if (region == NULL || state->key == 0) {
        return;
    }
    /* A handler interrupted an event, which is to end as it began. But the mark may be a stale one.
     */
    if (state->busy_stack_pointer != 0 && ++tracking->looks_put_off < LOOKS_PUT_OFF_MAX) {
        return;
    }
    tracking->looks_put_off = 0;
    state->publish_step_bytes =
        atomic_load_explicit(&ms_wiped->publish_step_bytes, memory_order_relaxed);
    ms_stack_publish(&state->stack);
    judge_walks(state);
    uint64_t changes = atomic_load_explicit(&region->config.changes, memory_order_relaxed);
    uint64_t steps = atomic_load_explicit(&region->config.steps, memory_order_relaxed);
    if (MS_UNLIKELY(tracking->seen != (steps << 32 | changes))) {
        take_over(state, state->record->name);
    }
}

void ms_tracking_begin(struct ms_thread_state *state, const char *name)
{
    memset(&state->tracking, 0, sizeof state->tracking);
    state->tracking.random = ms_wiped->key + state->serial * UINT64_C(0xd1342543de82ef95);
    state->tracking.look_interval = 1;
    state->tracking.seen = UINT64_MAX;
    look_at_clock(&state->tracking);
    state->publish_step_bytes =
        atomic_load_explicit(&ms_wiped->publish_step_bytes, memory_order_relaxed);
    for (uint32_t i = 0; i < WISHES_TRIED && state->tracking.seen == UINT64_MAX; i++) {
        take_over(state, name);
    }
    if (state->tracking.seen == UINT64_MAX) {
        /* A keeper that was stopped while it wrote. Until a look finds out more, nothing is lost.
         */
        state->tracking.mode = MS_MODE_COUNT_ONLY;
        set_tracked(state, true);
    }
}

void ms_tracking_renamed(struct ms_thread_state *state, const char *name)
{
    struct ms_tracking wishes;
    uint32_t changes;
    if (read_wishes(&ms_region->config, &wishes, &changes)) {
        set_tracked(state, is_selected(state, &wishes, name));
    }
}
