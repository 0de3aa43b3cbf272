/* Call sites and call stacks in words, the same on every screen. */
#ifndef MS_TUI_STACK_H
#define MS_TUI_STACK_H

#include <stddef.h>

#include "tui/screen.h"

/* "orders.cpp:31", "" when the line is not known. Not neutralised, like all names here. */
void ms_stack_frame_place(const struct ms_frame *frame, char *out, size_t size);

/* The frame to blame and its place; `site` NULL or without a stack: "(no stack)". */
void ms_stack_site_name(const struct ms_site *site, char *name, size_t name_size, char *place,
                        size_t place_size);

/*
 * Levels of a stack: its functions, innermost first, inlined ones as levels of their own.
 */
#define MS_STACK_NO_LEVEL UINT32_MAX
uint32_t ms_stack_levels(const struct ms_site *site);
const struct ms_frame *ms_stack_level(const struct ms_site *site, uint32_t level); /* or NULL */
uint32_t ms_stack_culprit(const struct ms_site *site); /* the level to blame */
/* The first level that is no library's; the one to blame when all are. */
uint32_t ms_stack_own(const struct ms_site *site, const struct ms_model *model);

/* "/src/orders.cpp:31", or the module when the line is not known; "" when it is in the name. */
void ms_stack_frame_path(const struct ms_frame *frame, char *out, size_t size);

/*
 * Levels from `first` on, one a row; `marked` is one of them or MS_STACK_NO_LEVEL. `paths`: with
 * whole paths. Returns the rows used.
 */
int ms_stack_draw_levels(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                         const struct ms_site *site, uint32_t first, uint32_t marked, bool paths);

/*
 * A heading and below it the frames of a site from the one to blame outwards, inlined ones too, in
 * rows `row` to `end` - 1. `site` may be NULL. Returns the row behind.
 */
int ms_stack_draw(const struct ms_tui *tui, struct ms_grid *grid, int row, int end,
                  const char *heading, const struct ms_site *site);

#endif
