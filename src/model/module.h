/*
 * The files that code of the watched processes came from, and what names they give. A module whose
 * names are less than they could be carries a sentence that says what to do about it.
 */
#ifndef MS_MODEL_MODULE_H
#define MS_MODEL_MODULE_H

#include <stddef.h>
#include <stdint.h>

struct ms_model;
struct ms_frame;

/* X(id, JSON name, word) */
#define MS_MODULE_NAMES(X)                                                                         \
    X(ASKING, "asking", "asking")                                                                  \
    X(LINES, "lines", "lines")                                                                     \
    X(SYMBOLS, "symbols", "symbols only")                                                          \
    X(EXPORTS, "exports", "exports only")                                                          \
    X(NONE, "none", "none")

enum ms_module_names {
#define MS_MODULE_NAMES_ID(id, name, word) MS_NAMES_##id,
    MS_MODULE_NAMES(MS_MODULE_NAMES_ID)
#undef MS_MODULE_NAMES_ID
        MS_NAMES_TOTAL
};

const char *ms_module_names_name(enum ms_module_names names); /* JSON */
const char *ms_module_names_word(enum ms_module_names names); /* screen */

/* Why there are no better names. */
enum ms_module_why {
    MS_WHY_NO_DEBUG,     /* the file holds none, and there is none beside it */
    MS_WHY_MISSING,      /* the file cannot be opened */
    MS_WHY_REPLACED,     /* another file is there now */
    MS_WHY_NO_ELF,       /* not a file that has symbols */
    MS_WHY_CRASHED,      /* reading it ended the symbolizer again and again */
    MS_WHY_HUNG,         /* reading it did not end */
    MS_WHY_TOO_MANY,     /* the names of the session fill the memory set aside for them */
    MS_WHY_NO_SYMBOLIZER /* there is nobody to ask */
};

struct ms_module {
    uint32_t id;          /* of our own, from 1 */
    const char *path;     /* as the process names it */
    const char *build_id; /* hexadecimal, "" unknown */
    enum ms_module_names names;
    enum ms_module_why why; /* when names are neither asked for nor lines */
    const char *advice;     /* one sentence, "" when nothing is to be done */
};

size_t ms_model_module_count(const struct ms_model *model);
const struct ms_module *ms_model_module(const struct ms_model *model, size_t index);
/* The module of a frame; NULL: none is known (JIT, or not looked up yet). */
const struct ms_module *ms_model_module_of(const struct ms_model *model,
                                           const struct ms_frame *frame);

/* --- writing: src/collect and tests only --- */
/* Made when there is none of this path and build id. NULL without memory. `build_id` of 20 bytes
 * at most. */
struct ms_module *ms_model_module_mutable(struct ms_model *model, const char *path,
                                          const uint8_t *build_id, size_t build_id_bytes);
struct ms_module *ms_model_module_by_id(struct ms_model *model, uint32_t id); /* NULL: none */

#endif
