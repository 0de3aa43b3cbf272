/* Traffic of network interfaces, from /proc/net/dev: those of our own network namespace. */
#ifndef MS_COLLECT_INTERFACES_H
#define MS_COLLECT_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_interfaces_reader; /* opaque */

/* `proc` and `sys`: /proc and /sys but for tests; not copied. NULL: no memory. */
struct ms_interfaces_reader *ms_interfaces_reader_new(const char *proc, const char *sys);
void ms_interfaces_reader_free(struct ms_interfaces_reader *reader,
                               struct ms_descriptor_budget *budget);

/*
 * Figures are of the time since the call before: once a second. An interface that never carried
 * anything is left out; hardware comes first. Sets the source INTERFACES.
 */
void ms_interfaces_read(struct ms_interfaces_reader *reader, struct ms_descriptor_budget *budget,
                        struct ms_model *model, uint64_t now_ns);

/* Totals of one interface since it came up. */
struct ms_interface_counts {
    char name[32];
    uint64_t received_bytes, received_packets, sent_bytes, sent_packets;
    uint64_t errors, dropped; /* both ways */
};
/* One line of /proc/net/dev. False: cut, or a heading. */
bool ms_interfaces_parse_line(const char *line, const char *end, struct ms_interface_counts *out);

#endif
