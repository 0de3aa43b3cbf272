#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/figures.h"
#include "model/model.h"
#include "model/tree.h"

#define START UINT64_C(5000000000000)
#define TENTH (MS_SECOND_NS / 10)

static struct ms_model *model_new(void)
{
    struct ms_model *model = ms_model_new(TENTH, START, UINT64_C(1700000000000000000));
    assert_non_null(model);
    return model;
}

static struct ms_process *add(struct ms_model *model, uint32_t id, uint32_t parent_id,
                              const char *exe)
{
    struct ms_process *process = ms_model_add_process(model, id);
    assert_non_null(process);
    process->parent_id = parent_id;
    process->pid = (pid_t)(10000 + id);
    (void)snprintf(process->exe, sizeof(process->exe), "%s", exe);
    process->start_ns = START + id;
    process->trace.because = "";
    return process;
}

static const struct ms_frame *frame(struct ms_model *model, const char *function)
{
    struct ms_frame *made = ms_model_add_frame(model);
    assert_non_null(made);
    made->function = ms_model_string(model, function);
    return made;
}

/* One thread that allocated `blocks` blocks of 100 bytes at the site and freed half of them. */
static uint32_t work(struct ms_model *model, struct ms_process *process, const char *name,
                     uint32_t site_id, uint64_t blocks)
{
    struct ms_thread *thread = ms_model_add_thread(model, process->id);
    assert_non_null(thread);
    (void)snprintf(thread->name, sizeof(thread->name), "%s", name);
    thread->probed = thread->tracked = true;
    thread->start_ns = process->start_ns;
    struct ms_usage *usage = ms_model_usage_mutable(model, thread->id, site_id);
    assert_non_null(usage);
    usage->allocations = blocks;
    usage->deallocations = blocks / 2;
    usage->bytes_allocated = blocks * 100;
    usage->bytes_freed = blocks / 2 * 100;
    usage->peak_bytes = blocks * 100;
    thread->heap = (struct ms_heap){.allocations = blocks,
                                    .deallocations = blocks / 2,
                                    .bytes_allocated = blocks * 100,
                                    .bytes_freed = blocks / 2 * 100,
                                    .peak_bytes = blocks * 100};
    ms_heap_add(&process->totals, &thread->heap);
    process->losses = (struct ms_losses){.recorded = blocks,
                                         .lost = 1,
                                         .coarsened = 2,
                                         .owner_unknown = 3,
                                         .threads_folded = 4,
                                         .not_classified = 5,
                                         .rates_refused = 6,
                                         .misuse_missing = 7};
    return thread->id;
}

static void end(struct ms_model *model, struct ms_process *process, uint32_t thread_id, int status)
{
    process->end_ns = process->start_ns + 1000;
    process->exit_status = status;
    ms_model_end_thread(model, thread_id, process->end_ns);
}

struct sums {
    uint64_t allocations, bytes, peaks, site_allocations, usage_allocations, thread_allocations;
    uint64_t flow_blocks, misuses;
    uint32_t processes;
};

static struct sums sums_of(const struct ms_model *model)
{
    struct sums sums = {0};
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        sums.allocations += process->totals.allocations;
        sums.bytes += process->totals.bytes_allocated;
        sums.peaks += process->totals.peak_bytes;
        sums.processes += process->merged > 0 ? process->merged : 1;
    }
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        assert_ptr_equal(ms_model_site_by_id(model, site->id), site);
        assert_non_null(ms_model_process_by_id(model, site->process_id));
        sums.site_allocations += site->heap.allocations;
        const struct ms_usage *usage = NULL;
        while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
            const struct ms_thread *thread = ms_model_thread_by_id(model, usage->thread_id);
            assert_non_null(thread);
            assert_int_equal(thread->process_id, site->process_id);
            sums.usage_allocations += usage->allocations;
        }
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        sums.thread_allocations += ms_model_thread(model, i)->heap.allocations;
    }
    for (size_t i = 0; i < ms_model_flow_count(model); i++) {
        const struct ms_flow *flow = ms_model_flow(model, i);
        assert_non_null(ms_model_process_by_id(model, flow->process_id));
        assert_non_null(ms_model_thread_by_id(model, flow->from_thread));
        sums.flow_blocks += flow->blocks;
    }
    for (size_t i = 0; i < ms_model_misuse_count(model); i++) {
        const struct ms_misuse *misuse = ms_model_misuse(model, i);
        assert_non_null(ms_model_site_by_id(model, misuse->allocated_site));
        sums.misuses += misuse->count;
    }
    return sums;
}

