/*
 * Trace Event Format (JSON) for Perfetto and chrome://tracing: series of processes, threads and the
 * machine as counters, threads as slices of their lives, and what happened as instant events. Times
 * are microseconds since the session began.
 *
 * Streams. Of many processes and threads those of the highest peaks have counters, 50 each; of a
 * long session a counter has at most 3600 points. A counter keeps its value where nothing is known.
 * Of a recorded trace the first 100,000 events are instant events of their threads; one says where
 * they end.
 */
#ifndef MS_EXPORT_PERFETTO_H
#define MS_EXPORT_PERFETTO_H

#include "export/export.h"

/* 0 or -errno. */
int ms_perfetto_write(FILE *out, const struct ms_model *model,
                      const struct ms_export_options *options);

#endif
