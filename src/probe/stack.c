/* The walk: rule by rule outwards, pc ids on the way, then one lookup of the whole stack. */
#include "probe/stack.h"

#include <stdatomic.h>
#include <stddef.h>

#include "probe/arch.h"
#include "probe/cfi_step.h"
#include "probe/intern.h"
#include "probe/map.h"
#include "probe/modules.h"
#include "probe/rule_cache.h"
#include "probe/scratch.h"

/* The largest frame believed in where the bounds of the stack are not known. */
#define FRAME_BYTES_MAX (UINT64_C(16) << 20)
/* Nothing is mapped below; the rule cache has other uses for the smallest keys. */
#define FIRST_CODE_ADDRESS 4096u
/* Steps from this file out to the caller of the hook. */
#define OWN_FRAMES_MAX 32u
#define PENDING_MAX    64u

/* Instead of an offset in the draft: the register of the caller, or in the draft already. */
enum { PLACE_CALLER = UINT32_MAX, PLACE_DRAFTED = UINT32_MAX - 1 };

enum walk_status { WALK_ON, WALK_ENDED, WALK_UNKNOWN_REGISTER, WALK_FAILED };

struct walk {
    uint64_t key; /* pc of the frame as the rule cache wants it; 0: no further frame */
    struct ms_stack_state *state;
    uintptr_t stack_pointer;
    uintptr_t high; /* end of the stack; 0: not known */
    uintptr_t frame_pointer;
    uint32_t generation;
    uint32_t depth;
    uint32_t count;
    uint32_t flags;
    uint64_t hash; /* of the pc ids */
    bool interpreted;
    enum walk_status status;
};

static uintptr_t end_of_stack(const struct ms_stack_state *state, uintptr_t stack_pointer)
{
    bool own = stack_pointer >= state->stack_low && stack_pointer < state->stack_high;
    return own ? state->stack_high : 0;
}

/* How far outwards the next frame may begin. */
static inline uintptr_t reach_bytes(uintptr_t stack_pointer, uintptr_t high)
{
    return high != 0 ? high - stack_pointer : FRAME_BYTES_MAX;
}

static uint64_t key_of(const struct ms_registers *registers)
{
    bool marked = registers->exact && registers->pc != 0;
    return marked ? registers->pc | MS_RULE_EXACT : registers->pc;
}

static void stop(struct walk *walk, uint32_t flags)
{
    walk->flags |= flags;
    walk->status = WALK_ENDED;
}

struct resolve_request {
    uint64_t key;
    struct ms_rule *found;
};

static void run_resolve(void *argument)
{
    const struct resolve_request *request = argument;
    ms_rule_resolve(request->key, request->found);
}

static __attribute__((noinline)) bool resolve(struct ms_stack_state *state, uint64_t key,
                                              struct ms_rule *found)
{
    struct resolve_request request = {key, found};
    return ms_scratch_call(state, run_resolve, &request);
}

/* Stack words that a row may read from the frame at `stack_pointer`. */
static struct ms_stack_span span_of(uintptr_t stack_pointer, uintptr_t high)
{
    return (struct ms_stack_span){
        .low = stack_pointer - MS_ARCH_RED_ZONE_BYTES,
        .high = high != 0 ? high : stack_pointer + FRAME_BYTES_MAX,
    };
}

/*
 * Takes over what a step by row found. A signal frame may lead to any other stack; every other
 * frame leads outwards on the same one.
 */
static void accept_step(struct walk *walk, const struct ms_registers *registers)
{
    uintptr_t next = registers->value[MS_ARCH_SP];
    uintptr_t from = walk->stack_pointer;
    bool outwards = next > from && next - from <= reach_bytes(from, walk->high);
    if (next % sizeof(uintptr_t) != 0 || (!outwards && !registers->exact)) {
        stop(walk, MS_STACK_CUT_NO_CFI);
        return;
    }
    walk->key = key_of(registers);
    walk->stack_pointer = next;
    walk->frame_pointer = registers->value[MS_ARCH_FP];
    if (registers->exact) {
        walk->high = end_of_stack(walk->state, next);
    }
}

