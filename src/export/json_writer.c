#include "export/json_writer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/utf8.h"

#define BUFFER_BYTES (256u << 10)
#define NUMBER_MAX   40u

int ms_json_writer_open(struct ms_json_writer *writer, FILE *out)
{
    *writer = (struct ms_json_writer){.out = out, .capacity = BUFFER_BYTES};
    writer->buffer = malloc(BUFFER_BYTES);
    return writer->buffer != NULL ? 0 : -ENOMEM;
}

static void flush(struct ms_json_writer *writer)
{
    if (writer->error == 0 && writer->used > 0) {
        errno = 0;
        if (fwrite(writer->buffer, 1, writer->used, writer->out) != writer->used) {
            writer->error = errno != 0 ? -errno : -EIO;
        }
    }
    writer->used = 0;
}

int ms_json_writer_close(struct ms_json_writer *writer)
{
    flush(writer);
    errno = 0;
    if (writer->error == 0 && fflush(writer->out) != 0) {
        writer->error = errno != 0 ? -errno : -EIO;
    }
    free(writer->buffer);
    writer->buffer = NULL;
    return writer->error;
}

static void put(struct ms_json_writer *writer, const char *bytes, size_t count)
{
    while (count > writer->capacity - writer->used) {
        const size_t part = writer->capacity - writer->used;
        memcpy(writer->buffer + writer->used, bytes, part);
        writer->used += part;
        bytes += part;
        count -= part;
        flush(writer);
    }
    memcpy(writer->buffer + writer->used, bytes, count);
    writer->used += count;
}

static void put_char(struct ms_json_writer *writer, char c)
{
    if (writer->used == writer->capacity) {
        flush(writer);
    }
    writer->buffer[writer->used++] = c;
}

static void separate(struct ms_json_writer *writer)
{
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    if (writer->has_members[writer->depth]) {
        put_char(writer, ',');
    }
    writer->has_members[writer->depth] = true;
}

static void begin(struct ms_json_writer *writer, char c)
{
    separate(writer);
    put_char(writer, c);
    if (writer->depth + 1 < MS_JSON_DEPTH_MAX) {
        writer->depth++;
    } else if (writer->error == 0) {
        writer->error = -EOVERFLOW;
    }
    writer->has_members[writer->depth] = false;
}

static void end(struct ms_json_writer *writer, char c)
{
    put_char(writer, c);
    if (writer->depth > 0) {
        writer->depth--;
    }
}

void ms_json_object_begin(struct ms_json_writer *writer)
{
    begin(writer, '{');
}

void ms_json_object_end(struct ms_json_writer *writer)
{
    end(writer, '}');
}

void ms_json_array_begin(struct ms_json_writer *writer)
{
    begin(writer, '[');
}

void ms_json_array_end(struct ms_json_writer *writer)
{
    end(writer, ']');
}

void ms_json_line(struct ms_json_writer *writer)
{
    put_char(writer, '\n');
}

void ms_json_key(struct ms_json_writer *writer, const char *name)
{
    separate(writer);
    put_char(writer, '"');
    put(writer, name, strlen(name));
    put(writer, "\":", 2);
    writer->after_key = true;
}

static void put_unit(struct ms_json_writer *writer, uint32_t unit)
{
    static const char digits[] = "0123456789abcdef";
    const char escape[6] = {'\\',
                            'u',
                            digits[unit >> 12 & 0xf],
                            digits[unit >> 8 & 0xf],
                            digits[unit >> 4 & 0xf],
                            digits[unit & 0xf]};
    put(writer, escape, sizeof(escape));
}

static void put_escaped(struct ms_json_writer *writer, uint32_t code)
{
    if (code < 0x10000) {
        put_unit(writer, code);
    } else {
        put_unit(writer, 0xd800 + ((code - 0x10000) >> 10));
        put_unit(writer, 0xdc00 + ((code - 0x10000) & 0x3ff));
    }
}

