/* See sample_unwinder.h. The stepping is libunwind's, over accessors that reach nothing but the
 * copies; every access is counted, so that no rule can keep it busy for ever. */
#include "collect/sample_unwinder.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libunwind.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/unwind_file.h"

#define ACCESSES_MAX 200000u /* of memory, for one stack */
#define CACHED_MAX   64u     /* address spaces with rules in a cache */
#define CACHE_LOG    9u      /* of the entries in each */
#define MAPPINGS_MAX 65536u
#define VDSO_BYTES   4096u

/* libunwind exports it under this name for tools that read unwind tables of other processes. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
                                              unw_dyn_info_t *di, unw_proc_info_t *pi,
                                              int need_unwind_info, void *arg);

struct module {
    struct ms_unwind_module_info info;
    struct ms_unwind_file file; /* data NULL: no such file, or not an ELF file */
    uint64_t inode;
};

struct mapping {
    uint64_t start, end;
    uint64_t bias;
    uint32_t module;
};

struct space {
    pid_t pid;
    struct mapping *mappings; /* by start */
    size_t count, capacity;
    unw_addr_space_t unwind; /* NULL: not needed yet */
    uint64_t used;           /* when, to choose which is not needed any more */
};

struct ms_unwinder {
    struct module **modules; /* by number - 1 */
    size_t module_count, module_capacity;
    struct space **spaces;
    size_t space_count, space_capacity;
    uint64_t clock;
};

struct walk {
    struct ms_unwinder *unwinder;
    struct space *space;
    const struct ms_unwind_input *input;
    uint64_t stack_pointer;
    uint32_t accesses;
    bool past_stack, no_rules;
    bool in_rules; /* they are being read: of what they point to only the place matters */
};

#if defined(__x86_64__)
/* Bits of enum perf_event_x86_regs, by libunwind's number, which is DWARF's. */
static const uint8_t bit_of[17] = {0, 3, 2, 1, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 8};
enum { STACK_POINTER = UNW_X86_64_RSP, PROGRAM_COUNTER = UNW_X86_64_RIP, REGISTERS = 17 };
#elif defined(__aarch64__)
enum { STACK_POINTER = UNW_AARCH64_SP, PROGRAM_COUNTER = UNW_AARCH64_PC, REGISTERS = 33 };
#endif

static unsigned bit_of_register(unsigned number)
{
#if defined(__x86_64__)
    return bit_of[number];
#else
    return number; /* x0 to x30, sp, pc: as the kernel counts them */
#endif
}

uint64_t ms_unwinder_registers(void)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < REGISTERS; i++) {
        mask |= UINT64_C(1) << bit_of_register(i);
    }
    return mask;
}

static uint64_t register_of(const struct ms_unwind_input *input, unsigned number)
{
    const uint64_t below = (UINT64_C(1) << bit_of_register(number)) - 1;
    return input->registers[__builtin_popcountll(ms_unwinder_registers() & below)];
}

/* --- modules and address spaces --- */

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

static struct space *space_of(const struct ms_unwinder *unwinder, pid_t pid)
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

static void open_module(struct module *module, pid_t pid)
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
        const struct module *module = unwinder->modules[i];
        if (module->inode == inode && strcmp(module->info.path, path) == 0) {
            return (uint32_t)i + 1;
        }
    }
    struct module *module = calloc(1, sizeof *module);
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

static void forget_rules(struct space *space)
{
    if (space->unwind != NULL) {
        unw_destroy_addr_space(space->unwind);
        space->unwind = NULL;
    }
}

/* What was mapped there before is gone. */
static void cut_out(struct space *space, uint64_t start, uint64_t end)
{
    size_t kept = 0;
    for (size_t i = 0; i < space->count; i++) {
        const struct mapping *mapping = &space->mappings[i];
        if (mapping->end <= start || mapping->start >= end) {
            space->mappings[kept++] = *mapping;
        }
    }
    if (kept != space->count) {
        forget_rules(space);
    }
    space->count = kept;
}

/* Memory that is of no file has no name in /proc, but this one in records of perf. */
static bool is_module(const char *path)
{
    return (path[0] == '/' && strcmp(path, "//anon") != 0) || strcmp(path, "[vdso]") == 0;
}

static void map(struct ms_unwinder *unwinder, struct space *space, uint64_t start, uint64_t bytes,
                uint64_t file_offset, uint64_t inode, const char *path)
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
    const struct module *module = unwinder->modules[number - 1];
    if (!ms_unwind_file_address(&module->file, file_offset, &address)) {
        address = file_offset;
    }
    size_t position = space->count;
    while (position > 0 && space->mappings[position - 1].start > start) {
        space->mappings[position] = space->mappings[position - 1];
        position--;
    }
    space->mappings[position] =
        (struct mapping){.start = start, .end = end, .bias = start - address, .module = number};
    space->count++;
}

