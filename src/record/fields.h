/*
 * Structs of the model as tables of fields. From one table come what is written of a struct that
 * changed, how it is read back, the comparison of two models field by field, the description that
 * stands in the file itself, and docs/format.md. A test fails when a struct has a byte that neither
 * a field nor the list of what is left out covers.
 *
 * A recording describes its tables by name, so a reader of another version takes the fields that
 * both know; what only the file knows is skipped, what only the reader knows stays 0 (NaN for
 * floating point).
 *
 * Written form of a change: for each element that differs, in order, the gap to the one before + 1
 * (u64) and the new value; then 0. Integers are written as the signed difference to the old value,
 * modulo 2^64; floats and doubles as bits; text as text.
 */
#ifndef MS_RECORD_FIELDS_H
#define MS_RECORD_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "record/pack.h"

/* X(id, name in the file) */
#define MS_FIELD_KINDS(X)                                                                          \
    X(U8, "u8")                                                                                    \
    X(U16, "u16")                                                                                  \
    X(U32, "u32")                                                                                  \
    X(U64, "u64")                                                                                  \
    X(I32, "i32")                                                                                  \
    X(I64, "i64")                                                                                  \
    X(F32, "f32")                                                                                  \
    X(F64, "f64")                                                                                  \
    X(TEXT, "text") /* an array of char that ends with a NUL byte or is full */

enum ms_field_kind {
#define MS_FIELD_KIND_ID(id, name) MS_FIELD_##id,
    MS_FIELD_KINDS(MS_FIELD_KIND_ID)
#undef MS_FIELD_KIND_ID
        MS_FIELD_KIND_TOTAL
};

struct ms_field {
    const char *name; /* as C writes it: "heap.allocations" */
    uint32_t offset;
    uint32_t count;         /* elements of an array, 1 else */
    uint32_t element_bytes; /* of TEXT its capacity; bool and enums are fields of their size */
    enum ms_field_kind kind;
};

struct ms_fields {
    const char *name; /* of the kind of thing: "thread" */
    const struct ms_field *fields;
    size_t count;
    size_t struct_bytes;
};

/* Writes what of `now` differs from `before`; returns how many elements did. Doubles are equal when
 * their bits are. */
size_t ms_fields_write(struct ms_pack *pack, const struct ms_fields *fields, const void *before,
                       const void *now);

/* How the fields of a file correspond to ours; made from its description. */
struct ms_fields_map; /* opaque */
void ms_fields_describe(struct ms_pack *pack, const struct ms_fields *fields);
/* NULL with *error -ENOMEM, or -EBADMSG when the description makes no sense. */
struct ms_fields_map *ms_fields_map_new(struct ms_unpack *unpack, const struct ms_fields *fields,
                                        int *error);
void ms_fields_map_free(struct ms_fields_map *map);

/* Takes a change over into `thing`, a struct of ours. Text is always left with its NUL byte. 0 or
 * -EBADMSG: then some of it was taken. */
int ms_fields_read(struct ms_unpack *unpack, const struct ms_fields_map *map, void *thing);

/* Calls `differs` for every element that is not the same (two NaN are); returns how many. */
typedef void ms_field_differs(void *context, const struct ms_field *field, uint32_t element);
size_t ms_fields_compare(const struct ms_fields *fields, const void *one, const void *other,
                         ms_field_differs *differs, void *context);

#endif
