/* One value of a field: what fields.c and fields_index.c share. */
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

void ms_field_write_value(struct ms_pack *pack, const struct ms_field *field, const uint8_t *before,
                          const uint8_t *now);

#endif
