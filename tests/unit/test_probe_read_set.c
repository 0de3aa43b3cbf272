/*
 * Read sets on a stack made up of plain words: what was stored is found where the same words lie
 * again, and nowhere else.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

#include "probe/read_set.h"
#include "probe_region.h"

#define CALLER           UINT64_C(0x401234)
#define STACK_ADDRESS    UINT64_C(0x60000000) /* the sanitizers leave it alone */
#define STACK_WORDS      (UINT32_C(1) << 17)
#define PAGE_WORDS       (MS_PAGE_BYTES / sizeof(uintptr_t))
#define GENERATION       7u
#define DEPTH            64u
#define FILLINGS         2u
#define ALL_CACHES_BYTES (UINT64_C(64) << 20)

/*
 * Between two pages that cannot be read, and at the same place in every run: which sets share a
 * pair depends on it.
 */
static uintptr_t *stack;

static struct ms_read_sets cache;

static int start(void **state)
{
    (void)state;
    static const struct ms_tracking tracking = {.mode = MS_MODE_COUNT_ONLY, .stack_depth = DEPTH};
    size_t bytes = STACK_WORDS * sizeof *stack;
    char *memory = mmap((void *)STACK_ADDRESS, bytes + 2 * (size_t)MS_PAGE_BYTES, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED ||
        mprotect(memory + MS_PAGE_BYTES, bytes, PROT_READ | PROT_WRITE) != 0) {
        return -1;
    }
    stack = (uintptr_t *)(void *)(memory + MS_PAGE_BYTES);
    return probe_region_start(&tracking) == NULL ? -1 : 0;
}

