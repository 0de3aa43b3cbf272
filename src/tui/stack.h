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
 * A heading and below it the frames of a site from the one to blame outwards, inlined ones too, in
 * rows `row` to `end` - 1. `site` may be NULL. Returns the row behind.
 */
int ms_stack_draw(const struct ms_tui *tui, struct ms_grid *grid, int row, int end,
                  const char *heading, const struct ms_site *site);

#endif
