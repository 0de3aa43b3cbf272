/*
 * Lists that close up over what is gone: flows and misuses (part_rows.c). Written form: 1 when
 * everything is written anew, else 0; how many rounds of removals, each: how many, gaps between
 * positions + 1; how many there are; gap between positions + 1, fields and perhaps a text of those
 * that are new or changed; 0.
 */
#ifndef MS_RECORD_KEPT_ROWS_H
#define MS_RECORD_KEPT_ROWS_H

#include "model/changes.h"
#include "record/layout.h"

struct ms_row_kind {
    enum ms_changing changing;
    const struct ms_fields *fields;
    const char *thing;
    size_t (*count)(const struct ms_model *model);
    const void *(*at)(const struct ms_model *model, size_t index);
    const char *(*text)(const void *row); /* NULL: it has none */
    int (*add)(struct ms_model *model);
    int (*forget)(struct ms_model *model, const uint32_t *positions, size_t count);
    int (*put)(struct ms_model *model, size_t position, void *row, const char *text);
};

struct ms_row_writer { /* all 0: nothing written yet */
    char *rows;        /* as written, by position */
    size_t count, capacity;
    uint64_t removals;
    uint32_t since;
    bool begun;
};
void ms_row_writer_free(struct ms_row_writer *writer);
int ms_rows_write(struct ms_row_writer *writer, const struct ms_row_kind *kind,
                  const struct ms_model *model, bool state, struct ms_pack *pack);
int ms_rows_read(const struct ms_row_kind *kind, struct ms_model *model, struct ms_unpack *unpack,
                 const struct ms_fields_map *map);
size_t ms_rows_compare(const struct ms_row_kind *kind, const struct ms_model *one,
                       const struct ms_model *other,
                       void (*differs)(void *context, const char *what), void *context);

#endif
