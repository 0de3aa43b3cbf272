/* What changed between two moments, and what is only noise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/diff.h"

#define START UINT64_C(1000000000000)

/* A run of one program: what each function holds, in its own order of sites and addresses. */
struct run {
    struct ms_model *model;
    uint32_t thread_id;
    uint64_t now_ns;
};

static struct run run_new(void)
{
    struct run run = {.model = ms_model_new(MS_SECOND_NS, START, 0), .now_ns = START};
    assert_non_null(run.model);
    struct ms_process *process = ms_model_add_process(run.model, 1);
    process->seen = MS_SEEN_FULL;
    (void)snprintf(process->exe, sizeof process->exe, "/usr/bin/app");
    struct ms_thread *thread = ms_model_add_thread(run.model, 1);
    (void)snprintf(thread->name, sizeof thread->name, "worker");
    thread->probed = thread->tracked = true;
    run.thread_id = thread->id;
    return run;
}

static struct ms_frame *frame(struct run *run, const char *function, uint32_t line)
{
    struct ms_frame *made = ms_model_add_frame(run->model);
    made->function = ms_model_string(run->model, function);
    made->module = "/usr/bin/app";
    made->file = "app.c";
    made->crate = "";
    made->line = line;
    made->address = START + (uint64_t)line * 64 + made->number;
    return made;
}

/* "inner<outer" at a line; returns the site. */
static uint32_t site(struct run *run, const char *inner, const char *outer, uint32_t line)
{
    const struct ms_frame *frames[] = {frame(run, inner, line), frame(run, outer, line + 1)};
    return ms_model_add_site(run->model, 1, frames, 2, 0)->id;
}

/* So many blocks of so many bytes are live there, and as many were freed before. */
static void holds(struct run *run, uint32_t site_id, uint64_t blocks, uint64_t bytes)
{
    struct ms_usage *usage = ms_model_usage_mutable(run->model, run->thread_id, site_id);
    usage->allocations = 2 * blocks;
    usage->deallocations = blocks;
    usage->bytes_allocated = 2 * blocks * bytes;
    usage->bytes_freed = blocks * bytes;
    usage->peak_bytes = blocks * bytes;
}

static void tick(struct run *run)
{
    run->now_ns += MS_SECOND_NS;
    assert_int_equal(ms_model_tick_end(run->model, run->now_ns), 0);
}

static const struct ms_diff_row *find(const struct ms_diff *diff, const char *label)
{
    char text[256];
    for (size_t i = 0; i < ms_diff_count(diff, MS_DIFF_SITES); i++) {
        const struct ms_diff_row *row = ms_diff_row(diff, MS_DIFF_SITES, i);
        if (strcmp(ms_diff_label(diff, MS_DIFF_SITES, row, text, sizeof text), label) == 0) {
            return row;
        }
    }
    return NULL;
}

static enum ms_diff_verdict live_of(const struct ms_diff *diff, const char *label)
{
    const struct ms_diff_row *row = find(diff, label);
    assert_non_null(row);
    return row->verdict[MS_DIFF_LIVE];
}

static void things_are_the_same_by_name(void **state)
{
    (void)state;
    struct run before = run_new();
    struct run after = run_new();
    holds(&before, site(&before, "parse", "main", 10), 100, 1000);
    holds(&before, site(&before, "load", "main", 20), 100, 1000);
    holds(&before, site(&before, "old", "main", 30), 50, 1000);
    /* Another build: other lines, other order, `old` is gone and `fresh` is new. */
    holds(&after, site(&after, "fresh", "main", 12), 70, 1000);
    holds(&after, site(&after, "load", "main", 44), 300, 1000);
    holds(&after, site(&after, "parse", "main", 55), 100, 1000);
    tick(&before);
    tick(&after);
    struct ms_diff *diff = ms_diff_new(&(struct ms_diff_side){.model = before.model},
                                       &(struct ms_diff_side){.model = after.model});
    assert_non_null(diff);
    assert_int_equal(ms_diff_count(diff, MS_DIFF_SITES), 4);
    assert_int_equal(ms_diff_changed(diff, MS_DIFF_SITES), 3);
    assert_int_equal(live_of(diff, "parse < main"), MS_DIFF_SAME);
    assert_int_equal(live_of(diff, "load < main"), MS_DIFF_GREW);
    assert_int_equal(live_of(diff, "old < main"), MS_DIFF_GONE);
    assert_int_equal(live_of(diff, "fresh < main"), MS_DIFF_NEW);
    const struct ms_diff_row *first = ms_diff_row(diff, MS_DIFF_SITES, 0);
    assert_true(first->after[MS_DIFF_LIVE] - first->before[MS_DIFF_LIVE] == 200000);
    assert_int_equal(ms_diff_row(diff, MS_DIFF_SITES, 3)->verdict[MS_DIFF_LIVE], MS_DIFF_SAME);
    ms_diff_free(diff);
    ms_model_free(before.model);
    ms_model_free(after.model);
}