/* Every test has an empty cache and a stack of words that are all different. */
static int begin(void **state)
{
    (void)state;
    ms_read_set_init(12345);
    for (uint32_t i = 0; i < STACK_WORDS; i++) {
        stack[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
    }
    atomic_store(&ms_wiped->read_sets_bytes, 0);
    memset(&cache, 0, sizeof cache);
    ms_read_sets_grow(&cache);
    return ms_read_sets_renew(&cache, GENERATION, DEPTH) ? 0 : -1;
}

/*
 * What a walk says that went through three frames: return addresses 3, 9 and 20 words above the
 * stack pointer, a frame pointer that was used 8 words above it.
 */
static struct ms_read_set_draft three_frames(void)
{
    return (struct ms_read_set_draft){.returns = 3,
                                      .return_offset = {3, 9, 20},
                                      .frames = 1,
                                      .frame_offset = {8},
                                      .complete = true,
                                      .generation = GENERATION};
}

static uintptr_t at(uint32_t word)
{
    return (uintptr_t)&stack[word];
}

static void store(const struct ms_read_set_draft *draft, uintptr_t stack_pointer,
                  uintptr_t frame_pointer, uint32_t id)
{
    const struct ms_read_set found = {
        .holder = ms_read_set_holder(1, 0), .stack = id, .context = id + 1000};
    ms_read_set_store(&cache, draft, CALLER, stack_pointer, frame_pointer, &found);
}

/* By one layout; 0 is none. */
static struct ms_read_set *find_by(uint32_t place, uintptr_t return_address,
                                   uintptr_t stack_pointer, uintptr_t frame_pointer)
{
    return ms_read_set_try(cache.memory, cache.salt, place, return_address, stack_pointer,
                           frame_pointer, (uintptr_t)stack, STACK_WORDS * sizeof *stack);
}

static const uint32_t *guesses_at(uintptr_t stack_pointer)
{
    return ms_read_set_guesses(cache.memory, CALLER, stack_pointer);
}

/* As the probe looks: one guess after the other. */
static struct ms_read_set *find(uintptr_t stack_pointer, uintptr_t frame_pointer)
{
    const uint32_t *guesses = guesses_at(stack_pointer);
    struct ms_read_set *found = NULL;
    for (unsigned way = 0; found == NULL && way < MS_READ_SET_GUESSES; way++) {
        found = find_by(guesses[way], CALLER, stack_pointer, frame_pointer);
    }
    return found;
}

static void stored_is_found_again(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    assert_null(find(at(100), 0));
    store(&draft, at(100), 0, 5);
    struct ms_read_set *found = find(at(100), 0);
    assert_non_null(found);
    assert_int_equal(found->stack, 5);
    assert_int_equal(found->context, 1005);
    assert_true(found->holder == ms_read_set_holder(1, 0));
    assert_null(find_by(*guesses_at(at(100)), CALLER + 1, at(100), 0));
}

/* Stored again, it says what was said last. */
static void newest_holds(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    store(&draft, at(100), 0, 5);
    uint32_t layouts_used = cache.layouts_used;
    store(&draft, at(100), 0, 6);
    assert_int_equal(find(at(100), 0)->stack, 6);
    assert_int_equal(cache.layouts_used, layouts_used);
}

/* A recursion at another depth: the same code, frame pointers as far away as before. */
static void found_elsewhere_on_the_stack(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    draft.caller_frame_pointer = true;
    stack[100 + 8] = at(100 + 30);
    store(&draft, at(100), at(100 + 10), 5);
    uint32_t place = *guesses_at(at(100));
    memcpy(&stack[500], &stack[100], 40 * sizeof *stack);
    /* The words are the same, but a frame pointer that did not move means another frame. */
    assert_null(find_by(place, CALLER, at(500), at(500 + 10)));
    stack[500 + 8] = at(500 + 30);
    assert_null(find_by(place, CALLER, at(500), at(100 + 10)));
    struct ms_read_set *found = find_by(place, CALLER, at(500), at(500 + 10));
    assert_non_null(found);
    assert_int_equal(found->stack, 5);
}

static bool was_read(const struct ms_read_set_draft *draft, uint32_t offset)
{
    bool read = false;
    for (uint32_t i = 0; i < draft->returns; i++) {
        read = read || draft->return_offset[i] == offset;
    }
    for (uint32_t i = 0; i < draft->frames; i++) {
        read = read || draft->frame_offset[i] == offset;
    }
    return read;
}

/*
 * Every bit of every word that was read decides, and no bit of any other. Of an odd number of words
 * one is read twice: of that one bit 63 is lost, which no address of a program has, and no more
 * whatever the factors are.
 */
static void every_word_decides(void **state)
{
    (void)state;
    for (uint64_t random = 1; random <= 16; random++) {
        struct ms_read_set_draft draft = three_frames();
        draft.returns = random % 2 == 0 ? 3 : 2;
        (void)begin(state); /* layouts hold for the factors that they were made with */
        ms_read_set_init(random);
        store(&draft, at(100), 0, 5);
        for (uint32_t offset = 0; offset < 24; offset++) {
            unsigned bits = draft.returns == 2 && offset == draft.return_offset[0] ? 63 : 64;
            for (unsigned bit = 0; bit < bits; bit++) {
                stack[100 + offset] ^= UINT64_C(1) << bit;
                assert_int_equal(find(at(100), 0) == NULL, was_read(&draft, offset));
                stack[100 + offset] ^= UINT64_C(1) << bit;
            }
        }
        assert_non_null(find(at(100), 0));
    }
}

/* Two words that changed places are two words that differ. */
static void order_decides(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    store(&draft, at(100), 0, 5);
    uintptr_t word = stack[100 + 3];
    stack[100 + 3] = stack[100 + 20];
    stack[100 + 20] = word;
    assert_null(find(at(100), 0));
}

static void frame_pointer_decides_when_it_was_used(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    store(&draft, at(100), at(110), 5);
    assert_non_null(find(at(100), at(111)));
    draft.caller_frame_pointer = true;
    store(&draft, at(200), at(210), 6);
    assert_non_null(find(at(200), at(210)));
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_null(find(at(200), at(210) ^ UINT64_C(1) << bit));
    }
}