static void take_step(struct walk *walk, struct ms_registers *registers)
{
    struct ms_cfi_row row;
    struct ms_stack_span span = span_of(walk->stack_pointer, walk->high);
    if (ms_rule_row(walk->key, &row) != 0) {
        stop(walk, MS_STACK_CUT_NO_CFI);
        return;
    }
    walk->interpreted = true;
    switch (ms_cfi_step(&row, &span, registers)) {
    case MS_STEP_DONE:
        accept_step(walk, registers);
        break;
    case MS_STEP_OUTERMOST:
        stop(walk, 0);
        break;
    case MS_STEP_UNKNOWN_REGISTER:
        walk->status = WALK_UNKNOWN_REGISTER;
        break;
    case MS_STEP_REFUSED:
        stop(walk, MS_STACK_CUT_NO_CFI);
        break;
    }
}

/* One frame by its row, from the three registers that the walk has. */
static void run_step(void *argument)
{
    struct walk *walk = argument;
    struct ms_registers registers = {.pc = walk->key & ~MS_RULE_EXACT,
                                     .exact = (walk->key & MS_RULE_EXACT) != 0};
    registers.value[MS_ARCH_SP] = walk->stack_pointer;
    registers.value[MS_ARCH_FP] = walk->frame_pointer;
    registers.known = UINT64_C(1) << MS_ARCH_SP | UINT64_C(1) << MS_ARCH_FP;
    take_step(walk, &registers);
}

/* Names the frame of `key`; its rule in *found. False: the walk ends, there is no name to be had.
 */
static inline __attribute__((always_inline)) bool name_frame(struct walk *walk, uint64_t key,
                                                             uint32_t count,
                                                             const struct ms_rule_table *table,
                                                             struct ms_rule *found)
{
    if (MS_UNLIKELY(key < FIRST_CODE_ADDRESS)) {
        stop(walk, key == 0 ? 0 : MS_STACK_CUT_NO_CFI);
        return false;
    }
    if (count == walk->depth) {
        stop(walk, MS_STACK_CUT_DEPTH);
        return false;
    }
    if (MS_UNLIKELY(!ms_rule_find(table, key, walk->generation, found))) {
        struct ms_rule resolved;
        if (!resolve(walk->state, key, &resolved)) {
            walk->status = WALK_FAILED;
            return false;
        }
        *found = resolved;
    }
    if (MS_UNLIKELY(found->pc_id == 0)) {
        stop(walk, MS_STACK_COARSENED);
        return false;
    }
    walk->state->words[1 + count] = found->pc_id;
    return true;
}

/* A frame whose rule is no rule word. Returns whether the walk goes on, from what `walk` says. */
static __attribute__((noinline)) bool leave_rules(struct walk *walk, enum ms_rule_kind kind,
                                                  uint64_t key, uintptr_t stack_pointer,
                                                  uintptr_t frame_pointer)
{
    if (kind != MS_RULE_ROW) {
        stop(walk, kind == MS_RULE_OUTERMOST ? 0 : MS_STACK_CUT_NO_CFI);
        return false;
    }
    walk->key = key;
    walk->stack_pointer = stack_pointer;
    walk->frame_pointer = frame_pointer;
    if (!ms_scratch_call(walk->state, run_step, walk)) {
        walk->status = WALK_FAILED;
    }
    return walk->status == WALK_ON;
}

static uint32_t words_between(uintptr_t start, uintptr_t place)
{
    uintptr_t words = (place - start) / sizeof(uintptr_t);
    return words < PLACE_DRAFTED ? (uint32_t)words : PLACE_DRAFTED - 1; /* too far to be stored */
}

static void draft_frame_pointer(struct ms_read_set_draft *draft, uint32_t place)
{
    if (place == PLACE_CALLER) {
        draft->caller_frame_pointer = true;
    } else {
        draft->frame_offset[draft->frames++] = place;
    }
}

/*
 * The registers of the walk are variables of this function, which is the whole speed of it. The
 * words that a rule reads are the return address slot and, where the rule has one, the frame
 * pointer slot; both belong to the live frame between the old and the new stack pointer.
 */
