/*
 * The one door to ncurses: shows a grid, gives keys. Restores the terminal on every way out that
 * lets it, fatal signals included.
 */
#ifndef MS_TUI_TERMINAL_H
#define MS_TUI_TERMINAL_H

#include <stdbool.h>

#include "tui/grid.h"
#include "tui/settings.h"
#include "tui/tui.h"

struct ms_terminal; /* opaque */

/* Whether ms_terminal_open could work: 0, or its errors with *why in words. Changes nothing. */
int ms_terminal_check(const char **why);

/*
 * Opens /dev/tty (keys) and stdout (picture). Returns 0; -ENOTTY when there is no terminal,
 * -ENXIO when TERM is dumb or unknown (*why tells in words).
 */
int ms_terminal_open(struct ms_terminal **out, bool mouse, bool colours, const char **why);
void ms_terminal_close(struct ms_terminal *terminal); /* accepts NULL; restores the terminal */

int ms_terminal_fd(const struct ms_terminal *terminal); /* to poll for keys */
void ms_terminal_size(const struct ms_terminal *terminal, int *rows, int *columns);
/* The next key, or MS_KEY_NONE when none waits. Never blocks. */
struct ms_input ms_terminal_read(struct ms_terminal *terminal);
void ms_terminal_show(struct ms_terminal *terminal, const struct ms_grid *grid,
                      enum ms_scheme scheme);
void ms_terminal_redraw(struct ms_terminal *terminal); /* everything anew at the next show */
/* Colours in place of the scheme's: -1 the terminal's own, 0..255, MS_COLOUR_OF_SCHEME. Those of a
 * terminal with eight colours stay the scheme's where it does not have the number. */
void ms_terminal_set_colours(struct ms_terminal *terminal, const int colours[MS_COLOUR_COUNT]);
void ms_terminal_set_mouse(struct ms_terminal *terminal, bool on);
/* Gives the terminal back, stops this process (SIGTSTP), takes it again when continued. */
void ms_terminal_suspend(struct ms_terminal *terminal);
/* Gives the terminal back for another program to use, and takes it again after that. */
void ms_terminal_leave(struct ms_terminal *terminal);
void ms_terminal_return(struct ms_terminal *terminal);
/* Stops this process (SIGTSTP) as it is. */
void ms_terminal_stop(void);
/* Glyphs that this terminal can show: braille when the locale is UTF-8, else ASCII. */
enum ms_glyphs ms_terminal_glyphs(void);

#endif
