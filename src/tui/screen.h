/*
 * What the files of this room share: the state of the view and the table of operations that every
 * screen and dialog is. A new screen is one file with such a table and one row in tui.c.
 */
#ifndef MS_TUI_SCREEN_H
#define MS_TUI_SCREEN_H

#include "analysis/call_tree.h"
#include "model/scope.h"
#include "model/tree.h"
#include "tui/entry.h"
#include "tui/keys.h"
#include "tui/layout.h"
#include "tui/rows.h"
#include "tui/settings.h"
#include "tui/thread_list.h"
#include "tui/tui.h"

#define MS_HOLDS_EXISTING "exists" /* how a message says that a file is there already */

/* Everything a screen may look at. */
struct ms_view {
    const struct ms_model *model;
    const struct ms_findings *findings;
    const struct ms_tui_status *status;
    struct ms_layout layout;
    int rows, columns;
};

enum ms_typing {
    MS_TYPING_NONE,
    MS_TYPING_FILTER,
    MS_TYPING_SEARCH,
    MS_TYPING_PROGRAM,
    MS_TYPING_SETTING
};

enum ms_pane {
    MS_PANE_GRAPHS,
    MS_PANE_THREAD,
    MS_PANE_SITE,
    MS_PANE_SCATTER,
    MS_PANE_COUNTERS,
    MS_PANE_COUNT
};

/* Screen 9. */
struct ms_output_state {
    bool follow;
    uint64_t top;   /* counted from the first line ever, so that it stays on its line */
    int skip;       /* cells scrolled to the right */
    uint64_t match; /* line found last, UINT64_MAX none */
    struct ms_entry search;
};

struct ms_help_state {
    unsigned place; /* whose keys */
    size_t top;
    struct ms_entry search;
};

struct ms_dialog_state {
    size_t chosen;        /* in a menu */
    struct ms_entry path; /* export */
    bool asked;           /* the command went out, its outcome is awaited */
    bool exists_shown;    /* the user has been shown that the file exists */
    bool done_shown;      /* ... that it was written */
    uint32_t process_id;  /* signal: who gets it */
    uint64_t at_ns;       /* mark: of when it is */
};

#define MS_FOLDED_MAX 256u
/* Screen p. */
struct ms_processes_state {
    struct ms_listing listing;
    struct ms_tree tree;
    bool flat;
    uint32_t folded[MS_FOLDED_MAX]; /* ids of processes */
    size_t folded_count;
};

struct ms_tracking_state {
    struct ms_tracking_settings settings; /* as far as edited; threads: see the entry */
    struct ms_entry threads;
    bool depth_typed; /* its digits are being typed: the next one goes behind */
};

struct ms_setup_state {
    size_t chosen, top;
    struct ms_entry entry; /* the value that is being typed */
    char why[200];         /* it is not taken; "" */
};

enum ms_hotspots_pane {
    MS_HOTSPOTS_STACK,
    MS_HOTSPOTS_SOURCE,
    MS_HOTSPOTS_NO_PANE,
    MS_HOTSPOTS_PANES
};

#define MS_HOTSPOTS_LINES_MAX 32u
/* Source lines of the marked row, kept while telling them anew is dear. */
struct ms_hotspots_lines {
    uint64_t key; /* of the row */
    uint64_t at_ns;
    size_t count;
    struct ms_call_line lines[MS_HOTSPOTS_LINES_MAX];
};

/* Screen 5. Orders are those of enum ms_site_figure. */
struct ms_hotspots_state {
    struct ms_listing listing;
    struct ms_call_tree *tree; /* NULL until the screen is opened first */
    enum ms_call_shape shape;
    enum ms_hotspots_pane pane;
    bool each_library_frame; /* not folded */
    bool all_unfolded;
    bool looked_at;                /* the first rows of this view were unfolded */
    enum ms_site_figure_kind kind; /* of the order that the rows are of */
    char filter[MS_ENTRY_MAX];     /* that the rows are of */
    uint8_t *indents;              /* of the rows, for `indent_capacity` of them */
    size_t indent_capacity;
    struct ms_hotspots_lines lines;
};