static void walk_frames(struct walk *walk, const struct ms_rule_table *newest)
{
    const struct ms_rule_table table = {.shift = newest->shift, .entries = newest->entries};
    uint64_t key = walk->key;
    uintptr_t stack_pointer = walk->stack_pointer;
    uintptr_t frame_pointer = walk->frame_pointer;
    const uintptr_t start = walk->stack_pointer;
    struct ms_read_set_draft *draft = &walk->state->draft;
    uint32_t frame_pointer_place = PLACE_CALLER;
    uint64_t hash = 0;
    uint32_t count = 0;
    uint32_t steps = 0;
    struct ms_rule found;
    draft->frames = 0;
    draft->caller_frame_pointer = false;
    while (name_frame(walk, key, count, &table, &found)) {
        enum ms_rule_kind kind = ms_rule_kind(found.rule);
        hash = ms_stack_hash(hash, found.pc_id);
        count++;
        if (MS_UNLIKELY(kind != MS_RULE_STACK && kind != MS_RULE_FRAME)) {
            if (!leave_rules(walk, kind, key, stack_pointer, frame_pointer)) {
                break;
            }
            key = walk->key;
            stack_pointer = walk->stack_pointer;
            frame_pointer = walk->frame_pointer;
            continue;
        }
        uintptr_t from = kind == MS_RULE_STACK ? stack_pointer : frame_pointer;
        uintptr_t cfa = from + ms_rule_cfa_bytes(found.rule);
        uintptr_t step = cfa - stack_pointer;
        uintptr_t frame_slot = ms_rule_frame_slot_bytes(found.rule);
        uintptr_t return_slot = ms_rule_return_slot_bytes(found.rule);
        if (MS_UNLIKELY(step - 1 >= reach_bytes(stack_pointer, walk->high) ||
                        cfa % sizeof(uintptr_t) != 0 || frame_slot > step || return_slot > step)) {
            stop(walk, MS_STACK_CUT_NO_CFI);
            break;
        }
        if (kind == MS_RULE_FRAME && frame_pointer_place != PLACE_DRAFTED) {
            draft_frame_pointer(draft, frame_pointer_place);
            frame_pointer_place = PLACE_DRAFTED;
        }
        if (frame_slot != 0) {
            frame_pointer = *(const uintptr_t *)(cfa - frame_slot);
            frame_pointer_place = words_between(start, cfa - frame_slot);
        }
        draft->return_offset[steps++] = words_between(start, cfa - return_slot);
        key = ms_arch_strip(*(const uintptr_t *)(cfa - return_slot));
        stack_pointer = cfa;
    }
    walk->count = count;
    walk->hash = hash;
    draft->returns = steps;
}

struct whole_request {
    struct walk *walk;
    const struct ms_rule_table *table;
    struct ms_registers registers;
};

/* From our own code outwards to the caller of the hook, so that every register is known there. */
static bool reach_caller(struct ms_registers *registers, const struct walk *start)
{
    for (unsigned n = 0; n < OWN_FRAMES_MAX; n++) {
        uintptr_t stack_pointer = registers->value[MS_ARCH_SP];
        if (stack_pointer >= start->stack_pointer) {
            return stack_pointer == start->stack_pointer && registers->pc == start->key;
        }
        struct ms_cfi_row row;
        struct ms_stack_span span = {stack_pointer - MS_ARCH_RED_ZONE_BYTES, start->stack_pointer};
        if (ms_rule_row(key_of(registers), &row) != 0 ||
            ms_cfi_step(&row, &span, registers) != MS_STEP_DONE) {
            return false;
        }
    }
    return false;
}

static void run_whole(void *argument)
{
    struct whole_request *request = argument;
    struct walk *walk = request->walk;
    struct ms_rule found;
    if (!reach_caller(&request->registers, walk)) {
        stop(walk, MS_STACK_CUT_NO_CFI);
        return;
    }
    while (walk->status == WALK_ON &&
           name_frame(walk, walk->key, walk->count, request->table, &found)) {
        walk->hash = ms_stack_hash(walk->hash, found.pc_id);
        walk->count++;
        if (ms_rule_kind(found.rule) == MS_RULE_OUTERMOST) {
            stop(walk, 0);
        } else {
            take_step(walk, &request->registers);
        }
    }
    if (walk->status == WALK_UNKNOWN_REGISTER) {
        stop(walk, MS_STACK_CUT_NO_CFI);
    }
}

/* The walk again from its start, with all registers. */
static __attribute__((noinline)) void walk_whole(struct walk *walk,
                                                 const struct ms_rule_table *table)
{
    struct whole_request request = {.walk = walk, .table = table};
    request.registers.known = MS_ARCH_CALLEE_SAVED | UINT64_C(1) << MS_ARCH_SP;
    request.registers.exact = true;
    ms_arch_capture(request.registers.value, &request.registers.pc);
    if (!ms_scratch_call(walk->state, run_whole, &request)) {
        walk->status = WALK_FAILED;
    }
}

