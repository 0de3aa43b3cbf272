/*
 * Reads on a thread of its own what may block for seconds or for ever (a sick sensor bus, a GPU's
 * driver): whoever wants to know takes a copy of the last result and never waits.
 */
#ifndef MS_COLLECT_BACKGROUND_H
#define MS_COLLECT_BACKGROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_background; /* opaque */

struct ms_background_job {
    size_t result_bytes, input_bytes; /* plain data: both are copied */
    uint64_t period_ns;               /* between the end of one reading and the next one */
    /* On the thread. `result` holds what the last call left, zeros at first; false: it is the last
     * one, as nothing more can come. */
    bool (*read)(void *own, const void *input, void *result);
    void (*end)(void *own); /* on the thread, last of all; frees `own` */
};

/* Starts the thread, which takes no signals. NULL: it cannot be had; `own` was ended. */
struct ms_background *ms_background_start(const struct ms_background_job *job, void *own);

/* What the next reading gets for its input. */
void ms_background_give(struct ms_background *background, const void *input);

/* Copies the last result, when there is one that was not taken yet. */
bool ms_background_take(struct ms_background *background, void *result);

/*
 * Ends the thread and frees all. A thread that is stuck in a reading is left to itself: it frees
 * everything if it ever comes back. Waits a tenth of a second at most. Accepts NULL.
 */
void ms_background_stop(struct ms_background *background);

#endif
