/*
 * Hostile cache files. Half of the inputs (by the first byte) get the right head and checksums, so
 * that what is behind them is reached too: those must be taken or refused, and every name that is
 * found must be readable to its end.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collect/symbol_cache.h"
#include "fuzz.h"

enum { HEAD = 48, BLOCK = 24 };

/* As symbol_cache.c computes it. */
static uint64_t checksum_of(uint64_t sum, const void *bytes, size_t count)
{
    const char *at = bytes;
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        sum = (sum ^ word) * UINT64_C(0x9fb21c651e98df25);
        sum ^= sum >> 29;
    }
    for (; count > 0; at++, count--) {
        sum = (sum ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    }
    return sum ^ sum >> 32;
}

/* One block over all of the file: lengths that fit, numbers as they came. */
static void mend(uint8_t *file, size_t size)
{
    const uint64_t magic = UINT64_C(0x31434d59534f534d);
    const uint32_t numbers[] = {1, 20};
    memcpy(file, &magic, 8);
    memcpy(file + 8, numbers, 8);
    memset(file + 16, 7, 20);
    memset(file + 36, 0, 4);
    uint64_t sum = checksum_of(1, file, 40);
    memcpy(file + 40, &sum, 8);
    if (size < HEAD + BLOCK + 8) {
        return;
    }
    size_t room = (size - HEAD - BLOCK) / 8 * 8;
    uint32_t block[4];
    memcpy(block, file + HEAD, sizeof block);
    block[0] = UINT32_C(0x4b4c4253);
    block[1] = (uint32_t)(block[1] % (room / 8) * 8 + 8);
    block[2] = (uint32_t)room - block[1];
    block[3] %= 64;
    file[HEAD + BLOCK + block[1] - 1] = 0;
    memcpy(file + HEAD, block, sizeof block);
    sum = checksum_of(block[3], file + HEAD + BLOCK, room);
    memcpy(file + HEAD + 16, &sum, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t build_id[20];
    memset(build_id, 7, sizeof build_id);
    if (size < 2) {
        return 0;
    }
    struct ms_symbol_cache *cache = ms_symbol_cache_new(build_id, sizeof build_id);
    uint8_t *file = malloc(size - 1);
    if (cache == NULL || file == NULL) {
        abort();
    }
    memcpy(file, data + 1, size - 1);
    if ((data[0] & 1) != 0 && size - 1 >= HEAD) {
        mend(file, size - 1);
    }
    bool taken = ms_symbol_cache_take(cache, file, size - 1);
    if (!taken && ms_symbol_cache_count(cache) != 0) {
        abort();
    }
    struct ms_cached_frame frames[MS_SYMBOL_CACHE_FRAMES_MAX];
    size_t bytes = 0;
    for (size_t at = HEAD + BLOCK; at + 8 < size; at += 8) {
        uint64_t address;
        memcpy(&address, file + at, 8);
        size_t count = ms_symbol_cache_find(cache, address, frames);
        for (size_t i = 0; i < count; i++) {
            bytes += strlen(frames[i].function) + strlen(frames[i].file) + strlen(frames[i].crate);
        }
    }
    ms_symbol_cache_close(cache);
    free(file);
    return bytes == SIZE_MAX;
}
