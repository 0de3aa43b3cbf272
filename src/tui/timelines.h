/*
 * What the files of screen 3 share. timelines.c draws and takes keys, timelines_rows.c says which
 * rows there are, timelines_span.c is the time axis, timelines_points.c holds what was read of the
 * histories, timelines_draw.c draws rows.
 *
 * All rows share one axis: its places are slots of equal length, counted from the begin of the
 * session, so that what was read of a slot that is over stays right as the window moves.
 */
#ifndef MS_TUI_TIMELINES_H
#define MS_TUI_TIMELINES_H

#include "tui/chart.h"
#include "tui/screen.h"

#define MS_TIMELINES_SLOTS_MAX 1024u
#define MS_TIMELINES_ROWS_MAX  192u
#define MS_TIMELINES_PARTS     4u /* of a stacked row: threads, and all others as the last */

enum ms_timelines_shape {
    MS_TIMELINES_FILLED,
    MS_TIMELINES_LINES,
    MS_TIMELINES_STACKED,
    MS_TIMELINES_SHAPES
};

/* What the screen shows of time. */
struct ms_timelines_span {
    enum ms_resolution resolution;
    uint64_t per;        /* points of the resolution in a slot */
    uint64_t slot_ticks; /* ticks in a slot */
    size_t stretch;      /* points of the chart that a slot takes, when there are more than slots */
    size_t points;       /* of the chart */
    uint64_t first, end; /* slots shown: [first, end) */
    uint64_t now_ticks;  /* of the model */
    uint64_t interval_ns; /* of a tick */
};

/* What was read of the histories of a row, by slot % MS_TIMELINES_SLOTS_MAX. */
struct ms_timelines_points {
    uint64_t id; /* of the row; 0: free */
    enum ms_resolution resolution;
    uint64_t per;
    uint64_t begin, end; /* slots held that do not change any more */
    float *mean;         /* three arrays in one block */
    float *lowest, *highest;
    double scale; /* top of the chart; 0: none yet */
    bool used;    /* since rows were made last */
};

struct ms_timelines_row {
    uint64_t id;      /* the same for the same row in every update, never 0 */
    char heading[32]; /* at most 11 cells */
    const char *what;
    enum ms_unit unit;
    double top; /* of the scale; NaN: by what is shown */
    double least_top;
    double limit; /* a line across and a word; NaN: none */
    const struct ms_history *const *histories;
    size_t history_count; /* of several the mean is shown: cores in a band */
    bool band;            /* drawn as a strip of shades */
    uint32_t first_core, last_core;
    bool machine; /* not of what is in focus */
    enum ms_source source;
    enum ms_series_of of; /* with the next three: whose anomalies are marked */
    int series;           /* -1: of none of the tables */
    uint32_t process_id, thread_id;
    struct ms_timelines_points *points; /* NULL: no memory */
    bool known;                         /* something is in the window */
};

/* Figures of a row over the window. */
struct ms_timelines_figures {
    double lowest, mean, highest; /* NaN: nothing is known */
    uint64_t highest_slot;
};

struct ms_timelines_view {
    size_t window; /* one of the lengths that there are */
    bool pinned;   /* the window stands at `end_tick`; else it follows the present */
    uint64_t end_tick;
    bool cursor_set;
    uint64_t cursor_tick;
    bool zoomed;     /* the marked row alone */
    bool no_anomaly; /* n or N found none; until the next key */
    bool why;        /* rows without figures are shown with the reason */
    enum ms_timelines_shape shape;
    struct ms_rows rows;
    struct ms_timelines_row list[MS_TIMELINES_ROWS_MAX]; /* as of the last drawing */
    size_t count;
    size_t unavailable; /* not in the list unless `why` */
    struct ms_timelines_points *cache;
    size_t cache_count, cache_capacity;
    struct ms_timelines_span span;        /* of the last drawing */
    struct ms_area chart;                 /* where it was drawn; for clicks */
    int line_rows[MS_TIMELINES_ROWS_MAX]; /* screen row where each row of the list begins; -1 */
    int heights[MS_TIMELINES_ROWS_MAX];
};

/* --- timelines_span.c --- */
/* The span of a chart with so many points. */
struct ms_timelines_span ms_timelines_span_of(const struct ms_timelines_view *timelines,
                                              const struct ms_model *model, size_t points);
void ms_timelines_widen(struct ms_timelines_view *timelines, const struct ms_model *model, int by);
/* By eighths of the window; to the present and past it follows again. */
void ms_timelines_pan(struct ms_timelines_view *timelines, const struct ms_model *model, int by);
void ms_timelines_to_oldest(struct ms_timelines_view *timelines, const struct ms_model *model);
void ms_timelines_follow(struct ms_timelines_view *timelines);
/* Puts the cursor on a tick, and the window round it when it is outside. */
void ms_timelines_set_cursor(struct ms_timelines_view *timelines, const struct ms_model *model,
                             uint64_t tick);