static void other_generation_or_depth_finds_nothing(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    store(&draft, at(100), 0, 5);
    assert_true(ms_read_sets_renew(&cache, GENERATION + 1, DEPTH));
    assert_int_equal(cache.generation, GENERATION + 1);
    assert_null(find(at(100), 0));
    assert_true(ms_read_sets_renew(&cache, GENERATION, DEPTH / 2));
    assert_null(find(at(100), 0));
    /* Not one for the other either. */
    assert_true(ms_read_sets_renew(&cache, DEPTH, GENERATION));
    assert_null(find(at(100), 0));
    assert_true(ms_read_sets_renew(&cache, GENERATION, DEPTH));
    assert_non_null(find(at(100), 0));
}

/*
 * A stack on which every position looks like the stored one, and behind whose ends a read would
 * fault. The outermost word is not the last of the layout.
 */
static void nothing_is_read_outside_the_stack(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < STACK_WORDS; i++) {
        stack[i] = 0x401000;
    }
    struct ms_read_set_draft draft = {.returns = 4, .return_offset = {0, 7, 40, 21}};
    store(&draft, at(100), 0, 5);
    uint32_t place = *guesses_at(at(100));
    uintptr_t end = at(0) + (STACK_WORDS + PAGE_WORDS) * sizeof *stack;
    uintptr_t last = at(STACK_WORDS - 41);
    uint32_t found = 0;
    for (uintptr_t position = at(0) - MS_PAGE_BYTES; position <= end; position += sizeof *stack) {
        bool there = find_by(place, CALLER, position, 0) != NULL;
        found += there;
        assert_int_equal(there, position >= at(0) && position <= last);
    }
    assert_int_equal(found, STACK_WORDS - 40);
    assert_null(find_by(place, CALLER, 0, 0));
    assert_null(find_by(place, CALLER, UINTPTR_MAX - 7, 0));
    /* A thread whose bounds are not known has none. */
    assert_null(ms_read_set_try(cache.memory, cache.salt, place, CALLER, at(100), 0, 0, 0));
}

static void fill(uint32_t count)
{
    struct ms_read_set_draft draft = three_frames();
    for (uint32_t i = 0; i < count; i++) {
        store(&draft, at(200 + i), 0, i);
    }
}

static uint32_t found_of(uint32_t count)
{
    uint32_t found_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ms_read_set *found = find(at(200 + i), 0);
        found_count += found != NULL && found->stack == i;
    }
    return found_count;
}

/* A cache that was filled several times over takes more memory, four times; then it is enough. */
static void grows_when_it_was_filled_several_times(void **state)
{
    (void)state;
    static const unsigned bits[] = {7, 10, 13, 15};
    for (unsigned step = 0; step < 4; step++) {
        assert_int_equal(ms_read_set_bits(cache.memory), bits[step]);
        fill((FILLINGS << bits[step]) - cache.stored);
        uintptr_t memory = cache.memory;
        ms_read_sets_grow(&cache);
        assert_int_equal(cache.memory, memory);
        assert_int_equal(cache.generation, GENERATION);
        fill(1);
        ms_read_sets_grow(&cache);
        /* New memory is of no generation until it is renewed. */
        assert_int_equal(cache.memory != memory, step < 3);
        assert_int_equal(cache.generation, step < 3 ? 0 : GENERATION);
        assert_true(ms_read_sets_renew(&cache, GENERATION, DEPTH));
        fill(100);
        assert_int_equal(find(at(299), 0)->stack, 99);
    }
    fill(1000);
    assert_in_range(found_of(1000), 990, 1000); /* unless three met in a pair */
}

