/* Suppressions, see leaks.h. */
#include "analysis/leaks.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define SHOWN_BYTES    40

struct ms_suppressions {
    char **patterns;
    size_t count, capacity;
};

static const char prefix[] = "leak:";

/* Whether the text from here on is `pattern` up to its end; * is any text, $ the end of the text.
 * The end of the pattern fits anywhere. */
static bool fits_here(const char *pattern, const char *text)
{
    const char *star = NULL; /* the last one met, and up to where it took the text */
    const char *taken = NULL;
    for (;;) {
        if (*pattern == '\0') {
            return true;
        }
        if (*pattern == '*') {
            star = pattern++;
            taken = text;
        } else if (pattern[0] == '$' && pattern[1] == '\0' && *text == '\0') {
            return true;
        } else if (*text != '\0' && *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL && *taken != '\0') {
            text = ++taken;
            pattern = star + 1;
        } else {
            return false;
        }
    }
}

static bool fits(const char *pattern, const char *text)
{
    if (*pattern == '^') {
        return fits_here(pattern + 1, text);
    }
    for (;; text++) {
        if (fits_here(pattern, text)) {
            return true;
        }
        if (*text == '\0') {
            return false;
        }
    }
}

static int add(struct ms_suppressions *suppressions, const char *pattern, size_t bytes)
{
    if (suppressions->count == suppressions->capacity) {
        const size_t capacity = suppressions->capacity * 2 + 16;
        char **grown = realloc(suppressions->patterns, capacity * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        suppressions->patterns = grown;
        suppressions->capacity = capacity;
    }
    char *copy = strndup(pattern, bytes);
    if (copy == NULL) {
        return -ENOMEM;
    }
    suppressions->patterns[suppressions->count++] = copy;
    return 0;
}

/* The bytes of a line as they may stand in an error: printable ones, cut. */
static void shown(char *out, size_t size, const char *line, size_t bytes)
{
    size_t at = 0;
    for (; at < bytes && at + 1 < size && at < SHOWN_BYTES; at++) {
        out[at] = isprint((unsigned char)line[at]) ? line[at] : '?';
    }
    out[at] = '\0';
}

static int parse_line(struct ms_suppressions *suppressions, const char *line, size_t bytes,
                      size_t number, char *error, size_t error_size)
{
    while (bytes > 0 && isspace((unsigned char)line[bytes - 1])) {
        bytes--;
    }
    while (bytes > 0 && isspace((unsigned char)*line)) {
        line++;
        bytes--;
    }
    if (bytes == 0 || *line == '#') {
        return 0;
    }
    const size_t prefix_bytes = sizeof(prefix) - 1;
    if (bytes > prefix_bytes && strncmp(line, prefix, prefix_bytes) == 0) {
        const char *pattern = line + prefix_bytes;
        size_t rest = bytes - prefix_bytes;
        if (strspn(pattern, "*^$") < rest) { /* else it would fit everything */
            return add(suppressions, pattern, rest);
        }
    }
    char text[SHOWN_BYTES + 1];
    shown(text, sizeof(text), line, bytes);
    (void)snprintf(error, error_size,
                   "line %zu: '%s' is not a rule; give leak:PATTERN with a part of the name of a "
                   "function, file or module",
                   number, text);
    return -EINVAL;
}

int ms_suppressions_parse(const char *text, struct ms_suppressions **out, char *error,
                          size_t error_size)
{
    *out = NULL;
    struct ms_suppressions *suppressions = calloc(1, sizeof(*suppressions));
    if (suppressions == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    size_t number = 0;
    int result = 0;
    while (result == 0 && *text != '\0') {
        const size_t bytes = strcspn(text, "\n");
        result = parse_line(suppressions, text, bytes, ++number, error, error_size);
        text += bytes + (text[bytes] == '\n');
    }
    if (result != 0) {
        if (result == -ENOMEM) {
            (void)snprintf(error, error_size, "out of memory");
        }
        ms_suppressions_free(suppressions);
        return result;
    }
    *out = suppressions;
    return 0;
}

int ms_suppressions_read(const char *path, struct ms_suppressions **out, char *error,
                         size_t error_size)
{
    *out = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        const int failure = -errno;
        (void)snprintf(error, error_size, "%s", strerror(errno));
        return failure;
    }
    char *text = malloc(FILE_BYTES_MAX + 1);
    const size_t bytes = text != NULL ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;
    const int failure = text == NULL ? -ENOMEM : ferror(file) ? -errno : 0;
    fclose(file);
    int result = failure;
    if (failure != 0) {
        (void)snprintf(error, error_size, "%s", strerror(-failure));
    } else if (bytes > FILE_BYTES_MAX || memchr(text, '\0', bytes) != NULL) {
        result = -EINVAL;
        (void)snprintf(error, error_size,
                       bytes > FILE_BYTES_MAX ? "more than 1 MiB is not a list of rules"
                                              : "a file with NUL bytes is not a list of rules");
    } else {
        text[bytes] = '\0';
        result = ms_suppressions_parse(text, out, error, error_size);
    }
    free(text);
    return result;
}

void ms_suppressions_free(struct ms_suppressions *suppressions)
{
    if (suppressions == NULL) {
        return;
    }
    for (size_t i = 0; i < suppressions->count; i++) {
        free(suppressions->patterns[i]);
    }
    free(suppressions->patterns);
    free(suppressions);
}

static bool frame_fits(const struct ms_frame *frame, const char *pattern)
{
    return (*frame->function != '\0' && fits(pattern, frame->function)) ||
           (*frame->file != '\0' && fits(pattern, frame->file)) ||
           (*frame->module != '\0' && fits(pattern, frame->module));
}

bool ms_suppressions_match(const struct ms_suppressions *suppressions, const struct ms_site *site)
{
    if (suppressions == NULL || suppressions->count == 0) {
        return false;
    }
    for (size_t i = 0; i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            for (size_t rule = 0; rule < suppressions->count; rule++) {
                if (frame_fits(frame, suppressions->patterns[rule])) {
                    return true;
                }
            }
        }
    }
    return false;
}

size_t ms_suppressions_count(const struct ms_suppressions *suppressions)
{
    return suppressions != NULL ? suppressions->count : 0;
}
