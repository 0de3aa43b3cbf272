/*
 * Recordings as rows of blocks: what was appended is read back, from memory and from files that are
 * whole, cut, damaged, foreign, growing, too large for their room or for the disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/block_file.h"
#include "record/blocks.h"
#include "record/blocks_internal.h"

static char folder[64];
static char path[128];
static char other_path[128];

static int make_folder(void **state)
{
    (void)state;
    /* A disk would be waited for at every fsync. */
    snprintf(folder, sizeof folder, "%s/memscope-blocks-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/session.memscope", folder);
    snprintf(other_path, sizeof other_path, "%s/other.memscope", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Bytes that do not compress, the same for the same number. */
static void fill(uint8_t *bytes, size_t count, uint64_t number)
{
    uint64_t draw = number * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < count; i++) {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        bytes[i] = (uint8_t)(draw >> 24);
    }
}

static int append(struct ms_blocks *blocks, enum ms_block_type type, uint64_t tick, size_t bytes)
{
    uint8_t *const raw = malloc(bytes + 1);
    assert_non_null(raw);
    fill(raw, bytes, tick);
    const struct ms_block_info info = {.type = type,
                                       .first_tick = tick,
                                       .last_tick = tick,
                                       .first_ns = tick * 1000,
                                       .last_ns = tick * 1000 + 999};
    const int error = ms_blocks_append(blocks, &info, raw, bytes);
    free(raw);
    return error;
}

static void assert_readable(struct ms_blocks *blocks, size_t index)
{
    const struct ms_block_info info = *ms_blocks_info(blocks, index);
    const uint8_t *raw;
    size_t bytes;
    assert_int_equal(ms_blocks_read(blocks, index, &raw, &bytes), 0);
    assert_int_equal(bytes, info.raw_bytes);
    uint8_t *const expected = malloc(bytes + 1);
    assert_non_null(expected);
    fill(expected, bytes, info.first_tick);
    assert_memory_equal(raw, expected, bytes);
    free(expected);
}

static void assert_all_readable(struct ms_blocks *blocks)
{
    for (size_t i = 0; i < ms_blocks_count(blocks); i++) {
        assert_readable(blocks, i);
    }
}

static size_t count_of(const struct ms_blocks *blocks, enum ms_block_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < ms_blocks_count(blocks); i++) {
        count += ms_blocks_info(blocks, i)->type == type;
    }
    return count;
}

static struct ms_blocks *open_file(const char *file)
{
    struct ms_blocks *blocks = NULL;
    char why[200];
    const int error = ms_blocks_open(file, &blocks, why, sizeof why);
    if (error != 0) {
        print_error("%s: %s\n", file, why);
    }
    assert_int_equal(error, 0);
    return blocks;
}

static uint64_t bytes_on_disk(const char *file)
{
    struct stat status;
    assert_int_equal(stat(file, &status), 0);
    return (uint64_t)status.st_size;
}

static uint8_t *load(const char *file, size_t *bytes)
{
    *bytes = bytes_on_disk(file);
    uint8_t *const content = malloc(*bytes + 1);
    FILE *const stream = fopen(file, "rb");
    assert_non_null(content);
    assert_non_null(stream);
    assert_int_equal(fread(content, 1, *bytes, stream), *bytes);
    fclose(stream);
    return content;
}

static void store(const char *file, const uint8_t *content, size_t bytes)
{
    FILE *const stream = fopen(file, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(content, 1, bytes, stream), bytes);
    fclose(stream);
}

/* ABOUT, NAMES, then segments of a state and `ticks` ticks of `bytes` each. */
static void record(struct ms_blocks *blocks, uint64_t first_tick, unsigned segments, unsigned ticks,
                   size_t bytes)
{
    uint64_t tick = first_tick;
    if (tick == 0) {
        assert_int_equal(append(blocks, MS_BLOCK_ABOUT, tick, 20), 0);
        assert_int_equal(append(blocks, MS_BLOCK_NAMES, tick, 50), 0);
    }
    for (unsigned i = 0; i < segments; i++) {
        assert_int_equal(append(blocks, MS_BLOCK_STATE, ++tick, bytes), 0);
        for (unsigned t = 0; t < ticks; t++) {
            assert_int_equal(append(blocks, MS_BLOCK_TICKS, ++tick, bytes), 0);
        }
    }
}

static void test_memory_gives_back_what_was_appended(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    record(blocks, 0, 3, 4, 1000);
    assert_int_equal(append(blocks, MS_BLOCK_MARKS, 16, 0), 0);
    assert_int_equal(ms_blocks_count(blocks), 2 + 3 * 5 + 1);
    assert_all_readable(blocks);
    assert_int_equal(ms_blocks_info(blocks, 3)->type, MS_BLOCK_TICKS);
    assert_int_equal(ms_blocks_info(blocks, 3)->offset, 3);
    assert_int_equal(ms_blocks_info(blocks, 3)->number, 3);
    const struct ms_blocks_state now = ms_blocks_state(blocks);
    assert_null(now.path);
    assert_int_equal(now.coarse_until_ns, 0);
    assert_true(now.memory_bytes > 15 * 1000 && now.memory_bytes < 20 * 1000);
    ms_blocks_free(blocks);
}

