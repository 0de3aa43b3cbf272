/* Rules and DWARF expressions of one frame, applied to registers. */
#include "probe/cfi_step.h"

#include <string.h>

enum {
    OP_ADDR = 0x03,
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST1S = 0x09,
    OP_CONST2U = 0x0a,
    OP_CONST2S = 0x0b,
    OP_CONST4U = 0x0c,
    OP_CONST4S = 0x0d,
    OP_CONST8U = 0x0e,
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_DUP = 0x12,
    OP_DROP = 0x13,
    OP_OVER = 0x14,
    OP_SWAP = 0x16,
    OP_AND = 0x1a,
    OP_MINUS = 0x1c,
    OP_MUL = 0x1e,
    OP_NEG = 0x1f,
    OP_NOT = 0x20,
    OP_OR = 0x21,
    OP_PLUS = 0x22,
    OP_PLUS_UCONST = 0x23,
    OP_SHL = 0x24,
    OP_SHR = 0x25,
    OP_SHRA = 0x26,
    OP_XOR = 0x27,
    OP_BRA = 0x28,
    OP_EQ = 0x29,
    OP_GE = 0x2a,
    OP_GT = 0x2b,
    OP_LE = 0x2c,
    OP_LT = 0x2d,
    OP_NE = 0x2e,
    OP_SKIP = 0x2f,
    OP_LIT0 = 0x30,
    OP_BREG0 = 0x70,
    OP_BREGX = 0x92,
    OP_NOP = 0x96
};

#define EXPRESSION_DEPTH_MAX      16u
#define EXPRESSION_OPERATIONS_MAX 256u

struct evaluation {
    const struct ms_registers *registers;
    const struct ms_stack_span *span;
    struct ms_byte_cursor code;
    const uint8_t *start;
    enum ms_step_result problem;
    unsigned depth;
    uint64_t stack[EXPRESSION_DEPTH_MAX];
};

static enum ms_step_result read_word(const struct ms_stack_span *span, uintptr_t address,
                                     uintptr_t *word)
{
    if (address < span->low || address >= span->high || span->high - address < sizeof *word ||
        address % sizeof *word != 0) {
        return MS_STEP_REFUSED;
    }
    *word = *(const uintptr_t *)address;
    return MS_STEP_DONE;
}

static enum ms_step_result read_register(const struct ms_registers *registers, uint64_t number,
                                         uintptr_t *value)
{
    if (MS_ARCH_RA_IS_PC && number == MS_ARCH_RA) {
        *value = registers->pc;
        return MS_STEP_DONE;
    }
    if (number >= MS_ARCH_REGISTERS || (registers->known >> number & 1) == 0) {
        return MS_STEP_UNKNOWN_REGISTER;
    }
    *value = registers->value[number];
    return MS_STEP_DONE;
}

static void push(struct evaluation *e, uint64_t value)
{
    if (e->depth == EXPRESSION_DEPTH_MAX) {
        e->problem = MS_STEP_REFUSED;
        return;
    }
    e->stack[e->depth++] = value;
}

static uint64_t pop(struct evaluation *e)
{
    if (e->depth == 0) {
        e->problem = MS_STEP_REFUSED;
        return 0;
    }
    return e->stack[--e->depth];
}

static void push_register(struct evaluation *e, uint64_t number, int64_t offset)
{
    uintptr_t value = 0;
    enum ms_step_result result = read_register(e->registers, number, &value);
    if (result != MS_STEP_DONE) {
        e->problem = result;
    }
    push(e, value + (uint64_t)offset);
}

static void dereference(struct evaluation *e)
{
    uintptr_t word = 0;
    enum ms_step_result result = read_word(e->span, pop(e), &word);
    if (result != MS_STEP_DONE) {
        e->problem = result;
    }
    push(e, word);
}

/* Jumps inside the expression, from after the 2-byte operand. */
static void jump(struct evaluation *e, bool taken)
{
    int64_t offset = ms_read_signed(&e->code, 2);
    if (e->code.bad || !taken) {
        return;
    }
    int64_t position = (e->code.at - e->start) + offset;
    if (position < 0 || position > e->code.end - e->start) {
        e->problem = MS_STEP_REFUSED;
        return;
    }
    e->code.at = e->start + position;
}

