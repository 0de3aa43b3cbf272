/* Parsers of /proc on what kernels write and on what a hostile program name makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collect/open_files.h"
#include "collect/proc_process.h"
#include "collect/proc_text.h"
#include "collect/proc_thread.h"
#include "collect/threads.h"

#define REST                                                                                       \
    " S 12 1 1 0 -1 4194560 100 200 3 400 50 60 70 80 20 0 9 0 98765 1000 20 18446744073709551615" \
    " 1 1 0 0 0 0 0 0 0 0 0 0 17 5 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

static bool parse(const char *text, struct ms_proc_stat *stat)
{
    return ms_proc_parse_stat(text, strlen(text), stat);
}

static void test_stat(void **state)
{
    (void)state;
    struct ms_proc_stat stat;
    uint64_t tick_ns = ms_proc_tick_ns();
    assert_true(parse("77 (cat)" REST, &stat));
    assert_string_equal(stat.name, "cat");
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.parent_pid, 12);
    assert_int_equal(stat.minor_faults, 100);
    assert_int_equal(stat.major_faults, 3);
    assert_int_equal(stat.user_ns, 50 * tick_ns);
    assert_int_equal(stat.system_ns, 60 * tick_ns);
    assert_int_equal(stat.threads, 9);
    assert_int_equal(stat.start_ticks, 98765);
    assert_int_equal(stat.last_core, 5);
}

static void test_stat_hostile_names(void **state)
{
    (void)state;
    struct ms_proc_stat stat;
    const char *const names[] = {"a b) R 1", ") Z 1 1 (", "((", "x\ny", "\033[31m", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "77 (%s)%s", names[i], REST);
        assert_true(parse(text, &stat));
        assert_string_equal(stat.name, names[i]);
        assert_int_equal(stat.state, 'S');
        assert_int_equal(stat.last_core, 5);
    }
    char text[4096] = "77 (";
    memset(text + 4, 'n', 2000);
    (void)snprintf(text + 2004, sizeof text - 2004, ")%s", REST);
    assert_true(parse(text, &stat));
    assert_int_equal(strlen(stat.name), sizeof stat.name - 1);
}

static void test_stat_cut_anywhere(void **state)
{
    (void)state;
    const char *whole = "77 (cat)" REST;
    size_t core_at = (size_t)(strstr(whole, " 17 5 ") - whole) + 4;
    for (size_t bytes = 0; bytes < strlen(whole); bytes++) {
        char *exact = malloc(bytes + 1); /* so that a sanitizer sees a step too far */
        struct ms_proc_stat stat = {.state = '?'};
        assert_non_null(exact);
        memcpy(exact, whole, bytes);
        bool good = ms_proc_parse_stat(exact, bytes, &stat);
        assert_int_equal(good, bytes > core_at);
        assert_int_equal(stat.state, good ? 'S' : '?');
        free(exact);
    }
    struct ms_proc_stat stat;
    assert_false(parse("77 )cat( S", &stat));
    assert_false(parse("no parentheses", &stat));
}

static void test_numbers(void **state)
{
    (void)state;
    const char *huge = "  99999999999999999999999 7";
    const char *at = huge;
    uint64_t number;
    assert_true(ms_proc_number(&at, huge + strlen(huge), &number));
    assert_true(number == UINT64_MAX);
    assert_true(ms_proc_number(&at, huge + strlen(huge), &number));
    assert_int_equal(number, 7);
    assert_false(ms_proc_number(&at, huge + strlen(huge), &number));
    at = "-5";
    assert_false(ms_proc_number(&at, at + 2, &number));
}

static void test_other_files(void **state)
{
    (void)state;
    uint64_t a;
    uint64_t b;
    assert_true(ms_proc_parse_schedstat("123 456 7\n", 10, &a, &b));
    assert_int_equal(a, 123);
    assert_int_equal(b, 456);
    assert_false(ms_proc_parse_schedstat("123", 3, &a, &b));
    assert_true(ms_proc_parse_schedstat("0 0 1\n", 6, &a, &b));
    assert_false(ms_proc_parse_schedstat("0 0 0\n", 6, &a, &b)); /* of a kernel that counts none */

    /* A name that looks like the line looked for: status escapes newlines, we look at line starts.
     */
    const char *status = "Name:\tvoluntary_ctxt_switches: 9\nvoluntary_ctxt_switches:\t31\n"
                         "nonvoluntary_ctxt_switches:\t4\n";
    assert_true(ms_proc_parse_switches(status, strlen(status), &a, &b));
    assert_int_equal(a, 31);
    assert_int_equal(b, 4);

    struct ms_proc_io io = {.read_calls = 77};
    const char *text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n"
                       "cancelled_write_bytes: 7\n";
    assert_false(ms_proc_parse_io(text, 20, &io));
    assert_int_equal(io.read_calls, 77);
    assert_true(ms_proc_parse_io(text, strlen(text), &io));
    assert_int_equal(io.read_calls, 3);
    assert_int_equal(io.write_storage_bytes, 6);
}

