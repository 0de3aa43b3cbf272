/*
 * What an input says to change in sound bytes. Each four bytes of it are a place, how (the low bits
 * of the third; the others are the place's high bits) and a value: numbers of variable length are
 * hit where they begin, go on and end, and what follows them moves.
 */
#ifndef MS_TESTS_FUZZ_CHANGE_H
#define MS_TESTS_FUZZ_CHANGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CHANGES_MAX = 16, CHANGE_GROWS_BYTES = 10, CHANGES_ROOM = CHANGES_MAX * CHANGE_GROWS_BYTES };

/* As a number of variable length, little end first. */
static inline size_t change_number(uint8_t *to, uint64_t number)
{
    size_t bytes = 0;
    for (; number >= 0x80; number >>= 7) {
        to[bytes++] = (uint8_t)(number | 0x80);
    }
    to[bytes++] = (uint8_t)number;
    return bytes;
}

/* `bytes` has room for CHANGES_ROOM more than `count`; returns how many they are now. */
static inline size_t change(uint8_t *bytes, size_t count, const uint8_t *data, size_t size)
{
    static const uint64_t edges[] = {0,          1,          2,          0x7f,
                                     0x3fff,     0xffff,     (1u << 24), 0x7fffffff,
                                     0xfffffffe, 0xffffffff, INT64_MAX,  UINT64_MAX};
    for (size_t i = 0; i + 4 <= size && i < 4 * (size_t)CHANGES_MAX && count > 0; i += 4) {
        const size_t place =
            ((size_t)data[i] | (size_t)data[i + 1] << 8 | (size_t)(data[i + 2] >> 3) << 16) % count;
        const uint8_t value = data[i + 3];
        uint8_t number[CHANGE_GROWS_BYTES];
        size_t grown = 0;
        switch (data[i + 2] & 7) {
        case 0:
        case 1:
            bytes[place] = value;
            break;
        case 2:
            bytes[place] = (uint8_t)(bytes[place] + (value % 16 - 8));
            break;
        case 3:
            memmove(bytes + place, bytes + place + 1, count - place - 1);
            count--;
            break;
        case 4: /* a number before it */
        case 5: /* in the place of it, when that is of one byte */
            grown = change_number(number, edges[value % (sizeof edges / sizeof edges[0])]);
            const size_t rest = place + (data[i + 2] & 1);
            memmove(bytes + place + grown, bytes + rest, count - rest);
            memcpy(bytes + place, number, grown);
            count = count + grown - (rest - place);
            break;
        default:
            bytes[place] ^= (uint8_t)(1u << value % 8);
            break;
        }
    }
    return count;
}

#endif
