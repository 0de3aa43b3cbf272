/* The way through a file of blocks by its index, or else by the headers. See ms_blocks_open. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/block_file.h"
#include "record/blocks_internal.h"

/* The latter bounds the time that a file full of bad headers can cost. */
enum { SEARCH_BYTES = 1 << 20, FUTILE_MAX = 1 << 20 };

struct scan {
    struct ms_blocks *blocks;
    uint64_t file_bytes;
    uint64_t number_least; /* of the next block: who looks for a number trusts that they rise */
    bool id_known;
    bool header_damaged, index_damaged, too_many;
    bool at_end; /* the last block is MS_BLOCK_END */
    bool end_has_index;
    unsigned futile; /* headers that a search found and that are none */
    uint8_t *buffer; /* when something had to be searched for */
};

/* What a reader is told of lost bytes: how many, and where the first are. */
static void lose(struct scan *scan, uint64_t from, uint64_t to)
{
    struct ms_blocks_condition *const condition = &scan->blocks->condition;
    if (to > from) {
        condition->lost_at = condition->lost_bytes == 0 ? from : condition->lost_at;
        condition->lost_bytes += to - from;
    }
}

/* A header of this recording, behind those before, whose block ends within the file. */
static bool fits(const struct scan *scan, const struct ms_block_header *header, uint64_t at)
{
    const uint64_t room = scan->file_bytes - at - MS_BLOCK_HEADER_BYTES;
    return header->stored_bytes <= room && header->number >= scan->number_least &&
           header->number < UINT64_MAX &&
           (!scan->id_known || header->recording_id == scan->blocks->recording_id);
}

static bool header_at(const struct scan *scan, uint64_t at, struct ms_block_header *header)
{
    uint8_t bytes[MS_BLOCK_HEADER_BYTES];
    return at <= scan->file_bytes && scan->file_bytes - at >= sizeof bytes &&
           ms_block_file_read(scan->blocks->fd, at, bytes, sizeof bytes) == 0 &&
           ms_block_header_read(bytes, header) && fits(scan, header, at);
}

/* The next header at or after `at`; file_bytes: there is none, or it cannot be read. */
static uint64_t search(struct scan *scan, uint64_t at, struct ms_block_header *header)
{
    if (scan->buffer == NULL) {
        scan->buffer = malloc(scan->file_bytes < SEARCH_BYTES ? scan->file_bytes : SEARCH_BYTES);
    }
    while (scan->buffer != NULL && at < scan->file_bytes &&
           scan->file_bytes - at >= MS_BLOCK_HEADER_BYTES) {
        const uint64_t left = scan->file_bytes - at;
        const size_t bytes = left < SEARCH_BYTES ? (size_t)left : SEARCH_BYTES;
        if (ms_block_file_read(scan->blocks->fd, at, scan->buffer, bytes) != 0) {
            break;
        }
        const uint8_t *from = scan->buffer;
        const uint8_t *const end = scan->buffer + bytes;
        while ((from = memmem(from, (size_t)(end - from), ms_block_sync, sizeof ms_block_sync)) !=
                   NULL &&
               end - from >= MS_BLOCK_HEADER_BYTES) {
            const uint64_t found = at + (uint64_t)(from - scan->buffer);
            if (ms_get_u64(from + 8) == scan->blocks->recording_id) {
                if (ms_block_header_read(from, header) && fits(scan, header, found)) {
                    return found;
                }
                /* By chance this happens once in 2^96 bytes, by damage once for a block. */
                if (++scan->futile > FUTILE_MAX) {
                    return scan->file_bytes;
                }
            }
            from++;
        }
        /* What is too near the end of the buffer is looked at again with what follows it. */
        at += bytes - (MS_BLOCK_HEADER_BYTES - 1);
    }
    return scan->file_bytes;
}

