/*
 * See symbol_file.h. libdwfl finds the separate debug file; the tables to search are our own: its
 * search for a function name is linear, and compilers may leave .debug_aranges out.
 */
#include "collect/symbol_file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SYMBOLS_AT_MOST = 4 << 20,
    RANGES_AT_MOST = 4 << 20,
    UNITS_AT_MOST = 1 << 20,
    RANGES_PER_UNIT = 100000,
    SCOPES_AT_MOST = 256
};

struct symbol {
    uint64_t start;
    uint64_t end; /* exclusive */
    const char *name;
};

struct unit_range {
    uint64_t start;
    uint64_t end;
    Dwarf_Off unit; /* of its DIE */
};

struct ms_symbol_file {
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwarf_Addr bias; /* of the module in the Dwfl's own address space */
    struct symbol *symbols;
    size_t symbol_count;
    bool symbols_read;
    Dwarf *dwarf;
    Dwarf_Addr dwarf_bias;
    struct unit_range *ranges;
    size_t range_count, range_capacity;
    bool dwarf_read;
};

static char *debuginfo_path; /* libdwfl's default: next to the file, .debug/, /usr/lib/debug */

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debuginfo_path,
};

/* O_PATH opens nothing: the kind of file is known before a device or FIFO could act on it. */
static int open_regular(const char *path)
{
    int place = open(path, O_PATH | O_CLOEXEC);
    if (place < 0) {
        return -1;
    }
    struct stat status;
    int descriptor = -1;
    if (fstat(place, &status) == 0 && S_ISREG(status.st_mode)) {
        char link[40];
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", place);
        descriptor = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    }
    close(place);
    return descriptor;
}

static bool has_build_id(Dwfl_Module *module, const uint8_t *build_id, size_t bytes)
{
    const unsigned char *bits;
    GElf_Addr address;
    int found = dwfl_module_build_id(module, &bits, &address);
    return found > 0 && (size_t)found == bytes && memcmp(bits, build_id, bytes) == 0;
}

struct ms_symbol_file *ms_symbol_file_open(const char *path, const uint8_t *build_id,
                                           size_t build_id_bytes)
{
    struct ms_symbol_file *file = calloc(1, sizeof *file);
    int descriptor = file == NULL ? -1 : open_regular(path);
    if (descriptor < 0) {
        free(file);
        return NULL;
    }
    file->dwfl = dwfl_begin(&callbacks);
    if (file->dwfl != NULL) {
        file->module = dwfl_report_offline(file->dwfl, "", path, descriptor);
    }
    if (file->module == NULL) {
        close(descriptor); /* libdwfl takes it only on success */
        ms_symbol_file_close(file);
        return NULL;
    }
    (void)dwfl_report_end(file->dwfl, NULL, NULL);
    if (dwfl_module_getelf(file->module, &file->bias) == NULL ||
        (build_id_bytes > 0 && !has_build_id(file->module, build_id, build_id_bytes))) {
        ms_symbol_file_close(file);
        return NULL;
    }
    return file;
}

void ms_symbol_file_close(struct ms_symbol_file *file)
{
    if (file == NULL) {
        return;
    }
    free(file->symbols);
    free(file->ranges);
    if (file->dwfl != NULL) {
        dwfl_end(file->dwfl);
    }
    free(file);
}

static int compare_symbols(const void *left, const void *right)
{
    const struct symbol *a = left;
    const struct symbol *b = right;
    return a->start != b->start ? (a->start > b->start) - (a->start < b->start)
                                : (a->end > b->end) - (a->end < b->end);
}

