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

#include <stdbool.h>
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
    const char *name; /* as C writes it: "heap.allocations", "io.of[].calls" */
    uint32_t offset;
    uint32_t count;         /* elements of an array, 1 else */
    uint32_t element_bytes; /* of TEXT its capacity; bool and enums are fields of their size */
    uint32_t stride_bytes;  /* from one element to the next */
    enum ms_field_kind kind;
    uint64_t most; /* an integer above it makes no sense, and a file with it is damaged; 0: any */
};

/* Bytes of a struct that no field covers on purpose. */
struct ms_left_out {
    uint32_t offset, bytes;
    const char *because;
};

struct ms_fields {
    const char *name; /* of the kind of thing: "thread" */
    const struct ms_field *fields;
    size_t count;
    size_t struct_bytes;
    const struct ms_left_out *left_out;
    size_t left_out_count;
};

/*
 * Rows of a table, one line each. `type` is the struct, `member` may lie in a struct inside it. The
 * kind follows from the type of the member; a bool above 1 is damage.
 */
#define MS_FIELD_KIND_OF(value)                                                                    \
    _Generic((value),                                                                              \
        bool: MS_FIELD_U8,                                                                         \
        char: MS_FIELD_U8,                                                                         \
        unsigned char: MS_FIELD_U8,                                                                \
        unsigned short: MS_FIELD_U16,                                                              \
        unsigned int: MS_FIELD_U32,                                                                \
        unsigned long: MS_FIELD_U64,                                                               \
        unsigned long long: MS_FIELD_U64,                                                          \
        int: MS_FIELD_I32,                                                                         \
        long: MS_FIELD_I64,                                                                        \
        long long: MS_FIELD_I64,                                                                   \
        float: MS_FIELD_F32,                                                                       \
        double: MS_FIELD_F64,                                                                      \
        char *: MS_FIELD_TEXT)
#define MS_FIELD_MOST_OF(value) _Generic((value), bool : 1, default : 0)
#define MS_MEMBER(type, member) (((type *)NULL)->member)
#define MS_ELEMENTS(type, member)                                                                  \
    (sizeof MS_MEMBER(type, member) / sizeof MS_MEMBER(type, member)[0])
#define MS_FIELD_ROW(type, name_, first, count_, stride, most_)                                    \
    {                                                                                              \
        .name = name_, .offset = (uint32_t)offsetof(type, first), .count = (uint32_t)(count_),     \
        .element_bytes = (uint32_t)sizeof MS_MEMBER(type, first),                                  \
        .stride_bytes = (uint32_t)(stride), .kind = MS_FIELD_KIND_OF(MS_MEMBER(type, first)),      \
        .most = (most_),                                                                           \
    }
#define MS_FIELD_UPTO(type, member, most)                                                          \
    MS_FIELD_ROW(type, #member, member, 1, sizeof MS_MEMBER(type, member), most)
/* A number, a bool, or text. */
#define MS_FIELD(type, member)                                                                     \
    MS_FIELD_UPTO(type, member, MS_FIELD_MOST_OF(MS_MEMBER(type, member)))
/* An enum whose values are 0 .. total - 1. */
#define MS_FIELD_ENUM(type, member, total) MS_FIELD_UPTO(type, member, (total)-1)
/* An array of numbers. */
#define MS_FIELD_ARRAY(type, member)                                                               \
    MS_FIELD_ROW(type, #member, member[0], MS_ELEMENTS(type, member),                              \
                 sizeof MS_MEMBER(type, member)[0], 0)
/* A member of each struct in an array of structs: MS_FIELD_EACH(struct ms_thread, io.of, calls). */
#define MS_FIELD_EACH_UPTO(type, array, member, most)                                              \
    MS_FIELD_ROW(type, #array "[]." #member, array[0].member, MS_ELEMENTS(type, array),            \
                 sizeof MS_MEMBER(type, array)[0], most)
#define MS_FIELD_EACH(type, array, member)                                                         \
    MS_FIELD_EACH_UPTO(type, array, member, MS_FIELD_MOST_OF(MS_MEMBER(type, array)[0].member))
#define MS_LEFT_OUT(type, member, because_)                                                        \
    {                                                                                              \
        .offset = (uint32_t)offsetof(type, member),                                                \
        .bytes = (uint32_t)sizeof MS_MEMBER(type, member), .because = (because_),                  \
    }
/* The table itself, from an array of rows and one of what is left out. */
#define MS_FIELDS(type, name_, rows, left_out_)                                                    \
    {                                                                                              \
        .name = (name_), .fields = (rows), .count = sizeof(rows) / sizeof((rows)[0]),              \
        .struct_bytes = sizeof(type), .left_out = (left_out_),                                     \
        .left_out_count = sizeof(left_out_) / sizeof((left_out_)[0]),                              \
    }
#define MS_FIELDS_ALL(type, name_, rows)                                                           \
    {                                                                                              \
        .name = (name_), .fields = (rows), .count = sizeof(rows) / sizeof((rows)[0]),              \
        .struct_bytes = sizeof(type),                                                              \
    }

/* Writes what of `now` differs from `before` (NULL: from what is all 0); returns how many elements
 * did. Doubles are equal when their bits are. */
size_t ms_fields_write(struct ms_pack *pack, const struct ms_fields *fields, const void *before,
                       const void *now);

/* The same, and makes `shadow` equal to `now` in what it wrote. */
size_t ms_fields_write_on(struct ms_pack *pack, const struct ms_fields *fields, void *shadow,
                          const void *now);

/*
 * The same for structs that are written thousands of times a second: finds what differs by words,
 * whatever the table looks like. One thread uses an index.
 */
struct ms_fields_index; /* opaque; made from a table, which it refers to */
struct ms_fields_index *ms_fields_index_new(const struct ms_fields *fields); /* NULL: no memory */
void ms_fields_index_free(struct ms_fields_index *index);
size_t ms_fields_write_by(struct ms_pack *pack, struct ms_fields_index *index, void *shadow,
                          const void *now);
/* As ms_fields_write from what is all 0. */
size_t ms_fields_write_whole_by(struct ms_pack *pack, struct ms_fields_index *index,
                                const void *now);

/* How the fields of a file correspond to ours; made from its description. */
struct ms_fields_map; /* opaque */
void ms_fields_describe(struct ms_pack *pack, const struct ms_fields *fields);
/* NULL with *error -ENOMEM, or -EBADMSG when the description makes no sense. */
struct ms_fields_map *ms_fields_map_new(struct ms_unpack *unpack, const struct ms_fields *fields,
                                        int *error);
void ms_fields_map_free(struct ms_fields_map *map);

/* Makes `thing` what the first change of it is from: every field 0, and NaN where the file does not
 * know a floating-point one. Bytes that are no field stay. */
void ms_fields_begin(const struct ms_fields_map *map, void *thing);
/* Takes a change over into `thing`, a struct of ours. Text is always left with its NUL byte. 0 or
 * -EBADMSG: then some of it was taken. */
int ms_fields_read(struct ms_unpack *unpack, const struct ms_fields_map *map, void *thing);

/* Calls `differs` for every element that is not the same (two NaN are); returns how many. */
typedef void ms_field_differs(void *context, const struct ms_field *field, uint32_t element);
size_t ms_fields_compare(const struct ms_fields *fields, const void *one, const void *other,
                         ms_field_differs *differs, void *context);

#endif