enum ms_site_pane { MS_SITE_SOURCE, MS_SITE_CLASSES, MS_SITE_THREADS, MS_SITE_PANES };

#define MS_SITE_STEPS_MAX 256u
/* The call site that is open, and those that [ and ] lead to. */
struct ms_site_state {
    uint32_t ids[MS_SITE_STEPS_MAX];
    size_t count, at;
    size_t all;     /* there are, of which `count` are kept */
    uint32_t level; /* marked one of the stack */
    bool level_chosen;
    size_t top; /* first level shown */
    enum ms_site_pane pane;
    const struct ms_screen *from; /* where it was opened, and what was in focus there */
    struct ms_scope scope_before;
};

struct ms_screen;
struct ms_leaks_view;        /* leaks.c */
struct ms_types_view;        /* types.c */
struct ms_diff_view;         /* diff.h */
struct ms_flows_view;        /* flows.h */
struct ms_timelines_view;    /* timelines.h */
struct ms_system_view;       /* system.h */
struct ms_rankings_view;     /* rankings.h */
struct ms_correlations_view; /* correlations.h */
struct ms_focus_view;        /* focus_panes.c */
struct ms_verdicts;          /* verdicts.h */

struct ms_tui {
    enum ms_glyphs glyphs;
    enum ms_scheme scheme;
    bool mouse;
    bool readonly;
    bool stdin_from_terminal;
    char program[256];
    const struct ms_screen *screen; /* below a dialog */
    const struct ms_screen *dialog; /* NULL: none */
    enum ms_typing typing;          /* where keys go as text */
    char filter_before[MS_ENTRY_MAX];
    struct ms_scope scope; /* what is in focus; screens show this, or dim the rest */
    struct ms_listing threads;
    bool table;                         /* overview as a table although cards fit */
    bool sites_by_total;                /* focus: call sites by allocated bytes, not live */
    enum ms_pane pane;                  /* focus: above the call sites */
    size_t counters_top;                /* focus: first figure shown of all */
    const struct ms_screen *focus_from; /* where the focus screen was opened; NULL: overview */
    struct ms_focus_view *focus;        /* NULL until its points were drawn */
    size_t site_chosen;
    struct ms_hotspots_state hotspots;
    struct ms_site_state site;
    const struct ms_source_text *(*source)(void *context, const struct ms_process *process,
                                           const char *file);
    void *source_context;
    struct ms_output_state output;
    struct ms_help_state help;
    struct ms_dialog_state state;
    struct ms_tracking_state tracking;
    struct ms_settings settings;
    struct ms_setup_state setup;
    enum ms_glyphs glyphs_of_terminal;
    bool glyphs_by_key; /* chosen by ~ since the settings were taken over */
    struct ms_processes_state processes;
    struct ms_leaks_view *leaks; /* NULL until the screen was opened */
    struct ms_types_view *types; /* NULL until the screen was opened */
    struct ms_diff_view *diff;   /* NULL until the screen was opened */
    const struct ms_tui_changes *(*changes)(void *context, size_t marks_back); /* may be NULL */
    void *changes_context;
    struct ms_flows_view *flows;               /* NULL until the first picture */
    struct ms_timelines_view *timelines;       /* NULL until the screen was opened */
    struct ms_system_view *system;             /* NULL until the screen was opened */
    struct ms_rankings_view *rankings;         /* NULL until the screen was opened */
    struct ms_correlations_view *correlations; /* NULL until the screen was opened */
    struct ms_verdicts *verdicts;              /* NULL until one was asked for */
    bool paused, frozen_taken;
    uint64_t paused_ns; /* time of the model at the pause */
    struct ms_grid *frozen;
};

