/* A moment of a file: what is known of it at once, and once all of the file was gone through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/moment.h"
#include "record/recorder.h"
#include "recorded_session.h"
#include "wire/clock.h"

enum { TICKS = 1500, SLICES_MAX = 100000 };

static char path[64];

static void record(void)
{
    const struct ms_recorder_options options = {.program_version = "test"};
    struct record_session session = record_session_new(3);
    struct ms_recorder *recorder = ms_recorder_new(&options);
    assert_non_null(recorder);
    assert_int_equal(ms_recorder_keep(recorder, path, true, 0), 0);
    for (unsigned i = 0; i < TICKS; i++) {
        record_session_tick(&session);
        assert_int_equal(ms_recorder_tick(recorder, session.model), 0);
    }
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    ms_recorder_free(recorder);
    record_session_free(&session);
}

static void test_all_of_a_file(void **state)
{
    (void)state;
    struct ms_recording *recording;
    char why[128];
    record();
    assert_int_equal(ms_recording_open(path, &recording, why, sizeof why), 0);
    const struct ms_recording_about about = ms_recording_about(recording);
    const struct ms_moment_options options = {.recording = recording,
                                              .thresholds = ms_thresholds_default()};
    struct ms_moment *moment = ms_moment_new(&options);
    assert_non_null(moment);
    ms_moment_ask_at_ns(moment, about.last_ns);
    assert_int_equal(ms_moment_go(moment, ms_monotonic_ns()), 1);
    const struct ms_tui_time *time = ms_moment_time(moment);
    assert_int_equal(time->at_ns, about.last_ns);
    assert_true(time->judged_from_ns > about.first_ns + 10 * MS_NS_PER_S);
    assert_true(time->anomalies_until_ns < about.last_ns);

    /* In slices, while nobody asks for anything, until there is nothing to do. */
    const uint64_t before = ms_moment_serial(moment);
    unsigned slices = 0;
    for (; ms_moment_next_ns(moment) != UINT64_MAX && slices < SLICES_MAX; slices++) {
        assert_true(ms_moment_go(moment, UINT64_MAX - 1) >= 0);
    }
    assert_true(slices > 0 && slices < SLICES_MAX);
    time = ms_moment_time(moment);
    assert_int_equal(time->anomalies_until_ns, about.last_ns);
    assert_int_equal(time->at_ns, about.last_ns);
    assert_int_equal(time->judged_from_ns, about.first_ns);
    assert_int_not_equal(ms_moment_serial(moment), before);

    /* It goes on as any moment does. */
    const struct ms_time_wish back = {.what = MS_TIME_STEP, .by = -1};
    assert_int_equal(ms_moment_ask(moment, &back, ms_monotonic_ns()), 0);
    assert_int_equal(ms_moment_go(moment, ms_monotonic_ns()), 1);
    assert_true(ms_moment_time(moment)->at_ns < about.last_ns);
    assert_int_equal(ms_moment_next_ns(moment), UINT64_MAX);
    ms_moment_free(moment);
    ms_recording_close(recording);
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/memscope-test-moment.%d", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_a_file),
    };
    const int result = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return result;
}
