/*
 * One list of blocks, whether they are in memory, in the file that is being written, or in a file
 * that was opened. For src/record/block*.c only.
 *
 * While a file is written anew (or begun with what was there before), a block has two places: `at`
 * in the file to come, `at_before` in the one that is still read.
 */
#ifndef MS_RECORD_BLOCKS_INTERNAL_H
#define MS_RECORD_BLOCKS_INTERNAL_H

#include <zstd.h>

#include "record/block_header.h"
#include "record/block_writer.h"
#include "record/blocks.h"

#define MS_BLOCK_NOWHERE   UINT64_MAX
#define MS_BLOCKS_MAX      (4u << 20) /* that are taken from a file: a bound for our memory */
#define MS_BLOCK_CACHED    8u         /* raw blocks that are kept */
#define MS_BLOCK_CACHE_MAX (64u << 20)

struct ms_block_entry {
    struct ms_block_info info;
    uint32_t stored_crc;
    uint8_t *stored; /* header and payload; NULL: only in the file */
    uint64_t at, at_before;
    uint64_t job; /* of the writer that needs `stored` and writes it to `at`; 0: none */
};

struct ms_block_cached {
    uint64_t offset; /* of its info */
    uint8_t *raw;    /* NULL: unused */
    size_t bytes;
    uint64_t used; /* the higher the later */
};

struct ms_block_doomed {
    uint8_t *stored;
    uint64_t job;
};

struct ms_blocks {
    struct ms_block_entry *entries;
    size_t count, capacity;
    uint64_t recording_id;
    uint64_t next_number;
    uint64_t removed;
    uint64_t coarse_until_ns;

    uint64_t memory_bytes_max;
    uint64_t memory_bytes;          /* of all `stored` */
    size_t first_in_memory;         /* entries before it have no `stored` */
    struct ms_block_doomed *doomed; /* left the list while the writer needs them */
    size_t doomed_count, doomed_capacity;

    char *path; /* of the file that is written, NULL: none */
    struct ms_block_writer *writer;
    uint8_t file_header[MS_FILE_HEADER_BYTES];
    uint64_t file_end, file_bytes_max;
    uint64_t waiting_bytes_max;
    uint64_t dropped;
    int error;
    uint64_t jobs_done;
    uint8_t *end_block; /* of the file that is being finished; NULL: none is */
    uint64_t waiting_bytes;
    bool finishing, finished; /* nothing more goes into the file; its thread has ended */
    unsigned files_seen;      /* of the writer */
    bool rewriting;           /* `at` is not true yet */
    int fd;                   /* what is read from; -1: none */

    struct ms_blocks_condition condition; /* of a file that was opened */
    bool opened;

    struct ms_block_cached cache[MS_BLOCK_CACHED];
    uint64_t cache_uses;
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
};

/* Room for one more entry: NULL without memory. It counts only when `count` is raised. */
struct ms_block_entry *ms_block_entry_next(struct ms_blocks *blocks);
static inline uint64_t ms_block_whole_bytes(const struct ms_block_entry *entry)
{
    return MS_BLOCK_HEADER_BYTES + entry->info.stored_bytes;
}
void ms_block_entry_header(const struct ms_blocks *blocks, const struct ms_block_entry *entry,
                           struct ms_block_header *header);

/* Where it can be read from `fd`; MS_BLOCK_NOWHERE: not there (yet). */
uint64_t ms_block_place(const struct ms_blocks *blocks, const struct ms_block_entry *entry);

/* Frees what is not needed in memory; makes older segments coarser where that is not enough. */
void ms_blocks_fit_memory(struct ms_blocks *blocks);
/* Makes older segments coarser until all are at most `target` bytes, as far as that goes; returns
 * how many they are, UINT64_MAX without memory. `segment_is_over`: a new state comes, so that the
 * last segment may go, too. */
uint64_t ms_blocks_coarsen_all(struct ms_blocks *blocks, bool segment_is_over, uint64_t target);
/* Of the last state and what is fine behind it: what a new state could take the place of. */
uint64_t ms_blocks_last_segment_bytes(const struct ms_blocks *blocks);
/* Frees what left the list and is not needed any more: of jobs up to this one. */
void ms_blocks_free_doomed(struct ms_blocks *blocks, uint64_t jobs_done);

/* Takes over what the writer has done by now. */
void ms_blocks_poll(struct ms_blocks *blocks);
/* A block as it is stored; `entry` gets what it says of itself. NULL: *error -ENOMEM... */
uint8_t *ms_block_compress(struct ms_blocks *blocks, const void *raw, size_t raw_bytes,
                           struct ms_block_entry *entry, int *error);
/*
 * Makes room for this block in the file, by writing it anew. 0; -EAGAIN: not before it was written
 * anew the last time; -ENOSPC: not before a new state begins a segment, as the one that goes on
 * takes the room; -EFBIG: nothing more can go; -ENOMEM.
 */
int ms_blocks_make_room(struct ms_blocks *blocks, const struct ms_block_entry *entry);

void ms_blocks_cache_free(struct ms_blocks *blocks);

#endif
