/* Soft limits of a process by setrlimit: /proc/PID/limits, which anybody may read. */
#ifndef MS_COLLECT_RESOURCE_LIMITS_H
#define MS_COLLECT_RESOURCE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/resources.h"

/* False when a line that is wanted is missing or damaged: *out is as it was. */
bool ms_resource_limits_parse(const char *text, size_t bytes, struct ms_resource_limits *out);

/* Returns 0 or -errno; -EPROTO: it is written in a way that is not known. */
int ms_resource_limits_read(int folder, struct ms_resource_limits *out);

#endif
