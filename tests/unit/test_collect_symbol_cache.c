/* The cache of names on disk: written, read again, shared, pruned, and not believed when damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/symbol_cache.h"

static char parent[64];
static char folder[128];
static const uint8_t build_id[20] = {0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(parent, sizeof parent, "/tmp/memscope-test-cache-XXXXXX");
    if (mkdtemp(parent) == NULL) {
        return -1;
    }
    (void)snprintf(folder, sizeof folder, "%s/memscope-top/symbols", parent);
    return 0;
}

static void remove_files(void)
{
    DIR *open_folder = opendir(folder);
    while (open_folder != NULL) {
        const struct dirent *entry = readdir(open_folder);
        if (entry == NULL) {
            closedir(open_folder);
            break;
        }
        (void)unlinkat(dirfd(open_folder), entry->d_name, 0);
    }
}

static int remove_folder(void **state)
{
    (void)state;
    char above[128];
    remove_files();
    (void)snprintf(above, sizeof above, "%s/memscope-top", parent);
    rmdir(folder);
    rmdir(above);
    return rmdir(parent);
}

static void add(struct ms_symbol_cache *cache, uint64_t address, const char *function)
{
    const struct ms_cached_frame frames[] = {
        {.line = 7, .function = "inner", .file = "/src/a.rs", .crate = "app"},
        {.line = (uint32_t)address, .function = function, .file = "/src/b.rs", .crate = ""}};
    ms_symbol_cache_add(cache, address, frames, 2);
}

static void expect(const struct ms_symbol_cache *cache, uint64_t address, const char *function)
{
    struct ms_cached_frame frames[MS_SYMBOL_CACHE_FRAMES_MAX];
    assert_int_equal(ms_symbol_cache_find(cache, address, frames), 2);
    assert_string_equal(frames[0].function, "inner");
    assert_string_equal(frames[0].crate, "app");
    assert_int_equal(frames[0].line, 7);
    assert_string_equal(frames[1].function, function);
    assert_string_equal(frames[1].file, "/src/b.rs");
    assert_string_equal(frames[1].crate, "");
    assert_int_equal(frames[1].line, address);
}

static struct ms_symbol_cache *open_cache(void)
{
    struct ms_symbol_cache *cache = ms_symbol_cache_open(folder, build_id, sizeof build_id);
    assert_non_null(cache);
    return cache;
}

static void test_kept(void **state)
{
    (void)state;
    struct ms_cached_frame frames[MS_SYMBOL_CACHE_FRAMES_MAX];
    struct ms_symbol_cache *cache = open_cache();
    assert_int_equal(ms_symbol_cache_find(cache, 1, frames), 0);
    char name[32];
    for (uint64_t i = 1; i <= 1000; i++) {
        (void)snprintf(name, sizeof name, "f%llu", (unsigned long long)(i % 300));
        add(cache, i, name);
    }
    ms_symbol_cache_close(cache);
    cache = open_cache();
    assert_int_equal(ms_symbol_cache_count(cache), 1000);
    expect(cache, 1, "f1");
    expect(cache, 1000, "f100");
    assert_int_equal(ms_symbol_cache_find(cache, 1001, frames), 0);
    /* Two sessions append: both are there afterwards. */
    struct ms_symbol_cache *other = open_cache();
    add(cache, 2001, "here");
    add(other, 2002, "there");
    ms_symbol_cache_close(cache);
    ms_symbol_cache_close(other);
    cache = open_cache();
    expect(cache, 2001, "here");
    expect(cache, 2002, "there");
    ms_symbol_cache_close(cache);
    remove_files();
}

static void path_of_file(char *path, size_t size)
{
    (void)snprintf(path, size, "%s/ab010203040506070809%s", folder, "00000000000000000000");
}

/* A block that is cut costs what was in it; a content that does not fit its checksum all of it. */
static void test_damaged(void **state)
{
    (void)state;
    char path[256];
    struct stat status;
    struct ms_cached_frame frames[MS_SYMBOL_CACHE_FRAMES_MAX];
    path_of_file(path, sizeof path);
    struct ms_symbol_cache *cache = open_cache();
    add(cache, 1, "one");
    ms_symbol_cache_flush(cache);
    add(cache, 2, "two");
    ms_symbol_cache_close(cache);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(truncate(path, status.st_size - 1), 0);
    cache = open_cache();
    expect(cache, 1, "one");
    assert_int_equal(ms_symbol_cache_find(cache, 2, frames), 0);
    add(cache, 3, "three"); /* the file is begun anew */
    ms_symbol_cache_close(cache);
    cache = open_cache();
    assert_int_equal(ms_symbol_cache_find(cache, 1, frames), 0);
    expect(cache, 3, "three");
    ms_symbol_cache_close(cache);
    remove_files();
}

static void test_not_ours(void **state)
{
    (void)state;
    char path[256];
    struct ms_cached_frame frames[MS_SYMBOL_CACHE_FRAMES_MAX];
    path_of_file(path, sizeof path);
    struct ms_symbol_cache *cache = open_cache();
    add(cache, 1, "one");
    ms_symbol_cache_close(cache);
    assert_int_equal(chmod(path, 0666), 0);
    cache = open_cache();
    assert_int_equal(ms_symbol_cache_find(cache, 1, frames), 0);
    ms_symbol_cache_close(cache);
    /* Through a link nothing is read either. */
    assert_int_equal(chmod(path, 0600), 0);
    char moved[256];
    (void)snprintf(moved, sizeof moved, "%s/elsewhere", folder);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(symlink(moved, path), 0);
    cache = open_cache();
    assert_int_equal(ms_symbol_cache_find(cache, 1, frames), 0);
    ms_symbol_cache_close(cache);
    remove_files();
    /* A folder that others may write to is not used. */
    assert_int_equal(chmod(folder, 0777), 0);
    assert_null(ms_symbol_cache_open(folder, build_id, sizeof build_id));
    assert_int_equal(chmod(folder, 0700), 0);
}

