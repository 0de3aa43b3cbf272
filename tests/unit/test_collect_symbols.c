/* The symbolizer on this very program, beside addr2line, on broken files, and after its death. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <link.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/symbolizer.h"
#include "collect/symbols.h"
#include "wire/clock.h"

static char self[4096];
static uint64_t bias;

static inline __attribute__((always_inline)) void inner(void)
{
    __asm__ volatile(".globl memscope_test_place\nmemscope_test_place: nop" ::: "memory");
}

static inline __attribute__((always_inline)) void between(void)
{
    inner();
}

static __attribute__((noinline)) void outermost(void)
{
    between();
    __asm__ volatile("" ::: "memory");
}

extern const char memscope_test_place[];

static int first_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    bias = info->dlpi_addr;
    return 1;
}

static int find_self(void **state)
{
    (void)state;
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self - 1);
    dl_iterate_phdr(first_object, NULL);
    outermost();
    return bytes <= 0;
}

static void wait_for_names(struct ms_symbols *symbols, struct ms_model *model)
{
    uint64_t until_ns = ms_monotonic_ns() + 60 * MS_NS_PER_S;
    while (ms_symbols_pending(symbols) > 0 && ms_monotonic_ns() < until_ns) {
        ms_symbols_handle(symbols, model, ms_monotonic_ns());
        struct pollfd wanted[2];
        (void)poll(wanted, (nfds_t)ms_symbols_poll_fds(symbols, wanted, 2), 20);
    }
    assert_int_equal(ms_symbols_pending(symbols), 0);
}

static struct ms_frame *ask(struct ms_symbols *symbols, struct ms_model *model, const char *path,
                            uint64_t address)
{
    struct ms_frame *frame = ms_model_add_frame(model);
    assert_non_null(frame);
    frame->file_offset = address;
    frame->module = path;
    uint32_t module = ms_symbols_module(symbols, model, getpid(), path, NULL, 0);
    assert_int_equal(ms_symbols_ask(symbols, frame, module, 0), 0);
    return frame;
}

static void test_inlined_frames(void **state)
{
    (void)state;
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    const struct ms_frame *frame =
        ask(symbols, model, self, (uint64_t)(uintptr_t)memscope_test_place - bias);
    wait_for_names(symbols, model);
    const char *const expected[] = {"inner", "between", "outermost"};
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(frame);
        assert_string_equal(frame->function, expected[i]);
        assert_non_null(strstr(frame->file, "tests/unit/test_collect_symbols.c"));
        assert_int_equal(frame->file[0], '/');
        assert_true(frame->line > 0);
        frame = frame->inlined_by;
    }
    assert_null(frame);
    assert_int_equal(ms_model_module_count(model), 1);
    assert_int_equal(ms_model_module(model, 0)->names, MS_NAMES_LINES);
    assert_string_equal(ms_model_module(model, 0)->advice, "");
    assert_true(ms_symbols_cpu_ns(symbols) > 0);
    ms_symbols_free(symbols);
    ms_model_free(model);
}

/* What `addr2line -i -f -C` prints for one address: function and file:line by turns. */
static size_t run_addr2line(const char *path, uint64_t address, char lines[][1024], size_t capacity)
{
    char command[8192];
    (void)snprintf(command, sizeof command, "addr2line -i -f -C -e %s 0x%llx 2>/dev/null", path,
                   (unsigned long long)address);
    FILE *pipe = popen(command, "r");
    size_t count = 0;
    while (pipe != NULL && count < capacity && fgets(lines[count], 1024, pipe) != NULL) {
        lines[count][strcspn(lines[count], "\n")] = '\0';
        count++;
    }
    if (pipe != NULL) {
        pclose(pipe);
    }
    return count;
}

static void compare_with_addr2line(const struct ms_frame *frame)
{
    static char lines[2 * MS_SYMBOL_INLINES_MAX][1024];
    size_t count = run_addr2line(self, frame->file_offset, lines, 2 * MS_SYMBOL_INLINES_MAX);
    for (size_t i = 0; i + 1 < count; i += 2) {
        const struct ms_frame *ours = frame;
        assert_non_null(ours);
        assert_string_equal(ours->function, lines[i]);
        char place[1024];
        const char *slash = strrchr(ours->file, '/');
        const char *file = slash == NULL ? ours->file : slash + 1;
        if (ours->line != 0) {
            (void)snprintf(place, sizeof place, "%s:%u", file, ours->line);
        } else {
            (void)snprintf(place, sizeof place, "%s:?", file);
        }
        lines[i + 1][strcspn(lines[i + 1], " ")] = '\0'; /* "(discriminator 3)" */
        const char *theirs = strrchr(lines[i + 1], '/');
        assert_string_equal(place, theirs == NULL ? lines[i + 1] : theirs + 1);
        frame = ours->inlined_by;
    }
    assert_null(frame);
}