struct ms_screen {
    enum ms_place place;
    int digit; /* the key of its tab; 0: it has none */
    const char *tab;
    /* Of a screen that is a list: what it is sorted by and where its rows are. Filter, choice of
     * the order and Esc are then done by tui.c, the rest by ms_listing_act from `key`. */
    const struct ms_orders *orders;
    struct ms_listing *(*listing)(struct ms_tui *tui);
    void (*init)(struct ms_tui *tui, const struct ms_view *view); /* when it is opened; or NULL */
    void (*draw)(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid);
    /* An action that is the screen's own; the rest tui.c has done. `input` for keys typed. */
    void (*key)(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                const struct ms_input *input, struct ms_command *command);
};

extern const struct ms_screen ms_screen_overview, ms_screen_focus, ms_screen_hotspots,
    ms_screen_site, ms_screen_leaks, ms_screen_output, ms_screen_flows, ms_screen_types,
    ms_screen_processes, ms_screen_timelines, ms_screen_system, ms_screen_rankings,
    ms_screen_correlations, ms_screen_diff;
extern const struct ms_screen ms_dialog_help, ms_dialog_export, ms_dialog_quit, ms_dialog_signal,
    ms_dialog_sort, ms_dialog_tracking, ms_dialog_axis, ms_dialog_setup, ms_dialog_time,
    ms_dialog_record, ms_dialog_mark;

/* All screens with a tab, in order; NULL ends. */
extern const struct ms_screen *const ms_screens[];

/* What is shown now on a terminal of this size. */
struct ms_view ms_tui_view(const struct ms_tui *tui, const struct ms_model *model,
                           const struct ms_findings *findings, const struct ms_tui_status *status,
                           int rows, int columns);
void ms_tui_open(struct ms_tui *tui, const struct ms_view *view, const struct ms_screen *screen);
void ms_tui_open_dialog(struct ms_tui *tui, const struct ms_view *view,
                        const struct ms_screen *dialog);
/* Opens the focus screen on a thread; everything else is then about it, too. */
void ms_tui_focus_thread(struct ms_tui *tui, const struct ms_view *view, uint32_t thread_id);
/* Opens the first of these call sites (at most MS_SITE_STEPS_MAX of `all`) and puts it in focus,
 * within what is in focus now. Esc comes back to the screen that is open now. */
void ms_tui_open_sites(struct ms_tui *tui, const struct ms_view *view, const uint32_t *ids,
                       size_t count, size_t all);
/* Asks for the editor at a frame of a site, at `line` of its file unless that is 0. The frame may
 * be NULL and its line unknown: then the command says so. */
void ms_tui_edit(const struct ms_view *view, uint32_t site_id, const struct ms_frame *frame,
                 uint32_t line, struct ms_command *command);
/* "make [4242]"; "" of NULL. Not neutralised. */
char *ms_tui_process_text(const struct ms_process *process, char *out, size_t size);
/* Whether names of some code are still being read. */
bool ms_tui_names_come(const struct ms_model *model);
/* "worker-3 (tid 4251)", "make [4242]", ...; "" when nothing is in focus. Not neutralised. */
char *ms_tui_scope_text(const struct ms_tui *tui, const struct ms_model *model, char *out,
                        size_t size);
/* What has ended or is out of focus is drawn dim. */
bool ms_tui_is_dim(const struct ms_tui *tui, const struct ms_view *view,
                   const struct ms_thread *thread);
/* The selected thread, or NULL. */
const struct ms_thread *ms_tui_selected(const struct ms_tui *tui, const struct ms_view *view);

/* The two shapes of the overview, cards.c and table.c; both scroll to the selection. */
void ms_cards_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid);
void ms_table_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid);

/* foot.c: all below the body */
void ms_foot_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid);
/* Hint of the lists of threads: the key bar has their keys, the alerts stand beside the names. */
#define MS_ALERTS_HINT "! alert  !! high alert"
/*
 * The message row of a list: its filter ("12 of 400 `word`"), what is in focus when there are no
 * tabs to say it, and a hint at the right when there is room.
 */