/* Takes a block into the list, if it is one that we can read. 0 or -ENOMEM. */
static int take(struct scan *scan, const struct ms_block_header *header, uint64_t at)
{
    struct ms_blocks *const blocks = scan->blocks;
    scan->at_end = header->type == MS_BLOCK_END;
    scan->number_least = header->number + 1;
    if (scan->at_end) {
        scan->end_has_index = header->raw_bytes != 0;
        return 0;
    }
    if (header->type >= MS_BLOCK_TYPE_TOTAL || !header->readable) {
        blocks->condition.unknown_blocks++;
        return 0;
    }
    if (blocks->count >= MS_BLOCKS_MAX) {
        scan->too_many = true;
        return 0;
    }
    struct ms_block_entry *const entry = ms_block_entry_next(blocks);
    if (entry == NULL) {
        return -ENOMEM;
    }
    *entry = (struct ms_block_entry){
        .info = {.type = (enum ms_block_type)header->type,
                 .first_tick = header->first_tick,
                 .last_tick = header->last_tick,
                 .first_ns = header->first_ns,
                 .last_ns = header->last_ns,
                 .offset = at,
                 .number = header->number,
                 .stored_bytes = header->stored_bytes,
                 .raw_bytes = header->raw_bytes,
                 .damaged = !ms_block_sizes_fit(header->stored_bytes, header->raw_bytes)},
        .stored_crc = header->stored_crc,
        .at = at,
        .at_before = MS_BLOCK_NOWHERE,
    };
    blocks->count++;
    return 0;
}

static bool is_footer(const struct scan *scan, uint64_t at)
{
    uint8_t bytes[MS_FILE_FOOTER_BYTES];
    uint64_t end_offset;
    return scan->file_bytes - at == sizeof bytes &&
           ms_block_file_read(scan->blocks->fd, at, bytes, sizeof bytes) == 0 &&
           ms_file_footer_read(bytes, scan->blocks->recording_id, &end_offset);
}

/* Hops from header to header. Where there is none, it looks for the next one from behind the last
 * header on: its block may have been cut short. 0 or -ENOMEM. */
static int scan_headers(struct scan *scan)
{
    struct ms_blocks *const blocks = scan->blocks;
    uint64_t at = MS_FILE_HEADER_BYTES;  /* where the next block should begin */
    uint64_t search_from = at;           /* behind the last header */
    uint64_t last_at = MS_BLOCK_NOWHERE; /* of the last block */
    while (at < scan->file_bytes) {
        struct ms_block_header header;
        uint64_t found = at;
        if (!header_at(scan, at, &header)) {
            if (scan->at_end && is_footer(scan, at)) {
                blocks->condition.closed = true;
                scan->index_damaged = scan->end_has_index; /* else it had been used */
                break;
            }
            found = search(scan, search_from, &header);
        }
        if (found < at) { /* within the last block, so that is none */
            if (blocks->count > 0 && blocks->entries[blocks->count - 1].at == last_at) {
                blocks->count--;
            }
            lose(scan, last_at, found);
        } else {
            lose(scan, at, found);
        }
        if (found >= scan->file_bytes) {
            break;
        }
        const int error = take(scan, &header, found);
        if (error != 0) {
            return error;
        }
        if (scan->too_many) {
            lose(scan, found, scan->file_bytes);
            break;
        }
        last_at = found;
        search_from = found + MS_BLOCK_HEADER_BYTES;
        at = search_from + header.stored_bytes;
    }
    return 0;
}

/* Takes all blocks from the index; false: it does not fit the file in every respect. */
static bool take_index(struct scan *scan, const uint8_t *index, size_t bytes, uint64_t end_offset)
{
    uint64_t expected = MS_FILE_HEADER_BYTES;
    for (size_t i = 0; i + MS_BLOCK_INDEX_BYTES <= bytes; i += MS_BLOCK_INDEX_BYTES) {
        struct ms_block_header header;
        if (ms_get_u64(index + i) != expected || !ms_block_header_read(index + i + 8, &header) ||
            !fits(scan, &header, expected) || header.stored_bytes > end_offset - expected ||
            end_offset - expected - header.stored_bytes < MS_BLOCK_HEADER_BYTES ||
            take(scan, &header, expected) != 0) {
            return false;
        }
        expected += MS_BLOCK_HEADER_BYTES + header.stored_bytes;
    }
    return bytes % MS_BLOCK_INDEX_BYTES == 0 && expected == end_offset;
}

