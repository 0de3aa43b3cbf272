/*
 * The growth of one call site: what of it was live at least (the floor) in each of the last
 * windows, and what that says. The formula stands in leaks_growth.c. For src/analysis only.
 */
#ifndef MS_ANALYSIS_LEAKS_GROWTH_H
#define MS_ANALYSIS_LEAKS_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#define MS_GROWTH_WINDOWS 24u

struct ms_growth_window {
    uint64_t end_ns;
    uint64_t floor_bytes, floor_blocks; /* the least that was live at any look */
    uint64_t ceiling_bytes;             /* the most */
    float seconds;
    float held_up_s;   /* of them, in which the process was held up: it had no core to go on with */
    float allocations; /* blocks that the site allocated */
    /* What the process had done when the floor was seen, besides keeping things: */
    double work_blocks; /* blocks that it had freed */
    double work_cpu_s;  /* CPU time that it had used; NaN: not known */
};

/* Windows of about equal length, the oldest first. Zeroed is empty. */
struct ms_growth {
    uint32_t count;
    struct ms_growth_window windows[MS_GROWTH_WINDOWS];
};

/* The oldest one goes when there is no room. */
void ms_growth_append(struct ms_growth *growth, const struct ms_growth_window *window);
/* Makes one window of every two; the oldest one goes when their number is odd. */
void ms_growth_join_pairs(struct ms_growth *growth);
/* The floor rose within the last `windows`. */
bool ms_growth_rose(const struct ms_growth *growth, uint32_t windows);

struct ms_growth_verdict {
    bool grows;            /* long and far enough to be judged; else only `rises` and `age_ns` */
    uint32_t rises, spans; /* windows with a rise, of so many between the first and the last */
    uint64_t since_ns, age_ns;
    uint64_t had_ns;        /* of its age, in which the process was not held up */
    uint64_t bytes, blocks; /* that the floor rose by */
    double slope_bytes_per_s;
    double kept; /* blocks that it rose by, of those allocated meanwhile */
    double confidence;
};
struct ms_growth_verdict ms_growth_judge(const struct ms_growth *growth);

/* Growth is not judged before, by the time that the process had. */
#define MS_GROWTH_AGE_MIN_NS UINT64_C(25000000000)

#endif
