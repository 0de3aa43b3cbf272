/*
 * Threads. A tick: those that were added to each list or moved to the ended ones, those that are
 * gone, when the kernel was asked, and what changed of each. A state has all as added ones, their
 * figures as columns, and what the next tick's rates are made of.
 *
 * Thousands of threads are mostly idle: those alive are looked at by their stamp, then by a memcmp
 * with what was written last; of those that have ended only the ones that the model says were
 * touched, which are then written anew, so that nothing needs to be kept of them but their ids.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/changes.h"
#include "model/restore.h"
#include "record/fields_tables.h"
#include "record/part_pieces.h"
#include "record/parts.h"
#include "record/parts_sites.h"
#include "record/thread_columns.h"
#include "record/thread_times.h"

/* Where a tick begins with runs of times, and a state of version 1 of the format had 0. */
enum { IN_COLUMNS = 1 };
enum { TABLE_THREAD, TABLE_RATES, TABLE_PAST, TABLE_SAMPLE };

/* What was written last of a thread that is alive; only members with a field are kept right. */
struct shadow {
    struct ms_thread thread;
    bool is_new;
};

struct ms_part_writer {
    bool begun;
    struct ms_fields_index *index; /* of the table thread */
    struct ms_columns *columns;    /* of it, too */
    uint32_t since;
    uint64_t removed;
    struct shadow **alive; /* in order of their ids */
    size_t alive_count, alive_capacity;
    struct shadow *spare;       /* one that is free again, or NULL */
    struct ms_id_list lists[2]; /* ids of the ended and the merged ones, as they were written */
    /* Of the tick being written. */
    struct ms_id_list added[3], gone, told;
};

enum { LIST_ENDED, LIST_MERGED };

static void forget_alive(struct ms_part_writer *writer)
{
    for (size_t i = 0; i < writer->alive_count; i++) {
        free(writer->alive[i]);
    }
    writer->alive_count = 0;
}

static void writer_free(struct ms_part_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    forget_alive(writer);
    ms_fields_index_free(writer->index);
    ms_columns_free(writer->columns);
    free(writer->alive);
    free(writer->spare);
    for (size_t i = 0; i < 2; i++) {
        free(writer->lists[i].ids);
    }
    for (size_t i = 0; i < 3; i++) {
        free(writer->added[i].ids);
    }
    free(writer->gone.ids);
    free(writer->told.ids);
    free(writer);
}

static struct ms_part_writer *writer_new(void)
{
    struct ms_part_writer *writer = calloc(1, sizeof *writer);
    if (writer != NULL) {
        writer->index = ms_fields_index_new(&ms_fields_thread);
        writer->columns = ms_columns_new(&ms_fields_thread);
        if (writer->index == NULL || writer->columns == NULL) {
            writer_free(writer);
            return NULL;
        }
    }
    return writer;
}

static struct shadow *shadow_new(struct ms_part_writer *writer, const struct ms_thread *thread)
{
    struct shadow *shadow = writer->spare != NULL ? writer->spare : malloc(sizeof *shadow);
    writer->spare = NULL;
    if (shadow != NULL) {
        shadow->thread = *thread;
        shadow->is_new = true;
    }
    return shadow;
}

static size_t list_first(const struct ms_model *model, int list)
{
    return ms_model_alive_count(model) + (list == LIST_MERGED ? 0 : ms_model_merged_count(model));
}

static size_t list_count(const struct ms_model *model, int list)
{
    return list == LIST_MERGED ? ms_model_merged_count(model)
                               : ms_model_thread_count(model) - ms_model_alive_count(model) -
                                     ms_model_merged_count(model);
}

