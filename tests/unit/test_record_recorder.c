/* A session is recorded, and every moment of it is as it was. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/histories.h"
#include "record/block_header.h"
#include "record/layout.h"
#include "record/recorder.h"
#include "record/recording_internal.h"
#include "recorded_session.h"

static char folder[] = "/tmp/memscope-recorder-XXXXXX";
static char path[64], other_path[64];

static const struct ms_recorder_options in_memory = {
    .program_version = "test", .memory_bytes = 64u << 20, .output = true};

static struct ms_recorder *begin(const char *file)
{
    struct ms_recorder *recorder = ms_recorder_new(&in_memory);
    assert_non_null(recorder);
    if (file != NULL) {
        assert_int_equal(ms_recorder_keep(recorder, file, true, 0), 0);
    }
    return recorder;
}

static void tick(struct record_session *session, struct ms_recorder *recorder)
{
    record_session_tick(session);
    assert_int_equal(ms_recorder_tick(recorder, session->model), 0);
}

static void record(const char *file, uint64_t seed, unsigned ticks)
{
    struct record_session session = record_session_new(seed);
    struct ms_recorder *recorder = begin(file);
    for (unsigned i = 0; i < ticks; i++) {
        tick(&session, recorder);
    }
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    ms_recorder_free(recorder);
    record_session_free(&session);
}

static struct ms_recording *open_recording(const char *file)
{
    struct ms_recording *recording;
    char why[160];
    const int error = ms_recording_open(file, &recording, why, sizeof why);
    if (error != 0) {
        fail_msg("%s: %d, %s", file, error, why);
    }
    return recording;
}

static void say_difference(void *context, const char *what)
{
    (void)context;
    print_error("differs: %s\n", what);
}

static void assert_same_output(const struct ms_output *one, const struct ms_output *other)
{
    assert_int_equal(ms_output_line_count(one), ms_output_line_count(other));
    assert_int_equal(ms_output_total_bytes(one), ms_output_total_bytes(other));
    for (size_t i = 0; i < ms_output_line_count(one); i++) {
        size_t bytes[2];
        const char *line[2] = {ms_output_line(one, i, &bytes[0]),
                               ms_output_line(other, i, &bytes[1])};
        assert_int_equal(bytes[0], bytes[1]);
        assert_memory_equal(line[0], line[1], bytes[0]);
    }
}

static int compare_history(void *context, const struct ms_history_name *name,
                           const struct ms_history *history)
{
    enum { POINTS = 2000 };
    static double points[2][POINTS];
    const struct ms_history *other = ms_model_history(context, name);
    if (other == NULL) {
        fail_msg("no history of %d, %u, %u", (int)name->of, name->id, name->series);
    }
    for (int r = 0; r < MS_RESOLUTION_COUNT; r++) {
        (void)ms_history_read_at(history, (enum ms_resolution)r, 0, POINTS, points[0]);
        (void)ms_history_read_at(other, (enum ms_resolution)r, 0, POINTS, points[1]);
        for (int i = 0; i < POINTS; i++) {
            if (points[0][i] != points[1][i] && !(isnan(points[0][i]) && isnan(points[1][i]))) {
                fail_msg("history of %d, %u, %u: point %d of resolution %d is %g, not %g",
                         (int)name->of, name->id, name->series, i, r, points[1][i], points[0][i]);
            }
        }
    }
    return 0;
}

/* All points of all resolutions, from the beginning on. */
static void assert_same_histories(const struct ms_model *one, const struct ms_model *other)
{
    struct ms_model *mutable_other = (struct ms_model *)(uintptr_t)other;
    assert_int_equal(ms_model_each_history(one, compare_history, mutable_other), 0);
}

static void assert_same(const struct ms_model *one, const struct ms_model *other)
{
    assert_same_output(ms_model_output(one), ms_model_output(other));
    if (ms_models_compare(one, other, say_difference, NULL) != 0) {
        fail_msg("at tick %llu and %llu", (unsigned long long)ms_model_ticks(one),
                 (unsigned long long)ms_model_ticks(other));
    }
}

static struct ms_replay *new_replay(struct ms_recording *recording, uint64_t warm_ns)
{
    const struct ms_replay_options options = {.warm_ns = warm_ns};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    assert_non_null(replay);
    return replay;
}

