/* Which files the probe may go into: real programs, and files made here to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/target.h"

static char folder[] = "/tmp/memscope-target-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
    int descriptor = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
    assert_int_equal(fchmod(descriptor, mode), 0);
    close(descriptor);
}

static void write_script(const char *name, const char *text)
{
    write_file(name, text, strlen(text), 0755);
}

static bool suitable(const char *path)
{
    return ms_target_suitable(AT_FDCWD, path, 0, MS_TARGET_UNKNOWN_FAILS);
}

/* A copy of the shell with the first `from` in it made `to`, of equal length. */
static void write_changed_copy(const char *name, const char *from, const char *to)
{
    int descriptor = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    struct stat status;
    assert_true(descriptor >= 0);
    assert_int_equal(fstat(descriptor, &status), 0);
    size_t size = (size_t)status.st_size;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(read(descriptor, bytes, size), (ssize_t)size);
    close(descriptor);
    char *at = memmem(bytes, size, from, strlen(from));
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    write_file(name, bytes, size, 0755);
    free(bytes);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"script", "loop", "plain", "foreign", "musl",
                                        "own",    "fifo", "link",  "chain"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(path_of(names[i]));
    }
    return rmdir(folder);
}

static void programs(void **state)
{
    (void)state;
    assert_true(suitable("/bin/sh"));
    assert_true(suitable("/usr/bin/env"));
    assert_false(suitable("/nonexistent"));
    assert_false(suitable("/tmp"));
    assert_false(suitable("/dev/null"));
    assert_false(suitable("/etc/passwd"));
    assert_false(suitable(NULL));
}

static void loaders(void **state)
{
    (void)state;
    write_changed_copy("own", "ld-linux", "ld-linux");
    assert_true(suitable(path_of("own")));
    write_changed_copy("musl", "ld-linux", "ld-musl-");
    assert_false(suitable(path_of("musl")));
    write_changed_copy("foreign", "ld-linux", "linker64");
    assert_false(suitable(path_of("foreign")));
    write_changed_copy("foreign", "\177ELF", "\177ELG");
    assert_false(suitable(path_of("foreign")));
}

static void scripts(void **state)
{
    (void)state;
    char text[PATH_MAX + 32];
    write_script("script", "#!/bin/sh\n");
    assert_true(suitable(path_of("script")));
    write_changed_copy("musl", "ld-linux", "ld-musl-");
    snprintf(text, sizeof(text), "#! %s -x\n", path_of("musl"));
    write_script("script", text);
    assert_false(suitable(path_of("script")));
    /* A script whose interpreter is a script. */
    write_script("script", "#!/bin/sh\n");
    snprintf(text, sizeof(text), "#!%s\n", path_of("script"));
    write_script("chain", text);
    assert_true(suitable(path_of("chain")));
    /* One that is its own interpreter has an end, too. */
    snprintf(text, sizeof(text), "#!%s\n", path_of("loop"));
    write_script("loop", text);
    assert_false(suitable(path_of("loop")));
}

static void without_header(void **state)
{
    (void)state;
    write_script("plain", "echo\n");
    assert_false(suitable(path_of("plain")));
    assert_true(ms_target_suitable(AT_FDCWD, path_of("plain"), 0, MS_TARGET_UNKNOWN_SHELL));
}

static void set_user_id(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    write_changed_copy("own", "ld-linux", "ld-linux");
    assert_int_equal(chown(path_of("own"), 1, (gid_t)-1), 0);
    assert_int_equal(chmod(path_of("own"), 04755), 0);
    assert_false(suitable(path_of("own")));
}

/* Opening a FIFO without a writer would wait for ever. */
static void special_files(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("fifo"), 0755), 0);
    assert_false(suitable(path_of("fifo")));
    assert_int_equal(symlink("/bin/sh", path_of("link")), 0);
    assert_true(suitable(path_of("link")));
    assert_false(ms_target_suitable(AT_FDCWD, path_of("link"), AT_SYMLINK_NOFOLLOW,
                                    MS_TARGET_UNKNOWN_FAILS));
}

static void search(void **state)
{
    (void)state;
    char *before = strdup(getenv("PATH") != NULL ? getenv("PATH") : "");
    char path[PATH_MAX + 64];
    write_changed_copy("musl", "ld-linux", "ld-musl-");
    snprintf(path, sizeof(path), "/nonexistent:%s:/bin:/usr/bin", folder);
    setenv("PATH", path, 1);
    assert_true(ms_target_suitable_in_path("sh", MS_TARGET_UNKNOWN_SHELL));
    assert_false(ms_target_suitable_in_path("musl", MS_TARGET_UNKNOWN_SHELL));
    assert_false(ms_target_suitable_in_path("no-such-program", MS_TARGET_UNKNOWN_SHELL));
    assert_false(ms_target_suitable_in_path("", MS_TARGET_UNKNOWN_SHELL));
    /* A name with a slash is not searched for; one that may not be executed is passed over. */
    assert_false(ms_target_suitable_in_path("./sh", MS_TARGET_UNKNOWN_SHELL));
    write_file("plain", "echo\n", 5, 0644);
    assert_false(ms_target_suitable_in_path("plain", MS_TARGET_UNKNOWN_SHELL));
    unsetenv("PATH");
    assert_true(ms_target_suitable_in_path("sh", MS_TARGET_UNKNOWN_SHELL));
    setenv("PATH", before, 1);
    free(before);
}

static void descriptors(void **state)
{
    (void)state;
    int readable = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    int path_only = open("/bin/sh", O_PATH | O_CLOEXEC);
    int text = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    assert_true(readable >= 0 && path_only >= 0 && text >= 0);
    assert_true(ms_target_suitable_descriptor(readable));
    assert_true(fcntl(readable, F_GETFD) >= 0);
    assert_true(ms_target_suitable_descriptor(path_only));
    assert_false(ms_target_suitable_descriptor(text));
    assert_false(ms_target_suitable_descriptor(-1));
    close(readable);
    close(path_only);
    close(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs),    cmocka_unit_test(loaders),
        cmocka_unit_test(scripts),     cmocka_unit_test(without_header),
        cmocka_unit_test(set_user_id), cmocka_unit_test(special_files),
        cmocka_unit_test(search),      cmocka_unit_test(descriptors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
