/*
 * Bytes of a call site as a reader may take them: estimated ones with half the width of their 95 %
 * interval, and what exact figures say where they say less. For src/export only.
 */
#ifndef MS_EXPORT_ESTIMATE_H
#define MS_EXPORT_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/leaks.h"
#include "model/figures.h"
#include "model/model.h"

#define MS_ESTIMATE_MAX 128u

struct ms_estimate {
    uint64_t bytes;
    bool sampled;
    double error_bytes;     /* of what is sampled; 0: not known */
    bool upper_bound;       /* a sum of peaks that need not have been at one time */
    uint64_t at_most_bytes; /* by exact figures; UINT64_MAX: they say nothing */
};

/* `heap`, `figures`: of the site, or of what some of the threads did there. */
struct ms_estimate ms_estimate_of_peak(const struct ms_model *model, const struct ms_site *site,
                                       const struct ms_heap *heap,
                                       const struct ms_figures *figures);
struct ms_estimate ms_estimate_of_live(const struct ms_heap *heap,
                                       const struct ms_figures *figures);
/* With the suppressed ones. */
struct ms_estimate ms_estimate_of_not_freed(const struct ms_not_freed_sum *sum);

/*
 * "72.5MB", "~68.1MB +-20.2MB", "~144MB +-60.4MB, at most 72.5MB"; of an upper bound "at most
 * 68.1MB", "at most ~68.1MB +-20.2MB". No error is told where none is known. Returns `out`.
 */
char *ms_estimate_words(char out[MS_ESTIMATE_MAX], const struct ms_estimate *estimate);

#endif