static void test_sched(void **state)
{
    (void)state;
    struct ms_proc_sched found = {.migrations = 5};
    const char *sched = "se.nr_migrations : 9 (7, #threads: 1)\n---\n"
                        "se.sum_exec_runtime                          :            0.000000\n"
                        "se.nr_migrations                             :                 31\n"
                        "nr_switches                                  :                 99\n"
                        "nr_voluntary_switches                        :                 77\n"
                        "nr_involuntary_switches                      :                 22\n"
                        "mm->numa_scan_seq                            :                  0\n";
    assert_true(ms_proc_parse_sched(sched, strlen(sched), &found)); /* not of its name */
    assert_int_equal(found.migrations, 31);
    assert_int_equal(found.voluntary, 77);
    assert_int_equal(found.involuntary, 22);
    const char *newer = "x (7, #threads: 1)\nnr_voluntary_switches :1\nnr_migrations   :   12\n"
                        "nr_involuntary_switches:2\n";
    assert_true(ms_proc_parse_sched(newer, strlen(newer), &found));
    assert_int_equal(found.migrations, 12);
    found.migrations = 5;
    const char *others[] = {"",
                            "x\n",
                            "x\nse.nr_migrations",
                            "x\nse.nr_migrations :\n",
                            "x\nse.nr_migrations_cold : 5\n",
                            "x\nse.\n",
                            "x\n\n\n",
                            "x\nnr_migrations : 1\nnr_voluntary_switches : 2\n"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(ms_proc_parse_sched(others[i], strlen(others[i]), &found));
        assert_int_equal(found.migrations, 5);
    }
    for (size_t bytes = 0; bytes < strlen(sched); bytes++) {
        char *exact = malloc(bytes + 1);
        assert_non_null(exact);
        memcpy(exact, sched, bytes);
        (void)ms_proc_parse_sched(exact, bytes, &found);
        free(exact);
    }
}

