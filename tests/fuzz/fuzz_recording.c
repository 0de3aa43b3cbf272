/*
 * Hostile recordings: a small sound one is made once, then changed as the input says: its file as
 * it lies on the disk, or (so that checksums fit) what is inside its blocks. Then all that a reader
 * does: open, verify, seek, step, trace.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/recorded_session.h"
#include "record/recorder.h"
#include "record/recording_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ticks_recorded = 15, blocks_max = 200 };

static struct {
    struct ms_block_info info;
    uint8_t *raw;
    size_t bytes;
} sound[blocks_max];
static size_t sound_count;
static uint8_t *file;
static size_t file_bytes;

static void keep_blocks(const char *path)
{
    struct ms_blocks *blocks;
    char why[160];
    if (ms_blocks_open(path, &blocks, why, sizeof why) != 0) {
        abort();
    }
    for (size_t i = 0; i < ms_blocks_count(blocks) && sound_count < blocks_max; i++) {
        const uint8_t *raw;
        if (ms_blocks_read(blocks, i, &raw, &sound[sound_count].bytes) != 0) {
            abort();
        }
        sound[sound_count].info = *ms_blocks_info(blocks, i);
        sound[sound_count].raw = malloc(sound[sound_count].bytes + 1);
        memcpy(sound[sound_count].raw, raw, sound[sound_count].bytes);
        sound_count++;
    }
    ms_blocks_free(blocks);
}

static void keep_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    file = malloc(4u << 20);
    file_bytes = fread(file, 1, 4u << 20, in);
    fclose(in);
}

static void make_sound_one(void)
{
    char folder[] = "/tmp/memscope-fuzz-XXXXXX";
    char path[64];
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    snprintf(path, sizeof path, "%s/sound", folder);
    const struct ms_recorder_options options = {
        .program_version = "fuzz", .memory_bytes = 1u << 20, .output = true};
    struct record_session session = record_session_new(1);
    session.threads_most = 4;
    session.sites_most = 6;
    struct ms_recorder *recorder = ms_recorder_new(&options);
    (void)ms_recorder_keep(recorder, path, false, 0);
    for (int i = 0; i < ticks_recorded; i++) {
        record_session_tick(&session);
        (void)ms_recorder_tick(recorder, session.model);
        if (i % 10 == 5) {
            const struct ms_trace_record event = {.time_ns = ms_model_now_ns(session.model),
                                                  .address = 0x1000,
                                                  .bytes = 48,
                                                  .process_id = 1,
                                                  .thread_id = 1,
                                                  .by_thread_id = 1};
            (void)ms_recorder_trace(recorder, &event, 1);
            const struct ms_mark mark = {.at_ns = event.time_ns,
                                         .text = "mark",
                                         .by_program = i % 20 == 5,
                                         .process_id = i % 20 == 5};
            (void)ms_model_add_mark(session.model, &mark);
        }
    }
    (void)ms_recorder_finish(recorder, session.model);
    ms_recorder_free(recorder);
    record_session_free(&session);
    keep_blocks(path);
    keep_file(path);
    unlink(path);
    rmdir(folder);
}

static void ignore(void *context, const char *finding)
{
    (void)context;
    if (finding == NULL || finding[0] == '\0') {
        abort();
    }
}

static bool count_event(void *context, const struct ms_trace_record *event)
{
    (void)event;
    return ++*(unsigned *)context < 1000;
}

static void check(struct ms_recording *recording)
{
    (void)ms_recording_verify(recording, ignore, NULL, NULL);
}

static void travel(struct ms_recording *recording, uint64_t tick)
{
    const struct ms_recording_about about = ms_recording_about(recording);
    const struct ms_replay_options options = {.warm_ns = MS_SECOND_NS / 2};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    unsigned events = 0;
    if (about.first_tick <= about.last_tick &&
        ms_replay_seek(replay, about.first_tick + tick % 64) == 0) {
        for (int i = 0; i < 50 && ms_replay_step(replay) == 1; i++) {
        }
        (void)ms_replay_before(replay, ms_replay_tick(replay));
    }
    uint64_t lost;
    (void)ms_recording_trace(recording, 0, UINT64_MAX, &lost, count_event, &events);
    ms_replay_free(replay);
}

/* Each of them goes through all of it: one of them at a time is twice as many inputs. */
static void use(struct ms_recording *recording, uint64_t choice)
{
    if (choice % 2 == 0) {
        check(recording);
    } else {
        travel(recording, choice / 2);
    }
}

/* Four bytes of input are a place and what becomes of it; the last of them is the value. */
static void change(uint8_t *bytes, size_t count, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 <= size && i < 64 && count > 0; i += 4) {
        const size_t place = ((size_t)data[i] | (size_t)data[i + 1] << 8) % count;
        if (data[i + 2] % 3 == 0) {
            bytes[place] = data[i + 3];
        } else {
            bytes[place] ^= (uint8_t)(1u << data[i + 3] % 8);
        }
    }
}

static void try_file(const uint8_t *data, size_t size)
{
    char path[64];
    char why[160] = "";
    struct ms_recording *recording;
    const size_t bytes = data[0] < 128 ? file_bytes : file_bytes * data[0] / 256;
    uint8_t *copy = malloc(bytes + 1);
    memcpy(copy, file, bytes);
    change(copy, bytes, data + 1, size - 1);
    const int fd = memfd_create("recording", 0);
    if (fd >= 0 && write(fd, copy, bytes) == (ssize_t)bytes) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (ms_recording_open(path, &recording, why, sizeof why) == 0) {
            use(recording, data[0]);
            ms_recording_close(recording);
        } else if (why[0] == '\0') {
            abort();
        }
    }
    close(fd);
    free(copy);
}

static void try_blocks(const uint8_t *data, size_t size)
{
    char why[160] = "";
    struct ms_recording *recording;
    struct ms_blocks *blocks = ms_blocks_new(16u << 20);
    const size_t changed = data[0] % sound_count;
    for (size_t i = 0; i < sound_count; i++) {
        if (i == changed && data[1] < 8) {
            continue; /* lost */
        }
        size_t bytes = sound[i].bytes;
        uint8_t *copy = malloc(bytes + 1);
        memcpy(copy, sound[i].raw, bytes);
        if (i == changed) {
            bytes = data[1] < 32 ? bytes * data[1] / 32 : bytes;
            change(copy, bytes, data + 2, size - 2);
        }
        (void)ms_blocks_append(blocks, &sound[i].info, copy, bytes);
        free(copy);
    }
    if (ms_recording_of_blocks(blocks, &recording, why, sizeof why) == 0) {
        use(recording, data[1]);
        ms_recording_close(recording);
        return;
    }
    if (why[0] == '\0') {
        abort();
    }
    ms_blocks_free(blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (file == NULL) {
        make_sound_one();
    }
    if (size < 8) {
        return 0;
    }
    if (data[0] % 4 == 0) {
        try_file(data + 1, size - 1);
    } else {
        try_blocks(data + 1, size - 1);
    }
    return 0;
}
