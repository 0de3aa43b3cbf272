/*
 * Ended processes are merged while analyses go on: sites leave or move, threads and processes go.
 * Everything that keeps something by site, thread or process follows.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/call_tree.h"
#include "analysis/findings.h"
#include "analysis/flow_patterns.h"
#include "analysis/flows.h"
#include "analysis/types.h"
#include "export/json.h"
#include "model/figures.h"
#include "model/model.h"
#include "model/tree.h"

#define START UINT64_C(5000000000000)
#define TICK  (MS_SECOND_NS / 5)

/* What a build or a server that starts many short programs is like. */
struct session {
    struct ms_model *model;
    const struct ms_frame *frames[40];
    uint64_t now_ns;
    uint64_t allocations, bytes, misuses, missing, flow_blocks;
    uint32_t next_process;
    uint32_t server_thread, server_helper;
};

static uint32_t below(uint32_t bound)
{
    return (uint32_t)rand() % bound;
}

static const struct ms_frame *frame(struct ms_model *model, const char *function,
                                    const char *module)
{
    struct ms_frame *made = ms_model_add_frame(model);
    assert_non_null(made);
    made->function = ms_model_string(model, function);
    made->module = ms_model_string(model, module);
    return made;
}

static struct ms_process *add_process(struct session *session, uint32_t parent_id, const char *exe)
{
    struct ms_process *process = ms_model_add_process(session->model, session->next_process++);
    assert_non_null(process);
    process->parent_id = parent_id;
    process->pid = (pid_t)(1000 + process->id);
    (void)snprintf(process->exe, sizeof(process->exe), "%s", exe);
    process->start_ns = process->start_unix_ns = session->now_ns;
    process->trace.because = "";
    return process;
}

static struct ms_thread *add_thread(struct session *session, const struct ms_process *process,
                                    const char *name)
{
    struct ms_thread *thread = ms_model_add_thread(session->model, process->id);
    assert_non_null(thread);
    (void)snprintf(thread->name, sizeof(thread->name), "%s", name);
    thread->probed = thread->tracked = true;
    thread->tid = process->pid;
    thread->start_ns = session->now_ns;
    return thread;
}

static uint32_t random_site(struct session *session, uint32_t process_id)
{
    const struct ms_frame *stack[6];
    const uint32_t depth = 1 + below(6);
    stack[0] = session->frames[0];
    for (uint32_t i = 1; i < depth; i++) {
        stack[i] = session->frames[1 + below(39)];
    }
    const struct ms_site *site = ms_model_add_site(session->model, process_id, stack, depth, 0);
    assert_non_null(site);
    return site->id;
}

/* `blocks` more of 100 bytes, of which `freed` are freed. */
static void work(struct session *session, uint32_t thread_id, uint32_t site_id, uint64_t blocks,
                 uint64_t freed)
{
    struct ms_usage *usage = ms_model_usage_mutable(session->model, thread_id, site_id);
    struct ms_thread *thread = ms_model_thread_mutable(session->model, thread_id);
    assert_non_null(usage);
    struct ms_process *process = ms_model_process_mutable(session->model, thread->process_id);
    usage->allocations += blocks;
    usage->deallocations += freed;
    usage->bytes_allocated += 100 * blocks;
    usage->bytes_freed += 100 * freed;
    const struct ms_heap more = {.allocations = blocks,
                                 .deallocations = freed,
                                 .bytes_allocated = 100 * blocks,
                                 .bytes_freed = 100 * freed};
    ms_heap_add(&thread->heap, &more);
    ms_heap_add(&process->totals, &more);
    thread->own_deallocations += freed;
    thread->own_bytes_freed += 100 * freed;
    session->allocations += blocks;
    session->bytes += 100 * blocks;
}

static void add_misuse(struct session *session, uint32_t process_id, uint32_t thread_id,
                       uint32_t site_id)
{
    struct ms_misuse *misuse = ms_model_misuse_mutable(session->model, process_id,
                                                       MS_MISUSE_DOUBLE_FREE, site_id, site_id);
    assert_non_null(misuse);
    misuse->thread_id = thread_id;
    misuse->first_seen_ns = session->now_ns;
    misuse->count++;
    session->misuses++;
}

