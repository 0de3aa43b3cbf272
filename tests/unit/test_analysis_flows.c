/* Who frees whose memory: the matrix adds up, rates are of the last ten seconds, and a pattern is
 * named when its evidence is there and only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/flow_patterns.h"
#include "model/figures.h"

#define PROCESS 128u
static const struct ms_scope everything;

static struct ms_model *model_new(void)
{
    struct ms_model *model = ms_model_new(MS_SECOND_NS / 10, MS_SECOND_NS, 1);
    struct ms_process *process = ms_model_add_process(model, PROCESS);
    process->pid = 4242;
    process->start_ns = MS_SECOND_NS;
    assert_int_equal(ms_model_add_site(model, PROCESS, NULL, 0, 0)->id, 1);
    return model;
}

/* A thread that has freed `own` blocks of its own, 10 bytes each. The first is the main thread. */
static uint32_t thread_new(struct ms_model *model, const char *name, uint64_t own)
{
    struct ms_thread *thread = ms_model_add_thread(model, PROCESS);
    thread->tid = 4241 + (pid_t)thread->id;
    snprintf(thread->name, sizeof thread->name, "%s", name);
    thread->tracked = thread->probed = true;
    thread->own_deallocations = own;
    thread->own_bytes_freed = own * 10;
    thread->heap.allocations = thread->heap.deallocations = own;
    thread->heap.bytes_allocated = thread->heap.bytes_freed = own * 10;
    return thread->id;
}

/* `from` allocated so many more blocks that `to` freed; the books of both say so. */
static void flow(struct ms_model *model, uint32_t from, uint32_t to, uint64_t blocks)
{
    struct ms_flow *flow = ms_model_flow_mutable(model, PROCESS, from, to);
    flow->blocks += blocks;
    flow->bytes += blocks * 10;
    struct ms_thread *owner = ms_model_thread_mutable(model, from);
    if (owner != NULL) {
        owner->heap.allocations += blocks;
        owner->heap.bytes_allocated += blocks * 10;
        owner->heap.deallocations += blocks;
        owner->heap.bytes_freed += blocks * 10;
    }
    struct ms_thread *freer = ms_model_thread_mutable(model, to);
    freer->heap.frees_for_others += blocks;
    freer->heap.bytes_freed_for_others += blocks * 10;
}

/* All freed blocks of a thread lived as long as this class says. */
static void lived(struct ms_model *model, uint32_t thread_id, unsigned lifetime_class)
{
    const struct ms_thread *thread = ms_model_thread_by_id(model, thread_id);
    struct ms_usage *usage = ms_model_usage_mutable(model, thread_id, 1);
    struct ms_usage_extra extra = {.reallocations = 0};
    usage->allocations = thread->heap.allocations;
    usage->deallocations = thread->heap.deallocations;
    extra.lifetimes.events[lifetime_class] = usage->deallocations;
    assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
}

static void tick(struct ms_model *model, uint64_t seconds)
{
    assert_int_equal(ms_model_tick_end(model, (1 + seconds) * MS_SECOND_NS), 0);
}

static struct ms_flow_matrix *matrix_of(struct ms_model *model, enum ms_flow_grouping grouping)
{
    struct ms_flow_matrix *matrix = ms_flow_matrix_new();
    assert_int_equal(ms_flow_matrix_update(matrix, model, NULL, &everything, grouping), 0);
    return matrix;
}

