/*
 * Processes. A tick: those that were added and are gone, and what changed of each that was touched.
 * Of those that have ended nothing is kept but the id: they are written anew when touched.
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

enum { TABLE_PROCESS, TABLE_RATES, TABLE_INSIDE, TABLE_CONNECTION, TABLE_PAST, TABLE_SAMPLE };

/* What is no field, and which of it is written. */
enum apart {
    APART_ARGUMENTS = 1,
    APART_THREADS_UNREAD = 2,
    APART_TRACE = 4,
    APART_STEPS = 8,
    APART_CONNECTIONS = 16,
    APART_ALL = 31
};

/* What was written last of a process that is alive. Pointers in `process` are only compared, but
 * the copies of ours below. */
struct shadow {
    struct ms_process process;
    char *arguments;
    struct ms_connection connections[MS_CONNECTIONS_KEPT];
};

struct known {
    uint32_t id;
    struct shadow *shadow; /* NULL: it has ended */
};

struct ms_part_writer {
    bool begun;
    bool hide_arguments;
    uint32_t since;
    struct known *known; /* as the model has them */
    size_t count, capacity;
    struct ms_id_list added, gone;
};

static struct ms_part_writer *writer_new(void)
{
    return calloc(1, sizeof(struct ms_part_writer));
}

static void shadow_free(struct shadow *shadow)
{
    if (shadow != NULL) {
        free(shadow->arguments);
        free(shadow);
    }
}

static void begin(struct ms_part_writer *writer)
{
    for (size_t i = 0; i < writer->count; i++) {
        shadow_free(writer->known[i].shadow);
    }
    writer->count = 0;
    writer->since = 0;
    writer->begun = true;
}

static void writer_free(struct ms_part_writer *writer)
{
    if (writer != NULL) {
        begin(writer);
        free(writer->known);
        free(writer->added.ids);
        free(writer->gone.ids);
        free(writer);
    }
}

static int add_known(struct ms_part_writer *writer, uint32_t id)
{
    if (writer->count == writer->capacity) {
        const size_t capacity = writer->capacity != 0 ? 2 * writer->capacity : 8;
        struct known *known = reallocarray(writer->known, capacity, sizeof *known);
        if (known == NULL) {
            return -ENOMEM;
        }
        writer->known = known;
        writer->capacity = capacity;
    }
    writer->known[writer->count++] = (struct known){.id = id};
    return ms_id_list_add(&writer->added, id);
}

/* They leave anywhere, and come at the end. */
static int match(struct ms_part_writer *writer, const struct ms_model *model)
{
    const size_t count = ms_model_process_count(model);
    size_t kept = 0;
    int error = 0;
    for (size_t i = 0; i < writer->count; i++) {
        const struct known known = writer->known[i];
        if (kept < count && ms_model_process(model, kept)->id == known.id) {
            writer->known[kept++] = known;
            continue;
        }
        shadow_free(known.shadow);
        error = ms_id_list_add(&writer->gone, known.id) != 0 ? -ENOMEM : error;
    }
    writer->count = kept;
    for (size_t i = kept; i < count && error == 0; i++) {
        error = add_known(writer, ms_model_process(model, i)->id);
    }
    return error;
}

/* --- what is no field --- */

static unsigned steps_differ(const struct ms_process_tracking *one,
                             const struct ms_process_tracking *other)
{
    bool differ = one->steps_kept != other->steps_kept;
    for (uint32_t i = 0; i < one->steps_kept && !differ; i++) {
        differ = one->step[i].because != other->step[i].because;
    }
    return differ ? APART_STEPS : 0;
}

static bool arguments_differ(const struct shadow *shadow, const struct ms_process *process)
{
    const size_t bytes = process->arguments_bytes;
    return (process->arguments == NULL) != (shadow->arguments == NULL) ||
           shadow->process.arguments_bytes != bytes ||
           (bytes > 0 && process->arguments != NULL &&
            memcmp(shadow->arguments, process->arguments, bytes) != 0);
}

static unsigned what_differs(const struct shadow *shadow, const struct ms_process *process)
{
    const struct ms_process *before = &shadow->process;
    const struct ms_network *network = &process->resources.network;
    const size_t kept = before->resources.network.kept;
    unsigned what = steps_differ(&before->tracking, &process->tracking);
    what |= arguments_differ(shadow, process) ? APART_ARGUMENTS : 0;
    what |= before->threads_unread != process->threads_unread ? APART_THREADS_UNREAD : 0;
    what |= before->trace.because != process->trace.because ? APART_TRACE : 0;
    what |= kept != network->kept || (kept > 0 && memcmp(shadow->connections, network->connections,
                                                         kept * sizeof *network->connections) != 0)
                ? APART_CONNECTIONS
                : 0;
    return what;
}

