#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/edit_distance.h"

static void test_slips(void **state)
{
    (void)state;
    assert_int_equal(ms_edit_distance("view", "view", NULL), 0);
    assert_int_equal(ms_edit_distance("veiw", "view", NULL), 1); /* swapped */
    assert_int_equal(ms_edit_distance("vew", "view", NULL), 1);
    assert_int_equal(ms_edit_distance("vieew", "view", NULL), 1);
    assert_int_equal(ms_edit_distance("viex", "view", NULL), 1);
    assert_int_equal(ms_edit_distance("kitten", "sitting", NULL), 3);
    assert_int_equal(ms_edit_distance("ca", "abc", NULL), 3); /* no edit between what was swapped */
    assert_int_equal(ms_edit_distance("", "view", NULL), 4);
    assert_int_equal(ms_edit_distance("view", "", NULL), 4);
}

static void test_beginnings(void **state)
{
    (void)state;
    size_t beginnings[MS_EDIT_NAME_MAX + 1];
    assert_int_equal(ms_edit_distance("liek", "likely_leaks", beginnings), 8);
    assert_int_equal(beginnings[0], 4);
    assert_int_equal(beginnings[4], 1);
}

static void test_long_words(void **state)
{
    (void)state;
    char name[3 * MS_EDIT_NAME_MAX];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(ms_edit_distance(name, name, NULL), 2 * MS_EDIT_NAME_MAX - 1);
    assert_int_equal(ms_edit_distance("", name, NULL), MS_EDIT_NAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests_name("edit distance", tests, NULL, NULL);
}
