/* The call sites of one process: contexts of the region into sites, usages and frames. */
#ifndef MS_COLLECT_SITES_H
#define MS_COLLECT_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/region_reader.h"
#include "collect/shared_code.h"
#include "collect/symbols.h"
#include "collect/threads.h"
#include "model/model.h"

struct ms_watched_sites; /* opaque */

/* Whether it is our library inside the program: none of its functions. */
bool ms_is_probe_path(const char *path);

/* `code` outlives it and may be NULL: frames are its own. Returns NULL without memory. */
struct ms_watched_sites *ms_watched_sites_new(uint32_t process_id, pid_t pid,
                                              struct ms_shared_code *code);
void ms_watched_sites_free(struct ms_watched_sites *sites); /* accepts NULL */

/*
 * Site of a stack that an allocation or, with `released`, a release was made from: a stack from
 * which nothing was allocated so far gets a site with MS_SITE_RELEASE for it. 0: not readable yet,
 * or no memory. `symbols` may be NULL.
 */
uint32_t ms_watched_sites_of_stack(struct ms_watched_sites *sites, struct ms_model *model,
                                   const struct ms_region_view *view, struct ms_symbols *symbols,
                                   uint32_t stack, bool released);

/*
 * Site of a stack at which something else than memory was done; a stack without one gets a site
 * with MS_SITE_ACTIVITY, stack 0 (not known) the root. 0: not readable yet, or no memory.
 */
uint32_t ms_watched_sites_of_activity(struct ms_watched_sites *sites, struct ms_model *model,
                                      const struct ms_region_view *view, struct ms_symbols *symbols,
                                      uint32_t stack);

/*
 * Looks at every published context and takes over those that changed, what was live at the peak as
 * of the epoch in `facts`. `last`: the process has ended, so all of them once more; nothing will
 * become readable later. `symbols` may be NULL. Returns 0 or -ENOMEM.
 */
int ms_watched_sites_read(struct ms_watched_sites *sites, struct ms_model *model,
                          const struct ms_region_view *view,
                          const struct ms_watched_threads *threads, struct ms_symbols *symbols,
                          const struct ms_region_facts *facts, bool last);

/*
 * Whose context it is, in ids of the model: *thread_id, *site_id, 0: not known. The site is made
 * when there is none of its stack yet. For the trace, whose events come before contexts are read.
 */
void ms_watched_sites_of_context(struct ms_watched_sites *sites, struct ms_model *model,
                                 const struct ms_region_view *view,
                                 const struct ms_watched_threads *threads,
                                 struct ms_symbols *symbols, uint32_t context, uint32_t *thread_id,
                                 uint32_t *site_id);

#endif
