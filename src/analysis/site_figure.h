/*
 * What call sites can be ranked by: one table, from which come the columns and orders of screen 5,
 * JSON names and the manual page. All add up over sites, so that a branch of a call tree has the
 * sum of its leaves.
 *
 * X(id, json_name, heading, unit, provenance, meaning)
 */
#ifndef MS_ANALYSIS_SITE_FIGURE_H
#define MS_ANALYSIS_SITE_FIGURE_H

#include "model/metric.h"

/* clang-format off */
#define MS_SITE_FIGURES(X) \
    X(LIVE,       "current_bytes",      "LIVE",    BYTES,       MEASURED, "requested bytes of blocks that are live") \
    X(AT_PEAK,    "at_peak_bytes",      "AT-PEAK", BYTES,       DERIVED,  "requested bytes that were live at the last peak of the process that was 1 % above the one before") \
    X(ALLOCATED,  "bytes_allocated",    "TOTAL",   BYTES,       MEASURED, "requested bytes allocated so far") \
    X(COUNT,      "allocations",        "ALLOCS",  COUNT,       MEASURED, "blocks allocated so far") \
    X(TEMPORARY,  "temporary",          "TEMP",    COUNT,       MEASURED, "blocks freed before their thread allocated again") \
    X(GROWTH,     "growth_bytes_per_s", "GROWTH",  BYTES_PER_S, DERIVED,  "change of the live bytes per second, over the last 10 s or so") \
    X(WASTE,      "waste_bytes",        "WASTE",   BYTES,       MEASURED, "bytes that the allocator rounded live blocks up by")
/* clang-format on */

enum ms_site_figure {
#define MS_SITE_FIGURE_ID(id, name, heading, unit, provenance, meaning) MS_SITE_FIGURE_##id,
    MS_SITE_FIGURES(MS_SITE_FIGURE_ID)
#undef MS_SITE_FIGURE_ID
        MS_SITE_FIGURE_TOTAL
};

struct ms_site_figure_info {
    const char *name;    /* JSON */
    const char *heading; /* of a column, at most 8 cells */
    enum ms_unit unit;
    enum ms_provenance provenance;
    const char *meaning;
};

const struct ms_site_figure_info *ms_site_figure_info(enum ms_site_figure figure);

#endif
