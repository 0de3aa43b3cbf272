/*
 * Client of the symbolizer: frames of the model go in and get their names some time later. First
 * all get the function by the symbol table, which is quick; then lines and inlined functions; with
 * debuginfod, what is missing still is asked for by a second worker, which may wait for the
 * network. What weighs most goes first.
 *
 * A worker that dies or does not answer for 5 s (10 and 20 s when asked again) is replaced. The
 * question it died of is lost, a module that it died of three times is set aside with its reason,
 * all others go on.
 */
#ifndef MS_COLLECT_SYMBOLS_H
#define MS_COLLECT_SYMBOLS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/model.h"
#include "model/module.h"

struct ms_symbols; /* opaque */

struct ms_symbols_options {
    const char *cache_folder; /* as of symbol_cache.h; NULL or "": no cache. Copied. */
    bool debuginfod;
    size_t name_bytes; /* of memory for names in the model, more are not kept; 0: 512 MiB */
};

/* Forks the worker: to be called before anything large is mapped. NULL: no memory. A worker that
 * cannot be started costs the names only. `options` NULL: neither cache nor network. */
struct ms_symbols *ms_symbols_start(const struct ms_symbols_options *options);
void ms_symbols_free(struct ms_symbols *symbols); /* ends the workers; accepts NULL */

/*
 * Makes a module known, to the model too; the worker opens it soon, while its process is there.
 * `path` must live as long as `symbols`. `build_id_bytes` <= MS_BUILD_ID_MAX. Returns its number
 * for ms_symbols_ask, from 1; 0 without memory.
 */
uint32_t ms_symbols_module(struct ms_symbols *symbols, struct ms_model *model, pid_t pid,
                           const char *path, const uint8_t *build_id, size_t build_id_bytes);

/* Queues a frame whose `file_offset` is set, before those of less `bytes`. It must live as long as
 * `symbols`. Sets its module_id. 0 or -ENOMEM. */
int ms_symbols_ask(struct ms_symbols *symbols, struct ms_frame *frame, uint32_t module,
                   uint64_t bytes);

/* Reads answers into frames and `model`, sends what waits, restarts a worker if need be. */
void ms_symbols_handle(struct ms_symbols *symbols, struct ms_model *model, uint64_t now_ns);

size_t ms_symbols_pending(const struct ms_symbols *symbols); /* frames without all their names */
/* To poll for POLLIN; fills at most `capacity` (2 are enough), returns how many. */
size_t ms_symbols_poll_fds(const struct ms_symbols *symbols, struct pollfd *fds, size_t capacity);
uint64_t ms_symbols_cpu_ns(const struct ms_symbols *symbols); /* of all workers so far */
pid_t ms_symbols_worker(const struct ms_symbols *symbols); /* the one without network; -1: none */

#endif
