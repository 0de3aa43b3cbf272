/* Writing; see columns.h. */
#include "record/columns.h"

#include <stdlib.h>

#include "record/fields_value.h"

enum {
    SAMPLED = 8, /* one in so many is looked at to choose a form */
    SPARSE = 4,  /* with one in so many that is not 0 SOME is shorter */
};

struct element {
    const struct ms_field *field;
    uint32_t offset;
};

/* A column with integers of its own, as they are written. */
struct row_column {
    uint64_t coded[MS_COLUMN_THINGS];
};

/* The last columns of the rows, and one that is being made. */
enum { VALUES_KEPT = MS_COLUMNS_BACK + 1 };

struct ms_columns {
    const struct ms_fields *fields;
    struct element *elements; /* by their numbers */
    uint32_t count;
    size_t words;                                   /* of a struct, the last one perhaps in part */
    uint64_t *any;                                  /* all things, ORed */
    uint64_t values[VALUES_KEPT][MS_COLUMN_THINGS]; /* of column c of the rows: c % VALUES_KEPT */
    struct row_column *rows;
    uint32_t row_count, row_capacity;
};

struct ms_columns *ms_columns_new(const struct ms_fields *fields)
{
    size_t count = 0;
    for (size_t f = 0; f < fields->count; f++) {
        count += fields->fields[f].count;
    }
    struct ms_columns *columns = calloc(1, sizeof *columns);
    if (columns == NULL) {
        return NULL;
    }
    columns->fields = fields;
    columns->words = (fields->struct_bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    columns->elements = reallocarray(NULL, count + 1, sizeof *columns->elements);
    columns->any = calloc(columns->words + 1, sizeof *columns->any);
    if (columns->elements == NULL || columns->any == NULL) {
        ms_columns_free(columns);
        return NULL;
    }
    for (size_t f = 0; f < fields->count; f++) {
        const struct ms_field *field = &fields->fields[f];
        for (uint32_t i = 0; i < field->count; i++) {
            columns->elements[columns->count++] =
                (struct element){field, field->offset + i * field->stride_bytes};
        }
    }
    return columns;
}

void ms_columns_free(struct ms_columns *columns)
{
    if (columns != NULL) {
        free(columns->elements);
        free(columns->any);
        free(columns->rows);
        free(columns);
    }
}

/* So many words of all things at once: a line of the cache. */
enum { WORDS_AT_ONCE = 8 };

static void or_line(uint64_t *restrict any, const void *const *things, size_t count, size_t offset)
{
    uint64_t all[WORDS_AT_ONCE] = {0};
    for (size_t i = 0; i < count; i++) {
        uint64_t words[WORDS_AT_ONCE];
        memcpy(words, (const uint8_t *)things[i] + offset, sizeof words);
        for (size_t w = 0; w < WORDS_AT_ONCE; w++) {
            all[w] |= words[w];
        }
    }
    memcpy(any, all, sizeof all);
}

static uint64_t or_word(const void *const *things, size_t count, size_t offset)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)things[i] + offset, sizeof word);
        all |= word;
    }
    return all;
}

static uint64_t or_bytes(const void *const *things, size_t count, size_t offset, size_t bytes)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = 0;
        memcpy(&word, (const uint8_t *)things[i] + offset, bytes);
        all |= word;
    }
    return all;
}

/* What is 0 here is 0 in all of them. */
static void find_any(struct ms_columns *columns, const void *const *things, size_t count)
{
    const size_t bytes = columns->fields->struct_bytes;
    const size_t whole = bytes / sizeof(uint64_t);
    uint64_t *const any = columns->any;
    size_t w = 0;
    for (; w + WORDS_AT_ONCE <= whole; w += WORDS_AT_ONCE) {
        or_line(any + w, things, count, w * sizeof *any);
    }
    for (; w < whole; w++) {
        any[w] = or_word(things, count, w * sizeof *any);
    }
    if (w < columns->words) {
        any[w] = or_bytes(things, count, w * sizeof *any, bytes - w * sizeof *any);
    }
}

static void load(uint64_t *values, const struct element *element, const void *const *things,
                 size_t count)
{
    const unsigned kind = element->field->kind;
    if (element->field->element_bytes == sizeof *values) {
        for (size_t i = 0; i < count; i++) {
            memcpy(&values[i], (const uint8_t *)things[i] + element->offset, sizeof *values);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            values[i] = ms_field_load((const uint8_t *)things[i] + element->offset, kind);
        }
    }
}

static bool is_signed(unsigned kind)
{
    return kind == MS_FIELD_I32 || kind == MS_FIELD_I64;
}

