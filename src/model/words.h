/* Interned strings: equal texts have one address, kept until all are freed. For src/model and
 * src/analysis. */
#ifndef MS_MODEL_WORDS_H
#define MS_MODEL_WORDS_H

#include "model/chunks.h"
#include "model/index.h"

/* Zeroed is empty. */
struct ms_words {
    struct ms_chunks texts; /* char * */
    struct ms_index by_text;
};

/* NULL without memory. */
const char *ms_words_intern(struct ms_words *words, const char *text);
void ms_words_free(struct ms_words *words);

#endif
