/*
 * All parts of the model at one tick, or what of them changed in it: for each part that has
 * something its number in MS_PARTS + 1, the length and the bytes; then 0. A part that the reader
 * does not know is skipped. For src/record only.
 */
#ifndef MS_RECORD_MOMENT_H
#define MS_RECORD_MOMENT_H

#include "record/about.h"

struct ms_moment_writer {
    struct ms_part_writer *parts[MS_PART_TOTAL];
    struct ms_pack scratch;
};

int ms_moment_writer_init(struct ms_moment_writer *writer); /* 0 or -ENOMEM; all 0 before */
void ms_moment_writer_free(struct ms_moment_writer *writer);

/* 0 or -ENOMEM: then the next one must be a state. */
int ms_moment_write(struct ms_moment_writer *writer, const struct ms_model *model, bool state,
                    struct ms_pack *pack);
/* 0, -ENOMEM or -EBADMSG: then the model is good for nothing. */
int ms_moment_read(struct ms_model *model, bool state, struct ms_unpack *unpack,
                   const struct ms_about *about);

#endif
