/*
 * One call site that is watched: what was live of it window by window, and what is judged of that.
 * Pure. For leaks.c, which says when a window ends and what is watched.
 */
#ifndef MS_ANALYSIS_LEAKS_WATCHED_H
#define MS_ANALYSIS_LEAKS_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/leaks.h"
#include "analysis/leaks_growth.h"

#define MS_LEAK_WHY_MAX 112u /* of the reason, without the time that it is of */

/* What a process had done when a window began. */
struct ms_leak_work {
    uint64_t frees, allocations;
    double cpu_s;     /* NaN: not known */
    double held_up_s; /* since the last look, see ms_leak_held_up */
};

struct ms_leak_watched {
    uint64_t floor_bytes, floor_blocks, ceiling_bytes; /* of the window that is open */
    uint64_t begin_ns;
    double held_up_s;
    uint64_t allocations;           /* of the site when it began */
    struct ms_leak_work work;       /* as it began */
    struct ms_leak_work floor_work; /* when the floor was seen */
    struct ms_growth growth;
    bool likely;
    bool ended; /* with its process: judged for the last time */
    struct ms_leak leak;
    char why[MS_LEAK_WHY_MAX];
};

/*
 * Share of the last second or so that a process wanted to go on in but had no core for: a thread of
 * it waits, and all of them together use less than a core. 0 where that is not known, as of NULL.
 */
double ms_leak_held_up(const struct ms_process *process);

/* `process` may be NULL. */
struct ms_leak_work ms_leak_work_of(const struct ms_process *process);

/* 0 when more were freed than allocated. */
uint64_t ms_leak_live_blocks(const struct ms_site *site);

/* A window begins. */
void ms_leak_watched_open(struct ms_leak_watched *watched, const struct ms_site *site,
                          const struct ms_leak_work *work, uint64_t now_ns);

/* Takes over what is live now; of one that has ended only that. */
void ms_leak_watched_look(struct ms_leak_watched *watched, const struct ms_site *site,
                          const struct ms_leak_work *work);

/* The windows of all that is watched, as one of them ends. */
struct ms_leak_windows {
    uint64_t begin_ns, length_ns;
    const struct ms_suppressions *suppressions; /* may be NULL */
};

/*
 * The window ends: it is judged, unless nothing happened in it, and the next one begins. Returns
 * whether the site is to be watched on.
 */
bool ms_leak_watched_close(struct ms_leak_watched *watched, const struct ms_model *model,
                           const struct ms_leak_windows *windows);

/* Makes the reason of what was judged anew, with how old it is by now. */
void ms_leak_watched_say_when(struct ms_leak_watched *watched, uint64_t window_ns, uint64_t now_ns);

/* Bytes that the floor rose by over all windows that are kept. */
double ms_leak_watched_rise(const struct ms_leak_watched *watched);

#endif
