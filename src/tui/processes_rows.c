/* What the rows of screen p are: which there are, what is folded, their figures, words and order.
 */
#include "tui/processes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct ms_processes_column_info ms_processes_columns[MS_PROCESSES_COLUMNS] = {
    [MS_PROCESSES_START] = {"start", "", "start order", 0},
    [MS_PROCESSES_CPU] = {"cpu_percent", "CPU%", "CPU time, percent of one core", 7},
    [MS_PROCESSES_LIVE] = {"current_bytes", "LIVE", "live bytes (as requested)", 9},
    [MS_PROCESSES_PEAK] = {"peak_bytes", "PEAK",
                           "peak live bytes; of a folded branch the sum of the peaks", 9},
    [MS_PROCESSES_RATE] = {"allocations_per_s", "ALLOCS/s", "blocks allocated per second", 9},
    [MS_PROCESSES_RSS] = {"rss_bytes", "RSS", "resident memory; shared pages count in each process",
                          9},
    [MS_PROCESSES_THREADS] = {"threads", "THR", "live threads", 5},
    [MS_PROCESSES_AGE] = {"duration", "TIME", "run time so far, or in total", 9},
    [MS_PROCESSES_ALLOCATIONS] = {"allocations", "ALLOCS", "blocks allocated so far", 9},
};

static const char *order_name(size_t order)
{
    return ms_processes_columns[order].name;
}

static const char *order_meaning(size_t order)
{
    return ms_processes_columns[order].meaning;
}

const struct ms_orders ms_processes_orders = {
    .count = MS_PROCESSES_COLUMNS, .name = order_name, .meaning = order_meaning};

static uint32_t *find_folded(struct ms_processes_state *state, uint32_t id)
{
    for (size_t i = 0; i < state->folded_count; i++) {
        if (state->folded[i] == id) {
            return &state->folded[i];
        }
    }
    return NULL;
}

bool ms_processes_is_folded(const struct ms_processes_state *state, uint32_t id)
{
    for (size_t i = 0; i < state->folded_count; i++) {
        if (state->folded[i] == id) {
            return true;
        }
    }
    return false;
}

void ms_processes_set_folded(struct ms_processes_state *state, uint32_t id, bool folded)
{
    uint32_t *place = find_folded(state, id);
    if (place != NULL && !folded) {
        *place = state->folded[--state->folded_count];
    } else if (place == NULL && folded) {
        if (state->folded_count == MS_FOLDED_MAX) { /* the one folded longest ago */
            memmove(state->folded, state->folded + 1, (MS_FOLDED_MAX - 1) * sizeof *state->folded);
            state->folded_count--;
        }
        state->folded[state->folded_count++] = id;
    }
}

bool ms_processes_shows_branch(const struct ms_processes_state *state,
                               const struct ms_tree_row *row)
{
    return !state->flat && row->rows > 1 && ms_processes_is_folded(state, row->process_id);
}

static uint64_t age_ns(const struct ms_process *process, uint64_t now_ns)
{
    if (process->merged > 0) {
        return process->merged_life_ns;
    }
    const uint64_t end_ns = process->end_ns != 0 ? process->end_ns : now_ns;
    return end_ns > process->start_ns ? end_ns - process->start_ns : 0;
}

/* NaN: there is none. */
double ms_processes_branch_figure(const struct ms_branch *branch, enum ms_processes_column column)
{
    switch (column) {
    case MS_PROCESSES_CPU:
        return branch->cpu_pct;
    case MS_PROCESSES_LIVE:
        return (double)ms_heap_current_bytes(&branch->heap);
    case MS_PROCESSES_PEAK:
        return (double)branch->heap.peak_bytes;
    case MS_PROCESSES_RATE:
        return branch->allocations_per_s;
    case MS_PROCESSES_RSS:
        return branch->alive > 0 ? (double)branch->rss_bytes : NAN;
    case MS_PROCESSES_THREADS:
        return branch->threads;
    case MS_PROCESSES_ALLOCATIONS:
        return (double)branch->heap.allocations;
    default:
        return NAN;
    }
}

