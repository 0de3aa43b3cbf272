/* --at: which moment of a recording is meant. The recording is a double: times and marks only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cli/at.h"
#include "model/model.h"

#define BEGIN_NS  (500 * MS_SECOND_NS)
#define MINUTE_NS (60 * MS_SECOND_NS)

static const struct ms_mark marks[] = {
    {.at_ns = BEGIN_NS + 7 * MS_SECOND_NS, .text = "warm"},
    {.at_ns = BEGIN_NS + 8 * MS_SECOND_NS, .text = ""},
    {.at_ns = BEGIN_NS + 9 * MS_SECOND_NS, .text = "end of load\033[2J"},
    {.at_ns = BEGIN_NS + 11 * MS_SECOND_NS, .text = "90"},
};

struct ms_recording_about ms_recording_about(struct ms_recording *recording)
{
    (void)recording;
    return (struct ms_recording_about){.interval_ns = MS_SECOND_NS / 10,
                                       .first_ns = BEGIN_NS + MS_SECOND_NS / 10,
                                       .last_ns = BEGIN_NS + 5 * MINUTE_NS};
}

size_t ms_recording_mark_count(const struct ms_recording *recording)
{
    (void)recording;
    return sizeof marks / sizeof marks[0];
}

struct ms_mark ms_recording_mark(const struct ms_recording *recording, size_t index)
{
    (void)recording;
    return marks[index];
}

const char *ms_recording_refused(const struct ms_recording *recording)
{
    (void)recording;
    return NULL;
}

/* Its end cannot be read. */
struct ms_replay *ms_replay_new(struct ms_recording *recording,
                                const struct ms_replay_options *options)
{
    (void)recording;
    (void)options;
    return NULL;
}

void ms_replay_free(struct ms_replay *replay)
{
    (void)replay;
}

int ms_replay_seek(struct ms_replay *replay, uint64_t tick)
{
    (void)replay;
    (void)tick;
    return -EBADMSG;
}

int ms_replay_step(struct ms_replay *replay)
{
    (void)replay;
    return 0;
}

const struct ms_model *ms_replay_model(const struct ms_replay *replay)
{
    (void)replay;
    return NULL;
}

uint64_t ms_replay_tick(const struct ms_replay *replay)
{
    (void)replay;
    return 0;
}

void ms_replay_set_warm(struct ms_replay *replay, uint64_t warm_ns)
{
    (void)replay;
    (void)warm_ns;
}

void ms_replay_take_over(struct ms_replay *replay,
                         void (*ticked)(void *context, const struct ms_model *model, bool anew),
                         void *context)
{
    (void)replay;
    (void)ticked;
    (void)context;
}

static void check(const char *text, double seconds)
{
    char error[256];
    uint64_t at_ns = 0;
    assert_int_equal(ms_at_find(text, NULL, &at_ns, error, sizeof error), 0);
    assert_int_equal(at_ns, BEGIN_NS + (uint64_t)(seconds * 1e9));
}

static void check_none(const char *text, const char *holds)
{
    char error[256] = "";
    uint64_t at_ns;
    assert_int_equal(ms_at_find(text, NULL, &at_ns, error, sizeof error), -EINVAL);
    if (strstr(error, holds) == NULL) {
        fail_msg("\"%s\" does not hold \"%s\"", error, holds);
    }
    assert_null(strchr(error, '\033'));
}

static void test_times(void **state)
{
    (void)state;
    check(NULL, 300);
    check("end", 300);
    check("0", 0);
    check("1.5", 1.5);
    check("90", 90);
    check("1m30s", 90);
    check("1m30", 90);
    check("4m", 240);
    check("0h0m7.25s", 7.25);
    check("50%", 150);
    check("100%", 300);
    check_none("301", "300.0 s long");
    check_none("1h", "beyond its end");
    check_none("101%", "not a moment");
    check_none("1s30m", "not a moment");
    check_none("1m2m", "not a moment");
    check_none("-5", "not a moment");
    check_none("1e", "not a moment");
    check_none("", "not a moment");
}

static void test_marks(void **state)
{
    (void)state;
    check("warm", 7);
    check("of load", 9);
    check("mark:90", 11);
    check_none("cold", "'warm'");
    check_none("mark:", "a mark:");
}

static void test_peak_of_what_cannot_be_read(void **state)
{
    (void)state;
    char error[256];
    uint64_t at_ns;
    assert_int_equal(ms_at_find("peak", NULL, &at_ns, error, sizeof error), -ENOMEM);
}

static void test_ticks(void **state)
{
    (void)state;
    const struct ms_recording_about about = {.interval_ns = 100,
                                             .start_ns = 1000,
                                             .first_tick = 0,
                                             .last_tick = 6,
                                             .last_ns = 1650}; /* the last one came early */
    assert_int_equal(ms_at_tick(&about, 900), 0);
    assert_int_equal(ms_at_tick(&about, 1100), 0);
    assert_int_equal(ms_at_tick(&about, 1299), 1);
    assert_int_equal(ms_at_tick(&about, 1649), 5);
    assert_int_equal(ms_at_tick(&about, 1650), 6);
    assert_int_equal(ms_at_tick_number(&about, 1650), 5);
    assert_int_equal(ms_at_tick(&about, UINT64_MAX), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_peak_of_what_cannot_be_read),
        cmocka_unit_test(test_ticks),
    };
    return cmocka_run_group_tests_name("--at", tests, NULL, NULL);
}
