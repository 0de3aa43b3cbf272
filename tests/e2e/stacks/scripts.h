/* Random chains of the frames of frames.S, all of which allocate at the same stack pointer. */
#ifndef STACKS_SCRIPTS_H
#define STACKS_SCRIPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"

/* What may lie between the outer and the inner half of a chain. */
enum middle {
    MIDDLE_NONE,
    MIDDLE_FIBER,   /* on pages of its own; outside of the stack nothing can be read */
    MIDDLE_INSIDE,  /* on a part of the thread's own stack */
    MIDDLE_GUARDED, /* the same, with nothing readable right outside */
    MIDDLE_SIGNAL
};

/*
 * Frames from elsewhere that the chains of the calling thread's next runs have too; none where
 * `enter` is NULL. Both functions have frames of `bytes`, the return address counted.
 */
struct guest {
    void (*enter)(struct step *);
    const char *enter_return;
    void (*leaf)(struct step *);
    const char *leaf_return;
    uintptr_t bytes;
    bool described; /* has unwind information */
};
void scripts_invite(const struct guest *guest);

/*
 * Runs `rounds` chains in the calling thread, whose stack has SCRIPTS_STACK_BYTES left; which ones
 * follows from `seed` alone. Aborts when a chain did not allocate where it had to. MIDDLE_SIGNAL is
 * for one thread at a time.
 */
#define SCRIPTS_STACK_BYTES (640u << 10)

/*
 * Whether other threads map memory during the next runs. Then a fiber's pages are replaced in one
 * step: another thread's mapping could take the hole that munmap leaves, and be mapped over.
 */
void scripts_beside_others(bool others);
void scripts_run(uint64_t seed, unsigned rounds, enum middle middle);

#endif
