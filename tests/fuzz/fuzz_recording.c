/*
 * Hostile recordings: a small sound one is made once, then changed as the input says: its file as
 * it lies on the disk, or (so that checksums fit) what is inside one of its blocks, or what the
 * header of one says. Then all that a reader does: open, verify, seek, step, trace.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/recorded_session.h"
#include "change.h"
#include "fuzz.h"
#include "record/blocks_internal.h"
#include "record/recorder.h"
#include "record/recording_internal.h"

enum { WARM_UP_TICKS = 60, TICKS = 12, BLOCKS_MAX = 200, FILE_MAX = 4 << 20, CONTROL_BYTES = 4 };

const size_t fuzz_bytes_max = CONTROL_BYTES + 4 * (size_t)CHANGES_MAX;

static uint8_t *file;
static size_t file_bytes;

/* The sound one in memory, what is read of it, and room for a changed block. */
static struct ms_blocks *blocks;
static struct ms_block_entry sound[BLOCKS_MAX];
static size_t moments[BLOCKS_MAX], moment_count; /* those with states and ticks */
static uint8_t *raw_of[BLOCKS_MAX];
static uint64_t offset_of[BLOCKS_MAX], end_offset; /* in the file */
static size_t sound_count;

static void need(bool good)
{
    if (!good) {
        abort();
    }
}

/* Blocks are read from memory: so nothing but the one that changes is compressed again. */
static void keep_blocks(const char *path)
{
    struct ms_blocks *of_file;
    char why[160];
    need(ms_blocks_open(path, &of_file, why, sizeof why) == 0);
    blocks = ms_blocks_new(1u << 30);
    need(blocks != NULL && ms_blocks_count(of_file) <= BLOCKS_MAX);
    for (size_t i = 0; i < ms_blocks_count(of_file); i++) {
        const uint8_t *raw;
        size_t bytes;
        need(ms_blocks_read(of_file, i, &raw, &bytes) == 0 &&
             ms_blocks_append(blocks, ms_blocks_info(of_file, i), raw, bytes) == 0);
        offset_of[i] = ms_blocks_info(of_file, i)->offset;
        end_offset =
            offset_of[i] + MS_BLOCK_HEADER_BYTES + ms_blocks_info(of_file, i)->stored_bytes;
        if (ms_blocks_info(of_file, i)->type == MS_BLOCK_STATE ||
            ms_blocks_info(of_file, i)->type == MS_BLOCK_TICKS) {
            moments[moment_count++] = i;
        }
        raw_of[i] = malloc(bytes + 1);
        memcpy(raw_of[i], raw, bytes);
    }
    ms_blocks_free(of_file);
    sound_count = blocks->count;
    memcpy(sound, blocks->entries, sound_count * sizeof sound[0]);
}

static void keep_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    file = malloc(FILE_MAX);
    file_bytes = fread(file, 1, FILE_MAX, in);
    fclose(in);
}

