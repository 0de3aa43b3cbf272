#include "export/html_texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_writer.h"

struct ms_html_texts {
    const void **things; /* by number - 1 */
    uint32_t count, capacity;
    uint32_t *slots; /* numbers by hash of the address, 0: free; open addressing */
    uint32_t mask;
    int error;
};

struct ms_html_texts *ms_html_texts_new(void)
{
    struct ms_html_texts *texts = calloc(1, sizeof(*texts));
    if (texts == NULL) {
        return NULL;
    }
    texts->mask = 1023;
    texts->slots = calloc(texts->mask + 1, sizeof(*texts->slots));
    if (texts->slots == NULL) {
        free(texts);
        return NULL;
    }
    return texts;
}

void ms_html_texts_free(struct ms_html_texts *texts)
{
    if (texts != NULL) {
        free(texts->things);
        free(texts->slots);
        free(texts);
    }
}

static uint32_t *slot_of(const struct ms_html_texts *texts, const void *thing)
{
    uint64_t hash = (uint64_t)(uintptr_t)thing * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & texts->mask;
    while (texts->slots[at] != 0 && texts->things[texts->slots[at] - 1] != thing) {
        at = (at + 1) & texts->mask;
    }
    return &texts->slots[at];
}

static int grow(struct ms_html_texts *texts)
{
    if (texts->count == texts->capacity) {
        const uint32_t capacity = texts->capacity > 0 ? 2 * texts->capacity : 512;
        const void **things = reallocarray(texts->things, capacity, sizeof(*things));
        if (things == NULL) {
            return -ENOMEM;
        }
        texts->things = things;
        texts->capacity = capacity;
    }
    if (texts->count < texts->mask / 2) {
        return 0;
    }
    uint32_t *slots = calloc(2 * ((size_t)texts->mask + 1), sizeof(*slots));
    if (slots == NULL) {
        return -ENOMEM;
    }
    free(texts->slots);
    texts->slots = slots;
    texts->mask = 2 * texts->mask + 1;
    for (uint32_t i = 0; i < texts->count; i++) {
        *slot_of(texts, texts->things[i]) = i + 1;
    }
    return 0;
}

uint32_t ms_html_thing(struct ms_html_texts *things, const void *thing)
{
    uint32_t *slot = slot_of(things, thing);
    if (*slot != 0) {
        return *slot;
    }
    if (grow(things) != 0) {
        things->error = -ENOMEM;
        return 0;
    }
    things->things[things->count++] = thing;
    slot = slot_of(things, thing);
    *slot = things->count;
    return things->count;
}

uint32_t ms_html_text(struct ms_html_texts *texts, const char *text)
{
    return text == NULL || text[0] == '\0' ? 0 : ms_html_thing(texts, text);
}

uint32_t ms_html_things(const struct ms_html_texts *things)
{
    return things->count;
}

const void *ms_html_thing_at(const struct ms_html_texts *things, uint32_t number)
{
    return things->things[number - 1];
}

int ms_html_texts_error(const struct ms_html_texts *texts)
{
    return texts->error;
}

static void write_text(struct ms_json_writer *writer, const char *text)
{
    const size_t bytes = strnlen(text, MS_HTML_TEXT_MAX + 1);
    if (bytes <= MS_HTML_TEXT_MAX) {
        ms_json_bytes(writer, text, bytes);
        return;
    }
    char cut[MS_HTML_TEXT_MAX + 3];
    memcpy(cut, text, MS_HTML_TEXT_MAX);
    memcpy(cut + MS_HTML_TEXT_MAX, "...", 3);
    ms_json_bytes(writer, cut, sizeof(cut));
}

int ms_html_texts_write(const struct ms_html_texts *texts, FILE *out)
{
    struct ms_json_writer writer;
    const int error = ms_json_writer_open(&writer, out);
    if (error != 0) {
        return error;
    }
    ms_json_array_begin(&writer);
    ms_json_string(&writer, "");
    for (uint32_t i = 0; i < texts->count; i++) {
        ms_json_line(&writer);
        write_text(&writer, texts->things[i]);
    }
    ms_json_array_end(&writer);
    return ms_json_writer_close(&writer);
}
