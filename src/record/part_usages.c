/*
 * What threads allocated at call sites. Written form of what changed: as of lists
 * (record/listed.h); figures of those that are new or changed: see `write_figures`; 0. All of them
 * anew: see record/usage_columns.h.
 *
 * Figures are differences to those written last, which are remembered of what changed since the
 * last state: most do not change for long. What changes for the first time is written as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/chunks.h"
#include "model/figures.h"
#include "model/restore.h"
#include "record/fields_sites.h"
#include "record/listed.h"
#include "record/usage_columns.h"

enum { TABLE_FIGURES, TABLE_EXTRA, TABLE_IDENTITY };

struct shadow {
    struct ms_usage usage;
    struct ms_usage_extra *extra; /* NULL: all 0 */
};

struct ms_part_writer {
    struct ms_fields_index *fields, *extra_fields;
    struct ms_usage_columns *columns;
    struct ms_listed listed;
    struct ms_chunks shadows; /* struct shadow */
    uint32_t *slots;          /* by position: shadow + 1, 0: none */
    uint32_t *slots_before;
    size_t capacity;
    uint32_t *unused; /* shadows */
    size_t unused_count, unused_capacity;
    const struct ms_model *model;
};

static struct shadow *shadow_at(const struct ms_part_writer *writer, uint32_t slot)
{
    return ms_chunks_at(&writer->shadows, slot - 1);
}

static void free_extras(struct ms_part_writer *writer)
{
    for (size_t i = 0; i < writer->shadows.count; i++) {
        free(((struct shadow *)ms_chunks_at(&writer->shadows, i))->extra);
    }
}

static void writer_free(struct ms_part_writer *writer)
{
    if (writer != NULL) {
        free_extras(writer);
        ms_chunks_free(&writer->shadows);
        ms_fields_index_free(writer->fields);
        ms_fields_index_free(writer->extra_fields);
        ms_usage_columns_free(writer->columns);
        ms_listed_free(&writer->listed);
        free(writer->slots);
        free(writer->slots_before);
        free(writer->unused);
        free(writer);
    }
}

static struct ms_part_writer *writer_new(void)
{
    struct ms_part_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return NULL;
    }
    writer->shadows.element_bytes = sizeof(struct shadow);
    writer->fields = ms_fields_index_new(&ms_fields_usage);
    writer->extra_fields = ms_fields_index_new(&ms_fields_usage_extra);
    writer->columns = ms_usage_columns_new();
    if (writer->fields == NULL || writer->extra_fields == NULL || writer->columns == NULL) {
        writer_free(writer);
        return NULL;
    }
    return writer;
}

static int reserve(struct ms_part_writer *writer, size_t count)
{
    if (count <= writer->capacity) {
        return 0;
    }
    const size_t capacity = count + count / 4 + 1024;
    uint32_t *slots = reallocarray(writer->slots, capacity, sizeof *slots);
    if (slots == NULL) {
        return -ENOMEM;
    }
    memset(slots + writer->capacity, 0, (capacity - writer->capacity) * sizeof *slots);
    writer->slots = slots;
    uint32_t *slots_before = reallocarray(writer->slots_before, capacity, sizeof *slots_before);
    if (slots_before == NULL) {
        return -ENOMEM;
    }
    writer->slots_before = slots_before;
    writer->capacity = capacity;
    return 0;
}

/* Everything is written as a whole the next time that it changes. */
static void forget_shadows(struct ms_part_writer *writer)
{
    free_extras(writer);
    while (writer->shadows.count > 0) {
        ms_chunks_drop_last(&writer->shadows);
    }
    writer->unused_count = 0;
    if (writer->capacity > 0) {
        memset(writer->slots, 0, writer->capacity * sizeof *writer->slots);
    }
}

static void give_back(struct ms_part_writer *writer, uint32_t slot)
{
    if (writer->unused_count == writer->unused_capacity) {
        const size_t capacity = writer->unused_capacity != 0 ? 2 * writer->unused_capacity : 64;
        uint32_t *unused = reallocarray(writer->unused, capacity, sizeof *unused);
        if (unused == NULL) {
            return; /* until the next state */
        }
        writer->unused = unused;
        writer->unused_capacity = capacity;
    }
    writer->unused[writer->unused_count++] = slot;
}

/* Shadows go where their usages went. */
static void move_slots(struct ms_part_writer *writer)
{
    const struct ms_moves *moves = &writer->listed.moves;
    if (moves->removal_count == 0) {
        return;
    }
    uint32_t *before = writer->slots;
    uint32_t *now = writer->slots_before;
    memset(now, 0, writer->capacity * sizeof *now);
    for (size_t i = 0; i < moves->now; i++) {
        const size_t from = ms_moves_from(moves, i);
        if (from != SIZE_MAX) {
            now[i] = before[from];
            before[from] = 0;
        }
    }
    for (size_t i = 0; i < moves->before; i++) {
        if (before[i] != 0) {
            give_back(writer, before[i]);
        }
    }
    writer->slots = now;
    writer->slots_before = before;
}

