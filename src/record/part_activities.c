/*
 * What threads did at call sites besides allocating, and how CPU time is sampled. Written form: 1
 * when everything is written anew, else 0; what came and went (record/moves.h); after all came anew
 * the order of chains (record/chains.h); gap between positions + 1 and fields of those that are new
 * or changed; 0; fields of the sampling.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/restore.h"
#include "record/chains.h"
#include "record/fields_sites.h"
#include "record/moves.h"
#include "record/parts_sites.h"

struct ms_part_writer {
    struct ms_moves moves;
    struct ms_work *works; /* as written, by position */
    struct ms_work *works_before;
    size_t capacity, count;
    struct ms_cpu_sampling sampling; /* as written */
    uint64_t removals;
    uint32_t since;
    bool begun;
    uint32_t site_id; /* of the identity written last */
    const struct ms_model *model;
};

static struct ms_part_writer *writer_new(void)
{
    return calloc(1, sizeof(struct ms_part_writer));
}

static void writer_free(struct ms_part_writer *writer)
{
    if (writer != NULL) {
        ms_moves_free(&writer->moves);
        free(writer->works);
        free(writer->works_before);
        free(writer);
    }
}

static int reserve(struct ms_part_writer *writer, size_t count)
{
    if (count <= writer->capacity) {
        return 0;
    }
    const size_t capacity = count + count / 4 + 64;
    struct ms_work *works = reallocarray(writer->works, capacity, sizeof *works);
    if (works == NULL) {
        return -ENOMEM;
    }
    writer->works = works;
    struct ms_work *works_before = reallocarray(writer->works_before, capacity, sizeof *works);
    if (works_before == NULL) {
        return -ENOMEM;
    }
    writer->works_before = works_before;
    writer->capacity = capacity;
    return 0;
}

static void move_works(struct ms_part_writer *writer)
{
    const struct ms_moves *moves = &writer->moves;
    if (moves->removal_count == 0) {
        if (moves->now > moves->before) {
            memset(writer->works + moves->before, 0,
                   (moves->now - moves->before) * sizeof *writer->works);
        }
        return;
    }
    struct ms_work *before = writer->works;
    for (size_t i = 0; i < moves->now; i++) {
        const size_t from = ms_moves_from(moves, i);
        writer->works_before[i] = from != SIZE_MAX ? before[from] : (struct ms_work){0};
    }
    writer->works = writer->works_before;
    writer->works_before = before;
}

static void identity(void *context, struct ms_pack *pack, size_t position)
{
    struct ms_part_writer *writer = context;
    if (position == SIZE_MAX) {
        ms_pack_u64(pack, 0);
        return;
    }
    const struct ms_activity *activity = ms_model_activity(writer->model, position);
    ms_pack_u64(pack, activity->thread_id);
    ms_pack_i64(pack, (int64_t)activity->site_id - (int64_t)writer->site_id);
    writer->site_id = activity->site_id;
}

static int write_changes(struct ms_part_writer *writer, const struct ms_model *model, bool anew,
                         struct ms_pack *pack)
{
    ms_pack_u64(pack, anew ? 1 : 0);
    ms_moves_write(&writer->moves, pack, identity, writer);
    move_works(writer);
    int error = anew ? ms_chains_write(pack, model, MS_CHANGING_ACTIVITIES) : 0;
    const uint32_t since = anew ? 0 : writer->since;
    size_t next = 0;
    for (size_t at = ms_model_changed(model, MS_CHANGING_ACTIVITIES, 0, since); at != SIZE_MAX;
         at = ms_model_changed(model, MS_CHANGING_ACTIVITIES, at + 1, since)) {
        const struct ms_activity before = {.work = writer->works[at]};
        const struct ms_activity *activity = ms_model_activity(model, at);
        ms_pack_u64(pack, at + 1 - next);
        (void)ms_fields_write(pack, &ms_fields_activity, &before, activity);
        writer->works[at] = activity->work;
        next = at + 1;
    }
    ms_pack_u64(pack, 0);
    const struct ms_cpu_sampling none = {0};
    const struct ms_cpu_sampling *sampling = ms_model_cpu_sampling(model);
    (void)ms_fields_write(pack, &ms_fields_cpu_sampling, anew ? &none : &writer->sampling,
                          sampling);
    writer->sampling = *sampling;
    return error;
}

static bool same_sampling(const struct ms_cpu_sampling *a, const struct ms_cpu_sampling *b)
{
    return a->frequency_hz == b->frequency_hz && a->keep_one_in == b->keep_one_in &&
           a->kernel == b->kernel && a->samples == b->samples && a->lost == b->lost &&
           a->throttled == b->throttled;
}

