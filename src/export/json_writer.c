#include "export/json_writer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/utf8.h"

#define BUFFER_BYTES   (256u << 10)
#define PROGRESS_EVERY 512u /* units */
#define NUMBER_MAX     40u

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
    writer->flushed_bytes += writer->used;
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

static void put_in_parts(struct ms_json_writer *writer, const char *bytes, size_t count)
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

static inline void put(struct ms_json_writer *writer, const char *bytes, size_t count)
{
    if (count > writer->capacity - writer->used) {
        put_in_parts(writer, bytes, count);
        return;
    }
    memcpy(writer->buffer + writer->used, bytes, count);
    writer->used += count;
}

static inline void put_char(struct ms_json_writer *writer, char c)
{
    if (writer->used == writer->capacity) {
        flush(writer);
    }
    writer->buffer[writer->used++] = c;
}

static inline void separate(struct ms_json_writer *writer)
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
    const size_t bytes = strlen(name);
    if (bytes + 4 > writer->capacity - writer->used) {
        separate(writer);
        put_char(writer, '"');
        put(writer, name, bytes);
        put(writer, "\":", 2);
    } else {
        separate(writer);
        char *at = writer->buffer + writer->used;
        at[0] = '"';
        memcpy(at + 1, name, bytes);
        memcpy(at + 1 + bytes, "\":", 2);
        writer->used += bytes + 3;
    }
    writer->after_key = true;
}

void ms_json_advance(struct ms_json_writer *writer, uint64_t units)
{
    const uint64_t before = writer->done;
    writer->done += units;
    if (writer->progress == NULL || before / PROGRESS_EVERY == writer->done / PROGRESS_EVERY ||
        writer->error != 0) {
        return;
    }
    const uint64_t done = writer->done < writer->all ? writer->done : writer->all;
    if (!writer->progress(writer->context, done, writer->all)) {
        writer->error = -ECANCELED;
    }
}

uint64_t ms_json_position(const struct ms_json_writer *writer)
{
    return writer->flushed_bytes + writer->used;
}

const char *ms_json_text_since(const struct ms_json_writer *writer, uint64_t position,
                               size_t *bytes)
{
    if (position < writer->flushed_bytes) {
        return NULL;
    }
    const char *text = writer->buffer + (position - writer->flushed_bytes);
    const char *end = writer->buffer + writer->used;
    text += text < end && *text == ','; /* that separates it from what stands before it */
    *bytes = (size_t)(end - text);
    return text;
}

void ms_json_text(struct ms_json_writer *writer, const char *text, size_t bytes)
{
    separate(writer);
    put(writer, text, bytes);
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

/* ASCII but controls, quote and backslash. */
static inline bool is_plain(char c)
{
    const unsigned char byte = (unsigned char)c;
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* How many of the bytes can be written as they are. */
static size_t plain_bytes(const char *bytes, size_t count)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = ones << 7;
    size_t at = 0;
    for (; at + 8 <= count; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        /* A bit of `high` for each byte that is below 0x20, above 0x7e or one of the two. */
        const uint64_t quote = word ^ (ones * '"');
        const uint64_t backslash = word ^ (ones * '\\');
        const uint64_t special =
            word | (word + ones) | (word - ones * 0x20) | (quote - ones) | (backslash - ones);
        if ((special & high) != 0) {
            break;
        }
    }
    while (at < count && is_plain(bytes[at])) {
        at++;
    }
    return at;
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
        const size_t plain = plain_bytes(bytes + at, count - at);
        put(writer, bytes + at, plain);
        at += plain;
        if (at < count) {
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

/* Digits right-aligned before `last`, at least `least` of them; returns the first. */
static inline char *digits_before(char *last, uint64_t value, unsigned least)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char *first = last;
    while (value >= 10) {
        first -= 2;
        memcpy(first, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value > 0) {
        *--first = (char)('0' + value);
    }
    while ((size_t)(last - first) < least) {
        *--first = '0';
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

/* As llround of what is not negative and far below 2^63, without a call. */
static inline uint64_t rounded(double value)
{
    const uint64_t whole = (uint64_t)value;
    return whole + (value - (double)whole >= 0.5 ? 1 : 0);
}

void ms_json_fixed(struct ms_json_writer *writer, double value, unsigned decimals)
{
    static const double scales[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    static const uint32_t whole_scales[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    const double magnitude = fabs(value) * scales[decimals];
    if (!(magnitude <= 1e18)) { /* NaN too */
        ms_json_double(writer, value);
        return;
    }
    const uint64_t scaled = rounded(magnitude);
    if (scaled == 0) {
        separate(writer);
        put_char(writer, '0');
        return;
    }
    /* Most have three places: a division by a constant is a multiplication. */
    const uint64_t whole = decimals == 3 ? scaled / 1000 : scaled / whole_scales[decimals];
    uint32_t part = (uint32_t)(scaled - whole * whole_scales[decimals]);
    char digits[NUMBER_MAX];
    char *last = digits + sizeof(digits);
    char *first = last;
    if (part != 0) {
        while (part % 10 == 0) {
            part /= 10;
            decimals--;
        }
        first = digits_before(last, part, decimals);
        *--first = '.';
    }
    first = digits_before(first, whole, 1);
    if (value < 0) {
        *--first = '-';
    }
    separate(writer);
    put(writer, first, (size_t)(last - first));
}

#define SIGNIFICANT 9u

/*
 * Of what needs no exponent: the nine digits as one integer, and behind how many of them the point
 * stands. False when the tenth digit is so near a half that this arithmetic cannot tell which way
 * it is rounded.
 */
static bool significant_digits(double magnitude, uint64_t *digits, unsigned *before_point)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    if (!(magnitude >= 1 && magnitude < 1e8)) {
        return false;
    }
    unsigned before = 1;
    while (magnitude >= powers[before]) {
        before++;
    }
    /* A long double holds the product to 2^-64 of it: far less than the margin. */
    const long double scaled = (long double)magnitude * (long double)powers[SIGNIFICANT - before];
    const uint64_t whole = (uint64_t)scaled;
    const long double rest = scaled - (long double)whole;
    if (rest > 0.49999L && rest < 0.50001L) {
        return false;
    }
    *digits = whole + (rest > 0.5L ? 1 : 0);
    *before_point = before;
    return *digits < (uint64_t)powers[SIGNIFICANT]; /* else it is 1 and zeros, one place up */
}

static void put_significant(struct ms_json_writer *writer, bool negative, uint64_t digits,
                            unsigned before_point)
{
    char text[NUMBER_MAX];
    char *last = text + sizeof(text);
    unsigned behind = SIGNIFICANT - before_point;
    while (behind > 0 && digits % 10 == 0) {
        digits /= 10;
        behind--;
    }
    char *first = digits_before(last, digits, 1);
    separate(writer);
    if (negative) {
        put_char(writer, '-');
    }
    put(writer, first, before_point);
    if (behind > 0) {
        put_char(writer, '.');
        put(writer, first + before_point, behind);
    }
}

void ms_json_double(struct ms_json_writer *writer, double value)
{
    uint64_t digits;
    unsigned before_point;
    if (!isfinite(value)) {
        ms_json_null(writer);
        return;
    }
    if (significant_digits(fabs(value), &digits, &before_point)) {
        put_significant(writer, value < 0, digits, before_point);
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
