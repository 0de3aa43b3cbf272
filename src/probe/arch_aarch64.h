/*
 * aarch64: DWARF register numbers, the registers of the calling function, and a call on another
 * stack (scratch.c has its assembly). Return addresses may be signed: the authentication code is
 * taken off before an address is looked up or stored. Compiled, not yet run on such a machine.
 */
#ifndef MS_PROBE_ARCH_AARCH64_H
#define MS_PROBE_ARCH_AARCH64_H

#include <stdint.h>

#define MS_ARCH_REGISTERS 32u /* x0..x30, sp */
#define MS_ARCH_FP        29u
#define MS_ARCH_SP        31u
#define MS_ARCH_RA        30u
/* The return address column is x30, which a leaf function keeps in the register. */
#define MS_ARCH_RA_IS_PC       0
#define MS_ARCH_CALLEE_SAVED   (UINT64_C(0xfff) << 19) /* and x30: a leaf keeps it */
#define MS_ARCH_RED_ZONE_BYTES 0u

static inline uintptr_t ms_arch_strip(uintptr_t return_address)
{
    /* xpaclri, in the hint space: nothing happens on processors without authentication. */
    register uintptr_t link __asm__("x30") = return_address;
    __asm__("hint #7" : "+r"(link));
    return link;
}

/* Stores what a function called from here would have to preserve, by DWARF number, and the pc. */
static inline __attribute__((always_inline)) void ms_arch_capture(uintptr_t *value, uintptr_t *pc)
{
    uintptr_t stack_pointer;
    uintptr_t here;
    __asm__ volatile("stp x19, x20, [%[to], #152]\n\t"
                     "stp x21, x22, [%[to], #168]\n\t"
                     "stp x23, x24, [%[to], #184]\n\t"
                     "stp x25, x26, [%[to], #200]\n\t"
                     "stp x27, x28, [%[to], #216]\n\t"
                     "stp x29, x30, [%[to], #232]\n\t"
                     "mov %[sp], sp\n\t"
                     "adr %[pc], ."
                     : [sp] "=&r"(stack_pointer), [pc] "=&r"(here)
                     : [to] "r"(value)
                     : "memory");
    value[MS_ARCH_SP] = stack_pointer;
    *pc = here;
}

#define MS_ARCH_CALL_ON_STACK_ASM                                                                  \
    ".text\n"                                                                                      \
    ".p2align 4\n"                                                                                 \
    ".globl ms_arch_call_on_stack\n"                                                               \
    ".hidden ms_arch_call_on_stack\n"                                                              \
    ".type ms_arch_call_on_stack, %function\n"                                                     \
    "ms_arch_call_on_stack:\n"                                                                     \
    ".cfi_startproc\n"                                                                             \
    "hint #25\n"                                                                                   \
    ".cfi_negate_ra_state\n"                                                                       \
    "stp x29, x30, [sp, #-16]!\n"                                                                  \
    ".cfi_def_cfa_offset 16\n"                                                                     \
    ".cfi_offset x29, -16\n"                                                                       \
    ".cfi_offset x30, -8\n"                                                                        \
    "mov x29, sp\n"                                                                                \
    ".cfi_def_cfa_register x29\n"                                                                  \
    "mov sp, x0\n"                                                                                 \
    "mov x0, x2\n"                                                                                 \
    "blr x1\n"                                                                                     \
    "mov sp, x29\n"                                                                                \
    ".cfi_def_cfa_register sp\n"                                                                   \
    "ldp x29, x30, [sp], #16\n"                                                                    \
    ".cfi_restore x29\n"                                                                           \
    ".cfi_restore x30\n"                                                                           \
    ".cfi_def_cfa_offset 0\n"                                                                      \
    "hint #29\n"                                                                                   \
    ".cfi_negate_ra_state\n"                                                                       \
    "ret\n"                                                                                        \
    ".cfi_endproc\n"                                                                               \
    ".size ms_arch_call_on_stack, . - ms_arch_call_on_stack\n"

#endif
