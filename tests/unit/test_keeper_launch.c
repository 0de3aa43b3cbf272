/* Verdicts before a start, on programs compiled here and now: what a compiler cannot make is
 * skipped by name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper/keeper.h"
#include "keeper/launch.h"

static char folder[] = "/tmp/memscope-test-XXXXXX";
static struct ms_launch launch;

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : chdir(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* Compiles `source` with `command` into ./program. Skips the test when that does not work. */
static void compile(const char *command, const char *source)
{
    FILE *file = fopen("source.c", "w");
    assert_non_null(file);
    fputs(source, file);
    fclose(file);
    char line[256];
    unlink("program");
    snprintf(line, sizeof(line), "%s -o program source.c >/dev/null 2>&1", command);
    if (system(line) != 0) {
        skip();
    }
}

static void write_script(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(name, mode), 0);
}

static void assert_verdict(enum ms_verdict verdict, bool preload, const char *because)
{
    assert_int_equal(ms_launch_look("./program", &launch), 0);
    assert_int_equal(launch.verdict, verdict);
    assert_int_equal(launch.preload, preload);
    assert_non_null(strstr(launch.because, because));
    assert_int_equal(launch.because[0] == '\0', verdict == MS_VERDICT_FULL);
}

static void dynamic_program_is_seen_in_full(void **state)
{
    (void)state;
    compile("cc", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_FULL, true, "");
    assert_string_equal(launch.path, "./program");
    assert_string_equal(launch.interpreter, "./program");
    assert_string_equal(ms_verdict_word(launch.verdict), "full");
}

static void static_program_is_not_seen(void **state)
{
    (void)state;
    compile("cc -static", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_NONE, false, "statically linked");
}

static void static_pie_is_not_seen(void **state)
{
    (void)state;
    compile("cc -static-pie", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_NONE, false, "statically linked");
}

static void musl_program_gets_no_probe(void **state)
{
    (void)state;
    compile("musl-gcc", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_NONE, false, "musl");
}

static void sanitized_programs_get_no_probe(void **state)
{
    (void)state;
    compile("gcc -fsanitize=address", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_NONE, false, "AddressSanitizer");
    compile("gcc -fsanitize=thread", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_NONE, false, "ThreadSanitizer");
}

static void statically_sanitized_programs_get_no_probe(void **state)
{
    (void)state;
    compile("gcc -fsanitize=address -static-libasan", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_NONE, false, "a sanitizer");
    compile("gcc -fsanitize=thread -static-libtsan", "int main(void) { return 0; }");
    assert_verdict(MS_VERDICT_NONE, false, "a sanitizer");
}

static void narrow_program_gets_no_probe(void **state)
{
    (void)state;
    compile("cc -m32 -nostdlib", "void _start(void) { for (;;) { } }");
    assert_verdict(MS_VERDICT_NONE, false, "32-bit");
}

static void own_allocator_is_seen_in_part(void **state)
{
    (void)state;
    compile("cc -rdynamic -fno-builtin",
            "#include <stddef.h>\nstatic char pool[9999];\n"
            "void *malloc(size_t n) { return n < sizeof pool ? pool : 0; }\n"
            "void free(void *p) { (void)p; }\nint main(void) { return 0; }");
    assert_verdict(MS_VERDICT_PARTIAL, true, "allocator of its own");
}

static void privileged_program_is_not_seen_but_by_root(void **state)
{
    (void)state;
    compile("cc", "int main(void) { return 0; }");
    assert_int_equal(chmod("program", 04755), 0);
    if (geteuid() == 0) { /* nothing is gained: the loader reads LD_PRELOAD */
        assert_verdict(MS_VERDICT_FULL, true, "");
        assert_int_equal(chown("program", 65534, 65534), 0);
        assert_int_equal(chmod("program", 04755), 0);
    } else {
        skip();
    }
    assert_verdict(MS_VERDICT_NONE, false, "privileges");
}

static void scripts_lead_to_what_runs_them(void **state)
{
    (void)state;
    char text[128];
    snprintf(text, sizeof(text), "#! %s/inner -x\n", folder);
    write_script("inner", "#!/bin/sh\n", 0755);
    write_script("outer", text, 0755);
    assert_int_equal(ms_launch_look("./outer", &launch), 0);
    assert_string_equal(launch.path, "./outer");
    assert_string_equal(launch.interpreter, "/bin/sh");
    write_script("lost", "#!/nonexistent/shell\n", 0755);
    assert_int_equal(ms_launch_look("./lost", &launch), -ENOENT);
    snprintf(text, sizeof(text), "#!%s/endless\n", folder);
    write_script("endless", text, 0755);
    assert_int_equal(ms_launch_look("./endless", &launch), -ELOOP);
}

