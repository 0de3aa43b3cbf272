/* The file of a recording: begun with what was there before, written anew, closed. See blocks.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/blocks_internal.h"

/* Of the room: what a file has at most after it was written anew, lest that happens all the time;
 * and how much less must be worth it. */
static uint64_t target_of(uint64_t bytes_max)
{
    return bytes_max - bytes_max / 4;
}

static uint64_t too_much_of(uint64_t bytes_max)
{
    return bytes_max - bytes_max / 8;
}

/*
 * All that is there as pieces of a new file: a header, then the blocks. Places and jobs in the list
 * become those of the new file. NULL without memory.
 */
static struct ms_block_piece *pieces_of(struct ms_blocks *blocks)
{
    struct ms_block_piece *const pieces = calloc(blocks->count + 1, sizeof *pieces);
    if (pieces == NULL) {
        return NULL;
    }
    pieces[0] =
        (struct ms_block_piece){.bytes = blocks->file_header, .count = sizeof blocks->file_header};
    uint64_t at = MS_FILE_HEADER_BYTES;
    for (size_t i = 0; i < blocks->count; i++) {
        struct ms_block_entry *const entry = &blocks->entries[i];
        /* What only waits to be written will be when its turn comes. */
        pieces[i + 1] =
            (struct ms_block_piece){.bytes = entry->stored,
                                    .from = blocks->rewriting ? entry->at_before : entry->at,
                                    .count = ms_block_whole_bytes(entry)};
        entry->at_before = ms_block_place(blocks, entry);
        entry->at = at;
        at += ms_block_whole_bytes(entry);
    }
    return pieces;
}

static void set_job(struct ms_blocks *blocks, uint64_t job)
{
    for (size_t i = 0; i < blocks->count; i++) {
        blocks->entries[i].job = job;
    }
}

int ms_blocks_make_room(struct ms_blocks *blocks, const struct ms_block_entry *entry)
{
    const uint64_t most = blocks->file_bytes_max;
    const uint64_t bytes = ms_block_whole_bytes(entry);
    const bool is_state = entry->info.type == MS_BLOCK_STATE;
    if (most == 0 || blocks->file_end + bytes <= most) {
        return 0;
    }
    if (blocks->rewriting) {
        return -EAGAIN;
    }
    /* What comes is to fit, too. */
    const uint64_t beside = MS_FILE_HEADER_BYTES + bytes;
    const uint64_t room = most > beside ? most - beside : 0;
    const uint64_t left =
        ms_blocks_coarsen_all(blocks, is_state, room < target_of(most) ? room : target_of(most));
    if (left == UINT64_MAX) {
        return -ENOMEM;
    }
    const uint64_t end = MS_FILE_HEADER_BYTES + left;
    if (end > too_much_of(most) || end + bytes > most) {
        const uint64_t beyond = is_state ? 0 : ms_blocks_last_segment_bytes(blocks);
        return beyond > 0 && end - beyond <= too_much_of(most) && end - beyond + bytes <= most
                   ? -ENOSPC
                   : -EFBIG;
    }
    struct ms_block_piece *const pieces = pieces_of(blocks);
    if (pieces == NULL) {
        return -ENOMEM;
    }
    blocks->rewriting = true;
    const uint64_t job = ms_block_writer_rewrite(blocks->writer, pieces, blocks->count + 1);
    if (job == 0) {
        blocks->error = -ENOMEM; /* places are those of a file that will not be */
        return -ENOMEM;
    }
    set_job(blocks, job);
    blocks->file_end = end;
    return 0;
}

/* The places are again those of the file before. */
static void take_back(struct ms_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        blocks->entries[i].at = blocks->entries[i].at_before;
        blocks->entries[i].job = 0;
    }
    blocks->rewriting = false;
}

static int begin(struct ms_blocks *blocks, const char *path, bool overwrite)
{
    uint64_t end = MS_FILE_HEADER_BYTES;
    for (size_t i = 0; i < blocks->count; i++) {
        end += ms_block_whole_bytes(&blocks->entries[i]);
    }
    struct ms_block_piece *const pieces = pieces_of(blocks);
    if (pieces == NULL) {
        return -ENOMEM;
    }
    ms_file_header_write(blocks->file_header, blocks->recording_id);
    const int error = ms_block_writer_begin(path, overwrite, pieces, blocks->count + 1, blocks->fd,
                                            &blocks->writer);
    if (error != 0) {
        take_back(blocks);
        return error;
    }
    set_job(blocks, 1);
    blocks->jobs_done = 0;
    blocks->files_seen = 0;
    blocks->rewriting = true;
    blocks->file_end = end;
    return 0;
}

int ms_blocks_keep(struct ms_blocks *blocks, const char *path, bool overwrite, uint64_t max_bytes)
{
    if (blocks->opened) {
        return -EINVAL;
    }
    if (blocks->writer != NULL) {
        return blocks->finishing ? -EBUSY : -EALREADY;
    }
    uint64_t bytes = MS_FILE_HEADER_BYTES;
    for (size_t i = 0; i < blocks->count; i++) {
        bytes += ms_block_whole_bytes(&blocks->entries[i]);
    }
    if (max_bytes != 0 && bytes > too_much_of(max_bytes)) {
        bytes = ms_blocks_coarsen_all(blocks, false, target_of(max_bytes));
        if (bytes > too_much_of(max_bytes)) {
            return bytes == UINT64_MAX ? -ENOMEM : -EFBIG;
        }
    }
    char *const copy = strdup(path);
    if (copy == NULL) {
        return -ENOMEM;
    }
    const int error = begin(blocks, path, overwrite);
    if (error != 0) {
        free(copy);
        return error;
    }
    blocks->path = copy;
    blocks->file_bytes_max = max_bytes;
    blocks->error = 0;
    blocks->dropped = 0;
    return 0;
}

