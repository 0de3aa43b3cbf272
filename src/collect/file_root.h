/*
 * Files as a watched process sees them. One in a container has another root; that is opened when
 * the process is heard of first and kept, so that its files are still found when it has ended.
 */
#ifndef MS_COLLECT_FILE_ROOT_H
#define MS_COLLECT_FILE_ROOT_H

#include <stddef.h>
#include <stdint.h>

#define MS_FILE_ROOTS_MAX 32u /* other roots that are kept; of the next ones the oldest goes */

struct ms_file_root { /* zeroed: our own root */
    int descriptor;   /* O_PATH on the folder, valid when `pinned` */
    int name_space;   /* keeps its mounts together; -1: not allowed */
    uint64_t device, inode, mounts;
    int pinned;
    uint32_t pids[8]; /* of processes seen in it, newest first */
};

struct ms_file_roots {
    struct ms_file_root own;
    struct ms_file_root others[MS_FILE_ROOTS_MAX];
    size_t next;
};

/* The root of a process, `own` when it is ours, or when it cannot be told any more. */
const struct ms_file_root *ms_file_roots_of(struct ms_file_roots *roots, uint32_t pid);
void ms_file_roots_close(struct ms_file_roots *roots);

/* Opens a regular file for reading, never blocking; links stay within the root. -1: not there. */
int ms_file_root_open(const struct ms_file_root *root, const char *path);

/* The name of an open file within the root, links resolved; "" not known. */
void ms_file_root_name(const struct ms_file_root *root, int descriptor, char *name, size_t size);

#endif
