#include "analysis/call_tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_parts.h"

/* What an update costs, for the budget: no clock is read here, so work is counted instead. */
#define STEP_NS      100.0 /* one function of one path */
#define SITE_NS      120.0 /* the figures of one site */
#define NODE_NS      60.0
#define UNFOLDED_MAX 100000u /* keys; most of them are of what is long gone by then */

struct ms_call_tree *ms_call_tree_new(void)
{
    struct ms_call_tree *tree = calloc(1, sizeof(*tree));
    if (tree != NULL && ms_call_functions_open(&tree->functions) != 0) {
        free(tree);
        return NULL;
    }
    if (tree != NULL) {
        tree->total.name = "total";
    }
    return tree;
}

void ms_call_tree_free(struct ms_call_tree *tree)
{
    if (tree != NULL) {
        ms_call_layout_free(tree->layout);
        ms_call_functions_close(&tree->functions);
        ms_call_filter_free(&tree->filter);
        ms_call_past_free(&tree->past);
        ms_call_unfolded_clear(&tree->unfolded);
        ms_call_rows_free(tree);
        free(tree->rank_of);
        free(tree);
    }
}

static bool options_changed(const struct ms_call_tree *tree, const struct ms_call_options *options)
{
    const struct ms_call_options *old = &tree->options;
    const char *filter = options->filter != NULL ? options->filter : "";
    const char *old_filter = tree->filter.text != NULL ? tree->filter.text : "";
    return old->scope.process_id != options->scope.process_id ||
           old->scope.thread_id != options->scope.thread_id ||
           old->scope.site_id != options->scope.site_id || old->shape != options->shape ||
           old->fold_libraries != options->fold_libraries || strcmp(filter, old_filter) != 0 ||
           ms_site_figure_info(old->sort)->kind != ms_site_figure_info(options->sort)->kind;
}

/* Whether a process in scope has had a peak that is told apart. */
static bool knows_peak(const struct ms_model *model, const struct ms_scope *scope)
{
    uint32_t process_id = scope->process_id;
    const struct ms_thread *thread = ms_model_thread_by_id(model, scope->thread_id);
    const struct ms_site *site = ms_model_site_by_id(model, scope->site_id);
    process_id = thread != NULL ? thread->process_id : process_id;
    process_id = site != NULL ? site->process_id : process_id;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if ((process_id == 0 || process->id == process_id) && process->peak.epoch != 0) {
            return true;
        }
    }
    return false;
}

/* Sums of all sites in the order of a layout. False: it is made of other sites by now. */
static bool sum_up(struct ms_call_tree *tree, struct ms_call_layout *layout,
                   const struct ms_scope *scope)
{
    const struct ms_model *model = layout->model;
    struct ms_call_snapshot reference = {0};
    if (layout->kind == MS_FIGURES_MEMORY) {
        ms_call_past_update(&tree->past, model, scope->thread_id);
        reference = ms_call_past_reference(&tree->past, model);
    }
    tree->known = (struct ms_call_known){
        .kind = layout->kind,
        .growth_s = reference.live == NULL
                        ? (double)NAN
                        : (double)(ms_model_now_ns(model) - reference.at_ns) / (double)MS_SECOND_NS,
        .at_peak = knows_peak(model, scope),
    };
    return ms_call_sum_up(layout, scope, &reference, tree->rank_of);
}

