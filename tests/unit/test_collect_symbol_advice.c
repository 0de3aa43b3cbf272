/* What is said about a module without names, for each reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/symbol_advice.h"
#include "model/model.h"

static const char *advice(struct ms_module module, struct ms_advice_facts facts)
{
    static char text[512];
    module.build_id = module.build_id == NULL ? "abcd" : module.build_id;
    ms_symbol_advice(&module, &facts, text, sizeof text);
    return text;
}

static void test_packaged(void **state)
{
    (void)state;
    const struct ms_module library = {.path = "/usr/lib/x86_64-linux-gnu/libfoo.so.1",
                                      .names = MS_NAMES_EXPORTS};
    assert_string_equal(
        advice(library, (struct ms_advice_facts){.packaging = MS_PACKAGING_DEB}),
        "no debug information for /usr/lib/x86_64-linux-gnu/libfoo.so.1: install its -dbgsym "
        "package (build id abcd) or use --debuginfod");
    assert_string_equal(
        advice(library,
               (struct ms_advice_facts){.packaging = MS_PACKAGING_RPM, .debuginfod = true}),
        "no debug information for /usr/lib/x86_64-linux-gnu/libfoo.so.1, nor do the servers in "
        "DEBUGINFOD_URLS have it: install its -debuginfo package (build id abcd)");
    assert_non_null(
        strstr(advice(library, (struct ms_advice_facts){.debuginfod_missing = "it is Sunday"}),
               "--debuginfod cannot be used: it is Sunday"));
    struct ms_module libc = library;
    libc.path = "/lib/x86_64-linux-gnu/libc.so.6";
    assert_non_null(strstr(advice(libc, (struct ms_advice_facts){0}), "install libc6-dbg"));
    libc.build_id = "";
    assert_null(strstr(advice(libc, (struct ms_advice_facts){0}), "debuginfod"));
}

static void test_built_by_the_user(void **state)
{
    (void)state;
    struct ms_module program = {.path = "/home/me/app", .names = MS_NAMES_SYMBOLS};
    const struct ms_advice_facts facts = {0};
    assert_string_equal(advice(program, facts),
                        "/home/me/app was built without -g: compile it with -g for source lines "
                        "and inlined functions");
    program.names = MS_NAMES_NONE;
    assert_string_equal(
        advice(program, facts),
        "/home/me/app is stripped: keep its symbols (no strip, no -s), build with -g");
}

static void test_every_reason_has_a_sentence(void **state)
{
    (void)state;
    struct ms_module module = {.path = "/home/me/app", .names = MS_NAMES_NONE};
    for (int why = MS_WHY_NO_DEBUG; why <= MS_WHY_NO_SYMBOLIZER; why++) {
        module.why = (enum ms_module_why)why;
        assert_true(strlen(advice(module, (struct ms_advice_facts){0})) > 40);
    }
    module.names = MS_NAMES_LINES;
    assert_string_equal(advice(module, (struct ms_advice_facts){0}), "");
    module.names = MS_NAMES_ASKING;
    assert_string_equal(advice(module, (struct ms_advice_facts){0}), "");
}

static void test_packaging(void **state)
{
    (void)state;
    const struct {
        const char *content;
        enum ms_packaging packaging;
    } examples[] = {{"PRETTY_NAME=x\nID=debian\n", MS_PACKAGING_DEB},
                    {"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", MS_PACKAGING_DEB},
                    {"ID=\"fedora\"\n", MS_PACKAGING_RPM},
                    {"ID=arch\nHOME_URL=debian\n", MS_PACKAGING_OTHER}};
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char path[] = "/tmp/memscope-test-release-XXXXXX";
        int descriptor = mkstemp(path);
        size_t bytes = strlen(examples[i].content);
        assert_int_equal(write(descriptor, examples[i].content, bytes), bytes);
        close(descriptor);
        assert_int_equal(ms_packaging_of(path), examples[i].packaging);
        unlink(path);
    }
    assert_int_equal(ms_packaging_of("/no/such/file"), MS_PACKAGING_OTHER);
}

static void test_modules_of_the_model(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    const uint8_t build_id[] = {0xab, 0xcd};
    struct ms_module *module = ms_model_module_mutable(model, "/lib/a.so", build_id, 2);
    assert_string_equal(module->build_id, "abcd");
    assert_int_equal(module->names, MS_NAMES_ASKING);
    assert_ptr_equal(ms_model_module_mutable(model, "/lib/a.so", build_id, 2), module);
    assert_ptr_not_equal(ms_model_module_mutable(model, "/lib/a.so", NULL, 0), module);
    assert_int_equal(ms_model_module_count(model), 2);
    struct ms_frame *frame = ms_model_add_frame(model);
    assert_null(ms_model_module_of(model, frame));
    frame->module_id = module->id;
    assert_ptr_equal(ms_model_module_of(model, frame), module);
    frame->module_id = 77;
    assert_null(ms_model_module_of(model, frame));
    assert_string_equal(ms_module_names_word(MS_NAMES_SYMBOLS), "symbols only");
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packaged),
        cmocka_unit_test(test_built_by_the_user),
        cmocka_unit_test(test_every_reason_has_a_sentence),
        cmocka_unit_test(test_packaging),
        cmocka_unit_test(test_modules_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
