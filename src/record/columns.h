/*
 * Many things of one table at once: what is 0 in all of them takes no room, what is alike next to
 * none, and of the rest only what cannot be told from the thing before or from another of its
 * integers, which is written and compressed in a fraction of the time. For wholes; what changes
 * from tick to tick is a change of fields.h.
 *
 * Written form, of at most MS_COLUMN_THINGS things: for each element that is not 0 in all, in
 * order, 8 times the gap to the one before + 1, + its form, and what of it stands in the column;
 * then 0. Then the rows: for each thing, of each column with integers of its own, a number.
 */
#ifndef MS_RECORD_COLUMNS_H
#define MS_RECORD_COLUMNS_H

#include "record/fields.h"

#define MS_COLUMN_THINGS 512u

/* What follows of an element: X(id, what) */
#define MS_COLUMN_FORMS(X)                                                                         \
    X(SAME, "one value, which all of them have")                                                   \
    X(SOME, "how many are not 0; of each of them the gap to the one before + 1, and its value")    \
    X(EACH, "the value of each: of integers in the rows, else in the column")                      \
    X(STEPS, "in the rows the difference to that of the thing before")                             \
    X(LIKE, "how many columns in the rows back; in the rows the difference to the value there")

enum ms_column_form {
#define MS_COLUMN_FORM_ID(id, what) MS_COLUMN_##id,
    MS_COLUMN_FORMS(MS_COLUMN_FORM_ID)
#undef MS_COLUMN_FORM_ID
        MS_COLUMN_FORM_TOTAL
};
#define MS_COLUMN_FORM_BITS 3u
#define MS_COLUMNS_BACK     8u /* in LIKE, at most */

/* A writer, for one thread. */
struct ms_columns; /* opaque; made from a table, which it refers to */
struct ms_columns *ms_columns_new(const struct ms_fields *fields); /* NULL: no memory */
void ms_columns_free(struct ms_columns *columns);
/* things[0 .. count), count <= MS_COLUMN_THINGS. */
void ms_columns_write(struct ms_columns *columns, struct ms_pack *pack, const void *const *things,
                      size_t count);

/* Reads that over things as ms_fields_begin leaves them. 0, -ENOMEM or -EBADMSG. */
int ms_columns_read(struct ms_unpack *unpack, const struct ms_fields_map *map, void *const *things,
                    size_t count);

#endif
