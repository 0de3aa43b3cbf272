/*
 * Client of the symbolizer: frames of the model go in, and get their names some time later. The
 * worker is restarted when it dies or does not answer for 5 s; the question it died of stays
 * unanswered. After a few restarts it is left alone: module+0x1f is a proper name.
 */
#ifndef MS_COLLECT_SYMBOLS_H
#define MS_COLLECT_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/model.h"

struct ms_symbols; /* opaque */

/* Forks the worker: to be called before anything large is mapped. NULL: no memory. A worker that
 * cannot be started costs the names only. */
struct ms_symbols *ms_symbols_start(void);
void ms_symbols_free(struct ms_symbols *symbols); /* ends the worker; accepts NULL */

/*
 * Makes a module known. `path` must live as long as `symbols`. `build_id_bytes` <= MS_BUILD_ID_MAX.
 * Returns its number for ms_symbols_ask, from 1; 0 without memory.
 */
uint32_t ms_symbols_module(struct ms_symbols *symbols, pid_t pid, const char *path,
                           const uint8_t *build_id, size_t build_id_bytes);

/* Queues a frame whose `file_offset` is set. It must live as long as `symbols`. 0 or -ENOMEM. */
int ms_symbols_ask(struct ms_symbols *symbols, struct ms_frame *frame, uint32_t module);

/* Reads answers into frames and `model`, sends what waits, restarts the worker if need be. */
void ms_symbols_handle(struct ms_symbols *symbols, struct ms_model *model, uint64_t now_ns);

size_t ms_symbols_pending(const struct ms_symbols *symbols);  /* frames without an answer yet */
int ms_symbols_descriptor(const struct ms_symbols *symbols);  /* to poll for POLLIN, -1: none */
uint64_t ms_symbols_cpu_ns(const struct ms_symbols *symbols); /* of all workers so far */
pid_t ms_symbols_worker(const struct ms_symbols *symbols);    /* -1: none */

#endif
