/* Figures that are added up over usages: histograms, shares of the peak, rates, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "model/figures.h"
#include "model/metric.h"
#include "model/model.h"

#define TENTH (MS_SECOND_NS / 10)

static struct ms_model *model_of(uint32_t threads, uint32_t sites)
{
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    struct ms_process *process = ms_model_add_process(model, 128);
    process->start_ns = 1;
    for (uint32_t i = 0; i < threads; i++) {
        struct ms_thread *thread = ms_model_add_thread(model, 128);
        thread->tracked = thread->probed = true;
    }
    for (uint32_t i = 0; i < sites; i++) {
        assert_non_null(ms_model_add_site(model, 128, NULL, 0, 0));
    }
    return model;
}

/* `small` blocks of class 1 and `large` of class 9, all of them freed at once. */
static struct ms_usage *allocate(struct ms_model *model, uint32_t thread, uint32_t site,
                                 uint64_t small, uint64_t large)
{
    struct ms_usage *usage = ms_model_usage_mutable(model, thread, site);
    usage->allocations = usage->deallocations = small + large;
    usage->bytes_allocated = small * 32 + large * 8192;
    const struct ms_usage_extra extra = {.sizes = {.events = {[1] = small, [9] = large}},
                                         .lifetimes = {.events = {[0] = small + large}}};
    assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
    return usage;
}

static void check_sizes(const struct ms_histogram *sizes, uint64_t small, uint64_t large)
{
    const struct ms_histogram expected = {.events = {[1] = small, [9] = large}};
    assert_memory_equal(sizes, &expected, sizeof expected);
}

static void test_histograms_cost_nothing_until_they_spread(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 1);
    struct ms_usage_extra extra;
    struct ms_usage *usage = allocate(model, 1, 1, 5, 0);
    assert_null(usage->detail);
    ms_usage_get_extra(usage, &extra);
    check_sizes(&extra.sizes, 5, 0);
    assert_int_equal(extra.lifetimes.events[0], 5);
    usage = allocate(model, 1, 1, 5, 3);
    assert_non_null(usage->detail);
    ms_usage_get_extra(usage, &extra);
    check_sizes(&extra.sizes, 5, 3);
    assert_int_equal(extra.lifetimes.events[0], 8);
    usage = allocate(model, 1, 1, 0, 9);
    ms_usage_get_extra(usage, &extra);
    check_sizes(&extra.sizes, 0, 9);
    /* Events that no class holds are in none, not in the one that is known. */
    extra.sizes.events[9] = 4;
    assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
    ms_usage_get_extra(usage, &extra);
    check_sizes(&extra.sizes, 0, 4);
    ms_model_free(model);
}

static void test_sums_of_site_thread_and_process(void **state)
{
    (void)state;
    struct ms_model *model = model_of(2, 2);
    struct ms_figures figures;
    allocate(model, 1, 1, 1, 10);
    allocate(model, 1, 2, 2, 0);
    allocate(model, 2, 1, 4, 0);
    assert_int_equal(ms_model_tick_end(model, TENTH), 0);
    ms_figures_of_site(model, 1, &figures);
    check_sizes(&figures.sizes, 5, 10);
    ms_figures_of_thread(model, 1, &figures);
    check_sizes(&figures.sizes, 3, 10);
    ms_figures_of_process(model, 128, &figures);
    check_sizes(&figures.sizes, 7, 10);
    ms_figures_of_process(model, 7, &figures);
    check_sizes(&figures.sizes, 0, 0);
    ms_model_free(model);
}