static void make_sound_one(void)
{
    char folder[] = "/tmp/memscope-fuzz-XXXXXX";
    char path[64];
    need(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/sound", folder);
    const struct ms_recorder_options options = {
        .program_version = "fuzz", .memory_bytes = 1u << 20, .output = true};
    struct record_session session = record_session_new(1);
    session.threads_most = 4;
    session.sites_most = 6;
    /* By then there are call sites, and what hangs on them. */
    for (int i = 0; i < WARM_UP_TICKS; i++) {
        record_session_tick(&session);
    }
    struct ms_misuse *misuse = ms_model_misuse_mutable(session.model, 1, MS_MISUSE_MISMATCH,
                                                       session.sites[0], session.sites[1]);
    misuse->count = 1;
    misuse->how = "new[] released by free";
    struct ms_recorder *recorder = ms_recorder_new(&options);
    (void)ms_recorder_keep(recorder, path, false, 0);
    for (int i = 0; i < TICKS; i++) {
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
    need(finding != NULL && finding[0] != '\0');
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
        (void)ms_replay_whole_before(replay, ms_replay_tick(replay));
    }
    if (tick % 4 == 0) {
        (void)ms_replay_begin(replay, about.first_tick + tick % 16);
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

static void try_file(const uint8_t *copy, size_t bytes, unsigned choice)
{
    char path[64];
    char why[160] = "";
    struct ms_recording *recording;
    const int fd = memfd_create("recording", 0);
    need(fd >= 0 && write(fd, copy, bytes) == (ssize_t)bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (ms_recording_open(path, &recording, why, sizeof why) == 0) {
        use(recording, choice);
        ms_recording_close(recording);
    }
    need(why[0] != '\0');
    close(fd);
}

static void try_damaged_file(const uint8_t *data, size_t size)
{
    size_t bytes = data[1] < 128 ? file_bytes : file_bytes * data[1] / 256;
    uint8_t *copy = malloc(bytes + CHANGES_ROOM);
    memcpy(copy, file, bytes);
    bytes = change(copy, bytes, data + CONTROL_BYTES, size - CONTROL_BYTES);
    try_file(copy, bytes, data[3]);
    free(copy);
}

static void change_header(struct ms_block_header *info, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 <= size && i < 8; i += 4) {
        uint64_t *const fields[] = {&info->number,   &info->first_tick, &info->last_tick,
                                    &info->first_ns, &info->last_ns,    &info->number};
        uint64_t *field = fields[data[i] % 6];
        const uint64_t by = (data[i + 1] & 1) != 0 ? data[i + 2] : UINT64_C(1) << data[i + 2] % 64;
        *field = (data[i + 1] & 2) != 0 ? *field + by : (data[i + 1] & 4) != 0 ? *field - by : by;
        if ((data[i + 1] & 0xf0) == 0xf0) {
            info->type = data[i + 3] % MS_BLOCK_END;
        }
    }
    if (info->first_tick > info->last_tick) {
        info->last_tick = info->first_tick;
    }
    if (info->first_ns > info->last_ns) {
        info->last_ns = info->first_ns;
    }
}

/* What a header says, as far as a reader takes it: a forger makes its checksum right, and takes the
 * index off that would contradict it. */
static void try_forged_file(const uint8_t *data, size_t size)
{
    struct ms_block_header header;
    const size_t bytes = end_offset;
    uint8_t *copy = malloc(bytes);
    memcpy(copy, file, bytes);
    for (int i = 0; i < 2 && size >= CONTROL_BYTES + 8; i++) {
        uint8_t *at = copy + offset_of[data[1 + i] % sound_count];
        need(ms_block_header_read(at, &header));
        change_header(&header, data + CONTROL_BYTES, size - CONTROL_BYTES);
        ms_block_header_write(at, &header);
        data += 4;
        size -= 4;
    }
    try_file(copy, bytes, data[3]);
    free(copy);
}

/* Changes a block in the list; what it stores is to be freed. */
static uint8_t *change_block(struct ms_block_entry *entry, const uint8_t *raw, const uint8_t *data,
                             size_t size)
{
    int error;
    size_t bytes = (size_t)entry->info.raw_bytes;
    uint8_t *copy = malloc(bytes + CHANGES_ROOM);
    memcpy(copy, raw, bytes);
    bytes = data[2] < 32 ? bytes * data[2] / 32 : bytes;
    bytes = change(copy, bytes, data + CONTROL_BYTES, size - CONTROL_BYTES);
    entry->stored = ms_block_compress(blocks, copy, bytes, entry, &error);
    need(entry->stored != NULL);
    free(copy);
    return entry->stored;
}

static void try_blocks(const uint8_t *data, size_t size)
{
    char why[160] = "";
    struct ms_recording *recording;
    uint8_t *stored = NULL;
    const size_t any = data[1] % sound_count;
    const size_t changed = data[1] < 128 ? moments[data[1] % moment_count] : any;
    struct ms_block_entry *entry = &blocks->entries[changed];
    if (data[0] % 16 == 2) { /* lost */
        memmove(entry, entry + 1, (sound_count - changed - 1) * sizeof *entry);
        blocks->count--;
    } else if (data[0] % 16 == 3) { /* another one in its place */
        *entry = sound[data[2] % sound_count];
        entry->info.number = sound[changed].info.number;
        entry->info.offset = sound[changed].info.offset;
    } else {
        stored = change_block(entry, raw_of[changed], data, size);
    }
    if (ms_recording_of_blocks(blocks, &recording, why, sizeof why) == 0) {
        use(recording, data[3]);
        ms_recording_forget(recording); /* the blocks are used again */
        free(recording);
    } else {
        need(why[0] != '\0');
    }
    free(stored);
    ms_blocks_cache_free(blocks);
    memcpy(blocks->entries, sound, sound_count * sizeof sound[0]);
    blocks->count = sound_count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (file == NULL) {
        make_sound_one();
    }
    if (size <= CONTROL_BYTES) {
        return 0;
    }
    if (data[0] % 16 == 0) {
        try_damaged_file(data, size);
    } else if (data[0] % 16 == 1) {
        try_forged_file(data, size);
    } else {
        try_blocks(data, size);
    }
    return 0;
}
