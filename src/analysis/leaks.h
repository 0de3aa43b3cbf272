/*
 * Leaks, two words kept apart:
 *
 *   not freed at exit   blocks of a process that has ended: exact, says nothing about growth.
 *   likely leak         a judgement of a process that lives: the live bytes of a call site keep
 *                       growing, window after window, by blocks that are not freed any more. A
 *                       cache that fills and stops is none.
 *
 * The formula stands in leaks_growth.c and in LEAKS of memscope-top(7). Pure: no clock, no I/O, but
 * for ms_suppressions_read. One thread uses a ms_leaks.
 */
#ifndef MS_ANALYSIS_LEAKS_H
#define MS_ANALYSIS_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"
#include "model/scope.h"

#define MS_LEAK_REASON_MAX 176u

struct ms_leak {
    uint32_t site_id;
    uint32_t process_id;
    uint64_t live_bytes, live_blocks;
    uint64_t leaked_bytes, leaked_blocks; /* that it grew by since it began to grow */
    uint64_t since_ns;                    /* when that was: now - since_ns is its age */
    uint64_t judged_ns;                   /* since when it has been judged so */
    double slope_bytes_per_s;
    uint32_t windows;                /* of growth in a row, at least MS_LEAK_WINDOWS_MIN */
    double confidence;               /* 0..1 */
    bool suppressed;                 /* by a rule of the suppressions file */
    char reason[MS_LEAK_REASON_MAX]; /* "grew in 6 of 6 windows of 5 s, 12 kB/s; 0 % of its ..." */
};

#define MS_LEAK_WINDOWS_MIN 3u

struct ms_suppressions; /* opaque */
struct ms_leaks;        /* opaque */

/* `suppressions` may be NULL and must live as long as the result. NULL: no memory. */
struct ms_leaks *ms_leaks_new(const struct ms_suppressions *suppressions);
void ms_leaks_free(struct ms_leaks *leaks); /* accepts NULL */

/* After every ms_model_tick_end. Looks at the sites that are watched and at a bounded number of
 * others. Returns 0 or -ENOMEM: then sites that are new are not watched. */
int ms_leaks_update(struct ms_leaks *leaks, const struct ms_model *model);

/* Likely leaks now, the surest and steepest first; suppressed ones last. */
size_t ms_leaks_count(const struct ms_leaks *leaks);
const struct ms_leak *ms_leaks_at(const struct ms_leaks *leaks, size_t index);
const struct ms_leak *ms_leaks_of_site(const struct ms_leaks *leaks,
                                       uint32_t site_id); /* or NULL */

/* Why there is none: nothing grows, or it is too early ("12 s more until 3 windows are full"). */
void ms_leaks_why_none(const struct ms_leaks *leaks, const struct ms_model *model, char *out,
                       size_t size);

/* Blocks of a site that were live when its process ended. */
struct ms_not_freed {
    uint32_t site_id;
    uint64_t bytes, blocks;
    bool estimated; /* from a sample */
    bool suppressed;
    double variance; /* of the bytes, in squared bytes; 0: exact */
};
/*
 * Of all ended processes in scope, the most bytes first, suppressed ones last; at most `capacity`
 * into `out`. Returns how many there are. One that went on by exec has none: its memory was not
 * left but replaced.
 */
size_t ms_not_freed_sites(const struct ms_model *model, const struct ms_scope *scope,
                          const struct ms_suppressions *suppressions, struct ms_not_freed *out,
                          size_t capacity);

/* The sum of all such sites. */
struct ms_not_freed_sum {
    bool known; /* a process in scope whose heap was seen has ended */
    bool estimated;
    size_t sites, suppressed_sites;
    uint64_t bytes, blocks; /* with the suppressed ones */
    uint64_t suppressed_bytes, suppressed_blocks;
    double variance;      /* of the bytes, in squared bytes; 0: exact */
    uint64_t exact_bytes; /* that all threads of those processes in scope had live at their ends */
};
struct ms_not_freed_sum ms_not_freed_sum(const struct ms_model *model, const struct ms_scope *scope,
                                         const struct ms_suppressions *suppressions);

/*
 * Suppressions: text, one rule a line, as LeakSanitizer has it: `leak:PATTERN`, where the pattern
 * is looked for in function, file and module of every frame; * is any text, ^ and $ its ends; #
 * begins a comment. A bad line is an error that names it.
 */
int ms_suppressions_parse(const char *text, struct ms_suppressions **out, char *error,
                          size_t error_size); /* 0, -EINVAL with `error` in words, -ENOMEM */
int ms_suppressions_read(const char *path, struct ms_suppressions **out, char *error,
                         size_t error_size);
void ms_suppressions_free(struct ms_suppressions *suppressions); /* accepts NULL */
bool ms_suppressions_match(const struct ms_suppressions *suppressions, const struct ms_site *site);
size_t ms_suppressions_count(const struct ms_suppressions *suppressions); /* rules */

#endif
