/* Hotspots of the JSON report: functions, and the tree from who allocates out to the callers. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "export/json_parts.h"

#define TOP_FUNCTIONS 25u   /* by each figure, inclusive and self */
#define LEAST_SHARE   0.001 /* of all, that a branch has in some figure */

/* What there are hotspots of, each a tree of its own, and what its rows are ordered by. */
static const struct {
    const char *name; /* of its object; NULL: its members are those of all */
    enum ms_site_figure sort;
} kinds[MS_FIGURES_KINDS] = {[MS_FIGURES_MEMORY] = {.sort = MS_SITE_FIGURE_ALLOCATED},
                             [MS_FIGURES_CPU] = {"cpu", MS_SITE_FIGURE_CPU},
                             [MS_FIGURES_IO] = {"io", MS_SITE_FIGURE_IO_CALLS}};

/* Growth is a matter of the screen: a report is of one moment. */
static bool is_written(enum ms_site_figure figure, enum ms_site_figure_kind kind)
{
    return figure != MS_SITE_FIGURE_GROWTH && ms_site_figure_info(figure)->kind == kind;
}

static void write_figures(struct ms_json_writer *writer, const char *name, const double *figures,
                          enum ms_site_figure_kind kind)
{
    ms_json_key(writer, name);
    ms_json_object_begin(writer);
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        const struct ms_site_figure_info *info = ms_site_figure_info((enum ms_site_figure)i);
        if (is_written((enum ms_site_figure)i, kind) && info->unit == MS_UNIT_MS) {
            ms_json_member_fixed(writer, info->name, figures[i]);
        } else if (is_written((enum ms_site_figure)i, kind)) {
            ms_json_member_u64_or_null(writer, info->name, !isnan(figures[i]),
                                       isnan(figures[i]) ? 0 : (uint64_t)figures[i]);
        }
    }
    ms_json_object_end(writer);
}

static void write_name(struct ms_json_writer *writer, const struct ms_call_row *row)
{
    const struct ms_frame *frame = row->frame;
    ms_json_member_string(writer, "name", row->name);
    ms_json_member_text_or_null(writer, "function", frame != NULL ? frame->function : "");
    ms_json_member_text_or_null(writer, "module", frame != NULL ? frame->module : "");
    ms_json_member_text_or_null(writer, "crate", frame != NULL ? frame->crate : "");
    ms_json_member_text_or_null(writer, "file", frame != NULL ? frame->file : "");
}

static void write_rest(struct ms_json_writer *writer, const struct ms_call_row *row,
                       enum ms_site_figure_kind kind)
{
    ms_json_member_u64(writer, "sites", row->sites);
    ms_json_member_u64_or_null(writer, "site_id", row->site_id != 0, row->site_id);
    ms_json_member_bool(writer, "estimated", row->estimated);
    write_figures(writer, "inclusive", row->inclusive, kind);
}

/* Marks the rows with the most of a figure: the limit is what the last of them has. */
static int compare_figures(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a < b) - (a > b);
}

static void mark_top(const struct ms_call_tree *tree, enum ms_site_figure figure, bool self,
                     double *scratch, bool *marked)
{
    const size_t count = ms_call_tree_rows(tree);
    for (size_t i = 0; i < count; i++) {
        const struct ms_call_row *row = ms_call_tree_row(tree, i);
        const double value = self ? row->self[figure] : row->inclusive[figure];
        scratch[i] = isnan(value) ? 0 : value;
    }
    qsort(scratch, count, sizeof(*scratch), compare_figures);
    const double least = count > TOP_FUNCTIONS ? scratch[TOP_FUNCTIONS - 1] : 0;
    size_t room = TOP_FUNCTIONS;
    for (size_t i = 0; i < count && room > 0; i++) {
        const struct ms_call_row *row = ms_call_tree_row(tree, i);
        const double value = self ? row->self[figure] : row->inclusive[figure];
        if (value > 0 && value >= least) {
            marked[i] = true;
            room--;
        }
    }
}

