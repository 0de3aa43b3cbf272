/* Rule words, the table that holds them, and what becomes of them when modules come and go. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/intern.h"
#include "probe/map.h"
#include "probe/rule_cache.h"
#include "probe/stack.h"
#include "probe_region.h"

#define THREADS 3
#define PCS     30000u

static struct ms_cfi_row plain_row(void)
{
    struct ms_cfi_row row = {.cfa_register = MS_ARCH_SP, .cfa_value = 48};
    row.kind[MS_ARCH_RA] = MS_CFI_OFFSET;
    row.value[MS_ARCH_RA] = -8;
    return row;
}

static void test_rule_words(void **unused)
{
    (void)unused;
    struct ms_cfi_row row = plain_row();
    uint64_t rule = ms_rule_of_row(&row);
    assert_int_equal(ms_rule_kind(rule), MS_RULE_STACK);
    assert_int_equal(ms_rule_cfa_bytes(rule), 48);
    assert_int_equal(ms_rule_return_slot_bytes(rule), 8);
    assert_int_equal(ms_rule_frame_slot_bytes(rule), 0);

    row.cfa_register = MS_ARCH_FP;
    row.cfa_value = 0xffffff * 8L;
    row.kind[MS_ARCH_FP] = MS_CFI_OFFSET;
    row.value[MS_ARCH_FP] = -0x3ffff * 8L;
    rule = ms_rule_of_row(&row);
    assert_int_equal(ms_rule_kind(rule), MS_RULE_FRAME);
    assert_int_equal(ms_rule_cfa_bytes(rule), 0xffffff * 8L);
    assert_int_equal(ms_rule_frame_slot_bytes(rule), 0x3ffff * 8L);

    row.kind[MS_ARCH_RA] = MS_CFI_UNDEFINED;
    assert_int_equal(ms_rule_of_row(&row), MS_RULE_OUTERMOST);
}

/* What does not fit the word must not be squeezed into it. */
static void test_rows_without_rule_word(void **unused)
{
    (void)unused;
    struct ms_cfi_row rows[11];
    for (size_t i = 0; i < 11; i++) {
        rows[i] = plain_row();
    }
    rows[0].cfa_value = 0x1000000 * 8L;
    rows[1].cfa_value = 12;
    rows[2].cfa_value = 0;
    rows[3].cfa_register = MS_ARCH_SP == 7 ? 3 : 19;
    rows[4].cfa_by_expression = true;
    rows[5].signal_frame = true;
    rows[6].kind[MS_ARCH_FP] = MS_CFI_EXPRESSION;
    rows[7].kind[MS_ARCH_FP] = MS_CFI_OFFSET;
    rows[7].value[MS_ARCH_FP] = -0x40000 * 8L;
    rows[8].kind[MS_ARCH_RA] = MS_CFI_REGISTER;
    rows[9].kind[MS_ARCH_SP] = MS_CFI_OFFSET;
    /* As in an epilogue: popped, so below the stack pointer. */
    rows[10].kind[MS_ARCH_FP] = MS_CFI_OFFSET;
    rows[10].value[MS_ARCH_FP] = -rows[10].cfa_value - 8;
    for (size_t i = 0; i < 11; i++) {
        assert_int_equal(ms_rule_of_row(&rows[i]), MS_RULE_ROW);
    }
}

/* The code around qsort, every byte a program counter: many rows, many growths of the table. */
static void *resolve_all(void *argument)
{
    uint32_t *pc_ids = argument;
    uintptr_t start = (uintptr_t)qsort;
    for (uint32_t i = 0; i < PCS; i++) {
        struct ms_rule found;
        ms_rule_resolve(start + i, &found);
        pc_ids[i] = found.pc_id;
    }
    return NULL;
}

