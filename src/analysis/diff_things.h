/* What the things of a model are called, and their figures: for diff.c and diff_noise.c. */
#ifndef MS_ANALYSIS_DIFF_THINGS_H
#define MS_ANALYSIS_DIFF_THINGS_H

#include "analysis/diff.h"

/*
 * What the things of one model are called, as numbers that are the same in all models: a function
 * by its name, one without by the file name of its module and where in it it is. So two builds of a
 * program compare, wherever they lie.
 */
struct ms_diff_names {
    const struct ms_model *model;
    uint64_t *of_frame; /* by the number of the frame; 0: not looked at yet */
    size_t frames;
};
void ms_diff_names_open(struct ms_diff_names *names, const struct ms_model *model);
void ms_diff_names_close(struct ms_diff_names *names);

struct ms_diff_thing {
    uint64_t key; /* of what it is called */
    uint32_t id;
    double figures[MS_DIFF_MEASURE_TOTAL];
    double cpu_samples; /* that CPU time was estimated from; 0: by the clock, or none */
};

/* Sites with MS_SITE_RELEASE are none. */
size_t ms_diff_thing_count(const struct ms_model *model, enum ms_diff_kind kind);
/* False: there is nothing to be compared about it. */
bool ms_diff_thing_at(struct ms_diff_names *names, enum ms_diff_kind kind, size_t index,
                      struct ms_diff_thing *thing);

/* Standard deviation of live bytes of all that are called so; NaN: not known. */
double ms_diff_noise_of(const struct ms_diff_noise *noise, enum ms_diff_kind kind, uint64_t key);
double ms_diff_swing_of(const struct ms_diff_swing *swing, enum ms_diff_kind kind, uint64_t key);

#endif
