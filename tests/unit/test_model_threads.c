#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/metric.h"
#include "model/model.h"
#include "model/restore.h"

#define START            UINT64_C(5000000000000)
#define TENTH            (MS_SECOND_NS / 10)
#define CLOSE(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static struct ms_model *model_new(void)
{
    struct ms_model *model = ms_model_new(TENTH, START, UINT64_C(1700000000000000000));
    assert_non_null(model);
    assert_non_null(ms_model_add_process(model, 128));
    return model;
}

static struct ms_thread *thread_new(struct ms_model *model, const char *name, uint64_t start_ns)
{
    struct ms_thread *thread = ms_model_add_thread(model, 128);
    assert_non_null(thread);
    thread->tid = (pid_t)(1000 + thread->id);
    (void)snprintf(thread->name, sizeof(thread->name), "%s", name);
    thread->tracked = thread->probed = true;
    thread->start_ns = start_ns;
    thread->kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_IO | MS_HAVE_SWITCHES;
    return thread;
}

static void test_rates_are_over_one_second(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_thread *thread = thread_new(model, "worker", START - 100 * MS_SECOND_NS);
    thread->kernel.run_ns = 7 * MS_SECOND_NS;
    for (uint64_t t = 1; t <= 40; t++) {
        if (t > 20) { /* busy for half of each tick from 2 s on, 300 bytes in 3 blocks a tick */
            thread->kernel.run_ns += TENTH / 2;
            thread->heap.allocations += 3;
            thread->heap.bytes_allocated += 300;
            thread->heap.bytes_freed += 100;
            thread->kernel.read_calls += 4;
        }
        assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
        if (t == 1) {
            assert_true(isnan(thread->rates.cpu_pct)); /* nothing to compare with yet */
        }
        if (t == 20) {
            CLOSE(thread->rates.cpu_pct, 0, 1e-9);
        }
        if (t == 25) { /* half of the window was busy */
            CLOSE(thread->rates.cpu_pct, 25, 1e-6);
        }
    }
    CLOSE(thread->rates.cpu_pct, 50, 1e-6);
    CLOSE(thread->rates.allocations_per_s, 30, 1e-6);
    CLOSE(thread->rates.bytes_allocated_per_s, 3000, 1e-6);
    CLOSE(thread->rates.growth_bytes_per_s, 2000, 1e-6);
    CLOSE(thread->rates.io_calls_per_s, 40, 1e-6);
    CLOSE(ms_metric_of_thread(thread, MS_METRIC_CPU_PCT, START).number, 50, 1e-6);
    ms_model_free(model);
}

static void test_late_ticks_do_not_bend_rates(void **state)
{
    (void)state;
    static const uint64_t gaps_ms[] = {100, 130, 70, 1700, 100, 100, 350, 90, 110, 2500, 110};
    struct ms_model *model = model_new();
    struct ms_thread *thread = thread_new(model, "even", START - 100 * MS_SECOND_NS);
    uint64_t now_ns = START;
    for (size_t i = 0; i < sizeof(gaps_ms) / sizeof(gaps_ms[0]); i++) {
        now_ns += gaps_ms[i] * 1000000;
        thread->heap.bytes_allocated = (now_ns - START) / 1000; /* 1 MB/s, whatever the ticks do */
        thread->kernel.run_ns = (now_ns - START) / 4;
        assert_int_equal(ms_model_tick_end(model, now_ns), 0);
        if (i > 0) {
            CLOSE(thread->rates.bytes_allocated_per_s, 1e6, 1);
            CLOSE(thread->rates.cpu_pct, 25, 0.001);
        }
    }
    /* Ticks stand where their time is: 5360 ms are 54 ticks of 100 ms. */
    assert_int_equal(ms_model_ticks(model), 54);
    ms_model_free(model);
}