static void test_file_gives_back_what_was_before_and_after(void **state)
{
    (void)state;
    struct ms_blocks *const blocks =
        ms_blocks_new(0); /* nothing stays in memory when in the file */
    record(blocks, 0, 1, 4, 1000);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), -EALREADY);
    assert_string_equal(ms_blocks_state(blocks).path, path);
    record(blocks, 10, 3, 4, 1000);
    assert_all_readable(blocks);
    const size_t count = ms_blocks_count(blocks);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    assert_int_equal(ms_blocks_state(blocks).memory_bytes, 0);
    assert_all_readable(blocks);

    struct ms_blocks *const file = open_file(path);
    assert_int_equal(ms_blocks_count(file), count);
    assert_all_readable(file);
    for (size_t i = 0; i < count; i++) {
        const struct ms_block_info *const one = ms_blocks_info(blocks, i);
        const struct ms_block_info *const other = ms_blocks_info(file, i);
        assert_int_equal(one->type, other->type);
        assert_int_equal(one->last_ns, other->last_ns);
        assert_int_equal(one->number, other->number);
    }
    const struct ms_blocks_condition condition = ms_blocks_condition(file);
    assert_true(condition.closed);
    assert_string_equal(condition.words, "whole");
    assert_int_equal(condition.file_bytes, bytes_on_disk(path));
    assert_int_equal(append(file, MS_BLOCK_TICKS, 1, 1), -EINVAL);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    ms_blocks_free(file);
    ms_blocks_free(blocks);
    unlink(path);
}

/* Recording goes on into a second file: what only the first one holds is copied from there. */
static void test_a_second_file_holds_what_the_first_one_does(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(0);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    record(blocks, 0, 2, 2, 500);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    record(blocks, 100, 1, 2, 500);
    assert_int_equal(ms_blocks_keep(blocks, "/nonexistent/file", false, 0), -ENOENT);
    assert_all_readable(blocks);
    assert_int_equal(ms_blocks_keep(blocks, other_path, false, 0), 0);
    assert_all_readable(blocks);
    record(blocks, 200, 1, 2, 500);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    assert_all_readable(blocks);
    struct ms_blocks *const file = open_file(other_path);
    assert_string_equal(ms_blocks_condition(file).words, "whole");
    assert_int_equal(ms_blocks_count(file), 2 + 4 * 3);
    assert_all_readable(file);
    ms_blocks_free(file);
    ms_blocks_free(blocks);
    unlink(path);
    unlink(other_path);
}

static void test_paths_that_cannot_be_taken(void **state)
{
    (void)state;
    char fifo[128];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    store(other_path, (const uint8_t *)"old", 3);
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    record(blocks, 0, 1, 1, 100);
    assert_int_equal(ms_blocks_keep(blocks, other_path, false, 0), -EEXIST);
    assert_int_equal(ms_blocks_keep(blocks, folder, true, 0), -EISDIR);
    assert_int_equal(ms_blocks_keep(blocks, fifo, true, 0), -ENOTSUP);
    assert_int_equal(ms_blocks_keep(blocks, "/dev/full", true, 0), -ENOTSUP);
    assert_int_equal(ms_blocks_keep(blocks, "/nonexistent/a", true, 0), -ENOENT);
    assert_int_equal(ms_blocks_keep(blocks, "/proc/a", true, 0), -ENOENT);
    assert_int_equal(ms_blocks_keep(blocks, path, true, 100), -EFBIG);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(bytes_on_disk(other_path), 3);
    assert_int_equal(ms_blocks_keep(blocks, other_path, true, 0), 0);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    struct ms_blocks *const file = open_file(other_path);
    assert_all_readable(file);
    ms_blocks_free(file);
    ms_blocks_free(blocks);
    unlink(other_path);
    unlink(fifo);
}

static void assert_refused(const char *file, int error, const char *words)
{
    struct ms_blocks *blocks = NULL;
    char why[200] = "";
    assert_int_equal(ms_blocks_open(file, &blocks, why, sizeof why), error);
    assert_non_null(strstr(why, words));
}

static void test_files_that_are_no_recordings(void **state)
{
    (void)state;
    assert_refused("/nonexistent", -ENOENT, "No such file");
    assert_refused("/tmp", -EBADMSG, "directory");
    assert_refused("/dev/null", -EBADMSG, "not a regular file");
    store(path, (const uint8_t *)"", 0);
    assert_refused(path, -EBADMSG, "empty");
    store(path, (const uint8_t *)"\x89MSR\r\n", 6);
    assert_refused(path, -EBADMSG, "too short");
    uint8_t foreign[5000];
    fill(foreign, sizeof foreign, 1);
    store(path, foreign, sizeof foreign);
    assert_refused(path, -EBADMSG, "not a recording");
    /* A version that does not exist yet, in a header that is right. */
    uint8_t header[MS_FILE_HEADER_BYTES];
    ms_file_header_write(header, 7);
    header[8] = MS_RECORD_VERSION + 1;
    const uint32_t crc = ms_block_crc(header, 28);
    memcpy(header + 28, &crc, 4);
    store(path, header, sizeof header);
    assert_refused(path, -EPROTONOSUPPORT, "version 2");
    unlink(path);
}

