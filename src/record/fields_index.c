/* Fields by the words of a struct that they lie in. */
#include <stdlib.h>
#include <string.h>

#include "record/fields_value.h"

struct element {
    const struct ms_field *field;
    uint32_t offset;
    uint32_t number; /* among all elements of the table */
    unsigned kind;   /* of the field */
};

/* What lies in eight bytes of a struct. */
struct word {
    uint32_t first;     /* element that does not end before it */
    uint32_t integer;   /* number + 1 of the element that is this word, an integer; 0: none is */
    uint32_t next_used; /* word in which there is something, from this one on */
    bool has_parts;     /* elements that are no such integer, or parts of them */
};

struct ms_fields_index {
    size_t words;
    struct element *elements; /* by their offsets */
    uint32_t count;
    struct word *of_word; /* one more than there are words: for the bytes behind the last */
    bool in_order;        /* numbers of elements grow with their offsets: no array of structs */
    uint32_t *hits; /* of the change being written: elements that differ, in order of number */
    uint8_t *zeros; /* a struct */
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
            index->elements[index->count] = (struct element){
                field, field->offset + i * field->stride_bytes, index->count, field->kind};
            index->count++;
        }
    }
    qsort(index->elements, index->count, sizeof *index->elements, compare_offsets);
    index->in_order = true;
    for (uint32_t i = 1; i < index->count; i++) {
        index->in_order &= index->elements[i].number > index->elements[i - 1].number;
    }
}

