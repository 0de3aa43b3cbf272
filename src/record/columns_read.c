/* Reading; see columns.h. */
#include <errno.h>
#include <stdlib.h>

#include "record/columns.h"
#include "record/fields_value.h"

/* A column with integers of its own. */
struct row_column {
    const struct ms_map_element *element;
    uint64_t value; /* of the thing being read, or of the one before it */
    enum ms_column_form form;
    uint32_t back;
};

struct reading {
    struct ms_unpack *unpack;
    void *const *things;
    size_t count;
    struct row_column *rows;
    uint32_t row_count, row_capacity;
};

static uint8_t *place(const struct reading *reading, const struct ms_map_element *element,
                      size_t thing)
{
    return (uint8_t *)reading->things[thing] + element->offset;
}

/* A value of its own, not a difference. */
static uint64_t read_value(struct ms_unpack *unpack, unsigned stored)
{
    switch (stored) {
    case MS_FIELD_F32:
        return ms_unpack_bits(unpack, sizeof(uint32_t));
    case MS_FIELD_F64:
        return ms_unpack_bits(unpack, sizeof(uint64_t));
    case MS_FIELD_I32:
    case MS_FIELD_I64:
        return (uint64_t)ms_unpack_i64(unpack);
    default:
        return ms_unpack_u64(unpack);
    }
}

static int put(const struct reading *reading, const struct ms_map_element *element, size_t thing,
               uint64_t value)
{
    if (ms_field_is_float(element->stored)) {
        ms_map_put_float(element, place(reading, element, thing), value);
        return 0;
    }
    return element->becomes == MS_KIND_NOT_WANTED
               ? 0
               : ms_map_put_integer(element, place(reading, element, thing), value);
}

/* Where a value that all have goes; of one that nobody wants it is looked at once. */
static size_t places(const struct reading *reading, const struct ms_map_element *element)
{
    return element->becomes == MS_KIND_NOT_WANTED && reading->count > 1 ? 1 : reading->count;
}

static int read_texts(const struct reading *reading, const struct ms_map_element *element,
                      enum ms_column_form form)
{
    const struct ms_unpack first = *reading->unpack;
    const size_t count = form == MS_COLUMN_SAME ? places(reading, element) : reading->count;
    if (form != MS_COLUMN_SAME && form != MS_COLUMN_EACH) {
        return -EBADMSG;
    }
    for (size_t i = 0; i < count; i++) {
        if (form == MS_COLUMN_SAME) {
            *reading->unpack = first;
        }
        if (ms_map_read_text(reading->unpack, element, (char *)place(reading, element, i)) != 0) {
            return -EBADMSG;
        }
    }
    return 0;
}

static int read_same(const struct reading *reading, const struct ms_map_element *element)
{
    const uint64_t value = read_value(reading->unpack, element->stored);
    int error = reading->unpack->failed ? -EBADMSG : 0;
    for (size_t i = 0; i < places(reading, element) && error == 0; i++) {
        error = put(reading, element, i, value);
    }
    return error;
}

static int read_some(const struct reading *reading, const struct ms_map_element *element)
{
    const uint64_t some = ms_unpack_upto(reading->unpack, reading->count);
    uint64_t next = 0;
    for (uint64_t i = 0; i < some; i++) {
        const uint64_t gap = ms_unpack_upto(reading->unpack, reading->count - next);
        const uint64_t value = read_value(reading->unpack, element->stored);
        if (reading->unpack->failed || gap == 0) {
            return -EBADMSG;
        }
        next += gap;
        if (put(reading, element, (size_t)next - 1, value) != 0) {
            return -EBADMSG;
        }
    }
    return 0;
}

static int read_floats(const struct reading *reading, const struct ms_map_element *element)
{
    const size_t bytes = element->stored == MS_FIELD_F32 ? sizeof(float) : sizeof(double);
    const uint8_t *const planes = ms_unpack_bytes(reading->unpack, bytes * reading->count);
    if (planes == NULL) {
        return -EBADMSG;
    }
    for (size_t i = 0; i < reading->count; i++) {
        uint64_t bits = 0;
        for (size_t byte = 0; byte < bytes; byte++) {
            bits |= (uint64_t)planes[byte * reading->count + i] << 8 * byte;
        }
        (void)put(reading, element, i, bits);
    }
    return 0;
}

static int add_row_column(struct reading *reading, const struct ms_map_element *element,
                          enum ms_column_form form)
{
    uint32_t back = 0;
    if (form == MS_COLUMN_LIKE) {
        back = (uint32_t)ms_unpack_upto(reading->unpack, MS_COLUMNS_BACK);
        if (back == 0 || back > reading->row_count) {
            return -EBADMSG;
        }
    }
    if (reading->row_count == reading->row_capacity) {
        const uint32_t capacity = reading->row_capacity != 0 ? 2 * reading->row_capacity : 64;
        struct row_column *rows = reallocarray(reading->rows, capacity, sizeof *rows);
        if (rows == NULL) {
            return -ENOMEM;
        }
        reading->rows = rows;
        reading->row_capacity = capacity;
    }
    reading->rows[reading->row_count++] = (struct row_column){element, 0, form, back};
    return 0;
}

static int read_column(struct reading *reading, const struct ms_map_element *element, uint64_t form)
{
    if (element->stored == MS_FIELD_TEXT) {
        return read_texts(reading, element, (enum ms_column_form)form);
    }
    switch (form) {
    case MS_COLUMN_SAME:
        return read_same(reading, element);
    case MS_COLUMN_SOME:
        return read_some(reading, element);
    case MS_COLUMN_EACH:
        if (ms_field_is_float(element->stored)) {
            return read_floats(reading, element);
        }
        break;
    case MS_COLUMN_STEPS:
    case MS_COLUMN_LIKE:
        if (ms_field_is_float(element->stored)) {
            return -EBADMSG;
        }
        break;
    default:
        return -EBADMSG;
    }
    return add_row_column(reading, element, (enum ms_column_form)form);
}

static int read_rows(const struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        for (uint32_t c = 0; c < reading->row_count; c++) {
            struct row_column *column = &reading->rows[c];
            if (column->form == MS_COLUMN_EACH) {
                column->value = read_value(reading->unpack, column->element->stored);
            } else {
                const uint64_t from =
                    column->form == MS_COLUMN_LIKE ? (column - column->back)->value : column->value;
                column->value = from + (uint64_t)ms_unpack_i64(reading->unpack);
            }
            if (reading->unpack->failed || put(reading, column->element, i, column->value) != 0) {
                return -EBADMSG;
            }
        }
    }
    return 0;
}

int ms_columns_read(struct ms_unpack *unpack, const struct ms_fields_map *map, void *const *things,
                    size_t count)
{
    struct reading reading = {.unpack = unpack, .things = things, .count = count};
    int error = count > MS_COLUMN_THINGS ? -EBADMSG : 0;
    uint64_t next = 0;
    while (error == 0) {
        const uint64_t coded = ms_unpack_u64(unpack);
        const uint64_t gap = coded >> MS_COLUMN_FORM_BITS;
        if (unpack->failed || gap > map->count - next || (gap == 0 && coded != 0)) {
            error = -EBADMSG;
        } else if (gap == 0) {
            error = read_rows(&reading);
            break;
        } else {
            next += gap;
            error = read_column(&reading, &map->elements[next - 1],
                                coded % (1u << MS_COLUMN_FORM_BITS));
        }
    }
    free(reading.rows);
    return error;
}
