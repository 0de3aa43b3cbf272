/*
 * Frames of every kind that unwind information can describe, as steps of a script: an array of
 * (function, bytes) pairs. A function gets the address of its own step, makes its frame, and
 * calls the function of the next step; the last one allocates. So any chain of frames can be put
 * together at run time, its size to the byte is known, and NAME_return is the return address that a
 * walk must find. frames.h names them all.
 */
#include "frame_macros.h"

    .text
    fixed fixed_a 8
    fixed fixed_b 8
    fixed fixed_c 40
    fixed fixed_d 40
    fixed fixed_e 1032

/* Registers pushed and popped, as without a frame pointer. */
    begin pushes
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -16
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r12, -24
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r13, -32
    call_next pushes
    popq %r13
    .cfi_adjust_cfa_offset -8
    popq %r12
    .cfi_adjust_cfa_offset -8
    popq %rbx
    .cfi_adjust_cfa_offset -8
    ret
    end pushes

/* The size of the step, as alloca makes it: found by the frame pointer. */
    .macro dynamic name
    begin \name
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    subq 8(%rdi), %rsp
    call_next \name
    leave
    .cfi_def_cfa %rsp, 8
    ret
    end \name
    .endm
    dynamic ballast
    dynamic dynamic_a
    dynamic dynamic_b

/* The frame pointer is saved but stays that of the caller. */
    begin kept
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    call_next kept
    popq %rbp
    .cfi_adjust_cfa_offset -8
    ret
    end kept

/* The frame pointer is a register like any other, and no address. */
    begin general
    grow 24
    movq %rbp, 16(%rsp)
    .cfi_offset %rbp, -16
    leaq 1(%rdi,%rdi,2), %rbp
    call_next general
    movq 16(%rsp), %rbp
    .cfi_restore %rbp
    shrink 24
    ret
    end general

/* The same, the value being a plausible address: of the frame of the caller's caller. */
    begin plausible
    grow 24
    movq %rbp, (%rsp)
    .cfi_offset %rbp, -32
    leaq 32(%rsp), %rbp
    call_next plausible
    movq (%rsp), %rbp
    .cfi_restore %rbp
    shrink 24
    ret
    end plausible

/* Goes on without a frame of its own. */
    begin sibling
    addq $16, %rdi
    jmp *(%rdi)
    .globl sibling_return
    .hidden sibling_return
sibling_return:
    end sibling

/* Realigned, its CFA in rbx: only a walk that knows all registers gets past it. */
    begin by_rbx
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -16
    movq %rsp, %rbx
    .cfi_def_cfa_register %rbx
    subq $48, %rsp
    call_next by_rbx
    movq %rbx, %rsp
    .cfi_def_cfa %rsp, 16
    popq %rbx
    .cfi_adjust_cfa_offset -8
    ret
    end by_rbx

/* CFA = rsp + 16 by an expression. */
    begin by_expression
    subq $8, %rsp
    .cfi_escape 0x0f, 0x02, 0x77, 0x10
    call_next by_expression
    addq $8, %rsp
    .cfi_def_cfa %rsp, 8
    ret
    end by_expression

/* Code that says nothing about itself. */
    .p2align 4
    .globl without_cfi
    .type without_cfi, @function
without_cfi:
    endbr64
    subq $8, %rsp
    call_next without_cfi
    addq $8, %rsp
    ret
    .size without_cfi, . - without_cfi

/* A stack that begins right below the address that the step states. */
    .macro on_fiber name
    begin \name
    movq %rsp, %rax
    .cfi_remember_state
    .cfi_undefined %rip
    movq 8(%rdi), %rsp
    pushq %rax
    call_next \name
    popq %rsp
    .cfi_restore_state
    ret
    end \name
    .endm
    on_fiber fiber
    on_fiber fiber_b

/* Interrupted by a signal, whose handler goes on from `interrupted_step`. */
    begin interrupted
    grow 8
    movq %rdi, interrupted_step(%rip)
    int3
    .globl interrupted_return
    .hidden interrupted_return
interrupted_return:
    shrink 8
    ret
    end interrupted

/* The same with a frame pointer. */
    begin interrupted_framed
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    subq 8(%rdi), %rsp
    movq %rdi, interrupted_step(%rip)
    int3
    .globl interrupted_framed_return
    .hidden interrupted_framed_return
interrupted_framed_return:
    leave
    .cfi_def_cfa %rsp, 8
    ret
    end interrupted_framed

    begin leaf
    grow 8
    allocate leaf
    shrink 8
    ret
    end leaf

    begin leaf_general
    grow 24
    movq %rbp, 8(%rsp)
    .cfi_offset %rbp, -24
    leaq 1(%rdi,%rdi,4), %rbp
    allocate leaf_general
    movq 8(%rsp), %rbp
    .cfi_restore %rbp
    shrink 24
    ret
    end leaf_general

    begin leaf_framed
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    movq %rsp, %rbp
    .cfi_def_cfa_register %rbp
    subq $16, %rsp
    allocate leaf_framed
    leave
    .cfi_def_cfa %rsp, 8
    ret
    end leaf_framed

/* void run_script(struct step *before_first): what the callee need not preserve is garbage. */
    begin run_script
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    movq $-17, %rbp
    call_next run_script
    popq %rbp
    .cfi_adjust_cfa_offset -8
    ret
    end run_script

