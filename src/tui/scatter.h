/*
 * Points of two figures as a picture: letters of roles while few share a cell, else dots; behind
 * them dim the points that are out of focus, and the line that fits best. Axes have round figures
 * in a unit that suits them.
 */
#ifndef MS_TUI_SCATTER_H
#define MS_TUI_SCATTER_H

#include "analysis/pairs.h"
#include "model/metric.h"
#include "tui/screen.h"

/* Points that are kept between drawings, as reading histories is not free. */
struct ms_plot_points {
    struct ms_scatter scatter;
    uint64_t version; /* grows whenever they are others; 0: none were read yet */
    uint64_t made_ns;
    struct ms_scope scope;
    struct ms_axis x, y, third;
    unsigned seconds;
};
/* Reads them when they are of something else, or older than a second; the more there are, the
 * longer they stay. Without memory those of before stay. */
void ms_plot_points_update(struct ms_plot_points *points, const struct ms_model *model,
                           const struct ms_scope *scope, struct ms_axis x, struct ms_axis y,
                           struct ms_axis third, unsigned seconds);
void ms_plot_points_fini(struct ms_plot_points *points);

/* What figures of an axis are divided by, and the unit that they are then in: "MB/s", "%". */
struct ms_plot_scale {
    double divisor;
    char unit[8];
};
struct ms_plot_scale ms_plot_scale_of(struct ms_axis axis, double high);

struct ms_plot_cell {
    uint32_t count, behind; /* points in focus, and others */
    uint16_t of_role[MS_ROLE_TOTAL];
    uint8_t dots, behind_dots; /* as braille has them */
    float intensity;           /* the highest; NaN: not known */
};

struct ms_plot_range {
    double low, high, step;
};

/* A picture kept from one drawing to the next, as sorting many points into cells is not free. */
struct ms_plot {
    struct ms_plot_cell *cells;
    int rows, columns;
    size_t capacity;
    uint64_t version; /* of the points that it is of */
    struct ms_plot_range x, y;
    bool letters;
    uint32_t most_in_cell;
    uint32_t beyond; /* points drawn at the edge, as a few far ones would squeeze all others */
};
void ms_plot_fini(struct ms_plot *plot);

struct ms_plot_of {
    struct ms_axis x, y;
    const struct ms_scatter *points;
    const struct ms_scatter *behind; /* NULL: none are out of focus */
    uint64_t version;                /* another number: the points are others */
    bool intensity;                  /* tells the colour; else the role does */
    bool trend;
};

#define MS_PLOT_LABEL_WIDTH 6
/* Into an area with axes and their figures, three rows and MS_PLOT_LABEL_WIDTH + 12 columns at
 * least; else nothing is drawn. Without memory the picture of before stays. */
void ms_plot_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                  struct ms_area area, struct ms_plot *plot, const struct ms_plot_of *of);

/* "colour: I/O calls low . . . high", in those colours; returns the cells taken. */
int ms_plot_draw_legend(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                        int room, const char *heading);

/* "CPU % = 0.66 x allocated MB/s + 15.9", in the units of the picture; "" when there is no line. */
char *ms_plot_equation(const struct ms_plot *plot, const struct ms_plot_points *points, char *out,
                       size_t size);
/* Why there is no r; "" when there is one. */
const char *ms_plot_why_none(const struct ms_correlation *fit);

#endif
