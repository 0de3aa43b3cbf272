/*
 * Buffered writer of one JSON document: commas, escapes and exact numbers; independent of the
 * locale. The first error stays and later calls do nothing. For src/export only.
 */
#ifndef MS_EXPORT_JSON_WRITER_H
#define MS_EXPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MS_JSON_DEPTH_MAX 16u

struct ms_chosen;
struct ms_json_frames;
struct ms_kept_figures;

struct ms_json_writer {
    FILE *out;
    char *buffer;
    size_t used, capacity;
    uint64_t flushed_bytes;
    int error; /* 0 or -errno */
    unsigned depth;
    bool has_members[MS_JSON_DEPTH_MAX];
    bool after_key;
    /* Set by who opened it, may be NULL. */
    const struct ms_chosen *chosen;  /* threads that are written; NULL: all */
    struct ms_json_frames *frames;   /* texts that are written again and again */
    struct ms_kept_figures *figures; /* that are asked for again */
    bool (*progress)(void *context, uint64_t done, uint64_t all);
    void *context;
    uint64_t done, all;
};

/* Returns 0 or -ENOMEM. Everything else is zero. */
int ms_json_writer_open(struct ms_json_writer *writer, FILE *out);
/* Writes what is left, flushes, frees. Returns 0 or the first -errno. */
int ms_json_writer_close(struct ms_json_writer *writer);

void ms_json_object_begin(struct ms_json_writer *writer);
void ms_json_object_end(struct ms_json_writer *writer);
void ms_json_array_begin(struct ms_json_writer *writer);
void ms_json_array_end(struct ms_json_writer *writer);
/* A line break where white space may stand: one row of a long array per line. */
void ms_json_line(struct ms_json_writer *writer);

/* So much more of `all` is done; tells progress at times, -ECANCELED when that ends it. */
void ms_json_advance(struct ms_json_writer *writer, uint64_t units);

/*
 * For who writes the same value again and again: its text, from ms_json_position() before it. NULL
 * when it is not in the buffer any more. ms_json_text writes such a text.
 */
uint64_t ms_json_position(const struct ms_json_writer *writer);
const char *ms_json_text_since(const struct ms_json_writer *writer, uint64_t position,
                               size_t *bytes);
void ms_json_text(struct ms_json_writer *writer, const char *text, size_t bytes);

/* Names are ours: plain ASCII, not escaped. */
void ms_json_key(struct ms_json_writer *writer, const char *name);

/*
 * Any bytes. Broken UTF-8 becomes U+FFFD, one for each sequence; controls and characters that
 * deceive a terminal are written as \u escapes.
 */
void ms_json_bytes(struct ms_json_writer *writer, const char *bytes, size_t count);
void ms_json_string(struct ms_json_writer *writer, const char *text);
void ms_json_null(struct ms_json_writer *writer);
void ms_json_bool(struct ms_json_writer *writer, bool value);
void ms_json_u64(struct ms_json_writer *writer, uint64_t value);
void ms_json_i64(struct ms_json_writer *writer, int64_t value);
/* Rounded to `decimals` (at most 6) places; null when not finite. */
void ms_json_fixed(struct ms_json_writer *writer, double value, unsigned decimals);
/* Nine significant digits; null when not finite. */
void ms_json_double(struct ms_json_writer *writer, double value);

#endif
