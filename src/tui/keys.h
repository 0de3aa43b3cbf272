/*
 * The one table of keys: dispatch, help, key bar, clicks on it and the manual page come from it.
 *
 * X(places, key, name, action, label, help)
 *   places  where the key works, enum ms_place joined by |
 *   name    how people write the key
 *   label   in the key bar; "" = not there
 *   help    one line; "" = another key for the action of the row above
 *
 * h j k l g G are movement everywhere and never anything else.
 */
#ifndef MS_TUI_KEYS_H
#define MS_TUI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/tui.h"

enum ms_place {
    MS_PLACE_OVERVIEW = 1,
    MS_PLACE_FOCUS = 2,
    MS_PLACE_OUTPUT = 4,
    MS_PLACE_HELP = 8,
    MS_PLACE_EXPORT = 16,
    MS_PLACE_QUIT = 32,
    MS_PLACE_SIGNAL = 64,
    MS_PLACE_SORT = 128,
    MS_PLACE_TRACKING = 256,
    MS_PLACE_HOTSPOTS = 512,
    MS_PLACE_LEAKS = 1024,
    MS_PLACE_FLOWS = 2048,
    MS_PLACE_TYPES = 4096,
    MS_PLACE_PROCESSES = 8192,
    MS_PLACE_SITE = 16384,
    MS_PLACE_RANKINGS = 32768,
    MS_PLACE_CORRELATIONS = 131072,
    MS_PLACE_SETUP = 524288,
    MS_PLACE_TIMELINES = 65536,
    MS_PLACE_SYSTEM = 262144,
    MS_PLACE_TIME = 1048576,
    MS_PLACE_RECORD = 2097152,
    MS_PLACE_MARK = 4194304,
    MS_PLACE_DIFF = 8388608,
    MS_PLACE_LISTS = MS_PLACE_HOTSPOTS | MS_PLACE_LEAKS | MS_PLACE_FLOWS | MS_PLACE_TYPES |
                     MS_PLACE_PROCESSES | MS_PLACE_RANKINGS | MS_PLACE_DIFF,
    MS_PLACE_ROWS = MS_PLACE_OVERVIEW | MS_PLACE_LISTS,
    MS_PLACE_TABS = MS_PLACE_ROWS & ~MS_PLACE_DIFF, /* of these: what is no way back */
    MS_PLACE_SCREENS = MS_PLACE_ROWS | MS_PLACE_FOCUS | MS_PLACE_SITE | MS_PLACE_OUTPUT |
                       MS_PLACE_TIMELINES | MS_PLACE_CORRELATIONS | MS_PLACE_SYSTEM,
    MS_PLACE_THREADS = MS_PLACE_OVERVIEW | MS_PLACE_FOCUS | MS_PLACE_RANKINGS,
    MS_PLACE_DIALOGS = MS_PLACE_HELP | MS_PLACE_EXPORT | MS_PLACE_QUIT | MS_PLACE_SIGNAL |
                       MS_PLACE_SORT | MS_PLACE_TRACKING | MS_PLACE_SETUP | MS_PLACE_TIME |
                       MS_PLACE_RECORD | MS_PLACE_MARK,
    /* Where , and . step in time: on the timelines they move the cursor. */
    MS_PLACE_STEPS = (MS_PLACE_SCREENS & ~MS_PLACE_TIMELINES) | MS_PLACE_TIME,
    MS_PLACE_MENUS = MS_PLACE_SIGNAL | MS_PLACE_SORT,
    MS_PLACE_MOVES =
        MS_PLACE_SCREENS | MS_PLACE_HELP | MS_PLACE_MENUS | MS_PLACE_TRACKING | MS_PLACE_SETUP,
    MS_PLACE_SIDEWAYS = MS_PLACE_SCREENS | MS_PLACE_TRACKING | MS_PLACE_SETUP
};

