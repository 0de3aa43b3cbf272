#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/leaks.h"
#include "model/figures.h"

#define START UINT64_C(7000000000000)
#define TICK  (MS_SECOND_NS / 10)

/* A program of one thread whose call sites do what the tests say, ten times a second. */
struct run {
    struct ms_model *model;
    struct ms_leaks *leaks;
    uint32_t thread;
    uint64_t tick;
    uint64_t random;
};

static void open_run(struct run *run, const struct ms_suppressions *suppressions)
{
    *run = (struct run){.random = 88172645463325252u};
    run->model = ms_model_new(TICK, START, UINT64_C(1700000000000000000));
    struct ms_process *process = ms_model_add_process(run->model, 1);
    process->start_ns = START;
    process->seen = MS_SEEN_FULL;
    run->thread = ms_model_add_thread(run->model, 1)->id;
    run->leaks = ms_leaks_new(suppressions);
    assert_non_null(run->leaks);
}

static void close_run(struct run *run)
{
    ms_leaks_free(run->leaks);
    ms_model_free(run->model);
}

static uint32_t add_site(struct run *run, const char *function)
{
    struct ms_frame *frame = ms_model_add_frame(run->model);
    frame->function = ms_model_string(run->model, function);
    frame->file = "/src/app/parse.c";
    frame->module = "/usr/bin/app";
    const struct ms_frame *frames[] = {frame};
    return ms_model_add_site(run->model, 1, frames, 1, 0)->id;
}

/* So many blocks of 100 bytes come and so many go. */
static void work(struct run *run, uint32_t site_id, uint64_t allocations, uint64_t frees)
{
    struct ms_usage *usage = ms_model_usage_mutable(run->model, run->thread, site_id);
    assert_non_null(usage);
    usage->allocations += allocations;
    usage->deallocations += frees;
    usage->bytes_allocated += 100 * allocations;
    usage->bytes_freed += 100 * frees;
    struct ms_process *process = ms_model_process_mutable(run->model, 1);
    process->totals.allocations += allocations;
    process->totals.deallocations += frees;
    process->totals.bytes_allocated += 100 * allocations;
    process->totals.bytes_freed += 100 * frees;
    process->kernel.user_ns += (allocations + frees) * 10000;
}

/* As of the last tick: to be asked before the site does anything in this one. */
static uint64_t live(const struct run *run, uint32_t site_id)
{
    const struct ms_heap *heap = &ms_model_site_by_id(run->model, site_id)->heap;
    return heap->allocations - heap->deallocations;
}

static void end_tick(struct run *run)
{
    run->tick++;
    assert_int_equal(ms_model_tick_end(run->model, START + run->tick * TICK), 0);
    assert_int_equal(ms_leaks_update(run->leaks, run->model), 0);
}

static double seconds(const struct run *run)
{
    return (double)run->tick / 10;
}

static uint64_t chance(struct run *run, uint64_t bound)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return (run->random >> 20) % bound;
}

/* One in ten blocks of a busy site is never freed. */
static void leak_one_in_ten(struct run *run, uint32_t site_id)
{
    work(run, site_id, 50, 45);
}

/* Every tick the same, until so many seconds of the run. */
static void work_until(struct run *run, double until_s, uint32_t site_id, uint64_t allocations,
                       uint64_t frees)
{
    while (seconds(run) < until_s) {
        work(run, site_id, allocations, frees);
        end_tick(run);
    }
}

static void leak_until(struct run *run, double until_s, uint32_t site_id)
{
    while (seconds(run) < until_s) {
        leak_one_in_ten(run, site_id);
        end_tick(run);
    }
}

static void rest_until(struct run *run, double until_s)
{
    while (seconds(run) < until_s) {
        end_tick(run);
    }
}