/* A small closed file; returns its bytes. */
static uint8_t *small_file(size_t *bytes)
{
    struct ms_blocks *const blocks = ms_blocks_new(0);
    assert_int_equal(ms_blocks_keep(blocks, path, true, 0), 0);
    record(blocks, 0, 2, 2, 60);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    ms_blocks_free(blocks);
    return load(path, bytes);
}

/* Whoever looks for a number trusts that they rise: a forged one went round and round. */
static void test_numbers_that_do_not_rise(void **state)
{
    (void)state;
    static const uint64_t wrong[] = {0, 1, UINT64_MAX};
    size_t bytes;
    uint8_t *const content = small_file(&bytes);
    struct ms_blocks *const whole = open_file(path);
    const size_t count = ms_blocks_count(whole);
    assert_true(count > 3);
    const struct ms_block_info last = *ms_blocks_info(whole, count - 1);
    const uint64_t end = last.offset + MS_BLOCK_HEADER_BYTES + last.stored_bytes;
    const struct ms_block_info forged = *ms_blocks_info(whole, 2);
    struct ms_block_header header;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_true(ms_block_header_read(content + forged.offset, &header));
        header.number = wrong[i];
        ms_block_header_write(content + forged.offset, &header);
        store(path, content, end); /* without its index */
        struct ms_blocks *const file = open_file(path);
        assert_int_equal(ms_blocks_count(file), count - 1);
        assert_int_equal(ms_blocks_info(file, 2)->number, forged.number + 1);
        assert_int_equal(ms_blocks_condition(file).lost_bytes,
                         MS_BLOCK_HEADER_BYTES + forged.stored_bytes);
        ms_blocks_free(file);
    }
    ms_blocks_free(whole);
    free(content);
    unlink(path);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *const content = small_file(&bytes);
    struct ms_blocks *const whole = open_file(path);
    const size_t count = ms_blocks_count(whole);
    for (size_t cut = MS_FILE_HEADER_BYTES; cut < bytes; cut++) {
        size_t expected = 0;
        uint64_t end = MS_FILE_HEADER_BYTES;
        for (size_t i = 0; i < count; i++) {
            const uint64_t next =
                end + MS_BLOCK_HEADER_BYTES + ms_blocks_info(whole, i)->stored_bytes;
            if (next > cut) {
                break;
            }
            end = next;
            expected++;
        }
        store(other_path, content, cut);
        struct ms_blocks *const file = open_file(other_path);
        const struct ms_blocks_condition condition = ms_blocks_condition(file);
        assert_int_equal(ms_blocks_count(file), expected);
        assert_all_readable(file);
        assert_false(condition.closed);
        assert_non_null(strstr(condition.words, "not closed"));
        if (expected < count) {
            assert_int_equal(condition.lost_bytes, cut - end);
            assert_true(condition.lost_bytes == 0 || condition.lost_at == end);
        }
        ms_blocks_free(file);
    }
    ms_blocks_free(whole);
    free(content);
    unlink(path);
    unlink(other_path);
}

static void test_each_byte_flipped_costs_its_block(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *const content = small_file(&bytes);
    struct ms_blocks *const whole = open_file(path);
    const size_t count = ms_blocks_count(whole);
    const struct ms_block_info *const last = ms_blocks_info(whole, count - 1);
    const uint64_t blocks_end = last->offset + MS_BLOCK_HEADER_BYTES + last->stored_bytes;
    for (size_t place = 0; place < bytes; place++) {
        for (unsigned cut = 0; cut < 2; cut++) { /* with the index, and without */
            content[place] ^= 0x41;
            store(other_path, content, cut != 0 ? bytes - 1 : bytes);
            content[place] ^= 0x41;
            struct ms_blocks *const file = open_file(other_path);
            const struct ms_blocks_condition condition = ms_blocks_condition(file);
            size_t readable = 0;
            for (size_t i = 0; i < ms_blocks_count(file); i++) {
                const uint8_t *raw;
                size_t raw_bytes;
                const int error = ms_blocks_read(file, i, &raw, &raw_bytes);
                assert_true(error == 0 || error == -EBADMSG);
                assert_int_equal(ms_blocks_info(file, i)->damaged, error != 0);
                if (error == 0) {
                    assert_readable(file, i);
                    readable++;
                }
            }
            const bool in_block = place >= MS_FILE_HEADER_BYTES && place < blocks_end;
            assert_int_equal(readable, in_block ? count - 1 : count);
            if (place < MS_FILE_HEADER_BYTES) {
                assert_non_null(strstr(condition.words, "header damaged"));
            } else if (place >= blocks_end) {
                assert_string_not_equal(condition.words, "whole");
            }
            ms_blocks_free(file);
        }
    }
    ms_blocks_free(whole);
    free(content);
    unlink(path);
    unlink(other_path);
}