static void all_caches_together_have_a_limit(void **state)
{
    (void)state;
    uint64_t bytes = atomic_load(&ms_wiped->read_sets_bytes);
    assert_in_range(bytes, 128 * sizeof(struct ms_read_set), 16384);
    struct ms_read_sets other = {0};
    atomic_store(&ms_wiped->read_sets_bytes, ALL_CACHES_BYTES - bytes + 1);
    ms_read_sets_grow(&other);
    assert_int_equal(other.memory, 0);
    assert_false(ms_read_sets_renew(&other, GENERATION, DEPTH));
    const struct ms_read_set_draft draft = three_frames();
    const struct ms_read_set found = {.stack = 1};
    ms_read_set_store(&other, &draft, CALLER, at(100), 0, &found);
    atomic_store(&ms_wiped->read_sets_bytes, ALL_CACHES_BYTES - bytes);
    ms_read_sets_grow(&other);
    assert_int_not_equal(other.memory, 0);
    assert_int_equal(atomic_load(&ms_wiped->read_sets_bytes), ALL_CACHES_BYTES);
}

static struct ms_read_set_draft deep(uint32_t first)
{
    struct ms_read_set_draft draft = {.returns = MS_STACK_DEPTH_MAX};
    for (uint32_t i = 0; i < MS_STACK_DEPTH_MAX; i++) {
        draft.return_offset[i] = first + 3 * i;
    }
    return draft;
}

/* Without room for one more layout all of them go; what they had found is found again. */
static void full_layouts_start_anew(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    for (uint32_t i = 0; i < 10; i++) {
        store(&draft, at(100 + i), 0, 50 + i);
    }
    uint32_t used = cache.layouts_used;
    uint32_t stored = 0;
    do {
        used = cache.layouts_used;
        struct ms_read_set_draft other = deep(stored);
        store(&other, at(1000), 0, 100 + stored);
        assert_int_equal(find(at(1000), 0)->stack, 100 + stored);
        stored++;
    } while (cache.layouts_used > used);
    assert_in_range(stored, 10, 64);
    assert_null(find(at(100), 0));
    /* Nothing leads to the old places, which new layouts are going to fill. */
    uint32_t guesses = 0;
    for (uint32_t i = 0; i < MS_READ_SET_GUESSES << ms_read_set_bits(cache.memory); i++) {
        guesses += ms_read_set_guesses(cache.memory, 0, 0)[i] != 0;
    }
    assert_int_equal(guesses, 1);
    struct ms_read_set_draft one_of_them = deep(stored - 3);
    store(&one_of_them, at(2000), 0, 7);
    assert_true(*guesses_at(at(2000)) < cache.layouts_used);
    /* The same layout, somewhere else: with it the sets are found that no other displaced. */
    store(&draft, at(300), 0, 6);
    uint32_t found = 0;
    for (uint32_t i = 0; i < 10; i++) {
        const struct ms_read_set *set = find_by(*guesses_at(at(300)), CALLER, at(100 + i), 0);
        assert_true(set == NULL || set->stack == 50 + i);
        found += set != NULL;
    }
    assert_in_range(found, 7, 10);
}

/* Distinct stacks whose sets share a pair: one word of the stack is tried until it is so. */
static void store_in_pair(const struct ms_read_set *pair, uint32_t id, uintptr_t *word)
{
    struct ms_read_set_draft draft = three_frames();
    uint64_t hash;
    do {
        stack[100 + 9] = ++*word;
        const struct ms_read_set_layout *layout =
            (const void *)(ms_read_set_layouts(cache.memory) + *guesses_at(at(100)));
        hash = ms_read_set_hash(layout, cache.salt, at(100), 0);
    } while (ms_read_set_pair(cache.memory, hash) != pair);
    store(&draft, at(100), 0, id);
}

static uint32_t stack_with(uintptr_t word)
{
    stack[100 + 9] = word;
    const struct ms_read_set *found = find(at(100), 0);
    return found == NULL ? 0 : found->stack;
}