static void test_a_leak_is_found_with_its_figures(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    const uint32_t leaky = add_site(&run, "parse_row");
    const uint32_t honest = add_site(&run, "read_line");
    while (ms_leaks_count(run.leaks) == 0 && seconds(&run) < 60) {
        leak_one_in_ten(&run, leaky);
        work(&run, honest, 500, run.tick == 0 ? 300 : 500);
        end_tick(&run);
    }
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    assert_in_range((uint64_t)seconds(&run), 30, 45);
    const struct ms_leak *leak = ms_leaks_at(run.leaks, 0);
    assert_ptr_equal(leak, ms_leaks_of_site(run.leaks, leaky));
    assert_null(ms_leaks_of_site(run.leaks, honest));
    assert_int_equal(leak->live_blocks, live(&run, leaky));
    assert_int_equal(leak->judged_ns, ms_model_now_ns(run.model));
    /* 5 blocks of 100 bytes, ten times a second */
    assert_true(fabs(leak->slope_bytes_per_s - 5000) < 100);
    const double age_s = (double)(ms_model_now_ns(run.model) - leak->since_ns) / 1e9;
    assert_true(fabs((double)leak->leaked_bytes - age_s * 5000) < 30000);
    assert_true(leak->windows >= MS_LEAK_WINDOWS_MIN);
    assert_true(leak->confidence > 0.9 && leak->confidence <= 1);
    assert_non_null(strstr(leak->reason, "5 of 5 windows of 5 s"));
    assert_non_null(strstr(leak->reason, "10 % of what it allocates is never freed"));
    close_run(&run);
}

/* The machine gets busy: the program does less and less, in fits, and loses one block in ten. */
static void test_a_leak_is_found_when_the_load_changes(void **state)
{
    (void)state;
    static const uint64_t loads[] = {40, 40, 70, 240, 100, 45, 45, 25, 15, 15, 30, 10};
    struct run run;
    open_run(&run, NULL);
    const uint32_t leaky = add_site(&run, "copy_word");
    while (ms_leaks_count(run.leaks) == 0 && seconds(&run) < 60) {
        const uint64_t load = loads[(size_t)seconds(&run) / 5];
        work(&run, leaky, load + load / 10 + 1, load);
        end_tick(&run);
    }
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    close_run(&run);
}

static void test_a_slow_leak_among_many_short_lived_blocks_is_found(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    const uint32_t site = add_site(&run, "handle_request");
    while (ms_leaks_count(run.leaks) == 0 && seconds(&run) < 60) {
        /* up to 60 are live at a time, and two or three a second stay */
        const uint64_t in_flight = chance(&run, 60);
        const uint64_t kept = run.tick / 4;
        const uint64_t wanted = in_flight + kept;
        const uint64_t now = live(&run, site);
        work(&run, site, 1000 + (wanted > now ? wanted - now : 0),
             1000 + (wanted < now ? now - wanted : 0));
        end_tick(&run);
    }
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    close_run(&run);
}

/* Runs the program; nothing may be judged at any time. */
static void none_while(struct run *run, double until_s,
                       void (*step)(struct run *run, uint32_t site), uint32_t site)
{
    while (seconds(run) < until_s) {
        step(run, site);
        end_tick(run);
        if (ms_leaks_count(run->leaks) > 0) {
            fail_msg("after %.1f s: %s", seconds(run), ms_leaks_at(run->leaks, 0)->reason);
        }
    }
}

static void fill_and_stop(struct run *run, uint32_t site)
{
    work(run, site, 20, live(run, site) < 4000 ? 0 : 20); /* full after 20 s */
}

static void test_a_cache_that_fills_and_stops_is_none(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    none_while(&run, 200, fill_and_stop, add_site(&run, "cache_put"));
    close_run(&run);
}

static void fill_ever_slower(struct run *run, uint32_t site)
{
    const uint64_t known = live(run, site);
    for (unsigned request = 0; request < 20; request++) { /* of 12,000 keys: 60 s */
        work(run, site, chance(run, 12000) >= known, 0);
    }
    work(run, add_site(run, "request") /* a call stack never seen again */, 20, 20);
}

static void test_a_cache_of_few_keys_that_fills_ever_slower_is_none(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    none_while(&run, 400, fill_ever_slower, add_site(&run, "intern"));
    close_run(&run);
}

static void fill_and_flush(struct run *run, uint32_t site)
{
    const bool flushes = run->tick % 150 == 149; /* every 15 s */
    work(run, site, 20, flushes ? live(run, site) : 0);
}

/* A table is full after so many seconds of work, and the process has that share of each second:
 * after how many seconds it is taken for a leak; NaN: never. */
