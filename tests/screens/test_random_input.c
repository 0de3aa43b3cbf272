/*
 * Any keys, clicks and sizes in any order, while threads and processes come, end and are merged and
 * sources come and go: no crash, nothing read that is gone (sanitizers see it), nothing drawn that
 * a terminal would take for more than a character. SOAK=N: N times as long; SEED=N: another course.
 */
#include "picture.h"
#include "world_machine.h"
#include "world_series.h"

enum { STEPS = 5000, TARGETS_MAX = 64 };

/* A generator of our own: the same course everywhere. */
static uint64_t seed;
static uint32_t below(uint32_t count)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % count);
}

static const char *const hostile[] = {"\033]0;title\007",
                                      "a\nb",
                                      ("\xe2\x80\xae"
                                       "evil"),
                                      "\xff\xfe",
                                      "",
                                      "wide-\xe6\xbc\xa2\xe5\xad\x97",
                                      "%s%n",
                                      "pool-12"};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

struct monkey {
    struct world world;
    uint32_t threads[TARGETS_MAX], processes[TARGETS_MAX], sites[TARGETS_MAX];
    uint32_t next_process;
    char source_text[64];
    uint32_t starts[3];
    struct ms_source_text source;
};

static const struct ms_source_text *give_source(void *context, const struct ms_process *process,
                                                const char *file)
{
    struct monkey *monkey = context;
    (void)process;
    monkey->source =
        below(2) == 0
            ? (struct ms_source_text){.path = "", .why = "gone", .bytes = ""}
            : (struct ms_source_text){
                  file, "", monkey->source_text, strlen(monkey->source_text), monkey->starts, 3};
    return &monkey->source;
}

static void monkey_open(struct monkey *monkey)
{
    *monkey = (struct monkey){.next_process = 2, .source_text = "one\ntwo \033[2J\nthree\n"};
    monkey->starts[1] = 4;
    monkey->starts[2] = 14;
    struct world *world = &monkey->world;
    world_open(world, ACTORS, MS_GLYPHS_BRAILLE);
    ms_tui_free(world->tui);
    const struct ms_tui_options options = {.glyphs = MS_GLYPHS_BRAILLE,
                                           .program = "./app",
                                           .stdin_from_terminal = true,
                                           .source = give_source,
                                           .source_context = monkey};
    world->tui = ms_tui_new(&options);
    assert_non_null(world->tui);
    world_machine_open(world, 8);
}

static void change_threads(struct monkey *monkey)
{
    struct ms_model *model = monkey->world.model;
    uint32_t *slot = &monkey->threads[below(TARGETS_MAX)];
    if (*slot != 0 && ms_model_thread_by_id(model, *slot) != NULL) {
        ms_model_end_thread(model, *slot, ms_model_now_ns(model));
        *slot = 0;
        return;
    }
    const uint32_t process_id = monkey->processes[below(TARGETS_MAX)];
    const struct ms_process *process = ms_model_process_by_id(model, process_id);
    struct ms_thread *thread =
        ms_model_add_thread(model, process != NULL && process->end_ns == 0 ? process_id : 1);
    assert_non_null(thread);
    *slot = thread->id;
    thread->tid = (pid_t)(10000 + below(1000));
    snprintf(thread->name, sizeof thread->name, "%s", hostile[below(HOSTILE)]);
    thread->tracked = thread->probed = below(2) == 0;
    thread->start_ns = ms_model_now_ns(model);
    thread->kernel.have = below(16) == 0 ? 0 : below(256);
    thread->kernel.state = "RSDZT?"[below(6)];
}

/* A process with a thread comes, or ends with all that it has. */
static void change_processes(struct monkey *monkey)
{
    struct ms_model *model = monkey->world.model;
    uint32_t *slot = &monkey->processes[below(TARGETS_MAX)];
    struct ms_process *process = *slot != 0 ? ms_model_process_mutable(model, *slot) : NULL;
    if (process != NULL) {
        for (size_t i = 0; i < ms_model_alive_count(model); i++) {
            const struct ms_thread *thread = ms_model_thread(model, i);
            if (thread->process_id == *slot) {
                ms_model_end_thread(model, thread->id, ms_model_now_ns(model));
                i--;
            }
        }
        process->end_ns = ms_model_now_ns(model);
        process->exit_status = (int32_t)below(4) - 2;
        process->exit_signal = process->exit_status == -1 ? 9 : 0;
        *slot = 0;
        return;
    }
    const uint32_t id = monkey->next_process++;
    process = ms_model_add_process(model, id);
    assert_non_null(process);
    *slot = id;
    process->parent_id = monkey->processes[below(TARGETS_MAX)];
    process->parent_id = process->parent_id == id ? 1 : process->parent_id;
    process->pid = (pid_t)(20000 + id);
    process->seen = (enum ms_seen)below(3);
    snprintf(process->exe, sizeof process->exe, "/bin/%s", hostile[below(HOSTILE)]);
    snprintf(process->seen_because, sizeof process->seen_because, "%s", hostile[below(HOSTILE)]);
    process->start_ns = ms_model_now_ns(model);
}

