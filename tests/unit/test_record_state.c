/*
 * Processes, threads and the machine: a model that was restored from a state and went on by ticks
 * equals the live one, field by field, rates and windows too.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/restore.h"
#include "record/fields_tables.h"
#include "record/part_pieces.h"
#include "record/parts.h"
#include "record_coverage.h"
#include "record_session.h"

static const struct ms_part_kind *const parts[] = {
    &ms_part_processes,
    &ms_part_threads,
    &ms_part_system,
};
enum { PARTS = 3, TABLES_MAX = 16 };

/* What follows the live model: a writer of its own, and a model that it only tells. */
struct follower {
    struct ms_part_writer *writers[PARTS];
    struct ms_fields_map *maps[PARTS][TABLES_MAX];
    struct ms_model *model;
    size_t last_bytes; /* of the last state or tick */
};

static void follow(struct follower *follower, const struct ms_model *live, bool state)
{
    follower->last_bytes = 0;
    for (size_t p = 0; p < PARTS; p++) {
        struct ms_pack pack = {0};
        assert_int_equal(parts[p]->write(follower->writers[p], live, state, &pack), 0);
        follower->last_bytes += pack.used;
        if (pack.used > 0) {
            struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
            assert_int_equal(parts[p]->read(follower->model, state, &unpack, follower->maps[p]), 0);
            assert_true(unpack.at == unpack.end && !unpack.failed);
        }
        ms_pack_free(&pack);
    }
    if (!state) {
        assert_int_equal(
            ms_model_tick_again(follower->model, ms_model_ticks(live) - 1, ms_model_now_ns(live)),
            0);
    }
}

static void follower_begin(struct follower *follower, const struct ms_model *live)
{
    *follower = (struct follower){0};
    follower->model = ms_model_new(ms_model_interval_ns(live), ms_model_start_ns(live),
                                   ms_model_start_unix_ns(live));
    assert_non_null(follower->model);
    for (size_t p = 0; p < PARTS; p++) {
        follower->writers[p] = parts[p]->writer_new();
        assert_non_null(follower->writers[p]);
        for (size_t t = 0; parts[p]->tables[t] != NULL; t++) {
            struct ms_pack pack = {0};
            int error;
            assert_in_range(t, 0, TABLES_MAX - 1);
            ms_fields_describe(&pack, parts[p]->tables[t]);
            struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
            follower->maps[p][t] = ms_fields_map_new(&unpack, parts[p]->tables[t], &error);
            assert_non_null(follower->maps[p][t]);
            ms_pack_free(&pack);
        }
    }
    follow(follower, live, true);
}

static void follower_end(struct follower *follower)
{
    for (size_t p = 0; p < PARTS; p++) {
        parts[p]->writer_free(follower->writers[p]);
        for (size_t t = 0; t < TABLES_MAX; t++) {
            ms_fields_map_free(follower->maps[p][t]);
        }
    }
    ms_model_free(follower->model);
}

struct told {
    unsigned count;
    char first[200];
};

static void tell(void *context, const char *what)
{
    struct told *told = context;
    if (told->count++ == 0) {
        (void)snprintf(told->first, sizeof told->first, "%s", what);
    }
}

static void assert_same(const struct ms_model *live, const struct ms_model *restored,
                        uint64_t since, uint64_t tick)
{
    struct told told = {0};
    const size_t different = ms_models_compare(live, restored, tell, &told);
    if (different != 0) {
        fail_msg("restored at %u, after tick %u %zu differ: %s", (unsigned)since, (unsigned)tick,
                 different, told.first);
    }
}