/* Whether the sums of sites are kept or not, which depends on how many usages there are. */
static void test_kept_figures_are_those_added_up_anew(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 9; threads += 8) {
        struct ms_model *model = model_of(threads, 2);
        for (uint32_t i = 1; i <= threads; i++) {
            allocate(model, i, 1, i, 1);
            allocate(model, i, 2, 0, i);
        }
        assert_int_equal(ms_model_tick_end(model, TENTH), 0);
        struct ms_kept_figures *kept = ms_kept_figures_new(model);
        const uint32_t sum = threads * (threads + 1) / 2;
        struct ms_figures figures;
        for (int round = 0; round < 2; round++) {
            ms_kept_figures_of_site(kept, model, 1, &figures);
            check_sizes(&figures.sizes, sum, threads);
            ms_kept_figures_of_site(kept, model, 2, &figures);
            check_sizes(&figures.sizes, 0, sum);
            ms_kept_figures_of_process(kept, model, 128, &figures);
            check_sizes(&figures.sizes, sum, threads + sum);
            ms_kept_figures_of_site(kept, model, 77, &figures);
            check_sizes(&figures.sizes, 0, 0);
            ms_kept_figures_of_process(kept, model, 7, &figures);
            check_sizes(&figures.sizes, 0, 0);
            ms_kept_figures_of_site(NULL, model, 1, &figures);
            check_sizes(&figures.sizes, sum, threads);
        }
        ms_kept_figures_free(kept);
        ms_model_free(model);
    }
}

static void test_merged_threads_keep_theirs(void **state)
{
    (void)state;
    enum { EXTRA = 7, COUNT = MS_ENDED_THREADS_MAX + EXTRA };
    struct ms_model *model = model_of(COUNT, 1);
    struct ms_process *process = ms_model_process_mutable(model, 128);
    for (uint32_t i = 1; i <= COUNT; i++) {
        struct ms_usage *usage = allocate(model, i, 1, 3, i == 2);
        usage->waste_bytes = 5;
        usage->temporary = 2;
        usage->bytes_freed = usage->bytes_allocated - 20;
        usage->at_peak_bytes = 30;
        usage->peak_epoch = i == 1 ? 4 : 3; /* the others: 20, what they hold now */
        if (i == 3) {
            struct ms_usage_extra extra;
            ms_usage_get_extra(usage, &extra);
            extra.reallocations = 9;
            assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
        }
        ms_model_end_thread(model, i, 5);
    }
    process->peak = (struct ms_peak){.epoch = 4, .bytes = 1};
    assert_int_equal(ms_model_tick_end(model, TENTH), 0);
    assert_int_equal(ms_model_usage_count(model), MS_ENDED_THREADS_MAX + 1);
    const struct ms_thread *merged = ms_model_thread(model, 0);
    assert_int_equal(merged->merged, EXTRA);
    struct ms_figures figures;
    ms_figures_of_thread(model, merged->id, &figures);
    check_sizes(&figures.sizes, 3 * EXTRA, 1);
    assert_int_equal(figures.lifetimes.events[0], 3 * EXTRA + 1);
    assert_int_equal(figures.at_peak_bytes, 30 + 20 * (EXTRA - 1));
    assert_int_equal(merged->at_peak_bytes, figures.at_peak_bytes);
    ms_figures_of_site(model, 1, &figures);
    check_sizes(&figures.sizes, 3 * COUNT, 1);
    const struct ms_heap *heap = &ms_model_site(model, 0)->heap;
    assert_int_equal(heap->waste_bytes, 5 * COUNT);
    assert_int_equal(heap->temporary, 2 * COUNT);
    assert_int_equal(heap->reallocations, 9);
    ms_model_free(model);
}

static void test_shares_of_the_peak_are_a_metric_when_there_was_one(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 2);
    uint64_t bytes;
    allocate(model, 1, 1, 2, 0)->bytes_freed = 4;
    allocate(model, 1, 2, 1, 0)->at_peak_bytes = 500;
    ms_model_usage_mutable(model, 1, 2)->peak_epoch = 1;
    assert_int_equal(ms_model_tick_end(model, TENTH), 0);
    const struct ms_thread *thread = ms_model_thread(model, 0);
    assert_false(ms_metric_integer_of_thread(thread, MS_METRIC_AT_PEAK_BYTES, &bytes));
    ms_model_process_mutable(model, 128)->peak.epoch = 1;
    assert_int_equal(ms_model_tick_end(model, 2 * TENTH), 0);
    assert_true(ms_metric_integer_of_thread(thread, MS_METRIC_AT_PEAK_BYTES, &bytes));
    assert_int_equal(bytes, 60 + 500);
    ms_model_free(model);
}

