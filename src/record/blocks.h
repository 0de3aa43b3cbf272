/*
 * A recording as a row of blocks, in memory or in a file that is only ever appended to. A block is
 * compressed by itself (zstd), has a checksum of its own, and says in its header what it is and
 * which time it covers, so that a reader finds its way by the headers alone and a damaged or
 * cut-off block costs nothing but itself.
 *
 * What is in a block: record/layout.h. Blocks of one segment follow one another: a MS_BLOCK_STATE
 * and the MS_BLOCK_TICKS that go on from it; a reader that misses one of them goes on with the next
 * MS_BLOCK_STATE.
 *
 * In a file blocks are written by a thread of their own, so that a slow disk holds nobody up: past
 * MS_BLOCKS_WAITING_BYTES that wait, new ones are dropped and counted, and the next segment begins
 * anew. One thread uses an ms_blocks.
 */
#ifndef MS_RECORD_BLOCKS_H
#define MS_RECORD_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/pack.h"

#define MS_RECORD_VERSION       2 /* of the format; see "Versions" in docs/format.md */
#define MS_BLOCKS_WAITING_BYTES (32u << 20)
#define MS_BLOCK_RAW_BYTES_MAX  (512u << 20) /* a reader refuses more: a bound for its memory */
/* Nor is content that is larger than this and larger than so many times what is stored. */
#define MS_BLOCK_RAW_BYTES_ANY (64u << 20)
#define MS_BLOCK_RAW_RATIO_MAX 1024u

/* X(id, name, what) */
#define MS_BLOCK_TYPES(X)                                                                          \
    X(ABOUT, "about", "what was recorded, by what, and the tables of fields")                      \
    X(NAMES, "names", "strings, frames, modules and call stacks that are new or were renamed")     \
    X(STATE, "state", "everything at one tick: a segment begins")                                  \
    X(TICKS, "ticks", "what changed, tick by tick")                                                \
    X(HISTORY, "history", "points of all series over a segment")                                   \
    X(SECONDS, "seconds", "points of all series over many segments, by seconds")                   \
    X(COARSE, "coarse", "points of all series over many segments, by ten seconds")                 \
    X(OUTPUT, "output", "what the program wrote")                                                  \
    X(TRACE, "trace", "allocations and frees in order")                                            \
    X(MARKS, "marks", "marks that were set")                                                       \
    X(END, "end", "the recording was closed, and where its blocks are")

enum ms_block_type {
#define MS_BLOCK_TYPE_ID(id, name, what) MS_BLOCK_##id,
    MS_BLOCK_TYPES(MS_BLOCK_TYPE_ID)
#undef MS_BLOCK_TYPE_ID
        MS_BLOCK_TYPE_TOTAL
};
const char *ms_block_type_name(enum ms_block_type type);

struct ms_block_info {
    enum ms_block_type type;
    uint64_t first_tick, last_tick; /* that it covers */
    uint64_t first_ns, last_ns;     /* CLOCK_MONOTONIC of the recorded machine */
    uint64_t offset; /* in the file that was opened; of one that is recorded its number */
    /* Of the block in its recording, from 0, counting those that were dropped. A gap: there were
     * blocks that are gone. Given by ms_blocks_append, as are offset and stored_bytes. */
    uint64_t number;
    uint64_t stored_bytes, raw_bytes; /* without the header */
    bool damaged;                     /* it cannot be read: known once that was tried */
};

struct ms_blocks; /* opaque */

/* --- writing --- */
/*
 * In memory: at most about `memory_bytes` compressed; past that the oldest segments become coarser
 * (their MS_BLOCK_TICKS, HISTORY, SECONDS, OUTPUT and TRACE go, their
 * MS_BLOCK_STATE stays). Where that is not enough, and where states take more than half of the
 * room, every second state of the oldest half goes. MS_BLOCK_COARSE and MARKS are thinned out so
 * where they take more than a quarter and an eighth of the room; of MS_BLOCK_ABOUT the first and
 * the last stay. MS_BLOCK_NAMES and the segment that goes on stay, so that it can be more. What is
 * in the file too goes from memory without loss: it is read from there. NULL: no memory.
 */
struct ms_blocks *ms_blocks_new(uint64_t memory_bytes);
/* Accepts NULL; closes the file as it is: what waits for the disk is lost, see ms_blocks_finish. */
void ms_blocks_free(struct ms_blocks *blocks);