/* Columns are what threads freed for others, rows what others freed of theirs, to the last byte. */
static void check_sums(const struct ms_flow_matrix *matrix, const struct ms_model *model)
{
    uint64_t own = 0;
    uint64_t for_others = 0;
    uint64_t bytes_for_others = 0;
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        own += thread->own_deallocations;
        for_others += thread->heap.frees_for_others;
        bytes_for_others += thread->heap.bytes_freed_for_others;
    }
    const struct ms_flow_totals *totals = ms_flow_matrix_totals(matrix);
    assert_int_equal(totals->own.blocks, own);
    assert_int_equal(totals->crossed.blocks, for_others);
    assert_int_equal(totals->crossed.bytes, bytes_for_others);
    uint64_t rows = 0;
    uint64_t columns = 0;
    uint64_t mutual = 0;
    uint64_t edges = 0;
    for (size_t i = 0; i < ms_flow_nodes(matrix); i++) {
        const struct ms_flow_node *node = ms_flow_node(matrix, i);
        uint64_t row = 0;
        uint64_t column = 0;
        for (uint32_t j = 0; j < ms_flow_nodes(matrix); j++) {
            const struct ms_flow_edge *out = ms_flow_between(matrix, (uint32_t)i, j);
            const struct ms_flow_edge *in = ms_flow_between(matrix, j, (uint32_t)i);
            row += out != NULL ? out->sum.blocks : 0;
            column += in != NULL ? in->sum.blocks : 0;
        }
        assert_int_equal(row, node->given.blocks);
        assert_int_equal(column, node->taken.blocks);
        rows += row;
        columns += column;
        mutual += node->mutual.blocks;
        if (node->threads > 0) {
            assert_int_equal(node->own.blocks + node->mutual.blocks + node->given.blocks +
                                 node->not_told_blocks,
                             node->deallocations);
        }
    }
    for (size_t i = 0; i < ms_flow_edges(matrix); i++) {
        edges += ms_flow_edge(matrix, i)->sum.blocks;
    }
    assert_int_equal(rows, columns);
    assert_int_equal(rows, edges);
    assert_int_equal(rows + mutual, for_others);
}

static void test_sums_are_those_of_the_threads(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    srand(7);
    uint32_t ids[40];
    for (uint32_t i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, i == 0 ? "main" : i < 30 ? "worker-%u" : "io%u-x", i);
        ids[i] = thread_new(model, name, (uint64_t)rand() % 1000);
    }
    for (int i = 0; i < 400; i++) {
        const uint32_t from = ids[rand() % 40];
        const uint32_t to = ids[rand() % 40];
        if (from != to) {
            flow(model, from, to, (uint64_t)rand() % 5000 + 1);
        }
    }
    flow(model, 0, ids[3], 77); /* an owner not told apart */
    flow(model, 0, ids[35], 11);
    tick(model, 1);
    struct ms_flow_matrix *matrix = matrix_of(model, MS_FLOW_BY_THREAD);
    check_sums(matrix, model);
    assert_int_equal(ms_flow_nodes(matrix), 41);
    const struct ms_flow_node *others = ms_flow_node(matrix, 40);
    assert_string_equal(others->name, "others");
    assert_int_equal(others->threads, 0);
    assert_int_equal(others->given.blocks, 88);
    assert_int_equal(ms_flow_matrix_totals(matrix)->others.blocks, 88);
    ms_flow_matrix_free(matrix);

    matrix = matrix_of(model, MS_FLOW_AUTOMATIC); /* more than 16: by name */
    check_sums(matrix, model);
    assert_true(ms_flow_is_by_name(matrix));
    assert_int_equal(ms_flow_nodes(matrix), 4);
    assert_string_equal(ms_flow_node(matrix, 0)->name, "main");
    assert_string_equal(ms_flow_node(matrix, 1)->name, "worker-*");
    assert_int_equal(ms_flow_node(matrix, 1)->threads, 29);
    assert_true(ms_flow_node(matrix, 1)->mutual.blocks > 0);
    assert_string_equal(ms_flow_node(matrix, 2)->name, "io*-x");
    assert_string_equal(ms_flow_node(matrix, 3)->name, "others");
    assert_int_equal(ms_flow_node_of(matrix, ids[7]), 1);
    ms_flow_matrix_free(matrix);
    ms_model_free(model);
}

