/*
 * Where everything goes, as a pure function of the size of the screen and the number of threads.
 * Gives way in this order as room shrinks: sparklines, second card column, header lines, cards to
 * table rows; below 40x8 one line of totals.
 */
#ifndef MS_TUI_LAYOUT_H
#define MS_TUI_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#define MS_LAYOUT_COLUMNS_MIN 40
#define MS_LAYOUT_ROWS_MIN    8
#define MS_CARD_COLUMNS_MIN   40
#define MS_CARD_GAP           1

struct ms_area {
    int row, column, rows, columns;
};

struct ms_layout {
    bool tiny;      /* one line of totals, nothing else */
    int title_row;  /* rows are -1 where there is none */
    int totals_row; /* first of totals_rows */
    int totals_rows;
    int verdict_row;
    int tabs_row;
    int legend_row;
    int message_row; /* filter, search, messages, hints */
    int keys_row;
    int time_row; /* first of time_rows, of the bar of time */
    int time_rows;
    struct ms_area body;
    /* of the overview */
    bool table;
    int card_rows;    /* height: 4 with sparkline, 3 without */
    int card_columns; /* cards side by side */
    int card_width;   /* gap not included */
    int cards_down;   /* rows of cards that fit */
    int more_row;     /* says how many threads are below; -1 none */
};

/* `verdict`: a line is wanted that says what cannot be seen. `table`: asked for by the user. */
struct ms_layout ms_layout_of(int rows, int columns, size_t threads, bool verdict, bool table);
/* The same with the bar of time above the message row; on a low screen it is in its place. */
struct ms_layout ms_layout_with_time(int rows, int columns, size_t threads, bool verdict,
                                     bool table);

/* Place of card `index` of those on the screen. */
struct ms_area ms_layout_card(const struct ms_layout *layout, int index);

#endif
