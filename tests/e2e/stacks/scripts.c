/*
 * All chains of a run end at one stack pointer, in one of three functions, so (return address,
 * stack pointer) of the allocation says nothing about the frames outside: a first frame takes up
 * what the others leave. Chains are run again, and changed a little between runs: a frame becomes
 * another function of the same size, or bytes move from one frame to another, and what the stack
 * held before is still there. Fibers come in addition, their stacks beginning at different
 * addresses with nothing readable outside, and signal handlers, always at the same place of an
 * alternate stack.
 */
#include "scripts.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "frames.h"

#define STEPS_MAX       160u
#define OUTER_BYTES     (256u << 10)
#define INNER_BYTES     (48u << 10)
#define INNER_STEPS     40u
#define POOL            24u
#define PAGE            4096u
#define FIBER_PAGES     64u
#define ALTERNATE_BYTES (96u << 10)

struct kind {
    void (*function)(struct step *);
    const char *return_address;
    uintptr_t size;
};

#define KIND(name, size) {name, name##_return, size},
static const struct kind middle_kinds[] = {MIDDLE_FRAMES(KIND)};
static const struct kind last_kinds[] = {LAST_FRAMES(KIND)};
static const struct kind special_kinds[] = {SPECIAL_FRAMES(KIND)};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
enum { BALLAST, FIBER, FIBER_B, INTERRUPTED, INTERRUPTED_FRAMED };

struct script {
    unsigned count;    /* steps */
    unsigned crossing; /* the step between the halves; 0: none */
    const struct kind *kinds[STEPS_MAX];
    uintptr_t bytes[STEPS_MAX];
};

/* A thread's own. */
struct player {
    uint64_t random;
    enum middle middle;
    char *fiber_stack;
    uintptr_t fiber_top;
    uint64_t fiber_pages;        /* beyond the least */
    uintptr_t end_stack_pointer; /* of all its chains, 0: not seen yet */
    struct script pool[POOL];
};

struct step *interrupted_step;
static __thread struct kind guest_enter;
static __thread struct kind guest_leaf;
static __thread bool guest_described;
static __thread struct expectation expectation;

const struct expectation *expected_stack(void)
{
    return &expectation;
}

void scripts_invite(const struct guest *guest)
{
    guest_enter = (struct kind){guest->enter, guest->enter_return, guest->bytes};
    guest_leaf = (struct kind){guest->leaf, guest->leaf_return, guest->bytes};
    guest_described = guest->described;
}

static uint64_t random_below(struct player *player, uint64_t limit)
{
    player->random ^= player->random << 13;
    player->random ^= player->random >> 7;
    player->random ^= player->random << 17;
    return (player->random >> 11) % limit;
}

static void fail(const char *what)
{
    fprintf(stderr, "scripts: %s\n", what);
    abort();
}

static bool takes_bytes(const struct kind *kind)
{
    return kind->function == dynamic_a || kind->function == dynamic_b ||
           kind->function == interrupted_framed;
}

static void append(struct script *script, const struct kind *kind, uintptr_t bytes)
{
    script->kinds[script->count] = kind;
    script->bytes[script->count++] = bytes;
}

static void append_frames(struct player *player, struct script *script, uint64_t count)
{
    append(script, &special_kinds[BALLAST], 0);
    for (uint64_t i = 0; i < count; i++) {
        const struct kind *kind = &middle_kinds[random_below(player, COUNT(middle_kinds))];
        /* One of these and the walk takes another way; so they are rare. */
        bool special = kind->function == without_cfi || kind->function == by_rbx ||
                       kind->function == by_expression;
        if (special && random_below(player, 16) != 0) {
            kind = &middle_kinds[0];
        }
        if (guest_enter.function != NULL && random_below(player, 6) == 0) {
            kind = &guest_enter;
        }
        append(script, kind, takes_bytes(kind) ? 16 * random_below(player, 40) : 0);
    }
}

