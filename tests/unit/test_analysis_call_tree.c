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
#include "model/figures.h"
#include "model/format.h"

#define SECOND  MS_SECOND_NS
#define PROGRAM "/home/me/app/app"
#define LIBC    "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define LIBGTK  "/usr/lib/x86_64-linux-gnu/libgtk-3.so.0"

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static struct ms_model *new_model(void)
{
    struct ms_model *model = ms_model_new(SECOND / 10, 0, 0);
    assert_non_null(model);
    struct ms_process *process = ms_model_add_process(model, 1);
    assert_non_null(process);
    (void)snprintf(process->exe, sizeof(process->exe), "%s", PROGRAM);
    assert_non_null(ms_model_add_thread(model, 1));
    return model;
}

static struct ms_frame *frame(struct ms_model *model, const char *function, const char *module,
                              uint32_t line)
{
    struct ms_frame *made = ms_model_add_frame(model);
    assert_non_null(made);
    made->function = ms_model_string(model, function);
    made->module = ms_model_string(model, module);
    made->file = function[0] != '\0' ? ms_model_string(model, "app.c") : "";
    made->line = line;
    made->file_offset = 0x1000 + made->number;
    return made;
}

/* "malloc<main.leaf:12<inner^outer<main": innermost first, ^ is inlined by, :N the line. */
static const struct ms_site *site(struct ms_model *model, const char *stack, uint32_t flags)
{
    const struct ms_frame *frames[64];
    uint32_t depth = 0;
    char *copy = strdup(stack);
    char *rest = NULL;
    for (char *at = strtok_r(copy, "<", &rest); at != NULL; at = strtok_r(NULL, "<", &rest)) {
        struct ms_frame *inner = NULL;
        char *inlined = NULL;
        for (char *one = strtok_r(at, "^", &inlined); one != NULL;
             one = strtok_r(NULL, "^", &inlined)) {
            char *line = strrchr(one, ':');
            uint32_t number = 1;
            if (line != NULL && line > one && line[-1] != ':') {
                *line = '\0';
                number = (uint32_t)strtoul(line + 1, NULL, 10);
            }
            const char *module = strcmp(one, "malloc") == 0     ? LIBC
                                 : strncmp(one, "gtk_", 4) == 0 ? LIBGTK
                                                                : PROGRAM;
            struct ms_frame *made = frame(model, strcmp(one, "?") == 0 ? "" : one, module, number);
            if (inner != NULL) {
                inner->inlined_by = made;
            } else {
                frames[depth++] = made;
            }
            inner = made;
        }
    }
    free(copy);
    const struct ms_site *made = ms_model_add_site(model, 1, frames, depth, flags);
    assert_non_null(made);
    return made;
}

/* `blocks` of `bytes` each, of which one third is freed again. */
static void use(struct ms_model *model, uint32_t thread, uint32_t site_id, uint64_t blocks,
                uint64_t bytes)
{
    struct ms_usage *usage = ms_model_usage_mutable(model, thread, site_id);
    assert_non_null(usage);
    usage->allocations += blocks;
    usage->bytes_allocated += blocks * bytes;
    usage->deallocations += blocks / 3;
    usage->bytes_freed += blocks / 3 * bytes;
    usage->temporary += blocks / 4;
    usage->waste_bytes += blocks;
}

static const struct ms_call_row *row_named(const struct ms_call_tree *tree, const char *name)
{
    for (size_t i = 0; i < ms_call_tree_rows(tree); i++) {
        if (strcmp(ms_call_tree_row(tree, i)->name, name) == 0) {
            return ms_call_tree_row(tree, i);
        }
    }
    return NULL;
}

static struct ms_call_tree *tree_of(const struct ms_model *model,
                                    const struct ms_call_options *options)
{
    struct ms_call_tree *tree = ms_call_tree_new();
    assert_non_null(tree);
    assert_int_equal(ms_call_tree_update(tree, model, options, 0, 0), 0);
    return tree;
}