static void change_sites(struct monkey *monkey)
{
    struct ms_model *model = monkey->world.model;
    const size_t at = below(TARGETS_MAX);
    if (ms_model_site_by_id(model, monkey->sites[at]) == NULL) {
        const uint32_t process_id = monkey->processes[below(TARGETS_MAX)];
        const struct ms_frame *frames[] = {
            world_frame(&monkey->world, hostile[below(HOSTILE)], "/src/app/csv.c", below(5)),
            world_frame(&monkey->world, hostile[below(HOSTILE)], "", below(1000)),
            world_frame(&monkey->world, "main", "/src/app/main.c", 3)};
        const struct ms_site *site = ms_model_add_site(
            model, ms_model_process_by_id(model, process_id) != NULL ? process_id : 1, frames,
            below(4), 0);
        assert_non_null(site);
        monkey->sites[at] = site->id;
    }
    const uint32_t thread = monkey->threads[below(TARGETS_MAX)];
    struct ms_usage *usage = ms_model_usage_mutable(model, thread, monkey->sites[at]);
    if (usage != NULL) {
        usage->allocations += below(1000);
        usage->bytes_allocated += below(1u << 20);
        usage->bytes_freed = usage->bytes_allocated / (1 + below(4));
    }
    const struct ms_work work = {.cpu_samples = below(3),
                                 .cpu_ns = below(1u << 30),
                                 .io_calls = below(3),
                                 .io_bytes = below(1u << 20),
                                 .io_wait_ns = below(1u << 30)};
    (void)ms_model_add_work(model, thread, monkey->sites[at], &work);
    struct ms_flow *flow =
        ms_model_flow_mutable(model, 1, thread, monkey->threads[below(TARGETS_MAX)]);
    if (flow != NULL) {
        flow->blocks += below(100);
        flow->bytes += below(100000);
    }
    struct ms_misuse *misuse =
        ms_model_misuse_mutable(model, 1, (enum ms_misuse_kind)below(MS_MISUSE_TOTAL),
                                monkey->sites[at], monkey->sites[below(TARGETS_MAX)]);
    if (misuse != NULL) {
        misuse->count++;
        misuse->how = "";
    }
}

/* More have ended than are kept one by one: the oldest are merged, their ids are gone. */
static void merge_many(struct monkey *monkey)
{
    struct ms_model *model = monkey->world.model;
    for (uint32_t i = 0; i < MS_ENDED_PROCESSES_MAX; i++) {
        const uint32_t id = monkey->next_process++;
        struct ms_process *process = ms_model_add_process(model, id);
        assert_non_null(process);
        process->parent_id = 1;
        snprintf(process->exe, sizeof process->exe, "/bin/cc%u", i % 3);
        struct ms_thread *thread = ms_model_add_thread(model, id);
        assert_non_null(thread);
        snprintf(thread->name, sizeof thread->name, "cc");
        const uint32_t thread_id = thread->id;
        ms_model_end_thread(model, thread_id, ms_model_now_ns(model));
        ms_model_process_mutable(model, id)->end_ns = ms_model_now_ns(model);
    }
    for (uint32_t i = 0; getenv("SOAK") != NULL && i < MS_ENDED_THREADS_MAX; i++) {
        struct ms_thread *thread = ms_model_add_thread(model, 1);
        assert_non_null(thread);
        snprintf(thread->name, sizeof thread->name, "short-%u", i % 5);
        const uint32_t thread_id = thread->id;
        ms_model_end_thread(model, thread_id, ms_model_now_ns(model));
    }
}

static void change_machine(struct monkey *monkey)
{
    struct world *world = &monkey->world;
    struct ms_system *system = ms_model_system_mutable(world->model);
    static const uint32_t cores[] = {0, 1, 8, 300, MS_CORES_MAX};
    world_source(world, (enum ms_source)below(MS_SOURCE_TOTAL),
                 (enum ms_source_condition)below(MS_SOURCE_PARTIAL + 1), hostile[below(HOSTILE)]);
    if (below(8) == 0) {
        system->cores = cores[below(5)];
    }
    world->status.own_cpu_pct = below(3) == 0 ? NAN : (double)below(100);
    world->status.message = below(3) == 0 ? "\033[31m exists already" : "";
    world->status.message_is_error = below(2) == 0;
    const char *output = hostile[below(HOSTILE)];
    ms_output_append(ms_model_output_mutable(world->model), output, strlen(output));
    ms_output_append(ms_model_output_mutable(world->model), "line\r\n", 6);
}

