/* Cores, load and memory as /proc tells them, on machines that are not at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/system.h"
#include "collect_tree.h"

#define SECOND UINT64_C(1000000000)

static struct ms_core_ticks cores[MS_CORES_MAX];

static void test_stat(void **state)
{
    (void)state;
    const char *text = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 100 100\n"
                       "cpu2 10 0 0 90\ncpu5000 1 1 1 1\nintr 1 2 3\ncpu3 1 1 1 1\n";
    cores[1].online = true; /* from an earlier reading */
    assert_int_equal(ms_system_parse_stat(text, strlen(text), cores, 4), 3);
    assert_true(cores[0].online);
    assert_int_equal(cores[0].user, 1 + 2); /* guests are in it already: 100 is not added */
    assert_int_equal(cores[0].system, 3 + 6 + 7);
    assert_int_equal(cores[0].idle, 4);
    assert_int_equal(cores[0].io_wait, 5);
    assert_int_equal(cores[0].steal, 8);
    assert_false(cores[1].online);
    assert_true(cores[2].online); /* a kernel that tells four figures */
    assert_int_equal(cores[2].user, 10);
    assert_int_equal(ms_system_parse_stat("cpu", 3, cores, 4), 0);
    assert_int_equal(ms_system_parse_stat("intr 5\n", 7, cores, 4), 0);
}

static char *stat_of(unsigned count, unsigned user, unsigned idle)
{
    static char text[64 << 10];
    size_t used = (size_t)snprintf(text, sizeof text, "cpu  1 1 1 1 1 1 1 1 0 0\n");
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "cpu%u %u 0 0 %u 0 0 0 0 0 0\n",
                                 i, user * (i + 1), idle);
    }
    (void)snprintf(text + used, sizeof text - used, "intr 12345 0 0\nctxt 7\n");
    return text;
}

static void test_256_cores(void **state)
{
    (void)state;
    const char *text = stat_of(256, 3, 9);
    memset(cores, 0xff, sizeof cores); /* what nobody cleared */
    assert_int_equal(ms_system_parse_stat(text, strlen(text), cores, 0), 256);
    assert_int_equal(cores[255].user, 256 * 3);
    assert_int_equal(cores[255].idle, 9);
    assert_true(cores[255].online && cores[0].online);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    const char *whole = "cpu0 11 22 33 44 55 66 77 88\ncpu1 11 22 33 44 55 66 77 88\n";
    for (size_t bytes = 0; bytes <= strlen(whole); bytes++) {
        char *exact = malloc(bytes + 1); /* so that a sanitizer sees a step too far */
        assert_non_null(exact);
        memcpy(exact, whole, bytes);
        const uint32_t count = ms_system_parse_stat(exact, bytes, cores, 2);
        assert_int_equal(count, bytes == strlen(whole) ? 2 : bytes * 2 >= strlen(whole) ? 1 : 0);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(cores[i].steal, 88); /* no number is half of one */
        }
        free(exact);
    }
}

static void test_between(void **state)
{
    (void)state;
    const struct ms_core_ticks then = {true, 100, 100, 1000, 50, 10};
    struct ms_core_ticks now = {true, 130, 110, 1040, 60, 20};
    struct ms_core core;
    ms_system_core_between(&then, &now, &core);
    assert_true(fabsf(core.user_pct - 30) < 0.001F && fabsf(core.system_pct - 10) < 0.001F);
    assert_true(fabsf(core.io_wait_pct - 10) < 0.001F && fabsf(core.steal_pct - 10) < 0.001F);
    assert_true(fabsf(core.pct - 40) < 0.001F); /* neither I/O wait nor steal is work */
    now.io_wait = 0;                            /* the kernel's runs backwards at times */
    ms_system_core_between(&then, &now, &core);
    assert_true(fabsf(core.io_wait_pct) < 0.001F && fabsf(core.pct - 100.0F * 40 / 90) < 0.001F);
    now.online = false;
    ms_system_core_between(&then, &now, &core);
    assert_true(isnan(core.pct) && isnan(core.steal_pct));
    ms_system_core_between(&then, &then, &core);
    assert_true(isnan(core.pct)); /* no time passed: nothing is known */
}