/* Rows as text, two blanks a level: "name inclusive/self" of what is allocated. */
static void expect_rows(const struct ms_call_tree *tree, const char *expected)
{
    char text[4096] = "";
    size_t used = 0;
    for (size_t i = 0; i < ms_call_tree_rows(tree); i++) {
        const struct ms_call_row *row = ms_call_tree_row(tree, i);
        used += (size_t)snprintf(
            text + used, sizeof(text) - used, "%*s%s %.0f/%.0f%s\n", (int)row->depth * 2, "",
            row->name, row->inclusive[MS_SITE_FIGURE_ALLOCATED],
            row->self[MS_SITE_FIGURE_ALLOCATED], row->expandable && !row->expanded ? " +" : "");
    }
    assert_string_equal(text, expected);
}

static struct ms_model *example(void)
{
    struct ms_model *model = new_model();
    use(model, 1, site(model, "malloc<leaf:5<inner^outer<main:9", 0)->id, 3, 100);
    use(model, 1, site(model, "malloc<leaf:7<other<main:11", 0)->id, 1, 50);
    use(model, 1, site(model, "malloc<main:12", 0)->id, 1, 10);
    assert_int_equal(ms_model_tick_end(model, SECOND), 0);
    return model;
}

static void test_shapes(void **state)
{
    (void)state;
    struct ms_model *model = example();
    struct ms_call_options options = {.shape = MS_CALL_CALLERS, .sort = MS_SITE_FIGURE_ALLOCATED};
    struct ms_call_tree *tree = tree_of(model, &options);
    expect_rows(tree, "leaf 350/350 +\n"
                      "main 10/10\n");
    ms_call_tree_unfold_all(tree, true);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "leaf 350/350\n"
                      "  inner 300/0\n"
                      "    outer 300/0\n"
                      "      main 300/0\n"
                      "  other 50/0\n"
                      "    main 50/0\n"
                      "main 10/10\n");
    options.shape = MS_CALL_CALLEES;
    ms_call_tree_unfold_all(tree, true);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "main 360/10\n"
                      "  outer 300/0\n"
                      "    inner 300/0\n"
                      "      leaf 300/300\n"
                      "  other 50/0\n"
                      "    leaf 50/50\n");
    options.shape = MS_CALL_FLAT;
    options.ascending = true;
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "other 50/0\n"
                      "inner 300/0\n"
                      "outer 300/0\n"
                      "leaf 350/350\n"
                      "main 360/10\n");
    const struct ms_call_row *total = ms_call_tree_total(tree);
    assert_int_equal(total->sites, 3);
    assert_true(total->inclusive[MS_SITE_FIGURE_COUNT] == 5);
    assert_true(total->inclusive[MS_SITE_FIGURE_WASTE] == 5);
    assert_true(total->inclusive[MS_SITE_FIGURE_LIVE] == 260);
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_parents_sites_and_lines(void **state)
{
    (void)state;
    struct ms_model *model = example();
    struct ms_call_options options = {.shape = MS_CALL_CALLERS, .sort = MS_SITE_FIGURE_ALLOCATED};
    struct ms_call_tree *tree = tree_of(model, &options);
    ms_call_tree_unfold_all(tree, true);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    assert_true(ms_call_tree_parent(tree, 0) == SIZE_MAX);
    assert_int_equal(ms_call_tree_parent(tree, 3), 2);
    assert_int_equal(ms_call_tree_parent(tree, 4), 0);
    assert_int_equal(ms_call_tree_find(tree, ms_call_tree_row(tree, 5)->key), 5);
    assert_true(ms_call_tree_find(tree, 12345) == SIZE_MAX);
    uint32_t sites[4];
    assert_int_equal(ms_call_tree_sites(tree, 0, sites, 4), 2);
    assert_int_equal(sites[0], 1);
    assert_int_equal(sites[1], 2);
    assert_int_equal(ms_call_tree_sites(tree, 0, sites, 1), 2);
    assert_int_equal(sites[0], 1);
    assert_int_equal(ms_call_tree_row(tree, 0)->site_id, 1);
    struct ms_call_line lines[4];
    assert_int_equal(ms_call_tree_lines(tree, 0, lines, 4), 2);
    assert_int_equal(lines[0].line, 5);
    assert_true(lines[0].inclusive[MS_SITE_FIGURE_ALLOCATED] == 300);
    assert_int_equal(lines[1].line, 7);
    options.shape = MS_CALL_FLAT;
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    assert_string_equal(ms_call_tree_row(tree, 0)->name, "main");
    assert_int_equal(ms_call_tree_lines(tree, 0, lines, 4), 3);
    assert_int_equal(lines[0].line, 9);
    assert_int_equal(lines[2].line, 12);
    assert_int_equal(ms_call_tree_sites(tree, 0, sites, 4), 3);
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_recursion_counts_once(void **state)
{
    (void)state;
    struct ms_model *model = new_model();
    use(model, 1, site(model, "malloc<walk:3<walk:4<walk:4<main", 0)->id, 1, 100);
    use(model, 1, site(model, "malloc<walk:3<main", 0)->id, 1, 10);
    use(model, 1, site(model, "malloc<leaf<walk:5<walk:4<main", 0)->id, 1, 1);
    assert_int_equal(ms_model_tick_end(model, SECOND), 0);
    struct ms_call_options options = {.shape = MS_CALL_FLAT, .sort = MS_SITE_FIGURE_ALLOCATED};
    struct ms_call_tree *tree = tree_of(model, &options);
    expect_rows(tree, "main 111/0\nwalk 111/110\nleaf 1/1\n");
    struct ms_call_line lines[4];
    assert_int_equal(ms_call_tree_lines(tree, 1, lines, 4), 3);
    assert_int_equal(lines[0].line, 3);
    assert_true(lines[0].inclusive[MS_SITE_FIGURE_ALLOCATED] == 110);
    assert_true(lines[1].inclusive[MS_SITE_FIGURE_ALLOCATED] == 101);
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_what_has_no_stack_is_said(void **state)
{
    (void)state;
    struct ms_model *model = new_model();
    use(model, 1, site(model, "malloc<leaf<main", MS_SITE_CUT_DEPTH)->id, 1, 1);
    use(model, 1, site(model, "", MS_SITE_ROOT)->id, 1, 20);
    use(model, 1, site(model, "?<?<main", MS_SITE_CUT_NO_CFI)->id, 1, 300);
    struct ms_usage *rest = ms_model_usage_mutable(model, 1, site(model, "", MS_SITE_ROOT)->id);
    rest->bytes_allocated = 4000;
    rest->not_sampled = true;
    assert_int_equal(ms_model_tick_end(model, SECOND), 0);
    struct ms_call_options options = {.shape = MS_CALL_CALLEES, .sort = MS_SITE_FIGURE_ALLOCATED};
    struct ms_call_tree *tree = tree_of(model, &options);
    ms_call_tree_unfold_all(tree, true);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "(not sampled) 4000/4000\n"
                      "(outer frames unknown: no unwind information) 300/0\n"
                      "  main 300/0\n"
                      "    app+0x1004 300/0\n"
                      "      app+0x1003 300/300\n"
                      "(no stack) 20/20\n"
                      "(outer frames left out) 1/0\n"
                      "  main 1/0\n"
                      "    leaf 1/1\n");
    assert_null(ms_call_tree_row(tree, 0)->frame);
    options.shape = MS_CALL_CALLERS;
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "(not sampled) 4000/4000\n"
                      "app+0x1003 300/300 +\n"
                      "(no stack) 20/20\n"
                      "leaf 1/1 +\n");
    options.shape = MS_CALL_FLAT;
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "(not sampled) 4000/4000\n"
                      "main 301/0\n"
                      "app+0x1003 300/300\n"
                      "app+0x1004 300/0\n"
                      "(no stack) 20/20\n"
                      "leaf 1/1\n");
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_filter_and_folded_libraries(void **state)
{
    (void)state;
    struct ms_model *model = new_model();
    use(model, 1, site(model, "malloc<gtk_a<gtk_b<draw<main", 0)->id, 1, 100);
    use(model, 1, site(model, "malloc<gtk_a<gtk_c<draw<main", 0)->id, 1, 10);
    use(model, 1, site(model, "malloc<keep^std::find(int*)<main", 0)->id, 1, 1);
    assert_int_equal(ms_model_tick_end(model, SECOND), 0);
    struct ms_call_options options = {
        .shape = MS_CALL_CALLERS, .sort = MS_SITE_FIGURE_ALLOCATED, .fold_libraries = true};
    struct ms_call_tree *tree = tree_of(model, &options);
    ms_call_tree_unfold_all(tree, true);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "[libgtk-3.so.0] 110/110\n"
                      "  draw 110/0\n"
                      "    main 110/0\n"
                      "keep 1/1\n"
                      "  [std] 1/0\n"
                      "    main 1/0\n");
    assert_true(ms_call_tree_row(tree, 0)->folded);
    options.fold_libraries = false;
    options.filter = "GTK_C";
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "gtk_a 10/10 +\n");
    options.filter = "libgtk";
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "gtk_a 110/110 +\n");
    options.filter = "nothing is called so";
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    assert_int_equal(ms_call_tree_rows(tree), 0);
    assert_int_equal(ms_call_tree_total(tree)->sites, 0);
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_unfolded_stays(void **state)
{
    (void)state;
    struct ms_model *model = example();
    struct ms_call_options options = {.shape = MS_CALL_CALLERS, .sort = MS_SITE_FIGURE_ALLOCATED};
    struct ms_call_tree *tree = tree_of(model, &options);
    ms_call_tree_unfold(tree, row_named(tree, "leaf")->key, true);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    const char expected[] = "leaf 350/350\n  inner 300/0 +\n  other 50/0 +\nmain 10/10\n";
    expect_rows(tree, expected);
    use(model, 1, site(model, "malloc<big<main", 0)->id, 1, 5000);
    assert_int_equal(ms_model_tick_end(model, 2 * SECOND), 0);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    char text[256];
    (void)snprintf(text, sizeof(text), "big 5000/5000 +\n%s", expected);
    expect_rows(tree, text);
    ms_call_tree_unfold(tree, row_named(tree, "leaf")->key, false);
    options.ascending = true;
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "main 10/10\nleaf 350/350 +\nbig 5000/5000 +\n");
    options.ascending = false;
    ms_call_tree_unfold_hot(tree, row_named(tree, "leaf")->key);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "big 5000/5000 +\nleaf 350/350\n  inner 300/0\n    outer 300/0\n"
                      "      main 300/0\n  other 50/0 +\nmain 10/10\n");
    ms_call_tree_unfold_all(tree, false);
    ms_call_tree_unfold_share(tree, 0.05);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    assert_true(row_named(tree, "big")->expanded);
    assert_true(row_named(tree, "leaf")->expanded); /* of allocations it has its share */
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_unfolded_survives_names(void **state)
{
    (void)state;
    struct ms_model *model = new_model();
    const struct ms_site *of = site(model, "malloc<?<?<main", 0);
    use(model, 1, of->id, 1, 100);
    assert_int_equal(ms_model_tick_end(model, SECOND), 0);
    struct ms_call_options options = {.shape = MS_CALL_CALLERS, .sort = MS_SITE_FIGURE_ALLOCATED};
    struct ms_call_tree *tree = tree_of(model, &options);
    ms_call_tree_unfold(tree, ms_call_tree_row(tree, 0)->key, true);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "app+0x1001 100/100\n  app+0x1002 100/0 +\n");
    struct ms_frame *named = (struct ms_frame *)(uintptr_t)ms_site_frame(of, 1);
    named->function = "inlined";
    named->inlined_by = frame(model, "allocates", PROGRAM, 2);
    ms_model_names_changed(model);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    expect_rows(tree, "inlined 100/100\n  allocates 100/0\n    app+0x1002 100/0 +\n");
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_growth_and_peak(void **state)
{
    (void)state;
    struct ms_model *model = new_model();
    const struct ms_site *grows = site(model, "malloc<grows<main", 0);
    const struct ms_site *still = site(model, "malloc<still<main", 0);
    use(model, 1, grows->id, 1, 1000);
    use(model, 1, still->id, 1, 90000);
    assert_int_equal(ms_model_tick_end(model, 10 * SECOND), 0);
    struct ms_call_options options = {.shape = MS_CALL_CALLERS, .sort = MS_SITE_FIGURE_GROWTH};
    struct ms_call_tree *tree = tree_of(model, &options);
    assert_string_equal(ms_call_tree_row(tree, 0)->name, "still"); /* by what is live */
    assert_true(isnan(ms_call_tree_row(tree, 0)->inclusive[MS_SITE_FIGURE_GROWTH]));
    assert_true(isnan(ms_call_tree_total(tree)->inclusive[MS_SITE_FIGURE_AT_PEAK]));
    ms_model_process_mutable(model, 1)->peak = (struct ms_peak){.epoch = 1, .bytes = 91000};
    for (uint64_t t = 11; t <= 30; t++) {
        use(model, 1, grows->id, 1, 1000);
        assert_int_equal(ms_model_tick_end(model, t * SECOND), 0);
        assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
        if (t >= 12) {
            assert_true(row_named(tree, "grows")->inclusive[MS_SITE_FIGURE_GROWTH] == 1000);
            assert_true(row_named(tree, "still")->inclusive[MS_SITE_FIGURE_GROWTH] == 0);
            assert_string_equal(ms_call_tree_row(tree, 0)->name, "grows");
        }
    }
    struct ms_usage *usage = ms_model_usage_mutable(model, 1, grows->id);
    usage->at_peak_bytes = 1000;
    usage->peak_epoch = 1;
    usage->bytes_freed = usage->bytes_allocated;
    assert_int_equal(ms_model_tick_end(model, 31 * SECOND), 0);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    assert_true(row_named(tree, "grows")->inclusive[MS_SITE_FIGURE_AT_PEAK] == 1000);
    assert_true(row_named(tree, "grows")->inclusive[MS_SITE_FIGURE_GROWTH] < 0);
    assert_true(ms_call_tree_total(tree)->inclusive[MS_SITE_FIGURE_AT_PEAK] == 91000);
    /* After nobody looked for long, it begins anew. */
    assert_int_equal(ms_model_tick_end(model, 100 * SECOND), 0);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 0, 0), 0);
    assert_true(isnan(ms_call_tree_total(tree)->inclusive[MS_SITE_FIGURE_GROWTH]));
    ms_call_tree_free(tree);
    ms_model_free(model);
}

