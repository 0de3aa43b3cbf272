/* Over all sizes: everything inside, nothing over something else, and the stated order of giving
 * way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tui/layout.h"

enum { ROWS_MAX = 200, COLUMNS_MAX = 260 };

static const size_t thread_counts[] = {0, 1, 2, 7, 500};

static void take_row(bool *taken, int row, int rows)
{
    assert_in_range(row, 0, rows - 1);
    assert_false(taken[row]);
    taken[row] = true;
}

static void check_rows(const struct ms_layout *layout, int rows)
{
    bool taken[ROWS_MAX] = {false};
    take_row(taken, layout->title_row, rows);
    for (int i = 0; i < layout->totals_rows; i++) {
        take_row(taken, layout->totals_row + i, rows);
    }
    const int optional[] = {layout->verdict_row, layout->tabs_row, layout->legend_row};
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (optional[i] >= 0) {
            take_row(taken, optional[i], rows);
        }
    }
    take_row(taken, layout->message_row, rows);
    take_row(taken, layout->keys_row, rows);
    for (int i = 0; i < layout->body.rows; i++) {
        take_row(taken, layout->body.row + i, rows);
    }
    for (int row = 0; row < rows; row++) {
        assert_true(taken[row]);
    }
}

static void check_cards(const struct ms_layout *layout, int columns)
{
    static bool taken[ROWS_MAX][COLUMNS_MAX];
    memset(taken, 0, sizeof taken);
    const struct ms_area body = layout->body;
    for (int i = 0; i < layout->cards_down * layout->card_columns; i++) {
        const struct ms_area card = ms_layout_card(layout, i);
        assert_true(card.columns >= MS_CARD_COLUMNS_MIN - MS_CARD_GAP);
        assert_true(card.row >= body.row && card.row + card.rows <= body.row + body.rows);
        assert_true(card.column >= 0 && card.column + card.columns <= columns);
        for (int row = card.row; row < card.row + card.rows; row++) {
            assert_true(row != layout->more_row);
            for (int column = card.column; column < card.column + card.columns; column++) {
                assert_false(taken[row][column]);
                taken[row][column] = true;
            }
        }
    }
}

static void test_all_sizes(void **state)
{
    (void)state;
    for (int rows = 1; rows <= ROWS_MAX; rows += rows < 60 ? 1 : 7) {
        for (int columns = 1; columns <= COLUMNS_MAX; columns += columns < 130 ? 1 : 5) {
            for (size_t i = 0; i < sizeof thread_counts / sizeof thread_counts[0]; i++) {
                for (int choice = 0; choice < 4; choice++) {
                    const struct ms_layout layout = ms_layout_of(
                        rows, columns, thread_counts[i], (choice & 1) != 0, (choice & 2) != 0);
                    assert_int_equal(layout.tiny, rows < 8 || columns < 40);
                    if (layout.tiny) {
                        continue;
                    }
                    check_rows(&layout, rows);
                    assert_true(layout.body.rows >= 3);
                    if (!layout.table) {
                        assert_true(layout.cards_down >= 1);
                        check_cards(&layout, columns);
                    }
                }
            }
        }
    }
}

/* As a screen shrinks, what has gone never comes back. */
static void test_order_of_giving_way(void **state)
{
    (void)state;
    int stage = 0;
    for (int rows = 60; rows >= 8; rows--) {
        const struct ms_layout layout = ms_layout_of(rows, 80, 500, false, false);
        const int now = layout.table             ? layout.tabs_row < 0 ? 5 : 4
                        : layout.totals_rows < 2 ? 3
                        : layout.legend_row < 0  ? 2
                        : layout.card_rows < 4   ? 1
                                                 : 0;
        assert_true(now >= stage);
        stage = now;
    }
    assert_int_equal(stage, 5);
}

static void test_known_sizes(void **state)
{
    (void)state;
    struct ms_layout layout = ms_layout_of(24, 80, 24, false, false);
    assert_int_equal(layout.card_columns, 2);
    assert_int_equal(layout.cards_down, 4);
    assert_int_equal(layout.card_rows, 4);
    assert_true(layout.more_row >= 0);
    layout = ms_layout_of(24, 79, 24, false, false);
    assert_int_equal(layout.card_columns, 1);
    layout = ms_layout_of(24, 80, 1, false, false);
    assert_int_equal(layout.card_columns, 1);
    assert_true(ms_layout_of(24, 80, 24, true, false).verdict_row > 0);
    assert_true(ms_layout_of(24, 80, 24, false, true).table);
    assert_true(ms_layout_of(8, 40, 24, false, false).table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sizes),
        cmocka_unit_test(test_order_of_giving_way),
        cmocka_unit_test(test_known_sizes),
    };
    return cmocka_run_group_tests_name("tui layout", tests, NULL, NULL);
}
