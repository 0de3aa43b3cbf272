/*
 * Traffic of disks, from /proc/diskstats: whole disks, no partitions. What lies on other disks, a
 * file or memory (dm, md, loop, zram) is listed once it moved during the session, and marked.
 */
#ifndef MS_COLLECT_DISKS_H
#define MS_COLLECT_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_disks_reader; /* opaque */

/* `proc` and `sys`: /proc and /sys but for tests; not copied. NULL: no memory. */
struct ms_disks_reader *ms_disks_reader_new(const char *proc, const char *sys);
void ms_disks_reader_free(struct ms_disks_reader *reader, struct ms_descriptor_budget *budget);

/* Figures are of the time since the call before: once a second. Sets the source DISKS. */
void ms_disks_read(struct ms_disks_reader *reader, struct ms_descriptor_budget *budget,
                   struct ms_model *model, uint64_t now_ns);

/* Totals of one device since it came up. */
struct ms_disk_counts {
    char name[32];
    uint64_t reads, read_bytes, read_ms, writes, written_bytes, write_ms;
    uint64_t in_flight, busy_ms;
};
/* One line of /proc/diskstats. False: cut, or no such line. A name too long is no such line. */
bool ms_disks_parse_line(const char *line, const char *end, struct ms_disk_counts *out);

#endif
