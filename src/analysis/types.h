/*
 * Types: what the live and past blocks of a scope are, summed over its call sites. What is not
 * known is a type of its own for each reason, so that the sums are those of the scope.
 *
 * A site's type is kept until names change; figures are summed anew only by ms_types_distribute.
 * One thread uses one.
 */
#ifndef MS_ANALYSIS_TYPES_H
#define MS_ANALYSIS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/type_of_frames.h"
#include "model/model.h"
#include "model/scope.h"

struct ms_type_row {
    uint32_t id;         /* the same for as long as `types` lives */
    const char *name;    /* of a family: its words */
    const char *element; /* "" when there is none or it is not told, and of a family */
    enum ms_type_family family;
    enum ms_type_language language;
    enum ms_type_trust trust; /* the worst of its sites */
    enum ms_type_unknown unknown;
    uint64_t current_bytes, current_blocks;
    uint64_t bytes_allocated, allocations;
    uint32_t sites;
    bool estimated; /* some of it is scaled from a sample */
};

struct ms_types; /* opaque */

struct ms_types *ms_types_new(void);        /* NULL: no memory */
void ms_types_free(struct ms_types *types); /* accepts NULL */
/* The next update is of another model, whose address may be the same; rows keep their ids. */
void ms_types_forget(struct ms_types *types);

/*
 * Reads the types of sites that are new or were renamed, at most `sites` of them. Returns 1 when
 * more are to be read (until then those count as what they were before), 0, or -ENOMEM.
 */
int ms_types_update(struct ms_types *types, const struct ms_model *model, size_t sites);

/* Type of a site as of the last update; evidence and all. 0, -ENOENT: not read yet; -ENOMEM. */
int ms_types_of_site(struct ms_types *types, const struct ms_site *site,
                     struct ms_block_type *type);
/* The row that a site counts in, by ms_type_row.id (families: `families`); UINT32_MAX: none yet. */
uint32_t ms_types_row_of_site(const struct ms_types *types, uint32_t site_id, bool families);

/*
 * Sums up what the scope has: a row for each type, or each family, that has blocks or had; the most
 * live bytes first. Costs all sites, or all usages of the scope's thread. 0 or -ENOMEM.
 */
int ms_types_distribute(struct ms_types *types, const struct ms_model *model,
                        const struct ms_scope *scope, bool families);
/* By what rows and sites are ranked; a share is one of the whole scope. */
enum ms_type_figure {
    MS_TYPE_FIGURE_LIVE,
    MS_TYPE_FIGURE_BLOCKS,
    MS_TYPE_FIGURE_TOTAL,
    MS_TYPE_FIGURE_ALLOCATIONS,
    MS_TYPE_FIGURE_SITES,
    MS_TYPE_FIGURE_COUNT
};
double ms_type_figure_of(const struct ms_type_row *row, enum ms_type_figure figure);

/* A call site of a type, with what it has in the scope. */
struct ms_type_site {
    uint32_t site_id;
    struct ms_type_row sums; /* figures only; sites is 1 */
};
/*
 * The sites in scope that count in row `id`, the most of `figure` first, at most `capacity`;
 * returns how many there are. Costs what ms_types_distribute costs.
 */
size_t ms_types_sites(const struct ms_types *types, const struct ms_model *model,
                      const struct ms_scope *scope, uint32_t id, bool families,
                      enum ms_type_figure figure, struct ms_type_site *out, size_t capacity);

size_t ms_types_count(const struct ms_types *types);
const struct ms_type_row *ms_types_at(const struct ms_types *types, size_t index);
/* All rows together, and those of family unknown. */
const struct ms_type_row *ms_types_total(const struct ms_types *types);
const struct ms_type_row *ms_types_unknown(const struct ms_types *types);

/* "std::vector<Order>::reserve(unsigned long) at orders.cpp:31"; "" when there is none. */
char *ms_type_evidence(char *out, size_t size, const struct ms_block_type *type);

#endif
