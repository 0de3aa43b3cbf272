/* ELF headers by pread, a few words at a time: no mapping, so a file that shrinks cannot hurt. */
#include "wire/elf.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Bounds on what a damaged file can make us read. */
enum {
    PROGRAM_HEADERS_MAX = 128,
    DYNAMIC_ENTRIES_MAX = 1024,
    HASH_CHAIN_MAX = 4096,
    BATCH_BYTES = 512
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif
#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#if defined(__x86_64__)
#define NATIVE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define NATIVE_MACHINE EM_AARCH64
#else
#error "name this machine's e_machine"
#endif

/* What the tables of one file say about where things lie. */
struct dynamic {
    uint64_t strings; /* file offsets; 0: absent */
    uint64_t symbols;
    uint64_t gnu_hash;
};

/* Reads up to `bytes`; returns how many there were, or -errno. */
static int read_some(int descriptor, void *to, size_t bytes, uint64_t offset)
{
    if (offset > (uint64_t)INT64_MAX - bytes) {
        return -ENOEXEC;
    }
    ssize_t got;
    do {
        /* By its number: inside a program pread is what the probe counts as the program's. */
        got = (ssize_t)syscall(SYS_pread64, descriptor, to, bytes, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : (int)got;
}

int ms_executable_bytes(int descriptor, void *to, size_t bytes, uint64_t offset)
{
    int got = read_some(descriptor, to, bytes, offset);
    if (got < 0) {
        return got;
    }
    return (size_t)got == bytes ? 0 : -ENOEXEC;
}

/* Program header number `index`: 0 or -errno; -ENOENT behind the last one. */
static int program_header(int descriptor, const ElfW(Ehdr) * header, unsigned index,
                          ElfW(Phdr) * entry)
{
    if (index >= header->e_phnum || index >= PROGRAM_HEADERS_MAX) {
        return -ENOENT;
    }
    if (header->e_phentsize != sizeof(*entry)) {
        return -ENOEXEC;
    }
    return ms_executable_bytes(descriptor, entry, sizeof(*entry),
                               header->e_phoff + index * sizeof(*entry));
}

/* File offset of an address by the PT_LOAD headers, 0 if no segment holds it. */
static uint64_t file_offset(int descriptor, const ElfW(Ehdr) * header, uint64_t address)
{
    ElfW(Phdr) entry;
    for (unsigned i = 0; program_header(descriptor, header, i, &entry) == 0; i++) {
        if (entry.p_type == PT_LOAD && address >= entry.p_vaddr &&
            address - entry.p_vaddr < entry.p_filesz) {
            return entry.p_offset + (address - entry.p_vaddr);
        }
    }
    return 0;
}

/* Calls `visit` for each entry of the dynamic section that lies at `offset`. */
static void each_dynamic(int descriptor, uint64_t offset, uint64_t bytes,
                         void (*visit)(void *, int, const ElfW(Dyn) *), void *context)
{
    ElfW(Dyn) batch[BATCH_BYTES / sizeof(ElfW(Dyn))];
    uint64_t left = bytes / sizeof(batch[0]);
    if (left > DYNAMIC_ENTRIES_MAX) {
        left = DYNAMIC_ENTRIES_MAX;
    }
    while (left > 0) {
        int got = read_some(descriptor, batch, sizeof(batch), offset);
        uint64_t count = got < 0 ? 0 : (uint64_t)got / sizeof(batch[0]);
        if (count > left) {
            count = left;
        }
        if (count == 0) {
            return;
        }
        for (uint64_t i = 0; i < count; i++) {
            if (batch[i].d_tag == DT_NULL) {
                return;
            }
            visit(context, descriptor, &batch[i]);
        }
        left -= count;
        offset += count * sizeof(batch[0]);
    }
}

static void note_tables(void *context, int descriptor, const ElfW(Dyn) * entry)
{
    (void)descriptor;
    struct dynamic *dynamic = context;
    switch (entry->d_tag) {
    case DT_STRTAB:
        dynamic->strings = entry->d_un.d_ptr;
        break;
    case DT_SYMTAB:
        dynamic->symbols = entry->d_un.d_ptr;
        break;
    case DT_GNU_HASH:
        dynamic->gnu_hash = entry->d_un.d_ptr;
        break;
    default:
        break;
    }
}

struct needed_search {
    uint64_t strings;
    struct ms_executable *found;
};

static void note_needed(void *context, int descriptor, const ElfW(Dyn) * entry)
{
    static const char asan[] = "libasan.so", tsan[] = "libtsan.so";
    static const char clang_asan[] = "libclang_rt.asan", clang_tsan[] = "libclang_rt.tsan";
    const struct needed_search *search = context;
    if (entry->d_tag != DT_NEEDED) {
        return;
    }
    char name[32] = "";
    int got = read_some(descriptor, name, sizeof(name) - 1, search->strings + entry->d_un.d_val);
    if (got <= 0) {
        return;
    }
    if (strncmp(name, asan, sizeof(asan) - 1) == 0 ||
        strncmp(name, clang_asan, sizeof(clang_asan) - 1) == 0) {
        search->found->needs_asan = true;
    } else if (strncmp(name, tsan, sizeof(tsan) - 1) == 0 ||
               strncmp(name, clang_tsan, sizeof(clang_tsan) - 1) == 0) {
        search->found->needs_tsan = true;
    }
}

/* Fills *dynamic with file offsets and *segment with PT_DYNAMIC. -ENOENT: there is none. */
static int find_dynamic(int descriptor, const ElfW(Ehdr) * header, ElfW(Phdr) * segment,
                        struct dynamic *dynamic)
{
    *dynamic = (struct dynamic){0};
    for (unsigned i = 0;; i++) {
        int error = program_header(descriptor, header, i, segment);
        if (error != 0) {
            return error;
        }
        if (segment->p_type == PT_DYNAMIC) {
            break;
        }
    }
    each_dynamic(descriptor, segment->p_offset, segment->p_filesz, note_tables, dynamic);
    dynamic->strings = file_offset(descriptor, header, dynamic->strings);
    dynamic->symbols = file_offset(descriptor, header, dynamic->symbols);
    dynamic->gnu_hash = file_offset(descriptor, header, dynamic->gnu_hash);
    return 0;
}

static int read_interpreter(int descriptor, const ElfW(Phdr) * entry, struct ms_executable *found)
{
    if (entry->p_filesz < 2 || entry->p_filesz > sizeof(found->interpreter)) {
        return -ENOEXEC;
    }
    int error =
        ms_executable_bytes(descriptor, found->interpreter, entry->p_filesz, entry->p_offset);
    if (error != 0 || found->interpreter[entry->p_filesz - 1] != '\0') {
        found->interpreter[0] = '\0';
        return error != 0 ? error : -ENOEXEC;
    }
    const char *slash = strrchr(found->interpreter, '/');
    const char *base = slash != NULL ? slash + 1 : found->interpreter;
    found->has_interpreter = true;
    found->musl = strncmp(base, "ld-musl", strlen("ld-musl")) == 0;
    return 0;
}

static int read_elf(int descriptor, const ElfW(Ehdr) * header, struct ms_executable *found)
{
    const unsigned char *ident = header->e_ident;
    found->kind = MS_EXECUTABLE_ELF;
    found->class_bits = ident[EI_CLASS] == ELFCLASS64 ? 64 : ident[EI_CLASS] == ELFCLASS32 ? 32 : 0;
    /* e_machine lies at the same place in both classes, in the file's own byte order. */
    found->machine =
        ident[EI_DATA] == NATIVE_DATA ? header->e_machine : __builtin_bswap16(header->e_machine);
    found->native = ident[EI_CLASS] == NATIVE_CLASS && ident[EI_DATA] == NATIVE_DATA &&
                    header->e_machine == NATIVE_MACHINE;
    if (!found->native) {
        return 0;
    }
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN) {
        return -ENOEXEC;
    }
    ElfW(Phdr) entry;
    int error;
    for (unsigned i = 0; (error = program_header(descriptor, header, i, &entry)) == 0; i++) {
        if (entry.p_type == PT_INTERP) {
            error = read_interpreter(descriptor, &entry, found);
            break;
        }
    }
    if (error != 0 && error != -ENOENT) {
        return error;
    }
    struct dynamic dynamic;
    error = find_dynamic(descriptor, header, &entry, &dynamic);
    if (error == 0 && dynamic.strings != 0) {
        struct needed_search search = {dynamic.strings, found};
        each_dynamic(descriptor, entry.p_offset, entry.p_filesz, note_needed, &search);
    }
    return error == -ENOENT ? 0 : error;
}

/* The first word after "#!", as the kernel takes it: blanks around it, cut line refused. */
static void read_script(const char *line, size_t bytes, struct ms_executable *found)
{
    size_t begin = 2;
    while (begin < bytes && (line[begin] == ' ' || line[begin] == '\t')) {
        begin++;
    }
    size_t end = begin;
    while (end < bytes && line[end] != ' ' && line[end] != '\t' && line[end] != '\n' &&
           line[end] != '\0') {
        end++;
    }
    found->kind = MS_EXECUTABLE_SCRIPT;
    if (end - begin < sizeof(found->interpreter)) {
        memcpy(found->interpreter, line + begin, end - begin);
        found->interpreter[end - begin] = '\0';
    }
}

int ms_executable_read(int descriptor, struct ms_executable *found)
{
    *found = (struct ms_executable){.kind = MS_EXECUTABLE_OTHER};
    union {
        ElfW(Ehdr) header;
        char line[MS_INTERPRETER_MAX];
    } start;
    int got = read_some(descriptor, &start, sizeof(start), 0);
    if (got < 0) {
        return got;
    }
    if (got >= (int)sizeof(start.header) && memcmp(start.header.e_ident, ELFMAG, SELFMAG) == 0) {
        ElfW(Ehdr) header = start.header;
        return read_elf(descriptor, &header, found);
    }
    if (got > 2 && start.line[0] == '#' && start.line[1] == '!') {
        read_script(start.line, (size_t)got, found);
    }
    return 0;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name != '\0'; name++) {
        hash = hash * 33 + (unsigned char)*name;
    }
    return hash;
}

/* Is symbol `index` called `name` and defined in this file? */
static int is_definition(int descriptor, const struct dynamic *dynamic, uint32_t index,
                         const char *name)
{
    ElfW(Sym) symbol;
    char text[64];
    size_t bytes = strlen(name) + 1;
    int error = ms_executable_bytes(descriptor, &symbol, sizeof(symbol),
                                    dynamic->symbols + (uint64_t)index * sizeof(symbol));
    if (error != 0 || symbol.st_shndx == SHN_UNDEF) {
        return error;
    }
    error = ms_executable_bytes(descriptor, text, bytes, dynamic->strings + symbol.st_name);
    return error != 0 ? error : memcmp(text, name, bytes) == 0;
}

static int search_hash(int descriptor, const struct dynamic *dynamic, const char *name)
{
    struct {
        uint32_t buckets, first_symbol, bloom_words, bloom_shift;
    } table;
    int error = ms_executable_bytes(descriptor, &table, sizeof(table), dynamic->gnu_hash);
    if (error != 0) {
        return error;
    }
    if (table.buckets == 0) {
        return 0;
    }
    uint32_t hash = gnu_hash(name);
    uint64_t buckets =
        dynamic->gnu_hash + sizeof(table) + (uint64_t)table.bloom_words * sizeof(ElfW(Addr));
    uint64_t chains = buckets + (uint64_t)table.buckets * sizeof(uint32_t);
    uint32_t index;
    error = ms_executable_bytes(descriptor, &index, sizeof(index),
                                buckets + (uint64_t)(hash % table.buckets) * sizeof(index));
    if (error != 0 || index < table.first_symbol) {
        return error;
    }
    for (int steps = 0; steps < HASH_CHAIN_MAX; steps++, index++) {
        uint32_t link;
        error = ms_executable_bytes(descriptor, &link, sizeof(link),
                                    chains + (uint64_t)(index - table.first_symbol) * sizeof(link));
        if (error != 0) {
            return error;
        }
        if ((link | 1u) == (hash | 1u)) {
            int match = is_definition(descriptor, dynamic, index, name);
            if (match != 0) {
                return match;
            }
        }
        if ((link & 1u) != 0) {
            return 0;
        }
    }
    return -ENOEXEC;
}

int ms_executable_defines(int descriptor, const char *name)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    struct dynamic dynamic;
    if (strlen(name) >= 64) {
        return -EINVAL;
    }
    int error = ms_executable_bytes(descriptor, &header, sizeof(header), 0);
    if (error != 0) {
        return error;
    }
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != NATIVE_CLASS ||
        header.e_ident[EI_DATA] != NATIVE_DATA) {
        return -ENOEXEC;
    }
    error = find_dynamic(descriptor, &header, &segment, &dynamic);
    if (error != 0) {
        return error == -ENOENT ? 0 : error;
    }
    if (dynamic.gnu_hash == 0 || dynamic.symbols == 0 || dynamic.strings == 0) {
        return -ENOTSUP;
    }
    return search_hash(descriptor, &dynamic, name);
}

int ms_executable_is_privileged(int descriptor, bool mode_only)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return -errno;
    }
    if ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) {
        return 1;
    }
    /* Without group execution the bit means mandatory locking, not privilege. */
    if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
        status.st_gid != getgid()) {
        return 1;
    }
    /* Root gains nothing by capabilities, so the kernel does not call it secure. */
    return !mode_only && getuid() != 0 &&
           fgetxattr(descriptor, "security.capability", NULL, 0) >= 0;
}
