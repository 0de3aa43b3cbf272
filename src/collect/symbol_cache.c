/* See symbol_cache.h. Numbers in the files are as the machine has them; the head tells. */
#include "collect/symbol_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUILD_ID_AT_MOST = 20,
    ADDED_AT_MOST = 256,
    VERSION = 1,

    TEXT_SLOTS = 1024
};
#define MAGIC       UINT64_C(0x31434d59534f534d) /* "MSOSYMC1", also says the order of bytes */
#define BLOCK_MAGIC UINT32_C(0x4b4c4253)

struct head {
    uint64_t magic;
    uint32_t version;
    uint32_t build_id_bytes;
    uint8_t build_id[24];
    uint64_t checksum; /* of what is before */
};

/* Followed by the texts, then the records. */
struct block {
    uint32_t magic;
    uint32_t text_bytes;   /* NUL-terminated texts, padded to 8 */
    uint32_t record_bytes; /* struct record and its frames, one after the other */
    uint32_t records;
    uint64_t checksum; /* of texts and records */
};

struct record {
    uint64_t address;
    uint32_t frames;
    uint32_t reserved;
};

struct record_frame {
    uint32_t line;
    uint32_t function, file, crate; /* places in the texts */
};

struct known {
    uint64_t address;
    const struct record *record;
    const char *texts;
};

/* What was read, or is being gathered to be written. */
struct buffer {
    char *bytes;
    size_t count, capacity;
};

struct ms_symbol_cache {
    char path[PATH_MAX]; /* "": kept in memory only */
    struct head head;
    void *content;       /* of the file */
    bool replace;        /* what is there is not to be added to */
    struct known *known; /* open addressing by address; empty where record is NULL */
    size_t known_count, known_capacity;
    struct buffer texts, records;    /* that are to be written */
    uint32_t text_slots[TEXT_SLOTS]; /* place + 1 of a text that was written there */
    uint32_t added;
};

/* FNV-1a over 8 bytes at a time, then mixed; against damage, not against intent. */
static uint64_t checksum_of(uint64_t sum, const void *bytes, size_t count)
{
    const char *at = bytes;
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        sum = (sum ^ word) * UINT64_C(0x9fb21c651e98df25);
        sum ^= sum >> 29;
    }
    for (; count > 0; at++, count--) {
        sum = (sum ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    }
    return sum ^ sum >> 32;
}

static uint64_t head_checksum(const struct head *head)
{
    return checksum_of(VERSION, head, offsetof(struct head, checksum));
}

struct ms_symbol_cache *ms_symbol_cache_new(const uint8_t *build_id, size_t build_id_bytes)
{
    struct ms_symbol_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL || build_id_bytes > BUILD_ID_AT_MOST) {
        free(cache);
        return NULL;
    }
    cache->head = (struct head){
        .magic = MAGIC, .version = VERSION, .build_id_bytes = (uint32_t)build_id_bytes};
    memcpy(cache->head.build_id, build_id, build_id_bytes);
    cache->head.checksum = head_checksum(&cache->head);
    return cache;
}

/* --- what is known, by address --- */

static size_t place_of(const struct ms_symbol_cache *cache, uint64_t address)
{
    size_t at = (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 20);
    for (;; at++) {
        const struct known *known = &cache->known[at & (cache->known_capacity - 1)];
        if (known->record == NULL || known->address == address) {
            return at & (cache->known_capacity - 1);
        }
    }
}

static bool make_room(struct ms_symbol_cache *cache)
{
    if (cache->known_count * 3 < cache->known_capacity * 2) {
        return true;
    }
    struct known *old = cache->known;
    size_t old_capacity = cache->known_capacity;
    size_t capacity = old_capacity == 0 ? 1024 : old_capacity * 2;
    cache->known = calloc(capacity, sizeof *cache->known);
    if (cache->known == NULL) {
        cache->known = old;
        return false;
    }
    cache->known_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].record != NULL) {
            cache->known[place_of(cache, old[i].address)] = old[i];
        }
    }
    free(old);
    return true;
}

static void remember(struct ms_symbol_cache *cache, const struct record *record, const char *texts)
{
    if (!make_room(cache)) {
        return;
    }
    struct known *known = &cache->known[place_of(cache, record->address)];
    cache->known_count += known->record == NULL;
    *known = (struct known){record->address, record, texts};
}

/* --- reading --- */

/* The frames of every record must be within the block, their texts within the texts. */
static bool take_block(struct ms_symbol_cache *cache, const struct block *block)
{
    const char *texts = (const char *)(block + 1);
    const char *at = texts + block->text_bytes;
    size_t left = block->record_bytes;
    for (uint32_t i = 0; i < block->records; i++) {
        const struct record *record = (const struct record *)at;
        if (left < sizeof *record || record->frames == 0 ||
            record->frames > MS_SYMBOL_CACHE_FRAMES_MAX ||
            left - sizeof *record < record->frames * sizeof(struct record_frame)) {
            return false;
        }
        const struct record_frame *frames = (const struct record_frame *)(record + 1);
        for (uint32_t k = 0; k < record->frames; k++) {
            if (frames[k].function >= block->text_bytes || frames[k].file >= block->text_bytes ||
                frames[k].crate >= block->text_bytes) {
                return false;
            }
        }
        size_t bytes = sizeof *record + record->frames * sizeof(struct record_frame);
        remember(cache, record, texts);
        at += bytes;
        left -= bytes;
    }
    return left == 0;
}