static void test_threads_that_were_merged(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    const uint32_t main_id = thread_new(model, "main", 5);
    for (uint32_t i = 0; i < MS_ENDED_THREADS_MAX + 200; i++) {
        const uint32_t id = thread_new(model, i % 2 == 0 ? "odd" : "even", 3);
        flow(model, id, main_id, 2);
        ms_model_end_thread(model, id, MS_SECOND_NS * 3 / 2);
    }
    tick(model, 1);
    struct ms_flow_matrix *matrix = matrix_of(model, MS_FLOW_AUTOMATIC);
    check_sums(matrix, model);
    assert_int_equal(ms_flow_nodes(matrix), 3);
    assert_int_equal(ms_flow_node(matrix, 1)->threads, MS_ENDED_THREADS_MAX / 2 + 100);
    assert_true(ms_flow_node(matrix, 1)->ended);
    ms_flow_matrix_free(matrix);
    ms_model_free(model);
}

static void test_scopes(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    const uint32_t a = thread_new(model, "a", 10);
    const uint32_t b = thread_new(model, "b", 20);
    const uint32_t c = thread_new(model, "c", 40);
    flow(model, a, b, 100);
    flow(model, b, c, 1000);
    tick(model, 1);
    struct ms_flow_matrix *matrix = ms_flow_matrix_new();
    struct ms_scope scope = {.thread_id = a};
    assert_int_equal(ms_flow_matrix_update(matrix, model, NULL, &scope, MS_FLOW_AUTOMATIC), 0);
    assert_int_equal(ms_flow_edges(matrix), 1);
    assert_int_equal(ms_flow_matrix_totals(matrix)->crossed.blocks, 100);
    assert_int_equal(ms_flow_matrix_totals(matrix)->own.blocks, 10);
    scope = (struct ms_scope){.process_id = PROCESS};
    assert_int_equal(ms_flow_matrix_update(matrix, model, NULL, &scope, MS_FLOW_AUTOMATIC), 0);
    assert_int_equal(ms_flow_edges(matrix), 2);
    scope = (struct ms_scope){.process_id = PROCESS + 1};
    assert_int_equal(ms_flow_matrix_update(matrix, model, NULL, &scope, MS_FLOW_AUTOMATIC), 0);
    assert_int_equal(ms_flow_nodes(matrix), 0);
    scope = (struct ms_scope){.site_id = 1};
    assert_int_equal(ms_flow_matrix_update(matrix, model, NULL, &scope, MS_FLOW_AUTOMATIC), 0);
    assert_int_equal(ms_flow_edges(matrix), 0);
    assert_non_null(strstr(ms_flow_why_none(matrix), "call site"));
    ms_flow_matrix_free(matrix);
    ms_model_free(model);
}

static void test_rates_are_of_the_last_ten_seconds(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_flow_past *past = ms_flow_past_new();
    struct ms_flow_matrix *matrix = ms_flow_matrix_new();
    const uint32_t a = thread_new(model, "a", 0);
    const uint32_t b = thread_new(model, "b", 0);
    tick(model, 0);
    ms_flow_past_update(past, model);
    for (uint64_t second = 1; second <= 30; second++) {
        flow(model, a, b, second <= 20 ? 1000 : 50);
        struct ms_thread *thread = ms_model_thread_mutable(model, b);
        thread->own_deallocations += 7;
        tick(model, second);
        ms_flow_past_update(past, model);
        assert_int_equal(ms_flow_matrix_update(matrix, model, past, &everything, MS_FLOW_AUTOMATIC),
                         0);
        const struct ms_flow_sum *sum = &ms_flow_between(matrix, 0, 1)->sum;
        const struct ms_flow_sum *own = &ms_flow_node(matrix, 1)->own;
        if (second == 1 || second == 10 || second == 20) {
            assert_int_equal(llround(sum->blocks_per_s), llround(1000));
            assert_int_equal(llround(sum->bytes_per_s), llround(10000));
            assert_int_equal(llround(own->blocks_per_s), llround(7));
        } else if (second == 25) {
            assert_int_equal(llround(sum->blocks_per_s), llround((5 * 1000 + 5 * 50) / 10.0));
        } else if (second == 30) {
            assert_int_equal(llround(sum->blocks_per_s), llround(50));
        }
    }
    assert_int_equal(ms_flow_matrix_update(matrix, model, NULL, &everything, MS_FLOW_AUTOMATIC), 0);
    assert_true(isnan(ms_flow_between(matrix, 0, 1)->sum.blocks_per_s));
    ms_flow_matrix_free(matrix);
    ms_flow_past_free(past);
    ms_model_free(model);
}

