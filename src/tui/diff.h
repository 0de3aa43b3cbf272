/* The state of screen D: what changed since a mark. */
#ifndef MS_TUI_DIFF_H
#define MS_TUI_DIFF_H

#include "tui/changes.h"
#include "tui/screen.h"

struct ms_diff_view {
    struct ms_listing listing; /* orders are those of enum ms_diff_measure */
    enum ms_diff_kind kind;
    size_t marks_back;
    size_t all; /* rows before the filter */
    const struct ms_screen *from;
};

extern const struct ms_orders ms_diff_orders;

void ms_diff_view_open(struct ms_tui *tui, const struct ms_view *view);
/* Takes over what changed by now, and sorts. Never NULL; valid until the next call. */
const struct ms_tui_changes *ms_diff_view_update(struct ms_tui *tui, const struct ms_view *view);
/* By the id of a row; NULL: it is gone. */
const struct ms_diff_row *ms_diff_view_row(const struct ms_diff_view *diff,
                                           const struct ms_tui_changes *changes, uint64_t id);

#endif
