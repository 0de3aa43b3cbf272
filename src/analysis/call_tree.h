/*
 * Hotspots: the call sites of a scope as a tree from the allocating functions out to their callers,
 * as a tree from main in to what it calls, or flat by function. Inlined functions are levels of
 * their own. Works on a model that changes: what is unfolded stays so, and only what is unfolded
 * is built.
 *
 * How: the path of a site is the list of its functions. Sites sorted by path make each node of a
 * tree a range of sites; with running sums over that order the figure of a node is the difference
 * of two sums. Sorting happens when sites or names are new, sums once per update, and nodes cost
 * only as many as are on the screen.
 *
 * One thread uses a tree. Pointers it returns hold until the next call that is not const.
 */
#ifndef MS_ANALYSIS_CALL_TREE_H
#define MS_ANALYSIS_CALL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/site_figure.h"
#include "model/model.h"
#include "model/scope.h"

enum ms_call_shape {
    MS_CALL_CALLERS, /* roots: who allocates; below each who calls it */
    MS_CALL_CALLEES, /* roots: outermost functions; below each what it calls */
    MS_CALL_FLAT     /* one row a function; inclusive figures count recursion once */
};

struct ms_call_options {
    struct ms_scope scope;
    enum ms_call_shape shape;
    /* Runs of frames of libraries (see ms_frame_is_library) become one row "[libstdc++.so.6]". */
    bool fold_libraries;
    /* Only sites with a frame whose function, file or module holds this text, whatever the case;
     * "" or NULL: all. */
    const char *filter;
    enum ms_site_figure sort;
    bool ascending;
    bool hold; /* rows keep the order that they have, whatever their figures; new ones come last */
};

struct ms_call_row {
    uint64_t key; /* of the path: the same in every update, whatever the order */
    uint32_t depth;
    bool expandable, expanded;
    bool folded;                  /* a run of library frames; `frame` is the first of them */
    const struct ms_frame *frame; /* one of the function's; NULL: no stack is known */
    const char *name;             /* function, module+0x1f, "[libc.so.6]"; not neutralised */
    uint32_t sites;               /* call sites below this row */
    uint32_t site_id;             /* the only one, or the one with the most of `sort` */
    bool estimated;               /* some of it is scaled from a sample */
    double inclusive[MS_SITE_FIGURE_TOTAL]; /* NaN: not known (yet) */
    /* Allocated by the function itself. From callers that is all of a root, and of what lies below
     * nothing: callers do not allocate it. */
    double self[MS_SITE_FIGURE_TOTAL];
};

struct ms_call_tree; /* opaque */

struct ms_call_tree *ms_call_tree_new(void);       /* NULL: no memory */
void ms_call_tree_free(struct ms_call_tree *tree); /* accepts NULL */
/* The next update is of another model, whose address may be the same; what is unfolded stays. */
void ms_call_tree_forget(struct ms_call_tree *tree); /* accepts NULL */

/*
 * Takes over what the model has now. Does little when nothing changed, and no more than `budget`
 * of one core: after an update that took t ns it takes over new figures only t / budget later
 * (a change of options or of what is unfolded always); t is reckoned from the work that was done.
 * `now_ns`: CLOCK_MONOTONIC, read by the caller; `budget` 0: always. The model must live until the
 * next update or the end of the tree.
 * Returns 0 or -ENOMEM (the rows of before stay).
 */
int ms_call_tree_update(struct ms_call_tree *tree, const struct ms_model *model,
                        const struct ms_call_options *options, uint64_t now_ns, double budget);

/* Rows that are visible: the roots, and below what is unfolded. */
size_t ms_call_tree_rows(const struct ms_call_tree *tree);
const struct ms_call_row *ms_call_tree_row(const struct ms_call_tree *tree, size_t index);
/* Position of a row by its key; SIZE_MAX: not visible. */
size_t ms_call_tree_find(const struct ms_call_tree *tree, uint64_t key);
/* The row it lies below; SIZE_MAX for a root. */
size_t ms_call_tree_parent(const struct ms_call_tree *tree, size_t index);
/* Sum over all sites in scope and filter. */
const struct ms_call_row *ms_call_tree_total(const struct ms_call_tree *tree);

/* Unfolds or folds; seen after the next update. Unfolding all is bounded to 10,000 rows. */
void ms_call_tree_unfold(struct ms_call_tree *tree, uint64_t key, bool unfolded);
/* Unfolds below a row along the largest child until a fork of two of like size, or the end. */
void ms_call_tree_unfold_hot(struct ms_call_tree *tree, uint64_t key);
void ms_call_tree_unfold_all(struct ms_call_tree *tree, bool unfolded);
/* Unfolds, with the next update, what has this share of all in some figure; bounded likewise. */
void ms_call_tree_unfold_share(struct ms_call_tree *tree, double share);

/* A source line of a row's function at which the sites below it allocate or call on. */
struct ms_call_line {
    const char *file;
    uint32_t line;
    const struct ms_frame *frame;
    double inclusive[MS_SITE_FIGURE_TOTAL];
};
/* The lines with the most of the order first; at most `capacity`; returns how many there are. */
size_t ms_call_tree_lines(const struct ms_call_tree *tree, size_t index, struct ms_call_line *out,
                          size_t capacity);

/* The call sites below a row, the most of the order first; at most `capacity`; returns how many. */
size_t ms_call_tree_sites(const struct ms_call_tree *tree, size_t index, uint32_t *site_ids,
                          size_t capacity);

/*
 * Whether a frame is a library's: an object under /lib, /usr/lib or the like, or a function of
 * the C++ or Rust standard library that was compiled into the program. The program's own
 * executable and objects in its folder are not.
 */
bool ms_frame_is_library(const struct ms_frame *frame, const struct ms_process *process);

#endif
