/*
 * Screen 5 and the screen of a call site, compared with the exact text in tests/screens/expected,
 * and what keys and clicks do there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/module.h"
#include "picture.h"
#include "world.h"

/* Innermost function first; "" ends. Those of /usr/lib are libraries'. */
struct stack {
    const char *functions[8];
    uint64_t live_bytes, freed_bytes, blocks;
};

static const struct stack stacks[] = {
    {{"operator new(unsigned long)",
      "std::vector<Row, std::allocator<Row> >::_M_realloc_insert<Row const&>(Row const&)",
      "Table::append(Row const&)", "import_rows", "main"},
     81000000,
     90000000,
     41000},
    {{"operator new(unsigned long)",
      "std::vector<Row, std::allocator<Row> >::_M_realloc_insert<Row const&>(Row const&)",
      "Table::join(Table const&, std::function<bool (Row const&, Row const&)> const&)", "main"},
     22000000,
     0,
     900},
    {{"malloc", "evil\033[31m\nname", "import_rows", "main"}, 400000, 5000000, 52000},
};
enum { STACKS = sizeof stacks / sizeof stacks[0] };

static const struct ms_source_text *source(void *context, const struct ms_process *process,
                                           const char *file)
{
    static const char lines[] = "#include \"table.h\"\n"
                                "\n"
                                "void Table::append(Row const &row)\n"
                                "{\n"
                                "\tif (full()) {\n"
                                "\t\tgrow(); /* \033[2J */\n"
                                "\t}\n"
                                "\trows_.push_back(row);\n"
                                "}\n";
    static uint32_t starts[9];
    static struct ms_source_text text;
    (void)context;
    assert_int_equal(process->pid, 4242);
    text = (struct ms_source_text){.path = "", .why = "is not on this machine", .bytes = ""};
    if (strcmp(file, "/src/app/table.cc") == 0) {
        for (uint32_t i = 0, line = 0; lines[i] != '\0'; i++) {
            if (i == 0 || lines[i - 1] == '\n') {
                starts[line++] = i;
            }
        }
        text = (struct ms_source_text){.path = file,
                                       .why = "",
                                       .bytes = lines,
                                       .byte_count = sizeof lines - 1,
                                       .starts = starts,
                                       .line_count = 9};
    }
    return &text;
}

static const struct ms_frame *frame_of(struct world *world, const char *function)
{
    const bool library = strncmp(function, "std::", 5) == 0 || strncmp(function, "oper", 4) == 0 ||
                         strcmp(function, "malloc") == 0;
    const bool table = strncmp(function, "Table::", 7) == 0;
    struct ms_frame *frame =
        (struct ms_frame *)(uintptr_t)world_frame(world, function,
                                                  table     ? "/src/app/table.cc"
                                                  : library ? ""
                                                            : "/src/app/main.cc",
                                                  table     ? 8
                                                  : library ? 0
                                                            : 120);
    if (library) {
        frame->module = ms_model_string(world->model, "/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
    }
    return frame;
}

static void add_stack(struct world *world, const struct stack *stack)
{
    const struct ms_frame *frames[8];
    uint32_t depth = 0;
    while (stack->functions[depth] != NULL) {
        frames[depth] = frame_of(world, stack->functions[depth]);
        depth++;
    }
    const uint32_t site = ms_model_add_site(world->model, 1, frames, depth, 0)->id;
    struct ms_usage *usage = ms_model_usage_mutable(world->model, world->threads[0], site);
    usage->allocations = stack->blocks;
    usage->deallocations = stack->blocks / 2;
    usage->bytes_allocated = stack->live_bytes + stack->freed_bytes;
    usage->bytes_freed = stack->freed_bytes;
    usage->temporary = stack->blocks / 9;
    usage->waste_bytes = stack->live_bytes / 10;
    world_blocks(usage, 1);
}

static void open_world(struct world *world, enum ms_glyphs glyphs)
{
    world_open(world, ACTORS, glyphs);
    world_run(world, 300);
    for (size_t i = 0; i < STACKS; i++) {
        add_stack(world, &stacks[i]);
    }
    ms_model_names_changed(world->model);
    world_run(world, 1);
    ms_tui_free(world->tui);
    const struct ms_tui_options options = {.glyphs = glyphs, .program = "./app", .source = source};
    world->tui = ms_tui_new(&options);
    world_key(world, '5');
    free(world_draw(world));
}

static void test_shapes(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    picture_check_sizes(&world, "hotspots", 12);
    picture_check(&world, "hotspots", 8, 40);
    picture_check(&world, "hotspots", 60, 200);
    world_size(&world, 24, 80);
    world_keys(&world, "L");
    picture_check(&world, "hotspots-each", 24, 80);
    world_keys(&world, "Lt");
    picture_check_sizes(&world, "hotspots-top-down", 12);
    world_keys(&world, "t>");
    picture_check(&world, "hotspots-flat", 24, 80);
    picture_check(&world, "hotspots-flat", 40, 120);
    world_close(&world);
}

static void test_unfolded(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_ASCII);
    world_keys(&world, "*vv");
    picture_check(&world, "hotspots-all-ascii", 24, 80);
    world_keys(&world, "*v/table\n");
    picture_check(&world, "hotspots-filter", 24, 80);
    world_key(&world, '/');
    world_key(&world, MS_KEY_CTRL('u'));
    world_keys(&world, "nothing holds this\n");
    picture_check(&world, "hotspots-filter-none", 24, 80);
    world_close(&world);
}