static void test_first_second_of_a_thread(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    assert_int_equal(ms_model_tick_end(model, START + 50 * TENTH), 0);
    struct ms_thread *thread = thread_new(model, "young", START + 50 * TENTH);
    thread->heap.bytes_allocated = 1000;
    assert_int_equal(ms_model_tick_end(model, START + 51 * TENTH), 0);
    assert_true(isnan(thread->rates.bytes_allocated_per_s));
    thread->heap.bytes_allocated = 2000;
    assert_int_equal(ms_model_tick_end(model, START + 52 * TENTH), 0);
    CLOSE(thread->rates.bytes_allocated_per_s, 10000, 1e-6); /* since its start 0.2 s ago */
    ms_model_free(model);
}

static void test_missing_source_is_never_zero(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_thread *thread = thread_new(model, "dark", START);
    thread->kernel.have = 0;
    thread->probed = false;
    thread->tracked = false;
    for (uint64_t t = 1; t < 15; t++) {
        assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
    }
    assert_true(isnan(thread->rates.cpu_pct) && isnan(thread->rates.io_calls_per_s));
    assert_true(isnan(thread->rates.allocations_per_s) && isnan(thread->rates.switches_per_s));
    for (int i = 0; i < MS_METRIC_TOTAL; i++) {
        const struct ms_value value =
            ms_metric_of_thread(thread, (enum ms_metric)i, ms_model_now_ns(model));
        assert_int_equal(value.available, i == MS_METRIC_RUN_TIME);
    }
    double points[20];
    assert_int_equal(
        ms_history_read(thread->history[MS_SERIES_CPU_PCT], MS_RESOLUTION_FINE, 20, points), 0);
    ms_model_free(model);
}

/* A counter that is read every third of a second, every second, every five: the same rate. */
static void test_rates_of_what_is_read_by_turns(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_thread *thread = thread_new(model, "by turns", START - 100 * MS_SECOND_NS);
    struct ms_kernel_thread *kernel = &thread->kernel;
    kernel->have |= MS_HAVE_MIGRATIONS | MS_HAVE_COUNTERS;
    for (uint64_t t = 1; t <= 150; t++) {
        const uint64_t now_ns = START + t * TENTH;
        if (t % 3 == 1) {
            kernel->often_read_ns = now_ns;
            kernel->run_ns = (now_ns - START) / 4;
        }
        if (t % 10 == 1) {
            kernel->slowly_read_ns = now_ns;
            kernel->read_calls = (now_ns - START) / 1000000;
            kernel->migrations = (now_ns - START) / TENTH;
        }
        if (t % 50 == 1) {
            kernel->counters_read_ns = now_ns;
            kernel->counters.cycles = 4 * (now_ns - START);
            kernel->counters.instructions = 2 * kernel->counters.cycles;
            kernel->counters.cache_references = (now_ns - START) / 100;
            kernel->counters.cache_misses = (now_ns - START) / 1000;
            kernel->counters.branches = MS_NO_COUNTER;
        }
        assert_int_equal(ms_model_tick_end(model, now_ns), 0);
        if (t >= 5) {
            CLOSE(thread->rates.cpu_pct, 25, 1e-6);
        }
        if (t >= 11) {
            CLOSE(thread->rates.io_calls_per_s, 1000, 1e-3);
        }
        if (t >= 51) {
            CLOSE(thread->rates.migrations_per_s, 10, 1e-6);
            CLOSE(ms_metric_of_thread(thread, MS_METRIC_IPC, now_ns).number, 2, 1e-6);
            CLOSE(ms_metric_of_thread(thread, MS_METRIC_CACHE_MISS_PCT, now_ns).number, 10, 1e-3);
            CLOSE(ms_metric_of_thread(thread, MS_METRIC_MEMORY_TRAFFIC, now_ns).number, 64e6, 1e3);
            assert_false(ms_metric_of_thread(thread, MS_METRIC_BRANCH_MISS_PCT, now_ns).available);
        }
    }
    kernel->have = 0; /* what is not told any more has no rate */
    assert_int_equal(ms_model_tick_end(model, START + 151 * TENTH), 0);
    assert_true(isnan(thread->rates.migrations_per_s) && isnan(thread->rates.cpu_pct));
    ms_model_free(model);
}

