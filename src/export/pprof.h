/*
 * A profile for pprof and everything that reads its profile.proto, gzipped: inuse_space,
 * inuse_objects, alloc_space and alloc_objects by call stack and thread, and cpu when CPU time was
 * sampled. Since a profile has one period, that of `cpu` is told in a comment.
 *
 * Streams. Memory: 8 bytes for each frame, and the names of functions and files.
 */
#ifndef MS_EXPORT_PPROF_H
#define MS_EXPORT_PPROF_H

#include "export/export.h"

/* 0 or -errno. */
int ms_pprof_write(FILE *out, const struct ms_model *model,
                   const struct ms_export_options *options);

#endif
