/* Loaded objects: found through the dynamic linker, told apart by build id, written to the region.
 */
#include "probe/modules.h"
#include "probe/direct.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "probe/intern.h"
#include "probe/map.h"

#define BUCKETS      256u
#define EXE_PATH_MAX 4096u

/* As glibc 2.35 and later fill it in; looked up by name because older ones lack it. */
struct find_result {
    unsigned long long flags;
    void *map_start;
    void *map_end;
    struct link_map *link_map;
    void *eh_frame;
    unsigned long long reserved[8]; /* one more than any version so far */
};

_Atomic uint32_t ms_module_generation = 1;
_Atomic uint32_t ms_region_generation = 1;

static int (*find_object)(void *, struct find_result *);
static struct ms_loaded_object vdso;
static struct ms_loaded_object program;
static char exe_path[EXE_PATH_MAX];

static struct ms_module records[MS_MODULES_MAX];
static _Atomic uint32_t records_taken;
static struct ms_module *_Atomic buckets[BUCKETS];

struct program_headers {
    const ElfW(Phdr) * at;
    size_t count;
};

/* Program headers of an object whose first page is mapped, as every linker lays it out. */
static struct program_headers headers_of(uintptr_t base, uintptr_t end)
{
    struct program_headers none = {NULL, 0};
    const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)base;
    if (end - base < sizeof *elf || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
        elf->e_phentsize != sizeof(ElfW(Phdr)) || elf->e_phoff > end - base ||
        elf->e_phnum > (end - base - elf->e_phoff) / sizeof(ElfW(Phdr))) {
        return none;
    }
    return (struct program_headers){(const ElfW(Phdr) *)(base + elf->e_phoff), elf->e_phnum};
}

/* Bounds of the readable segment that holds `address`; false: none does. */
static bool segment_of(const struct ms_loaded_object *object, struct program_headers headers,
                       uintptr_t address, uintptr_t *low, uintptr_t *high)
{
    for (size_t i = 0; i < headers.count; i++) {
        const ElfW(Phdr) *segment = &headers.at[i];
        uintptr_t start = object->load_bias + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_R) != 0 && address >= start &&
            address - start < segment->p_memsz) {
            *low = start;
            *high = start + segment->p_memsz;
            return true;
        }
    }
    return false;
}

static bool object_in_headers(struct program_headers headers, uintptr_t bias, uintptr_t pc,
                              struct ms_loaded_object *object)
{
    bool inside = false;
    *object = (struct ms_loaded_object){.base = UINTPTR_MAX, .load_bias = bias};
    for (size_t i = 0; i < headers.count; i++) {
        const ElfW(Phdr) *segment = &headers.at[i];
        uintptr_t start = bias + segment->p_vaddr;
        if (segment->p_type == PT_GNU_EH_FRAME) {
            object->eh_frame_header = (const uint8_t *)start;
        }
        if (segment->p_type != PT_LOAD) {
            continue;
        }
        uintptr_t page = start & ~(uintptr_t)(MS_PAGE_BYTES - 1);
        if (page < object->base) {
            object->base = page;
        }
        if (start + segment->p_memsz > object->end) {
            object->end = start + segment->p_memsz;
        }
        inside = inside || (pc >= start && pc - start < segment->p_memsz);
    }
    return inside;
}

struct search {
    uintptr_t pc;
    struct ms_loaded_object *object;
};

static int visit(struct dl_phdr_info *info, size_t bytes, void *data)
{
    const struct search *search = data;
    struct program_headers headers = {info->dlpi_phdr, info->dlpi_phnum};
    (void)bytes;
    if (!object_in_headers(headers, info->dlpi_addr, search->pc, search->object)) {
        return 0;
    }
    search->object->name = info->dlpi_name != NULL ? info->dlpi_name : "";
    return 1;
}

bool ms_object_by_iteration(uintptr_t pc, struct ms_loaded_object *object)
{
    struct search search = {pc, object};
    return dl_iterate_phdr(visit, &search) != 0;
}

static int visit_program(struct dl_phdr_info *info, size_t bytes, void *data)
{
    struct program_headers headers = {info->dlpi_phdr, info->dlpi_phnum};
    (void)bytes;
    (void)object_in_headers(headers, info->dlpi_addr, 0, data);
    return 1; /* it comes first */
}

/*
 * Of a program whose segments the kernel mapped with gaps between them the linker tells the extent
 * of one segment only, in which there is no ELF header.
 */
static void widen_to_program(struct ms_loaded_object *object)
{
    if (object->load_bias == program.load_bias && object->base >= program.base &&
        object->end <= program.end) {
        object->base = program.base;
        object->end = program.end;
    }
}