/*
 * From now on also in the file `path`, of mode 0600, with all that is held before. A file that is
 * there and may be overwritten is replaced by rename when the new one holds all that and is on the
 * disk, so a full disk does not cost it.
 *
 * `max_bytes` (0: none): a file that would grow past it is written anew beside itself, coarser as
 * above, and takes its place by rename (see block_file.h); so for a moment both take
 * room. What was held before may become coarser for it at once. Where the segment that goes on
 * takes all the room, the next state takes its place. When a state and the names find no room,
 * recording stops with -EFBIG.
 *
 * Returns 0; -EEXIST (and not `overwrite`); -EISDIR; -ENOTSUP: a FIFO, socket or device is there;
 * -EALREADY (it is in a file); -EBUSY (the file before is not finished yet); -EFBIG: what must stay
 * is more than `max_bytes`; or what open and the first write say. After ms_blocks_finish there may
 * be another file.
 */
int ms_blocks_keep(struct ms_blocks *blocks, const char *path, bool overwrite, uint64_t max_bytes);

/* Compresses and appends. 0; -ENOMEM; -EAGAIN: dropped since too much waits for the disk, or
 * the segment takes all the room of the file: a new one is to begin; -EMSGSIZE: above
 * MS_BLOCK_RAW_BYTES_MAX; -EINVAL: its times go backwards. What fails in the file later is told by
 * ms_blocks_state. */
int ms_blocks_append(struct ms_blocks *blocks, const struct ms_block_info *info, const void *raw,
                     size_t raw_bytes);

struct ms_blocks_state {
    const char *path;    /* NULL: only in memory */
    uint64_t file_bytes; /* written and waiting */
    uint64_t memory_bytes;
    uint64_t dropped_blocks;  /* since too much waited */
    uint64_t coarse_until_ns; /* what is older is coarser than recorded; 0: nothing */
    uint64_t removed;         /* raised whenever blocks have left the list: indices have moved */
    int error;                /* of the file, -errno: nothing is written any more; 0 */
    uint64_t waiting_bytes;   /* of file_bytes: not written yet */
    bool finishing;           /* since ms_blocks_finish_begin */
    bool finished;            /* ms_blocks_finish waits for nothing any more */
};
struct ms_blocks_state ms_blocks_state(struct ms_blocks *blocks);

/* Waits at most so long until the file is not written anew, as what does not fit in would be
 * refused meanwhile; false: it still is. */
bool ms_blocks_settle(struct ms_blocks *blocks, uint64_t wait_ns);

/*
 * Appends MS_BLOCK_END and lets the thread of the file force all of it to the disk, however long
 * that takes; nobody waits. What is appended from now on is kept in memory only.
 */
void ms_blocks_finish_begin(struct ms_blocks *blocks);
/* Waits until it is finished, at most so long. False: not yet. */
bool ms_blocks_finish_wait(struct ms_blocks *blocks, uint64_t wait_ns);
/* Begins that unless it has begun, and waits for the end of it. The file is whole then. 0 or
 * -errno, as in the state. What is in the file can still be read. */
int ms_blocks_finish(struct ms_blocks *blocks);

/* --- reading, of those being written as of a file --- */
/*
 * Of a file: reads headers only, of a closed one its index only. What is no recording is -EBADMSG,
 * of a newer version -EPROTONOSUPPORT, else what open says; `why` (in words, without the path) in
 * every case. Of a file that still grows: the blocks that are whole by now. Blocks of types and
 * kinds that this version does not know are left out.
 */
int ms_blocks_open(const char *path, struct ms_blocks **out, char *why, size_t why_bytes);
/* In the order of recording. MS_BLOCK_END is none of them. */
size_t ms_blocks_count(const struct ms_blocks *blocks);
const struct ms_block_info *ms_blocks_info(const struct ms_blocks *blocks, size_t index);
/* The raw bytes, valid until the next call that reads, appends or frees (the last few are kept). 0,
 * -EBADMSG (damaged: `damaged` is set), -ENOMEM or what read says. */
int ms_blocks_read(struct ms_blocks *blocks, size_t index, const uint8_t **raw, size_t *raw_bytes);

/* What a reader found of the whole file, without reading the blocks themselves. */
struct ms_blocks_condition {
    bool closed; /* it ends with MS_BLOCK_END */
    uint64_t file_bytes;
    uint64_t lost_bytes;     /* at the end or in between, that no block could be made of */
    uint64_t lost_at;        /* where the first of them begins */
    uint64_t unknown_blocks; /* of types and kinds that this version does not know */
    char words[200];         /* "whole", or what is wrong with it */
};
struct ms_blocks_condition ms_blocks_condition(const struct ms_blocks *blocks);

#endif