enum ms_action {
    MS_ACTION_NONE,
    MS_ACTION_HELP,
    MS_ACTION_BACK,
    MS_ACTION_CANCEL,
    MS_ACTION_QUIT,
    MS_ACTION_KILL,
    MS_ACTION_DETACH,
    MS_ACTION_OVERVIEW,
    MS_ACTION_LEAKS,
    MS_ACTION_FLOWS,
    MS_ACTION_OUTPUT,
    MS_ACTION_TIMELINES,
    MS_ACTION_SYSTEM,
    MS_ACTION_HOTSPOTS,
    MS_ACTION_TYPES,
    MS_ACTION_PROCESSES,
    MS_ACTION_DIFF,
    MS_ACTION_RANKINGS,
    MS_ACTION_CORRELATIONS,
    MS_ACTION_NEXT_SCREEN,
    MS_ACTION_PREVIOUS_SCREEN,
    MS_ACTION_UP,
    MS_ACTION_DOWN,
    MS_ACTION_LEFT,
    MS_ACTION_RIGHT,
    MS_ACTION_PAGE_UP,
    MS_ACTION_PAGE_DOWN,
    MS_ACTION_FIRST,
    MS_ACTION_LAST,
    MS_ACTION_ENTER,
    MS_ACTION_NEXT_THREAD,
    MS_ACTION_PREVIOUS_THREAD,
    MS_ACTION_NEXT_SITE,
    MS_ACTION_PREVIOUS_SITE,
    MS_ACTION_EARLIER_MARK,
    MS_ACTION_LATER_MARK,
    MS_ACTION_UNFOLD,
    MS_ACTION_FOLD,
    MS_ACTION_UNFOLD_ALL,
    MS_ACTION_UNFOLD_HOT,
    MS_ACTION_LIBRARIES,
    MS_ACTION_EDIT,
    MS_ACTION_FILTER,
    MS_ACTION_SEARCH,
    MS_ACTION_SEARCH_NEXT,
    MS_ACTION_SEARCH_PREVIOUS,
    MS_ACTION_SORT,
    MS_ACTION_SORT_NEXT,
    MS_ACTION_SORT_PREVIOUS,
    MS_ACTION_SORT_INVERT,
    MS_ACTION_SORT_CPU,
    MS_ACTION_SORT_MEMORY,
    MS_ACTION_SORT_TIME,
    MS_ACTION_PAUSE,
    MS_ACTION_FOLLOW,
    MS_ACTION_ALIVE,
    MS_ACTION_AXIS_X,
    MS_ACTION_AXIS_Y,
    MS_ACTION_AXIS_THIRD,
    MS_ACTION_NEXT_PAIR,
    MS_ACTION_TREND,
    MS_ACTION_TYPE,
    MS_ACTION_SHAPE,
    MS_ACTION_PANE,
    MS_ACTION_EXPORT,
    MS_ACTION_SIGNAL,
    MS_ACTION_TRACKING,
    MS_ACTION_MODE_OFF, /* these in the order of enum ms_tracking_mode */
    MS_ACTION_MODE_COUNTERS,
    MS_ACTION_MODE_EXACT,
    MS_ACTION_MODE_AUTO,
    MS_ACTION_MODE_SAMPLED,
    MS_ACTION_MODE_TRACE,
    MS_ACTION_UNIT,
    MS_ACTION_SETUP,
    MS_ACTION_WRITE_CONFIG,
    MS_ACTION_DEFAULT,
    MS_ACTION_WIDEN, /* of time */
    MS_ACTION_NARROW,
    MS_ACTION_WINDOW_RESET,
    MS_ACTION_CURSOR_BACK,
    MS_ACTION_CURSOR_ON,
    MS_ACTION_WHY,
    MS_ACTION_TIME, /* the keys of time */
    MS_ACTION_TIME_BACK,
    MS_ACTION_TIME_ON,
    MS_ACTION_TIME_SECOND_BACK,
    MS_ACTION_TIME_SECOND_ON,
    MS_ACTION_TIME_TEN_BACK,
    MS_ACTION_TIME_TEN_ON,
    MS_ACTION_TIME_MINUTE_BACK,
    MS_ACTION_TIME_MINUTE_ON,
    MS_ACTION_TIME_FIRST,
    MS_ACTION_TIME_LAST,
    MS_ACTION_TIME_SHARE,
    MS_ACTION_TIME_PLAY,
    MS_ACTION_TIME_FASTER,
    MS_ACTION_TIME_SLOWER,
    MS_ACTION_TIME_PEAK,
    MS_ACTION_TIME_NEXT_MARK,
    MS_ACTION_TIME_PREVIOUS_MARK,
    MS_ACTION_TIME_NEXT_ANOMALY,
    MS_ACTION_TIME_PREVIOUS_ANOMALY,
    MS_ACTION_MARK,
    MS_ACTION_RECORD,
    MS_ACTION_GLYPHS,
    MS_ACTION_SCHEME,
    MS_ACTION_MOUSE,
    MS_ACTION_REDRAW,
    MS_ACTION_SUSPEND
};

