/* Signals that allocate. Each returns how many stacks the program knew. */
#ifndef STACKS_SIGNALS_H
#define STACKS_SIGNALS_H

unsigned signals_at_every_instruction(unsigned rounds);
unsigned signals_that_abandon(unsigned rounds);
unsigned signals_on_small_stacks(unsigned rounds);

#endif
