/* Which modules of several processes are one file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collect/shared_code.h"

static const uint8_t one[] = {1, 2, 3, 4}, other[] = {1, 2, 3, 5};

static uint32_t module(struct ms_shared_code *code, const char **path, const uint8_t *build_id)
{
    return ms_shared_code_module(code, path, build_id, build_id == NULL ? 0 : sizeof one);
}

static void test_a_file_with_two_names_is_one_module(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"},
        {"/usr/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"},
        {"/usr/bin/bash", "/bin/bash"},
        {"/lib/libgmp.so.10", "/usr/lib/libgmp.so.10.4.1"},
        {"/opt/x/libz.so.1.2.13", "/opt/x/libz.so.1"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ms_shared_code *code = ms_shared_code_new();
        const char *first = names[i][0], *second = names[i][1];
        const uint32_t number = module(code, &first, one);
        assert_int_not_equal(number, 0);
        assert_int_equal(module(code, &second, one), number);
        assert_ptr_equal(second, names[i][0]); /* the name that it was met by */
        assert_ptr_equal(first, names[i][0]);
        struct ms_frame frame = {.file_offset = 7};
        ms_shared_code_add(code, number, &frame);
        assert_ptr_equal(ms_shared_code_find(code, module(code, &second, one), 7), &frame);
        ms_shared_code_free(code);
    }
}

/* Another build, another folder, or no build id: nothing says that it is the same file. */
static void test_other_files_are_other_modules(void **state)
{
    (void)state;
    static const char *const names[] = {
        "/lib/libc.so.6", "/usr/lib/libc.so.6", "/opt/libc.so.6",    "/usr/libc.so.6",
        "/libc.so.6",     "/lib/libc.so.61",    "/lib/libc.so.6.d/x"};
    struct ms_shared_code *code = ms_shared_code_new();
    const char *path = names[0];
    const uint32_t number = module(code, &path, one);
    path = names[1];
    const uint32_t updated = module(code, &path, other);
    assert_int_not_equal(updated, number);
    assert_ptr_equal(path, names[1]);
    for (size_t i = 2; i < sizeof names / sizeof names[0]; i++) {
        path = names[i];
        const uint32_t here = module(code, &path, one);
        assert_true(here != number && here != updated);
        assert_ptr_equal(path, names[i]);
    }
    path = names[1];
    assert_int_equal(module(code, &path, NULL), 0);
    assert_ptr_equal(path, names[1]);
    ms_shared_code_free(code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_with_two_names_is_one_module),
        cmocka_unit_test(test_other_files_are_other_modules),
    };
    return cmocka_run_group_tests_name("shared code", tests, NULL, NULL);
}
