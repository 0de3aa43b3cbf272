/* Blocks as they are recorded: compressed, kept, handed to the writer. See blocks.h. */
#include "record/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "record/blocks_internal.h"

enum { COMPRESSION_LEVEL = 1 };

static uint64_t draw_id(void)
{
    uint64_t id;
    if (getrandom(&id, sizeof id, GRND_NONBLOCK) != (ssize_t)sizeof id) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        id = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)getpid() << 48;
    }
    return id;
}

struct ms_blocks *ms_blocks_new(uint64_t memory_bytes)
{
    struct ms_blocks *const blocks = calloc(1, sizeof *blocks);
    if (blocks == NULL) {
        return NULL;
    }
    blocks->memory_bytes_max = memory_bytes;
    blocks->waiting_bytes_max = MS_BLOCKS_WAITING_BYTES;
    blocks->recording_id = draw_id();
    blocks->fd = -1;
    return blocks;
}

void ms_blocks_free(struct ms_blocks *blocks)
{
    if (blocks == NULL) {
        return;
    }
    if (blocks->writer != NULL) {
        const struct ms_block_written last = ms_block_writer_end(blocks->writer, false);
        if (last.fd >= 0 && last.fd != blocks->fd) {
            close(last.fd);
        }
    }
    if (blocks->fd >= 0) {
        close(blocks->fd);
    }
    for (size_t i = 0; i < blocks->count; i++) {
        free(blocks->entries[i].stored);
    }
    free(blocks->end_block);
    ms_blocks_free_doomed(blocks, UINT64_MAX);
    ms_blocks_cache_free(blocks);
    ZSTD_freeCCtx(blocks->compressor);
    ZSTD_freeDCtx(blocks->decompressor);
    free(blocks->doomed);
    free(blocks->entries);
    free(blocks->path);
    free(blocks);
}

void ms_blocks_poll(struct ms_blocks *blocks)
{
    if (blocks->writer == NULL) {
        return;
    }
    const struct ms_block_written written = ms_block_writer_state(blocks->writer);
    blocks->jobs_done = written.jobs;
    blocks->waiting_bytes = written.waiting_bytes;
    blocks->finished = blocks->finishing && written.ended;
    if (written.files != blocks->files_seen) {
        if (blocks->fd >= 0) {
            close(blocks->fd);
        }
        blocks->fd = written.fd;
        blocks->files_seen = written.files;
        blocks->rewriting = false;
    }
    if (blocks->error == 0) {
        blocks->error = written.error;
    }
    ms_blocks_free_doomed(blocks, blocks->jobs_done);
}

void ms_block_entry_header(const struct ms_blocks *blocks, const struct ms_block_entry *entry,
                           struct ms_block_header *header)
{
    const struct ms_block_info *const info = &entry->info;
    *header = (struct ms_block_header){
        .recording_id = blocks->recording_id,
        .type = info->type,
        .readable = true,
        .stored_crc = entry->stored_crc,
        .stored_bytes = info->stored_bytes,
        .raw_bytes = info->raw_bytes,
        .number = info->number,
        .first_tick = info->first_tick,
        .last_tick = info->last_tick,
        .first_ns = info->first_ns,
        .last_ns = info->last_ns,
    };
}

uint8_t *ms_block_compress(struct ms_blocks *blocks, const void *raw, size_t raw_bytes,
                           struct ms_block_entry *entry, int *error)
{
    *error = -ENOMEM;
    if (blocks->compressor == NULL) {
        blocks->compressor = ZSTD_createCCtx();
    }
    const size_t bound = ZSTD_compressBound(raw_bytes);
    uint8_t *const roomy = malloc(MS_BLOCK_HEADER_BYTES + bound);
    if (blocks->compressor == NULL || roomy == NULL) {
        free(roomy);
        return NULL;
    }
    uint8_t *const payload = roomy + MS_BLOCK_HEADER_BYTES;
    const size_t bytes =
        ZSTD_compressCCtx(blocks->compressor, payload, bound, raw, raw_bytes, COMPRESSION_LEVEL);
    if (ZSTD_isError(bytes)) {
        free(roomy);
        return NULL;
    }
    struct ms_block_header header;
    entry->info.stored_bytes = bytes;
    entry->info.raw_bytes = raw_bytes;
    entry->stored_crc = ms_block_crc(payload, bytes);
    ms_block_entry_header(blocks, entry, &header);
    ms_block_header_write(roomy, &header);
    uint8_t *const exact = realloc(roomy, MS_BLOCK_HEADER_BYTES + bytes);
    *error = 0;
    return exact != NULL ? exact : roomy;
}

