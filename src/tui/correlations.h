/* What the files of the screen of correlations share. */
#ifndef MS_TUI_CORRELATIONS_H
#define MS_TUI_CORRELATIONS_H

#include "analysis/pairs.h"
#include "tui/scatter.h"
#include "tui/screen.h"

enum { MS_CORRELATIONS_PAIRS_MAX = 200 };

enum ms_axis_choice { MS_AXIS_CHOICE_X, MS_AXIS_CHOICE_Y, MS_AXIS_CHOICE_THIRD };

struct ms_correlations_view {
    struct ms_axis x, y, third;
    bool intensity; /* the third figure tells the colour; else the role does */
    bool trend;
    size_t window;                        /* of the table of windows */
    struct ms_plot_points points, behind; /* `behind`: of everything, while something is in focus */
    struct ms_plot plot;
    struct ms_pair pairs[MS_CORRELATIONS_PAIRS_MAX]; /* the strongest first */
    size_t pair_count;
    uint64_t pairs_made_ns, pairs_hold_ns; /* not sorted anew until then */
    bool pair_chosen;                      /* by the user: the list scrolls to it */
    struct ms_scope pairs_scope;
    enum ms_series_of pairs_of;
    unsigned pairs_seconds;
    char pattern[256];
    enum ms_axis_choice choosing; /* by the menu */
};

/* Index of the pair that is drawn; SIZE_MAX: it is none of the list. */
size_t ms_correlations_pair(const struct ms_correlations_view *correlations);
/* The list of pairs and what r says, at the right of the points. */
void ms_correlations_draw_panel(const struct ms_tui *tui, const struct ms_view *view,
                                struct ms_grid *grid, struct ms_area area);
/* "r +0.86  r2 0.75  n 60" and marks; returns the cells taken. */
int ms_correlations_draw_fit(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                             int room);

#endif
