/*
 * CPU time by call stack, into the model: client of the sampler's process (cpu_sampler.h). Samples
 * become sites with MS_SITE_ACTIVITY, made of the same frames as those of memory, so that names
 * come by themselves. A sampler that dies or does not answer costs samples, never the session.
 */
#ifndef MS_COLLECT_CPU_SAMPLES_H
#define MS_COLLECT_CPU_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/shared_code.h"
#include "collect/symbols.h"
#include "model/model.h"

#define MS_CPU_SAMPLES_HZ_MAX 999u

struct ms_cpu_samples; /* opaque */

/* Forks the sampler: to be called before anything large is mapped. NULL: no memory. */
struct ms_cpu_samples *ms_cpu_samples_start(uint32_t frequency_hz);
void ms_cpu_samples_free(struct ms_cpu_samples *samples); /* accepts NULL */

struct ms_cpu_samples_room {
    struct ms_model *model;
    struct ms_symbols *symbols; /* NULL: no names */
    struct ms_shared_code *code;
};

/*
 * Has processes that are new sampled, adds what was sampled to the model, and says there how the
 * source is. A sample is added half a second after it was taken, when its process and thread have
 * been heard of; with `last` at once, after asking the sampler for what it still has.
 */
void ms_cpu_samples_read(struct ms_cpu_samples *samples, const struct ms_cpu_samples_room *room,
                         uint64_t now_ns, bool last);

uint64_t ms_cpu_samples_cpu_ns(const struct ms_cpu_samples *samples); /* accepts NULL */

#endif