void ms_part_processes_hide_arguments(struct ms_part_writer *writer)
{
    writer->hide_arguments = true;
}

static void write_arguments(const struct ms_process *process, bool hide, struct ms_pack *pack)
{
    const bool told = process->arguments != NULL && !hide;
    ms_pack_u64(pack, told);
    if (told) {
        ms_pack_text(pack, process->arguments, process->arguments_bytes);
    }
}

static void write_connections(const struct ms_process *process, const struct shadow *shadow,
                              struct ms_pack *pack)
{
    const struct ms_network *network = &process->resources.network;
    const size_t before = shadow != NULL ? shadow->process.resources.network.kept : 0;
    ms_pack_u64(pack, network->kept);
    for (size_t i = 0; i < network->kept; i++) {
        (void)ms_fields_write(pack, &ms_fields_connection,
                              i < before ? &shadow->connections[i] : NULL,
                              &network->connections[i]);
    }
}

static void write_apart(const struct ms_process *process, const struct shadow *shadow,
                        unsigned what, bool hide_arguments, struct ms_pack *pack)
{
    ms_pack_u64(pack, what);
    if ((what & APART_ARGUMENTS) != 0) {
        write_arguments(process, hide_arguments, pack);
    }
    if ((what & APART_THREADS_UNREAD) != 0) {
        ms_pack_string(pack, process->threads_unread);
    }
    if ((what & APART_TRACE) != 0) {
        ms_pack_string(pack, process->trace.because);
    }
    if ((what & APART_STEPS) != 0) {
        ms_pack_u64(pack, process->tracking.steps_kept);
        for (uint32_t i = 0; i < process->tracking.steps_kept; i++) {
            ms_pack_string(pack, process->tracking.step[i].because);
        }
    }
    if ((what & APART_CONNECTIONS) != 0) {
        write_connections(process, shadow, pack);
    }
}

/* --- writing --- */

static int keep_shadow(struct known *known, const struct ms_process *process, unsigned what)
{
    struct shadow *shadow = known->shadow;
    if (process->end_ns != 0) {
        shadow_free(shadow);
        known->shadow = NULL;
        return 0;
    }
    if (shadow == NULL) {
        shadow = known->shadow = calloc(1, sizeof *shadow);
        if (shadow == NULL) {
            return -ENOMEM;
        }
    }
    shadow->process = *process;
    if ((what & APART_ARGUMENTS) != 0) {
        free(shadow->arguments);
        shadow->arguments = NULL;
        if (process->arguments != NULL) {
            shadow->arguments = malloc(process->arguments_bytes + 1);
            if (shadow->arguments == NULL) {
                return -ENOMEM;
            }
            memcpy(shadow->arguments, process->arguments, process->arguments_bytes);
        }
    }
    const struct ms_network *network = &process->resources.network;
    if ((what & APART_CONNECTIONS) != 0 && network->kept > 0) {
        memcpy(shadow->connections, network->connections,
               network->kept * sizeof *network->connections);
    }
    return 0;
}

/* An id and whether what follows is a change of nothing; 0 ends the changes. */
static int write_process(const struct ms_part_writer *writer, struct known *known,
                         const struct ms_process *process, struct ms_pack *pack, uint32_t *last)
{
    const bool anew = known->shadow == NULL;
    const size_t used = pack->used;
    const uint32_t last_before = *last;
    ms_pack_i64(pack, ((int64_t)known->id - (int64_t)*last) * 2 + (anew ? 1 : 0));
    *last = known->id;
    const unsigned what = anew ? APART_ALL : what_differs(known->shadow, process);
    const size_t changed =
        ms_fields_write(pack, &ms_fields_process, anew ? NULL : &known->shadow->process, process);
    write_apart(process, known->shadow, what, writer->hide_arguments, pack);
    if (!anew && changed == 0 && what == 0) {
        pack->used = used;
        *last = last_before;
        return 0;
    }
    return keep_shadow(known, process, what);
}

static void write_insides(const struct ms_model *model, struct ms_pack *pack)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        const struct ms_process_inside inside = ms_model_process_inside(process);
        (void)ms_fields_write(pack, &ms_fields_process_rates, NULL, process);
        (void)ms_fields_write(pack, &ms_fields_process_inside, NULL, &inside);
        if (process->end_ns == 0) {
            ms_past_write(pack, ms_model_process_past(process));
        }
    }
}

static int write_part(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                      struct ms_pack *pack)
{
    if (state || !writer->begun) {
        begin(writer);
    }
    writer->added.count = writer->gone.count = 0;
    const size_t start = pack->used;
    int error = match(writer, model);
    ms_pack_ids(pack, writer->added.ids, writer->added.count);
    ms_pack_ids(pack, writer->gone.ids, writer->gone.count);
    uint32_t last = 0;
    for (size_t i = 0; i < writer->count && error == 0; i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (ms_model_process_stamp(process) >= writer->since) {
            error = write_process(writer, &writer->known[i], process, pack, &last);
        }
    }
    ms_pack_i64(pack, 0);
    if (state) {
        write_insides(model, pack);
    } else if (pack->used == start + 3) {
        pack->used = start; /* two empty lists and no change */
    }
    writer->since = ms_model_stamp(model);
    error = pack->failed ? -ENOMEM : error;
    writer->begun = error == 0;
    return error;
}

