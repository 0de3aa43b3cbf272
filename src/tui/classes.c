/* See classes.h. */
#include "tui/classes.h"

#include <math.h>
#include <stdio.h>

#include "model/figures.h"
#include "model/format.h"
#include "tui/chart.h"

#define LABEL_WIDTH 10
#define COUNT_WIDTH 7

static void bytes_label(char *out, size_t size, uint64_t bytes)
{
    ms_format_bytes(out, size, (double)bytes);
}

static void time_label(char *out, size_t size, uint64_t ns)
{
    const double seconds = (double)ns / (double)MS_SECOND_NS;
    if (seconds < 1) {
        snprintf(out, size, "%.0fms", seconds * 1000);
    } else if (seconds < 10) {
        snprintf(out, size, "%.1fs", seconds);
    } else if (seconds < 120) {
        snprintf(out, size, "%.0fs", seconds);
    } else if (seconds < 3600) {
        snprintf(out, size, "%.0fmin", seconds / 60);
    } else {
        snprintf(out, size, "%.1fh", seconds / 3600);
    }
}

struct kind {
    const char *title;
    unsigned classes;
    uint64_t (*bound)(unsigned);
    void (*label)(char *, size_t, uint64_t);
    const char *up_to, *up_to_ascii, *beyond;
};

static const struct kind sizes = {
    "by size", MS_HISTOGRAM_SIZES, ms_size_class_bound_bytes, bytes_label, "\u2264 ", "<= ", "> "};
static const struct kind lifetimes = {
    "by lifetime", MS_HISTOGRAM_LIFETIMES, ms_lifetime_class_bound_ns, time_label, "< ", "< ",
    "from "};

/* The classes from the first to the last that hold anything. Returns how many. */
static unsigned used_classes(const struct kind *kind, const struct ms_histogram *histogram,
                             unsigned *first)
{
    unsigned last = 0;
    *first = kind->classes;
    for (unsigned i = 0; i < kind->classes; i++) {
        if (histogram->events[i] != 0) {
            *first = *first == kind->classes ? i : *first;
            last = i;
        }
    }
    return *first == kind->classes ? 0 : last - *first + 1;
}

