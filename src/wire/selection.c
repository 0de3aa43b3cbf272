/* Matching of thread names: iterative, so that no pattern costs more than length times length. */
#include "wire/selection.h"

#include <stddef.h>
#include <string.h>

#include "wire/tracking.h"

/* A piece of the list, or the rest of a pattern. */
struct span {
    const char *at;
    const char *end;
};

/* Cuts the next item off `rest` at a comma; a backslash keeps the comma after it in the item. */
static struct span next_item(const char **rest)
{
    struct span item = {*rest, *rest};
    while (*item.end != '\0' && *item.end != ',') {
        item.end += (item.end[0] == '\\' && item.end[1] != '\0') ? 2 : 1;
    }
    *rest = *item.end == ',' ? item.end + 1 : item.end;
    return item;
}

static bool item_is(struct span item, const char *word)
{
    size_t bytes = (size_t)(item.end - item.at);
    return strlen(word) == bytes && memcmp(item.at, word, bytes) == 0;
}

/* `tid:N` as a number from 1; 0 when it is not of that form. */
static uint32_t item_tid(struct span item)
{
    static const char prefix[] = "tid:";
    size_t bytes = (size_t)(item.end - item.at);
    if (bytes < sizeof(prefix) || memcmp(item.at, prefix, sizeof(prefix) - 1) != 0) {
        return 0;
    }
    uint64_t tid = 0;
    for (const char *digit = item.at + sizeof(prefix) - 1; digit < item.end; digit++) {
        if (*digit < '0' || *digit > '9') {
            return 0;
        }
        tid = tid * 10 + (uint64_t)(*digit - '0');
        if (tid > UINT32_MAX) {
            return 0;
        }
    }
    return (uint32_t)tid;
}

/* The byte that `pattern->at` stands for, escape resolved; moves behind it. */
static unsigned char literal(struct span *pattern)
{
    if (*pattern->at == '\\' && pattern->at + 1 < pattern->end) {
        pattern->at++;
    }
    return (unsigned char)*pattern->at++;
}

/*
 * A bracket expression at pattern->at, which stands on '['. On true *hit says whether `byte` is in
 * the set and the pattern stands behind ']'. False: never closed, so '[' is an ordinary byte.
 */
static bool bracket(struct span *pattern, unsigned char byte, bool *hit)
{
    struct span set = {pattern->at + 1, pattern->end};
    bool invert = set.at < set.end && (*set.at == '!' || *set.at == '^');
    bool found = false;
    set.at += invert;
    for (bool first = true; set.at < set.end; first = false) {
        if (*set.at == ']' && !first) {
            pattern->at = set.at + 1;
            *hit = found != invert;
            return true;
        }
        unsigned char low = literal(&set);
        unsigned char high = low;
        if (set.at + 1 < set.end && set.at[0] == '-' && set.at[1] != ']') {
            set.at++;
            high = literal(&set);
        }
        found = found || (low <= byte && byte <= high);
    }
    return false;
}

/* Does the piece of pattern at pattern->at, no star, match `byte`? Moves behind the piece. */
static bool match_one(struct span *pattern, unsigned char byte)
{
    bool hit;
    if (*pattern->at == '?') {
        pattern->at++;
        return true;
    }
    if (*pattern->at == '[' && bracket(pattern, byte, &hit)) {
        return hit;
    }
    return literal(pattern) == byte;
}

/* Only the last star is ever gone back to: whatever an earlier one took, the last can take too. */
static bool glob_matches(struct span pattern, const char *name)
{
    const char *star = NULL, *star_name = NULL;
    while (*name != '\0') {
        if (pattern.at < pattern.end && *pattern.at == '*') {
            star = ++pattern.at;
            star_name = name;
            continue;
        }
        if (pattern.at < pattern.end && match_one(&pattern, (unsigned char)*name)) {
            name++;
            continue;
        }
        if (star == NULL) {
            return false;
        }
        pattern.at = star;
        name = ++star_name;
    }
    while (pattern.at < pattern.end && *pattern.at == '*') {
        pattern.at++;
    }
    return pattern.at == pattern.end;
}

static bool item_matches(struct span item, const char *name, uint32_t tid, uint32_t order)
{
    uint32_t wanted = item_tid(item);
    if (wanted != 0) {
        return wanted == tid;
    }
    if (item_is(item, "even") || item_is(item, "odd")) {
        return (order % 2 == 0) == item_is(item, "even");
    }
    if (item_is(item, "main")) {
        return order == 0;
    }
    return glob_matches(item, name);
}

bool ms_selection_matches(const char *list, const char *name, uint32_t tid, uint32_t order)
{
    if (*list == '\0') {
        return true;
    }
    do {
        if (item_matches(next_item(&list), name, tid, order)) {
            return true;
        }
    } while (*list != '\0');
    return false;
}

static bool item_valid(struct span item)
{
    if (item.at == item.end) {
        return false;
    }
    if (item.end - item.at >= 4 && memcmp(item.at, "tid:", 4) == 0) {
        return item_tid(item) != 0;
    }
    while (item.at < item.end) {
        bool hit;
        if (*item.at == '\\' && item.at + 1 == item.end) {
            return false;
        }
        if (*item.at != '[') {
            (void)literal(&item);
        } else if (!bracket(&item, 0, &hit)) {
            return false;
        }
    }
    return true;
}

bool ms_selection_valid(const char *list)
{
    size_t bytes = strnlen(list, MS_SELECTION_MAX);
    if (bytes >= MS_SELECTION_MAX) {
        return false;
    }
    if (bytes == 0) {
        return true;
    }
    if (list[bytes - 1] == ',') {
        return false;
    }
    while (*list != '\0') {
        if (!item_valid(next_item(&list))) {
            return false;
        }
    }
    return true;
}
