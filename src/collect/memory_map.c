/* See memory_map.h. */
#include "collect/memory_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/proc_text.h"

#define PAGE_BYTES UINT64_C(4096)
/* HEAP_MAX_SIZE of glibc on 64 bits: an arena other than the first lies in such pieces. */
#define ARENA_BYTES (UINT64_C(64) << 20)
/* Of a thread when RLIMIT_STACK is unlimited, and of threads of Rust. */
#define SMALL_STACK_BYTES (UINT64_C(2) << 20)
#define GUARD_AT_MOST     (UINT64_C(1) << 20)
/* The probe's own pages come in chunks of so much, aligned. */
#define PROBE_CHUNK_BYTES (UINT64_C(256) << 10)
#define PROBE_LIBRARY     "libmemscope-probe.so"
/* Blocks that malloc mapped: so many headers are read of one process at a time. */
#define BLOCKS_AT_MOST   4096u
#define MAPPINGS_AT_MOST (1u << 20)
#define CHUNK_FLAGS      UINT64_C(7)
#define CHUNK_IS_MAPPED  UINT64_C(2)

void ms_mappings_free(struct ms_mappings *mappings)
{
    free(mappings->all);
    *mappings = (struct ms_mappings){0};
}

static bool take_hexadecimal(const char **at, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    const char *from = *at;
    for (; *at < end && *at - from < 16; ++*at) {
        const char c = **at;
        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            break;
        }
    }
    *out = value;
    return *at > from;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "[anon:NAME]": names that allocators and C libraries give their memory. */
static enum ms_memory_part part_of_given_name(const char *name)
{
    static const char *const heaps[] = {" glibc: malloc", "libc_malloc",    "scudo",
                                        "mimalloc",       "jemalloc",       "tcmalloc",
                                        "malloc",         "partition_alloc"};
    static const char *const stacks[] = {" glibc: pthread", "stack_and_tls"};
    for (size_t i = 0; i < sizeof heaps / sizeof heaps[0]; i++) {
        if (begins(name, heaps[i])) {
            return MS_MEMORY_PART_HEAP;
        }
    }
    for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
        if (begins(name, stacks[i])) {
            return MS_MEMORY_PART_STACKS;
        }
    }
    return MS_MEMORY_PART_ANONYMOUS;
}

static enum ms_memory_part part_of_brackets(const char *name)
{
    if (strcmp(name, "[heap]") == 0) {
        return MS_MEMORY_PART_HEAP;
    }
    if (begins(name, "[stack")) {
        return MS_MEMORY_PART_STACKS;
    }
    if (begins(name, "[anon_shmem:")) {
        return MS_MEMORY_PART_SHARED;
    }
    return begins(name, "[anon:") ? part_of_given_name(name + strlen("[anon:"))
                                  : MS_MEMORY_PART_KERNEL;
}

static void part_of_path(struct ms_mapping *mapping, const char *name)
{
    const char *last = strrchr(name, '/');
    const bool shared = (mapping->flags & MS_MAPPING_SHARED) != 0;
    mapping->part = MS_MEMORY_PART_FILES;
    if (begins(name, "/memfd:memscope-region")) {
        mapping->part = MS_MEMORY_PART_PROBE;
    } else if (last != NULL && begins(last + 1, PROBE_LIBRARY)) {
        mapping->part = MS_MEMORY_PART_PROBE;
        mapping->flags |= MS_MAPPING_OF_PROBE;
    } else if (begins(name, "/dev/zero") || begins(name, "/anon_hugepage")) {
        mapping->part = shared ? MS_MEMORY_PART_SHARED : MS_MEMORY_PART_ANONYMOUS;
    } else if (begins(name, "/memfd:") || begins(name, "/dev/shm/") || begins(name, "/SYSV")) {
        mapping->part = MS_MEMORY_PART_SHARED;
    } else if (begins(name, "/dev/hugepages/")) {
        mapping->part = MS_MEMORY_PART_FILES;
    } else if (begins(name, "/dev/") || begins(name, "/dmabuf")) {
        mapping->part = MS_MEMORY_PART_DEVICES;
    }
}

static void take_name(struct ms_mapping *mapping, const char *name)
{
    if (name[0] == '\0') {
        mapping->flags |= MS_MAPPING_NAMELESS;
        mapping->part = MS_MEMORY_PART_ANONYMOUS;
    } else if (name[0] == '[') {
        mapping->part = part_of_brackets(name);
    } else if (name[0] == '/') {
        part_of_path(mapping, name);
    } else { /* "anon_inode:[io_uring]", "socket:[1]": memory that the kernel shares */
        mapping->part = MS_MEMORY_PART_KERNEL;
    }
}

