/*
 * Everything that a model and its findings can be written as: one table, from which the options,
 * the dialog of `e`, the export command, completions and the manual page come.
 *
 * Writers stream: their memory does not grow with the model, or its bound is said in their header.
 * They only read; a model must not change meanwhile.
 *
 * X(id, option and name, suffix of files, what)
 */
#ifndef MS_EXPORT_EXPORT_H
#define MS_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/findings.h"
#include "analysis/rule.h"
#include "export/weights.h"
#include "model/model.h"
#include "model/trace.h"

/* clang-format off */
#define MS_EXPORTS(X)                                                                              \
    X(JSON,       "json",       ".json",            "everything as JSON")                          \
    X(HTML,       "html",       ".html",            "a report to look at in a browser, one file")  \
    X(TEXT,       "text",       ".txt",             "a page of text")                              \
    X(CSV,        "csv",        ".csv",             "one table, see --table")                      \
    X(PPROF,      "pprof",      ".pb.gz",           "for pprof: live and all allocations by call stack") \
    X(SPEEDSCOPE, "speedscope", ".speedscope.json", "for speedscope: call stacks by weight")       \
    X(FOLDED,     "folded",     ".folded",          "for flame graph tools: a call stack and its bytes on each line") \
    X(PERFETTO,   "perfetto",   ".perfetto.json",   "for Perfetto and chrome://tracing: series and threads over time") \
    X(SVG,        "svg",        ".svg",             "a picture of the session: totals over time and the top call sites")
/* clang-format on */

enum ms_export {
#define MS_EXPORT_ID(id, name, suffix, what) MS_EXPORT_##id,
    MS_EXPORTS(MS_EXPORT_ID)
#undef MS_EXPORT_ID
        MS_EXPORT_TOTAL
};
const char *ms_export_name(enum ms_export format);
const char *ms_export_suffix(enum ms_export format);
const char *ms_export_what(enum ms_export format);
/* MS_EXPORT_TOTAL: no such name. */
enum ms_export ms_export_by_name(const char *name);
/* That whose suffix the path ends in, the longest such; JSON when it ends in none. */
enum ms_export ms_export_by_path(const char *path);

/* X(id, name, what): parts of JSON and HTML that can be chosen or left out. */
#define MS_SECTIONS(X)                                                                             \
    X(PROCESSES, "processes", "processes and their tree")                                          \
    X(THREADS, "threads", "threads with all metrics and judgements")                               \
    X(RANKINGS, "rankings", "threads ranked")                                                      \
    X(TIMELINE, "timeline", "series over time")                                                    \
    X(CORRELATIONS, "correlations", "correlated metrics")                                          \
    X(SITES, "sites", "call sites, hotspots and flame graphs")                                     \
    X(LEAKS, "leaks", "likely leaks and what was not freed")                                       \
    X(FLOWS, "flows", "who freed whose memory")                                                    \
    X(LIFETIME, "lifetime", "lifetimes and sizes of blocks")                                       \
    X(BOUNDARIES, "boundaries", "memory that crossed libraries, and misuse")                       \
    X(TYPES, "types", "types of what was allocated")                                               \
    X(INSIGHTS, "insights", "findings in words, anomalies, forecasts")                             \
    X(SYSTEM, "system", "the machine and the sources of figures")

enum ms_section {
#define MS_SECTION_ID(id, name, what) MS_SECTION_##id,
    MS_SECTIONS(MS_SECTION_ID)
#undef MS_SECTION_ID
        MS_SECTION_TOTAL
};
#define MS_SECTIONS_ALL ((1u << MS_SECTION_TOTAL) - 1)
const char *ms_section_name(enum ms_section section);
/* "threads,leaks" or "all,-sites" to bits. 0, or -EINVAL with `error` in words. */
int ms_sections_parse(const char *text, uint32_t *sections, char *error, size_t error_bytes);

struct ms_export_options {
    const char *program_version;        /* of memscope-top */
    const char *title;                  /* of HTML and SVG; NULL: made of program and time */
    bool hide_arguments;                /* --no-args */
    uint32_t sections;                  /* bits of enum ms_section; 0: all */
    const struct ms_rule *thread_rules; /* only threads that pass all of them; NULL: all threads */
    size_t thread_rule_count;
    unsigned json_document; /* enum ms_json_document; 0: the comprehensive one */
    const char *csv_table;  /* NULL: threads */
    const char *damage;     /* of the recording that it is of, in words; NULL: none is known */
    enum ms_weight weight;  /* of folded stacks and SVG, the first one of speedscope */
    struct ms_thresholds thresholds;
    const struct ms_findings *findings; /* judgements made on the way; NULL: none, they are null */
    /* Called now and then with parts of a whole; false ends the export (-ECANCELED). May be NULL.
     */
    bool (*progress)(void *context, uint64_t done, uint64_t all);
    void *context;
    /* Hands the events of the trace to `each`, in order, until it returns false. 0 or -errno. NULL:
     * none was recorded. */
    int (*trace)(void *trace_context,
                 bool (*each)(void *context, const struct ms_trace_record *event), void *context);
    void *trace_context;
};

/* 0 or -errno. The stream is flushed, not closed. */
int ms_export_write(FILE *out, enum ms_export format, const struct ms_model *model,
                    const struct ms_export_options *options);

/*
 * To `path` as ms_file_write: a full disk, a kill or a cancel leaves no half file and what was
 * there before; pipes and devices are written as they are. "-": standard output. `overwrite`: false
 * gives -EEXIST for an existing file.
 */
int ms_export_write_file(const char *path, bool overwrite, enum ms_export format,
                         const struct ms_model *model, const struct ms_export_options *options);

/* What went wrong in words, of what these functions return. */
const char *ms_export_error(int error);

#endif