/* Where somebody else could put a folder of ours, or where one is another's, nothing is written. */
static void test_folder_not_ours(void **state)
{
    (void)state;
    char above[128];
    char path[256];
    char link[256];
    ms_symbol_cache_close(open_cache());
    (void)snprintf(above, sizeof above, "%s/memscope-top", parent);
    assert_int_equal(chmod(above, 0777), 0);
    assert_null(ms_symbol_cache_open(folder, build_id, sizeof build_id));
    assert_int_equal(chmod(above, 0700), 0);
    (void)snprintf(link, sizeof link, "%s/link", above);
    assert_int_equal(symlink(folder, link), 0);
    assert_null(ms_symbol_cache_open(link, build_id, sizeof build_id));
    assert_int_equal(unlink(link), 0);
    /* Names as ours in a folder that is everybody's: theirs. */
    (void)snprintf(path, sizeof path, "%s/0123456789abcdef0123456789abcdef01234567", folder);
    int descriptor = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(descriptor, path, sizeof path), sizeof path);
    close(descriptor);
    assert_int_equal(chmod(folder, 0777), 0);
    ms_symbol_cache_prune(folder, 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(chmod(folder, 0700), 0);
    ms_symbol_cache_prune(folder, 0);
    assert_int_equal(access(path, F_OK), -1);
    if (geteuid() == 0) {
        assert_int_equal(chown(above, 1, 1), 0);
        assert_null(ms_symbol_cache_open(folder, build_id, sizeof build_id));
        assert_int_equal(chown(above, 0, 0), 0);
    }
}

static void test_without(void **state)
{
    (void)state;
    assert_null(ms_symbol_cache_open("", build_id, sizeof build_id));
    assert_null(ms_symbol_cache_open(NULL, build_id, sizeof build_id));
    assert_null(ms_symbol_cache_open(folder, build_id, 0));
    assert_null(ms_symbol_cache_open("/proc/nothing/here", build_id, sizeof build_id));
    ms_symbol_cache_flush(NULL);
    ms_symbol_cache_close(NULL);
    ms_symbol_cache_prune("/no/such/folder", 0);
}

static void test_pruned(void **state)
{
    (void)state;
    uint8_t id[20] = {0};
    for (uint8_t i = 0; i < 5; i++) {
        id[0] = i;
        struct ms_symbol_cache *cache = ms_symbol_cache_open(folder, id, sizeof id);
        assert_non_null(cache);
        add(cache, 1, "name");
        ms_symbol_cache_close(cache);
        char path[256];
        (void)snprintf(path, sizeof path, "%s/0%u%038u", folder, i, 0u);
        const struct timespec times[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    char notes[256];
    (void)snprintf(notes, sizeof notes, "%s/notes", folder);
    close(open(notes, O_WRONLY | O_CREAT, 0600));
    struct stat status;
    char newest[256];
    (void)snprintf(newest, sizeof newest, "%s/04%038u", folder, 0u);
    assert_int_equal(stat(newest, &status), 0);
    ms_symbol_cache_prune(folder, (uint64_t)status.st_blocks * 512 * 2);
    char path[256];
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(path, sizeof path, "%s/0%u%038u", folder, i, 0u);
        assert_int_equal(access(path, F_OK), i < 3 ? -1 : 0);
    }
    assert_int_equal(access(notes, F_OK), 0); /* not ours to remove */
    remove_files();
}

static void test_folder(void **state)
{
    (void)state;
    char found[256];
    char expected[256];
    ms_symbol_cache_folder("no", found, sizeof found);
    assert_string_equal(found, "");
    ms_symbol_cache_folder("/some/where", found, sizeof found);
    assert_string_equal(found, "/some/where");
    setenv("XDG_CACHE_HOME", parent, 1);
    ms_symbol_cache_folder(NULL, found, sizeof found);
    assert_string_equal(found, folder);
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", parent, 1);
    ms_symbol_cache_folder(NULL, found, sizeof found);
    (void)snprintf(expected, sizeof expected, "%s/.cache/memscope-top/symbols", parent);
    assert_string_equal(found, expected);
    (void)snprintf(expected, sizeof expected, "%s/.cache", parent);
    assert_int_equal(rmdir(expected), 0);
    unsetenv("XDG_CACHE_HOME");
    if (geteuid() == 0) { /* sudo that keeps HOME: nothing of root in it */
        assert_int_equal(chown(parent, 1, 1), 0);
        ms_symbol_cache_folder(NULL, found, sizeof found);
        assert_string_equal(found, "");
        assert_int_equal(access(expected, F_OK), -1);
        assert_int_equal(chown(parent, 0, 0), 0);
    }
    setenv("HOME", "/nonexistent", 1);
    ms_symbol_cache_folder(NULL, found, sizeof found);
    assert_string_equal(found, "");
    unsetenv("HOME");
    ms_symbol_cache_folder(NULL, found, sizeof found);
    assert_string_equal(found, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_pruned),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_folder_not_ours),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
