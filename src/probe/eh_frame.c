/* .eh_frame_hdr lookup and the CFA programs of one CIE and FDE. Names as in the DWARF standard. */
#include "probe/eh_frame.h"

#include <errno.h>
#include <string.h>

/* Pointer encodings (Linux Standard Base). */
enum {
    PE_ABSOLUTE = 0x00,
    PE_ULEB128 = 0x01,
    PE_UDATA2 = 0x02,
    PE_UDATA4 = 0x03,
    PE_UDATA8 = 0x04,
    PE_SLEB128 = 0x09,
    PE_SDATA2 = 0x0a,
    PE_SDATA4 = 0x0b,
    PE_SDATA8 = 0x0c,
    PE_FORMAT = 0x0f,
    PE_PC_RELATIVE = 0x10,
    PE_DATA_RELATIVE = 0x30,
    PE_BASE = 0x70,
    PE_OMIT = 0xff
};

enum {
    CFA_ADVANCE_LOC = 0x40, /* the three whose operand is in the low 6 bits */
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE_LOC1 = 0x02,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_ADVANCE_LOC4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_NEGATE_RA_STATE = 0x2d,
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f
};

#define REMEMBERED_MAX     8u
#define HEADER_FIXED_BYTES 4u

struct cie {
    uint64_t code_alignment;
    int64_t data_alignment;
    uint64_t return_register;
    uint8_t pointer_encoding;
    bool signal_frame;
    bool has_augmentation_data;
    struct ms_byte_cursor program;
};

struct machine {
    struct ms_cfi_row row;
    struct ms_cfi_row initial; /* after the CIE's program: what DW_CFA_restore goes back to */
    struct ms_cfi_row remembered[REMEMBERED_MAX];
    unsigned remembered_count;
    uintptr_t location;
    uintptr_t pc;
    const struct cie *cie;
    uintptr_t data_base;
};

/* An encoded pointer; an indirect one is not followed (only personalities are, and they are
 * skipped). */
static uintptr_t read_pointer(struct ms_byte_cursor *cursor, uint8_t encoding, uintptr_t data_base)
{
    uintptr_t here = (uintptr_t)cursor->at;
    uint64_t value = 0;
    switch (encoding & PE_FORMAT) {
    case PE_ABSOLUTE:
    case PE_UDATA8:
    case PE_SDATA8:
        value = ms_read_unsigned(cursor, 8);
        break;
    case PE_ULEB128:
        value = ms_read_uleb(cursor);
        break;
    case PE_UDATA2:
        value = ms_read_unsigned(cursor, 2);
        break;
    case PE_UDATA4:
        value = ms_read_unsigned(cursor, 4);
        break;
    case PE_SLEB128:
        value = (uint64_t)ms_read_sleb(cursor);
        break;
    case PE_SDATA2:
        value = (uint64_t)ms_read_signed(cursor, 2);
        break;
    case PE_SDATA4:
        value = (uint64_t)ms_read_signed(cursor, 4);
        break;
    default:
        cursor->bad = true;
        return 0;
    }
    switch (encoding & PE_BASE) {
    case PE_ABSOLUTE:
        return value;
    case PE_PC_RELATIVE:
        return here + value;
    case PE_DATA_RELATIVE:
        return data_base + value;
    default:
        cursor->bad = true;
        return 0;
    }
}

int ms_eh_frame_address(const uint8_t *header, size_t header_bytes, uintptr_t *address)
{
    struct ms_byte_cursor cursor = {header, header + header_bytes, false};
    if (header_bytes < HEADER_FIXED_BYTES || header[0] != 1 || header[1] == PE_OMIT) {
        return -EPROTO;
    }
    ms_skip_bytes(&cursor, HEADER_FIXED_BYTES);
    *address = read_pointer(&cursor, header[1], (uintptr_t)header);
    return cursor.bad ? -EPROTO : 0;
}

/* Address of the FDE whose start is the last one at or below pc. */
static int find_fde(const struct ms_eh_frame *frames, uintptr_t pc, uintptr_t *fde)
{
    const uint8_t *header = frames->header;
    uintptr_t base = (uintptr_t)header;
    struct ms_byte_cursor cursor = {header, header + frames->header_bytes, false};
    if (frames->header_bytes < HEADER_FIXED_BYTES || header[0] != 1 || header[1] == PE_OMIT ||
        header[2] == PE_OMIT || header[3] != (PE_DATA_RELATIVE | PE_SDATA4)) {
        return -EPROTO;
    }
    ms_skip_bytes(&cursor, HEADER_FIXED_BYTES);
    (void)read_pointer(&cursor, header[1], base);
    uint64_t count = read_pointer(&cursor, header[2], base);
    if (cursor.bad || count > (uint64_t)(cursor.end - cursor.at) / 8) {
        return -EPROTO;
    }
    const uint8_t *table = cursor.at;
    uint64_t low = 0;
    uint64_t high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int32_t start;
        memcpy(&start, table + middle * 8, sizeof start);
        if (base + (uintptr_t)(intptr_t)start <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return -ENOENT;
    }
    int32_t offset;
    memcpy(&offset, table + (low - 1) * 8 + 4, sizeof offset);
    *fde = base + (uintptr_t)(intptr_t)offset;
    return 0;
}

