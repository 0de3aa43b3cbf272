/*
 * What threads did at call sites besides allocating, and how CPU time is sampled. Written form: as
 * of lists (record/listed.h); gap between positions + 1 and fields of those that are new or
 * changed; 0; fields of the sampling.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/restore.h"
#include "record/fields_sites.h"
#include "record/listed.h"

struct ms_part_writer {
    struct ms_listed listed;
    struct ms_work *works; /* as written, by position */
    struct ms_work *works_before;
    size_t capacity;
    struct ms_cpu_sampling sampling; /* as written */
};

static struct ms_part_writer *writer_new(void)
{
    return calloc(1, sizeof(struct ms_part_writer));
}

static void writer_free(struct ms_part_writer *writer)
{
    if (writer != NULL) {
        ms_listed_free(&writer->listed);
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
    const struct ms_moves *moves = &writer->listed.moves;
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

static void identity(const struct ms_model *model, size_t position, struct ms_pack *pack,
                     uint32_t *site_id)
{
    const struct ms_activity *activity = ms_model_activity(model, position);
    ms_pack_u64(pack, activity->thread_id);
    ms_pack_i64(pack, (int64_t)activity->site_id - (int64_t)*site_id);
    *site_id = activity->site_id;
}

static int add(struct ms_model *model, struct ms_unpack *unpack, uint32_t *site_id)
{
    const uint32_t thread_id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    *site_id += thread_id != 0 ? (uint32_t)ms_unpack_i64(unpack) : 0;
    return unpack->failed ? -EBADMSG : ms_model_restore_activity(model, thread_id, *site_id);
}

static const struct ms_list_kind kind = {
    .changing = MS_CHANGING_ACTIVITIES,
    .count = ms_model_activity_count,
    .identity = identity,
    .add = add,
    .forget = ms_model_forget_activity,
};

static int write_changes(struct ms_part_writer *writer, const struct ms_model *model, bool anew,
                         struct ms_pack *pack)
{
    const uint32_t since = writer->listed.since;
    const int error = ms_listed_write(&writer->listed, &kind, model, anew, pack);
    move_works(writer);
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
    int error = 0;
    if (reserve(writer, ms_model_activity_count(model)) != 0) {
        return -ENOMEM;
    }
    const enum ms_listed_news news = ms_listed_look(&writer->listed, &kind, model, state);
    if (news != MS_LISTED_SAME || !same_sampling(&writer->sampling, ms_model_cpu_sampling(model))) {
        error = write_changes(writer, model, news == MS_LISTED_ANEW, pack);
    }
    ms_listed_took(&writer->listed, &kind, model);
    return error != 0 || pack->failed ? -ENOMEM : 0;
}

/* --- reading --- */

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    bool anew;
    (void)state;
    int error = ms_listed_read(&kind, model, unpack, &anew);
    if (anew && error == 0) {
        ms_fields_begin(maps[1], ms_model_cpu_sampling_mutable(model));
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
        different += ms_listed_compare_order(&kind, one, other, i, &difference);
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