static const char *because(const struct ms_model *model, const struct ms_thread *thread,
                           enum ms_metric metric)
{
    static char text[256];
    return ms_metric_unavailable_because(model, thread, metric, text, sizeof text);
}

static void test_reasons_of_what_is_missing(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    assert_string_equal(because(model, NULL, MS_METRIC_CORE), "no thread was seen");
    struct ms_thread *thread = thread_new(model, "worker", START);
    thread->kernel.have = MS_HAVE_CPU;
    thread->kernel.last_core = 3;
    assert_int_equal(ms_model_tick_end(model, START + TENTH), 0);
    assert_string_equal(because(model, thread, MS_METRIC_CORE), "");
    assert_string_equal(because(model, thread, MS_METRIC_USER_PCT), "it was read once so far");
    assert_string_equal(because(model, thread, MS_METRIC_RECEIVED_BYTES),
                        "nothing has read it yet");

    ms_model_source_set(model, MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_UNAVAILABLE, "no PMU");
    ms_model_source_set(model, MS_SOURCE_THREAD_IO, MS_SOURCE_AVAILABLE, NULL);
    assert_string_equal(because(model, thread, MS_METRIC_CYCLES), "no PMU");
    assert_string_equal(because(model, NULL, MS_METRIC_IPC), "no PMU");
    assert_string_equal(because(model, thread, MS_METRIC_READ_BYTES), "it was not read yet");
    thread->kernel.refused = MS_HAVE_IO;
    assert_non_null(strstr(because(model, thread, MS_METRIC_READ_BYTES), "another user"));
    assert_non_null(strstr(because(model, NULL, MS_METRIC_READ_BYTES), "another user"));

    thread->tracked = false;
    assert_non_null(strstr(because(model, thread, MS_METRIC_PEAK_BYTES), "not selected"));
    thread->probed = false;
    assert_non_null(strstr(because(model, thread, MS_METRIC_PEAK_BYTES), "no record"));
    ms_model_process_mutable(model, 128)->threads_unread = "elsewhere";
    thread->kernel = (struct ms_kernel_thread){.last_core = -1};
    assert_string_equal(because(model, thread, MS_METRIC_CORE), "elsewhere");
    ms_model_process_mutable(model, 128)->threads_unread = NULL;
    ms_model_end_thread(model, thread->id, START + 1);
    assert_string_equal(because(model, thread, MS_METRIC_READ_BYTES),
                        "the thread ended before it was read");
    /* Every metric has a value or a reason, whatever is there of a thread. */
    for (int i = 0; i < MS_METRIC_TOTAL; i++) {
        const enum ms_metric metric = (enum ms_metric)i;
        const bool available = ms_metric_of_thread(thread, metric, START + TENTH).available;
        assert_int_equal(because(model, thread, metric)[0] == '\0', available);
        assert_true(strlen(ms_metric_info(metric)->heading) <= 8);
    }
    ms_model_free(model);
}

