#include "record/fields.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/fields_value.h"

/* Of one description; the largest of ours is that of the cores. */
#define ELEMENTS_MAX   (UINT32_C(1) << 16)
#define FIELD_NAME_MAX 256u

static const char *const kind_names[MS_FIELD_KIND_TOTAL] = {
#define KIND_NAME(id, name) [MS_FIELD_##id] = (name),
    MS_FIELD_KINDS(KIND_NAME)
#undef KIND_NAME
};

void ms_field_store(uint8_t *at, unsigned kind, uint64_t value)
{
    const uint8_t u8 = (uint8_t)value;
    const uint16_t u16 = (uint16_t)value;
    const uint32_t u32 = (uint32_t)value;
    switch (kind) {
    case MS_FIELD_U8:
        memcpy(at, &u8, sizeof u8);
        break;
    case MS_FIELD_U16:
        memcpy(at, &u16, sizeof u16);
        break;
    case MS_FIELD_U32:
    case MS_FIELD_I32:
    case MS_FIELD_F32:
        memcpy(at, &u32, sizeof u32);
        break;
    default:
        memcpy(at, &value, sizeof value);
        break;
    }
}

void ms_field_write_value(struct ms_pack *pack, const struct ms_field *field, const uint8_t *before,
                          const uint8_t *now)
{
    double f64;
    float f32;
    switch (field->kind) {
    case MS_FIELD_TEXT:
        ms_pack_text(pack, (const char *)now, strnlen((const char *)now, field->element_bytes));
        break;
    case MS_FIELD_F32:
        memcpy(&f32, now, sizeof f32);
        ms_pack_f32(pack, f32);
        break;
    case MS_FIELD_F64:
        memcpy(&f64, now, sizeof f64);
        ms_pack_f64(pack, f64);
        break;
    default:
        ms_pack_i64(
            pack, (int64_t)(ms_field_load(now, field->kind) - ms_field_load(before, field->kind)));
        break;
    }
}

bool ms_field_same(const struct ms_field *field, const uint8_t *one, const uint8_t *other)
{
    return field->kind == MS_FIELD_TEXT
               ? strncmp((const char *)one, (const char *)other, field->element_bytes) == 0
               : ms_field_load(one, field->kind) == ms_field_load(other, field->kind);
}

static uint32_t field_end(const struct ms_field *field)
{
    return field->offset + field->stride_bytes * (field->count - 1) + field->element_bytes;
}

/* How far two structs are equal from `at` on, at least; found by words. */
static size_t equal_until(const uint8_t *one, const uint8_t *other, size_t at, size_t bytes)
{
    uint64_t a;
    uint64_t b;
    while (at + sizeof a <= bytes) {
        memcpy(&a, one + at, sizeof a);
        memcpy(&b, other + at, sizeof b);
        if (a != b) {
            break;
        }
        at += sizeof a;
    }
    return at;
}

/* `update` is NULL or `before`. */
static size_t write_changes(struct ms_pack *pack, const struct ms_fields *fields,
                            const void *before, const void *now, uint8_t *update)
{
    static const uint8_t zeros[sizeof(uint64_t)];
    const uint8_t *const old = before;
    const uint8_t *const bytes = now;
    size_t changed = 0;
    size_t equal_from = 0;
    size_t equal_end = 0;
    uint64_t number = 0; /* of the field's first element */
    uint64_t last = 0;   /* behind the last element written */
    for (size_t f = 0; f < fields->count; f++) {
        const struct ms_field *field = &fields->fields[f];
        const uint32_t end = field_end(field);
        if (old != NULL && (field->offset < equal_from || end > equal_end)) {
            equal_from = field->offset;
            equal_end = equal_until(bytes, old, field->offset, fields->struct_bytes);
        }
        if (old != NULL && field->offset >= equal_from && end <= equal_end) {
            number += field->count;
            continue;
        }
        for (uint32_t i = 0; i < field->count; i++, number++) {
            const size_t at = field->offset + (size_t)i * field->stride_bytes;
            const uint8_t *const value_before = old != NULL ? old + at : zeros;
            if (!ms_field_same(field, bytes + at, value_before)) {
                ms_pack_u64(pack, number - last + 1);
                ms_field_write_value(pack, field, value_before, bytes + at);
                last = number + 1;
                if (update != NULL) {
                    memcpy(update + at, bytes + at, field->element_bytes);
                }
                changed++;
            }
        }
    }
    ms_pack_u64(pack, 0);
    return changed;
}

size_t ms_fields_write(struct ms_pack *pack, const struct ms_fields *fields, const void *before,
                       const void *now)
{
    return write_changes(pack, fields, before, now, NULL);
}

size_t ms_fields_write_on(struct ms_pack *pack, const struct ms_fields *fields, void *shadow,
                          const void *now)
{
    return write_changes(pack, fields, shadow, now, shadow);
}

