/*
 * The machine, GPUs, sources and the trace, and in a state the time. Each is looked at by a memcmp
 * with what was written last; sections that changed are named by a bit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/restore.h"
#include "record/fields_tables.h"
#include "record/part_pieces.h"
#include "record/parts.h"
#include "record/parts_sites.h"

enum {
    TABLE_SESSION,
    TABLE_SYSTEM,
    TABLE_CORE,
    TABLE_DISK,
    TABLE_INTERFACE,
    TABLE_SENSOR,
    TABLE_GPU,
    TABLE_GPU_USER,
    TABLE_SOURCE,
    TABLE_TRACE
};

enum section {
    SECTION_SESSION = 1,
    SECTION_SYSTEM = 2, /* before those whose counts it holds */
    SECTION_CORES = 4,
    SECTION_DISKS = 8,
    SECTION_INTERFACES = 16,
    SECTION_SENSORS = 32,
    SECTION_GPUS = 64,
    SECTION_SOURCES = 128,
    SECTION_TRACE = 256,
    SECTIONS_ALL = 511
};

/* Arrays in struct ms_system whose elements each have a table. */
struct array {
    enum section section;
    int table;
    const struct ms_fields *fields;
    size_t offset, element_bytes, most;
};
#define ARRAY(section_, table_, fields_, member)                                                   \
    {                                                                                              \
        .section = (section_), .table = (table_), .fields = (fields_),                             \
        .offset = offsetof(struct ms_system, member),                                              \
        .element_bytes = sizeof MS_MEMBER(struct ms_system, member)[0],                            \
        .most = MS_ELEMENTS(struct ms_system, member),                                             \
    }
static const struct array arrays[] = {
    ARRAY(SECTION_CORES, TABLE_CORE, &ms_fields_core, core),
    ARRAY(SECTION_DISKS, TABLE_DISK, &ms_fields_disk, disks),
    ARRAY(SECTION_INTERFACES, TABLE_INTERFACE, &ms_fields_interface, interfaces),
    ARRAY(SECTION_SENSORS, TABLE_SENSOR, &ms_fields_sensor, sensors),
};
#define ARRAYS (sizeof arrays / sizeof arrays[0])

static size_t count_of(const struct ms_system *system, enum section section)
{
    switch (section) {
    case SECTION_CORES:
        return system->cores;
    case SECTION_DISKS:
        return system->disk_count;
    case SECTION_INTERFACES:
        return system->interface_count;
    default:
        return system->sensor_count;
    }
}

struct ms_part_writer {
    bool begun;
    struct ms_system system; /* what was written last; `gpus` are ours */
    struct ms_gpu *gpus;     /* MS_GPUS_MAX, NULL: none was seen yet */
    struct ms_source_state sources[MS_SOURCE_TOTAL];
    struct ms_trace trace;
};

static struct ms_part_writer *writer_new(void)
{
    return calloc(1, sizeof(struct ms_part_writer));
}

static void writer_free(struct ms_part_writer *writer)
{
    if (writer != NULL) {
        free(writer->gpus);
        free(writer);
    }
}

/* --- writing --- */

/* A position + 1 and its change; 0 at the end. False: nothing was to be told. */
static bool write_elements(const struct ms_fields *fields, char *shadow, const char *now,
                           size_t element_bytes, size_t count, struct ms_pack *pack)
{
    bool any = false;
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        char *before = shadow + i * element_bytes;
        const char *after = now + i * element_bytes;
        if (memcmp(before, after, element_bytes) == 0) {
            continue;
        }
        const size_t used = pack->used;
        ms_pack_u64(pack, i + 1 - last);
        if (ms_fields_write_on(pack, fields, before, after) == 0) {
            pack->used = used;
            continue;
        }
        last = i + 1;
        any = true;
    }
    ms_pack_u64(pack, 0);
    return any;
}

static bool write_system(struct ms_part_writer *writer, const struct ms_system *system,
                         struct ms_pack *pack)
{
    /* The arrays lie behind one another, so that two comparisons find that nothing moved. */
    struct ms_system *shadow = &writer->system;
    const size_t behind_cores = offsetof(struct ms_system, cpu_pct);
    if (memcmp(shadow, system, offsetof(struct ms_system, core)) == 0 &&
        memcmp((const char *)shadow + behind_cores, (const char *)system + behind_cores,
               offsetof(struct ms_system, disks) - behind_cores) == 0) {
        return false;
    }
    return ms_fields_write_on(pack, &ms_fields_system, shadow, system) > 0;
}