static void test_table_grows_under_threads(void **unused)
{
    (void)unused;
    static uint32_t pc_ids[THREADS][PCS];
    pthread_t threads[THREADS];
    uintptr_t start = (uintptr_t)qsort;
    const struct ms_rule_table *first = atomic_load(&ms_rule_table);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, resolve_all, pc_ids[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    const struct ms_rule_table *table = atomic_load(&ms_rule_table);
    uint32_t generation = atomic_load(&ms_module_generation);
    assert_true(table->shift <= first->shift - 4);
    uint32_t in_newest = 0;
    for (uint32_t i = 0; i < PCS; i++) {
        struct ms_rule found;
        struct ms_cfi_row row;
        assert_int_not_equal(pc_ids[0][i], 0);
        assert_int_equal(pc_ids[0][i], pc_ids[1][i]);
        assert_int_equal(pc_ids[0][i], pc_ids[2][i]);
        ms_rule_resolve(start + i, &found);
        int result = ms_rule_row(start + i, &row);
        assert_int_equal(found.rule, result == 0 ? ms_rule_of_row(&row) : (uint64_t)MS_RULE_NO_CFI);
        assert_int_equal(found.pc_id, pc_ids[0][i]);
        /* What was added to a table while it was copied is added again, which may make it grow. */
        in_newest += ms_rule_find(atomic_load(&ms_rule_table), start + i, generation, &found);
    }
    assert_true(in_newest > PCS * 9 / 10);
}

static void test_out_of_date_is_not_found(void **unused)
{
    (void)unused;
    uintptr_t key = (uintptr_t)qsort + 1;
    struct ms_rule found;
    struct ms_rule again;
    ms_rule_resolve(key, &found);
    const struct ms_rule_table *table = atomic_load(&ms_rule_table);
    assert_true(ms_rule_find(table, key, atomic_load(&ms_module_generation), &again));
    ms_stack_modules_changed();
    assert_false(ms_rule_find(table, key, atomic_load(&ms_module_generation), &again));
    ms_rule_resolve(key, &again);
    assert_int_equal(again.pc_id, found.pc_id);
    assert_int_equal(again.rule, found.rule);
    assert_true(ms_rule_find(table, key, atomic_load(&ms_module_generation), &again));
}

static void test_exact_and_return_address_differ(void **unused)
{
    (void)unused;
    uintptr_t start = (uintptr_t)qsort;
    struct ms_rule exact;
    struct ms_rule after;
    ms_rule_resolve(start | MS_RULE_EXACT, &exact);
    ms_rule_resolve(start + 1, &after);
    assert_int_equal(exact.rule, after.rule);
    const struct ms_region_pc *pc = ms_area_at(MS_AREA_PCS, exact.pc_id);
    assert_int_equal(pc->address, start + 1);
}

static void copy_file(const char *from, const char *to)
{
    struct stat status;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_int_equal(fstat(in, &status), 0);
    assert_int_equal(sendfile(out, in, NULL, (size_t)status.st_size), status.st_size);
    close(in);
    close(out);
}

static const char *module_path(uint32_t pc_id)
{
    const struct ms_region_pc *pc = ms_area_at(MS_AREA_PCS, pc_id);
    const struct ms_region_module *module = ms_area_at(MS_AREA_MODULES, pc->module);
    return ms_area_at(MS_AREA_STRINGS, module->path);
}

/* Loads `path`, resolves an address in it, unloads it. Returns the address. */
static uintptr_t visit(const char *path, struct ms_rule *found)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fail_msg("%s", dlerror());
    }
    uintptr_t pc = (uintptr_t)dlsym(library, "_cmocka_run_group_tests") + 5;
    ms_rule_resolve(pc, found);
    dlclose(library);
    ms_stack_modules_changed();
    return pc;
}

/* Two libraries at one address, one after the other: neither gets the other's name. */
static void test_reloaded_modules(void **unused)
{
    (void)unused;
    Dl_info info;
    char folder[] = "/tmp/memscope-rules-XXXXXX";
    char one[64];
    char two[64];
    struct ms_rule first;
    struct ms_rule second;
    struct ms_rule third;
    assert_non_null(mkdtemp(folder));
    assert_int_not_equal(dladdr((void *)(uintptr_t)_fail, &info), 0);
    snprintf(one, sizeof one, "%s/one.so", folder);
    snprintf(two, sizeof two, "%s/two.so", folder);
    copy_file(info.dli_fname, one);
    copy_file(info.dli_fname, two);
    uintptr_t pc = visit(one, &first);
    uintptr_t pc_of_two = visit(two, &second);
    uintptr_t pc_again = visit(one, &third);
    assert_string_equal(module_path(first.pc_id), one);
    assert_string_equal(module_path(second.pc_id), two);
    assert_string_equal(module_path(third.pc_id), one);
    assert_int_equal(pc, pc_of_two); /* without this the test would say nothing */
    assert_int_equal(pc, pc_again);
    assert_int_equal(first.pc_id, third.pc_id);
    assert_int_not_equal(first.pc_id, second.pc_id);
    assert_int_equal(first.rule, second.rule);
    struct ms_rule gone;
    ms_rule_resolve(pc, &gone);
    assert_int_equal(gone.rule, MS_RULE_NO_CFI);
    const struct ms_region_pc *nowhere = ms_area_at(MS_AREA_PCS, gone.pc_id);
    assert_int_equal(nowhere->module, 0);
    unlink(one);
    unlink(two);
    rmdir(folder);
}

static int set_up(void **unused)
{
    (void)unused;
    return probe_region_map(0, 0) == 0 && ms_stack_init(1) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_words),
        cmocka_unit_test(test_rows_without_rule_word),
        cmocka_unit_test(test_table_grows_under_threads),
        cmocka_unit_test(test_out_of_date_is_not_found),
        cmocka_unit_test(test_exact_and_return_address_differ),
        cmocka_unit_test(test_reloaded_modules),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
