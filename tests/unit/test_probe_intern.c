/* Same content, same id: from one thread, from many at once, over all levels, and when it is full.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/intern.h"
#include "probe_region.h"

#define STACK_WORDS 2000000u
#define PCS         60000u
#define THREADS     3
#define STACKS      40000u

static uint32_t *ids[THREADS];

static uint32_t store(uint32_t *words)
{
    uint64_t hash = 0;
    for (uint32_t i = 1; i <= MS_STACK_DEPTH(words[0]); i++) {
        hash = ms_stack_hash(hash, words[i]);
    }
    return ms_intern_stack(words, hash);
}

static void make_stack(uint32_t *words, uint32_t number)
{
    uint32_t depth = 1 + number % 31;
    words[0] = depth | (number % 5 == 0 ? MS_STACK_CUT_DEPTH : 0);
    for (uint32_t i = 1; i <= depth; i++) {
        words[i] = i == 1 ? number : i % 3;
    }
}

static void *intern_all(void *argument)
{
    uint32_t *to = argument;
    uint32_t words[MS_STACK_DEPTH_MAX + 2];
    for (uint32_t n = 0; n < STACKS; n++) {
        make_stack(words, n);
        to[n] = store(words);
    }
    for (uint32_t n = 0; n < PCS / 2; n++) {
        to[STACKS + n] = ms_intern_pc(0x1000 + n / 2, n % 2);
    }
    return NULL;
}

static void test_threads_get_equal_ids(void **unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ids[i] = calloc(STACKS + PCS, sizeof **ids);
        assert_int_equal(pthread_create(&threads[i], NULL, intern_all, ids[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (uint32_t n = 0; n < STACKS; n++) {
        uint32_t words[MS_STACK_DEPTH_MAX + 2];
        make_stack(words, n);
        assert_int_not_equal(ids[0][n], 0);
        assert_int_equal(ids[0][n], ids[1][n]);
        assert_int_equal(ids[0][n], ids[2][n]);
        assert_memory_equal(ms_area_at(MS_AREA_STACKS, ids[0][n]), words,
                            (1 + MS_STACK_DEPTH(words[0])) * sizeof *words);
    }
    for (uint32_t n = 0; n < PCS / 2; n++) {
        uint32_t id = ids[0][STACKS + n];
        assert_int_not_equal(id, 0);
        assert_int_equal(id, ids[1][STACKS + n]);
        assert_int_equal(id, ids[2][STACKS + n]);
        const struct ms_region_pc *pc = ms_area_at(MS_AREA_PCS, id);
        assert_int_equal(pc->address, 0x1000 + n / 2);
        assert_int_equal(pc->module, n % 2);
    }
}

static int by_value(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void test_different_content_different_id(void **unused)
{
    (void)unused;
    qsort(ids[0], STACKS, sizeof **ids, by_value);
    for (uint32_t n = 1; n < STACKS; n++) {
        assert_int_not_equal(ids[0][n - 1], ids[0][n]);
    }
}

static void test_fork_starts_anew(void **unused)
{
    (void)unused;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        uint32_t words[MS_STACK_DEPTH_MAX + 2];
        ms_map_after_fork();
        ms_intern_after_fork();
        make_stack(words, 77);
        uint32_t stack = store(words);
        _exit(ms_region != NULL && stack == 1 && ms_intern_pc(0x1000, 0) == 1 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Fills the area: then stacks lose outer frames, and say so; what is there is still found. */
static void test_full_area_coarsens(void **unused)
{
    (void)unused;
    uint32_t words[MS_STACK_DEPTH_MAX + 2];
    uint32_t whole = 0;
    uint32_t coarsened = 0;
    /* The innermost frame alone is there, whatever room the whole stacks happen to leave. */
    words[0] = 1 | MS_STACK_COARSENED;
    words[1] = 1000001;
    assert_int_not_equal(store(words), 0);
    for (uint32_t n = 0; n < 40000; n++) {
        words[0] = 100 | MS_STACK_CUT_DEPTH;
        for (uint32_t i = 1; i <= 100; i++) {
            words[i] = i <= 50 ? 1000000 + i : n;
        }
        uint32_t id = store(words);
        assert_int_not_equal(id, 0);
        const uint32_t *stored = ms_area_at(MS_AREA_STACKS, id);
        assert_int_equal(stored[0], words[0]);
        if (stored[0] == (100 | MS_STACK_CUT_DEPTH)) {
            whole++;
        } else {
            assert_int_equal(stored[0] & ~0xffu, MS_STACK_COARSENED);
            assert_true(MS_STACK_DEPTH(stored[0]) <= 50);
            assert_memory_equal(stored + 1, words + 1, MS_STACK_DEPTH(stored[0]) * sizeof *stored);
            coarsened++;
        }
    }
    assert_true(whole > 1000);
    assert_true(coarsened > 1000);
    make_stack(words, 123);
    assert_int_equal(store(words), ids[1][123]);
    /* Nothing like it was seen and there is no room even for one frame: refused. */
    uint32_t refused = 0;
    for (uint32_t n = 0; n < 200; n++) {
        words[0] = 1;
        words[1] = 5000000 + n;
        refused += store(words) == 0;
    }
    assert_true(refused > 50);
}

static void test_full_pcs(void **unused)
{
    (void)unused;
    uint32_t stored = 0;
    for (uint32_t n = 0; n < 2 * PCS; n++) {
        stored += ms_intern_pc(0x900000 + n, 7) != 0;
    }
    assert_true(stored > PCS / 3);
    assert_true(stored < PCS);
    assert_int_equal(ms_intern_pc(0x1000, 0), ids[1][STACKS]);
}

static int set_up(void **unused)
{
    (void)unused;
    return probe_region_map(STACK_WORDS, PCS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_get_equal_ids),
        cmocka_unit_test(test_different_content_different_id),
        cmocka_unit_test(test_fork_starts_anew),
        cmocka_unit_test(test_full_area_coarsens),
        cmocka_unit_test(test_full_pcs),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