static double judged_while_it_fills(double work_s, double share, bool told)
{
    struct run run;
    open_run(&run, NULL);
    const uint32_t table = add_site(&run, "table_put");
    struct ms_thread *thread = ms_model_thread_mutable(run.model, run.thread);
    double judged_s = NAN;
    while (seconds(&run) < work_s / share) {
        work(&run, table, (uint64_t)(500 * share), 0);
        thread->kernel.have |= told ? (uint32_t)MS_HAVE_RUN_QUEUE : 0;
        thread->kernel.often_read_ns = START + (run.tick + 1) * TICK;
        thread->kernel.run_ns += (uint64_t)(share * (double)TICK);
        thread->kernel.run_queue_wait_ns += (uint64_t)((1 - share) * (double)TICK);
        end_tick(&run);
        if (isnan(judged_s) && ms_leaks_count(run.leaks) > 0) {
            judged_s = seconds(&run);
        }
    }
    close_run(&run);
    return judged_s;
}

static void test_what_fills_slowly_for_want_of_a_core_is_none(void **state)
{
    (void)state;
    assert_true(isnan(judged_while_it_fills(3, 1, true)));
    assert_true(isnan(judged_while_it_fills(3, 0.04, true)));
    /* Where the kernel does not say that it is held up, this is the same as a leak. */
    assert_true(!isnan(judged_while_it_fills(3, 0.04, false)));
    /* What goes on is judged when the process had its time, and not later where it is held up less.
     */
    const double judged_s = judged_while_it_fills(60, 0.4, true);
    assert_true(judged_s > 25 / 0.4 && judged_s < 45 / 0.4);
    assert_true(judged_while_it_fills(60, 0.6, true) == judged_while_it_fills(60, 0.6, false));
}

static void test_what_is_freed_in_batches_is_none(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    none_while(&run, 900, fill_and_flush, add_site(&run, "batch_add"));
    close_run(&run);
}

static void swing(struct run *run, uint32_t site)
{
    const uint64_t wanted = 100 + chance(run, 900);
    const uint64_t now = live(run, site);
    work(run, site, wanted > now ? wanted - now : 0, wanted < now ? now - wanted : 0);
}

static void test_what_only_swings_is_none(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    none_while(&run, 1200, swing, add_site(&run, "queue_push"));
    close_run(&run);
}

static void grow_one_buffer(struct run *run, uint32_t site)
{
    struct ms_usage *usage = ms_model_usage_mutable(run->model, run->thread, site);
    usage->allocations++;
    usage->deallocations += usage->allocations > 1;
    usage->bytes_freed = usage->bytes_allocated;
    usage->bytes_allocated += 1000 * (run->tick + 1);
}

static void test_a_buffer_that_grows_is_none(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    none_while(&run, 100, grow_one_buffer, add_site(&run, "append"));
    close_run(&run);
}

static void test_a_leak_that_stops_is_taken_back(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    const uint32_t site = add_site(&run, "cache_put");
    work_until(&run, 50, site, 20, 0);
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    work_until(&run, 66, site, 20, 20); /* full: for each new one another goes */
    assert_int_equal(ms_leaks_count(run.leaks), 0);
    close_run(&run);
}

static void test_a_process_that_rests_says_nothing(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    const uint32_t site = add_site(&run, "parse_row");
    leak_until(&run, 50, site);
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    rest_until(&run, 56); /* the window that it worked in is over */
    const uint32_t windows = ms_leaks_at(run.leaks, 0)->windows;
    rest_until(&run, 90);
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    const struct ms_leak *leak = ms_leaks_at(run.leaks, 0);
    assert_int_equal(leak->windows, windows);
    assert_int_equal(strncmp(leak->reason, "as of 35 s ago, idle since: grew in ", 36), 0);
    leak_until(&run, 100, site);
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    assert_int_equal(strncmp(leak->reason, "grew in ", 8), 0);
    rest_until(&run, 125);
    ms_model_process_mutable(run.model, 1)->end_ns = ms_model_now_ns(run.model);
    end_tick(&run);
    assert_non_null(strstr(leak->reason, " s before its end, idle since: grew in "));
    close_run(&run);
}