static void test_budget(void **state)
{
    (void)state;
    struct ms_model *model = example();
    struct ms_call_options options = {.shape = MS_CALL_CALLERS, .sort = MS_SITE_FIGURE_ALLOCATED};
    struct ms_call_tree *tree = ms_call_tree_new();
    assert_int_equal(ms_call_tree_update(tree, model, &options, 1, 1e-6), 0);
    use(model, 1, 3, 1, 10);
    assert_int_equal(ms_model_tick_end(model, 2 * SECOND), 0);
    assert_int_equal(ms_call_tree_update(tree, model, &options, 1000, 1e-6), 0);
    expect_rows(tree, "leaf 350/350 +\nmain 10/10\n");
    assert_int_equal(ms_call_tree_update(tree, model, &options, UINT64_MAX / 2, 1e-6), 0);
    expect_rows(tree, "leaf 350/350 +\nmain 20/20\n");
    use(model, 1, 3, 1, 10);
    assert_int_equal(ms_model_tick_end(model, 3 * SECOND), 0);
    options.shape = MS_CALL_CALLEES; /* asked for: at once */
    assert_int_equal(ms_call_tree_update(tree, model, &options, 1001, 1e-6), 0);
    expect_rows(tree, "main 380/30 +\n");
    ms_call_tree_free(tree);
    ms_model_free(model);
}