static bool write_gpus(struct ms_part_writer *writer, const struct ms_system *system,
                       struct ms_pack *pack)
{
    bool any = writer->system.gpu_count != system->gpu_count;
    ms_pack_u64(pack, system->gpu_count);
    for (size_t i = 0; i < system->gpu_count; i++) {
        struct ms_gpu *shadow = &writer->gpus[i];
        const struct ms_gpu *gpu = &system->gpus[i];
        any |= ms_fields_write_on(pack, &ms_fields_gpu, shadow, gpu) > 0;
        any |= write_elements(&ms_fields_gpu_user, (char *)shadow->users, (const char *)gpu->users,
                              sizeof *gpu->users, gpu->user_count, pack);
    }
    writer->system.gpu_count = system->gpu_count;
    return any;
}

/* Leaves out what `write` found nothing for. */
static void section(struct ms_pack *pack, size_t used, bool any, enum section bit, uint64_t *what)
{
    if (any) {
        *what |= bit;
    } else {
        pack->used = used;
    }
}

static void write_sections(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                           struct ms_pack *pack, uint64_t *what)
{
    const struct ms_system *system = ms_model_system(model);
    if (state) {
        const struct ms_inside inside = ms_model_inside(model);
        (void)ms_fields_write(pack, &ms_fields_session, NULL, &inside);
        *what |= SECTION_SESSION;
    }
    size_t used = pack->used;
    section(pack, used, write_system(writer, system, pack), SECTION_SYSTEM, what);
    for (size_t i = 0; i < ARRAYS; i++) {
        const struct array *array = &arrays[i];
        used = pack->used;
        section(pack, used,
                write_elements(array->fields, (char *)&writer->system + array->offset,
                               (const char *)system + array->offset, array->element_bytes,
                               count_of(system, array->section), pack),
                array->section, what);
    }
    if (system->gpus != NULL) {
        used = pack->used;
        section(pack, used, write_gpus(writer, system, pack), SECTION_GPUS, what);
    }
    used = pack->used;
    const struct ms_source_state *sources = ms_model_source(model, (enum ms_source)0);
    section(pack, used,
            write_elements(&ms_fields_source, (char *)writer->sources, (const char *)sources,
                           sizeof *sources, MS_SOURCE_TOTAL, pack),
            SECTION_SOURCES, what);
    used = pack->used;
    section(pack, used,
            ms_fields_write_on(pack, &ms_fields_trace, &writer->trace, ms_model_trace(model)) > 0,
            SECTION_TRACE, what);
}

static int write_part(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                      struct ms_pack *pack)
{
    if (state || !writer->begun) {
        struct ms_gpu *gpus = writer->gpus;
        memset(writer, 0, sizeof *writer);
        writer->gpus = gpus;
        if (gpus != NULL) {
            memset(gpus, 0, MS_GPUS_MAX * sizeof *gpus);
        }
        writer->begun = true;
    }
    if (ms_model_system(model)->gpus != NULL && writer->gpus == NULL) {
        writer->gpus = calloc(MS_GPUS_MAX, sizeof *writer->gpus);
        if (writer->gpus == NULL) {
            writer->begun = false;
            return -ENOMEM;
        }
    }
    struct ms_pack sections = {0};
    uint64_t what = 0;
    write_sections(writer, model, state, &sections, &what);
    if (what != 0) {
        ms_pack_u64(pack, what);
        ms_pack_bytes(pack, sections.bytes, sections.used);
    }
    const int error = pack->failed || sections.failed ? -ENOMEM : 0;
    writer->begun = error == 0;
    ms_pack_free(&sections);
    return error;
}

/* --- reading --- */

static int read_elements(struct ms_unpack *unpack, const struct ms_fields_map *map, char *first,
                         size_t element_bytes, size_t most)
{
    size_t next = 0;
    for (;;) {
        const size_t gap = (size_t)ms_unpack_upto(unpack, most - next);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (gap == 0) {
            return 0;
        }
        next += gap;
        if (ms_fields_read(unpack, map, first + (next - 1) * element_bytes) != 0) {
            return -EBADMSG;
        }
    }
}

static void begin_elements(const struct ms_fields_map *map, char *first, size_t element_bytes,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ms_fields_begin(map, first + i * element_bytes);
    }
}

