/*
 * The open files of a process by kind: /proc/PID/fd. Sockets are kept with their inodes, by which
 * sockets.h finds what they are.
 */
#ifndef MS_COLLECT_OPEN_FILES_H
#define MS_COLLECT_OPEN_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/resources.h"

struct ms_open_socket {
    uint64_t inode;
    uint32_t descriptor; /* the lowest of them */
};

struct ms_open_sockets {
    struct ms_open_socket *all; /* by inode, each once */
    size_t count, capacity;
};

enum ms_open_file_kind {
    MS_OPEN_FILE, /* has a path: files, folders, devices, named pipes */
    MS_OPEN_SOCKET,
    MS_OPEN_PIPE,
    MS_OPEN_OTHER /* epoll, eventfd, timers, memfd and the like */
};

/* What the link of a descriptor says; of a socket and a pipe its inode. */
enum ms_open_file_kind ms_open_file_kind(const char *link, uint64_t *inode);

/*
 * Counts what is open now and fills `sockets`, scratch that is kept. `folder` is /proc/PID. Returns
 * 0 or -errno, then *out is as it was; -ESRCH: the process is over, or its first thread.
 */
int ms_open_files_read(int folder, struct ms_open_sockets *sockets, struct ms_open_files *out);
void ms_open_sockets_free(struct ms_open_sockets *sockets);

#endif
