#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/format.h"
#include "model/model.h"

#define TENTH (MS_SECOND_NS / 10)

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void fill(struct ms_model *model, uint32_t threads, uint32_t sites)
{
    assert_non_null(ms_model_add_process(model, 128));
    for (uint32_t i = 0; i < threads; i++) {
        assert_non_null(ms_model_add_thread(model, 128));
    }
    for (uint32_t i = 0; i < sites; i++) {
        assert_int_equal(ms_model_add_site(model, 128, NULL, 0, 0)->id, i + 1);
    }
}

/* Site sums by differences, against sums made anew. */
static void check_sums(const struct ms_model *model)
{
    const size_t sites = ms_model_site_count(model);
    struct ms_heap *sums = calloc(sites + 1, sizeof(*sums));
    assert_non_null(sums);
    for (size_t i = 0; i < ms_model_usage_count(model); i++) {
        const struct ms_usage *usage = ms_model_usage(model, i);
        sums[usage->site_id].allocations += usage->allocations;
        sums[usage->site_id].deallocations += usage->deallocations;
        sums[usage->site_id].bytes_allocated += usage->bytes_allocated;
        sums[usage->site_id].bytes_freed += usage->bytes_freed;
        sums[usage->site_id].peak_bytes += usage->peak_bytes;
    }
    for (size_t i = 0; i < sites; i++) {
        const struct ms_site *site = ms_model_site(model, i);
        assert_memory_equal(&site->heap, &sums[site->id], sizeof(site->heap));
    }
    free(sums);
}

static void test_site_sums_follow_their_usages(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    fill(model, 20, 300);
    uint32_t seed = 12345;
    for (uint64_t tick = 1; tick <= 30; tick++) {
        for (int i = 0; i < 500; i++) {
            const uint32_t thread = next_random(&seed) % 20 + 1;
            const uint32_t site = next_random(&seed) % 300 + 1;
            struct ms_usage *usage = ms_model_usage_mutable(model, thread, site);
            assert_non_null(usage);
            assert_int_equal(usage->thread_id, thread);
            assert_int_equal(usage->site_id, site);
            usage->allocations += 2;
            usage->deallocations += 1;
            usage->bytes_allocated += next_random(&seed) % 1000;
            usage->bytes_freed = usage->bytes_allocated / 2;
            usage->peak_bytes = usage->bytes_allocated - usage->bytes_allocated / 3;
        }
        assert_int_equal(ms_model_tick_end(model, tick * TENTH), 0);
        check_sums(model);
    }
    assert_in_range(ms_model_usage_count(model), 4000, 6000);
    assert_null(ms_model_usage_mutable(model, 21, 1));
    assert_null(ms_model_usage_mutable(model, 1, 301));
    assert_null(ms_model_usage_mutable(model, 1, 0));
    ms_model_free(model);
}

static uint64_t key_of(const struct ms_usage *usage, enum ms_usage_key key)
{
    switch (key) {
    case MS_USAGE_CURRENT:
        return usage->bytes_allocated - usage->bytes_freed;
    case MS_USAGE_PEAK:
        return usage->peak_bytes;
    case MS_USAGE_ALLOCATED:
        return usage->bytes_allocated;
    default:
        return usage->allocations;
    }
}

static void check_ranking(const struct ms_model *model, enum ms_usage_key key, size_t capacity,
                          size_t total)
{
    const struct ms_usage *out[1000];
    assert_int_equal(ms_model_thread_usages(model, 2, key, out, capacity), total);
    const size_t filled = capacity < total ? capacity : total;
    for (size_t i = 1; i < filled; i++) {
        assert_true(key_of(out[i - 1], key) >= key_of(out[i], key));
        if (key_of(out[i - 1], key) == key_of(out[i], key)) {
            assert_true(out[i - 1]->site_id < out[i]->site_id);
        }
    }
    size_t better = 0;
    for (size_t i = 0; i < ms_model_usage_count(model) && filled > 0; i++) {
        const struct ms_usage *usage = ms_model_usage(model, i);
        better += usage->thread_id == 2 && key_of(usage, key) > key_of(out[filled - 1], key);
    }
    assert_true(better <= filled - (filled > 0));
}

static void test_top_usages_of_a_thread(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    fill(model, 3, 500);
    uint32_t seed = 99;
    for (uint32_t thread = 1; thread <= 3; thread++) {
        for (uint32_t site = 1; site <= 500; site++) {
            struct ms_usage *usage = ms_model_usage_mutable(model, thread, site);
            usage->allocations = next_random(&seed) % 50;
            usage->bytes_allocated = next_random(&seed) % 100000;
            usage->bytes_freed = usage->bytes_allocated / 3;
            usage->peak_bytes = next_random(&seed) % 1000;
        }
    }
    assert_int_equal(ms_model_tick_end(model, TENTH), 0);
    static const size_t capacities[] = {0, 1, 2, 3, 10, 499, 500, 501, 1000};
    for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
        for (int key = MS_USAGE_CURRENT; key <= MS_USAGE_COUNT; key++) {
            check_ranking(model, (enum ms_usage_key)key, capacities[i], 500);
        }
    }
    assert_int_equal(ms_model_thread_usages(model, 77, MS_USAGE_PEAK, NULL, 0), 0);
    ms_model_free(model);
}

