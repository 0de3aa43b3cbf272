/*
 * What call sites can be ranked by: one table, from which come the columns and orders of screen 5,
 * JSON names and the manual page. All add up over sites, so that a branch of a call tree has the
 * sum of its leaves. Those of one kind are shown together, of the sites that have any of it.
 *
 * X(id, kind, json_name, heading, unit, provenance, meaning)
 */
#ifndef MS_ANALYSIS_SITE_FIGURE_H
#define MS_ANALYSIS_SITE_FIGURE_H

#include "model/metric.h"

enum ms_site_figure_kind { MS_FIGURES_MEMORY, MS_FIGURES_CPU, MS_FIGURES_IO, MS_FIGURES_KINDS };

/* clang-format off */
#define MS_SITE_FIGURES(X) \
    X(LIVE,        MEMORY, "current_bytes",      "LIVE",    BYTES,       MEASURED, "requested bytes of blocks that are live") \
    X(AT_PEAK,     MEMORY, "at_peak_bytes",      "AT-PEAK", BYTES,       DERIVED,  "requested bytes that were live at the last peak of the process that was 1 % above the one before") \
    X(ALLOCATED,   MEMORY, "bytes_allocated",    "TOTAL",   BYTES,       MEASURED, "requested bytes allocated so far") \
    X(COUNT,       MEMORY, "allocations",        "ALLOCS",  COUNT,       MEASURED, "blocks allocated so far") \
    X(TEMPORARY,   MEMORY, "temporary",          "TEMP",    COUNT,       MEASURED, "blocks freed before their thread allocated again") \
    X(GROWTH,      MEMORY, "growth_bytes_per_s", "GROWTH",  BYTES_PER_S, DERIVED,  "change of the live bytes per second, over the last 10 s or so") \
    X(WASTE,       MEMORY, "waste_bytes",        "WASTE",   BYTES,       MEASURED, "bytes that the allocator rounded live blocks up by") \
    X(CPU,         CPU,    "cpu_ms",             "CPU",     MS,          SAMPLED,  "CPU time so far: samples times the time between two of a thread that runs") \
    X(CPU_SAMPLES, CPU,    "cpu_samples",        "SAMPLES", COUNT,       SAMPLED,  "samples that it was found in; n of them are right within 1.96 / sqrt(n) of it, 19 times in 20") \
    X(IO_CALLS,    IO,     "io_calls",           "I/O",     COUNT,       MEASURED, "calls of I/O functions so far") \
    X(IO_BYTES,    IO,     "io_bytes",           "I/O-B",   BYTES,       MEASURED, "bytes that they read, wrote, received and sent") \
    X(IO_WAIT,     IO,     "io_wait_ms",         "I/O-W",   MS,          SAMPLED,  "time spent in them, poll and kin apart; estimated from the calls whose time was taken")
/* clang-format on */

enum ms_site_figure {
#define MS_SITE_FIGURE_ID(id, kind, name, heading, unit, provenance, meaning) MS_SITE_FIGURE_##id,
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
    enum ms_site_figure_kind kind;
};

const struct ms_site_figure_info *ms_site_figure_info(enum ms_site_figure figure);

#endif