/* --- reading --- */

static int read_added(struct ms_model *model, struct ms_unpack *unpack)
{
    uint32_t *ids;
    size_t count;
    int error = ms_unpack_ids(unpack, &ids, &count);
    for (size_t i = 0; i < count && error == 0; i++) {
        if (ids[i] == 0 || ms_model_process_by_id(model, ids[i]) != NULL) {
            error = -EBADMSG;
        } else {
            error = ms_model_restore_process(model, ids[i]) != NULL ? 0 : -ENOMEM;
        }
    }
    free(ids);
    return error;
}

static int read_gone(struct ms_model *model, struct ms_unpack *unpack)
{
    uint32_t *ids;
    size_t count;
    int error = ms_unpack_ids(unpack, &ids, &count);
    if (error == 0 && count > 0) {
        error = ms_model_forget_processes(model, ids, count);
    }
    free(ids);
    return error;
}

static int read_arguments(struct ms_unpack *unpack, struct ms_model *model,
                          struct ms_process *process)
{
    size_t bytes = 0;
    const bool known = ms_unpack_upto(unpack, 1) != 0;
    const char *text = known ? ms_unpack_text(unpack, &bytes) : NULL;
    return unpack->failed ? -EBADMSG : ms_model_put_arguments(model, process, text, bytes);
}

static int read_connections(struct ms_unpack *unpack, const struct ms_fields_map *map,
                            struct ms_network *network)
{
    const size_t count = (size_t)ms_unpack_upto(unpack, MS_CONNECTIONS_KEPT);
    if (network->connections == NULL && count > 0) {
        network->connections = calloc(MS_CONNECTIONS_KEPT, sizeof *network->connections);
        if (network->connections == NULL) {
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (i >= network->kept) {
            memset(&network->connections[i], 0, sizeof network->connections[i]);
            ms_fields_begin(map, &network->connections[i]);
        }
        if (ms_fields_read(unpack, map, &network->connections[i]) != 0) {
            return -EBADMSG;
        }
    }
    network->kept = count;
    return unpack->failed ? -EBADMSG : 0;
}

static int read_steps(struct ms_unpack *unpack, struct ms_model *model,
                      struct ms_process_tracking *tracking)
{
    tracking->steps_kept = (uint32_t)ms_unpack_upto(unpack, MS_STEP_DOWNS_MAX);
    int error = 0;
    for (uint32_t i = 0; i < tracking->steps_kept && error == 0; i++) {
        error = ms_unpack_string(unpack, model, &tracking->step[i].because);
        if (tracking->step[i].because == NULL) {
            tracking->step[i].because = "";
        }
    }
    return error;
}

static int read_apart(struct ms_unpack *unpack, struct ms_model *model,
                      struct ms_fields_map *const *maps, struct ms_process *process)
{
    const uint64_t what = ms_unpack_upto(unpack, APART_ALL);
    int error = unpack->failed ? -EBADMSG : 0;
    if (error == 0 && (what & APART_ARGUMENTS) != 0) {
        error = read_arguments(unpack, model, process);
    }
    if (error == 0 && (what & APART_THREADS_UNREAD) != 0) {
        error = ms_unpack_string(unpack, model, &process->threads_unread);
    }
    if (error == 0 && (what & APART_TRACE) != 0) {
        error = ms_unpack_string(unpack, model, &process->trace.because);
    }
    if (process->trace.begun && process->trace.because == NULL) {
        process->trace.because = "";
    }
    if (error == 0 && (what & APART_STEPS) != 0) {
        error = read_steps(unpack, model, &process->tracking);
    }
    if (error == 0 && (what & APART_CONNECTIONS) != 0) {
        error = read_connections(unpack, maps[TABLE_CONNECTION], &process->resources.network);
    }
    return error;
}

static int read_changes(struct ms_model *model, struct ms_unpack *unpack,
                        struct ms_fields_map *const *maps)
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
        struct ms_process *process = ms_model_process_mutable(model, id);
        if (process == NULL) {
            return -EBADMSG;
        }
        if ((step & 1) != 0) {
            ms_fields_begin(maps[TABLE_PROCESS], process);
            process->resources.network.kept = 0;
        }
        if (ms_fields_read(unpack, maps[TABLE_PROCESS], process) != 0) {
            return -EBADMSG;
        }
        const int error = read_apart(unpack, model, maps, process);
        if (error != 0) {
            return error;
        }
    }
}

