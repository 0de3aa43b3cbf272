/* See unwind_spaces.h. */
#include "collect/unwind_spaces.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAPPINGS_MAX 65536u
#define VDSO_BYTES   4096u

static bool make_room(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
    void **of = array;
    if (count < *capacity) {
        return true;
    }
    const size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
    void *grown = reallocarray(*of, wanted, element_bytes);
    if (grown == NULL) {
        return false;
    }
    *of = grown;
    *capacity = wanted;
    return true;
}

struct ms_unwind_space *ms_unwind_space_of(const struct ms_unwinder *unwinder, pid_t pid)
{
    for (size_t i = unwinder->space_count; i-- > 0;) {
        if (unwinder->spaces[i]->pid == pid) {
            return unwinder->spaces[i];
        }
    }
    return NULL;
}

/* As the process sees the file, if it is there still and the file is the one that was mapped. */
static int open_file(pid_t pid, const char *path, uint64_t inode)
{
    char within[PATH_MAX + 32];
    struct stat status;
    (void)snprintf(within, sizeof within, "/proc/%d/root%s", (int)pid, path);
    for (int i = 0; i < 2; i++) {
        const int descriptor = open(i == 0 ? within : path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (descriptor < 0) {
            continue;
        }
        if (inode == 0 || (fstat(descriptor, &status) == 0 && status.st_ino == inode)) {
            return descriptor;
        }
        close(descriptor);
    }
    return -1;
}

static void open_module(struct ms_unwind_module *module, pid_t pid)
{
    if (strcmp(module->info.path, "[vdso]") == 0) {
        const void *image = (const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
        if (image != NULL) {
            (void)ms_unwind_file_open_image(&module->file, image, VDSO_BYTES);
        }
    } else if (module->info.path[0] == '/') {
        const int descriptor = open_file(pid, module->info.path, module->inode);
        if (descriptor >= 0) {
            (void)ms_unwind_file_open(&module->file, descriptor);
            close(descriptor);
        }
    }
    module->info.build_id_bytes = module->file.build_id_bytes;
    memcpy(module->info.build_id, module->file.build_id, sizeof module->info.build_id);
}

/* Number of the module, made when it is new; 0 without memory. */
static uint32_t module_of(struct ms_unwinder *unwinder, pid_t pid, const char *path, uint64_t inode)
{
    for (size_t i = 0; i < unwinder->module_count; i++) {
        const struct ms_unwind_module *module = unwinder->modules[i];
        if (module->inode == inode && strcmp(module->info.path, path) == 0) {
            return (uint32_t)i + 1;
        }
    }
    struct ms_unwind_module *module = calloc(1, sizeof *module);
    char *copy = strdup(path);
    if (module == NULL || copy == NULL ||
        !make_room((void *)&unwinder->modules, unwinder->module_count, &unwinder->module_capacity,
                   sizeof(*unwinder->modules))) {
        free(module);
        free(copy);
        return 0;
    }
    module->info.path = copy;
    module->inode = inode;
    open_module(module, pid);
    unwinder->modules[unwinder->module_count++] = module;
    return (uint32_t)unwinder->module_count;
}

void ms_unwind_space_forget_rules(struct ms_unwind_space *space)
{
    if (space->unwind != NULL) {
        unw_destroy_addr_space(space->unwind);
        space->unwind = NULL;
    }
}

/* What was mapped there before is gone. */
static void cut_out(struct ms_unwind_space *space, uint64_t start, uint64_t end)
{
    size_t kept = 0;
    for (size_t i = 0; i < space->count; i++) {
        const struct ms_unwind_mapping *mapping = &space->mappings[i];
        if (mapping->end <= start || mapping->start >= end) {
            space->mappings[kept++] = *mapping;
        }
    }
    if (kept != space->count) {
        ms_unwind_space_forget_rules(space);
    }
    space->count = kept;
}

/* Memory that is of no file has no name in /proc, but this one in records of perf. */
static bool is_module(const char *path)
{
    return (path[0] == '/' && strcmp(path, "//anon") != 0) || strcmp(path, "[vdso]") == 0;
}

static void map(struct ms_unwinder *unwinder, struct ms_unwind_space *space, uint64_t start,
                uint64_t bytes, uint64_t file_offset, uint64_t inode, const char *path)
{
    const uint64_t end = start + bytes;
    cut_out(space, start, end);
    if (end <= start || space->count == MAPPINGS_MAX || !is_module(path) ||
        !make_room((void *)&space->mappings, space->count, &space->capacity,
                   sizeof(*space->mappings))) {
        return;
    }
    const uint32_t number = module_of(unwinder, space->pid, path, inode);
    uint64_t address = 0;
    if (number == 0) {
        return;
    }
    const struct ms_unwind_module *module = unwinder->modules[number - 1];
    if (!ms_unwind_file_address(&module->file, file_offset, &address)) {
        address = file_offset;
    }
    size_t position = space->count;
    while (position > 0 && space->mappings[position - 1].start > start) {
        space->mappings[position] = space->mappings[position - 1];
        position--;
    }
    space->mappings[position] = (struct ms_unwind_mapping){
        .start = start, .end = end, .bias = start - address, .module = number};
    space->count++;
}

static void read_maps(struct ms_unwinder *unwinder, struct ms_unwind_space *space)
{
    char name[64];
    char line[PATH_MAX + 256];
    (void)snprintf(name, sizeof name, "/proc/%d/maps", (int)space->pid);
    FILE *maps = fopen(name, "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        uint64_t start;
        uint64_t end;
        uint64_t offset;
        uint64_t inode;
        char rights[8];
        int at = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %" SCNu64 " %n", &start, &end,
                   rights, &offset, &inode, &at) >= 5 &&
            at > 0 && strchr(rights, 'x') != NULL) {
            map(unwinder, space, start, end - start, offset, inode, line + at);
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
}

static struct ms_unwind_space *add_space(struct ms_unwinder *unwinder, pid_t pid)
{
    struct ms_unwind_space *space = calloc(1, sizeof *space);
    if (space == NULL || !make_room((void *)&unwinder->spaces, unwinder->space_count,
                                    &unwinder->space_capacity, sizeof(*unwinder->spaces))) {
        free(space);
        return NULL;
    }
    space->pid = pid;
    unwinder->spaces[unwinder->space_count++] = space;
    return space;
}

static void free_space(struct ms_unwind_space *space)
{
    ms_unwind_space_forget_rules(space);
    free(space->mappings);
    free(space);
}

struct ms_unwinder *ms_unwinder_new(void)
{
    return calloc(1, sizeof(struct ms_unwinder));
}

void ms_unwinder_free(struct ms_unwinder *unwinder)
{
    if (unwinder == NULL) {
        return;
    }
    for (size_t i = 0; i < unwinder->space_count; i++) {
        free_space(unwinder->spaces[i]);
    }
    free(unwinder->spaces);
    for (size_t i = 0; i < unwinder->module_count; i++) {
        ms_unwind_file_close(&unwinder->modules[i]->file);
        free((char *)(uintptr_t)unwinder->modules[i]->info.path);
        free(unwinder->modules[i]);
    }
    free(unwinder->modules);
    free(unwinder);
}

bool ms_unwinder_knows(const struct ms_unwinder *unwinder, pid_t pid)
{
    return ms_unwind_space_of(unwinder, pid) != NULL;
}

void ms_unwinder_add(struct ms_unwinder *unwinder, pid_t pid)
{
    struct ms_unwind_space *space = ms_unwind_space_of(unwinder, pid);
    space = space != NULL ? space : add_space(unwinder, pid);
    if (space != NULL) {
        read_maps(unwinder, space);
    }
}

void ms_unwinder_fork(struct ms_unwinder *unwinder, pid_t parent, pid_t child)
{
    ms_unwinder_end(unwinder, child); /* a pid that is used again */
    struct ms_unwind_space *space = add_space(unwinder, child);
    const struct ms_unwind_space *from = ms_unwind_space_of(unwinder, parent);
    if (space == NULL || from == NULL || from->count == 0) {
        return;
    }
    space->mappings = calloc(from->count, sizeof(*space->mappings));
    if (space->mappings != NULL) {
        memcpy(space->mappings, from->mappings, from->count * sizeof(*space->mappings));
        space->count = space->capacity = from->count;
    }
}

void ms_unwinder_exec(struct ms_unwinder *unwinder, pid_t pid)
{
    struct ms_unwind_space *space = ms_unwind_space_of(unwinder, pid);
    if (space != NULL) {
        ms_unwind_space_forget_rules(space);
        space->count = 0;
    }
}

void ms_unwinder_end(struct ms_unwinder *unwinder, pid_t pid)
{
    for (size_t i = 0; i < unwinder->space_count; i++) {
        if (unwinder->spaces[i]->pid == pid) {
            free_space(unwinder->spaces[i]);
            unwinder->spaces[i] = unwinder->spaces[--unwinder->space_count];
            return;
        }
    }
}

void ms_unwinder_map(struct ms_unwinder *unwinder, pid_t pid, uint64_t start, uint64_t bytes,
                     uint64_t file_offset, uint64_t inode, const char *path)
{
    struct ms_unwind_space *space = ms_unwind_space_of(unwinder, pid);
    if (space != NULL) {
        map(unwinder, space, start, bytes, file_offset, inode, path);
    }
}

const struct ms_unwind_module_info *ms_unwinder_module(const struct ms_unwinder *unwinder,
                                                       uint32_t number)
{
    return number == 0 || number > unwinder->module_count ? NULL
                                                          : &unwinder->modules[number - 1]->info;
}

const struct ms_unwind_mapping *ms_unwind_mapping_before(const struct ms_unwind_space *space,
                                                         uint64_t address)
{
    size_t low = 0;
    size_t high = space->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (space->mappings[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &space->mappings[low - 1] : NULL;
}

const struct ms_unwind_mapping *ms_unwind_code_at(const struct ms_unwind_space *space,
                                                  uint64_t address)
{
    const struct ms_unwind_mapping *mapping = ms_unwind_mapping_before(space, address);
    return mapping != NULL && address < mapping->end ? mapping : NULL;
}
