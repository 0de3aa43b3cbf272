#include "model/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (64u << 10)

struct line {
    char *bytes; /* NULL when empty */
    uint32_t count;
};

struct ms_output {
    struct line *lines; /* ring of capacity entries */
    size_t capacity, first, count;
    uint64_t held_bytes;
    char *open; /* the line being written */
    size_t open_bytes, open_capacity;
    bool carriage_returned; /* "\r" was last: what follows decides what it meant */
    bool captured;
    uint64_t total_bytes, dropped_lines, dropped_bytes;
};

struct ms_output *ms_output_new(void)
{
    return calloc(1, sizeof(struct ms_output));
}

void ms_output_free(struct ms_output *output)
{
    if (output == NULL) {
        return;
    }
    for (size_t i = 0; i < output->count; i++) {
        free(output->lines[(output->first + i) % output->capacity].bytes);
    }
    free(output->lines);
    free(output->open);
    free(output);
}

static void drop_oldest(struct ms_output *output)
{
    struct line *line = &output->lines[output->first];
    output->held_bytes -= line->count;
    free(line->bytes);
    output->first = (output->first + 1) % output->capacity;
    output->count--;
    output->dropped_lines++;
}

static int grow(struct ms_output *output)
{
    size_t capacity = output->capacity != 0 ? 2 * output->capacity : 64;
    if (capacity > MS_OUTPUT_LINES_MAX) {
        capacity = MS_OUTPUT_LINES_MAX;
    }
    struct line *lines = reallocarray(NULL, capacity, sizeof(*lines));
    if (lines == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < output->count; i++) {
        lines[i] = output->lines[(output->first + i) % output->capacity];
    }
    free(output->lines);
    output->lines = lines;
    output->capacity = capacity;
    output->first = 0;
    return 0;
}

static int end_line(struct ms_output *output)
{
    while (output->count > 0 && (output->count >= MS_OUTPUT_LINES_MAX ||
                                 output->held_bytes + output->open_bytes > MS_OUTPUT_BYTES_MAX)) {
        drop_oldest(output);
    }
    if (output->count == output->capacity && grow(output) != 0) {
        return -ENOMEM;
    }
    struct line line = {.count = (uint32_t)output->open_bytes};
    if (line.count > 0) {
        line.bytes = malloc(line.count);
        if (line.bytes == NULL) {
            return -ENOMEM;
        }
        memcpy(line.bytes, output->open, line.count);
    }
    output->lines[(output->first + output->count++) % output->capacity] = line;
    output->held_bytes += line.count;
    output->open_bytes = 0;
    return 0;
}

static int reserve_open(struct ms_output *output, size_t bytes)
{
    if (bytes <= output->open_capacity) {
        return 0;
    }
    size_t capacity = output->open_capacity != 0 ? output->open_capacity : 256;
    while (capacity < bytes) {
        capacity *= 2;
    }
    char *open = realloc(output->open, capacity);
    if (open == NULL) {
        return -ENOMEM;
    }
    output->open = open;
    output->open_capacity = capacity;
    return 0;
}

/* Bytes without line ends. A line that is too long goes on in the next one. */
static int append_plain(struct ms_output *output, const char *bytes, size_t count)
{
    while (count > 0) {
        if (output->open_bytes == LINE_MAX_BYTES && end_line(output) != 0) {
            return -ENOMEM;
        }
        const size_t room = LINE_MAX_BYTES - output->open_bytes;
        const size_t part = count < room ? count : room;
        if (reserve_open(output, output->open_bytes + part) != 0) {
            return -ENOMEM;
        }
        memcpy(output->open + output->open_bytes, bytes, part);
        output->open_bytes += part;
        bytes += part;
        count -= part;
    }
    return 0;
}

int ms_output_append(struct ms_output *output, const char *bytes, size_t count)
{
    output->total_bytes += count;
    const char *end = bytes + count;
    while (bytes < end) {
        if (*bytes == '\r') {
            output->carriage_returned = true;
            bytes++;
            continue;
        }
        if (*bytes == '\n') {
            output->carriage_returned = false;
            bytes++;
            if (end_line(output) != 0) {
                return -ENOMEM;
            }
            continue;
        }
        if (output->carriage_returned) {
            output->carriage_returned = false;
            output->open_bytes = 0;
        }
        const char *stop = bytes;
        while (stop < end && *stop != '\r' && *stop != '\n') {
            stop++;
        }
        if (append_plain(output, bytes, (size_t)(stop - bytes)) != 0) {
            return -ENOMEM;
        }
        bytes = stop;
    }
    return 0;
}

void ms_output_add_dropped(struct ms_output *output, uint64_t bytes)
{
    output->dropped_bytes += bytes;
}

size_t ms_output_line_count(const struct ms_output *output)
{
    return output->count + (output->open_bytes > 0 ? 1 : 0);
}

const char *ms_output_line(const struct ms_output *output, size_t index, size_t *bytes)
{
    if (index >= output->count) {
        *bytes = index == output->count ? output->open_bytes : 0;
        return *bytes > 0 ? output->open : "";
    }
    const struct line *line = &output->lines[(output->first + index) % output->capacity];
    *bytes = line->count;
    return line->bytes != NULL ? line->bytes : "";
}

uint64_t ms_output_total_bytes(const struct ms_output *output)
{
    return output->total_bytes;
}

uint64_t ms_output_dropped_lines(const struct ms_output *output)
{
    return output->dropped_lines;
}

uint64_t ms_output_dropped_bytes(const struct ms_output *output)
{
    return output->dropped_bytes;
}

bool ms_output_captured(const struct ms_output *output)
{
    return output->captured;
}

void ms_output_set_captured(struct ms_output *output, bool captured)
{
    output->captured = captured;
}

bool ms_output_is_open(const struct ms_output *output)
{
    return output->open_bytes > 0;
}

static int set_open(struct ms_output *output, const char *bytes, size_t count)
{
    const size_t kept = count < LINE_MAX_BYTES ? count : LINE_MAX_BYTES;
    if (reserve_open(output, kept) != 0) {
        return -ENOMEM;
    }
    if (kept > 0) {
        memcpy(output->open, bytes, kept);
    }
    output->open_bytes = kept;
    return 0;
}

int ms_output_restore_line(struct ms_output *output, const char *bytes, size_t count)
{
    const int error = set_open(output, bytes, count);
    return error != 0 ? error : end_line(output);
}

int ms_output_restore_counts(struct ms_output *output, const char *open, size_t open_bytes,
                             uint64_t total_bytes, uint64_t dropped_lines, uint64_t dropped_bytes)
{
    while (output->count > 0 && output->dropped_lines < dropped_lines) {
        drop_oldest(output);
    }
    output->total_bytes = total_bytes;
    output->dropped_lines = dropped_lines;
    output->dropped_bytes = dropped_bytes;
    return set_open(output, open, open_bytes);
}