enum { COMPILES = 3000 };

/* `make` whose every `sh` starts a compiler: all of them end, make goes on. */
static struct ms_model *long_build(void)
{
    struct ms_model *model = model_new();
    const struct ms_frame *leaf = frame(model, "xmalloc");
    const struct ms_frame *ways[3] = {frame(model, "parse"), frame(model, "emit"),
                                      frame(model, "run")};
    add(model, 1, 0, "/usr/bin/make");
    for (uint32_t i = 0; i < COMPILES; i++) {
        struct ms_process *shell = add(model, 10 + 2 * i, 1, "/bin/sh");
        struct ms_process *compiler = add(model, 11 + 2 * i, shell->id, "/usr/bin/cc1");
        const struct ms_frame *stack[] = {leaf, ways[2]};
        const uint32_t of_shell = ms_model_add_site(model, shell->id, stack, 2, 0)->id;
        stack[1] = ways[i % 2];
        const uint32_t of_compiler = ms_model_add_site(model, compiler->id, stack, 2, 0)->id;
        const uint32_t sh = work(model, shell, "sh", of_shell, 10);
        const uint32_t cc = work(model, compiler, "cc1", of_compiler, 1000 + i);
        ms_model_flow_mutable(model, compiler->id, cc, cc)->blocks = 3;
        ms_model_misuse_mutable(model, compiler->id, MS_MISUSE_MISMATCH, of_compiler, 0)->count = 2;
        end(model, compiler, cc, i % 100 == 7 ? 1 : 0);
        end(model, shell, sh, 0);
        if (i % 10 == 9) {
            assert_int_equal(ms_model_tick_end(model, START + i * TENTH), 0);
        }
    }
    return model;
}

static void test_old_processes_are_merged_exactly(void **state)
{
    (void)state;
    struct ms_model *model = long_build();
    assert_in_range(ms_model_process_count(model), 1000, MS_ENDED_PROCESSES_MAX * 5 / 4);
    const struct sums sums = sums_of(model);
    const uint64_t allocations = 10 * COMPILES + 1000 * COMPILES + COMPILES * (COMPILES - 1) / 2;
    assert_int_equal(sums.processes, 1 + 2 * COMPILES);
    assert_int_equal(sums.allocations, allocations);
    assert_int_equal(sums.bytes, 100 * allocations);
    assert_int_equal(sums.peaks, 100 * allocations);
    assert_int_equal(sums.site_allocations, allocations);
    assert_int_equal(sums.usage_allocations, allocations);
    assert_int_equal(sums.thread_allocations, allocations);
    assert_int_equal(sums.flow_blocks, 3 * COMPILES);
    assert_int_equal(sums.misuses, 2 * COMPILES);
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    const struct ms_losses lost = {.recorded = allocations,
                                   .lost = 1 * 2 * COMPILES,
                                   .coarsened = 2 * 2 * COMPILES,
                                   .owner_unknown = 3 * 2 * COMPILES,
                                   .threads_folded = 4 * 2 * COMPILES,
                                   .not_classified = 5 * 2 * COMPILES,
                                   .rates_refused = 6 * 2 * COMPILES,
                                   .misuse_missing = 7 * 2 * COMPILES};
    assert_memory_equal(&losses, &lost, sizeof lost);
    ms_model_free(model);
}

static void test_merged_stand_for_their_executable(void **state)
{
    (void)state;
    struct ms_model *model = long_build();
    uint32_t merged = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->merged == 0) {
            continue;
        }
        merged++;
        assert_int_equal(process->parent_id, 1);
        assert_int_equal(process->merged_life_ns, 1000 * (uint64_t)process->merged);
        const bool shell = strcmp(process->exe, "/bin/sh") == 0;
        assert_int_equal(process->exit_status, shell ? 0 : -2);
        assert_true((process->merged_failed > 0) == !shell);
        assert_int_equal(process->merged_unknown, 0);
        size_t sites = 0;
        for (size_t j = 0; j < ms_model_site_count(model); j++) {
            sites += ms_model_site(model, j)->process_id == process->id ? 1 : 0;
        }
        assert_int_equal(sites, shell ? 1 : 2); /* equal stacks of all of them are one site */
    }
    assert_int_equal(merged, 2);
    /* The first ones are gone; the newest are there one by one. */
    assert_null(ms_model_process_by_id(model, 10));
    assert_null(ms_model_site_by_id(model, 3));
    assert_non_null(ms_model_process_by_id(model, 11 + 2 * (COMPILES - 1)));
    assert_int_equal(ms_model_program(model)->id, 1);
    ms_model_free(model);
}

