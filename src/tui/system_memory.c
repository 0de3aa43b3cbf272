/* What the memory of a process consists of, and what it may grow to. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analysis/forecast.h"
#include "model/format.h"
#include "tui/chart.h"
#include "tui/system.h"

static char *limit_text(uint64_t limit, bool bytes, char *out, size_t size)
{
    if (limit == MS_NO_LIMIT) {
        snprintf(out, size, "none");
        return out;
    }
    if (bytes) {
        return ms_format_bytes(out, size, (double)limit);
    }
    snprintf(out, size, "%" PRIu64, limit);
    return out;
}

static int pair_bytes(struct ms_sheet *sheet, int column, const char *word, double bytes)
{
    char text[MS_FORMAT_MAX];
    return ms_sheet_pair(sheet, column, word, ms_format_bytes(text, sizeof text, bytes));
}

static void put_process(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_process_kernel *kernel = &process->kernel;
    char text[64];
    int column =
        ms_sheet_pair(sheet, 1, "process", ms_tui_process_text(process, text, sizeof text));
    column =
        pair_bytes(sheet, column, "RSS", kernel->have_memory ? (double)kernel->rss_bytes : NAN);
    column = pair_bytes(sheet, column, "highest",
                        kernel->have_memory ? (double)kernel->peak_rss_bytes : NAN);
    column = pair_bytes(sheet, column, "PSS", kernel->have_pss ? (double)kernel->pss_bytes : NAN);
    pair_bytes(sheet, column, "live",
               process->seen != MS_SEEN_NONE ? (double)ms_heap_current_bytes(&process->totals)
                                             : NAN);
    sheet->row++;
}

static void put_part(struct ms_sheet *sheet, const char *name,
                     const struct ms_memory_figures *figures, uint64_t all, const char *meaning)
{
    char texts[4][MS_FORMAT_MAX];
    const uint64_t bytes[4] = {figures->resident_bytes, figures->proportional_bytes,
                               figures->private_bytes, figures->mapped_bytes};
    const int shown = sheet->columns >= 72 ? 4 : 2;
    int column = 1 + 10;
    ms_grid_put(sheet->grid, sheet->row, 1, 10, name);
    for (int i = 0; i < shown; i++) {
        ms_format_bytes(texts[i], sizeof texts[i], (double)bytes[i]);
        column += ms_grid_printf(sheet->grid, sheet->row, column, 10, "%9s", texts[i]);
    }
    ms_grid_printf(sheet->grid, sheet->row, column, 8, "%7u", figures->mappings);
    column += 8;
    const int bar = sheet->columns >= 120 ? 14 : sheet->columns >= 76 ? 18 : 10;
    if (column + bar < sheet->columns && meaning[0] != '\0') {
        ms_grid_pen(sheet->grid, MS_COLOUR_MEMORY, 0);
        ms_chart_bar(sheet->grid, sheet->tui->glyphs, sheet->row, column, bar,
                     all > 0 ? (double)figures->resident_bytes / (double)all : (double)NAN);
    }
    ms_grid_pen(sheet->grid, MS_COLOUR_DIM, 0);
    const int room = sheet->columns - column - bar - 2;
    if (room >= 24) {
        ms_grid_put(sheet->grid, sheet->row, column + bar + 1, room, meaning);
    }
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    sheet->row++;
}

static void put_map(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_memory_map *map = &process->resources.map;
    const uint64_t now_ns = ms_model_now_ns(sheet->view->model);
    char heading[64] = "memory map";
    if (map->have && now_ns > map->read_ns + 2 * MS_SECOND_NS) {
        snprintf(heading, sizeof heading, "memory map, as of %.0f s ago",
                 (double)(now_ns - map->read_ns) / (double)MS_SECOND_NS);
    }
    ms_sheet_heading(sheet, heading);
    if (!map->have) {
        if (!ms_sheet_source(sheet, MS_SOURCE_MEMORY_MAP)) {
            ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "not read yet");
        }
        return;
    }
    ms_grid_pen(sheet->grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    ms_grid_put(sheet->grid, sheet->row++, 1, sheet->columns - 2,
                sheet->columns >= 72
                    ? "PART       RESIDENT     PROP  PRIVATE   MAPPED   MAPS OF RESIDENT "
                    : "PART       RESIDENT     PROP   MAPS");
    ms_grid_pen(sheet->grid, MS_COLOUR_DEFAULT, 0);
    for (int part = 0; part < MS_MEMORY_PART_TOTAL; part++) {
        if (map->parts[part].mappings > 0) {
            put_part(sheet, ms_memory_part_heading((enum ms_memory_part)part), &map->parts[part],
                     map->all.resident_bytes, ms_memory_part_meaning((enum ms_memory_part)part));
        }
    }
    put_part(sheet, "all", &map->all, 0, "");
}

/* Resident heap = live + rounding + tags + rest. */
static void put_heap(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_heap_parts heap = ms_heap_parts_of(process);
    char text[160];
    ms_sheet_heading(sheet, "the heap explained");
    if (!heap.have) {
        snprintf(text, sizeof text, "unavailable: %.120s", heap.because);
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, text);
        return;
    }
    int column = pair_bytes(sheet, 1, "resident", (double)heap.resident_bytes);
    column = pair_bytes(sheet, column, "= live", (double)heap.live_bytes);
    column = pair_bytes(sheet, column, "+ rounding", (double)heap.rounding_bytes);
    column = pair_bytes(sheet, column, "+ our tags", (double)heap.tags_bytes);
    column = pair_bytes(sheet, column, "+ rest", (double)heap.unexplained_bytes);
    ms_sheet_pair(sheet, column, "fragmentation",
                  ms_sheet_pct(100 * heap.fragmentation, text, sizeof text));
    sheet->row++;
    ms_sheet_text(sheet, 1, MS_COLOUR_DIM,
                  heap.unexplained_bytes < 0
                      ? "The rest is negative: some live blocks were never touched and so are not "
                        "resident."
                      : "The rest: memory the allocator keeps free, and its metadata.");
}