static void assert_refused(const char *program, int error, const char *because)
{
    assert_int_equal(ms_launch_look(program, &launch), error);
    assert_string_equal(launch.because, because);
}

static void what_cannot_run_says_why(void **state)
{
    (void)state;
    write_script("text", "only text\n", 0755);
    write_script("empty", "", 0755);
    write_script("plain", "#!/bin/sh\n", 0644);
    write_script("lost", "#!/nonexistent/shell\n", 0755);
    write_script("into", "#!/\n", 0755);
    assert_int_equal(mkfifo("fifo", 0755), 0);
    assert_refused("./text", -ENOEXEC,
                   "it is neither an ELF program nor a script that begins with #!");
    assert_refused("./empty", -ENOEXEC, "it is an empty file");
    assert_refused("./plain", -EACCES, "it is not executable: it lacks execute permission");
    assert_refused("./absent", -ENOENT, "not found");
    assert_refused("./plain/absent", -ENOENT, "not found");
    assert_refused("absent-everywhere", -ENOENT, "not found in PATH");
    assert_refused("/", -EACCES, "it is a directory");
    assert_refused("", -ENOENT, "its name is empty");
    assert_refused("./fifo", -EACCES, "it is not a regular file");
    assert_refused("./lost", -ENOENT, "its interpreter /nonexistent/shell was not found");
    assert_refused("./into", -EACCES, "its interpreter / is a directory");
}

static void path_is_searched_as_a_shell_does(void **state)
{
    (void)state;
    char before[4096];
    snprintf(before, sizeof(before), "%s", getenv("PATH"));
    assert_int_equal(mkdir("first", 0755), 0);
    assert_int_equal(mkdir("second", 0755), 0);
    write_script("first/tool", "#!/bin/sh\n", 0644);
    write_script("second/tool", "#!/bin/sh\n", 0755);
    write_script("first/only", "#!/bin/sh\n", 0644);
    write_script("here", "#!/bin/sh\n", 0755);
    setenv("PATH", "/nonexistent:first:second", 1);
    assert_int_equal(ms_launch_look("tool", &launch), 0);
    assert_string_equal(launch.path, "second/tool");
    assert_int_equal(ms_launch_look("only", &launch), -EACCES);
    assert_int_equal(ms_launch_look("here", &launch), -ENOENT);
    setenv("PATH", "first:", 1);
    assert_int_equal(ms_launch_look("here", &launch), 0);
    assert_string_equal(launch.path, "here");
    setenv("PATH", before, 1);
}

static void probe_is_found_under_a_name_the_loader_can_read(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char tried[512];
    char target[PATH_MAX];
    setenv("XDG_RUNTIME_DIR", folder, 1);
    assert_int_equal(mkdir("with space", 0755), 0);
    write_script("with space/probe.so", "", 0644);
    write_script("probe.so", "", 0644);

    setenv("MEMSCOPE_TOP_PROBE", "./probe.so", 1);
    assert_int_equal(ms_launch_find_probe(path, sizeof(path), tried, sizeof(tried)), 0);
    assert_int_equal(path[0], '/');
    assert_null(strpbrk(path, " :"));

    setenv("MEMSCOPE_TOP_PROBE", "./with space/probe.so", 1);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(ms_launch_find_probe(path, sizeof(path), tried, sizeof(tried)), 0);
        assert_null(strpbrk(path, " :"));
        assert_non_null(realpath(path, target));
        assert_non_null(strstr(target, "/with space/probe.so"));
    }

    setenv("MEMSCOPE_TOP_PROBE", "/nonexistent/probe.so", 1);
    assert_int_equal(ms_launch_find_probe(path, sizeof(path), tried, sizeof(tried)), -ENOENT);
    assert_string_equal(tried, "/nonexistent/probe.so");
    unsetenv("MEMSCOPE_TOP_PROBE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dynamic_program_is_seen_in_full),
        cmocka_unit_test(static_program_is_not_seen),
        cmocka_unit_test(static_pie_is_not_seen),
        cmocka_unit_test(musl_program_gets_no_probe),
        cmocka_unit_test(sanitized_programs_get_no_probe),
        cmocka_unit_test(statically_sanitized_programs_get_no_probe),
        cmocka_unit_test(narrow_program_gets_no_probe),
        cmocka_unit_test(own_allocator_is_seen_in_part),
        cmocka_unit_test(privileged_program_is_not_seen_but_by_root),
        cmocka_unit_test(scripts_lead_to_what_runs_them),
        cmocka_unit_test(what_cannot_run_says_why),
        cmocka_unit_test(path_is_searched_as_a_shell_does),
        cmocka_unit_test(probe_is_found_under_a_name_the_loader_can_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
