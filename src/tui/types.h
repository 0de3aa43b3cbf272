/* What the files of the screen of types share: types.c draws and takes keys, types_rows.c has its
 * rows. */
#ifndef MS_TUI_TYPES_H
#define MS_TUI_TYPES_H

#include "analysis/types.h"
#include "tui/screen.h"

enum { MS_TYPES_SITES_SHOWN = 20, MS_TYPES_UNFOLDED_MAX = 16 };

/* Ids of rows: types are small numbers from 1, sites lie above. */
#define MS_TYPES_SITE_ROW (UINT64_C(1) << 32)

struct ms_types_unfolded {
    uint32_t id; /* of a row of types */
    size_t all;  /* its sites */
    size_t count;
    struct ms_type_site sites[MS_TYPES_SITES_SHOWN];
};

struct ms_types_view {
    struct ms_listing listing; /* types and the sites unfolded below them, as they are shown */
    struct ms_rows ordered;    /* types alone: their order, which may be held */
    struct ms_types *types;
    bool families;
    bool incomplete; /* types of some sites are still being read */
    struct ms_types_unfolded unfolded[MS_TYPES_UNFOLDED_MAX];
    size_t unfolded_count;
    bool stale; /* sum anew at the next drawing */
    struct ms_scope summed_scope;
    size_t summed_order;
    uint64_t summed_ns;
    uint64_t first_of; /* the type that `first_site` has the most of; 0: not looked for yet */
    uint32_t first_site;
};

extern const struct ms_orders ms_types_orders;

void ms_types_view_open(struct ms_tui *tui, const struct ms_view *view);
/* Takes over what the model has now, and sorts. */
void ms_types_view_update(struct ms_tui *tui, const struct ms_view *view);
enum ms_type_figure ms_types_view_figure(const struct ms_types_view *types);
/* By the id of a row; NULL: it is no type that there is, is not unfolded, is no site. */
const struct ms_type_row *ms_types_view_row(const struct ms_types_view *types, uint64_t id);
struct ms_types_unfolded *ms_types_view_unfolded(struct ms_types_view *types, uint64_t id);
const struct ms_type_site *ms_types_view_site(const struct ms_types_view *types, uint64_t id);
/* The site that stands for the selected row: itself, or the first of the type; 0: none. */
uint32_t ms_types_view_marked_site(struct ms_types_view *types, const struct ms_view *view);

#endif
