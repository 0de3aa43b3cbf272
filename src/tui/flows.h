/* What the files of the screen of flows share: flows.c draws and takes keys,
 * flows_rows.c has its rows, flow_matrix.c the matrix. */
#ifndef MS_TUI_FLOWS_H
#define MS_TUI_FLOWS_H

#include "analysis/flow_patterns.h"
#include "tui/screen.h"

/* What cells show and pairs are sorted by. */
enum ms_flow_order {
    MS_FLOW_ORDER_BLOCKS,
    MS_FLOW_ORDER_BYTES,
    MS_FLOW_ORDER_BLOCK_RATE,
    MS_FLOW_ORDER_BYTE_RATE,
    MS_FLOW_ORDER_SHARE,
    MS_FLOW_ORDER_COUNT
};

/* An edge, or what the threads of a group freed of each other's. */
struct ms_flow_row {
    uint64_t id;
    uint32_t from, to;
    struct ms_flow_sum sum;
};

struct ms_flows_view {
    struct ms_flow_past *past;
    struct ms_flow_matrix *matrix, *by_name; /* of what is shown; for the patterns */
    struct ms_flow_pattern patterns[MS_FLOW_PATTERNS_MAX];
    size_t pattern_count;
    char why_no_pattern[200];
    struct ms_flow_row *pairs; /* sorted by id */
    size_t pair_count, pair_capacity;
    uint32_t *shown; /* nodes that are rows and columns */
    size_t shown_count, shown_capacity;
    struct ms_listing listing;      /* the pairs */
    uint64_t updated_ns, judged_ns; /* 0: never */
    struct ms_scope scope;
    enum ms_flow_grouping grouping;
    bool list; /* pairs in place of the matrix */
    /* The cell that is marked, by keys of nodes (0: the one of the top pair), and what is seen. */
    uint64_t row_key, column_key;
    size_t row, column; /* positions in `shown` */
    size_t top_row, left_column;
};

extern const struct ms_orders ms_flow_orders;
const char *ms_flow_order_heading(enum ms_flow_order order);

/* Takes over what the model has now, and sorts. */
void ms_flows_view_update(struct ms_tui *tui, const struct ms_model *model);

/* The figure of an order; NaN: not known. `from` is who allocated. */
double ms_flow_figure(enum ms_flow_order order, const struct ms_flow_sum *sum,
                      const struct ms_flow_node *from);
/* The figure in at most 6 cells, "" when nothing flowed. */
char *ms_flow_format(char *out, size_t size, enum ms_flow_order order, double figure);
const struct ms_flow_row *ms_flow_row_of(const struct ms_flows_view *flows, uint64_t id);
const char *ms_flow_node_name(const struct ms_flow_node *node);

/* What is in a cell: of the diagonal own and mutual frees together; false: nothing. */
bool ms_flow_cell(const struct ms_flows_view *flows, uint32_t from, uint32_t to,
                  struct ms_flow_sum *sum);

/* Finds the marked cell again, by its keys. */
void ms_flow_matrix_follow(struct ms_flows_view *flows);
/* Heading and rows; scrolls to the marked cell. */
void ms_flow_matrix_draw(struct ms_tui *tui, struct ms_grid *grid, struct ms_area area);
/* True when the key was a movement. */
bool ms_flow_matrix_act(struct ms_flows_view *flows, enum ms_action action, long page);
/* Marks the cell there; false: none. */
bool ms_flow_matrix_click(struct ms_flows_view *flows, struct ms_area area, int row, int column);

#endif