static int read_insides(struct ms_model *model, struct ms_unpack *unpack,
                        struct ms_fields_map *const *maps)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        struct ms_process *process =
            ms_model_process_mutable(model, ms_model_process(model, i)->id);
        struct ms_process_inside inside;
        memset(&inside, 0, sizeof inside);
        ms_fields_begin(maps[TABLE_RATES], process);
        ms_fields_begin(maps[TABLE_INSIDE], &inside);
        if (ms_fields_read(unpack, maps[TABLE_RATES], process) != 0 ||
            ms_fields_read(unpack, maps[TABLE_INSIDE], &inside) != 0 ||
            (process->end_ns == 0 && ms_past_read(unpack, maps[TABLE_PAST], maps[TABLE_SAMPLE],
                                                  ms_model_process_past_mutable(process)) != 0)) {
            return -EBADMSG;
        }
        ms_model_put_process_inside(process, &inside);
    }
    return 0;
}

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    int error = read_added(model, unpack);
    error = error != 0 ? error : read_gone(model, unpack);
    error = error != 0 ? error : read_changes(model, unpack, maps);
    return error == 0 && state ? read_insides(model, unpack, maps) : error;
}

/* --- comparing --- */

static bool same_string(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static size_t compare_apart(const struct ms_process *one, const struct ms_process *other,
                            struct ms_difference *difference)
{
    const struct ms_network *network[] = {&one->resources.network, &other->resources.network};
    const struct ms_process_tracking *tracking[] = {&one->tracking, &other->tracking};
    size_t different = 0;
    if ((one->arguments == NULL) != (other->arguments == NULL) ||
        one->arguments_bytes != other->arguments_bytes ||
        (one->arguments != NULL &&
         memcmp(one->arguments, other->arguments, one->arguments_bytes) != 0)) {
        (void)ms_difference_in(difference, "arguments");
        different++;
    }
    if (!same_string(one->threads_unread, other->threads_unread)) {
        (void)ms_difference_in(difference, "threads_unread");
        different++;
    }
    if (!same_string(one->trace.because, other->trace.because)) {
        (void)ms_difference_in(difference, "trace.because");
        different++;
    }
    bool steps = tracking[0]->steps_kept == tracking[1]->steps_kept;
    for (uint32_t i = 0; steps && i < tracking[0]->steps_kept; i++) {
        steps = same_string(tracking[0]->step[i].because, tracking[1]->step[i].because);
    }
    if (!steps) {
        (void)ms_difference_in(difference, "tracking.step[].because");
        different++;
    }
    if (network[0]->kept != network[1]->kept) {
        (void)ms_difference_in(difference, "resources.network.kept");
        return different + 1;
    }
    for (size_t i = 0; i < network[0]->kept; i++) {
        different +=
            ms_fields_compare(&ms_fields_connection, &network[0]->connections[i],
                              &network[1]->connections[i], ms_difference_in_field, difference);
    }
    return different;
}

static size_t compare(const struct ms_model *one, const struct ms_model *other,
                      void (*differs)(void *context, const char *what), void *context)
{
    if (ms_model_process_count(one) != ms_model_process_count(other)) {
        differs(context, "processes: how many there are");
        return 1;
    }
    size_t different = 0;
    for (size_t i = 0; i < ms_model_process_count(one); i++) {
        const struct ms_process *a = ms_model_process(one, i);
        const struct ms_process *b = ms_model_process(other, i);
        struct ms_difference difference = {"process", a->id, differs, context};
        if (a->id != b->id) {
            (void)ms_difference_in(&difference, "its place in the list");
            return different + 1;
        }
        different +=
            ms_fields_compare(&ms_fields_process, a, b, ms_difference_in_field, &difference);
        different += compare_apart(a, b, &difference);
        difference.thing = "rates of process";
        different +=
            ms_fields_compare(&ms_fields_process_rates, a, b, ms_difference_in_field, &difference);
        uint64_t spans[2];
        const struct ms_thread_rates windows[2] = {ms_model_process_window(one, a, &spans[0]),
                                                   ms_model_process_window(other, b, &spans[1])};
        difference.thing = "window of process";
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
    [TABLE_PROCESS] = &ms_fields_process,
    [TABLE_RATES] = &ms_fields_process_rates,
    [TABLE_INSIDE] = &ms_fields_process_inside,
    [TABLE_CONNECTION] = &ms_fields_connection,
    [TABLE_PAST] = &ms_fields_past,
    [TABLE_SAMPLE] = &ms_fields_sample,
    NULL,
};

const struct ms_part_kind ms_part_processes = {
    .tables = tables,
    .writer_new = writer_new,
    .writer_free = writer_free,
    .write = write_part,
    .read = read_part,
    .compare = compare,
};
