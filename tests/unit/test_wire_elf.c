/* ELF headers: the running test, system binaries, damaged copies, scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/elf.h"

static int file_of(const void *bytes, size_t size)
{
    int descriptor = memfd_create("executable", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
    return descriptor;
}

static void this_test(void **state)
{
    (void)state;
    struct ms_executable found;
    int descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(ms_executable_read(descriptor, &found), 0);
    assert_int_equal(found.kind, MS_EXECUTABLE_ELF);
    assert_int_equal(found.class_bits, sizeof(void *) * 8);
    assert_true(found.native);
    assert_true(found.has_interpreter);
    assert_false(found.musl);
    assert_int_equal(access(found.interpreter, X_OK), 0);
    assert_int_equal(lseek(descriptor, 0, SEEK_CUR), 0);
    assert_int_equal(ms_executable_is_privileged(descriptor, false), 0);
    close(descriptor);
}

static void dynamic_symbols(void **state)
{
    (void)state;
    int descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(ms_executable_defines(descriptor, "no_such_symbol_here"), 0);
    close(descriptor);

    /* The C library by the path under which it is mapped here: it has malloc, and not main. */
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    char line[4096], path[4096] = "";
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *slash = strchr(line, '/');
        if (slash != NULL && strstr(slash, "/libc.so.6") != NULL) {
            snprintf(path, sizeof(path), "%.*s", (int)strcspn(slash, "\n"), slash);
            break;
        }
    }
    fclose(maps);
    if (path[0] == '\0') {
        skip();
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(ms_executable_defines(descriptor, "malloc"), 1);
    assert_int_equal(ms_executable_defines(descriptor, "pthread_create"), 1);
    assert_int_equal(ms_executable_defines(descriptor, "mallocx"), 0);
    close(descriptor);
}

static void scripts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *interpreter;
        enum ms_executable_kind kind;
    } cases[] = {
        {"#!/bin/sh\necho\n", "/bin/sh", MS_EXECUTABLE_SCRIPT},
        {"#! /usr/bin/env python3\n", "/usr/bin/env", MS_EXECUTABLE_SCRIPT},
        {"#!\t/bin/sh -e", "/bin/sh", MS_EXECUTABLE_SCRIPT},
        {"#!\n", "", MS_EXECUTABLE_SCRIPT},
        {"echo no header\n", "", MS_EXECUTABLE_OTHER},
        {"", "", MS_EXECUTABLE_OTHER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ms_executable found;
        int descriptor = file_of(cases[i].text, strlen(cases[i].text));
        assert_int_equal(ms_executable_read(descriptor, &found), 0);
        assert_int_equal(found.kind, cases[i].kind);
        assert_string_equal(found.interpreter, cases[i].interpreter);
        close(descriptor);
    }
}

static void script_line_too_long(void **state)
{
    (void)state;
    char text[600];
    struct ms_executable found;
    memset(text, 'x', sizeof(text));
    memcpy(text, "#!/", 3);
    int descriptor = file_of(text, sizeof(text));
    assert_int_equal(ms_executable_read(descriptor, &found), 0);
    assert_int_equal(found.kind, MS_EXECUTABLE_SCRIPT);
    assert_true(strlen(found.interpreter) < MS_INTERPRETER_MAX);
    close(descriptor);
}

/* Headers of another class and of another byte order, as a multilib or foreign binary has. */
static void foreign(void **state)
{
    (void)state;
    struct ms_executable found;
    Elf32_Ehdr small = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, 1},
                        .e_type = ET_EXEC,
                        .e_machine = EM_386};
    char padded[256] = "";
    memcpy(padded, &small, sizeof(small));
    int descriptor = file_of(padded, sizeof(padded));
    assert_int_equal(ms_executable_read(descriptor, &found), 0);
    assert_int_equal(found.class_bits, 32);
    assert_int_equal(found.machine, EM_386);
    assert_false(found.native);
    close(descriptor);

    padded[EI_CLASS] = ELFCLASS64;
    padded[EI_DATA] = ELFDATA2MSB;
    padded[18] = 0;
    padded[19] = EM_PPC64;
    descriptor = file_of(padded, sizeof(padded));
    assert_int_equal(ms_executable_read(descriptor, &found), 0);
    assert_int_equal(found.class_bits, 64);
    assert_int_equal(found.machine, EM_PPC64);
    assert_false(found.native);
    close(descriptor);
}

/* Every byte of the header and the tables behind it damaged in turn: an answer, never a hang. */
static void damaged(void **state)
{
    (void)state;
    static unsigned char bytes[65536];
    int original = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(original >= 0);
    ssize_t size = pread(original, bytes, sizeof(bytes), 0);
    close(original);
    assert_true(size > 4096);
    int descriptor = file_of(bytes, (size_t)size);
    int refused = 0;
    for (off_t at = 0; at < 2048; at++) {
        for (int value = 0; value < 256; value += 51) {
            unsigned char damage = (unsigned char)(bytes[at] ^ (value | 1));
            struct ms_executable found;
            assert_int_equal(pwrite(descriptor, &damage, 1, at), 1);
            refused += ms_executable_read(descriptor, &found) != 0;
            (void)ms_executable_defines(descriptor, "malloc");
        }
        assert_int_equal(pwrite(descriptor, bytes + at, 1, at), 1);
    }
    assert_true(refused > 0);
    assert_int_equal(ftruncate(descriptor, 100), 0);
    struct ms_executable found;
    assert_int_equal(ms_executable_read(descriptor, &found), -ENOEXEC);
    close(descriptor);
}

static void set_user_id(void **state)
{
    (void)state;
    int descriptor = file_of("#!/bin/sh\n", 10);
    assert_int_equal(fchmod(descriptor, 04755), 0);
    /* Owned by ourselves: nothing to gain, so the kernel does not call it secure. */
    assert_int_equal(ms_executable_is_privileged(descriptor, false), 0);
    if (getuid() == 0) {
        assert_int_equal(fchown(descriptor, 1, (gid_t)-1), 0);
        assert_int_equal(fchmod(descriptor, 04755), 0);
        assert_int_equal(ms_executable_is_privileged(descriptor, false), 1);
        assert_int_equal(fchmod(descriptor, 0755), 0);
        assert_int_equal(ms_executable_is_privileged(descriptor, false), 0);
        assert_int_equal(fchown(descriptor, 0, 1), 0);
        assert_int_equal(fchmod(descriptor, 02755), 0);
        assert_int_equal(ms_executable_is_privileged(descriptor, false), 1);
        assert_int_equal(fchmod(descriptor, 02745), 0);
        assert_int_equal(ms_executable_is_privileged(descriptor, false), 0);
    }
    close(descriptor);
}

static void not_readable(void **state)
{
    (void)state;
    struct ms_executable found;
    assert_int_equal(ms_executable_read(-1, &found), -EBADF);
    assert_int_equal(ms_executable_defines(-1, "malloc"), -EBADF);
    assert_int_equal(ms_executable_is_privileged(-1, false), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_test),   cmocka_unit_test(dynamic_symbols),
        cmocka_unit_test(scripts),     cmocka_unit_test(script_line_too_long),
        cmocka_unit_test(foreign),     cmocka_unit_test(damaged),
        cmocka_unit_test(set_user_id), cmocka_unit_test(not_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
