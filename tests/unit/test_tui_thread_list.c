/* The list of threads: order, filter, a selection that follows its thread, an order that holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tui/thread_list.h"

#define TICK_NS (MS_SECOND_NS / 10)

struct fixture {
    struct ms_model *model;
    struct ms_findings *findings;
    struct ms_listing list;
    struct ms_scope scope;
    uint32_t ids[4];
    uint64_t tick;
};

static void set_peak(struct fixture *f, int thread, uint64_t bytes)
{
    struct ms_thread *changed = ms_model_thread_mutable(f->model, f->ids[thread]);
    changed->heap.peak_bytes = bytes;
    changed->heap.bytes_allocated = bytes;
}

static void run(struct fixture *f, uint64_t ticks)
{
    f->tick += ticks;
    ms_model_tick_end(f->model, f->tick * TICK_NS);
}

static void update(struct fixture *f, const char *filter)
{
    ms_entry_set(&f->list.filter, filter);
    ms_thread_list_update(&f->list, f->model, f->findings, &f->scope);
}

static int set_up(void **state)
{
    static struct fixture f;
    static const char *const names[] = {"main", "Worker-1", "worker-2", "io"};
    f = (struct fixture){.model = ms_model_new(TICK_NS, 0, 0)};
    const struct ms_thresholds thresholds = ms_thresholds_default();
    f.findings = ms_findings_new(&thresholds, NULL);
    ms_model_add_process(f.model, 1);
    for (int i = 0; i < 4; i++) {
        struct ms_thread *thread = ms_model_add_thread(f.model, 1);
        snprintf(thread->name, sizeof thread->name, "%s", names[i]);
        thread->tid = 100 + i;
        thread->tracked = thread->probed = true;
        f.ids[i] = thread->id;
    }
    ms_listing_init(&f.list, MS_METRIC_PEAK_BYTES);
    for (int i = 0; i < 4; i++) {
        set_peak(&f, i, (uint64_t)(i + 1) * 1000);
    }
    run(&f, 1);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ms_listing_fini(&f->list);
    ms_findings_free(f->findings);
    ms_model_free(f->model);
    return 0;
}

static void test_sorts_by_peak(void **state)
{
    struct fixture *f = *state;
    update(f, "");
    assert_int_equal(f->list.rows.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(f->list.rows.ids[i], f->ids[3 - i]);
    }
    f->list.ascending = true;
    update(f, "");
    assert_int_equal(f->list.rows.ids[0], f->ids[0]);
}

static void test_unknown_and_ended_come_last(void **state)
{
    struct fixture *f = *state;
    ms_model_thread_mutable(f->model, f->ids[3])->probed = false;
    ms_model_end_thread(f->model, f->ids[2], f->tick * TICK_NS);
    update(f, "");
    assert_int_equal(f->list.rows.ids[0], f->ids[1]);
    assert_int_equal(f->list.rows.ids[1], f->ids[0]);
    assert_int_equal(f->list.rows.ids[2], f->ids[3]);
    assert_int_equal(f->list.rows.ids[3], f->ids[2]);
}

static void test_selection_follows_its_thread(void **state)
{
    struct fixture *f = *state;
    update(f, "");
    ms_rows_select(&f->list.rows, 3, 0);
    assert_int_equal(f->list.rows.selected, f->ids[0]);
    run(f, 100); /* the order is free again */
    set_peak(f, 0, 99000);
    update(f, "");
    assert_int_equal(f->list.rows.selected, f->ids[0]);
    assert_int_equal(f->list.rows.position, 0);
    f->list.rows.follow = false;
    set_peak(f, 0, 1);
    update(f, "");
    assert_int_equal(f->list.rows.position, 0);
    assert_int_equal(f->list.rows.selected, f->ids[3]);
}

static void test_first_is_selected_until_the_user_chooses(void **state)
{
    struct fixture *f = *state;
    update(f, "");
    assert_int_equal(f->list.rows.selected, f->ids[3]);
    set_peak(f, 1, 99000);
    update(f, "");
    assert_int_equal(f->list.rows.selected, f->ids[1]);
}

static void test_order_holds_after_a_move(void **state)
{
    struct fixture *f = *state;
    update(f, "");
    const uint64_t now_ns = f->tick * TICK_NS;
    ms_rows_move(&f->list.rows, 1, now_ns);
    set_peak(f, 0, 99000);
    run(f, 1);
    struct ms_thread *late = ms_model_add_thread(f->model, 1);
    late->tracked = late->probed = true;
    late->heap.peak_bytes = 500000;
    const uint32_t late_id = late->id;
    update(f, "");
    assert_int_equal(f->list.rows.ids[0], f->ids[3]);
    assert_int_equal(f->list.rows.ids[3], f->ids[0]);
    assert_int_equal(f->list.rows.ids[4], late_id);
    run(f, MS_ROWS_HOLD_NS / TICK_NS);
    update(f, "");
    assert_int_equal(f->list.rows.ids[0], late_id);
    assert_int_equal(f->list.rows.ids[1], f->ids[0]);
}

static void test_filter(void **state)
{
    struct fixture *f = *state;
    update(f, "WORK");
    assert_int_equal(f->list.rows.count, 2);
    update(f, "103");
    assert_int_equal(f->list.rows.count, 1);
    assert_int_equal(f->list.rows.ids[0], f->ids[3]);
    update(f, "light");
    assert_int_equal(f->list.rows.count, 4);
    update(f, "nothing at all");
    assert_int_equal(f->list.rows.count, 0);
    ms_rows_move(&f->list.rows, 1, 0);
    ms_rows_scroll(&f->list.rows, 3, 1);
    update(f, "");
    assert_int_equal(f->list.rows.count, 4);
}

static void test_moves_stay_inside(void **state)
{
    struct fixture *f = *state;
    update(f, "");
    ms_rows_move(&f->list.rows, -5, 0);
    assert_int_equal(f->list.rows.position, 0);
    ms_rows_move(&f->list.rows, 500, 0);
    assert_int_equal(f->list.rows.position, 3);
    ms_rows_scroll(&f->list.rows, 2, 1);
    assert_int_equal(f->list.rows.top, 2);
    ms_rows_scroll(&f->list.rows, 2, 2);
    assert_int_equal(f->list.rows.top, 2);
    ms_rows_move(&f->list.rows, -3, 0);
    ms_rows_scroll(&f->list.rows, 2, 2);
    assert_int_equal(f->list.rows.top, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sorts_by_peak, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_and_ended_come_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_selection_follows_its_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_is_selected_until_the_user_chooses, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_order_holds_after_a_move, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_filter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_moves_stay_inside, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("tui list", tests, NULL, NULL);
}