static void test_load_and_memory(void **state)
{
    (void)state;
    static struct ms_system system;
    const char *load = "1.52 0.08 12.59 3/977 12345\n";
    assert_true(ms_system_parse_load(load, strlen(load), &system));
    assert_true(fabs(system.load_1 - 1.52) < 1e-9 && fabs(system.load_5 - 0.08) < 1e-9 &&
                fabs(system.load_15 - 12.59) < 1e-9);
    assert_int_equal(system.runnable, 3);
    assert_int_equal(system.tasks, 977);
    for (size_t bytes = 0; bytes < strlen("1.52 0.08 12.59 3/977"); bytes++) {
        char *exact = malloc(bytes + 1);
        assert_non_null(exact);
        memcpy(exact, load, bytes);
        assert_false(ms_system_parse_load(exact, bytes, &system));
        free(exact);
    }
    const char *memory = "MemTotal:       24684084 kB\nMemFree:  1 kB\nMemAvailable:    100 kB\n"
                         "Buffers:  5 kB\nCached:  600 kB\nSwapCached:  7 kB\nSwapTotal:  8 kB\n"
                         "SwapFree:  99999999999999999999 kB\n";
    system.swap_free_bytes = 77;
    ms_system_parse_memory(memory, strlen(memory), &system);
    assert_int_equal(system.memory_total_bytes, UINT64_C(24684084) << 10);
    assert_int_equal(system.memory_available_bytes, 100 << 10);
    assert_int_equal(system.page_cache_bytes, 600 << 10);
    assert_int_equal(system.swap_total_bytes, 8 << 10);
    assert_int_equal(system.swap_free_bytes, 77); /* nonsense is not taken */
}

/* Core 1 goes offline and comes back between readings; core 3 appears. */
static void test_hotplug(void **state)
{
    (void)state;
    struct ms_descriptor_budget budget = {.limit = 9};
    struct ms_model *model = ms_model_new(SECOND / 10, 0, 0);
    tree_begin();
    tree_put("stat", "cpu0 100 0 0 100\ncpu1 0 0 0 0\ncpu2 0 0 0 0\n");
    tree_put("loadavg", "0.10 0.20 0.30 1/2 3\n");
    tree_put("meminfo", "MemTotal: 4 kB\n");
    tree_put("devices/system/node/node0/cpulist", "0-1\n");
    tree_put("devices/system/node/node1/cpulist", "2,3\n");
    struct ms_system_reader *reader = ms_system_reader_new(tree, tree);
    struct ms_system *system = ms_model_system_mutable(model);
    ms_system_identify(reader, system);
    system->cores = 0; /* those of the tree, not of this machine */
    assert_int_equal(system->nodes, 2);
    assert_int_equal(system->core[1].node, 0);
    assert_int_equal(system->core[3].node, 1);

    ms_system_read(reader, &budget, model, SECOND);
    assert_true(isnan(system->cpu_pct)); /* one reading is no rate */
    assert_int_equal(system->cores, 3);
    tree_put("stat", "cpu0 150 0 0 150\ncpu2 0 0 100 0\n");
    ms_system_read(reader, &budget, model, 2 * SECOND);
    assert_true(fabsf(system->core[0].pct - 50) < 0.001F);
    assert_true(isnan(system->core[1].pct));
    assert_true(fabsf(system->core[2].system_pct - 100) < 0.001F);
    assert_true(fabs(system->cpu_pct - 75) < 0.001); /* of those that are online */
    tree_put("stat", "cpu0 150 0 0 250\ncpu1 0 0 0 0\ncpu2 0 0 100 100\ncpu3 5 0 0 5\n");
    ms_system_read(reader, &budget, model, 3 * SECOND);
    assert_int_equal(system->cores, 4);
    assert_true(fabsf(system->core[0].pct) < 0.001F);
    assert_true(isnan(system->core[1].pct) && isnan(system->core[3].pct));
    tree_put("stat", "cpu0 150 0 0 350\ncpu2 0 0 100 200\n");
    ms_system_read(reader, &budget, model, 4 * SECOND);
    assert_int_equal(system->cores, 4); /* they keep their places */
    assert_true(isnan(system->core[3].pct));
    assert_int_equal(ms_model_source(model, MS_SOURCE_CORES)->condition, MS_SOURCE_AVAILABLE);
    tree_put("stat", "");
    tree_put("loadavg", "0.1");
    ms_system_read(reader, &budget, model, 5 * SECOND);
    assert_true(isnan(system->cpu_pct) && isnan(system->core[0].pct) && isnan(system->load_1));
    assert_int_equal(ms_model_source(model, MS_SOURCE_CORES)->condition, MS_SOURCE_UNAVAILABLE);
    assert_true(ms_model_source(model, MS_SOURCE_CORES)->because[0] != '\0');
    ms_system_reader_free(reader, &budget);
    assert_int_equal(budget.open, 0);
    tree_end();
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_256_cores),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_load_and_memory),
        cmocka_unit_test(test_hotplug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