/* While it goes on: one replay steps along, another one seeks. */
static void test_the_past_of_a_session_that_goes_on(void **state)
{
    (void)state;
    struct record_session session = record_session_new(1);
    struct ms_recorder *recorder = begin(NULL);
    struct ms_recording *recording = ms_recorder_recording(recorder);
    struct ms_replay *steps = new_replay(recording, 0);
    struct ms_replay *seeks = new_replay(recording, 3 * MS_SECOND_NS);
    tick(&session, recorder);
    assert_int_equal(ms_replay_seek(steps, 0), 0);
    assert_same(session.model, ms_replay_model(steps));
    for (unsigned i = 0; i < 700; i++) {
        tick(&session, recorder);
        assert_int_equal(ms_replay_step(steps), 1);
        assert_same(session.model, ms_replay_model(steps));
        if (i % 41 == 0) {
            const uint64_t now = ms_model_ticks(session.model) - 1;
            assert_int_equal(ms_replay_seek(seeks, now), 0);
            assert_int_equal(ms_replay_tick(seeks), now);
            assert_same(session.model, ms_replay_model(seeks));
            assert_same_histories(session.model, ms_replay_model(seeks));
        }
    }
    assert_int_equal(ms_replay_step(steps), 0);
    ms_replay_free(steps);
    ms_replay_free(seeks);
    ms_recorder_free(recorder);
    record_session_free(&session);
}

/* Another session of the same seed is what the file is compared with. */
static void test_every_moment_of_a_file(void **state)
{
    (void)state;
    record(path, 2, 900);
    struct ms_recording *recording = open_recording(path);
    const struct ms_recording_about about = ms_recording_about(recording);
    assert_string_equal(about.condition, "whole");
    assert_string_equal(about.recorded_by, "test");
    assert_string_equal(about.program, "prog1");
    assert_int_equal(about.interval_ns, RECORD_SESSION_INTERVAL_NS);
    assert_int_equal(about.last_tick - about.first_tick, 899);
    struct ms_replay *replay = new_replay(recording, 0);
    struct ms_replay *steps = new_replay(recording, 0);
    struct record_session session = record_session_new(2);
    for (uint64_t i = 0; i < 900; i++) {
        record_session_tick(&session);
        if (i == 0) {
            assert_int_equal(ms_replay_seek(steps, 0), 0);
            assert_int_equal(ms_replay_before(steps, ms_replay_tick(steps)), UINT64_MAX);
        } else {
            const uint64_t before = ms_replay_tick(steps);
            assert_int_equal(ms_replay_step(steps), 1);
            assert_int_equal(ms_replay_before(steps, ms_replay_tick(steps)), before);
        }
        assert_same(session.model, ms_replay_model(steps));
        if (i % 29 == 0 || i == 899) {
            assert_int_equal(ms_replay_seek(replay, ms_replay_tick(steps)), 0);
            assert_same(session.model, ms_replay_model(replay));
            assert_same_histories(session.model, ms_replay_model(replay));
        }
    }
    assert_int_equal(ms_replay_step(steps), 0);
    ms_replay_free(replay);
    ms_replay_free(steps);
    ms_recording_close(recording);
    record_session_free(&session);
}

/* So many processes that those which ended are merged. */
static void test_merged_processes(void **state)
{
    (void)state;
    struct record_session session = record_session_new(3);
    struct ms_recorder *recorder = begin(NULL);
    struct ms_replay *steps = new_replay(ms_recorder_recording(recorder), 0);
    session.short_lived = 12;
    tick(&session, recorder);
    assert_int_equal(ms_replay_seek(steps, 0), 0);
    for (unsigned i = 0; i < 130; i++) {
        tick(&session, recorder);
        assert_int_equal(ms_replay_step(steps), 1);
        if (i % 10 == 0) {
            assert_same(session.model, ms_replay_model(steps));
        }
    }
    struct ms_replay *replay = new_replay(ms_recorder_recording(recorder), 0);
    assert_int_equal(ms_replay_seek(replay, ms_replay_tick(steps)), 0);
    assert_same(session.model, ms_replay_model(replay));
    ms_replay_free(replay);
    ms_replay_free(steps);
    ms_recorder_free(recorder);
    record_session_free(&session);
}

static void tell_finding(void *context, const char *finding)
{
    (void)context;
    print_error("%s\n", finding);
}

static void ignore_finding(void *context, const char *finding)
{
    (void)context;
    assert_non_null(finding);
}

