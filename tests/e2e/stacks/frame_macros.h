/* How the functions of frames.S and plugin.S are written. */
    .macro begin name
    .p2align 4
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    endbr64
    .endm

    .macro end name
    .cfi_endproc
    .size \name, . - \name
    .endm

    .macro call_next name
    addq $16, %rdi
    call *(%rdi)
    .globl \name\()_return
\name\()_return:
    .endm

    .macro grow bytes
    subq $\bytes, %rsp
    .cfi_adjust_cfa_offset \bytes
    .endm

    .macro shrink bytes
    addq $\bytes, %rsp
    .cfi_adjust_cfa_offset -\bytes
    .endm

/* A frame of constant size, found by the stack pointer. */
    .macro fixed name bytes
    begin \name
    grow \bytes
    call_next \name
    shrink \bytes
    ret
    end \name
    .endm

/* The ends: store the stack pointer at the call in their step, and allocate. */
    .macro allocate name
    movq %rsp, 8(%rdi)
    movl $24, %edi
    call malloc@PLT
    .globl \name\()_return
\name\()_return:
    movq %rax, %rdi
    call free@PLT
    .endm

/* What the linker needs to keep shadow stacks and indirect branch tracking. */
    .section .note.gnu.property, "a", @note
    .p2align 3
    .long 4, 16, 5
    .asciz "GNU"
    .long 0xc0000002, 4, 3, 0

    .section .note.GNU-stack, "", @progbits