/* Mostly short; some longer than any depth. */
static void make(struct player *player, struct script *script)
{
    uint64_t longest = random_below(player, 10) == 0 ? 100 : 20;
    memset(script, 0, sizeof *script);
    append_frames(player, script, random_below(player, longest));
    if (player->middle != MIDDLE_NONE) {
        script->crossing = script->count;
        unsigned first = player->middle == MIDDLE_SIGNAL ? INTERRUPTED : FIBER;
        append(script, &special_kinds[first + random_below(player, 2)], 0);
        append_frames(player, script, random_below(player, INNER_STEPS));
    }
    const struct kind *last = &last_kinds[random_below(player, COUNT(last_kinds))];
    bool guest = guest_leaf.function != NULL && random_below(player, 2) == 0;
    append(script, guest ? &guest_leaf : last, 0);
}

static bool is_described(const struct kind *kind)
{
    bool guest = kind == &guest_enter || kind == &guest_leaf;
    return guest ? guest_described : kind->function != without_cfi;
}

/* Another function of the same size where there is one. */
static const struct kind *twin(struct player *player, const struct kind *kind, bool last)
{
    const struct kind *kinds = last ? last_kinds : middle_kinds;
    size_t count = last ? COUNT(last_kinds) : COUNT(middle_kinds);
    for (unsigned tries = 0; tries < 40; tries++) {
        const struct kind *other = &kinds[random_below(player, count)];
        if (other != kind && other->size == kind->size && other->function != without_cfi &&
            takes_bytes(other) == takes_bytes(kind)) {
            return other;
        }
    }
    return kind;
}

static void change(struct player *player, struct script *script)
{
    unsigned at = (unsigned)random_below(player, script->count);
    bool last = at == script->count - 1;
    if (at == script->crossing && at != 0) {
        if (player->middle != MIDDLE_SIGNAL) {
            bool second = script->kinds[at] == &special_kinds[FIBER_B];
            script->kinds[at] = &special_kinds[second ? FIBER : FIBER_B];
        }
        return;
    }
    if (takes_bytes(script->kinds[at]) && random_below(player, 3) != 0) {
        script->bytes[at] = 16 * random_below(player, 40); /* the ballast takes up the rest */
    } else if (script->kinds[at] != &special_kinds[BALLAST]) {
        script->kinds[at] = twin(player, script->kinds[at], last);
    }
}

/* Bytes of the ballast at `first`, so that the steps up to `end` fill `total` bytes. */
static void fill(struct script *script, unsigned first, unsigned end, uintptr_t total)
{
    uintptr_t used = 0;
    for (unsigned i = first; i < end; i++) {
        used += script->kinds[i]->size + (i == first ? 0 : script->bytes[i]);
    }
    if (used > total) {
        fail("frames too large");
    }
    script->bytes[first] = total - used;
}

static void expect(const struct script *script, uintptr_t *frames)
{
    unsigned count = 0;
    expectation.whole = false;
    for (unsigned i = script->count; i-- > 0;) {
        const struct kind *kind = script->kinds[i];
        if (kind->function == interrupted || kind->function == interrupted_framed) {
            expectation.count = count; /* the handler's frames are the compiler's */
            return;
        }
        if (kind->function != sibling) {
            frames[count++] = (uintptr_t)kind->return_address;
        }
        if (kind->function == fiber || kind->function == fiber_b || !is_described(kind)) {
            expectation.whole = true;
            expectation.count = count;
            return;
        }
    }
    frames[count++] = (uintptr_t)run_script_return;
    expectation.count = count;
}

static bool others_map;

void scripts_beside_others(bool others)
{
    others_map = others;
}

