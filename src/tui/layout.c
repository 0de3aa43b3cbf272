/* The variants are tried from the most generous to the poorest; the first that has room wins. */
#include "tui/layout.h"

#define CARDS_ACROSS_MAX 4
#define TWO_ROWS_FROM    20 /* of the screen: the bar of time has words below it */

struct variant {
    bool both_totals, tabs, legend;
    bool table;
    int card_rows;
    int body_rows_min;
};

static const struct variant variants[] = {
    {.both_totals = true, .tabs = true, .legend = true, .card_rows = 4, .body_rows_min = 8},
    {.both_totals = true, .tabs = true, .legend = true, .card_rows = 3, .body_rows_min = 6},
    {.both_totals = true, .tabs = true, .card_rows = 3, .body_rows_min = 6},
    {.tabs = true, .card_rows = 3, .body_rows_min = 6},
    {.tabs = true, .table = true, .body_rows_min = 4},
    {.table = true, .body_rows_min = 0},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static int rows_around(const struct variant *variant)
{
    const int title_message_keys = 3;
    return title_message_keys + (variant->both_totals ? 2 : 1) + (variant->tabs ? 1 : 0) +
           (variant->legend ? 1 : 0);
}

static int cards_across(int columns, size_t threads)
{
    int across = columns / MS_CARD_COLUMNS_MIN;
    if (across > CARDS_ACROSS_MAX) {
        across = CARDS_ACROSS_MAX;
    }
    if ((size_t)across > threads) {
        across = (int)threads;
    }
    return across < 1 ? 1 : across;
}

static void place_cards(struct ms_layout *layout, const struct variant *variant, size_t threads)
{
    layout->card_rows = variant->card_rows;
    layout->card_columns = cards_across(layout->body.columns, threads);
    layout->card_width = layout->body.columns / layout->card_columns - MS_CARD_GAP;
    int down = layout->body.rows / layout->card_rows;
    const bool all = (size_t)down * (size_t)layout->card_columns >= threads;
    if (!all && down * layout->card_rows < layout->body.rows) {
        layout->more_row = layout->body.row + layout->body.rows - 1;
    }
    layout->cards_down = down;
}

struct ms_layout ms_layout_of(int rows, int columns, size_t threads, bool verdict, bool table)
{
    struct ms_layout layout = {.title_row = -1,
                               .totals_row = 0,
                               .totals_rows = 1,
                               .verdict_row = -1,
                               .tabs_row = -1,
                               .legend_row = -1,
                               .message_row = -1,
                               .keys_row = -1,
                               .more_row = -1,
                               .time_row = -1,
                               .card_columns = 1};
    if (rows < MS_LAYOUT_ROWS_MIN || columns < MS_LAYOUT_COLUMNS_MIN) {
        layout.tiny = true;
        return layout;
    }
    const int verdict_rows = verdict && rows > MS_LAYOUT_ROWS_MIN + 1 ? 1 : 0;
    int chosen = 0;
    while (chosen + 1 < VARIANTS &&
           rows - rows_around(&variants[chosen]) - verdict_rows < variants[chosen].body_rows_min) {
        chosen++;
    }
    const struct variant *variant = &variants[chosen];
    int row = 0;
    layout.title_row = row++;
    layout.totals_row = row;
    layout.totals_rows = variant->both_totals ? 2 : 1;
    row += layout.totals_rows;
    if (verdict_rows > 0) {
        layout.verdict_row = row++;
    }
    if (variant->tabs) {
        layout.tabs_row = row++;
    }
    int end = rows;
    layout.keys_row = --end;
    layout.message_row = --end;
    if (variant->legend) {
        layout.legend_row = --end;
    }
    layout.body = (struct ms_area){.row = row, .rows = end - row, .columns = columns};
    layout.table = table || variant->table;
    if (!layout.table) {
        place_cards(&layout, variant, threads);
    }
    return layout;
}

struct ms_layout ms_layout_with_time(int rows, int columns, size_t threads, bool verdict,
                                     bool table)
{
    const int bar = rows >= TWO_ROWS_FROM ? 2 : rows > MS_LAYOUT_ROWS_MIN ? 1 : 0;
    struct ms_layout layout = ms_layout_of(rows - bar, columns, threads, verdict, table);
    if (!layout.tiny) {
        layout.time_row = layout.message_row;
        layout.time_rows = bar > 0 ? bar : 1;
        layout.message_row += bar;
        layout.keys_row += bar;
    }
    return layout;
}

struct ms_area ms_layout_card(const struct ms_layout *layout, int index)
{
    return (struct ms_area){
        .row = layout->body.row + index / layout->card_columns * layout->card_rows,
        .column =
            layout->body.column + index % layout->card_columns * (layout->card_width + MS_CARD_GAP),
        .rows = layout->card_rows,
        .columns = layout->card_width,
    };
}
