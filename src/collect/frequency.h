/*
 * Frequency of cores: cpufreq's, else "cpu MHz" of /proc/cpuinfo, which most virtual machines never
 * change.
 */
#ifndef MS_COLLECT_FREQUENCY_H
#define MS_COLLECT_FREQUENCY_H

#include <stddef.h>
#include <stdint.h>

#include "collect/proc_file.h"
#include "model/model.h"

struct ms_frequency_reader; /* opaque */

/* `proc` and `sys`: /proc and /sys but for tests; not copied. NULL: no memory. */
struct ms_frequency_reader *ms_frequency_reader_new(const char *proc, const char *sys);
void ms_frequency_reader_free(struct ms_frequency_reader *reader,
                              struct ms_descriptor_budget *budget);

/*
 * Once a second; with more than 64 cores 64 of them in turn, as the kernel may have to ask each. A
 * core whose frequency cannot be read is NaN. Sets the source FREQUENCY.
 */
void ms_frequency_read(struct ms_frequency_reader *reader, struct ms_descriptor_budget *budget,
                       struct ms_model *model);

#endif