/* The fiber's stack begins at another page each time, allocates at the same address. */
static void place_fiber(struct player *player)
{
    char *base = player->fiber_stack;
    size_t all = FIBER_PAGES * PAGE;
    if (random_below(player, 4) == 0) {
        player->fiber_pages = random_below(player, 40);
    }
    size_t used = INNER_BYTES + (1 + player->fiber_pages) * PAGE;
    player->fiber_top = (uintptr_t)base + used - 8;
    if (player->middle == MIDDLE_INSIDE) {
        return;
    }
    if (player->middle == MIDDLE_FIBER && random_below(player, 64) == 0) {
        if (!others_map) {
            munmap(base, all);
        }
        if (mmap(base, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) != base) {
            fail("mmap");
        }
    }
    if (mprotect(base, used, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(base + used, all - used, PROT_NONE) != 0) {
        fail("mprotect");
    }
}

static void arrange(struct player *player, struct script *script)
{
    unsigned outer_end = script->crossing == 0 ? script->count : script->crossing;
    fill(script, 0, outer_end, OUTER_BYTES);
    if (player->middle != MIDDLE_NONE && player->middle != MIDDLE_SIGNAL) {
        place_fiber(player);
        script->bytes[script->crossing] = player->fiber_top;
        uintptr_t end = (uintptr_t)player->fiber_stack + PAGE * 2;
        fill(script, script->crossing + 1, script->count, player->fiber_top - 8 - end);
    } else if (player->middle == MIDDLE_SIGNAL) {
        fill(script, script->crossing + 1, script->count, INNER_BYTES);
    }
}

static void play(struct player *player, struct script *script)
{
    struct step steps[STEPS_MAX + 1] = {{NULL, 0}};
    uintptr_t frames[STEPS_MAX + 1];
    arrange(player, script);
    for (unsigned i = 0; i < script->count; i++) {
        steps[i + 1] = (struct step){script->kinds[i]->function, script->bytes[i]};
    }
    expectation.frames = frames;
    expect(script, frames);
    run_script(steps);
    expectation.count = 0;
    uintptr_t end = steps[script->count].bytes;
    if (player->end_stack_pointer == 0) {
        player->end_stack_pointer = end;
    }
    if (end != player->end_stack_pointer) {
        fail("the stack pointer at the allocation is not always the same");
    }
}

static void on_trap(int number)
{
    struct step *next = interrupted_step + 1;
    (void)number;
    next->function(next);
}

static void prepare_signals(stack_t *before)
{
    struct sigaction action = {.sa_handler = on_trap, .sa_flags = SA_ONSTACK | SA_NODEFER};
    stack_t stack = {.ss_size = ALTERNATE_BYTES};
    stack.ss_sp =
        mmap(NULL, ALTERNATE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, before) != 0 ||
        sigaction(SIGTRAP, &action, NULL) != 0) {
        fail("alternate stack");
    }
}

static __attribute__((noinline)) void play_all(struct player *player, unsigned rounds)
{
    for (unsigned i = 0; i < POOL; i++) {
        make(player, &player->pool[i]);
    }
    unsigned at = 0;
    unsigned before_it = 0;
    for (unsigned round = 0; round < rounds; round++) {
        unsigned next = at;
        switch (random_below(player, 8)) {
        case 0:
        case 1:
            next = (unsigned)random_below(player, POOL);
            break;
        case 2:
            next = (unsigned)random_below(player, POOL);
            make(player, &player->pool[next]);
            break;
        case 3:
        case 4:
            /* A neighbour that differs in one frame; both are run again. */
            next = (unsigned)random_below(player, POOL);
            player->pool[next] = player->pool[at];
            change(player, &player->pool[next]);
            break;
        case 5:
        case 6:
            next = before_it;
            break;
        default:
            break;
        }
        before_it = at;
        at = next;
        play(player, &player->pool[at]);
    }
}

static __attribute__((noinline)) void play_inside(struct player *player, unsigned rounds)
{
    char area[(FIBER_PAGES + 1) * PAGE];
    player->fiber_stack = (char *)(((uintptr_t)area + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    play_all(player, rounds);
    mprotect(player->fiber_stack, FIBER_PAGES * PAGE, PROT_READ | PROT_WRITE);
}

static void play_on_pages(struct player *player, unsigned rounds)
{
    size_t bytes = FIBER_PAGES * PAGE;
    player->fiber_stack =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    play_all(player, rounds);
    munmap(player->fiber_stack, bytes);
}

static void play_with_signals(struct player *player, unsigned rounds)
{
    stack_t before;
    stack_t ours;
    prepare_signals(&before);
    play_all(player, rounds);
    sigaltstack(&before, &ours);
    munmap(ours.ss_sp, ours.ss_size);
}

void scripts_run(uint64_t seed, unsigned rounds, enum middle middle)
{
    struct player *player = calloc(1, sizeof *player);
    player->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    player->middle = middle;
    if (middle == MIDDLE_SIGNAL) {
        play_with_signals(player, rounds);
    } else if (middle == MIDDLE_FIBER) {
        play_on_pages(player, rounds);
    } else if (middle == MIDDLE_NONE) {
        play_all(player, rounds);
    } else {
        play_inside(player, rounds);
    }
    free(player);
}