size_t ms_fields_compare(const struct ms_fields *fields, const void *one, const void *other,
                         ms_field_differs *differs, void *context)
{
    size_t different = 0;
    for (size_t f = 0; f < fields->count; f++) {
        const struct ms_field *field = &fields->fields[f];
        for (uint32_t i = 0; i < field->count; i++) {
            const size_t at = field->offset + (size_t)i * field->stride_bytes;
            const uint8_t *const a = (const uint8_t *)one + at;
            const uint8_t *const b = (const uint8_t *)other + at;
            bool equal = ms_field_same(field, a, b);
            if (!equal && field->kind == MS_FIELD_F64) {
                double x;
                double y;
                memcpy(&x, a, sizeof x);
                memcpy(&y, b, sizeof y);
                equal = isnan(x) && isnan(y);
            } else if (!equal && field->kind == MS_FIELD_F32) {
                float x;
                float y;
                memcpy(&x, a, sizeof x);
                memcpy(&y, b, sizeof y);
                equal = isnan(x) && isnan(y);
            }
            if (!equal) {
                differs(context, field, i);
                different++;
            }
        }
    }
    return different;
}

void ms_fields_describe(struct ms_pack *pack, const struct ms_fields *fields)
{
    ms_pack_text(pack, fields->name, strlen(fields->name));
    ms_pack_u64(pack, fields->count);
    for (size_t f = 0; f < fields->count; f++) {
        const struct ms_field *field = &fields->fields[f];
        ms_pack_text(pack, field->name, strlen(field->name));
        ms_pack_text(pack, kind_names[field->kind], strlen(kind_names[field->kind]));
        ms_pack_u64(pack, field->count);
    }
}

static bool is_named(const char *name, const char *text, size_t bytes)
{
    size_t i = 0;
    while (i < bytes && name[i] == text[i] && name[i] != '\0') {
        i++;
    }
    return i == bytes && name[i] == '\0';
}

/* Mostly the one that follows the one before. */
static const struct ms_field *find(const struct ms_fields *fields, size_t expected,
                                   const char *name, size_t bytes)
{
    if (expected < fields->count && is_named(fields->fields[expected].name, name, bytes)) {
        return &fields->fields[expected];
    }
    for (size_t f = 0; f < fields->count; f++) {
        if (is_named(fields->fields[f].name, name, bytes)) {
            return &fields->fields[f];
        }
    }
    return NULL;
}

/* Numbers become numbers of their sort, whatever their sizes: differences are modulo 2^64. */
static unsigned becomes(unsigned stored, const struct ms_field *field)
{
    if (field == NULL || ms_field_is_float(stored) != ms_field_is_float(field->kind) ||
        (stored == MS_FIELD_TEXT) != (field->kind == MS_FIELD_TEXT)) {
        return MS_KIND_NOT_WANTED;
    }
    return field->kind;
}

static int map_add(struct ms_fields_map *map, unsigned stored, const struct ms_field *field,
                   uint32_t count)
{
    if (map->count + count > map->capacity) {
        const uint32_t capacity = 2 * (map->count + count);
        struct ms_map_element *elements = reallocarray(map->elements, capacity, sizeof *elements);
        if (elements == NULL) {
            return -ENOMEM;
        }
        map->elements = elements;
        map->capacity = capacity;
    }
    const unsigned kind = becomes(stored, field);
    for (uint32_t i = 0; i < count; i++) {
        struct ms_map_element *element = &map->elements[map->count++];
        *element =
            (struct ms_map_element){.stored = (uint8_t)stored, .becomes = MS_KIND_NOT_WANTED};
        if (kind != MS_KIND_NOT_WANTED && i < field->count) {
            element->becomes = (uint8_t)kind;
            element->offset = field->offset + i * field->stride_bytes;
            element->bytes = (uint16_t)field->element_bytes;
            element->most = field->most;
        }
    }
    if (kind != MS_KIND_NOT_WANTED && count >= field->count) {
        map->known[field - map->fields->fields] = true;
    }
    return 0;
}

/* `told`: by field of ours, whether it was there before: each is there once, so that what it takes
 * to read a thing is bounded by what a thing has. */
static int map_field(struct ms_fields_map *map, struct ms_unpack *unpack, size_t *expected,
                     bool *told)
{
    size_t name_bytes;
    size_t kind_bytes;
    const char *name = ms_unpack_text(unpack, &name_bytes);
    const char *kind_name = ms_unpack_text(unpack, &kind_bytes);
    const uint64_t count = ms_unpack_upto(unpack, ELEMENTS_MAX - map->count);
    if (unpack->failed || name_bytes > FIELD_NAME_MAX || count == 0) {
        return -EBADMSG;
    }
    unsigned kind = 0;
    while (kind < MS_FIELD_KIND_TOTAL && !is_named(kind_names[kind], kind_name, kind_bytes)) {
        kind++;
    }
    if (kind == MS_FIELD_KIND_TOTAL) {
        return -EBADMSG; /* nobody knows how long its values are */
    }
    const struct ms_field *field = find(map->fields, *expected, name, name_bytes);
    if (field != NULL) {
        const size_t at = (size_t)(field - map->fields->fields);
        if (told[at]) {
            return -EBADMSG;
        }
        told[at] = true;
        *expected = at + 1;
    }
    return map_add(map, kind, field, (uint32_t)count);
}