/* Bytes missing in the middle: the blocks behind them are found, none of before is lost. */
static void test_bytes_missing_in_between(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *const content = small_file(&bytes);
    struct ms_blocks *const whole = open_file(path);
    const size_t count = ms_blocks_count(whole);
    const uint64_t at = ms_blocks_info(whole, 3)->offset;
    const uint64_t payload = ms_blocks_info(whole, 3)->stored_bytes;
    const uint64_t from = at + MS_BLOCK_HEADER_BYTES;
    for (size_t missing = 1; missing < payload + MS_BLOCK_HEADER_BYTES; missing++) {
        FILE *const stream = fopen(other_path, "wb");
        assert_non_null(stream);
        fwrite(content, 1, from, stream);
        fwrite(content + from + missing, 1, bytes - from - missing, stream);
        fclose(stream);
        struct ms_blocks *const file = open_file(other_path);
        size_t readable = 0;
        for (size_t i = 0; i < ms_blocks_count(file); i++) {
            const uint8_t *raw;
            size_t raw_bytes;
            readable += ms_blocks_read(file, i, &raw, &raw_bytes) == 0;
        }
        assert_int_equal(readable, count - (missing <= payload ? 1 : 2));
        /* While the next header is whole, its place says that this block is not. */
        assert_int_equal(ms_blocks_condition(file).lost_at,
                         missing <= payload ? at : from + payload);
        ms_blocks_free(file);
    }
    ms_blocks_free(whole);
    free(content);
    unlink(path);
    unlink(other_path);
}

/* What a program wrote out may be a recording: its blocks are none of ours. */
static void test_blocks_of_another_recording_are_none(void **state)
{
    (void)state;
    size_t bytes;
    size_t other_bytes;
    uint8_t *const other = small_file(&other_bytes);
    uint8_t *const content = small_file(&bytes);
    FILE *const stream = fopen(other_path, "wb");
    assert_non_null(stream);
    const size_t half = bytes / 2;
    fwrite(content, 1, half, stream);
    fwrite(other + MS_FILE_HEADER_BYTES, 1, other_bytes - MS_FILE_HEADER_BYTES, stream);
    fclose(stream);
    struct ms_blocks *const file = open_file(other_path);
    const struct ms_blocks_condition condition = ms_blocks_condition(file);
    assert_true(condition.lost_bytes >= other_bytes - MS_FILE_HEADER_BYTES);
    assert_true(ms_blocks_count(file) < 8);
    ms_blocks_free(file);
    free(other);
    free(content);
    unlink(path);
    unlink(other_path);
}

/* States that take nearly all of the room go before all that is fine went: then with their ticks.
 */
static void test_no_ticks_without_their_state(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(100 * 1000);
    for (uint64_t tick = 0; tick < 150; tick += 3) {
        assert_int_equal(append(blocks, MS_BLOCK_STATE, tick, 5000), 0);
        assert_int_equal(append(blocks, MS_BLOCK_TICKS, tick + 1, 100), 0);
        assert_int_equal(append(blocks, MS_BLOCK_TICKS, tick + 2, 100), 0);
    }
    assert_true(ms_blocks_state(blocks).memory_bytes <= 100 * 1000);
    for (size_t i = 0; i < ms_blocks_count(blocks); i++) {
        const struct ms_block_info *const info = ms_blocks_info(blocks, i);
        if (info->type == MS_BLOCK_TICKS) {
            assert_true(i > 0 && ms_blocks_info(blocks, i - 1)->number + 1 == info->number);
        }
    }
    assert_true(count_of(blocks, MS_BLOCK_STATE) > 8);
    assert_true(count_of(blocks, MS_BLOCK_TICKS) > 2);
    ms_blocks_free(blocks);
}

static void test_memory_becomes_coarser(void **state)
{
    (void)state;
    const uint64_t room = 200 * 1000;
    struct ms_blocks *const blocks = ms_blocks_new(room);
    record(blocks, 0, 1, 3, 1000);
    assert_int_equal(append(blocks, MS_BLOCK_COARSE, 4, 500), 0);
    assert_int_equal(append(blocks, MS_BLOCK_MARKS, 4, 100), 0);
    record(blocks, 4, 99, 3, 1000);
    const struct ms_blocks_state now = ms_blocks_state(blocks);
    assert_true(now.memory_bytes <= room);
    assert_true(now.memory_bytes > room / 2);
    assert_true(now.coarse_until_ns > 0 && now.coarse_until_ns < 400 * 1000);
    assert_true(now.removed > 0);
    for (size_t type = 0; type < 2; type++) {
        const enum ms_block_type stays[] = {MS_BLOCK_ABOUT, MS_BLOCK_NAMES};
        assert_int_equal(count_of(blocks, stays[type]), 1);
    }
    assert_int_equal(count_of(blocks, MS_BLOCK_COARSE), 1);
    assert_int_equal(count_of(blocks, MS_BLOCK_MARKS), 1);
    assert_int_equal(ms_blocks_info(blocks, ms_blocks_count(blocks) - 1)->first_tick, 400);
    /* Old moments are states alone; the newest are fine; nothing follows a state that is gone. */
    uint64_t follows = UINT64_MAX;
    size_t states = 0;
    for (size_t i = 0; i < ms_blocks_count(blocks); i++) {
        const struct ms_block_info *const info = ms_blocks_info(blocks, i);
        if (info->type == MS_BLOCK_STATE || info->type == MS_BLOCK_TICKS) {
            assert_true(info->type == MS_BLOCK_STATE || info->number == follows);
            assert_true(info->type == MS_BLOCK_STATE || info->last_ns > now.coarse_until_ns);
            follows = info->number + 1;
            states += info->type == MS_BLOCK_STATE;
        }
    }
    assert_true(states > 40 && states < 100);
    assert_true(count_of(blocks, MS_BLOCK_TICKS) > 30);
    assert_all_readable(blocks);
    ms_blocks_free(blocks);
}