bool ms_object_by_linker(uintptr_t pc, struct ms_loaded_object *object)
{
    struct find_result found;
    if (find_object == NULL || find_object((void *)pc, &found) != 0) {
        return false;
    }
    *object = (struct ms_loaded_object){
        .base = (uintptr_t)found.map_start,
        .end = (uintptr_t)found.map_end,
        .load_bias = found.link_map->l_addr,
        .eh_frame_header = found.eh_frame,
        .name = found.link_map->l_name != NULL ? found.link_map->l_name : "",
    };
    widen_to_program(object);
    return true;
}

static bool object_of(uintptr_t pc, struct ms_loaded_object *object)
{
    if (pc >= vdso.base && pc < vdso.end) {
        *object = vdso;
        return true;
    }
    return find_object != NULL ? ms_object_by_linker(pc, object)
                               : ms_object_by_iteration(pc, object);
}

/* Points *id at the build id inside the object's notes; returns its length, 0: none. */
static size_t find_build_id(const struct ms_loaded_object *object, struct program_headers headers,
                            const uint8_t **id)
{
    for (size_t i = 0; i < headers.count; i++) {
        uintptr_t at = object->load_bias + headers.at[i].p_vaddr;
        uintptr_t low;
        uintptr_t high;
        if (headers.at[i].p_type != PT_NOTE || !segment_of(object, headers, at, &low, &high)) {
            continue;
        }
        size_t left = headers.at[i].p_filesz < high - at ? headers.at[i].p_filesz : high - at;
        while (left >= sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
            size_t name_bytes = ((size_t)note->n_namesz + 3) & ~(size_t)3;
            size_t content_bytes = ((size_t)note->n_descsz + 3) & ~(size_t)3;
            const char *name = (const char *)(note + 1);
            if (name_bytes + content_bytes > left - sizeof *note) {
                break;
            }
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
                memcmp(name, "GNU", 4) == 0) {
                *id = (const uint8_t *)name + name_bytes;
                return note->n_descsz;
            }
            at += sizeof *note + name_bytes + content_bytes;
            left -= sizeof *note + name_bytes + content_bytes;
        }
    }
    return 0;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Place, build id and name together: what makes two loads the same module. */
static uint64_t identity_of(const struct ms_loaded_object *object, struct program_headers headers,
                            const uint8_t *id, size_t id_bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = hash_bytes(hash, &object->base, sizeof object->base);
    hash = hash_bytes(hash, &object->end, sizeof object->end);
    hash = hash_bytes(hash, &object->load_bias, sizeof object->load_bias);
    hash = hash_bytes(hash, &object->eh_frame_header, sizeof object->eh_frame_header);
    hash = hash_bytes(hash, headers.at, headers.count * sizeof *headers.at);
    hash = hash_bytes(hash, id, id_bytes);
    return hash_bytes(hash, object->name, strlen(object->name));
}

static void find_tables(const struct ms_loaded_object *object, struct program_headers headers,
                        struct ms_eh_frame *frames)
{
    uintptr_t low;
    uintptr_t high;
    uintptr_t eh_frame;
    const uint8_t *header = object->eh_frame_header;
    *frames = (struct ms_eh_frame){0};
    if (header == NULL || !segment_of(object, headers, (uintptr_t)header, &low, &high)) {
        return;
    }
    size_t header_bytes = high - (uintptr_t)header;
    if (ms_eh_frame_address(header, header_bytes, &eh_frame) != 0 ||
        !segment_of(object, headers, eh_frame, &low, &high)) {
        return;
    }
    *frames =
        (struct ms_eh_frame){header, header_bytes, (const uint8_t *)low, (const uint8_t *)high};
}

static struct ms_module *module_new(const struct ms_loaded_object *object,
                                    struct program_headers headers, const uint8_t *id,
                                    size_t id_bytes, uint64_t identity)
{
    if (atomic_load_explicit(&records_taken, memory_order_relaxed) >= MS_MODULES_MAX) {
        return NULL;
    }
    uint32_t index = atomic_fetch_add_explicit(&records_taken, 1, memory_order_relaxed);
    if (index >= MS_MODULES_MAX) {
        return NULL;
    }
    struct ms_module *module = &records[index];
    module->object = *object;
    module->object.name = NULL;
    module->identity = identity;
    if (id_bytes <= MS_BUILD_ID_MAX) {
        module->build_id_bytes = (uint8_t)id_bytes;
        memcpy(module->build_id, id, id_bytes);
    }
    find_tables(object, headers, &module->frames);
    return module;
}

/* Same place and tables, and found to hold since the mappings last changed. */
static struct ms_module *find_checked(struct ms_module *from, const struct ms_loaded_object *object,
                                      uint32_t generation)
{
    for (struct ms_module *module = from; module != NULL; module = module->next) {
        if (module->object.base == object->base && module->object.end == object->end &&
            module->object.eh_frame_header == object->eh_frame_header &&
            atomic_load_explicit(&module->checked, memory_order_relaxed) == generation) {
            return module;
        }
    }
    return NULL;
}