static void put_forecasts(struct ms_sheet *sheet, const struct ms_process *process)
{
    struct ms_forecast forecasts[MS_LIMIT_TOTAL];
    ms_sheet_heading(sheet, "nearest limits");
    const size_t count = ms_forecast_of(sheet->view->model, process, forecasts);
    for (size_t i = 0; i < count; i++) {
        const struct ms_forecast *forecast = &forecasts[i];
        const double share = forecast->limit > 0 ? forecast->used / forecast->limit : (double)NAN;
        const bool near = share > 0.8 || forecast->seconds_left < 600;
        ms_grid_pen(sheet->grid, near ? MS_COLOUR_ALERT_HIGH : MS_COLOUR_GRAPH, 0);
        ms_chart_bar(sheet->grid, sheet->tui->glyphs, sheet->row, 1, 12, share);
        ms_sheet_text(sheet, 14, near ? MS_COLOUR_ALERT_MEDIUM : MS_COLOUR_DEFAULT,
                      forecast->sentence);
    }
    if (count == 0) {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "No limit is known.");
    }
}

static void put_limits(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_resource_limits *limits = &process->resources.limits;
    char text[MS_FORMAT_MAX];
    int column = 1;
    ms_sheet_heading(sheet, "limits by setrlimit");
    if (!limits->have) {
        if (!ms_sheet_source(sheet, MS_SOURCE_RESOURCE_LIMITS)) {
            ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "not read yet");
        }
        return;
    }
    const struct {
        const char *word;
        uint64_t limit;
        bool bytes;
    } rows[] = {
        {"address space", limits->address_space_bytes, true},
        {"data", limits->data_bytes, true},
        {"stack", limits->stack_bytes, true},
        {"resident", limits->resident_bytes, true},
        {"locked", limits->locked_bytes, true},
        {"file size", limits->file_bytes, true},
        {"core file", limits->core_bytes, true},
        {"open files", limits->files, false},
        {"processes", limits->processes, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        limit_text(rows[i].limit, rows[i].bytes, text, sizeof text);
        column = ms_sheet_pair(sheet, column, rows[i].word, text);
    }
    sheet->row++;
}