static void two_sets_share_a_pair_and_the_older_goes(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    stack[100 + 9] = 1;
    store(&draft, at(100), 0, 11);
    const struct ms_read_set *pair = ms_read_set_pair(cache.memory, find(at(100), 0)->hash);
    uintptr_t second = 1;
    store_in_pair(pair, 12, &second);
    assert_int_equal(stack_with(1), 11);
    assert_int_equal(stack_with(second), 12);
    store(&draft, at(100), 0, 13); /* the same once more displaces nothing */
    assert_int_equal(stack_with(1), 11);
    assert_int_equal(stack_with(second), 13);
    uintptr_t third = second;
    store_in_pair(pair, 14, &third);
    assert_int_equal(stack_with(1), 0);
    assert_int_equal(stack_with(second), 13);
    assert_int_equal(stack_with(third), 14);
}

/* Layouts from one place in the code, as the branches of a function lead to. */
static void several_guesses_for_a_caller(void **state)
{
    (void)state;
    uintptr_t word[MS_READ_SET_GUESSES + 1];
    uint32_t place[MS_READ_SET_GUESSES + 1];
    for (uint32_t i = 0; i <= MS_READ_SET_GUESSES; i++) {
        struct ms_read_set_draft draft = {.returns = 1, .return_offset = {10 + i}};
        word[i] = stack[100 + 10 + i];
        store(&draft, at(100), 0, i);
        place[i] = guesses_at(at(100))[0];
        stack[100 + 10 + i] = 1; /* the stack looks otherwise the next time */
    }
    for (uint32_t i = 0; i <= MS_READ_SET_GUESSES; i++) {
        stack[100 + 10 + i] = word[i];
        const struct ms_read_set *found = find(at(100), 0);
        /* The first one is forgotten as a guess. */
        assert_int_equal(found == NULL, i == 0);
        assert_int_equal(find_by(place[i], CALLER, at(100), 0)->stack, i);
        stack[100 + 10 + i] = 1;
    }
    assert_null(find(at(100), 0));
}

static void newest_guess_comes_first(void **state)
{
    (void)state;
    uint32_t guesses[MS_READ_SET_GUESSES] = {0};
    static const uint32_t used[] = {5, 6, 7, 6, 7, 8, 5};
    static const uint32_t after[] = {5, 8, 7, 6, 0, 0};
    for (unsigned i = 0; i < sizeof used / sizeof *used; i++) {
        ms_read_set_guess_first(guesses, used[i]);
        assert_int_equal(guesses[0], used[i]);
    }
    assert_memory_equal(guesses, after, sizeof after);
}

static void offsets_end_at_16_bits(void **state)
{
    (void)state;
    struct ms_read_set_draft draft = three_frames();
    draft.return_offset[2] = UINT16_MAX;
    store(&draft, at(100), 0, 5);
    assert_int_equal(find(at(100), 0)->stack, 5);
    assert_int_equal(cache.stored, 1);
    static const uint32_t too_far[] = {UINT16_MAX + 1, UINT16_MAX + 4, UINT32_MAX - 2};
    for (unsigned i = 0; i < 3; i++) {
        draft = three_frames();
        draft.return_offset[1] = too_far[i];
        store(&draft, at(200), 0, 6);
        draft = three_frames();
        draft.frame_offset[0] = too_far[i];
        store(&draft, at(200), 0, 6);
    }
    draft = three_frames();
    draft.returns = 0;
    store(&draft, at(200), 0, 6);
    assert_int_equal(cache.stored, 1);
    assert_null(find(at(200), 0));
}

static struct {
    volatile sig_atomic_t stepping;
    uint32_t steps;
    uint32_t half_seen;
    uint32_t new_found;
    const struct ms_read_set *pair;
    struct ms_read_set whole[4]; /* what may lie there */
} interrupted;

static bool is_whole(const struct ms_read_set *set)
{
    bool whole = set->hash == 0;
    for (unsigned i = 0; i < 4; i++) {
        const struct ms_read_set *may = &interrupted.whole[i];
        whole = whole || (set->hash == may->hash && set->holder == may->holder &&
                          set->stack == may->stack && set->context == may->context);
    }
    return whole;
}

