/* The text of a source file, for whoever shows lines of it: as found, hostile bytes. */
#ifndef MS_MODEL_SOURCE_TEXT_H
#define MS_MODEL_SOURCE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct ms_source_text {
    const char *path;  /* where it was found, absolute; "" when it was not */
    const char *why;   /* in words why there is no text; "" when there is */
    const char *bytes; /* of all lines */
    size_t byte_count;
    const uint32_t *starts; /* of each line, in bytes */
    uint32_t line_count;
};

/* Line `number`, from 1, without its end; NULL past the last one. */
static inline const char *ms_source_line(const struct ms_source_text *text, uint32_t number,
                                         size_t *bytes)
{
    if (number == 0 || number > text->line_count) {
        return NULL;
    }
    const size_t start = text->starts[number - 1];
    size_t end = number < text->line_count ? text->starts[number] : text->byte_count;
    while (end > start && (text->bytes[end - 1] == '\n' || text->bytes[end - 1] == '\r')) {
        end--;
    }
    *bytes = end - start;
    return text->bytes + start;
}

#endif
