/* The page about a recording, and the exit status that its rules make. */
#include <errno.h>
#include <getopt.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis_session.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/session.h"
#include "record/recorder.h"

static char path[64];
static char page[65536], told[8192];

/* A thread that allocates for three seconds; its process ends with status 0. */
static int record(void **state)
{
    (void)state;
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "worker");
    const uint32_t id = thread->id;
    const struct ms_recorder_options options = {.program_version = "1.2"};
    struct ms_recorder *recorder = ms_recorder_new(&options);
    snprintf(path, sizeof path, "/tmp/memscope-report-XXXXXX");
    const int fd = mkstemp(path);
    close(fd);
    int result = ms_recorder_keep(recorder, path, true, 0);
    for (unsigned i = 0; i < 30 && result == 0; i++) {
        struct ms_heap *heap = &ms_model_thread_mutable(session.model, id)->heap;
        heap->allocations += 10;
        heap->bytes_allocated += 1000;
        heap->bytes_freed += 900;
        heap->deallocations += 9;
        heap->peak_bytes = heap->bytes_allocated - heap->bytes_freed + 900;
        session.process = ms_model_process_mutable(session.model, PROCESS); /* it changes */
        session_tick(&session);
        result = ms_recorder_tick(recorder, session.model);
    }
    ms_model_end_thread(session.model, id, ms_model_now_ns(session.model));
    session.process = ms_model_process_mutable(session.model, PROCESS);
    session.process->end_ns = ms_model_now_ns(session.model);
    session_tick(&session);
    result = result == 0 ? ms_recorder_tick(recorder, session.model) : result;
    result = result == 0 ? ms_recorder_finish(recorder, session.model) : result;
    ms_recorder_free(recorder);
    session_free(&session);
    return result;
}

static int remove_it(void **state)
{
    (void)state;
    return unlink(path);
}

static void read_back(FILE *file, char *out, size_t size)
{
    rewind(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* The exit status; what it wrote is in `page` and `told`. */
static int report(char **argv)
{
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        static struct ms_options options;
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        optind = 0;
        const int parsed = ms_options_parse(argc, argv, &options);
        const int status = parsed != 0 ? MS_EXIT_USAGE : ms_report(&options);
        fflush(NULL);
        _exit(status);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    read_back(out, page, sizeof page);
    read_back(err, told, sizeof told);
    return WEXITSTATUS(status);
}
#define REPORT(...) report((char *[]){(char *)"memscope-top", (char *)"report", __VA_ARGS__, NULL})

static void test_the_page_has_the_figures_of_the_end(void **state)
{
    (void)state;
    assert_int_equal(REPORT(path), 0);
    assert_string_equal(told, "");
    assert_non_null(strstr(page, "Program      /usr/bin/app\n"));
    assert_non_null(strstr(page, "  Allocated  30.0kB\n"));
    assert_non_null(strstr(page, "  Peak       3.90kB\n"));
    assert_non_null(strstr(page, "  worker "));
}

static void test_at_a_moment(void **state)
{
    (void)state;
    assert_int_equal(REPORT((char *)"--at", (char *)"1", path), 0);
    assert_null(strstr(page, "  Allocated  30.0kB\n"));
    assert_non_null(strstr(page, "was running as pid 100"));
}

static void test_rules_make_the_status(void **state)
{
    (void)state;
    assert_int_equal(REPORT((char *)"--fail-on", (char *)"peak_bytes>1M", path), 0);
    assert_string_equal(told, "");
    assert_int_equal(REPORT((char *)"--fail-on", (char *)"bytes_allocated>=30k",
                            (char *)"--fail-on", (char *)"threads>1", path),
                     MS_EXIT_RULE);
    assert_string_equal(told, "memscope-top: --fail-on bytes_allocated>=30k: is 30.0kB (30000)\n");
    assert_non_null(strstr(page, "TOTALS"));
    /* That we failed is told first. */
    assert_int_equal(REPORT((char *)"--json", (char *)"/nonexistent/x.json", (char *)"--fail-on",
                            (char *)"bytes_allocated>=30k", path),
                     MS_EXIT_FAILURE);
}

static void test_no_recording(void **state)
{
    (void)state;
    assert_int_equal(REPORT((char *)"/nonexistent"), MS_EXIT_FAILURE);
    assert_string_equal(page, "");
    assert_int_equal(strncmp(told, "memscope-top: /nonexistent: ", 28), 0);
    assert_int_equal(REPORT((char *)"--fail-on", (char *)"x>1", path), MS_EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_has_the_figures_of_the_end),
        cmocka_unit_test(test_at_a_moment),
        cmocka_unit_test(test_rules_make_the_status),
        cmocka_unit_test(test_no_recording),
    };
    return cmocka_run_group_tests(tests, record, remove_it);
}
