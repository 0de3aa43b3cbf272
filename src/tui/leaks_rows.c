/* What the rows of screen 6 are: one list for each kind, in scope, filtered and sorted. */
#include "tui/leaks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"

#define READ_EVERY_NS MS_SECOND_NS

const struct ms_leaks_kind_info ms_leaks_kinds[MS_LEAKS_KINDS] = {
    [MS_LEAKS_LIKELY] = {"likely leaks", "likely", "sites", MS_LEAKS_BY_SURE},
    [MS_LEAKS_NOT_FREED] = {"not freed at exit", "not freed", "sites", MS_LEAKS_BY_BYTES},
    [MS_LEAKS_MISUSE] = {"misuse", "misuse", "pairs", MS_LEAKS_BY_BLOCKS},
};

static const struct {
    const char *name, *meaning;
} orders[MS_LEAKS_ORDERS] = {
    [MS_LEAKS_BY_SURE] = {"confidence", "likely leaks: confidence, then growth"},
    [MS_LEAKS_BY_SLOPE] = {"slope_bytes_per_s", "likely leaks: growth in bytes per second"},
    [MS_LEAKS_BY_BYTES] = {"bytes", "bytes leaked, not freed, or misused"},
    [MS_LEAKS_BY_BLOCKS] = {"blocks", "blocks leaked or not freed; misuse: number of times seen"},
    [MS_LEAKS_BY_AGE] = {"age", "likely leaks: growing since; misuse: first seen"},
};

static const char *order_name(size_t order)
{
    return orders[order].name;
}

static const char *order_meaning(size_t order)
{
    return orders[order].meaning;
}

const struct ms_orders ms_leaks_orders = {
    .count = MS_LEAKS_ORDERS, .name = order_name, .meaning = order_meaning};

void ms_leaks_view_open(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    if (tui->leaks == NULL) {
        tui->leaks = calloc(1, sizeof *tui->leaks);
    }
    if (tui->leaks != NULL && tui->leaks->listing.rows.ids == NULL) {
        ms_listing_init(&tui->leaks->listing, ms_leaks_kinds[MS_LEAKS_LIKELY].first);
        for (int kind = 0; kind < MS_LEAKS_KINDS; kind++) {
            tui->leaks->kept[kind] = ms_leaks_kinds[kind].first;
        }
    }
}

void ms_leaks_view_free(struct ms_leaks_view *leaks)
{
    if (leaks != NULL) {
        ms_listing_fini(&leaks->listing);
        free(leaks);
    }
}

static void read_not_freed(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_leaks_view *leaks = tui->leaks;
    const uint64_t now_ns = ms_model_now_ns(view->model);
    if (leaks->read_ns != 0 && now_ns - leaks->read_ns < READ_EVERY_NS &&
        memcmp(&leaks->read_scope, &tui->scope, sizeof tui->scope) == 0) {
        return;
    }
    leaks->not_freed_all =
        ms_not_freed_sites(view->model, &tui->scope, ms_findings_suppressions(view->findings),
                           leaks->not_freed, MS_LEAKS_NOT_FREED_MAX);
    leaks->not_freed_count = leaks->not_freed_all < MS_LEAKS_NOT_FREED_MAX ? leaks->not_freed_all
                                                                           : MS_LEAKS_NOT_FREED_MAX;
    leaks->read_scope = tui->scope;
    leaks->read_ns = now_ns;
}