static void test_many_stacks_bound_memory(void **state)
{
    (void)state;
    enum { PROCESSES = 60, SITES = 5000 };
    struct ms_model *model = model_new();
    add(model, 1, 0, "/bin/sh");
    for (uint32_t i = 0; i < PROCESSES; i++) { /* every stack is another one */
        struct ms_process *process = add(model, 10 + i, 1, "/usr/bin/cc1plus");
        struct ms_thread *thread = ms_model_add_thread(model, process->id);
        for (uint32_t j = 0; j < SITES; j++) {
            const struct ms_frame *stack[] = {frame(model, "f")};
            const struct ms_site *site = ms_model_add_site(model, process->id, stack, 1, 0);
            ms_model_usage_mutable(model, thread->id, site->id)->allocations = 1;
        }
        process->totals.allocations = SITES;
        thread->heap.allocations = SITES;
        end(model, process, thread->id, 0);
        assert_int_equal(ms_model_tick_end(model, START + i * TENTH), 0);
        assert_in_range(ms_model_site_count(model), 1,
                        MS_ENDED_SITES_MAX + MS_MERGED_SITES_MAX + MS_MERGED_PROGRAMS_MAX);
    }
    const struct sums sums = sums_of(model);
    assert_int_equal(sums.allocations, PROCESSES * SITES);
    assert_int_equal(sums.site_allocations, PROCESSES * SITES);
    assert_int_equal(sums.usage_allocations, PROCESSES * SITES);
    uint64_t on_root = 0;
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        on_root += (site->flags & MS_SITE_ROOT) != 0 ? site->heap.allocations : 0;
    }
    assert_true(on_root > 0); /* said to be without stack, not lost */
    ms_model_free(model);
}

static void test_executables_without_end(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    add(model, 1, 0, "/bin/sh");
    for (uint32_t i = 0; i < 3000; i++) {
        char exe[64];
        (void)snprintf(exe, sizeof(exe), "/tmp/conftest%u", i);
        add(model, 10 + i, 1, exe)->end_ns = START + 5000;
        assert_int_equal(ms_model_tick_end(model, START + i * TENTH), 0);
    }
    assert_in_range(ms_model_process_count(model), 1000,
                    MS_ENDED_PROCESSES_MAX * 5 / 4 + MS_MERGED_PROGRAMS_MAX + 1);
    assert_int_equal(sums_of(model).processes, 3001);
    ms_model_free(model);
}

static void test_the_program_is_never_merged(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_process *before = add(model, 1, 0, "/bin/bash");
    struct ms_process *program = add(model, 2, 0, "/usr/bin/python3");
    program->pid = before->pid;
    before->replaced_by_exec = true;
    before->end_ns = program->end_ns = START + 10;
    program->exec_of = before->id;
    program->exit_status = 3;
    for (uint32_t i = 0; i < 2000; i++) {
        add(model, 10 + i, 2, "/bin/true")->end_ns = START + 5000;
    }
    assert_int_equal(ms_model_tick_end(model, START + TENTH), 0);
    assert_int_equal(ms_model_program(model)->id, 2);
    assert_int_equal(ms_model_program(model)->exit_status, 3);
    ms_model_free(model);
}

static size_t row_of(const struct ms_tree *tree, uint32_t id)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->rows[i].process_id == id) {
            return i;
        }
    }
    return SIZE_MAX;
}

static double by_allocations(const struct ms_process *process, const struct ms_tree_row *row,
                             const void *context)
{
    (void)process;
    (void)context;
    return (double)row->branch.heap.allocations;
}

/*
 *  1 postgres         2 backend (ended), 3 backend -> 4 cc1 by exec -> 5 as
 *  9 daemon, whose parent is not of the session
 */
