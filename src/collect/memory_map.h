/*
 * What the memory of a process consists of: /proc/PID/smaps, each mapping in exactly one part.
 *
 * How sure a part is:
 *  - FILES, SHARED, KERNEL, DEVICES, [heap] and [stack]: the kernel names them.
 *  - HEAP besides [heap]: an arena of glibc is 64 MiB, aligned to its size, its tail not accessible
 *    yet; a block that glibc mapped by itself begins with a header that says so, which is read from
 *    /proc/PID/mem (`mem` of the reader). Mappings that a program named ("[anon:glibc: malloc]",
 *    that of scudo, mimalloc and so on) are what they say. Of other allocators nothing is known.
 *  - STACKS of threads: not accessible below (the guard), and either without huge pages, as Linux
 *    6.7 makes stacks of threads, or of just the size of a stack by default. Stacks of other sizes
 *    on older kernels, and ones that the kernel made one mapping with something above, are
 *    ANONYMOUS.
 *  - PROBE: its library with what follows it, its region by name, its own pages by size, alignment
 *    and, of those wiped at fork, a flag.
 * ANONYMOUS is what remains.
 */
#ifndef MS_COLLECT_MEMORY_MAP_H
#define MS_COLLECT_MEMORY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/resources.h"

enum ms_mapping_flag {
    MS_MAPPING_READ = 1,
    MS_MAPPING_WRITE = 2,
    MS_MAPPING_EXECUTE = 4,
    MS_MAPPING_SHARED = 8,
    MS_MAPPING_NO_HUGE_PAGES = 16,
    MS_MAPPING_WIPED_AT_FORK = 32,
    MS_MAPPING_USERFAULT = 64, /* the program handles faults of it: never read it */
    MS_MAPPING_NAMELESS = 128, /* anonymous; `part` is to be found */
    MS_MAPPING_OF_PROBE = 256  /* its library */
};

struct ms_mapping {
    uint64_t start, end;
    uint32_t flags;
    enum ms_memory_part part;
    struct ms_memory_figures figures;
};

struct ms_mappings {
    struct ms_mapping *all; /* ascending */
    size_t count, capacity;
};

void ms_mappings_free(struct ms_mappings *mappings);

/*
 * A cursor over the text of smaps as it comes, in pieces of any size. `line` keeps what is cut;
 * longer lines are cut there, which only names can be.
 */
struct ms_smaps_parser {
    struct ms_mappings *mappings;
    char line[512];
    size_t line_bytes;
    bool in_mapping; /* the last header was one */
};

/* Returns 0 or -ENOMEM; damaged lines are passed over. */
int ms_smaps_parse(struct ms_smaps_parser *parser, const char *text, size_t bytes);

/* What helps to tell parts. */
struct ms_memory_hints {
    uint64_t stack_bytes;                     /* soft RLIMIT_STACK; MS_NO_LIMIT or 0: not known */
    bool glibc_allocator;                     /* malloc is glibc's */
    int mem;                                  /* /proc/PID/mem, -1: not to be had */
    uint64_t blocks_looked_at, blocks_unread; /* out: mapped by malloc; that could not be read */
};

/* Settles the part of every mapping without a name and sums up. */
void ms_memory_map_sum(struct ms_mappings *mappings, struct ms_memory_hints *hints,
                       struct ms_memory_map *out);

/*
 * Reads smaps of the process of `folder`. `mappings` is scratch that is kept. Returns 0 or -errno;
 * -ESRCH: it has no memory any more. *out changes only on success; its read_ns is the caller's.
 */
int ms_memory_map_read(int folder, struct ms_mappings *mappings, struct ms_memory_hints *hints,
                       struct ms_memory_map *out);

#endif