static void test_as_addr2line(void **state)
{
    (void)state;
    if (system("command -v addr2line >/dev/null 2>&1") != 0) {
        print_message("SKIP: addr2line is not installed\n");
        skip();
    }
    enum { PLACES = 60 };
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    const struct ms_frame *frames[PLACES];
    uint64_t first = (uint64_t)(uintptr_t)ms_symbols_start - bias;
    for (size_t i = 0; i < PLACES; i++) {
        frames[i] = ask(symbols, model, self, first + 7 * i);
    }
    wait_for_names(symbols, model);
    size_t named = 0;
    for (size_t i = 0; i < PLACES; i++) {
        /* Between two functions lies padding: addr2line says the one before, we say none. */
        if (frames[i]->function[0] != '\0') {
            compare_with_addr2line(frames[i]);
            named++;
        }
    }
    assert_true(named > PLACES * 3 / 4);
    ms_symbols_free(symbols);
    ms_model_free(model);
}

static void write_file(const char *path, const void *bytes, size_t count)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, count), count);
    close(descriptor);
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    char folder[] = "/tmp/memscope-test-symbols-XXXXXX";
    char fifo[64];
    char cut[64];
    char noise[64];
    static char bytes[65536];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    (void)snprintf(cut, sizeof cut, "%s/cut", folder);
    (void)snprintf(noise, sizeof noise, "%s/noise", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int whole = open(self, O_RDONLY);
    assert_int_equal(read(whole, bytes, sizeof bytes), sizeof bytes);
    close(whole);
    write_file(cut, bytes, sizeof bytes);
    for (size_t i = 64; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 31 + i / 7);
    }
    write_file(noise, bytes, sizeof bytes);

    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    const char *const paths[] = {fifo, folder, "/dev/zero", "/no/such/file", noise, cut};
    const struct ms_frame *frames[6];
    for (size_t i = 0; i < 6; i++) {
        frames[i] = ask(symbols, model, paths[i], 0x1234);
    }
    const struct ms_frame *good =
        ask(symbols, model, self, (uint64_t)(uintptr_t)memscope_test_place - bias);
    wait_for_names(symbols, model);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(frames[i]->function, "");
    }
    assert_string_equal(good->function, "inner");
    ms_symbols_free(symbols);
    ms_model_free(model);
    unlink(fifo);
    unlink(cut);
    unlink(noise);
    rmdir(folder);
}

static void test_other_build_id(void **state)
{
    (void)state;
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    const uint8_t build_id[MS_BUILD_ID_MAX] = {1, 2, 3};
    struct ms_frame *frame = ms_model_add_frame(model);
    frame->file_offset = (uint64_t)(uintptr_t)memscope_test_place - bias;
    uint32_t module = ms_symbols_module(symbols, model, getpid(), self, build_id, sizeof build_id);
    assert_int_equal(ms_symbols_ask(symbols, frame, module, 0), 0);
    wait_for_names(symbols, model);
    assert_string_equal(frame->function, ""); /* the file was rebuilt: no name beats a wrong one */
    assert_int_equal(ms_model_module_of(model, frame)->names, MS_NAMES_NONE);
    assert_int_equal(ms_model_module_of(model, frame)->why, MS_WHY_REPLACED);
    ms_symbols_free(symbols);
    ms_model_free(model);
}

static void kill_worker(struct ms_symbols *symbols, struct ms_model *model)
{
    const pid_t worker = ms_symbols_worker(symbols);
    siginfo_t end;
    assert_int_equal(kill(worker, SIGKILL), 0);
    /* What is asked before it is dead would be taken for what killed it. */
    assert_int_equal(waitid(P_PID, (id_t)worker, &end, WEXITED | WNOWAIT), 0);
    ms_symbols_handle(symbols, model, ms_monotonic_ns());
}