static unsigned bits_of(uint64_t value)
{
    return 64u - (unsigned)__builtin_clzll(value | 1);
}

static unsigned bits_of_step(uint64_t value, uint64_t before)
{
    return bits_of(ms_zigzag((int64_t)(value - before)));
}

struct choice {
    enum ms_column_form form;
    uint32_t back;
    unsigned bits; /* of the sample */
};

static void choose(struct choice *choice, enum ms_column_form form, uint32_t back, unsigned bits)
{
    if (bits < choice->bits) {
        *choice = (struct choice){form, back, bits};
    }
}

/* Of so many columns of the rows back; 0: of the one that is being made. */
static uint64_t *values_of(struct ms_columns *columns, uint32_t back)
{
    return columns->values[(columns->row_count - back) % VALUES_KEPT];
}

/* For integers that are not all the same, by a sample of them. */
static struct choice choose_form(struct ms_columns *columns, size_t count)
{
    const uint64_t *const values = values_of(columns, 0);
    const size_t every = count > MS_COLUMN_THINGS / SAMPLED ? SAMPLED : 1;
    struct choice choice = {.form = MS_COLUMN_EACH};
    unsigned steps = 0;
    for (size_t i = 1; i < count; i += every) {
        choice.bits += bits_of(values[i]);
        steps += bits_of_step(values[i], values[i - 1]);
    }
    choose(&choice, MS_COLUMN_STEPS, 0, steps);
    for (uint32_t back = 1; back <= columns->row_count && back <= MS_COLUMNS_BACK; back++) {
        const uint64_t *const before = values_of(columns, back);
        unsigned like = 0;
        for (size_t i = 1; i < count && like < choice.bits; i += every) {
            like += bits_of_step(values[i], before[i]);
        }
        choose(&choice, MS_COLUMN_LIKE, back, like);
    }
    return choice;
}

static bool are_alike(const uint64_t *values, size_t count)
{
    uint64_t differ = 0;
    for (size_t i = 1; i < count; i++) {
        differ |= values[i] ^ values[0];
    }
    return differ == 0;
}

/* How many are not 0, as far as those are at most so many. */
static size_t count_some(const uint64_t *values, size_t count, size_t most)
{
    size_t some = 0;
    for (size_t i = 0; i < count && some <= most; i++) {
        some += values[i] != 0;
    }
    return some;
}

static void put_head(struct ms_pack *pack, uint64_t gap, enum ms_column_form form)
{
    ms_pack_u64(pack, gap << MS_COLUMN_FORM_BITS | form);
}

static void put_value(struct ms_pack *pack, const struct ms_field *field, uint64_t value)
{
    if (ms_field_is_float(field->kind)) {
        ms_pack_bits(pack, value, field->element_bytes);
    } else {
        ms_pack_u64(pack, is_signed(field->kind) ? ms_zigzag((int64_t)value) : value);
    }
}

/* True when those are all, or hardly any is not 0. */
static bool write_few(struct ms_columns *columns, struct ms_pack *pack, uint64_t gap,
                      const struct ms_field *field, size_t count)
{
    const uint64_t *const values = values_of(columns, 0);
    if (are_alike(values, count)) {
        put_head(pack, gap, MS_COLUMN_SAME);
        put_value(pack, field, values[0]);
        return true;
    }
    const size_t some = count_some(values, count, count / SPARSE);
    if (some > count / SPARSE) {
        return false;
    }
    size_t next = 0;
    put_head(pack, gap, MS_COLUMN_SOME);
    ms_pack_u64(pack, some);
    for (size_t i = 0; i < count; i++) {
        if (values[i] != 0) {
            ms_pack_u64(pack, i - next + 1);
            put_value(pack, field, values[i]);
            next = i + 1;
        }
    }
    return true;
}

static struct row_column *add_row_column(struct ms_columns *columns)
{
    if (columns->row_count == columns->row_capacity) {
        const uint32_t capacity = columns->row_capacity != 0 ? 2 * columns->row_capacity : 16;
        struct row_column *rows = reallocarray(columns->rows, capacity, sizeof *rows);
        if (rows == NULL) {
            return NULL;
        }
        columns->rows = rows;
        columns->row_capacity = capacity;
    }
    return &columns->rows[columns->row_count];
}

/* The differences of two columns, or of a column to itself one thing further. */
static void code_differences(uint64_t *restrict coded, const uint64_t *values,
                             const uint64_t *before, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t change = values[i] - before[i];
        coded[i] = change << 1 ^ (0 - (change >> 63));
    }
}