static void test_a_whole_file_verifies(void **state)
{
    (void)state;
    record(path, 4, 700);
    struct ms_recording *recording = open_recording(path);
    assert_int_equal(ms_recording_verify(recording, tell_finding, NULL, NULL), 0);
    ms_recording_close(recording);
}

static size_t read_whole(const char *file, uint8_t *bytes, size_t capacity)
{
    const int fd = open(file, O_RDONLY);
    const ssize_t got = read(fd, bytes, capacity);
    close(fd);
    assert_true(got > 0 && (size_t)got < capacity);
    return (size_t)got;
}

static void write_whole(const char *file, const uint8_t *bytes, size_t count)
{
    const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, count), (ssize_t)count);
    close(fd);
}

/* What was recorded before the cut is seen; where nothing is, that is said. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    static uint8_t bytes[1u << 20];
    record(path, 5, 25);
    const size_t size = read_whole(path, bytes, sizeof bytes);
    uint64_t last_tick = 0;
    bool seen = false;
    const size_t step = size / 400 + 1;
    for (size_t cut = 0; cut <= size; cut += cut + step < size || cut == size ? step : size - cut) {
        struct ms_recording *recording;
        char why[160] = "";
        write_whole(other_path, bytes, cut);
        const int error = ms_recording_open(other_path, &recording, why, sizeof why);
        if (error != 0) {
            assert_true(why[0] != '\0');
            assert_false(seen);
            continue;
        }
        seen = true;
        struct ms_replay *replay = new_replay(recording, 0);
        const struct ms_recording_about about = ms_recording_about(recording);
        assert_true(about.last_tick >= last_tick);
        last_tick = about.last_tick;
        assert_int_equal(ms_replay_seek(replay, UINT64_MAX), 0);
        assert_int_equal(ms_replay_tick(replay), about.last_tick);
        const int findings = ms_recording_verify(recording, ignore_finding, NULL, NULL);
        assert_true(cut == size ? findings == 0 : findings > 0);
        ms_replay_free(replay);
        ms_recording_close(recording);
    }
    assert_true(seen);
    assert_int_equal(last_tick, 24);
}

/* Damage in the middle costs what it is in, and is found. */
static void test_damage(void **state)
{
    (void)state;
    static uint8_t bytes[4u << 20];
    record(path, 6, 400);
    const size_t size = read_whole(path, bytes, sizeof bytes);
    uint32_t random = 1;
    for (int round = 0; round < 25; round++) {
        random = random * 1664525u + 1013904223u;
        const size_t place = random % size;
        bytes[place] ^= 0x55;
        write_whole(other_path, bytes, size);
        bytes[place] ^= 0x55;
        struct ms_recording *recording;
        char why[160] = "";
        if (ms_recording_open(other_path, &recording, why, sizeof why) != 0) {
            assert_true(why[0] != '\0');
            continue;
        }
        struct ms_replay *replay = new_replay(recording, 0);
        assert_true(ms_recording_verify(recording, ignore_finding, NULL, NULL) > 0);
        assert_int_equal(ms_replay_seek(replay, 0), 0);
        uint64_t before = ms_replay_tick(replay);
        while (ms_replay_step(replay) == 1) {
            assert_true(ms_replay_tick(replay) > before);
            before = ms_replay_tick(replay);
        }
        assert_true(before >= 390);
        ms_replay_free(replay);
        ms_recording_close(recording);
    }
}

/* Without the block of ticks that is `gone`, up to the next state. */
static void look_behind_a_gap(struct ms_recording *whole, const struct ms_block_info *gone,
                              uint64_t next_state)
{
    static uint8_t bytes[4u << 20];
    const size_t size = read_whole(path, bytes, sizeof bytes);
    const size_t behind = gone->offset + MS_BLOCK_HEADER_BYTES + gone->stored_bytes;
    memmove(bytes + gone->offset, bytes + behind, size - behind);
    write_whole(other_path, bytes, size - (behind - gone->offset));
    struct ms_recording *recording = open_recording(other_path);
    struct ms_replay *replay = new_replay(recording, 0);
    struct ms_replay *truth = new_replay(whole, 0);
    assert_int_equal(ms_replay_seek(replay, next_state - 1), 0);
    assert_true(ms_replay_tick(replay) < gone->first_tick);
    assert_int_equal(ms_replay_seek(truth, ms_replay_tick(replay)), 0);
    assert_same(ms_replay_model(truth), ms_replay_model(replay));
    assert_int_equal(ms_replay_step(replay), 1);
    assert_int_equal(ms_replay_tick(replay), next_state);
    ms_replay_free(truth);
    ms_replay_free(replay);
    ms_recording_close(recording);
}

