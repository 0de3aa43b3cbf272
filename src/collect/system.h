/*
 * Cores, load, memory and names of the machine. From /proc of our own mount namespace: in a
 * container it is what the container is shown.
 */
#ifndef MS_COLLECT_SYSTEM_H
#define MS_COLLECT_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_system_reader; /* opaque */

/* `proc` and `sys`: /proc and /sys but for tests; not copied. NULL: no memory. */
struct ms_system_reader *ms_system_reader_new(const char *proc, const char *sys);
void ms_system_reader_free(struct ms_system_reader *reader,
                           struct ms_descriptor_budget *budget); /* accepts NULL */

/* Names, number of cores, memory and the nodes of cores: once, before the first reading. */
void ms_system_identify(struct ms_system_reader *reader, struct ms_system *system);

/*
 * To be called once a tick; reads what is due: cores five times a second (once above 64 cores),
 * memory twice, load once. Loads of cores are over the last second: their source counts in steps
 * of 10 ms. Sets the source CORES.
 */
void ms_system_read(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                    struct ms_model *model, uint64_t now_ns);

/* Times of one core since boot, in ticks; `system` holds interrupts, `user` niced ones and guests.
 */
struct ms_core_ticks {
    bool online;
    uint64_t user, system, idle, io_wait, steal;
};

/*
 * The cores of /proc/stat. `cores` has room for MS_CORES_MAX, of which the first `known` may hold
 * something from before. Returns one past the highest core seen; those that are offline have no
 * line. Fields that an old kernel does not have are 0; a line that is cut is none.
 */
uint32_t ms_system_parse_stat(const char *text, size_t bytes, struct ms_core_ticks *cores,
                              uint32_t known);

/*
 * What a core did between two readings. Counters that ran backwards (idle and I/O wait do, when a
 * core comes back) count as not moved. NaN when it was offline at either, or nothing moved.
 */
void ms_system_core_between(const struct ms_core_ticks *then, const struct ms_core_ticks *now,
                            struct ms_core *core);

/* "0.52 0.58 0.59 1/977 12345". False: cut, nothing was written. */
bool ms_system_parse_load(const char *text, size_t bytes, struct ms_system *system);

/* Lines of /proc/meminfo; what it does not tell stays as it was. */
void ms_system_parse_memory(const char *text, size_t bytes, struct ms_system *system);

#endif