static void test_merged_threads_add_up(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    for (unsigned i = 0; i < MS_ENDED_THREADS_MAX + 3; i++) {
        struct ms_thread *thread = thread_new(model, "short", START);
        struct ms_kernel_thread *kernel = &thread->kernel;
        kernel->have |= MS_HAVE_MIGRATIONS | MS_HAVE_COUNTERS | MS_HAVE_AFFINITY | MS_HAVE_NODE;
        kernel->have &= i == 1 ? ~(uint32_t)MS_HAVE_SWITCHES : ~UINT32_C(0);
        kernel->last_core = 1;
        kernel->migrations = 2;
        kernel->user_ns = 5;
        kernel->minor_faults = 3;
        kernel->write_storage_bytes = 7;
        kernel->counters = (struct ms_hardware_counters){
            .cycles = 100, .instructions = 50, .branches = MS_NO_COUNTER};
        ms_model_end_thread(model, thread->id, START + 10);
    }
    assert_int_equal(ms_model_tick_end(model, START + TENTH), 0);
    const struct ms_thread *merged = ms_model_thread(model, 0);
    assert_int_equal(merged->merged, 3);
    uint64_t figure;
    assert_true(ms_metric_integer_of_thread(merged, MS_METRIC_MIGRATIONS, &figure));
    assert_int_equal(figure, 6);
    assert_true(ms_metric_integer_of_thread(merged, MS_METRIC_MINOR_FAULTS, &figure));
    assert_int_equal(figure, 9);
    assert_true(ms_metric_integer_of_thread(merged, MS_METRIC_WRITE_STORAGE, &figure));
    assert_int_equal(figure, 21);
    assert_true(ms_metric_integer_of_thread(merged, MS_METRIC_CYCLES, &figure));
    assert_int_equal(figure, 300);
    CLOSE(ms_metric_of_thread(merged, MS_METRIC_IPC, 0).number, 0.5, 1e-9);
    assert_false(ms_metric_of_thread(merged, MS_METRIC_BRANCH_MISS_PCT, 0).available);
    assert_false(ms_metric_integer_of_thread(merged, MS_METRIC_SWITCHES, &figure)); /* not of all */
    assert_false(ms_metric_integer_of_thread(merged, MS_METRIC_CORE, &figure));     /* whose? */
    assert_false(ms_metric_integer_of_thread(merged, MS_METRIC_CORES_ALLOWED, &figure));
    assert_non_null(strstr(because(model, merged, MS_METRIC_SWITCHES), "several threads"));
    ms_model_free(model);
}

/* Its start is seen when the probe begins, its CPU time counts from before: never above 100 %. */
static void test_a_short_life_is_no_shorter_than_its_cpu_time(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_thread *thread = thread_new(model, "brief", START);
    thread->kernel.run_ns = 5000000;
    const uint32_t id = thread->id;
    ms_model_end_thread(model, id, START + 4000000);
    assert_int_equal(ms_model_tick_end(model, START + TENTH), 0);
    const struct ms_thread *ended = ms_model_thread_by_id(model, id);
    CLOSE(ms_metric_of_thread(ended, MS_METRIC_CPU_PCT, START + TENTH).number, 100, 1e-9);
    uint64_t span_ns;
    CLOSE(ms_model_thread_window(model, ended, &span_ns).cpu_pct, 100, 1e-9);
    assert_int_equal(span_ns, 5000000);
    ms_model_free(model);
}

static void test_ended_thread_is_rated_over_its_life(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_thread *thread = thread_new(model, "gone", START);
    const uint32_t id = thread->id;
    thread->kernel.run_ns = MS_SECOND_NS / 2;
    thread->heap.bytes_allocated = 4000;
    ms_model_end_thread(model, id, START + 2 * MS_SECOND_NS);
    assert_int_equal(ms_model_tick_end(model, START + 30 * TENTH), 0);
    const struct ms_thread *ended = ms_model_thread_by_id(model, id);
    CLOSE(ms_metric_of_thread(ended, MS_METRIC_CPU_PCT, 0).number, 25, 1e-9);
    CLOSE(ms_metric_of_thread(ended, MS_METRIC_ALLOCATED_RATE, 0).number, 2000, 1e-9);
    CLOSE(ms_metric_of_thread(ended, MS_METRIC_RUN_TIME, 0).number, 2000, 1e-9);
    assert_false(ms_metric_of_thread(ended, MS_METRIC_GROWTH, 0).available);
    ms_model_free(model);
}

static void test_alive_come_first_in_order(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    for (int i = 0; i < 2000; i++) {
        thread_new(model, "t", START);
    }
    for (uint32_t id = 1; id <= 2000; id += 2) {
        ms_model_end_thread(model, 2001 - id, START + id); /* ends 2000, 1998 ... 2 */
    }
    assert_int_equal(ms_model_alive_count(model), 1000);
    assert_int_equal(ms_model_thread_count(model), 2000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(ms_model_thread(model, i)->id, 2 * i + 1);
        assert_int_equal(ms_model_thread(model, i)->end_ns, 0);
        assert_int_equal(ms_model_thread(model, 1000 + i)->id, 2000 - 2 * i);
        assert_int_not_equal(ms_model_thread(model, 1000 + i)->end_ns, 0);
    }
    assert_null(ms_model_thread_by_id(model, 0));
    assert_null(ms_model_thread_by_id(model, 2001));
    assert_null(ms_model_thread_by_id(model, UINT32_MAX));
    ms_model_end_thread(model, 2, START); /* a second time: nothing */
    assert_int_equal(ms_model_thread_count(model), 2000);
    ms_model_free(model);
}

