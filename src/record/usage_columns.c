#include "record/usage_columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/restore.h"
#include "record/chains.h"
#include "record/fields_sites.h"

struct ms_usage_columns {
    struct ms_columns *identities, *figures, *extras;
    const void *things[MS_COLUMN_THINGS];
    struct ms_usage_extra extra[MS_COLUMN_THINGS];
};

struct ms_usage_columns *ms_usage_columns_new(void)
{
    struct ms_usage_columns *columns = calloc(1, sizeof *columns);
    if (columns == NULL) {
        return NULL;
    }
    columns->identities = ms_columns_new(&ms_fields_usage_identity);
    columns->figures = ms_columns_new(&ms_fields_usage);
    columns->extras = ms_columns_new(&ms_fields_usage_extra);
    if (columns->identities == NULL || columns->figures == NULL || columns->extras == NULL) {
        ms_usage_columns_free(columns);
        return NULL;
    }
    return columns;
}

void ms_usage_columns_free(struct ms_usage_columns *columns)
{
    if (columns != NULL) {
        ms_columns_free(columns->identities);
        ms_columns_free(columns->figures);
        ms_columns_free(columns->extras);
        free(columns);
    }
}

static size_t group_at(size_t first, size_t count)
{
    return count - first < MS_COLUMN_THINGS ? count - first : MS_COLUMN_THINGS;
}

static void take_group(struct ms_usage_columns *columns, const struct ms_model *model, size_t first,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        columns->things[i] = ms_model_usage(model, first + i);
    }
}

static void write_extras(struct ms_usage_columns *columns, struct ms_pack *pack, size_t count)
{
    size_t with = 0;
    size_t run = 0;
    bool had = false;
    for (size_t i = 0; i < count; i++) {
        const struct ms_usage *usage = columns->things[i];
        const bool has = usage->detail != NULL;
        if (has != had) {
            ms_pack_u64(pack, run);
            run = 0;
            had = has;
        }
        run++;
        if (has) {
            ms_usage_get_kept(usage, &columns->extra[with++]);
        }
    }
    ms_pack_u64(pack, run);
    for (size_t i = 0; i < with; i++) {
        columns->things[i] = &columns->extra[i];
    }
    if (with > 0) {
        ms_columns_write(columns->extras, pack, columns->things, with);
    }
}

int ms_usage_columns_write(struct ms_usage_columns *columns, const struct ms_model *model,
                           struct ms_pack *pack)
{
    const size_t count = ms_model_usage_count(model);
    ms_pack_u64(pack, MS_USAGES_IN_COLUMNS);
    ms_pack_u64(pack, count);
    for (size_t first = 0; first < count; first += MS_COLUMN_THINGS) {
        take_group(columns, model, first, group_at(first, count));
        ms_columns_write(columns->identities, pack, columns->things, group_at(first, count));
    }
    const int error = ms_chains_write(pack, model, MS_CHANGING_USAGES);
    for (size_t first = 0; first < count; first += MS_COLUMN_THINGS) {
        take_group(columns, model, first, group_at(first, count));
        ms_columns_write(columns->figures, pack, columns->things, group_at(first, count));
        write_extras(columns, pack, group_at(first, count));
    }
    return error;
}

/* --- reading --- */

struct group {
    struct ms_usage usages[MS_COLUMN_THINGS];
    struct ms_usage_extra extras[MS_COLUMN_THINGS];
    bool has_extra[MS_COLUMN_THINGS];
    void *things[MS_COLUMN_THINGS];
};

static void begin_usages(struct group *group, const struct ms_fields_map *map, size_t count)
{
    memset(&group->usages[0], 0, sizeof group->usages[0]);
    ms_fields_begin(map, &group->usages[0]);
    for (size_t i = 0; i < count; i++) {
        group->usages[i] = group->usages[0];
        group->things[i] = &group->usages[i];
    }
}

static int read_identities(struct group *group, struct ms_model *model, struct ms_unpack *unpack,
                           const struct ms_fields_map *map, size_t count)
{
    begin_usages(group, map, count);
    int error = ms_columns_read(unpack, map, group->things, count);
    for (size_t i = 0; i < count && error == 0; i++) {
        /* Of one that is nobody's there could be any number, in a byte for each 512. */
        const struct ms_usage *usage = &group->usages[i];
        error = usage->thread_id == 0
                    ? -EBADMSG
                    : ms_model_restore_usage(model, usage->thread_id, usage->site_id, usage->rate);
    }
    return error;
}

/* Which of them have figures of `usage extra`: *with so many. */
static int read_runs(struct group *group, struct ms_unpack *unpack, size_t count, size_t *with)
{
    bool has = false;
    *with = 0;
    for (size_t i = 0; i < count; has = !has) {
        const uint64_t run = ms_unpack_upto(unpack, count - i);
        if (unpack->failed || (run == 0 && i > 0)) {
            return -EBADMSG;
        }
        for (const size_t end = i + run; i < end; i++) {
            group->has_extra[i] = has;
            *with += has;
        }
    }
    return 0;
}

static int read_extras(struct group *group, struct ms_unpack *unpack,
                       const struct ms_fields_map *map, size_t count)
{
    size_t with;
    if (read_runs(group, unpack, count, &with) != 0) {
        return -EBADMSG;
    }
    memset(&group->extras[0], 0, sizeof group->extras[0]);
    ms_fields_begin(map, &group->extras[0]);
    for (size_t i = 0; i < with; i++) {
        group->extras[i] = group->extras[0];
        group->things[i] = &group->extras[i];
    }
    return with > 0 ? ms_columns_read(unpack, map, group->things, with) : 0;
}

static int put_group(struct group *group, struct ms_model *model, size_t first, size_t count)
{
    size_t with = 0;
    int error = 0;
    for (size_t i = 0; i < count && error == 0; i++) {
        const struct ms_usage_extra *extra = group->has_extra[i] ? &group->extras[with++] : NULL;
        error = ms_model_put_usage(model, first + i, &group->usages[i], extra);
    }
    return error;
}

static int read_all(struct group *group, struct ms_model *model, struct ms_unpack *unpack,
                    const struct ms_fields_map *identities, const struct ms_fields_map *figures,
                    const struct ms_fields_map *extras)
{
    const size_t count = (size_t)ms_unpack_upto(unpack, UINT32_MAX);
    int error = unpack->failed ? -EBADMSG : 0;
    for (size_t first = 0; first < count && error == 0; first += MS_COLUMN_THINGS) {
        error = read_identities(group, model, unpack, identities, group_at(first, count));
    }
    error = error != 0 ? error : ms_chains_read(unpack, model, MS_CHANGING_USAGES);
    for (size_t first = 0; first < count && error == 0; first += MS_COLUMN_THINGS) {
        const size_t size = group_at(first, count);
        begin_usages(group, figures, size);
        error = ms_columns_read(unpack, figures, group->things, size);
        error = error != 0 ? error : read_extras(group, unpack, extras, size);
        error = error != 0 ? error : put_group(group, model, first, size);
    }
    return error;
}

int ms_usage_columns_read(struct ms_model *model, struct ms_unpack *unpack,
                          const struct ms_fields_map *identities,
                          const struct ms_fields_map *figures, const struct ms_fields_map *extras)
{
    struct group *group = malloc(sizeof *group);
    if (group == NULL) {
        return -ENOMEM;
    }
    const int error = read_all(group, model, unpack, identities, figures, extras);
    free(group);
    return error;
}