/* True: the file is whole and closed, and all blocks are known from its last one. */
static bool use_index(struct scan *scan)
{
    struct ms_blocks *const blocks = scan->blocks;
    uint8_t footer[MS_FILE_FOOTER_BYTES];
    struct ms_block_header header;
    uint64_t end_offset;
    if (scan->file_bytes < MS_FILE_HEADER_BYTES + MS_BLOCK_HEADER_BYTES + sizeof footer ||
        ms_block_file_read(blocks->fd, scan->file_bytes - sizeof footer, footer, sizeof footer) !=
            0 ||
        !ms_file_footer_read(footer, blocks->recording_id, &end_offset) ||
        !header_at(scan, end_offset, &header) || header.type != MS_BLOCK_END || !header.readable ||
        header.raw_bytes == 0 ||
        end_offset + MS_BLOCK_HEADER_BYTES + header.stored_bytes + sizeof footer !=
            scan->file_bytes) {
        return false;
    }
    /* Read as any block, then taken off the list again. */
    const uint8_t *index;
    size_t bytes;
    const uint32_t type = header.type;
    header.type = MS_BLOCK_ABOUT;
    bool good = take(scan, &header, end_offset) == 0;
    if (good) {
        blocks->entries[0].info.type = (enum ms_block_type)type;
        good = ms_blocks_read(blocks, 0, &index, &bytes) == 0;
        blocks->count = 0;
        scan->number_least = 0;
    }
    good = good && take_index(scan, index, bytes, end_offset);
    ms_blocks_cache_free(blocks);
    blocks->condition.closed = good;
    if (!good) {
        blocks->count = 0;
        blocks->condition.unknown_blocks = 0;
        scan->number_least = 0;
    }
    return good;
}

/* Where blocks are missing and no tick follows a state, or no state is before them, they went for
 * want of room. */
static uint64_t coarse_until(const struct ms_blocks *blocks)
{
    uint64_t until = 0;
    const struct ms_block_info *state = NULL;
    bool fine = true;
    uint64_t first_number = 0;
    for (size_t i = 0; i < blocks->count; i++) {
        const struct ms_block_info *const info = &blocks->entries[i].info;
        if (info->type == MS_BLOCK_TICKS) {
            fine = true;
        } else if (info->type == MS_BLOCK_STATE) {
            const bool gap = info->number - first_number > i;
            if (gap && (!fine || state == NULL)) {
                until = info->first_ns;
            }
            state = info;
            fine = false;
            first_number = info->number - i;
        }
    }
    return until;
}

/* Adds a clause. */
static void add(struct ms_blocks_condition *condition, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct ms_blocks_condition *condition, const char *format, ...)
{
    const size_t used = strlen(condition->words);
    const char *const comma = used > 0 ? ", " : "";
    char clause[sizeof condition->words];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(clause, sizeof clause, format, arguments);
    va_end(arguments);
    snprintf(condition->words + used, sizeof condition->words - used, "%s%s", comma, clause);
}

static void say(const struct scan *scan)
{
    struct ms_blocks_condition *const condition = &scan->blocks->condition;
    const bool at_end = condition->lost_at + condition->lost_bytes == scan->file_bytes;
    if (!condition->closed) {
        add(condition, "not closed (still written, or its writer was killed)");
    }
    if (condition->lost_bytes != 0) {
        add(condition, "%" PRIu64 " bytes %s offset %" PRIu64 ", are not a complete block",
            condition->lost_bytes, at_end ? "at the end, from" : "in it, first at",
            condition->lost_at);
    }
    if (scan->header_damaged) {
        add(condition, "header damaged");
    }
    if (scan->index_damaged) {
        add(condition, "index damaged");
    }
    if (condition->unknown_blocks != 0) {
        add(condition, "%" PRIu64 " blocks of a newer version left out", condition->unknown_blocks);
    }
    if (scan->too_many) {
        add(condition, "too many blocks, the last left out");
    }
    if (condition->words[0] == '\0') {
        add(condition, "whole");
    }
}