/* Things leave a list anywhere, and come at its end. */
static int compare_list(struct ms_part_writer *writer, const struct ms_model *model, int list)
{
    struct ms_id_list *known = &writer->lists[list];
    struct ms_id_list *added =
        &writer->added[list == LIST_ENDED ? MS_PLACE_ENDED : MS_PLACE_MERGED];
    const size_t first = list_first(model, list);
    const size_t count = list_count(model, list);
    size_t kept = known->count;
    if (writer->removed != ms_model_threads_removed(model)) {
        kept = 0;
        for (size_t i = 0; i < known->count; i++) {
            if (kept < count && ms_model_thread(model, first + kept)->id == known->ids[i]) {
                known->ids[kept++] = known->ids[i];
            } else if (ms_id_list_add(&writer->gone, known->ids[i]) != 0) {
                return -ENOMEM;
            }
        }
        known->count = kept;
    }
    for (size_t i = kept; i < count; i++) {
        const uint32_t id = ms_model_thread(model, first + i)->id;
        if (ms_id_list_add(known, id) != 0 || ms_id_list_add(added, id) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int add_shadow(struct ms_part_writer *writer, const struct ms_thread *thread)
{
    if (writer->alive_count == writer->alive_capacity) {
        const size_t capacity = writer->alive_capacity != 0 ? 2 * writer->alive_capacity : 64;
        struct shadow **alive = reallocarray(writer->alive, capacity, sizeof *alive);
        if (alive == NULL) {
            return -ENOMEM;
        }
        writer->alive = alive;
        writer->alive_capacity = capacity;
    }
    struct shadow *shadow = shadow_new(writer, thread);
    if (shadow == NULL || ms_id_list_add(&writer->added[MS_PLACE_ALIVE], thread->id) != 0) {
        free(shadow);
        return -ENOMEM;
    }
    writer->alive[writer->alive_count++] = shadow;
    return 0;
}

/* --- changes --- */

/* An id and whether what follows is a change of nothing; 0 ends the changes. */
static void write_id(struct ms_pack *pack, uint32_t id, bool anew, uint32_t *last)
{
    ms_pack_i64(pack, ((int64_t)id - (int64_t)*last) * 2 + (anew ? 1 : 0));
    *last = id;
}

static void write_anew(struct ms_pack *pack, const struct ms_thread *thread, uint32_t *last)
{
    write_id(pack, thread->id, true, last);
    (void)ms_fields_write(pack, &ms_fields_thread, NULL, thread);
}

static void write_change(const struct ms_part_writer *writer, struct ms_pack *pack,
                         struct ms_thread *shadow, const struct ms_thread *thread, uint32_t *last)
{
    const size_t used = pack->used;
    const uint32_t last_before = *last;
    write_id(pack, thread->id, false, last);
    if (ms_fields_write_by(pack, writer->index, shadow, thread) == 0) {
        pack->used = used;
        *last = last_before;
    }
}

/* Its thread has ended, or is gone. */
static int leave_alive(struct ms_part_writer *writer, const struct ms_model *model,
                       struct shadow *shadow, struct ms_pack *pack, uint32_t *last)
{
    const uint32_t id = shadow->thread.id;
    const struct ms_thread *thread = ms_model_thread_by_id(model, id);
    int error = 0;
    if (thread == NULL) {
        error = ms_id_list_add(&writer->gone, id);
    } else {
        write_change(writer, pack, &shadow->thread, thread, last);
        error = ms_id_list_add(&writer->told, id);
    }
    free(writer->spare);
    writer->spare = shadow;
    return error;
}

/* Those that are alive no more leave, those that are new come at the end. */
static int match_alive(struct ms_part_writer *writer, const struct ms_model *model,
                       struct ms_pack *pack, uint32_t *last)
{
    const size_t count = ms_model_alive_count(model);
    size_t kept = 0;
    int error = 0;
    for (size_t i = 0; i < writer->alive_count; i++) {
        struct shadow *shadow = writer->alive[i];
        if (kept < count && ms_model_thread(model, kept)->id == shadow->thread.id) {
            shadow->is_new = false;
            writer->alive[kept++] = shadow;
        } else if (leave_alive(writer, model, shadow, pack, last) != 0) {
            error = -ENOMEM;
        }
    }
    writer->alive_count = kept;
    for (size_t i = kept; i < count && error == 0; i++) {
        error = add_shadow(writer, ms_model_thread(model, i));
    }
    return error;
}

static bool is_due(const struct ms_part_writer *writer, const struct shadow *shadow,
                   const struct ms_thread *thread)
{
    return !shadow->is_new && ms_model_thread_stamp(thread) >= writer->since;
}

static void write_times(struct ms_part_writer *writer, const struct ms_model *model,
                        struct ms_pack *pack)
{
    struct ms_times_run run = {0};
    for (size_t i = 0; i < writer->alive_count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (is_due(writer, writer->alive[i], thread)) {
            ms_thread_times_tell(pack, &run, i, &writer->alive[i]->thread, thread);
        }
    }
    ms_thread_times_end(pack, &run);
    ms_pack_u64(pack, 0);
}

static void write_alive(struct ms_part_writer *writer, const struct ms_model *model,
                        struct ms_pack *pack, uint32_t *last)
{
    for (size_t i = 0; i < writer->alive_count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        struct shadow *shadow = writer->alive[i];
        if (shadow->is_new) {
            write_anew(pack, thread, last);
        } else if (is_due(writer, shadow, thread) &&
                   memcmp(&shadow->thread, thread, offsetof(struct ms_thread, rates)) != 0) {
            write_change(writer, pack, &shadow->thread, thread, last);
        }
    }
}

static int compare_ids(const void *a, const void *b)
{
    const uint32_t of_a = *(const uint32_t *)a;
    const uint32_t of_b = *(const uint32_t *)b;
    return of_a < of_b ? -1 : of_a > of_b;
}

static void write_if_not_alive(struct ms_part_writer *writer, const struct ms_model *model,
                               uint32_t id, struct ms_pack *pack, uint32_t *last)
{
    const struct ms_thread *thread = ms_model_thread_by_id(model, id);
    if (thread != NULL && ms_model_thread_past(thread) == NULL && *last != id &&
        (writer->told.count == 0 ||
         bsearch(&id, writer->told.ids, writer->told.count, sizeof id, compare_ids) == NULL)) {
        write_anew(pack, thread, last);
    }
}

/* Those that ended since the last tick were written from what they were alive. */
static void write_others(struct ms_part_writer *writer, const struct ms_model *model, bool all,
                         struct ms_pack *pack, uint32_t *last)
{
    const uint32_t *ids;
    size_t count;
    if (!all && ms_model_threads_touched(model, writer->since, &ids, &count)) {
        for (size_t i = 0; i < count; i++) {
            write_if_not_alive(writer, model, ids[i], pack, last);
        }
        return;
    }
    for (size_t i = ms_model_alive_count(model); i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (all || ms_model_thread_stamp(thread) >= writer->since) {
            write_if_not_alive(writer, model, thread->id, pack, last);
        }
    }
}

/* What the rates of the next ticks are made of. */
static void write_pasts(const struct ms_model *model, struct ms_pack *pack)
{
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        (void)ms_fields_write(pack, &ms_fields_thread_rates, NULL, &thread->rates);
        ms_pack_u64(pack, ms_model_thread_is_flat(thread));
        ms_past_write(pack, ms_model_thread_past(thread));
    }
}

static void begin(struct ms_part_writer *writer)
{
    forget_alive(writer);
    writer->lists[LIST_ENDED].count = writer->lists[LIST_MERGED].count = 0;
    writer->since = 0;
    writer->begun = true;
}

static void begin_tick(struct ms_part_writer *writer)
{
    for (size_t place = 0; place < 3; place++) {
        writer->added[place].count = 0;
    }
    writer->gone.count = writer->told.count = 0;
}

static int write_part(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                      struct ms_pack *pack)
{
    if (state || !writer->begun) {
        begin(writer);
    }
    begin_tick(writer);
    const size_t start = pack->used;
    struct ms_pack changes = {0};
    uint32_t last = 0;
    int error = match_alive(writer, model, &changes, &last);
    if (error == 0) {
        error = compare_list(writer, model, LIST_ENDED);
    }
    if (error == 0) {
        error = compare_list(writer, model, LIST_MERGED);
    }
    for (int place = 0; place < 3; place++) {
        ms_pack_ids(pack, writer->added[place].ids, writer->added[place].count);
    }
    ms_pack_ids(pack, writer->gone.ids, writer->gone.count);
    if (state) {
        ms_pack_u64(pack, IN_COLUMNS);
        ms_thread_columns_write(writer->columns, model, pack);
        write_pasts(model, pack);
    } else {
        write_times(writer, model, pack);
        write_others(writer, model, writer->since == 0, &changes, &last);
        write_alive(writer, model, &changes, &last);
        if (error == 0 && changes.used == 0 && pack->used == start + 5) {
            pack->used = start; /* four empty lists and no time */
        } else {
            ms_pack_bytes(pack, changes.bytes, changes.used);
            ms_pack_u64(pack, 0);
        }
    }
    writer->since = ms_model_stamp(model);
    writer->removed = ms_model_threads_removed(model);
    error = pack->failed || changes.failed ? -ENOMEM : error;
    writer->begun = error == 0;
    ms_pack_free(&changes);
    return error;
}

/* --- reading --- */

static int read_added(struct ms_model *model, struct ms_unpack *unpack, enum ms_thread_place place,
                      struct ms_id_list *added)
{
    uint32_t *ids;
    size_t count;
    int error = ms_unpack_ids(unpack, &ids, &count);
    for (size_t i = 0; i < count && error == 0; i++) {
        struct ms_thread *thread = ms_model_restored_thread(model, ids[i]);
        if (thread == NULL) {
            thread = ms_model_restore_thread(model, ids[i], 0, place);
            error = thread != NULL ? ms_id_list_add(added, ids[i]) : -EBADMSG;
        } else if (place == MS_PLACE_ENDED && ms_model_thread_past(thread) != NULL) {
            ms_model_end_thread(model, ids[i], 1);
            thread->end_ns = 0; /* as it was written last: the time follows */
        } else {
            error = -EBADMSG;
        }
    }
    free(ids);
    return error;
}

static int read_gone(struct ms_model *model, struct ms_unpack *unpack)
{
    uint32_t *ids;
    size_t count;
    const int error = ms_unpack_ids(unpack, &ids, &count);
    if (error == 0 && count > 0) {
        ms_model_forget_threads(model, ids, count);
    }
    free(ids);
    return error;
}

static struct ms_thread *thread_at(struct ms_model *model, size_t position)
{
    return ms_model_restored_thread(model, ms_model_thread(model, position)->id);
}

static int read_changes(struct ms_model *model, struct ms_unpack *unpack,
                        const struct ms_fields_map *map)
{
    uint32_t id = 0;
    for (;;) {
        const int64_t step = ms_unpack_i64(unpack);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (step == 0) {
            return 0;
        }
        id += (uint32_t)(step >> 1);
        struct ms_thread *thread = ms_model_restored_thread(model, id);
        if (thread == NULL) {
            return -EBADMSG;
        }
        if ((step & 1) != 0) {
            ms_fields_begin(map, thread);
        }
        if (ms_fields_read(unpack, map, thread) != 0 ||
            ms_model_process_by_id(model, thread->process_id) == NULL ||
            (ms_model_thread_past(thread) == NULL) != (thread->end_ns != 0)) {
            return -EBADMSG;
        }
    }
}

static int read_pasts(struct ms_model *model, struct ms_unpack *unpack,
                      struct ms_fields_map *const *maps)
{
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        struct ms_thread *thread = thread_at(model, i);
        ms_fields_begin(maps[TABLE_RATES], &thread->rates);
        if (ms_fields_read(unpack, maps[TABLE_RATES], &thread->rates) != 0) {
            return -EBADMSG;
        }
        ms_model_put_thread_flat(thread, ms_unpack_upto(unpack, 1) != 0);
        if (ms_past_read(unpack, maps[TABLE_PAST], maps[TABLE_SAMPLE],
                         ms_model_thread_past_mutable(thread)) != 0) {
            return -EBADMSG;
        }
    }
    return unpack->failed ? -EBADMSG : 0;
}

/* One that nothing was told of has none. */
static int check_processes(const struct ms_model *model, const struct ms_id_list *added)
{
    for (size_t i = 0; i < added->count; i++) {
        const struct ms_thread *thread = ms_model_thread_by_id(model, added->ids[i]);
        if (thread != NULL && ms_model_process_by_id(model, thread->process_id) == NULL) {
            return -EBADMSG;
        }
    }
    return 0;
}

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    struct ms_id_list added = {.ids = NULL};
    int error = 0;
    for (int place = 0; place < 3 && error == 0; place++) {
        error = read_added(model, unpack, (enum ms_thread_place)place, &added);
    }
    error = error != 0 ? error : read_gone(model, unpack);
    struct ms_unpack ahead = *unpack;
    if (error == 0 && state && ms_unpack_u64(&ahead) == IN_COLUMNS) {
        *unpack = ahead;
        error = ms_thread_columns_read(model, unpack, maps[TABLE_THREAD]);
    } else if (error == 0) {
        error = ms_thread_times_read(model, unpack);
        error = error != 0 ? error : read_changes(model, unpack, maps[TABLE_THREAD]);
        error = error != 0 ? error : check_processes(model, &added);
    }
    free(added.ids);
    if (error == 0 && state) {
        error = read_pasts(model, unpack, maps);
    }
    return error;
}

