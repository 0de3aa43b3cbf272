#include "record/kept_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/parts_sites.h"

enum { ROW_BYTES_MAX = 256, TEXT_BYTES_MAX = 256 };

void ms_row_writer_free(struct ms_row_writer *writer)
{
    free(writer->rows);
    *writer = (struct ms_row_writer){0};
}

/* Behind what is known everything is 0. */
static int reserve(struct ms_row_writer *writer, size_t count, size_t row_bytes)
{
    if (count <= writer->capacity) {
        return 0;
    }
    const size_t capacity = count + count / 4 + 64;
    char *rows = reallocarray(writer->rows, capacity, row_bytes);
    if (rows == NULL) {
        return -ENOMEM;
    }
    writer->rows = rows;
    writer->capacity = capacity;
    return 0;
}

/* One round: removals[0 .. count). Returns false when they do not fit. */
static bool write_round(struct ms_row_writer *writer, size_t row_bytes, struct ms_pack *pack,
                        const struct ms_removal *removals, size_t count)
{
    size_t gone = 0;
    while (gone < count && removals[gone].position < writer->count) {
        gone++;
    }
    /* What came and went since is not known to anybody. */
    ms_pack_u64(pack, gone);
    size_t kept = gone > 0 ? removals[0].position : 0;
    uint32_t before = 0;
    for (size_t i = 0; i < gone; i++) {
        const size_t from = (size_t)removals[i].position + 1;
        const size_t until = i + 1 < gone ? removals[i + 1].position : writer->count;
        if (until < from) {
            return false;
        }
        ms_pack_u64(pack, removals[i].position + 1 - before);
        before = removals[i].position + 1;
        memmove(writer->rows + kept * row_bytes, writer->rows + from * row_bytes,
                (until - from) * row_bytes);
        kept += until - from;
    }
    writer->count -= gone;
    return true;
}

static size_t round_end(const struct ms_removal *removals, size_t from, size_t count)
{
    size_t end = from;
    while (end < count && removals[end].round == removals[from].round) {
        end++;
    }
    return end;
}

static bool write_rounds(struct ms_row_writer *writer, size_t row_bytes, struct ms_pack *pack,
                         const struct ms_removal *removals, size_t count)
{
    uint64_t rounds = 0;
    for (size_t at = 0; at < count; at = round_end(removals, at, count)) {
        rounds++;
    }
    ms_pack_u64(pack, rounds);
    for (size_t at = 0; at < count;) {
        const size_t end = round_end(removals, at, count);
        if (!write_round(writer, row_bytes, pack, removals + at, end - at)) {
            return false;
        }
        at = end;
    }
    return true;
}

static void write_changed(struct ms_row_writer *writer, const struct ms_row_kind *kind,
                          const struct ms_model *model, struct ms_pack *pack, size_t count)
{
    const size_t row_bytes = kind->fields->struct_bytes;
    ms_pack_u64(pack, count);
    if (count > writer->count) {
        memset(writer->rows + writer->count * row_bytes, 0, (count - writer->count) * row_bytes);
    }
    size_t next = 0;
    for (size_t at = ms_model_changed(model, kind->changing, 0, writer->since); at != SIZE_MAX;
         at = ms_model_changed(model, kind->changing, at + 1, writer->since)) {
        char *before = writer->rows + at * row_bytes;
        const void *row = kind->at(model, at);
        ms_pack_u64(pack, at + 1 - next);
        (void)ms_fields_write(pack, kind->fields, before, row);
        if (kind->text != NULL) {
            const char *text = kind->text(row);
            ms_pack_text(pack, text, strnlen(text, TEXT_BYTES_MAX - 1));
        }
        memcpy(before, row, row_bytes);
        next = at + 1;
    }
    ms_pack_u64(pack, 0);
    writer->count = count;
}

/*
 * A row that was added after the last look and is of a round since then lies behind what is known
 * here. Then positions of before and after are not the same for us and the model, and everything is
 * written anew.
 */
static bool fits(const struct ms_row_writer *writer, const struct ms_removal *removals,
                 size_t removed, size_t count)
{
    size_t left = writer->count;
    for (size_t at = 0; at < removed;) {
        const size_t end = round_end(removals, at, removed);
        if (removals[end - 1].position >= left) {
            return false;
        }
        left -= end - at;
        at = end;
    }
    return left <= count;
}

int ms_rows_write(struct ms_row_writer *writer, const struct ms_row_kind *kind,
                  const struct ms_model *model, bool state, struct ms_pack *pack)
{
    const size_t row_bytes = kind->fields->struct_bytes;
    const size_t count = kind->count(model);
    const struct ms_removal *removals = NULL;
    size_t removed = 0;
    if (reserve(writer, count > writer->count ? count : writer->count, row_bytes) != 0) {
        return -ENOMEM;
    }
    const bool anew =
        state || !writer->begun ||
        !ms_model_removals(model, kind->changing, writer->removals, &removals, &removed) ||
        !fits(writer, removals, removed, count);
    if (anew) {
        removed = 0;
        writer->count = 0;
        writer->since = 0;
    }
    const bool changed = removed > 0 || count != writer->count ||
                         ms_model_changed(model, kind->changing, 0, writer->since) != SIZE_MAX;
    if (changed || (anew && !state)) {
        ms_pack_u64(pack, anew ? 1 : 0);
        if (!write_rounds(writer, row_bytes, pack, removals, removed)) {
            return -ENOMEM;
        }
        write_changed(writer, kind, model, pack, count);
    }
    writer->begun = true;
    writer->removals = ms_model_removal_count(model, kind->changing);
    writer->since = ms_model_stamp(model);
    return pack->failed ? -ENOMEM : 0;
}