/* Returns how many threads and processes have gone for good. */
static uint64_t run(struct session *session, uint64_t ticks, const uint64_t *from, size_t followers)
{
    struct follower *follower = calloc(followers, sizeof *follower);
    assert_non_null(follower);
    for (uint64_t tick = 1; tick <= ticks; tick++) {
        session_tick(session);
        for (size_t f = 0; f < followers; f++) {
            if (tick == from[f]) {
                follower_begin(&follower[f], session->model);
            } else if (tick > from[f]) {
                follow(&follower[f], session->model, false);
            }
            /* Looking at all is dear; what is wrong once stays so for a while. */
            if (tick >= from[f] && (tick <= from[f] + 2 || tick % 4 == 0 || tick == ticks)) {
                assert_same(session->model, follower[f].model, from[f], tick);
            }
        }
    }
    for (size_t f = 0; f < followers; f++) {
        follower_end(&follower[f]);
    }
    free(follower);
    const uint64_t removed =
        ms_model_threads_removed(session->model) + ms_model_processes_removed(session->model);
    ms_model_free(session->model);
    return removed;
}

static void test_restored_and_live_stay_equal(void **state)
{
    (void)state;
    struct session session = session_new(1);
    (void)run(&session, 90, (const uint64_t[]){1, 13, 40, 71}, 4);
}

static void test_more_threads_than_are_rated_in_a_tick(void **state)
{
    (void)state;
    struct session session = session_new(2);
    session.threads = 1300;
    session.threads_a_tick = 5;
    session.processes_a_tick = 0;
    (void)run(&session, 32, (const uint64_t[]){1, 17}, 2);
}

static void test_ended_threads_that_are_merged(void **state)
{
    (void)state;
    struct session session = session_new(3);
    session.threads_a_tick = MS_ENDED_THREADS_MAX / 4;
    assert_true(run(&session, 9, (const uint64_t[]){3, 7}, 2) > 5000);
}

/* Threads that began and ended between two ticks count, too, among the newest that keep series. */
static void test_the_newest_ended_threads_have_series(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(MS_SECOND_NS / 10, 1000, 1000);
    assert_non_null(ms_model_add_process(model, 1));
    assert_non_null(ms_model_add_thread(model, 1));
    assert_int_equal(ms_model_tick_end(model, 1000 + MS_SECOND_NS / 10), 0);
    ms_model_end_thread(model, 1, 2000);
    assert_non_null(ms_model_thread_by_id(model, 1)->history[0]);
    for (uint32_t id = 2; id <= 200; id++) {
        assert_non_null(ms_model_restore_thread(model, id, 1, MS_PLACE_ENDED));
    }
    assert_non_null(ms_model_thread_by_id(model, 1)->history[0]);
    assert_non_null(ms_model_restore_thread(model, 201, 1, MS_PLACE_ENDED));
    assert_null(ms_model_thread_by_id(model, 1)->history[0]);
    ms_model_free(model);
}

static void test_ended_processes_that_are_merged(void **state)
{
    (void)state;
    struct session session = session_new(4);
    session.threads = 20;
    session.threads_a_tick = 3;
    session.processes_a_tick = 250;
    assert_true(run(&session, 9, (const uint64_t[]){3, 6}, 2) > 500);
}

/* Nothing moves: nothing is written, not even a byte. */
static void test_a_tick_in_which_nothing_moved_is_empty(void **state)
{
    (void)state;
    struct session session = session_new(5);
    struct follower follower;
    for (int i = 0; i < 20; i++) {
        session_tick(&session);
    }
    follower_begin(&follower, session.model);
    assert_true(follower.last_bytes > 1000);
    session.now_ns += SESSION_TICK_NS;
    assert_int_equal(ms_model_tick_end(session.model, session.now_ns), 0);
    follow(&follower, session.model, false);
    assert_int_equal(follower.last_bytes, 0);
    assert_same(session.model, follower.model, 20, 21);
    follower_end(&follower);
    ms_model_free(session.model);
}

