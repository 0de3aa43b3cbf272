#include "record/about.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void write_name(struct ms_pack *pack, const struct ms_model *model, bool hide_arguments)
{
    const struct ms_process *program = ms_model_program(model);
    char name[MS_PROCESS_NAME_MAX] = "";
    if (program != NULL && hide_arguments) {
        const char *slash = strrchr(program->exe, '/');
        const char *file = slash != NULL ? slash + 1 : program->exe;
        ms_pack_text(pack, file, strnlen(file, MS_PROCESS_NAME_MAX));
        return;
    }
    if (program != NULL) {
        ms_process_name(program, name, sizeof name);
    }
    ms_pack_text(pack, name, strlen(name));
}

static void write_tables(struct ms_pack *pack, const struct ms_part_kind *kind)
{
    struct ms_pack description = {0};
    size_t count = 0;
    while (kind->tables != NULL && kind->tables[count] != NULL) {
        count++;
    }
    ms_pack_u64(pack, count);
    for (size_t i = 0; i < count; i++) {
        const struct ms_fields *fields = kind->tables[i];
        ms_pack_clear(&description);
        ms_fields_describe(&description, fields);
        ms_pack_text(pack, fields->name, strlen(fields->name));
        ms_pack_u64(pack, description.used);
        ms_pack_bytes(pack, description.bytes, description.used);
        pack->failed = pack->failed || description.failed;
    }
    ms_pack_free(&description);
}

void ms_about_write(struct ms_pack *pack, const struct ms_model *model, const char *recorded_by,
                    bool hide_arguments)
{
    const char *host = ms_model_system(model)->host;
    ms_pack_text(pack, recorded_by, strlen(recorded_by));
    write_name(pack, model, hide_arguments);
    ms_pack_text(pack, host, strnlen(host, sizeof ms_model_system(model)->host));
    ms_pack_u64(pack, ms_model_interval_ns(model));
    ms_pack_u64(pack, ms_model_start_ns(model));
    ms_pack_u64(pack, ms_model_start_unix_ns(model));
    for (uint32_t part = 0; part < MS_PART_TOTAL; part++) {
        ms_pack_u64(pack, part + 1);
        write_tables(pack, ms_parts[part]);
    }
    ms_pack_u64(pack, 0);
}

static void read_text(struct ms_unpack *unpack, char text[MS_ABOUT_TEXT_MAX])
{
    size_t bytes = 0;
    const char *from = ms_unpack_text(unpack, &bytes);
    bytes = bytes < MS_ABOUT_TEXT_MAX ? bytes : MS_ABOUT_TEXT_MAX - 1;
    memcpy(text, from, bytes);
    text[bytes] = '\0';
}

static size_t count_tables(const struct ms_part_kind *kind)
{
    size_t count = 0;
    while (kind->tables != NULL && kind->tables[count] != NULL) {
        count++;
    }
    return count;
}

/* A table that the file does not know: nothing of it is in the file. */
static struct ms_fields_map *map_of_nothing(const struct ms_fields *fields, int *error)
{
    const struct ms_fields nothing = {.name = fields->name, .struct_bytes = fields->struct_bytes};
    struct ms_pack description = {0};
    ms_fields_describe(&description, &nothing);
    struct ms_unpack unpack = ms_unpack_of(description.bytes, description.used);
    struct ms_fields_map *map = ms_fields_map_new(&unpack, fields, error);
    ms_pack_free(&description);
    return map;
}

static int read_table(struct ms_unpack *unpack, const struct ms_part_kind *kind,
                      struct ms_fields_map **maps)
{
    size_t name_bytes = 0;
    const char *name = ms_unpack_text(unpack, &name_bytes);
    const size_t bytes = ms_unpack_upto(unpack, (uint64_t)(unpack->end - unpack->at));
    const uint8_t *description = ms_unpack_bytes(unpack, bytes);
    if (description == NULL) {
        return -EBADMSG;
    }
    for (size_t i = 0; maps != NULL && kind->tables[i] != NULL; i++) {
        const struct ms_fields *fields = kind->tables[i];
        if (maps[i] == NULL && strlen(fields->name) == name_bytes &&
            memcmp(fields->name, name, name_bytes) == 0) {
            int error = 0;
            struct ms_unpack inside = ms_unpack_of(description, bytes);
            maps[i] = ms_fields_map_new(&inside, fields, &error);
            return maps[i] != NULL ? 0 : error;
        }
    }
    return 0;
}

static int read_part(struct ms_about *about, struct ms_unpack *unpack, uint64_t part)
{
    const struct ms_part_kind *kind = part < MS_PART_TOTAL ? ms_parts[part] : NULL;
    struct ms_fields_map **maps = NULL;
    const size_t tables = kind != NULL ? count_tables(kind) : 0;
    if (kind != NULL) {
        if (about->maps[part] != NULL) {
            return -EBADMSG;
        }
        maps = calloc(tables + 1, sizeof *maps);
        if (maps == NULL) {
            return -ENOMEM;
        }
        about->maps[part] = maps;
    }
    int error = 0;
    uint64_t count = ms_unpack_upto(unpack, (uint64_t)(unpack->end - unpack->at));
    for (; count > 0 && error == 0; count--) {
        error = read_table(unpack, kind, maps);
    }
    for (size_t i = 0; i < tables && error == 0; i++) {
        if (maps[i] == NULL) {
            maps[i] = map_of_nothing(kind->tables[i], &error);
        }
    }
    return error;
}

int ms_about_read(struct ms_about *about, struct ms_unpack *unpack)
{
    *about = (struct ms_about){0};
    read_text(unpack, about->recorded_by);
    read_text(unpack, about->program);
    read_text(unpack, about->host);
    about->interval_ns = ms_unpack_u64(unpack);
    about->start_ns = ms_unpack_u64(unpack);
    about->start_unix_ns = ms_unpack_u64(unpack);
    int error = about->interval_ns == 0 ? -EBADMSG : 0;
    uint64_t part;
    while (error == 0 && (part = ms_unpack_u64(unpack)) != 0) {
        error = read_part(about, unpack, part - 1);
    }
    error = error == 0 && unpack->failed ? -EBADMSG : error;
    if (error != 0) {
        ms_about_free(about);
        *about = (struct ms_about){0};
    }
    return error;
}

void ms_about_free(struct ms_about *about)
{
    for (uint32_t part = 0; part < MS_PART_TOTAL; part++) {
        const size_t tables = about->maps[part] != NULL ? count_tables(ms_parts[part]) : 0;
        for (size_t i = 0; i < tables; i++) {
            ms_fields_map_free(about->maps[part][i]);
        }
        free(about->maps[part]);
        about->maps[part] = NULL;
    }
}
