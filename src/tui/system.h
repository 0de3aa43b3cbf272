/*
 * What the files of screen 0 share. system.c draws the pages and takes keys, system_insights.c is
 * the first page, a list; system_machine.c, system_memory.c, system_network.c and system_sources.c
 * are pages of text that scroll: each fills a canvas from above, of which the screen shows a part.
 */
#ifndef MS_TUI_SYSTEM_H
#define MS_TUI_SYSTEM_H

#include "analysis/insights.h"
#include "tui/screen.h"

enum ms_system_page {
    MS_SYSTEM_INSIGHTS,
    MS_SYSTEM_MACHINE,
    MS_SYSTEM_MEMORY,
    MS_SYSTEM_NETWORK,
    MS_SYSTEM_SOURCES,
    MS_SYSTEM_PAGES
};

struct ms_system_view {
    enum ms_system_page page;
    size_t tops[MS_SYSTEM_PAGES]; /* first line shown; not of the insights */
    size_t lines;                 /* of the page shown, as of the last drawing */
    struct ms_grid *canvas;
    struct ms_insights insights;
    struct ms_scope insights_scope;
    uint64_t insights_ns; /* when they were made; 0: never */
    struct ms_rows rows;  /* of insights, by their position + 1 */
};

/* Where the next line of a page goes. */
struct ms_sheet {
    struct ms_tui *tui;
    const struct ms_view *view;
    struct ms_grid *grid;
    int row, columns;
};

void ms_sheet_heading(struct ms_sheet *sheet, const char *text);
/* A paragraph, broken at blanks. */
void ms_sheet_text(struct ms_sheet *sheet, int column, enum ms_colour colour, const char *text);
/* A dim word and a figure; returns the column behind, or breaks the line when there is no room. */
int ms_sheet_pair(struct ms_sheet *sheet, int column, const char *word, const char *figure);
/* Says why a source gives nothing, or only in part; nothing when it is fine. True: it gives
 * nothing. */
bool ms_sheet_source(struct ms_sheet *sheet, enum ms_source source);
/* The same with a name before it, "NVIDIA: ". */
bool ms_sheet_source_of(struct ms_sheet *sheet, const char *name, enum ms_source source);
/* A figure, "n/a" for NaN. */
char *ms_sheet_pct(double value, char *out, size_t size);
char *ms_sheet_rate(double bytes_per_s, char *out, size_t size);

/* The process that pages are about: what is in focus, else the program; NULL: none. */
const struct ms_process *ms_system_process(const struct ms_tui *tui, const struct ms_model *model);

void ms_system_machine_page(struct ms_sheet *sheet);
void ms_system_memory_page(struct ms_sheet *sheet);
void ms_system_network_page(struct ms_sheet *sheet);
void ms_system_sources_page(struct ms_sheet *sheet);
/* How many sources give less than all. */
size_t ms_system_sources_missing(const struct ms_model *model);

/* Makes the insights anew when they are a second old. */
void ms_system_insights_update(struct ms_tui *tui, const struct ms_view *view);
void ms_system_insights_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                             int row, int end);
/* Opens what the marked one is about. */
void ms_system_insights_open(struct ms_tui *tui, const struct ms_view *view);
/* Rows of the list, of the area between row and end. */
int ms_system_insights_rows(const struct ms_tui *tui, int row, int end);

#endif
