/* What the probe counted of I/O: of threads into their ms_thread_io, of callers into activity. */
#ifndef MS_COLLECT_IO_H
#define MS_COLLECT_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/region_reader.h"
#include "collect/sites.h"
#include "collect/threads.h"
#include "model/model.h"

struct ms_watched_io; /* of one process; opaque */

struct ms_watched_io *ms_watched_io_new(void);     /* NULL: no memory */
void ms_watched_io_free(struct ms_watched_io *io); /* accepts NULL */

/*
 * Takes over the lines of I/O that changed, after the records of threads were read; with `all` also
 * says of threads without lines that they have done none. Sets MS_SOURCE_PROBE_IO. Returns 0 or
 * -ENOMEM.
 */
int ms_watched_io_threads(struct ms_watched_io *io, struct ms_model *model,
                          const struct ms_region_view *view,
                          const struct ms_watched_threads *threads,
                          const struct ms_region_facts *facts, uint64_t now_ns, bool all);

/*
 * Adds what call sites of I/O grew by to the activity of the model. `last`: nothing will become
 * readable later. `symbols` may be NULL. Returns 0 or -ENOMEM.
 */
int ms_watched_io_sites(struct ms_watched_io *io, struct ms_model *model,
                        const struct ms_region_view *view, const struct ms_watched_threads *threads,
                        struct ms_watched_sites *sites, struct ms_symbols *symbols, bool last);

#endif