/* --- any tree against a simple count --- */

#define NAMES 40
struct world {
    struct ms_model *model;
    struct ms_frame *frames[NAMES][3]; /* lines of a function */
    uint32_t seed;
};

static uint32_t random_site(struct world *world)
{
    const struct ms_frame *frames[24];
    const uint32_t depth = next_random(&world->seed) % 24;
    for (uint32_t i = 0; i < depth; i++) {
        const uint32_t among = 4 + 2 * i < NAMES ? 4 + 2 * i : NAMES;
        const uint32_t name = next_random(&world->seed) % among;
        frames[i] = world->frames[name][next_random(&world->seed) % 3];
    }
    const uint32_t flags = depth == 0 ? MS_SITE_ROOT : depth == 23 ? MS_SITE_CUT_DEPTH : 0;
    return ms_model_add_site(world->model, next_random(&world->seed) % 2 + 1, frames, depth, flags)
        ->id;
}

static void make_world(struct world *world)
{
    *world = (struct world){.model = new_model(), .seed = 4711};
    assert_non_null(ms_model_add_process(world->model, 2));
    assert_non_null(ms_model_add_thread(world->model, 2));
    assert_non_null(ms_model_add_thread(world->model, 2));
    for (unsigned i = 0; i < NAMES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), i % 9 == 0 ? "malloc" : "f%u", i);
        for (unsigned line = 0; line < 3; line++) {
            world->frames[i][line] = frame(world->model, name, i % 5 == 0 ? LIBC : PROGRAM, line);
            if (i % 7 == 3) {
                world->frames[i][line]->inlined_by = frame(world->model, "caller", PROGRAM, 1);
            }
        }
    }
}

