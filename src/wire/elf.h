/*
 * What an executable file is, read from its first bytes: enough to say whether the probe may be put
 * into a process that runs it. Pure reading by pread: no allocation, no lock, async-signal-safe,
 * under 2 KiB of stack; every offset in the file is taken for hostile and every loop is bounded.
 */
#ifndef MS_WIRE_ELF_H
#define MS_WIRE_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_INTERPRETER_MAX 256u /* the kernel cuts a #! line there; longer PT_INTERP: -ENOEXEC */

enum ms_executable_kind {
    MS_EXECUTABLE_OTHER, /* neither: empty file, script without #!, binfmt_misc */
    MS_EXECUTABLE_ELF,
    MS_EXECUTABLE_SCRIPT /* begins with #! */
};

struct ms_executable {
    enum ms_executable_kind kind;
    /* ELF only: */
    uint16_t machine;     /* e_machine */
    uint8_t class_bits;   /* 32 or 64; 0: invalid class */
    bool native;          /* class, byte order and machine of this build */
    bool has_interpreter; /* PT_INTERP; without one LD_PRELOAD is not read: static, static-pie */
    bool musl;            /* the interpreter is musl's loader */
    bool needs_asan;      /* DT_NEEDED names the runtime of AddressSanitizer, ... */
    bool needs_tsan;      /* ... of ThreadSanitizer */
    /* PT_INTERP, or the interpreter of a #! line; "" when there is none */
    char interpreter[MS_INTERPRETER_MAX];
};

/*
 * Fills *found from the file open for reading at `descriptor` (its offset stays). Returns 0,
 * -ENOEXEC for a damaged ELF header or program header table, or -errno of pread. Of an ELF file
 * that is not `native` only kind, class_bits and machine are filled.
 */
int ms_executable_read(int descriptor, struct ms_executable *found);

/* Exactly `bytes` of the file from `offset` on. 0, -ENOEXEC when it ends before, or -errno. */
int ms_executable_bytes(int descriptor, void *to, size_t bytes, uint64_t offset);

/*
 * Does the ELF file, a native one, define the dynamic symbol `name` (by its GNU hash table)?
 * 1, 0, or -errno; -ENOTSUP when it has no GNU hash table.
 */
int ms_executable_defines(int descriptor, const char *name);

/*
 * Does the kernel start this file in secure mode for the calling process (set-user-ID,
 * set-group-ID, file capabilities), so that LD_PRELOAD is ignored? Capabilities are looked at
 * unless `mode_only`. 1, 0 or -errno of fstat.
 */
int ms_executable_is_privileged(int descriptor, bool mode_only);

#endif