static void test_affinity(void **state)
{
    (void)state;
    static const struct {
        const char *written, *list;
        uint32_t count; /* 0: no figure */
    } cases[] = {
        {"0-1", "0-1", 2},
        {"3", "3", 1},
        {"0-3,8,10-11", "0-3,8,10-11", 7},
        {"0,2,4,6,8,10,12,14,16,18,20,22,24,26", "0,2,4,6,8,10,12,14,16,18,20,22", 14},
        {"1000000000000-1000000000001", "", 0},
        {"0-4294967295", "", 0},
        {"3-1", "", 0},
        {"x", "", 0},
        {"1;2", "", 0},
        {"", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        char list[32] = "?";
        uint32_t count = 0;
        (void)snprintf(text, sizeof text,
                       "Name:\tCpus_allowed_list:\t9\nCpus_allowed_list:\t%s\nX:\n",
                       cases[i].written);
        assert_int_equal(ms_proc_parse_affinity(text, strlen(text), &count, list, sizeof list),
                         cases[i].count != 0);
        assert_int_equal(count, cases[i].count);
        assert_string_equal(list, cases[i].count != 0 ? cases[i].list : "?");
    }
    const char *cut = "Cpus_allowed_list:\t0-1"; /* the rest may be more of the list */
    char list[32];
    uint32_t count;
    assert_false(ms_proc_parse_affinity(cut, strlen(cut), &count, list, sizeof list));
}

static void test_sources_tell_what_they_gave(void **state)
{
    (void)state;
    static const struct {
        int first, second; /* results of two readings */
        enum ms_source_condition condition;
        const char *says;
    } cases[] = {
        {0, -ESRCH, MS_SOURCE_AVAILABLE, ""},
        {-ESRCH, -ESRCH, MS_SOURCE_NOT_ASKED, ""},
        {0, -EACCES, MS_SOURCE_PARTIAL, "other users"},
        {-EACCES, -EACCES, MS_SOURCE_UNAVAILABLE, "another user"},
        {-ENOENT, -ENOENT, MS_SOURCE_UNAVAILABLE, "CONFIG_TASK_IO_ACCOUNTING"},
        {-ENODATA, -ESRCH, MS_SOURCE_UNAVAILABLE, "CONFIG_TASK_IO_ACCOUNTING"},
        {-EIO, -EIO, MS_SOURCE_UNAVAILABLE, "Input/output error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ms_model *model = ms_model_new(100, 0, 0);
        struct ms_thread_sources sources;
        ms_thread_sources_init(&sources);
        ms_thread_sources_note(&sources, MS_SOURCE_THREAD_IO, cases[i].first);
        ms_thread_sources_tell(&sources, model);
        ms_thread_sources_note(&sources, MS_SOURCE_THREAD_IO, cases[i].second);
        ms_thread_sources_tell(&sources, model);
        const struct ms_source_state *source = ms_model_source(model, MS_SOURCE_THREAD_IO);
        assert_int_equal(source->condition, cases[i].condition);
        assert_non_null(strstr(source->because, cases[i].says));
        ms_model_free(model);
    }
}

static pthread_barrier_t barrier;

static void *named_thread(void *argument)
{
    *(pid_t *)argument = gettid();
    (void)pthread_setname_np(pthread_self(), "a ) b (");
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void test_live_thread(void **state)
{
    (void)state;
    struct ms_descriptor_budget budget = {.limit = 3}; /* the fourth file is opened each time */
    struct ms_proc_process process;
    pthread_t thread;
    pid_t *tids = NULL;
    size_t capacity = 0;
    pid_t named_tid = 0;
    assert_int_equal(ms_proc_process_open(&process, getpid()), 0);
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, named_thread, &named_tid), 0);
    pthread_barrier_wait(&barrier);
    const ssize_t count = ms_proc_process_tids(&process, &tids, &capacity);
    bool found = false;
    for (ssize_t i = 0; i < count; i++) {
        found |= tids[i] == named_tid;
    }
    assert_true(found);
    assert_int_equal(tids[0], getpid());

    struct ms_proc_thread files;
    struct ms_kernel_thread kernel = {0};
    char name[64] = "";
    uint64_t start_ticks = 0;
    struct ms_thread_sources sources;
    ms_thread_sources_init(&sources);
    sources.counting.none = true;
    const struct ms_proc_thread_place place = {.budget = &budget,
                                               .sources = &sources,
                                               .tasks = process.tasks,
                                               .tid = named_tid,
                                               .now_ns = 1};
    const unsigned depth = MS_THREAD_FULL | MS_THREAD_STATUS | MS_THREAD_COUNTED;
    ms_proc_thread_init(&files);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ms_proc_thread_read(&files, &place, depth, &kernel, name, &start_ticks),
                         0);
    }
    assert_string_equal(name, "a ) b (");
    const uint32_t wanted = MS_HAVE_CPU | MS_HAVE_SWITCHES | MS_HAVE_IO | MS_HAVE_AFFINITY;
    assert_int_equal(kernel.have & wanted, wanted);
    assert_true(kernel.last_core >= 0 && kernel.cores_allowed > 0 && kernel.affinity[0] != '\0');
    assert_int_equal((kernel.have & MS_HAVE_MIGRATIONS) != 0,
                     !ms_thread_sources_absent(&sources, MS_SOURCE_THREAD_SCHED));
    assert_int_equal(budget.open, 3);
    assert_true(start_ticks > 0);

    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    int result = 0;
    for (int i = 0; i < 60000 && result == 0; i++) { /* join may return before the kernel is done */
        usleep(1000);
        result = ms_proc_thread_read(&files, &place, depth, &kernel, name, &start_ticks);
    }
    assert_true(result < 0);
    ms_proc_thread_close(&files, &budget, &sources);
    assert_int_equal(budget.open, 0);
    ms_proc_process_close(&process, &budget);
    free(tids);
    pthread_barrier_destroy(&barrier);
}