static void sites_of_one_name_are_summed_up(void **state)
{
    (void)state;
    struct run before = run_new();
    struct run after = run_new();
    holds(&before, site(&before, "parse", "main", 10), 100, 1000);
    holds(&after, site(&after, "parse", "main", 10), 60, 1000);
    holds(&after, site(&after, "parse", "main", 11), 40, 1000);
    tick(&before);
    tick(&after);
    struct ms_diff *diff = ms_diff_new(&(struct ms_diff_side){.model = before.model},
                                       &(struct ms_diff_side){.model = after.model});
    assert_int_equal(ms_diff_count(diff, MS_DIFF_SITES), 1);
    const struct ms_diff_row *row = ms_diff_row(diff, MS_DIFF_SITES, 0);
    assert_int_equal(row->before_count, 1);
    assert_int_equal(row->after_count, 2);
    assert_true(row->after[MS_DIFF_LIVE] == 100000);
    assert_int_equal(row->verdict[MS_DIFF_LIVE], MS_DIFF_SAME);
    ms_diff_free(diff);
    ms_model_free(before.model);
    ms_model_free(after.model);
}

/* Looks at a site while it starts, and then at how it goes up and down by `swing` blocks around
 * 100. */
static struct ms_diff_noise *watch(struct run *run, uint32_t site_id, uint64_t swing)
{
    struct ms_diff_noise *noise = ms_diff_noise_new();
    assert_non_null(noise);
    for (uint64_t i = 0; i <= 10; i++) {
        holds(run, site_id, i == 0 ? 1 : i % 2 == 1 ? 100 - swing : 100 + swing, 1000);
        tick(run);
        assert_int_equal(ms_diff_noise_look(noise, run->model), 0);
    }
    return noise;
}

static enum ms_diff_verdict verdict_of_swing(uint64_t swing, double *noise_bytes)
{
    struct run before = run_new();
    struct run after = run_new();
    const uint32_t one = site(&before, "cache", "main", 1);
    const uint32_t other = site(&after, "cache", "main", 1);
    struct ms_diff_noise *noise_before = watch(&before, one, swing);
    struct ms_diff_noise *noise_after = watch(&after, other, swing);
    holds(&before, one, 80, 1000);
    holds(&after, other, 120, 1000);
    tick(&before);
    tick(&after);
    struct ms_diff *diff =
        ms_diff_new(&(struct ms_diff_side){.model = before.model, .noise = noise_before},
                    &(struct ms_diff_side){.model = after.model, .noise = noise_after});
    const struct ms_diff_row *row = ms_diff_row(diff, MS_DIFF_SITES, 0);
    const enum ms_diff_verdict verdict = row->verdict[MS_DIFF_LIVE];
    *noise_bytes = row->noise[MS_DIFF_LIVE];
    ms_diff_free(diff);
    ms_diff_noise_free(noise_before);
    ms_diff_noise_free(noise_after);
    ms_model_free(before.model);
    ms_model_free(after.model);
    return verdict;
}

static void what_swings_is_noise(void **state)
{
    (void)state;
    double noise;
    assert_int_equal(verdict_of_swing(20, &noise), MS_DIFF_SAME);
    /* 20,000 bytes up and down ten times, less what a straight line through them explains (which is
     * 5^2 / 82.5 of it); of both sides together sqrt(2). */
    const double left = 10 - 5.0 * 5 / 82.5;
    assert_true(fabs(noise - 20000 * sqrt(left / 8) * sqrt(2)) < 1);
    assert_int_equal(verdict_of_swing(1, &noise), MS_DIFF_GREW);
    assert_int_equal(verdict_of_swing(0, &noise), MS_DIFF_GREW);
    assert_true(noise == 0);
}

