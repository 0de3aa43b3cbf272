#include "model/words.h"

#include <stdlib.h>
#include <string.h>

const char *ms_words_intern(struct ms_words *words, const char *text)
{
    const uint32_t hash = ms_hash_bytes(text, strlen(text), 0);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&words->by_text, hash, &cursor, &position)) {
        const char *known = *(char **)ms_chunks_at(&words->texts, position);
        if (strcmp(known, text) == 0) {
            return known;
        }
    }
    words->texts.element_bytes = sizeof(char *);
    char *copy = strdup(text);
    char **slot = copy == NULL ? NULL : ms_chunks_add(&words->texts);
    if (slot == NULL) {
        free(copy);
        return NULL;
    }
    if (ms_index_add(&words->by_text, hash, (uint32_t)(words->texts.count - 1)) != 0) {
        ms_chunks_drop_last(&words->texts);
        free(copy);
        return NULL;
    }
    *slot = copy;
    return copy;
}

void ms_words_free(struct ms_words *words)
{
    for (size_t i = 0; i < words->texts.count; i++) {
        free(*(char **)ms_chunks_at(&words->texts, i));
    }
    ms_chunks_free(&words->texts);
    ms_index_free(&words->by_text);
}
