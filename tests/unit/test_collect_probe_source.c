/* The list of sources says whether the probe counts, and why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collect/probe_source.h"

static struct ms_process *add(struct ms_model *model, uint32_t id, enum ms_seen seen,
                              const char *because)
{
    struct ms_process *process = ms_model_add_process(model, id);
    assert_non_null(process);
    process->pid = (pid_t)(100 + id);
    process->seen = seen;
    snprintf(process->seen_because, sizeof process->seen_because, "%s", because);
    return process;
}

static void check(struct ms_model *model, enum ms_source_condition condition, const char *because)
{
    ms_probe_source_tell(model);
    const struct ms_source_state *state = ms_model_source(model, MS_SOURCE_PROBE);
    assert_int_equal(state->condition, condition);
    assert_string_equal(state->because, because);
}

static void follows_what_is_seen(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(MS_SECOND_NS / 10, 1, 1);
    assert_non_null(model);
    check(model, MS_SOURCE_NOT_ASKED, "");
    struct ms_process *program = add(model, 1, MS_SEEN_FULL, "");
    check(model, MS_SOURCE_AVAILABLE, "");
    add(model, 2, MS_SEEN_NONE, "it is static");
    check(model, MS_SOURCE_PARTIAL, "not wholly of every process (pid 102): it is static");
    program = ms_model_process_mutable(model, 1);
    program->seen = MS_SEEN_NONE;
    snprintf(program->seen_because, sizeof program->seen_because, "no glibc");
    check(model, MS_SOURCE_UNAVAILABLE, "of no process (pid 101): no glibc");
    ms_model_free(model);

    model = ms_model_new(MS_SECOND_NS / 10, 1, 1);
    assert_non_null(model);
    add(model, 1, MS_SEEN_NONE, "no glibc");
    check(model, MS_SOURCE_UNAVAILABLE, "no glibc");
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(follows_what_is_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