/* The only pattern that is named; `evidence` is part of its words. */
static struct ms_flow_pattern only_pattern(struct ms_model *model, enum ms_flow_pattern_kind kind,
                                           const char *evidence)
{
    struct ms_flow_pattern patterns[MS_FLOW_PATTERNS_MAX] = {{.kind = 0}};
    tick(model, 1);
    struct ms_flow_matrix *matrix = matrix_of(model, MS_FLOW_BY_NAME);
    const size_t count = ms_flow_patterns(matrix, model, patterns, MS_FLOW_PATTERNS_MAX);
    for (size_t i = 0; i < count; i++) {
        print_message("%s %.2f: %s\n", ms_flow_pattern_name(patterns[i].kind),
                      patterns[i].confidence, patterns[i].evidence);
    }
    assert_int_equal(count, 1);
    assert_string_equal(ms_flow_pattern_name(patterns[0].kind), ms_flow_pattern_name(kind));
    assert_non_null(strstr(patterns[0].evidence, evidence));
    assert_in_range((int)(patterns[0].confidence * 100), 30, 100);
    ms_flow_matrix_free(matrix);
    ms_model_free(model);
    return patterns[0];
}

static void no_pattern(struct ms_model *model, const char *because)
{
    struct ms_flow_pattern patterns[MS_FLOW_PATTERNS_MAX];
    char why[200];
    tick(model, 1);
    struct ms_flow_matrix *matrix = matrix_of(model, MS_FLOW_BY_NAME);
    const size_t count = ms_flow_patterns(matrix, model, patterns, MS_FLOW_PATTERNS_MAX);
    for (size_t i = 0; i < count; i++) {
        print_message("%s: %s\n", ms_flow_pattern_name(patterns[i].kind), patterns[i].evidence);
    }
    assert_int_equal(count, 0);
    ms_flow_patterns_why_none(matrix, why, sizeof why);
    if (strstr(why, because) == NULL) {
        fail_msg("because: %s", why);
    }
    ms_flow_matrix_free(matrix);
    ms_model_free(model);
}

static void test_producer_and_consumer(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    thread_new(model, "main", 50);
    const uint32_t producer = thread_new(model, "producer", 200);
    const uint32_t consumer = thread_new(model, "consumer", 10);
    flow(model, producer, consumer, 800);
    flow(model, consumer, producer, 8);
    const struct ms_flow_pattern pattern =
        only_pattern(model, MS_FLOW_PATTERN_PRODUCER_CONSUMER, "freed 800 blocks");
    assert_int_equal(pattern.blocks, 800);
    assert_int_equal(pattern.node_count, 2);
    assert_non_null(strstr(pattern.evidence, "80 % of those that were freed"));
}

/* What a thread frees at once says nothing of what it hands over; large blocks say more. */
static void test_temporary_blocks_hide_nothing(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    thread_new(model, "main", 50);
    const uint32_t producer = thread_new(model, "producer", 20000);
    const uint32_t consumer = thread_new(model, "consumer", 50000);
    ms_model_thread_mutable(model, producer)->heap.temporary = 19900;
    ms_model_thread_mutable(model, consumer)->heap.temporary = 50000;
    flow(model, producer, consumer, 900);
    only_pattern(model, MS_FLOW_PATTERN_PRODUCER_CONSUMER, "90 % of those");

    model = model_new();
    thread_new(model, "main", 50);
    const uint32_t from = thread_new(model, "from", 20000);
    const uint32_t to = thread_new(model, "to", 50000);
    flow(model, from, to, 2000);
    ms_model_flow_mutable(model, PROCESS, from, to)->bytes = 800000;
    ms_model_thread_mutable(model, from)->heap.bytes_freed = 1000000;
    only_pattern(model, MS_FLOW_PATTERN_PRODUCER_CONSUMER, "80 % of those");
}

