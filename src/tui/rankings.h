/* What the files of the screen of rankings share: rankings.c draws and takes keys, rankings_rows.c
 * has its rows. */
#ifndef MS_TUI_RANKINGS_H
#define MS_TUI_RANKINGS_H

#include "analysis/ranking.h"
#include "tui/screen.h"

/* Ids of rows: those of threads, and above them the headings of roles. */
#define MS_RANKINGS_ROLE_ROW (UINT64_C(1) << 32)

struct ms_rankings_place {
    uint32_t thread_id, index; /* of ranking.rows */
};

struct ms_rankings_view {
    struct ms_listing listing; /* threads and headings as they are shown; orders: MS_RANK_TOTAL */
    struct ms_rows ordered;    /* threads alone: their order, which may be held */
    struct ms_ranking ranking;
    struct ms_rankings_place *places; /* of its rows, by thread */
    size_t place_capacity;
    size_t filtered;  /* threads that fit the filter */
    bool shares;      /* some row has one */
    double highest;   /* figure of all; NaN: none */
    bool by_role;     /* in groups */
    bool alive;       /* those that ended are left out */
    unsigned folded;  /* bit 1 << role: its threads are not shown */
    bool stale;       /* rank anew at the next drawing */
    uint64_t made_ns; /* when it was ranked, and what */
    size_t made_order;
    bool made_ascending;
    struct ms_scope made_scope;
    char made_filter[MS_ENTRY_MAX];
};

extern const struct ms_orders ms_rankings_orders;

void ms_rankings_view_open(struct ms_tui *tui, const struct ms_view *view);
/* Takes over what the model has now. */
void ms_rankings_view_update(struct ms_tui *tui, const struct ms_view *view);
/* NULL: the row is a heading, or gone. */
const struct ms_ranked *ms_rankings_view_row(const struct ms_rankings_view *rankings, uint64_t id);

#endif
