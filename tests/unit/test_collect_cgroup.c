/* Control groups in made-up trees: version 1, version 2, both, nested limits, damage; and ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/cgroup.h"

#define V2_MOUNTS "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNTS                                                                                  \
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                          \
    "32 31 0:29 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"                 \
    "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                            \
    "34 31 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
#define HYBRID_MOUNTS V1_MOUNTS "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static char tree[] = "/tmp/memscope-cgroup-XXXXXX";

static int make_tree(void **state)
{
    (void)state;
    (void)snprintf(tree, sizeof tree, "/tmp/memscope-cgroup-XXXXXX");
    return mkdtemp(tree) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int remove_tree(void **state)
{
    (void)state;
    return nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of the tree and the folders above it. */
static void put(const char *path, const char *text)
{
    char whole[512];
    (void)snprintf(whole, sizeof whole, "%s%s", tree, path);
    for (char *at = whole + strlen(tree) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(whole, 0755);
        *at = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct ms_cgroup read_it(const char *groups, const char *mounts, int *pressure)
{
    struct ms_cgroup_places places;
    struct ms_pressure_files files = MS_PRESSURE_FILES_NONE;
    struct ms_descriptor_budget budget = {.limit = 8};
    struct ms_cgroup cgroup = {0};
    assert_int_equal(ms_cgroup_find(groups, mounts, tree, &places), 0);
    assert_int_equal(ms_cgroup_read(&places, &files, &budget, &cgroup, pressure), 0);
    ms_pressure_close(&files, &budget);
    assert_int_equal(budget.open, 0);
    return cgroup;
}

static void test_version_2(void **state)
{
    (void)state;
    int pressure;
    put("/sys/fs/cgroup/app.slice/one/memory.current", "1000\n");
    put("/sys/fs/cgroup/app.slice/one/memory.max", "5000\n");
    put("/sys/fs/cgroup/app.slice/one/memory.high", "4000\n");
    put("/sys/fs/cgroup/app.slice/one/memory.swap.current", "70\n");
    put("/sys/fs/cgroup/app.slice/one/memory.swap.max", "max\n");
    put("/sys/fs/cgroup/app.slice/one/memory.events",
        "low 0\nhigh 3\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n");
    put("/sys/fs/cgroup/app.slice/one/cpu.max", "150000 100000\n");
    put("/sys/fs/cgroup/app.slice/one/cpu.stat",
        "usage_usec 5\nnr_periods 10\nnr_throttled 3\nthrottled_usec 7000\n");
    put("/sys/fs/cgroup/app.slice/one/pids.current", "12\n");
    put("/sys/fs/cgroup/app.slice/one/pids.max", "100\n");
    put("/sys/fs/cgroup/app.slice/one/cpu.pressure",
        "some avg10=1.50 avg60=2.00 avg300=0.00 total=9\nfull avg10=0.50 avg60=0.00 avg300=0.00 "
        "total=1\n");
    const struct ms_cgroup cgroup = read_it("0::/app.slice/one\n", V2_MOUNTS, &pressure);
    assert_int_equal(cgroup.version, 2);
    assert_string_equal(cgroup.path, "/app.slice/one");
    assert_true(cgroup.have && cgroup.have_memory && cgroup.have_swap && cgroup.have_kills);
    assert_int_equal(cgroup.memory_bytes, 1000);
    assert_int_equal(cgroup.memory_max_bytes, 5000);
    assert_int_equal(cgroup.memory_high_bytes, 4000);
    assert_int_equal(cgroup.swap_bytes, 70);
    assert_true(cgroup.swap_max_bytes == MS_NO_LIMIT);
    assert_int_equal(cgroup.out_of_memory_kills, 1);
    assert_float_equal(cgroup.cpus, 1.5, 1e-9);
    assert_true(cgroup.have_throttling);
    assert_int_equal(cgroup.throttled_periods, 3);
    assert_int_equal(cgroup.throttled_ns, 7000000);
    assert_int_equal(cgroup.processes, 12);
    assert_int_equal(cgroup.processes_max, 100);
    assert_int_equal(pressure, 0);
    assert_float_equal(cgroup.pressure.cpu.some_avg10_pct, 1.5, 1e-9);
    assert_true(isnan(cgroup.pressure.memory.some_avg10_pct));
}

/* The smallest limit holds, and what counts against it is what is used where it stands. */
static void test_nested_limits(void **state)
{
    (void)state;
    int pressure;
    put("/sys/fs/cgroup/a/memory.max", "3000\n");
    put("/sys/fs/cgroup/a/memory.current", "2900\n");
    put("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
    put("/sys/fs/cgroup/a/cpu.stat", "nr_periods 8\nnr_throttled 8\nthrottled_usec 1\n");
    put("/sys/fs/cgroup/a/pids.max", "max\n");
    put("/sys/fs/cgroup/a/pids.current", "9\n");
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a/b/memory.current", "800\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/a/b/pids.max", "max\n");
    put("/sys/fs/cgroup/a/b/pids.current", "2\n");
    put("/sys/fs/cgroup/a/b/c/memory.max", "5000\n");
    put("/sys/fs/cgroup/a/b/c/memory.current", "10\n");
    put("/sys/fs/cgroup/a/b/c/cpu.max", "200000 100000\n");
    put("/sys/fs/cgroup/a/b/c/pids.max", "max\n");
    put("/sys/fs/cgroup/a/b/c/pids.current", "1\n");
    const struct ms_cgroup cgroup = read_it("0::/a/b/c\n", V2_MOUNTS, &pressure);
    assert_int_equal(cgroup.memory_max_bytes, 3000);
    assert_int_equal(cgroup.memory_bytes, 2900);
    assert_float_equal(cgroup.cpus, 0.5, 1e-9);
    assert_int_equal(cgroup.throttled_periods, 8);
    assert_true(cgroup.processes_max == MS_NO_LIMIT);
    assert_int_equal(cgroup.processes, 1); /* no limit: its own */
    assert_string_equal(cgroup.path, "/a/b/c");
}

static void put_version_1(void)
{
    put("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "2000\n");
    put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/job/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    put("/sys/fs/cgroup/memory/job/memory.memsw.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/job/memory.stat", "cache 5\nswap 6\ntotal_swap 60\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu/job/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 77\n");
    put("/sys/fs/cgroup/pids/job/pids.max", "20\n");
    put("/sys/fs/cgroup/pids/job/pids.current", "3\n");
}

#define V1_GROUPS "9:name=systemd:/x\n8:pids:/job\n4:memory:/job\n1:cpuacct,cpu:/job\n"

static void test_version_1(void **state)
{
    (void)state;
    int pressure;
    put_version_1();
    struct ms_cgroup cgroup = read_it(V1_GROUPS, V1_MOUNTS, &pressure);
    assert_int_equal(cgroup.version, 1);
    assert_int_equal(cgroup.memory_bytes, 2000);
    assert_true(cgroup.memory_max_bytes == MS_NO_LIMIT);
    assert_true(cgroup.swap_max_bytes == MS_NO_LIMIT);
    assert_int_equal(cgroup.swap_bytes, 60);
    assert_int_equal(cgroup.out_of_memory_kills, 4);
    assert_true(cgroup.have_cpu && isnan(cgroup.cpus));
    assert_int_equal(cgroup.throttled_ns, 77);
    assert_int_equal(cgroup.processes_max, 20);
    assert_false(cgroup.pressure.have);
    assert_int_equal(pressure, -ENOENT);
    put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096\n");
    put("/sys/fs/cgroup/memory/job/memory.memsw.limit_in_bytes", "5096\n");
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "25000\n");
    cgroup = read_it(V1_GROUPS, V1_MOUNTS, &pressure);
    assert_int_equal(cgroup.memory_max_bytes, 4096);
    assert_int_equal(cgroup.swap_max_bytes, 1000);
    assert_float_equal(cgroup.cpus, 0.25, 1e-9);
}

/* Limits from version 1, pressure from version 2, as systemd sets up some hosts. */
static void test_hybrid(void **state)
{
    (void)state;
    int pressure;
    put_version_1();
    put("/sys/fs/cgroup/unified/u/memory.pressure",
        "some avg10=3.00 avg60=0.00 avg300=0.00 total=5\n");
    const struct ms_cgroup cgroup = read_it(V1_GROUPS "0::/u\n", HYBRID_MOUNTS, &pressure);
    assert_int_equal(cgroup.version, 1);
    assert_string_equal(cgroup.path, "/job");
    assert_int_equal(cgroup.memory_bytes, 2000);
    assert_int_equal(pressure, 0);
    assert_float_equal(cgroup.pressure.memory.some_avg10_pct, 3, 1e-9);
}

/* Paths are relative to what is mounted; what is above that cannot be reached. */
static void test_namespaces(void **state)
{
    (void)state;
    int pressure;
    struct ms_cgroup_places places;
    const char *mounts = "31 23 0:28 /docker/abc /sys/fs/my\\040cgroup rw - cgroup2 cgroup2 rw\n";
    put("/sys/fs/my cgroup/pids.current", "5\n");
    put("/sys/fs/my cgroup/inner/pids.current", "6\n");
    assert_int_equal(read_it("0::/docker/abc\n", mounts, &pressure).processes, 5);
    assert_int_equal(read_it("0::/docker/abc/inner\n", mounts, &pressure).processes, 6);
    assert_int_equal(ms_cgroup_find("0::/docker/abcd\n", mounts, tree, &places), -EXDEV);
    assert_int_equal(ms_cgroup_find("0::/other\n", mounts, tree, &places), -EXDEV);
    assert_int_equal(ms_cgroup_find("0::/../sibling\n", V2_MOUNTS, tree, &places), -EXDEV);
    assert_int_equal(ms_cgroup_find("0::/a/..\n", V2_MOUNTS, tree, &places), -EXDEV);
    assert_true(strlen(ms_cgroup_because(-EXDEV)) > 10);
}

static void test_hostile(void **state)
{
    (void)state;
    struct ms_cgroup_places places;
    struct ms_pressure_files files = MS_PRESSURE_FILES_NONE;
    struct ms_descriptor_budget budget = {.limit = 8};
    struct ms_cgroup cgroup = {.memory_bytes = 77};
    int pressure;
    static const char *const groups[] = {"",       "\n",   ":::",       "0::",  "0::\n",    "0:/\n",
                                         "0::x\n", "1::/", "4:memory:", "::/x", "4:mem:/\n"};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        assert_int_equal(ms_cgroup_find(groups[i], HYBRID_MOUNTS, tree, &places), -ENOENT);
    }
    static const char *const mounts[] = {"",
                                         "\n",
                                         " - ",
                                         "31 23 0:28 / / rw - cgroup2",
                                         "1 2 3 4 5 6 cgroup2 cgroup2 rw\n",
                                         "- cgroup2\n"};
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        const int result = ms_cgroup_find("0::/nowhere\n", mounts[i], tree, &places);
        assert_true(result == -ENOENT || result == 0);
    }
    char long_path[4096];
    memset(long_path, 'p', sizeof long_path);
    memcpy(long_path, "0::/", 4);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(ms_cgroup_find(long_path, V2_MOUNTS, tree, &places), -EXDEV);

    put("/sys/fs/cgroup/bad/memory.current", "lots\n");
    put("/sys/fs/cgroup/bad/memory.max", "99999999999999999999999999\n");
    put("/sys/fs/cgroup/bad/cpu.max", "1 0\n");
    put("/sys/fs/cgroup/bad/cpu.stat", "nr_periods x\n");
    put("/sys/fs/cgroup/bad/pids.current", "");
    assert_int_equal(ms_cgroup_find("0::/bad\n", V2_MOUNTS, tree, &places), 0);
    assert_int_equal(ms_cgroup_read(&places, &files, &budget, &cgroup, &pressure), 0);
    assert_false(cgroup.have_memory || cgroup.have_throttling || cgroup.have_processes);
    assert_true(cgroup.have_cpu && isnan(cgroup.cpus));
    ms_pressure_close(&files, &budget);
}

static void test_missing(void **state)
{
    (void)state;
    struct ms_cgroup_places places;
    struct ms_pressure_files files = MS_PRESSURE_FILES_NONE;
    struct ms_descriptor_budget budget = {.limit = 8};
    struct ms_cgroup cgroup = {.memory_bytes = 77};
    int pressure;
    assert_int_equal(ms_cgroup_find("0::/gone\n", V2_MOUNTS, tree, &places), 0);
    assert_int_equal(ms_cgroup_read(&places, &files, &budget, &cgroup, &pressure), -ENOENT);
    put("/sys/fs/cgroup/bare/cgroup.procs", "1\n"); /* no controllers */
    assert_int_equal(ms_cgroup_find("0::/bare\n", V2_MOUNTS, tree, &places), 0);
    assert_int_equal(ms_cgroup_read(&places, &files, &budget, &cgroup, &pressure), -ENODATA);
    assert_int_equal(cgroup.memory_bytes, 77);
    assert_true(strlen(ms_cgroup_because(-ENODATA)) > 10);
}

static char *read_text(const char *path)
{
    static char texts[2][65536];
    static int next;
    char *text = texts[next++ % 2];
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = descriptor < 0 ? 0 : read(descriptor, text, sizeof texts[0] - 1);
    text[bytes > 0 ? bytes : 0] = '\0';
    if (descriptor >= 0) {
        close(descriptor);
    }
    return text;
}

static bool write_to(const char *folder, const char *name, const char *text)
{
    char path[MS_CGROUP_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    const bool done = descriptor >= 0 && write(descriptor, text, strlen(text)) > 0;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return done;
}

/* A real group below our own, where one may be made: the kernel's own files say what was set. */
static void test_real_group(void **state)
{
    (void)state;
    struct ms_cgroup_places places;
    struct ms_pressure_files files = MS_PRESSURE_FILES_NONE;
    struct ms_descriptor_budget budget = {.limit = 8};
    struct ms_cgroup cgroup;
    int pressure;
    const int found = ms_cgroup_find(read_text("/proc/self/cgroup"),
                                     read_text("/proc/self/mountinfo"), "", &places);
    if (found != 0) {
        assert_true(strlen(ms_cgroup_because(found)) > 10);
        return;
    }
    struct ms_cgroup_place *memory = &places.memory;
    const size_t bytes = strlen(memory->folder);
    (void)snprintf(memory->folder + bytes, sizeof memory->folder - bytes, "/memscope-test-%d",
                   (int)getpid());
    if (memory->version == 0 || mkdir(memory->folder, 0755) != 0) {
        memory->folder[bytes] = '\0';
        assert_true(ms_cgroup_read(&places, &files, &budget, &cgroup, &pressure) <= 0);
        ms_pressure_close(&files, &budget);
        return;
    }
    const bool limited = write_to(
        memory->folder, memory->version == 2 ? "memory.max" : "memory.limit_in_bytes", "67108864");
    const int result = ms_cgroup_read(&places, &files, &budget, &cgroup, &pressure);
    ms_pressure_close(&files, &budget);
    assert_int_equal(rmdir(memory->folder), 0);
    if (limited) {
        assert_int_equal(result, 0);
        assert_true(cgroup.have_memory);
        assert_int_equal(cgroup.memory_max_bytes, 67108864);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_version_2, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(test_nested_limits, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(test_version_1, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(test_hybrid, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(test_namespaces, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(test_hostile, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(test_missing, make_tree, remove_tree),
        cmocka_unit_test(test_real_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
