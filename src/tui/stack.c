#include "tui/stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"

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
    const struct ms_frame *frame = ms_site_frame(site, ms_site_culprit(site));
    ms_format_frame(name, name_size, frame);
    ms_stack_frame_place(frame, place, place_size);
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
    for (uint32_t i = (uint32_t)ms_site_culprit(site); i < site->depth && row < end; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL && row < end;
             frame = frame->inlined_by) {
            char name[512];
            char place[256];
            ms_format_frame(name, sizeof name, frame);
            ms_stack_frame_place(frame, place, sizeof place);
            const int place_width = columns >= 72 ? columns / 3 : 0;
            ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
            ms_grid_put(grid, row, 4, columns - place_width - 6, name);
            ms_grid_pen(grid, MS_COLOUR_DIM, 0);
            ms_grid_put(grid, row, columns - place_width, place_width, place);
            row++;
        }
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return row;
}
