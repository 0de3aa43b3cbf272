/* Signals of the viewer as a descriptor, so that one poll loop sees everything. */
#ifndef MS_CLI_SIGNALS_H
#define MS_CLI_SIGNALS_H

#include <stdbool.h>

/* Blocks INT TERM HUP QUIT USR1 USR2 and returns a non-blocking signalfd, or -errno. Call after the
 * program was started, so that it does not inherit the mask. */
int ms_signals_open(void);

/* Next pending signal, 0 when none. *by_terminal: the kernel sent it (Ctrl-C, hang-up). */
int ms_signals_next(int descriptor, bool *by_terminal);

#endif
