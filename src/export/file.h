/* The way into a file of whatever is written as a whole. */
#ifndef MS_EXPORT_FILE_H
#define MS_EXPORT_FILE_H

#include <stdbool.h>
#include <stdio.h>

/* Returns 0 or -errno; the stream is flushed, not closed. */
typedef int ms_file_writer(FILE *out, const void *context);

/*
 * To `path` by way of a file in the same folder that has no name until it is whole, so that a full
 * disk, a kill or a cancel leaves no half file and what was there before; where the file system has
 * no such files (NFS), one called PATH.part-XXXXXX, which only a kill leaves behind. "-": standard
 * output; a pipe or terminal is written to as it is. `overwrite`: false gives -EEXIST for an
 * existing file. 0 or -errno.
 */
int ms_file_write(const char *path, bool overwrite, ms_file_writer *write, const void *context);

/* Is a file there, which writing to `path` would replace? Pipes and devices are not replaced. */
bool ms_file_replaces(const char *path);

#endif
