/* What a recording may make its reader take: a few bytes can tell of millions of things. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/figures.h"
#include "model/histories.h"
#include "record/block_header.h"
#include "record/layout.h"
#include "record/recorder.h"
#include "record/recording.h"
#include "recorded_session.h"

#include "model/restore.h"

#define ROOM_BYTES (UINT64_C(4) << 20)

static char folder[] = "/tmp/memscope-room-XXXXXX";
static char sound_path[64], forged_path[64];

static struct ms_model *small_model(void)
{
    struct ms_model *model = ms_model_new(RECORD_SESSION_INTERVAL_NS, 0, 0);
    assert_non_null(model);
    ms_model_limit_bytes(model, ROOM_BYTES);
    return model;
}

static void assert_full(struct ms_model *model, uint64_t things, size_t least_bytes)
{
    assert_true(ms_model_is_refused(model));
    assert_true(things > 0);
    if (things * least_bytes > ROOM_BYTES + ROOM_BYTES / 2) {
        fail_msg("%llu things of %zu bytes", (unsigned long long)things, least_bytes);
    }
    ms_model_free(model);
}

static void test_processes(void **state)
{
    (void)state;
    struct ms_model *model = small_model();
    uint32_t count = 0;
    while (ms_model_restore_process(model, count + 1) != NULL) {
        count++;
    }
    assert_full(model, count, sizeof(struct ms_process));
}

static void test_arguments(void **state)
{
    (void)state;
    static const char text[65536];
    struct ms_model *model = small_model();
    struct ms_process *process = ms_model_restore_process(model, 1);
    for (int i = 0; i < 1000; i++) { /* the same one has them anew */
        assert_int_equal(ms_model_put_arguments(model, process, text, sizeof text), 0);
    }
    uint32_t count = 1;
    while (ms_model_put_arguments(model, ms_model_restore_process(model, count + 1), text,
                                  sizeof text) == 0) {
        count++;
    }
    assert_full(model, count, sizeof text);
}

/* Ids far apart cost a page each. */
static void test_threads(void **state)
{
    (void)state;
    for (uint32_t step = 1; step <= 4096; step *= 4096) {
        struct ms_model *model = small_model();
        uint32_t count = 0;
        while (ms_model_restore_thread(model, step * (count + 1), 1, MS_PLACE_ENDED) != NULL) {
            count++;
        }
        assert_full(model, count, step == 1 ? sizeof(struct ms_thread) : 1024 * sizeof(void *));
    }
}

static void test_call_sites(void **state)
{
    (void)state;
    static const uint32_t stack[MS_RESTORED_DEPTH_MAX];
    for (uint32_t depth = 0; depth <= MS_RESTORED_DEPTH_MAX; depth += MS_RESTORED_DEPTH_MAX) {
        struct ms_model *model = small_model();
        uint32_t count = 0;
        while (ms_model_restore_site(model, count + 1, 1, stack, depth, 0) != NULL) {
            count++;
        }
        assert_full(model, count, sizeof(struct ms_site) + depth * sizeof stack[0]);
    }
}

static void test_usages(void **state)
{
    (void)state;
    struct ms_usage_extra extra = {.reallocations = 1};
    extra.sizes.events[1] = extra.sizes.events[2] = 1;
    extra.lifetimes = extra.sizes;
    for (int with_extra = 0; with_extra < 2; with_extra++) {
        struct ms_model *model = small_model();
        assert_non_null(ms_model_restore_process(model, 1));
        assert_non_null(ms_model_restore_thread(model, 1, 1, MS_PLACE_ALIVE));
        size_t count = 0;
        int error = 0;
        while (error == 0) {
            const uint32_t site = (uint32_t)(count / 256) + 1;
            if (count % 256 == 0 && ms_model_restore_site(model, site, 1, NULL, 0, 0) == NULL) {
                error = -ENOMEM;
            }
            error = error == 0 ? ms_model_restore_usage(model, 1, site, (uint8_t)count) : error;
            if (error == 0) {
                const struct ms_usage usage = *ms_model_usage(model, count);
                error = ms_model_put_usage(model, count, &usage, with_extra ? &extra : NULL);
                count++;
            }
        }
        assert_int_equal(error, -ENOMEM);
        assert_full(model, count,
                    sizeof(struct ms_usage) + (with_extra ? 2 * sizeof(struct ms_histogram) : 0));
    }
}

/* What stands still takes nothing for each point, what moves four bytes. */
static void test_histories(void **state)
{
    (void)state;
    float points[4000];
    struct ms_model *model = small_model();
    for (size_t i = 0; i < 4000; i++) {
        points[i] = (float)i;
    }
    assert_non_null(ms_model_restore_process(model, 1));
    for (uint32_t id = 1; id <= 200; id++) {
        assert_non_null(ms_model_restore_thread(model, id, 1, MS_PLACE_ALIVE));
    }
    assert_int_equal(ms_model_begin_histories(model), 0);
    size_t filled = 0;
    for (uint32_t id = 1; id <= 200 && ms_model_has_room(model); id++) {
        for (uint32_t series = 0; series < MS_SERIES_COUNT; series++, filled += 4000) {
            const struct ms_history_name name = {MS_HISTORY_OF_THREAD, id, series};
            struct ms_history *history = ms_model_history(model, &name);
            assert_int_equal(ms_history_fill(history, MS_RESOLUTION_FINE, 0, points, 4000), 0);
        }
    }
    assert_full(model, filled, sizeof points[0]);
}

static void test_without_a_limit(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(RECORD_SESSION_INTERVAL_NS, 0, 0);
    for (uint32_t id = 1; id <= 2000; id++) {
        assert_non_null(ms_model_restore_process(model, id));
    }
    assert_true(ms_model_has_room(model));
    ms_model_free(model);
}