static void write_functions(struct ms_json_writer *writer, const struct ms_call_tree *tree,
                            const bool *marked, enum ms_site_figure_kind kind)
{
    uint64_t left_out = 0;
    ms_json_key(writer, "by_function");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_call_tree_rows(tree); i++) {
        if (!marked[i]) {
            left_out++;
            continue;
        }
        const struct ms_call_row *row = ms_call_tree_row(tree, i);
        ms_json_line(writer);
        ms_json_object_begin(writer);
        write_name(writer, row);
        write_rest(writer, row, kind);
        write_figures(writer, "self", row->self, kind);
        ms_json_object_end(writer);
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
    ms_json_member_u64(writer, "functions_left_out", left_out);
}

static int list_functions(struct ms_json_writer *writer, struct ms_call_tree *tree,
                          const struct ms_model *model, enum ms_site_figure_kind kind)
{
    const struct ms_call_options options = {.shape = MS_CALL_FLAT, .sort = kinds[kind].sort};
    if (ms_call_tree_update(tree, model, &options, 0, 0) != 0) {
        return -ENOMEM;
    }
    const size_t count = ms_call_tree_rows(tree);
    bool *marked = calloc(count + 1, sizeof(*marked));
    double *scratch = malloc((count + 1) * sizeof(*scratch));
    const bool room = marked != NULL && scratch != NULL;
    if (room) {
        for (int i = 0; i < 2 * MS_SITE_FIGURE_TOTAL; i++) {
            if (is_written((enum ms_site_figure)(i / 2), kind)) {
                mark_top(tree, (enum ms_site_figure)(i / 2), i % 2 == 1, scratch, marked);
            }
        }
        ms_json_key(writer, "total");
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "sites", ms_call_tree_total(tree)->sites);
        write_figures(writer, "inclusive", ms_call_tree_total(tree)->inclusive, kind);
        ms_json_object_end(writer);
        write_functions(writer, tree, marked, kind);
    }
    free(scratch);
    free(marked);
    return room ? 0 : -ENOMEM;
}

/* What has too small a share to be listed, by where it hangs. */
struct pruned {
    uint64_t rows, sites;
    bool estimated;
    double inclusive[MS_SITE_FIGURE_TOTAL];
};

static bool has_share(const struct ms_call_row *row, const struct ms_call_row *total,
                      enum ms_site_figure_kind kind)
{
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        if (is_written((enum ms_site_figure)i, kind) && total->inclusive[i] > 0 &&
            row->inclusive[i] >= LEAST_SHARE * total->inclusive[i]) {
            return true;
        }
    }
    return false;
}

static void prune(struct pruned *pruned, const struct ms_call_row *row)
{
    pruned->rows++;
    pruned->sites += row->sites;
    pruned->estimated = pruned->estimated || row->estimated;
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        pruned->inclusive[i] += row->inclusive[i];
    }
}

static void write_parent(struct ms_json_writer *writer, uint64_t parent)
{
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_u64_or_null(writer, "parent", parent != UINT64_MAX, parent);
}

static void write_pruned(struct ms_json_writer *writer, const struct pruned *pruned,
                         uint64_t parent, enum ms_site_figure_kind kind)
{
    struct ms_call_row row = {
        .name = "(smaller branches)",
        .sites = (uint32_t)pruned->sites,
        .estimated = pruned->estimated,
    };
    for (int i = 0; i < MS_SITE_FIGURE_TOTAL; i++) {
        row.inclusive[i] = pruned->inclusive[i];
    }
    write_parent(writer, parent);
    write_name(writer, &row);
    ms_json_member_u64(writer, "pruned", pruned->rows);
    ms_json_member_bool(writer, "ends", false);
    write_rest(writer, &row, kind);
    ms_json_object_end(writer);
}

/*
 * Rows come in the order of the tree: a branch, then what hangs on it. `written[i]` is where row i
 * stands in the array. Returns how many were written, the pruned ones apart at their end.
 */