/* "7f00-7f10 rw-p 00000000 00:00 0      /path"; the name may hold anything but a line break. */
static bool parse_header(char *line, size_t bytes, struct ms_mapping *out)
{
    const char *at = line;
    const char *end = line + bytes;
    struct ms_mapping mapping = {.figures = {.mappings = 1}};
    if (!take_hexadecimal(&at, end, &mapping.start) || at == end || *at++ != '-' ||
        !take_hexadecimal(&at, end, &mapping.end) || mapping.end <= mapping.start || end - at < 6 ||
        at[0] != ' ' || at[5] != ' ') {
        return false;
    }
    mapping.flags = (at[1] == 'r' ? (uint32_t)MS_MAPPING_READ : 0) |
                    (at[2] == 'w' ? (uint32_t)MS_MAPPING_WRITE : 0) |
                    (at[3] == 'x' ? (uint32_t)MS_MAPPING_EXECUTE : 0) |
                    (at[4] == 's' ? (uint32_t)MS_MAPPING_SHARED : 0);
    at += 6;
    for (int field = 0; field < 3; field++) { /* offset, device, inode */
        const char *from = at;
        while (at < end && *at != ' ') {
            at++;
        }
        if (at == from) {
            return false;
        }
        while (at < end && *at == ' ') {
            at++;
        }
    }
    mapping.figures.mapped_bytes = mapping.end - mapping.start;
    take_name(&mapping, at); /* the line is terminated */
    *out = mapping;
    return true;
}

static void take_flags(struct ms_mapping *mapping, const char *at)
{
    for (; at[0] != '\0'; at++) {
        if (at[0] == ' ' || at[1] == '\0') {
            continue;
        }
        if (at[0] == 'n' && at[1] == 'h') {
            mapping->flags |= MS_MAPPING_NO_HUGE_PAGES;
        } else if (at[0] == 'w' && at[1] == 'f') {
            mapping->flags |= MS_MAPPING_WIPED_AT_FORK;
        } else if (at[0] == 'u' && (at[1] == 'm' || at[1] == 'w' || at[1] == 'i')) {
            mapping->flags |= MS_MAPPING_USERFAULT;
        }
        at++;
    }
}

static void take_figure(struct ms_mapping *mapping, const char *line, size_t bytes)
{
    struct ms_memory_figures *figures = &mapping->figures;
    const char *colon = memchr(line, ':', bytes);
    uint64_t kib;
    const char *at = colon == NULL ? line + bytes : colon + 1;
    const size_t key = colon == NULL ? 0 : (size_t)(colon - line);
    if (key == 7 && memcmp(line, "VmFlags", key) == 0) {
        take_flags(mapping, at);
        return;
    }
    if (!ms_proc_number(&at, line + bytes, &kib) || kib > UINT64_MAX >> 10) {
        return;
    }
    const uint64_t amount = kib << 10;
    if (key == 3 && memcmp(line, "Rss", key) == 0) {
        figures->resident_bytes = amount;
    } else if (key == 3 && memcmp(line, "Pss", key) == 0) {
        figures->proportional_bytes = amount;
    } else if (key == 13 && memcmp(line, "Private_Clean", key) == 0) {
        figures->private_bytes += amount;
    } else if (key == 13 && memcmp(line, "Private_Dirty", key) == 0) {
        figures->private_bytes += amount;
    } else if (key == 4 && memcmp(line, "Swap", key) == 0) {
        figures->swapped_bytes = amount;
    }
}