static void read_symbols(struct ms_symbol_file *file)
{
    file->symbols_read = true;
    int total = dwfl_module_getsymtab(file->module);
    if (total <= 0) {
        return;
    }
    size_t count = total > SYMBOLS_AT_MOST ? SYMBOLS_AT_MOST : (size_t)total;
    file->symbols = calloc(count, sizeof *file->symbols);
    if (file->symbols == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Sym entry;
        GElf_Addr start;
        GElf_Word section;
        const char *name =
            dwfl_module_getsym_info(file->module, (int)i, &entry, &start, &section, NULL, NULL);
        int kind = GELF_ST_TYPE(entry.st_info);
        if (name == NULL || name[0] == '\0' || section == SHN_UNDEF ||
            (kind != STT_FUNC && kind != STT_GNU_IFUNC && kind != STT_NOTYPE)) {
            continue;
        }
        if (kind == STT_NOTYPE && (entry.st_size == 0 || name[0] == '$')) {
            continue; /* mapping symbols and markers are no functions */
        }
        file->symbols[file->symbol_count++] = (struct symbol){
            .start = start - file->bias, .end = start - file->bias + entry.st_size, .name = name};
    }
    qsort(file->symbols, file->symbol_count, sizeof *file->symbols, compare_symbols);
    /* Hand-written assembly gives no size: such a symbol reaches to the next one. */
    for (size_t i = 0; i + 1 < file->symbol_count; i++) {
        if (file->symbols[i].end == file->symbols[i].start) {
            file->symbols[i].end = file->symbols[i + 1].start;
        }
    }
}

static const char *find_symbol(struct ms_symbol_file *file, uint64_t address)
{
    if (!file->symbols_read) {
        read_symbols(file);
    }
    size_t low = 0;
    size_t high = file->symbol_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->symbols[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    /* The nearest start that contains it; aliases and nested ones lie within a few steps. */
    for (size_t step = 0; step < 8 && low > 0; step++) {
        low--;
        if (address < file->symbols[low].end) {
            return file->symbols[low].name;
        }
    }
    return "";
}

static bool add_range(struct ms_symbol_file *file, uint64_t start, uint64_t end, Dwarf_Off unit)
{
    if (file->range_count == file->range_capacity) {
        size_t capacity = file->range_capacity == 0 ? 256 : file->range_capacity * 2;
        struct unit_range *grown =
            capacity > RANGES_AT_MOST ? NULL : realloc(file->ranges, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        file->ranges = grown;
        file->range_capacity = capacity;
    }
    file->ranges[file->range_count++] = (struct unit_range){start, end, unit};
    return true;
}

static int compare_ranges(const void *left, const void *right)
{
    const struct unit_range *a = left;
    const struct unit_range *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

static void read_units(struct ms_symbol_file *file)
{
    file->dwarf_read = true;
    file->dwarf = dwfl_module_getdwarf(file->module, &file->dwarf_bias);
    if (file->dwarf == NULL) {
        return;
    }
    Dwarf_Off offset = 0;
    Dwarf_Off next;
    size_t header_bytes;
    for (size_t units = 0;
         units < UNITS_AT_MOST &&
         dwarf_nextcu(file->dwarf, offset, &next, &header_bytes, NULL, NULL, NULL) == 0;
         units++, offset = next) {
        Dwarf_Die die;
        if (dwarf_offdie(file->dwarf, offset + header_bytes, &die) == NULL) {
            continue;
        }
        Dwarf_Addr base;
        Dwarf_Addr start;
        Dwarf_Addr end;
        ptrdiff_t cursor = 0;
        for (int i = 0;
             i < RANGES_PER_UNIT && (cursor = dwarf_ranges(&die, cursor, &base, &start, &end)) > 0;
             i++) {
            if (start < end && !add_range(file, start, end, dwarf_dieoffset(&die))) {
                break;
            }
        }
    }
    qsort(file->ranges, file->range_count, sizeof *file->ranges, compare_ranges);
}

/* `address` is as in the DWARF. */
static bool find_unit(struct ms_symbol_file *file, uint64_t address, Dwarf_Die *unit)
{
    size_t low = 0;
    size_t high = file->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->ranges[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t step = 0; step < 16 && low > 0; step++) {
        low--;
        if (address < file->ranges[low].end) {
            return dwarf_offdie(file->dwarf, file->ranges[low].unit, unit) != NULL;
        }
    }
    return false;
}

static const char *string_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    const char *text = NULL;
    if (dwarf_attr_integrate(die, name, &attribute) != NULL) {
        text = dwarf_formstring(&attribute);
    }
    return text;
}

static const char *function_of(Dwarf_Die *die)
{
    const char *name = string_of(die, DW_AT_linkage_name);
    if (name == NULL) {
        name = string_of(die, DW_AT_MIPS_linkage_name);
    }
    if (name == NULL) {
        name = string_of(die, DW_AT_name);
    }
    return name == NULL ? "" : name;
}

/* Where an inlined body was called from. */
static void call_place(Dwarf_Die *unit, Dwarf_Die *inlined, struct ms_symbol_place *place)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    Dwarf_Files *files;
    size_t count;
    place->source = "";
    place->line = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0 &&
        number <= UINT32_MAX) {
        place->line = (uint32_t)number;
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && number < count) {
        const char *source = dwarf_filesrc(files, number, NULL, NULL);
        place->source = source == NULL ? "" : source;
    }
}

