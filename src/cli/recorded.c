#include "cli/recorded.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/format.h"

char *ms_recorded_losses(char out[MS_RECORDED_LOSSES_MAX], const struct ms_blocks_state *at_end,
                         uint64_t begin_ns)
{
    int used = 0;
    out[0] = '\0';
    if (at_end->dropped_blocks > 0) {
        used = snprintf(out, MS_RECORDED_LOSSES_MAX,
                        ", %" PRIu64 " block%s lost because the disk was too slow",
                        at_end->dropped_blocks, at_end->dropped_blocks == 1 ? "" : "s");
    }
    if (at_end->coarse_until_ns > begin_ns) {
        char duration[MS_FORMAT_MAX];
        ms_format_elapsed(duration, sizeof duration, at_end->coarse_until_ns - begin_ns);
        snprintf(out + used, MS_RECORDED_LOSSES_MAX - (size_t)used,
                 ", the first %s at a coarser resolution to limit the size", duration);
    }
    return out;
}
