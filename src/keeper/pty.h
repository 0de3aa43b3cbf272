/*
 * The program's own terminal. The keeper is the leader of its session, the program the foreground
 * group in it, as under a shell: the end of the program hangs nothing up.
 */
#ifndef MS_KEEPER_PTY_H
#define MS_KEEPER_PTY_H

#include "keeper/session.h"

/*
 * Opens a pair and makes it the controlling terminal of the caller, who must lead a session.
 * Bytes pass as written (no CR before LF). Returns 0 or -errno.
 */
int ms_pty_open(unsigned rows, unsigned columns, int *master, int *slave);

/* Moves what the program wrote into the ring and the tee, a bounded amount a call. */
void ms_pty_drain(struct ms_keeper *keeper);

/* Bytes from a viewer. What does not fit is dropped, as a terminal does with typed-ahead input. */
void ms_pty_input(struct ms_keeper *keeper, const char *bytes, size_t count);
/* Tries again with what waits. */
void ms_pty_flush_input(struct ms_keeper *keeper);

void ms_pty_window_size(const struct ms_keeper *keeper, unsigned rows, unsigned columns);

/* Gives up the terminal without a SIGHUP to those still in its foreground group. */
void ms_pty_release(struct ms_keeper *keeper);

#endif