/*
 * Opens the CIE or FDE at `address`: the cursor covers what follows the length field, `*id_at` is
 * where the CIE pointer (0 in a CIE) stands.
 */
static int open_record(const struct ms_eh_frame *frames, uintptr_t address,
                       struct ms_byte_cursor *record, uintptr_t *id_at, uint32_t *id)
{
    uintptr_t low = (uintptr_t)frames->low;
    uintptr_t high = (uintptr_t)frames->high;
    if (address < low || address >= high) {
        return -EPROTO;
    }
    *record = (struct ms_byte_cursor){frames->low + (address - low), frames->high, false};
    uint64_t length = ms_read_unsigned(record, 4);
    if (length == UINT32_MAX) {
        length = ms_read_unsigned(record, 8);
    }
    if (record->bad || length < 4 || length > (uint64_t)(record->end - record->at)) {
        return -EPROTO;
    }
    record->end = record->at + length;
    *id_at = (uintptr_t)record->at;
    *id = (uint32_t)ms_read_unsigned(record, 4);
    return 0;
}

static int read_augmentation(struct ms_byte_cursor *record, const char *letters, struct cie *cie)
{
    uint64_t bytes = ms_read_uleb(record);
    if (record->bad || bytes > (uint64_t)(record->end - record->at)) {
        return -EPROTO;
    }
    struct ms_byte_cursor data = {record->at, record->at + bytes, false};
    record->at += bytes;
    for (; *letters != '\0'; letters++) {
        switch (*letters) {
        case 'R':
            cie->pointer_encoding = (uint8_t)ms_read_unsigned(&data, 1);
            break;
        case 'L':
            ms_skip_bytes(&data, 1);
            break;
        case 'P': {
            uint8_t encoding = (uint8_t)ms_read_unsigned(&data, 1);
            (void)read_pointer(&data, encoding & 0x7f, 0);
            break;
        }
        case 'S':
            cie->signal_frame = true;
            break;
        case 'B':
            break;
        default:
            return -EPROTO;
        }
    }
    return data.bad ? -EPROTO : 0;
}

static int read_cie(const struct ms_eh_frame *frames, uintptr_t address, struct cie *cie)
{
    struct ms_byte_cursor record;
    uintptr_t id_at;
    uint32_t id;
    int result = open_record(frames, address, &record, &id_at, &id);
    if (result != 0 || id != 0) {
        return -EPROTO;
    }
    uint8_t version = (uint8_t)ms_read_unsigned(&record, 1);
    const char *augmentation = (const char *)record.at;
    const uint8_t *nul = memchr(record.at, '\0', (size_t)(record.end - record.at));
    if (nul == NULL || (version != 1 && version != 3 && version != 4)) {
        return -EPROTO;
    }
    record.at = nul + 1;
    if (version == 4 && ms_read_unsigned(&record, 2) != sizeof(void *)) {
        return -EPROTO; /* address size, and segments, which nobody has */
    }
    *cie = (struct cie){.pointer_encoding = PE_ABSOLUTE};
    cie->code_alignment = ms_read_uleb(&record);
    cie->data_alignment = ms_read_sleb(&record);
    cie->return_register = version == 1 ? ms_read_unsigned(&record, 1) : ms_read_uleb(&record);
    if (augmentation[0] == 'z') {
        cie->has_augmentation_data = true;
        result = read_augmentation(&record, augmentation + 1, cie);
    } else if (augmentation[0] != '\0') {
        result = -EPROTO;
    }
    if (result != 0 || record.bad || cie->return_register != MS_ARCH_RA) {
        return -EPROTO;
    }
    cie->program = record;
    return 0;
}

/* Rules of registers that no walk needs (vector registers) are read and dropped. */
static void set_rule(struct machine *machine, uint64_t number, enum ms_cfi_kind kind, int64_t value)
{
    if (number < MS_ARCH_REGISTERS) {
        machine->row.kind[number] = (uint8_t)kind;
        machine->row.value[number] = value;
    }
}

