/* The misuses that the probe of one process counted, into the model. */
#ifndef MS_COLLECT_MISUSE_H
#define MS_COLLECT_MISUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/region_reader.h"
#include "collect/sites.h"
#include "collect/symbols.h"
#include "collect/threads.h"
#include "model/model.h"

struct ms_watched_misuse; /* opaque */

/* Where to and where from. */
struct ms_watched_misuse_room {
    struct ms_model *model;
    const struct ms_region_view *view;
    const struct ms_watched_threads *threads;
    struct ms_watched_sites *sites; /* NULL: call sites are not wanted */
    struct ms_symbols *symbols;     /* may be NULL */
};

struct ms_watched_misuse *ms_watched_misuse_new(uint32_t process_id); /* NULL: no memory */
void ms_watched_misuse_free(struct ms_watched_misuse *misuse);        /* accepts NULL */

/*
 * Takes over what changed since the last call, by `misuses` of the header; nothing is looked at
 * when that is what it was. `last`: the process has ended, so all of it once more. Returns 0 or
 * -ENOMEM.
 */
int ms_watched_misuse_read(struct ms_watched_misuse *misuse,
                           const struct ms_watched_misuse_room *room, uint32_t misuses, bool last);

#endif
