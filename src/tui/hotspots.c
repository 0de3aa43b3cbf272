/* Screen 5: which code allocates, computes or does I/O, as a call tree over all call sites in
 * focus. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "tui/call_table.h"
#include "tui/hotspots_pane.h"
#include "tui/screen.h"
#include "tui/why_none.h"

#define COST_OF_A_CORE  0.004 /* that keeping the tree may take */
#define PANE_ROWS_MIN   6
#define PANE_ROWS_MAX   22
#define HEADING_AND_ROW 2

static const char *order_name(size_t order)
{
    return ms_site_figure_info((enum ms_site_figure)order)->name;
}

static const char *order_meaning(size_t order)
{
    return ms_site_figure_info((enum ms_site_figure)order)->meaning;
}

static const struct ms_orders orders = {
    .count = MS_SITE_FIGURE_TOTAL, .name = order_name, .meaning = order_meaning};

static struct ms_listing *listing_of(struct ms_tui *tui)
{
    return &tui->hotspots.listing;
}

static bool make_room(struct ms_hotspots_state *state, size_t count)
{
    if (count > state->indent_capacity) {
        const size_t capacity = count + count / 2 + 64;
        uint8_t *indents = realloc(state->indents, capacity);
        if (indents == NULL) {
            return false;
        }
        state->indents = indents;
        state->indent_capacity = capacity;
    }
    return true;
}

/* Other rows: the mark goes to the first one again. */
static void look_anew(struct ms_hotspots_state *state)
{
    state->all_unfolded = state->looked_at = false;
    state->listing.rows.chosen = false;
    state->listing.rows.top = 0;
    ms_rows_release(&state->listing.rows);
    state->lines.key = 0;
}

/*
 * What one wants to see without a key: below what libraries allocate the program's own functions
 * that made them; from main on everything up to where it forks. Until the user moves.
 */
static bool unfold_first(struct ms_hotspots_state *state)
{
    if (state->listing.rows.chosen || state->shape == MS_CALL_FLAT) {
        return false;
    }
    const size_t count = ms_call_tree_rows(state->tree);
    bool changed = false;
    if (state->shape == MS_CALL_CALLEES && count > 0 && !state->looked_at) {
        ms_call_tree_unfold_hot(state->tree, ms_call_tree_row(state->tree, 0)->key);
        state->looked_at = changed = true;
    }
    for (size_t i = 0; i < count && state->shape == MS_CALL_CALLERS; i++) {
        const struct ms_call_row *row = ms_call_tree_row(state->tree, i);
        if (row->depth == 0 && row->folded && !row->expanded && row->expandable) {
            ms_call_tree_unfold(state->tree, row->key, true);
            changed = true;
        }
    }
    return changed;
}

/* Takes over what the model has now; without memory the rows of before stay. */
static void update(struct ms_tui *tui, const struct ms_view *view)
{
    struct ms_hotspots_state *state = &tui->hotspots;
    if (state->tree == NULL) {
        state->tree = ms_call_tree_new();
    }
    if (state->tree == NULL) {
        return;
    }
    const uint64_t now_ns = ms_model_now_ns(view->model);
    const struct ms_call_options options = {
        .scope = tui->scope,
        .shape = state->shape,
        .fold_libraries = !state->each_library_frame,
        .filter = state->listing.filter.text,
        .sort = (enum ms_site_figure)state->listing.order,
        .ascending = state->listing.ascending,
        .hold = now_ns < state->listing.rows.hold_until_ns,
    };
    if (strcmp(state->filter, state->listing.filter.text) != 0) {
        memcpy(state->filter, state->listing.filter.text, sizeof state->filter);
        look_anew(state);
    }
    if (state->kind != ms_site_figure_info(options.sort)->kind) {
        state->kind = ms_site_figure_info(options.sort)->kind;
        look_anew(state);
    }
    (void)ms_call_tree_update(state->tree, view->model, &options, now_ns, COST_OF_A_CORE);
    if (unfold_first(state)) {
        (void)ms_call_tree_update(state->tree, view->model, &options, now_ns, COST_OF_A_CORE);
    }
    const size_t count = ms_call_tree_rows(state->tree);
    uint64_t *keys = malloc((count + 1) * sizeof *keys);
    if (keys != NULL && make_room(state, count)) {
        for (size_t i = 0; i < count; i++) {
            keys[i] = ms_call_tree_row(state->tree, i)->key;
        }
        ms_rows_take(&state->listing.rows, keys, count);
        ms_call_indents(state->tree, state->indents);
    }
    free(keys);
}

