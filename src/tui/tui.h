/*
 * The screens: state of the view (which screen, selection, filter, sort, dialogs), keys in,
 * commands out, a grid as picture. Reads model and findings, writes neither; executes nothing.
 * No ncurses here: src/tui/terminal.h is the only door to it.
 */
#ifndef MS_TUI_TUI_H
#define MS_TUI_TUI_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/findings.h"
#include "model/model.h"
#include "model/source_text.h"
#include "tui/changes.h"
#include "tui/grid.h"
#include "tui/settings.h"
#include "tui/time.h"

enum ms_glyphs { MS_GLYPHS_BRAILLE, MS_GLYPHS_BLOCK, MS_GLYPHS_ASCII };
enum ms_scheme { MS_SCHEME_DEFAULT, MS_SCHEME_COLOUR_BLIND, MS_SCHEME_MONO };

struct ms_tui_options {
    enum ms_glyphs glyphs;              /* what the terminal can show; settings may say otherwise */
    const struct ms_settings *settings; /* NULL: defaults */
    bool readonly;                      /* no signal, no kill */
    bool stdin_from_terminal;           /* the program reads what is typed on screen 9 */
    const char *filter;                 /* initial, may be NULL */
    const char *program;                /* shown in the title */
    /* Gives the text of a source file of a process; valid until it is called again. NULL: none. */
    const struct ms_source_text *(*source)(void *context, const struct ms_process *process,
                                           const char *file);
    void *source_context;
    /* What changed since the mark so many back from the model that is shown; never NULL, valid
     * until it is called again. Called while screen D is shown. NULL: none. */
    const struct ms_tui_changes *(*changes)(void *context, size_t marks_back);
    void *changes_context;
};

/* What the session tells the screens besides the model. */
struct ms_tui_status {
    /* LOST: the program runs on, but its keeper is gone */
    enum { MS_TUI_LIVE, MS_TUI_ENDED, MS_TUI_LOST } session;
    int exit_status;    /* valid when ended: 0..255, -1: not known, or... */
    int exit_signal;    /* > 0: killed by it */
    double own_cpu_pct; /* of the viewer; NaN unknown */
    /* Outcome of the last command, "" none; shown until the next key. An export whose file is
     * there already is an error that says "exists". */
    const char *message;
    bool message_is_error;
    const struct ms_tui_time *time; /* NULL: there is nothing but the present */
};

/* A key as the terminal gives it: a Unicode character, or one of these. */
enum ms_key {
    MS_KEY_NONE = 0,
    MS_KEY_ESCAPE = 27,
    MS_KEY_ENTER = '\n',
    MS_KEY_TAB = '\t',
    MS_KEY_BACKSPACE = 127,
    MS_KEY_UP = 0x110000,
    MS_KEY_DOWN,
    MS_KEY_LEFT,
    MS_KEY_RIGHT,
    MS_KEY_HOME,
    MS_KEY_END,
    MS_KEY_PAGE_UP,
    MS_KEY_PAGE_DOWN,
    MS_KEY_BACK_TAB,
    MS_KEY_DELETE,
    MS_KEY_SHIFT_LEFT,
    MS_KEY_SHIFT_RIGHT,
    MS_KEY_CTRL_LEFT,
    MS_KEY_CTRL_RIGHT,
    MS_KEY_F1,
    MS_KEY_F2,
    MS_KEY_F3,
    MS_KEY_F4,
    MS_KEY_F5,
    MS_KEY_F6,
    MS_KEY_F7,
    MS_KEY_F8,
    MS_KEY_F9,
    MS_KEY_F10,
    MS_KEY_RESIZE,
    MS_KEY_MOUSE
};
#define MS_KEY_CTRL(c) ((c)&0x1f)

enum ms_mouse_action {
    MS_MOUSE_CLICK,
    MS_MOUSE_DOUBLE_CLICK,
    MS_MOUSE_WHEEL_UP,
    MS_MOUSE_WHEEL_DOWN
};

