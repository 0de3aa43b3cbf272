/*
 * Debug information from the servers in DEBUGINFOD_URLS, by libdebuginfod, which is loaded when it
 * is asked for first. It waits for the network: only for a worker that nobody else waits for.
 */
#ifndef MS_COLLECT_DEBUGINFOD_H
#define MS_COLLECT_DEBUGINFOD_H

#include <stddef.h>
#include <stdint.h>

#define MS_DEBUGINFOD_LIMIT_S 60 /* for one file; then it is given up */

/* NULL: it can be asked. Else why not, for people. */
const char *ms_debuginfod_missing(void);

/* Returns a descriptor of the file (in libdebuginfod's own cache), -1: not to be had in time. */
int ms_debuginfod_fetch(const uint8_t *build_id, size_t build_id_bytes);

#endif