static void put_label(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                      const struct kind *kind, unsigned first, unsigned last)
{
    char figure[MS_FORMAT_MAX];
    const bool open = kind->bound(last) == UINT64_MAX && first > 0;
    kind->label(figure, sizeof figure, kind->bound(open ? first - 1 : last));
    const char *word = open ? kind->beyond : ms_theme_ascii(tui) ? kind->up_to_ascii : kind->up_to;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_printf(grid, row, column, LABEL_WIDTH, "%s%s", word, figure);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_histogram(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                           const struct kind *kind, const struct ms_histogram *histogram)
{
    unsigned first;
    const unsigned used = used_classes(kind, histogram, &first);
    const unsigned rows = (unsigned)(area.rows - 1);
    const unsigned in_a_row = used > rows ? (used + rows - 1) / rows : 1;
    double sums[MS_HISTOGRAM_CLASSES] = {0};
    for (unsigned i = 0; i < used; i++) {
        sums[i / in_a_row] += (double)histogram->events[first + i];
    }
    const double highest = ms_chart_highest(sums, MS_HISTOGRAM_CLASSES);
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, area.row, area.column, area.columns, kind->title);
    if (used == 0) {
        ms_grid_put(grid, area.row + 1, area.column, area.columns, "none");
    }
    for (unsigned i = 0; i * in_a_row < used; i++) {
        const unsigned end = (i + 1) * in_a_row < used ? (i + 1) * in_a_row : used;
        const int row = area.row + 1 + (int)i;
        const int bar = area.columns - LABEL_WIDTH - COUNT_WIDTH - 2;
        char count[MS_FORMAT_MAX];
        put_label(tui, grid, row, area.column, kind, first + i * in_a_row, first + end - 1);
        ms_grid_pen(grid, MS_COLOUR_GRAPH, 0);
        ms_chart_bar(grid, tui->glyphs, row, area.column + LABEL_WIDTH, bar, sums[i] / highest);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        ms_format_count(count, sizeof count, sums[i]);
        ms_grid_printf(grid, row, area.column + LABEL_WIDTH + bar, COUNT_WIDTH, "%*s", COUNT_WIDTH,
                       count);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static int pair(struct ms_grid *grid, int row, int column, const char *word, const char *figure)
{
    const int room = ms_grid_columns(grid) - column;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    column += ms_grid_put(grid, row, column, room, word) + 1;
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return column + ms_grid_put(grid, row, column, ms_grid_columns(grid) - column, figure) + 2;
}

/* What is behind the pane, in one form for a thread and for its usage of a site. */
struct subject {
    struct ms_figures figures;
    uint64_t allocations, temporary, waste_bytes, reallocations, failed_calls, bytes_allocated;
    uint64_t at_peak_bytes;
    bool peaked;
};

static void subject_of(const struct ms_view *view, const struct ms_thread *thread,
                       const struct ms_usage *usage, struct subject *subject)
{
    const struct ms_process *process = ms_model_process_by_id(view->model, thread->process_id);
    *subject = (struct subject){.peaked = process != NULL && process->peak.epoch != 0};
    if (usage == NULL) {
        const struct ms_heap *heap = &thread->heap;
        ms_figures_of_thread(view->model, thread->id, &subject->figures);
        subject->allocations = heap->allocations;
        subject->temporary = heap->temporary;
        subject->waste_bytes = heap->waste_bytes;
        subject->reallocations = heap->reallocations;
        subject->failed_calls = heap->failed_calls;
    } else {
        struct ms_usage_extra extra;
        ms_usage_get_extra(usage, &extra);
        ms_figures_of_usage(view->model, usage, &subject->figures);
        subject->allocations = usage->allocations;
        subject->temporary = usage->temporary;
        subject->waste_bytes = usage->waste_bytes;
        subject->reallocations = extra.reallocations;
        subject->failed_calls = extra.failed_calls;
        subject->bytes_allocated = usage->bytes_allocated;
    }
}

static void draw_subject(const struct ms_tui *tui, struct ms_grid *grid, int row,
                         const struct subject *subject)
{
    char text[MS_FORMAT_MAX + 16] = "n/a";
    if (subject->allocations > 0) {
        snprintf(text, sizeof text, "%.0f%%",
                 100.0 * (double)subject->temporary / (double)subject->allocations);
    }
    int column = pair(grid, row, 1, "temporary", text);
    ms_format_bytes(text, sizeof text, (double)subject->waste_bytes);
    column = pair(grid, row, column, "waste", text);
    ms_format_bytes(text, sizeof text,
                    subject->peaked ? (double)subject->figures.at_peak_bytes : (double)NAN);
    column = pair(grid, row, column, "at peak", text);
    ms_format_count(text, sizeof text, (double)subject->reallocations);
    column = pair(grid, row, column, "reallocs", text);
    ms_format_count(text, sizeof text, (double)subject->failed_calls);
    column = pair(grid, row, column, "failed", text);
    if (subject->figures.samples > 0 && subject->bytes_allocated > 0) {
        char samples[MS_FORMAT_MAX];
        ms_format_count(samples, sizeof samples, (double)subject->figures.samples);
        const double error =
            ms_figures_relative_error(subject->figures.variance, subject->bytes_allocated);
        snprintf(text, sizeof text, "%s %s%.0f%%", samples, ms_theme_ascii(tui) ? "+-" : "\u00b1",
                 100 * error);
        pair(grid, row, column, "samples", text);
    }
}

/* Below the heading. */
static void draw_below(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                       const struct subject *subject)
{
    draw_subject(tui, grid, area.row + 1, subject);
    const int half = area.columns / 2;
    struct ms_area part = {
        .row = area.row + 2, .column = 1, .rows = area.rows - 2, .columns = half - 2};
    if (part.rows >= 2) {
        draw_histogram(tui, grid, part, &sizes, &subject->figures.sizes);
        part.column = half + 1;
        draw_histogram(tui, grid, part, &lifetimes, &subject->figures.lifetimes);
    }
}

void ms_classes_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                     struct ms_area area, const struct ms_thread *thread,
                     const struct ms_usage *usage)
{
    struct subject subject;
    ms_theme_heading(tui, grid, area.row, 0, area.columns,
                     area.columns < 72
                         ? usage != NULL ? "of the site (v: graphs)" : "blocks (v: of the site)"
                     : usage != NULL ? "blocks of the marked site (v: graphs)"
                                     : "blocks of this thread (v: of the marked site)");
    if (area.rows >= 2) {
        subject_of(view, thread, usage, &subject);
        draw_below(tui, grid, area, &subject);
    }
}

static const struct ms_usage *usage_of(const struct ms_view *view, uint32_t site_id,
                                       uint32_t thread_id)
{
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(view->model, site_id, usage)) != NULL) {
        if (usage->thread_id == thread_id) {
            break;
        }
    }
    return usage;
}

static void subject_of_site(const struct ms_view *view, const struct ms_site *site,
                            struct subject *subject)
{
    const struct ms_process *process = ms_model_process_by_id(view->model, site->process_id);
    *subject = (struct subject){.peaked = process != NULL && process->peak.epoch != 0,
                                .allocations = site->heap.allocations,
                                .temporary = site->heap.temporary,
                                .waste_bytes = site->heap.waste_bytes,
                                .reallocations = site->heap.reallocations,
                                .failed_calls = site->heap.failed_calls,
                                .bytes_allocated = site->heap.bytes_allocated};
    ms_figures_of_site(view->model, site->id, &subject->figures);
}

void ms_classes_draw_site(const struct ms_tui *tui, const struct ms_view *view,
                          struct ms_grid *grid, struct ms_area area, const struct ms_site *site,
                          uint32_t thread_id)
{
    struct subject subject;
    const struct ms_thread *thread = ms_model_thread_by_id(view->model, thread_id);
    const struct ms_usage *usage = thread != NULL ? usage_of(view, site->id, thread_id) : NULL;
    ms_theme_heading(tui, grid, area.row, 0, area.columns,
                     usage != NULL ? "its blocks, of this thread" : "its blocks");
    if (area.rows < 2) {
        return;
    }
    if (usage != NULL) {
        subject_of(view, thread, usage, &subject);
    } else {
        subject_of_site(view, site, &subject);
    }
    draw_below(tui, grid, area, &subject);
}