/* What MS_BLOCK_END says of the others. Nothing when the list is not all that is in the file. */
static uint8_t *index_of(const struct ms_blocks *blocks, size_t *bytes)
{
    uint64_t expected = MS_FILE_HEADER_BYTES;
    uint8_t *const index = malloc(blocks->count * MS_BLOCK_INDEX_BYTES + 1);
    *bytes = 0;
    for (size_t i = 0; index != NULL && i < blocks->count; i++) {
        const struct ms_block_entry *const entry = &blocks->entries[i];
        uint8_t *const to = index + i * MS_BLOCK_INDEX_BYTES;
        struct ms_block_header header;
        if (entry->at != expected) {
            break;
        }
        expected += ms_block_whole_bytes(entry);
        ms_block_entry_header(blocks, entry, &header);
        ms_put_u64(to, entry->at);
        ms_block_header_write(to + 8, &header);
    }
    if (index != NULL && expected == blocks->file_end &&
        blocks->count * MS_BLOCK_INDEX_BYTES <= MS_BLOCK_RAW_BYTES_MAX) {
        *bytes = blocks->count * MS_BLOCK_INDEX_BYTES;
    }
    return index;
}

/* MS_BLOCK_END and the footer, for the end of the file; NULL without memory. */
static uint8_t *end_of(struct ms_blocks *blocks, uint64_t *bytes)
{
    struct ms_block_entry entry = {.info = {.type = MS_BLOCK_END}};
    if (blocks->count > 0) {
        const struct ms_block_info *const last = &blocks->entries[blocks->count - 1].info;
        entry.info.first_tick = entry.info.last_tick = last->last_tick;
        entry.info.first_ns = entry.info.last_ns = last->last_ns;
    }
    entry.info.number = blocks->next_number; /* what is kept on in memory goes on with it */
    size_t index_bytes;
    int error;
    uint8_t *const index = index_of(blocks, &index_bytes);
    uint8_t *const block =
        index != NULL ? ms_block_compress(blocks, index, index_bytes, &entry, &error) : NULL;
    free(index);
    *bytes = ms_block_whole_bytes(&entry);
    uint8_t *const end = block != NULL ? realloc(block, *bytes + MS_FILE_FOOTER_BYTES) : NULL;
    if (end == NULL) {
        free(block);
        return NULL;
    }
    ms_file_footer_write(end + *bytes, blocks->recording_id, blocks->file_end);
    *bytes += MS_FILE_FOOTER_BYTES;
    return end;
}

bool ms_blocks_settle(struct ms_blocks *blocks, uint64_t wait_ns)
{
    const uint64_t slice_ns = 1000000;
    ms_blocks_poll(blocks);
    for (uint64_t waited_ns = 0; waited_ns < wait_ns && blocks->rewriting && blocks->error == 0;
         waited_ns += slice_ns) {
        usleep((useconds_t)(slice_ns / 1000));
        ms_blocks_poll(blocks);
    }
    return !blocks->rewriting || blocks->error != 0;
}

void ms_blocks_finish_begin(struct ms_blocks *blocks)
{
    if (blocks->writer == NULL || blocks->finishing) {
        return;
    }
    uint64_t bytes = 0;
    blocks->end_block = end_of(blocks, &bytes);
    if (blocks->end_block != NULL &&
        ms_block_writer_append(blocks->writer, blocks->end_block, bytes) != 0) {
        blocks->file_end += bytes;
    } else if (blocks->error == 0) {
        blocks->error = -ENOMEM; /* what is there gets to the disk all the same */
    }
    blocks->finishing = true;
    ms_block_writer_close(blocks->writer);
}

bool ms_blocks_finish_wait(struct ms_blocks *blocks, uint64_t wait_ns)
{
    if (blocks->writer != NULL && blocks->finishing) {
        (void)ms_block_writer_wait(blocks->writer, wait_ns);
        ms_blocks_poll(blocks);
    }
    return blocks->writer == NULL || blocks->finished;
}

int ms_blocks_finish(struct ms_blocks *blocks)
{
    if (blocks->writer == NULL) {
        return blocks->error;
    }
    ms_blocks_finish_begin(blocks);
    const struct ms_block_written last = ms_block_writer_end(blocks->writer, true);
    free(blocks->end_block);
    blocks->end_block = NULL;
    blocks->finishing = blocks->finished = false;
    if (last.files != blocks->files_seen) {
        if (blocks->fd >= 0) {
            close(blocks->fd);
        }
        blocks->fd = last.fd;
        blocks->rewriting = false;
    }
    blocks->writer = NULL;
    blocks->jobs_done = last.jobs;
    ms_blocks_free_doomed(blocks, UINT64_MAX);
    free(blocks->path);
    blocks->path = NULL;
    if (blocks->error == 0) {
        blocks->error = last.error;
    }
    ms_blocks_fit_memory(blocks);
    return blocks->error;
}
