/* Source files: text by lines, read anew when changed, and nothing but regular files opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/source_files.h"

static char folder[] = "/tmp/source-files-XXXXXX";
static struct ms_source_files *files;

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char *line_of(const struct ms_source_text *text, uint32_t number)
{
    static char line[256];
    size_t bytes = 0;
    const char *found = ms_source_line(text, number, &bytes);
    if (found == NULL) {
        return NULL;
    }
    snprintf(line, sizeof line, "%.*s", (int)bytes, found);
    return line;
}

static int set_up(void **state)
{
    (void)state;
    files = ms_source_files_new();
    return mkdtemp(folder) != NULL && files != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a.c", "pipe", "big", "empty", "link"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(path_of(names[i]));
    }
    ms_source_files_free(files);
    return rmdir(folder);
}

static void test_lines(void **state)
{
    (void)state;
    write_file("a.c", "one\ntwo\r\n\nfour");
    const struct ms_source_text *text = ms_source_files_get(files, getpid(), path_of("a.c"));
    assert_string_equal(text->why, "");
    assert_string_equal(text->path, path_of("a.c"));
    assert_int_equal(text->line_count, 4);
    assert_string_equal(line_of(text, 1), "one");
    assert_string_equal(line_of(text, 2), "two");
    assert_string_equal(line_of(text, 3), "");
    assert_string_equal(line_of(text, 4), "four");
    assert_null(line_of(text, 0));
    assert_null(line_of(text, 5));
    write_file("empty", "");
    assert_int_equal(ms_source_files_get(files, 0, path_of("empty"))->line_count, 0);
}

static void test_a_changed_file_is_read_anew(void **state)
{
    (void)state;
    write_file("a.c", "before\n");
    assert_string_equal(line_of(ms_source_files_get(files, 0, path_of("a.c")), 1), "before");
    write_file("a.c", "afterwards\n");
    assert_string_equal(line_of(ms_source_files_get(files, 0, path_of("a.c")), 1), "afterwards");
}

static void test_names_that_are_not_absolute(void **state)
{
    (void)state;
    char before[512];
    write_file("a.c", "here\n");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    const struct ms_source_text *text = ms_source_files_get(files, getpid(), "a.c");
    assert_string_equal(line_of(text, 1), "here");
    assert_int_equal(text->path[0], '/');
    assert_int_equal(ms_source_files_get(files, getpid(), "-x")->path[0], '\0');
    assert_int_equal(chdir(before), 0);
}

/* A FIFO would block whoever opens it; its kind is known before. */
static void test_only_regular_files_are_opened(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_string_equal(ms_source_files_get(files, 0, path_of("pipe"))->why,
                        "is not a regular file");
    assert_string_equal(ms_source_files_get(files, 0, folder)->why, "is not a regular file");
    assert_string_equal(ms_source_files_get(files, 0, "/dev/null")->why, "is not a regular file");
    assert_string_equal(ms_source_files_get(files, 0, path_of("no"))->why,
                        "is not on this machine");
    FILE *big = fopen(path_of("big"), "w");
    assert_non_null(big);
    assert_int_equal(ftruncate(fileno(big), MS_SOURCE_BYTES_MAX + 1), 0);
    fclose(big);
    assert_string_equal(ms_source_files_get(files, 0, path_of("big"))->why,
                        "is too long to be shown here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_changed_file_is_read_anew),
        cmocka_unit_test(test_names_that_are_not_absolute),
        cmocka_unit_test(test_only_regular_files_are_opened),
    };
    return cmocka_run_group_tests_name("source files", tests, set_up, tear_down);
}
