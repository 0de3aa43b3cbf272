/*
 * Fills ms_process.resources: when what is looked at. What several processes share (the list of
 * sockets, the files of control groups, time for memory maps) is looked at once.
 */
#ifndef MS_COLLECT_RESOURCES_H
#define MS_COLLECT_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_shared_resources; /* opaque: of a session */

struct ms_shared_resources *ms_shared_resources_new(void); /* NULL: no memory */
void ms_shared_resources_free(struct ms_shared_resources *shared,
                              struct ms_descriptor_budget *budget); /* accepts NULL */

/*
 * Whether something that holds the memory lock of a process may be done now, by whomever; it took
 * `took_ns` then. All processes together get 0.2 % of the time.
 */
bool ms_shared_map_turn(const struct ms_shared_resources *shared, uint64_t now_ns);
void ms_shared_map_took(struct ms_shared_resources *shared, uint64_t now_ns, uint64_t took_ns);

struct ms_watched_resources; /* opaque: of a process */

struct ms_watched_resources *ms_watched_resources_new(void);          /* NULL: no memory */
void ms_watched_resources_free(struct ms_watched_resources *watched); /* accepts NULL */

/*
 * Reads what is due of a process that is alive; `folder` is its /proc/PID, `age_ns` how long it has
 * been watched. What could not be read keeps what it had, and the sources of the model say why.
 */
void ms_watched_resources_read(struct ms_watched_resources *watched,
                               struct ms_shared_resources *shared, struct ms_model *model,
                               struct ms_descriptor_budget *budget, int folder,
                               struct ms_process *process, uint64_t age_ns, uint64_t now_ns);

#endif