static int write_part(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                      struct ms_pack *pack)
{
    const size_t count = ms_model_activity_count(model);
    const struct ms_removal *removed = NULL;
    size_t removed_count = 0;
    int error = 0;
    writer->model = model;
    writer->site_id = 0;
    if (reserve(writer, count) != 0) {
        return -ENOMEM;
    }
    const bool anew =
        state || !writer->begun ||
        !ms_model_removals(model, MS_CHANGING_ACTIVITIES, writer->removals, &removed,
                           &removed_count) ||
        ms_moves_find(&writer->moves, writer->count, count, removed, removed_count) != 0;
    if (anew) {
        (void)ms_moves_find(&writer->moves, 0, count, NULL, 0);
    }
    if (anew || removed_count > 0 || count != writer->count ||
        ms_model_changed(model, MS_CHANGING_ACTIVITIES, 0, writer->since) != SIZE_MAX ||
        !same_sampling(&writer->sampling, ms_model_cpu_sampling(model))) {
        error = write_changes(writer, model, anew, pack);
    }
    writer->begun = true;
    writer->count = count;
    writer->removals = ms_model_removal_count(model, MS_CHANGING_ACTIVITIES);
    writer->since = ms_model_stamp(model);
    return error != 0 || pack->failed ? -ENOMEM : 0;
}

/* --- reading --- */

struct reading {
    struct ms_model *model;
    uint32_t site_id;
};

static int add(void *context, struct ms_unpack *unpack)
{
    struct reading *reading = context;
    const uint32_t thread_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    reading->site_id += thread_id != 0 ? (uint32_t)ms_unpack_i64(unpack) : 0;
    return unpack->failed ? -EBADMSG
                          : ms_model_restore_activity(reading->model, thread_id, reading->site_id);
}

static int forget(void *context, size_t position)
{
    return ms_model_forget_activity(((struct reading *)context)->model, position);
}

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    struct reading reading = {.model = model};
    const uint64_t anew = ms_unpack_upto(unpack, 1);
    (void)state;
    int error = 0;
    while (anew != 0 && ms_model_activity_count(model) > 0 && error == 0) {
        error = ms_model_forget_activity(model, ms_model_activity_count(model) - 1);
    }
    error = error != 0 ? error : ms_moves_read(unpack, add, forget, &reading);
    if (anew != 0 && error == 0) {
        ms_fields_begin(maps[1], ms_model_cpu_sampling_mutable(model));
        error = ms_chains_read(unpack, model, MS_CHANGING_ACTIVITIES);
    }
    const size_t count = ms_model_activity_count(model);
    size_t next = 0;
    while (error == 0) {
        const size_t gap = (size_t)ms_unpack_upto(unpack, count - next);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (gap == 0) {
            break;
        }
        next += gap;
        struct ms_activity activity = *ms_model_activity(model, next - 1);
        error = ms_fields_read(unpack, maps[0], &activity);
        error = error != 0 ? error : ms_model_put_activity(model, next - 1, &activity.work);
    }
    return error != 0 ? error
                      : ms_fields_read(unpack, maps[1], ms_model_cpu_sampling_mutable(model));
}

/* --- comparison --- */

static size_t compare_part(const struct ms_model *one, const struct ms_model *other,
                           void (*differs)(void *context, const char *what), void *context)
{
    struct ms_difference difference = {.thing = "activity", .differs = differs, .context = context};
    const size_t count = ms_model_activity_count(one);
    size_t different = 0;
    if (count != ms_model_activity_count(other)) {
        difference.number = count;
        return ms_difference_in(&difference, "how many there are");
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_activity *a = ms_model_activity(one, i);
        const struct ms_activity *b = ms_model_activity(other, i);
        difference.number = i;
        if (a->thread_id != b->thread_id || a->site_id != b->site_id) {
            different += ms_difference_in(&difference, "thread or site");
        }
        for (int of_thread = 0; of_thread < 2; of_thread++) {
            if (ms_model_chain_next(one, MS_CHANGING_ACTIVITIES, of_thread != 0, i) !=
                ms_model_chain_next(other, MS_CHANGING_ACTIVITIES, of_thread != 0, i)) {
                different += ms_difference_in(&difference, "order");
            }
        }
        different +=
            ms_fields_compare(&ms_fields_activity, a, b, ms_difference_in_field, &difference);
    }
    difference =
        (struct ms_difference){.thing = "CPU sampling", .differs = differs, .context = context};
    return different + ms_fields_compare(&ms_fields_cpu_sampling, ms_model_cpu_sampling(one),
                                         ms_model_cpu_sampling(other), ms_difference_in_field,
                                         &difference);
}

static const struct ms_fields *const tables[] = {&ms_fields_activity, &ms_fields_cpu_sampling,
                                                 NULL};
const struct ms_part_kind ms_part_activities = {
    .tables = tables,
    .writer_new = writer_new,
    .writer_free = writer_free,
    .write = write_part,
    .read = read_part,
    .compare = compare_part,
};
