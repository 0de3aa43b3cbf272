/* Misuses of a region into the model: summed, named, and only once, whatever changes meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collect/misuse.h"
#include "collect_watched.h"

static struct watched process;
static struct ms_watched_misuse *reader;
static struct ms_region_misuse *elements;

static int begin(void **state)
{
    (void)state;
    if (!watched_begin(&process)) {
        return -1;
    }
    image_publish(process.file, MS_AREA_MISUSES, 100);
    elements = image_area(process.file, MS_AREA_MISUSES);
    reader = ms_watched_misuse_new(WATCHED_PROCESS);
    return reader == NULL || watched_threads(&process, 5000) != 0;
}

static int end(void **state)
{
    (void)state;
    ms_watched_misuse_free(reader);
    watched_end(&process);
    return 0;
}

/* Stack 1 has three frames, stack 5 is the outer two of them, cut. */
static void put(uint32_t index, uint32_t kind, enum ms_block_kind block, enum ms_releaser releaser,
                uint32_t allocated, uint32_t released)
{
    elements[index] = (struct ms_region_misuse){
        .identity = allocated | (uint64_t)released << 25 | (uint64_t)kind << 50 |
                    (uint64_t)block << 53 | (uint64_t)releaser << 55,
        .bytes = 100,
        .samples = 5,
        .count = 5,
        .first_ns = 1000 + index,
        .last_ns = 2000 + index,
        .first_thread = UINT64_C(2) << 32 | 2,
    };
}

static void take(uint32_t misuses, bool last)
{
    const struct ms_watched_misuse_room room = {.model = process.model,
                                                .view = &process.view,
                                                .threads = process.threads,
                                                .sites = process.sites};
    assert_int_equal(ms_watched_misuse_read(reader, &room, misuses, last), 0);
}

static void everything_that_is_known(void **state)
{
    (void)state;
    put(7, MS_MISUSED_OTHER_FAMILY, MS_BLOCK_NEW_ARRAY, MS_RELEASER_FREE, 1, 5);
    take(1, false);
    assert_int_equal(ms_model_misuse_count(process.model), 1);
    const struct ms_misuse *misuse = ms_model_misuse(process.model, 0);
    assert_int_equal(misuse->process_id, 128);
    assert_int_equal(misuse->kind, MS_MISUSE_MISMATCH);
    assert_string_equal(misuse->how, "new[] released by free");
    assert_int_equal(misuse->count, 5);
    assert_int_equal(misuse->bytes, 100);
    assert_int_equal(misuse->provenance, MS_MEASURED);
    assert_int_equal(misuse->first_seen_ns, 1007);
    assert_int_equal(misuse->last_seen_ns, 2007);
    assert_int_equal(misuse->thread_id, ms_watched_threads_of_record(process.threads, 2));
    assert_int_not_equal(misuse->thread_id, 0);
    const struct ms_site *allocated = ms_model_site_by_id(process.model, misuse->allocated_site);
    const struct ms_site *released = ms_model_site_by_id(process.model, misuse->released_site);
    assert_int_equal(allocated->depth, 3);
    assert_int_equal(allocated->flags, 0);
    assert_int_equal(released->depth, 2);
    assert_int_equal(released->flags, MS_SITE_RELEASE | MS_SITE_CUT_DEPTH);
}

/* What was taken over is not taken over again; what was not looked at is not read. */
static void only_what_is_new(void **state)
{
    (void)state;
    put(7, MS_MISUSED_OTHER_LIBRARY, MS_BLOCK_MALLOC, MS_RELEASER_ANY, 1, 5);
    take(1, false);
    const struct ms_misuse *misuse = ms_model_misuse(process.model, 0);
    elements[7].count = 205;
    elements[7].samples = 7;
    take(1, false);
    assert_int_equal(misuse->count, 5);
    take(2, false);
    assert_int_equal(misuse->count, 205);
    assert_int_equal(misuse->samples, 7);
    assert_int_equal(misuse->provenance, MS_SAMPLED);
    take(2, true);
    assert_int_equal(misuse->count, 205);
    assert_int_equal(ms_model_misuse_count(process.model), 1);
}

/* Without a stack: the places are not known. What has the same places is one in the model. */
static void same_places_are_summed(void **state)
{
    (void)state;
    put(1, MS_MISUSED_FREED_AGAIN, MS_BLOCK_MALLOC, MS_RELEASER_FREE, 0, 0);
    put(2, MS_MISUSED_FREED_AGAIN, MS_BLOCK_NEW, MS_RELEASER_DELETE, 0, 0);
    put(3, MS_MISUSED_OVERRUN, MS_BLOCK_MALLOC, MS_RELEASER_FREE, 0, 0);
    take(1, false);
    assert_int_equal(ms_model_misuse_count(process.model), 2);
    const struct ms_misuse *twice = ms_model_misuse(process.model, 0);
    assert_int_equal(twice->kind, MS_MISUSE_DOUBLE_FREE);
    assert_int_equal(twice->count, 10);
    assert_int_equal(twice->allocated_site, 0);
    assert_int_equal(twice->released_site, 0);
    assert_string_equal(twice->how, "");
    assert_int_equal(twice->first_seen_ns, 1001);
    assert_int_equal(ms_model_site_count(process.model), 0);
}

/* Stacks that are not there yet are waited for, in the end they are not known. */
static void unreadable_stack_is_waited_for(void **state)
{
    (void)state;
    put(1, MS_MISUSED_OVERRUN, MS_BLOCK_MALLOC, MS_RELEASER_FREE, 1, 7000);
    take(1, false);
    assert_int_equal(ms_model_misuse_count(process.model), 0);
    take(1, false);
    assert_int_equal(ms_model_misuse_count(process.model), 0);
    take(1, true);
    assert_int_equal(ms_model_misuse_count(process.model), 1);
    assert_int_equal(ms_model_misuse(process.model, 0)->released_site, 0);
}

/* A region that was tampered with: no kind, no releaser, a thread that is another by now. */
static void nonsense_is_left_out(void **state)
{
    (void)state;
    put(1, 0, MS_BLOCK_MALLOC, MS_RELEASER_FREE, 1, 5);
    put(2, 7, MS_BLOCK_MALLOC, MS_RELEASER_FREE, 1, 5);
    put(3, MS_MISUSED_OTHER_FAMILY, MS_BLOCK_NEW_ARRAY, (enum ms_releaser)7, 1, 5);
    elements[3].first_thread = UINT64_C(2) << 32 | 99;
    take(1, true);
    assert_int_equal(ms_model_misuse_count(process.model), 1);
    assert_string_equal(ms_model_misuse(process.model, 0)->how, "");
    assert_int_equal(ms_model_misuse(process.model, 0)->thread_id, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_that_is_known, begin, end),
        cmocka_unit_test_setup_teardown(only_what_is_new, begin, end),
        cmocka_unit_test_setup_teardown(same_places_are_summed, begin, end),
        cmocka_unit_test_setup_teardown(unreadable_stack_is_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_is_left_out, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
