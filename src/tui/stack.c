#include "tui/stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/short_name.h"

uint32_t ms_stack_levels(const struct ms_site *site)
{
    uint32_t levels = 0;
    for (uint32_t i = 0; i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            levels++;
        }
    }
    return levels;
}

const struct ms_frame *ms_stack_level(const struct ms_site *site, uint32_t level)
{
    for (uint32_t i = 0; i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            if (level-- == 0) {
                return frame;
            }
        }
    }
    return NULL;
}

uint32_t ms_stack_culprit(const struct ms_site *site)
{
    const size_t culprit = ms_site_culprit(site);
    uint32_t level = 0;
    for (size_t i = 0; i < culprit && i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            level++;
        }
    }
    return level;
}

uint32_t ms_stack_own(const struct ms_site *site, const struct ms_model *model)
{
    const struct ms_process *process = ms_model_process_by_id(model, site->process_id);
    const uint32_t culprit = ms_stack_culprit(site);
    const uint32_t levels = ms_stack_levels(site);
    for (uint32_t level = culprit; process != NULL && level < levels; level++) {
        const struct ms_frame *frame = ms_stack_level(site, level);
        if (frame->module[0] != '\0' && !ms_frame_is_library(frame, process)) {
            return level;
        }
    }
    return culprit;
}

void ms_stack_frame_place(const struct ms_frame *frame, char *out, size_t size)
{
    if (frame->file[0] == '\0') {
        out[0] = '\0';
        return;
    }
    const char *slash = strrchr(frame->file, '/');
    snprintf(out, size, "%.200s:%" PRIu32, slash != NULL ? slash + 1 : frame->file, frame->line);
}

void ms_stack_site_name(const struct ms_site *site, char *name, size_t name_size, char *place,
                        size_t place_size)
{
    place[0] = '\0';
    if (site == NULL || site->depth == 0) {
        snprintf(name, name_size, "(no stack)");
        return;
    }
    const struct ms_frame *frame = ms_site_culprit_frame(site);
    ms_format_frame(name, name_size, frame);
    ms_stack_frame_place(frame, place, place_size);
}

void ms_stack_frame_path(const struct ms_frame *frame, char *out, size_t size)
{
    out[0] = '\0';
    if (frame->file[0] != '\0' && frame->line != 0) {
        snprintf(out, size, "%.1000s:%" PRIu32, frame->file, frame->line);
    } else if (frame->file[0] != '\0' || frame->function[0] != '\0') {
        snprintf(out, size, "%s", frame->file[0] != '\0' ? frame->file : frame->module);
    }
}

/* The end of a path says more than its beginning. */
static void put_end(const struct ms_tui *tui, struct ms_grid *grid, int row, int column, int width,
                    const char *text)
{
    const int needed = ms_grid_text_width(grid, text);
    if (needed <= width) {
        ms_grid_put(grid, row, column, width, text);
        return;
    }
    const char *sign = ms_short_name_sign(ms_theme_ascii(tui));
    const int used = ms_grid_put(grid, row, column, width, sign);
    ms_grid_put_bytes(grid, row, column + used, width - used, text, strlen(text),
                      needed - width + used);
}

int ms_stack_draw_levels(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                         const struct ms_site *site, uint32_t first, uint32_t marked, bool paths)
{
    const int part = paths ? area.columns / 2 : area.columns / 3;
    const int place_width = area.columns >= 72 ? part : 0;
    const uint32_t levels = ms_stack_levels(site);
    int row = 0;
    for (uint32_t level = first; level < levels && row < area.rows; level++, row++) {
        const struct ms_frame *frame = ms_stack_level(site, level);
        const bool here = level == marked;
        char name[4096];
        char cut[1024];
        char place[1200];
        ms_format_frame(name, sizeof name, frame);
        if (paths) {
            ms_stack_frame_path(frame, place, sizeof place);
        } else {
            ms_stack_frame_place(frame, place, sizeof place);
        }
        ms_grid_pen(grid, here ? MS_COLOUR_SELECTED : MS_COLOUR_DEFAULT,
                    here ? MS_ATTRIBUTE_BOLD : 0);
        if (here) {
            ms_grid_put(grid, area.row + row, area.column, 1, ms_theme_pointer(tui));
        }
        const int name_width = area.columns - place_width - 6;
        ms_short_name(cut, sizeof cut, name, name_width, ms_theme_ascii(tui));
        ms_grid_put(grid, area.row + row, area.column + 4, name_width, cut);
        ms_grid_pen(grid, MS_COLOUR_DIM, 0);
        put_end(tui, grid, area.row + row, area.column + area.columns - place_width, place_width,
                place);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return row;
}

int ms_stack_draw(const struct ms_tui *tui, struct ms_grid *grid, int row, int end,
                  const char *heading, const struct ms_site *site)
{
    const int columns = ms_grid_columns(grid);
    ms_theme_heading(tui, grid, row++, 0, columns, heading);
    if (site == NULL || site->depth == 0) {
        ms_grid_put(grid, row, 4, columns - 4, "(no stack)");
        return row + 1;
    }
    const struct ms_area area = {.row = row, .rows = end - row, .columns = columns};
    return row + ms_stack_draw_levels(tui, grid, area, site, ms_stack_culprit(site),
                                      MS_STACK_NO_LEVEL, false);
}
