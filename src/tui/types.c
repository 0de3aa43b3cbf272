/*
 * Screen Y: what is allocated, as types or as families of types, each with the call sites that
 * allocate it unfolded below. What is not known has rows of its own and a line that says why.
 */
#include "tui/types.h"

#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/chart.h"
#include "tui/stack.h"
#include "tui/why_none.h"

enum { DETAIL_ROWS_MAX = 12 };

struct column {
    const char *heading;
    int width;
    int screen_from; /* columns of the screen from which it is shown */
    enum ms_type_figure figure;
};

static const struct column columns[] = {
    {"LIVE", 8, 0, MS_TYPE_FIGURE_LIVE},     {"BLOCKS", 8, 60, MS_TYPE_FIGURE_BLOCKS},
    {"TOTAL", 8, 100, MS_TYPE_FIGURE_TOTAL}, {"ALLOCS", 8, 100, MS_TYPE_FIGURE_ALLOCATIONS},
    {"SITES", 7, 72, MS_TYPE_FIGURE_SITES},
};
enum { COLUMNS = sizeof columns / sizeof columns[0], SHARE_WIDTH = 7, BAR_WIDTH = 10 };

static bool shown(const struct ms_types_view *types, const struct ms_view *view,
                  const struct column *column)
{
    return view->columns >= column->screen_from || column->figure == ms_types_view_figure(types);
}

static int draw_head(const struct ms_types_view *types, const struct ms_view *view,
                     struct ms_grid *grid, int row)
{
    int at = 1;
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    for (int i = 0; i < view->columns; i++) {
        ms_grid_put_char(grid, row, i, L' ');
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        if (shown(types, view, &columns[i])) {
            const bool sorted = columns[i].figure == ms_types_view_figure(types);
            ms_grid_pen(grid, sorted ? MS_COLOUR_TITLE : MS_COLOUR_DIM,
                        MS_ATTRIBUTE_UNDERLINE | (sorted ? MS_ATTRIBUTE_BOLD : 0u));
            ms_grid_printf(grid, row, at, columns[i].width, "%*s", columns[i].width,
                           columns[i].heading);
            at += columns[i].width;
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, MS_ATTRIBUTE_UNDERLINE);
    ms_grid_printf(grid, row, at, SHARE_WIDTH, "%*s", SHARE_WIDTH, "SHARE");
    at += SHARE_WIDTH + (view->columns >= 80 ? BAR_WIDTH + 1 : 0) + 2;
    ms_grid_put(grid, row, at, view->columns - at, types->families ? "FAMILY" : "TYPE");
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return at;
}

static void figure_text(const struct ms_type_row *row, enum ms_type_figure figure, char *out,
                        size_t size)
{
    char text[MS_FORMAT_MAX];
    const double number = ms_type_figure_of(row, figure);
    const bool bytes = figure == MS_TYPE_FIGURE_LIVE || figure == MS_TYPE_FIGURE_TOTAL;
    (void)snprintf(out, size, "%s%s", row->estimated && figure != MS_TYPE_FIGURE_SITES ? "~" : "",
                   bytes ? ms_format_bytes(text, sizeof text, number)
                         : ms_format_count(text, sizeof text, number));
}

/* Figures, share and bar of a type or a site; returns the column behind. */
static int draw_figures(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, const struct ms_type_row *sums, bool site)
{
    const struct ms_types_view *types = tui->types;
    const double all = ms_type_figure_of(ms_types_total(types->types), ms_types_view_figure(types));
    const double share = all > 0 ? ms_type_figure_of(sums, ms_types_view_figure(types)) / all : 0;
    int at = 1;
    for (size_t i = 0; i < COLUMNS; i++) {
        char text[MS_FORMAT_MAX + 4];
        if (shown(types, view, &columns[i])) {
            figure_text(sums, columns[i].figure, text, sizeof text);
            ms_grid_printf(grid, row, at, columns[i].width, "%*s", columns[i].width,
                           site && columns[i].figure == MS_TYPE_FIGURE_SITES ? "" : text);
            at += columns[i].width;
        }
    }
    ms_grid_printf(grid, row, at, SHARE_WIDTH, "%*.1f%%", SHARE_WIDTH - 1, 100 * share);
    at += SHARE_WIDTH;
    if (view->columns >= 80) {
        if (!site) {
            ms_grid_pen(
                grid, sums->family == MS_TYPE_FAMILY_UNKNOWN ? MS_COLOUR_DIM : MS_COLOUR_GRAPH, 0);
            ms_chart_bar(grid, tui->glyphs, row, at + 1, BAR_WIDTH, share);
        }
        at += BAR_WIDTH + 1;
    }
    return at + 2;
}

/* Family and language of a type, at the right where there is room. */
static void draw_kind(const struct ms_view *view, struct ms_grid *grid, int row, int behind,
                      const struct ms_type_row *type)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s%s%s", ms_type_family_words(type->family),
                   type->language != MS_TYPE_LANGUAGE_UNKNOWN ? ", " : "",
                   ms_type_language_name(type->language));
    const int width = (int)strlen(text);
    if (type->family != MS_TYPE_FAMILY_UNKNOWN && behind + 3 + width < view->columns) {
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, view->columns - width - 1, width, text);
    }
}

