/*
 * Call sites. Written form: sites that are gone: how many, gaps between ids; new ones: how many,
 * gaps between ids; those that are new or changed: gap between positions + 1, fields; 0. A new one
 * differs from the new one before it, so that neighbours are short.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/changes.h"
#include "model/restore.h"
#include "record/fields_sites.h"
#include "record/parts_sites.h"

/* What was written of a site. */
struct shadow {
    uint32_t id, process_id, flags;
    float allocations_per_s, bytes_allocated_per_s;
    uint64_t changed_ns;
};

struct ms_part_writer {
    struct ms_fields_index *fields;
    struct shadow *shadows; /* by position */
    size_t count, capacity;
    uint64_t version; /* of the sites */
    uint32_t since;
    struct ms_pack gone;
};

static void writer_free(struct ms_part_writer *writer)
{
    if (writer != NULL) {
        ms_fields_index_free(writer->fields);
        free(writer->shadows);
        ms_pack_free(&writer->gone);
        free(writer);
    }
}

static struct ms_part_writer *writer_new(void)
{
    struct ms_part_writer *writer = calloc(1, sizeof *writer);
    if (writer != NULL) {
        writer->fields = ms_fields_index_new(&ms_fields_site);
        if (writer->fields == NULL) {
            writer_free(writer);
            return NULL;
        }
    }
    return writer;
}

static struct ms_site site_of(const struct shadow *shadow)
{
    return (struct ms_site){.process_id = shadow->process_id,
                            .flags = shadow->flags,
                            .changed_ns = shadow->changed_ns,
                            .allocations_per_s = shadow->allocations_per_s,
                            .bytes_allocated_per_s = shadow->bytes_allocated_per_s};
}

static struct shadow shadow_of(const struct ms_site *site)
{
    return (struct shadow){.id = site->id,
                           .process_id = site->process_id,
                           .flags = site->flags,
                           .changed_ns = site->changed_ns,
                           .allocations_per_s = site->allocations_per_s,
                           .bytes_allocated_per_s = site->bytes_allocated_per_s};
}

static int reserve(struct ms_part_writer *writer, size_t count)
{
    if (count > writer->capacity) {
        const size_t capacity = count + count / 4 + 64;
        struct shadow *shadows = reallocarray(writer->shadows, capacity, sizeof *shadows);
        if (shadows == NULL) {
            return -ENOMEM;
        }
        writer->shadows = shadows;
        writer->capacity = capacity;
    }
    return 0;
}

/* Both are in the order of their ids. Returns how many are gone. */
static size_t drop_gone(struct ms_part_writer *writer, const struct ms_model *model)
{
    const size_t count = ms_model_site_count(model);
    size_t kept = 0;
    size_t gone = 0;
    size_t at = 0;
    uint32_t before = 0;
    ms_pack_clear(&writer->gone);
    for (size_t i = 0; i < writer->count; i++) {
        const uint32_t id = writer->shadows[i].id;
        while (at < count && ms_model_site(model, at)->id < id) {
            at++;
        }
        if (at < count && ms_model_site(model, at)->id == id) {
            writer->shadows[kept++] = writer->shadows[i];
        } else {
            ms_pack_u64(&writer->gone, id - before);
            before = id;
            gone++;
        }
    }
    writer->count = kept;
    return gone;
}

/* New ones are all written, also when they are older than `since`: in a state. */
static size_t next_changed(const struct ms_part_writer *writer, const struct ms_model *model,
                           size_t from)
{
    const size_t changed = from < writer->count
                               ? ms_model_changed(model, MS_CHANGING_SITES, from, writer->since)
                               : from;
    return changed < writer->count ? changed : from > writer->count ? from : writer->count;
}