/* The shadow of the usage at a position; made when there is none: *made then. NULL: no memory. */
static struct shadow *shadow_of(struct ms_part_writer *writer, size_t position, bool *made)
{
    *made = writer->slots[position] == 0;
    if (!*made) {
        return shadow_at(writer, writer->slots[position]);
    }
    uint32_t slot;
    if (writer->unused_count > 0) {
        slot = writer->unused[--writer->unused_count];
    } else if (ms_chunks_add(&writer->shadows) != NULL) {
        slot = (uint32_t)writer->shadows.count;
    } else {
        return NULL;
    }
    struct shadow *shadow = shadow_at(writer, slot);
    free(shadow->extra);
    *shadow = (struct shadow){0};
    writer->slots[position] = slot;
    return shadow;
}

enum { AS_A_WHOLE = 1, WITH_EXTRA = 2, FLAG_BITS = 2 };

/* Those of the extra part, to what was written of it last. */
static int write_extra(struct ms_part_writer *writer, struct ms_pack *pack, struct shadow *shadow,
                       const struct ms_usage *usage)
{
    struct ms_usage_extra extra;
    ms_usage_get_kept(usage, &extra);
    if (shadow->extra != NULL) {
        (void)ms_fields_write_by(pack, writer->extra_fields, shadow->extra, &extra);
        return 0;
    }
    (void)ms_fields_write_whole_by(pack, writer->extra_fields, &extra);
    shadow->extra = malloc(sizeof *shadow->extra);
    if (shadow->extra == NULL) {
        return -ENOMEM;
    }
    *shadow->extra = extra;
    return 0;
}

/* Gap between positions + 1 and the flags; fields; those of the extra part. */
static int write_figures(struct ms_part_writer *writer, struct ms_pack *pack, size_t gap,
                         size_t position)
{
    const struct ms_usage *usage = ms_model_usage(writer->model, position);
    bool made;
    struct shadow *shadow = shadow_of(writer, position, &made);
    if (shadow == NULL) {
        return -ENOMEM;
    }
    const bool with_extra = usage->detail != NULL;
    ms_pack_u64(pack, (uint64_t)gap << FLAG_BITS | (made ? AS_A_WHOLE : 0u) |
                          (with_extra ? WITH_EXTRA : 0u));
    if (made) {
        (void)ms_fields_write_whole_by(pack, writer->fields, usage);
        shadow->usage = *usage;
    } else {
        (void)ms_fields_write_by(pack, writer->fields, &shadow->usage, usage);
    }
    return with_extra ? write_extra(writer, pack, shadow, usage) : 0;
}

static void identity(const struct ms_model *model, size_t position, struct ms_pack *pack,
                     uint32_t *site_id)
{
    const struct ms_usage *usage = ms_model_usage(model, position);
    ms_pack_u64(pack, usage->thread_id);
    ms_pack_i64(pack, (int64_t)usage->site_id - (int64_t)*site_id);
    ms_pack_u64(pack, usage->rate);
    *site_id = usage->site_id;
}

static int add(struct ms_model *model, struct ms_unpack *unpack, uint32_t *site_id)
{
    const uint32_t thread_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    uint8_t rate = 0;
    if (thread_id != 0) {
        *site_id += (uint32_t)ms_unpack_i64(unpack);
        rate = (uint8_t)ms_unpack_upto(unpack, UINT8_MAX);
    }
    return unpack->failed ? -EBADMSG : ms_model_restore_usage(model, thread_id, *site_id, rate);
}

static const struct ms_list_kind kind = {
    .changing = MS_CHANGING_USAGES,
    .count = ms_model_usage_count,
    .identity = identity,
    .add = add,
    .forget = ms_model_forget_usage,
};

static int write_all(struct ms_part_writer *writer, struct ms_pack *pack)
{
    forget_shadows(writer);
    return ms_usage_columns_write(writer->columns, writer->model, pack);
}

static int write_changes(struct ms_part_writer *writer, struct ms_pack *pack)
{
    const uint32_t since = writer->listed.since;
    int error = ms_listed_write(&writer->listed, &kind, writer->model, false, pack);
    size_t next = 0;
    move_slots(writer);
    for (size_t at = ms_model_changed(writer->model, MS_CHANGING_USAGES, 0, since);
         at != SIZE_MAX && error == 0;
         at = ms_model_changed(writer->model, MS_CHANGING_USAGES, at + 1, since)) {
        error = write_figures(writer, pack, at + 1 - next, at);
        next = at + 1;
    }
    ms_pack_u64(pack, 0);
    return error;
}