static struct walk walk_start(struct ms_stack_state *state, const struct ms_caller *caller,
                              uint32_t depth)
{
    return (struct walk){
        .state = state,
        .key = ms_arch_strip(caller->return_address),
        .stack_pointer = caller->stack_pointer,
        .frame_pointer = caller->frame_pointer,
        .high = end_of_stack(state, caller->stack_pointer),
        .generation = atomic_load_explicit(&ms_module_generation, memory_order_acquire),
        .depth = depth < 1                    ? 1
                 : depth > MS_STACK_DEPTH_MAX ? MS_STACK_DEPTH_MAX
                                              : depth,
    };
}

static void add_pending(_Atomic uint64_t *counter, uint32_t *pending)
{
    if (*pending != 0) {
        atomic_fetch_add_explicit(counter, *pending, memory_order_relaxed);
        *pending = 0;
    }
}

void ms_stack_publish(struct ms_stack_state *state)
{
    struct ms_region_header *region = ms_region;
    if (region != NULL) {
        state->walks_published += state->walks_pending;
        add_pending(&region->losses.walks, &state->walks_pending);
        uint32_t found = state->found_from - state->found_until_check;
        state->found_from = state->found_until_check;
        state->found_published += found;
        add_pending(&region->losses.walks_saved, &found);
        add_pending(&region->losses.stacks_interpreted, &state->interpreted_pending);
        add_pending(&region->losses.stacks_cut_no_cfi, &state->cut_pending);
    }
}

/* Shared counters are written rarely: one in 16 at first, one in 64 walks in the end. */
static void count_walk(struct ms_stack_state *state, const struct walk *walk)
{
    state->walks_pending++;
    state->interpreted_pending += walk->interpreted;
    state->cut_pending += (walk->flags & MS_STACK_CUT_NO_CFI) != 0;
    if (state->walks_pending >= PENDING_MAX || state->walks_pending > state->walks_published / 16) {
        ms_stack_publish(state);
    }
}

/* The stack by a walk, stored; `counted`: it is a walk that an event needed. */
static uint32_t capture(struct ms_stack_state *state, const struct ms_caller *caller,
                        uint32_t depth, bool counted)
{
    const struct ms_rule_table *table = atomic_load_explicit(&ms_rule_table, memory_order_acquire);
    uint32_t region_generation = atomic_load_explicit(&ms_region_generation, memory_order_relaxed);
    state->draft.complete = false;
    if (ms_region == NULL || table == NULL || caller->stack_pointer % sizeof(uintptr_t) != 0) {
        return 0;
    }
    struct walk walk = walk_start(state, caller, depth);
    walk_frames(&walk, table);
    if (walk.status == WALK_UNKNOWN_REGISTER) {
        walk = walk_start(state, caller, depth);
        walk.interpreted = true;
        walk_whole(&walk, table);
    }
    if (counted) {
        count_walk(state, &walk);
    }
    /* A fork in a handler in the middle of the walk: the ids are of the parent's region. */
    bool other_region =
        atomic_load_explicit(&ms_region_generation, memory_order_relaxed) != region_generation;
    if (walk.status != WALK_ENDED || walk.count == 0 || other_region) {
        return 0;
    }
    state->words[0] = walk.flags | walk.count;
    uint32_t whole = state->words[0];
    uint32_t stack = ms_intern_stack(state->words, walk.hash);
    state->draft.complete = !walk.interpreted && state->words[0] == whole && stack != 0 &&
                            (walk.flags & (MS_STACK_CUT_NO_CFI | MS_STACK_COARSENED)) == 0;
    /* The rules that were used hold for what it said at the start of the walk. */
    state->draft.generation = walk.generation;
    return stack;
}

uint32_t ms_stack_capture(struct ms_stack_state *state, const struct ms_caller *caller,
                          uint32_t depth)
{
    return capture(state, caller, depth, true);
}

