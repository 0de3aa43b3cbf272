/* What the rows of screen Y are: figures summed now and then, their order, what is unfolded. */
#include "tui/types.h"

#include <stdlib.h>
#include <string.h>

enum { READ_AT_ONCE = 10000 };

/* Figures are summed anew after this long, and the longer the more sites there are and the more
 * often all of them are gone through: about 1 % of one core. */
#define SUM_EVERY_NS UINT64_C(200000000)
#define SUM_SITE_NS  UINT64_C(3000)

static const struct {
    const char *name, *meaning;
} orders[MS_TYPE_FIGURE_COUNT] = {
    [MS_TYPE_FIGURE_LIVE] = {"current_bytes", "live bytes (as requested)"},
    [MS_TYPE_FIGURE_BLOCKS] = {"current_blocks", "live blocks"},
    [MS_TYPE_FIGURE_TOTAL] = {"bytes_allocated", "requested bytes allocated so far"},
    [MS_TYPE_FIGURE_ALLOCATIONS] = {"allocations", "blocks allocated so far"},
    [MS_TYPE_FIGURE_SITES] = {"sites", "call sites that allocate the type"},
};

static const char *order_name(size_t order)
{
    return orders[order].name;
}

static const char *order_meaning(size_t order)
{
    return orders[order].meaning;
}

const struct ms_orders ms_types_orders = {
    .count = MS_TYPE_FIGURE_COUNT, .name = order_name, .meaning = order_meaning};

void ms_types_view_open(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    if (tui->types == NULL) {
        struct ms_types_view *types = calloc(1, sizeof *types);
        if (types == NULL) {
            return;
        }
        types->types = ms_types_new();
        if (types->types == NULL) {
            free(types);
            return;
        }
        ms_listing_init(&types->listing, MS_TYPE_FIGURE_LIVE);
        ms_rows_init(&types->ordered);
        tui->types = types;
    }
    tui->types->stale = true;
}

void ms_types_view_free(struct ms_types_view *types)
{
    if (types != NULL) {
        ms_listing_fini(&types->listing);
        ms_rows_fini(&types->ordered);
        ms_types_free(types->types);
        free(types);
    }
}

enum ms_type_figure ms_types_view_figure(const struct ms_types_view *types)
{
    return (enum ms_type_figure)types->listing.order;
}

static void pick_sites(struct ms_types_view *types, const struct ms_view *view,
                       struct ms_types_unfolded *unfolded)
{
    unfolded->all = ms_types_sites(types->types, view->model, &types->summed_scope, unfolded->id,
                                   types->families, ms_types_view_figure(types), unfolded->sites,
                                   MS_TYPES_SITES_SHOWN);
    unfolded->count = unfolded->all < MS_TYPES_SITES_SHOWN ? unfolded->all : MS_TYPES_SITES_SHOWN;
}

static void sum(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_types_view *types = tui->types;
    const uint64_t now_ns = ms_model_now_ns(view->model);
    const uint64_t wait_ns =
        SUM_EVERY_NS + SUM_SITE_NS * ms_model_site_count(view->model) * (1 + types->unfolded_count);
    /* Reading goes on with every drawing, a bounded number of sites at a time. */
    types->incomplete = ms_types_update(types->types, view->model, READ_AT_ONCE) > 0;
    const bool other = types->stale || types->summed_order != types->listing.order ||
                       memcmp(&types->summed_scope, &tui->scope, sizeof tui->scope) != 0;
    if (!other && now_ns - types->summed_ns < wait_ns) {
        return;
    }
    types->summed_scope = tui->scope;
    types->summed_order = types->listing.order;
    types->summed_ns = now_ns;
    types->first_of = 0;
    types->stale =
        ms_types_distribute(types->types, view->model, &tui->scope, types->families) != 0;
    for (size_t i = 0; i < types->unfolded_count; i++) {
        pick_sites(types, view, &types->unfolded[i]);
    }
}