/* --- comparing --- */

static size_t compare(const struct ms_model *one, const struct ms_model *other,
                      void (*differs)(void *context, const char *what), void *context)
{
    if (ms_model_thread_count(one) != ms_model_thread_count(other) ||
        ms_model_alive_count(one) != ms_model_alive_count(other) ||
        ms_model_merged_count(one) != ms_model_merged_count(other)) {
        differs(context, "threads: how many there are");
        return 1;
    }
    size_t different = 0;
    for (size_t i = 0; i < ms_model_thread_count(one); i++) {
        const struct ms_thread *a = ms_model_thread(one, i);
        const struct ms_thread *b = ms_model_thread(other, i);
        struct ms_difference difference = {"thread", a->id, differs, context};
        if (a->id != b->id) {
            (void)ms_difference_in(&difference, "its place in the list");
            return different + 1;
        }
        different +=
            ms_fields_compare(&ms_fields_thread, a, b, ms_difference_in_field, &difference);
        difference.thing = "rates of thread";
        different += ms_fields_compare(&ms_fields_thread_rates, &a->rates, &b->rates,
                                       ms_difference_in_field, &difference);
        struct ms_thread_rates windows[2];
        uint64_t spans[2];
        windows[0] = ms_model_thread_window(one, a, &spans[0]);
        windows[1] = ms_model_thread_window(other, b, &spans[1]);
        difference.thing = "window of thread";
        different += ms_fields_compare(&ms_fields_thread_rates, &windows[0], &windows[1],
                                       ms_difference_in_field, &difference);
        if (spans[0] != spans[1]) {
            (void)ms_difference_in(&difference, "its span");
            different++;
        }
    }
    return different;
}

static const struct ms_fields *const tables[] = {
    [TABLE_THREAD] = &ms_fields_thread,
    [TABLE_RATES] = &ms_fields_thread_rates,
    [TABLE_PAST] = &ms_fields_past,
    [TABLE_SAMPLE] = &ms_fields_sample,
    NULL,
};

const struct ms_part_kind ms_part_threads = {
    .tables = tables,
    .writer_new = writer_new,
    .writer_free = writer_free,
    .write = write_part,
    .read = read_part,
    .compare = compare,
};