static void test_windows_get_longer_with_the_run(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    const uint32_t site = add_site(&run, "parse_row");
    leak_until(&run, 1100, site);
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    assert_non_null(strstr(ms_leaks_at(run.leaks, 0)->reason, "windows of 80 s"));
    assert_true(fabs(ms_leaks_at(run.leaks, 0)->slope_bytes_per_s - 5000) < 100);
    close_run(&run);
}

static void test_the_judgement_of_its_end_stays(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    const uint32_t site = add_site(&run, "parse_row");
    leak_until(&run, 50, site);
    struct ms_process *process = ms_model_process_mutable(run.model, 1);
    process->end_ns = ms_model_now_ns(run.model);
    for (unsigned i = 0; i < 200; i++) {
        end_tick(&run);
    }
    assert_int_equal(ms_leaks_count(run.leaks), 1);
    const struct ms_leak *leak = ms_leaks_at(run.leaks, 0);
    assert_int_equal(strncmp(leak->reason, "as of its end: grew in ", 23), 0);
    assert_int_equal(leak->live_blocks, live(&run, site));
    close_run(&run);
}

/* A sampled site of n blocks is known to 1.96 / sqrt(n) only. */
static void test_the_error_of_a_sample_lowers_the_confidence(void **state)
{
    (void)state;
    double confidence[2];
    for (unsigned exact = 0; exact < 2; exact++) {
        struct run run;
        open_run(&run, NULL);
        const uint32_t site = add_site(&run, "parse_row");
        while (seconds(&run) < 60) {
            struct ms_usage *usage =
                ms_model_sampled_usage_mutable(run.model, run.thread, site, exact != 0 ? 0 : 3);
            usage->allocations += 100;
            usage->bytes_allocated += 10000;
            if (exact == 0) {
                const struct ms_usage_extra extra = {.samples = usage->allocations / 100};
                assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
            }
            end_tick(&run);
        }
        assert_int_equal(ms_leaks_count(run.leaks), 1);
        const struct ms_leak *leak = ms_leaks_at(run.leaks, 0);
        confidence[exact] = leak->confidence;
        assert_int_equal(strstr(leak->reason, "estimated from a sample") != NULL, exact == 0);
        close_run(&run);
    }
    assert_true(confidence[0] < confidence[1] - 0.05);
}

static void test_it_says_why_there_is_none(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    char text[160];
    const uint32_t site = add_site(&run, "parse_row");
    work_until(&run, 3, site, 10, 10);
    ms_leaks_why_none(run.leaks, run.model, text, sizeof(text));
    assert_non_null(strstr(text, "Too early to judge, for another 33 s. "));
    work_until(&run, 40, site, 10, 10);
    ms_leaks_why_none(run.leaks, run.model, text, sizeof(text));
    assert_string_equal(text, "No call site keeps growing. A single buffer that realloc keeps "
                              "enlarging is not judged: sort screen 5 by growth.");
    leak_until(&run, 60, site);
    ms_leaks_why_none(run.leaks, run.model, text, sizeof(text));
    assert_non_null(strstr(text, "1 call site grew recently, for "));
    close_run(&run);
}

/* A recording goes on after its program: that is no time in which it could have leaked. */
static void test_time_after_the_end_does_not_count(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    char text[160];
    const uint32_t site = add_site(&run, "parse_row");
    work_until(&run, 3, site, 10, 10);
    ms_model_process_mutable(run.model, 1)->end_ns = ms_model_now_ns(run.model);
    rest_until(&run, 9);
    ms_leaks_why_none(run.leaks, run.model, text, sizeof(text));
    assert_string_equal(text, "No call site was judged to leak while the program ran (3 s).");
    close_run(&run);
}

/* More sites than are looked at in an update, more that grow than are watched. */
static void test_many_sites_that_grow_are_bounded_and_the_largest_is_found(void **state)
{
    (void)state;
    struct run run;
    open_run(&run, NULL);
    enum { SITES = 6000 };
    uint32_t first = 0;
    for (unsigned i = 0; i < SITES; i++) {
        const uint32_t id = add_site(&run, "template");
        first = first == 0 ? id : first;
    }
    const uint32_t leaky = add_site(&run, "parse_row");
    while (seconds(&run) < 60) {
        if (run.tick % 10 == 0) {
            for (uint32_t i = 0; i < SITES; i++) {
                work(&run, first + i, 1, 0);
            }
        }
        leak_one_in_ten(&run, leaky);
        end_tick(&run);
    }
    assert_true(ms_leaks_count(run.leaks) <= 4096);
    assert_int_equal(ms_leaks_at(run.leaks, 0)->site_id, leaky);
    close_run(&run);
}

