/* Totals over processes, as the rows below the title say them. */
#ifndef MS_TUI_TITLE_TOTALS_H
#define MS_TUI_TITLE_TOTALS_H

#include "model/model.h"
#include "tui/screen.h"

struct ms_title_totals {
    double cpu_pct, rss_bytes, growth_per_s, allocations_per_s; /* NaN: none */
    double thread_read_hz; /* the lowest of what lives; NaN: none is read */
    bool rss_is_peak;      /* nothing lives: the highest that was */
    uint64_t peak_error_bytes;
    size_t processes;
    uint64_t live_bytes; /* of what lives; at the end: what was never freed */
    struct ms_heap heap;
    struct ms_losses losses;
    struct ms_stack_check stacks;
    bool heap_seen;
};

struct ms_title_totals ms_title_totals_of(const struct ms_model *model);
/* Bytes of the heap, or that none is seen. Returns `out`. */
const char *ms_title_heap_bytes(char *out, size_t size, const struct ms_title_totals *totals,
                                uint64_t bytes);
/* As many rows as the layout has for them. */
void ms_title_draw_totals(const struct ms_tui *tui, const struct ms_view *view,
                          struct ms_grid *grid, const struct ms_title_totals *totals);

#endif
