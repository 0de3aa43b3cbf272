/*
 * A made-up session for the tests of screens: every figure follows from the tick number, so each
 * picture is the same in every run. Time passes only by world_run.
 */
#ifndef MS_TESTS_SCREENS_WORLD_H
#define MS_TESTS_SCREENS_WORLD_H

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "model/figures.h"
#include "model/model.h"
#include "tui/tui.h"

#define WORLD_TICK_NS (MS_SECOND_NS / 10)

struct actor {
    const char *name;
    double cpu_pct, swing; /* cpu goes up and down by `swing` */
    uint64_t allocations_per_tick, block_bytes, kept_per_tick, base_bytes;
    uint64_t io_per_tick;
};

/* clang-format off */
static const struct actor actors[] = {
    {"main",     1.0,  0.0,    1,  512,     0,  31000000,    0},
    {"timer",    0.2,  0.0,    0,    0,     0,     64000,    0},
    {"reader-0", 9.0,  4.0,  110,  640,     0,   6400000,  400},
    {"worker-1", 38.0, 15.0, 7100,  96, 21000,  80000000,    2},
    {"worker-2", 6.0,  5.0,  910,  120,     0,  44000000,    0},
    {"worker-3", 41.0, 20.0, 8410, 110, 190000, 70000000,    3},
    {"parser-0", 97.0, 3.0,  220,   80,     0,  18000000,    0},
    {"flusher",  11.0, 10.0,  31,  256,     0,   2100000,  900},
};
/* clang-format on */
enum { ACTORS = sizeof actors / sizeof actors[0], WORLD_THREADS_MAX = 600 };

struct world {
    struct ms_model *model;
    struct ms_findings *findings;
    struct ms_tui *tui;
    struct ms_grid *grid;
    struct ms_tui_status status;
    struct ms_command command;
    uint32_t threads[WORLD_THREADS_MAX];
    size_t thread_count;
    uint64_t tick;
    bool stopped; /* no figures change any more */
    uint32_t sites[4];
    uint32_t leaking_thread, leaking_site; /* of the test of leaks */
};

static inline const struct ms_frame *world_frame(struct world *world, const char *function,
                                                 const char *file, uint32_t line)
{
    struct ms_frame *frame = ms_model_add_frame(world->model);
    frame->address = 0x401000 + line;
    frame->file_offset = 0x1000 + line;
    frame->module = ms_model_string(world->model, "/usr/bin/app");
    frame->function = ms_model_string(world->model, function);
    frame->file = ms_model_string(world->model, file);
    frame->line = line;
    return frame;
}

static inline void world_sites(struct world *world)
{
    static const struct {
        const char *function, *file;
        uint32_t line;
    } leaves[] = {{"parse_row", "/src/app/csv.c", 118},
                  {"table_grow", "/src/app/table.c", 77},
                  {"strdup_tag", "/src/app/tag.c", 31},
                  {"", "", 0}};
    for (size_t i = 0; i < 4; i++) {
        const struct ms_frame *frames[] = {
            world_frame(world, "malloc", "", 0),
            world_frame(world, leaves[i].function, leaves[i].file, leaves[i].line),
            world_frame(world, "read_chunk", "/src/app/csv.c", 204),
            world_frame(world, "worker_loop", "/src/app/worker.c", 55),
            world_frame(world, "start_thread", "", 0),
        };
        world->sites[i] = ms_model_add_site(world->model, 1, frames, 5, 0)->id;
    }
}

static inline void world_add_thread(struct world *world, const char *name, pid_t tid)
{
    struct ms_thread *thread = ms_model_add_thread(world->model, 1);
    thread->tid = tid;
    snprintf(thread->name, sizeof thread->name, "%s", name);
    thread->tracked = thread->probed = true;
    thread->start_ns = ms_model_now_ns(world->model);
    thread->kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_SWITCHES | MS_HAVE_IO;
    thread->kernel.state = 'S';
    world->threads[world->thread_count++] = thread->id;
}

