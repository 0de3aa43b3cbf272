#include "export/html_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define RAW_BYTES      (64u << 10)
#define DEFLATED_BYTES (3u * (16u << 10)) /* a multiple of 3, so that base64 has no gaps */
#define LEVEL          6
#define GZIP_WINDOW    (15 + 16) /* 16: with the header of gzip */

struct ms_html_block {
    FILE *out;
    z_stream stream;
    int error;
    size_t raw_used, deflated_used;
    unsigned char raw[RAW_BYTES];
    unsigned char deflated[DEFLATED_BYTES];
    char text[DEFLATED_BYTES / 3 * 4];
};

static void print(struct ms_html_block *block, const char *text, size_t count)
{
    errno = 0;
    if (block->error == 0 && fwrite(text, 1, count, block->out) != count) {
        block->error = errno != 0 ? -errno : -EIO;
    }
}

struct ms_html_block *ms_html_block_open(FILE *out, const char *name)
{
    struct ms_html_block *block = malloc(sizeof(*block));
    if (block == NULL) {
        return NULL;
    }
    block->out = out;
    block->error = 0;
    block->raw_used = block->deflated_used = 0;
    block->stream = (z_stream){0};
    if (deflateInit2(&block->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        free(block);
        return NULL;
    }
    static const char begin[] = "<script type=\"application/octet-stream\" id=\"";
    print(block, begin, sizeof(begin) - 1);
    print(block, name, strlen(name));
    print(block, "\">", 2);
    return block;
}

static void encode(struct ms_html_block *block)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = block->text;
    const size_t count = block->deflated_used;
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const uint32_t word = (uint32_t)block->deflated[i] << 16 |
                              (uint32_t)(left > 1 ? block->deflated[i + 1] : 0) << 8 |
                              (uint32_t)(left > 2 ? block->deflated[i + 2] : 0);
        *to++ = digits[word >> 18];
        *to++ = digits[word >> 12 & 63];
        *to++ = left > 1 ? digits[word >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[word & 63] : '=';
    }
    print(block, block->text, (size_t)(to - block->text));
    block->deflated_used = 0;
}

static void deflate_raw(struct ms_html_block *block, int flush)
{
    block->stream.next_in = block->raw;
    block->stream.avail_in = (uInt)block->raw_used;
    int result = Z_OK;
    do {
        block->stream.next_out = block->deflated + block->deflated_used;
        block->stream.avail_out = (uInt)(DEFLATED_BYTES - block->deflated_used);
        result = deflate(&block->stream, flush);
        block->deflated_used = DEFLATED_BYTES - block->stream.avail_out;
        if (block->deflated_used == DEFLATED_BYTES) {
            encode(block);
        }
    } while (block->stream.avail_in > 0 || (flush == Z_FINISH && result == Z_OK));
    block->raw_used = 0;
}

void ms_html_block_put(struct ms_html_block *block, const void *bytes, size_t count)
{
    const unsigned char *from = bytes;
    while (count > 0) {
        if (block->raw_used == RAW_BYTES) {
            deflate_raw(block, Z_NO_FLUSH);
        }
        const size_t room = RAW_BYTES - block->raw_used;
        const size_t part = count < room ? count : room;
        memcpy(block->raw + block->raw_used, from, part);
        block->raw_used += part;
        from += part;
        count -= part;
    }
}

void ms_html_block_u32(struct ms_html_block *block, uint32_t value)
{
    ms_html_block_put(block, &value, sizeof(value));
}

void ms_html_block_f32(struct ms_html_block *block, float value)
{
    ms_html_block_put(block, &value, sizeof(value));
}

void ms_html_block_f64(struct ms_html_block *block, double value)
{
    ms_html_block_put(block, &value, sizeof(value));
}

int ms_html_block_close(struct ms_html_block *block)
{
    if (block == NULL) {
        return -ENOMEM;
    }
    deflate_raw(block, Z_FINISH);
    encode(block);
    (void)deflateEnd(&block->stream);
    static const char end[] = "</script>\n";
    print(block, end, sizeof(end) - 1);
    const int error = block->error;
    free(block);
    return error;
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t count)
{
    struct ms_html_block *block = cookie;
    ms_html_block_put(block, bytes, count);
    if (block->error != 0) {
        errno = -block->error;
        return 0;
    }
    return (ssize_t)count;
}

static int stream_close(void *cookie)
{
    const int error = ms_html_block_close(cookie);
    errno = -error;
    return error == 0 ? 0 : EOF;
}

FILE *ms_html_block_stream(FILE *out, const char *name)
{
    struct ms_html_block *block = ms_html_block_open(out, name);
    if (block == NULL) {
        return NULL;
    }
    const cookie_io_functions_t functions = {.write = stream_write, .close = stream_close};
    FILE *stream = fopencookie(block, "w", functions);
    if (stream == NULL) {
        (void)ms_html_block_close(block);
    }
    return stream;
}