/* --- reading --- */

static int read_round(const struct ms_row_kind *kind, struct ms_model *model,
                      struct ms_unpack *unpack)
{
    const size_t most = kind->count(model);
    const size_t count = (size_t)ms_unpack_upto(unpack, most);
    if (unpack->failed) {
        return -EBADMSG;
    }
    uint32_t *positions = reallocarray(NULL, count + 1, sizeof *positions);
    if (positions == NULL) {
        return -ENOMEM;
    }
    uint64_t next = 0;
    for (size_t i = 0; i < count; i++) {
        next += ms_unpack_upto(unpack, most);
        positions[i] = (uint32_t)next - 1;
    }
    const int error = unpack->failed || next > most ? -EBADMSG
                      : count > 0                   ? kind->forget(model, positions, count)
                                                    : 0;
    free(positions);
    return error;
}

static int forget_all(const struct ms_row_kind *kind, struct ms_model *model)
{
    int error = 0;
    while (error == 0 && kind->count(model) > 0) {
        const size_t count = kind->count(model);
        uint32_t *positions = reallocarray(NULL, count, sizeof *positions);
        if (positions == NULL) {
            return -ENOMEM;
        }
        for (size_t i = 0; i < count; i++) {
            positions[i] = (uint32_t)i;
        }
        error = kind->forget(model, positions, count);
        free(positions);
    }
    return error;
}

/* A new one is added when it is its turn: until then it would be one without a key. */
static int read_row(const struct ms_row_kind *kind, struct ms_model *model,
                    struct ms_unpack *unpack, const struct ms_fields_map *map, size_t at)
{
    union {
        max_align_t aligned;
        char bytes[ROW_BYTES_MAX];
    } row;
    char text[TEXT_BYTES_MAX] = "";
    if (at > kind->count(model) || kind->fields->struct_bytes > sizeof row) {
        return -EBADMSG;
    }
    int error = 0;
    if (at == kind->count(model)) {
        error = kind->add(model);
        if (error != 0) {
            return error;
        }
    }
    memcpy(row.bytes, kind->at(model, at), kind->fields->struct_bytes);
    error = ms_fields_read(unpack, map, row.bytes);
    if (error == 0 && kind->text != NULL) {
        size_t bytes;
        const char *from = ms_unpack_text(unpack, &bytes);
        if (unpack->failed || bytes >= sizeof text) {
            return -EBADMSG;
        }
        memcpy(text, from, bytes);
    }
    return error != 0 ? error : kind->put(model, at, row.bytes, text);
}

int ms_rows_read(const struct ms_row_kind *kind, struct ms_model *model, struct ms_unpack *unpack,
                 const struct ms_fields_map *map)
{
    const bool anew = ms_unpack_upto(unpack, 1) != 0;
    int error = anew ? forget_all(kind, model) : 0;
    const uint64_t rounds = ms_unpack_u64(unpack);
    for (uint64_t i = 0; i < rounds && error == 0; i++) {
        error = unpack->failed ? -EBADMSG : read_round(kind, model, unpack);
    }
    const uint64_t count = ms_unpack_upto(unpack, UINT32_MAX - 1);
    uint64_t next = 0;
    while (error == 0) {
        const uint64_t gap = ms_unpack_upto(unpack, count - next);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (gap == 0) {
            break;
        }
        next += gap;
        error = read_row(kind, model, unpack, map, (size_t)next - 1);
    }
    return error == 0 && kind->count(model) != count ? -EBADMSG : error;
}

size_t ms_rows_compare(const struct ms_row_kind *kind, const struct ms_model *one,
                       const struct ms_model *other,
                       void (*differs)(void *context, const char *what), void *context)
{
    struct ms_difference difference = {
        .thing = kind->thing, .differs = differs, .context = context};
    const size_t count = kind->count(one);
    size_t different = 0;
    if (count != kind->count(other)) {
        difference.number = count;
        return ms_difference_in(&difference, "how many there are");
    }
    for (size_t i = 0; i < count; i++) {
        const void *a = kind->at(one, i);
        const void *b = kind->at(other, i);
        difference.number = i;
        different += ms_fields_compare(kind->fields, a, b, ms_difference_in_field, &difference);
        if (kind->text != NULL && strcmp(kind->text(a), kind->text(b)) != 0) {
            different += ms_difference_in(&difference, "text");
        }
    }
    return different;
}