void ms_timelines_step_cursor(struct ms_timelines_view *timelines, const struct ms_model *model,
                              int by);
/* "1 min" */
const char *ms_timelines_window_text(const struct ms_timelines_view *timelines);
/* Time of a tick since the program began, in ns. */
uint64_t ms_timelines_elapsed_ns(const struct ms_model *model, uint64_t tick);
/* "00:01:03 of the run, 14:21:07, 12 s ago" */
char *ms_timelines_time_text(const struct ms_model *model, uint64_t tick, bool wide, char *out,
                             size_t size);
/* Times above a chart of `width` cells; `per_cell` points in a cell. */
void ms_timelines_draw_axis(const struct ms_tui *tui, const struct ms_view *view,
                            struct ms_grid *grid, int row, int column, int width);
/* Cell of the chart that a tick is in; -1: outside. */
int ms_timelines_cell_of(const struct ms_timelines_span *span, uint64_t tick, int width);
uint64_t ms_timelines_tick_at(const struct ms_timelines_span *span, int cell, int width);

/* --- timelines_points.c --- */
struct ms_timelines_points *ms_timelines_points_of(struct ms_timelines_view *timelines,
                                                   uint64_t id);
/* Reads what is new of the span. Slots that are over are read once. */
void ms_timelines_points_read(struct ms_timelines_points *points,
                              const struct ms_history *const *histories, size_t count,
                              const struct ms_timelines_span *span);
double ms_timelines_mean_at(const struct ms_timelines_points *points,
                            const struct ms_timelines_span *span, uint64_t slot);
/* One value for each point of the chart. */
void ms_timelines_points_put(const struct ms_timelines_points *points,
                             const struct ms_timelines_span *span, double *out);
struct ms_timelines_figures ms_timelines_figures_of(const struct ms_timelines_points *points,
                                                    const struct ms_timelines_span *span);
/* Frees what no row has used since this was called last. */
void ms_timelines_points_sweep(struct ms_timelines_view *timelines);
void ms_timelines_points_free(struct ms_timelines_view *timelines);

/* --- timelines_rows.c --- */
/* Which rows there are for what is in focus, with their points; `bands_max`: lines for cores. */
void ms_timelines_rows_make(struct ms_tui *tui, const struct ms_view *view, int bands_max);
/* Why a row has no figures. */
const char *ms_timelines_why(const struct ms_timelines_row *row, const struct ms_model *model);

/* --- timelines_draw.c --- */
/* Gutter left of the charts and right of them, for a screen of so many columns. */
int ms_timelines_left(int columns);
int ms_timelines_right(int columns);
void ms_timelines_draw_row(const struct ms_tui *tui, const struct ms_view *view,
                           struct ms_grid *grid, const struct ms_timelines_row *row,
                           struct ms_area area, bool marked);
/* Peak and cursor over a chart. */
void ms_timelines_draw_marks(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                             const struct ms_timelines_figures *figures);
/* Top of the scale; at the cursor, else now; the colour of its chart. */
double ms_timelines_scale(const struct ms_timelines_row *row, double highest);
double ms_timelines_shown(const struct ms_timelines_view *timelines,
                          const struct ms_timelines_row *row);
enum ms_colour ms_timelines_colour(const struct ms_tui *tui, const struct ms_timelines_row *row);
/* A figure with its unit: "412%" "3.2GB/s". */
char *ms_timelines_value(double value, enum ms_unit unit, char *out, size_t size);

/* --- timelines_marks.c: what does not fit its past --- */
/* Marks those of a row in the first line of its chart. */
void ms_timelines_draw_anomalies(const struct ms_view *view, struct ms_grid *grid,
                                 const struct ms_timelines_view *timelines,
                                 const struct ms_timelines_row *row, struct ms_area chart);
/* Puts cursor and mark on the next later (`by` 1) or earlier one; false: there is none. */
bool ms_timelines_jump(struct ms_timelines_view *timelines, const struct ms_view *view, int by);
/* The one of the marked row at the cursor in words, "" none. */
char *ms_timelines_anomaly_text(const struct ms_timelines_view *timelines,
                                const struct ms_view *view, char *out, size_t size);

/* --- timelines_zoom.c: one row on the whole screen --- */
/* Cells left of the chart. */
int ms_timelines_zoom_left(int columns);
void ms_timelines_zoom_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                            const struct ms_timelines_row *row, struct ms_area area);

#endif