/* Counters alone change: what is behind a gap could be taken for what goes on before it. */
static void record_counters(unsigned ticks)
{
    struct record_session session = record_session_new(6);
    struct ms_recorder *recorder = begin(path);
    for (unsigned i = 0; i < ticks; i++) {
        session.tick++;
        record_session_work(&session, session.alive[0]);
        assert_int_equal(
            ms_model_tick_end(session.model,
                              RECORD_SESSION_START_NS + session.tick * RECORD_SESSION_INTERVAL_NS),
            0);
        assert_int_equal(ms_recorder_tick(recorder, session.model), 0);
    }
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    ms_recorder_free(recorder);
    record_session_free(&session);
}

/* What follows ticks that are gone would lead to figures that never were: it waits for a state. */
static void test_ticks_behind_a_gap_are_not_taken(void **state)
{
    (void)state;
    record_counters(150);
    struct ms_recording *whole = open_recording(path);
    const struct ms_blocks *blocks = whole->blocks;
    unsigned looked = 0;
    for (size_t i = 0; i < ms_blocks_count(blocks); i++) {
        const struct ms_block_info gone = *ms_blocks_info(blocks, i);
        bool followed = false;
        for (size_t next = i + 1; gone.type == MS_BLOCK_TICKS && next < ms_blocks_count(blocks);
             next++) {
            const struct ms_block_info *info = ms_blocks_info(blocks, next);
            followed = followed || info->type == MS_BLOCK_TICKS;
            if (info->type == MS_BLOCK_STATE && followed) {
                look_behind_a_gap(whole, &gone, info->first_tick);
                looked++;
            }
            if (info->type == MS_BLOCK_STATE) {
                break;
            }
        }
    }
    assert_true(looked > 5);
    ms_recording_close(whole);
}

static void test_marks(void **state)
{
    (void)state;
    struct record_session session = record_session_new(7);
    struct ms_recorder *recorder = begin(path);
    for (unsigned i = 0; i < 30; i++) {
        tick(&session, recorder);
        if (i == 9 || i == 19) {
            /* Of a moment before the tick; the first, of the user, is written at once. */
            const struct ms_mark mark = {.at_ns = ms_model_now_ns(session.model) - i,
                                         .text = i == 9 ? "" : "load \x1b[31m done",
                                         .by_program = i == 19,
                                         .process_id = i == 19 ? 1 : 0,
                                         .thread_id = i == 19 ? 2 : 0};
            assert_int_equal(ms_model_add_mark(session.model, &mark), 0);
            assert_int_equal(i == 9 ? ms_recorder_marks(recorder, session.model) : 0, 0);
        }
    }
    const uint64_t last = ms_model_ticks(session.model) - 1;
    const uint64_t now_ns = ms_model_now_ns(session.model);
    struct ms_recording *recording = ms_recorder_recording(recorder);
    (void)ms_recording_about(recording);
    assert_int_equal(ms_recording_mark_count(recording), 2);
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    ms_recorder_free(recorder);
    recording = open_recording(path);
    assert_int_equal(ms_recording_mark_count(recording), 2);
    const struct ms_mark first = ms_recording_mark(recording, 0);
    const struct ms_mark second = ms_recording_mark(recording, 1);
    assert_int_equal(first.tick, last - 20);
    assert_string_equal(first.text, "");
    assert_false(first.by_program);
    assert_int_equal(first.process_id, 0);
    assert_int_equal(second.tick, last - 9); /* known with the tick after it */
    assert_string_equal(second.text, "load \x1b[31m done");
    assert_true(second.by_program);
    assert_int_equal(second.process_id, 1);
    assert_int_equal(second.thread_id, 2);
    assert_int_equal(now_ns - first.at_ns, 20 * RECORD_SESSION_INTERVAL_NS + 9);
    assert_int_equal(now_ns - second.at_ns, 10 * RECORD_SESSION_INTERVAL_NS + 19);

    /* A model of a moment has those that were known by then, also after steps and seeks back. */
    const struct ms_replay_options options = {.warm_ns = 0};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    assert_int_equal(ms_replay_seek(replay, last - 21), 0);
    assert_int_equal(ms_model_mark_count(ms_replay_model(replay)), 0);
    assert_int_equal(ms_replay_step(replay), 1);
    assert_int_equal(ms_model_mark_count(ms_replay_model(replay)), 1);
    assert_int_equal(ms_replay_seek(replay, last), 0);
    assert_int_equal(ms_model_mark_count(ms_replay_model(replay)), 2);
    assert_string_equal(ms_model_mark(ms_replay_model(replay), 1)->text, "load \x1b[31m done");
    assert_int_equal(ms_replay_seek(replay, last - 15), 0);
    assert_int_equal(ms_model_mark_count(ms_replay_model(replay)), 1);
    ms_replay_free(replay);
    ms_recording_close(recording);
    record_session_free(&session);
}