static bool is_plain(char c)
{
    const unsigned char byte = (unsigned char)c;
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* One character or broken sequence that is not plain; returns the bytes it took. */
static size_t put_special(struct ms_json_writer *writer, const char *bytes, size_t count)
{
    if (*bytes == '"' || *bytes == '\\') {
        put_char(writer, '\\');
        put_char(writer, *bytes);
        return 1;
    }
    uint32_t code = 0;
    const size_t length = ms_utf8_decode(bytes, count, &code);
    if (length == 0) {
        put(writer, "\xef\xbf\xbd", 3);
        return ms_utf8_broken_length(bytes, count);
    }
    if (ms_utf8_harmful(code)) {
        put_escaped(writer, code);
    } else {
        put(writer, bytes, length);
    }
    return length;
}

void ms_json_bytes(struct ms_json_writer *writer, const char *bytes, size_t count)
{
    separate(writer);
    put_char(writer, '"');
    for (size_t at = 0; at < count;) {
        size_t plain = at;
        while (plain < count && is_plain(bytes[plain])) {
            plain++;
        }
        if (plain > at) {
            put(writer, bytes + at, plain - at);
            at = plain;
        } else {
            at += put_special(writer, bytes + at, count - at);
        }
    }
    put_char(writer, '"');
}

void ms_json_string(struct ms_json_writer *writer, const char *text)
{
    ms_json_bytes(writer, text, strlen(text));
}

void ms_json_null(struct ms_json_writer *writer)
{
    separate(writer);
    put(writer, "null", 4);
}

void ms_json_bool(struct ms_json_writer *writer, bool value)
{
    separate(writer);
    put(writer, value ? "true" : "false", value ? 4 : 5);
}

/* Digits right-aligned before `end`, at least `least` of them; returns the first. */
static char *digits_before(char *last, uint64_t value, unsigned least)
{
    char *first = last;
    while (value > 0 || (size_t)(last - first) < least) {
        *--first = (char)('0' + value % 10);
        value /= 10;
    }
    return first;
}

void ms_json_u64(struct ms_json_writer *writer, uint64_t value)
{
    char digits[NUMBER_MAX];
    char *last = digits + sizeof(digits);
    separate(writer);
    const char *first = digits_before(last, value, 1);
    put(writer, first, (size_t)(last - first));
}

void ms_json_i64(struct ms_json_writer *writer, int64_t value)
{
    char digits[NUMBER_MAX];
    char *last = digits + sizeof(digits);
    separate(writer);
    char *first = digits_before(last, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
    if (value < 0) {
        *--first = '-';
    }
    put(writer, first, (size_t)(last - first));
}

void ms_json_fixed(struct ms_json_writer *writer, double value, unsigned decimals)
{
    static const double scales[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    if (!isfinite(value) || fabs(value) * scales[decimals] > 1e18) {
        ms_json_double(writer, value);
        return;
    }
    uint64_t scaled = (uint64_t)llround(fabs(value) * scales[decimals]);
    const bool negative = value < 0 && scaled > 0;
    while (decimals > 0 && scaled % 10 == 0) {
        scaled /= 10;
        decimals--;
    }
    uint64_t scale = 1;
    for (unsigned i = 0; i < decimals; i++) {
        scale *= 10;
    }
    char digits[NUMBER_MAX];
    char *last = digits + sizeof(digits);
    char *first = last;
    if (decimals > 0) {
        first = digits_before(last, scaled % scale, decimals);
        *--first = '.';
    }
    first = digits_before(first, scaled / scale, 1);
    if (negative) {
        *--first = '-';
    }
    separate(writer);
    put(writer, first, (size_t)(last - first));
}

void ms_json_double(struct ms_json_writer *writer, double value)
{
    if (!isfinite(value)) {
        ms_json_null(writer);
        return;
    }
    char text[NUMBER_MAX];
    (void)snprintf(text, sizeof(text), "%.9g", value);
    separate(writer);
    /* Whatever the locale takes for a decimal point is the only thing that is no digit, sign or e.
     */
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr("0123456789+-e", *c) != NULL) {
            put_char(writer, *c);
        } else if (c == text || strchr("0123456789", c[-1]) != NULL) {
            put_char(writer, '.');
        }
    }
}
