/* The machine: cores, load, memory, names. From /proc of our own mount namespace. */
#ifndef MS_COLLECT_SYSTEM_H
#define MS_COLLECT_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_system_reader; /* opaque */

struct ms_system_reader *ms_system_reader_new(void);         /* NULL: no memory */
void ms_system_reader_free(struct ms_system_reader *reader); /* accepts NULL */

/* Names, number of cores, CPU model: once. */
void ms_system_identify(struct ms_system *system);

/* Once a tick. Core loads are over the last second: their source counts in steps of 10 ms. */
void ms_system_read(struct ms_system_reader *reader, struct ms_descriptor_budget *budget,
                    struct ms_system *system, uint64_t now_ns);

/* Busy and total time of each core out of /proc/stat; `busy` and `total` have room for
 * MS_CORES_MAX. Returns one past the highest core seen; cores that are offline get total 0. */
uint32_t ms_system_parse_stat(const char *text, size_t bytes, uint64_t *busy, uint64_t *total);

#endif
