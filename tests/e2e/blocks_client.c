/*
 * Writes and lists the container of recordings, for test_format.py.
 *   blocks_client write PATH BLOCKS BYTES   made-up blocks of up to BYTES; prints MB/s
 *   blocks_client list PATH                 a line for each block, the condition; how long open
 * took
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/block_header.h"
#include "record/blocks.h"

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Half of them the same for a while: compresses to a bit more than half. */
static void fill(uint8_t *raw, size_t bytes, uint64_t *draw)
{
    for (size_t i = 0; i < bytes; i++) {
        if (i % 64 == 0 || i % 64 > 32) {
            *draw = *draw * UINT64_C(6364136223846793005) + 1442695040888963407u;
        }
        raw[i] = (uint8_t)(*draw >> 33);
    }
}

static int write_file(const char *path, unsigned count, size_t most)
{
    struct ms_blocks *const blocks = ms_blocks_new(0);
    uint8_t *const raw = malloc(most + 1);
    uint64_t draw = 1;
    uint64_t bytes = 0;
    double in_append = 0;
    int error = blocks != NULL && raw != NULL ? ms_blocks_keep(blocks, path, true, 0) : -1;
    for (unsigned i = 0; i < count && error == 0; i++) {
        const size_t size = most - most / 4 * (i % 4);
        const struct ms_block_info info = {.type = i % MS_BLOCK_END,
                                           .first_tick = i,
                                           .last_tick = i + 9,
                                           .first_ns = i * 1000u,
                                           .last_ns = i * 1000u + 999};
        fill(raw, size, &draw);
        const double start = seconds_now();
        /* Here what is dropped is wanted all the same. */
        while ((error = ms_blocks_append(blocks, &info, raw, size)) == -EAGAIN) {
            usleep(10000);
        }
        in_append += seconds_now() - start;
        bytes += size;
    }
    error = error == 0 ? ms_blocks_finish(blocks) : error;
    fprintf(stderr, "%.0f MB raw, %.0f MB/s in append\n", (double)bytes / 1e6,
            (double)bytes / 1e6 / in_append);
    ms_blocks_free(blocks);
    free(raw);
    return error != 0;
}

static int list_file(const char *path, bool contents)
{
    struct ms_blocks *blocks;
    char why[200];
    const double start = seconds_now();
    const int error = ms_blocks_open(path, &blocks, why, sizeof why);
    fprintf(stderr, "opened in %.1f ms\n", (seconds_now() - start) * 1e3);
    if (error != 0) {
        printf("%s\n", why);
        return 1;
    }
    for (size_t i = 0; contents && i < ms_blocks_count(blocks); i++) {
        const uint8_t *raw;
        size_t bytes;
        const int failure = ms_blocks_read(blocks, i, &raw, &bytes);
        const struct ms_block_info *const info = ms_blocks_info(blocks, i);
        printf("%s %" PRIu64 " ticks %" PRIu64 "-%" PRIu64 " ns %" PRIu64 "-%" PRIu64 " at %" PRIu64
               " bytes %" PRIu64 "/%" PRIu64 " ",
               ms_block_type_name(info->type), info->number, info->first_tick, info->last_tick,
               info->first_ns, info->last_ns, info->offset, info->stored_bytes, info->raw_bytes);
        if (failure == 0) {
            printf("%08" PRIx32 "\n", ms_block_crc(raw, bytes));
        } else {
            printf("damaged\n");
        }
    }
    const struct ms_blocks_condition condition = ms_blocks_condition(blocks);
    printf("%s, %" PRIu64 " bytes lost\n", condition.closed ? "closed" : "not closed",
           condition.lost_bytes);
    fprintf(stderr, "%zu blocks, %s\n", ms_blocks_count(blocks), condition.words);
    ms_blocks_free(blocks);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "write") == 0) {
        return write_file(argv[2], (unsigned)strtoul(argv[3], NULL, 10),
                          strtoul(argv[4], NULL, 10));
    }
    if (argc == 3 && (strcmp(argv[1], "list") == 0 || strcmp(argv[1], "open") == 0)) {
        return list_file(argv[2], strcmp(argv[1], "list") == 0);
    }
    return 2;
}