/* clang-format off */
#define MS_KEYS(X) \
    X(MS_PLACE_SCREENS,  '?',              "?",       HELP,            "Help",    "help: the keys of this screen") \
    X(MS_PLACE_SCREENS,  MS_KEY_F1,        "F1",      HELP,            "",        "") \
    X(MS_PLACE_OVERVIEW, MS_KEY_ENTER,     "Enter",   ENTER,           "Focus",   "focus on the selected thread") \
    X(MS_PLACE_RANKINGS, MS_KEY_ENTER,     "Enter",   ENTER,           "Focus",   "focus on the selected thread; on a role heading: fold or unfold it") \
    X(MS_PLACE_RANKINGS, 't',              "t",       SHAPE,           "Roles",   "one list, or grouped by role with the mean of each group") \
    X(MS_PLACE_RANKINGS, MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_RANKINGS, 'a',              "a",       ALIVE,           "Alive",   "hide ended threads, or show them dimmed") \
    X(MS_PLACE_CORRELATIONS, 'x',          "x",       AXIS_X,          "Across",  "choose the metric of the horizontal axis") \
    X(MS_PLACE_CORRELATIONS, 'y',          "y",       AXIS_Y,          "Up",      "choose the metric of the vertical axis") \
    X(MS_PLACE_CORRELATIONS, 'i',          "i",       AXIS_THIRD,      "Colour",  "choose the metric shown as colour; with none, colour shows the role") \
    X(MS_PLACE_CORRELATIONS, 'c',          "c",       NEXT_PAIR,       "Next",    "next strongest pair of metrics (like Down); wraps around") \
    X(MS_PLACE_CORRELATIONS, 't',          "t",       TREND,           "Trend",   "show or hide the trend line") \
    X(MS_PLACE_CORRELATIONS, '[',          "[",       PREVIOUS_THREAD, "",        "show the previous thread alone; Esc shows all threads again") \
    X(MS_PLACE_CORRELATIONS, ']',          "]",       NEXT_THREAD,     "Thread",  "show the next thread alone; Esc shows all threads again") \
    X(MS_PLACE_CORRELATIONS, '+',          "+",       NARROW,          "",        "shorter time window") \
    X(MS_PLACE_CORRELATIONS, '-',          "-",       WIDEN,           "Longer",  "longer time window") \
    X(MS_PLACE_CORRELATIONS, '=',          "=",       WINDOW_RESET,    "",        "time window of one minute") \
    X(MS_PLACE_FOCUS,    MS_KEY_ENTER,     "Enter",   ENTER,           "Open",    "open the selected call site") \
    X(MS_PLACE_HOTSPOTS, MS_KEY_ENTER,     "Enter",   ENTER,           "Open",    "open the largest call site below the selected row: stack, source, sizes, threads") \
    X(MS_PLACE_FOCUS,    '[',              "[",       PREVIOUS_THREAD, "Prev",    "previous thread") \
    X(MS_PLACE_FOCUS,    ']',              "]",       NEXT_THREAD,     "Next",    "next thread") \
    X(MS_PLACE_SITE,     '[',              "[",       PREVIOUS_SITE,   "Prev",    "previous call site of the list it was opened from") \
    X(MS_PLACE_SITE,     ']',              "]",       NEXT_SITE,       "Next",    "next call site") \
    X(MS_PLACE_HOTSPOTS, 't',              "t",       SHAPE,           "Tree",    "bottom-up (allocating function first, callers below), top-down, or flat") \
    X(MS_PLACE_HOTSPOTS, MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_HOTSPOTS, 'v',              "v",       PANE,            "View",    "lower pane: stack and figures of the selected row, its source, or nothing") \
    X(MS_PLACE_SITE,     'v',              "v",       PANE,            "View",    "what comes first below the stack: source, sizes and lifetimes, or threads") \
    X(MS_PLACE_HOTSPOTS, 'L',              "L",       LIBRARIES,       "Libs",    "fold consecutive library functions into one row, or show each") \
    X(MS_PLACE_SITE | MS_PLACE_HOTSPOTS, 'o', "o", EDIT,               "Edit",    "open the source line in $VISUAL, $EDITOR or vi") \
    X(MS_PLACE_OVERVIEW, '/',              "/",       FILTER,          "Filter",  "show only threads whose name, tid or role contains a text") \
    X(MS_PLACE_OVERVIEW, '\\',             "\\",      FILTER,          "",        "") \
    X(MS_PLACE_OVERVIEW, MS_KEY_F3,        "F3",      FILTER,          "",        "") \
    X(MS_PLACE_OVERVIEW, MS_KEY_F4,        "F4",      FILTER,          "",        "") \
    X(MS_PLACE_LISTS,    '/',              "/",       FILTER,          "Filter",  "show only rows that contain a text") \
    X(MS_PLACE_LISTS,    '\\',             "\\",      FILTER,          "",        "") \
    X(MS_PLACE_LISTS,    MS_KEY_F3,        "F3",      FILTER,          "",        "") \
    X(MS_PLACE_LISTS,    MS_KEY_F4,        "F4",      FILTER,          "",        "") \
    X(MS_PLACE_OUTPUT | MS_PLACE_HELP, '/', "/",      SEARCH,          "Search",  "search for a text") \
    X(MS_PLACE_OUTPUT | MS_PLACE_HELP, '\\', "\\",    SEARCH,          "",        "") \
    X(MS_PLACE_OUTPUT | MS_PLACE_HELP, MS_KEY_F3, "F3", SEARCH,        "",        "") \
    X(MS_PLACE_OUTPUT,   MS_KEY_F4,        "F4",      SEARCH,          "",        "") \
    X(MS_PLACE_OUTPUT,   'n',              "n",       SEARCH_NEXT,     "Next",    "next match") \
    X(MS_PLACE_OUTPUT,   'N',              "N",       SEARCH_PREVIOUS, "",        "previous match") \
    X(MS_PLACE_ROWS,     's',              "s",       SORT,            "Sort",    "choose the sort column") \
    X(MS_PLACE_ROWS,     MS_KEY_F6,        "F6",      SORT,            "",        "") \
    X(MS_PLACE_ROWS,     '<',              "<",       SORT_PREVIOUS,   "",        "previous sort column") \
    X(MS_PLACE_ROWS,     '>',              ">",       SORT_NEXT,       "",        "next sort column") \
    X(MS_PLACE_ROWS,     'I',              "I",       SORT_INVERT,     "",        "reverse the order") \
    X(MS_PLACE_OVERVIEW, 'P',              "P",       SORT_CPU,        "",        "sort by CPU") \
    X(MS_PLACE_OVERVIEW, 'H',              "H",       SORT_MEMORY,     "",        "sort by peak memory") \
    X(MS_PLACE_OVERVIEW, 'T',              "T",       SORT_TIME,       "",        "sort by age") \
    X(MS_PLACE_OUTPUT,   'F',              "F",       FOLLOW,          "Follow",  "follow new lines at the end, or not") \
    X(MS_PLACE_SCREENS,  ' ',              "Space",   PAUSE,           "Pause",   "freeze the screen (data is still collected); in the past or a recording: play or pause") \
    X(MS_PLACE_SCREENS,  'Z',              "Z",       PAUSE,           "",        "") \
    X(MS_PLACE_SCREENS,  'e',              "e",       EXPORT,          "Export",  "export what was collected so far: JSON, HTML, CSV, pprof and more; x cancels a running export") \
    X(MS_PLACE_SITE,     MS_KEY_ESCAPE,    "Esc",     BACK,            "Back",    "back to where the call site was opened") \
    X(MS_PLACE_SITE,     MS_KEY_BACKSPACE, "Backspace", BACK,          "",        "") \
    X(MS_PLACE_SITE,     'q',              "q",       BACK,            "",        "") \
    X(MS_PLACE_FOCUS,    MS_KEY_ESCAPE,    "Esc",     BACK,            "Back",    "leave the focus, back to where it was opened") \
    X(MS_PLACE_FOCUS,    MS_KEY_BACKSPACE, "Backspace", BACK,          "",        "") \
    X(MS_PLACE_FOCUS,    'q',              "q",       BACK,            "",        "") \
    X(MS_PLACE_TIMELINES, MS_KEY_ENTER,    "Enter",   ENTER,           "Zoom",    "zoom the selected row to full screen, and back") \
    X(MS_PLACE_TIMELINES, 'z',             "z",       ENTER,           "",        "") \
    X(MS_PLACE_TIMELINES, '+',             "+",       NARROW,          "Shorter", "shorter time window, down to 10 s") \
    X(MS_PLACE_TIMELINES, '-',             "-",       WIDEN,           "Longer",  "longer time window, up to 24 h") \
    X(MS_PLACE_TIMELINES, '=',             "=",       WINDOW_RESET,    "",        "back to a window of one minute") \
    X(MS_PLACE_TIMELINES, ',',             ",",       CURSOR_BACK,     "Cursor",  "set the cursor or move it back (or click): every row shows its value at that time") \
    X(MS_PLACE_TIMELINES, '.',             ".",       CURSOR_ON,       "",        "move the cursor forward") \
    X(MS_PLACE_TIMELINES, 'n',             "n",       SEARCH_NEXT,     "Unusual", "next anomaly (!): a value unusual for its own past; without a cursor, the newest") \
    X(MS_PLACE_TIMELINES, 'N',             "N",       SEARCH_PREVIOUS, "",        "previous anomaly") \
    X(MS_PLACE_TIMELINES, 't',             "t",       SHAPE,           "Shape",   "filled, lines or, for a zoomed row, stacked by thread") \
    X(MS_PLACE_TIMELINES, MS_KEY_F5,       "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_TIMELINES, 'u',             "u",       WHY,             "",        "list the rows without data and why, or only count them") \
    X(MS_PLACE_TIMELINES, MS_KEY_ESCAPE,   "Esc",     CANCEL,          "",        "step by step: drop the cursor, leave the zoom, the past, the focus; never quits") \
    X(MS_PLACE_SYSTEM,   MS_KEY_ENTER,     "Enter",   ENTER,           "Open",    "open the thread, process or call site that the insight is about") \
    X(MS_PLACE_SYSTEM,   't',              "t",       SHAPE,           "Page",    "next page: insights, machine, memory and limits, files and network, sources") \
    X(MS_PLACE_SYSTEM,   MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_SYSTEM,   'v',              "v",       SHAPE,           "",        "") \
    X(MS_PLACE_SYSTEM,   MS_KEY_ESCAPE,    "Esc",     CANCEL,          "",        "leave the focus; never quits") \
    X(MS_PLACE_TABS | MS_PLACE_OUTPUT | MS_PLACE_TIMELINES | MS_PLACE_SYSTEM, 'q', "q",  QUIT,            "Quit",    "quit; asks what to do with a running program") \
    X(MS_PLACE_SCREENS,  'Q',              "Q",       QUIT,            "",        "quit, from anywhere") \
    X(MS_PLACE_SCREENS,  MS_KEY_CTRL('c'), "^C",      QUIT,            "",        "") \
    X(MS_PLACE_SCREENS,  MS_KEY_F10,       "F10",     QUIT,            "",        "") \
    X(MS_PLACE_TABS,     MS_KEY_ESCAPE,    "Esc",     CANCEL,          "",        "clear the filter, then leave the focus; never quits") \
    X(MS_PLACE_OUTPUT,   MS_KEY_ESCAPE,    "Esc",     CANCEL,          "",        "clear the search; never quits") \
    X(MS_PLACE_SCREENS,  '1',              "1",       OVERVIEW,        "",        "overview: all threads") \
    X(MS_PLACE_CORRELATIONS, 'q',          "q",       QUIT,            "Quit",    "quit; asks what to do with a running program") \
    X(MS_PLACE_CORRELATIONS, MS_KEY_ESCAPE, "Esc",    CANCEL,          "",        "leave the focus, show all threads; never quits") \
    X(MS_PLACE_SCREENS,  '2',              "2",       RANKINGS,        "",        "rankings: threads sorted by any metric, compared with the mean") \
    X(MS_PLACE_SCREENS,  '3',              "3",       TIMELINES,       "",        "timelines: every metric on one time axis") \
    X(MS_PLACE_SCREENS,  '4',              "4",       CORRELATIONS,    "",        "correlations: two metrics against each other; the strongest pairs") \
    X(MS_PLACE_SCREENS,  '5',              "5",       HOTSPOTS,        "",        "hotspots: which code allocates, runs or does I/O, as a call tree") \
    X(MS_PLACE_SCREENS,  '6',              "6",       LEAKS,           "",        "leaks: what keeps growing, what was not freed, misuse") \
    X(MS_PLACE_SCREENS,  'f',              "f",       FLOWS,           "",        "flows: which thread frees whose memory, and in what pattern") \
    X(MS_PLACE_SCREENS,  '9',              "9",       OUTPUT,          "",        "the program's own output") \
    X(MS_PLACE_SCREENS,  '0',              "0",       SYSTEM,          "",        "system: insights, machine, memory and limits, files and network, data sources") \
    X(MS_PLACE_SCREENS,  'Y',              "Y",       TYPES,           "",        "types: what is allocated, and by which call sites") \
    X(MS_PLACE_SCREENS,  'p',              "p",       PROCESSES,       "",        "processes: the process tree, with sums of each branch") \
    X(MS_PLACE_SCREENS,  'D',              "D",       DIFF,            "",        "diff: what changed since a mark, by call site and thread; noise is told apart") \
    X(MS_PLACE_PROCESSES, MS_KEY_ENTER,    "Enter",   ENTER,           "Focus",   "focus on this process on every screen; Esc leaves") \
    X(MS_PLACE_PROCESSES, '+',             "+",       UNFOLD,          "",        "unfold (like Right, which on an unfolded row goes to its first child)") \
    X(MS_PLACE_PROCESSES, '=',             "=",       UNFOLD,          "",        "") \
    X(MS_PLACE_PROCESSES, '-',             "-",       FOLD,            "",        "fold into one row with the sums (like Left, which on a folded row goes to its parent)") \
    X(MS_PLACE_PROCESSES, '*',             "*",       UNFOLD_ALL,      "",        "unfold all, or fold all") \
    X(MS_PLACE_PROCESSES, 't',             "t",       SHAPE,           "Tree",    "tree or flat list") \
    X(MS_PLACE_PROCESSES, MS_KEY_F5,       "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_PROCESSES, 'K',             "K",       SIGNAL,          "",        "send a signal to this process; asks first") \
    X(MS_PLACE_PROCESSES, MS_KEY_F9,       "F9",      SIGNAL,          "",        "") \
    X(MS_PLACE_SCREENS,  MS_KEY_TAB,       "Tab",     NEXT_SCREEN,     "",        "next screen") \
    X(MS_PLACE_SCREENS,  MS_KEY_BACK_TAB,  "S-Tab",   PREVIOUS_SCREEN, "",        "previous screen") \
    X(MS_PLACE_MOVES,    MS_KEY_UP,        "Up",      UP,              "",        "up") \
    X(MS_PLACE_MOVES,    'k',              "k",       UP,              "",        "") \
    X(MS_PLACE_MOVES,    MS_KEY_DOWN,      "Down",    DOWN,            "",        "down") \
    X(MS_PLACE_MOVES,    'j',              "j",       DOWN,            "",        "") \
    X(MS_PLACE_SIDEWAYS, MS_KEY_LEFT,      "Left",    LEFT,            "",        "left") \
    X(MS_PLACE_SIDEWAYS, 'h',              "h",       LEFT,            "",        "") \
    X(MS_PLACE_SIDEWAYS, MS_KEY_RIGHT,     "Right",   RIGHT,           "",        "right") \
    X(MS_PLACE_SIDEWAYS, 'l',              "l",       RIGHT,           "",        "") \
    X(MS_PLACE_MOVES,    MS_KEY_PAGE_UP,   "PgUp",    PAGE_UP,         "",        "page up") \
    X(MS_PLACE_MOVES,    MS_KEY_CTRL('u'), "^U",      PAGE_UP,         "",        "") \
    X(MS_PLACE_MOVES,    MS_KEY_PAGE_DOWN, "PgDn",    PAGE_DOWN,       "",        "page down") \
    X(MS_PLACE_MOVES,    MS_KEY_CTRL('d'), "^D",      PAGE_DOWN,       "",        "") \
    X(MS_PLACE_MOVES,    'g',              "g",       FIRST,           "",        "go to the first") \
    X(MS_PLACE_MOVES,    MS_KEY_HOME,      "Home",    FIRST,           "",        "") \
    X(MS_PLACE_MOVES,    'G',              "G",       LAST,            "",        "go to the last") \
    X(MS_PLACE_MOVES,    MS_KEY_END,       "End",     LAST,            "",        "") \
    X(MS_PLACE_ROWS,     'F',              "F",       FOLLOW,          "",        "selection follows its row, or stays in place") \
    X(MS_PLACE_OVERVIEW, 't',              "t",       SHAPE,           "",        "cards or table") \
    X(MS_PLACE_OVERVIEW, MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_FLOWS,    MS_KEY_ENTER,     "Enter",   ENTER,           "Focus",   "focus on the thread that allocated; again: on the thread that freed") \
    X(MS_PLACE_FLOWS,    't',              "t",       SHAPE,           "Shape",   "matrix or list of pairs") \
    X(MS_PLACE_FLOWS,    MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_FLOWS,    'v',              "v",       PANE,            "Group",   "every thread by itself, or grouped by name") \
    X(MS_PLACE_LEAKS,    't',              "t",       SHAPE,           "Next",    "likely leaks, not freed at exit, or misuse") \
    X(MS_PLACE_LEAKS,    MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_LEAKS,    MS_KEY_ENTER,     "Enter",   ENTER,           "Open",    "open the selected call site: stack, source, sizes, threads; for a misuse, ] goes to where the block was freed") \
    X(MS_PLACE_TYPES,    MS_KEY_ENTER,     "Enter",   ENTER,           "Sites",   "unfold the call sites of the type; on a call site: open it") \
    X(MS_PLACE_TYPES,    't',              "t",       SHAPE,           "Shape",   "types or families of types") \
    X(MS_PLACE_TYPES,    MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_DIFF,     MS_KEY_ENTER,     "Enter",   ENTER,           "Open",    "open the selected call site, or focus on the selected thread") \
    X(MS_PLACE_DIFF,     't',              "t",       SHAPE,           "Threads", "call sites or threads") \
    X(MS_PLACE_DIFF,     MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_DIFF,     '[',              "[",       EARLIER_MARK,    "Mark",    "compare with the previous mark; before the first: with the start") \
    X(MS_PLACE_DIFF,     ']',              "]",       LATER_MARK,      "",        "compare with the next mark") \
    X(MS_PLACE_DIFF,     MS_KEY_ESCAPE,    "Esc",     BACK,            "Back",    "clear the filter, then go back to where it was opened") \
    X(MS_PLACE_DIFF,     MS_KEY_BACKSPACE, "Backspace", BACK,          "",        "") \
    X(MS_PLACE_DIFF,     'q',              "q",       BACK,            "",        "") \
    X(MS_PLACE_OUTPUT,   'i',              "i",       TYPE,            "",        "type to the program (with --stdin=tty); ^] ends") \
    X(MS_PLACE_FOCUS,    't',              "t",       SHAPE,           "",        "call sites by live or by allocated bytes") \
    X(MS_PLACE_FOCUS,    MS_KEY_F5,        "F5",      SHAPE,           "",        "") \
    X(MS_PLACE_FOCUS,    'v',              "v",       PANE,            "View",    "next pane: graphs; block sizes and lifetimes of the thread or the selected site; scatter plot; all figures") \
    X(MS_PLACE_HOTSPOTS, '+',              "+",       UNFOLD,          "",        "unfold (like Right, which on an unfolded row goes to its first child)") \
    X(MS_PLACE_HOTSPOTS, '-',              "-",       FOLD,            "",        "fold (like Left, which on a folded row goes to its parent)") \
    X(MS_PLACE_HOTSPOTS, '=',              "=",       UNFOLD_HOT,      "",        "unfold the hot path until it splits evenly") \
    X(MS_PLACE_HOTSPOTS, '*',              "*",       UNFOLD_ALL,      "",        "unfold all, or fold all") \
    X(MS_PLACE_HOTSPOTS, 'n',              "n",       SEARCH_NEXT,     "",        "next row that matches the filter") \
    X(MS_PLACE_HOTSPOTS, 'N',              "N",       SEARCH_PREVIOUS, "",        "previous row that matches the filter") \
    X(MS_PLACE_FOCUS,    'o',              "o",       EDIT,            "",        "open the source of the selected call site in $VISUAL, $EDITOR or vi") \
    X(MS_PLACE_THREADS,  'K',              "K",       SIGNAL,          "",        "send a signal to the process of the thread; asks first") \
    X(MS_PLACE_THREADS,  MS_KEY_F9,        "F9",      SIGNAL,          "",        "") \
    X(MS_PLACE_SCREENS,  'M',              "M",       TRACKING,        "",        "tracking: mode, stack depth, sampling rate, threads") \
    X(MS_PLACE_SCREENS,  MS_KEY_F2,        "F2",      SETUP,           "",        "setup: refresh interval, colours, columns, thresholds") \
    X(MS_PLACE_SCREENS,  'S',              "S",       SETUP,           "",        "") \
    X(MS_PLACE_SCREENS,  'W',              "W",       WRITE_CONFIG,    "",        "save the settings to the configuration file") \
    X(MS_PLACE_SCREENS,  '~',              "~",       GLYPHS,          "",        "glyphs: braille, blocks, ASCII") \
    X(MS_PLACE_SCREENS,  'C',              "C",       SCHEME,          "",        "colours: default, colour-blind, none") \
    X(MS_PLACE_SCREENS,  '%',              "%",       MOUSE,           "",        "mouse on or off (off: the terminal can select text)") \
    X(MS_PLACE_SCREENS | MS_PLACE_DIALOGS, MS_KEY_CTRL('l'), "^L", REDRAW, "",    "redraw the screen") \
    X(MS_PLACE_SCREENS | MS_PLACE_DIALOGS, MS_KEY_CTRL('z'), "^Z", SUSPEND, "",   "suspend memscope-top; the program keeps running") \
    X(MS_PLACE_SCREENS,  'r',              "r",       TIME,            "Time",    "time travel: a bar of everything collected so far, and the keys to move in it") \
    X(MS_PLACE_STEPS,    ',',              ",",       TIME_BACK,       "",        "one tick back in time (on the timelines: the cursor); the program keeps running") \
    X(MS_PLACE_STEPS,    '.',              ".",       TIME_ON,         "",        "one tick forward; after the newest, live again") \
    X(MS_PLACE_SCREENS | MS_PLACE_TIME, MS_KEY_SHIFT_LEFT, "S-Left", TIME_TEN_BACK, "", "ten seconds back") \
    X(MS_PLACE_SCREENS | MS_PLACE_TIME, MS_KEY_SHIFT_RIGHT, "S-Right", TIME_TEN_ON, "", "ten seconds forward") \
    X(MS_PLACE_SCREENS | MS_PLACE_TIME, MS_KEY_CTRL_LEFT, "^Left", TIME_MINUTE_BACK, "", "a minute back") \
    X(MS_PLACE_SCREENS | MS_PLACE_TIME, MS_KEY_CTRL_RIGHT, "^Right", TIME_MINUTE_ON, "", "a minute forward") \
    X(MS_PLACE_SCREENS,  MS_KEY_CTRL('e'), "^E",      TIME_LAST,       "",        "back to live; in a recording: to its end") \
    X(MS_PLACE_SCREENS,  'b',              "b",       MARK,            "",        "set a mark, with an optional text, to return to or compare with") \
    X(MS_PLACE_SCREENS,  'R',              "R",       RECORD,          "",        "record to a file, including the history kept so far; again: show progress, or stop") \
    X(MS_PLACE_TIME,     ' ',              "Space",   TIME_PLAY,       "Play",    "play from here, or pause") \
    X(MS_PLACE_TIME,     '+',              "+",       TIME_FASTER,     "Faster",  "play faster, up to 60x") \
    X(MS_PLACE_TIME,     '>',              ">",       TIME_FASTER,     "",        "") \
    X(MS_PLACE_TIME,     '-',              "-",       TIME_SLOWER,     "",        "play slower, down to 0.25x") \
    X(MS_PLACE_TIME,     '<',              "<",       TIME_SLOWER,     "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_LEFT,      "Left",    TIME_SECOND_BACK, "-1s",    "one second back") \
    X(MS_PLACE_TIME,     'h',              "h",       TIME_SECOND_BACK, "",       "") \
    X(MS_PLACE_TIME,     MS_KEY_RIGHT,     "Right",   TIME_SECOND_ON,  "+1s",     "one second forward") \
    X(MS_PLACE_TIME,     'l',              "l",       TIME_SECOND_ON,  "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_UP,        "Up",      TIME_TEN_BACK,   "",        "ten seconds back") \
    X(MS_PLACE_TIME,     'k',              "k",       TIME_TEN_BACK,   "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_DOWN,      "Down",    TIME_TEN_ON,     "",        "ten seconds forward") \
    X(MS_PLACE_TIME,     'j',              "j",       TIME_TEN_ON,     "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_PAGE_UP,   "PgUp",    TIME_MINUTE_BACK, "",       "a minute back") \
    X(MS_PLACE_TIME,     MS_KEY_PAGE_DOWN, "PgDn",    TIME_MINUTE_ON,  "",        "a minute forward") \
    X(MS_PLACE_TIME,     MS_KEY_HOME,      "Home",    TIME_FIRST,      "",        "to the earliest moment kept") \
    X(MS_PLACE_TIME,     'g',              "g",       TIME_FIRST,      "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_END,       "End",     TIME_LAST,       "Last",    "back to live; in a recording: to its end") \
    X(MS_PLACE_TIME,     'G',              "G",       TIME_LAST,       "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_CTRL('e'), "^E",      TIME_LAST,       "",        "") \
    X(MS_PLACE_TIME,     '0',              "0",       TIME_SHARE,      "",        "to a tenth of the whole: 0 is the start, 5 the middle") \
    X(MS_PLACE_TIME,     '1',              "1",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '2',              "2",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '3',              "3",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '4',              "4",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '5',              "5",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '6',              "6",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '7',              "7",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '8',              "8",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     '9',              "9",       TIME_SHARE,      "",        "") \
    X(MS_PLACE_TIME,     'p',              "p",       TIME_PEAK,       "Peak",    "to the peak of the process in focus, or of the largest") \
    X(MS_PLACE_TIME,     ']',              "]",       TIME_NEXT_MARK,  "Mark",    "next mark") \
    X(MS_PLACE_TIME,     '[',              "[",       TIME_PREVIOUS_MARK, "",     "previous mark") \
    X(MS_PLACE_TIME,     'n',              "n",       TIME_NEXT_ANOMALY, "",      "next anomaly: a value unusual for its own past") \
    X(MS_PLACE_TIME,     'N',              "N",       TIME_PREVIOUS_ANOMALY, "",  "previous anomaly") \
    X(MS_PLACE_TIME,     MS_KEY_ENTER,     "Enter",   ENTER,           "Stay",    "stay at this moment and look around, on every screen; so does any key of a screen") \
    X(MS_PLACE_TIME,     'r',              "r",       ENTER,           "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_ESCAPE,    "Esc",     CANCEL,          "Back",    "back to live; in a recording: stay at this moment") \
    X(MS_PLACE_TIME,     'q',              "q",       CANCEL,          "",        "") \
    X(MS_PLACE_TIME,     '?',              "?",       HELP,            "Help",    "help: the keys of the time bar") \
    X(MS_PLACE_TIME,     MS_KEY_F1,        "F1",      HELP,            "",        "") \
    X(MS_PLACE_TIME,     MS_KEY_TAB,       "Tab",     NEXT_SCREEN,     "",        "next screen, at the same moment") \
    X(MS_PLACE_TIME,     MS_KEY_BACK_TAB,  "S-Tab",   PREVIOUS_SCREEN, "",        "previous screen") \
    X(MS_PLACE_RECORD,   MS_KEY_ENTER,     "Enter",   ENTER,           "Record",  "start or stop recording; asks before it overwrites a file") \
    X(MS_PLACE_MARK,     MS_KEY_ENTER,     "Enter",   ENTER,           "Set",     "set the mark") \
    X(MS_PLACE_RECORD | MS_PLACE_MARK, MS_KEY_CTRL('u'), "^U", PAGE_UP, "Clear",  "clear the input") \
    X(MS_PLACE_HELP,     MS_KEY_ESCAPE,    "Esc",     CANCEL,          "Back",    "back") \
    X(MS_PLACE_HELP,     'q',              "q",       CANCEL,          "",        "") \
    X(MS_PLACE_HELP,     '?',              "?",       CANCEL,          "",        "") \
    X(MS_PLACE_HELP,     MS_KEY_F1,        "F1",      CANCEL,          "",        "") \
    X(MS_PLACE_EXPORT,   MS_KEY_ENTER,     "Enter",   ENTER,           "Write",   "write the file; asks before it overwrites one") \
    X(MS_PLACE_EXPORT,   MS_KEY_TAB,       "Tab",     DOWN,            "Format",  "next format: JSON, HTML, CSV and more; or type its file extension") \
    X(MS_PLACE_EXPORT,   MS_KEY_CTRL('u'), "^U",      PAGE_UP,         "Clear",   "clear the path") \
    X(MS_PLACE_MENUS,    MS_KEY_ENTER,     "Enter",   ENTER,           "Choose",  "choose the selected line") \
    X(MS_PLACE_TRACKING, MS_KEY_ENTER,     "Enter",   ENTER,           "Apply",   "apply; the program keeps running") \
    X(MS_PLACE_TRACKING, 'x',              "x",       MODE_EXACT,      "Exact",   "exact: every allocation with its call stack") \
    X(MS_PLACE_TRACKING, 'a',              "a",       MODE_AUTO,       "Auto",    "auto: exact while cheap, then shorter stacks, then a sample") \
    X(MS_PLACE_TRACKING, 's',              "s",       MODE_SAMPLED,    "Sample",  "sampled: exact totals, call stacks of a sample") \
    X(MS_PLACE_TRACKING, 'c',              "c",       MODE_COUNTERS,   "Count",   "counters: no call stacks") \
    X(MS_PLACE_TRACKING, 't',              "t",       MODE_TRACE,      "",        "trace: exact, and every event in order; only if started with --trace") \
    X(MS_PLACE_TRACKING, 'o',              "o",       MODE_OFF,        "Off",     "off: nothing is counted") \
    X(MS_PLACE_TRACKING, '%',              "%",       UNIT,            "",        "sampling rate in bytes, or as a share of allocations") \
    X(MS_PLACE_SETUP,    MS_KEY_ENTER,     "Enter",   ENTER,           "Change",  "edit the value, or take the next one; Left and Right step through the choices") \
    X(MS_PLACE_SETUP,    'W',              "W",       WRITE_CONFIG,    "Write",   "save the settings to the configuration file; the previous file is kept as .old") \
    X(MS_PLACE_SETUP,    'd',              "d",       DEFAULT,         "Default", "back to the default") \
    X(MS_PLACE_SETUP,    MS_KEY_ESCAPE,    "Esc",     CANCEL,          "Back",    "close; changes last for this session unless saved with W") \
    X(MS_PLACE_SETUP,    'q',              "q",       CANCEL,          "",        "") \
    X(MS_PLACE_SETUP,    MS_KEY_F2,        "F2",      CANCEL,          "",        "") \
    X(MS_PLACE_QUIT,     'k',              "k",       KILL,            "Kill",    "end the program, then quit") \
    X(MS_PLACE_QUIT,     'd',              "d",       DETACH,          "Detach",  "quit; the program keeps running, -p attaches to it again") \
    X(MS_PLACE_EXPORT | MS_PLACE_RECORD | MS_PLACE_MARK | MS_PLACE_QUIT | MS_PLACE_MENUS | MS_PLACE_TRACKING, MS_KEY_ESCAPE, "Esc", CANCEL, "Cancel", "close without doing anything") \
    X(MS_PLACE_QUIT,     'c',              "c",       CANCEL,          "",        "") \
    X(MS_PLACE_MENUS | MS_PLACE_TRACKING, 'q',             "q",       CANCEL,          "",        "") \
    X(MS_PLACE_DIALOGS,  MS_KEY_CTRL('c'), "^C",      QUIT,            "",        "quit; asks what to do with a running program") \
    X(MS_PLACE_DIALOGS,  MS_KEY_F10,       "F10",     QUIT,            "",        "")
/* clang-format on */

struct ms_key_row {
    unsigned places;
    int key;
    const char *name;
    enum ms_action action;
    const char *label;
    const char *help;
};

const struct ms_key_row *ms_key_rows(size_t *count);
/* What people call a place ("Hotspots"), as help and the manual page say; "" for several. */
const char *ms_place_name(enum ms_place place);
/* What a key does in a place; MS_ACTION_NONE when nothing. */
enum ms_action ms_key_action(enum ms_place place, int key);
/* Whether an action is left out when nothing of the program may be touched (--readonly). */
bool ms_action_touches_program(enum ms_action action);

/* One label of the key bar. */
struct ms_key_label {
    const struct ms_key_row *row;
    int column, width; /* cells, the key's name and its label together */
};
#define MS_KEY_LABELS_MAX 16
/* The labels that fit into `columns`; the way out always comes first of those kept. Returns how
 * many. */
size_t ms_key_bar(enum ms_place place, int columns, bool readonly, struct ms_key_label *labels);

/* Keys of the action that starts at row `index`, as "? F1"; 0 when the row is a further key.
 * Returns the number of rows taken. */
size_t ms_key_names(size_t index, unsigned places, char *out, size_t size);

#endif