static void test_pipeline(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    thread_new(model, "main", 50);
    const uint32_t stages[] = {thread_new(model, "read", 0), thread_new(model, "parse", 100),
                               thread_new(model, "sort", 100), thread_new(model, "write", 0)};
    for (size_t i = 0; i < 3; i++) {
        flow(model, stages[i], stages[i + 1], 900);
    }
    const struct ms_flow_pattern pattern =
        only_pattern(model, MS_FLOW_PATTERN_PIPELINE, "parse freed 100 % of read");
    assert_int_equal(pattern.node_count, 4);
    assert_int_equal(pattern.blocks, 2700);
}

static void test_many_to_one_and_one_to_many(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    thread_new(model, "main", 5000);
    const uint32_t logger = thread_new(model, "logger", 20);
    for (int i = 0; i < 4; i++) {
        const char *names[] = {"net", "disk", "worker-1", "worker-2"};
        flow(model, thread_new(model, names[i], 2000), logger, 300);
    }
    struct ms_flow_pattern pattern =
        only_pattern(model, MS_FLOW_PATTERN_FAN_IN, "evenly as of 4.0 threads");
    assert_int_equal(pattern.node_count, 4); /* three kinds of threads, and the logger last */

    model = model_new();
    const uint32_t main_id = thread_new(model, "main", 100);
    for (int i = 0; i < 4; i++) {
        const char *names[] = {"a", "b", "c", "d"};
        flow(model, main_id, thread_new(model, names[i], 500), 300);
    }
    lived(model, main_id, 2);
    pattern = only_pattern(model, MS_FLOW_PATTERN_FAN_OUT, "92 % of the freed blocks of main");
    assert_int_equal(pattern.node_count, 5);

    model = model_new(); /* the same, but its blocks live long before they are freed */
    const uint32_t refill = thread_new(model, "refill", 100);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "user-%hhu", (unsigned char)i);
        flow(model, refill, thread_new(model, name, 500), 300);
    }
    lived(model, refill, 7);
    pattern = only_pattern(model, MS_FLOW_PATTERN_POOL, "100 % of all that crossed threads");
    assert_true(pattern.confidence <= 0.7);
}

static void test_background_release(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    const uint32_t main_id = thread_new(model, "redis-server", 100000);
    const uint32_t free_id = thread_new(model, "bio_lazy_free", 3);
    flow(model, main_id, free_id, 5000);
    only_pattern(model, MS_FLOW_PATTERN_RELEASE, "5 % of all freed blocks");
}

/* Who frees does not depend on who allocated: eight threads that put into one cache and evict. */
static struct ms_model *mixed(unsigned lifetime_class)
{
    struct ms_model *model = model_new();
    thread_new(model, "main", 50);
    uint32_t ids[8];
    for (int i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "client-%hhu", (unsigned char)i);
        ids[i] = thread_new(model, name, 100);
    }
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) {
            if (i != j) {
                flow(model, ids[i], ids[j], (uint64_t)(95 + (i + j) % 10));
            }
        }
    }
    for (int i = 0; i < 8; i++) {
        lived(model, ids[i], lifetime_class);
    }
    return model;
}

static void test_shared_cache_and_exchange(void **state)
{
    (void)state;
    only_pattern(mixed(6), MS_FLOW_PATTERN_SHARED_CACHE, "half of them live 1.07 s or more");
    only_pattern(mixed(1), MS_FLOW_PATTERN_EXCHANGE, "0 % of it one-sided");
}

