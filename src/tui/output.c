/*
 * Screen 9: what the program wrote, as text. Escape sequences are taken out, not acted on: colours
 * are lost, cursor movements are lost, nothing reaches our terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"
#include "tui/screen.h"

#define TAB_CELLS 8
#define CLEAN_MAX 8192 /* bytes of a line that are ever looked at */
#define SKIP_STEP 8
#define SKIP_MAX  4096

/* Length of the escape sequence at `bytes` (which starts with ESC). */
static size_t escape_length(const char *bytes, size_t count)
{
    if (count < 2) {
        return count;
    }
    size_t i = 2;
    switch (bytes[1]) {
    case '[': /* CSI: parameters, then one final byte */
        while (i < count && (bytes[i] < 0x40 || bytes[i] > 0x7e)) {
            i++;
        }
        return i < count ? i + 1 : count;
    case ']': /* OSC and other strings, ended by BEL or ESC backslash */
    case 'P':
    case '^':
    case '_':
    case 'X':
        while (i < count && bytes[i] != 0x07 && bytes[i] != 0x1b) {
            i++;
        }
        if (i < count && bytes[i] == 0x1b) {
            i++;
        }
        return i < count ? i + 1 : count;
    case '(':
    case ')':
    case '#':
    case '%':
        return count < 3 ? count : 3;
    default:
        return 2;
    }
}

/* The line without escape and control bytes, tabs as blanks. Returns its length. */
static size_t clean(struct ms_grid *grid, const char *bytes, size_t count, char *out, size_t size)
{
    size_t length = 0;
    size_t line_start = 0; /* of the text since the last tab */
    int cells = 0;
    for (size_t i = 0; i < count && length + TAB_CELLS + 1 < size;) {
        const unsigned char byte = (unsigned char)bytes[i];
        if (byte == 0x1b) {
            i += escape_length(bytes + i, count - i);
            continue;
        }
        if (byte == '\t') {
            out[length] = '\0';
            cells += ms_grid_text_width(grid, out + line_start);
            const int blanks = TAB_CELLS - cells % TAB_CELLS;
            memset(out + length, ' ', (size_t)blanks);
            length += (size_t)blanks;
            cells += blanks;
            line_start = length;
        } else if (byte >= 0x20 && byte != 0x7f) {
            out[length++] = (char)byte;
        }
        i++;
    }
    out[length] = '\0';
    return length;
}

static size_t page_rows(const struct ms_view *view)
{
    const int rows = view->layout.message_row - view->layout.body.row;
    return rows > 0 ? (size_t)rows : 0;
}

/* First line shown, as index into what is held. */
static size_t first_line(struct ms_output_state *state, const struct ms_output *output, size_t rows)
{
    const uint64_t dropped = ms_output_dropped_lines(output);
    const size_t count = ms_output_line_count(output);
    const size_t last = count > rows ? count - rows : 0;
    if (state->follow) {
        state->top = dropped + last;
    }
    size_t first = state->top > dropped ? (size_t)(state->top - dropped) : 0;
    if (first > last) {
        first = last;
    }
    state->top = dropped + first;
    return first;
}

