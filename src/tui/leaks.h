/* What the files of the screen of leaks share: leaks.c draws and takes keys, leaks_rows.c has its
 * rows. */
#ifndef MS_TUI_LEAKS_H
#define MS_TUI_LEAKS_H

#include "analysis/leaks.h"
#include "tui/screen.h"

enum ms_leaks_kind { MS_LEAKS_LIKELY, MS_LEAKS_NOT_FREED, MS_LEAKS_MISUSE, MS_LEAKS_KINDS };
enum ms_leaks_order {
    MS_LEAKS_BY_SURE,
    MS_LEAKS_BY_SLOPE,
    MS_LEAKS_BY_BYTES,
    MS_LEAKS_BY_BLOCKS,
    MS_LEAKS_BY_AGE,
    MS_LEAKS_ORDERS
};

#define MS_LEAKS_NOT_FREED_MAX 1000u /* shown; the report has them all */

struct ms_leaks_kind_info {
    const char *tab, *short_tab, *unit;
    enum ms_leaks_order first; /* by which it is sorted until the user chooses */
};
extern const struct ms_leaks_kind_info ms_leaks_kinds[MS_LEAKS_KINDS];

extern const struct ms_orders ms_leaks_orders;

struct ms_leaks_view {
    struct ms_listing listing;
    enum ms_leaks_kind kind;
    enum ms_leaks_order kept[MS_LEAKS_KINDS]; /* order of the kinds that are not shown */
    struct ms_not_freed not_freed[MS_LEAKS_NOT_FREED_MAX];
    size_t not_freed_count, not_freed_all;
    struct ms_scope read_scope;
    uint64_t read_ns; /* when not_freed was read; 0: never */
    size_t all;       /* rows of this kind in scope, before the filter */
};

/* One row, whatever the kind. */
struct ms_leaks_item {
    uint64_t id;
    uint32_t site_id, released_site_id;
    uint64_t bytes, blocks, age_ns;
    double slope_bytes_per_s, confidence; /* NaN: does not apply */
    bool suppressed, estimated;
    const struct ms_leak *leak;
    const struct ms_misuse *misuse;
};

void ms_leaks_view_open(struct ms_tui *tui, const struct ms_view *view);
/* Takes over what the model has now, and sorts. */
void ms_leaks_view_update(struct ms_tui *tui, const struct ms_view *view);
/* How many there are of a kind, whatever the scope; of what was not freed only those in scope. */
size_t ms_leaks_view_items(const struct ms_tui *tui, const struct ms_view *view,
                           enum ms_leaks_kind kind);
/* Of the kind that is shown; false: it is not there any more. */
bool ms_leaks_view_item(const struct ms_tui *tui, const struct ms_view *view, uint64_t id,
                        struct ms_leaks_item *item);

#endif