/* A made-up thread of which only the number is told: it would belong to no process. */
static void test_a_thread_without_a_process_is_refused(void **state)
{
    (void)state;
    struct session session = session_new(5);
    session_tick(&session);
    struct follower follower = {.model = NULL};
    follower_begin(&follower, session.model);
    const uint32_t id = 70000;
    struct ms_pack pack = {0};
    ms_pack_ids(&pack, &id, 1);
    for (int list = 0; list < 3; list++) { /* merged, ended, gone */
        ms_pack_ids(&pack, NULL, 0);
    }
    ms_pack_u64(&pack, 0); /* no times */
    ms_pack_u64(&pack, 0); /* no changes */
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    assert_int_equal(ms_part_threads.read(follower.model, false, &unpack, follower.maps[1]),
                     -EBADMSG);
    ms_pack_free(&pack);
    follower_end(&follower);
    ms_model_free(session.model);
}

/* The comparison sees a byte that is wrong, and says where. */
static void test_what_differs_is_named(void **state)
{
    (void)state;
    struct session session = session_new(6);
    struct follower follower;
    struct told told = {0};
    for (int i = 0; i < 15; i++) {
        session_tick(&session);
    }
    follower_begin(&follower, session.model);
    const uint32_t id = ms_model_thread(session.model, 3)->id;
    ms_model_thread_mutable(follower.model, id)->io.of[MS_IO_KIND_SEND].errors++;
    assert_int_equal(ms_models_compare(session.model, follower.model, tell, &told), 1);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "thread %u: io.of[].errors[3]", (unsigned)id);
    assert_string_equal(told.first, expected);
    ms_model_thread_mutable(follower.model, id)->io.of[MS_IO_KIND_SEND].errors--;

    told.count = 0;
    ms_model_process_mutable(follower.model, 1)->arguments_bytes--;
    (void)ms_models_compare(session.model, follower.model, tell, &told);
    if (ms_model_process_by_id(session.model, 1)->arguments != NULL) {
        assert_string_equal(told.first, "process 1: arguments");
    }
    ms_model_process_mutable(follower.model, 1)->arguments_bytes++;

    told.count = 0;
    ms_model_source_set(follower.model, MS_SOURCE_CGROUP, MS_SOURCE_UNAVAILABLE, "other");
    assert_int_equal(ms_models_compare(session.model, follower.model, tell, &told), 2);
    assert_string_equal(told.first, "source 14: condition");
    follower_end(&follower);
    ms_model_free(session.model);
}

static void test_every_byte_of_each_struct_has_a_row(void **state)
{
    (void)state;
    /* Those whose rows are in two tables say in each what the other has. */
    static const struct ms_fields *const whole[] = {
        &ms_fields_process,      &ms_fields_process_inside,
        &ms_fields_connection,   &ms_fields_thread,
        &ms_fields_thread_rates, &ms_fields_past,
        &ms_fields_sample,       &ms_fields_session,
        &ms_fields_system,       &ms_fields_core,
        &ms_fields_disk,         &ms_fields_interface,
        &ms_fields_sensor,       &ms_fields_gpu,
        &ms_fields_gpu_user,     &ms_fields_source,
        &ms_fields_trace};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        const size_t at = first_not_covered(whole[i]);
        if (at != SIZE_MAX) {
            fail_msg("%s: the byte at %zu of %zu", whole[i]->name, at, whole[i]->struct_bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_of_each_struct_has_a_row),
        cmocka_unit_test(test_a_tick_in_which_nothing_moved_is_empty),
        cmocka_unit_test(test_a_thread_without_a_process_is_refused),
        cmocka_unit_test(test_what_differs_is_named),
        cmocka_unit_test(test_restored_and_live_stay_equal),
        cmocka_unit_test(test_more_threads_than_are_rated_in_a_tick),
        cmocka_unit_test(test_ended_threads_that_are_merged),
        cmocka_unit_test(test_the_newest_ended_threads_have_series),
        cmocka_unit_test(test_ended_processes_that_are_merged),
    };
    return cmocka_run_group_tests_name("record: state", tests, NULL, NULL);
}