static void test_rates_of_sites(void **state)
{
    (void)state;
    struct ms_model *model = model_of(2, 1);
    struct ms_process *process = ms_model_process_mutable(model, 128);
    const struct ms_site *site = ms_model_site(model, 0);
    process->sites_read_ns = MS_SECOND_NS;
    allocate(model, 1, 1, 100, 0);
    assert_int_equal(ms_model_tick_end(model, MS_SECOND_NS), 0);
    assert_true(isnan(ms_site_rates_of(model, site).allocations_per_s)); /* read but once */
    process->sites_before_ns = MS_SECOND_NS;
    process->sites_read_ns = 3 * MS_SECOND_NS;
    allocate(model, 1, 1, 140, 0);
    allocate(model, 2, 1, 10, 0);
    assert_int_equal(ms_model_tick_end(model, 3 * MS_SECOND_NS), 0);
    assert_true(fabs(ms_site_rates_of(model, site).allocations_per_s - 25) < 1e-3);
    assert_true(fabs(ms_site_rates_of(model, site).bytes_allocated_per_s - 800) < 1e-3);
    /* Ticks in between read no sites and change no rate; a reading without a change does. */
    assert_int_equal(ms_model_tick_end(model, 3 * MS_SECOND_NS + TENTH), 0);
    assert_true(ms_site_rates_of(model, site).allocations_per_s > 24);
    process->sites_before_ns = 3 * MS_SECOND_NS;
    process->sites_read_ns = 4 * MS_SECOND_NS;
    assert_int_equal(ms_model_tick_end(model, 4 * MS_SECOND_NS), 0);
    assert_true(ms_site_rates_of(model, site).allocations_per_s == 0);
    process->start_ns = 1;
    process->end_ns = 1 + 5 * MS_SECOND_NS;
    assert_true(fabs(ms_site_rates_of(model, site).allocations_per_s - 30) < 1e-9);
    ms_model_free(model);
}

static void test_errors_of_estimates(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 1);
    static const uint64_t samples[] = {100, 400};
    for (uint8_t rate = 1; rate <= 2; rate++) {
        struct ms_usage *usage = ms_model_sampled_usage_mutable(model, 1, 1, rate);
        usage->allocations = 10000;
        usage->bytes_allocated = 1000000;
        const struct ms_usage_extra extra = {.samples = samples[rate - 1]};
        assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
    }
    struct ms_usage *exact = ms_model_usage_mutable(model, 1, 1);
    exact->bytes_allocated = 2000000;
    assert_int_equal(ms_model_tick_end(model, TENTH), 0);
    struct ms_figures figures;
    ms_figures_of_site(model, 1, &figures);
    assert_int_equal(figures.samples, 500);
    assert_int_equal(ms_model_site(model, 0)->heap.bytes_allocated, 4000000);
    /* 10 % and 5 % of a million, and nothing of two. */
    const double expected = 1.96 * sqrt(1e5 * 1e5 + 5e4 * 5e4) / 4e6;
    assert_true(fabs(ms_figures_relative_error(figures.variance, 4000000) - expected) < 1e-12);
    assert_true(isnan(ms_figures_relative_error(0, 0)));
    ms_model_free(model);
}

static void test_shares_of_the_check(void **state)
{
    (void)state;
    struct ms_stack_check check = {0};
    assert_true(isnan(ms_stack_check_proven_share(&check)));
    assert_true(isnan(ms_stack_check_agreement(&check)));
    check = (struct ms_stack_check){.walked = 25, .proven = 75, .rechecked = 3, .differed = 0};
    assert_true(ms_stack_check_proven_share(&check) == 0.75);
    assert_true(ms_stack_check_rechecked_share(&check) == 0.04);
    assert_true(ms_stack_check_agreement(&check) == 1);
    check.differed = 1;
    assert_true(ms_stack_check_agreement(&check) < 0.67);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histograms_cost_nothing_until_they_spread),
        cmocka_unit_test(test_sums_of_site_thread_and_process),
        cmocka_unit_test(test_kept_figures_are_those_added_up_anew),
        cmocka_unit_test(test_merged_threads_keep_theirs),
        cmocka_unit_test(test_shares_of_the_peak_are_a_metric_when_there_was_one),
        cmocka_unit_test(test_rates_of_sites),
        cmocka_unit_test(test_errors_of_estimates),
        cmocka_unit_test(test_shares_of_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
