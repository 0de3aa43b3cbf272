/* Fields by the words of a struct that they lie in. */
#include <stdlib.h>
#include <string.h>

#include "record/fields_value.h"

struct element {
    const struct ms_field *field;
    uint32_t offset;
    uint32_t number; /* among all elements of the table */
};

struct ms_fields_index {
    size_t words;
    struct element *elements; /* by their offsets */
    uint32_t count;
    uint32_t
        *of_word;    /* first element that does not end before it; one more than there are words */
    uint32_t *whole; /* element + 1 that is this word, a number; 0: there is none */
    uint32_t *hits;  /* of the change being written: elements that differ, in order of number */
    uint8_t *zeros;  /* a struct */
};

static int compare_offsets(const void *a, const void *b)
{
    const uint32_t of_a = ((const struct element *)a)->offset;
    const uint32_t of_b = ((const struct element *)b)->offset;
    return of_a < of_b ? -1 : of_a > of_b;
}

static void fill(struct ms_fields_index *index, const struct ms_fields *fields)
{
    for (size_t f = 0; f < fields->count; f++) {
        const struct ms_field *field = &fields->fields[f];
        for (uint32_t i = 0; i < field->count; i++) {
            index->elements[index->count] =
                (struct element){field, field->offset + i * field->stride_bytes, index->count};
            index->count++;
        }
    }
    qsort(index->elements, index->count, sizeof *index->elements, compare_offsets);
    uint32_t element = 0;
    for (size_t word = 0; word <= index->words; word++) {
        while (element < index->count &&
               index->elements[element].offset + index->elements[element].field->element_bytes <=
                   word * sizeof(uint64_t)) {
            element++;
        }
        index->of_word[word] = element;
    }
    for (element = 0; element < index->count; element++) {
        const uint32_t offset = index->elements[element].offset;
        const struct ms_field *field = index->elements[element].field;
        if (field->element_bytes == sizeof(uint64_t) && field->kind != MS_FIELD_TEXT &&
            offset % sizeof(uint64_t) == 0) {
            index->whole[offset / sizeof(uint64_t)] = element + 1;
        }
    }
}

struct ms_fields_index *ms_fields_index_new(const struct ms_fields *fields)
{
    size_t count = 0;
    for (size_t f = 0; f < fields->count; f++) {
        count += fields->fields[f].count;
    }
    struct ms_fields_index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        return NULL;
    }
    index->words = fields->struct_bytes / sizeof(uint64_t);
    index->elements = reallocarray(NULL, count + 1, sizeof *index->elements);
    index->hits = reallocarray(NULL, count + 1, sizeof *index->hits);
    index->of_word = reallocarray(NULL, index->words + 1, sizeof *index->of_word);
    index->whole = calloc(index->words + 1, sizeof *index->whole);
    index->zeros = calloc(1, fields->struct_bytes);
    if (index->elements == NULL || index->hits == NULL || index->of_word == NULL ||
        index->whole == NULL || index->zeros == NULL) {
        ms_fields_index_free(index);
        return NULL;
    }
    fill(index, fields);
    return index;
}

void ms_fields_index_free(struct ms_fields_index *index)
{
    if (index != NULL) {
        free(index->elements);
        free(index->hits);
        free(index->of_word);
        free(index->whole);
        free(index->zeros);
        free(index);
    }
}

/* Arrays of structs lie in another order than their fields stand in the table. */
static void add_hit(struct ms_fields_index *index, size_t hits, uint32_t element)
{
    const uint32_t number = index->elements[element].number;
    while (hits > 0 && index->elements[index->hits[hits - 1]].number > number) {
        index->hits[hits] = index->hits[hits - 1];
        hits--;
    }
    index->hits[hits] = element;
}

static size_t find_hits(struct ms_fields_index *index, const uint8_t *before, const uint8_t *now)
{
    size_t hits = 0;
    uint32_t next = 0;
    /* The last round is for what lies behind the last whole word. */
    for (size_t word = 0; word <= index->words; word++) {
        const size_t at = word * sizeof(uint64_t);
        if (word < index->words) {
            uint64_t a;
            uint64_t b;
            memcpy(&a, before + at, sizeof a);
            memcpy(&b, now + at, sizeof b);
            if (a == b) {
                continue;
            }
            if (index->whole[word] != 0) {
                add_hit(index, hits++, index->whole[word] - 1);
                continue;
            }
        }
        next = next < index->of_word[word] ? index->of_word[word] : next;
        while (next < index->count && index->elements[next].offset < at + sizeof(uint64_t)) {
            const struct element *element = &index->elements[next];
            if (!ms_field_same(element->field, now + element->offset, before + element->offset)) {
                add_hit(index, hits++, next);
            }
            next++;
        }
    }
    return hits;
}

/* A value that is not the difference to the one before. */
static bool is_plain(enum ms_field_kind kind)
{
    return kind == MS_FIELD_TEXT || kind == MS_FIELD_F32 || kind == MS_FIELD_F64;
}

/* Most elements are integers: their gap and their difference are put without asking for room. */
static void write_hits(struct ms_pack *pack, const struct ms_fields_index *index, size_t hits,
                       const uint8_t *before, const uint8_t *now)
{
    uint64_t next = 0; /* behind the element written last */
    uint8_t *at = ms_pack_room(pack, 2 * MS_VARINT_BYTES_MAX * hits + 1);
    for (size_t i = 0; i < hits && at != NULL; i++) {
        const struct element *element = &index->elements[index->hits[i]];
        const enum ms_field_kind kind = element->field->kind;
        const uint8_t *const old = before + element->offset;
        const uint8_t *const value = now + element->offset;
        at = ms_put_varint(at, element->number - next + 1);
        next = (uint64_t)element->number + 1;
        if (is_plain(kind)) {
            pack->used = (size_t)(at - pack->bytes);
            ms_field_write_value(pack, element->field, old, value);
            at = ms_pack_room(pack, 2 * MS_VARINT_BYTES_MAX * (hits - i) + 1);
        } else {
            at = ms_put_varint(
                at, ms_zigzag((int64_t)(ms_field_load(value, kind) - ms_field_load(old, kind))));
        }
    }
    if (at != NULL) {
        *at++ = 0;
        pack->used = (size_t)(at - pack->bytes);
    }
}

size_t ms_fields_write_by(struct ms_pack *pack, struct ms_fields_index *index, void *shadow,
                          const void *now)
{
    const size_t hits = find_hits(index, shadow, now);
    write_hits(pack, index, hits, shadow, now);
    for (size_t i = 0; i < hits; i++) {
        const struct element *element = &index->elements[index->hits[i]];
        memcpy((uint8_t *)shadow + element->offset, (const uint8_t *)now + element->offset,
               element->field->element_bytes);
    }
    return hits;
}

size_t ms_fields_write_whole_by(struct ms_pack *pack, struct ms_fields_index *index,
                                const void *now)
{
    const size_t hits = find_hits(index, index->zeros, now);
    write_hits(pack, index, hits, index->zeros, now);
    return hits;
}
