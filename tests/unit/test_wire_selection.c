/* Thread selection against a table of cases, and against fnmatch on random patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "wire/region.h"
#include "wire/selection.h"

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *list, *name;
        uint32_t tid, order;
        bool match;
    } cases[] = {
        {"", "anything", 7, 3, true},
        {"worker", "worker", 7, 3, true},
        {"worker", "worker-1", 7, 3, false},
        {"worker*", "worker-1", 7, 3, true},
        {"net*,worker*", "worker-1", 7, 3, true},
        {"net*,worker*", "disk", 7, 3, false},
        {"tid:7", "x", 7, 3, true},
        {"tid:7", "x", 70, 3, false},
        {"tid:7", "tid:7", 8, 3, false},
        {"even", "x", 7, 0, true},
        {"even", "x", 7, 3, false},
        {"odd", "x", 7, 3, true},
        {"odd", "x", 7, 2, false},
        {"even", "even", 7, 1, false},
        {"[e]ven", "even", 7, 1, true},
        {"main", "x", 7, 0, true},
        {"main", "main", 7, 1, false},
        {"a\\,b", "a,b", 7, 1, true},
        {"a\\,b", "a", 7, 1, false},
        {"?", "", 7, 1, false},
        {"*", "", 7, 1, true},
        {"[!a-c]x", "dx", 7, 1, true},
        {"[!a-c]x", "bx", 7, 1, false},
        {"[]]", "]", 7, 1, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (ms_selection_matches(cases[i].list, cases[i].name, cases[i].tid, cases[i].order) !=
            cases[i].match) {
            fail_msg("case %zu: list '%s', name '%s'", i, cases[i].list, cases[i].name);
        }
    }
}

/* Every list that is valid, is one item and no keyword decides as fnmatch does. */
static void as_fnmatch(void **state)
{
    (void)state;
    static const char pattern_bytes[] = "ab*?[]!-^\\c";
    static const char name_bytes[] = "abc-]!";
    uint32_t seed = 20240601, compared = 0, matched = 0;
    for (int round = 0; round < 200000; round++) {
        char pattern[9] = "", name[7] = "";
        seed = seed * 1664525u + 1013904223u;
        size_t pattern_length = 1 + (seed >> 16) % (sizeof(pattern) - 1);
        for (size_t i = 0; i < pattern_length; i++) {
            seed = seed * 1664525u + 1013904223u;
            pattern[i] = pattern_bytes[(seed >> 16) % (sizeof(pattern_bytes) - 1)];
        }
        seed = seed * 1664525u + 1013904223u;
        size_t name_length = (seed >> 16) % sizeof(name);
        for (size_t i = 0; i < name_length; i++) {
            seed = seed * 1664525u + 1013904223u;
            name[i] = name_bytes[(seed >> 16) % (sizeof(name_bytes) - 1)];
        }
        /* A range that runs backwards or from an escape is the C library's own affair. */
        if (!ms_selection_valid(pattern) || strstr(pattern, "-") != NULL) {
            continue;
        }
        bool expected = fnmatch(pattern, name, 0) == 0;
        compared++;
        matched += expected;
        if (ms_selection_matches(pattern, name, 1, 1) != expected) {
            fail_msg("pattern '%s', name '%s': fnmatch says %d", pattern, name, expected);
        }
    }
    assert_true(compared > 10000);
    assert_true(matched > 100);
}

static void hostile_pattern_ends(void **state)
{
    (void)state;
    char list[MS_SELECTION_MAX];
    char name[MS_SELECTION_MAX];
    for (size_t i = 0; i + 2 < sizeof(list); i += 2) {
        memcpy(list + i, "*a", 2);
    }
    list[sizeof(list) - 2] = 'b';
    list[sizeof(list) - 1] = '\0';
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_false(ms_selection_matches(list, name, 1, 1));
}

static void validity(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "a", "worker*,main", "tid:1", "tid:4294967295", "[a-z]*", "even,odd", "a\\,b", "[]]"};
    static const char *const bad[] = {",",      "a,",    ",a",    "a,,b",
                                      "tid:",   "tid:x", "tid:0", "tid:4294967296",
                                      "tid:-1", "[abc",  "a\\",   "a,[x"};
    char longest[MS_SELECTION_MAX + 1];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!ms_selection_valid(good[i])) {
            fail_msg("'%s' refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ms_selection_valid(bad[i])) {
            fail_msg("'%s' accepted", bad[i]);
        }
    }
    memset(longest, 'a', sizeof(longest));
    longest[MS_SELECTION_MAX] = '\0';
    assert_false(ms_selection_valid(longest));
    longest[MS_SELECTION_MAX - 1] = '\0';
    assert_true(ms_selection_valid(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(as_fnmatch),
        cmocka_unit_test(hostile_pattern_ends),
        cmocka_unit_test(validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