static int add_mapping(struct ms_mappings *mappings, const struct ms_mapping *mapping)
{
    if (mappings->count == mappings->capacity) {
        const size_t capacity = mappings->capacity == 0 ? 128 : 2 * mappings->capacity;
        struct ms_mapping *grown = capacity > MAPPINGS_AT_MOST
                                       ? NULL
                                       : reallocarray(mappings->all, capacity, sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        mappings->all = grown;
        mappings->capacity = capacity;
    }
    mappings->all[mappings->count++] = *mapping;
    return 0;
}

static int take_line(struct ms_smaps_parser *parser)
{
    struct ms_mapping mapping;
    parser->line[parser->line_bytes] = '\0';
    const char first = parser->line[0];
    if ((first >= '0' && first <= '9') || (first >= 'a' && first <= 'f')) {
        parser->in_mapping = parse_header(parser->line, parser->line_bytes, &mapping);
        return parser->in_mapping ? add_mapping(parser->mappings, &mapping) : 0;
    }
    if (parser->in_mapping) {
        take_figure(&parser->mappings->all[parser->mappings->count - 1], parser->line,
                    parser->line_bytes);
    }
    return 0;
}

int ms_smaps_parse(struct ms_smaps_parser *parser, const char *text, size_t bytes)
{
    const char *end = text + bytes;
    while (text < end) {
        const char *next = memchr(text, '\n', (size_t)(end - text));
        const size_t piece = (size_t)((next == NULL ? end : next) - text);
        const size_t room = sizeof parser->line - 1 - parser->line_bytes;
        const size_t kept = piece < room ? piece : room;
        memcpy(parser->line + parser->line_bytes, text, kept);
        parser->line_bytes += kept;
        if (next == NULL) {
            return 0;
        }
        const int result = take_line(parser);
        parser->line_bytes = 0;
        if (result != 0) {
            return result;
        }
        text = next + 1;
    }
    return 0;
}

static bool is_nameless(const struct ms_mapping *mapping, uint32_t protection)
{
    const uint32_t all = MS_MAPPING_READ | MS_MAPPING_WRITE | MS_MAPPING_EXECUTE;
    return (mapping->flags & MS_MAPPING_NAMELESS) != 0 &&
           (mapping->flags & MS_MAPPING_SHARED) == 0 && (mapping->flags & all) == protection;
}

#define READ_WRITE ((uint32_t)(MS_MAPPING_READ | MS_MAPPING_WRITE))

/*
 * The used front of an arena, and behind it what is reserved. The tail may be one mapping with a
 * guard that lies behind it; an arena that is used up has no tail.
 */
static bool is_arena(struct ms_mapping *mapping, struct ms_mapping *next)
{
    const uint64_t end = mapping->start + ARENA_BYTES;
    if (mapping->start % ARENA_BYTES != 0 || mapping->end > end) {
        return false;
    }
    if (mapping->end == end) {
        return true;
    }
    if (next == NULL || next->start != mapping->end || !is_nameless(next, 0) || next->end < end ||
        next->end > end + GUARD_AT_MOST) {
        return false;
    }
    next->part = MS_MEMORY_PART_HEAP;
    return true;
}

static bool is_stack(const struct ms_mapping *mapping, const struct ms_mapping *before,
                     uint64_t stack_bytes)
{
    const uint64_t bytes = mapping->end - mapping->start;
    const bool by_kernel = (mapping->flags & MS_MAPPING_NO_HUGE_PAGES) != 0;
    const bool above_guard =
        before != NULL && before->end == mapping->start && is_nameless(before, 0) &&
        (before->end - before->start <= GUARD_AT_MOST || before->part == MS_MEMORY_PART_HEAP);
    if (above_guard && (by_kernel || bytes == stack_bytes || bytes == SMALL_STACK_BYTES)) {
        return true;
    }
    /* Newer C libraries mark the guard inside the mapping; stacks side by side are then one. */
    return by_kernel && stack_bytes > 0 && bytes % (stack_bytes + PAGE_BYTES) == 0;
}

static bool is_probe_chunk(const struct ms_mapping *mapping)
{
    const uint64_t bytes = mapping->end - mapping->start;
    if (mapping->start % PROBE_CHUNK_BYTES != 0 || bytes % PROBE_CHUNK_BYTES != 0) {
        return false;
    }
    return (mapping->flags & MS_MAPPING_WIPED_AT_FORK) != 0 || bytes == PROBE_CHUNK_BYTES;
}

/*
 * Blocks that malloc mapped follow each other, each with a header that says how long it is: most
 * of the mapping must be such. Only pages that are there are read: a header was written to.
 */
static bool is_mapped_blocks(const struct ms_mapping *mapping, struct ms_memory_hints *hints)
{
    if (!hints->glibc_allocator || mapping->figures.resident_bytes == 0 ||
        mapping->figures.swapped_bytes != 0 || (mapping->flags & MS_MAPPING_USERFAULT) != 0) {
        return false;
    }
    uint64_t at = mapping->start;
    while (at < mapping->end && hints->blocks_looked_at < BLOCKS_AT_MOST) {
        uint64_t header[2]; /* of malloc: size of the chunk before (padding here), size and flags */
        hints->blocks_looked_at++;
        if (hints->mem < 0 ||
            pread(hints->mem, header, sizeof header, (off_t)at) != (ssize_t)sizeof header) {
            hints->blocks_unread++;
            break;
        }
        const uint64_t bytes = header[1] & ~CHUNK_FLAGS;
        if (header[0] >= PAGE_BYTES || (header[1] & CHUNK_FLAGS) != CHUNK_IS_MAPPED || bytes == 0 ||
            bytes % PAGE_BYTES != 0 || bytes > mapping->end - at) {
            break;
        }
        at += bytes;
    }
    return at - mapping->start > (mapping->end - mapping->start) / 2;
}

static void add(struct ms_memory_figures *sum, const struct ms_memory_figures *figures)
{
    sum->mapped_bytes += figures->mapped_bytes;
    sum->resident_bytes += figures->resident_bytes;
    sum->proportional_bytes += figures->proportional_bytes;
    sum->private_bytes += figures->private_bytes;
    sum->swapped_bytes += figures->swapped_bytes;
    sum->mappings += figures->mappings;
}

static enum ms_memory_part part_of(struct ms_mapping *mapping, struct ms_mapping *before,
                                   struct ms_mapping *next, bool probed,
                                   struct ms_memory_hints *hints)
{
    if (is_arena(mapping, next)) {
        return MS_MEMORY_PART_HEAP;
    }
    if (is_stack(mapping, before, hints->stack_bytes)) {
        if (before != NULL && before->part == MS_MEMORY_PART_ANONYMOUS &&
            before->end == mapping->start && is_nameless(before, 0)) {
            before->part = MS_MEMORY_PART_STACKS;
        }
        return MS_MEMORY_PART_STACKS;
    }
    if (before != NULL && before->end == mapping->start &&
        (before->flags & MS_MAPPING_OF_PROBE) != 0) {
        return MS_MEMORY_PART_PROBE; /* its variables that are zero at first */
    }
    if (is_mapped_blocks(mapping, hints)) {
        return MS_MEMORY_PART_HEAP;
    }
    return probed && is_probe_chunk(mapping) ? MS_MEMORY_PART_PROBE : MS_MEMORY_PART_ANONYMOUS;
}

void ms_memory_map_sum(struct ms_mappings *mappings, struct ms_memory_hints *hints,
                       struct ms_memory_map *out)
{
    bool probed = false;
    if (hints->stack_bytes == MS_NO_LIMIT) {
        hints->stack_bytes = SMALL_STACK_BYTES;
    }
    for (size_t i = 0; i < mappings->count && !probed; i++) {
        probed = (mappings->all[i].flags & MS_MAPPING_OF_PROBE) != 0;
    }
    for (size_t i = 0; i < mappings->count; i++) {
        struct ms_mapping *mapping = &mappings->all[i];
        if (is_nameless(mapping, READ_WRITE)) {
            mapping->part = part_of(mapping, i > 0 ? mapping - 1 : NULL,
                                    i + 1 < mappings->count ? mapping + 1 : NULL, probed, hints);
        } else if ((mapping->flags & (MS_MAPPING_NAMELESS | MS_MAPPING_SHARED)) ==
                   (MS_MAPPING_NAMELESS | MS_MAPPING_SHARED)) {
            mapping->part = MS_MEMORY_PART_SHARED;
        }
    }
    *out = (struct ms_memory_map){.have = true, .read_ns = out->read_ns};
    for (size_t i = 0; i < mappings->count; i++) {
        add(&out->parts[mappings->all[i].part], &mappings->all[i].figures);
    }
    for (int part = 0; part < MS_MEMORY_PART_TOTAL; part++) {
        add(&out->all, &out->parts[part]);
    }
}

int ms_memory_map_read(int folder, struct ms_mappings *mappings, struct ms_memory_hints *hints,
                       struct ms_memory_map *out)
{
    struct ms_smaps_parser parser = {.mappings = mappings};
    char text[32 << 10];
    const int descriptor = openat(folder, "smaps", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return -errno;
    }
    int result = 0;
    mappings->count = 0;
    for (;;) {
        const ssize_t bytes = read(descriptor, text, sizeof text);
        if (bytes < 0 && errno == EINTR) {
            continue;
        }
        if (bytes <= 0) {
            result = bytes < 0 ? -errno : 0;
            break;
        }
        result = ms_smaps_parse(&parser, text, (size_t)bytes);
        if (result != 0) {
            break;
        }
    }
    close(descriptor);
    if (result != 0) {
        return result;
    }
    if (mappings->count == 0) {
        return -ESRCH;
    }
    hints->mem = hints->glibc_allocator ? openat(folder, "mem", O_RDONLY | O_CLOEXEC) : -1;
    ms_memory_map_sum(mappings, hints, out);
    if (hints->mem >= 0) {
        close(hints->mem);
        hints->mem = -1;
    }
    return 0;
}