static void change(struct monkey *monkey)
{
    struct world *world = &monkey->world;
    change_threads(monkey);
    change_sites(monkey);
    if (below(4) == 0) {
        change_processes(monkey);
    }
    if (below(4) == 0) {
        change_machine(monkey);
    }
    if (below(2) == 0) {
        world_machine_run(world, 1 + below(3));
    } else {
        world_series_run(world, 1 + below(3));
    }
}

static struct ms_input some_input(const struct world *world)
{
    static const int often[] = {MS_KEY_ENTER, MS_KEY_ESCAPE, MS_KEY_UP,    MS_KEY_DOWN, MS_KEY_TAB,
                                MS_KEY_RIGHT, MS_KEY_END,    MS_KEY_MOUSE, '2',         '3',
                                '4',          '0',           'v',          't'};
    const uint32_t kind = below(10);
    struct ms_input input = {.key = (int)(' ' + below(95))};
    if (kind < 3) {
        input.key = often[below(sizeof often / sizeof often[0])];
    } else if (kind == 3) {
        input.key = MS_KEY_UP + (int)below(MS_KEY_MOUSE - MS_KEY_UP + 1);
    } else if (kind == 4) {
        input.key = (int)below(0x300);
    } else if (kind == 5) {
        input.key = MS_KEY_MOUSE;
    }
    input.mouse_action = (enum ms_mouse_action)below(MS_MOUSE_WHEEL_DOWN + 1);
    input.row = (int)below((uint32_t)ms_grid_rows(world->grid) + 4) - 2;
    input.column = (int)below((uint32_t)ms_grid_columns(world->grid) + 4) - 2;
    return input;
}

static void some_size(struct world *world)
{
    static const int sizes[][2] = {{24, 80}, {40, 120}, {60, 200}, {8, 40}, {50, 60}};
    const uint32_t which = below(7);
    if (which < 5) {
        world_size(world, sizes[which][0], sizes[which][1]);
    } else {
        world_size(world, 1 + (int)below(70), 1 + (int)below(220));
    }
}

static void draw(struct world *world)
{
    ms_tui_draw(world->tui, world->model, world->findings, &world->status, world->grid);
    const bool ascii = ms_tui_glyphs(world->tui) == MS_GLYPHS_ASCII;
    for (int row = 0; row < ms_grid_rows(world->grid); row++) {
        for (int column = 0; column < ms_grid_columns(world->grid); column++) {
            const struct ms_cell *cell = ms_grid_at(world->grid, row, column);
            const wchar_t c = cell->character;
            const bool fits = c == 0 || (c >= ' ' && c < 127) || (c >= 0xa0 && !ascii);
            const bool turns = c >= 0x202a && c <= 0x202e; /* the direction of writing */
            if (!fits || turns) {
                fail_msg("U+%04X at %d, %d of:\n%s", (unsigned)c, row, column,
                         ms_grid_text(world->grid));
            }
            assert_in_range(cell->colour, 0, MS_COLOUR_COUNT - 1);
        }
    }
}

/* Plays until the program has ended and for a while after. */
static void play(uint32_t steps)
{
    struct monkey monkey;
    monkey_open(&monkey);
    struct world *world = &monkey.world;
    for (uint32_t step = 0; step < steps; step++) {
        if (step == steps / 3) {
            merge_many(&monkey);
        } else if (step == steps / 4 * 3) {
            world_end(world, (int)below(2), (int)below(2) * 9);
        } else if (step % 8 == 0 && !world->stopped) {
            change(&monkey);
        }
        if (below(50) == 0) {
            some_size(world);
        }
        world_input(world, some_input(world));
        if (below(4) != 0) {
            draw(world);
        }
    }
    world_close(world);
}

static void any_input_in_any_order(void **state)
{
    (void)state;
    const char *text = getenv("SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : 20;
    text = getenv("SOAK");
    const unsigned long rounds = text != NULL ? strtoul(text, NULL, 10) : 1;
    for (unsigned long round = 0; round < (rounds == 0 ? 1 : rounds); round++) {
        play(STEPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_input_in_any_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