/* `threads`: the first of them are the actors above, more are called pool-N. */
static inline void world_open(struct world *world, size_t threads, enum ms_glyphs glyphs)
{
    setenv("TZ", "UTC", 1);
    setlocale(LC_CTYPE, "C.UTF-8");
    *world = (struct world){.status = {.own_cpu_pct = 0.8, .message = ""}};
    const uint64_t start_ns = 1000 * MS_SECOND_NS;
    world->model = ms_model_new(WORLD_TICK_NS, start_ns, 1763690000 * MS_SECOND_NS);
    const struct ms_thresholds thresholds = ms_thresholds_default();
    world->findings = ms_findings_new(&thresholds, NULL);
    struct ms_process *process = ms_model_add_process(world->model, 1);
    process->pid = 4242;
    snprintf(process->exe, sizeof process->exe, "/usr/bin/app");
    process->start_ns = start_ns;
    process->totals.peak_bytes = 0;
    process->peak = (struct ms_peak){.epoch = 1, .bytes = 1, .at_ns = start_ns};
    process->kernel.have_memory = true;
    ms_model_system_mutable(world->model)->cores = 8;
    ms_output_set_captured(ms_model_output_mutable(world->model), true);
    world_sites(world);
    for (size_t i = 0; i < threads; i++) {
        char name[32];
        snprintf(name, sizeof name, "pool-%zu", i - ACTORS);
        world_add_thread(world, i < ACTORS ? actors[i].name : name, (pid_t)(4242 + i));
    }
    const struct ms_tui_options options = {.glyphs = glyphs, .program = "./app"};
    world->tui = ms_tui_new(&options);
    world->grid = ms_grid_new(24, 80);
}

static inline void world_close(struct world *world)
{
    ms_tui_free(world->tui);
    ms_grid_free(world->grid);
    ms_findings_free(world->findings);
    ms_model_free(world->model);
}

/* The first site has one size, the others spread; blocks live from no time to minutes. */
static inline void world_blocks(struct ms_usage *usage, size_t site)
{
    struct ms_usage_extra extra = {.reallocations = site * 7, .failed_calls = site == 2};
    uint64_t left = usage->allocations;
    for (unsigned i = 15; i > 2 && site > 0; i--) {
        const uint64_t here = (usage->allocations >> (i / site)) / 4;
        extra.sizes.events[i] = here;
        left -= here;
    }
    extra.sizes.events[2] = left;
    uint64_t freed = usage->deallocations;
    for (unsigned i = 1; i < 10; i++) {
        const uint64_t here = usage->deallocations >> (i + 1);
        extra.lifetimes.events[i] = here;
        freed -= here;
    }
    extra.lifetimes.events[0] = freed;
    (void)ms_usage_put_extra(usage, &extra);
}

static inline void world_act(struct world *world, size_t index)
{
    static const struct actor idle = {.name = "", .base_bytes = 4096};
    const struct actor *actor = index < ACTORS ? &actors[index] : &idle;
    struct ms_thread *thread = ms_model_thread_mutable(world->model, world->threads[index]);
    if (thread == NULL || thread->end_ns != 0) {
        return;
    }
    const double phase = (double)world->tick / 40 + (double)index;
    const double cpu = actor->cpu_pct + actor->swing * sin(phase);
    thread->kernel.run_ns += (uint64_t)((cpu < 0 ? 0 : cpu) / 100 * (double)WORLD_TICK_NS);
    thread->kernel.user_ns = thread->kernel.run_ns / 10 * 9;
    thread->kernel.system_ns = thread->kernel.run_ns / 10;
    thread->kernel.last_core = (int32_t)(index % 8);
    thread->kernel.voluntary_switches += 21;
    thread->kernel.involuntary_switches += 1;
    thread->kernel.read_calls += actor->io_per_tick;
    if (!thread->probed || !thread->tracked) {
        return;
    }
    struct ms_heap *heap = &thread->heap;
    const uint64_t total = actor->base_bytes + actor->kept_per_tick * world->tick;
    const uint64_t live = total - (uint64_t)((double)total / 8 * (1 + sin(phase)) / 2);
    heap->allocations += actor->allocations_per_tick + (world->tick == 0 ? 10 : 0);
    heap->bytes_allocated += actor->allocations_per_tick * actor->block_bytes;
    if (heap->bytes_allocated < live) {
        heap->bytes_allocated = live;
    }
    heap->bytes_freed = heap->bytes_allocated - live;
    heap->deallocations = heap->allocations - heap->allocations / 20;
    heap->temporary = heap->allocations / 3;
    heap->waste_bytes = live / 16;
    heap->reallocations = 21;
    heap->failed_calls = 1;
    if (live > heap->peak_bytes) {
        heap->peak_bytes = live;
    }
    static const uint64_t share_pct[] = {68, 23, 7, 2};
    for (size_t i = 0; i < 4 && index < ACTORS; i++) {
        struct ms_usage *usage = ms_model_usage_mutable(world->model, thread->id, world->sites[i]);
        usage->allocations = heap->allocations * share_pct[3 - i] / 100;
        usage->bytes_allocated = heap->bytes_allocated * share_pct[i] / 100;
        usage->bytes_freed = heap->bytes_freed * share_pct[i] / 100;
        usage->deallocations = heap->deallocations * share_pct[3 - i] / 100;
        usage->waste_bytes = usage->bytes_allocated / 16;
        usage->temporary = usage->allocations * (i + 1) / 8;
        world_blocks(usage, i);
    }
}

