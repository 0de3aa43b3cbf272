#include "record/moves.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ms_moves_free(struct ms_moves *moves)
{
    free(moves->from);
    free(moves->to);
    *moves = (struct ms_moves){0};
}

static int reserve(uint32_t **array, size_t *capacity, size_t count)
{
    if (count <= *capacity && *array != NULL) {
        return 0;
    }
    const size_t grown_capacity = count + count / 4 + 64;
    uint32_t *grown = reallocarray(*array, grown_capacity, sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    *array = grown;
    *capacity = grown_capacity;
    return 0;
}

/* Things are named by where they were, or by how many came before them. */
static int follow(struct ms_moves *moves, size_t most)
{
    size_t count = moves->before;
    uint32_t next = (uint32_t)moves->before;
    for (size_t i = 0; i < moves->before; i++) {
        moves->from[i] = (uint32_t)i;
    }
    for (size_t r = 0; r <= moves->removal_count; r++) {
        const bool last = r == moves->removal_count;
        const size_t until = last ? moves->now : moves->removals[r].round;
        if (until < count || until > most) {
            return -EINVAL;
        }
        while (count < until) {
            moves->from[count++] = next++;
        }
        if (!last) {
            const uint32_t position = moves->removals[r].position;
            if (position >= count) {
                return -EINVAL;
            }
            moves->from[position] = moves->from[--count];
        }
    }
    return 0;
}

int ms_moves_find(struct ms_moves *moves, size_t before, size_t now,
                  const struct ms_removal *removals, size_t count)
{
    moves->before = before;
    moves->now = now;
    moves->removals = removals;
    moves->removal_count = count;
    if (now + count < before) {
        return -EINVAL;
    }
    moves->added = now + count - before;
    if (count == 0) {
        return 0;
    }
    const size_t most = before + moves->added;
    if (reserve(&moves->from, &moves->from_capacity, most) != 0 ||
        reserve(&moves->to, &moves->to_capacity, moves->added) != 0) {
        return -ENOMEM;
    }
    if (follow(moves, most) != 0) {
        return -EINVAL;
    }
    memset(moves->to, 0, moves->added * sizeof *moves->to);
    for (size_t i = 0; i < now; i++) {
        if (moves->from[i] >= before) {
            moves->to[moves->from[i] - before] = (uint32_t)i + 1;
        }
    }
    return 0;
}

size_t ms_moves_from(const struct ms_moves *moves, size_t position)
{
    const size_t from = moves->removal_count > 0 ? moves->from[position] : position;
    return from < moves->before ? from : SIZE_MAX;
}

/* Where the k-th that came lies now. */
static size_t position_of(const struct ms_moves *moves, size_t k)
{
    if (moves->removal_count == 0) {
        return moves->before + k;
    }
    return moves->to[k] != 0 ? moves->to[k] - 1 : SIZE_MAX;
}

void ms_moves_write(const struct ms_moves *moves, struct ms_pack *pack,
                    void (*identity)(void *context, struct ms_pack *pack, size_t position),
                    void *context)
{
    size_t count = moves->before;
    size_t next = 0;
    ms_pack_u64(pack, moves->removal_count);
    for (size_t r = 0; r <= moves->removal_count; r++) {
        const bool last = r == moves->removal_count;
        const size_t until = last ? moves->now : moves->removals[r].round;
        ms_pack_u64(pack, until - count);
        for (; count < until; count++) {
            identity(context, pack, position_of(moves, next++));
        }
        if (!last) {
            ms_pack_u64(pack, moves->removals[r].position);
            count--;
        }
    }
}

int ms_moves_read(struct ms_unpack *unpack, int (*add)(void *context, struct ms_unpack *unpack),
                  int (*forget)(void *context, size_t position), void *context)
{
    const uint64_t removals = ms_unpack_upto(unpack, UINT32_MAX);
    int error = unpack->failed ? -EBADMSG : 0;
    for (uint64_t r = 0; r <= removals && error == 0; r++) {
        const uint64_t added = ms_unpack_upto(unpack, UINT32_MAX);
        for (uint64_t i = 0; i < added && error == 0; i++) {
            error = unpack->failed ? -EBADMSG : add(context, unpack);
        }
        if (r < removals && error == 0) {
            const size_t position = (size_t)ms_unpack_upto(unpack, UINT32_MAX);
            error = unpack->failed ? -EBADMSG : forget(context, position);
        }
    }
    return error == 0 && unpack->failed ? -EBADMSG : error;
}
