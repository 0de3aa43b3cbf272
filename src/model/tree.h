/*
 * The processes of a session as a tree: who forked or spawned whom, and what became of whom by
 * exec, with sums over each branch. Nothing is left out, so the branches of the roots add up to
 * ms_model_totals. Costs time in proportion to processes and living threads.
 */
#ifndef MS_MODEL_TREE_H
#define MS_MODEL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* Sums over a process and all below it. */
struct ms_branch {
    uint32_t alive, ended;  /* processes; merged ones count as many as they are */
    uint32_t partial, none; /* rows of which a part, or nothing, of the heap is seen */
    uint32_t threads;       /* alive */
    struct ms_heap heap;    /* peak_bytes: sum of the processes' peaks, not their common peak */
    uint64_t left_bytes;    /* of heap, what ended ones had not freed */
    uint64_t rss_bytes;     /* of those alive; pages that they share count with each */
    uint64_t run_ns;        /* user and system time, of ended ones too */
    double cpu_pct, allocations_per_s; /* of those alive that have it; NaN: none has */
};

struct ms_tree_row {
    uint32_t process_id;
    uint32_t threads; /* alive, of the process itself */
    uint32_t depth;   /* 0: a root */
    size_t parent;    /* row, SIZE_MAX: none */
    size_t rows;      /* of its branch, itself included: they follow in the array */
    bool by_exec;     /* it is what its parent became, under the same pid */
    bool last;        /* of its parent's children */
    struct ms_branch branch;
};

struct ms_tree {
    struct ms_tree_row *rows; /* a parent comes before its children */
    size_t count, capacity;
    struct ms_branch total; /* of all roots */
};

/* What siblings are sorted by: the highest first, NaN after all others. */
typedef double ms_tree_key(const struct ms_process *process, const struct ms_tree_row *row,
                           const void *context);

/*
 * Takes over what the model has now into `tree` (zeroed at first). Siblings by their start when
 * `key` is NULL; `ascending`: the lowest key first. Returns 0 or -ENOMEM:
 * then the tree is as it was.
 */
int ms_tree_update(struct ms_tree *tree, const struct ms_model *model, ms_tree_key *key,
                   const void *context, bool ascending);
void ms_tree_fini(struct ms_tree *tree);

#endif