static void write_rows(struct ms_json_writer *writer, const struct ms_call_tree *tree,
                       uint64_t *written, struct pruned *pruned, enum ms_site_figure_kind kind)
{
    const struct ms_call_row *total = ms_call_tree_total(tree);
    const size_t count = ms_call_tree_rows(tree);
    uint64_t position = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ms_call_row *row = ms_call_tree_row(tree, i);
        const size_t parent = ms_call_tree_parent(tree, i);
        const size_t above = parent == SIZE_MAX ? count : parent;
        written[i] = UINT64_MAX;
        if (parent != SIZE_MAX && written[parent] == UINT64_MAX) {
            continue;
        }
        if (!has_share(row, total, kind)) {
            prune(&pruned[above], row);
            continue;
        }
        written[i] = position++;
        write_parent(writer, parent == SIZE_MAX ? UINT64_MAX : written[parent]);
        write_name(writer, row);
        ms_json_member_u64(writer, "pruned", 0);
        ms_json_member_bool(writer, "ends", row->expandable && !row->expanded);
        write_rest(writer, row, kind);
        ms_json_object_end(writer);
    }
    for (size_t i = 0; i <= count; i++) {
        if (pruned[i].rows > 0) {
            write_pruned(writer, &pruned[i], i == count ? UINT64_MAX : written[i], kind);
        }
    }
}

static int list_tree(struct ms_json_writer *writer, struct ms_call_tree *tree,
                     const struct ms_model *model, enum ms_site_figure_kind kind)
{
    const struct ms_call_options options = {.shape = MS_CALL_CALLERS, .sort = kinds[kind].sort};
    ms_call_tree_unfold_share(tree, LEAST_SHARE);
    if (ms_call_tree_update(tree, model, &options, 0, 0) != 0) {
        return -ENOMEM;
    }
    const size_t count = ms_call_tree_rows(tree);
    uint64_t *written = calloc(count + 1, sizeof(*written));
    struct pruned *pruned = calloc(count + 1, sizeof(*pruned));
    const bool room = written != NULL && pruned != NULL;
    if (room) {
        ms_json_key(writer, "tree");
        ms_json_array_begin(writer);
        write_rows(writer, tree, written, pruned, kind);
        ms_json_line(writer);
        ms_json_array_end(writer);
    }
    free(pruned);
    free(written);
    return room ? 0 : -ENOMEM;
}

static int list_kind(struct ms_json_writer *writer, const struct ms_model *model,
                     enum ms_site_figure_kind kind)
{
    struct ms_call_tree *tree = ms_call_tree_new();
    int error = tree == NULL ? -ENOMEM : list_functions(writer, tree, model, kind);
    error = error != 0 ? error : list_tree(writer, tree, model, kind);
    ms_call_tree_free(tree);
    return error;
}

/* How the samples were taken, or why there are none. */
static void write_sampling(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_cpu_sampling *sampling = ms_model_cpu_sampling(model);
    const struct ms_source_state *source = ms_model_source(model, MS_SOURCE_CPU_SAMPLES);
    const bool available =
        source->condition == MS_SOURCE_AVAILABLE || source->condition == MS_SOURCE_PARTIAL;
    ms_json_key(writer, "sampling");
    ms_json_object_begin(writer);
    ms_json_member_u64_or_null(writer, "frequency_hz", available, sampling->frequency_hz);
    ms_json_member_u64_or_null(writer, "keep_one_in", available, sampling->keep_one_in);
    ms_json_key(writer, "kernel_time");
    if (available) {
        ms_json_bool(writer, sampling->kernel);
    } else {
        ms_json_null(writer);
    }
    ms_json_member_u64_or_null(writer, "samples", available, sampling->samples);
    ms_json_member_u64_or_null(writer, "lost", available, sampling->lost);
    ms_json_member_u64_or_null(writer, "throttled", available, sampling->throttled);
    ms_json_member_text_or_null(writer, "because", source->because);
    ms_json_object_end(writer);
}

void ms_json_hotspots(struct ms_json_writer *writer, const struct ms_model *model)
{
    int error = 0;
    ms_json_object_begin(writer);
    for (int i = 0; i < MS_FIGURES_KINDS && error == 0; i++) {
        if (kinds[i].name != NULL) {
            ms_json_key(writer, kinds[i].name);
            ms_json_object_begin(writer);
        }
        if (i == MS_FIGURES_CPU) {
            write_sampling(writer, model);
        }
        error = list_kind(writer, model, (enum ms_site_figure_kind)i);
        ms_json_advance(writer,
                        MS_JSON_UNITS_OF_HOTSPOTS * ms_model_site_count(model) / MS_FIGURES_KINDS);
        if (kinds[i].name != NULL) {
            ms_json_object_end(writer);
        }
    }
    ms_json_object_end(writer);
    if (error != 0 && writer->error == 0) {
        writer->error = error;
    }
}
