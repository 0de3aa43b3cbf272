/* F2: every setting of settings_table.h as a row; what is changed holds at once. */
#include <stdio.h>
#include <string.h>

#include "tui/screen.h"

enum { NAME_WIDTH = 22, VALUE_COLUMN = 25, FOOT_ROWS = 3, LINES_MAX = 2 * MS_SETTING_TOTAL };

/* What keys changed elsewhere belongs to the settings, too. */
void ms_setup_sync(struct ms_tui *tui)
{
    double *values = tui->settings.values;
    if (tui->glyphs_by_key) {
        values[MS_SETTING_GLYPHS] = 1 + (int)tui->glyphs;
    }
    values[MS_SETTING_SCHEME] = tui->scheme;
    values[MS_SETTING_MOUSE] = tui->mouse;
    values[MS_SETTING_SHAPE] = tui->table;
    values[MS_SETTING_SORT] = (double)tui->threads.order;
}

void ms_setup_apply(struct ms_tui *tui)
{
    const double *values = tui->settings.values;
    const int glyphs = (int)values[MS_SETTING_GLYPHS];
    tui->glyphs = glyphs == 0 ? tui->glyphs_of_terminal : (enum ms_glyphs)(glyphs - 1);
    tui->glyphs_by_key = false;
    tui->scheme = (enum ms_scheme)values[MS_SETTING_SCHEME];
    tui->mouse = values[MS_SETTING_MOUSE] != 0;
    tui->table = values[MS_SETTING_SHAPE] != 0;
    if (tui->threads.order != (size_t)values[MS_SETTING_SORT]) {
        ms_listing_sort_by(&tui->threads, (size_t)values[MS_SETTING_SORT]);
    }
}

static void init(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    ms_setup_sync(tui);
    tui->setup.why[0] = '\0';
}

/* A line of the list: a setting, or the heading of a section. */
struct line {
    const char *section; /* NULL: a setting */
    enum ms_setting setting;
};

static size_t lines_of(struct line lines[LINES_MAX], size_t chosen, size_t *at)
{
    const char *section = "";
    size_t count = 0;
    for (int id = 0; id < MS_SETTING_TOTAL; id++) {
        const struct ms_setting_info *info = ms_setting_info((enum ms_setting)id);
        if (strcmp(info->section, section) != 0) {
            section = info->section;
            lines[count++] = (struct line){.section = section};
        }
        *at = (size_t)id == chosen ? count : *at;
        lines[count++] = (struct line){.setting = (enum ms_setting)id};
    }
    return count;
}

static void draw_setting(const struct ms_tui *tui, struct ms_grid *grid, int row,
                         struct ms_area area, enum ms_setting setting)
{
    const struct ms_setting_info *info = ms_setting_info(setting);
    const bool chosen = tui->setup.chosen == (size_t)setting;
    const bool standard = ms_settings_is_default(&tui->settings, setting);
    const int width = area.columns - VALUE_COLUMN;
    char value[2048];
    ms_settings_text(&tui->settings, setting, value, sizeof value);
    ms_grid_pen(grid, chosen ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT,
                chosen ? MS_ATTRIBUTE_BOLD : 0);
    ms_grid_put(grid, row, area.column, 1, chosen ? ms_theme_pointer(tui) : " ");
    ms_grid_put(grid, row, area.column + 2, NAME_WIDTH, info->name);
    if (chosen && tui->typing == MS_TYPING_SETTING) {
        const char *text = tui->setup.entry.text;
        const int needed = ms_grid_text_width(grid, text);
        const int used =
            ms_grid_put_bytes(grid, row, area.column + VALUE_COLUMN, width - 1, text, strlen(text),
                              needed > width - 1 ? needed - width + 1 : 0);
        ms_grid_put(grid, row, area.column + VALUE_COLUMN + used, 1,
                    ms_theme_ascii(tui) ? "_" : "\u2588");
        return;
    }
    if (!chosen) {
        ms_grid_pen(grid, standard ? MS_COLOUR_DIM : MS_COLOUR_TITLE, 0);
    }
    int used = ms_grid_put(grid, row, area.column + VALUE_COLUMN, width, value);
    if (info->kind == MS_SETTING_NUMBER) {
        ms_grid_put(grid, row, area.column + VALUE_COLUMN + used + 1, width - used - 1, info->unit);
    }
}

/* What the marked setting means, what it may be, and what was wrong with what was typed. */
static void draw_foot(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area)
{
    const struct ms_setting_info *info = ms_setting_info((enum ms_setting)tui->setup.chosen);
    char text[512];
    ms_theme_rule(tui, grid, area.row, area.column, area.columns);
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    ms_grid_put(grid, area.row + 1, area.column, area.columns, info->meaning);
    if (tui->setup.why[0] != '\0') {
        ms_grid_pen(grid, MS_COLOUR_ERROR, 0);
        ms_grid_put(grid, area.row + 2, area.column, area.columns, tui->setup.why);
        return;
    }
    if (info->kind == MS_SETTING_NUMBER) {
        snprintf(text, sizeof text, "%g to %g %s, default %s", info->low, info->high, info->unit,
                 info->standard);
    } else if (info->kind == MS_SETTING_CHOICE) {
        snprintf(text, sizeof text, "%s, default %s", info->unit, info->standard);
    } else if (info->kind == MS_SETTING_COLOUR) {
        snprintf(text, sizeof text, "scheme, terminal, a name, or 0 to 255");
    } else {
        snprintf(text, sizeof text, "default %s", info->standard);
    }
    ms_grid_pen(grid, MS_COLOUR_DIM, 0);
    ms_grid_put(grid, area.row + 2, area.column, area.columns, text);
}