static void add_flow(struct session *session, uint32_t process_id, uint32_t from, uint32_t to)
{
    struct ms_flow *flow = ms_model_flow_mutable(session->model, process_id, from, to);
    assert_non_null(flow);
    flow->blocks += 7;
    flow->bytes += 700;
    ms_model_thread_mutable(session->model, from)->heap.deallocations += 7;
    session->flow_blocks += 7;
}

/* A process that comes, works and goes. */
static void short_life(struct session *session)
{
    static const char *const programs[] = {"/bin/sh", "/usr/bin/cc1", "/usr/bin/as", "/bin/true"};
    struct ms_process *process =
        add_process(session, below(2) == 0 ? 1 : session->next_process - 1, programs[below(4)]);
    const uint32_t process_id = process->id;
    struct ms_thread *thread = add_thread(session, process, "worker");
    const uint32_t thread_id = thread->id;
    const uint32_t other_id = add_thread(session, process, "helper")->id;
    uint32_t site_id = 0;
    for (uint32_t i = below(4) + 1; i-- > 0;) {
        site_id = random_site(session, process_id);
        const uint64_t blocks = 1 + below(1000);
        work(session, thread_id, site_id, blocks, below((uint32_t)blocks + 1));
    }
    if (below(3) == 0) {
        add_flow(session, process_id, thread_id, other_id);
    }
    if (below(5) == 0) {
        add_misuse(session, process_id, thread_id, site_id);
    }
    process = ms_model_process_mutable(session->model, process_id);
    process->losses.misuse_missing = 1;
    session->missing++;
    process->peak.epoch = 1;
    process->end_ns = session->now_ns + 1000;
    process->exit_status = 0;
    ms_model_end_thread(session->model, thread_id, process->end_ns);
    ms_model_end_thread(session->model, other_id, process->end_ns);
}

static void begin(struct session *session)
{
    srand(7);
    *session = (struct session){.now_ns = START, .next_process = 1};
    session->model = ms_model_new(TICK, START, UINT64_C(1700000000000000000));
    assert_non_null(session->model);
    session->frames[0] = frame(session->model, "malloc", "/lib/libc.so.6");
    for (int i = 1; i < 40; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "function_%d", i);
        session->frames[i] = frame(session->model, name, i % 3 == 0 ? "/usr/lib/libx.so" : "/app");
    }
    struct ms_process *server = add_process(session, 0, "/usr/sbin/server");
    session->server_thread = add_thread(session, server, "main")->id;
    session->server_helper = add_thread(session, server, "worker-1")->id;
}

/* Everything that somebody may look at, at every tick. */
struct analyses {
    struct ms_findings *findings;
    struct ms_call_tree *trees[MS_CALL_FLAT + 1];
    struct ms_types *types;
    struct ms_flow_past *past;
    struct ms_flow_matrix *matrix;
    struct ms_tree tree;
};

static void analyses_begin(struct analyses *analyses)
{
    struct ms_thresholds thresholds = ms_thresholds_default();
    *analyses = (struct analyses){.findings = ms_findings_new(&thresholds, NULL),
                                  .types = ms_types_new(),
                                  .past = ms_flow_past_new(),
                                  .matrix = ms_flow_matrix_new()};
    for (int i = 0; i <= MS_CALL_FLAT; i++) {
        analyses->trees[i] = ms_call_tree_new();
    }
}

static void analyses_end(struct analyses *analyses)
{
    ms_findings_free(analyses->findings);
    for (int i = 0; i <= MS_CALL_FLAT; i++) {
        ms_call_tree_free(analyses->trees[i]);
    }
    ms_types_free(analyses->types);
    ms_flow_past_free(analyses->past);
    ms_flow_matrix_free(analyses->matrix);
    ms_tree_fini(&analyses->tree);
}

static void look_at_rows(const struct session *session, const struct ms_call_tree *tree)
{
    for (size_t i = 0; i < ms_call_tree_rows(tree) && i < 40; i++) {
        const struct ms_call_row *row = ms_call_tree_row(tree, i);
        uint32_t sites[5];
        struct ms_call_line lines[5];
        const size_t count = ms_call_tree_sites(tree, i, sites, 5);
        for (size_t j = 0; j < count && j < 5; j++) {
            assert_non_null(ms_model_site_by_id(session->model, sites[j]));
        }
        (void)ms_call_tree_lines(tree, i, lines, 5);
        assert_true(row->site_id == 0 || ms_model_site_by_id(session->model, row->site_id) != NULL);
    }
}