static struct ms_suppressions *parsed(const char *text)
{
    struct ms_suppressions *suppressions;
    char error[160] = "";
    assert_int_equal(ms_suppressions_parse(text, &suppressions, error, sizeof(error)), 0);
    assert_string_equal(error, "");
    return suppressions;
}

static void check_match(const char *rule, const char *function, bool expected)
{
    struct run run;
    struct ms_suppressions *suppressions = parsed(rule);
    open_run(&run, NULL);
    const uint32_t site = add_site(&run, function);
    if (ms_suppressions_match(suppressions, ms_model_site_by_id(run.model, site)) != expected) {
        fail_msg("%s and %s: expected %d", rule, function, expected);
    }
    close_run(&run);
    ms_suppressions_free(suppressions);
}

static void test_a_rule_is_looked_for_in_function_file_and_module(void **state)
{
    (void)state;
    check_match("leak:parse", "my_parse_row", true);
    check_match("leak:^parse", "my_parse_row", false);
    check_match("leak:^my_", "my_parse_row", true);
    check_match("leak:row$", "my_parse_row", true);
    check_match("leak:parse$", "my_parse_row", false);
    check_match("leak:my*row", "my_parse_row", true);
    check_match("leak:^my*p*row$", "my_parse_row", true);
    check_match("leak:^*ow$", "row_ow_row_ow", true);
    check_match("leak:row*my", "my_parse_row", false);
    check_match("leak:ab$", "abab", true);
    check_match("leak:/src/app/", "f", true);
    check_match("leak:^parse.c", "f", false);
    check_match("leak:/app$", "f", true);
    check_match("# comment\n\n  leak:x y \r\nleak:my_parse\n", "my_parse_row", true);
    check_match("", "my_parse_row", false);
}

static void check_refused(const char *text, const char *part)
{
    struct ms_suppressions *suppressions;
    char error[160] = "";
    assert_int_equal(ms_suppressions_parse(text, &suppressions, error, sizeof(error)), -EINVAL);
    assert_null(suppressions);
    if (strstr(error, part) == NULL) {
        fail_msg("'%s' does not name '%s'", error, part);
    }
}

static void test_a_bad_rule_is_named_by_its_line(void **state)
{
    (void)state;
    check_refused("leak:good\nrace:bad\n", "line 2: 'race:bad'");
    check_refused("leak:\n", "line 1: 'leak:'");
    check_refused("leak:*\n", "line 1: 'leak:*'"); /* it would hide everything */
    check_refused("good\n", "leak:PATTERN");
    check_refused("\033[31m\n", "'?[31m'");
    struct ms_suppressions *suppressions;
    char error[160];
    assert_int_equal(ms_suppressions_read("/nonexistent/rules", &suppressions, error, sizeof error),
                     -ENOENT);
    assert_string_equal(error, "No such file or directory");
    assert_int_equal(ms_suppressions_read("/", &suppressions, error, sizeof error), -EISDIR);
}

static void test_suppressed_leaks_are_marked_and_come_last(void **state)
{
    (void)state;
    struct run run;
    struct ms_suppressions *suppressions = parsed("leak:known_leak\n");
    assert_int_equal(ms_suppressions_count(suppressions), 1);
    open_run(&run, suppressions);
    const uint32_t known = add_site(&run, "known_leak");
    const uint32_t news = add_site(&run, "parse_row");
    while (seconds(&run) < 50) {
        work(&run, known, 500, 0);
        leak_one_in_ten(&run, news);
        end_tick(&run);
    }
    assert_int_equal(ms_leaks_count(run.leaks), 2);
    assert_int_equal(ms_leaks_at(run.leaks, 0)->site_id, news);
    assert_false(ms_leaks_at(run.leaks, 0)->suppressed);
    assert_int_equal(ms_leaks_at(run.leaks, 1)->site_id, known);
    assert_true(ms_leaks_at(run.leaks, 1)->suppressed);
    close_run(&run);
    ms_suppressions_free(suppressions);
}

