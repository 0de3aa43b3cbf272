/* What `memscope-top` alone prints: usage, and the programs that can be joined. */
#ifndef MS_CLI_JOINABLE_H
#define MS_CLI_JOINABLE_H

/* Returns the exit status: 2, since nothing was named to run. */
int ms_joinable_list(void);

#endif