/*
 * Walks from the innermost scope outwards. dwarf_getscopes stops at the first inlined body and goes
 * on in its abstract origin; asking again by DIE gives the nesting in the code itself.
 */
static size_t walk_scopes(Dwarf_Die *unit, uint64_t address, struct ms_symbol_place here,
                          struct ms_symbol_place *out, size_t capacity)
{
    Dwarf_Die *scopes = NULL;
    Dwarf_Die *nest = NULL;
    size_t count = 0;
    int found = dwarf_getscopes(unit, address, &scopes);
    int depth = found > 0 ? dwarf_getscopes_die(&scopes[0], &nest) : 0;
    for (int i = 0; i < depth && i < SCOPES_AT_MOST; i++) {
        int tag = dwarf_tag(&nest[i]);
        bool inlined = tag == DW_TAG_inlined_subroutine;
        if (!inlined && tag != DW_TAG_subprogram && tag != DW_TAG_entry_point) {
            continue;
        }
        here.function = function_of(&nest[i]);
        /* Deeper than there is room: the outermost, the function itself, keeps the last place. */
        out[count < capacity ? count : capacity - 1] = here;
        count += count < capacity;
        if (!inlined) {
            break;
        }
        call_place(unit, &nest[i], &here);
    }
    free(nest);
    free(scopes);
    return count;
}

size_t ms_symbol_file_find(struct ms_symbol_file *file, uint64_t address,
                           struct ms_symbol_place *out, size_t capacity)
{
    if (!file->dwarf_read) {
        read_units(file);
    }
    struct ms_symbol_place here = {.function = "", .source = "", .folder = "", .line = 0};
    Dwarf_Die unit;
    uint64_t dwarf_address = address + file->bias - file->dwarf_bias;
    size_t count = 0;
    if (capacity > 0 && find_unit(file, dwarf_address, &unit)) {
        const char *folder = string_of(&unit, DW_AT_comp_dir);
        here.folder = folder == NULL ? "" : folder;
        Dwarf_Line *line = dwarf_getsrc_die(&unit, dwarf_address);
        int number;
        if (line != NULL) {
            const char *source = dwarf_linesrc(line, NULL, NULL);
            here.source = source == NULL ? "" : source;
            here.line = dwarf_lineno(line, &number) == 0 && number > 0 ? (uint32_t)number : 0;
        }
        count = walk_scopes(&unit, dwarf_address, here, out, capacity);
    }
    if (count == 0 && capacity > 0) {
        here.function = find_symbol(file, address);
        out[0] = here;
        count = here.function[0] != '\0' || here.line != 0;
    } else if (count > 0 && out[count - 1].function[0] == '\0') {
        out[count - 1].function = find_symbol(file, address);
    }
    return count;
}
