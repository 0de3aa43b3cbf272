/*
 * Pressure stall information: /proc/pressure/{cpu,memory,io} of the machine and the like files
 * {cpu,memory,io}.pressure of a control group.
 */
#ifndef MS_COLLECT_PRESSURE_H
#define MS_COLLECT_PRESSURE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "collect/proc_file.h"
#include "model/resources.h"

enum ms_pressure_of { MS_PRESSURE_OF_MACHINE, MS_PRESSURE_OF_CGROUP };

struct ms_pressure_files {
    int cpu, memory, io; /* kept descriptors, -1: none */
};

#define MS_PRESSURE_FILES_NONE ((struct ms_pressure_files){-1, -1, -1})
#define MS_STALL_NONE          ((struct ms_stall){NAN, NAN, NAN, NAN, 0, 0})
#define MS_PRESSURE_NONE                                                                           \
    ((struct ms_pressure){.cpu = MS_STALL_NONE, .memory = MS_STALL_NONE, .io = MS_STALL_NONE})

/*
 * Reads "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and the same of "full", in any order; a
 * line that is missing (kernels before 5.13 have no "full" for cpu) leaves NaN and 0. False when
 * there is no whole line of either: then *out is as it was.
 */
bool ms_pressure_parse(const char *text, size_t bytes, struct ms_stall *out);

/*
 * Reads all three, relative to `folder`: /proc/pressure, or that of a control group. Of the machine
 * the kernel defines no "full" for cpu and writes 0: that is NaN here. Returns 0, then `have` is
 * set and what one file did not tell is NaN; else the -errno of the first file, nothing was read
 * and *out says so.
 */
int ms_pressure_read(struct ms_pressure_files *files, struct ms_descriptor_budget *budget,
                     enum ms_pressure_of of, int folder, struct ms_pressure *out);
void ms_pressure_close(struct ms_pressure_files *files, struct ms_descriptor_budget *budget);

/* What -errno of ms_pressure_read means and what would help: text for ms_model_source_set. */
const char *ms_pressure_because(int error, enum ms_pressure_of of);

#endif
