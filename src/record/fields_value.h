/* One value of a field, and where one of a file goes: what fields.c, fields_index.c and columns*.c
 * share. */
#ifndef MS_RECORD_FIELDS_VALUE_H
#define MS_RECORD_FIELDS_VALUE_H

#include <string.h>

#include "record/fields.h"

/* Bit by bit; texts up to their end. */
bool ms_field_same(const struct ms_field *field, const uint8_t *one, const uint8_t *other);
/* As it is differed and added: signed ones sign-extended. */
static inline uint64_t ms_field_load(const uint8_t *at, unsigned kind)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    switch (kind) {
    case MS_FIELD_U8:
        memcpy(&u8, at, sizeof u8);
        return u8;
    case MS_FIELD_U16:
        memcpy(&u16, at, sizeof u16);
        return u16;
    case MS_FIELD_U32:
    case MS_FIELD_F32:
        memcpy(&u32, at, sizeof u32);
        return u32;
    case MS_FIELD_I32:
        memcpy(&i32, at, sizeof i32);
        return (uint64_t)i32;
    default:
        memcpy(&u64, at, sizeof u64);
        return u64;
    }
}

static inline bool ms_field_is_float(unsigned kind)
{
    return kind == MS_FIELD_F32 || kind == MS_FIELD_F64;
}

/* Of an integer the low bits that the kind has room for; of floating point its bits. */
void ms_field_store(uint8_t *at, unsigned kind, uint64_t value);
void ms_field_write_value(struct ms_pack *pack, const struct ms_field *field, const uint8_t *before,
                          const uint8_t *now);

#define MS_KIND_NOT_WANTED MS_FIELD_KIND_TOTAL

/* One element as the file has it, and where it goes. */
struct ms_map_element {
    uint64_t most;
    uint32_t offset;
    uint16_t bytes;
    uint8_t stored;  /* kind in the file */
    uint8_t becomes; /* ours; MS_KIND_NOT_WANTED: it is skipped */
};

struct ms_fields_map {
    const struct ms_fields *fields;
    bool *known; /* by field of ours: the file has it */
    struct ms_map_element *elements;
    uint32_t count, capacity;
};

/* `element` is wanted. 0 or -EBADMSG: it makes no sense. */
int ms_map_put_integer(const struct ms_map_element *element, uint8_t *out, uint64_t value);
/* These two leave `out` alone when the element is not wanted. */
void ms_map_put_float(const struct ms_map_element *element, uint8_t *out, uint64_t bits);
int ms_map_read_text(struct ms_unpack *unpack, const struct ms_map_element *element, char *out);

#endif
