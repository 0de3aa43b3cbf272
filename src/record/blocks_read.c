/* Blocks as they are read back, from memory or from a file; nothing in a file is believed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/block_file.h"
#include "record/blocks_internal.h"

static void cache_drop(struct ms_block_cached *cached)
{
    free(cached->raw);
    *cached = (struct ms_block_cached){0};
}

void ms_blocks_cache_free(struct ms_blocks *blocks)
{
    for (size_t i = 0; i < MS_BLOCK_CACHED; i++) {
        cache_drop(&blocks->cache[i]);
    }
}

static const struct ms_block_cached *cache_find(struct ms_blocks *blocks, uint64_t offset)
{
    for (size_t i = 0; i < MS_BLOCK_CACHED; i++) {
        struct ms_block_cached *const cached = &blocks->cache[i];
        if (cached->raw != NULL && cached->offset == offset) {
            cached->used = ++blocks->cache_uses;
            return cached;
        }
    }
    return NULL;
}

/* A free place, when need be of what was not used for longest. */
static struct ms_block_cached *cache_room(struct ms_blocks *blocks, size_t bytes)
{
    for (;;) {
        struct ms_block_cached *unused = NULL;
        struct ms_block_cached *oldest = NULL;
        size_t held = 0;
        for (size_t i = 0; i < MS_BLOCK_CACHED; i++) {
            struct ms_block_cached *const cached = &blocks->cache[i];
            held += cached->bytes;
            if (cached->raw == NULL) {
                unused = cached;
            } else if (oldest == NULL || cached->used < oldest->used) {
                oldest = cached;
            }
        }
        if (oldest == NULL || (unused != NULL && held + bytes <= MS_BLOCK_CACHE_MAX)) {
            return unused;
        }
        cache_drop(oldest);
    }
}

/* The stored bytes without their header; `*owned` is to be freed. 0 or -errno. */
static int load(struct ms_blocks *blocks, const struct ms_block_entry *entry,
                const uint8_t **payload, uint8_t **owned)
{
    *owned = NULL;
    if (entry->stored != NULL) {
        *payload = entry->stored + MS_BLOCK_HEADER_BYTES;
        return 0;
    }
    const uint64_t place = ms_block_place(blocks, entry);
    const uint64_t bytes = ms_block_whole_bytes(entry);
    /* Before memory is asked for. */
    if (place == MS_BLOCK_NOWHERE ||
        !ms_block_sizes_fit(entry->info.stored_bytes, entry->info.raw_bytes) ||
        entry->info.stored_bytes > ZSTD_compressBound(MS_BLOCK_RAW_BYTES_MAX)) {
        return -EBADMSG;
    }
    *owned = malloc(bytes);
    if (*owned == NULL) {
        return -ENOMEM;
    }
    struct ms_block_header header;
    uint8_t expected[MS_BLOCK_HEADER_BYTES];
    ms_block_entry_header(blocks, entry, &header);
    ms_block_header_write(expected, &header);
    int error = ms_block_file_read(blocks->fd, place, *owned, bytes);
    if (error == -ENODATA ||
        (error == 0 && (memcmp(*owned, expected, sizeof expected) != 0 ||
                        ms_block_crc(*owned + MS_BLOCK_HEADER_BYTES, entry->info.stored_bytes) !=
                            entry->stored_crc))) {
        error = -EBADMSG;
    }
    *payload = *owned + MS_BLOCK_HEADER_BYTES;
    return error;
}

static int decompress(struct ms_blocks *blocks, const struct ms_block_entry *entry,
                      const uint8_t *payload, uint8_t **raw)
{
    const size_t stored_bytes = (size_t)entry->info.stored_bytes;
    const size_t raw_bytes = (size_t)entry->info.raw_bytes;
    /* Before memory is asked for; the frame itself must agree with the header. */
    if (!ms_block_sizes_fit(entry->info.stored_bytes, entry->info.raw_bytes) ||
        ZSTD_getFrameContentSize(payload, stored_bytes) != entry->info.raw_bytes ||
        ZSTD_findFrameCompressedSize(payload, stored_bytes) != stored_bytes) {
        return -EBADMSG;
    }
    if (blocks->decompressor == NULL) {
        blocks->decompressor = ZSTD_createDCtx();
    }
    *raw = malloc(raw_bytes + 1);
    if (blocks->decompressor == NULL || *raw == NULL) {
        return -ENOMEM;
    }
    const size_t bytes =
        ZSTD_decompressDCtx(blocks->decompressor, *raw, raw_bytes, payload, stored_bytes);
    return bytes == raw_bytes ? 0 : -EBADMSG;
}

int ms_blocks_read(struct ms_blocks *blocks, size_t index, const uint8_t **raw, size_t *raw_bytes)
{
    ms_blocks_poll(blocks);
    struct ms_block_entry *const entry = &blocks->entries[index];
    const struct ms_block_cached *const found = cache_find(blocks, entry->info.offset);
    if (found != NULL) {
        *raw = found->raw;
        *raw_bytes = found->bytes;
        return 0;
    }
    const uint8_t *payload = NULL;
    uint8_t *owned = NULL;
    uint8_t *fresh = NULL;
    int error = load(blocks, entry, &payload, &owned);
    if (error == 0) {
        error = decompress(blocks, entry, payload, &fresh);
    }
    free(owned);
    if (error != 0) {
        free(fresh);
        entry->info.damaged = entry->info.damaged || error == -EBADMSG;
        return error;
    }
    struct ms_block_cached *const room = cache_room(blocks, (size_t)entry->info.raw_bytes);
    *room = (struct ms_block_cached){.offset = entry->info.offset,
                                     .raw = fresh,
                                     .bytes = (size_t)entry->info.raw_bytes,
                                     .used = ++blocks->cache_uses};
    *raw = room->raw;
    *raw_bytes = room->bytes;
    return 0;
}
