/*
 * The thread that puts a recording on the disk. It gets bytes that somebody else owns, in order;
 * they must stay until the job is done. For src/record only.
 *
 * A file is begun with all that there is before (ms_block_writer_begin), goes on by appending, and
 * may be written anew beside itself (ms_block_writer_rewrite), which takes its place by rename. Its
 * length is known in advance, so places in it are the caller's to compute.
 *
 * Every few seconds what was written is forced to the disk. After the first error nothing is
 * written any more; a block that was begun is taken back where the disk lets us.
 */
#ifndef MS_RECORD_BLOCK_WRITER_H
#define MS_RECORD_BLOCK_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_BLOCK_SYNC_EVERY_NS UINT64_C(5000000000) /* what a power cut costs at most */

struct ms_block_writer; /* opaque */

struct ms_block_piece {
    const uint8_t *bytes; /* NULL: `count` bytes at `from` of the file before */
    uint64_t from, count;
};

/*
 * Makes the file and writes `pieces` (taken over, from malloc, freed in any case); waits until the
 * first of them is written. `source`: the descriptor that pieces refer to, or -1; it must stay open
 * until the first job is done. A file that is there (`overwrite`) stays until all pieces are on the
 * disk beside it. 0; -EEXIST; -EISDIR; -ENOTSUP: what is there is no regular file; or what open,
 * write and the start of a thread say.
 */
int ms_block_writer_begin(const char *path, bool overwrite, struct ms_block_piece *pieces,
                          size_t count, int source, struct ms_block_writer **out);

/* Both return the number of the job (that of begin is 1), 0 without memory. */
uint64_t ms_block_writer_append(struct ms_block_writer *writer, const uint8_t *bytes,
                                uint64_t count);
uint64_t ms_block_writer_rewrite(struct ms_block_writer *writer, struct ms_block_piece *pieces,
                                 size_t count); /* takes `pieces` over */

struct ms_block_written {
    uint64_t jobs;          /* done: all up to this one */
    uint64_t waiting_bytes; /* of blocks to append */
    unsigned files;         /* that are whole: 0 until what was before is written, 1... */
    int fd;     /* of the last of them, -1: none; those before are the caller's to close */
    int error;  /* -errno */
    bool ended; /* its thread has: ms_block_writer_end waits for nothing */
};
struct ms_block_written ms_block_writer_state(struct ms_block_writer *writer);

/* Everything goes to the disk, then the thread ends; no job may follow. Waits for nothing. */
void ms_block_writer_close(struct ms_block_writer *writer);
/* Until it has ended, or `wait_ns` are over; as ms_block_writer_state. */
struct ms_block_written ms_block_writer_wait(struct ms_block_writer *writer, uint64_t wait_ns);

/* Waits until everything is on the disk (`drain`) or only for what is being written; ends the
 * thread and frees. The last state; `fd` is the caller's. */
struct ms_block_written ms_block_writer_end(struct ms_block_writer *writer, bool drain);

/* A disk that does not answer, for tests. */
void ms_block_writer_pause(struct ms_block_writer *writer, bool pause);

#endif