static void restore_rule(struct machine *machine, uint64_t number)
{
    if (number < MS_ARCH_REGISTERS) {
        machine->row.kind[number] = machine->initial.kind[number];
        machine->row.value[number] = machine->initial.value[number];
    }
}

static int64_t read_block(struct ms_byte_cursor *program)
{
    int64_t address = (int64_t)(uintptr_t)program->at;
    ms_skip_bytes(program, ms_read_uleb(program));
    return address;
}

static int64_t scaled(const struct machine *machine, uint64_t factor)
{
    return (int64_t)(factor * (uint64_t)machine->cie->data_alignment);
}

static bool set_cfa_register(struct machine *machine, uint64_t number)
{
    if (number >= MS_ARCH_REGISTERS) {
        return false;
    }
    machine->row.cfa_register = (uint8_t)number;
    machine->row.cfa_by_expression = false;
    return true;
}

/* DW_CFA_def_cfa*. False: not understood. */
static bool define_cfa(struct machine *machine, struct ms_byte_cursor *program, uint8_t operation)
{
    struct ms_cfi_row *row = &machine->row;
    switch (operation) {
    case CFA_DEF_CFA:
    case CFA_DEF_CFA_SF: {
        bool known = set_cfa_register(machine, ms_read_uleb(program));
        row->cfa_value = operation == CFA_DEF_CFA
                             ? (int64_t)ms_read_uleb(program)
                             : scaled(machine, (uint64_t)ms_read_sleb(program));
        return known;
    }
    case CFA_DEF_CFA_REGISTER: {
        bool was_expression = row->cfa_by_expression;
        return set_cfa_register(machine, ms_read_uleb(program)) && !was_expression;
    }
    case CFA_DEF_CFA_OFFSET:
        row->cfa_value = (int64_t)ms_read_uleb(program);
        return !row->cfa_by_expression;
    case CFA_DEF_CFA_OFFSET_SF:
        row->cfa_value = scaled(machine, (uint64_t)ms_read_sleb(program));
        return !row->cfa_by_expression;
    case CFA_DEF_CFA_EXPRESSION:
        row->cfa_by_expression = true;
        row->cfa_value = read_block(program);
        return true;
    default:
        return false;
    }
}

/* One operation that gives a register its rule. False: not understood. */
static bool define_register(struct machine *machine, struct ms_byte_cursor *program,
                            uint8_t operation)
{
    uint64_t number = ms_read_uleb(program);
    switch (operation) {
    case CFA_OFFSET_EXTENDED:
        set_rule(machine, number, MS_CFI_OFFSET, scaled(machine, ms_read_uleb(program)));
        return true;
    case CFA_OFFSET_EXTENDED_SF:
        set_rule(machine, number, MS_CFI_OFFSET, scaled(machine, (uint64_t)ms_read_sleb(program)));
        return true;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        set_rule(machine, number, MS_CFI_OFFSET, scaled(machine, 0 - ms_read_uleb(program)));
        return true;
    case CFA_VAL_OFFSET:
        set_rule(machine, number, MS_CFI_VALUE_OFFSET, scaled(machine, ms_read_uleb(program)));
        return true;
    case CFA_VAL_OFFSET_SF:
        set_rule(machine, number, MS_CFI_VALUE_OFFSET,
                 scaled(machine, (uint64_t)ms_read_sleb(program)));
        return true;
    case CFA_RESTORE_EXTENDED:
        restore_rule(machine, number);
        return true;
    case CFA_UNDEFINED:
        set_rule(machine, number, MS_CFI_UNDEFINED, 0);
        return true;
    case CFA_SAME_VALUE:
        set_rule(machine, number, MS_CFI_SAME, 0);
        return true;
    case CFA_REGISTER:
        set_rule(machine, number, MS_CFI_REGISTER, (int64_t)ms_read_uleb(program));
        return true;
    case CFA_EXPRESSION:
        set_rule(machine, number, MS_CFI_EXPRESSION, read_block(program));
        return true;
    case CFA_VAL_EXPRESSION:
        set_rule(machine, number, MS_CFI_VALUE_EXPRESSION, read_block(program));
        return true;
    default:
        return false;
    }
}

static bool remember(struct machine *machine)
{
    if (machine->remembered_count == REMEMBERED_MAX) {
        return false;
    }
    machine->remembered[machine->remembered_count++] = machine->row;
    return true;
}

static bool restore_remembered(struct machine *machine)
{
    if (machine->remembered_count == 0) {
        return false;
    }
    machine->row = machine->remembered[--machine->remembered_count];
    return true;
}