static void test_worker_dies(void **state)
{
    (void)state;
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    uint64_t address = (uint64_t)(uintptr_t)memscope_test_place - bias;
    for (int round = 0; round < 3; round++) {
        kill_worker(symbols, model);
        const struct ms_frame *frame = ask(symbols, model, self, address);
        wait_for_names(symbols, model);
        assert_string_equal(frame->function, "inner");
    }
    /* Past the last restart everything asked is answered with nothing, and the reason is said. */
    for (int round = 0; round < 200 && ms_symbols_worker(symbols) > 0; round++) {
        kill_worker(symbols, model);
    }
    assert_int_equal(ms_symbols_worker(symbols), -1);
    const struct ms_frame *frame = ask(symbols, model, "/no/such/file", address);
    ms_symbols_handle(symbols, model, ms_monotonic_ns());
    assert_int_equal(ms_symbols_pending(symbols), 0);
    assert_int_equal(ms_model_module_of(model, frame)->why, MS_WHY_NO_SYMBOLIZER);
    ms_symbols_free(symbols);
    ms_model_free(model);
}

/* It hangs: after five seconds it is replaced, and only what it hung on is given up. */
static void test_worker_hangs(void **state)
{
    (void)state;
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    uint64_t address = (uint64_t)(uintptr_t)memscope_test_place - bias;
    const struct ms_frame *lost = ask(symbols, model, self, address);
    wait_for_names(symbols, model);
    assert_int_equal(kill(ms_symbols_worker(symbols), SIGSTOP), 0);
    pid_t hung = ms_symbols_worker(symbols);
    uint32_t module = 1;
    struct ms_frame *frames[2];
    for (size_t i = 0; i < 2; i++) {
        frames[i] = ms_model_add_frame(model);
        frames[i]->file_offset = address;
        assert_int_equal(ms_symbols_ask(symbols, frames[i], module, 0), 0);
    }
    uint64_t now_ns = ms_monotonic_ns();
    ms_symbols_handle(symbols, model, now_ns);
    ms_symbols_handle(symbols, model, now_ns + 4 * MS_NS_PER_S);
    assert_int_equal(ms_symbols_worker(symbols), hung);
    ms_symbols_handle(symbols, model, now_ns + 6 * MS_NS_PER_S);
    assert_int_not_equal(ms_symbols_worker(symbols), hung);
    wait_for_names(symbols, model);
    assert_string_equal(lost->function, "inner");
    assert_string_equal(frames[0]->function, "");
    assert_string_equal(frames[1]->function, "inner");
    ms_symbols_free(symbols);
    ms_model_free(model);
}

/* A file that is cut while it is mapped ends the worker by SIGBUS whenever it is looked at. */
static void test_file_that_kills(void **state)
{
    (void)state;
    char path[] = "/tmp/memscope-test-killer-XXXXXX";
    int descriptor = mkstemp(path);
    int from = open(self, O_RDONLY);
    static char bytes[65536];
    ssize_t count;
    while ((count = read(from, bytes, sizeof bytes)) > 0) {
        assert_int_equal(write(descriptor, bytes, (size_t)count), count);
    }
    close(from);
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    uint64_t address = (uint64_t)(uintptr_t)memscope_test_place - bias;
    const struct ms_frame *before = ask(symbols, model, path, address);
    wait_for_names(symbols, model);
    assert_string_equal(before->function, "inner");
    pid_t first = ms_symbols_worker(symbols);
    assert_int_equal(ftruncate(descriptor, 4096), 0);
    close(descriptor);
    struct ms_frame *frames[20];
    for (size_t i = 0; i < 20; i++) {
        frames[i] = ms_model_add_frame(model);
        frames[i]->file_offset = address + 64 * (i + 1);
        assert_int_equal(ms_symbols_ask(symbols, frames[i], 1, 0), 0);
    }
    const struct ms_frame *good = ask(symbols, model, self, address);
    wait_for_names(symbols, model);
    assert_int_not_equal(ms_symbols_worker(symbols), first);
    assert_true(ms_symbols_worker(symbols) > 0);
    assert_string_equal(good->function, "inner");
    ms_symbols_free(symbols);
    ms_model_free(model);
    unlink(path);
}