static void draw_line(struct ms_tui *tui, struct ms_grid *grid, int row,
                      const struct ms_output *output, size_t index)
{
    const struct ms_output_state *state = &tui->output;
    char text[CLEAN_MAX];
    size_t bytes = 0;
    const char *line = ms_output_line(output, index, &bytes);
    const size_t length = clean(grid, line, bytes, text, sizeof text);
    const bool found = state->search.length > 0 && strcasestr(text, state->search.text) != NULL;
    const bool match = found && state->match == ms_output_dropped_lines(output) + index;
    ms_grid_pen(grid,
                match   ? MS_COLOUR_SELECTED
                : found ? MS_COLOUR_KEY
                        : MS_COLOUR_DEFAULT,
                match ? MS_ATTRIBUTE_REVERSE : 0);
    ms_grid_put_bytes(grid, row, 1, ms_grid_columns(grid) - 1, text, length, state->skip);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_nothing(const struct ms_view *view, struct ms_grid *grid,
                         const struct ms_output *output)
{
    const struct ms_area body = view->layout.body;
    const struct ms_area text = {.row = body.row + body.rows / 3,
                                 .column = 4,
                                 .rows = body.rows - body.rows / 3,
                                 .columns = body.columns - 8};
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    if (!ms_output_captured(output)) {
        ms_theme_text(grid, text,
                      "The program's output goes to its own terminal or pipe, not "
                      "through memscope-top.");
    } else if (view->status->session == MS_TUI_LOST) {
        ms_theme_text(grid, text,
                      "The program had written nothing when its keeper was lost. What it "
                      "writes now is discarded.");
    } else if (view->status->session == MS_TUI_ENDED) {
        ms_theme_text(grid, text, "The program had written nothing to stdout and stderr.");
    } else {
        ms_theme_text(grid, text,
                      "The program has not written anything yet. What it writes to "
                      "stdout and stderr appears here.");
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw_status(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                        const struct ms_output *output, size_t first, size_t rows)
{
    const size_t count = ms_output_line_count(output);
    const uint64_t dropped = ms_output_dropped_lines(output);
    const int row = view->layout.message_row;
    const size_t last = first + rows < count ? first + rows : count;
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    int column = 1;
    column +=
        ms_grid_printf(grid, row, column, view->columns - column, "line %llu-%llu of %llu",
                       (unsigned long long)(count > 0 ? dropped + first + 1 : 0),
                       (unsigned long long)(dropped + last), (unsigned long long)(dropped + count));
    if (tui->typing == MS_TYPING_PROGRAM) {
        ms_grid_pen(grid, MS_COLOUR_KEY, 0);
        ms_grid_put(grid, row, column, view->columns - column, "   typing to the program; ^] ends");
        ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
        return;
    }
    column += ms_grid_put(grid, row, column, view->columns - column,
                          tui->output.follow ? "   following" : "   F: follow the end");
    if (tui->output.search.length > 0) {
        column += ms_grid_printf(grid, row, column, view->columns - column, "   search: %s",
                                 tui->output.search.text);
    }
    if (dropped > 0) {
        column += ms_grid_printf(grid, row, column, view->columns - column,
                                 "   %llu oldest lines dropped", (unsigned long long)dropped);
    }
    if (view->status->session == MS_TUI_LOST) {
        ms_grid_pen(grid, MS_COLOUR_ERROR, 0);
        column += ms_grid_put(grid, row, column, view->columns - column,
                              "   ends where the keeper was lost");
    }
    if (ms_output_dropped_bytes(output) > 0) {
        ms_grid_pen(grid, MS_COLOUR_ERROR, 0);
        ms_grid_printf(grid, row, column, view->columns - column, "   %llu bytes missed",
                       (unsigned long long)ms_output_dropped_bytes(output));
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    const struct ms_output *output = ms_model_output(view->model);
    const size_t count = ms_output_line_count(output);
    if (count == 0) {
        draw_nothing(view, grid, output);
        if (tui->typing == MS_TYPING_PROGRAM) {
            draw_status(tui, view, grid, output, 0, 0);
        }
        return;
    }
    const size_t rows = page_rows(view);
    const size_t first = first_line(&tui->output, output, rows);
    for (size_t i = 0; i < rows && first + i < count; i++) {
        draw_line(tui, grid, view->layout.body.row + (int)i, output, first + i);
    }
    draw_status(tui, view, grid, output, first, rows);
}

static void scroll(struct ms_output_state *state, const struct ms_output *output, size_t rows,
                   long by)
{
    const size_t count = ms_output_line_count(output);
    const long last = count > rows ? (long)(count - rows) : 0;
    long first = (long)first_line(state, output, rows);
    first = by > last - first ? last : by < -first ? 0 : first + by;
    state->top = ms_output_dropped_lines(output) + (uint64_t)first;
    state->follow = first == last && by > 0;
}

/* Looks for the text from the last match on, round the end; lines of others keep their order. */
static void search(struct ms_tui *tui, const struct ms_view *view, bool forward)
{
    struct ms_output_state *state = &tui->output;
    const struct ms_output *output = ms_model_output(view->model);
    const size_t count = ms_output_line_count(output);
    if (state->search.length == 0 || count == 0) {
        return;
    }
    const uint64_t dropped = ms_output_dropped_lines(output);
    const size_t rows = page_rows(view);
    const bool again = state->match != UINT64_MAX && state->match >= dropped;
    size_t at = again ? (size_t)(state->match - dropped) : first_line(state, output, rows);
    struct ms_grid *measure = ms_grid_new(1, 1);
    for (size_t i = 0; i < count && measure != NULL; i++) {
        if (i > 0 || again) {
            at = forward ? (at + 1) % count : (at + count - 1) % count;
        }
        char text[CLEAN_MAX];
        size_t bytes = 0;
        const char *line = ms_output_line(output, at % count, &bytes);
        clean(measure, line, bytes, text, sizeof text);
        if (strcasestr(text, state->search.text) != NULL) {
            state->match = dropped + at;
            state->follow = false;
            state->top = dropped + (at > rows / 2 ? at - rows / 2 : 0);
            break;
        }
    }
    ms_grid_free(measure);
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    (void)command;
    struct ms_output_state *state = &tui->output;
    const struct ms_output *output = ms_model_output(view->model);
    const size_t rows = page_rows(view);
    const long page = rows > 1 ? (long)rows - 1 : 1;
    const long all = (long)ms_output_line_count(output);
    switch (action) {
    case MS_ACTION_UP:
    case MS_ACTION_DOWN:
        scroll(state, output, rows, action == MS_ACTION_UP ? -1 : 1);
        break;
    case MS_ACTION_PAGE_UP:
    case MS_ACTION_PAGE_DOWN:
        scroll(state, output, rows, action == MS_ACTION_PAGE_UP ? -page : page);
        break;
    case MS_ACTION_FIRST:
    case MS_ACTION_LAST:
        scroll(state, output, rows, action == MS_ACTION_FIRST ? -all : all);
        state->follow = action == MS_ACTION_LAST;
        break;
    case MS_ACTION_LEFT:
        state->skip = state->skip > SKIP_STEP ? state->skip - SKIP_STEP : 0;
        break;
    case MS_ACTION_RIGHT:
        state->skip += state->skip < SKIP_MAX ? SKIP_STEP : 0;
        break;
    case MS_ACTION_FOLLOW:
        state->follow = !state->follow;
        break;
    case MS_ACTION_TYPE:
        state->follow = true;
        tui->typing = tui->stdin_from_terminal ? MS_TYPING_PROGRAM : MS_TYPING_NONE;
        break;
    case MS_ACTION_SEARCH:
        ms_entry_set(&state->search, "");
        state->match = UINT64_MAX;
        tui->typing = MS_TYPING_SEARCH;
        break;
    case MS_ACTION_SEARCH_NEXT:
    case MS_ACTION_SEARCH_PREVIOUS:
        search(tui, view, action == MS_ACTION_SEARCH_NEXT);
        break;
    case MS_ACTION_CANCEL:
        ms_entry_set(&state->search, "");
        state->match = UINT64_MAX;
        break;
    default:
        break;
    }
}

const struct ms_screen ms_screen_output = {
    .place = MS_PLACE_OUTPUT, .digit = '9', .tab = "Out", .draw = draw, .key = key};
