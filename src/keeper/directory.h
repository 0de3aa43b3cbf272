/* Names of sockets in the folder of ms_keeper_directory. */
#ifndef MS_KEEPER_DIRECTORY_H
#define MS_KEEPER_DIRECTORY_H

#include <sys/types.h>

#include "keeper/keeper.h"

/* PID.sock in `directory`. Returns 0 or -ENAMETOOLONG. */
int ms_socket_path(const char *directory, pid_t program, char path[MS_SOCKET_PATH_MAX]);

#endif