/* False: not a constant. */
static bool push_constant(struct evaluation *e, uint8_t operation)
{
    if (operation >= OP_LIT0 && operation < OP_LIT0 + 32) {
        push(e, (uint64_t)(operation - OP_LIT0));
        return true;
    }
    switch (operation) {
    case OP_ADDR:
    case OP_CONST8U:
    case OP_CONST8S:
        push(e, ms_read_unsigned(&e->code, 8));
        return true;
    case OP_CONST1U:
        push(e, ms_read_unsigned(&e->code, 1));
        return true;
    case OP_CONST1S:
        push(e, (uint64_t)ms_read_signed(&e->code, 1));
        return true;
    case OP_CONST2U:
        push(e, ms_read_unsigned(&e->code, 2));
        return true;
    case OP_CONST2S:
        push(e, (uint64_t)ms_read_signed(&e->code, 2));
        return true;
    case OP_CONST4U:
        push(e, ms_read_unsigned(&e->code, 4));
        return true;
    case OP_CONST4S:
        push(e, (uint64_t)ms_read_signed(&e->code, 4));
        return true;
    case OP_CONSTU:
        push(e, ms_read_uleb(&e->code));
        return true;
    case OP_CONSTS:
        push(e, (uint64_t)ms_read_sleb(&e->code));
        return true;
    default:
        return false;
    }
}

static bool holds(uint8_t comparison, int64_t left, int64_t right)
{
    switch (comparison) {
    case OP_EQ:
        return left == right;
    case OP_GE:
        return left >= right;
    case OP_GT:
        return left > right;
    case OP_LE:
        return left <= right;
    case OP_LT:
        return left < right;
    default:
        return left != right;
    }
}

/* False: not an operation on the two topmost values. */
static bool combine(struct evaluation *e, uint8_t operation)
{
    if (operation < OP_AND || operation > OP_NE || operation == OP_NEG || operation == OP_NOT ||
        operation == OP_PLUS_UCONST || operation == OP_BRA || operation == OP_AND + 1 ||
        operation == OP_MINUS + 1) {
        return false;
    }
    uint64_t right = pop(e);
    uint64_t left = pop(e);
    uint64_t shift = right < 64 ? right : 63;
    switch (operation) {
    case OP_AND:
        push(e, left & right);
        break;
    case OP_MINUS:
        push(e, left - right);
        break;
    case OP_MUL:
        push(e, left * right);
        break;
    case OP_OR:
        push(e, left | right);
        break;
    case OP_PLUS:
        push(e, left + right);
        break;
    case OP_SHL:
        push(e, right < 64 ? left << right : 0);
        break;
    case OP_SHR:
        push(e, right < 64 ? left >> right : 0);
        break;
    case OP_SHRA:
        push(e, (uint64_t)((int64_t)left >> shift));
        break;
    case OP_XOR:
        push(e, left ^ right);
        break;
    default:
        push(e, holds(operation, (int64_t)left, (int64_t)right));
        break;
    }
    return true;
}

static void rearrange(struct evaluation *e, uint8_t operation)
{
    uint64_t top = pop(e);
    switch (operation) {
    case OP_DROP:
        break;
    case OP_DUP:
        push(e, top);
        push(e, top);
        break;
    case OP_OVER:
    case OP_SWAP: {
        uint64_t below = pop(e);
        if (operation == OP_SWAP) {
            push(e, top);
            push(e, below);
        } else {
            push(e, below);
            push(e, top);
            push(e, below);
        }
        break;
    }
    case OP_NEG:
        push(e, 0 - top);
        break;
    case OP_NOT:
        push(e, ~top);
        break;
    default:
        e->problem = MS_STEP_REFUSED;
        break;
    }
}

static void evaluate_one(struct evaluation *e)
{
    uint8_t operation = (uint8_t)ms_read_unsigned(&e->code, 1);
    if (operation >= OP_BREG0 && operation < OP_BREG0 + 32) {
        push_register(e, (uint64_t)(operation - OP_BREG0), ms_read_sleb(&e->code));
        return;
    }
    if (push_constant(e, operation) || combine(e, operation)) {
        return;
    }
    switch (operation) {
    case OP_NOP:
        break;
    case OP_DEREF:
        dereference(e);
        break;
    case OP_PLUS_UCONST:
        push(e, pop(e) + ms_read_uleb(&e->code));
        break;
    case OP_BREGX: {
        uint64_t number = ms_read_uleb(&e->code);
        push_register(e, number, ms_read_sleb(&e->code));
        break;
    }
    case OP_BRA:
        jump(e, pop(e) != 0);
        break;
    case OP_SKIP:
        jump(e, true);
        break;
    default:
        rearrange(e, operation);
        break;
    }
}