/* What must be the same before and after threads are merged. */
struct sums {
    uint64_t allocations, bytes, usage_bytes, site_bytes, flow_blocks, threads;
};

static struct sums sum_up(const struct ms_model *model)
{
    struct sums sums = {0};
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        sums.allocations += thread->heap.allocations;
        sums.bytes += thread->heap.bytes_allocated;
        sums.threads += thread->merged > 0 ? thread->merged : 1;
    }
    for (size_t i = 0; i < ms_model_usage_count(model); i++) {
        const struct ms_usage *usage = ms_model_usage(model, i);
        assert_non_null(ms_model_thread_by_id(model, usage->thread_id));
        sums.usage_bytes += usage->bytes_allocated;
    }
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        sums.site_bytes += ms_model_site(model, i)->heap.bytes_allocated;
    }
    for (size_t i = 0; i < ms_model_flow_count(model); i++) {
        const struct ms_flow *flow = ms_model_flow(model, i);
        assert_true(flow->from_thread == 0 ||
                    ms_model_thread_by_id(model, flow->from_thread) != NULL);
        assert_non_null(ms_model_thread_by_id(model, flow->to_thread));
        sums.flow_blocks += flow->blocks;
    }
    return sums;
}

/* Rounds of short threads of few names, each at two of ten sites, whose blocks `main` frees. */
static void run_threads(struct ms_model *model, uint32_t main_id, unsigned count, uint64_t *now_ns)
{
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "pool-%u", i % 7);
        struct ms_thread *thread = thread_new(model, name, *now_ns);
        const uint32_t id = thread->id;
        thread->heap.allocations = 2;
        thread->heap.bytes_allocated = 100 + i % 50;
        thread->heap.peak_bytes = 100 + i % 50;
        thread->kernel.run_ns = 1000;
        for (uint32_t site = 1; site <= 2; site++) {
            struct ms_usage *usage = ms_model_usage_mutable(model, id, (i + site) % 10 + 1);
            assert_non_null(usage);
            usage->allocations = 1;
            usage->bytes_allocated = (100 + i % 50) / 2;
            usage->peak_bytes = (100 + i % 50) / 2;
        }
        struct ms_flow *flow = ms_model_flow_mutable(model, 128, id, main_id);
        assert_non_null(flow);
        flow->blocks = 2;
        ms_model_end_thread(model, id, *now_ns + 1000);
        if (i % 200 == 199) {
            *now_ns += TENTH;
            assert_int_equal(ms_model_tick_end(model, *now_ns), 0);
        }
    }
    *now_ns += TENTH;
    assert_int_equal(ms_model_tick_end(model, *now_ns), 0);
}

