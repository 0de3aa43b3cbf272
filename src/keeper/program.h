/*
 * The child that becomes the program: descriptors, terminal, environment, signals and limits just
 * as the viewer itself was started with them.
 */
#ifndef MS_KEEPER_PROGRAM_H
#define MS_KEEPER_PROGRAM_H

#include <stdnoreturn.h>
#include <sys/resource.h>

#include "keeper/keeper.h"

struct ms_program_start {
    const struct ms_keeper_options *options;
    const char *directory;          /* of the sockets: with our pid it makes the session's path */
    int go;                         /* read end: a byte comes when the socket listens, or an end */
    int failed;                     /* write end, close-on-exec: errno of a failed exec goes here */
    int probe_socket;               /* to be inherited, -1 without a probe */
    int terminal_slave;             /* -1: descriptors 0 to 2 stay as they are */
    struct rlimit files, file_size; /* as they were before the keeper raised its own */
};

/* Runs in the child; never returns. */
noreturn void ms_program_become(const struct ms_program_start *start);

/*
 * In the keeper: ignores every signal that may be ignored, so that what is meant for the program
 * or for the viewer's terminal does not end it.
 */
void ms_signals_ignore(void);

#endif
