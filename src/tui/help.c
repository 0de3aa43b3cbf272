/* Help: the key table as text, for the screen that was open. */
#include <stdio.h>
#include <string.h>

#include "tui/screen.h"

#define LINES_MAX 512

struct line {
    char keys[64]; /* "": the help of the line above goes on */
    const char *help;
    size_t help_bytes;
};

static int keys_width(const struct ms_view *view)
{
    return view->columns >= 60 ? 18 : 12;
}

static bool fits(const char *keys, const char *help, const char *text)
{
    return text[0] == '\0' || strcasestr(keys, text) != NULL || strcasestr(help, text) != NULL;
}

/* One help, broken into as many lines as it takes. */
static size_t add(const struct ms_view *view, struct line *lines, size_t count, const char *keys,
                  const char *help)
{
    const int width = view->columns - keys_width(view) - 3;
    do {
        struct line *line = &lines[count++];
        snprintf(line->keys, sizeof line->keys, "%s", keys);
        line->help = help;
        line->help_bytes = ms_theme_break(help, width > 8 ? width : 8);
        help += line->help_bytes;
        help += strspn(help, " ");
        keys = "";
    } while (*help != '\0' && count < LINES_MAX);
    return count;
}

/* Lines for a screen that hold the text searched for. */
static size_t lines_of(const struct ms_tui *tui, const struct ms_view *view, struct line *lines)
{
    size_t row_count = 0;
    const struct ms_key_row *rows = ms_key_rows(&row_count);
    size_t count = 0;
    for (size_t i = 0; i < row_count && count < LINES_MAX;) {
        char keys[64];
        const size_t taken = ms_key_names(i, tui->help.place, keys, sizeof keys);
        if (taken > 0 && keys[0] != '\0' && (rows[i].places & tui->help.place) != 0 &&
            !(tui->readonly && ms_action_touches_program(rows[i].action)) &&
            fits(keys, rows[i].help, tui->help.search.text)) {
            count = add(view, lines, count, keys, rows[i].help);
        }
        i += taken > 0 ? taken : 1;
    }
    return count;
}

static size_t rows_of(const struct ms_view *view)
{
    const int rows = view->layout.message_row - view->layout.body.row - 1;
    return rows > 0 ? (size_t)rows : 0;
}

static void init(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    tui->help.place = tui->screen->place;
    tui->help.top = 0;
    ms_entry_set(&tui->help.search, "");
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct line lines[LINES_MAX];
    const size_t count = lines_of(tui, view, lines);
    const size_t shown = rows_of(view);
    const size_t top =
        count > shown ? (tui->help.top < count - shown ? tui->help.top : count - shown) : 0;
    const int keys = keys_width(view);
    int row = view->layout.body.row;
    for (int i = row; i < view->layout.keys_row; i++) {
        for (int column = 0; column < view->columns; column++) {
            ms_grid_put_char(grid, i, column, L' ');
        }
    }
    char heading[64];
    snprintf(heading, sizeof heading, "keys of %s", ms_place_name(tui->help.place));
    ms_theme_heading(tui, grid, row++, 0, view->columns, heading);
    for (size_t i = 0; i < shown && top + i < count; i++, row++) {
        ms_grid_pen(grid, MS_COLOUR_KEY, MS_ATTRIBUTE_BOLD);
        ms_grid_put(grid, row, 2, keys - 1, lines[top + i].keys);
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        ms_grid_put_bytes(grid, row, 2 + keys, view->columns - keys - 2, lines[top + i].help,
                          lines[top + i].help_bytes, 0);
    }
    if (count == 0) {
        ms_grid_put(grid, row, 2, view->columns - 2, "No key matches the search.");
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (count > shown) {
        ms_grid_printf(grid, view->layout.message_row, 2, view->columns - 2,
                       "%zu-%zu of %zu  / search", top + 1, top + shown, count);
    } else {
        ms_grid_put(grid, view->layout.message_row, 2, view->columns - 2, "/ searches");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    (void)command;
    struct line lines[LINES_MAX];
    const size_t count = lines_of(tui, view, lines);
    const size_t shown = rows_of(view);
    const size_t last = count > shown ? count - shown : 0;
    size_t *top = &tui->help.top;
    *top = *top < last ? *top : last;
    switch (action) {
    case MS_ACTION_UP:
        *top -= *top > 0 ? 1 : 0;
        break;
    case MS_ACTION_DOWN:
        *top += 1;
        break;
    case MS_ACTION_PAGE_UP:
        *top -= *top > shown ? shown : *top;
        break;
    case MS_ACTION_PAGE_DOWN:
        *top += shown;
        break;
    case MS_ACTION_FIRST:
        *top = 0;
        break;
    case MS_ACTION_LAST:
        *top = last;
        break;
    case MS_ACTION_SEARCH:
        ms_entry_set(&tui->help.search, "");
        tui->typing = MS_TYPING_SEARCH;
        break;
    case MS_ACTION_CANCEL:
        tui->dialog = NULL;
        break;
    default:
        break;
    }
    *top = *top < last ? *top : last;
}

const struct ms_screen ms_dialog_help = {
    .place = MS_PLACE_HELP, .init = init, .draw = draw, .key = key};