void ms_listing_draw_filter(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                            const struct ms_listing *listing, size_t all, const char *word,
                            const char *hint);

void ms_leaks_view_free(struct ms_leaks_view *leaks);                      /* accepts NULL */
void ms_system_view_free(struct ms_system_view *system);                   /* accepts NULL */
void ms_timelines_view_free(struct ms_timelines_view *timelines);          /* accepts NULL */
void ms_types_view_free(struct ms_types_view *types);                      /* accepts NULL */
void ms_diff_view_free(struct ms_diff_view *diff);                         /* accepts NULL */
void ms_focus_view_free(struct ms_focus_view *focus);                      /* accepts NULL */
void ms_verdicts_free(struct ms_verdicts *verdicts);                       /* accepts NULL */
void ms_rankings_view_free(struct ms_rankings_view *rankings);             /* accepts NULL */
void ms_correlations_view_free(struct ms_correlations_view *correlations); /* accepts NULL */

/* Remembers flows for their rates, whatever screen is shown; does something once a second. */
void ms_flows_watch(struct ms_tui *tui, const struct ms_model *model);
void ms_flows_view_free(struct ms_flows_view *flows);   /* accepts NULL */
void ms_flows_view_forget(struct ms_flows_view *flows); /* the model; accepts NULL */

/* title.c: all above the body */
void ms_title_draw(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid);
void ms_title_draw_tiny(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid);
/* What is in focus, if anything is; returns the cells taken, a gap behind included. */
int ms_title_put_scope(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                       int row, int column, int room);
/* The process whose figures are incomplete, or NULL. */
const struct ms_process *ms_title_partly_seen(const struct ms_model *model);

/* setup.c: from the state of the view to the settings, and back */
void ms_setup_sync(struct ms_tui *tui);
void ms_setup_apply(struct ms_tui *tui);
/* Takes the value over that was typed. */
void ms_setup_typed(struct ms_tui *tui, struct ms_command *command);

/* A place for a dialog of at most this size, frame included. */
struct ms_area ms_dialog_area(const struct ms_view *view, int rows, int columns);

/* dialogs.c: a menu of lines with their meaning; tui->state.chosen is the marked one. */
void ms_menu_draw(const struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid,
                  const char *title, const struct ms_orders *orders);
void ms_menu_key(struct ms_tui *tui, enum ms_action action, const struct ms_input *input,
                 const struct ms_orders *orders);

/* theme.c */
enum ms_colour ms_theme_role(enum ms_role role);
void ms_theme_put_role(struct ms_grid *grid, int row, int column, enum ms_role role, bool ended);
/* Two cells: nothing, " !" or "!!". */
void ms_theme_put_alert(struct ms_grid *grid, int row, int column, enum ms_alert alert);
wchar_t ms_theme_line(const struct ms_tui *tui);        /* of which rules are made */
const char *ms_theme_pointer(const struct ms_tui *tui); /* marks the selected line */
bool ms_theme_ascii(const struct ms_tui *tui);
void ms_theme_rule(const struct ms_tui *tui, struct ms_grid *grid, int row, int column, int width);
/* A rule with words in it. */
void ms_theme_heading(const struct ms_tui *tui, struct ms_grid *grid, int row, int column,
                      int width, const char *text);
/* An empty frame; returns the inside. */
struct ms_area ms_theme_frame(const struct ms_tui *tui, struct ms_grid *grid, struct ms_area area,
                              const char *title);
/* Bytes of a text that a row of so many columns (> 0) takes, broken at a blank. */
size_t ms_theme_break(const char *text, int columns);
/* A text broken at blanks into an area; returns rows used. */
int ms_theme_text(struct ms_grid *grid, struct ms_area area, const char *text);

#endif