static int make_gpus(struct ms_system *system)
{
    if (system->gpus == NULL) {
        system->gpus = calloc(MS_GPUS_MAX, sizeof *system->gpus);
    }
    return system->gpus != NULL ? 0 : -ENOMEM;
}

static int read_gpus(struct ms_system *system, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    const size_t count = (size_t)ms_unpack_upto(unpack, MS_GPUS_MAX);
    int error = make_gpus(system);
    /* One that was seen keeps its place, and its history. */
    error = error == 0 && (unpack->failed || count < system->gpu_count) ? -EBADMSG : error;
    for (size_t i = 0; i < count && error == 0; i++) {
        struct ms_gpu *gpu = &system->gpus[i];
        if (i >= system->gpu_count) {
            ms_fields_begin(maps[TABLE_GPU], gpu);
            begin_elements(maps[TABLE_GPU_USER], (char *)gpu->users, sizeof *gpu->users,
                           MS_GPU_USERS_MAX);
        }
        error = ms_fields_read(unpack, maps[TABLE_GPU], gpu);
        if (error == 0) {
            error = read_elements(unpack, maps[TABLE_GPU_USER], (char *)gpu->users,
                                  sizeof *gpu->users, MS_GPU_USERS_MAX);
        }
    }
    if (error == 0) {
        system->gpu_count = count;
    }
    return error;
}

static int read_sources(struct ms_model *model, struct ms_unpack *unpack,
                        const struct ms_fields_map *map, bool state)
{
    struct ms_source_state sources[MS_SOURCE_TOTAL];
    memcpy(sources, ms_model_source(model, (enum ms_source)0), sizeof sources);
    if (state) {
        begin_elements(map, (char *)sources, sizeof *sources, MS_SOURCE_TOTAL);
    }
    const int error = read_elements(unpack, map, (char *)sources, sizeof *sources, MS_SOURCE_TOTAL);
    for (int i = 0; i < MS_SOURCE_TOTAL && error == 0; i++) {
        ms_model_source_set(model, (enum ms_source)i, sources[i].condition, sources[i].because);
    }
    return error;
}

static int read_arrays(struct ms_system *system, bool state, uint64_t what,
                       struct ms_unpack *unpack, struct ms_fields_map *const *maps)
{
    int error = 0;
    for (size_t i = 0; i < ARRAYS && error == 0; i++) {
        const struct array *array = &arrays[i];
        char *first = (char *)system + array->offset;
        /* Cores that are not there stay unknown. */
        const size_t begun = array->section == SECTION_CORES ? system->cores : array->most;
        if (state) {
            begin_elements(maps[array->table], first, array->element_bytes, begun);
        }
        if ((what & array->section) != 0) {
            error = read_elements(unpack, maps[array->table], first, array->element_bytes, begun);
        }
    }
    return error;
}

static int read_session(struct ms_model *model, struct ms_unpack *unpack,
                        const struct ms_fields_map *map)
{
    struct ms_inside inside;
    memset(&inside, 0, sizeof inside);
    ms_fields_begin(map, &inside);
    if (ms_fields_read(unpack, map, &inside) != 0 || inside.ticks > UINT64_MAX / 4) {
        return -EBADMSG;
    }
    ms_model_put_inside(model, &inside);
    return 0;
}

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    struct ms_system *system = ms_model_system_mutable(model);
    const uint64_t what = ms_unpack_upto(unpack, SECTIONS_ALL);
    int error = unpack->failed ? -EBADMSG : 0;
    if (error == 0 && (what & SECTION_SESSION) != 0) {
        error = read_session(model, unpack, maps[TABLE_SESSION]);
    }
    if (state) {
        ms_fields_begin(maps[TABLE_SYSTEM], system);
        ms_fields_begin(maps[TABLE_TRACE], ms_model_trace_mutable(model));
    }
    const uint32_t cores = system->cores;
    if (error == 0 && (what & SECTION_SYSTEM) != 0) {
        error = ms_fields_read(unpack, maps[TABLE_SYSTEM], system);
    }
    if (error == 0 && !state && system->cores > cores) {
        begin_elements(maps[TABLE_CORE], (char *)&system->core[cores], sizeof *system->core,
                       system->cores - cores);
    }
    error = error == 0 ? read_arrays(system, state, what, unpack, maps) : error;
    if (error == 0 && (what & SECTION_GPUS) != 0) {
        error = read_gpus(system, unpack, maps);
    }
    if (error == 0 && (what & SECTION_SOURCES) != 0) {
        error = read_sources(model, unpack, maps[TABLE_SOURCE], state);
    }
    if (error == 0 && (what & SECTION_TRACE) != 0) {
        error = ms_fields_read(unpack, maps[TABLE_TRACE], ms_model_trace_mutable(model));
    }
    return error;
}