/* After every single instruction: looks, as whoever jumped out of it would. */
static void look_at_every_step(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
#if defined(__x86_64__)
    greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
    *flags = interrupted.stepping ? *flags | 0x100 : *flags & ~(greg_t)0x100;
#else
    (void)context;
#endif
    const struct ms_read_set *found = find(at(100), 0);
    interrupted.steps++;
    interrupted.half_seen += !is_whole(&interrupted.pair[0]) || !is_whole(&interrupted.pair[1]) ||
                             (found != NULL && !is_whole(found));
    interrupted.new_found += found != NULL && found->stack == 14;
}

/* A store that a handler leaves by siglongjmp is not done, or done; nothing is half of each. */
static void interrupted_store_leaves_nothing_half(void **state)
{
    (void)state;
#if !defined(__x86_64__) || defined(__SANITIZE_THREAD__)
    print_message("needs single steps, without the thread sanitizer\n");
    return;
#endif
    struct ms_read_set_draft draft = three_frames();
    stack[100 + 9] = 1;
    store(&draft, at(100), 0, 11);
    interrupted.pair = ms_read_set_pair(cache.memory, find(at(100), 0)->hash);
    interrupted.whole[0] = *find(at(100), 0);
    uintptr_t word = 1;
    store_in_pair(interrupted.pair, 12, &word);
    interrupted.whole[1] = *find(at(100), 0);
    /* The third once, to know its hash; then as if it had not been. */
    store_in_pair(interrupted.pair, 13, &word);
    interrupted.whole[2] = *find(at(100), 0);
    interrupted.whole[3] = interrupted.whole[2];
    interrupted.whole[3].stack = 14;
    interrupted.whole[3].context = 1014;
    struct ms_read_set *pair = (struct ms_read_set *)interrupted.pair;
    for (unsigned round = 0; round < 2; round++) {
        /* Round 0: in the place of another. Round 1: over what is there of the same words. */
        pair[0] = interrupted.whole[round == 0 ? 1 : 2];
        pair[1] = interrupted.whole[0];
        interrupted.steps = interrupted.half_seen = interrupted.new_found = 0;
        const struct sigaction action = {.sa_sigaction = look_at_every_step,
                                         .sa_flags = SA_SIGINFO};
        struct sigaction before;
        assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
        interrupted.stepping = 1;
        (void)raise(SIGTRAP);
        store(&draft, at(100), 0, 14);
        interrupted.stepping = 0;
        assert_int_equal(sigaction(SIGTRAP, &before, NULL), 0);
        assert_true(interrupted.steps > 100);
        assert_true(interrupted.new_found > 0);
        assert_int_equal(interrupted.half_seen, 0);
        assert_int_equal(find(at(100), 0)->stack, 14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(stored_is_found_again, begin),
        cmocka_unit_test_setup(newest_holds, begin),
        cmocka_unit_test_setup(found_elsewhere_on_the_stack, begin),
        cmocka_unit_test_setup(every_word_decides, begin),
        cmocka_unit_test_setup(order_decides, begin),
        cmocka_unit_test_setup(frame_pointer_decides_when_it_was_used, begin),
        cmocka_unit_test_setup(other_generation_or_depth_finds_nothing, begin),
        cmocka_unit_test_setup(nothing_is_read_outside_the_stack, begin),
        cmocka_unit_test_setup(grows_when_it_was_filled_several_times, begin),
        cmocka_unit_test_setup(all_caches_together_have_a_limit, begin),
        cmocka_unit_test_setup(full_layouts_start_anew, begin),
        cmocka_unit_test_setup(two_sets_share_a_pair_and_the_older_goes, begin),
        cmocka_unit_test_setup(several_guesses_for_a_caller, begin),
        cmocka_unit_test_setup(newest_guess_comes_first, begin),
        cmocka_unit_test_setup(offsets_end_at_16_bits, begin),
        cmocka_unit_test_setup(interrupted_store_leaves_nothing_half, begin),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
