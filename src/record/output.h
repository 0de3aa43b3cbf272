/*
 * What the program wrote, as MS_BLOCK_OUTPUT holds it: lines that were ended since the one before,
 * the one that is open, and how much there was. Written form, each time that something is new: time
 * (u64), captured, bytes in all, lines and bytes dropped, number of the first line (all that there
 * ever were count), how many, lines; of the open line how many bytes are those of before, and the
 * rest.
 */
#ifndef MS_RECORD_OUTPUT_H
#define MS_RECORD_OUTPUT_H

#include <stdint.h>

#include "model/output.h"
#include "record/pack.h"

struct ms_output_writer { /* all 0: nothing written yet */
    uint64_t lines;       /* written, or dropped before they were seen */
    uint64_t total_bytes, dropped_lines, dropped_bytes;
    char *open; /* as written */
    size_t open_bytes, open_capacity;
    bool captured;
};
void ms_output_writer_free(struct ms_output_writer *writer);

/* Writes nothing when nothing is new. 0 or -ENOMEM. */
int ms_output_write(struct ms_output_writer *writer, const struct ms_output *output,
                    uint64_t now_ns, struct ms_pack *pack);

/*
 * Goes on from what `output` got of the blocks before, as far as it was written at `until_ns`; the
 * view ends before what came later. What was in a lost block counts as dropped lines. 0, -ENOMEM or
 * -EBADMSG.
 */
int ms_output_read(struct ms_output *output, struct ms_unpack *unpack, uint64_t until_ns);

#endif