static int pane_rows_of(const struct ms_tui *tui, const struct ms_view *view)
{
    const int rows = view->layout.message_row - view->layout.body.row;
    const int part = rows * 2 / 5;
    if (tui->hotspots.pane == MS_HOTSPOTS_NO_PANE || part < PANE_ROWS_MIN - 1) {
        return 0;
    }
    return part < PANE_ROWS_MIN ? PANE_ROWS_MIN : part > PANE_ROWS_MAX ? PANE_ROWS_MAX : part;
}

static struct ms_area list_area(const struct ms_tui *tui, const struct ms_view *view)
{
    return (struct ms_area){.row = view->layout.body.row,
                            .rows = view->layout.message_row - view->layout.body.row -
                                    pane_rows_of(tui, view),
                            .columns = view->columns};
}

/* --- nothing to show --- */

static void why_thread(const struct ms_thread *thread, char *out, size_t size)
{
    if (!thread->probed) {
        snprintf(out, size, "No call sites: the probe has no record of this thread.");
    } else if (!thread->tracked) {
        snprintf(out, size, "No call sites: this thread was not selected; M changes which are.");
    } else {
        snprintf(out, size, "This thread has not allocated anything yet. Esc leaves the focus.");
    }
}

static void draw_nothing(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                         struct ms_area area)
{
    char text[512];
    const struct ms_thread *thread = ms_model_thread_by_id(view->model, tui->scope.thread_id);
    if (tui->hotspots.tree == NULL) {
        snprintf(text, sizeof text, "Out of memory.");
    } else if (tui->hotspots.listing.filter.length > 0) {
        snprintf(text, sizeof text,
                 "No function, file or module contains \"%.200s\". Esc clears the "
                 "filter.",
                 tui->hotspots.listing.filter.text);
    } else if (tui->hotspots.kind != MS_FIGURES_MEMORY) {
        ms_why_no_work(tui, view->model, tui->hotspots.kind, text, sizeof text);
    } else if (thread != NULL) {
        why_thread(thread, text, sizeof text);
    } else if (!ms_why_no_stacks(tui, view->model, text, sizeof text)) {
        snprintf(text, sizeof text, "Nothing has been allocated yet.");
    }
    const struct ms_area words = {.row = area.row + HEADING_AND_ROW,
                                  .column = 2,
                                  .rows = area.rows - HEADING_AND_ROW,
                                  .columns = area.columns - 4};
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_theme_text(grid, words, text);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

/* What is known of how sure the figures are; "" for exact ones. */
static void say_sampling(const struct ms_tui *tui, const struct ms_view *view,
                         const struct ms_call_row *total, char *out, size_t size)
{
    const struct ms_cpu_sampling *sampling = ms_model_cpu_sampling(view->model);
    int used = 0;
    out[0] = '\0';
    if (tui->hotspots.kind != MS_FIGURES_CPU) {
        return;
    }
    used = snprintf(out, size, " of %.0f samples, %u Hz",
                    total->inclusive[MS_SITE_FIGURE_CPU_SAMPLES], (unsigned)sampling->frequency_hz);
    if (sampling->keep_one_in > 1 && (size_t)used < size) {
        used += snprintf(out + used, size - (size_t)used, "/%u", (unsigned)sampling->keep_one_in);
    }
    if (sampling->lost > 0 && (size_t)used < size) {
        used += snprintf(out + used, size - (size_t)used, ", %" PRIu64 " lost", sampling->lost);
    }
    if (!sampling->kernel && (size_t)used < size) {
        (void)snprintf(out + used, size - (size_t)used, ", without the kernel");
    }
}

static void draw_message_row(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_listing *listing = &tui->hotspots.listing;
    const struct ms_call_row *total = ms_call_tree_total(tui->hotspots.tree);
    const int row = view->layout.message_row;
    char figure[MS_FORMAT_MAX + 1] = "n/a";
    int used = 1;
    if (view->layout.tabs_row < 0) { /* else it has room there */
        used += ms_title_put_scope(tui, view, grid, row, 1, view->columns / 2);
    }
    if (listing->filter.length > 0) {
        ms_grid_pen(grid, MS_COLOUR_ALERT_MEDIUM, 0);
        used +=
            ms_grid_printf(grid, row, used, view->columns / 2, "filter: %s", listing->filter.text) +
            2;
    }
    if (total != NULL && total->sites > 0) { /* else the pane says why */
        ms_call_table_figure(figure, sizeof figure, total, (enum ms_site_figure)listing->order,
                             false);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        char sampling[128];
        say_sampling(tui, view, total, sampling, sizeof sampling);
        used += ms_grid_printf(grid, row, used, view->columns - used, "%u call %s%s, %s %s%s",
                               (unsigned)total->sites,
                               tui->hotspots.kind == MS_FIGURES_MEMORY ? "site" : "stack",
                               total->sites == 1 ? "" : "s", figure,
                               ms_hotspots_word((enum ms_site_figure)listing->order), sampling);
    }
    const bool names_come = ms_tui_names_come(view->model);
    const char *folds = names_come                         ? "names are still being read"
                        : tui->hotspots.each_library_frame ? "L folds library functions"
                                                           : "libraries folded (L)";
    const int width = (int)strlen(folds);
    ms_grid_pen(grid, names_come ? MS_COLOUR_ALERT_MEDIUM : MS_COLOUR_DIM, 0);
    if (used + 2 + width < view->columns) {
        ms_grid_put(grid, row, view->columns - width - 1, width, folds);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    update(tui, view);
    struct ms_rows *rows = &tui->hotspots.listing.rows;
    struct ms_area area = list_area(tui, view);
    ms_rows_scroll(rows, area.rows > 1 ? (size_t)(area.rows - 1) : 0, 1);
    ms_call_table_draw(tui, grid, area);
    if (rows->count == 0) {
        draw_nothing(tui, view, grid, area);
    } else {
        area.row += area.rows;
        area.rows = pane_rows_of(tui, view);
        ms_hotspots_pane_draw(tui, view, grid, area);
    }
    if (tui->hotspots.tree != NULL) {
        draw_message_row(tui, view, grid);
    }
}

/* --- keys --- */

static void unfold_or_enter(struct ms_tui *tui, const struct ms_view *view)
{
    size_t index = 0;
    const struct ms_call_row *row = ms_hotspots_marked(tui, &index);
    if (row != NULL && row->expanded) {
        ms_rows_move(&tui->hotspots.listing.rows, 1, ms_model_now_ns(view->model));
    } else if (row != NULL && row->expandable) {
        ms_call_tree_unfold(tui->hotspots.tree, row->key, true);
    }
}

static void fold_or_leave(struct ms_tui *tui, const struct ms_view *view)
{
    size_t index = 0;
    const struct ms_call_row *row = ms_hotspots_marked(tui, &index);
    if (row != NULL && row->expanded) {
        ms_rows_select(&tui->hotspots.listing.rows, index, ms_model_now_ns(view->model));
        ms_call_tree_unfold(tui->hotspots.tree, row->key, false);
        tui->hotspots.all_unfolded = false;
    } else if (row != NULL) {
        const size_t parent = ms_call_tree_parent(tui->hotspots.tree, index);
        if (parent != SIZE_MAX) {
            ms_rows_select(&tui->hotspots.listing.rows, parent, ms_model_now_ns(view->model));
        }
    }
}

static void open_marked(struct ms_tui *tui, const struct ms_view *view)
{
    uint32_t ids[MS_SITE_STEPS_MAX];
    size_t index = 0;
    if (ms_hotspots_marked(tui, &index) == NULL) {
        return;
    }
    const size_t all = ms_call_tree_sites(tui->hotspots.tree, index, ids, MS_SITE_STEPS_MAX);
    ms_tui_open_sites(tui, view, ids, all < MS_SITE_STEPS_MAX ? all : MS_SITE_STEPS_MAX, all);
}

static void edit(struct ms_tui *tui, const struct ms_view *view, struct ms_command *command)
{
    size_t index = 0;
    const struct ms_call_row *row = ms_hotspots_marked(tui, &index);
    if (row == NULL) {
        return;
    }
    const struct ms_hotspots_lines *lines = ms_hotspots_lines_of(tui, view, row, index);
    const bool known = lines->count > 0;
    ms_tui_edit(view, row->site_id, known ? lines->lines[0].frame : row->frame,
                known ? lines->lines[0].line : 0, command);
}

/* The next row, round the end, whose name holds the text of the filter. */
static void step_hit(struct ms_tui *tui, const struct ms_view *view, bool back)
{
    const struct ms_hotspots_state *state = &tui->hotspots;
    const size_t count = state->listing.rows.count;
    size_t at = state->listing.rows.position;
    if (state->tree == NULL || state->listing.filter.length == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        at = (at + (back ? count - 1 : 1)) % count;
        if (strcasestr(ms_call_tree_row(state->tree, at)->name, state->listing.filter.text) !=
            NULL) {
            ms_rows_select(&tui->hotspots.listing.rows, at, ms_model_now_ns(view->model));
            return;
        }
    }
}

static void click(struct ms_tui *tui, const struct ms_view *view, const struct ms_input *input)
{
    const struct ms_area area = list_area(tui, view);
    struct ms_rows *rows = &tui->hotspots.listing.rows;
    const int line = input->row - area.row - 1;
    if (line < 0 || line >= area.rows - 1 || rows->top + (size_t)line >= rows->count) {
        return;
    }
    const size_t index = rows->top + (size_t)line;
    const struct ms_call_row *row = ms_call_tree_row(tui->hotspots.tree, index);
    const int sign = ms_call_table_sign_column(tui, view->columns, index);
    ms_rows_select(rows, index, ms_model_now_ns(view->model));
    const bool twice = input->mouse_action == MS_MOUSE_DOUBLE_CLICK;
    if (row->expandable && (twice || (input->column >= sign - 1 && input->column <= sign + 1))) {
        ms_call_tree_unfold(tui->hotspots.tree, row->key, !row->expanded);
    } else if (twice) {
        open_marked(tui, view);
    }
}

static void act_on_tree(struct ms_tui *tui, const struct ms_view *view, enum ms_action action)
{
    struct ms_hotspots_state *state = &tui->hotspots;
    switch (action) {
    case MS_ACTION_RIGHT:
    case MS_ACTION_UNFOLD:
        unfold_or_enter(tui, view);
        break;
    case MS_ACTION_LEFT:
    case MS_ACTION_FOLD:
        fold_or_leave(tui, view);
        break;
    case MS_ACTION_UNFOLD_ALL:
        state->all_unfolded = !state->all_unfolded;
        state->listing.rows.chosen = true; /* what was folded stays so */
        ms_call_tree_unfold_all(state->tree, state->all_unfolded);
        break;
    case MS_ACTION_UNFOLD_HOT:
        if (state->listing.rows.count > 0) {
            ms_call_tree_unfold_hot(state->tree, state->listing.rows.selected);
        }
        break;
    case MS_ACTION_SEARCH_NEXT:
    case MS_ACTION_SEARCH_PREVIOUS:
        step_hit(tui, view, action == MS_ACTION_SEARCH_PREVIOUS);
        break;
    default:
        break;
    }
}

static void change_view(struct ms_hotspots_state *state, enum ms_action action)
{
    if (action == MS_ACTION_SHAPE) {
        state->shape = (enum ms_call_shape)((state->shape + 1) % (MS_CALL_FLAT + 1));
    } else {
        state->each_library_frame = !state->each_library_frame;
    }
    look_anew(state);
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    struct ms_hotspots_state *state = &tui->hotspots;
    const int page = list_area(tui, view).rows - HEADING_AND_ROW;
    update(tui, view); /* keys may come before the first drawing */
    if (state->tree == NULL) {
        return;
    }
    if (input->key == MS_KEY_MOUSE && action == MS_ACTION_NONE) {
        click(tui, view, input);
        return;
    }
    if (ms_listing_act(&state->listing, &orders, action, 1, page > 1 ? page : 1,
                       ms_model_now_ns(view->model))) {
        return;
    }
    switch (action) {
    case MS_ACTION_ENTER:
        open_marked(tui, view);
        break;
    case MS_ACTION_EDIT:
        edit(tui, view, command);
        break;
    case MS_ACTION_PANE:
        state->pane = (state->pane + 1) % MS_HOTSPOTS_PANES;
        break;
    case MS_ACTION_SHAPE:
    case MS_ACTION_LIBRARIES:
        change_view(state, action);
        break;
    default:
        act_on_tree(tui, view, action);
        break;
    }
}

const struct ms_screen ms_screen_hotspots = {.place = MS_PLACE_HOTSPOTS,
                                             .digit = '5',
                                             .tab = "Hot",
                                             .orders = &orders,
                                             .listing = listing_of,
                                             .draw = draw,
                                             .key = key};