static void test_live_process(void **state)
{
    (void)state;
    struct ms_descriptor_budget budget = {.limit = 16};
    struct ms_proc_process process;
    struct ms_process_kernel kernel = {0};
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(ms_proc_process_open(&process, child), 0);
    assert_int_equal(ms_proc_process_read(&process, &budget, MS_PROC_MAPS, &kernel), 0);
    assert_true(kernel.have_memory && kernel.have_pss && kernel.have_io);
    assert_true(kernel.rss_bytes > 0 && kernel.peak_rss_bytes >= kernel.pss_bytes);
    char exe[4096];
    ms_proc_process_exe(&process, exe, sizeof exe);
    assert_int_equal(exe[0], '/');

    assert_int_equal(kill(child, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    uint64_t rss_bytes = kernel.rss_bytes;
    assert_int_equal(ms_proc_process_read(&process, &budget, MS_PROC_MAPS, &kernel), 0);
    assert_true(process.zombie);
    assert_int_equal(kernel.rss_bytes, rss_bytes); /* a zombie's memory is not 0, it is unknown */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(ms_proc_process_read(&process, &budget, MS_PROC_QUICK, &kernel), -ESRCH);
    ms_proc_process_close(&process, &budget);
    assert_int_equal(budget.open, 0);
    assert_int_equal(ms_proc_process_open(&process, 0), -ESRCH);
}

static void *wait_then_work(void *reading_end)
{
    char byte;
    if (read(*(const int *)reading_end, &byte, 1) == 1) {
        for (volatile unsigned i = 0; i < 20000000; i++) {
        }
        (void)read(*(const int *)reading_end, &byte, 1);
    }
    return NULL;
}

/* What a thread did when it woke up from a long sleep is seen five looks later at most. */
static void test_sleeper_wakes_up(void **state)
{
    (void)state;
    int ends[2];
    pthread_t sleeper;
    struct ms_proc_process process;
    struct ms_process_kernel kernel = {0};
    struct ms_descriptor_budget budget;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&sleeper, NULL, wait_then_work, &ends[0]), 0);
    ms_descriptor_budget_init(&budget);
    assert_int_equal(ms_proc_process_open(&process, getpid()), 0);
    struct ms_model *model = ms_model_new(100, 0, 0);
    struct ms_watched_threads *threads = ms_watched_threads_new(1);
    uint64_t tick = 0;
    const struct ms_thread *thread = NULL;
    /* It may take its time until it runs for the first time. */
    for (; tick < 50 || (tick < 60000 && (thread->kernel.have & MS_HAVE_RUN_QUEUE) == 0); tick++) {
        assert_int_equal(ms_proc_process_read(&process, &budget, MS_PROC_QUICK, &kernel), 0);
        assert_int_equal(
            ms_watched_threads_proc(threads, model, &budget, &process, NULL, false, 1 + tick, tick),
            0);
        thread = ms_model_thread(model, ms_model_thread_count(model) - 1);
        usleep(tick < 50 ? 0 : 1000);
    }
    const uint64_t slept_ns = thread->kernel.run_ns;
    if ((thread->kernel.have & MS_HAVE_RUN_QUEUE) == 0) {
        skip();
    }
    assert_int_equal(write(ends[1], "x", 1), 1);
    /* Asleep again: its work is done. */
    for (char work = 'R'; work != 'S';) {
        usleep(20000);
        for (const uint64_t until = tick + 5; tick < until; tick++) {
            assert_int_equal(ms_watched_threads_proc(threads, model, &budget, &process, NULL, false,
                                                     1 + tick, tick),
                             0);
        }
        work = thread->kernel.run_ns > slept_ns + 1000000 ? thread->kernel.state : 'R';
    }
    assert_true(thread->kernel.voluntary_switches > 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(pthread_join(sleeper, NULL), 0);
    assert_int_equal(ms_proc_process_read(&process, &budget, MS_PROC_QUICK, &kernel), 0);
    assert_int_equal(
        ms_watched_threads_proc(threads, model, &budget, &process, NULL, false, 1 + tick, tick), 0);
    assert_int_not_equal(thread->end_ns, 0); /* one fewer: the list was read at once */
    ms_watched_threads_free(threads, &budget);
    ms_proc_process_close(&process, &budget);
    ms_model_free(model);
    close(ends[0]);
    close(ends[1]);
}

/* Of more than 500 threads, whosever they are, each is read every second tick, and told so. */
static void test_many_threads_take_turns(void **state)
{
    (void)state;
    struct ms_proc_process process;
    struct ms_process_kernel kernel = {0};
    struct ms_descriptor_budget budget = {.limit = 100};
    struct ms_thread_sources sources;
    ms_thread_sources_init(&sources);
    assert_int_equal(ms_proc_process_open(&process, getpid()), 0);
    struct ms_model *model = ms_model_new(MS_SECOND_NS / 10, 0, 0);
    const struct ms_process *of = ms_model_add_process(model, 1);
    struct ms_watched_threads *threads = ms_watched_threads_new(1);
    ms_watched_threads_share(threads, &sources);
    uint64_t reads = 0;
    uint64_t last_ns = 0;
    for (uint64_t tick = 0; tick < 40; tick++) {
        sources.threads_before = 501; /* 500 of them elsewhere */
        const uint64_t now_ns = (tick + 1) * MS_SECOND_NS / 10;
        assert_int_equal(ms_proc_process_read(&process, &budget, MS_PROC_QUICK, &kernel), 0);
        assert_int_equal(
            ms_watched_threads_proc(threads, model, &budget, &process, NULL, false, now_ns, tick),
            0);
        assert_int_equal((int)(of->thread_read_hz * 100 + 0.5), 500);
        const struct ms_thread *thread = ms_model_thread(model, 0);
        reads += thread->kernel.often_read_ns != last_ns ? 1 : 0;
        last_ns = thread->kernel.often_read_ns;
        for (volatile unsigned work = 0; work < 1000000; work++) { /* lest it be quiet */
        }
    }
    assert_in_range(reads, 8, 21);
    ms_watched_threads_free(threads, &budget);
    ms_proc_process_close(&process, &budget);
    assert_int_equal(budget.open, 0);
    ms_model_free(model);
}

static void *outlive(void *argument)
{
    while (pause() != 0) {
    }
    return argument;
}

/* A child whose first thread ends, before others or as the only one. */
static pid_t start_ending(bool others)
{
    const pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (others && pthread_create(&thread, NULL, outlive, NULL) != 0) {
            _exit(1);
        }
        (void)syscall(SYS_exit, 0); /* of this thread alone */
    }
    return child;
}