/* `block`: address of the expression, whose extent the parser has checked. */
static enum ms_step_result evaluate(const struct ms_registers *registers,
                                    const struct ms_stack_span *span, int64_t block,
                                    const uintptr_t *initial, uintptr_t *result)
{
    const uint8_t *length_at = (const uint8_t *)(uintptr_t)block;
    struct ms_byte_cursor code = {length_at, length_at + 10, false};
    uint64_t bytes = ms_read_uleb(&code);
    struct evaluation e = {.registers = registers,
                           .span = span,
                           .code = {code.at, code.at + bytes, false},
                           .start = code.at,
                           .problem = MS_STEP_DONE};
    if (initial != NULL) {
        push(&e, *initial);
    }
    for (unsigned n = 0; e.code.at < e.code.end; n++) {
        if (n == EXPRESSION_OPERATIONS_MAX) {
            return MS_STEP_REFUSED;
        }
        evaluate_one(&e);
        if (e.code.bad) {
            return MS_STEP_REFUSED;
        }
        if (e.problem != MS_STEP_DONE) {
            return e.problem;
        }
    }
    *result = pop(&e);
    return e.problem;
}

static enum ms_step_result find_cfa(const struct ms_cfi_row *row, const struct ms_stack_span *span,
                                    const struct ms_registers *registers, uintptr_t *cfa)
{
    if (row->cfa_by_expression) {
        return evaluate(registers, span, row->cfa_value, NULL, cfa);
    }
    enum ms_step_result result = read_register(registers, row->cfa_register, cfa);
    *cfa += (uintptr_t)row->cfa_value;
    return result;
}

/*
 * The caller's value of one register. MS_STEP_UNKNOWN_REGISTER also when the rule leaves it
 * undefined, which matters only when somebody asks for it.
 */
static enum ms_step_result recover(const struct ms_cfi_row *row, const struct ms_stack_span *span,
                                   const struct ms_registers *registers, uintptr_t cfa,
                                   unsigned number, uintptr_t *value)
{
    int64_t operand = row->value[number];
    uintptr_t address;
    enum ms_step_result result;
    switch ((enum ms_cfi_kind)row->kind[number]) {
    case MS_CFI_OFFSET:
        return read_word(span, cfa + (uintptr_t)operand, value);
    case MS_CFI_VALUE_OFFSET:
        *value = cfa + (uintptr_t)operand;
        return MS_STEP_DONE;
    case MS_CFI_REGISTER:
        return read_register(registers, (uint64_t)operand, value);
    case MS_CFI_EXPRESSION:
        result = evaluate(registers, span, operand, &cfa, &address);
        return result == MS_STEP_DONE ? read_word(span, address, value) : result;
    case MS_CFI_VALUE_EXPRESSION:
        return evaluate(registers, span, operand, &cfa, value);
    case MS_CFI_UNDEFINED:
        return MS_STEP_UNKNOWN_REGISTER;
    case MS_CFI_UNSPECIFIED:
        if (number == MS_ARCH_SP) {
            *value = cfa;
            return MS_STEP_DONE;
        }
        if ((MS_ARCH_CALLEE_SAVED >> number & 1) == 0) {
            return MS_STEP_UNKNOWN_REGISTER;
        }
        return read_register(registers, number, value);
    case MS_CFI_SAME:
        return read_register(registers, number, value);
    }
    return MS_STEP_REFUSED;
}

enum ms_step_result ms_cfi_step(const struct ms_cfi_row *row, const struct ms_stack_span *span,
                                struct ms_registers *registers)
{
    if (row->kind[MS_ARCH_RA] == MS_CFI_UNDEFINED) {
        return MS_STEP_OUTERMOST;
    }
    uintptr_t cfa = 0;
    enum ms_step_result result = find_cfa(row, span, registers, &cfa);
    if (result != MS_STEP_DONE) {
        return result;
    }
    struct ms_registers caller = {.exact = row->signal_frame};
    for (unsigned number = 0; number < MS_ARCH_REGISTERS; number++) {
        uintptr_t value = 0;
        result = recover(row, span, registers, cfa, number, &value);
        if (result == MS_STEP_DONE) {
            caller.value[number] = value;
            caller.known |= UINT64_C(1) << number;
        } else if (number == MS_ARCH_RA || number == MS_ARCH_SP) {
            return result;
        }
    }
    caller.pc = caller.value[MS_ARCH_RA];
    if (!caller.exact) {
        caller.pc = ms_arch_strip(caller.pc);
    }
    *registers = caller;
    return MS_STEP_DONE;
}