uint32_t ms_stack_caller_pc(struct ms_stack_state *state, const struct ms_caller *caller)
{
    const struct ms_rule_table *table = atomic_load_explicit(&ms_rule_table, memory_order_acquire);
    uint32_t region_generation = atomic_load_explicit(&ms_region_generation, memory_order_relaxed);
    uint32_t generation = atomic_load_explicit(&ms_module_generation, memory_order_acquire);
    uint64_t key = ms_arch_strip(caller->return_address);
    struct ms_rule found;
    if (ms_region == NULL || table == NULL || key < FIRST_CODE_ADDRESS ||
        (!ms_rule_find(table, key, generation, &found) && !resolve(state, key, &found))) {
        return 0;
    }
    bool other_region =
        atomic_load_explicit(&ms_region_generation, memory_order_relaxed) != region_generation;
    return other_region ? 0 : found.pc_id;
}

static bool on_own_stack(const struct ms_stack_state *state, const struct ms_caller *caller)
{
    return caller->stack_pointer >= state->stack_low && caller->stack_pointer < state->stack_high;
}

void ms_stack_remember(struct ms_stack_state *state, const struct ms_caller *caller, uint32_t depth,
                       const struct ms_read_set *found)
{
    const struct ms_read_set_draft *draft = &state->draft;
    if (!draft->complete || !on_own_stack(state, caller)) {
        return;
    }
    ms_read_sets_grow(&state->sets);
    if (state->found_until_check == 0) {
        state->found_until_check = 1;
        state->found_from = 1;
    }
    if (state->sets.generation != draft->generation || state->sets_depth != depth) {
        state->sets_depth = depth;
        if (!ms_read_sets_renew(&state->sets, draft->generation, depth)) {
            return;
        }
    }
    ms_read_set_store(&state->sets, draft, ms_arch_strip(caller->return_address),
                      caller->stack_pointer, caller->frame_pointer, found);
}

struct ms_read_set *ms_stack_find_otherwise(struct ms_stack_state *state,
                                            const struct ms_caller *caller, uint32_t depth)
{
    struct ms_read_sets *sets = &state->sets;
    uint32_t generation = atomic_load_explicit(&ms_module_generation, memory_order_acquire);
    uintptr_t memory = sets->memory;
    unsigned way = 1;
    if (memory == 0 || !on_own_stack(state, caller)) {
        return NULL;
    }
    if (sets->generation != generation || state->sets_depth != depth) {
        state->sets_depth = depth;
        (void)ms_read_sets_renew(sets, generation, depth);
        way = 0;
    }
    uintptr_t pc = ms_arch_strip(caller->return_address);
    uint32_t *guesses = ms_read_set_guesses(memory, pc, caller->stack_pointer);
    for (; way < MS_READ_SET_GUESSES && guesses[way] != 0; way++) {
        struct ms_read_set *found = ms_read_set_try(
            memory, sets->salt, guesses[way], pc, caller->stack_pointer, caller->frame_pointer,
            state->stack_low, state->stack_high - state->stack_low);
        if (found != NULL) {
            ms_read_set_guess_first(guesses, guesses[way]);
            return found;
        }
    }
    return NULL;
}

void ms_stack_depth_changed(struct ms_stack_state *state)
{
    state->sets.generation = 0;
}

struct ms_read_set *ms_stack_check(struct ms_stack_state *state, const struct ms_caller *caller,
                                   uint32_t depth, struct ms_read_set *found)
{
    struct ms_region_header *region = ms_region;
    ms_stack_publish(state);
    state->checks_made += state->checks_made < MS_STACK_CHECK_INTERVAL;
    state->found_until_check = state->checks_made; /* 1, 2, 3... apart at first */
    state->found_from = state->found_until_check;
    uint32_t expected = found->stack;
    uint32_t stack = capture(state, caller, depth, false);
    if (region == NULL || !state->draft.complete) {
        return found;
    }
    atomic_fetch_add_explicit(&region->losses.rechecked, 1, memory_order_relaxed);
    if (stack == expected) {
        return found;
    }
    atomic_fetch_add_explicit(&region->losses.recheck_differed, 1, memory_order_relaxed);
    found->hash = 0;
    return NULL;
}

int ms_stack_init(uint64_t random)
{
    ms_modules_init();
    ms_read_set_init(random);
    return ms_rule_cache_init();
}

void ms_stack_modules_changed(void)
{
    atomic_fetch_add_explicit(&ms_module_generation, 1, memory_order_acq_rel);
}

void ms_stack_after_fork(void)
{
    ms_intern_after_fork();
    ms_rule_cache_after_fork();
    uint32_t generation = atomic_fetch_add_explicit(&ms_module_generation, 1, memory_order_acq_rel);
    atomic_store_explicit(&ms_region_generation, generation + 1, memory_order_release);
}
