/* Sorting by keys that are read once per update; positions of before serve while it is held. */
#include "tui/rows.h"

#include <stdlib.h>

struct place {
    uint64_t id;
    size_t position;
};

void ms_rows_init(struct ms_rows *rows)
{
    *rows = (struct ms_rows){.follow = true};
}

void ms_rows_fini(struct ms_rows *rows)
{
    free(rows->ids);
    rows->ids = NULL;
    rows->count = rows->capacity = 0;
}

static int compare_keys(const void *left, const void *right)
{
    const struct ms_row_key *a = left;
    const struct ms_row_key *b = right;
    if (a->last != b->last) {
        return a->last ? 1 : -1;
    }
    if (a->known != b->known) {
        return a->known ? -1 : 1;
    }
    if (a->known && (a->figure < b->figure || a->figure > b->figure)) {
        return a->figure < b->figure ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Gives every row the position that it had as its figure; new ones come after those. */
static bool keep_positions(const struct ms_rows *rows, struct ms_row_key *keys, size_t count)
{
    struct place *places = malloc((rows->count + 1) * sizeof *places);
    if (places == NULL) {
        return false;
    }
    for (size_t i = 0; i < rows->count; i++) {
        places[i] = (struct place){.id = rows->ids[i], .position = i};
    }
    qsort(places, rows->count, sizeof *places, compare_places);
    for (size_t i = 0; i < count; i++) {
        const struct place wanted = {.id = keys[i].id};
        const struct place *found =
            bsearch(&wanted, places, rows->count, sizeof *places, compare_places);
        keys[i].known = found != NULL;
        keys[i].figure = found != NULL ? (double)found->position : 0;
    }
    free(places);
    return true;
}

static void find_selection(struct ms_rows *rows)
{
    if (rows->count == 0) {
        rows->position = 0;
        return;
    }
    if (!rows->chosen) {
        rows->position = 0;
    } else if (rows->follow && rows->selected != 0) {
        for (size_t i = 0; i < rows->count; i++) {
            if (rows->ids[i] == rows->selected) {
                rows->position = i;
                return;
            }
        }
    }
    if (rows->position >= rows->count) {
        rows->position = rows->count - 1;
    }
    rows->selected = rows->ids[rows->position];
}

static bool make_room(struct ms_rows *rows, size_t count)
{
    if (count > rows->capacity) {
        const size_t capacity = count + count / 2 + 16;
        uint64_t *ids = realloc(rows->ids, capacity * sizeof *ids);
        if (ids == NULL) {
            return false;
        }
        rows->ids = ids;
        rows->capacity = capacity;
    }
    return true;
}

void ms_rows_sort(struct ms_rows *rows, struct ms_row_key *keys, size_t count, bool ascending,
                  uint64_t now_ns)
{
    if (!make_room(rows, count)) {
        return;
    }
    const bool held = now_ns < rows->hold_until_ns && keep_positions(rows, keys, count);
    for (size_t i = 0; i < count && !held && !ascending; i++) {
        keys[i].figure = -keys[i].figure;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < count; i++) {
        rows->ids[i] = keys[i].id;
    }
    rows->count = count;
    find_selection(rows);
}

void ms_rows_take(struct ms_rows *rows, const uint64_t *ids, size_t count)
{
    if (!make_room(rows, count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        rows->ids[i] = ids[i];
    }
    rows->count = count;
    find_selection(rows);
}

void ms_rows_select(struct ms_rows *rows, size_t position, uint64_t now_ns)
{
    if (position >= rows->count) {
        return;
    }
    rows->position = position;
    rows->selected = rows->ids[position];
    rows->chosen = true;
    rows->hold_until_ns = now_ns + MS_ROWS_HOLD_NS;
}

void ms_rows_move(struct ms_rows *rows, long by, uint64_t now_ns)
{
    if (rows->count == 0) {
        return;
    }
    const long last = (long)rows->count - 1;
    long position = (long)rows->position;
    if (by > last - position) {
        position = last;
    } else if (by < -position) {
        position = 0;
    } else {
        position += by;
    }
    ms_rows_select(rows, (size_t)position, now_ns);
}

void ms_rows_release(struct ms_rows *rows)
{
    rows->hold_until_ns = 0;
}

void ms_rows_scroll(struct ms_rows *rows, size_t shown, size_t across)
{
    if (across == 0 || shown < across) {
        rows->top = 0;
        return;
    }
    const size_t lines = shown / across;
    const size_t all = (rows->count + across - 1) / across;
    const size_t line = rows->position / across;
    size_t top = rows->top / across;
    if (top + lines > all) {
        top = all > lines ? all - lines : 0;
    }
    if (line < top) {
        top = line;
    } else if (line >= top + lines) {
        top = line - lines + 1;
    }
    rows->top = top * across;
}

void ms_listing_init(struct ms_listing *listing, size_t order)
{
    ms_rows_init(&listing->rows);
    listing->order = order;
    listing->ascending = false;
    ms_entry_set(&listing->filter, "");
}

void ms_listing_fini(struct ms_listing *listing)
{
    ms_rows_fini(&listing->rows);
}

void ms_listing_sort_by(struct ms_listing *listing, size_t order)
{
    listing->order = order;
    listing->ascending = false;
    ms_rows_release(&listing->rows);
}

static bool move(struct ms_rows *rows, enum ms_action action, long across, long page,
                 uint64_t now_ns)
{
    const long all = (long)rows->count;
    long by = 0;
    switch (action) {
    case MS_ACTION_UP:
        by = -across;
        break;
    case MS_ACTION_DOWN:
        by = across;
        break;
    case MS_ACTION_PAGE_UP:
        by = -page;
        break;
    case MS_ACTION_PAGE_DOWN:
        by = page;
        break;
    case MS_ACTION_FIRST:
        by = -all;
        break;
    case MS_ACTION_LAST:
        by = all;
        break;
    default:
        return false;
    }
    ms_rows_move(rows, by, now_ns);
    return true;
}

bool ms_listing_act(struct ms_listing *listing, const struct ms_orders *orders,
                    enum ms_action action, long across, long page, uint64_t now_ns)
{
    if (move(&listing->rows, action, across, page, now_ns)) {
        return true;
    }
    switch (action) {
    case MS_ACTION_SORT_NEXT:
        ms_listing_sort_by(listing, (listing->order + 1) % orders->count);
        return true;
    case MS_ACTION_SORT_PREVIOUS:
        ms_listing_sort_by(listing, (listing->order + orders->count - 1) % orders->count);
        return true;
    case MS_ACTION_SORT_INVERT:
        listing->ascending = !listing->ascending;
        ms_rows_release(&listing->rows);
        return true;
    case MS_ACTION_FOLLOW:
        listing->rows.follow = !listing->rows.follow;
        return true;
    default:
        return false;
    }
}