/* What the sites of a scope have, added up one by one. */
static void add_up(const struct ms_model *model, const struct ms_scope *scope, double *sums)
{
    memset(sums, 0, MS_SITE_FIGURE_CPU * sizeof(*sums));
    for (size_t i = 0; i < ms_model_usage_count(model); i++) {
        const struct ms_usage *usage = ms_model_usage(model, i);
        if (ms_scope_has_usage(scope, model, usage)) {
            sums[MS_SITE_FIGURE_LIVE] += (double)ms_usage_current_bytes(usage);
            sums[MS_SITE_FIGURE_ALLOCATED] += (double)usage->bytes_allocated;
            sums[MS_SITE_FIGURE_COUNT] += (double)usage->allocations;
            sums[MS_SITE_FIGURE_TEMPORARY] += (double)usage->temporary;
            sums[MS_SITE_FIGURE_WASTE] += (double)usage->waste_bytes;
            sums[MS_SITE_FIGURE_AT_PEAK] += (double)ms_usage_current_bytes(usage);
        }
    }
}

static void check_level(const struct ms_call_tree *tree, size_t parent, const double *expected)
{
    double sums[MS_SITE_FIGURE_CPU] = {0};
    uint32_t sites = 0;
    for (size_t i = 0; i < ms_call_tree_rows(tree); i++) {
        if (ms_call_tree_parent(tree, i) == parent) {
            const struct ms_call_row *row = ms_call_tree_row(tree, i);
            sites += row->sites;
            for (int figure = 0; figure < MS_SITE_FIGURE_CPU; figure++) {
                sums[figure] += row->inclusive[figure];
            }
        }
    }
    for (int figure = 0; figure < MS_SITE_FIGURE_CPU; figure++) {
        if (figure != MS_SITE_FIGURE_GROWTH) {
            assert_true(sums[figure] == expected[figure]);
        }
    }
    assert_true(sites > 0);
}

