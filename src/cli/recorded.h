/* What is missing in a recording that has ended, in words. */
#ifndef MS_CLI_RECORDED_H
#define MS_CLI_RECORDED_H

#include <stddef.h>
#include <stdint.h>

#include "record/blocks.h"

#define MS_RECORDED_LOSSES_MAX 160u

/*
 * ", 3 blocks lost because the disk was too slow, the first 00:10:00 at a coarser resolution to
 * limit the size", either or nothing. `at_end`: the state when its file was finished; `begin_ns`:
 * where its times count from. Returns `out`.
 */
char *ms_recorded_losses(char out[MS_RECORDED_LOSSES_MAX], const struct ms_blocks_state *at_end,
                         uint64_t begin_ns);

#endif
