/* One value of a field: what fields.c and fields_index.c share. */
#ifndef MS_RECORD_FIELDS_VALUE_H
#define MS_RECORD_FIELDS_VALUE_H

#include "record/fields.h"

/* Bit by bit; texts up to their end. */
bool ms_field_same(const struct ms_field *field, const uint8_t *one, const uint8_t *other);
void ms_field_write_value(struct ms_pack *pack, const struct ms_field *field, const uint8_t *before,
                          const uint8_t *now);

#endif