static int reserve_ranks(struct ms_call_tree *tree, const struct ms_scope *scope, size_t sites)
{
    if (scope->thread_id == 0 || sites <= tree->rank_of_capacity) {
        return 0;
    }
    uint32_t *grown = reallocarray(tree->rank_of, sites + sites / 2, sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    tree->rank_of = grown;
    tree->rank_of_capacity = sites + sites / 2;
    return 0;
}

/* The nodes that are unfolded, level by level. */
static int split_unfolded(struct ms_call_tree *tree, struct ms_call_layout *layout)
{
    if (layout->shape == MS_CALL_FLAT) {
        return ms_call_layout_flatten(layout);
    }
    int error = ms_call_layout_split(layout, 0);
    for (uint32_t i = 1; error == 0 && i < layout->node_count; i++) {
        if (layout->nodes[i].expandable &&
            ms_call_unfolded_has(&tree->unfolded, layout->nodes[i].key)) {
            error = ms_call_layout_split(layout, i);
        }
    }
    return error;
}

/* A new layout, with sums and everything unfolded; NULL: no memory. */
static struct ms_call_layout *lay_out(struct ms_call_tree *tree, const struct ms_model *model,
                                      const struct ms_call_options *options)
{
    uint32_t count;
    uint32_t *sites = ms_call_sites_in(
        model, &options->scope, ms_site_figure_info(options->sort)->kind, &tree->filter, &count);
    struct ms_call_layout *layout =
        sites != NULL ? ms_call_layout_new(model, &tree->functions, options, sites, count) : NULL;
    if (layout == NULL) {
        return NULL;
    }
    int error = reserve_ranks(tree, &options->scope, ms_model_site_count(model) + 1);
    error = error != 0 ? error : split_unfolded(tree, layout);
    if (error == 0) {
        (void)sum_up(tree, layout, &options->scope);
        error = ms_call_unfold_wanted(tree, layout);
    }
    error = error != 0 ? error : ms_call_rows_reserve(tree, layout);
    if (error != 0) {
        ms_call_layout_free(layout);
        return NULL;
    }
    return layout;
}

static int rebuild(struct ms_call_tree *tree, const struct ms_model *model,
                   const struct ms_call_options *options)
{
    const uint64_t names_version = ms_model_names_version(model);
    if (tree->unfolded.count > UNFOLDED_MAX) {
        ms_call_unfolded_clear(&tree->unfolded);
    }
    if (names_version != tree->names_version) {
        ms_call_functions_renew(&tree->functions);
        ms_call_filter_renew(&tree->filter);
        (void)ms_call_unfold_renamed(tree, options);
    }
    struct ms_call_layout *layout = lay_out(tree, model, options);
    if (layout == NULL) {
        return -ENOMEM;
    }
    size_t place_count = 0;
    struct ms_call_place *places = options->hold ? ms_call_rows_places(tree, &place_count) : NULL;
    ms_call_layout_free(tree->layout);
    tree->layout = layout;
    tree->options = *options;
    tree->options.filter = NULL;
    tree->names_version = names_version;
    tree->sites_version =
        ms_call_sites_version(model, options->scope.thread_id, tree->layout->kind);
    tree->unfolded_changed = tree->unfold_all = tree->unfold_hot = false;
    tree->unfold_share = 0;
    ms_call_rows_reset(tree);
    if (places != NULL) {
        ms_call_rows_hold(tree, places, place_count);
        free(places);
    }
    return 0;
}

/* Everything that was made of another model. */
static int begin_model(struct ms_call_tree *tree, const struct ms_model *model)
{
    ms_call_layout_free(tree->layout);
    tree->layout = NULL;
    tree->row_count = 0;
    ms_call_past_free(&tree->past);
    ms_call_functions_close(&tree->functions);
    tree->model = model;
    return ms_call_functions_open(&tree->functions);
}

void ms_call_tree_forget(struct ms_call_tree *tree)
{
    if (tree != NULL) {
        ms_call_layout_free(tree->layout);
        tree->layout = NULL;
        tree->row_count = 0;
        tree->next_ns = 0;
        ms_call_past_free(&tree->past);
        ms_call_filter_renew(&tree->filter);
        tree->model = NULL;
    }
}

static double cost_ns(const struct ms_call_layout *layout, bool rebuilt)
{
    return (rebuilt ? (double)layout->steps * STEP_NS : 0) + layout->sites * SITE_NS +
           ((double)layout->node_count + layout->occurrence_count) * NODE_NS;
}

/* Whether more than figures is new. */
static bool is_outdated(const struct ms_call_tree *tree, const struct ms_model *model)
{
    return tree->names_version != ms_model_names_version(model) ||
           tree->sites_version !=
               ms_call_sites_version(model, tree->options.scope.thread_id, tree->layout->kind);
}

int ms_call_tree_update(struct ms_call_tree *tree, const struct ms_model *model,
                        const struct ms_call_options *options, uint64_t now_ns, double budget)
{
    if (tree->model != model && begin_model(tree, model) != 0) {
        tree->model = NULL;
        return -ENOMEM;
    }
    const bool resorted = tree->layout != NULL && (tree->options.sort != options->sort ||
                                                   tree->options.ascending != options->ascending);
    bool again = tree->layout == NULL || tree->unfolded_changed || options_changed(tree, options) ||
                 ms_call_layout_is_stale(tree->layout);
    if (!again && !resorted && budget > 0 && now_ns < tree->next_ns) {
        return 0;
    }
    tree->options.sort = options->sort;
    tree->options.ascending = options->ascending;
    tree->options.hold = options->hold;
    if (again && ms_call_filter_set(&tree->filter, options->filter) != 0) {
        return -ENOMEM;
    }
    again = again || is_outdated(tree, model) || !sum_up(tree, tree->layout, &options->scope);
    if (again) {
        /* Also tried again when there is no memory now. */
        tree->unfolded_changed = true;
        const int error = rebuild(tree, model, options);
        if (error != 0) {
            return error;
        }
    }
    ms_call_rows_update(tree, again);
    tree->next_ns = now_ns + (budget > 0 ? (uint64_t)(cost_ns(tree->layout, again) / budget) : 0);
    return 0;
}

void ms_call_tree_unfold(struct ms_call_tree *tree, uint64_t key, bool unfolded)
{
    if (unfolded) {
        (void)ms_call_unfolded_add(&tree->unfolded, key);
    } else {
        ms_call_unfolded_remove(&tree->unfolded, key);
    }
    tree->unfolded_changed = true;
}

void ms_call_tree_unfold_hot(struct ms_call_tree *tree, uint64_t key)
{
    tree->unfold_hot = true;
    tree->hot_key = key;
    tree->unfolded_changed = true;
}

void ms_call_tree_unfold_all(struct ms_call_tree *tree, bool unfolded)
{
    if (!unfolded) {
        ms_call_unfolded_clear(&tree->unfolded);
    }
    tree->unfold_all = unfolded;
    tree->unfolded_changed = true;
}

void ms_call_tree_unfold_share(struct ms_call_tree *tree, double share)
{
    tree->unfold_share = share;
    tree->unfolded_changed = true;
}