static double own_figure(const struct ms_process *process, uint32_t threads,
                         enum ms_processes_column column, uint64_t now_ns)
{
    const bool heap = process->seen != MS_SEEN_NONE;
    switch (column) {
    case MS_PROCESSES_START:
        return -(double)process->start_ns;
    case MS_PROCESSES_CPU:
        return process->cpu_pct;
    case MS_PROCESSES_LIVE:
        return heap ? (double)ms_heap_current_bytes(&process->totals) : NAN;
    case MS_PROCESSES_PEAK:
        return !heap                 ? NAN
               : process->merged > 0 ? (double)process->merged_peak_bytes
                                     : (double)process->totals.peak_bytes;
    case MS_PROCESSES_RATE:
        return process->allocations_per_s;
    case MS_PROCESSES_RSS:
        return process->end_ns == 0 && process->kernel.have_memory
                   ? (double)process->kernel.rss_bytes
                   : NAN;
    case MS_PROCESSES_THREADS:
        return process->end_ns == 0 ? (double)threads : NAN;
    case MS_PROCESSES_AGE:
        return (double)age_ns(process, now_ns);
    case MS_PROCESSES_ALLOCATIONS:
        return heap ? (double)process->totals.allocations : NAN;
    case MS_PROCESSES_COLUMNS:
        break;
    }
    return NAN;
}

struct sorting {
    const struct ms_processes_state *state;
    uint64_t now_ns;
    const uint32_t *held; /* ids in the order that stands still; NULL: none does */
    size_t held_count;
};

double ms_processes_figure(const struct ms_processes_state *state, const struct ms_process *process,
                           const struct ms_tree_row *row, uint64_t now_ns,
                           enum ms_processes_column column)
{
    return ms_processes_shows_branch(state, row) && column != MS_PROCESSES_AGE &&
                   column != MS_PROCESSES_START
               ? ms_processes_branch_figure(&row->branch, column)
               : own_figure(process, row->threads, column, now_ns);
}

