/*
 * To a moment of a recording, in slices, looking on the way at how live bytes go up and down: first
 * at whole moments that lie up to 20 minutes back, then second by second at the last 30 s before
 * it. What changed between two moments is judged by it. The model has no histories.
 */
#ifndef MS_CLI_APPROACH_H
#define MS_CLI_APPROACH_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/diff.h"
#include "record/recording.h"

struct ms_approach {
    struct ms_replay *replay; /* at the moment once it is there */
    struct ms_diff_noise *noise;
    struct ms_diff_swing *swing;
    uint64_t begun_ns, looked_ns; /* of the looks for `noise` */
    uint64_t tick, from_tick;     /* to go to; where the last part of the way begins */
    unsigned far, far_count;      /* looks for `swing`: that were, that are wanted */
    bool near, there;             /* on the last part of the way; at its end */
};

/* Goes nowhere yet. 0 or -ENOMEM; ms_approach_drop in either case. */
int ms_approach_begin(struct ms_approach *approach, struct ms_recording *recording, uint64_t at_ns);
/* Goes on for `slice_ns`, for one step at least. 1: there is more to do; 0: it is there; -ENOMEM,
 * -EBADMSG: nothing near the moment can be read. */
int ms_approach_go(struct ms_approach *approach, uint64_t slice_ns);
/* How far it is, of 1000. */
unsigned ms_approach_done(const struct ms_approach *approach);
void ms_approach_drop(struct ms_approach *approach); /* of one that is only zeroed, too */

#endif
