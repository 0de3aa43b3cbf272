/* See shared_code.h. */
#include "collect/shared_code.h"

#include <stdlib.h>
#include <string.h>

#include "model/chunks.h"
#include "model/index.h"
#include "wire/region.h"

struct module {
    const char *path;
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t build_id_bytes;
};

struct shared_frame {
    struct ms_frame *frame;
    uint32_t module;
};

struct ms_shared_code {
    struct ms_chunks modules, frames;
    struct ms_index modules_by_id, frames_by_place;
};

struct ms_shared_code *ms_shared_code_new(void)
{
    struct ms_shared_code *code = calloc(1, sizeof *code);
    if (code != NULL) {
        code->modules.element_bytes = sizeof(struct module);
        code->frames.element_bytes = sizeof(struct shared_frame);
    }
    return code;
}

void ms_shared_code_free(struct ms_shared_code *code)
{
    if (code != NULL) {
        ms_chunks_free(&code->modules);
        ms_chunks_free(&code->frames);
        ms_index_free(&code->modules_by_id);
        ms_index_free(&code->frames_by_place);
        free(code);
    }
}

/* A path without "/usr" where that may be the other name of a folder of the root. */
static const char *without_usr(const char *path)
{
    static const char *const folders[] = {"/lib/",    "/lib64/", "/lib32/",
                                          "/libx32/", "/bin/",   "/sbin/"};
    static const char usr[] = "/usr";
    const char *rest = strncmp(path, usr, sizeof usr - 1) == 0 ? path + sizeof usr - 1 : path;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (strncmp(rest, folders[i], strlen(folders[i])) == 0) {
            return rest;
        }
    }
    return path;
}

/* Names of what is one file to the bit: through links of folders of the root into /usr, or of
 * libraries to their versions, as libgmp.so.10 is to libgmp.so.10.4.1. */
static bool is_other_name(const char *one, const char *other)
{
    const char *a = without_usr(one);
    const char *b = without_usr(other);
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    const char *rest = *a == '\0' ? b : a;
    return *a == *b || ((*a == '\0' || *b == '\0') && *rest == '.' && strchr(rest, '/') == NULL);
}

uint32_t ms_shared_code_module(struct ms_shared_code *code, const char **path,
                               const uint8_t *build_id, size_t build_id_bytes)
{
    if (code == NULL || build_id_bytes == 0 || build_id_bytes > MS_BUILD_ID_MAX) {
        return 0;
    }
    uint32_t hash = ms_hash_bytes((const char *)build_id, build_id_bytes, 0);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&code->modules_by_id, hash, &cursor, &position)) {
        const struct module *known = ms_chunks_at(&code->modules, position);
        if (known->build_id_bytes == build_id_bytes &&
            memcmp(known->build_id, build_id, build_id_bytes) == 0 &&
            (known->path == *path || is_other_name(known->path, *path))) {
            *path = known->path;
            return position + 1;
        }
    }
    struct module *module = ms_chunks_add(&code->modules);
    if (module == NULL) {
        return 0;
    }
    position = (uint32_t)code->modules.count - 1;
    if (ms_index_add(&code->modules_by_id, hash, position) != 0) {
        ms_chunks_drop_last(&code->modules);
        return 0;
    }
    *module = (struct module){.path = *path, .build_id_bytes = (uint8_t)build_id_bytes};
    memcpy(module->build_id, build_id, build_id_bytes);
    return position + 1;
}

static uint32_t place_hash(uint32_t module, uint64_t file_offset)
{
    return ms_hash_pair(ms_hash_pair((uint32_t)(file_offset >> 32), (uint32_t)file_offset), module);
}

struct ms_frame *ms_shared_code_find(const struct ms_shared_code *code, uint32_t module,
                                     uint64_t file_offset)
{
    size_t cursor = 0;
    uint32_t position;
    while (module != 0 && ms_index_next(&code->frames_by_place, place_hash(module, file_offset),
                                        &cursor, &position)) {
        const struct shared_frame *shared = ms_chunks_at(&code->frames, position);
        if (shared->module == module && shared->frame->file_offset == file_offset) {
            return shared->frame;
        }
    }
    return NULL;
}

void ms_shared_code_add(struct ms_shared_code *code, uint32_t module, struct ms_frame *frame)
{
    struct shared_frame *shared = module == 0 ? NULL : ms_chunks_add(&code->frames);
    if (shared == NULL) {
        return;
    }
    if (ms_index_add(&code->frames_by_place, place_hash(module, frame->file_offset),
                     (uint32_t)code->frames.count - 1) != 0) {
        ms_chunks_drop_last(&code->frames);
        return;
    }
    *shared = (struct shared_frame){.frame = frame, .module = module};
}
