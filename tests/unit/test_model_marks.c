/* The list of marks: by time, bounded, what goes is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/marks.h"
#include "model/model.h"

static void add(struct ms_model *model, uint64_t at_ns, const char *text)
{
    const struct ms_mark mark = {.at_ns = at_ns, .text = text, .by_program = true};
    assert_int_equal(ms_model_add_mark(model, &mark), 0);
}

static void test_by_time(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(100, 1000, 0);
    char text[] = "first";
    add(model, 3000, "third");
    add(model, 1000, text);
    add(model, 2000, "");
    text[0] = 'X'; /* it has a copy */
    assert_int_equal(ms_model_mark_count(model), 3);
    assert_string_equal(ms_model_mark(model, 0)->text, "first");
    assert_string_equal(ms_model_mark(model, 1)->text, "");
    assert_string_equal(ms_model_mark(model, 2)->text, "third");
    assert_int_equal(ms_model_mark(model, 2)->number, 0);
    assert_int_equal(ms_model_mark(model, 1)->number, 2);
    ms_model_free(model);
}

static void test_bounded(void **state)
{
    (void)state;
    enum { MORE = 10 };
    struct ms_model *model = ms_model_new(100, 0, 0);
    for (uint32_t i = 0; i < MS_MODEL_MARKS_MAX + MORE; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i);
        add(model, i, text);
    }
    const size_t count = ms_model_mark_count(model);
    assert_true(count <= MS_MODEL_MARKS_MAX && count > MS_MODEL_MARKS_MAX / 2);
    assert_int_equal(ms_model_marks_added(model), MS_MODEL_MARKS_MAX + MORE);
    assert_int_equal(ms_model_marks_dropped(model), MS_MODEL_MARKS_MAX + MORE - count);
    assert_int_equal(ms_model_mark(model, 0)->at_ns, ms_model_marks_dropped(model));
    assert_int_equal(ms_model_mark(model, count - 1)->at_ns, MS_MODEL_MARKS_MAX + MORE - 1);
    ms_model_free(model);
}

static void test_long_text(void **state)
{
    (void)state;
    static char text[3 * MS_MARK_TEXT_MAX];
    memset(text, 'x', sizeof text - 1);
    struct ms_model *model = ms_model_new(100, 0, 0);
    add(model, 1, text);
    assert_int_equal(strlen(ms_model_mark(model, 0)->text), MS_MARK_TEXT_MAX);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_time),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
