/*
 * A long recording in fast motion, with little room: what it takes, that it stays whole, that its
 * far ends are found, and that what is coarser is said. SOAK=360000 are 10 hours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/approach.h"
#include "record/recorder.h"
#include "recorded_session.h"

/* A state of this session grows to 750 kB in 10 hours, since what ended stays known. */
enum { ROOM = 600 * 1000, LONG_ROOM = 1500 * 1000, FINE_ROOM = 1 << 30, TICKS = 6000 };

static char path[64];

static unsigned ticks(void)
{
    const char *soak = getenv("SOAK");
    return soak != NULL && atoi(soak) > TICKS ? (unsigned)atoi(soak) : TICKS;
}

static uint64_t record(uint64_t room, uint64_t *largest)
{
    const struct ms_recorder_options options = {.program_version = "test"};
    struct record_session session = record_session_new(3);
    session.threads_most = 4;
    session.sites_most = 6;
    struct ms_recorder *recorder = ms_recorder_new(&options);
    assert_non_null(recorder);
    assert_int_equal(ms_recorder_keep(recorder, path, true, room), 0);
    *largest = 0;
    for (unsigned i = 0; i < ticks(); i++) {
        struct stat file;
        record_session_tick(&session);
        assert_int_equal(ms_recorder_tick(recorder, session.model), 0);
        if (i % 50 == 0) {
            /* A disk is not as much faster as this is: what it gets is waited for. */
            while (ms_recorder_state(recorder).waiting_bytes > 100 * 1000) {
                usleep(100);
            }
            assert_int_equal(stat(path, &file), 0);
            *largest = (uint64_t)file.st_size > *largest ? (uint64_t)file.st_size : *largest;
        }
    }
    assert_int_equal(ms_recorder_state(recorder).error, 0);
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    const uint64_t coarse_until_ns = ms_recorder_state(recorder).coarse_until_ns;
    ms_recorder_free(recorder);
    record_session_free(&session);
    return coarse_until_ns;
}

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void told(void *context, const char *finding)
{
    ++*(unsigned *)context;
    print_message("%s\n", finding);
}

static uint64_t sum_of(const struct ms_model *model)
{
    struct ms_heap heap;
    struct ms_losses losses;
    ms_model_totals(model, &heap, &losses);
    return heap.bytes_allocated + heap.bytes_freed + heap.allocations + ms_model_site_count(model) +
           ms_model_thread_count(model);
}

/* In slices, without histories: the same moment as a seek finds. */
static void check_approach(struct ms_recording *recording, const struct ms_model *model)
{
    struct ms_approach way;
    assert_int_equal(ms_approach_begin(&way, recording, ms_model_now_ns(model)), 0);
    unsigned slices = 0;
    unsigned done = 0;
    int result;
    while ((result = ms_approach_go(&way, 0)) == 1) {
        assert_true(ms_approach_done(&way) >= done);
        done = ms_approach_done(&way);
        slices++;
    }
    assert_int_equal(result, 0);
    assert_int_equal(ms_approach_done(&way), 1000);
    assert_true(slices >= MS_DIFF_SWING_LOOKS_MOST);
    assert_int_equal(ms_model_ticks(ms_replay_model(way.replay)), ms_model_ticks(model));
    assert_int_equal(sum_of(ms_replay_model(way.replay)), sum_of(model));
    ms_approach_drop(&way);
}

static void check(uint64_t coarse_until_ns)
{
    char why[128];
    unsigned findings = 0;
    struct ms_recording *recording;
    double begun_ms = cpu_ms();
    assert_int_equal(ms_recording_open(path, &recording, why, sizeof why), 0);
    const struct ms_recording_about about = ms_recording_about(recording);
    print_message("opened in %.1f ms CPU, %.2f MB\n", cpu_ms() - begun_ms,
                  (double)about.bytes / 1e6);
    assert_string_equal(about.condition, "whole");
    assert_int_equal(about.coarse_until_ns, coarse_until_ns);
    const struct ms_replay_options options = {.warm_ns = 60 * MS_SECOND_NS};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    for (int part = 0; part <= 4; part++) {
        const uint64_t tick =
            about.first_tick + (about.last_tick - about.first_tick) * (unsigned)part / 4;
        begun_ms = cpu_ms();
        assert_int_equal(ms_replay_seek(replay, tick), 0);
        print_message("tick %llu: seek %.1f ms CPU\n", (unsigned long long)tick,
                      cpu_ms() - begun_ms);
        /* Where it is fine that tick, where it is coarse one before it. */
        const uint64_t found = ms_replay_tick(replay);
        assert_true(found <= tick || part == 0);
        if (ms_model_now_ns(ms_replay_model(replay)) > about.coarse_until_ns) {
            assert_int_equal(found, tick);
        }
        check_approach(recording, ms_replay_model(replay));
    }
    ms_replay_free(replay);
    assert_int_equal(ms_recording_verify(recording, told, NULL, &findings), 0);
    assert_int_equal(findings, 0);
    ms_recording_close(recording);
}

static void test_with_little_room(void **state)
{
    (void)state;
    uint64_t largest;
    const uint64_t room = ticks() > TICKS ? LONG_ROOM : ROOM;
    const uint64_t coarse_until_ns = record(room, &largest);
    assert_true(coarse_until_ns > 0);
    assert_true(largest <= room);
    check(coarse_until_ns);
    unlink(path);
}

static void test_with_room(void **state)
{
    (void)state;
    uint64_t largest;
    assert_int_equal(record(FINE_ROOM, &largest), 0);
    check(0);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_little_room),
        cmocka_unit_test(test_with_room),
    };
    (void)snprintf(path, sizeof path, "/tmp/memscope-long-%d", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