static int pair_stall(struct ms_sheet *sheet, int column, const char *word,
                      const struct ms_stall *stall)
{
    char text[MS_FORMAT_MAX];
    return ms_sheet_pair(sheet, column, word,
                         ms_sheet_pct(stall->some_avg10_pct, text, sizeof text));
}

/* Returns the column behind. */
static int put_cgroup_memory(struct ms_sheet *sheet, const struct ms_cgroup *cgroup)
{
    char text[64];
    int column = 1;
    if (cgroup->have_memory) {
        column = pair_bytes(sheet, 1, "memory", (double)cgroup->memory_bytes);
        column = ms_sheet_pair(sheet, column, "limit",
                               limit_text(cgroup->memory_max_bytes, true, text, sizeof text));
        column = ms_sheet_pair(sheet, column, "throttled above",
                               limit_text(cgroup->memory_high_bytes, true, text, sizeof text));
    }
    if (cgroup->have_swap) {
        column = pair_bytes(sheet, column, "swap", (double)cgroup->swap_bytes);
        column = ms_sheet_pair(sheet, column, "of",
                               limit_text(cgroup->swap_max_bytes, true, text, sizeof text));
    }
    if (cgroup->have_kills) {
        snprintf(text, sizeof text, "%" PRIu64, cgroup->out_of_memory_kills);
        column = ms_sheet_pair(sheet, column, "OOM kills", text);
    }
    return column;
}

static void put_cgroup(struct ms_sheet *sheet, const struct ms_process *process)
{
    const struct ms_cgroup *cgroup = &process->resources.cgroup;
    char text[64];
    char heading[300];
    if (!cgroup->have) {
        ms_sheet_heading(sheet, "control group");
        if (!ms_sheet_source(sheet, MS_SOURCE_CGROUP)) {
            ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "not read yet");
        }
        return;
    }
    snprintf(heading, sizeof heading, "control group v%u %s", cgroup->version, cgroup->path);
    ms_sheet_heading(sheet, heading);
    int column = put_cgroup_memory(sheet, cgroup);
    if (cgroup->have_cpu) {
        snprintf(text, sizeof text, "%.2f", cgroup->cpus);
        column = ms_sheet_pair(sheet, column, "cores", isnan(cgroup->cpus) ? "no limit" : text);
    }
    if (cgroup->have_throttling && cgroup->periods > 0) {
        snprintf(text, sizeof text, "%" PRIu64 " of %" PRIu64 " periods, %.1f s",
                 cgroup->throttled_periods, cgroup->periods, (double)cgroup->throttled_ns / 1e9);
        column = ms_sheet_pair(sheet, column, "throttled", text);
    }
    if (cgroup->have_processes) {
        snprintf(text, sizeof text, "%" PRIu64, cgroup->processes);
        column = ms_sheet_pair(sheet, column, "tasks", text);
        column = ms_sheet_pair(sheet, column, "of",
                               limit_text(cgroup->processes_max, false, text, sizeof text));
    }
    if (cgroup->pressure.have) {
        column = pair_stall(sheet, column, "stalled for cpu", &cgroup->pressure.cpu);
        column = pair_stall(sheet, column, "memory", &cgroup->pressure.memory);
        pair_stall(sheet, column, "io", &cgroup->pressure.io);
    }
    sheet->row++;
    (void)ms_sheet_source(sheet, MS_SOURCE_CGROUP);
}

void ms_system_memory_page(struct ms_sheet *sheet)
{
    const struct ms_process *process = ms_system_process(sheet->tui, sheet->view->model);
    if (process == NULL) {
        ms_sheet_text(sheet, 1, MS_COLOUR_DIM, "No process has been seen yet.");
        return;
    }
    put_process(sheet, process);
    put_map(sheet, process);
    put_heap(sheet, process);
    put_forecasts(sheet, process);
    put_limits(sheet, process);
    put_cgroup(sheet, process);
}
