/* Writes down names that are new or were changed: see names_format.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/index.h"
#include "model/module.h"
#include "record/layout.h"
#include "record/names_format.h"

/* A stack as it was written. */
struct written_stack {
    uint32_t *frames;
    uint32_t depth, capacity;
};

struct ms_names_writer {
    const char **strings; /* those of the model, by number - 1 */
    size_t string_count, string_capacity;
    size_t strings_written;
    struct ms_index string_numbers; /* by address: texts of a model are interned */
    size_t frames;                  /* written */
    size_t named;                   /* of those that got names, looked at */
    uint64_t unlisted;
    struct ms_module *modules; /* as written */
    size_t module_count;
    uint32_t site_id; /* the highest written */
    uint64_t stacks;  /* written */
    struct written_stack window[MS_NAMES_WINDOW];
    uint32_t *renamed;
    size_t renamed_count, renamed_capacity;
    struct ms_pack body;
    bool failed;
};

struct ms_names_writer *ms_names_writer_new(void)
{
    return calloc(1, sizeof(struct ms_names_writer));
}

void ms_names_writer_free(struct ms_names_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    for (size_t i = 0; i < MS_NAMES_WINDOW; i++) {
        free(writer->window[i].frames);
    }
    ms_index_free(&writer->string_numbers);
    ms_pack_free(&writer->body);
    free(writer->strings);
    free(writer->modules);
    free(writer->renamed);
    free(writer);
}

static uint64_t string_number(struct ms_names_writer *writer, const char *text)
{
    if (text[0] == '\0') {
        return 0;
    }
    const uint64_t address = (uint64_t)(uintptr_t)text;
    const uint32_t hash = ms_hash_pair((uint32_t)(address >> 32), (uint32_t)address);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&writer->string_numbers, hash, &cursor, &position)) {
        if (writer->strings[position] == text) {
            return (uint64_t)position + 1;
        }
    }
    if (writer->string_count == writer->string_capacity) {
        const size_t capacity = writer->string_capacity != 0 ? 2 * writer->string_capacity : 256;
        const char **strings = reallocarray(writer->strings, capacity, sizeof *strings);
        if (strings == NULL) {
            writer->failed = true;
            return 0;
        }
        writer->strings = strings;
        writer->string_capacity = capacity;
    }
    if (ms_index_add(&writer->string_numbers, hash, (uint32_t)writer->string_count) != 0) {
        writer->failed = true;
        return 0;
    }
    writer->strings[writer->string_count++] = text;
    return writer->string_count;
}

/* --- frames --- */

static void write_frame(struct ms_names_writer *writer, const struct ms_frame *frame,
                        const struct ms_frame *before)
{
    struct ms_pack *pack = &writer->body;
    const uint64_t address = before != NULL ? before->address : 0;
    const uint64_t bias = before != NULL ? before->address - before->file_offset : 0;
    ms_pack_i64(pack, (int64_t)(frame->address - address));
    ms_pack_i64(pack, (int64_t)(frame->address - frame->file_offset - bias));
    ms_pack_u64(pack, string_number(writer, frame->module));
    ms_pack_u64(pack, frame->module_id);
    ms_pack_u64(pack, string_number(writer, frame->function));
    ms_pack_u64(pack, string_number(writer, frame->file));
    ms_pack_u64(pack, frame->line);
    ms_pack_u64(pack, string_number(writer, frame->crate));
    ms_pack_u64(pack,
                frame->inlined_by != NULL ? (uint64_t)frame->inlined_by->number + 1 : UINT64_C(0));
}

static void write_new_frames(struct ms_names_writer *writer, const struct ms_model *model,
                             size_t count)
{
    if (count == writer->frames) {
        return;
    }
    ms_pack_u64(&writer->body, MS_NAMES_FRAMES);
    ms_pack_u64(&writer->body, writer->frames);
    ms_pack_u64(&writer->body, count - writer->frames);
    const struct ms_frame *before = NULL;
    for (size_t i = writer->frames; i < count; i++) {
        const struct ms_frame *frame = ms_model_frame(model, i);
        write_frame(writer, frame, before);
        before = frame;
    }
}