/* A file is not written anew again before that is done: here nothing is to be dropped for it. */
static void wait_for_disk(struct ms_blocks *blocks)
{
    const uint64_t job = blocks->count > 0 ? blocks->entries[blocks->count - 1].job : 1;
    for (unsigned i = 0; i < 20000; i++) {
        const struct ms_block_written written = ms_block_writer_state(blocks->writer);
        if (written.jobs >= job || written.error != 0) {
            break;
        }
        usleep(1000);
    }
    ms_blocks_poll(blocks);
}

static void test_file_stays_below_its_size(void **state)
{
    (void)state;
    const uint64_t room = 300 * 1000;
    struct ms_blocks *const blocks = ms_blocks_new(50 * 1000);
    assert_int_equal(ms_blocks_keep(blocks, path, false, room), 0);
    ino_t first = 0;
    for (unsigned segment = 0; segment < 200; segment++) {
        record(blocks, segment * 5, 1, 4, 1000);
        wait_for_disk(blocks);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        first = segment == 0 ? status.st_ino : first;
        assert_true((uint64_t)status.st_size <= room);
        if (segment % 10 == 0) {
            struct ms_blocks *const file = open_file(path); /* whole at every moment */
            assert_int_equal(ms_blocks_condition(file).lost_bytes, 0);
            assert_all_readable(file);
            ms_blocks_free(file);
            assert_all_readable(blocks);
        }
    }
    assert_int_equal(ms_blocks_state(blocks).error, 0);
    assert_true(ms_blocks_state(blocks).coarse_until_ns > 0);
    const size_t count = ms_blocks_count(blocks);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    struct ms_blocks *const file = open_file(path);
    assert_string_equal(ms_blocks_condition(file).words, "whole");
    assert_int_equal(ms_blocks_count(file), count);
    assert_int_equal(ms_blocks_info(file, count - 1)->first_tick, 1000);
    assert_true(count_of(file, MS_BLOCK_TICKS) > 0);
    assert_true(ms_blocks_state(file).coarse_until_ns > 0);
    assert_true(ms_blocks_state(file).coarse_until_ns < 1000 * 1000);
    assert_all_readable(file);
    ms_blocks_free(file);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_not_equal(status.st_ino, first);
    ms_blocks_free(blocks);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary is left */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void test_size_that_cannot_be_kept(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 20 * 1000), 0);
    wait_for_disk(blocks);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(append(blocks, MS_BLOCK_NAMES, i, 1000), 0);
    }
    assert_int_equal(ms_blocks_state(blocks).error, -EFBIG);
    assert_int_equal(ms_blocks_count(blocks), 40);
    assert_all_readable(blocks);
    assert_int_equal(ms_blocks_finish(blocks), -EFBIG);
    struct ms_blocks *const file = open_file(path);
    assert_true(ms_blocks_condition(file).closed);
    assert_true(ms_blocks_count(file) > 15);
    assert_true(bytes_on_disk(path) < 20 * 1000 + 4000);
    assert_all_readable(file);
    ms_blocks_free(file);
    ms_blocks_free(blocks);
    unlink(path);
}

/* Days in short: names are few, everything else would fill the room many times over. */
static void test_nothing_but_names_ends_a_long_recording(void **state)
{
    (void)state;
    const uint64_t room = 300 * 1000;
    struct ms_blocks *const blocks = ms_blocks_new(50 * 1000);
    assert_int_equal(ms_blocks_keep(blocks, path, false, room), 0);
    for (unsigned i = 0; i < 600; i++) {
        const uint64_t tick = i * 10;
        assert_int_equal(append(blocks, MS_BLOCK_ABOUT, tick, 3000), 0);
        assert_int_equal(append(blocks, MS_BLOCK_NAMES, tick + 1, 10), 0);
        assert_int_equal(append(blocks, MS_BLOCK_COARSE, tick + 2, 2000), 0);
        assert_int_equal(append(blocks, MS_BLOCK_MARKS, tick + 3, 500), 0);
        record(blocks, tick + 4, 1, 4, 1000);
        wait_for_disk(blocks);
        assert_true(bytes_on_disk(path) <= room);
    }
    assert_int_equal(ms_blocks_state(blocks).error, 0);
    assert_int_equal(ms_blocks_state(blocks).dropped_blocks, 0);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    ms_blocks_free(blocks);
    struct ms_blocks *const file = open_file(path);
    assert_string_equal(ms_blocks_condition(file).words, "whole");
    assert_int_equal(ms_blocks_info(file, 0)->type, MS_BLOCK_ABOUT);
    assert_int_equal(ms_blocks_info(file, 0)->first_tick, 0);
    assert_int_equal(count_of(file, MS_BLOCK_NAMES), 600);
    /* Each of the others has kept some of its past, and none has the room of all. */
    const enum ms_block_type kept[] = {MS_BLOCK_STATE, MS_BLOCK_TICKS, MS_BLOCK_COARSE,
                                       MS_BLOCK_MARKS};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        assert_in_range(count_of(file, kept[i]), 4, 150);
    }
    ms_blocks_free(file);
    unlink(path);
}

