/*
 * .eh_frame: the unwind row of one program counter. A pure function of the bytes it is given: every
 * read is checked against the bounds in `struct ms_eh_frame`, nothing is kept, nothing allocated.
 *
 * Understood: .eh_frame_hdr with a sorted table of 4-byte offsets relative to the header (what
 * every linker writes), CIE versions 1, 3 and 4, augmentations "" and "z" with P, L, R, S, B.
 * Anything else is reported as damaged and the caller stops the stack there.
 */
#ifndef MS_PROBE_EH_FRAME_H
#define MS_PROBE_EH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/arch.h"
#include "probe/byte_cursor.h"
#include "probe/real.h"

/* Tables of one module. Borrowed; the module must stay mapped while they are read. */
struct ms_eh_frame {
    const uint8_t *header; /* .eh_frame_hdr */
    size_t header_bytes;   /* readable from there */
    const uint8_t *low;    /* readable bytes that hold .eh_frame: [low, high) */
    const uint8_t *high;
};

enum ms_cfi_kind {
    MS_CFI_UNSPECIFIED, /* the ABI decides */
    MS_CFI_UNDEFINED,
    MS_CFI_SAME,
    MS_CFI_OFFSET,          /* saved at CFA + value */
    MS_CFI_VALUE_OFFSET,    /* is CFA + value */
    MS_CFI_REGISTER,        /* is in register `value` */
    MS_CFI_EXPRESSION,      /* saved where the expression at address `value` says */
    MS_CFI_VALUE_EXPRESSION /* is what the expression at address `value` says */
};

/* How to get from a frame to its caller's. Expressions start with their length (ULEB128). */
struct ms_cfi_row {
    bool signal_frame;
    bool cfa_by_expression;
    uint8_t cfa_register;
    uint8_t kind[MS_ARCH_REGISTERS]; /* enum ms_cfi_kind */
    int64_t cfa_value;               /* offset, or address of the expression */
    int64_t value[MS_ARCH_REGISTERS];
};

/* Address of .eh_frame as the header states it. 0 or -EPROTO. */
MS_HIDDEN int ms_eh_frame_address(const uint8_t *header, size_t header_bytes, uintptr_t *address);

/*
 * The row in force at `pc` (an address inside an instruction, so return address - 1). Returns 0;
 * -ENOENT: no unwind information covers pc; -EPROTO: damaged or of an unknown form.
 * Needs about 2.5 KiB of stack.
 */
MS_HIDDEN int ms_eh_frame_row(const struct ms_eh_frame *frames, uintptr_t pc,
                              struct ms_cfi_row *row);

#endif