static struct ms_module *find_identity(struct ms_module *from, uint64_t identity)
{
    struct ms_module *module = from;
    while (module != NULL && module->identity != identity) {
        module = module->next;
    }
    return module;
}

/* Of C, C++ and Rust: what they allocate, such as a string's bytes, is their callers' to free. */
static bool is_runtime(const char *path)
{
    static const char *const starts[] = {"libc.so",   "libc-2",   "libm.so",   "libstdc++.so",
                                         "libc++",    "libgcc_s", "libstd-",   "libpthread",
                                         "libresolv", "libdl",    "librt.so",  "ld-linux",
                                         "ld-2",      "ld.so",    "libsupc++", "[vdso]"};
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Name and place are stored with the module's first program counter: it may be gone in 100 ms. */
static uint32_t store_in_region(const struct ms_module *module, const char *name)
{
    struct ms_region_header *region = ms_region;
    uint32_t index = region != NULL ? ms_area_take(MS_AREA_MODULES, 1) : 0;
    if (index == 0) {
        return 0;
    }
    struct ms_region_module *entry = ms_region_element(region, MS_AREA_MODULES, index);
    entry->path = ms_string_store(name[0] != '\0' ? name : exe_path);
    entry->end = module->object.end;
    entry->load_bias = module->object.load_bias;
    entry->generation = atomic_load_explicit(&ms_module_generation, memory_order_relaxed);
    entry->runtime = is_runtime(name);
    entry->build_id_bytes = module->build_id_bytes;
    memcpy(entry->build_id, module->build_id, sizeof entry->build_id);
    atomic_store_explicit((_Atomic uint64_t *)&entry->base, module->object.base,
                          memory_order_release);
    return index;
}

static uint32_t region_index(struct ms_module *module, const char *name)
{
    uint64_t seen = atomic_load_explicit(&module->region, memory_order_acquire);
    uint32_t floor = atomic_load_explicit(&ms_region_generation, memory_order_relaxed);
    if ((uint32_t)(seen >> 32) >= floor || name == NULL) {
        return (uint32_t)(seen >> 32) >= floor ? (uint32_t)seen : 0;
    }
    uint32_t index = store_in_region(module, name);
    if (index == 0) {
        return 0;
    }
    uint64_t wanted = (uint64_t)floor << 32 | index;
    if (!atomic_compare_exchange_strong(&module->region, &seen, wanted)) {
        return (uint32_t)seen;
    }
    return index;
}

uint32_t ms_module_region_index(struct ms_module *module)
{
    return region_index(module, NULL);
}

struct ms_module *ms_module_find(uintptr_t pc)
{
    struct ms_loaded_object object;
    uint32_t generation = atomic_load_explicit(&ms_module_generation, memory_order_acquire);
    if (!object_of(pc, &object)) {
        return NULL;
    }
    struct ms_module *_Atomic *bucket = &buckets[(object.base / MS_PAGE_BYTES) % BUCKETS];
    struct ms_module *head = atomic_load_explicit(bucket, memory_order_acquire);
    struct ms_module *module = find_checked(head, &object, generation);
    if (module == NULL) {
        struct program_headers headers = headers_of(object.base, object.end);
        const uint8_t *id = NULL;
        size_t id_bytes = find_build_id(&object, headers, &id);
        uint64_t identity = identity_of(&object, headers, id, id_bytes);
        struct ms_module *fresh = NULL;
        for (;;) {
            module = find_identity(head, identity);
            if (module != NULL) {
                break;
            }
            if (fresh == NULL) {
                fresh = module_new(&object, headers, id, id_bytes, identity);
            }
            if (fresh == NULL) {
                return NULL;
            }
            fresh->next = head;
            if (atomic_compare_exchange_strong(bucket, &head, fresh)) {
                module = fresh;
                break;
            }
        }
        atomic_store_explicit(&module->checked, generation, memory_order_relaxed);
    }
    (void)region_index(module, object.name);
    return module;
}

void ms_modules_init(void)
{
    *(void **)&find_object = ms_real_symbol("_dl_find_object");
    dl_iterate_phdr(visit_program, &program);
    ssize_t bytes = ms_direct_readlink("/proc/self/exe", exe_path, sizeof exe_path - 1);
    exe_path[bytes > 0 ? bytes : 0] = '\0';
    uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    if (base == 0) {
        return;
    }
    struct program_headers headers = headers_of(base, base + MS_PAGE_BYTES);
    uintptr_t first = 0;
    for (size_t i = 0; i < headers.count; i++) {
        if (headers.at[i].p_type == PT_LOAD) {
            first = headers.at[i].p_vaddr;
            break;
        }
    }
    (void)object_in_headers(headers, base - first, base, &vdso);
    vdso.name = "[vdso]";
}