static void check_tree(const struct ms_call_tree *tree, const struct ms_model *model,
                       const struct ms_call_options *options)
{
    double expected[MS_SITE_FIGURE_CPU];
    add_up(model, &options->scope, expected);
    for (int figure = 0; figure < MS_SITE_FIGURE_CPU; figure++) {
        if (figure != MS_SITE_FIGURE_GROWTH) {
            assert_true(ms_call_tree_total(tree)->inclusive[figure] == expected[figure]);
        }
    }
    if (options->shape != MS_CALL_FLAT) {
        check_level(tree, SIZE_MAX, expected);
    }
    double self[MS_SITE_FIGURE_CPU] = {0};
    for (size_t i = 0; i < ms_call_tree_rows(tree); i++) {
        const struct ms_call_row *row = ms_call_tree_row(tree, i);
        uint32_t sites[2000];
        assert_int_equal(ms_call_tree_sites(tree, i, sites, 2000), row->sites);
        assert_int_equal(sites[0], row->site_id);
        double of_sites = 0;
        for (uint32_t k = 0; k < row->sites; k++) {
            struct ms_heap heap;
            ms_scope_site_heap(&options->scope, model, ms_model_site_by_id(model, sites[k]), &heap);
            of_sites += (double)heap.bytes_allocated;
        }
        assert_true(of_sites == row->inclusive[MS_SITE_FIGURE_ALLOCATED]);
        for (int figure = 0; figure < MS_SITE_FIGURE_CPU; figure++) {
            self[figure] += row->self[figure];
        }
        double least[MS_SITE_FIGURE_CPU];
        if (row->expanded) {
            for (int figure = 0; figure < MS_SITE_FIGURE_CPU; figure++) {
                least[figure] = row->inclusive[figure] -
                                (options->shape == MS_CALL_CALLEES ? row->self[figure] : 0);
            }
            if (options->shape == MS_CALL_CALLEES) {
                check_level(tree, i, least);
            }
        }
    }
    if (options->shape != MS_CALL_CALLEES) { /* there it is in what is still folded */
        assert_true(self[MS_SITE_FIGURE_ALLOCATED] == expected[MS_SITE_FIGURE_ALLOCATED]);
    }
}

