/*
 * What holds a thread up and how efficient it is, for the rows, cards and lines that show it in
 * every picture: judged again once a second only.
 */
#ifndef MS_TUI_VERDICTS_H
#define MS_TUI_VERDICTS_H

#include "analysis/bottleneck.h"
#include "analysis/efficiency.h"
#include "tui/screen.h"

struct ms_verdict {
    uint32_t thread_id; /* 0: none */
    uint64_t at_ns;
    bool ended;
    struct ms_bottleneck bottleneck;
    struct ms_efficiency efficiency;
};

/* NULL: no memory. Valid until the next call. */
const struct ms_verdict *ms_verdict_of(struct ms_tui *tui, const struct ms_view *view,
                                       const struct ms_thread *thread);
/* "CPU", "I/O", "idle"...; "" when nothing can be told. */
const char *ms_verdict_bottleneck(const struct ms_verdict *verdict);
/* Both as sentences in the rows of the area: in one, or each from a row of its own on. Returns the
 * rows of the area, 0: nothing was drawn. */
int ms_verdict_draw(struct ms_grid *grid, struct ms_area area, const struct ms_verdict *verdict);

#endif