static void write_sites(struct ms_part_writer *writer, const struct ms_model *model,
                        struct ms_pack *pack)
{
    const size_t known = writer->count;
    const size_t count = ms_model_site_count(model);
    uint32_t id = known > 0 ? writer->shadows[known - 1].id : 0;
    ms_pack_u64(pack, count - known);
    for (size_t i = known; i < count; i++) {
        const struct ms_site *site = ms_model_site(model, i);
        ms_pack_u64(pack, site->id - id);
        id = site->id;
    }
    struct ms_site new_before = {0};
    size_t next = 0; /* position + 1 of the one before */
    for (size_t at = next_changed(writer, model, 0); at < count;
         at = next_changed(writer, model, at + 1)) {
        const struct ms_site *site = ms_model_site(model, at);
        struct ms_site before = at < known ? site_of(&writer->shadows[at]) : new_before;
        ms_pack_u64(pack, at + 1 - next);
        (void)ms_fields_write_by(pack, writer->fields, &before, site);
        writer->shadows[at] = shadow_of(site);
        if (at >= known) {
            new_before = *site;
        }
        next = at + 1;
    }
    ms_pack_u64(pack, 0);
    writer->count = count;
}

static int write_part(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                      struct ms_pack *pack)
{
    const size_t count = ms_model_site_count(model);
    if (state) {
        writer->count = 0;
        writer->since = 0;
    }
    size_t gone = 0;
    if (!state && writer->version != ms_model_sites_version(model)) {
        gone = drop_gone(writer, model);
    }
    writer->version = ms_model_sites_version(model);
    if (reserve(writer, count) != 0) {
        return -ENOMEM;
    }
    const bool changed = gone > 0 || count > writer->count ||
                         ms_model_changed(model, MS_CHANGING_SITES, 0, writer->since) != SIZE_MAX;
    if (changed) {
        ms_pack_u64(pack, gone);
        ms_pack_bytes(pack, writer->gone.bytes, gone > 0 ? writer->gone.used : 0);
        write_sites(writer, model, pack);
    }
    writer->since = ms_model_stamp(model);
    return pack->failed || writer->gone.failed ? -ENOMEM : 0;
}

static int forget_sites(struct ms_model *model, struct ms_unpack *unpack)
{
    const uint64_t gone = ms_unpack_u64(unpack);
    uint64_t id = 0;
    for (uint64_t i = 0; i < gone && !unpack->failed; i++) {
        id += ms_unpack_upto(unpack, UINT32_MAX);
        ms_model_forget_site(model, (uint32_t)id);
    }
    if (gone > 0) {
        ms_model_sites_forgotten(model);
    }
    return unpack->failed ? -EBADMSG : 0;
}

static int add_sites(struct ms_model *model, struct ms_unpack *unpack)
{
    const size_t known = ms_model_site_count(model);
    const struct ms_lent_names *names = ms_model_lent_names(model);
    const uint64_t added = ms_unpack_u64(unpack);
    uint64_t id = known > 0 ? ms_model_site(model, known - 1)->id : 0;
    for (uint64_t i = 0; i < added && !unpack->failed; i++) {
        const uint64_t gap = ms_unpack_upto(unpack, UINT32_MAX);
        id += gap;
        if (unpack->failed || gap == 0 || id > UINT32_MAX || names == NULL) {
            return -EBADMSG;
        }
        uint32_t depth;
        const uint32_t *stack = names->stack(names->context, (uint32_t)id, &depth);
        if (stack == NULL) {
            return -ENOMEM;
        }
        if (ms_model_restore_site(model, (uint32_t)id, 0, stack, depth, 0) == NULL) {
            /* The ids of sites that are gone are not given again. */
            return -ENOMEM;
        }
    }
    return unpack->failed ? -EBADMSG : 0;
}

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    (void)state;
    int error = forget_sites(model, unpack);
    const size_t known = ms_model_site_count(model);
    error = error != 0 ? error : add_sites(model, unpack);
    struct ms_site new_before = {0};
    ms_fields_begin(maps[0], &new_before);
    uint64_t next = 0;
    while (error == 0) {
        const size_t count = ms_model_site_count(model);
        const uint64_t gap = ms_unpack_upto(unpack, count - next);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (gap == 0) {
            break;
        }
        const size_t at = (size_t)(next + gap - 1);
        struct ms_site site = at < known ? *ms_model_site(model, at) : new_before;
        error = ms_fields_read(unpack, maps[0], &site);
        if (error == 0) {
            ms_model_put_site(model, at, &site);
        }
        if (at >= known) {
            new_before = site;
        }
        next += gap;
    }
    return error;
}