/* A file is closed while the session goes on, which can be looked back at and kept again. */
static void test_stop_and_go_on(void **state)
{
    (void)state;
    struct record_session session = record_session_new(11);
    struct ms_recorder *recorder = begin(path);
    for (unsigned i = 0; i < 150; i++) {
        tick(&session, recorder);
    }
    const uint64_t stopped = ms_model_ticks(session.model) - 1;
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    assert_null(ms_recorder_state(recorder).path);
    for (unsigned i = 0; i < 150; i++) {
        tick(&session, recorder);
    }
    const uint64_t last = ms_model_ticks(session.model) - 1;
    assert_int_equal(ms_recorder_keep(recorder, other_path, true, 0), 0);
    tick(&session, recorder);
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    ms_recorder_free(recorder);
    const char *const files[] = {path, other_path};
    for (size_t i = 0; i < 2; i++) {
        struct ms_recording *recording = open_recording(files[i]);
        const struct ms_replay_options options = {.ticked = NULL};
        const struct ms_recording_about about = ms_recording_about(recording);
        assert_string_equal(about.condition, "whole");
        assert_int_equal(about.last_tick, i == 0 ? stopped : last + 1);
        assert_int_equal(ms_recording_verify(recording, say_difference, NULL, NULL), 0);
        struct ms_replay *replay = ms_replay_new(recording, &options);
        assert_int_equal(ms_replay_seek(replay, about.first_tick), 0);
        uint64_t ticks = 1;
        while (ms_replay_step(replay) == 1) {
            ticks++;
        }
        assert_int_equal(ticks, about.last_tick - about.first_tick + 1);
        ms_replay_free(replay);
        ms_recording_close(recording);
    }
    record_session_free(&session);
}

struct traced {
    uint64_t events, last_ns, sum;
};

static bool add_event(void *context, const struct ms_trace_record *event)
{
    struct traced *traced = context;
    traced->events++;
    traced->sum += event->address ^ event->bytes ^ event->site_id ^ event->time_ns;
    traced->last_ns = event->time_ns;
    return traced->events != 250;
}

static void test_trace(void **state)
{
    (void)state;
    struct record_session session = record_session_new(11);
    struct ms_recorder *recorder = begin(path);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 50; i++) {
        tick(&session, recorder);
        struct ms_trace_record events[10];
        for (unsigned k = 0; k < 10; k++) {
            events[k] = (struct ms_trace_record){.time_ns = ms_model_now_ns(session.model) + k,
                                                 .address = 0x5000 + 32 * (i + k / 2),
                                                 .bytes = 24 + k / 2,
                                                 .process_id = 1,
                                                 .thread_id = 1,
                                                 .site_id = 1 + k / 2,
                                                 .by_thread_id = 1 + k % 2,
                                                 .is_free = k % 2 == 1};
            sum += i < 25
                       ? events[k].address ^ events[k].bytes ^ events[k].site_id ^ events[k].time_ns
                       : 0;
        }
        assert_int_equal(ms_recorder_trace(recorder, events, 10), 0);
    }
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    ms_recorder_free(recorder);
    struct ms_recording *recording = open_recording(path);
    struct traced traced = {0};
    uint64_t lost = 1;
    assert_int_equal(ms_recording_trace(recording, 0, UINT64_MAX, &lost, add_event, &traced), 0);
    assert_int_equal(traced.events, 250);
    assert_int_equal(lost, 0);
    assert_true(traced.sum == sum);
    struct traced some = {0};
    const uint64_t until_ns = RECORD_SESSION_START_NS + 10 * RECORD_SESSION_INTERVAL_NS + 4;
    assert_int_equal(ms_recording_trace(recording, 0, until_ns, &lost, add_event, &some), 0);
    assert_int_equal(some.events, 95);
    assert_int_equal(some.last_ns, until_ns);
    ms_recording_close(recording);
    record_session_free(&session);
}