static void test_strings_are_interned(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    const char *first = ms_model_string(model, "main");
    char copy[] = "main";
    for (int i = 0; i < 5000; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "f%d", i);
        assert_string_equal(ms_model_string(model, text), text);
    }
    assert_ptr_equal(ms_model_string(model, copy), first);
    assert_string_equal(ms_model_string(model, ""), "");
    ms_model_free(model);
}

static void test_flows_are_found_again(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    fill(model, 40, 0);
    for (int round = 0; round < 2; round++) {
        for (uint32_t from = 0; from <= 40; from++) {
            for (uint32_t to = 1; to <= 40; to++) {
                ms_model_flow_mutable(model, 128, from, to)->blocks += from * 100 + to;
            }
        }
    }
    assert_int_equal(ms_model_flow_count(model), 41 * 40);
    for (size_t i = 0; i < ms_model_flow_count(model); i++) {
        const struct ms_flow *flow = ms_model_flow(model, i);
        assert_int_equal(flow->blocks, 2 * (flow->from_thread * 100 + flow->to_thread));
    }
    assert_null(ms_model_flow_mutable(model, 128, 41, 1));
    ms_model_free(model);
}

static void check_culprit(size_t expected, size_t depth, const char *const *functions,
                          const char *const *modules)
{
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    const struct ms_frame *frames[8];
    for (size_t i = 0; i < depth; i++) {
        struct ms_frame *frame = ms_model_add_frame(model);
        frame->function = functions[i];
        frame->module = modules[i];
        frames[i] = frame;
    }
    assert_int_equal(ms_site_culprit(ms_model_add_site(model, 1, frames, (uint32_t)depth, 0)),
                     expected);
    ms_model_free(model);
}

static void test_culprit_is_the_first_frame_that_is_no_allocator(void **state)
{
    (void)state;
    const char *none[] = {"", "", "", ""};
    check_culprit(0, 0, none, none);
    check_culprit(1, 2, (const char *[]){"malloc", "load_config"}, none);
    check_culprit(3, 4,
                  (const char *[]){"operator new(unsigned long)",
                                   "std::allocator<int>::allocate(unsigned long)",
                                   "std::vector<int, std::allocator<int> >::_M_allocate(unsigned "
                                   "long)",
                                   "parse(char const*)"},
                  none);
    check_culprit(0, 2, (const char *[]){"allocate_buffers", "main"}, none);
    check_culprit(0, 2, (const char *[]){"malloc", "xmalloc"}, none);
    /* Names not known yet: the module tells. */
    check_culprit(2, 3, none,
                  (const char *[]){"/lib/x86_64-linux-gnu/libc.so.6",
                                   "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", "/bin/app"});
    check_culprit(0, 2, (const char *[]){"getaddrinfo", ""},
                  (const char *[]){"/lib/libc.so.6", "/bin/app"});
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    struct ms_frame *outer = ms_model_add_frame(model);
    struct ms_frame *inlined = ms_model_add_frame(model);
    outer->function = "grow_table";
    inlined->function = "xmalloc";
    inlined->inlined_by = outer;
    const struct ms_frame *frames[] = {inlined, outer};
    assert_int_equal(ms_site_culprit(ms_model_add_site(model, 1, frames, 2, 0)), 0);
    ms_model_free(model);
}

static void test_a_million_usages(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, 0, 0);
    fill(model, 10, 100000);
    for (uint32_t thread = 1; thread <= 10; thread++) {
        for (uint32_t site = 1; site <= 100000; site++) {
            ms_model_usage_mutable(model, thread, site)->bytes_allocated = site;
        }
    }
    assert_int_equal(ms_model_tick_end(model, TENTH), 0);
    assert_int_equal(ms_model_usage_count(model), 1000000);
    const struct ms_usage *top[3];
    assert_int_equal(ms_model_thread_usages(model, 5, MS_USAGE_ALLOCATED, top, 3), 100000);
    assert_int_equal(top[0]->site_id, 100000);
    assert_int_equal(top[2]->site_id, 99998);
    assert_int_equal(ms_model_site_by_id(model, 70000)->heap.bytes_allocated, 700000);
    /* Beyond the bound ended threads are merged although they are few. */
    ms_model_end_thread(model, 3, TENTH);
    ms_model_end_thread(model, 4, TENTH);
    ms_model_usage_mutable(model, 1, ms_model_add_site(model, 128, NULL, 0, 0)->id);
    assert_int_equal(ms_model_tick_end(model, 2 * TENTH), 0);
    assert_null(ms_model_thread_by_id(model, 3));
    check_sums(model);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_site_sums_follow_their_usages),
        cmocka_unit_test(test_top_usages_of_a_thread),
        cmocka_unit_test(test_strings_are_interned),
        cmocka_unit_test(test_flows_are_found_again),
        cmocka_unit_test(test_culprit_is_the_first_frame_that_is_no_allocator),
        cmocka_unit_test(test_a_million_usages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
