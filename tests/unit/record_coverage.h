/* Every byte of a struct is a field of its table, or left out on purpose, or padding. */
#ifndef TEST_RECORD_COVERAGE_H
#define TEST_RECORD_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record/fields.h"

/* Where the first byte is that nothing covers, SIZE_MAX: all are. Fewer than 8 in a row are
 * padding; one that two rows cover is as wrong as one that none does. */
static inline size_t first_not_covered(const struct ms_fields *fields)
{
    uint8_t *covered = calloc(fields->struct_bytes, 1);
    size_t bad = covered != NULL ? SIZE_MAX : 0;
    for (size_t f = 0; f < fields->count && bad == SIZE_MAX; f++) {
        const struct ms_field *field = &fields->fields[f];
        for (uint32_t i = 0; i < field->count; i++) {
            const size_t at = field->offset + (size_t)i * field->stride_bytes;
            for (size_t b = at; b < at + field->element_bytes && bad == SIZE_MAX; b++) {
                bad = b >= fields->struct_bytes || covered[b]++ != 0 ? b : bad;
            }
        }
    }
    for (size_t i = 0; i < fields->left_out_count && bad == SIZE_MAX; i++) {
        const struct ms_left_out *left = &fields->left_out[i];
        for (size_t b = left->offset; b < left->offset + left->bytes && bad == SIZE_MAX; b++) {
            bad = covered[b]++ != 0 || strlen(left->because) < 4 ? b : bad;
        }
    }
    size_t run = 0;
    for (size_t b = 0; b < fields->struct_bytes && bad == SIZE_MAX; b++) {
        run = covered[b] != 0 ? 0 : run + 1;
        bad = run >= 8 ? b - 7 : bad;
    }
    free(covered);
    return bad;
}

#endif