static void test_sums_are_exact(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    struct ms_call_tree *tree = ms_call_tree_new();
    for (uint64_t tick = 1; tick <= 12; tick++) {
        for (int i = 0; i < 60; i++) {
            (void)random_site(&world);
        }
        for (int i = 0; i < 300; i++) {
            const uint32_t id =
                next_random(&world.seed) % (uint32_t)ms_model_site_count(world.model) + 1;
            const uint32_t process = ms_model_site_by_id(world.model, id)->process_id;
            use(world.model, process == 1 ? 1 : next_random(&world.seed) % 2 + 2, id,
                next_random(&world.seed) % 100, next_random(&world.seed) % 1000);
        }
        for (uint32_t id = 1; id <= 2; id++) {
            ms_model_process_mutable(world.model, id)->peak.epoch = (uint32_t)tick;
        }
        assert_int_equal(ms_model_tick_end(world.model, tick * SECOND), 0);
        static const struct ms_scope scopes[] = {{0, 0, 0}, {1, 0, 0}, {0, 2, 0}, {2, 3, 0}};
        for (unsigned i = 0; i < 24; i++) {
            const struct ms_call_options options = {
                .scope = scopes[i / 6],
                .shape = (enum ms_call_shape)(i % 3),
                .fold_libraries = i / 3 % 2 == 1,
                .sort = (enum ms_site_figure)(next_random(&world.seed) % MS_SITE_FIGURE_CPU),
            };
            if (tick % 3 == 0) {
                ms_call_tree_unfold_all(tree, true);
            }
            assert_int_equal(ms_call_tree_update(tree, world.model, &options, 0, 0), 0);
            check_tree(tree, world.model, &options);
        }
    }
    const struct ms_call_options one = {.scope = {.site_id = 7}, .shape = MS_CALL_CALLEES};
    assert_int_equal(ms_call_tree_update(tree, world.model, &one, 0, 0), 0);
    assert_int_equal(ms_call_tree_total(tree)->sites, 1);
    ms_call_tree_free(tree);
    ms_model_free(world.model);
}