static void test_old_ended_threads_are_merged_without_loss(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    const uint32_t main_id = thread_new(model, "main", START)->id;
    for (int i = 0; i < 10; i++) {
        assert_non_null(ms_model_add_site(model, 128, NULL, 0, 0));
    }
    uint64_t now_ns = START;
    run_threads(model, main_id, 25000, &now_ns);
    const struct sums sums = sum_up(model);
    assert_int_equal(sums.threads, 25001);
    assert_int_equal(sums.allocations, 50000);
    assert_int_equal(sums.flow_blocks, 50000);
    assert_int_equal(sums.usage_bytes, sums.site_bytes);
    assert_int_equal(ms_model_alive_count(model), 1);
    assert_int_equal(ms_model_thread_count(model), 1 + 7 + MS_ENDED_THREADS_MAX);
    /* 7 names at each of 10 sites, and the 10,000 with two each. */
    assert_int_equal(ms_model_usage_count(model), 70 + 2 * MS_ENDED_THREADS_MAX);
    assert_int_equal(ms_model_flow_count(model), 7 + MS_ENDED_THREADS_MAX);
    const struct ms_thread *merged = ms_model_thread(model, 1);
    assert_in_range(merged->merged, 2142, 2144);
    assert_int_equal(merged->heap.peak_bytes, 149);
    assert_int_equal(merged->kernel.run_ns, 1000 * merged->merged);
    assert_null(ms_model_thread_mutable(model, merged->id));
    assert_null(ms_model_thread_by_id(model, main_id + 1));
    assert_null(ms_model_usage_mutable(model, main_id + 1, 1));
    assert_null(ms_model_flow_mutable(model, 128, main_id + 1, main_id));
    uint64_t walked = 0;
    for (uint32_t site = 1; site <= 10; site++) {
        const struct ms_usage *usage = NULL;
        while ((usage = ms_model_site_usage(model, site, usage)) != NULL) {
            assert_int_equal(usage->site_id, site);
            walked++;
        }
    }
    assert_int_equal(walked, ms_model_usage_count(model));
    ms_model_free(model);
}

static void test_merged_names_are_bounded(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    const unsigned names = MS_MERGED_NAMES_MAX + 500;
    for (unsigned i = 0; i < MS_ENDED_THREADS_MAX + names; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "only-%u", i);
        ms_model_end_thread(model, thread_new(model, name, START)->id, START + 1);
    }
    assert_int_equal(ms_model_tick_end(model, START + TENTH), 0);
    assert_int_equal(ms_model_thread_count(model), MS_ENDED_THREADS_MAX + MS_MERGED_NAMES_MAX + 1);
    assert_int_equal(ms_model_thread(model, MS_MERGED_NAMES_MAX)->merged, 500);
    assert_string_equal(ms_model_thread(model, MS_MERGED_NAMES_MAX)->name, "");
    ms_model_free(model);
}

static void test_process_rates_and_totals(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_process *process = ms_model_process_mutable(model, 128);
    struct ms_process *child = ms_model_add_process(model, 129);
    process = ms_model_process_mutable(model, 128);
    process->kernel.have_memory = true;
    process->totals.peak_bytes = 10;
    child->seen = MS_SEEN_NONE;
    child->totals.peak_bytes = 5;
    for (uint64_t t = 1; t <= 20; t++) {
        process->kernel.user_ns += TENTH;
        process->totals.bytes_allocated += 500;
        assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
    }
    CLOSE(process->cpu_pct, 100, 1e-6);
    CLOSE(process->allocated_per_s, 5000, 1e-6);
    assert_true(isnan(process->io_calls_per_s));
    assert_true(isnan(child->cpu_pct) && isnan(child->allocated_per_s));
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    assert_int_equal(totals.bytes_allocated, 10000);
    assert_int_equal(totals.peak_bytes, 15);
    process->end_ns = START + 20 * TENTH;
    assert_int_equal(ms_model_tick_end(model, START + 21 * TENTH), 0);
    assert_true(isnan(process->cpu_pct));
    ms_model_free(model);
}

static void test_joined_late(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    const struct ms_process *process = ms_model_process(model, 0);
    for (uint64_t t = 0; t < 3; t++) {
        assert_int_equal(ms_model_tick_end(model, START + 3600 * MS_SECOND_NS + t * TENTH), 0);
    }
    assert_int_equal(ms_model_first_tick(model), 35999);
    assert_int_equal(ms_model_ticks(model), 36002);
    uint64_t first;
    uint64_t end;
    ms_history_range(process->history[MS_PROCESS_SERIES_CURRENT_BYTES], &first, &end);
    assert_int_equal(first, 35999);
    assert_int_equal(end, 36002);
    ms_model_free(model);
}