/* The segment that goes on takes all the room: the next state takes its place. */
static void test_a_segment_as_large_as_the_room(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    unsigned refused = 0;
    assert_int_equal(ms_blocks_keep(blocks, path, false, 20 * 1000), 0);
    assert_int_equal(append(blocks, MS_BLOCK_STATE, 0, 12000), 0);
    for (unsigned tick = 1; tick < 100; tick++) {
        wait_for_disk(blocks);
        const int error = append(blocks, MS_BLOCK_TICKS, tick, 1000);
        if (error != 0) {
            assert_int_equal(error, -EAGAIN);
            assert_true(ms_blocks_state(blocks).coarse_until_ns >= tick * 1000);
            wait_for_disk(blocks);
            assert_int_equal(append(blocks, MS_BLOCK_STATE, tick, 12000), 0);
            refused++;
        }
    }
    assert_in_range(refused, 5, 20);
    assert_int_equal(ms_blocks_state(blocks).error, 0);
    assert_int_equal(ms_blocks_state(blocks).dropped_blocks, 0); /* no disk was too slow */
    struct ms_blocks *const file = open_file(path);
    assert_true(ms_blocks_state(file).coarse_until_ns > 50 * 1000);
    ms_blocks_free(file);
    /* A state alone is more than the room: that is the end of it. */
    wait_for_disk(blocks);
    assert_int_equal(append(blocks, MS_BLOCK_STATE, 100, 21 * 1000), 0);
    assert_int_equal(ms_blocks_state(blocks).error, -EFBIG);
    ms_blocks_free(blocks);
    unlink(path);
}

/* A limit of this process stands for the disk: its signal would end us if a thread took it. */
static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_disk_that_is_full(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    record(blocks, 0, 1, 4, 1000);
    wait_for_disk(blocks);
    set_file_limit(7500);
    record(blocks, 5, 5, 4, 1000);
    for (unsigned i = 0; i < 20000 && ms_blocks_state(blocks).error == 0; i++) {
        usleep(1000);
    }
    set_file_limit(RLIM_INFINITY);
    assert_int_equal(ms_blocks_state(blocks).error, -EFBIG);
    record(blocks, 30, 1, 4, 1000); /* in memory it goes on */
    assert_int_equal(ms_blocks_count(blocks), 2 + 7 * 5);
    assert_all_readable(blocks);
    assert_int_equal(ms_blocks_finish(blocks), -EFBIG);
    assert_all_readable(blocks);
    struct ms_blocks *const file = open_file(path);
    assert_int_equal(ms_blocks_count(file), 8); /* what was whole */
    assert_int_equal(ms_blocks_condition(file).lost_bytes, 0);
    assert_all_readable(file);
    ms_blocks_free(file);
    /* There may be another try, elsewhere. */
    assert_int_equal(ms_blocks_keep(blocks, other_path, false, 0), 0);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    struct ms_blocks *const all = open_file(other_path);
    assert_int_equal(ms_blocks_count(all), 2 + 7 * 5);
    assert_all_readable(all);
    ms_blocks_free(all);
    ms_blocks_free(blocks);
    unlink(path);
    unlink(other_path);
}