static bool any_arguments(const struct ms_model *model)
{
    bool any = false;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        any = any || ms_model_process(model, i)->arguments != NULL;
    }
    return any;
}

static void test_hidden_arguments_are_not_recorded(void **state)
{
    (void)state;
    for (int hide = 0; hide < 2; hide++) {
        struct ms_recorder_options options = in_memory;
        options.hide_arguments = hide == 1;
        struct record_session session = record_session_new(8);
        struct ms_recorder *recorder = ms_recorder_new(&options);
        for (unsigned i = 0; i < 100; i++) {
            tick(&session, recorder);
        }
        struct ms_replay *replay = new_replay(ms_recorder_recording(recorder), 0);
        assert_int_equal(ms_replay_seek(replay, 0), 0);
        bool any = any_arguments(ms_replay_model(replay));
        while (ms_replay_step(replay) == 1) {
            any = any || any_arguments(ms_replay_model(replay));
        }
        assert_int_equal(any, hide == 0);
        ms_replay_free(replay);
        ms_recorder_free(recorder);
        record_session_free(&session);
    }
}

struct counted {
    unsigned ticks, anew;
};

static void count_tick(void *context, const struct ms_model *model, bool anew)
{
    struct counted *counted = context;
    assert_non_null(model);
    counted->ticks++;
    counted->anew += anew ? 1 : 0;
}

static void test_a_seek_goes_through_what_is_before(void **state)
{
    (void)state;
    record(path, 9, 600);
    struct ms_recording *recording = open_recording(path);
    struct counted counted = {0};
    const struct ms_replay_options options = {
        .ticked = count_tick, .context = &counted, .warm_ns = 5 * MS_SECOND_NS};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    assert_int_equal(ms_replay_seek(replay, 500), 0);
    assert_int_equal(counted.anew, 1);
    assert_true(counted.ticks >= 50);
    const unsigned ticks = counted.ticks;
    assert_int_equal(ms_replay_step(replay), 1);
    assert_int_equal(counted.ticks, ticks + 1);
    assert_int_equal(counted.anew, 1);
    ms_replay_free(replay);
    ms_recording_close(recording);
}

/* In little memory what is old is coarser: from state to state, each of them as it was. */
static void test_old_moments_are_coarse_in_little_memory(void **state)
{
    (void)state;
    struct ms_recorder_options options = in_memory;
    options.memory_bytes = 400000;
    struct record_session session = record_session_new(10);
    struct ms_recorder *recorder = ms_recorder_new(&options);
    struct ms_recording *recording = ms_recorder_recording(recorder);
    for (unsigned i = 0; i < 1500; i++) {
        tick(&session, recorder);
    }
    const struct ms_recording_about about = ms_recording_about(recording);
    assert_true(about.coarse_until_ns > 0);
    struct counted counted = {0};
    const struct ms_replay_options counting = {.ticked = count_tick, .context = &counted};
    struct ms_replay *replay = ms_replay_new(recording, &counting);
    assert_int_equal(ms_replay_seek(replay, 0), 0);
    uint64_t tick_before = ms_replay_tick(replay);
    bool jumped = false;
    while (ms_replay_step(replay) == 1) {
        jumped = jumped || ms_replay_tick(replay) > tick_before + 1;
        tick_before = ms_replay_tick(replay);
    }
    assert_true(jumped);
    assert_true(counted.anew > 1);
    assert_int_equal(tick_before, ms_model_ticks(session.model) - 1);
    assert_int_equal(
        ms_models_compare(session.model, ms_replay_model(replay), say_difference, NULL), 0);
    ms_replay_free(replay);
    ms_recorder_free(recorder);
    record_session_free(&session);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/one.memscope", folder);
    snprintf(other_path, sizeof other_path, "%s/other.memscope", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(other_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_past_of_a_session_that_goes_on),
        cmocka_unit_test(test_every_moment_of_a_file),
        cmocka_unit_test(test_merged_processes),
        cmocka_unit_test(test_a_whole_file_verifies),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_ticks_behind_a_gap_are_not_taken),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_stop_and_go_on),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_hidden_arguments_are_not_recorded),
        cmocka_unit_test(test_a_seek_goes_through_what_is_before),
        cmocka_unit_test(test_old_moments_are_coarse_in_little_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