/* Past wrappers, inlined ones too, and past what has no name but lies within a wrapper. */
static void test_roots_are_culprits(void **state)
{
    (void)state;
    static const struct {
        const char *stack, *root;
    } sites[] = {
        {"malloc<xmalloc<leaf<main", "leaf"},
        {"malloc<std::allocator::operator<main", "std::allocator::operator"},
        {"malloc<xmalloc^leaf^outer<main", "leaf"},
        {"?<sqlite3Malloc<leaf<main", "leaf"},
        {"malloc<xmalloc", "malloc"},
    };
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
        struct ms_model *model = new_model();
        const struct ms_site *of = site(model, sites[i].stack, 0);
        use(model, 1, of->id, 1, 1);
        assert_int_equal(ms_model_tick_end(model, SECOND), 0);
        const struct ms_call_options options = {.shape = MS_CALL_CALLERS};
        struct ms_call_tree *tree = tree_of(model, &options);
        assert_string_equal(ms_call_tree_row(tree, 0)->name, sites[i].root);
        assert_string_equal(ms_site_culprit_frame(of)->function, sites[i].root);
        ms_call_tree_free(tree);
        ms_model_free(model);
    }
}

static void test_what_is_a_library(void **state)
{
    (void)state;
    static const struct {
        const char *function, *module, *crate;
        bool library;
    } frames[] = {
        {"g_malloc", "/usr/lib/x86_64-linux-gnu/libglib-2.0.so.0", "", true},
        {"f", "/opt/conda/lib/libstdc++.so.6", "", true},
        {"f", "/home/me/app/libown.so", "", false},
        {"f", "/home/me/app/plugins/libown.so", "", false},
        {"f", "/home/me/other/libtheirs.so", "", false},
        {"main", PROGRAM, "", false},
        {"std::vector<int, std::allocator<int> >::push_back(int&&)", PROGRAM, "", true},
        {"void std::vector<app::Thing>::emplace_back<int>(int&&)", PROGRAM, "", true},
        {"app::Thing::operator()(std::string const&)", PROGRAM, "", false},
        {"void app::fill<std::vector<int> >(std::vector<int>&)", PROGRAM, "", false},
        {"std::ostream& app::operator<<(std::ostream&, app::Thing const&)", PROGRAM, "", false},
        {"(anonymous namespace)::read(std::string)", PROGRAM, "", false},
        {"operator new(unsigned long)", PROGRAM, "", true},
        {"alloc::vec::Vec<T,A>::push", PROGRAM, "", true},
        {"<alloc::vec::Vec<T> as core::iter::traits::collect::Extend<T>>::extend", PROGRAM, "",
         true},
        {"<&mut app::Reader as std::io::Read>::read", PROGRAM, "", false},
        {"app::main::{{closure}}", PROGRAM, "", false},
        {"core::ops::function::FnOnce::call_once", PROGRAM, "", true},
        {"reserve_rehash", PROGRAM, "hashbrown", true},
        {"grep::search", PROGRAM, "grep", false},
        {"", "", "", false},
    };
    static struct ms_process process = {.id = 1, .exe = PROGRAM};
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        const struct ms_frame of = {.function = frames[i].function,
                                    .module = frames[i].module,
                                    .crate = frames[i].crate,
                                    .file = ""};
        if (ms_frame_is_library(&of, &process) != frames[i].library) {
            fail_msg("%s in %s", frames[i].function, frames[i].module);
        }
    }
    /* A program of the system is not a library, what it loads from beside it may be. */
    static struct ms_process system = {.id = 2, .exe = "/usr/lib/git-core/git"};
    const struct ms_frame program = {
        .function = "f", .module = system.exe, .crate = "", .file = ""};
    assert_false(ms_frame_is_library(&program, &system));
    (void)snprintf(system.exe, sizeof(system.exe), "/usr/lib/x86_64-linux-gnu/tool");
    const struct ms_frame libc = {.function = "f", .module = LIBGTK, .crate = "", .file = ""};
    assert_true(ms_frame_is_library(&libc, &system));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_parents_sites_and_lines),
        cmocka_unit_test(test_recursion_counts_once),
        cmocka_unit_test(test_what_has_no_stack_is_said),
        cmocka_unit_test(test_filter_and_folded_libraries),
        cmocka_unit_test(test_unfolded_stays),
        cmocka_unit_test(test_unfolded_survives_names),
        cmocka_unit_test(test_growth_and_peak),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_roots_are_culprits),
        cmocka_unit_test(test_what_is_a_library),
    };
    return cmocka_run_group_tests_name("analysis: call tree", tests, NULL, NULL);
}