/* --- comparison --- */

void ms_difference_in_field(void *difference, const struct ms_field *field, uint32_t element)
{
    const struct ms_difference *told = difference;
    char what[160];
    (void)snprintf(what, sizeof what, "%s %zu: %s[%u]", told->thing, told->number, field->name,
                   (unsigned)element);
    if (field->count == 1) {
        (void)snprintf(what, sizeof what, "%s %zu: %s", told->thing, told->number, field->name);
    }
    told->differs(told->context, what);
}

size_t ms_difference_in(const struct ms_difference *difference, const char *what)
{
    char text[160];
    (void)snprintf(text, sizeof text, "%s %zu: %s", difference->thing, difference->number, what);
    difference->differs(difference->context, text);
    return 1;
}

static size_t compare_work(const struct ms_site *one, const struct ms_site *other,
                           struct ms_difference *difference)
{
    if ((one->work == NULL) != (other->work == NULL)) {
        return ms_difference_in(difference, "work");
    }
    if (one->work == NULL) {
        return 0;
    }
    const struct ms_activity of_one = {.work = *one->work};
    const struct ms_activity of_other = {.work = *other->work};
    return ms_fields_compare(&ms_fields_activity, &of_one, &of_other, ms_difference_in_field,
                             difference);
}

static bool same_frame(const struct ms_frame *one, const struct ms_frame *other)
{
    while (one != NULL && other != NULL) {
        if (one->address != other->address || one->file_offset != other->file_offset ||
            one->line != other->line || one->module_id != other->module_id ||
            strcmp(one->module, other->module) != 0 || strcmp(one->crate, other->crate) != 0 ||
            strcmp(one->function, other->function) != 0 || strcmp(one->file, other->file) != 0) {
            return false;
        }
        one = one->inlined_by;
        other = other->inlined_by;
    }
    return one == other;
}

static size_t compare_stack(const struct ms_site *one, const struct ms_site *other,
                            const struct ms_difference *difference)
{
    if (one->depth != other->depth ||
        (one->depth > 0 && memcmp(one->frame_numbers, other->frame_numbers,
                                  one->depth * sizeof one->frame_numbers[0]) != 0)) {
        return ms_difference_in(difference, "frames");
    }
    for (uint32_t i = 0; i < one->depth; i++) {
        if (!same_frame(ms_site_frame(one, i), ms_site_frame(other, i))) {
            return ms_difference_in(difference, "names of frames");
        }
    }
    return 0;
}

static size_t compare_part(const struct ms_model *one, const struct ms_model *other,
                           void (*differs)(void *context, const char *what), void *context)
{
    struct ms_difference difference = {.thing = "site", .differs = differs, .context = context};
    const size_t count = ms_model_site_count(one);
    size_t different = 0;
    if (count != ms_model_site_count(other)) {
        difference.number = count;
        return ms_difference_in(&difference, "how many there are");
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_site *a = ms_model_site(one, i);
        const struct ms_site *b = ms_model_site(other, i);
        difference.number = a->id;
        if (a->id != b->id) {
            different += ms_difference_in(&difference, "id");
            continue;
        }
        different += ms_fields_compare(&ms_fields_site, a, b, ms_difference_in_field, &difference);
        different +=
            ms_fields_compare(&ms_fields_site_sums, a, b, ms_difference_in_field, &difference);
        different += compare_work(a, b, &difference);
        different += compare_stack(a, b, &difference);
    }
    return different;
}

static const struct ms_fields *const tables[] = {&ms_fields_site, NULL};
const struct ms_part_kind ms_part_sites = {
    .tables = tables,
    .writer_new = writer_new,
    .writer_free = writer_free,
    .write = write_part,
    .read = read_part,
    .compare = compare_part,
};
