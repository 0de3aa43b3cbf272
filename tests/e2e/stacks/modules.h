/* Code that comes and goes. Each returns how many stacks the program knew. */
#ifndef STACKS_MODULES_H
#define STACKS_MODULES_H

unsigned modules_come_and_go(unsigned rounds, const char *const paths[2]);
unsigned modules_made_at_run_time(unsigned rounds);

#endif
