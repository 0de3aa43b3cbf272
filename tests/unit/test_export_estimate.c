/* Bytes of call sites beside what is known exactly: errors, bounds, words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "export/estimate.h"

#define PROCESS 128u
#define SITE    1u

static struct ms_model *model;

/* A process whose peak is exactly 6 MB, and a site in it. */
static int begin(void **state)
{
    (void)state;
    model = ms_model_new(MS_SECOND_NS, 0, 0);
    struct ms_process *process = ms_model_add_process(model, PROCESS);
    process->seen = MS_SEEN_FULL;
    process->totals.peak_bytes = 6000000;
    for (int i = 0; i < 2; i++) {
        assert_non_null(ms_model_add_thread(model, PROCESS));
    }
    assert_int_equal(ms_model_add_site(model, PROCESS, NULL, 0, 0)->id, SITE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ms_model_free(model);
    return 0;
}

/* A thread that had `peak_bytes` there, of as much as it allocated, known from so many samples; 0:
 * exactly. */
static void use(size_t thread, uint64_t peak_bytes, uint64_t samples)
{
    const uint32_t id = ms_model_thread(model, thread)->id;
    struct ms_usage *usage = samples > 0 ? ms_model_sampled_usage_mutable(model, id, SITE, 1)
                                         : ms_model_usage_mutable(model, id, SITE);
    usage->allocations = usage->deallocations = 10;
    usage->bytes_allocated = usage->bytes_freed = usage->peak_bytes = peak_bytes;
    const struct ms_usage_extra extra = {.samples = samples, .samples_freed = samples};
    assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
    assert_int_equal(ms_model_tick_end(model, ms_model_now_ns(model) + 1), 0);
}

static const char *peak(void)
{
    static char words[MS_ESTIMATE_MAX];
    struct ms_figures figures;
    ms_figures_of_site(model, SITE, &figures);
    const struct ms_site *site = ms_model_site_by_id(model, SITE);
    const struct ms_estimate estimate = ms_estimate_of_peak(model, site, &site->heap, &figures);
    return ms_estimate_words(words, &estimate);
}

static void test_exact_peak_of_one_thread(void **state)
{
    (void)state;
    use(0, 5000000, 0);
    assert_string_equal(peak(), "5.00MB");
}

/* Each of them had 5 MB, but never both: the process says so. */
static void test_peaks_of_threads_are_bounded_by_that_of_the_process(void **state)
{
    (void)state;
    use(0, 2000000, 0);
    use(1, 3000000, 0);
    assert_string_equal(peak(), "at most 5.00MB");
    use(0, 5000000, 0);
    assert_string_equal(peak(), "at most 6.00MB");
    ms_model_process_mutable(model, PROCESS)->peak_error_bytes = 100000;
    assert_string_equal(peak(), "at most 6.10MB");
}

static void test_estimates_have_their_error(void **state)
{
    (void)state;
    use(0, 5000000, 100); /* 1.96 / sqrt(100) of it */
    assert_string_equal(peak(), "~5.00MB +-980kB");
}

/* As likely as not it was more than there can have been: both are said. */
static void test_estimates_above_what_is_exact_say_so(void **state)
{
    (void)state;
    use(0, 8000000, 4);
    assert_string_equal(peak(), "~8.00MB +-7.84MB, at most 6.00MB");
}

static void test_sampled_peaks_of_several_threads(void **state)
{
    (void)state;
    use(0, 1000000, 100);
    use(1, 1000000, 100);
    assert_string_equal(peak(), "at most ~2.00MB +-277kB");
    use(1, 8000000, 100);
    assert_string_equal(peak(), "at most 6.00MB");
}

static void test_without_a_peak_of_the_process_nothing_bounds(void **state)
{
    (void)state;
    ms_model_process_mutable(model, PROCESS)->totals.peak_bytes = 0;
    use(0, 8000000, 4);
    assert_string_equal(peak(), "~8.00MB +-7.84MB");
    uint64_t at_most;
    struct ms_figures figures;
    ms_figures_of_site(model, SITE, &figures);
    assert_false(
        ms_site_peak_at_most(model, ms_model_site_by_id(model, SITE), 8000000, &figures, &at_most));
}

/* Half of what was allocated was live: as if half of the samples had been. */
static void test_error_of_a_peak(void **state)
{
    (void)state;
    use(0, 4000000, 100);
    const uint32_t id = ms_model_thread(model, 0)->id;
    ms_model_sampled_usage_mutable(model, id, SITE, 1)->peak_bytes = 2000000;
    assert_int_equal(ms_model_tick_end(model, ms_model_now_ns(model) + 1), 0);
    struct ms_figures figures;
    ms_figures_of_site(model, SITE, &figures);
    assert_true(fabs(ms_figures_relative_error(figures.peak_variance, 2000000) - 1.96 / sqrt(50)) <
                1e-9);
}

static void test_of_what_has_no_sample_no_error_is_told(void **state)
{
    (void)state;
    char words[MS_ESTIMATE_MAX];
    const struct ms_estimate none = {.sampled = true, .at_most_bytes = UINT64_MAX};
    assert_string_equal(ms_estimate_words(words, &none), "~0B");
}

int main(void)
{
    setlocale(LC_ALL, "C");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exact_peak_of_one_thread, begin, end),
        cmocka_unit_test_setup_teardown(test_peaks_of_threads_are_bounded_by_that_of_the_process,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_estimates_have_their_error, begin, end),
        cmocka_unit_test_setup_teardown(test_estimates_above_what_is_exact_say_so, begin, end),
        cmocka_unit_test_setup_teardown(test_sampled_peaks_of_several_threads, begin, end),
        cmocka_unit_test_setup_teardown(test_without_a_peak_of_the_process_nothing_bounds, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_error_of_a_peak, begin, end),
        cmocka_unit_test(test_of_what_has_no_sample_no_error_is_told),
    };
    return cmocka_run_group_tests_name("estimates", tests, NULL, NULL);
}
