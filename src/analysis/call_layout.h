/*
 * The shape of a call tree at one time: the sites in an order in which every node is a range of
 * them, and the nodes that are unfolded. A node is split into its children by the next function in
 * the paths of its sites, so only what is looked at costs anything. For src/analysis only.
 *
 * Positions in the order are ranks; sums[r] is the sum over the ranks below r, so the figure of a
 * node is a difference. All of it in integers: sums are exact.
 */
#ifndef MS_ANALYSIS_CALL_LAYOUT_H
#define MS_ANALYSIS_CALL_LAYOUT_H

#include "analysis/call_paths.h"
#include "analysis/call_tree.h"

#define MS_CALL_NONE UINT32_MAX

/* By enum ms_site_figure; in the place of the growth stands what was live some time ago. */
#define MS_CALL_PAST_LIVE MS_SITE_FIGURE_GROWTH
#define MS_CALL_ESTIMATED MS_SITE_FIGURE_TOTAL /* sites that are scaled from a sample */
#define MS_CALL_SUMS      (MS_SITE_FIGURE_TOTAL + 1)
struct ms_call_sums {
    uint64_t of[MS_CALL_SUMS];
};

struct ms_call_node {
    uint64_t key;
    uint32_t function;
    uint32_t parent;
    uint32_t depth;
    uint32_t site_id;       /* of one of the sites, and the frame of it where the function is */
    uint32_t lo, ended, hi; /* ranks: the paths of [lo, ended) end here, those of the rest go on */
    uint32_t first_child, children; /* in the flat shape: the function's occurrences */
    uint16_t frame;
    bool expandable;
};

/*
 * A function where it is met for the first time on a path: a range of sites, of which [lo, ended)
 * are allocated by it. Met again, by recursion, it has [lo, ended) alone: hi = lo.
 */
struct ms_call_occurrence {
    uint32_t function, lo, ended, hi;
};

struct ms_call_layout {
    const struct ms_model *model;
    uint64_t sites_version;              /* of the model when it was made */
    struct ms_call_functions *functions; /* of the tree */
    enum ms_call_shape shape;
    enum ms_site_figure_kind kind; /* of figures that its sites have */
    bool fold_libraries;
    uint32_t sites;                    /* that are in it */
    uint32_t not_sampled;              /* of them */
    uint32_t *order;                   /* index in the model, by rank */
    struct ms_call_position *culprits; /* by index in the model, as the next */
    struct ms_call_position *positions;
    struct ms_call_sums *sums;  /* sites + 1 */
    bool has_sums;              /* they were added up in this order */
    struct ms_call_node *nodes; /* the first: all of it, above the roots */
    uint32_t node_count, node_capacity;
    struct ms_call_occurrence *occurrences; /* flat: by function */
    uint32_t occurrence_count, occurrence_capacity;
    uint64_t steps; /* of work that making it took */
    /* scratch */
    uint32_t *taken, *moved; /* by rank */
    struct ms_call_sums *moved_sums;
    uint32_t *child_of; /* by function; all 0 between calls */
    size_t child_of_capacity;
    uint32_t *fill;
    size_t fill_capacity;
};

/* Sites were merged since: what is in it no longer says where they are. */
static inline bool ms_call_layout_is_stale(const struct ms_call_layout *layout)
{
    return layout->sites_version != ms_model_sites_version(layout->model);
}

/* Id of the site at a rank; 0: not known any more. */
static inline uint32_t ms_call_site_id(const struct ms_call_layout *layout, uint32_t rank)
{
    return ms_call_layout_is_stale(layout) ? 0
                                           : ms_model_site(layout->model, layout->order[rank])->id;
}

/* `sites`: indices in the model; taken over, not copied. NULL: no memory, `sites` is freed. */
struct ms_call_layout *ms_call_layout_new(const struct ms_model *model,
                                          struct ms_call_functions *functions,
                                          const struct ms_call_options *options, uint32_t *sites,
                                          uint32_t count);
void ms_call_layout_free(struct ms_call_layout *layout); /* accepts NULL */

/* Makes the children of a node, which has none yet; moves sums along. 0 or -ENOMEM. */
int ms_call_layout_split(struct ms_call_layout *layout, uint32_t node);
/* The flat shape: one child of node 0 for each function. 0 or -ENOMEM. */
int ms_call_layout_flatten(struct ms_call_layout *layout);

struct ms_call_path ms_call_layout_path(const struct ms_call_layout *layout, uint32_t site);
/* Of the child of a node with `key` that is the function. */
uint64_t ms_call_key(const struct ms_call_layout *layout, uint64_t key, uint32_t function);

static inline void ms_call_sums_add(struct ms_call_sums *sum, const struct ms_call_sums *more)
{
    for (unsigned i = 0; i < MS_CALL_SUMS; i++) {
        sum->of[i] += more->of[i];
    }
}

/* Adds the sum over ranks [lo, hi). */
static inline void ms_call_sums_add_range(struct ms_call_sums *sum,
                                          const struct ms_call_layout *layout, uint32_t lo,
                                          uint32_t hi)
{
    for (unsigned i = 0; i < MS_CALL_SUMS; i++) {
        sum->of[i] += layout->sums[hi].of[i] - layout->sums[lo].of[i];
    }
}

#endif