/* Row `index` of a kind; false: it is not in scope. */
static bool item_at(const struct ms_tui *tui, const struct ms_view *view, enum ms_leaks_kind kind,
                    size_t index, struct ms_leaks_item *item)
{
    const struct ms_model *model = view->model;
    const uint64_t now_ns = ms_model_now_ns(model);
    *item = (struct ms_leaks_item){.slope_bytes_per_s = NAN, .confidence = NAN};
    if (kind == MS_LEAKS_LIKELY) {
        const struct ms_leak *leak = ms_leaks_at(ms_findings_leaks(view->findings), index);
        const struct ms_site *site = ms_model_site_by_id(model, leak->site_id);
        item->id = item->site_id = leak->site_id;
        item->bytes = leak->leaked_bytes;
        item->blocks = leak->leaked_blocks;
        item->age_ns = now_ns - leak->since_ns;
        item->slope_bytes_per_s = leak->slope_bytes_per_s;
        item->confidence = leak->confidence;
        item->suppressed = leak->suppressed;
        item->leak = leak;
        return site != NULL && ms_scope_has_site(&tui->scope, model, site);
    }
    if (kind == MS_LEAKS_NOT_FREED) {
        const struct ms_not_freed *not_freed = &tui->leaks->not_freed[index];
        item->id = item->site_id = not_freed->site_id;
        item->bytes = not_freed->bytes;
        item->blocks = not_freed->blocks;
        item->suppressed = not_freed->suppressed;
        item->estimated = not_freed->estimated;
        return true;
    }
    const struct ms_misuse *misuse = ms_model_misuse(model, index);
    const struct ms_scope *scope = &tui->scope;
    item->id = index + 1;
    item->site_id = misuse->allocated_site;
    item->released_site_id = misuse->released_site;
    item->bytes = misuse->bytes;
    item->blocks = misuse->count;
    item->age_ns = now_ns - misuse->first_seen_ns;
    item->estimated = misuse->provenance == MS_SAMPLED;
    item->misuse = misuse;
    return (scope->process_id == 0 || scope->process_id == misuse->process_id) &&
           (scope->thread_id == 0 || scope->thread_id == misuse->thread_id) &&
           (scope->site_id == 0 || scope->site_id == misuse->allocated_site ||
            scope->site_id == misuse->released_site);
}

size_t ms_leaks_view_items(const struct ms_tui *tui, const struct ms_view *view,
                           enum ms_leaks_kind kind)
{
    switch (kind) {
    case MS_LEAKS_LIKELY:
        return ms_leaks_count(ms_findings_leaks(view->findings));
    case MS_LEAKS_NOT_FREED:
        return tui->leaks->not_freed_count;
    default:
        return ms_model_misuse_count(view->model);
    }
}

static bool fits(const struct ms_model *model, const struct ms_leaks_item *item, const char *filter)
{
    if (filter[0] == '\0' ||
        (item->misuse != NULL && (strcasestr(ms_misuse_word(item->misuse->kind), filter) != NULL ||
                                  strcasestr(item->misuse->how, filter) != NULL))) {
        return true;
    }
    return ms_site_holds(ms_model_site_by_id(model, item->site_id), filter) ||
           ms_site_holds(ms_model_site_by_id(model, item->released_site_id), filter);
}

static double figure_of(const struct ms_leaks_item *item, enum ms_leaks_order order)
{
    switch (order) {
    case MS_LEAKS_BY_SURE:
        /* Nearly equal confidences are ranked by how much it is about. */
        return floor(item->confidence * 20) * 1e15 + item->slope_bytes_per_s;
    case MS_LEAKS_BY_SLOPE:
        return item->slope_bytes_per_s;
    case MS_LEAKS_BY_BYTES:
        return (double)item->bytes;
    case MS_LEAKS_BY_BLOCKS:
        return (double)item->blocks;
    default:
        return item->age_ns > 0 ? (double)item->age_ns : (double)NAN;
    }
}

/* What need not worry anybody comes after what should. */
static bool is_last(const struct ms_leaks_item *item)
{
    return item->suppressed ||
           (item->misuse != NULL && item->misuse->kind == MS_MISUSE_OTHER_LIBRARY);
}

void ms_leaks_view_update(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_leaks_view *leaks = tui->leaks;
    read_not_freed(tui, view);
    const size_t items = ms_leaks_view_items(tui, view, leaks->kind);
    struct ms_row_key *keys = malloc((items + 1) * sizeof *keys);
    if (keys == NULL) {
        return;
    }
    size_t count = 0;
    leaks->all = 0;
    for (size_t i = 0; i < items; i++) {
        struct ms_leaks_item item;
        if (!item_at(tui, view, leaks->kind, i, &item)) {
            continue;
        }
        leaks->all++;
        if (fits(view->model, &item, leaks->listing.filter.text)) {
            const double figure = figure_of(&item, (enum ms_leaks_order)leaks->listing.order);
            keys[count++] = (struct ms_row_key){
                .id = item.id, .figure = figure, .known = !isnan(figure), .last = is_last(&item)};
        }
    }
    ms_rows_sort(&leaks->listing.rows, keys, count, leaks->listing.ascending,
                 ms_model_now_ns(view->model));
    free(keys);
}

bool ms_leaks_view_item(const struct ms_tui *tui, const struct ms_view *view, uint64_t id,
                        struct ms_leaks_item *item)
{
    const size_t items = ms_leaks_view_items(tui, view, tui->leaks->kind);
    for (size_t i = 0; i < items; i++) {
        if (item_at(tui, view, tui->leaks->kind, i, item) && item->id == id) {
            return true;
        }
    }
    return false;
}
