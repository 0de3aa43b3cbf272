/*
 * Misuse of blocks seen in passing: freed again, released by another family than it was allocated
 * by, overrun, freed in another library than it was allocated in. Counted in MS_AREA_MISUSES by
 * what happened and the two call stacks; the call itself goes on as if we were not there.
 *
 * Everything here is cold and async-signal-safe, allocates nothing and makes no system call.
 */
#ifndef MS_PROBE_MISUSE_H
#define MS_PROBE_MISUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/account.h"
#include "probe/real.h"
#include "probe/thread.h"
#include "wire/region.h"

/*
 * A block is about to be released and its claim says that something is wrong. Before the block
 * is debited: its context says where it was allocated. `state` may be NULL.
 */
MS_HIDDEN void ms_misuse_seen(struct ms_thread_state *state, const struct ms_block_claim *claim,
                              const struct ms_release *release);

/*
 * One release in `stands_for`, of a sound block: is it allocated in another library than the one
 * that releases it? Runtimes of languages are none: memory that they return is their callers' to
 * free.
 */
MS_HIDDEN void ms_misuse_look(struct ms_thread_state *state, const struct ms_block_claim *claim,
                              const struct ms_release *release, uint32_t stands_for);

/* Is there something for ms_misuse_seen? */
static inline bool ms_misuse_is(const struct ms_block_claim *claim, enum ms_releaser releaser)
{
    if (!claim->known) {
        return claim->freed_before;
    }
    const uint32_t differs = (uint32_t)claim->owner.kind ^ (uint32_t)releaser;
    return claim->owner.damaged || (differs & ms_tag_kind_bits(releaser)) != 0;
}

/* Before the block of a claim is debited. `stands_for`: 0 unless the release is looked at. */
static inline void ms_misuse_watch(struct ms_thread_state *state,
                                   const struct ms_block_claim *claim,
                                   const struct ms_release *release, uint32_t stands_for)
{
    if (MS_UNLIKELY(ms_misuse_is(claim, release->releaser))) {
        ms_misuse_seen(state, claim, release);
    } else if (stands_for != 0 && claim->known) {
        ms_misuse_look(state, claim, release, stands_for);
    }
}

#endif
