/*
 * JSON export of a model: the contract of docs/schema.json. Streams: memory use does not depend on
 * the size of the model, but for texts of frames (json_frames.h) and sums by type and function.
 * Numbers are exact integers where the model has integers; what is unavailable is null; bytes that
 * are no UTF-8 become U+FFFD.
 */
#ifndef MS_EXPORT_JSON_H
#define MS_EXPORT_JSON_H

#include <stdio.h>

#include "export/export.h"

#define MS_JSON_SCHEMA 1

/*
 * What a document is about: which parts of everything are in it. All are of one schema.
 * X(id, name, what)
 */
/* clang-format off */
#define MS_JSON_DOCUMENTS(X)                                                                       \
    X(COMPREHENSIVE, "comprehensive",     "everything")                                            \
    X(RANKINGS,      "resource_rankings", "threads ranked by each figure, and all that they used") \
    X(MEMORY,        "memory",            "processes, threads, call sites, hotspots, leaks, flows") \
    X(LIFETIME,      "lifetime",          "how long blocks lived and how large they were")         \
    X(PERFORMANCE,   "performance",       "threads, series, CPU and I/O hotspots, anomalies, limits") \
    X(BOUNDARIES,    "boundaries",        "memory that crossed libraries and threads, and misuse") \
    X(TYPES,         "types",             "what was allocated, by type")
/* clang-format on */

enum ms_json_document {
#define MS_JSON_DOCUMENT_ID(id, name, what) MS_JSON_##id,
    MS_JSON_DOCUMENTS(MS_JSON_DOCUMENT_ID)
#undef MS_JSON_DOCUMENT_ID
        MS_JSON_DOCUMENT_TOTAL
};
const char *ms_json_document_name(enum ms_json_document document);

/* Writes options->json_document to `out` and flushes it. Returns 0 or -errno of the write. */
int ms_json_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options);

#endif