static bool fits(const struct ms_type_row *row, const char *filter)
{
    return filter[0] == '\0' || strcasestr(row->name, filter) != NULL ||
           strcasestr(ms_type_family_words(row->family), filter) != NULL ||
           strcasestr(ms_type_language_name(row->language), filter) != NULL;
}

const struct ms_type_row *ms_types_view_row(const struct ms_types_view *types, uint64_t id)
{
    for (size_t i = 0; i < ms_types_count(types->types); i++) {
        const struct ms_type_row *row = ms_types_at(types->types, i);
        if (row->id + UINT64_C(1) == id) {
            return row;
        }
    }
    return NULL;
}

struct ms_types_unfolded *ms_types_view_unfolded(struct ms_types_view *types, uint64_t id)
{
    for (size_t i = 0; i < types->unfolded_count; i++) {
        if (types->unfolded[i].id + UINT64_C(1) == id) {
            return &types->unfolded[i];
        }
    }
    return NULL;
}

/* The types in their order, and below each its sites when it is unfolded. */
static void take_rows(struct ms_types_view *types)
{
    const size_t capacity = types->ordered.count + types->unfolded_count * MS_TYPES_SITES_SHOWN;
    uint64_t *ids = malloc((capacity + 1) * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; ids != NULL && i < types->ordered.count; i++) {
        ids[count++] = types->ordered.ids[i];
        const struct ms_types_unfolded *unfolded =
            ms_types_view_unfolded(types, types->ordered.ids[i]);
        for (size_t k = 0; unfolded != NULL && k < unfolded->count; k++) {
            ids[count++] = MS_TYPES_SITE_ROW | unfolded->sites[k].site_id;
        }
    }
    if (ids != NULL) {
        ms_rows_take(&types->listing.rows, ids, count);
        free(ids);
    }
}

void ms_types_view_update(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_types_view *types = tui->types;
    sum(tui, view);
    const size_t all = ms_types_count(types->types);
    struct ms_row_key *keys = malloc((all + 1) * sizeof *keys);
    size_t count = 0;
    for (size_t i = 0; keys != NULL && i < all; i++) {
        const struct ms_type_row *row = ms_types_at(types->types, i);
        if (fits(row, types->listing.filter.text)) {
            keys[count++] =
                (struct ms_row_key){.id = row->id + UINT64_C(1),
                                    .figure = ms_type_figure_of(row, ms_types_view_figure(types)),
                                    .known = true};
        }
    }
    if (keys != NULL) {
        types->ordered.hold_until_ns = types->listing.rows.hold_until_ns;
        ms_rows_sort(&types->ordered, keys, count, types->listing.ascending,
                     ms_model_now_ns(view->model));
        free(keys);
    }
    take_rows(types);
}

const struct ms_type_site *ms_types_view_site(const struct ms_types_view *types, uint64_t id)
{
    for (size_t i = 0; i < types->unfolded_count; i++) {
        for (size_t k = 0; k < types->unfolded[i].count; k++) {
            if ((MS_TYPES_SITE_ROW | types->unfolded[i].sites[k].site_id) == id) {
                return &types->unfolded[i].sites[k];
            }
        }
    }
    return NULL;
}

/* The site that stands for the selected row: itself, or the first of the type. */
uint32_t ms_types_view_marked_site(struct ms_types_view *types, const struct ms_view *view)
{
    const uint64_t id = types->listing.rows.selected;
    const struct ms_type_site *site = ms_types_view_site(types, id);
    if (site != NULL) {
        return site->site_id;
    }
    if (id == 0 || id >= MS_TYPES_SITE_ROW) {
        return 0;
    }
    if (types->first_of != id) { /* costs all sites: once for each sum, not for each drawing */
        struct ms_type_site first[1];
        const size_t found =
            ms_types_sites(types->types, view->model, &types->summed_scope, (uint32_t)(id - 1),
                           types->families, ms_types_view_figure(types), first, 1);
        types->first_of = id;
        types->first_site = found > 0 ? first[0].site_id : 0;
    }
    return types->first_site;
}
