/*
 * The rows of a list: their order and the selection, which stays on its thing and not on its line.
 * After the user moved the order stands still for some seconds, so that rows do not run away from
 * under the finger. Knows nothing of what the rows are: a thing is a number that is not 0 and is
 * the same in every update (an id, a hash of a path).
 *
 * A listing is such rows with an order and a filter that the user chooses; the keys that every
 * list has act on it.
 */
#ifndef MS_TUI_ROWS_H
#define MS_TUI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"
#include "tui/entry.h"
#include "tui/keys.h"

#define MS_ROWS_HOLD_NS (3 * MS_SECOND_NS)

struct ms_rows {
    bool follow; /* false: the selection keeps its line */
    uint64_t *ids;
    size_t count, capacity;
    bool chosen;       /* by the user; until then the first one is selected */
    uint64_t selected; /* 0: none */
    size_t position;   /* of the selected one */
    size_t top;        /* first shown */
    uint64_t hold_until_ns;
};

/* What a row is sorted by. */
struct ms_row_key {
    uint64_t id;
    double figure;
    bool known; /* false: the figure is missing, after those that have one */
    bool last;  /* after all that are not: ended, out of focus */
};

void ms_rows_init(struct ms_rows *rows);
void ms_rows_fini(struct ms_rows *rows);

/*
 * Takes over the rows that there are now, the highest figure first unless `ascending`; sorts
 * `keys`. While the order is held rows stay where they were and new ones come last. Without memory
 * the order of before stays.
 */
void ms_rows_sort(struct ms_rows *rows, struct ms_row_key *keys, size_t count, bool ascending,
                  uint64_t now_ns);
/* The same for rows that have an order of their own, as trees have. */
void ms_rows_take(struct ms_rows *rows, const uint64_t *ids, size_t count);

/* Moves the selection and holds the order. */
void ms_rows_move(struct ms_rows *rows, long by, uint64_t now_ns);
void ms_rows_select(struct ms_rows *rows, size_t position, uint64_t now_ns);
/* Lets the next update sort at once. */
void ms_rows_release(struct ms_rows *rows);

/* Scrolls so that the selection is among `shown` items; `across` items make a line. */
void ms_rows_scroll(struct ms_rows *rows, size_t shown, size_t across);

struct ms_listing {
    struct ms_rows rows;
    size_t order; /* one of the screen's orders */
    bool ascending;
    struct ms_entry filter;
};

/* What a screen's list can be sorted by; `order` < count. */
struct ms_orders {
    size_t count;
    const char *(*name)(size_t order);
    const char *(*meaning)(size_t order);
};

void ms_listing_init(struct ms_listing *listing, size_t order);
void ms_listing_fini(struct ms_listing *listing);
void ms_listing_sort_by(struct ms_listing *listing, size_t order);

/*
 * What every list does with a key: move (`across` items a line, `page` items a page), step through
 * the orders, turn them round, follow. False: it is none of these.
 */
bool ms_listing_act(struct ms_listing *listing, const struct ms_orders *orders,
                    enum ms_action action, long across, long page, uint64_t now_ns);

#endif
