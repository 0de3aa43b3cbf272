/*
 * All parts of the model at one tick, or what of them changed in it: for each part that has
 * something its number in MS_PARTS + 1, the length and the bytes; then 0. A part that the reader
 * does not know is skipped. For src/record only.
 */
#ifndef MS_RECORD_MOMENT_H
#define MS_RECORD_MOMENT_H

#include "record/about.h"

#define MS_TICK_MAX (UINT64_C(1) << 48) /* more than any session has: products stay in 64 bits */

struct ms_moment_writer {
    struct ms_part_writer *parts[MS_PART_TOTAL];
    struct ms_pack scratch;
};

/* 0 or -ENOMEM; all 0 before. */
int ms_moment_writer_init(struct ms_moment_writer *writer, bool hide_arguments);
void ms_moment_writer_free(struct ms_moment_writer *writer);

/* 0 or -ENOMEM: then the next one must be a state. */
int ms_moment_write(struct ms_moment_writer *writer, const struct ms_model *model, bool state,
                    struct ms_pack *pack);
/* 0, -ENOMEM or -EBADMSG: then the model is good for nothing. */
int ms_moment_read(struct ms_model *model, bool state, struct ms_unpack *unpack,
                   const struct ms_about *about);

/*
 * Rows of a MS_BLOCK_TICKS: tick and time of what the first follows; then for each tick how many
 * ticks and nanoseconds later it was, and what changed; then 0.
 */
struct ms_tick_rows {
    struct ms_unpack unpack;
    uint64_t tick, now_ns; /* of the row that was read last; before: of what the first follows */
};
int ms_tick_rows_begin(struct ms_tick_rows *rows, const uint8_t *raw, size_t bytes); /* -EBADMSG */
/* Tick of the next row; UINT64_MAX: there is none. */
uint64_t ms_tick_rows_peek(const struct ms_tick_rows *rows);
/* Passes over a row. 1; 0: there is none; -EBADMSG. */
int ms_tick_rows_skip(struct ms_tick_rows *rows);
/* Applies the next row. 1; 0: there is none; -ENOMEM or -EBADMSG: the model is good for nothing. */
int ms_tick_rows_next(struct ms_tick_rows *rows, struct ms_model *model,
                      const struct ms_about *about);

#endif