/* Operations that are neither a location nor packed into two bits. False: not understood. */
static bool execute_plain(struct machine *machine, struct ms_byte_cursor *program,
                          uint8_t operation)
{
    switch (operation) {
    case CFA_NOP:
    case CFA_NEGATE_RA_STATE: /* aarch64 signs return addresses: every one is stripped anyway */
        return true;
    case CFA_GNU_ARGS_SIZE:
        (void)ms_read_uleb(program);
        return true;
    case CFA_REMEMBER_STATE:
        return remember(machine);
    case CFA_RESTORE_STATE:
        return restore_remembered(machine);
    case CFA_DEF_CFA:
    case CFA_DEF_CFA_SF:
    case CFA_DEF_CFA_REGISTER:
    case CFA_DEF_CFA_OFFSET:
    case CFA_DEF_CFA_OFFSET_SF:
    case CFA_DEF_CFA_EXPRESSION:
        return define_cfa(machine, program, operation);
    default:
        return define_register(machine, program, operation);
    }
}

/* How far an operation moves the location; false when it does not move it at all. */
static bool read_advance(const struct machine *machine, struct ms_byte_cursor *program,
                         uint8_t operation, uintptr_t *location)
{
    uint64_t delta;
    if ((operation & 0xc0) == CFA_ADVANCE_LOC) {
        delta = operation & 0x3f;
    } else if (operation == CFA_ADVANCE_LOC1) {
        delta = ms_read_unsigned(program, 1);
    } else if (operation == CFA_ADVANCE_LOC2) {
        delta = ms_read_unsigned(program, 2);
    } else if (operation == CFA_ADVANCE_LOC4) {
        delta = ms_read_unsigned(program, 4);
    } else if (operation == CFA_SET_LOC) {
        *location = read_pointer(program, machine->cie->pointer_encoding, machine->data_base);
        return true;
    } else {
        return false;
    }
    *location = machine->location + delta * machine->cie->code_alignment;
    return true;
}

/* Runs a program up to the row that holds at machine->pc. */
static int execute(struct machine *machine, struct ms_byte_cursor program)
{
    while (program.at < program.end) {
        uint8_t operation = (uint8_t)ms_read_unsigned(&program, 1);
        uintptr_t location;
        bool understood = true;
        if (read_advance(machine, &program, operation, &location)) {
            if (!program.bad && location > machine->pc) {
                return 0;
            }
            machine->location = location;
        } else if ((operation & 0xc0) == CFA_OFFSET) {
            set_rule(machine, operation & 0x3f, MS_CFI_OFFSET,
                     scaled(machine, ms_read_uleb(&program)));
        } else if ((operation & 0xc0) == CFA_RESTORE) {
            restore_rule(machine, operation & 0x3f);
        } else {
            understood = execute_plain(machine, &program, operation);
        }
        if (program.bad || !understood) {
            return -EPROTO;
        }
    }
    return 0;
}

int ms_eh_frame_row(const struct ms_eh_frame *frames, uintptr_t pc, struct ms_cfi_row *row)
{
    uintptr_t fde;
    int result = find_fde(frames, pc, &fde);
    if (result != 0) {
        return result;
    }
    struct ms_byte_cursor record;
    uintptr_t id_at;
    uint32_t id;
    struct cie cie;
    result = open_record(frames, fde, &record, &id_at, &id);
    if (result != 0 || id == 0 || read_cie(frames, id_at - id, &cie) != 0) {
        return -EPROTO;
    }
    struct machine machine;
    machine.data_base = (uintptr_t)frames->header;
    uintptr_t start = read_pointer(&record, cie.pointer_encoding, machine.data_base);
    uintptr_t bytes = read_pointer(&record, cie.pointer_encoding & PE_FORMAT, 0);
    if (cie.has_augmentation_data) {
        ms_skip_bytes(&record, ms_read_uleb(&record));
    }
    if (record.bad) {
        return -EPROTO;
    }
    if (pc < start || pc - start >= bytes) {
        return -ENOENT;
    }
    machine.row = (struct ms_cfi_row){.signal_frame = cie.signal_frame};
    machine.initial = machine.row;
    machine.remembered_count = 0;
    machine.location = start;
    machine.pc = pc;
    machine.cie = &cie;
    result = execute(&machine, cie.program);
    if (result == 0) {
        machine.initial = machine.row;
        machine.location = start;
        result = execute(&machine, record);
    }
    if (result == 0) {
        *row = machine.row;
    }
    return result;
}
