/* Random chains of the frames of frames.S, all of which allocate at the same stack pointer. */
#ifndef STACKS_SCRIPTS_H
#define STACKS_SCRIPTS_H

#include <stdint.h>

/* What may lie between the outer and the inner half of a chain. */
enum middle { MIDDLE_NONE, MIDDLE_FIBER, MIDDLE_SIGNAL };

/*
 * Runs `rounds` chains in the calling thread, whose stack has SCRIPTS_STACK_BYTES left; which ones
 * follows from `seed` alone. Aborts when a chain did not allocate where it had to. MIDDLE_SIGNAL is
 * for one thread at a time.
 */
#define SCRIPTS_STACK_BYTES (384u << 10)
void scripts_run(uint64_t seed, unsigned rounds, enum middle middle);

#endif
