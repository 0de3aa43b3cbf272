/* What the files of the call tree share; nobody else includes it. */
#ifndef MS_ANALYSIS_CALL_PARTS_H
#define MS_ANALYSIS_CALL_PARTS_H

#include "analysis/call_layout.h"

/* --- call_scope.c: which sites are in it --- */

/* Whether a text is in the names of a frame, remembered by the number of the frame. */
struct ms_call_filter {
    char *text; /* NULL: no filter */
    uint8_t *of_frame;
    size_t frames;
};
int ms_call_filter_set(struct ms_call_filter *filter, const char *text); /* 0 or -ENOMEM */
void ms_call_filter_renew(struct ms_call_filter *filter);                /* names changed */
void ms_call_filter_free(struct ms_call_filter *filter);

/* Indices of the sites in scope and filter that have figures of a kind, to be freed by the caller.
 * NULL: no memory. */
uint32_t *ms_call_sites_in(const struct ms_model *model, const struct ms_scope *scope,
                           enum ms_site_figure_kind kind, struct ms_call_filter *filter,
                           uint32_t *count);
/* Another number when other sites may be in it; of thread 0: of all. Merging apart. */
uint64_t ms_call_sites_version(const struct ms_model *model, uint32_t thread_id,
                               enum ms_site_figure_kind kind);
static inline enum ms_work_kind ms_call_work_kind(enum ms_site_figure_kind kind)
{
    return kind == MS_FIGURES_CPU ? MS_WORK_CPU : MS_WORK_IO;
}

/* --- call_sums.c: their figures --- */

/* Live bytes of sites, by index, as they were: two times, five seconds or more apart. */
struct ms_call_past {
    uint32_t thread_id; /* of whose usages; 0: of the sites */
    uint64_t sites_version;
    struct ms_call_snapshot {
        uint64_t *live; /* NULL: none was taken */
        size_t count;
        uint64_t at_ns;
    } older, newer;
};
void ms_call_past_free(struct ms_call_past *past);
/* Takes a snapshot when it is time; without memory later. */
void ms_call_past_update(struct ms_call_past *past, const struct ms_model *model,
                         uint32_t thread_id);
/* What growth is measured from. `live` NULL: too early to tell. */
struct ms_call_snapshot ms_call_past_reference(const struct ms_call_past *past,
                                               const struct ms_model *model);

/* Adds up the figures of all sites in the order of the layout. False: the sites are not what the
 * layout was made for any more. `rank_of`: room for all sites of the model, in a thread's scope. */
bool ms_call_sum_up(struct ms_call_layout *layout, const struct ms_scope *scope,
                    const struct ms_call_snapshot *reference, uint32_t *rank_of);

/* What is needed to tell figures from sums. */
struct ms_call_known {
    enum ms_site_figure_kind kind; /* of figures that were added up */
    double growth_s;               /* NaN: no snapshot is old enough */
    bool at_peak;
};
#define MS_CALL_NS_PER_MS 1e6
static inline double ms_call_figure(const struct ms_call_sums *sums, enum ms_site_figure figure,
                                    const struct ms_call_known *known)
{
    if (figure == MS_SITE_FIGURE_GROWTH && known->kind == MS_FIGURES_MEMORY) {
        return (double)(int64_t)(sums->of[MS_SITE_FIGURE_LIVE] - sums->of[MS_CALL_PAST_LIVE]) /
               known->growth_s;
    }
    const struct ms_site_figure_info *info = ms_site_figure_info(figure);
    if (info->kind != known->kind || (figure == MS_SITE_FIGURE_AT_PEAK && !known->at_peak)) {
        return (double)__builtin_nanf("");
    }
    /* Times are added up in nanoseconds. */
    return (double)sums->of[figure] / (info->unit == MS_UNIT_MS ? MS_CALL_NS_PER_MS : 1);
}

/* --- call_unfolded.c: the set of keys that are unfolded --- */
struct ms_call_unfolded {
    uint64_t *keys; /* 0: empty slot */
    size_t capacity, count;
};
bool ms_call_unfolded_has(const struct ms_call_unfolded *set, uint64_t key);
int ms_call_unfolded_add(struct ms_call_unfolded *set, uint64_t key); /* 0 or -ENOMEM */
void ms_call_unfolded_remove(struct ms_call_unfolded *set, uint64_t key);
void ms_call_unfolded_clear(struct ms_call_unfolded *set);

/* --- the tree --- */

#define MS_CALL_BLOCK 64u /* ranks of which the greatest is remembered */

struct ms_call_tree {
    struct ms_call_functions functions;
    struct ms_call_filter filter;
    struct ms_call_past past;
    struct ms_call_unfolded unfolded;
    struct ms_call_options options; /* `filter` not: see there */
    const struct ms_model *model;   /* NULL: never updated */
    struct ms_call_layout *layout;
    struct ms_call_known known;
    uint64_t names_version;
    uint64_t sites_version; /* of those that are in the layout, when it was made */
    uint64_t next_ns;       /* not before are new figures taken over */
    bool unfolded_changed;  /* since the layout was made */
    bool unfold_all, unfold_hot;
    uint64_t hot_key;
    double unfold_share; /* 0: not wanted */
    uint32_t *rank_of;   /* scratch for a thread's scope */
    size_t rank_of_capacity;
    /* call_rows.c; all of them by node but `visible` and `rows` */
    double *values; /* of the order */
    uint32_t *shown;
    uint32_t *held; /* row of before of a layout that was made while rows hold; MS_CALL_NONE: new */
    uint32_t *row_of;
    uint32_t *visible; /* nodes, by row */
    struct ms_call_row *rows;
    bool *filled; /* by row */
    size_t node_capacity, row_count;
    double *rank_values; /* of the order, by rank */
    uint32_t *greatest;  /* rank of the greatest in each block */
    size_t rank_capacity;
    struct ms_call_row total;
};

/* Room for the nodes of a layout. 0 or -ENOMEM. */
int ms_call_rows_reserve(struct ms_call_tree *tree, const struct ms_call_layout *layout);
/* Which of its nodes the display begins with. */
void ms_call_rows_reset(struct ms_call_tree *tree);
/* The rows that there are, to be held in a layout to come; NULL: none, or no memory. */
struct ms_call_place {
    uint64_t key;
    uint32_t row;
};
struct ms_call_place *ms_call_rows_places(const struct ms_call_tree *tree, size_t *count);
/* Brings the nodes of a new layout into the order of those rows; sorts `places`. */
void ms_call_rows_hold(struct ms_call_tree *tree, struct ms_call_place *places, size_t count);
/* New sums: sorts, unless rows hold and `rebuilt` is false, and lists what is visible. */
void ms_call_rows_update(struct ms_call_tree *tree, bool rebuilt);
void ms_call_rows_free(struct ms_call_tree *tree);

/* --- call_unfold.c: unfolding that looks at figures; may add nodes to the layout --- */
int ms_call_unfold_wanted(struct ms_call_tree *tree, struct ms_call_layout *layout);
/* Makes what was unfolded under old names so under the new ones. */
int ms_call_unfold_renamed(struct ms_call_tree *tree, const struct ms_call_options *options);

double ms_call_node_figure(const struct ms_call_layout *layout, const struct ms_call_node *node,
                           enum ms_site_figure figure, const struct ms_call_known *known);

#endif