/* Far looks at a site that held `blocks_at[i]` blocks of 1000 bytes; then 60 more than at last. */
static enum ms_diff_verdict verdict_after(const uint64_t *blocks_at, size_t looks)
{
    struct run before = run_new();
    struct run after = run_new();
    const uint32_t one = site(&before, "cache", "main", 1);
    struct ms_diff_swing *swing = ms_diff_swing_new();
    for (size_t i = 0; i < looks; i++) {
        holds(&before, one, blocks_at[i], 1000);
        tick(&before);
        assert_int_equal(ms_diff_swing_look(swing, before.model), 0);
    }
    holds(&after, site(&after, "cache", "main", 1), blocks_at[looks - 1] + 60, 1000);
    tick(&after);
    struct ms_diff *diff =
        ms_diff_new(&(struct ms_diff_side){.model = before.model, .swing = swing},
                    &(struct ms_diff_side){.model = after.model});
    const enum ms_diff_verdict verdict = live_of(diff, "cache < main");
    ms_diff_free(diff);
    ms_diff_swing_free(swing);
    ms_model_free(before.model);
    ms_model_free(after.model);
    return verdict;
}

static void a_swing_over_minutes_is_noise_and_a_start_is_none(void **state)
{
    (void)state;
    static const uint64_t swings[] = {100, 100, 130, 160, 160, 130, 100, 100, 130, 160, 160, 130};
    static const uint64_t steady[] = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100};
    static const uint64_t began[] = {0, 0, 30, 100, 100, 100, 100, 100, 100, 100, 100, 100};
    static const uint64_t leaks[] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120};
    assert_int_equal(verdict_after(swings, 12), MS_DIFF_SAME);
    assert_int_equal(verdict_after(steady, 12), MS_DIFF_GREW);
    assert_int_equal(verdict_after(began, 12), MS_DIFF_GREW);
    assert_int_equal(verdict_after(leaks, 12), MS_DIFF_GREW);
    assert_int_equal(verdict_after(swings, MS_DIFF_SWING_LOOKS_LEAST - 1), MS_DIFF_GREW);
    assert_int_equal(verdict_after(swings, MS_DIFF_SWING_LOOKS_LEAST), MS_DIFF_SAME);
}

/* A leak, and something that is allocated once: looks at it go on through the growth. */
static enum ms_diff_verdict verdict_of_growth(bool steadily)
{
    struct run run = run_new();
    struct run marked = run_new();
    const uint32_t site_id = site(&run, "leak", "main", 1);
    holds(&marked, site(&marked, "leak", "main", 1), 10, 1000);
    tick(&marked);
    struct ms_diff_noise *noise = ms_diff_noise_new();
    for (uint64_t i = 0; i < 10; i++) {
        holds(&run, site_id, steadily ? 10 + i : i < 5 ? 10 : 20, 1000);
        tick(&run);
        assert_int_equal(ms_diff_noise_look(noise, run.model), 0);
    }
    struct ms_diff *diff = ms_diff_new(&(struct ms_diff_side){.model = marked.model},
                                       &(struct ms_diff_side){.model = run.model, .noise = noise});
    const enum ms_diff_verdict verdict = live_of(diff, "leak < main");
    ms_diff_free(diff);
    ms_diff_noise_free(noise);
    ms_model_free(run.model);
    ms_model_free(marked.model);
    return verdict;
}

static void growth_is_no_noise(void **state)
{
    (void)state;
    assert_int_equal(verdict_of_growth(true), MS_DIFF_GREW);
    assert_int_equal(verdict_of_growth(false), MS_DIFF_GREW);
}

static void of_one_session_only_what_came_in_between_is_noisy(void **state)
{
    (void)state;
    struct run before = run_new();
    struct run after = run_new();
    /* 1,000,000 allocations, then 1,000 more: nothing between two runs (1 % and 3 x sqrt(2e6)),
     * but known to be more within one. */
    holds(&before, site(&before, "busy", "main", 1), 500000, 10);
    holds(&after, site(&after, "busy", "main", 1), 500500, 10);
    tick(&before);
    tick(&after);
    for (int same = 0; same < 2; same++) {
        struct ms_diff *diff =
            ms_diff_new(&(struct ms_diff_side){.model = before.model},
                        &(struct ms_diff_side){.model = after.model, .same_session = same == 1});
        assert_int_equal(find(diff, "busy < main")->verdict[MS_DIFF_COUNT],
                         same == 1 ? MS_DIFF_GREW : MS_DIFF_SAME);
        ms_diff_free(diff);
    }
    ms_model_free(before.model);
    ms_model_free(after.model);
}