static void draw_type(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid, int row,
                      uint64_t id)
{
    struct ms_types_view *types = tui->types;
    const struct ms_type_row *type = ms_types_view_row(types, id);
    if (type == NULL) {
        return;
    }
    const bool chosen = id == types->listing.rows.selected;
    const bool unknown = type->family == MS_TYPE_FAMILY_UNKNOWN;
    const enum ms_colour colour = chosen    ? MS_COLOUR_SELECTED
                                  : unknown ? MS_COLOUR_DIM
                                            : MS_COLOUR_DEFAULT;
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    int at = draw_figures(tui, view, grid, row, type, false);
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    at += ms_grid_put(grid, row, at, 2, ms_types_view_unfolded(types, id) != NULL ? "- " : "+ ");
    at += ms_grid_put(grid, row, at, view->columns - at, type->name);
    if (type->trust == MS_TYPE_BEST_EFFORT && !types->families) {
        at += ms_grid_put(grid, row, at, view->columns - at, " (likely)");
    }
    if (!types->families && view->columns >= 100) {
        draw_kind(view, grid, row, at, type);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Who wanted the block: the first function that is none of the type's own. */
static void site_text(const struct ms_types_view *types, const struct ms_site *site, char *name,
                      size_t name_size, char *place, size_t place_size)
{
    struct ms_block_type type;
    if (site != NULL && ms_types_of_site(types->types, site, &type) == 0 && type.user != NULL) {
        ms_format_frame(name, name_size, type.user);
        ms_stack_frame_place(type.user, place, place_size);
    } else {
        ms_stack_site_name(site, name, name_size, place, place_size);
    }
}

static void draw_site(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                      int row, uint64_t id)
{
    char name[512];
    char place[256];
    const struct ms_types_view *types = tui->types;
    const struct ms_type_site *site = ms_types_view_site(types, id);
    if (site == NULL) {
        return;
    }
    const bool chosen = id == types->listing.rows.selected;
    const enum ms_colour colour = chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT;
    ms_grid_pen(grid, colour, chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, 0, 1, chosen ? ms_theme_pointer(tui) : " ");
    int at = draw_figures(tui, view, grid, row, &site->sums, true) + 4;
    site_text(types, ms_model_site_by_id(view->model, site->site_id), name, sizeof name, place,
              sizeof place);
    at += ms_grid_put(grid, row, at, view->columns - at, name);
    if (place[0] != '\0' && at + 4 < view->columns) {
        ms_grid_pen(grid, chosen ? colour : MS_COLOUR_DIM, 0);
        ms_grid_put(grid, row, at + 2, view->columns - at - 2, place);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* How the type of the selected row is known, or why not, and the call stack. */
static void draw_detail(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        int row, int end)
{
    char evidence[1024];
    char text[1400];
    struct ms_block_type type;
    struct ms_types_view *types = tui->types;
    const struct ms_site *site =
        ms_model_site_by_id(view->model, ms_types_view_marked_site(types, view));
    if (site == NULL || ms_types_of_site(types->types, site, &type) != 0) {
        return;
    }
    ms_type_evidence(evidence, sizeof evidence, &type);
    if (type.unknown == MS_TYPE_UNKNOWN_NO_STACK) {
        (void)snprintf(text, sizeof text, "unknown: %s", ms_why_no_stack(view->model, site));
    } else if (type.family == MS_TYPE_FAMILY_UNKNOWN) {
        (void)snprintf(text, sizeof text, "unknown: %s", ms_type_unknown_reason(type.unknown));
    } else {
        (void)snprintf(text, sizeof text, "%s by %s",
                       type.trust == MS_TYPE_DERIVED ? "known" : "best guess,", evidence);
    }
    const struct ms_area area = {.row = row,
                                 .column = 1,
                                 .rows = end - row < 3 ? end - row : 3,
                                 .columns = view->columns - 2};
    ms_grid_pen(grid, type.trust == MS_TYPE_DERIVED ? MS_COLOUR_TITLE : MS_COLOUR_ALERT_MEDIUM, 0);
    row += ms_theme_text(grid, area, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    if (row + 1 < end) {
        ms_stack_draw(tui, grid, row, end, "allocated at", site);
    }
}

/* How much is not known and the main reason for it, with what to do. */
static void draw_unknown(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         int row)
{
    const struct ms_types_view *types = tui->types;
    char why[256];
    const double all = (double)ms_types_total(types->types)->current_bytes;
    const double unknown = (double)ms_types_unknown(types->types)->current_bytes;
    const struct ms_type_row *most = NULL;
    for (size_t i = 0; i < ms_types_count(types->types) && most == NULL; i++) {
        const struct ms_type_row *type = ms_types_at(types->types, i);
        most = type->family == MS_TYPE_FAMILY_UNKNOWN ? type : NULL;
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (ms_tui_names_come(view->model)) {
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        ms_grid_put(grid, row, 1, view->columns - 2,
                    "Function names are still being read: more types will be known then.");
    } else if (ms_why_no_stacks(tui, view->model, why, sizeof why)) {
        ms_grid_put(grid, row, 1, view->columns - 2, why);
    } else if (types->incomplete) {
        ms_grid_put(grid, row, 1, view->columns - 2,
                    "Types are still being derived from the stacks.");
    } else if (most == NULL || all <= 0 || unknown <= 0) {
        ms_grid_put(grid, row, 1, view->columns - 2, "All live bytes have a known type.");
    } else if (types->families) {
        ms_grid_printf(grid, row, 1, view->columns - 2,
                       "%.0f %% of the live bytes are of unknown type; t shows the reasons",
                       100 * unknown / all);
    } else {
        ms_grid_printf(grid, row, 1, view->columns - 2,
                       "%.0f %% of the live bytes are unknown; %.0f %% %s: %s", 100 * unknown / all,
                       100 * (double)most->current_bytes / all, most->name + strlen("unknown "),
                       ms_type_unknown_advice(most->unknown));
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_empty(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row)
{
    const struct ms_area area = {.row = row + 1,
                                 .column = 4,
                                 .rows = view->layout.message_row - row - 1,
                                 .columns = view->columns - 8};
    char why[512];
    const char *text = "Nothing with a call site has been allocated yet.";
    if (ms_types_count(tui->types->types) == 0 &&
        ms_why_no_stacks(tui, view->model, why, sizeof why)) {
        text = why;
    } else if (ms_types_count(tui->types->types) > 0) {
        text = "Nothing matches the filter. Esc clears it.";
    } else if (!ms_scope_is_all(&tui->scope)) {
        text = "Nothing in focus has allocated. Esc leaves the focus.";
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid, area, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* Rows of the list; the rest of the body is for the selected one. */
static int list_rows(const struct ms_view *view, size_t items)
{
    const int room = view->layout.message_row - view->layout.body.row - 2;
    const int most =
        room > 10 ? room - (room / 2 < DETAIL_ROWS_MAX ? room / 2 : DETAIL_ROWS_MAX) : room;
    return (int)items < most ? (int)items : most;
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct ms_types_view *types = tui->types;
    int row = view->layout.body.row;
    if (types == NULL) {
        ms_grid_put(grid, row, 1, view->columns - 1, "Out of memory for this screen.");
        return;
    }
    ms_types_view_update(tui, view);
    struct ms_rows *rows = &types->listing.rows;
    const int end = view->layout.message_row - 1;
    if (rows->count == 0) {
        draw_empty(tui, view, grid, row);
    } else {
        const int count = list_rows(view, rows->count);
        ms_rows_scroll(rows, (size_t)count, 1);
        draw_head(types, view, grid, row++);
        for (int i = 0; i < count && rows->top + (size_t)i < rows->count; i++, row++) {
            const uint64_t id = rows->ids[rows->top + (size_t)i];
            if (id >= MS_TYPES_SITE_ROW) {
                draw_site(tui, view, grid, row, id);
            } else {
                draw_type(tui, view, grid, row, id);
            }
        }
        if (row + 2 < end) {
            draw_detail(tui, view, grid, row, end);
        }
        draw_unknown(tui, view, grid, end);
    }
    ms_listing_draw_filter(tui, view, grid, &types->listing, ms_types_count(types->types),
                           types->families ? "families" : "types", "Enter sites  t families");
}

static void fold_or_unfold(struct ms_types_view *types, uint64_t id)
{
    struct ms_types_unfolded *unfolded = ms_types_view_unfolded(types, id);
    if (unfolded != NULL) {
        *unfolded = types->unfolded[--types->unfolded_count];
    } else {
        if (types->unfolded_count == MS_TYPES_UNFOLDED_MAX) { /* the oldest gives way */
            memmove(&types->unfolded[0], &types->unfolded[1],
                    (MS_TYPES_UNFOLDED_MAX - 1) * sizeof types->unfolded[0]);
            types->unfolded_count--;
        }
        types->unfolded[types->unfolded_count++] =
            (struct ms_types_unfolded){.id = (uint32_t)(id - 1)};
    }
    types->stale = true;
}

/* The call sites below the type from this one on, round the end. */
static void open_sites(struct ms_tui *tui, const struct ms_view *view, uint64_t id)
{
    const struct ms_types_unfolded *unfolded = NULL;
    uint32_t ids[MS_TYPES_SITES_SHOWN];
    size_t at = 0;
    for (size_t i = 0; i < tui->types->unfolded_count && unfolded == NULL; i++) {
        const struct ms_types_unfolded *one = &tui->types->unfolded[i];
        for (at = 0; at < one->count && (MS_TYPES_SITE_ROW | one->sites[at].site_id) != id; at++) {
        }
        unfolded = at < one->count ? one : NULL;
    }
    if (unfolded != NULL) {
        for (size_t i = 0; i < unfolded->count; i++) {
            ids[i] = unfolded->sites[(at + i) % unfolded->count].site_id;
        }
        ms_tui_open_sites(tui, view, ids, unfolded->count, unfolded->all);
    }
}

static void open_row(struct ms_tui *tui, const struct ms_view *view, uint64_t id)
{
    if (id >= MS_TYPES_SITE_ROW) {
        open_sites(tui, view, id);
    } else if (id != 0) {
        fold_or_unfold(tui->types, id);
    }
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    struct ms_rows *rows = &tui->types->listing.rows;
    const int line = input->row - view->layout.body.row - 1;
    const size_t position = rows->top + (size_t)line;
    if (line < 0 || line >= list_rows(view, rows->count) || position >= rows->count) {
        return;
    }
    if (rows->ids[position] == rows->selected) {
        open_row(tui, view, rows->selected);
    } else {
        ms_rows_select(rows, position, ms_model_now_ns(view->model));
    }
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)command;
    struct ms_types_view *types = tui->types;
    if (types == NULL) {
        return;
    }
    ms_types_view_update(tui, view); /* keys may come before the first drawing */
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    const uint64_t id = types->listing.rows.selected;
    const long page = list_rows(view, types->listing.rows.count);
    switch (action) {
    case MS_ACTION_ENTER:
        open_row(tui, view, id);
        break;
    case MS_ACTION_RIGHT:
    case MS_ACTION_LEFT:
        if (id != 0 && id < MS_TYPES_SITE_ROW &&
            (ms_types_view_unfolded(types, id) != NULL) == (action == MS_ACTION_LEFT)) {
            fold_or_unfold(types, id);
        }
        break;
    case MS_ACTION_SHAPE:
        types->families = !types->families;
        types->unfolded_count = 0;
        types->listing.rows.chosen = false;
        ms_rows_release(&types->listing.rows);
        types->stale = true;
        break;
    default:
        (void)ms_listing_act(&types->listing, &ms_types_orders, action, 1, page > 0 ? page : 1,
                             ms_model_now_ns(view->model));
        break;
    }
}

static struct ms_listing *listing(struct ms_tui *tui)
{
    return tui->types != NULL ? &tui->types->listing : NULL;
}

const struct ms_screen ms_screen_types = {.place = MS_PLACE_TYPES,
                                          .digit = 'Y',
                                          .tab = "Type",
                                          .orders = &ms_types_orders,
                                          .listing = listing,
                                          .init = ms_types_view_open,
                                          .draw = draw,
                                          .key = key};