static void test_source(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "v/Table::append\nj");
    picture_check(&world, "hotspots-source", 24, 80);
    world_key(&world, MS_KEY_ESCAPE);
    world_keys(&world, "G");
    picture_check(&world, "hotspots-source-none", 24, 80);
    world_close(&world);
}

static void test_site(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "/Table::append\n\n");
    picture_check_sizes(&world, "site", 12);
    picture_check(&world, "site", 8, 40);
    picture_check(&world, "site", 60, 200);
    world_size(&world, 24, 80);
    world_keys(&world, "v");
    picture_check(&world, "site-classes", 24, 80);
    world_keys(&world, "v");
    picture_check(&world, "site-threads", 24, 80);
    world_close(&world);
}

static void test_nothing_to_show(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 1, MS_GLYPHS_BRAILLE);
    world_run(&world, 1);
    world_add_thread(&world, "idle", 4300);
    world_keys(&world, "/idle\n\n5");
    picture_check(&world, "hotspots-thread-none", 24, 80);
    ms_model_free(world.model); /* one without call sites */
    world.model = ms_model_new(WORLD_TICK_NS, MS_SECOND_NS, MS_SECOND_NS);
    struct ms_process *process = ms_model_add_process(world.model, 1);
    process->tracking = (struct ms_process_tracking){
        .known = true, .asked = {.mode = MS_TRACK_COUNTERS, .depth = 32}};
    ms_tui_free(world.tui);
    const struct ms_tui_options options = {.glyphs = MS_GLYPHS_BRAILLE, .program = "./app"};
    world.tui = ms_tui_new(&options);
    world_keys(&world, "5");
    picture_check(&world, "hotspots-counters", 24, 80);
    world_close(&world);
}

static void test_editor_is_asked_for_the_line(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "/Table::append\njo");
    assert_int_equal(world.command.type, MS_COMMAND_EDIT);
    assert_string_equal(world.command.path, "/src/app/table.cc");
    assert_int_equal(world.command.line, 8);
    assert_int_equal(world.command.process_id, 1);
    world_keys(&world, "\no"); /* from the call site itself: its first function of the program */
    assert_int_equal(world.command.type, MS_COMMAND_EDIT);
    assert_string_equal(world.command.path, "/src/app/table.cc");
    world_keys(&world, "ko"); /* a library's, of which no line is known */
    assert_int_equal(world.command.type, MS_COMMAND_EDIT);
    assert_string_equal(world.command.path, "");
    world_close(&world);
}

