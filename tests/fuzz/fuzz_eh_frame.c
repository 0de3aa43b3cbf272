/*
 * Hostile unwind information: the input is two CFA programs (and patches of the records around
 * them) in an otherwise whole .eh_frame, whose row is then applied to a small stack.
 * Byte 0: length of the first program; byte 1: pc; bytes 2 and 3: a patch; the rest: programs.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "probe/cfi_step.h"
#include "probe/eh_frame.h"

enum {
    CONTROL_BYTES = 4,
    HEADER_BYTES = 20,
    CIE_FIXED_BYTES = 17, /* length, id, version, "zR", alignments, return column, augmentation */
    FDE_FIXED_BYTES = 17,
    FUNCTION_BYTES = 256,
    STACK_WORDS = 64
};

static void put32(uint8_t *to, uint32_t value)
{
    memcpy(to, &value, sizeof value);
}

/* .eh_frame_hdr with one entry, a CIE, an FDE; `first` and `second` are their programs. */
static void build(uint8_t *image, const uint8_t *first, uint32_t first_bytes, const uint8_t *second,
                  uint32_t second_bytes)
{
    static const uint8_t cie[] = {1, 'z', 'R', 0, 1, 0x78, MS_ARCH_RA, 1, 0x1b};
    uint8_t *cie_at = image + HEADER_BYTES;
    uint8_t *fde_at = cie_at + CIE_FIXED_BYTES + first_bytes;
    uint8_t *end = fde_at + FDE_FIXED_BYTES + second_bytes;
    memcpy(image, (const uint8_t[]){1, 0x1b, 3, 0x3b}, 4);
    put32(image + 4, HEADER_BYTES - 4);
    put32(image + 8, 1);
    put32(image + 12, (uint32_t)(end - image)); /* the function begins behind the tables */
    put32(image + 16, (uint32_t)(fde_at - image));
    put32(cie_at, CIE_FIXED_BYTES - 4 + first_bytes);
    put32(cie_at + 4, 0);
    memcpy(cie_at + 8, cie, sizeof cie);
    memcpy(cie_at + CIE_FIXED_BYTES, first, first_bytes);
    put32(fde_at, FDE_FIXED_BYTES - 4 + second_bytes);
    put32(fde_at + 4, (uint32_t)(fde_at + 4 - cie_at));
    put32(fde_at + 8, (uint32_t)(end - (fde_at + 8)));
    put32(fde_at + 12, FUNCTION_BYTES);
    fde_at[16] = 0;
    memcpy(fde_at + FDE_FIXED_BYTES, second, second_bytes);
}

static void apply(const struct ms_cfi_row *row, uintptr_t pc)
{
    uintptr_t *stack = malloc(STACK_WORDS * sizeof *stack);
    struct ms_registers registers = {.pc = pc, .known = ~(UINT64_C(1) << 3)};
    struct ms_stack_span span = {(uintptr_t)stack, (uintptr_t)(stack + STACK_WORDS)};
    for (unsigned i = 0; i < STACK_WORDS; i++) {
        stack[i] = (uintptr_t)&stack[i * 7 % STACK_WORDS];
    }
    for (unsigned i = 0; i < MS_ARCH_REGISTERS; i++) {
        registers.value[i] = (uintptr_t)&stack[i];
    }
    for (unsigned n = 0; n < 8; n++) {
        if (ms_cfi_step(row, &span, &registers) != MS_STEP_DONE) {
            break;
        }
    }
    free(stack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CONTROL_BYTES || size > 4096) {
        return 0;
    }
    uint32_t program_bytes = (uint32_t)(size - CONTROL_BYTES);
    uint32_t first_bytes = data[0] < program_bytes ? data[0] : program_bytes;
    uint32_t image_bytes = HEADER_BYTES + CIE_FIXED_BYTES + FDE_FIXED_BYTES + program_bytes;
    uint8_t *image = malloc(image_bytes);
    const uint8_t *programs = data + CONTROL_BYTES;
    build(image, programs, first_bytes, programs + first_bytes, program_bytes - first_bytes);
    if (data[2] != 0) {
        image[data[2] % image_bytes] ^= data[3];
    }
    struct ms_eh_frame frames = {image, image_bytes, image, image + image_bytes};
    struct ms_cfi_row row;
    uintptr_t pc = (uintptr_t)image + image_bytes + data[1];
    if (ms_eh_frame_row(&frames, pc, &row) == 0) {
        apply(&row, pc);
    }
    free(image);
    return 0;
}