/* --- comparing --- */

static size_t compare_elements(const struct ms_fields *fields, const char *one, const char *other,
                               size_t element_bytes, size_t count, struct ms_difference *difference)
{
    size_t different = 0;
    difference->thing = fields->name;
    for (size_t i = 0; i < count; i++) {
        difference->number = i;
        different += ms_fields_compare(fields, one + i * element_bytes, other + i * element_bytes,
                                       ms_difference_in_field, difference);
    }
    return different;
}

static size_t compare_gpus(const struct ms_system *one, const struct ms_system *other,
                           struct ms_difference *difference)
{
    if (one->gpu_count != other->gpu_count) {
        difference->differs(difference->context, "system: gpu_count");
        return 1;
    }
    size_t different =
        one->gpu_count == 0
            ? 0
            : compare_elements(&ms_fields_gpu, (const char *)one->gpus, (const char *)other->gpus,
                               sizeof *one->gpus, one->gpu_count, difference);
    for (size_t i = 0; i < one->gpu_count && different == 0; i++) {
        different += compare_elements(&ms_fields_gpu_user, (const char *)one->gpus[i].users,
                                      (const char *)other->gpus[i].users, sizeof *one->gpus->users,
                                      one->gpus[i].user_count, difference);
    }
    return different;
}

static size_t compare(const struct ms_model *one, const struct ms_model *other,
                      void (*differs)(void *context, const char *what), void *context)
{
    struct ms_difference difference = {"session", 0, differs, context};
    const struct ms_system *a = ms_model_system(one);
    const struct ms_system *b = ms_model_system(other);
    const struct ms_inside insides[2] = {ms_model_inside(one), ms_model_inside(other)};
    size_t different = 0;
    const struct ms_inside shown[2] = {
        {insides[0].now_ns, insides[0].ticks, insides[0].first_tick, 0, 0, 0, 0},
        {insides[1].now_ns, insides[1].ticks, insides[1].first_tick, 0, 0, 0, 0}};
    different += ms_fields_compare(&ms_fields_session, &shown[0], &shown[1], ms_difference_in_field,
                                   &difference);
    difference.thing = "system";
    const size_t system =
        ms_fields_compare(&ms_fields_system, a, b, ms_difference_in_field, &difference);
    different += system;
    for (size_t i = 0; i < ARRAYS && system == 0; i++) {
        const struct array *array = &arrays[i];
        different += compare_elements(array->fields, (const char *)a + array->offset,
                                      (const char *)b + array->offset, array->element_bytes,
                                      count_of(a, array->section), &difference);
    }
    different += compare_gpus(a, b, &difference);
    different +=
        compare_elements(&ms_fields_source, (const char *)ms_model_source(one, (enum ms_source)0),
                         (const char *)ms_model_source(other, (enum ms_source)0),
                         sizeof(struct ms_source_state), MS_SOURCE_TOTAL, &difference);
    difference = (struct ms_difference){"trace", 0, differs, context};
    return different + ms_fields_compare(&ms_fields_trace, ms_model_trace(one),
                                         ms_model_trace(other), ms_difference_in_field,
                                         &difference);
}

static const struct ms_fields *const tables[] = {
    [TABLE_SESSION] = &ms_fields_session,
    [TABLE_SYSTEM] = &ms_fields_system,
    [TABLE_CORE] = &ms_fields_core,
    [TABLE_DISK] = &ms_fields_disk,
    [TABLE_INTERFACE] = &ms_fields_interface,
    [TABLE_SENSOR] = &ms_fields_sensor,
    [TABLE_GPU] = &ms_fields_gpu,
    [TABLE_GPU_USER] = &ms_fields_gpu_user,
    [TABLE_SOURCE] = &ms_fields_source,
    [TABLE_TRACE] = &ms_fields_trace,
    NULL,
};

const struct ms_part_kind ms_part_system = {
    .tables = tables,
    .writer_new = writer_new,
    .writer_free = writer_free,
    .write = write_part,
    .read = read_part,
    .compare = compare,
};
