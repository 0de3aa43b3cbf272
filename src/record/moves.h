/*
 * What happened to a list whose things lie without holes, the last one taking the place of one that
 * goes: usages and activities. Written as it happened, so that a reader ends with the same order.
 *
 * Written form: how many went; before each of them how many came and who they are, then its
 * position; at the end how many more came, and who.
 */
#ifndef MS_RECORD_MOVES_H
#define MS_RECORD_MOVES_H

#include "model/changes.h"
#include "record/pack.h"

struct ms_moves { /* all 0: nothing yet */
    size_t before, now;
    const struct ms_removal *removals;
    size_t removal_count;
    size_t added;
    /* NULL when none went: then those that came are the last ones. */
    uint32_t *from; /* by position: where it was before, or `before` + k: the k-th that came */
    uint32_t *to;   /* of the k-th that came: its position + 1, 0: it is gone again */
    size_t from_capacity, to_capacity;
};
void ms_moves_free(struct ms_moves *moves);

/* 0; -ENOMEM; -EINVAL: they do not fit together. */
int ms_moves_find(struct ms_moves *moves, size_t before, size_t now,
                  const struct ms_removal *removals, size_t count);

/* Where the thing at a position lay before; SIZE_MAX: it is new. */
size_t ms_moves_from(const struct ms_moves *moves, size_t position);

/* `identity` writes who the thing at a position is, SIZE_MAX: one that is gone again. */
void ms_moves_write(const struct ms_moves *moves, struct ms_pack *pack,
                    void (*identity)(void *context, struct ms_pack *pack, size_t position),
                    void *context);
/* `add` reads what `identity` wrote. 0 or what the functions say, -EBADMSG. */
int ms_moves_read(struct ms_unpack *unpack, int (*add)(void *context, struct ms_unpack *unpack),
                  int (*forget)(void *context, size_t position), void *context);

#endif