static int no_recording(char *why, size_t why_bytes, const char *words)
{
    snprintf(why, why_bytes, "%s", words);
    return -EBADMSG;
}

static int open_regular(const char *path, int *fd, uint64_t *bytes, char *why, size_t why_bytes)
{
    struct stat file;
    /* A FIFO without a writer must not hold us up. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0 || fstat(*fd, &file) != 0) {
        const int error = -errno;
        snprintf(why, why_bytes, "%s", strerrordesc_np(-error));
        return error;
    }
    if (!S_ISREG(file.st_mode)) {
        return no_recording(why, why_bytes,
                            S_ISDIR(file.st_mode) ? "it is a directory"
                                                  : "it is not a regular file");
    }
    if (file.st_size == 0) {
        return no_recording(why, why_bytes, "it is empty");
    }
    *bytes = (uint64_t)file.st_size;
    return 0;
}

/* Whether this is a recording that we can read. */
static int check_header(struct scan *scan, char *why, size_t why_bytes)
{
    struct ms_blocks *const blocks = scan->blocks;
    uint8_t bytes[MS_FILE_HEADER_BYTES];
    uint32_t version = 0;
    if (scan->file_bytes < sizeof bytes) {
        return no_recording(why, why_bytes, "it is too short to be a recording");
    }
    const int error = ms_block_file_read(blocks->fd, 0, bytes, sizeof bytes);
    if (error != 0) {
        snprintf(why, why_bytes, "%s", strerrordesc_np(-error));
        return error;
    }
    switch (ms_file_header_read(bytes, &blocks->recording_id, &version)) {
    case MS_FILE_HEADER_NEWER:
        snprintf(why, why_bytes,
                 "it is a recording of version %" PRIu32 ", this program knows version %u", version,
                 MS_RECORD_VERSION);
        return -EPROTONOSUPPORT;
    case MS_FILE_HEADER_GOOD:
        scan->id_known = true;
        return 0;
    case MS_FILE_HEADER_DAMAGED:
        break;
    }
    struct ms_block_header first;
    scan->header_damaged = true;
    if (!header_at(scan, MS_FILE_HEADER_BYTES, &first)) {
        return no_recording(why, why_bytes, "it is not a recording");
    }
    blocks->recording_id = first.recording_id;
    scan->id_known = true;
    return 0;
}

int ms_blocks_open(const char *path, struct ms_blocks **out, char *why, size_t why_bytes)
{
    struct ms_blocks *const blocks = ms_blocks_new(0);
    struct scan scan = {.blocks = blocks};
    int error = -ENOMEM;
    if (blocks != NULL) {
        blocks->opened = true;
        error = open_regular(path, &blocks->fd, &scan.file_bytes, why, why_bytes);
        if (error == 0) {
            error = check_header(&scan, why, why_bytes);
        }
        if (error == 0) {
            blocks->condition.file_bytes = scan.file_bytes;
            error = use_index(&scan) ? 0 : scan_headers(&scan);
        }
    }
    free(scan.buffer);
    if (error != 0) {
        if (error == -ENOMEM) {
            snprintf(why, why_bytes, "%s", strerrordesc_np(ENOMEM));
        }
        ms_blocks_free(blocks);
        return error;
    }
    blocks->coarse_until_ns = coarse_until(blocks);
    say(&scan);
    snprintf(why, why_bytes, "%s", blocks->condition.words);
    *out = blocks;
    return 0;
}