static double sort_key(const struct ms_process *process, const struct ms_tree_row *row,
                       const void *context)
{
    const struct sorting *sorting = context;
    for (size_t i = 0; i < sorting->held_count; i++) {
        if (sorting->held[i] == process->id) {
            return sorting->state->listing.ascending ? (double)i : -(double)i;
        }
    }
    if (sorting->held != NULL) {
        return NAN; /* new: behind */
    }
    return ms_processes_figure(sorting->state, process, row, sorting->now_ns,
                               (enum ms_processes_column)sorting->state->listing.order);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

void ms_processes_state_text(const struct ms_process *process, char *out, size_t size)
{
    if (process->merged > 0) {
        snprintf(out, size, "%u over", process->merged);
    } else if (process->end_ns == 0) {
        snprintf(out, size, "running");
    } else if (process->replaced_by_exec) {
        snprintf(out, size, "exec'ed");
    } else if (process->exit_status >= 0) {
        snprintf(out, size, "exit %d", (int)process->exit_status);
    } else if (process->exit_status == -1) {
        snprintf(out, size, "signal %u", process->exit_signal);
    } else {
        snprintf(out, size, "ended ?");
    }
}

const char *ms_processes_seen_text(const struct ms_process *process)
{
    static const char *const words[] = {
        [MS_SEEN_FULL] = "full", [MS_SEEN_PARTIAL] = "in part", [MS_SEEN_NONE] = "none"};
    return words[process->seen];
}

/* As it calls itself ("postgres: writer"), without the folders; else the name of its file. */
static int name_text(const struct ms_process *process, char *out, size_t size)
{
    const char *name = base_name(process->exe);
    if (process->arguments != NULL && process->arguments[0] != '\0' && process->merged == 0) {
        const char *own = process->arguments;
        const size_t path_bytes = strcspn(own, " ");
        const char *slash = memrchr(own, '/', path_bytes);
        name = slash != NULL && slash + 1 < own + path_bytes ? slash + 1 : own;
    }
    return snprintf(out, size, "%.255s", name[0] != '\0' ? name : "?");
}

/* Program and arguments, as they would be typed. */
void ms_processes_command(const struct ms_process *process, char *out, size_t size)
{
    const char *name = base_name(process->exe);
    int used = name_text(process, out, size);
    if (process->merged > 0) {
        snprintf(out, size, "%.255s x %u", name[0] != '\0' ? name : "(other programs)",
                 process->merged);
        return;
    }
    const char *at = process->arguments;
    const char *end = at != NULL ? at + process->arguments_bytes : NULL;
    at = at != NULL ? at + strnlen(at, process->arguments_bytes) + 1 : NULL; /* argv[0] */
    while (at != NULL && at < end && used >= 0 && (size_t)used + 1 < size) {
        used += snprintf(out + used, size - (size_t)used, " %s", at);
        at += strlen(at) + 1;
    }
}

bool ms_processes_fits(const struct ms_process *process, const char *filter)
{
    char text[512];
    if (filter[0] == '\0') {
        return true;
    }
    ms_processes_command(process, text, sizeof text);
    if (strcasestr(text, filter) != NULL) {
        return true;
    }
    snprintf(text, sizeof text, "%d %s", (int)process->pid, ms_processes_seen_text(process));
    if (strcasestr(text, filter) != NULL) {
        return true;
    }
    ms_processes_state_text(process, text, sizeof text);
    return strcasestr(text, filter) != NULL;
}

const struct ms_tree_row *ms_processes_row(const struct ms_processes_state *state, uint64_t id)
{
    for (size_t i = 0; i < state->tree.count; i++) {
        if (state->tree.rows[i].process_id == id) {
            return &state->tree.rows[i];
        }
    }
    return NULL;
}

/* Under a filter the way to what fits is shown too, whatever is folded. */
static void list_tree(struct ms_processes_state *state, const struct ms_model *model, uint64_t *ids)
{
    const struct ms_tree *tree = &state->tree;
    const char *filter = state->listing.filter.text;
    const bool filtered = state->listing.filter.length > 0;
    size_t count = 0;
    if (!filtered) {
        for (size_t i = 0; i < tree->count;) {
            const struct ms_tree_row *row = &tree->rows[i];
            ids[count++] = row->process_id;
            i += ms_processes_shows_branch(state, row) ? row->rows : 1;
        }
        ms_rows_take(&state->listing.rows, ids, count);
        return;
    }
    bool *wanted = calloc(tree->count + 1, sizeof *wanted);
    for (size_t i = tree->count; wanted != NULL && i-- > 0;) {
        const struct ms_tree_row *row = &tree->rows[i];
        const struct ms_process *process = ms_model_process_by_id(model, row->process_id);
        wanted[i] = wanted[i] || (process != NULL && ms_processes_fits(process, filter));
        if (wanted[i] && row->parent != SIZE_MAX) {
            wanted[row->parent] = true;
        }
    }
    for (size_t i = 0; wanted != NULL && i < tree->count; i++) {
        if (wanted[i]) {
            ids[count++] = tree->rows[i].process_id;
        }
    }
    free(wanted);
    ms_rows_take(&state->listing.rows, ids, count);
}

static void list_flat(struct ms_processes_state *state, const struct ms_model *model,
                      const struct sorting *sorting)
{
    struct ms_row_key *keys = calloc(state->tree.count + 1, sizeof *keys);
    size_t count = 0;
    for (size_t i = 0; keys != NULL && i < state->tree.count; i++) {
        const struct ms_tree_row *row = &state->tree.rows[i];
        const struct ms_process *process = ms_model_process_by_id(model, row->process_id);
        if (process == NULL || !ms_processes_fits(process, state->listing.filter.text)) {
            continue;
        }
        const double figure = sort_key(process, row, sorting);
        keys[count++] = (struct ms_row_key){.id = process->id,
                                            .figure = figure,
                                            .known = !isnan(figure),
                                            .last = process->end_ns != 0};
    }
    if (keys != NULL) {
        ms_rows_sort(&state->listing.rows, keys, count, state->listing.ascending, sorting->now_ns);
    }
    free(keys);
}

void ms_processes_update(struct ms_tui *tui, const struct ms_model *model)
{
    struct ms_processes_state *state = &tui->processes;
    struct sorting sorting = {.state = state, .now_ns = ms_model_now_ns(model)};
    /* After the user moved, the order stands still. */
    const bool held = !state->flat && sorting.now_ns < state->listing.rows.hold_until_ns &&
                      state->listing.order != MS_PROCESSES_START && state->tree.count > 0;
    uint32_t *before = held ? calloc(state->tree.count, sizeof *before) : NULL;
    for (size_t i = 0; before != NULL && i < state->tree.count; i++) {
        before[i] = state->tree.rows[i].process_id;
        sorting.held_count = i + 1;
    }
    sorting.held = before;
    const int error =
        ms_tree_update(&state->tree, model, sort_key, &sorting, state->listing.ascending);
    free(before);
    sorting.held = NULL;
    sorting.held_count = 0;
    if (error != 0) {
        return;
    }
    if (state->flat) {
        list_flat(state, model, &sorting);
        return;
    }
    uint64_t *ids = calloc(state->tree.count + 1, sizeof *ids);
    if (ids != NULL) {
        list_tree(state, model, ids);
    }
    free(ids);
}