static struct ms_model *family(void)
{
    struct ms_model *model = model_new();
    add(model, 1, 0, "postgres")->totals = (struct ms_heap){.allocations = 5, .bytes_freed = 1};
    add(model, 2, 1, "postgres")->totals.allocations = 10;
    struct ms_process *shell = add(model, 3, 1, "sh");
    struct ms_process *cc1 = add(model, 4, 1, "cc1");
    add(model, 5, 4, "as")->totals.allocations = 500;
    add(model, 9, 77, "daemon")->totals.allocations = 7;
    cc1->pid = shell->pid;
    cc1->exec_of = 3;
    cc1->totals.allocations = 100;
    shell->totals.allocations = 1;
    shell->replaced_by_exec = true;
    shell->end_ns = START + 50;
    struct ms_process *ended = ms_model_process_mutable(model, 2);
    ended->end_ns = START + 40;
    ended->kernel = (struct ms_process_kernel){.have_memory = true, .rss_bytes = 999};
    ms_model_process_mutable(model, 1)->kernel =
        (struct ms_process_kernel){.have_memory = true, .rss_bytes = 1000};
    (void)ms_model_add_thread(model, 5);
    (void)ms_model_add_thread(model, 5);
    return model;
}

static void test_tree_order_and_sums(void **state)
{
    (void)state;
    struct ms_model *model = family();
    struct ms_tree tree = {0};
    assert_int_equal(ms_tree_update(&tree, model, NULL, NULL, false), 0);
    static const struct {
        uint32_t id, depth;
    } wanted[] = {{1, 0}, {2, 1}, {3, 1}, {4, 2}, {5, 3}, {9, 0}};
    assert_int_equal(tree.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(tree.rows[i].process_id, wanted[i].id);
        assert_int_equal(tree.rows[i].depth, wanted[i].depth);
    }
    assert_true(tree.rows[3].by_exec && !tree.rows[4].by_exec);
    assert_true(tree.rows[2].last && !tree.rows[1].last);
    assert_int_equal(tree.rows[0].rows, 5);
    assert_int_equal(tree.rows[0].branch.alive, 3);
    assert_int_equal(tree.rows[0].branch.ended, 2);
    assert_int_equal(tree.rows[0].branch.threads, 2);
    assert_int_equal(tree.rows[0].branch.rss_bytes, 1000); /* what ended has none */
    assert_int_equal(tree.rows[2].branch.heap.allocations, 601);
    assert_int_equal(tree.rows[4].threads, 2);
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    assert_memory_equal(&tree.total.heap, &totals, sizeof(totals));
    ms_tree_fini(&tree);
    ms_model_free(model);
}

static void test_tree_sorted_among_siblings(void **state)
{
    (void)state;
    struct ms_model *model = family();
    struct ms_tree tree = {0};
    assert_int_equal(ms_tree_update(&tree, model, by_allocations, NULL, false), 0);
    static const uint32_t down[] = {1, 3, 4, 5, 2, 9};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(tree.rows[i].process_id, down[i]);
    }
    assert_int_equal(tree.rows[row_of(&tree, 1)].branch.heap.allocations, 616);
    assert_int_equal(ms_tree_update(&tree, model, by_allocations, NULL, true), 0);
    static const uint32_t up[] = {9, 1, 2, 3, 4, 5};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(tree.rows[i].process_id, up[i]);
    }
    ms_tree_fini(&tree);
    ms_model_free(model);
}

static void test_tree_survives_nonsense(void **state)
{
    (void)state;
    struct ms_model *model = model_new();
    struct ms_tree tree = {0};
    assert_int_equal(ms_tree_update(&tree, model, NULL, NULL, false), 0);
    assert_int_equal(tree.count, 0);
    add(model, 1, 2, "a")->totals.allocations = 1;
    add(model, 2, 3, "b")->totals.allocations = 1;
    add(model, 3, 1, "c")->totals.allocations = 1;
    add(model, 4, 4, "d")->exec_of = 4;
    assert_int_equal(ms_tree_update(&tree, model, NULL, NULL, false), 0);
    assert_int_equal(tree.count, 4);
    assert_int_equal(tree.total.heap.allocations, 3);
    for (uint32_t id = 1; id <= 4; id++) {
        assert_true(row_of(&tree, id) != SIZE_MAX);
    }
    ms_tree_fini(&tree);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_processes_are_merged_exactly),
        cmocka_unit_test(test_merged_stand_for_their_executable),
        cmocka_unit_test(test_many_stacks_bound_memory),
        cmocka_unit_test(test_executables_without_end),
        cmocka_unit_test(test_the_program_is_never_merged),
        cmocka_unit_test(test_tree_order_and_sums),
        cmocka_unit_test(test_tree_sorted_among_siblings),
        cmocka_unit_test(test_tree_survives_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
