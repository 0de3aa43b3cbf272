/*
 * A file for speedscope (https://www.speedscope.app): one sampled profile for each weight that is
 * not 0, that of --weight first, and of that one another for each thread when there are few.
 *
 * Streams; call stacks are walked again for each profile. Memory: a name for each function.
 */
#ifndef MS_EXPORT_SPEEDSCOPE_H
#define MS_EXPORT_SPEEDSCOPE_H

#include "export/export.h"

#define MS_SPEEDSCOPE_THREADS_MAX 32u
#define MS_SPEEDSCOPE_SITES_MAX   20000u /* with more there are no profiles of threads */

/* 0 or -errno. */
int ms_speedscope_write(FILE *out, const struct ms_model *model,
                        const struct ms_export_options *options);

#endif