static void test_what_was_not_freed_at_exit(void **state)
{
    (void)state;
    struct run run;
    struct ms_suppressions *suppressions = parsed("leak:known_leak\n");
    open_run(&run, NULL);
    const uint32_t known = add_site(&run, "known_leak");
    const uint32_t small = add_site(&run, "small");
    const uint32_t large = add_site(&run, "large");
    const uint32_t freed = add_site(&run, "freed");
    work(&run, known, 1000, 0);
    work(&run, small, 5, 2);
    work(&run, large, 90, 50);
    work(&run, freed, 70, 70);
    end_tick(&run);
    const struct ms_scope all = {0};
    struct ms_not_freed found[4];
    assert_int_equal(ms_not_freed_sites(run.model, &all, suppressions, found, 4), 0);
    assert_false(ms_not_freed_sum(run.model, &all, suppressions).known);

    struct ms_process *process = ms_model_process_mutable(run.model, 1);
    process->end_ns = ms_model_now_ns(run.model);
    assert_int_equal(ms_not_freed_sites(run.model, &all, suppressions, found, 4), 3);
    assert_int_equal(found[0].site_id, large);
    assert_int_equal(found[0].blocks, 40);
    assert_int_equal(found[0].bytes, 4000);
    assert_false(found[0].estimated);
    assert_int_equal(found[1].site_id, small);
    assert_int_equal(found[2].site_id, known);
    assert_true(found[2].suppressed);
    assert_int_equal(ms_not_freed_sites(run.model, &all, suppressions, found, 1), 3);
    assert_int_equal(found[0].site_id, large);
    const struct ms_scope one = {.site_id = small};
    assert_int_equal(ms_not_freed_sites(run.model, &one, suppressions, found, 4), 1);
    assert_int_equal(found[0].blocks, 3);

    const struct ms_not_freed_sum sum = ms_not_freed_sum(run.model, &all, suppressions);
    assert_true(sum.known);
    assert_int_equal(sum.sites, 3);
    assert_int_equal(sum.blocks, 1043);
    assert_int_equal(sum.bytes, 104300);
    assert_int_equal(sum.suppressed_bytes, 100000);

    process->replaced_by_exec = true; /* its memory was not left but replaced */
    assert_int_equal(ms_not_freed_sites(run.model, &all, suppressions, found, 4), 0);
    close_run(&run);
    ms_suppressions_free(suppressions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leak_is_found_with_its_figures),
        cmocka_unit_test(test_a_leak_is_found_when_the_load_changes),
        cmocka_unit_test(test_a_slow_leak_among_many_short_lived_blocks_is_found),
        cmocka_unit_test(test_a_cache_that_fills_and_stops_is_none),
        cmocka_unit_test(test_a_cache_of_few_keys_that_fills_ever_slower_is_none),
        cmocka_unit_test(test_what_fills_slowly_for_want_of_a_core_is_none),
        cmocka_unit_test(test_what_is_freed_in_batches_is_none),
        cmocka_unit_test(test_what_only_swings_is_none),
        cmocka_unit_test(test_a_buffer_that_grows_is_none),
        cmocka_unit_test(test_a_leak_that_stops_is_taken_back),
        cmocka_unit_test(test_a_process_that_rests_says_nothing),
        cmocka_unit_test(test_windows_get_longer_with_the_run),
        cmocka_unit_test(test_the_judgement_of_its_end_stays),
        cmocka_unit_test(test_the_error_of_a_sample_lowers_the_confidence),
        cmocka_unit_test(test_it_says_why_there_is_none),
        cmocka_unit_test(test_time_after_the_end_does_not_count),
        cmocka_unit_test(test_many_sites_that_grow_are_bounded_and_the_largest_is_found),
        cmocka_unit_test(test_a_rule_is_looked_for_in_function_file_and_module),
        cmocka_unit_test(test_a_bad_rule_is_named_by_its_line),
        cmocka_unit_test(test_suppressed_leaks_are_marked_and_come_last),
        cmocka_unit_test(test_what_was_not_freed_at_exit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