static void test_the_mark_stays_on_its_row(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "Lj");
    assert_true(world_shows(&world, "\u25b8  25.5%"));
    world_keys(&world, "I"); /* the other way round */
    assert_true(world_shows(&world, "\u25b8  25.5%"));
    world_keys(&world, "IgIl"); /* unfolded above it */
    world_keys(&world, "I");
    assert_true(world_shows(&world, "\u25b8"));
    world_close(&world);
}

static void add_live(struct world *world, size_t site_index, uint64_t bytes)
{
    const struct ms_site *site =
        ms_model_site(world->model, ms_model_site_count(world->model) - STACKS + site_index);
    struct ms_usage *usage = ms_model_usage_mutable(world->model, world->threads[0], site->id);
    usage->allocations++;
    usage->bytes_allocated += bytes;
}

static bool is_above(struct world *world, const char *upper, const char *lower)
{
    char *drawn = world_draw(world);
    const char *first = strstr(drawn, upper);
    const char *second = strstr(drawn, lower);
    const bool above = first != NULL && second != NULL && first < second;
    free(drawn);
    return above;
}

/* After a move rows stand still for 3 s, whatever grows and is unfolded meanwhile. */
static void test_rows_hold_still_after_a_move(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "v"); /* no stack below that has the names, too */
    world_keys(&world, "v");
    world_keys(&world, "/Table::\n");
    assert_true(is_above(&world, "append", "join"));
    world_keys(&world, "j");
    add_live(&world, 1, 200000000);
    world_run(&world, 20);
    assert_true(is_above(&world, "append", "join"));
    world_keys(&world, "-l"); /* the tree is made anew */
    assert_true(is_above(&world, "append", "join"));
    world_run(&world, 40);
    assert_true(is_above(&world, "join", "append"));
    world_close(&world);
}

/* While the symbolizer reads a module, what has no names yet is no defect. */
static void test_names_that_come(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_ASCII);
    assert_false(world_shows(&world, "names are still being read"));
    struct ms_module *module = ms_model_module_mutable(world.model, "/usr/bin/app", NULL, 0);
    assert_non_null(module);
    assert_true(world_shows(&world, "names are still being read"));
    world_key(&world, 'Y');
    assert_true(world_shows(&world, "names are still being read"));
    module->names = MS_NAMES_LINES;
    assert_false(world_shows(&world, "still being read"));
    world_close(&world);
}

/* Counters alone: no screen blames signal handlers or full tables for what was asked for. */
static void test_counters_only(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_ASCII);
    struct ms_process_tracking *tracking = &ms_model_process_mutable(world.model, 1)->tracking;
    tracking->known = true;
    tracking->asked.mode = MS_TRACK_COUNTERS;
    const struct ms_site *site = ms_model_add_site(world.model, 1, NULL, 0, MS_SITE_ROOT);
    ms_model_usage_mutable(world.model, world.threads[0], site->id)->bytes_allocated = 1u << 30;
    world_run(&world, 30);
    world_keys(&world, "g");
    assert_true(world_shows(&world, "counters only"));
    world_key(&world, '\n');
    assert_true(world_shows(&world, "counters only"));
    world_key(&world, 'Y');
    assert_true(world_shows(&world, "only counters are kept"));
    assert_false(world_shows(&world, "signal handler"));
    world_close(&world);
}

static void test_whose_call_site_it_is(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_ASCII);
    assert_false(world_shows(&world, "app [4242]"));
    assert_non_null(ms_model_add_process(world.model, 2));
    assert_true(world_shows(&world, "call stack of app [4242]"));
    world_key(&world, '\n');
    assert_true(world_shows(&world, "of app [4242]"));
    world_close(&world);
}