struct ms_input {
    int key;                           /* enum ms_key or a character */
    enum ms_mouse_action mouse_action; /* for MS_KEY_MOUSE */
    int row, column;
};

enum ms_command_type {
    MS_COMMAND_NONE,
    MS_COMMAND_QUIT,         /* leave; the program has ended, or was dealt with before */
    MS_COMMAND_KILL_QUIT,    /* end the program, then leave */
    MS_COMMAND_DETACH_QUIT,  /* leave the program running */
    MS_COMMAND_EXPORT,       /* to `path`, whose ending names the format */
    MS_COMMAND_SIGNAL,       /* `signal` to the process of the selection */
    MS_COMMAND_INPUT,        /* bytes to the program's terminal: `path` holds them */
    MS_COMMAND_TRACKING,     /* `tracking` is wanted from now on */
    MS_COMMAND_EDIT,         /* the source file `path` of `process_id` at `line`; "": not known */
    MS_COMMAND_SETTINGS,     /* ms_tui_settings are others now */
    MS_COMMAND_WRITE_CONFIG, /* ms_tui_settings are to be kept */
    MS_COMMAND_REDRAW,
    MS_COMMAND_SUSPEND,
    MS_COMMAND_TERMINAL,        /* glyphs, scheme or mouse changed: ms_tui_glyphs etc. */
    MS_COMMAND_TIME,            /* `time` is wished */
    MS_COMMAND_MARK,            /* at the present moment; `path` is its text */
    MS_COMMAND_RECORD,          /* to `path` from now on, with what is kept of before */
    MS_COMMAND_RECORD_STOP,     /* the file is closed, the program goes on */
    MS_COMMAND_NOT_IN_THE_PAST, /* was asked for; to be told */
    MS_COMMAND_TELL             /* `why` says why nothing was done */
};

struct ms_command {
    enum ms_command_type type;
    char path[4096];
    const char *why; /* one that lives on */
    bool overwrite;  /* the user confirmed it */
    int signal;
    uint32_t process_id;
    uint32_t line;
    struct ms_tracking_settings tracking;
    struct ms_time_wish time;
};

struct ms_tui; /* opaque */

struct ms_tui *ms_tui_new(const struct ms_tui_options *options); /* NULL: no memory */
void ms_tui_free(struct ms_tui *tui);                            /* accepts NULL */

/* Takes one key; fills *command (MS_COMMAND_NONE mostly). `rows`, `columns`: the screen it was
 * pressed on. */
void ms_tui_key(struct ms_tui *tui, const struct ms_input *input, const struct ms_model *model,
                const struct ms_findings *findings, const struct ms_tui_status *status, int rows,
                int columns, struct ms_command *command);

/*
 * Draws the whole screen. Changes nothing but the grid and, in `tui`, what scrolling and the
 * following of the selection need, the picture kept for a pause, and what the user has been told
 * (a file is only replaced after the question was on the screen). While paused the picture of the
 * moment of the pause is drawn.
 */
void ms_tui_draw(struct ms_tui *tui, const struct ms_model *model,
                 const struct ms_findings *findings, const struct ms_tui_status *status,
                 struct ms_grid *grid);

/* The model of the next key or drawing is another one than before, though things in it may have the
 * same ids: forgets what was kept of it, but nothing that the user chose. */
void ms_tui_another_model(struct ms_tui *tui);

/* memscope-NAME-PID-TIME and the suffix, for what is written of a program: NAME of letters that are
 * safe in a file name, TIME that of the model. Returns `out`. */
char *ms_tui_file_name(char *out, size_t size, const char *program, const struct ms_model *model,
                       const char *suffix);

/* Are letters text now: of a filter, a path, a mark, or for the program? */
bool ms_tui_typing(const struct ms_tui *tui);

enum ms_glyphs ms_tui_glyphs(const struct ms_tui *tui);
enum ms_scheme ms_tui_scheme(const struct ms_tui *tui);
bool ms_tui_mouse(const struct ms_tui *tui);
/* As they are now, what keys changed among them once they are to be written. */
const struct ms_settings *ms_tui_settings(const struct ms_tui *tui);

#endif