/* Short threads that a recording brings as ended count as those do that ended here. */
static void test_histories_of_restored_ended_threads_are_as_bounded(void **state)
{
    (void)state;
    for (int restored = 0; restored < 2; restored++) {
        struct ms_model *model = model_new();
        const uint32_t first = thread_new(model, "first", START)->id;
        assert_int_equal(ms_model_tick_end(model, START + 100000000), 0);
        assert_non_null(ms_model_thread_by_id(model, first)->history[0]);
        ms_model_end_thread(model, first, START + 100000000);
        for (unsigned i = 0; i < 300; i++) {
            if (restored != 0) {
                struct ms_thread *thread =
                    ms_model_restore_thread(model, first + 1 + i, 128, MS_PLACE_ENDED);
                assert_non_null(thread);
                thread->end_ns = START + 100000000;
            } else {
                ms_model_end_thread(model, thread_new(model, "short", START)->id, START + 1);
            }
        }
        assert_null(ms_model_thread_by_id(model, first)->history[0]);
        ms_model_free(model);
    }
}

/* As a damaged recording can have it: 64 bits cannot hold it, so there is no share of time. */
static void test_time_in_calls_that_is_none(void **state)
{
    (void)state;
    static const double wrong[] = {1e25, -1, NAN, INFINITY, 5e17};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ms_model *model = model_new();
        struct ms_thread *thread = thread_new(model, "worker", START);
        thread->io.have = true;
        thread->io.of[MS_IO_KIND_READ].calls = thread->io.of[MS_IO_KIND_READ].timed_calls = 1;
        for (uint64_t t = 1; t <= 20; t++) {
            thread->io.of[MS_IO_KIND_READ].wait_ns = t > 15 ? wrong[i] : 1000;
            assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
        }
        assert_int_equal(isnan(thread->rates.io_wait_pct), wrong[i] != 5e17);
        ms_model_free(model);
    }
}

/* A damaged recording can name any id; ours are dense. */
static void test_a_high_id_costs_no_more_than_a_low_one(void **state)
{
    (void)state;
    static const uint32_t high[] = {1u << 22, 1u << 31, UINT32_MAX};
    const uint32_t none = 0;
    struct ms_model *model = model_new();
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (size_t i = 0; i < 3; i++) {
        struct ms_thread *thread = ms_model_restore_thread(model, high[i], 128, MS_PLACE_ALIVE);
        assert_non_null(thread);
        assert_ptr_equal(ms_model_thread_by_id(model, high[i]), thread);
        assert_null(ms_model_thread_by_id(model, high[i] - 1));
        assert_null(ms_model_restore_thread(model, high[i], 128, MS_PLACE_ALIVE));
        assert_non_null(ms_model_restore_site(model, high[i], 128, &none, 0, 0));
        assert_int_equal(ms_model_site_by_id(model, high[i])->id, high[i]);
        assert_null(ms_model_site_by_id(model, 7));
    }
    /* Under the address sanitizer both are 0. */
    assert_true(mallinfo2().uordblks + mallinfo2().hblkhd - before < 2u << 20);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_over_one_second),
        cmocka_unit_test(test_late_ticks_do_not_bend_rates),
        cmocka_unit_test(test_first_second_of_a_thread),
        cmocka_unit_test(test_missing_source_is_never_zero),
        cmocka_unit_test(test_rates_of_what_is_read_by_turns),
        cmocka_unit_test(test_reasons_of_what_is_missing),
        cmocka_unit_test(test_merged_threads_add_up),
        cmocka_unit_test(test_ended_thread_is_rated_over_its_life),
        cmocka_unit_test(test_a_short_life_is_no_shorter_than_its_cpu_time),
        cmocka_unit_test(test_alive_come_first_in_order),
        cmocka_unit_test(test_old_ended_threads_are_merged_without_loss),
        cmocka_unit_test(test_merged_names_are_bounded),
        cmocka_unit_test(test_process_rates_and_totals),
        cmocka_unit_test(test_joined_late),
        cmocka_unit_test(test_histories_of_restored_ended_threads_are_as_bounded),
        cmocka_unit_test(test_time_in_calls_that_is_none),
        cmocka_unit_test(test_a_high_id_costs_no_more_than_a_low_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