static void fill_words(struct ms_fields_index *index)
{
    uint32_t element = 0;
    for (size_t word = 0; word <= index->words; word++) {
        while (element < index->count &&
               index->elements[element].offset + index->elements[element].field->element_bytes <=
                   word * sizeof(uint64_t)) {
            element++;
        }
        index->of_word[word].first = element;
    }
    for (element = 0; element < index->count; element++) {
        const uint32_t offset = index->elements[element].offset;
        const unsigned kind = index->elements[element].kind;
        const size_t bytes = index->elements[element].field->element_bytes;
        size_t word = offset / sizeof(uint64_t);
        if ((kind == MS_FIELD_U64 || kind == MS_FIELD_I64) && offset % sizeof(uint64_t) == 0) {
            index->of_word[word].integer = index->elements[element].number + 1;
            continue;
        }
        for (; word * sizeof(uint64_t) < offset + bytes && word <= index->words; word++) {
            index->of_word[word].has_parts = true;
        }
    }
    uint32_t used = (uint32_t)index->words;
    for (size_t word = index->words; word-- > 0;) {
        if (index->of_word[word].integer != 0 || index->of_word[word].has_parts) {
            used = (uint32_t)word;
        }
        index->of_word[word].next_used = used;
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
    index->of_word = calloc(index->words + 1, sizeof *index->of_word);
    index->zeros = calloc(1, fields->struct_bytes);
    if (index->elements == NULL || index->hits == NULL || index->of_word == NULL ||
        index->zeros == NULL) {
        ms_fields_index_free(index);
        return NULL;
    }
    fill(index, fields);
    fill_words(index);
    return index;
}

void ms_fields_index_free(struct ms_fields_index *index)
{
    if (index != NULL) {
        free(index->elements);
        free(index->hits);
        free(index->of_word);
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

static inline uint64_t word_at(const uint8_t *bytes, size_t word)
{
    uint64_t value;
    memcpy(&value, bytes + word * sizeof value, sizeof value);
    return value;
}

/* Most of a large struct is as it was. */
enum { WORDS_AT_ONCE = 4, LARGE_WORDS = 16 };

static inline size_t skip_equal(const struct ms_fields_index *index, const uint8_t *before,
                                const uint8_t *now, size_t word)
{
    while (index->words > LARGE_WORDS && word + WORDS_AT_ONCE <= index->words &&
           ((word_at(before, word) ^ word_at(now, word)) |
            (word_at(before, word + 1) ^ word_at(now, word + 1)) |
            (word_at(before, word + 2) ^ word_at(now, word + 2)) |
            (word_at(before, word + 3) ^ word_at(now, word + 3))) == 0) {
        word += WORDS_AT_ONCE;
    }
    while (word < index->words && word_at(before, word) == word_at(now, word)) {
        word++;
    }
    return word;
}

/* The next word, from this one on, that differs and in which there is something; `words`: none. */
static inline size_t find_differing(const struct ms_fields_index *index, const uint8_t *before,
                                    const uint8_t *now, size_t word)
{
    word = skip_equal(index, before, now, word);
    while (word < index->words && index->of_word[word].next_used != word) {
        word = skip_equal(index, before, now, index->of_word[word].next_used);
    }
    return word;
}

/* Elements that lie in a word and differ, from *next on, which is the first not looked at then. */
static size_t find_hits_within(struct ms_fields_index *index, const uint8_t *before,
                               const uint8_t *now, size_t word, uint32_t *next, size_t hits)
{
    const size_t end = (word + 1) * sizeof(uint64_t);
    *next = *next < index->of_word[word].first ? index->of_word[word].first : *next;
    while (*next < index->count && index->elements[*next].offset < end) {
        const struct element *element = &index->elements[*next];
        if (!ms_field_same(element->field, now + element->offset, before + element->offset)) {
            add_hit(index, hits++, *next);
        }
        ++*next;
    }
    return hits;
}

static size_t find_hits(struct ms_fields_index *index, const uint8_t *before, const uint8_t *now)
{
    size_t hits = 0;
    uint32_t next = 0;
    for (size_t word = find_differing(index, before, now, 0); word < index->words;
         word = find_differing(index, before, now, word + 1)) {
        if (index->of_word[word].integer != 0) {
            add_hit(index, hits++, index->of_word[word].first);
        } else {
            hits = find_hits_within(index, before, now, word, &next, hits);
        }
    }
    return index->of_word[index->words].has_parts
               ? find_hits_within(index, before, now, index->words, &next, hits)
               : hits;
}

/* A value that is not the difference to the one before. */
static inline bool is_plain(unsigned kind)
{
    return kind == MS_FIELD_TEXT || kind == MS_FIELD_F32 || kind == MS_FIELD_F64;
}

/* Where values are put without asking for room each time. */
struct writing {
    struct ms_pack *pack;
    uint8_t *at;   /* NULL: failed */
    uint64_t next; /* behind the element written last */
    size_t room;   /* that is asked for */
};

static inline void put_number(struct writing *writing, uint32_t number)
{
    writing->at = ms_put_varint(writing->at, number - writing->next + 1);
    writing->next = (uint64_t)number + 1;
}

/* Most elements are integers. */
static inline void put_hit(struct writing *writing, const struct element *element,
                           const uint8_t *before, const uint8_t *now)
{
    const uint8_t *const old = before + element->offset;
    const uint8_t *const value = now + element->offset;
    put_number(writing, element->number);
    if (element->kind == MS_FIELD_U64) {
        writing->at =
            ms_put_varint(writing->at, ms_zigzag((int64_t)(word_at(value, 0) - word_at(old, 0))));
    } else if (is_plain(element->kind)) {
        writing->pack->used = (size_t)(writing->at - writing->pack->bytes);
        ms_field_write_value(writing->pack, element->field, old, value);
        writing->at = ms_pack_room(writing->pack, writing->room);
    } else {
        writing->at =
            ms_put_varint(writing->at, ms_zigzag((int64_t)(ms_field_load(value, element->kind) -
                                                           ms_field_load(old, element->kind))));
    }
}

static struct writing begin(struct ms_pack *pack, size_t elements)
{
    const size_t room = 2 * MS_VARINT_BYTES_MAX * elements + 1;
    return (struct writing){.pack = pack, .at = ms_pack_room(pack, room), .room = room};
}

static void end(struct writing *writing)
{
    if (writing->at != NULL) {
        *writing->at++ = 0;
        writing->pack->used = (size_t)(writing->at - writing->pack->bytes);
    }
}

static inline void take_over(uint8_t *shadow, const struct element *element, const uint8_t *now)
{
    if (element->kind == MS_FIELD_U64) {
        memcpy(shadow + element->offset, now + element->offset, sizeof(uint64_t));
    } else {
        memcpy(shadow + element->offset, now + element->offset, element->field->element_bytes);
    }
}

static void write_found(struct writing *writing, const struct ms_fields_index *index, size_t hits,
                        const uint8_t *before, const uint8_t *now, uint8_t *update)
{
    for (size_t i = 0; i < hits && writing->at != NULL; i++) {
        const struct element *const element = &index->elements[index->hits[i]];
        put_hit(writing, element, before, now);
        if (update != NULL) {
            take_over(update, element, now);
        }
    }
}

/* In the order in which they lie. `update` is NULL or `before`. */
static size_t write_in_order(struct ms_pack *pack, struct ms_fields_index *index,
                             const uint8_t *before, const uint8_t *now, uint8_t *update)
{
    struct writing writing = begin(pack, index->count);
    uint32_t next = 0;
    size_t changed = 0;
    for (size_t word = find_differing(index, before, now, 0); writing.at != NULL;
         word = find_differing(index, before, now, word + 1)) {
        const struct word *const of_word = &index->of_word[word];
        if (of_word->integer != 0) {
            const uint64_t value = word_at(now, word);
            put_number(&writing, of_word->integer - 1);
            writing.at =
                ms_put_varint(writing.at, ms_zigzag((int64_t)(value - word_at(before, word))));
            if (update != NULL) {
                memcpy(update + word * sizeof value, &value, sizeof value);
            }
            changed++;
            continue;
        }
        if (of_word->has_parts) {
            const size_t hits = find_hits_within(index, before, now, word, &next, 0);
            write_found(&writing, index, hits, before, now, update);
            changed += hits;
        }
        if (word >= index->words) {
            break; /* what lies behind the last whole word */
        }
    }
    end(&writing);
    return changed;
}

static size_t write_by(struct ms_pack *pack, struct ms_fields_index *index, const uint8_t *before,
                       const uint8_t *now, uint8_t *update)
{
    if (index->in_order) {
        return write_in_order(pack, index, before, now, update);
    }
    const size_t hits = find_hits(index, before, now);
    struct writing writing = begin(pack, hits);
    write_found(&writing, index, hits, before, now, update);
    end(&writing);
    return hits;
}

size_t ms_fields_write_by(struct ms_pack *pack, struct ms_fields_index *index, void *shadow,
                          const void *now)
{
    return write_by(pack, index, shadow, now, shadow);
}

size_t ms_fields_write_whole_by(struct ms_pack *pack, struct ms_fields_index *index,
                                const void *now)
{
    return write_by(pack, index, index->zeros, now, NULL);
}
