/* JSON Lines into pipes whose readers are slow, gone or patient. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/json_lines.h"

#define TENTH   (MS_SECOND_NS / 10)
#define START   UINT64_C(1000000000)
#define THREADS 60u

static const struct ms_export_options options = {.program_version = "0"};
static char folder[] = "/tmp/memscope-lines-XXXXXX";
static char path[64];

static struct ms_model *model_of_threads(void)
{
    struct ms_model *model = ms_model_new(TENTH, START, START);
    assert_non_null(ms_model_add_process(model, 1));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_non_null(ms_model_add_thread(model, 1));
    }
    return model;
}

static void tick(struct ms_model *model, struct ms_json_lines *lines)
{
    const uint64_t next_ns = START + (ms_model_ticks(model) + 1) * TENTH;
    assert_int_equal(ms_model_tick_end(model, next_ns), 0);
    assert_int_equal(ms_json_lines_tick(lines, model), 0);
}

/* "lines_dropped":N of a line. */
static uint64_t dropped_of(const char *line)
{
    const char *at = strstr(line, "\"lines_dropped\":");
    assert_non_null(at);
    return strtoull(at + strlen("\"lines_dropped\":"), NULL, 10);
}

static void test_a_slow_reader_loses_whole_lines_and_is_told(void **state)
{
    (void)state;
    struct ms_model *model = model_of_threads();
    struct ms_json_lines *lines;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ms_json_lines_open(path, false, &options, &lines), 0);
    const int fd = open(path, O_RDONLY | O_NONBLOCK);
    const unsigned ticks = 300; /* more than 4 MiB */
    for (unsigned i = 0; i < ticks; i++) {
        tick(model, lines);
    }
    static char text[16u << 20];
    size_t used = 0;
    ssize_t got;
    do { /* now it reads, and the session goes on */
        tick(model, lines);
        while ((got = read(fd, text + used, sizeof(text) - 1 - used)) > 0) {
            used += (size_t)got;
        }
    } while (ms_model_ticks(model) < ticks + 200);
    assert_int_equal(ms_json_lines_close(lines), 0);
    while ((got = read(fd, text + used, sizeof(text) - 1 - used)) > 0) {
        used += (size_t)got;
    }
    text[used] = '\0';
    uint64_t seen = 0;
    uint64_t dropped = 0;
    uint64_t missing = 0;
    uint64_t next = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_true(line[0] == '{' && line[strlen(line) - 1] == '}');
        if (strncmp(line, "{\"tick\":", 8) == 0) {
            const uint64_t number = strtoull(line + 8, NULL, 10);
            missing += number - next;
            next = number + 1;
            dropped = dropped_of(line);
            assert_int_equal(dropped, missing);
            seen++;
        }
    }
    assert_true(dropped > 0);
    assert_int_equal(seen + dropped, ms_model_ticks(model));
    close(fd);
    ms_model_free(model);
    assert_int_equal(unlink(path), 0);
}

static void test_a_recording_waits_for_its_reader(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct ms_json_lines *lines;
        struct ms_model *model = model_of_threads();
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        assert_int_equal(ms_json_lines_open_stream(out, &options, &lines), 0);
        for (unsigned i = 0; i < 300; i++) {
            tick(model, lines);
        }
        _exit(ms_json_lines_close(lines) == 0 ? 0 : 1);
    }
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    unsigned count = 0;
    usleep(300000); /* all of its room is full by then */
    while (getline(&line, &capacity, in) > 0) {
        assert_true(count == 0 || dropped_of(line) == 0);
        count++;
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count, 301);
    free(line);
    fclose(in);
    assert_int_equal(unlink(path), 0);
}

static void test_what_was_not_read_at_the_end_is_told(void **state)
{
    (void)state;
    struct ms_model *model = model_of_threads();
    struct ms_json_lines *lines;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ms_json_lines_open(path, false, &options, &lines), 0);
    for (unsigned i = 0; i < 10; i++) { /* more than the pipe takes */
        tick(model, lines);
    }
    assert_int_equal(ms_json_lines_close(lines), -ETIMEDOUT);
    ms_model_free(model);
    assert_int_equal(unlink(path), 0);
}

/* Of each tick what lives then, of the threads that were chosen. */
static void test_a_line_has_the_figures_of_its_tick(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, START);
    struct ms_process *process = ms_model_add_process(model, 1);
    process->totals = (struct ms_heap){.allocations = 9,
                                       .deallocations = 4,
                                       .bytes_allocated = 900,
                                       .bytes_freed = 300,
                                       .peak_bytes = 700};
    ms_model_add_process(model, 2)->end_ns = START + 1;
    for (unsigned i = 0; i < 2; i++) {
        struct ms_thread *thread = ms_model_add_thread(model, 1);
        thread->probed = thread->tracked = true;
        thread->heap = (struct ms_heap){.allocations = 5 + i,
                                        .deallocations = 2,
                                        .bytes_allocated = 50,
                                        .bytes_freed = 20,
                                        .peak_bytes = 40};
    }
    char why[160];
    struct ms_rule rule;
    assert_int_equal(ms_rule_parse("allocations>5", MS_RULE_OF_THREAD, &rule, why, sizeof(why)), 0);
    struct ms_export_options some = options;
    some.thread_rules = &rule;
    some.thread_rule_count = 1;
    struct ms_json_lines *lines;
    FILE *out = tmpfile();
    assert_int_equal(ms_json_lines_open_stream(out, &some, &lines), 0);
    tick(model, lines);
    assert_int_equal(ms_json_lines_close(lines), 0);
    static char text[65536];
    rewind(out);
    text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
    fclose(out);
    assert_non_null(strstr(text, "\n{\"tick\":0,\"t_ns\":100000000,"));
    assert_non_null(strstr(text, "\"current_bytes\":600,\"peak_bytes\":700,\"allocations\":9,"
                                 "\"deallocations\":4,\"bytes_allocated\":900,"
                                 "\"bytes_freed\":300,"));
    assert_non_null(strstr(text, "\"threads\":[{\"id\":2,"));
    assert_non_null(strstr(text, "\"current_bytes\":30,\"peak_bytes\":40,\"allocations\":6,"
                                 "\"deallocations\":2,\"bytes_allocated\":50,\"bytes_freed\":20,"));
    assert_null(strstr(text, "\"allocations\":5,"));
    assert_null(strstr(text, "{\"id\":2,\"pid\""));
    ms_model_free(model);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/fifo", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slow_reader_loses_whole_lines_and_is_told),
        cmocka_unit_test(test_a_recording_waits_for_its_reader),
        cmocka_unit_test(test_what_was_not_read_at_the_end_is_told),
        cmocka_unit_test(test_a_line_has_the_figures_of_its_tick),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
