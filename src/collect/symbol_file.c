/*
 * See symbol_file.h. libdwfl joins a file and its debug file; the tables to search are our own: its
 * search for a function name is linear, and compilers may leave .debug_aranges out.
 */
#include "collect/symbol_file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/debug_file.h"
#include "collect/range_map.h"
#include "collect/symbol_table.h"
#include "collect/unit_scopes.h"

enum { UNITS_AT_MOST = 1 << 20, RANGES_PER_UNIT = 100000, SCOPES_AT_MOST = 256 };

struct unit {
    Dwarf_Off offset;              /* of its DIE */
    struct ms_unit_scopes *scopes; /* NULL: not asked for yet */
    bool walked;
};

struct ms_symbol_file {
    struct ms_symbol_wanted wanted;
    char *path;
    char real_path[PATH_MAX]; /* within its root */
    char own_path[PATH_MAX];  /* as libdw would open it again */
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwarf_Addr bias;            /* of the module in the Dwfl's own address space */
    bool has_symbols;           /* .symtab, not only .dynsym */
    bool has_packed_symbols;    /* .gnu_debugdata: a compressed .symtab without the exported ones */
    struct ms_symbol_table own; /* of the file itself */
    struct ms_symbol_table
        all;                   /* with those of the debug file, when the file itself was stripped */
    char debug_path[PATH_MAX]; /* "" none was found */
    bool searched;
    Dwarf *dwarf, *shared; /* shared: by dwz, ours to close */
    int shared_descriptor;
    Dwarf_Addr dwarf_bias;
    struct unit *units;
    size_t unit_count, unit_capacity;
    struct ms_range_map unit_ranges;
};

static const struct ms_file_root own_root;

static int find_debug_file(Dwfl_Module *module, void **user_data, const char *module_name,
                           Dwarf_Addr base, const char *file_name, const char *link,
                           GElf_Word checksum, char **debug_file_name)
{
    struct ms_symbol_file *file = *user_data;
    const unsigned char *bits = NULL;
    GElf_Addr address;
    int bytes = dwfl_module_build_id(module, &bits, &address);
    (void)module_name, (void)base, (void)file_name;
    const struct ms_debug_wanted wanted = {.root = file->wanted.root,
                                           .path = file->path,
                                           .real_path = file->real_path,
                                           .build_id = bits,
                                           .build_id_bytes = bytes > 0 ? (size_t)bytes : 0,
                                           .link = link,
                                           .link_checksum = checksum};
    int found = ms_debug_file_find(&wanted, file->debug_path, sizeof file->debug_path);
    if (found < 0) {
        file->debug_path[0] = '\0';
        if (file->wanted.fetch != NULL && bytes > 0) {
            found = file->wanted.fetch(bits, (size_t)bytes);
        }
    }
    if (found >= 0) {
        *debug_file_name = strdup(file->debug_path);
    }
    return found;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = find_debug_file,
    .section_address = dwfl_offline_section_address,
};

static bool has_build_id(Dwfl_Module *module, const uint8_t *build_id, size_t bytes)
{
    const unsigned char *bits;
    GElf_Addr address;
    int found = dwfl_module_build_id(module, &bits, &address);
    return found > 0 && (size_t)found == bytes && memcmp(bits, build_id, bytes) == 0;
}

/* Takes over the descriptor. */
static enum ms_module_why open_module(struct ms_symbol_file *file, int descriptor, Elf **elf)
{
    void **user_data;
    char magic[SELFMAG];
    /* libdwfl would unpack compressed kernels and archives, too: gigabytes from a small file. */
    bool is_elf =
        pread(descriptor, magic, SELFMAG, 0) == SELFMAG && memcmp(magic, ELFMAG, SELFMAG) == 0;
    file->dwfl = is_elf ? dwfl_begin(&callbacks) : NULL;
    if (file->dwfl != NULL) {
        file->module = dwfl_report_offline(file->dwfl, "", file->path, descriptor);
    }
    if (file->module == NULL) {
        close(descriptor); /* libdwfl takes it only on success */
        return MS_WHY_NO_ELF;
    }
    (void)dwfl_report_end(file->dwfl, NULL, NULL);
    (void)dwfl_module_info(file->module, &user_data, NULL, NULL, NULL, NULL, NULL, NULL);
    *user_data = file;
    *elf = dwfl_module_getelf(file->module, &file->bias);
    if (*elf == NULL) {
        return MS_WHY_NO_ELF;
    }
    return file->wanted.build_id_bytes > 0 &&
                   !has_build_id(file->module, file->wanted.build_id, file->wanted.build_id_bytes)
               ? MS_WHY_REPLACED
               : MS_WHY_NO_DEBUG;
}

