/*
 * The parser against readelf's interpretation of every row of every FDE of the objects that are
 * loaded here, and against damaged bytes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

#include "probe/eh_frame.h"
#include "probe/modules.h"

#define COLUMNS_MAX 40

#if defined(__x86_64__)
static const char *const register_names[MS_ARCH_REGISTERS] = {
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "ra"};
#endif

struct judge {
    const struct ms_module *module;
    int columns[COLUMNS_MAX]; /* DWARF number of each column after the CFA; -1: not ours */
    int column_count;
    uintptr_t row_start;
    bool have_row;
    char row[256];
    uintptr_t end; /* of the FDE */
    unsigned long rows;
    unsigned long pcs;
};

#if defined(__x86_64__)
static int register_number(const char *name)
{
    for (unsigned i = 0; i < MS_ARCH_REGISTERS; i++) {
        if (strcmp(name, register_names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void text_of_cfa(const struct ms_cfi_row *row, char *text, size_t bytes)
{
    if (row->cfa_by_expression) {
        snprintf(text, bytes, "exp");
    } else {
        snprintf(text, bytes, "%s%+ld", register_names[row->cfa_register], (long)row->cfa_value);
    }
}

/* In readelf's words, which has one for "undefined" and "says nothing". */
static void text_of_rule(const struct ms_cfi_row *row, int number, char *text, size_t bytes)
{
    long value = (long)row->value[number];
    switch ((enum ms_cfi_kind)row->kind[number]) {
    case MS_CFI_UNSPECIFIED:
    case MS_CFI_UNDEFINED:
        snprintf(text, bytes, "u");
        break;
    case MS_CFI_SAME:
        snprintf(text, bytes, "s");
        break;
    case MS_CFI_OFFSET:
        snprintf(text, bytes, "c%+ld", value);
        break;
    case MS_CFI_VALUE_OFFSET:
        snprintf(text, bytes, "v%+ld", value);
        break;
    case MS_CFI_REGISTER:
        snprintf(text, bytes, "r%ld", value);
        break;
    case MS_CFI_EXPRESSION:
        snprintf(text, bytes, "exp");
        break;
    case MS_CFI_VALUE_EXPRESSION:
        snprintf(text, bytes, "vexp");
        break;
    }
}

/* The next column; readelf adds a register's name in brackets to its number. */
static const char *next_column(char **rest)
{
    const char *field = strtok_r(NULL, " \n", rest);
    while (field != NULL && field[0] == '(') {
        field = strtok_r(NULL, " \n", rest);
    }
    return field;
}

static void check_pc(struct judge *judge, uintptr_t pc)
{
    char copy[256];
    char ours[32];
    char *rest;
    struct ms_cfi_row row;
    int result = ms_eh_frame_row(&judge->module->frames, pc, &row);
    if (result != 0) {
        fail_msg("%#lx: %d, readelf says %s", pc - judge->module->object.load_bias, result,
                 judge->row);
    }
    snprintf(copy, sizeof copy, "%s", judge->row);
    const char *field = strtok_r(copy, " \n", &rest);
    text_of_cfa(&row, ours, sizeof ours);
    assert_non_null(field);
    assert_string_equal(ours, field);
    for (int i = 0; i < judge->column_count; i++) {
        field = next_column(&rest);
        assert_non_null(field);
        if (judge->columns[i] >= 0) {
            text_of_rule(&row, judge->columns[i], ours, sizeof ours);
            assert_string_equal(ours, field);
        }
    }
    judge->pcs++;
}

/* The pending row holds from its start up to `end`: its first, middle and last byte are asked for.
 */
static void check_row(struct judge *judge, uintptr_t end)
{
    if (!judge->have_row || end <= judge->row_start) {
        judge->have_row = false;
        return;
    }
    uintptr_t bias = judge->module->object.load_bias;
    check_pc(judge, bias + judge->row_start);
    check_pc(judge, bias + judge->row_start + (end - judge->row_start) / 2);
    check_pc(judge, bias + end - 1);
    judge->rows++;
    judge->have_row = false;
}

static void read_columns(struct judge *judge, char *line)
{
    char *rest;
    judge->column_count = 0;
    (void)strtok_r(line, " \n", &rest); /* LOC */
    (void)strtok_r(NULL, " \n", &rest); /* CFA */
    for (const char *name; (name = strtok_r(NULL, " \n", &rest)) != NULL;) {
        assert_true(judge->column_count < COLUMNS_MAX);
        judge->columns[judge->column_count++] = register_number(name);
    }
}

static void read_line(struct judge *judge, char *line, bool *in_fde)
{
    unsigned long start;
    unsigned long end;
    const char *fde = strstr(line, " FDE ");
    if (fde != NULL && sscanf(strstr(fde, "pc="), "pc=%lx..%lx", &start, &end) == 2) {
        check_row(judge, judge->end);
        judge->end = end;
        *in_fde = true;
        return;
    }
    if (strstr(line, " CIE ") != NULL) {
        check_row(judge, judge->end);
        *in_fde = false;
        return;
    }
    if (strncmp(line, "   LOC", 6) == 0) {
        read_columns(judge, line);
        return;
    }
    char *rest;
    start = strtoul(line, &rest, 16);
    if (!*in_fde || rest - line != 16 || *rest != ' ') {
        return;
    }
    check_row(judge, start);
    judge->row_start = start;
    judge->have_row = true;
    snprintf(judge->row, sizeof judge->row, "%s", rest);
}

static void compare_object(const void *address, unsigned long rows_expected)
{
    Dl_info info;
    char command[600];
    static char line[8192];
    bool in_fde = false;
    assert_int_not_equal(dladdr(address, &info), 0);
    struct judge judge = {.module = ms_module_find((uintptr_t)address)};
    assert_non_null(judge.module);
    assert_non_null(judge.module->frames.header);
    snprintf(command, sizeof command, "readelf --wide --debug-dump=frames-interp '%s' 2>/dev/null",
             info.dli_fname);
    FILE *judgement = popen(command, "r");
    assert_non_null(judgement);
    bool eh_frame = false;
    while (fgets(line, sizeof line, judgement) != NULL) {
        if (strncmp(line, "Contents of the", 15) == 0) {
            eh_frame = strstr(line, ".eh_frame ") != NULL;
        }
        if (eh_frame) {
            read_line(&judge, line, &in_fde);
        }
    }
    check_row(&judge, judge.end);
    pclose(judgement);
    print_message("%s: %lu rows, %lu program counters\n", info.dli_fname, judge.rows, judge.pcs);
    assert_true(judge.rows >= rows_expected);
}

static void test_c_library(void **unused)
{
    (void)unused;
    compare_object((const void *)(uintptr_t)qsort, 10000);
}

static void test_this_program(void **unused)
{
    (void)unused;
    compare_object((const void *)(uintptr_t)test_c_library, 50);
}

static void test_dynamic_linker(void **unused)
{
    (void)unused;
    compare_object(dlsym(RTLD_DEFAULT, "__tls_get_addr"), 300);
}

static void test_cpp_library(void **unused)
{
    (void)unused;
    void *library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        skip();
    }
    compare_object(dlsym(library, "__cxa_throw"), 10000);
}
#endif

static void test_objects_found_both_ways(void **unused)
{
    (void)unused;
    const uintptr_t asked[] = {(uintptr_t)qsort, (uintptr_t)test_objects_found_both_ways,
                               (uintptr_t)_fail};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct ms_loaded_object linker;
        struct ms_loaded_object iterated;
        assert_true(ms_object_by_iteration(asked[i], &iterated));
        if (!ms_object_by_linker(asked[i], &linker)) {
            skip();
        }
        assert_int_equal(linker.base, iterated.base);
        assert_int_equal(linker.load_bias, iterated.load_bias);
        assert_ptr_equal(linker.eh_frame_header, iterated.eh_frame_header);
        assert_string_equal(linker.name, iterated.name);
    }
    struct ms_loaded_object none;
    assert_false(ms_object_by_iteration((uintptr_t)&asked, &none));
    void *heap = malloc(1);
    assert_null(ms_module_find((uintptr_t)heap));
    free(heap);
}

/* The kernel's own object has no file; calls into it are on stacks all the same. */
static void test_vdso(void **unused)
{
    (void)unused;
    uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    if (base == 0) {
        skip();
    }
    const struct ms_module *module = ms_module_find(base + 8);
    assert_non_null(module);
    assert_int_equal(module->object.base, base);
    assert_non_null(module->frames.header);
    assert_true(module->build_id_bytes > 0);
    /* Some address in it has a row, and the first byte of its header has none. */
    struct ms_cfi_row row;
    unsigned rows = 0;
    for (uintptr_t pc = base; pc < module->object.end; pc++) {
        rows += ms_eh_frame_row(&module->frames, pc, &row) == 0;
    }
    assert_true(rows > 100);
    assert_int_equal(ms_eh_frame_row(&module->frames, base, &row), -ENOENT);
}

static void test_gap_between_functions(void **unused)
{
    (void)unused;
    const struct ms_module *module = ms_module_find((uintptr_t)qsort);
    struct ms_cfi_row row;
    assert_int_equal(ms_eh_frame_row(&module->frames, module->object.base, &row), -ENOENT);
    assert_int_equal(ms_eh_frame_row(&module->frames, module->object.end + 100000, &row), -ENOENT);
    assert_int_equal(ms_eh_frame_row(&module->frames, 0, &row), -ENOENT);
}

/* The tables lie between variables that the address sanitizer guards. */
static __attribute__((no_sanitize("address"))) void
copy_unwatched(volatile uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = from[i];
    }
}

/*
 * This program's own tables, copied to the end of an exact block and damaged byte by byte: never a
 * read outside (the sanitizers watch), always an answer.
 */
static void test_damaged_bytes(void **unused)
{
    (void)unused;
    const struct ms_module *module = ms_module_find((uintptr_t)test_damaged_bytes);
    const struct ms_eh_frame *from = &module->frames;
    size_t bytes = (size_t)(from->high - from->low);
    size_t header_at = (size_t)(from->header - from->low);
    uint8_t *copy = malloc(bytes);
    copy_unwatched(copy, from->low, bytes);
    struct ms_eh_frame frames = {copy + header_at, bytes - header_at, copy, copy + bytes};
    /* Addresses in the tables are relative to themselves, so the code has moved along. */
    uintptr_t pc = (uintptr_t)test_damaged_bytes + (uintptr_t)copy - (uintptr_t)from->low + 20;
    struct ms_cfi_row row;
    struct ms_cfi_row original;
    assert_int_equal(ms_eh_frame_row(&frames, pc, &original), 0);
    uint64_t random = 88172645463325252u;
    uint8_t *whole = malloc(bytes);
    memcpy(whole, copy, bytes);
    unsigned answers[2] = {0, 0};
    for (int round = 0; round < 60000; round++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t at = header_at + (size_t)(random >> 8) % (bytes - header_at);
        uint8_t was = copy[at];
        copy[at] = (uint8_t)random;
        answers[ms_eh_frame_row(&frames, pc + (random >> 40) % 4096, &row) == 0]++;
        if ((round & 15) == 0) {
            copy[at] = was;
        } else if ((round & 1023) == 1) {
            memcpy(copy, whole, bytes);
        }
    }
    memcpy(copy, whole, bytes);
    free(whole);
    assert_true(answers[0] > 100);
    assert_true(answers[1] > 100);
    for (size_t cut = 0; cut < bytes - header_at; cut++) {
        frames.header_bytes = cut;
        uintptr_t address;
        (void)ms_eh_frame_address(frames.header, cut, &address);
        (void)ms_eh_frame_row(&frames, pc, &row);
    }
    free(copy);
}

static void test_numbers(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0xe5, 0x8e, 0x26, 0x7f, 0x80, 0x7f, 0xfe, 0xff, 0x80};
    struct ms_byte_cursor cursor = {bytes, bytes + sizeof bytes, false};
    assert_int_equal(ms_read_uleb(&cursor), 624485);
    assert_int_equal(ms_read_sleb(&cursor), -1);
    assert_int_equal(ms_read_sleb(&cursor), -128);
    assert_int_equal(ms_read_signed(&cursor, 2), -2);
    assert_false(cursor.bad);
    assert_int_equal(ms_read_uleb(&cursor), 0);
    assert_true(cursor.bad);
}

static int set_up(void **unused)
{
    (void)unused;
    ms_modules_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
        cmocka_unit_test(test_c_library),
        cmocka_unit_test(test_this_program),
        cmocka_unit_test(test_dynamic_linker),
        cmocka_unit_test(test_cpp_library),
#endif
        cmocka_unit_test(test_objects_found_both_ways),
        cmocka_unit_test(test_vdso),
        cmocka_unit_test(test_gap_between_functions),
        cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_numbers),
    };
    if (system("readelf --version >/dev/null 2>&1") != 0) {
        printf("SKIP test_probe_eh_frame: readelf is not there to judge by\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, NULL);
}