static void test_a_cache_of_threads_with_names_of_their_own(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    const char *names[] = {"alpha", "beta", "gamma"};
    uint32_t ids[3];
    thread_new(model, "main", 50);
    for (int i = 0; i < 3; i++) {
        ids[i] = thread_new(model, names[i], 1000);
    }
    for (int i = 0; i < 9; i++) {
        if (i / 3 != i % 3) {
            flow(model, ids[i / 3], ids[i % 3], 1000);
        }
    }
    for (int i = 0; i < 3; i++) {
        lived(model, ids[i], 8);
    }
    const struct ms_flow_pattern pattern =
        only_pattern(model, MS_FLOW_PATTERN_SHARED_CACHE, "3 threads: 67 %");
    assert_int_equal(pattern.node_count, 3);
}

/* Worker 0 spawns most tasks and runs many of them; the others take what is left. */
static void test_work_stealing_and_its_balance(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    thread_new(model, "main", 50);
    uint32_t ids[4];
    const uint64_t own[] = {1000, 400, 300, 300};
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "worker-%hhu", (unsigned char)i);
        ids[i] = thread_new(model, name, own[i]);
    }
    flow(model, ids[0], ids[1], 500);
    flow(model, ids[0], ids[2], 600);
    flow(model, ids[0], ids[3], 600);
    flow(model, ids[1], ids[3], 50);
    const struct ms_flow_pattern pattern =
        only_pattern(model, MS_FLOW_PATTERN_WORK_STEALING, "worker-0 gave 1.70k more than it took");
    assert_int_equal((int)(pattern.balance_before * 1000), 347); /* 937.5 of 2700 */
    assert_int_equal((int)(pattern.balance * 1000), 937);        /* of 1000 */
}

static void test_none_where_there_is_none(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    thread_new(model, "main", 100);
    no_pattern(model, "One thread frees memory, and only its own");

    model = model_new();
    thread_new(model, "main", 100);
    thread_new(model, "worker-1", 100000);
    thread_new(model, "worker-2", 100000);
    no_pattern(model, "Every thread frees its own blocks");

    model = model_new(); /* what a thread leaves behind for who joins it */
    const uint32_t main_id = thread_new(model, "main", 100);
    for (int i = 0; i < 6; i++) {
        flow(model, thread_new(model, "worker", 100000), main_id, 16);
    }
    no_pattern(model, "96 blocks crossed threads; patterns are looked for from 100 on");

    model = model_new(); /* crossing, but neither one way nor evenly */
    const uint32_t a = thread_new(model, "a", 10000);
    const uint32_t b = thread_new(model, "b", 10000);
    flow(model, a, b, 300);
    flow(model, b, a, 200);
    no_pattern(model, "in no known pattern");
}

static void test_owners_not_told_apart_are_nobody(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    thread_new(model, "main", 100);
    flow(model, 0, thread_new(model, "collector", 100), 100000);
    no_pattern(model, "in no known pattern");
}

static void test_role_names(void **state)
{
    (void)state;
    char out[MS_FLOW_NAME_MAX];
    ms_flow_role_name("worker-12", out);
    assert_string_equal(out, "worker-*");
    ms_flow_role_name("pool-1-thread-77", out);
    assert_string_equal(out, "pool-*-thread-*");
    ms_flow_role_name("main", out);
    assert_string_equal(out, "main");
    ms_flow_role_name("", out);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_those_of_the_threads),
        cmocka_unit_test(test_threads_that_were_merged),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_rates_are_of_the_last_ten_seconds),
        cmocka_unit_test(test_producer_and_consumer),
        cmocka_unit_test(test_temporary_blocks_hide_nothing),
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_many_to_one_and_one_to_many),
        cmocka_unit_test(test_background_release),
        cmocka_unit_test(test_shared_cache_and_exchange),
        cmocka_unit_test(test_a_cache_of_threads_with_names_of_their_own),
        cmocka_unit_test(test_work_stealing_and_its_balance),
        cmocka_unit_test(test_none_where_there_is_none),
        cmocka_unit_test(test_owners_not_told_apart_are_nobody),
        cmocka_unit_test(test_role_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
