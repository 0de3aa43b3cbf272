/*
 * May the probe go into a process that runs this file? Asked before every exec, perhaps in a vfork
 * child or a signal handler: no allocation, no lock, no static data, errno changed freely.
 * What is in doubt is left alone: an untracked child is better than one that dies in its loader.
 */
#ifndef MS_PROBE_TARGET_H
#define MS_PROBE_TARGET_H

#include <stdbool.h>

#include "probe/real.h"

/* How the kernel or libc treats a file without ELF header or #! line. */
enum ms_target_unknown {
    MS_TARGET_UNKNOWN_FAILS, /* execve: ENOEXEC, or an interpreter of binfmt_misc */
    MS_TARGET_UNKNOWN_SHELL  /* execvp: /bin/sh runs it */
};

/* `path` relative to `directory` (AT_FDCWD), `flags` of execveat (AT_SYMLINK_NOFOLLOW). */
MS_HIDDEN bool ms_target_suitable(int directory, const char *path, int flags,
                                  enum ms_target_unknown unknown);

/* `file` searched in PATH as execvp does. */
MS_HIDDEN bool ms_target_suitable_in_path(const char *file, enum ms_target_unknown unknown);

/* The file open at `descriptor`, for reading or with O_PATH. */
MS_HIDDEN bool ms_target_suitable_descriptor(int descriptor);

#endif