/* Lets `ticks` tenths of a second pass. */
static inline void world_run(struct world *world, uint64_t ticks)
{
    for (uint64_t i = 0; i < ticks; i++) {
        struct ms_process *process = ms_model_process_mutable(world->model, 1);
        struct ms_heap *totals = &process->totals;
        const uint64_t peak = totals->peak_bytes;
        const uint64_t run_ns = process->kernel.user_ns;
        (void)run_ns;
        *totals = (struct ms_heap){.peak_bytes = peak};
        process->kernel.user_ns = 0;
        for (size_t t = 0; t < world->thread_count; t++) {
            if (!world->stopped) {
                world_act(world, t);
            }
            const struct ms_thread *thread = ms_model_thread_by_id(world->model, world->threads[t]);
            if (thread != NULL) {
                totals->allocations += thread->heap.allocations;
                totals->deallocations += thread->heap.deallocations;
                totals->bytes_allocated += thread->heap.bytes_allocated;
                totals->bytes_freed += thread->heap.bytes_freed;
                process->kernel.user_ns += thread->kernel.run_ns;
            }
        }
        const uint64_t live = ms_heap_current_bytes(totals);
        if (live > totals->peak_bytes) {
            totals->peak_bytes = live;
        }
        process->peak_error_bytes = totals->peak_bytes / 400;
        process->kernel.rss_bytes = process->kernel.peak_rss_bytes = live + live / 5;
        world->tick++;
        ms_model_tick_end(world->model,
                          ms_model_start_ns(world->model) + world->tick * WORLD_TICK_NS);
        ms_findings_update(world->findings, world->model);
    }
}

/* The program ends: all threads, then the process. */
static inline void world_end(struct world *world, int exit_status, int exit_signal)
{
    const uint64_t now_ns = ms_model_now_ns(world->model);
    for (size_t i = 0; i < world->thread_count; i++) {
        ms_model_end_thread(world->model, world->threads[i], now_ns);
    }
    struct ms_process *process = ms_model_process_mutable(world->model, 1);
    process->end_ns = now_ns;
    process->exit_status = exit_signal > 0 ? -1 : exit_status;
    process->exit_signal = (uint32_t)exit_signal;
    world->status.session = MS_TUI_ENDED;
    world->status.exit_status = exit_status;
    world->status.exit_signal = exit_signal;
    world->stopped = true;
}

static inline void world_input(struct world *world, struct ms_input input)
{
    ms_tui_key(world->tui, &input, world->model, world->findings, &world->status,
               ms_grid_rows(world->grid), ms_grid_columns(world->grid), &world->command);
}

static inline void world_key(struct world *world, int key)
{
    world_input(world, (struct ms_input){.key = key});
}

static inline void world_keys(struct world *world, const char *keys)
{
    for (; *keys != '\0'; keys++) {
        world_key(world, (unsigned char)*keys);
    }
}

static inline void world_size(struct world *world, int rows, int columns)
{
    ms_grid_resize(world->grid, rows, columns);
}

/* The picture as text; caller frees. */
static inline char *world_draw(struct world *world)
{
    ms_tui_draw(world->tui, world->model, world->findings, &world->status, world->grid);
    return ms_grid_text(world->grid);
}

static inline bool world_shows(struct world *world, const char *text)
{
    char *drawn = world_draw(world);
    const bool found = strstr(drawn, text) != NULL;
    free(drawn);
    return found;
}

#endif
