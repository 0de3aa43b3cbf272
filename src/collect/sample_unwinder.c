/* See sample_unwinder.h. The stepping is libunwind's, over accessors that reach nothing but the
 * copies; every access is counted, so that no rule can keep it busy for ever. */
#include "collect/sample_unwinder.h"

#include <libunwind.h>
#include <string.h>

#include "collect/unwind_spaces.h"

#define ACCESSES_MAX 200000u /* of memory, for one stack */
#define CACHED_MAX   64u     /* address spaces with rules in a cache */
#define CACHE_LOG    9u      /* of the entries in each */

/* libunwind exports it under this name for tools that read unwind tables of other processes. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
                                              unw_dyn_info_t *di, unw_proc_info_t *pi,
                                              int need_unwind_info, void *arg);

struct walk {
    struct ms_unwinder *unwinder;
    struct ms_unwind_space *space;
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

/* Rules may lie in segments before or behind the code: those of one file have one bias. */
static bool read_from_files(const struct walk *walk, uint64_t address, unw_word_t *value)
{
    const struct ms_unwind_mapping *mapping = ms_unwind_mapping_before(walk->space, address);
    const struct ms_unwind_mapping *end = walk->space->mappings + walk->space->count;
    const struct ms_unwind_mapping *candidates[2] = {mapping, mapping == NULL
                                                                  ? walk->space->mappings
                                                              : mapping + 1 < end ? mapping + 1
                                                                                  : NULL};
    for (int i = 0; i < 2 && walk->space->count > 0; i++) {
        const struct ms_unwind_mapping *at = candidates[i];
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
    const struct ms_unwind_mapping *mapping = ms_unwind_code_at(walk->space, address);
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
    struct ms_unwind_space *oldest = NULL;
    size_t with_rules = 0;
    for (size_t i = 0; i < unwinder->space_count; i++) {
        struct ms_unwind_space *space = unwinder->spaces[i];
        with_rules += space->unwind != NULL;
        if (space->unwind != NULL && (oldest == NULL || space->used < oldest->used)) {
            oldest = space;
        }
    }
    if (with_rules >= CACHED_MAX) {
        ms_unwind_space_forget_rules(oldest);
    }
}

static bool begin(struct ms_unwinder *unwinder, struct ms_unwind_space *space)
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
static void take_frame(const struct ms_unwind_space *space, struct ms_unwound *frame,
                       uint64_t address, bool exact)
{
    const uint64_t looked_up = exact ? address : address - 1;
    const struct ms_unwind_mapping *mapping =
        space != NULL ? ms_unwind_code_at(space, looked_up) : NULL;
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
    struct ms_unwind_space *space = ms_unwind_space_of(unwinder, input->pid);
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
