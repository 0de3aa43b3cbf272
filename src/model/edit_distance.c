#include "model/edit_distance.h"

#include <stdbool.h>
#include <string.h>

#define SHORT_WORD_BYTES 4u

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t ms_edit_distance(const char *typed, const char *name,
                        size_t beginnings[MS_EDIT_NAME_MAX + 1])
{
    size_t rows[3][MS_EDIT_NAME_MAX + 1];
    size_t *before = rows[0]; /* two letters of `typed` ago: what a swap goes back to */
    size_t *last = rows[1];
    size_t *row = rows[2];
    const size_t columns = strnlen(name, MS_EDIT_NAME_MAX);
    for (size_t x = 0; x <= columns; x++) {
        row[x] = x;
        last[x] = x;
    }
    for (size_t y = 1; typed[y - 1] != '\0'; y++) {
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
        row[0] = y;
        for (size_t x = 1; x <= columns; x++) {
            const size_t change = last[x - 1] + (typed[y - 1] != name[x - 1]);
            row[x] = least_of(change, least_of(last[x], row[x - 1]) + 1);
            const bool swapped =
                x > 1 && y > 1 && typed[y - 1] == name[x - 2] && typed[y - 2] == name[x - 1];
            if (swapped) {
                row[x] = least_of(row[x], before[x - 2] + 1);
            }
        }
    }
    if (beginnings != NULL) {
        memcpy(beginnings, row, (columns + 1) * sizeof *row);
    }
    return row[columns];
}

size_t ms_edit_distance_near(const char *typed)
{
    return strlen(typed) < SHORT_WORD_BYTES ? 1 : 2;
}