static void add_renamed(struct ms_names_writer *writer, uint32_t number)
{
    if (number >= writer->frames) {
        return;
    }
    if (writer->renamed_count == writer->renamed_capacity) {
        const size_t capacity = writer->renamed_capacity != 0 ? 2 * writer->renamed_capacity : 256;
        uint32_t *renamed = reallocarray(writer->renamed, capacity, sizeof *renamed);
        if (renamed == NULL) {
            writer->failed = true;
            return;
        }
        writer->renamed = renamed;
        writer->renamed_capacity = capacity;
    }
    writer->renamed[writer->renamed_count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t of_a = *(const uint32_t *)a;
    const uint32_t of_b = *(const uint32_t *)b;
    return of_a < of_b ? -1 : of_a > of_b;
}

static void find_renamed(struct ms_names_writer *writer, const struct ms_model *model)
{
    const size_t named = ms_model_named_count(model);
    const uint64_t unlisted = ms_model_names_unlisted(model);
    writer->renamed_count = 0;
    if (unlisted != writer->unlisted) {
        for (size_t i = 0; i < writer->frames; i++) {
            add_renamed(writer, (uint32_t)i);
        }
    } else {
        for (size_t i = writer->named; i < named; i++) {
            add_renamed(writer, ms_model_named(model, i));
        }
        if (writer->renamed_count > 0) {
            qsort(writer->renamed, writer->renamed_count, sizeof *writer->renamed, compare_numbers);
        }
    }
    writer->named = named;
    writer->unlisted = unlisted;
    size_t kept = 0;
    for (size_t i = 0; i < writer->renamed_count; i++) {
        if (kept == 0 || writer->renamed[i] != writer->renamed[kept - 1]) {
            writer->renamed[kept++] = writer->renamed[i];
        }
    }
    writer->renamed_count = kept;
}

static void write_renamed(struct ms_names_writer *writer, const struct ms_model *model)
{
    find_renamed(writer, model);
    if (writer->renamed_count == 0) {
        return;
    }
    ms_pack_u64(&writer->body, MS_NAMES_RENAMED);
    ms_pack_u64(&writer->body, writer->renamed_count);
    uint32_t number = 0;
    const struct ms_frame *before = NULL;
    for (size_t i = 0; i < writer->renamed_count; i++) {
        const struct ms_frame *frame = ms_model_frame(model, writer->renamed[i]);
        ms_pack_u64(&writer->body, writer->renamed[i] - number);
        write_frame(writer, frame, before);
        number = writer->renamed[i];
        before = frame;
    }
}

/* --- modules --- */

static bool same_module(const struct ms_module *one, const struct ms_module *other)
{
    return one->path == other->path && one->build_id == other->build_id &&
           one->names == other->names && one->why == other->why && one->advice == other->advice;
}

static void write_module(struct ms_names_writer *writer, const struct ms_module *module)
{
    struct ms_pack *pack = &writer->body;
    ms_pack_u64(pack, module->id);
    ms_pack_u64(pack, string_number(writer, module->path));
    ms_pack_u64(pack, string_number(writer, module->build_id));
    ms_pack_u64(pack, (uint64_t)module->names);
    ms_pack_u64(pack, (uint64_t)module->why);
    ms_pack_u64(pack, string_number(writer, module->advice));
}

static void write_modules(struct ms_names_writer *writer, const struct ms_model *model)
{
    const size_t count = ms_model_module_count(model);
    if (count > writer->module_count) {
        struct ms_module *modules = reallocarray(writer->modules, count, sizeof *modules);
        if (modules == NULL) {
            writer->failed = true;
            return;
        }
        memset(modules + writer->module_count, 0, (count - writer->module_count) * sizeof *modules);
        writer->modules = modules;
        writer->module_count = count;
    }
    size_t changed = 0;
    for (size_t i = 0; i < count; i++) {
        changed += !same_module(&writer->modules[i], ms_model_module(model, i));
    }
    if (changed == 0) {
        return;
    }
    ms_pack_u64(&writer->body, MS_NAMES_MODULES);
    ms_pack_u64(&writer->body, changed);
    for (size_t i = 0; i < count; i++) {
        const struct ms_module *module = ms_model_module(model, i);
        if (!same_module(&writer->modules[i], module)) {
            write_module(writer, module);
            writer->modules[i] = *module;
        }
    }
}

/* --- stacks --- */

static uint32_t shared_frames(const struct written_stack *stack, const struct ms_site *site)
{
    uint32_t shared = 0;
    while (shared < stack->depth && shared < site->depth &&
           stack->frames[stack->depth - 1 - shared] ==
               site->frame_numbers[site->depth - 1 - shared]) {
        shared++;
    }
    return shared;
}

/* How many stacks back the most frames are shared, 0: with none. */
static uint32_t find_base(const struct ms_names_writer *writer, const struct ms_site *site,
                          uint32_t *shared)
{
    uint32_t back = 0;
    *shared = 0;
    for (uint32_t i = 1; i <= MS_NAMES_WINDOW && i <= writer->stacks; i++) {
        const uint32_t frames =
            shared_frames(&writer->window[(writer->stacks - i) % MS_NAMES_WINDOW], site);
        if (frames > *shared) {
            *shared = frames;
            back = i;
        }
    }
    return back;
}

static void remember_stack(struct ms_names_writer *writer, const struct ms_site *site)
{
    struct written_stack *stack = &writer->window[writer->stacks % MS_NAMES_WINDOW];
    stack->depth = 0;
    if (site->depth > stack->capacity) {
        uint32_t *frames = reallocarray(stack->frames, site->depth, sizeof *frames);
        if (frames == NULL) {
            return; /* nothing is shared with it */
        }
        stack->frames = frames;
        stack->capacity = site->depth;
    }
    if (site->depth > 0) {
        memcpy(stack->frames, site->frame_numbers, site->depth * sizeof *stack->frames);
    }
    stack->depth = site->depth;
}

/* *frame: the number that was written last. */
static void write_stack(struct ms_names_writer *writer, const struct ms_site *site, uint32_t *frame)
{
    struct ms_pack *pack = &writer->body;
    uint32_t shared;
    const uint32_t back = find_base(writer, site, &shared);
    ms_pack_u64(pack, site->id - writer->site_id);
    ms_pack_u64(pack, back);
    if (back != 0) {
        ms_pack_u64(pack, shared);
    }
    ms_pack_u64(pack, site->depth - shared);
    for (uint32_t i = site->depth - shared; i-- > 0;) {
        ms_pack_i64(pack, (int64_t)site->frame_numbers[i] - (int64_t)*frame);
        *frame = site->frame_numbers[i];
    }
    remember_stack(writer, site);
    writer->site_id = site->id;
    writer->stacks++;
}

static void write_stacks(struct ms_names_writer *writer, const struct ms_model *model)
{
    const size_t count = ms_model_site_count(model);
    size_t first = count; /* sites are in the order of their ids */
    while (first > 0 && ms_model_site(model, first - 1)->id > writer->site_id) {
        first--;
    }
    if (first == count) {
        return;
    }
    ms_pack_u64(&writer->body, MS_NAMES_STACKS);
    ms_pack_u64(&writer->body, writer->stacks);
    ms_pack_u64(&writer->body, writer->site_id);
    ms_pack_u64(&writer->body, count - first);
    uint32_t frame = 0;
    for (size_t i = first; i < count; i++) {
        write_stack(writer, ms_model_site(model, i), &frame);
    }
}

int ms_names_write(struct ms_names_writer *writer, const struct ms_model *model,
                   struct ms_pack *pack)
{
    const size_t frames = ms_model_frame_count(model);
    ms_pack_clear(&writer->body);
    write_modules(writer, model);
    write_new_frames(writer, model, frames);
    write_renamed(writer, model); /* may be inlined by new ones */
    write_stacks(writer, model);
    writer->frames = frames;
    if (writer->string_count > writer->strings_written) {
        ms_pack_u64(pack, MS_NAMES_STRINGS);
        ms_pack_u64(pack, writer->strings_written);
        ms_pack_u64(pack, writer->string_count - writer->strings_written);
        for (size_t i = writer->strings_written; i < writer->string_count; i++) {
            ms_pack_text(pack, writer->strings[i], strlen(writer->strings[i]));
        }
        writer->strings_written = writer->string_count;
    }
    ms_pack_bytes(pack, writer->body.bytes, writer->body.used);
    const bool failed = writer->failed || writer->body.failed || pack->failed;
    writer->failed = false;
    return failed ? -ENOMEM : 0;
}