static int write_part(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                      struct ms_pack *pack)
{
    const size_t count = ms_model_usage_count(model);
    const size_t before = writer->listed.count;
    int error = 0;
    writer->model = model;
    if (reserve(writer, count > before ? count : before) != 0) {
        return -ENOMEM;
    }
    switch (ms_listed_look(&writer->listed, &kind, model, state)) {
    case MS_LISTED_ANEW:
        error = count > 0 || !state ? write_all(writer, pack) : 0;
        break;
    case MS_LISTED_CHANGED:
        error = write_changes(writer, pack);
        break;
    case MS_LISTED_SAME:
        break;
    }
    ms_listed_took(&writer->listed, &kind, model);
    return error != 0 || pack->failed ? -ENOMEM : 0;
}

/* --- reading --- */

static int read_figures(struct ms_model *model, struct ms_unpack *unpack, size_t position,
                        uint64_t flags, struct ms_fields_map *const *maps)
{
    struct ms_usage usage = *ms_model_usage(model, position);
    struct ms_usage_extra extra;
    ms_usage_get_kept(&usage, &extra);
    if ((flags & AS_A_WHOLE) != 0) {
        ms_fields_begin(maps[TABLE_FIGURES], &usage);
        ms_fields_begin(maps[TABLE_EXTRA], &extra);
    }
    if (ms_fields_read(unpack, maps[TABLE_FIGURES], &usage) != 0 ||
        ((flags & WITH_EXTRA) != 0 && ms_fields_read(unpack, maps[TABLE_EXTRA], &extra) != 0)) {
        return -EBADMSG;
    }
    return ms_model_put_usage(model, position, &usage, (flags & WITH_EXTRA) != 0 ? &extra : NULL);
}

static int read_anew(struct ms_model *model, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    int error = 0;
    for (size_t count = ms_model_usage_count(model); count > 0 && error == 0; count--) {
        error = ms_model_forget_usage(model, count - 1);
    }
    return error != 0 ? error
                      : ms_usage_columns_read(model, unpack, maps[TABLE_IDENTITY],
                                              maps[TABLE_FIGURES], maps[TABLE_EXTRA]);
}

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    struct ms_unpack ahead = *unpack;
    bool anew;
    (void)state;
    if (ms_unpack_u64(&ahead) == MS_USAGES_IN_COLUMNS) {
        *unpack = ahead;
        return read_anew(model, unpack, maps);
    }
    int error = ms_listed_read(&kind, model, unpack, &anew);
    const size_t count = ms_model_usage_count(model);
    size_t next = 0;
    while (error == 0) {
        const uint64_t coded = ms_unpack_u64(unpack);
        const uint64_t gap = coded >> FLAG_BITS;
        if (unpack->failed || gap > count - next) {
            return -EBADMSG;
        }
        if (gap == 0) {
            break;
        }
        next += (size_t)gap;
        error = read_figures(model, unpack, next - 1, coded, maps);
    }
    return error;
}

/* --- comparison --- */

static size_t compare_usage(const struct ms_usage *a, const struct ms_usage *b,
                            struct ms_difference *difference)
{
    struct ms_usage_extra extra_a;
    struct ms_usage_extra extra_b;
    ms_usage_get_extra(a, &extra_a);
    ms_usage_get_extra(b, &extra_b);
    return ms_fields_compare(&ms_fields_usage, a, b, ms_difference_in_field, difference) +
           ms_fields_compare(&ms_fields_usage_extra, &extra_a, &extra_b, ms_difference_in_field,
                             difference);
}

static size_t compare_part(const struct ms_model *one, const struct ms_model *other,
                           void (*differs)(void *context, const char *what), void *context)
{
    struct ms_difference difference = {.thing = "usage", .differs = differs, .context = context};
    const size_t count = ms_model_usage_count(one);
    size_t different = 0;
    if (count != ms_model_usage_count(other)) {
        difference.number = count;
        return ms_difference_in(&difference, "how many there are");
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_usage *a = ms_model_usage(one, i);
        const struct ms_usage *b = ms_model_usage(other, i);
        difference.number = i;
        if (a->thread_id != b->thread_id || a->site_id != b->site_id || a->rate != b->rate) {
            different += ms_difference_in(&difference, "thread, site or rate");
        }
        different += ms_listed_compare_order(&kind, one, other, i, &difference);
        different += compare_usage(a, b, &difference);
    }
    return different;
}

static const struct ms_fields *const tables[] = {
    [TABLE_FIGURES] = &ms_fields_usage,
    [TABLE_EXTRA] = &ms_fields_usage_extra,
    [TABLE_IDENTITY] = &ms_fields_usage_identity,
    NULL,
};
const struct ms_part_kind ms_part_usages = {
    .tables = tables,
    .writer_new = writer_new,
    .writer_free = writer_free,
    .write = write_part,
    .read = read_part,
    .compare = compare_part,
};
