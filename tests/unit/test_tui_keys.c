/* The key table: no key means two things in one place, movement keys stay movement, every row can
 * be reached, and the key bar fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tui/keys.h"

static const enum ms_place places[] = {
    MS_PLACE_OVERVIEW, MS_PLACE_FOCUS,    MS_PLACE_OUTPUT,    MS_PLACE_HELP,
    MS_PLACE_EXPORT,   MS_PLACE_QUIT,     MS_PLACE_SIGNAL,    MS_PLACE_SORT,
    MS_PLACE_TRACKING, MS_PLACE_HOTSPOTS, MS_PLACE_SITE,      MS_PLACE_LEAKS,
    MS_PLACE_FLOWS,    MS_PLACE_TYPES,    MS_PLACE_PROCESSES, MS_PLACE_DIFF};
enum { PLACES = sizeof places / sizeof places[0] };

static void test_one_meaning(void **state)
{
    (void)state;
    size_t count;
    const struct ms_key_row *rows = ms_key_rows(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(rows[i].places != 0);
        for (size_t j = i + 1; j < count; j++) {
            if (rows[i].key == rows[j].key && (rows[i].places & rows[j].places) != 0) {
                fail_msg("key %s means two things", rows[i].name);
            }
        }
    }
}

static void test_further_keys_follow_their_action(void **state)
{
    (void)state;
    size_t count;
    const struct ms_key_row *rows = ms_key_rows(&count);
    assert_true(rows[0].help[0] != '\0');
    for (size_t i = 1; i < count; i++) {
        if (rows[i].help[0] == '\0') {
            assert_int_equal(rows[i].action, rows[i - 1].action);
        }
    }
}

static void test_every_place_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++) {
        assert_true(ms_place_name(places[i])[0] != '\0');
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(ms_place_name(places[i]), ms_place_name(places[j]));
        }
    }
}

static void test_movement_is_only_movement(void **state)
{
    (void)state;
    static const struct {
        int key;
        enum ms_action action;
    } moves[] = {{'h', MS_ACTION_LEFT},  {'j', MS_ACTION_DOWN},  {'k', MS_ACTION_UP},
                 {'l', MS_ACTION_RIGHT}, {'g', MS_ACTION_FIRST}, {'G', MS_ACTION_LAST}};
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        for (int place = 0; place < 3; place++) {
            assert_int_equal(ms_key_action(places[place], moves[i].key), moves[i].action);
        }
    }
}

static void test_escape_never_quits(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++) {
        const enum ms_action action = ms_key_action(places[i], MS_KEY_ESCAPE);
        assert_true(action == MS_ACTION_CANCEL || action == MS_ACTION_BACK);
    }
}

static void test_key_bar_fits(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++) {
        for (int columns = 1; columns <= 200; columns++) {
            struct ms_key_label labels[MS_KEY_LABELS_MAX];
            const size_t count = ms_key_bar(places[i], columns, false, labels);
            int end = 0;
            bool out = false;
            for (size_t label = 0; label < count; label++) {
                assert_true(labels[label].column >= end);
                end = labels[label].column + labels[label].width;
                const enum ms_action action = labels[label].row->action;
                out = out || action == MS_ACTION_QUIT || action == MS_ACTION_BACK ||
                      action == MS_ACTION_CANCEL;
                assert_int_equal(ms_key_action(places[i], labels[label].row->key), action);
            }
            assert_true(end <= columns);
            if (columns >= 40) {
                assert_true(out);
            }
        }
    }
}

static void test_readonly_offers_no_kill(void **state)
{
    (void)state;
    struct ms_key_label labels[MS_KEY_LABELS_MAX];
    const size_t count = ms_key_bar(MS_PLACE_QUIT, 80, true, labels);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(labels[i].row->action != MS_ACTION_KILL);
    }
}

static void test_names(void **state)
{
    (void)state;
    char names[64];
    assert_int_equal(ms_key_names(0, MS_PLACE_SCREENS, names, sizeof names), 2);
    assert_string_equal(names, "? F1");
    assert_int_equal(ms_key_names(1, MS_PLACE_SCREENS, names, sizeof names), 0);
    size_t count;
    ms_key_rows(&count);
    size_t rows = 0;
    for (size_t i = 0; i < count;) {
        const size_t taken = ms_key_names(i, ~0u, names, sizeof names);
        assert_true(taken > 0);
        rows += taken;
        i += taken;
    }
    assert_int_equal(rows, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_meaning),
        cmocka_unit_test(test_further_keys_follow_their_action),
        cmocka_unit_test(test_every_place_has_a_name_of_its_own),
        cmocka_unit_test(test_movement_is_only_movement),
        cmocka_unit_test(test_escape_never_quits),
        cmocka_unit_test(test_key_bar_fits),
        cmocka_unit_test(test_readonly_offers_no_kill),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("tui keys", tests, NULL, NULL);
}
