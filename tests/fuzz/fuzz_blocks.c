/*
 * Hostile recordings. By the first byte the input is a file as it stands, or says what to change in
 * a whole one: after that checksums may be made right again, so that what is behind them is reached
 * too, or the index alone is changed and right again. Whatever is found must be readable or
 * damaged.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "fuzz.h"
#include "record/block_header.h"
#include "record/blocks.h"

enum { FILE_BYTES_MAX = 65536, CHANGES_MAX = 64, AS_IT_IS = 0, MENDED = 1, INDEX = 2, WAYS = 4 };

static uint8_t whole[FILE_BYTES_MAX];
static size_t whole_bytes;
static size_t end_offset;

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void make_whole_file(void)
{
    char path[] = "/tmp/memscope-fuzz-XXXXXX";
    char text[300];
    close(mkstemp(path));
    struct ms_blocks *const blocks = ms_blocks_new(0);
    check(ms_blocks_keep(blocks, path, true, 0) == 0);
    for (unsigned i = 0; i < 12; i++) {
        const struct ms_block_info info = {.type = i % MS_BLOCK_END, .last_tick = i, .last_ns = i};
        memset(text, (int)i, sizeof text);
        check(ms_blocks_append(blocks, &info, text, i * 20) == 0);
    }
    check(ms_blocks_finish(blocks) == 0);
    ms_blocks_free(blocks);
    FILE *const file = fopen(path, "rb");
    whole_bytes = fread(whole, 1, sizeof whole, file);
    fclose(file);
    unlink(path);
    end_offset = (size_t)ms_get_u64(whole + whole_bytes - MS_FILE_FOOTER_BYTES);
}

/* Makes the checksum of a header right again, as a forger would. */
static void mend_header(uint8_t *header)
{
    const uint32_t crc = ms_block_crc(header + 8, MS_BLOCK_HEADER_BYTES - 8);
    memcpy(header, ms_block_sync, MS_BLOCK_SYNC_BYTES);
    memcpy(header + 4, &crc, sizeof crc);
}

/* Each four bytes of input: where in `bytes`, what, how. */
static void change(uint8_t *bytes, size_t count, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 <= size && i < CHANGES_MAX * 4; i += 4) {
        const size_t place = (data[i] | (size_t)data[i + 1] << 8) % count;
        bytes[place] = data[i + 3] & 1 ? data[i + 2] : bytes[place] ^ data[i + 2];
    }
}

static void mend_all(uint8_t *file)
{
    for (size_t at = MS_FILE_HEADER_BYTES; at <= end_offset;) {
        struct ms_block_header header;
        ms_block_header_read(whole + at, &header);
        const uint32_t crc = ms_block_crc(file + at + MS_BLOCK_HEADER_BYTES, header.stored_bytes);
        memcpy(file + at + 20, &crc, sizeof crc);
        mend_header(file + at);
        at += MS_BLOCK_HEADER_BYTES + header.stored_bytes;
    }
}

/* The whole file with another index; returns its length. */
static size_t with_index(uint8_t *file, const uint8_t *data, size_t size)
{
    static uint8_t index[FILE_BYTES_MAX / 2];
    uint8_t *const header = file + end_offset;
    struct ms_block_header end;
    ms_block_header_read(header, &end);
    const size_t bytes =
        ZSTD_decompress(index, sizeof index, header + MS_BLOCK_HEADER_BYTES, end.stored_bytes);
    check(!ZSTD_isError(bytes));
    change(index, bytes, data, size);
    for (size_t i = 0; i + MS_BLOCK_INDEX_BYTES <= bytes; i += MS_BLOCK_INDEX_BYTES) {
        mend_header(index + i + 8);
    }
    const size_t given = size > 0 && data[0] < 128 ? bytes : bytes * data[0] / 256;
    end.stored_bytes = ZSTD_compress(header + MS_BLOCK_HEADER_BYTES,
                                     FILE_BYTES_MAX - end_offset - 200, index, given, 1);
    check(!ZSTD_isError(end.stored_bytes));
    end.raw_bytes = given;
    end.stored_crc = ms_block_crc(header + MS_BLOCK_HEADER_BYTES, end.stored_bytes);
    ms_block_header_write(header, &end);
    ms_file_footer_write(header + MS_BLOCK_HEADER_BYTES + end.stored_bytes, end.recording_id,
                         end_offset);
    return end_offset + MS_BLOCK_HEADER_BYTES + end.stored_bytes + MS_FILE_FOOTER_BYTES;
}

static void read_file(const uint8_t *bytes, size_t count)
{
    const int fd = memfd_create("recording", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, bytes, count) == (ssize_t)count);
    char path[64];
    char why[200] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct ms_blocks *blocks = NULL;
    const int error = ms_blocks_open(path, &blocks, why, sizeof why);
    check(why[0] != '\0');
    if (error == 0) {
        const struct ms_blocks_condition condition = ms_blocks_condition(blocks);
        check(condition.lost_bytes <= count && condition.file_bytes == count);
        check(ms_blocks_count(blocks) <= count / MS_BLOCK_HEADER_BYTES);
        for (size_t i = 0; i < ms_blocks_count(blocks); i++) {
            const struct ms_block_info *const info = ms_blocks_info(blocks, i);
            const uint8_t *raw;
            size_t raw_bytes;
            check(info->type < MS_BLOCK_END && info->first_ns <= info->last_ns &&
                  info->first_tick <= info->last_tick);
            const int failure = ms_blocks_read(blocks, i, &raw, &raw_bytes);
            check(failure == 0 || (failure == -EBADMSG && info->damaged));
            if (failure == 0) {
                check(raw_bytes == info->raw_bytes);
                (void)ms_block_crc(raw, raw_bytes); /* looks at every byte */
            }
        }
        ms_blocks_free(blocks);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_BYTES_MAX];
    if (size < 4 || size > FILE_BYTES_MAX) {
        return 0;
    }
    if (whole_bytes == 0) {
        make_whole_file();
    }
    const unsigned way = data[0] % WAYS;
    if (way == AS_IT_IS) {
        read_file(data + 1, size - 1);
        return 0;
    }
    size_t bytes = whole_bytes;
    memcpy(file, whole, whole_bytes);
    if (way == INDEX) {
        bytes = with_index(file, data + 1, size - 1);
    } else {
        change(file, whole_bytes, data + 2, size - 2);
    }
    if (way == MENDED) {
        mend_all(file);
    }
    read_file(file, data[1] < 128 ? bytes : bytes * data[1] / 256);
    return 0;
}
