#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/text.h"

#define START UINT64_C(3000000000000)
#define TENTH (MS_SECOND_NS / 10)

static struct ms_process *process_new(struct ms_model *model, const char *argument)
{
    struct ms_process *process = ms_model_add_process(model, 128);
    assert_non_null(process);
    process->pid = 77;
    process->start_ns = START;
    process->arguments = strdup(argument);
    process->arguments_bytes = strlen(argument) + 1;
    process->totals.allocations = 51200;
    process->totals.bytes_allocated = 1200000000;
    process->totals.bytes_freed = 1199999000;
    process->totals.peak_bytes = 12300000;
    return process;
}

static char *summary_with(const struct ms_model *model, const struct ms_findings *findings,
                          const char *file)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    ms_text_summary(out, model, findings, file);
    fclose(out);
    size_t lines = 0;
    for (const char *c = text; *c != '\0'; c++) {
        lines += *c == '\n';
        assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f));
    }
    assert_in_range(lines, 1, 6);
    return text;
}

static char *summary(const struct ms_model *model, const char *file)
{
    return summary_with(model, NULL, file);
}

static void check_summary(const struct ms_model *model, const char *file, const char *expected)
{
    char *text = summary(model, file);
    assert_string_equal(text, expected);
    free(text);
}

static void add_site(struct ms_model *model, const char *function, uint64_t peak_bytes)
{
    struct ms_frame *allocator = ms_model_add_frame(model);
    allocator->function = "malloc";
    struct ms_frame *frame = ms_model_add_frame(model);
    frame->function = function;
    const struct ms_frame *frames[] = {allocator, frame};
    const uint32_t id = ms_model_add_site(model, 128, frames, 2, 0)->id;
    ms_model_usage_mutable(model, 1, id)->peak_bytes = peak_bytes;
}

static void test_summary(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, 0);
    struct ms_process *process = process_new(model, "./app");
    process->peak_error_bytes = 64000;
    process->end_ns = START + 12 * MS_SECOND_NS;
    process->exit_status = 0;
    ms_model_add_thread(model, 128);
    add_site(model, "small", 10);
    add_site(model, "parse", 9000000);
    add_site(model, "index", 3000000);
    add_site(model, "cache", 20);
    assert_int_equal(ms_model_tick_end(model, START + 12 * MS_SECOND_NS), 0);
    check_summary(model, "out.json",
                  "memscope-top: ./app exited with status 0 after 00:00:12\n"
                  "  peak 12.3MB (within 64.0kB), 51.2k allocations, 1.20GB allocated, "
                  "1.00kB not freed\n"
                  "  top sites by peak: parse 9.00MB; index 3.00MB; cache 20B\n"
                  "  events lost 0\n"
                  "  written: out.json\n");
    process->exit_status = -1;
    process->exit_signal = 9;
    process->losses.lost = 3;
    process->losses.coarsened = 4;
    process->stacks = (struct ms_stack_check){.proven = 1000, .rechecked = 10, .differed = 1};
    process->losses.not_classified = 2;
    char *text = summary(model, NULL);
    assert_non_null(strstr(text, "CALL STACKS ARE WRONG: 1 of 10 rechecked ones differed"));
    assert_non_null(strstr(text, ", without a histogram 2\n"));
    process->stacks.differed = 0;
    process->losses.not_classified = 0;
    free(text);
    text = summary(model, NULL);
    assert_null(strstr(text, "WRONG"));
    assert_non_null(strstr(text, "./app killed by SIGKILL after 00:00:12\n"));
    assert_non_null(strstr(text, "events lost 3, without their whole stack 4\n"));
    assert_null(strstr(text, "written"));
    free(text);
    process->exit_signal = 40;
    text = summary(model, NULL);
    assert_non_null(strstr(text, "killed by signal 40 after"));
    free(text);
    process->exit_status = -2;
    text = summary(model, NULL);
    assert_non_null(strstr(text, "ended, status unknown, after"));
    free(text);
    process->end_ns = 0;
    struct ms_process *other = ms_model_add_process(model, 129);
    assert_non_null(other);
    other->totals.peak_bytes = 700000;
    text = summary(model, NULL);
    assert_non_null(strstr(text, "  peak 13.0MB, the sum of 2 processes (within 64.0kB), "));
    assert_non_null(
        strstr(text, "./app was running as pid 77 after 00:00:12 (and 1 more process)\n"));
    assert_non_null(strstr(text, "1.20GB allocated, 1.00kB live\n"));
    free(text);
    ms_model_free(model);
}

/* An interpreter's script that execs: the status is that of what the program became. */
static void test_program_that_executed_another(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, 0);
    assert_null(ms_model_program(model));
    struct ms_process *first = process_new(model, "./script");
    assert_ptr_equal(ms_model_program(model), first);
    first->end_ns = START + MS_SECOND_NS;
    first->exit_status = -2;
    first->replaced_by_exec = true;
    struct ms_process *child = ms_model_add_process(model, 129);
    child->pid = 78;
    child->start_ns = START;
    struct ms_process *second = ms_model_add_process(model, 130);
    second->pid = 77;
    second->start_ns = START + MS_SECOND_NS;
    second->end_ns = START + 5 * MS_SECOND_NS;
    second->exit_status = 3;
    (void)snprintf(second->exe, sizeof(second->exe), "/usr/bin/python3");
    struct ms_process *reused = ms_model_add_process(model, 131);
    reused->pid = 77;
    reused->start_ns = START + 6 * MS_SECOND_NS;
    assert_ptr_equal(ms_model_program(model), second);
    char *text = summary(model, NULL);
    assert_non_null(strstr(text, "/usr/bin/python3 exited with status 3 after 00:00:05 "
                                 "(and 2 more processes)\n"));
    free(text);
    second->arguments = strdup(""); /* execve allows that */
    second->arguments_bytes = 1;
    text = summary(model, NULL);
    assert_non_null(strstr(text, "memscope-top: /usr/bin/python3 exited"));
    free(text);
    ms_model_free(model);
}

