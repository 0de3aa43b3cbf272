/*
 * Unwinds call stacks of other processes from copies: registers and the first bytes of the stack,
 * as the kernel stored them, and the unwind rules of the files that were mapped. Runs in the
 * sampler's process, which hostile files may crash or hang. One thread at a time.
 */
#ifndef MS_COLLECT_SAMPLE_UNWINDER_H
#define MS_COLLECT_SAMPLE_UNWINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/region.h"

struct ms_unwinder; /* opaque; the files it has mapped and the address spaces it knows */

struct ms_unwinder *ms_unwinder_new(void); /* NULL: no memory */
void ms_unwinder_free(struct ms_unwinder *unwinder);

/* Address spaces, by pid. All of them do nothing without memory or for a pid that is not known. */
bool ms_unwinder_knows(const struct ms_unwinder *unwinder, pid_t pid);
void ms_unwinder_add(struct ms_unwinder *unwinder, pid_t pid); /* with what /proc lists */
void ms_unwinder_fork(struct ms_unwinder *unwinder, pid_t parent, pid_t child);
void ms_unwinder_exec(struct ms_unwinder *unwinder, pid_t pid); /* nothing is mapped any more */
void ms_unwinder_end(struct ms_unwinder *unwinder, pid_t pid);
/* Code was mapped. `inode` 0: not known. */
void ms_unwinder_map(struct ms_unwinder *unwinder, pid_t pid, uint64_t start, uint64_t bytes,
                     uint64_t file_offset, uint64_t inode, const char *path);

/* The mask of registers to ask the kernel for, in the order of its bits in `registers`. */
uint64_t ms_unwinder_registers(void);

struct ms_unwind_input {
    pid_t pid;
    const uint64_t *registers;
    const uint8_t *stack; /* from the stack pointer on */
    size_t stack_bytes;
};

struct ms_unwound {
    uint64_t address;     /* the instruction that ran, or a return address */
    uint64_t file_offset; /* of what is to be looked up, less the load bias */
    uint32_t module;      /* number from 1; 0: none */
};

enum ms_unwind_end {
    MS_UNWIND_WHOLE,     /* out to the thread's first function */
    MS_UNWIND_CUT_DEPTH, /* the copy of the stack, or the room for frames, ends before */
    MS_UNWIND_CUT_NO_CFI /* a frame without unwind rules */
};

/* Innermost first; returns how many. */
uint32_t ms_unwinder_walk(struct ms_unwinder *unwinder, const struct ms_unwind_input *input,
                          struct ms_unwound *frames, uint32_t capacity, enum ms_unwind_end *end);

/* By number; valid until the unwinder goes. */
struct ms_unwind_module_info {
    const char *path;
    uint8_t build_id_bytes; /* 0: none */
    uint8_t build_id[MS_BUILD_ID_MAX];
};
const struct ms_unwind_module_info *ms_unwinder_module(const struct ms_unwinder *unwinder,
                                                       uint32_t number);

#endif