static void code_column(struct ms_columns *columns, struct row_column *column,
                        const struct choice *choice, bool zigzag, size_t count)
{
    static const uint64_t zeros[MS_COLUMN_THINGS];
    const uint64_t *const values = values_of(columns, 0);
    if (choice->form == MS_COLUMN_LIKE) {
        code_differences(column->coded, values, values_of(columns, choice->back), count);
    } else if (choice->form == MS_COLUMN_STEPS) {
        column->coded[0] = ms_zigzag((int64_t)values[0]);
        code_differences(column->coded + 1, values + 1, values, count - 1);
    } else if (zigzag) {
        code_differences(column->coded, values, zeros, count);
    } else {
        memcpy(column->coded, values, count * sizeof *values);
    }
}

static void write_integers(struct ms_columns *columns, struct ms_pack *pack, uint64_t gap,
                           bool zigzag, size_t count)
{
    struct row_column *column = add_row_column(columns);
    if (column == NULL) {
        pack->failed = true;
        return;
    }
    const struct choice choice = choose_form(columns, count);
    code_column(columns, column, &choice, zigzag, count);
    put_head(pack, gap, choice.form);
    if (choice.form == MS_COLUMN_LIKE) {
        ms_pack_u64(pack, choice.back);
    }
    columns->row_count++;
}

static void write_rows(const struct ms_columns *columns, struct ms_pack *pack, size_t count)
{
    const struct row_column *const end = columns->rows + columns->row_count;
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = ms_pack_room(pack, (size_t)columns->row_count * MS_VARINT_BYTES_MAX);
        if (at == NULL) {
            return;
        }
        for (const struct row_column *column = columns->rows; column < end; column++) {
            at = ms_put_varint(at, column->coded[i]);
        }
        pack->used = (size_t)(at - pack->bytes);
    }
}

/* Of each its bits, the lowest bytes of all of them first: those are noise, the others are not. */
static void write_floats(struct ms_columns *columns, struct ms_pack *pack, uint64_t gap,
                         unsigned bytes, size_t count)
{
    const uint64_t *const values = values_of(columns, 0);
    put_head(pack, gap, MS_COLUMN_EACH);
    uint8_t *const at = ms_pack_room(pack, bytes * count);
    if (at != NULL) {
        for (unsigned byte = 0; byte < bytes; byte++) {
            for (size_t i = 0; i < count; i++) {
                at[byte * count + i] = (uint8_t)(values[i] >> 8 * byte);
            }
        }
        pack->used += bytes * count;
    }
}

static void write_texts(struct ms_pack *pack, uint64_t gap, const struct element *element,
                        const void *const *things, size_t count)
{
    const uint32_t bytes = element->field->element_bytes;
    const char *const first = (const char *)things[0] + element->offset;
    size_t alike = 1;
    while (alike < count &&
           strncmp(first, (const char *)things[alike] + element->offset, bytes) == 0) {
        alike++;
    }
    put_head(pack, gap, alike == count ? MS_COLUMN_SAME : MS_COLUMN_EACH);
    for (size_t i = 0; i < (alike == count ? 1 : count); i++) {
        const char *const text = (const char *)things[i] + element->offset;
        ms_pack_text(pack, text, strnlen(text, bytes));
    }
}

static bool is_in_any(const struct ms_columns *columns, const struct element *element)
{
    /* A text that is not empty shows in its first letter. */
    const unsigned kind =
        element->field->kind == MS_FIELD_TEXT ? MS_FIELD_U8 : element->field->kind;
    return ms_field_load((const uint8_t *)columns->any + element->offset, kind) != 0;
}

void ms_columns_write(struct ms_columns *columns, struct ms_pack *pack, const void *const *things,
                      size_t count)
{
    uint32_t next = 0; /* behind the element written last */
    columns->row_count = 0;
    find_any(columns, things, count);
    for (uint32_t number = 0; number < columns->count; number++) {
        const struct element *element = &columns->elements[number];
        if (!is_in_any(columns, element)) {
            continue;
        }
        const unsigned kind = element->field->kind;
        const uint64_t gap = number - next + 1;
        next = number + 1;
        if (kind == MS_FIELD_TEXT) {
            write_texts(pack, gap, element, things, count);
            continue;
        }
        load(values_of(columns, 0), element, things, count);
        if (write_few(columns, pack, gap, element->field, count)) {
            continue;
        }
        if (ms_field_is_float(kind)) {
            write_floats(columns, pack, gap, element->field->element_bytes, count);
        } else {
            write_integers(columns, pack, gap, is_signed(kind), count);
        }
    }
    ms_pack_u64(pack, 0);
    write_rows(columns, pack, count);
}