static void update_trees(const struct session *session, struct analyses *analyses,
                         const struct ms_scope *scope)
{
    for (int shape = 0; shape <= MS_CALL_FLAT; shape++) {
        struct ms_call_tree *tree = analyses->trees[shape];
        const struct ms_call_options options = {.scope = *scope,
                                                .shape = (enum ms_call_shape)shape,
                                                .fold_libraries = below(2) == 0,
                                                .filter = ""};
        assert_int_equal(ms_call_tree_update(tree, session->model, &options, session->now_ns, 0.02),
                         0);
        look_at_rows(session, tree);
        const size_t rows = ms_call_tree_rows(tree);
        if (rows > 0) {
            ms_call_tree_unfold(tree, ms_call_tree_row(tree, below((uint32_t)rows))->key,
                                below(3) != 0);
        }
        if (below(20) == 0) {
            ms_call_tree_unfold_hot(tree, rows > 0 ? ms_call_tree_row(tree, 0)->key : 1);
        }
    }
}

/* Of what is there, of what is gone by now, or of everything. */
static struct ms_scope random_scope(const struct session *session)
{
    switch (below(5)) {
    case 0:
        return (struct ms_scope){.process_id = 1 + below(session->next_process)};
    case 1:
        return (struct ms_scope){.thread_id = 1 + below(2 * session->next_process)};
    case 2:
        return (struct ms_scope){.site_id = 1 + below(3 * session->next_process)};
    case 3:
        return (struct ms_scope){.process_id = 1, .thread_id = session->server_thread};
    default:
        return (struct ms_scope){0};
    }
}

static void update(const struct session *session, struct analyses *analyses)
{
    const struct ms_model *model = session->model;
    const struct ms_scope scope = random_scope(session);
    assert_int_equal(ms_findings_update(analyses->findings, model), 0);
    const struct ms_leaks *leaks = ms_findings_leaks(analyses->findings);
    for (size_t i = 0; i < ms_leaks_count(leaks); i++) {
        assert_non_null(ms_model_site_by_id(model, ms_leaks_at(leaks, i)->site_id));
    }
    update_trees(session, analyses, &scope);
    (void)ms_types_update(analyses->types, model, 300);
    assert_int_equal(ms_types_distribute(analyses->types, model, &scope, below(2) == 0), 0);
    struct ms_type_site sites[5];
    (void)ms_types_sites(analyses->types, model, &scope, 0, false, MS_TYPE_FIGURE_LIVE, sites, 5);
    ms_flow_past_update(analyses->past, model);
    assert_int_equal(
        ms_flow_matrix_update(analyses->matrix, model, analyses->past, &scope, MS_FLOW_AUTOMATIC),
        0);
    struct ms_flow_pattern patterns[4];
    (void)ms_flow_patterns(analyses->matrix, model, patterns, 4);
    struct ms_not_freed not_freed[5];
    (void)ms_not_freed_sites(model, &scope, NULL, not_freed, 5);
    assert_int_equal(ms_tree_update(&analyses->tree, model, NULL, NULL, false), 0);
    assert_int_equal(analyses->tree.total.heap.allocations, session->allocations);
}

static void everything_adds_up(const struct session *session, struct analyses *analyses)
{
    static const struct ms_scope all;
    const struct ms_model *model = session->model;
    for (int shape = 0; shape <= MS_CALL_FLAT; shape++) {
        const struct ms_call_options options = {.shape = (enum ms_call_shape)shape, .filter = ""};
        struct ms_call_tree *tree = analyses->trees[shape];
        assert_int_equal(ms_call_tree_update(tree, model, &options, session->now_ns, 0), 0);
        const struct ms_call_row *total = ms_call_tree_total(tree);
        assert_true(total->inclusive[MS_SITE_FIGURE_COUNT] == (double)session->allocations);
        assert_true(total->inclusive[MS_SITE_FIGURE_ALLOCATED] == (double)session->bytes);
    }
    while (ms_types_update(analyses->types, model, 1000) > 0) {
    }
    assert_int_equal(ms_types_distribute(analyses->types, model, &all, false), 0);
    assert_int_equal(ms_types_total(analyses->types)->allocations, session->allocations);
    assert_int_equal(ms_flow_matrix_update(analyses->matrix, model, NULL, &all, MS_FLOW_BY_THREAD),
                     0);
    assert_int_equal(ms_flow_matrix_totals(analyses->matrix)->crossed.blocks, session->flow_blocks);
    uint64_t misuses = 0;
    for (size_t i = 0; i < ms_model_misuse_count(model); i++) {
        const struct ms_misuse *misuse = ms_model_misuse(model, i);
        misuses += misuse->count;
        assert_non_null(ms_model_process_by_id(model, misuse->process_id));
        assert_non_null(ms_model_site_by_id(model, misuse->allocated_site));
        assert_non_null(ms_model_site_by_id(model, misuse->released_site));
        assert_non_null(ms_model_thread_by_id(model, misuse->thread_id));
    }
    assert_int_equal(misuses, session->misuses);
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    assert_int_equal(totals.allocations, session->allocations);
    assert_int_equal(losses.misuse_missing, session->missing);
}