struct ms_fields_map *ms_fields_map_new(struct ms_unpack *unpack, const struct ms_fields *fields,
                                        int *error)
{
    struct ms_fields_map *map = calloc(1, sizeof *map);
    bool *told = calloc(fields->count + 1, sizeof *told);
    *error = -ENOMEM;
    if (map == NULL || told == NULL ||
        (map->known = calloc(fields->count + 1, sizeof *map->known)) == NULL) {
        free(told);
        free(map);
        return NULL;
    }
    map->fields = fields;
    size_t name_bytes;
    const char *name = ms_unpack_text(unpack, &name_bytes);
    const uint64_t count = ms_unpack_upto(unpack, ELEMENTS_MAX);
    *error = !unpack->failed && is_named(fields->name, name, name_bytes) ? 0 : -EBADMSG;
    size_t expected = 0;
    for (uint64_t i = 0; i < count && *error == 0; i++) {
        *error = map_field(map, unpack, &expected, told);
    }
    free(told);
    if (*error != 0) {
        ms_fields_map_free(map);
        return NULL;
    }
    return map;
}

void ms_fields_map_free(struct ms_fields_map *map)
{
    if (map != NULL) {
        free(map->elements);
        free(map->known);
        free(map);
    }
}

void ms_fields_begin(const struct ms_fields_map *map, void *thing)
{
    const double missing_f64 = (double)NAN;
    const float missing_f32 = NAN;
    for (size_t f = 0; f < map->fields->count; f++) {
        const struct ms_field *field = &map->fields->fields[f];
        for (uint32_t i = 0; i < field->count; i++) {
            uint8_t *const at = (uint8_t *)thing + field->offset + (size_t)i * field->stride_bytes;
            memset(at, 0, field->element_bytes);
            if (!map->known[f] && field->kind == MS_FIELD_F64) {
                memcpy(at, &missing_f64, sizeof missing_f64);
            } else if (!map->known[f] && field->kind == MS_FIELD_F32) {
                memcpy(at, &missing_f32, sizeof missing_f32);
            }
        }
    }
}

int ms_map_read_text(struct ms_unpack *unpack, const struct ms_map_element *element, char *out)
{
    size_t bytes;
    const char *text = ms_unpack_text(unpack, &bytes);
    if (unpack->failed) {
        return -EBADMSG;
    }
    if (element->becomes != MS_KIND_NOT_WANTED) {
        bytes = bytes < element->bytes ? bytes : element->bytes - 1u;
        memcpy(out, text, bytes);
        memset(out + bytes, 0, element->bytes - bytes);
    }
    return 0;
}

void ms_map_put_float(const struct ms_map_element *element, uint8_t *out, uint64_t bits)
{
    const uint32_t low_bits = (uint32_t)bits;
    float f32;
    double f64;
    if (element->stored == MS_FIELD_F32) {
        memcpy(&f32, &low_bits, sizeof f32);
        f64 = (double)f32;
    } else {
        memcpy(&f64, &bits, sizeof f64);
        f32 = (float)f64;
    }
    if (element->becomes == MS_FIELD_F32) {
        memcpy(out, &f32, sizeof f32);
    } else if (element->becomes == MS_FIELD_F64) {
        memcpy(out, &f64, sizeof f64);
    }
}

int ms_map_put_integer(const struct ms_map_element *element, uint8_t *out, uint64_t value)
{
    uint8_t changed[sizeof(uint64_t)];
    ms_field_store(changed, element->becomes, value);
    if (element->most != 0 && ms_field_load(changed, element->becomes) > element->most) {
        return -EBADMSG;
    }
    memcpy(out, changed, element->bytes);
    return 0;
}

static int read_integer(struct ms_unpack *unpack, const struct ms_map_element *element,
                        uint8_t *out)
{
    const uint64_t change = (uint64_t)ms_unpack_i64(unpack);
    if (element->becomes == MS_KIND_NOT_WANTED || unpack->failed) {
        return 0;
    }
    return ms_map_put_integer(element, out, ms_field_load(out, element->becomes) + change);
}

int ms_fields_read(struct ms_unpack *unpack, const struct ms_fields_map *map, void *thing)
{
    uint64_t next = 0;
    for (;;) {
        const uint64_t gap = ms_unpack_upto(unpack, map->count - next);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (gap == 0) {
            return 0;
        }
        const struct ms_map_element *element = &map->elements[next + gap - 1];
        uint8_t *const out = (uint8_t *)thing + element->offset;
        next += gap;
        int error = 0;
        if (element->stored == MS_FIELD_TEXT) {
            error = ms_map_read_text(unpack, element, (char *)out);
        } else if (ms_field_is_float(element->stored)) {
            ms_map_put_float(element, out,
                             element->stored == MS_FIELD_F32
                                 ? ms_unpack_bits(unpack, sizeof(uint32_t))
                                 : ms_unpack_bits(unpack, sizeof(uint64_t)));
        } else {
            error = read_integer(unpack, element, out);
        }
        if (error != 0 || unpack->failed) {
            return -EBADMSG;
        }
    }
}