static void read_maps(struct ms_unwinder *unwinder, struct space *space)
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

static struct space *add_space(struct ms_unwinder *unwinder, pid_t pid)
{
    struct space *space = calloc(1, sizeof *space);
    if (space == NULL || !make_room((void *)&unwinder->spaces, unwinder->space_count,
                                    &unwinder->space_capacity, sizeof(*unwinder->spaces))) {
        free(space);
        return NULL;
    }
    space->pid = pid;
    unwinder->spaces[unwinder->space_count++] = space;
    return space;
}

static void free_space(struct space *space)
{
    forget_rules(space);
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
    return space_of(unwinder, pid) != NULL;
}

void ms_unwinder_add(struct ms_unwinder *unwinder, pid_t pid)
{
    struct space *space = space_of(unwinder, pid);
    space = space != NULL ? space : add_space(unwinder, pid);
    if (space != NULL) {
        read_maps(unwinder, space);
    }
}

void ms_unwinder_fork(struct ms_unwinder *unwinder, pid_t parent, pid_t child)
{
    ms_unwinder_end(unwinder, child); /* a pid that is used again */
    struct space *space = add_space(unwinder, child);
    const struct space *from = space_of(unwinder, parent);
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
    struct space *space = space_of(unwinder, pid);
    if (space != NULL) {
        forget_rules(space);
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
    struct space *space = space_of(unwinder, pid);
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

/* The mapping that begins last at or before an address. */
static const struct mapping *before(const struct space *space, uint64_t address)
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

/* The one with code at an address. */
static const struct mapping *code_at(const struct space *space, uint64_t address)
{
    const struct mapping *mapping = before(space, address);
    return mapping != NULL && address < mapping->end ? mapping : NULL;
}

/* --- what libunwind asks for --- */

/* Rules may lie in segments before or behind the code: those of one file have one bias. */
static bool read_from_files(const struct walk *walk, uint64_t address, unw_word_t *value)
{
    const struct mapping *mapping = before(walk->space, address);
    const struct mapping *end = walk->space->mappings + walk->space->count;
    const struct mapping *candidates[2] = {mapping, mapping == NULL     ? walk->space->mappings
                                                    : mapping + 1 < end ? mapping + 1
                                                                        : NULL};
    for (int i = 0; i < 2 && walk->space->count > 0; i++) {
        const struct mapping *at = candidates[i];
        if (at != NULL &&
            ms_unwind_file_read(&walk->unwinder->modules[at->module - 1]->file, address - at->bias,
                                walk->in_rules, value, sizeof *value)) {
            return true;
        }
    }
    return false;
}

static int access_memory(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write,
                         void *arg)
{
    struct walk *walk = arg;
    const struct ms_unwind_input *input = walk->input;
    (void)space;
    if (write != 0 || ++walk->accesses > ACCESSES_MAX) {
        return -UNW_EINVAL;
    }
    const uint64_t offset = address - walk->stack_pointer;
    if (address >= walk->stack_pointer && offset < input->stack_bytes &&
        input->stack_bytes - offset >= sizeof *value) {
        memcpy(value, input->stack + offset, sizeof *value);
        return 0;
    }
    if (read_from_files(walk, address, value)) {
        return 0;
    }
    walk->past_stack = true;
    return -UNW_EINVAL;
}

static int access_register(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value,
                           int write, void *arg)
{
    const struct walk *walk = arg;
    (void)space;
    if (write != 0 || number < 0 || number >= REGISTERS) {
        return -UNW_EBADREG;
    }
    *value = register_of(walk->input, (unsigned)number);
    return 0;
}

static int access_float(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
                        void *arg)
{
    (void)space, (void)number, (void)value, (void)write, (void)arg;
    return -UNW_EBADREG;
}

static int find_rules(unw_addr_space_t space, unw_word_t address, unw_proc_info_t *info,
                      int need_unwind_info, void *arg)
{
    struct walk *walk = arg;
    const struct mapping *mapping = code_at(walk->space, address);
    const struct ms_unwind_file *file =
        mapping != NULL ? &walk->unwinder->modules[mapping->module - 1]->file : NULL;
    int result = -UNW_ENOINFO;
    if (file != NULL && file->header != 0 && file->entries > 0) {
        unw_dyn_info_t table = {.start_ip = mapping->start,
                                .end_ip = mapping->end,
                                .format = UNW_INFO_FORMAT_REMOTE_TABLE};
        table.u.rti.segbase = file->header + mapping->bias;
        table.u.rti.table_data = file->table + mapping->bias;
        table.u.rti.table_len = file->entries * 8 / sizeof(unw_word_t);
        walk->in_rules = true;
        result =
            UNW_OBJ(dwarf_search_unwind_table)(space, address, &table, info, need_unwind_info, arg);
    }
    walk->in_rules = false;
    walk->no_rules = walk->no_rules || result != 0;
    return result;
}

static void put_rules(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
    (void)space, (void)info, (void)arg;
}

static int no_list(unw_addr_space_t space, unw_word_t *address, void *arg)
{
    (void)space, (void)address, (void)arg;
    return -UNW_ENOINFO;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
    (void)space, (void)cursor, (void)arg;
    return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t address, char *name, size_t size,
                   unw_word_t *offset, void *arg)
{
    (void)space, (void)address, (void)name, (void)size, (void)offset, (void)arg;
    return -UNW_EINVAL;
}

static unw_accessors_t accessors = {.find_proc_info = find_rules,
                                    .put_unwind_info = put_rules,
                                    .get_dyn_info_list_addr = no_list,
                                    .access_mem = access_memory,
                                    .access_reg = access_register,
                                    .access_fpreg = access_float,
                                    .resume = no_resume,
                                    .get_proc_name = no_name};

/* Few are in use at a time; those of a build that starts thousands of processes come and go. */
static void forget_oldest(struct ms_unwinder *unwinder)
{
    struct space *oldest = NULL;
    size_t with_rules = 0;
    for (size_t i = 0; i < unwinder->space_count; i++) {
        struct space *space = unwinder->spaces[i];
        with_rules += space->unwind != NULL;
        if (space->unwind != NULL && (oldest == NULL || space->used < oldest->used)) {
            oldest = space;
        }
    }
    if (with_rules >= CACHED_MAX) {
        forget_rules(oldest);
    }
}

static bool begin(struct ms_unwinder *unwinder, struct space *space)
{
    space->used = ++unwinder->clock;
    if (space->unwind != NULL) {
        return true;
    }
    forget_oldest(unwinder);
    space->unwind = unw_create_addr_space(&accessors, 0);
    if (space->unwind == NULL) {
        return false;
    }
    (void)unw_set_caching_policy(space->unwind, UNW_CACHE_GLOBAL);
    (void)unw_set_cache_size(space->unwind, (size_t)1 << CACHE_LOG, 0);
    return true;
}

/* `exact`: the address is of an instruction that was interrupted, not one behind a call. */
static void take_frame(const struct space *space, struct ms_unwound *frame, uint64_t address,
                       bool exact)
{
    const uint64_t looked_up = exact ? address : address - 1;
    const struct mapping *mapping = space != NULL ? code_at(space, looked_up) : NULL;
    *frame = (struct ms_unwound){.address = address};
    if (mapping != NULL) {
        frame->module = mapping->module;
        frame->file_offset = looked_up - mapping->bias;
    }
}

static enum ms_unwind_end why_cut(const struct walk *walk)
{
    return walk->no_rules || !walk->past_stack ? MS_UNWIND_CUT_NO_CFI : MS_UNWIND_CUT_DEPTH;
}

uint32_t ms_unwinder_walk(struct ms_unwinder *unwinder, const struct ms_unwind_input *input,
                          struct ms_unwound *frames, uint32_t capacity, enum ms_unwind_end *end)
{
    struct space *space = space_of(unwinder, input->pid);
    struct walk walk = {.unwinder = unwinder,
                        .space = space,
                        .input = input,
                        .stack_pointer = register_of(input, STACK_POINTER)};
    unw_cursor_t cursor;
    uint64_t address = register_of(input, PROGRAM_COUNTER);
    bool exact = true;
    uint32_t depth = 0;
    take_frame(space, &frames[depth++], address, true);
    *end = MS_UNWIND_CUT_NO_CFI;
    if (space == NULL || !begin(unwinder, space) ||
        unw_init_remote(&cursor, space->unwind, &walk) != 0) {
        return depth;
    }
    for (;;) {
        exact = unw_is_signal_frame(&cursor) > 0;
        walk.no_rules = walk.past_stack = false;
        const int result = unw_step(&cursor);
        /* Where rules are missing libunwind would follow the frame pointer: that is a guess. */
        if (result < 0 || walk.no_rules) {
            *end = why_cut(&walk);
            return depth;
        }
        unw_word_t next = 0;
        if (result == 0 || unw_get_reg(&cursor, UNW_REG_IP, &next) != 0 || next == 0) {
            *end = MS_UNWIND_WHOLE;
            return depth;
        }
        if (depth == capacity) {
            *end = MS_UNWIND_CUT_DEPTH;
            return depth;
        }
        address = next;
        take_frame(space, &frames[depth++], address, exact);
    }
}
