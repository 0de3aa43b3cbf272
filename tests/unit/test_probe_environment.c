/* Our entries in the environment: taken out as if they had never been there, put in again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/environment.h"

#define PROBE   "/opt/memscope/libmemscope-probe.so"
#define SESSION "/run/user/1000/memscope-top/42.sock"

#define ENTRIES_MAX 16

/* Strings on writable memory, as the kernel hands them over; the last slots are poisoned. */
struct block {
    char text[ENTRIES_MAX][256];
    char *entries[ENTRIES_MAX];
};

static char **make_block(struct block *block, const char *const *entries)
{
    size_t count = 0;
    for (; entries[count] != NULL; count++) {
        snprintf(block->text[count], sizeof(block->text[count]), "%s", entries[count]);
        block->entries[count] = block->text[count];
    }
    block->entries[count] = NULL;
    return block->entries;
}

static void assert_entries(char *const *found, const char *const *expected)
{
    size_t i = 0;
    for (; expected[i] != NULL; i++) {
        assert_non_null(found[i]);
        assert_string_equal(found[i], expected[i]);
    }
    assert_null(found[i]);
}

static void strip(void **state)
{
    (void)state;
    static const struct {
        const char *before[ENTRIES_MAX];
        const char *after[ENTRIES_MAX];
        const char *session;
        int socket;
    } cases[] = {
        {{"A=1", "B=2", NULL}, {"A=1", "B=2", NULL}, "", -1},
        {{NULL}, {NULL}, "", -1},
        {{"A=1", "LD_PRELOAD=" PROBE, "MEMSCOPE_TOP_SESSION=" SESSION, "MEMSCOPE_TOP_FD=500", NULL},
         {"A=1", NULL},
         SESSION,
         500},
        {{"MEMSCOPE_TOP_FD=7", "A=1", "MEMSCOPE_TOP_SESSION=" SESSION, "B=2", "LD_PRELOAD=" PROBE,
          "C=", NULL},
         {"A=1", "B=2", "C=", NULL},
         SESSION,
         7},
        {{"A=1", "LD_PRELOAD=" PROBE ":/lib/theirs.so", "B=2", NULL},
         {"A=1", "LD_PRELOAD=/lib/theirs.so", "B=2", NULL},
         "",
         -1},
        {{"LD_PRELOAD=" PROBE " /lib/a.so /lib/b.so", NULL},
         {"LD_PRELOAD=/lib/a.so /lib/b.so", NULL},
         "",
         -1},
        {{"LD_PRELOAD=" PROBE ":", NULL}, {"LD_PRELOAD=", NULL}, "", -1},
        {{"LD_PRELOAD=/lib/theirs.so:" PROBE, NULL},
         {"LD_PRELOAD=/lib/theirs.so:" PROBE, NULL},
         "",
         -1},
        {{"LD_PRELOAD=" PROBE ".old", NULL}, {"LD_PRELOAD=" PROBE ".old", NULL}, "", -1},
        {{"LD_PRELOAD=/first.so", "LD_PRELOAD=" PROBE ":/second.so", NULL},
         {"LD_PRELOAD=/first.so", "LD_PRELOAD=/second.so", NULL},
         "",
         -1},
        {{"MEMSCOPE_TOP_FD=x", "MEMSCOPE_TOP_SESSIONS=kept", "LD_PRELOADED=kept", NULL},
         {"MEMSCOPE_TOP_SESSIONS=kept", "LD_PRELOADED=kept", NULL},
         "",
         -1},
        {{"MEMSCOPE_TOP_FD=99999999999", NULL}, {NULL}, "", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct block block;
        struct ms_environment_carried carried;
        ms_environment_strip(make_block(&block, cases[i].before), PROBE, &carried);
        assert_entries(block.entries, cases[i].after);
        assert_string_equal(carried.session, cases[i].session);
        assert_int_equal(carried.socket, cases[i].socket);
        assert_string_equal(carried.probe, PROBE);
    }
}

/* Freed slots are NULL up to the old end: no stale pointer before the auxiliary vector. */
static void freed_slots(void **state)
{
    (void)state;
    static const char *const before[] = {
        "MEMSCOPE_TOP_FD=7", "A=1", "MEMSCOPE_TOP_SESSION=" SESSION, "LD_PRELOAD=" PROBE, NULL};
    struct block block;
    struct ms_environment_carried carried;
    ms_environment_strip(make_block(&block, before), PROBE, &carried);
    assert_string_equal(block.entries[0], "A=1");
    for (size_t i = 1; i < 5; i++) {
        assert_null(block.entries[i]);
    }
}

/* What join puts in, strip takes out: the program in the child sees what its parent meant. */
static void round_trip(void **state)
{
    (void)state;
    static const char *const theirs[][ENTRIES_MAX] = {
        {NULL},
        {"A=1", NULL},
        {"A=1", "LD_PRELOAD=/lib/theirs.so", "B=2", NULL},
        {"LD_PRELOAD=", "B=2", NULL},
        {"LD_PRELOAD=/first.so", "X=", "LD_PRELOAD=/second.so:/third.so", NULL},
        {"no equals sign", "", "=", NULL},
    };
    static const char *const own[] = {"LD_PRELOAD=" PROBE, "MEMSCOPE_TOP_SESSION=" SESSION, NULL};
    struct block block;
    struct ms_environment_carried carried, again;
    ms_environment_strip(make_block(&block, own), PROBE, &carried);
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        struct block given, child;
        char **environment = make_block(&given, theirs[i]);
        size_t bytes = ms_environment_join_bytes(&carried, environment);
        assert_true(bytes > 0);
        void *storage = malloc(bytes); /* exact, so that the sanitizer sees a write past it */
        assert_non_null(storage);
        char **joined = ms_environment_join(&carried, environment, storage);
        assert_entries(environment, theirs[i]);
        const char *preload = NULL;
        for (size_t at = 0; joined[at] != NULL; at++) {
            preload = strncmp(joined[at], "LD_PRELOAD=", 11) == 0 ? joined[at] + 11 : preload;
        }
        assert_non_null(preload);
        assert_int_equal(strncmp(preload, PROBE, strlen(PROBE)), 0);
        make_block(&child, (const char *const *)joined);
        ms_environment_strip(child.entries, PROBE, &again);
        assert_entries(child.entries, theirs[i]);
        assert_string_equal(again.session, SESSION);
        assert_int_equal(again.socket, -1);
        free(storage);
    }
}