/* `name` NULL: any of that type. */
static bool has_section(Elf *elf, GElf_Word type, const char *name)
{
    Elf_Scn *section = NULL;
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0) {
        return false;
    }
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL || header.sh_type != type) {
            continue;
        }
        const char *its = elf_strptr(elf, names, header.sh_name);
        if (name == NULL || (its != NULL && strcmp(its, name) == 0)) {
            return true;
        }
    }
    return false;
}

struct ms_symbol_file *ms_symbol_file_open(const struct ms_symbol_wanted *wanted,
                                           enum ms_module_why *why)
{
    struct ms_symbol_file *file = calloc(1, sizeof *file);
    *why = MS_WHY_MISSING;
    if (file == NULL) {
        return NULL;
    }
    Elf *elf = NULL;
    file->wanted = *wanted;
    file->shared_descriptor = -1;
    file->path = strdup(wanted->path);
    int descriptor = file->path == NULL ? -1 : ms_file_root_open(wanted->root, wanted->path);
    if (descriptor >= 0) {
        ms_file_root_name(wanted->root, descriptor, file->real_path, sizeof file->real_path);
        ms_file_root_name(&own_root, descriptor, file->own_path, sizeof file->own_path);
        *why = open_module(file, descriptor, &elf);
    }
    if (*why != MS_WHY_NO_DEBUG) {
        ms_symbol_file_close(file);
        return NULL;
    }
    file->wanted.build_id = NULL; /* the caller's, checked by now */
    file->has_symbols = has_section(elf, SHT_SYMTAB, NULL);
    file->has_packed_symbols = has_section(elf, SHT_PROGBITS, ".gnu_debugdata");
    return file;
}

void ms_symbol_file_close(struct ms_symbol_file *file)
{
    if (file == NULL) {
        return;
    }
    ms_symbol_table_free(&file->own);
    ms_symbol_table_free(&file->all);
    for (size_t i = 0; i < file->unit_count; i++) {
        ms_unit_scopes_free(file->units[i].scopes);
    }
    free(file->units);
    ms_range_map_free(&file->unit_ranges);
    if (file->dwfl != NULL) {
        dwfl_end(file->dwfl);
    }
    if (file->shared != NULL) {
        dwarf_end(file->shared);
    }
    if (file->shared_descriptor >= 0) {
        close(file->shared_descriptor);
    }
    free(file->path);
    free(file);
}

/* --- symbol tables --- */

static void read_section(struct ms_symbol_file *file, Elf *elf, Elf_Scn *section,
                         const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize == 0 ? 0 : header->sh_size / header->sh_entsize;
    for (size_t i = 1; data != NULL && i < count && i < MS_SYMBOL_TABLE_MAX; i++) {
        GElf_Sym entry;
        if (gelf_getsym(data, (int)i, &entry) == NULL) {
            break;
        }
        ms_symbol_table_add(&file->own, &entry, entry.st_value,
                            elf_strptr(elf, header->sh_link, entry.st_name));
    }
}

static void read_own_symbols(struct ms_symbol_file *file)
{
    Dwarf_Addr bias;
    Elf *elf = dwfl_module_getelf(file->module, &bias);
    Elf_Scn *section = NULL;
    file->own.read = true;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) != NULL &&
            header.sh_type == (file->has_symbols ? SHT_SYMTAB : SHT_DYNSYM)) {
            read_section(file, elf, section, &header);
        }
    }
    ms_symbol_table_settle(&file->own, file->has_symbols);
}

/* Those of the debug file, or of a small table that is packed into .gnu_debugdata. */
static void read_all_symbols(struct ms_symbol_file *file)
{
    file->all.read = true;
    int count = dwfl_module_getsymtab(file->module);
    for (int i = 1; i < count && i < MS_SYMBOL_TABLE_MAX; i++) {
        GElf_Sym entry;
        GElf_Addr start;
        GElf_Word section;
        const char *name =
            dwfl_module_getsym_info(file->module, i, &entry, &start, &section, NULL, NULL);
        if (section != SHN_UNDEF) {
            ms_symbol_table_add(&file->all, &entry, start - file->bias, name);
        }
    }
    ms_symbol_table_settle(&file->all, false);
}

const char *ms_symbol_file_symbol(struct ms_symbol_file *file, uint64_t address)
{
    const struct ms_symbol_table *table = file->all.read ? &file->all : &file->own;
    if (!table->read) {
        read_own_symbols(file);
    }
    return ms_symbol_table_find(table, address);
}