static void test_full_disk_does_not_cost_the_old_file(void **state)
{
    (void)state;
    size_t bytes;
    free(small_file(&bytes));
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    record(blocks, 0, 4, 4, 1000);
    set_file_limit(10000);
    assert_int_equal(ms_blocks_keep(blocks, path, true, 0), 0);
    for (unsigned i = 0; i < 20000 && ms_blocks_state(blocks).error == 0; i++) {
        usleep(1000);
    }
    assert_int_equal(ms_blocks_finish(blocks), -EFBIG);
    assert_all_readable(blocks);
    set_file_limit(10); /* not even the first bytes: told at once */
    assert_int_equal(ms_blocks_keep(blocks, other_path, true, 0), -EFBIG);
    assert_int_equal(access(other_path, F_OK), -1);
    set_file_limit(RLIM_INFINITY);
    ms_blocks_free(blocks);
    struct ms_blocks *const file = open_file(path);
    assert_int_equal(ms_blocks_count(file), 8);
    assert_string_equal(ms_blocks_condition(file).words, "whole");
    ms_blocks_free(file);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary is left */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void test_slow_disk_costs_blocks_and_no_time(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(0);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    record(blocks, 0, 1, 2, 1000);
    wait_for_disk(blocks);
    ms_block_writer_pause(blocks->writer, true);
    blocks->waiting_bytes_max = 3 * 1100;
    record(blocks, 10, 1, 2, 1000);
    assert_int_equal(append(blocks, MS_BLOCK_TICKS, 13, 1000), -EAGAIN);
    assert_int_equal(append(blocks, MS_BLOCK_TICKS, 14, 1000), -EAGAIN);
    assert_int_equal(ms_blocks_state(blocks).dropped_blocks, 2);
    assert_int_equal(ms_blocks_state(blocks).error, 0);
    ms_block_writer_pause(blocks->writer, false);
    wait_for_disk(blocks);
    record(blocks, 20, 1, 2, 1000);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    struct ms_blocks *const file = open_file(path);
    const size_t count = ms_blocks_count(file);
    assert_int_equal(count, 2 + 3 + 3 + 3);
    /* The gap can be seen. */
    assert_int_equal(ms_blocks_info(file, count - 3)->number,
                     ms_blocks_info(file, count - 4)->number + 3);
    assert_all_readable(file);
    ms_blocks_free(file);
    ms_blocks_free(blocks);
    unlink(path);
}

/* However long its disk takes: what comes meanwhile is kept in memory, and in the next file. */
static void test_nobody_waits_for_the_end_of_a_file(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    record(blocks, 0, 1, 2, 1000);
    wait_for_disk(blocks);
    ms_block_writer_pause(blocks->writer, true);
    record(blocks, 10, 1, 2, 1000);
    ms_blocks_finish_begin(blocks);
    assert_false(ms_blocks_finish_wait(blocks, 0));
    assert_false(ms_blocks_finish_wait(blocks, 10 * 1000 * 1000));
    struct ms_blocks_state now = ms_blocks_state(blocks);
    assert_true(now.finishing && !now.finished && now.waiting_bytes > 3 * 1000);
    assert_string_equal(now.path, path);
    assert_int_equal(ms_blocks_keep(blocks, other_path, false, 0), -EBUSY);
    record(blocks, 20, 1, 2, 1000);
    assert_int_equal(ms_blocks_state(blocks).waiting_bytes, now.waiting_bytes);
    assert_all_readable(blocks);
    ms_block_writer_pause(blocks->writer, false);
    while (!ms_blocks_finish_wait(blocks, 1000 * 1000)) {
    }
    now = ms_blocks_state(blocks);
    assert_true(now.finished && now.waiting_bytes == 0 && now.error == 0);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    assert_false(ms_blocks_state(blocks).finishing);
    assert_null(ms_blocks_state(blocks).path);
    struct ms_blocks *const file = open_file(path);
    assert_string_equal(ms_blocks_condition(file).words, "whole");
    assert_int_equal(ms_blocks_count(file), 2 + 3 + 3);
    assert_all_readable(file);
    ms_blocks_free(file);
    assert_all_readable(blocks);
    assert_int_equal(ms_blocks_keep(blocks, other_path, false, 0), 0);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    struct ms_blocks *const next = open_file(other_path);
    assert_int_equal(ms_blocks_count(next), 2 + 3 + 3 + 3);
    assert_all_readable(next);
    ms_blocks_free(next);
    ms_blocks_free(blocks);
    unlink(path);
    unlink(other_path);
}

/* A disk that never answers is no reason for more and more memory. */
static void test_memory_is_bounded_while_a_file_ends(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(50 * 1000);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    record(blocks, 0, 1, 2, 1000);
    ms_block_writer_pause(blocks->writer, true);
    blocks->waiting_bytes_max = 20 * 1000;
    ms_blocks_finish_begin(blocks);
    for (unsigned i = 0; i < 60; i++) {
        record(blocks, 10 + 5 * i, 1, 4, 1000);
    }
    assert_true(ms_blocks_state(blocks).memory_bytes <= 80 * 1000);
    assert_all_readable(blocks);
    ms_block_writer_pause(blocks->writer, false);
    assert_int_equal(ms_blocks_finish(blocks), 0);
    ms_blocks_free(blocks);
    struct ms_blocks *const file = open_file(path);
    assert_string_equal(ms_blocks_condition(file).words, "whole");
    assert_all_readable(file);
    ms_blocks_free(file);
    unlink(path);
}

static void in_folder(unsigned *files, unsigned *others)
{
    DIR *const all = opendir(folder);
    *files = *others = 0;
    for (const struct dirent *entry; (entry = readdir(all)) != NULL;) {
        *files += entry->d_name[0] != '.';
        *others += strstr(entry->d_name, ".new-") != NULL;
    }
    closedir(all);
}

/* We are killed while a file is written anew: what has its name is the old one, whole. */
static void test_nothing_is_left_of_a_file_that_was_not_to_be(void **state)
{
    (void)state;
    size_t bytes;
    unsigned files;
    unsigned others;
    free(small_file(&bytes));
    const int nameless = open(folder, O_TMPFILE | O_RDWR, 0600);
    const pid_t child = fork();
    if (child == 0) {
        struct ms_block_file next;
        const int error = ms_block_file_make(path, true, &next);
        _exit(error != 0 || next.in_place || ms_block_file_write(&next, 0, (uint8_t *)"x", 1) != 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    in_folder(&files, &others);
    assert_int_equal(others, nameless >= 0 ? 0 : 1);
    assert_int_equal(files, 1 + others);
    struct ms_blocks *const file = open_file(path);
    assert_string_equal(ms_blocks_condition(file).words, "whole");
    ms_blocks_free(file);
    /* And when it was to be, it has its name and no other. */
    struct ms_block_file next;
    assert_int_equal(ms_block_file_make(path, true, &next), 0);
    assert_int_equal(ms_block_file_write(&next, 0, (const uint8_t *)"x", 1), 0);
    assert_true(bytes_on_disk(path) > 1);
    assert_int_equal(ms_block_file_take_place(&next, NULL), 0);
    ms_block_file_give_up(&next);
    assert_int_equal(bytes_on_disk(path), 1);
    in_folder(&files, &others);
    assert_int_equal(files, nameless >= 0 ? 1 : 2);
    if (nameless >= 0) {
        close(nameless);
    }
    unlink(path);
}

/* As after a kill: what was written is there, what waited is not. */
static void test_freed_without_finish(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(0);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    record(blocks, 0, 1, 2, 1000);
    wait_for_disk(blocks);
    ms_block_writer_pause(blocks->writer, true);
    record(blocks, 10, 1, 2, 1000);
    ms_blocks_free(blocks);
    struct ms_blocks *const file = open_file(path);
    assert_int_equal(ms_blocks_count(file), 5);
    assert_string_equal(ms_blocks_condition(file).words,
                        "not closed (still written, or its writer was killed)");
    ms_blocks_free(file);
    unlink(path);
}

static void test_growing_file_can_be_read(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(0);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 0), 0);
    size_t before = 0;
    for (unsigned i = 0; i < 100; i++) {
        record(blocks, i * 3, 1, 2, 20000);
        struct ms_blocks *const file = open_file(path);
        assert_true(ms_blocks_count(file) >= before);
        before = ms_blocks_count(file);
        assert_all_readable(file);
        assert_false(ms_blocks_condition(file).closed);
        ms_blocks_free(file);
    }
    assert_int_equal(ms_blocks_finish(blocks), 0);
    assert_true(before > 10);
    ms_blocks_free(blocks);
    unlink(path);
}

/* Somebody has put another file where ours was: it is not replaced. */
static void test_a_stranger_in_our_place_stays(void **state)
{
    (void)state;
    struct ms_blocks *const blocks = ms_blocks_new(1 << 20);
    assert_int_equal(ms_blocks_keep(blocks, path, false, 100 * 1000), 0);
    record(blocks, 0, 5, 4, 1000);
    wait_for_disk(blocks);
    assert_int_equal(rename(path, other_path), 0);
    store(path, (const uint8_t *)"mine", 4);
    for (unsigned i = 0; i < 30; i++) {
        record(blocks, 25 + 5 * i, 1, 4, 1000);
        wait_for_disk(blocks);
    }
    assert_int_equal(ms_blocks_finish(blocks), -ESTALE);
    assert_int_equal(bytes_on_disk(path), 4);
    struct ms_blocks *const file = open_file(other_path);
    assert_true(ms_blocks_count(file) > 25);
    ms_blocks_free(file);
    assert_all_readable(blocks);
    ms_blocks_free(blocks);
    unlink(path);
    unlink(other_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_gives_back_what_was_appended),
        cmocka_unit_test(test_file_gives_back_what_was_before_and_after),
        cmocka_unit_test(test_a_second_file_holds_what_the_first_one_does),
        cmocka_unit_test(test_paths_that_cannot_be_taken),
        cmocka_unit_test(test_files_that_are_no_recordings),
        cmocka_unit_test(test_numbers_that_do_not_rise),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_each_byte_flipped_costs_its_block),
        cmocka_unit_test(test_bytes_missing_in_between),
        cmocka_unit_test(test_blocks_of_another_recording_are_none),
        cmocka_unit_test(test_no_ticks_without_their_state),
        cmocka_unit_test(test_memory_becomes_coarser),
        cmocka_unit_test(test_file_stays_below_its_size),
        cmocka_unit_test(test_size_that_cannot_be_kept),
        cmocka_unit_test(test_nothing_but_names_ends_a_long_recording),
        cmocka_unit_test(test_a_segment_as_large_as_the_room),
        cmocka_unit_test(test_disk_that_is_full),
        cmocka_unit_test(test_full_disk_does_not_cost_the_old_file),
        cmocka_unit_test(test_slow_disk_costs_blocks_and_no_time),
        cmocka_unit_test(test_nobody_waits_for_the_end_of_a_file),
        cmocka_unit_test(test_memory_is_bounded_while_a_file_ends),
        cmocka_unit_test(test_nothing_is_left_of_a_file_that_was_not_to_be),
        cmocka_unit_test(test_freed_without_finish),
        cmocka_unit_test(test_growing_file_can_be_read),
        cmocka_unit_test(test_a_stranger_in_our_place_stays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