/* Hands a block to the writer; sets where it will be. */
static int into_file(struct ms_blocks *blocks, struct ms_block_entry *entry)
{
    const uint64_t bytes = ms_block_whole_bytes(entry);
    const uint64_t waiting = ms_block_writer_state(blocks->writer).waiting_bytes;
    if (waiting > 0 && waiting + bytes > blocks->waiting_bytes_max) {
        return -EAGAIN;
    }
    int error = ms_blocks_make_room(blocks, entry);
    if (error == -ENOSPC && blocks->coarse_until_ns < entry->info.last_ns) {
        blocks->coarse_until_ns = entry->info.last_ns;
    }
    if (error == -EFBIG) {
        blocks->error = error;
        return 0;
    }
    if (error == 0) {
        entry->job = ms_block_writer_append(blocks->writer, entry->stored, bytes);
        error = entry->job != 0 ? 0 : -ENOMEM;
    }
    if (error == 0) {
        entry->at = blocks->file_end;
        blocks->file_end += bytes;
    }
    return error;
}

int ms_blocks_append(struct ms_blocks *blocks, const struct ms_block_info *info, const void *raw,
                     size_t raw_bytes)
{
    if (blocks->opened || info->first_tick > info->last_tick || info->first_ns > info->last_ns) {
        return -EINVAL;
    }
    if (raw_bytes > MS_BLOCK_RAW_BYTES_MAX) {
        return -EMSGSIZE;
    }
    ms_blocks_poll(blocks);
    struct ms_block_entry entry = {
        .info = *info, .at = MS_BLOCK_NOWHERE, .at_before = MS_BLOCK_NOWHERE};
    entry.info.number = entry.info.offset = blocks->next_number++;
    entry.info.damaged = false;
    int error;
    entry.stored = ms_block_compress(blocks, raw, raw_bytes, &entry, &error);
    if (entry.stored == NULL) {
        return error;
    }
    if (!ms_block_sizes_fit(entry.info.stored_bytes, raw_bytes)) {
        free(entry.stored);
        return -EMSGSIZE; /* nobody would read it */
    }
    if (ms_block_entry_next(blocks) == NULL) {
        error = -ENOMEM;
    } else if (blocks->writer != NULL && blocks->error == 0 && !blocks->finishing) {
        error = into_file(blocks, &entry);
    }
    if (error != 0) {
        blocks->dropped += error == -EAGAIN;
        free(entry.stored);
        return error == -ENOSPC ? -EAGAIN : error;
    }
    blocks->entries[blocks->count++] = entry;
    blocks->memory_bytes += ms_block_whole_bytes(&entry);
    ms_blocks_fit_memory(blocks);
    return 0;
}

struct ms_blocks_state ms_blocks_state(struct ms_blocks *blocks)
{
    ms_blocks_poll(blocks);
    return (struct ms_blocks_state){
        .path = blocks->path,
        .file_bytes = blocks->path != NULL ? blocks->file_end : blocks->condition.file_bytes,
        .memory_bytes = blocks->memory_bytes,
        .dropped_blocks = blocks->dropped,
        .coarse_until_ns = blocks->coarse_until_ns,
        .removed = blocks->removed,
        .error = blocks->error,
        .waiting_bytes = blocks->writer != NULL ? blocks->waiting_bytes : 0,
        .finishing = blocks->finishing,
        .finished = blocks->finished,
    };
}

size_t ms_blocks_count(const struct ms_blocks *blocks)
{
    return blocks->count;
}

const struct ms_block_info *ms_blocks_info(const struct ms_blocks *blocks, size_t index)
{
    return &blocks->entries[index].info;
}

struct ms_blocks_condition ms_blocks_condition(const struct ms_blocks *blocks)
{
    if (blocks->opened) {
        return blocks->condition;
    }
    return (struct ms_blocks_condition){.file_bytes = blocks->path != NULL ? blocks->file_end : 0,
                                        .words = "it still goes on"};
}