static void test_unfolding(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "l");
    assert_true(world_shows(&world, "- parse_row"));
    assert_true(world_shows(&world, "+ read_chunk"));
    world_keys(&world, "lh"); /* down to the caller and back up */
    assert_true(world_shows(
        &world, "\u25b8  50.6% [\u2588\u2588\u2588\u258c   ]     204MB      101k  - parse"));
    world_keys(&world, "h");
    assert_true(world_shows(&world, "+ parse_row"));
    world_keys(&world, "=");
    assert_true(world_shows(&world, "- worker_loop"));
    world_keys(&world, "**");
    assert_true(world_shows(&world, "+ parse_row"));
    world_close(&world);
}

static void test_clicks(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "L");
    char *drawn = world_draw(&world);
    int row = 0;
    const char *line = drawn;
    while (strstr(line, "parse_row") > strchr(line, '\n')) {
        line = strchr(line, '\n') + 1;
        row++;
    }
    free(drawn);
    assert_false(world_shows(&world, "read_chunk  csv"));
    struct ms_input input = {.key = MS_KEY_MOUSE, .row = row, .column = 60};
    world_input(&world, input);
    input.mouse_action = MS_MOUSE_DOUBLE_CLICK;
    world_input(&world, input);
    assert_true(world_shows(&world, "- parse_row"));
    world_input(&world, input);
    assert_true(world_shows(&world, "+ parse_row"));
    world_close(&world);
}

static void test_site_is_the_focus_until_left(void **state)
{
    (void)state;
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    world_keys(&world, "/Table::append\n\n");
    assert_true(world_shows(&world, "5 Hot > Site"));
    assert_true(world_shows(&world, "focus: "));
    world_key(&world, MS_KEY_ESCAPE);
    assert_true(world_shows(&world, "[5 Hot]"));
    assert_false(world_shows(&world, "focus: "));
    world_key(&world, '1'); /* from the focus on a thread it opens as well */
    world_keys(&world, "\n\n");
    assert_true(world_shows(&world, "call stack, 5 functions"));
    world_keys(&world, "]");
    assert_true(world_shows(&world, "2 of 4"));
    world_key(&world, MS_KEY_ESCAPE);
    assert_true(world_shows(&world, "call sites by live bytes"));
    world_key(&world, '5');
    assert_true(world_shows(&world, "focus: worker-3"));
    world_close(&world);
}

/* Every key in every size: nothing breaks, whatever the order. */
static void test_any_keys(void **state)
{
    (void)state;
    static const char keys[] = "jkhlgGtLv*=+-nN<>IsoF\n[]q5";
    struct world world;
    open_world(&world, MS_GLYPHS_BRAILLE);
    uint32_t seed = 3;
    for (int i = 0; i < 4000; i++) {
        seed = seed * 1664525u + 1013904223u;
        world_key(&world, keys[(seed >> 16) % (sizeof keys - 1)]);
        if (i % 7 == 0) {
            world_size(&world, 1 + (int)((seed >> 8) % 60), 1 + (int)((seed >> 20) % 210));
            free(world_draw(&world));
        }
        if (i % 50 == 0) {
            world_run(&world, 1);
        }
    }
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_unfolded),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_site),
        cmocka_unit_test(test_nothing_to_show),
        cmocka_unit_test(test_editor_is_asked_for_the_line),
        cmocka_unit_test(test_the_mark_stays_on_its_row),
        cmocka_unit_test(test_rows_hold_still_after_a_move),
        cmocka_unit_test(test_names_that_come),
        cmocka_unit_test(test_counters_only),
        cmocka_unit_test(test_whose_call_site_it_is),
        cmocka_unit_test(test_unfolding),
        cmocka_unit_test(test_clicks),
        cmocka_unit_test(test_site_is_the_focus_until_left),
        cmocka_unit_test(test_any_keys),
    };
    return cmocka_run_group_tests_name("hotspot pictures", tests, NULL, NULL);
}