static void few_looks_tell_no_noise(void **state)
{
    (void)state;
    struct run run = run_new();
    const uint32_t site_id = site(&run, "cache", "main", 1);
    struct ms_diff_noise *noise = ms_diff_noise_new();
    for (unsigned i = 0; i < MS_DIFF_LOOKS_LEAST; i++) { /* one is left out */
        holds(&run, site_id, 100, 1000);
        tick(&run);
        assert_int_equal(ms_diff_noise_look(noise, run.model), 0);
    }
    const struct ms_diff_side side = {.model = run.model, .noise = noise};
    struct ms_diff *diff = ms_diff_new(&side, &side);
    assert_true(isnan(ms_diff_row(diff, MS_DIFF_SITES, 0)->noise[MS_DIFF_LIVE]));
    ms_diff_free(diff);
    /* One side that is known stands alone. */
    struct ms_diff_noise *known = watch(&run, site_id, 20);
    diff = ms_diff_new(&side, &(struct ms_diff_side){.model = run.model, .noise = known});
    assert_true(ms_diff_row(diff, MS_DIFF_SITES, 0)->noise[MS_DIFF_LIVE] > 20000);
    ms_diff_free(diff);
    ms_diff_noise_free(known);
    ms_diff_noise_free(noise);
    ms_model_free(run.model);
}

static void counts_are_as_noisy_as_events(void **state)
{
    (void)state;
    struct run before = run_new();
    struct run after = run_new();
    /* 200 and 230 allocations: within 3 x sqrt(200 + 230) = 62. 20,000 and 20,700: beyond 605. */
    holds(&before, site(&before, "few", "main", 1), 100, 100);
    holds(&after, site(&after, "few", "main", 1), 115, 100);
    holds(&before, site(&before, "many", "main", 1), 10000, 100);
    holds(&after, site(&after, "many", "main", 1), 10350, 100);
    tick(&before);
    tick(&after);
    struct ms_diff *diff = ms_diff_new(&(struct ms_diff_side){.model = before.model},
                                       &(struct ms_diff_side){.model = after.model});
    ms_diff_sort(diff, MS_DIFF_COUNT);
    assert_int_equal(find(diff, "few < main")->verdict[MS_DIFF_COUNT], MS_DIFF_SAME);
    assert_int_equal(find(diff, "many < main")->verdict[MS_DIFF_COUNT], MS_DIFF_GREW);
    assert_int_equal(ms_diff_changed(diff, MS_DIFF_SITES), 1);
    ms_diff_free(diff);
    ms_model_free(before.model);
    ms_model_free(after.model);
}

static void threads_are_compared_by_name(void **state)
{
    (void)state;
    struct run before = run_new();
    struct run after = run_new();
    for (int i = 0; i < 3; i++) { /* workers of a pool are one row */
        struct ms_thread *thread = ms_model_add_thread(after.model, 1);
        (void)snprintf(thread->name, sizeof thread->name, "worker");
        thread->heap.bytes_allocated = 50000;
        thread->heap.allocations = 100;
    }
    tick(&before);
    tick(&after);
    struct ms_diff *diff = ms_diff_new(&(struct ms_diff_side){.model = before.model},
                                       &(struct ms_diff_side){.model = after.model});
    char label[64];
    assert_int_equal(ms_diff_count(diff, MS_DIFF_THREADS), 1);
    const struct ms_diff_row *row = ms_diff_row(diff, MS_DIFF_THREADS, 0);
    assert_string_equal(ms_diff_label(diff, MS_DIFF_THREADS, row, label, sizeof label),
                        "app/worker");
    assert_int_equal(row->before_count, 1);
    assert_int_equal(row->after_count, 4);
    assert_int_equal(row->verdict[MS_DIFF_LIVE], MS_DIFF_GREW);
    assert_true(ms_diff_totals(diff)->after[MS_DIFF_LIVE] == 150000);
    ms_diff_free(diff);
    ms_model_free(before.model);
    ms_model_free(after.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_are_the_same_by_name),
        cmocka_unit_test(sites_of_one_name_are_summed_up),
        cmocka_unit_test(what_swings_is_noise),
        cmocka_unit_test(a_swing_over_minutes_is_noise_and_a_start_is_none),
        cmocka_unit_test(growth_is_no_noise),
        cmocka_unit_test(of_one_session_only_what_came_in_between_is_noisy),
        cmocka_unit_test(few_looks_tell_no_noise),
        cmocka_unit_test(counts_are_as_noisy_as_events),
        cmocka_unit_test(threads_are_compared_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
