/*
 * One table as CSV by RFC 4180: UTF-8, a header row, rows end in CR LF, cells with comma, quote or
 * line break stand in quotes. What is unavailable is an empty cell. Text is neutralised as on the
 * screens; text that a spreadsheet would take for a formula (it begins with = + - @) gets a '
 * before it. Units stand in the headings, as in JSON. Streams.
 */
#ifndef MS_EXPORT_CSV_H
#define MS_EXPORT_CSV_H

#include "export/export.h"

/* X(id, name of --table, what) */
/* clang-format off */
#define MS_CSV_TABLES(X)                                                                           \
    X(THREADS,   "threads",   "a row for each thread, all metrics as columns")                     \
    X(PROCESSES, "processes", "a row for each process")                                            \
    X(SITES,     "sites",     "a row for each call site, its stack in one cell")                   \
    X(LEAKS,     "leaks",     "a row for each likely leak")                                        \
    X(FLOWS,     "flows",     "a row for each pair of threads, one of which freed what the other allocated") \
    X(TYPES,     "types",     "a row for each type of what was allocated")                         \
    X(TIMELINE,  "timeline",  "a row for each point of each series")                               \
    X(INSIGHTS,  "insights",  "a row for each finding in words")                                   \
    X(TRACE,     "trace",     "a row for each allocation and free that --trace recorded")
/* clang-format on */

enum ms_csv_table {
#define MS_CSV_ID(id, name, what) MS_CSV_##id,
    MS_CSV_TABLES(MS_CSV_ID)
#undef MS_CSV_ID
        MS_CSV_TOTAL
};

/* MS_CSV_TOTAL: no such name. NULL: threads. */
enum ms_csv_table ms_csv_table_by_name(const char *name);

/* The table is options->csv_table. 0 or -errno; -EINVAL: no such table. */
int ms_csv_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options);

#endif