/* Three times the worker ends while it is at the same module: that one is set aside, with why. */
static void test_module_is_set_aside(void **state)
{
    (void)state;
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(100000000, 0, 0);
    uint64_t address = (uint64_t)(uintptr_t)memscope_test_place - bias;
    char other[64];
    (void)snprintf(other, sizeof other, "/proc/%d/exe", (int)getpid());
    const struct ms_frame *named = ask(symbols, model, self, address);
    wait_for_names(symbols, model);
    struct ms_frame *frames[4];
    for (size_t i = 0; i < 4; i++) {
        frames[i] = ms_model_add_frame(model);
        frames[i]->file_offset = address;
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(kill(ms_symbols_worker(symbols), SIGSTOP), 0);
        assert_int_equal(ms_symbols_ask(symbols, frames[i], 1, 0), 0);
        ms_symbols_handle(symbols, model, ms_monotonic_ns());
        kill_worker(symbols, model);
        wait_for_names(symbols, model);
        assert_string_equal(frames[i]->function, "");
    }
    const struct ms_module *module = ms_model_module_of(model, named);
    assert_int_equal(module->why, MS_WHY_CRASHED);
    assert_non_null(strstr(module->advice, "set aside"));
    assert_int_equal(ms_symbols_ask(symbols, frames[3], 1, 0), 0);
    const struct ms_frame *good = ask(symbols, model, other, address);
    wait_for_names(symbols, model);
    assert_string_equal(frames[3]->function, "");
    assert_string_equal(good->function, "inner");
    assert_string_equal(named->function, "inner");
    ms_symbols_free(symbols);
    ms_model_free(model);
}

/* Reads requests of a file system in user space until one of the kind. */
static bool read_request(int fuse, uint32_t wanted, uint64_t *unique)
{
    static union {
        struct fuse_in_header header;
        char bytes[FUSE_MIN_READ_BUFFER + 65536];
    } request;
    struct pollfd ready = {.fd = fuse, .events = POLLIN};
    while (poll(&ready, 1, 5000) > 0 && read(fuse, &request, sizeof request) > 0) {
        *unique = request.header.unique;
        if (request.header.opcode == wanted) {
            return true;
        }
    }
    return false;
}

/*
 * A file system that never answers, as a dead network mount or a hostile program's own: whoever
 * reads there cannot even be killed. The viewer goes on. Needs root, else there is no such mount.
 */
static void test_worker_that_cannot_die(void **state)
{
    (void)state;
    char folder[] = "/tmp/memscope-test-dead-XXXXXX";
    char options[128];
    char path[128];
    uint64_t unique;
    assert_non_null(mkdtemp(folder));
    int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    (void)snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
    if (fuse >= 0 && mount("memscope-test", folder, "fuse", MS_NOSUID | MS_NODEV, options) == 0) {
        assert_true(read_request(fuse, FUSE_INIT, &unique));
        struct {
            struct fuse_out_header header;
            struct fuse_init_out init;
        } answer = {.header = {.len = sizeof answer, .unique = unique},
                    .init = {.major = 7, .minor = 31, .max_write = 4096}};
        assert_int_equal(write(fuse, &answer, sizeof answer), sizeof answer);
        struct ms_symbols *symbols = ms_symbols_start(NULL);
        struct ms_model *model = ms_model_new(100000000, 0, 0);
        (void)snprintf(path, sizeof path, "%s/program", folder);
        (void)ask(symbols, model, path, 1);
        ms_symbols_handle(symbols, model, ms_monotonic_ns());
        assert_true(read_request(fuse, FUSE_LOOKUP, &unique));
        pid_t stuck = ms_symbols_worker(symbols);
        uint64_t before_ns = ms_monotonic_ns();
        ms_symbols_handle(symbols, model, before_ns + 6 * MS_NS_PER_S);
        assert_in_range(ms_monotonic_ns() - before_ns, 0, 60 * MS_NS_PER_S);
        assert_int_not_equal(ms_symbols_worker(symbols), stuck);
        assert_int_equal(kill(stuck, 0), 0);
        before_ns = ms_monotonic_ns();
        ms_symbols_free(symbols);
        assert_in_range(ms_monotonic_ns() - before_ns, 0, 60 * MS_NS_PER_S);
        ms_model_free(model);
        close(fuse); /* now it can */
        assert_int_equal(waitpid(stuck, NULL, 0), stuck);
        assert_int_equal(umount2(folder, MNT_DETACH), 0);
    } else if (fuse >= 0) {
        close(fuse);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inlined_frames),
        cmocka_unit_test(test_as_addr2line),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_other_build_id),
        cmocka_unit_test(test_worker_dies),
        cmocka_unit_test(test_worker_hangs),
        cmocka_unit_test(test_file_that_kills),
        cmocka_unit_test(test_module_is_set_aside),
        cmocka_unit_test(test_worker_that_cannot_die),
    };
    return cmocka_run_group_tests(tests, find_self, NULL);
}