/* Of a block that is whole; 0: it is not. */
static size_t block_bytes(const struct block *block, size_t left)
{
    uint64_t bytes = sizeof *block + (uint64_t)block->text_bytes + block->record_bytes;
    if (block->magic != BLOCK_MAGIC || bytes > left || block->text_bytes % 8 != 0 ||
        block->text_bytes == 0 || block->record_bytes % 8 != 0) {
        return 0;
    }
    const char *texts = (const char *)(block + 1);
    if (texts[block->text_bytes - 1] != '\0' ||
        block->checksum !=
            checksum_of(block->records, texts, block->text_bytes + block->record_bytes)) {
        return 0;
    }
    return (size_t)bytes;
}

static void forget(struct ms_symbol_cache *cache)
{
    free(cache->known);
    cache->known = NULL;
    cache->known_count = cache->known_capacity = 0;
}

bool ms_symbol_cache_take(struct ms_symbol_cache *cache, void *bytes, size_t count)
{
    const char *at = bytes;
    size_t left = count;
    if (left < sizeof(struct head) || memcmp(at, &cache->head, sizeof cache->head) != 0) {
        return false;
    }
    at += sizeof(struct head);
    left -= sizeof(struct head);
    while (left >= sizeof(struct block)) {
        const struct block *block = (const struct block *)at;
        size_t block_count = block_bytes(block, left);
        if (block_count == 0) {
            break;
        }
        if (!take_block(cache, block)) {
            forget(cache); /* the checksum is right and the content is not: somebody's work */
            return false;
        }
        at += block_count;
        left -= block_count;
    }
    /* What is left over was cut while it was written: what is before it holds. */
    cache->replace = left > 0;
    return true;
}

static void read_file(struct ms_symbol_cache *cache)
{
    struct stat status;
    int descriptor = open(cache->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        cache->replace = true;
        return;
    }
    bool fits = ms_symbol_cache_is_private(descriptor, S_IFREG, &status) &&
                (uint64_t)status.st_size <= MS_SYMBOL_CACHE_FILE_MAX;
    size_t wanted = fits ? (size_t)status.st_size : 0;
    size_t done = 0;
    cache->content = malloc(wanted + 1);
    while (cache->content != NULL && done < wanted) {
        ssize_t bytes = read(descriptor, (char *)cache->content + done, wanted - done);
        if (bytes <= 0) {
            break;
        }
        done += (size_t)bytes;
    }
    if (done == 0 || !ms_symbol_cache_take(cache, cache->content, done)) {
        free(cache->content);
        cache->content = NULL;
        cache->replace = true;
    } else {
        (void)futimens(descriptor, NULL); /* used now: it is not the oldest */
    }
    close(descriptor);
}

struct ms_symbol_cache *ms_symbol_cache_open(const char *folder, const uint8_t *build_id,
                                             size_t build_id_bytes)
{
    char hex[2 * BUILD_ID_AT_MOST + 1];
    if (folder == NULL || folder[0] == '\0' || build_id_bytes < 8 ||
        build_id_bytes > BUILD_ID_AT_MOST || !ms_symbol_cache_prepare(folder)) {
        return NULL;
    }
    struct ms_symbol_cache *cache = ms_symbol_cache_new(build_id, build_id_bytes);
    if (cache == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < build_id_bytes; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
    }
    if ((size_t)snprintf(cache->path, sizeof cache->path, "%s/%s", folder, hex) >=
        sizeof cache->path) {
        free(cache);
        return NULL;
    }
    read_file(cache);
    return cache;
}

size_t ms_symbol_cache_find(const struct ms_symbol_cache *cache, uint64_t address,
                            struct ms_cached_frame *out)
{
    const struct known *known =
        cache->known_capacity == 0 ? NULL : &cache->known[place_of(cache, address)];
    if (known == NULL || known->record == NULL) {
        return 0;
    }
    const struct record_frame *frames = (const struct record_frame *)(known->record + 1);
    for (uint32_t i = 0; i < known->record->frames; i++) {
        out[i] = (struct ms_cached_frame){.line = frames[i].line,
                                          .function = known->texts + frames[i].function,
                                          .file = known->texts + frames[i].file,
                                          .crate = known->texts + frames[i].crate};
    }
    return known->record->frames;
}

size_t ms_symbol_cache_count(const struct ms_symbol_cache *cache)
{
    return cache->known_count;
}

/* --- writing --- */