static void test_nothing_seen(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, 0);
    check_summary(model, NULL, "memscope-top: no process was seen\n");
    struct ms_process *process = process_new(model, "./static");
    process->totals = (struct ms_heap){0};
    process->seen = MS_SEEN_NONE;
    (void)snprintf(process->seen_because, sizeof(process->seen_because),
                   "statically linked\033[2J");
    process->end_ns = START + MS_SECOND_NS;
    process->exit_status = 1;
    check_summary(model, NULL,
                  "memscope-top: ./static exited with status 1 after 00:00:01\n"
                  "  heap not seen: statically linked?[2J\n");
    ms_model_free(model);
}

static void test_hostile_names_and_long_ones(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, 0);
    char argument[3000];
    memset(argument, 'z', sizeof(argument) - 1);
    argument[sizeof(argument) - 1] = '\0';
    memcpy(argument, "\033]0;\a\x9b\n", 7);
    process_new(model, argument);
    ms_model_add_thread(model, 128);
    add_site(model, argument, 5);
    add_site(model, "\xe2\x80\xae\r\x1b", 4);
    assert_int_equal(ms_model_tick_end(model, START + TENTH), 0);
    char *text = summary(model, "dir/\033[1mx\n.json");
    assert_true(strlen(text) < 600);
    assert_non_null(strstr(text, "zzz..."));
    free(text);
    ms_model_free(model);
}

static void test_status_line(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, 0);
    struct ms_process *process = process_new(model, "./app");
    ms_model_add_thread(model, 128);
    for (uint64_t t = 1; t <= 15; t++) {
        process->totals.bytes_allocated += 210000;
        process->kernel.user_ns += TENTH / 4;
        if (t > 5) {
            process->kernel.have_memory = true;
            process->kernel.rss_bytes = 45000000;
        }
        assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
    }
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    ms_text_status_line(out, model);
    process->end_ns = START + 2;
    ms_text_status_line(out, model);
    fclose(out);
    assert_string_equal(text, "00:00:01 threads 1 live 3.15MB +2.10MB/s cpu 25.0% rss 45.0MB\n"
                              "00:00:01 threads 1 live n/a n/a cpu n/a rss n/a\n");
    free(text);
    ms_model_free(model);
}

static struct ms_usage *usage_of(struct ms_model *model, uint32_t thread_id, uint32_t site_id)
{
    struct ms_usage *usage = ms_model_usage_mutable(model, thread_id, site_id);
    assert_non_null(usage);
    return usage;
}

static void check_leaks_line(const struct ms_model *model, const struct ms_findings *findings,
                             const char *expected)
{
    char *text = summary_with(model, findings, NULL);
    if (strstr(text, expected) == NULL) {
        fail_msg("'%s' is missing in:\n%s", expected, text);
    }
    free(text);
}

static void test_leaks(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, 0);
    struct ms_suppressions *suppressions;
    char error[160];
    assert_int_equal(ms_suppressions_parse("leak:known\n", &suppressions, error, sizeof(error)), 0);
    const struct ms_thresholds thresholds = ms_thresholds_default();
    struct ms_findings *findings = ms_findings_new(&thresholds, suppressions);
    struct ms_process *process = process_new(model, "./app");
    const uint32_t thread = ms_model_add_thread(model, 128)->id;
    add_site(model, "parse_row", 1000);
    add_site(model, "known", 3000);
    const uint32_t leaky = (uint32_t)ms_model_site_count(model) - 1;
    for (uint64_t t = 1; t <= 450; t++) {
        struct ms_usage *usage = usage_of(model, thread, leaky);
        usage->allocations += 10;
        usage->bytes_allocated += 1000;
        process->totals.allocations += 10;
        assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
        assert_int_equal(ms_findings_update(findings, model), 0);
    }
    check_leaks_line(model, findings, "\n  likely leaks 1: parse_row +10.0kB/s\n");
    usage_of(model, thread, leaky + 1)->allocations += 2;
    usage_of(model, thread, leaky + 1)->bytes_allocated += 5000;
    process->end_ns = START + 450 * TENTH;
    assert_int_equal(ms_model_tick_end(model, START + 451 * TENTH), 0);
    assert_int_equal(ms_findings_update(findings, model), 0);
    check_leaks_line(model, findings,
                     "\n  likely leaks 1: parse_row +10.0kB/s; not freed at exit 455kB, 4.50k "
                     "blocks at 2 sites (5.00kB suppressed)\n");
    ms_findings_free(findings);
    ms_suppressions_free(suppressions);
    ms_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary),      cmocka_unit_test(test_program_that_executed_another),
        cmocka_unit_test(test_nothing_seen), cmocka_unit_test(test_hostile_names_and_long_ones),
        cmocka_unit_test(test_status_line),  cmocka_unit_test(test_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