/* The flows of each process by themselves, found by an index and by going through all. */
static void flows_by_process_are_the_same(const struct ms_model *model,
                                          struct ms_flow_matrix *matrix)
{
    struct ms_flow_index *index = ms_flow_index_new(model);
    struct ms_flow_matrix *other = ms_flow_matrix_new();
    for (size_t i = 0; i < ms_model_process_count(model); i += 50) {
        const struct ms_scope scope = {.process_id = ms_model_process(model, i)->id};
        assert_int_equal(ms_flow_matrix_update(matrix, model, NULL, &scope, MS_FLOW_BY_NAME), 0);
        assert_int_equal(
            ms_flow_matrix_update_indexed(other, model, index, NULL, &scope, MS_FLOW_BY_NAME), 0);
        assert_memory_equal(ms_flow_matrix_totals(matrix), ms_flow_matrix_totals(other),
                            sizeof(struct ms_flow_totals));
        assert_int_equal(ms_flow_nodes(matrix), ms_flow_nodes(other));
        assert_string_equal(ms_flow_why_none(matrix), ms_flow_why_none(other));
    }
    ms_flow_index_free(index);
    ms_flow_matrix_free(other);
}

static void write_json(const struct session *session, const struct analyses *analyses)
{
    FILE *out = fopen("/dev/null", "w");
    const struct ms_export_options options = {.program_version = "0",
                                              .thresholds = ms_thresholds_default(),
                                              .findings = analyses->findings};
    assert_int_equal(ms_json_write(out, session->model, &options), 0);
    assert_int_equal(fclose(out), 0);
}

static void test_analyses_follow_3000_processes(void **state)
{
    (void)state;
    enum { TICKS = 500, A_TICK = 6 };
    struct session session;
    struct analyses analyses;
    begin(&session);
    analyses_begin(&analyses);
    for (uint32_t tick = 0; tick < TICKS; tick++) {
        session.now_ns = START + tick * TICK;
        for (uint32_t i = 0; i < A_TICK; i++) {
            short_life(&session);
        }
        if (tick % 40 == 39) { /* names come while processes go */
            struct ms_frame *named = ms_model_add_frame(session.model);
            named->function = ms_model_string(session.model, "late");
        }
        const uint32_t site_id = random_site(&session, 1);
        work(&session, session.server_thread, site_id, 10, 10);
        add_flow(&session, 1, session.server_thread, session.server_helper);
        assert_int_equal(ms_model_tick_end(session.model, session.now_ns), 0);
        update(&session, &analyses);
        if (tick % 100 == 99) {
            everything_adds_up(&session, &analyses);
        }
    }
    assert_true(ms_model_sites_version(session.model) > 5);
    write_json(&session, &analyses);
    flows_by_process_are_the_same(session.model, analyses.matrix);
    analyses_end(&analyses);
    ms_model_free(session.model);
}

/* Processes are merged more often than a window of the leaks is long. */
static void test_a_leak_is_found_while_processes_are_merged(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    struct ms_leaks *leaks = ms_leaks_new(NULL);
    const uint32_t leaking = random_site(&session, 1);
    for (uint32_t tick = 0; tick < 600; tick++) {
        session.now_ns = START + tick * TICK;
        for (uint32_t i = 0; i < 10; i++) {
            short_life(&session);
        }
        if (tick > 200) { /* merging goes on by then, every 2.5 s */
            work(&session, session.server_thread, leaking, 10, 0);
        }
        assert_int_equal(ms_model_tick_end(session.model, session.now_ns), 0);
        assert_int_equal(ms_leaks_update(leaks, session.model), 0);
    }
    assert_true(ms_model_sites_version(session.model) > 20);
    assert_int_equal(ms_leaks_count(leaks), 1);
    assert_int_equal(ms_leaks_at(leaks, 0)->site_id, leaking);
    ms_leaks_free(leaks);
    ms_model_free(session.model);
}