static void *grow(struct buffer *buffer, size_t bytes)
{
    if (buffer->capacity - buffer->count < bytes) {
        size_t capacity = buffer->capacity * 2 + bytes + 4096;
        char *grown = realloc(buffer->bytes, capacity);
        if (grown == NULL) {
            return NULL;
        }
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    void *place = buffer->bytes + buffer->count;
    buffer->count += bytes;
    return place;
}

/* Texts repeat from frame to frame: the last one of each slot is used again. UINT32_MAX: no memory.
 */
static uint32_t place_text(struct ms_symbol_cache *cache, const char *text)
{
    struct buffer *texts = &cache->texts;
    size_t bytes = strlen(text) + 1;
    uint32_t *slot = &cache->text_slots[checksum_of(1, text, bytes) % TEXT_SLOTS];
    if (*slot != 0 && strcmp(texts->bytes + *slot - 1, text) == 0) {
        return *slot - 1;
    }
    char *place = grow(texts, bytes);
    if (place == NULL) {
        return UINT32_MAX;
    }
    memcpy(place, text, bytes);
    *slot = (uint32_t)(place - texts->bytes) + 1;
    return *slot - 1;
}

void ms_symbol_cache_add(struct ms_symbol_cache *cache, uint64_t address,
                         const struct ms_cached_frame *frames, size_t count)
{
    if (cache == NULL || count == 0 || count > MS_SYMBOL_CACHE_FRAMES_MAX) {
        return;
    }
    size_t before = cache->records.count;
    struct record record = {.address = address, .frames = (uint32_t)count};
    void *place = grow(&cache->records, sizeof record);
    bool whole = place != NULL;
    if (whole) {
        memcpy(place, &record, sizeof record);
    }
    for (size_t i = 0; whole && i < count; i++) {
        struct record_frame frame = {.line = frames[i].line,
                                     .function = place_text(cache, frames[i].function),
                                     .file = place_text(cache, frames[i].file),
                                     .crate = place_text(cache, frames[i].crate)};
        place = grow(&cache->records, sizeof frame);
        whole = place != NULL && frame.function != UINT32_MAX && frame.file != UINT32_MAX &&
                frame.crate != UINT32_MAX;
        if (whole) {
            memcpy(place, &frame, sizeof frame);
        }
    }
    if (!whole) {
        cache->records.count = before;
        return;
    }
    if (++cache->added >= ADDED_AT_MOST) {
        ms_symbol_cache_flush(cache);
    }
}

static bool write_all(int descriptor, const void *bytes, size_t count)
{
    return write(descriptor, bytes, count) == (ssize_t)count;
}

/* A new file with a head, what is known from the old one given up: it is read again by nobody. */
static int begin_file(struct ms_symbol_cache *cache)
{
    char temporary[PATH_MAX + 16];
    (void)snprintf(temporary, sizeof temporary, "%s.XXXXXX", cache->path);
    int descriptor = mkostemp(temporary, O_CLOEXEC | O_APPEND); /* with mode 0600 */
    if (descriptor < 0) {
        return -1;
    }
    if (!write_all(descriptor, &cache->head, sizeof cache->head) ||
        rename(temporary, cache->path) != 0) {
        (void)unlink(temporary);
        close(descriptor);
        return -1;
    }
    cache->replace = false;
    return descriptor;
}

/* One write for the whole block: sessions that append at the same time do not mix. */
static void write_block(struct ms_symbol_cache *cache)
{
    struct stat status;
    struct block block = {.magic = BLOCK_MAGIC,
                          .text_bytes = (uint32_t)cache->texts.count,
                          .record_bytes = (uint32_t)cache->records.count,
                          .records = cache->added};
    size_t bytes = sizeof block + block.text_bytes + block.record_bytes;
    char *whole = malloc(bytes);
    if (whole == NULL) {
        return;
    }
    memcpy(whole + sizeof block, cache->texts.bytes, block.text_bytes);
    memcpy(whole + sizeof block + block.text_bytes, cache->records.bytes, block.record_bytes);
    block.checksum = checksum_of(block.records, whole + sizeof block, bytes - sizeof block);
    memcpy(whole, &block, sizeof block);
    int descriptor =
        cache->replace
            ? begin_file(cache)
            : open(cache->path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) {
        if (ms_symbol_cache_is_private(descriptor, S_IFREG, &status) &&
            (uint64_t)status.st_size + bytes <= MS_SYMBOL_CACHE_FILE_MAX &&
            !write_all(descriptor, whole, bytes)) {
            /* Disk full: the cut block would hide what others append behind it. */
            (void)!ftruncate(descriptor, status.st_size);
        }
        close(descriptor);
    }
    free(whole);
}

void ms_symbol_cache_flush(struct ms_symbol_cache *cache)
{
    if (cache == NULL || cache->added == 0) {
        return;
    }
    size_t padding = (8 - cache->texts.count % 8) % 8;
    char *place = grow(&cache->texts, padding);
    if (place != NULL && cache->path[0] != '\0') {
        memset(place, 0, padding);
        write_block(cache);
    }
    memset(cache->text_slots, 0, sizeof cache->text_slots);
    cache->texts.count = cache->records.count = 0;
    cache->added = 0;
}

void ms_symbol_cache_close(struct ms_symbol_cache *cache)
{
    if (cache != NULL) {
        ms_symbol_cache_flush(cache);
        forget(cache);
        free(cache->content);
        free(cache->texts.bytes);
        free(cache->records.bytes);
        free(cache);
    }
}