static void left_alone(void **state)
{
    (void)state;
    static const char *const own[] = {"MEMSCOPE_TOP_SESSION=" SESSION, NULL};
    static const char *const nested[] = {"A=1", "MEMSCOPE_TOP_SESSION=/another.sock", NULL};
    struct block block;
    struct ms_environment_carried carried;

    /* An environment that belongs to another session already. */
    ms_environment_strip(make_block(&block, own), PROBE, &carried);
    assert_int_equal(ms_environment_join_bytes(&carried, make_block(&block, nested)), 0);
    assert_true(ms_environment_join_bytes(&carried, NULL) > 0);
    /* No array at all, as a test of execve's EFAULT passes it. */
    assert_int_equal(ms_environment_join_bytes(&carried, (char *const *)(uintptr_t)8), 0);
    assert_int_equal(ms_environment_join_bytes(&carried, (char *const *)UINTPTR_MAX), 0);

    /* Longer than we copy to a stack. */
    static char *large[20001];
    for (size_t i = 0; i + 1 < sizeof(large) / sizeof(large[0]); i++) {
        large[i] = (char *)(uintptr_t) "A=1";
    }
    assert_int_equal(ms_environment_join_bytes(&carried, large), 0);

    /* Nothing to carry. */
    ms_environment_strip(NULL, PROBE, &carried);
    assert_int_equal(ms_environment_join_bytes(&carried, NULL), 0);
    ms_environment_strip(make_block(&block, own), "", &carried);
    assert_int_equal(ms_environment_join_bytes(&carried, NULL), 0);
}

/* A path that no socket address can hold is not carried on, cut. */
static void session_too_long(void **state)
{
    (void)state;
    char entry[512] = "MEMSCOPE_TOP_SESSION=/";
    char *environment[2] = {entry, NULL};
    struct ms_environment_carried carried;
    memset(entry + strlen(entry), 'x', 300);
    ms_environment_strip(environment, PROBE, &carried);
    assert_null(environment[0]);
    assert_string_equal(carried.session, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strip),
        cmocka_unit_test(freed_slots),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(left_alone),
        cmocka_unit_test(session_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