static void test_first_thread_ends_first(void **state)
{
    (void)state;
    for (int others = 0; others < 2; others++) {
        struct ms_descriptor_budget budget = {.limit = 100};
        struct ms_proc_process files;
        struct ms_process_kernel kernel = {.rss_bytes = 4096};
        struct ms_open_sockets sockets = {0};
        struct ms_open_files open_files = {.have = true, .all = 5};
        const pid_t child = start_ending(others != 0);
        assert_true(child > 0);
        assert_int_equal(ms_proc_process_open(&files, child), 0);
        /* It shows no descriptors when it is over: what was read before stays, there is no 0. */
        int result = 0;
        for (int i = 0; i < 60000 && result == 0; i++) {
            usleep(1000);
            result = ms_open_files_read(files.folder, &sockets, &open_files);
        }
        assert_int_equal(result, -ESRCH);
        assert_true(open_files.all > 0);
        assert_int_equal(ms_proc_process_read(&files, &budget, MS_PROC_QUICK, &kernel), 0);
#if !defined(__SANITIZE_THREAD__) /* it has a thread of its own */
        assert_int_equal(files.zombie, others == 0);
#endif
        assert_int_equal(kernel.rss_bytes, 4096);
        ms_open_sockets_free(&sockets);
        ms_proc_process_close(&files, &budget);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
}

/* The kernel gives a list in pieces of a page. */
static void test_long_list(void **state)
{
    (void)state;
    static char text[512 << 10];
    struct ms_descriptor_budget budget = {.limit = 10};
    int kept = -1;
    for (int i = 0; i < 2; i++) {
        const ssize_t bytes =
            ms_proc_read_list(&budget, &kept, AT_FDCWD, "/proc/self/smaps", text, sizeof text);
        assert_true(bytes > 8192);
        assert_int_equal(strlen(text), bytes);
        assert_non_null(strstr(text, "[stack]"));
        assert_true(kept >= 0);
    }
    assert_int_equal(ms_proc_read_list(&budget, &kept, AT_FDCWD, "", text, 1000), 999);
    ms_proc_close(&budget, &kept);
    assert_int_equal(ms_proc_read_list(&budget, &kept, AT_FDCWD, "/nowhere", text, 1000), -ENOENT);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_stat_hostile_names),
        cmocka_unit_test(test_stat_cut_anywhere),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_sched),
        cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_sources_tell_what_they_gave),
        cmocka_unit_test(test_live_thread),
        cmocka_unit_test(test_live_process),
        cmocka_unit_test(test_sleeper_wakes_up),
        cmocka_unit_test(test_many_threads_take_turns),
        cmocka_unit_test(test_first_thread_ends_first),
        cmocka_unit_test(test_long_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