/* What somebody unfolded stays unfolded, and nothing else becomes so; growth goes on being known.
 */
static void test_rows_stay_unfolded_while_processes_are_merged(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    struct ms_call_tree *tree = ms_call_tree_new();
    const struct ms_call_options options = {.shape = MS_CALL_CALLEES, .filter = ""};
    const struct ms_frame *stack[] = {session.frames[0], frame(session.model, "inner", "/app"),
                                      frame(session.model, "outer", "/app")};
    bool unfolded = false;
    uint64_t key = 0;
    for (uint32_t tick = 0; tick < 400; tick++) {
        session.now_ns = START + tick * TICK;
        for (uint32_t i = 0; i < 10; i++) {
            short_life(&session);
        }
        if (tick == 150) {
            const struct ms_site *site = ms_model_add_site(session.model, 1, stack, 3, 0);
            work(&session, session.server_thread, site->id, 10000000, 0);
        }
        assert_int_equal(ms_model_tick_end(session.model, session.now_ns), 0);
        assert_int_equal(ms_call_tree_update(tree, session.model, &options, session.now_ns, 0), 0);
        if (tick == 150) {
            assert_string_equal(ms_call_tree_row(tree, 0)->name, "outer");
            key = ms_call_tree_row(tree, 0)->key;
            ms_call_tree_unfold(tree, key, true);
            unfolded = true;
        } else if (unfolded) {
            const size_t at = ms_call_tree_find(tree, key);
            assert_true(at != SIZE_MAX && ms_call_tree_row(tree, at)->expanded);
            for (size_t i = 0; i < ms_call_tree_rows(tree); i++) {
                assert_int_equal(ms_call_tree_row(tree, i)->expanded, i == at);
            }
            assert_true(isfinite(ms_call_tree_total(tree)->inclusive[MS_SITE_FIGURE_GROWTH]));
        }
    }
    ms_call_tree_free(tree);
    ms_model_free(session.model);
}

/* Parents that lead around in a circle, as a damaged region may say. */
static void test_parents_in_a_circle(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    for (uint32_t i = 0; i < 2 * MS_ENDED_PROCESSES_MAX; i++) {
        struct ms_process *process = add_process(&session, session.next_process ^ 1u, "/bin/true");
        process->end_ns = START + 1;
    }
    struct ms_process *child = add_process(&session, 10, "/bin/sh");
    const uint32_t child_id = child->id;
    assert_int_equal(ms_model_tick_end(session.model, START + TICK), 0);
    assert_null(ms_model_process_by_id(session.model, 10));
    assert_int_equal(ms_model_process_by_id(session.model, child_id)->parent_id, 0);
    ms_model_free(session.model);
}

/* Threads are merged by name long before processes are: who misused memory is told by the name. */
static void test_misuse_follows_merged_threads(void **state)
{
    (void)state;
    struct session session;
    begin(&session);
    const struct ms_process *server = ms_model_process_by_id(session.model, 1);
    const uint32_t site_id = random_site(&session, 1);
    const uint32_t thread_id = add_thread(&session, server, "request")->id;
    add_misuse(&session, 1, thread_id, site_id);
    ms_model_end_thread(session.model, thread_id, START + 1);
    for (uint32_t i = 0; i < MS_ENDED_THREADS_MAX; i++) {
        ms_model_end_thread(session.model, add_thread(&session, server, "other")->id, START + 2);
    }
    assert_int_equal(ms_model_tick_end(session.model, START + TICK), 0);
    assert_null(ms_model_thread_by_id(session.model, thread_id));
    const struct ms_misuse *misuse = ms_model_misuse(session.model, 0);
    assert_non_null(ms_model_thread_by_id(session.model, misuse->thread_id));
    assert_string_equal(ms_model_thread_by_id(session.model, misuse->thread_id)->name, "request");
    ms_model_free(session.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_analyses_follow_3000_processes),
        cmocka_unit_test(test_a_leak_is_found_while_processes_are_merged),
        cmocka_unit_test(test_rows_stay_unfolded_while_processes_are_merged),
        cmocka_unit_test(test_parents_in_a_circle),
        cmocka_unit_test(test_misuse_follows_merged_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