/* --- DWARF --- */

static void add_unit(struct ms_symbol_file *file, Dwarf_Die *die)
{
    Dwarf_Addr base;
    Dwarf_Addr start;
    Dwarf_Addr end;
    ptrdiff_t cursor = 0;
    if (file->unit_count == file->unit_capacity) {
        size_t capacity = file->unit_capacity == 0 ? 64 : file->unit_capacity * 2;
        struct unit *grown =
            capacity > UNITS_AT_MOST ? NULL : realloc(file->units, capacity * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        file->units = grown;
        file->unit_capacity = capacity;
    }
    file->units[file->unit_count++] = (struct unit){.offset = dwarf_dieoffset(die)};
    for (int i = 0;
         i < RANGES_PER_UNIT && (cursor = dwarf_ranges(die, cursor, &base, &start, &end)) > 0;
         i++) {
        if (ms_range_map_add(&file->unit_ranges, start, end, (uint32_t)file->unit_count) != 0) {
            break;
        }
    }
}

static void read_units(struct ms_symbol_file *file)
{
    Dwarf_Off offset = 0;
    Dwarf_Off next;
    size_t header_bytes;
    for (size_t units = 0;
         units < UNITS_AT_MOST &&
         dwarf_nextcu(file->dwarf, offset, &next, &header_bytes, NULL, NULL, NULL) == 0;
         units++, offset = next) {
        Dwarf_Die die;
        if (dwarf_offdie(file->dwarf, offset + header_bytes, &die) != NULL) {
            add_unit(file, &die);
        }
    }
    (void)ms_range_map_settle(&file->unit_ranges);
}

/* What dwz moved out is looked for where the process lives, which libdw cannot know. */
static void join_shared(struct ms_symbol_file *file)
{
    const char *link;
    const void *build_id;
    ssize_t bytes = dwelf_dwarf_gnu_debugaltlink(file->dwarf, &link, &build_id);
    if (bytes <= 0) {
        return;
    }
    const char *beside = file->debug_path[0] != '\0' ? file->debug_path : file->path;
    int descriptor =
        ms_debug_file_find_shared(file->wanted.root, beside, link, build_id, (size_t)bytes);
    if (descriptor < 0 && file->wanted.fetch != NULL) {
        descriptor = file->wanted.fetch(build_id, (size_t)bytes);
    }
    if (descriptor < 0) {
        return;
    }
    file->shared_descriptor = descriptor;
    file->shared = dwarf_begin(descriptor, DWARF_C_READ);
    if (file->shared != NULL) {
        dwarf_setalt(file->dwarf, file->shared);
    }
}

static void search(struct ms_symbol_file *file)
{
    file->searched = true;
    file->dwarf = dwfl_module_getdwarf(file->module, &file->dwarf_bias);
    if (file->dwarf != NULL) {
        join_shared(file);
        read_units(file);
    }
    if (!file->has_symbols) {
        read_all_symbols(file);
    }
}

enum ms_module_names ms_symbol_file_names(const struct ms_symbol_file *file)
{
    if (!file->searched) {
        return MS_NAMES_ASKING;
    }
    if (file->unit_ranges.segment_count > 0) {
        return MS_NAMES_LINES;
    }
    if (file->has_symbols || file->has_packed_symbols || file->debug_path[0] != '\0') {
        return MS_NAMES_SYMBOLS;
    }
    const struct ms_symbol_table *table = file->all.read ? &file->all : &file->own;
    return table->count > 0 ? MS_NAMES_EXPORTS : MS_NAMES_NONE;
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
static void call_place(Dwarf_Die *unit, const struct ms_unit_scope *scope,
                       struct ms_symbol_place *place)
{
    Dwarf_Files *files;
    size_t count;
    place->source = "";
    place->line = scope->call_line;
    if (scope->call_file != 0 && dwarf_getsrcfiles(unit, &files, &count) == 0 &&
        scope->call_file <= count) {
        /* Before DWARF 5 the list begins with a file "???". */
        const char *source = dwarf_filesrc(files, scope->call_file - 1, NULL, NULL);
        place->source = source == NULL || strcmp(source, "???") == 0 ? "" : source;
    }
}

/* `body` has the DIEs of the unit: itself, or what is split off into a .dwo file. */
static size_t walk_scopes(const struct unit *unit, Dwarf_Die *body, uint64_t address,
                          struct ms_symbol_place here, struct ms_symbol_place *out, size_t capacity)
{
    size_t count = 0;
    uint32_t number = ms_unit_scopes_find(unit->scopes, address);
    for (int i = 0; number != 0 && i < SCOPES_AT_MOST; i++) {
        const struct ms_unit_scope *scope = ms_unit_scopes_at(unit->scopes, number);
        Dwarf_Die die;
        if (dwarf_offdie(dwarf_cu_getdwarf(body->cu), scope->die, &die) == NULL) {
            break;
        }
        here.function = function_of(&die);
        /* Deeper than there is room: the outermost, the function itself, keeps the last place. */
        out[count < capacity ? count : capacity - 1] = here;
        count += count < capacity;
        call_place(body, scope, &here);
        number = scope->parent;
    }
    return count;
}

static bool is_none_or_regular(const char *folder, int folder_bytes, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    int bytes = snprintf(path, sizeof path, "%.*s/%s", folder_bytes, folder, name);
    return bytes >= 0 && (size_t)bytes < sizeof path &&
           (stat(path, &status) != 0 || S_ISREG(status.st_mode));
}

/* libdw opens a .dwo file wherever it is said to be, and would wait there for the writer of a FIFO
 * or act on a device. */
static bool may_be_opened(const struct ms_symbol_file *file, Dwarf_Die *unit)
{
    const char *name = string_of(unit, DW_AT_dwo_name);
    if (name == NULL) {
        name = string_of(unit, DW_AT_GNU_dwo_name);
    }
    if (name == NULL || name[0] == '/') {
        return name == NULL || is_none_or_regular("", 0, name);
    }
    const char *folder = string_of(unit, DW_AT_comp_dir);
    const char *slash = strrchr(file->own_path, '/');
    return (folder == NULL || is_none_or_regular(folder, (int)strlen(folder), name)) &&
           (slash == NULL ||
            is_none_or_regular(file->own_path, (int)(slash - file->own_path), name));
}

static Dwarf_Die body_of(const struct ms_symbol_file *file, Dwarf_Die *unit)
{
    Dwarf_Die split;
    uint8_t type = 0;
    if (dwarf_cu_info(unit->cu, NULL, &type, NULL, NULL, NULL, NULL, NULL) == 0 &&
        type == DW_UT_skeleton && may_be_opened(file, unit) &&
        dwarf_cu_info(unit->cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) == 0 &&
        split.addr != NULL) {
        return split;
    }
    return *unit;
}

static size_t find_in_dwarf(struct ms_symbol_file *file, uint64_t address,
                            struct ms_symbol_place *here, struct ms_symbol_place *out,
                            size_t capacity)
{
    uint32_t number = ms_range_map_find(&file->unit_ranges, address);
    Dwarf_Die die;
    if (number == 0 || dwarf_offdie(file->dwarf, file->units[number - 1].offset, &die) == NULL) {
        return 0;
    }
    struct unit *unit = &file->units[number - 1];
    Dwarf_Die body = body_of(file, &die);
    if (!unit->walked) {
        unit->walked = true;
        unit->scopes = ms_unit_scopes_read(&body);
    }
    const char *folder = string_of(&die, DW_AT_comp_dir);
    here->folder = folder == NULL ? "" : folder;
    Dwarf_Line *line = dwarf_getsrc_die(&die, address);
    int row;
    if (line != NULL) {
        const char *source = dwarf_linesrc(line, NULL, NULL);
        here->source = source == NULL ? "" : source;
        here->line = dwarf_lineno(line, &row) == 0 && row > 0 ? (uint32_t)row : 0;
    }
    return unit->scopes == NULL ? 0 : walk_scopes(unit, &body, address, *here, out, capacity);
}

static bool is_mangled(const char *name)
{
    return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

size_t ms_symbol_file_find(struct ms_symbol_file *file, uint64_t address,
                           struct ms_symbol_place *out, size_t capacity)
{
    struct ms_symbol_place here = {.function = "", .source = "", .folder = "", .line = 0};
    if (!file->searched) {
        search(file);
    }
    size_t count =
        find_in_dwarf(file, address + file->bias - file->dwarf_bias, &here, out, capacity);
    if (count == 0) {
        here.function = ms_symbol_file_symbol(file, address);
        out[0] = here;
        count = here.function[0] != '\0' || here.line != 0;
    } else if (!is_mangled(out[count - 1].function)) {
        /* Members of local classes have no linkage name in DWARF: the symbol tells whose they are.
         */
        const char *symbol = ms_symbol_file_symbol(file, address);
        if (is_mangled(symbol) || out[count - 1].function[0] == '\0') {
            out[count - 1].function = symbol;
        }
    }
    return count;
}
