#include "analysis/call_functions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/frame_library.h"
#include "model/format.h"

static const char *const words[MS_CALL_WORDS + 1] = {
    [MS_CALL_NO_STACK] = "(no stack)",
    [MS_CALL_NOT_SAMPLED] = "(not sampled)",
    [MS_CALL_CUT] = "(outer frames left out)",
    [MS_CALL_NO_CFI] = "(outer frames unknown: no unwind information)",
};

#define MODULES_MAX 65536u

/* What is known of a module in a process. */
struct module {
    const char *path; /* the model's: pointers differ when paths do */
    uint32_t process_id;
    bool library;
};

/* FNV-1a, 64 bits. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t hash_of(const struct ms_call_function *function)
{
    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), function->function);
    hash = hash_text(hash, function->module);
    for (unsigned shift = 0; shift < 64; shift += 8) {
        hash = (hash ^ (function->offset >> shift & 0xff)) * UINT64_C(0x100000001b3);
    }
    return (hash ^ function->folded) * UINT64_C(0x100000001b3);
}

static bool is_same(const struct ms_call_function *a, const struct ms_call_function *b)
{
    return a->hash == b->hash && a->folded == b->folded && a->offset == b->offset &&
           (a->frame == NULL) == (b->frame == NULL) && strcmp(a->function, b->function) == 0 &&
           strcmp(a->module, b->module) == 0;
}

/* The number of what equals `function`, which is added when it is new; takes over its name. */
static uint32_t intern(struct ms_call_functions *functions, struct ms_call_function *function)
{
    function->hash = hash_of(function);
    const uint32_t hash = (uint32_t)(function->hash ^ function->hash >> 32);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&functions->by_hash, hash, &cursor, &position)) {
        if (is_same(function, ms_chunks_at(&functions->list, position))) {
            free(function->name);
            return position + 1;
        }
    }
    struct ms_call_function *added = ms_chunks_add(&functions->list);
    if (added == NULL ||
        ms_index_add(&functions->by_hash, hash, (uint32_t)functions->list.count - 1) != 0) {
        free(function->name);
        if (added != NULL) {
            ms_chunks_drop_last(&functions->list);
        }
        return 0;
    }
    *added = *function;
    return (uint32_t)functions->list.count;
}

int ms_call_functions_open(struct ms_call_functions *functions)
{
    *functions = (struct ms_call_functions){
        .list = {.element_bytes = sizeof(struct ms_call_function)},
        .modules = {.element_bytes = sizeof(struct module)},
        .version = 1,
    };
    for (unsigned i = 1; i <= MS_CALL_WORDS; i++) {
        struct ms_call_function function = {.function = words[i], .module = ""};
        if (intern(functions, &function) == 0) {
            ms_call_functions_close(functions);
            return -ENOMEM;
        }
    }
    return 0;
}

void ms_call_functions_close(struct ms_call_functions *functions)
{
    for (size_t i = 0; i < functions->list.count; i++) {
        free(((struct ms_call_function *)ms_chunks_at(&functions->list, i))->name);
    }
    ms_chunks_free(&functions->list);
    ms_index_free(&functions->by_hash);
    ms_chunks_free(&functions->modules);
    ms_index_free(&functions->module_by_path);
    free(functions->of_frame);
    functions->of_frame = NULL;
    functions->frames = 0;
}

void ms_call_functions_renew(struct ms_call_functions *functions)
{
    functions->version++;
    /* Most of so many are of processes that were merged since. */
    if (functions->modules.count > MODULES_MAX) {
        ms_chunks_free(&functions->modules);
        ms_index_free(&functions->module_by_path);
    }
}

static uint64_t offset_of(const struct ms_frame *frame)
{
    return frame->function[0] != '\0' ? 0
           : frame->module[0] != '\0' ? frame->file_offset
                                      : frame->address;
}

static uint32_t intern_frame(struct ms_call_functions *functions, const struct ms_frame *frame)
{
    struct ms_call_function function = {
        .function = frame->function,
        .module = frame->module,
        .offset = offset_of(frame),
        .frame = frame,
        .wrapper = ms_frame_is_wrapper(frame),
    };
    if (frame->function[0] == '\0') {
        char name[512];
        function.name = strdup(ms_format_frame(name, sizeof(name), frame));
        if (function.name == NULL) {
            return 0;
        }
    }
    return intern(functions, &function);
}

static int make_room(struct ms_call_functions *functions, uint32_t number)
{
    size_t room = functions->frames != 0 ? functions->frames * 2 : 1024;
    room = room > number ? room : (size_t)number + 1;
    struct ms_call_frame_function *grown =
        reallocarray(functions->of_frame, room, sizeof(*functions->of_frame));
    if (grown == NULL) {
        return -ENOMEM;
    }
    memset(grown + functions->frames, 0, (room - functions->frames) * sizeof(*grown));
    functions->of_frame = grown;
    functions->frames = room;
    return 0;
}

uint32_t ms_call_function_of(struct ms_call_functions *functions, const struct ms_frame *frame)
{
    if (frame->number >= functions->frames && make_room(functions, frame->number) != 0) {
        return 0;
    }
    struct ms_call_frame_function *known = &functions->of_frame[frame->number];
    if (known->version != functions->version) {
        const struct ms_call_function *function =
            known->function != 0 ? ms_call_function_at(functions, known->function) : NULL;
        if (function == NULL || function->function != frame->function ||
            function->module != frame->module || function->offset != offset_of(frame)) {
            known->function = intern_frame(functions, frame);
        }
        known->version = known->function != 0 ? functions->version : 0;
    }
    return known->function;
}

static bool module_is_library(struct ms_call_functions *functions, const char *path,
                              const struct ms_process *process)
{
    const uint32_t process_id = process != NULL ? process->id : 0;
    const uint32_t hash = ms_hash_pair((uint32_t)((uintptr_t)path >> 4), process_id);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&functions->module_by_path, hash, &cursor, &position)) {
        const struct module *module = ms_chunks_at(&functions->modules, position);
        if (module->path == path && module->process_id == process_id) {
            return module->library;
        }
    }
    const bool library = ms_module_is_library(path, process);
    struct module *added = ms_chunks_add(&functions->modules);
    if (added != NULL) {
        *added = (struct module){path, process_id, library};
        if (ms_index_add(&functions->module_by_path, hash,
                         (uint32_t)functions->modules.count - 1) != 0) {
            ms_chunks_drop_last(&functions->modules);
        }
    }
    return library;
}

bool ms_call_is_library(struct ms_call_functions *functions, const struct ms_frame *frame,
                        const struct ms_process *process)
{
    return module_is_library(functions, frame->module, process) ||
           ms_function_is_library(frame->function, frame->crate);
}

uint32_t ms_call_function_folded(struct ms_call_functions *functions, const struct ms_frame *frame,
                                 const struct ms_process *process)
{
    const bool of_module = module_is_library(functions, frame->module, process);
    const char *slash = strrchr(frame->module, '/');
    struct ms_call_function function = {
        .function = of_module ? "" : "std", /* compiled into the program */
        .module = of_module ? frame->module : "",
        .frame = frame,
        .folded = true,
    };
    if (asprintf(&function.name, "[%s]",
                 !of_module      ? "std"
                 : slash != NULL ? slash + 1
                                 : frame->module) < 0) {
        return 0;
    }
    return intern(functions, &function);
}

const char *ms_call_function_name(const struct ms_call_function *function)
{
    return function->name != NULL ? function->name : function->function;
}