static void draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    struct line lines[LINES_MAX];
    size_t at = 0;
    const size_t count = lines_of(lines, tui->setup.chosen, &at);
    const struct ms_area area =
        ms_theme_frame(tui, grid, ms_dialog_area(view, (int)count + FOOT_ROWS + 2, 100), "setup");
    const int shown = area.rows - FOOT_ROWS > 1 ? area.rows - FOOT_ROWS : 1;
    if (at < tui->setup.top + 1) {
        tui->setup.top = at > 0 ? at - 1 : 0; /* with the heading above it */
    } else if (at >= tui->setup.top + (size_t)shown) {
        tui->setup.top = at - (size_t)shown + 1;
    }
    if (tui->setup.top + (size_t)shown > count) {
        tui->setup.top = count > (size_t)shown ? count - (size_t)shown : 0;
    }
    for (int i = 0; i < shown && tui->setup.top + (size_t)i < count; i++) {
        const struct line *line = &lines[tui->setup.top + (size_t)i];
        if (line->section != NULL) {
            ms_grid_pen(grid, MS_COLOUR_TITLE, MS_ATTRIBUTE_BOLD);
            ms_grid_put(grid, area.row + i, area.column, area.columns, line->section);
        } else {
            draw_setting(tui, grid, area.row + i, area, line->setting);
        }
    }
    if (area.rows > FOOT_ROWS) {
        struct ms_area foot = area;
        foot.row += area.rows - FOOT_ROWS;
        draw_foot(tui, grid, foot);
    }
}

static void changed(struct ms_tui *tui, struct ms_command *command)
{
    ms_setup_apply(tui);
    command->type = MS_COMMAND_SETTINGS;
}

static void step(struct ms_tui *tui, int by, struct ms_command *command)
{
    const enum ms_setting setting = (enum ms_setting)tui->setup.chosen;
    if (ms_setting_info(setting)->kind == MS_SETTING_METRICS) {
        snprintf(tui->setup.why, sizeof tui->setup.why, "Enter, then type the names");
        return;
    }
    ms_settings_step(&tui->settings, setting, by);
    changed(tui, command);
}

void ms_setup_typed(struct ms_tui *tui, struct ms_command *command)
{
    if (ms_settings_set(&tui->settings, (enum ms_setting)tui->setup.chosen, tui->setup.entry.text,
                        tui->setup.why, sizeof tui->setup.why)) {
        tui->setup.why[0] = '\0';
        changed(tui, command);
    }
}

static void move(struct ms_tui *tui, long by)
{
    const long last = MS_SETTING_TOTAL - 1;
    long chosen = (long)tui->setup.chosen + by;
    chosen = chosen < 0 ? 0 : chosen > last ? last : chosen;
    tui->setup.chosen = (size_t)chosen;
}

static void key(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command)
{
    (void)input;
    char value[2048];
    const enum ms_setting setting = (enum ms_setting)tui->setup.chosen;
    const long page = view->rows > 8 ? view->rows - 8 : 1;
    tui->setup.why[0] = '\0';
    switch (action) {
    case MS_ACTION_CANCEL:
        tui->dialog = NULL;
        break;
    case MS_ACTION_UP:
    case MS_ACTION_DOWN:
        move(tui, action == MS_ACTION_UP ? -1 : 1);
        break;
    case MS_ACTION_PAGE_UP:
    case MS_ACTION_PAGE_DOWN:
        move(tui, action == MS_ACTION_PAGE_UP ? -page : page);
        break;
    case MS_ACTION_FIRST:
    case MS_ACTION_LAST:
        move(tui, action == MS_ACTION_FIRST ? -MS_SETTING_TOTAL : MS_SETTING_TOTAL);
        break;
    case MS_ACTION_LEFT:
    case MS_ACTION_RIGHT:
        step(tui, action == MS_ACTION_LEFT ? -1 : 1, command);
        break;
    case MS_ACTION_ENTER:
        if (ms_setting_info(setting)->kind == MS_SETTING_CHOICE) {
            step(tui, 1, command);
        } else {
            ms_entry_set(&tui->setup.entry,
                         ms_settings_text(&tui->settings, setting, value, sizeof value));
            tui->typing = MS_TYPING_SETTING;
        }
        break;
    case MS_ACTION_DEFAULT:
        (void)ms_settings_set(&tui->settings, setting, ms_setting_info(setting)->standard,
                              tui->setup.why, sizeof tui->setup.why);
        changed(tui, command);
        break;
    default:
        break;
    }
}

const struct ms_screen ms_dialog_setup = {
    .place = MS_PLACE_SETUP, .init = init, .draw = draw, .key = key};