static void test_names(void **state)
{
    (void)state;
    struct ms_names *names = ms_names_new();
    struct ms_pack pack = {0};
    ms_pack_u64(&pack, 1); /* strings: the first is number 0 */
    ms_pack_u64(&pack, 0);
    ms_pack_u64(&pack, ROOM_BYTES);
    uint8_t *empty = ms_pack_room(&pack, ROOM_BYTES);
    memset(empty, 0, ROOM_BYTES);
    pack.used += ROOM_BYTES;
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    ms_names_limit_bytes(names, ROOM_BYTES);
    assert_int_equal(ms_names_read(names, &unpack), -ENOMEM);
    assert_true(ms_names_is_refused(names));
    ms_names_free(names);
    ms_pack_free(&pack);
}

/* --- a whole file --- */

static void record_sound(void)
{
    const struct ms_recorder_options options = {.program_version = "test",
                                                .memory_bytes = 64u << 20};
    struct record_session session = record_session_new(3);
    struct ms_recorder *recorder = ms_recorder_new(&options);
    assert_non_null(recorder);
    assert_int_equal(ms_recorder_keep(recorder, sound_path, true, 0), 0);
    for (int i = 0; i < 20; i++) {
        record_session_tick(&session);
        assert_int_equal(ms_recorder_tick(recorder, session.model), 0);
    }
    assert_int_equal(ms_recorder_finish(recorder, session.model), 0);
    ms_recorder_free(recorder);
    record_session_free(&session);
}

/* A state of so many processes, in a byte each. */
static void pack_many(struct ms_pack *pack, size_t count)
{
    struct ms_pack ids = {0};
    ms_pack_u64(&ids, count);
    for (size_t i = 0; i < count; i++) {
        ms_pack_i64(&ids, 1);
    }
    ms_pack_u64(pack, 1);
    ms_pack_u64(pack, 0);
    ms_pack_u64(pack, MS_PART_PROCESSES + 1);
    ms_pack_u64(pack, ids.used);
    ms_pack_bytes(pack, ids.bytes, ids.used);
    ms_pack_free(&ids);
}

/* What a sound recording is about, then that. */
static void forge(size_t processes)
{
    char why[200];
    struct ms_blocks *sound;
    struct ms_blocks *forged = ms_blocks_new(64u << 20);
    struct ms_pack pack = {0};
    const uint8_t *raw;
    size_t bytes;
    assert_int_equal(ms_blocks_open(sound_path, &sound, why, sizeof why), 0);
    assert_int_equal(ms_blocks_info(sound, 0)->type, MS_BLOCK_ABOUT);
    assert_int_equal(ms_blocks_read(sound, 0, &raw, &bytes), 0);
    assert_int_equal(ms_blocks_keep(forged, forged_path, true, 0), 0);
    assert_int_equal(ms_blocks_append(forged, ms_blocks_info(sound, 0), raw, bytes), 0);
    pack_many(&pack, processes);
    const struct ms_block_info info = {.type = MS_BLOCK_STATE, .first_tick = 1, .last_tick = 1};
    assert_int_equal(ms_blocks_append(forged, &info, pack.bytes, pack.used), 0);
    assert_int_equal(ms_blocks_finish(forged), 0);
    ms_pack_free(&pack);
    ms_blocks_free(forged);
    ms_blocks_free(sound);
}

static void test_a_forged_file(void **state)
{
    (void)state;
    char why[200];
    struct stat file;
    struct ms_recording *recording;
    record_sound();
    forge(10u << 20); /* 140 GB of processes */
    assert_int_equal(stat(forged_path, &file), 0);
    assert_true(file.st_size < 100000);
    assert_int_equal(ms_recording_open(forged_path, &recording, why, sizeof why), 0);
    assert_null(ms_recording_refused(recording));
    const struct ms_replay_options options = {.counters_only = true};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    assert_int_equal(ms_replay_seek(replay, 0), -ENOMEM);
    assert_non_null(ms_recording_refused(recording));
    ms_replay_free(replay);
    ms_recording_close(recording);
}

static void test_content_beyond_its_payload(void **state)
{
    (void)state;
    const size_t bytes = MS_BLOCK_RAW_BYTES_ANY + 1;
    assert_true(ms_block_sizes_fit(20, MS_BLOCK_RAW_BYTES_ANY));
    assert_false(ms_block_sizes_fit(20, bytes));
    assert_true(ms_block_sizes_fit(bytes / MS_BLOCK_RAW_RATIO_MAX, bytes));
    assert_true(ms_block_sizes_fit(1u << 20, MS_BLOCK_RAW_BYTES_MAX));
    assert_false(ms_block_sizes_fit(1u << 30, UINT64_C(1) + MS_BLOCK_RAW_BYTES_MAX));
    /* Nobody writes what nobody would read. */
    struct ms_blocks *blocks = ms_blocks_new(1u << 20);
    uint8_t *zeros = calloc(1, bytes);
    const struct ms_block_info info = {.type = MS_BLOCK_TICKS};
    assert_int_equal(ms_blocks_append(blocks, &info, zeros, bytes), -EMSGSIZE);
    free(zeros);
    ms_blocks_free(blocks);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(sound_path, sizeof sound_path, "%s/sound.memscope", folder);
    snprintf(forged_path, sizeof forged_path, "%s/forged.memscope", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(sound_path);
    unlink(forged_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes),       cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_threads),         cmocka_unit_test(test_call_sites),
        cmocka_unit_test(test_usages),          cmocka_unit_test(test_histories),
        cmocka_unit_test(test_without_a_limit), cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_forged_file),   cmocka_unit_test(test_content_beyond_its_payload),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
