/*
 * x86-64: DWARF register numbers, the registers of the calling function, and a call on another
 * stack (scratch.c has its assembly).
 */
#ifndef MS_PROBE_ARCH_X86_64_H
#define MS_PROBE_ARCH_X86_64_H

#include <stdint.h>

#define MS_ARCH_REGISTERS 17u /* rax rdx rcx rbx rsi rdi rbp rsp r8..r15, return address */
#define MS_ARCH_FP        6u
#define MS_ARCH_SP        7u
#define MS_ARCH_RA        16u
/* The return address column is the program counter itself, not a register that is kept. */
#define MS_ARCH_RA_IS_PC       1
#define MS_ARCH_CALLEE_SAVED   ((UINT64_C(1) << 3) | (UINT64_C(1) << 6) | (UINT64_C(0xf) << 12))
#define MS_ARCH_RED_ZONE_BYTES 128u

static inline uintptr_t ms_arch_strip(uintptr_t return_address)
{
    return return_address;
}

/* Stores what a function called from here would have to preserve, by DWARF number, and the pc. */
static inline __attribute__((always_inline)) void ms_arch_capture(uintptr_t *value, uintptr_t *pc)
{
    __asm__ volatile("movq %%rbx, 24(%[to])\n\t"
                     "movq %%rbp, 48(%[to])\n\t"
                     "movq %%rsp, 56(%[to])\n\t"
                     "movq %%r12, 96(%[to])\n\t"
                     "movq %%r13, 104(%[to])\n\t"
                     "movq %%r14, 112(%[to])\n\t"
                     "movq %%r15, 120(%[to])\n\t"
                     "leaq 0(%%rip), %%rax\n\t"
                     "movq %%rax, (%[pc])"
                     :
                     : [to] "D"(value), [pc] "S"(pc)
                     : "rax", "memory");
}

/* A called function starts with an empty red zone and a 16-byte aligned stack, less one word. */
#define MS_ARCH_CALL_ON_STACK_ASM                                                                  \
    ".text\n"                                                                                      \
    ".p2align 4\n"                                                                                 \
    ".globl ms_arch_call_on_stack\n"                                                               \
    ".hidden ms_arch_call_on_stack\n"                                                              \
    ".type ms_arch_call_on_stack, @function\n"                                                     \
    "ms_arch_call_on_stack:\n"                                                                     \
    ".cfi_startproc\n"                                                                             \
    "endbr64\n"                                                                                    \
    "pushq %rbp\n"                                                                                 \
    ".cfi_def_cfa_offset 16\n"                                                                     \
    ".cfi_offset %rbp, -16\n"                                                                      \
    "movq %rsp, %rbp\n"                                                                            \
    ".cfi_def_cfa_register %rbp\n"                                                                 \
    "movq %rdi, %rsp\n"                                                                            \
    "movq %rdx, %rdi\n"                                                                            \
    "call *%rsi\n"                                                                                 \
    "leave\n"                                                                                      \
    ".cfi_def_cfa %rsp, 8\n"                                                                       \
    "ret\n"                                                                                        \
    ".cfi_endproc\n"                                                                               \
    ".size ms_arch_call_on_stack, . - ms_arch_call_on_stack\n"

#endif
