/* The only file that knows curses. */
#include "tui/terminal.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#undef columns /* term.h takes common words for its capabilities */

#define DOUBLE_CLICK_NS 400000000
#define ESCAPE_DELAY_MS 25
/* Keys that curses has no numbers for. */
#define CTRL_LEFT  (KEY_MAX + 1)
#define CTRL_RIGHT (KEY_MAX + 2)
#define ORANGE     208 /* of 256 colours */

struct ms_terminal {
    SCREEN *screen;
    FILE *tty;
    bool colours;
    struct timespec last_click;
    int last_row, last_column;
    bool mouse_waits;      /* curses gives one key for several mouse events */
    enum ms_scheme scheme; /* whose colour pairs are set */
    bool scheme_set;
    int own_colours[MS_COLOUR_COUNT]; /* see ms_terminal_set_colours */
};

/* What a fatal signal needs to give the terminal back; the rest of curses is not safe there. */
static struct {
    volatile sig_atomic_t open;
    int fd;
    struct termios before;
    char leave[128];
    size_t leave_bytes;
} rescue;

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
enum { FATAL_SIGNALS = sizeof fatal_signals / sizeof fatal_signals[0] };

static void give_back_and_die(int number)
{
    if (rescue.open) {
        rescue.open = 0;
        const ssize_t written = write(STDOUT_FILENO, rescue.leave, rescue.leave_bytes);
        (void)written;
        tcsetattr(rescue.fd, TCSANOW, &rescue.before);
    }
    /* The default action was restored by SA_RESETHAND; it runs when this returns. */
    raise(number);
}

static void add_capability(const char *capability)
{
    if (capability == NULL || capability == (char *)-1) {
        return;
    }
    const size_t bytes = strlen(capability);
    if (rescue.leave_bytes + bytes < sizeof rescue.leave) {
        memcpy(rescue.leave + rescue.leave_bytes, capability, bytes);
        rescue.leave_bytes += bytes;
    }
}

static void arm_rescue(int fd)
{
    rescue.fd = fd;
    rescue.leave_bytes = 0;
    add_capability("\033[?1000l\033[?1006l"); /* mouse reports off */
    add_capability(tigetstr("sgr0"));
    add_capability(tigetstr("cnorm"));
    add_capability(tigetstr("rmcup"));
    rescue.open = 1;
    struct sigaction action = {.sa_handler = give_back_and_die, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FATAL_SIGNALS; i++) {
        sigaction(fatal_signals[i], &action, NULL);
    }
}

static void disarm_rescue(void)
{
    rescue.open = 0;
    for (size_t i = 0; i < FATAL_SIGNALS; i++) {
        signal(fatal_signals[i], SIG_DFL);
    }
}

enum ms_glyphs ms_terminal_glyphs(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? MS_GLYPHS_BRAILLE : MS_GLYPHS_ASCII;
}

/* newterm would end the process on some of these. */
static int check_term(const char **why)
{
    const char *term = getenv("TERM");
    if (term == NULL || *term == '\0') {
        *why = "TERM is not set";
        return -ENXIO;
    }
    int result = 0;
    if (setupterm(term, STDOUT_FILENO, &result) != OK || result != 1) {
        *why = "TERM names a terminal that the terminfo database does not know";
        return -ENXIO;
    }
    const char *move = tigetstr("cup");
    const bool able = move != NULL && move != (char *)-1;
    del_curterm(cur_term);
    if (!able) {
        *why = "TERM names a terminal that cannot move its cursor";
        return -ENXIO;
    }
    return 0;
}

static void set_up(struct ms_terminal *terminal, bool mouse)
{
    set_term(terminal->screen);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    define_key("\033[1;5D", CTRL_LEFT);
    define_key("\033[1;5C", CTRL_RIGHT);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, TRUE);
    curs_set(0);
    set_escdelay(ESCAPE_DELAY_MS);
    mouseinterval(0);
    if (terminal->colours) {
        start_color();
        use_default_colors();
    }
    ms_terminal_set_mouse(terminal, mouse);
}

int ms_terminal_check(const char **why)
{
    *why = "";
    if (!isatty(STDOUT_FILENO)) {
        *why = "stdout is not a terminal";
        return -ENOTTY;
    }
    const int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0) {
        *why = "there is no controlling terminal";
        return -ENOTTY;
    }
    close(tty);
    setlocale(LC_CTYPE, "");
    return check_term(why);
}

int ms_terminal_open(struct ms_terminal **out, bool mouse, bool colours, const char **why)
{
    *out = NULL;
    int result = ms_terminal_check(why);
    if (result != 0) {
        return result;
    }
    struct ms_terminal *terminal = calloc(1, sizeof *terminal);
    if (terminal == NULL) {
        *why = "out of memory";
        return -ENOMEM;
    }
    /* Keys come from the terminal itself, so that a piped stdin stays the program's. */
    terminal->tty = fopen("/dev/tty", "r+e");
    if (terminal->tty == NULL) {
        free(terminal);
        *why = "there is no controlling terminal";
        return -ENOTTY;
    }
    const int fd = fileno(terminal->tty);
    tcgetattr(fd, &rescue.before);
    terminal->screen = newterm(NULL, stdout, terminal->tty);
    if (terminal->screen == NULL) {
        fclose(terminal->tty);
        free(terminal);
        *why = "the terminal could not be initialised";
        return -ENXIO;
    }
    const char *no_color = getenv("NO_COLOR");
    terminal->colours = colours && has_colors() && (no_color == NULL || *no_color == '\0');
    set_up(terminal, mouse);
    arm_rescue(fd);
    *out = terminal;
    return 0;
}

void ms_terminal_close(struct ms_terminal *terminal)
{
    if (terminal == NULL) {
        return;
    }
    mousemask(0, NULL);
    /* Some terminals keep what was on the other screen when their size has changed meanwhile. */
    erase();
    refresh();
    endwin();
    disarm_rescue();
    delscreen(terminal->screen);
    fclose(terminal->tty);
    free(terminal);
}

int ms_terminal_fd(const struct ms_terminal *terminal)
{
    return fileno(terminal->tty);
}

void ms_terminal_size(const struct ms_terminal *terminal, int *rows, int *columns)
{
    (void)terminal;
    getmaxyx(stdscr, *rows, *columns);
}

void ms_terminal_redraw(struct ms_terminal *terminal)
{
    (void)terminal;
    clearok(curscr, TRUE);
}

void ms_terminal_set_mouse(struct ms_terminal *terminal, bool on)
{
    (void)terminal;
    mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
}

void ms_terminal_leave(struct ms_terminal *terminal)
{
    (void)terminal;
    endwin();
    rescue.open = 0; /* the terminal is as it was, and may be somebody else's now */
}

void ms_terminal_return(struct ms_terminal *terminal)
{
    (void)terminal;
    rescue.open = 1;
    clearok(curscr, TRUE);
    refresh();
}

void ms_terminal_stop(void)
{
    struct sigaction before;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t stop;
    sigset_t mask;
    sigemptyset(&plain.sa_mask);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigaction(SIGTSTP, &plain, &before);
    sigprocmask(SIG_UNBLOCK, &stop, &mask);
    raise(SIGTSTP);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGTSTP, &before, NULL);
}

void ms_terminal_suspend(struct ms_terminal *terminal)
{
    ms_terminal_leave(terminal);
    ms_terminal_stop();
    ms_terminal_return(terminal);
}

/* --- keys --- */

static int key_of(int code)
{
    static const struct {
        int code, key;
    } keys[] = {
        {KEY_UP, MS_KEY_UP},
        {KEY_DOWN, MS_KEY_DOWN},
        {KEY_LEFT, MS_KEY_LEFT},
        {KEY_RIGHT, MS_KEY_RIGHT},
        {KEY_HOME, MS_KEY_HOME},
        {KEY_END, MS_KEY_END},
        {KEY_PPAGE, MS_KEY_PAGE_UP},
        {KEY_NPAGE, MS_KEY_PAGE_DOWN},
        {KEY_BTAB, MS_KEY_BACK_TAB},
        {KEY_DC, MS_KEY_DELETE},
        {KEY_ENTER, MS_KEY_ENTER},
        {KEY_BACKSPACE, MS_KEY_BACKSPACE},
        {KEY_RESIZE, MS_KEY_RESIZE},
        {KEY_SLEFT, MS_KEY_SHIFT_LEFT},
        {KEY_SRIGHT, MS_KEY_SHIFT_RIGHT},
        {CTRL_LEFT, MS_KEY_CTRL_LEFT},
        {CTRL_RIGHT, MS_KEY_CTRL_RIGHT},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].code == code) {
            return keys[i].key;
        }
    }
    if (code >= KEY_F(1) && code <= KEY_F(10)) {
        return MS_KEY_F1 + (code - KEY_F(1));
    }
    return MS_KEY_NONE;
}

/* Two presses on one place within a moment; curses would make us wait for it. */
static enum ms_mouse_action click(struct ms_terminal *terminal, int row, int column)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long long since_ns = (long long)(now.tv_sec - terminal->last_click.tv_sec) * 1000000000 +
                               (now.tv_nsec - terminal->last_click.tv_nsec);
    const bool twice =
        since_ns < DOUBLE_CLICK_NS && row == terminal->last_row && column == terminal->last_column;
    terminal->last_click = twice ? (struct timespec){0} : now;
    terminal->last_row = row;
    terminal->last_column = column;
    return twice ? MS_MOUSE_DOUBLE_CLICK : MS_MOUSE_CLICK;
}

/* The next mouse event that means something; MS_KEY_NONE when none is left. */
static struct ms_input read_mouse(struct ms_terminal *terminal)
{
    MEVENT event;
    struct ms_input input = {.key = MS_KEY_NONE};
    while (getmouse(&event) == OK) {
        if ((event.bstate & BUTTON4_PRESSED) != 0) {
            input.mouse_action = MS_MOUSE_WHEEL_UP;
        } else if ((event.bstate & BUTTON5_PRESSED) != 0) {
            input.mouse_action = MS_MOUSE_WHEEL_DOWN;
        } else if ((event.bstate & BUTTON1_PRESSED) != 0) {
            input.mouse_action = click(terminal, event.y, event.x);
        } else {
            continue;
        }
        input.key = MS_KEY_MOUSE;
        input.row = event.y;
        input.column = event.x;
        return input;
    }
    terminal->mouse_waits = false;
    return input;
}

/* A size that changed without a signal reaching curses (it may be blocked or be another's). */
static bool size_changed(const struct ms_terminal *terminal)
{
    struct winsize size;
    if (ioctl(fileno(terminal->tty), TIOCGWINSZ, &size) != 0 || size.ws_row == 0 ||
        size.ws_col == 0 || !is_term_resized(size.ws_row, size.ws_col)) {
        return false;
    }
    resizeterm(size.ws_row, size.ws_col);
    return true;
}

struct ms_input ms_terminal_read(struct ms_terminal *terminal)
{
    struct ms_input input = {.key = MS_KEY_NONE};
    wint_t character = 0;
    if (size_changed(terminal)) {
        input.key = MS_KEY_RESIZE;
        return input;
    }
    for (;;) {
        if (terminal->mouse_waits) {
            input = read_mouse(terminal);
            if (input.key != MS_KEY_NONE) {
                return input;
            }
        }
        const int kind = wget_wch(stdscr, &character);
        if (kind == ERR) {
            return input;
        }
        if (kind == KEY_CODE_YES && character == KEY_MOUSE) {
            terminal->mouse_waits = true;
            continue;
        }
        if (kind == KEY_CODE_YES) {
            input.key = key_of((int)character);
        } else if (character == '\r') {
            input.key = MS_KEY_ENTER;
        } else if (character == 8) {
            input.key = MS_KEY_BACKSPACE;
        } else {
            input.key = (int)character;
        }
        if (input.key != MS_KEY_NONE) {
            return input;
        }
    }
}

/* --- picture --- */

struct look {
    short many, few; /* of 256 colours, of 8; -1 the terminal's own */
    attr_t attributes;
};

static const struct look looks[][MS_COLOUR_COUNT] =
    {
        [MS_SCHEME_DEFAULT] =
            {
                [MS_COLOUR_DEFAULT] = {-1, -1, 0},
                [MS_COLOUR_DIM] = {244, -1, A_DIM},
                [MS_COLOUR_TITLE] = {44, COLOR_CYAN, 0},
                [MS_COLOUR_TAB] = {244, -1, 0},
                [MS_COLOUR_TAB_ACTIVE] = {44, COLOR_CYAN, 0},
                [MS_COLOUR_SELECTED] = {44, COLOR_CYAN, 0},
                [MS_COLOUR_KEY] = {44, COLOR_CYAN, 0},
                [MS_COLOUR_WAITING] = {170, COLOR_MAGENTA, 0},
                [MS_COLOUR_MEMORY] = {203, COLOR_RED, 0},
                [MS_COLOUR_CPU] = {ORANGE, COLOR_YELLOW, 0},
                [MS_COLOUR_IO] = {75, COLOR_BLUE, 0},
                [MS_COLOUR_BALANCED] = {71, COLOR_GREEN, 0},
                [MS_COLOUR_LIGHT] = {246, -1, 0},
                [MS_COLOUR_ALERT_HIGH] = {196, COLOR_RED, 0},
                [MS_COLOUR_ALERT_MEDIUM] = {178, COLOR_YELLOW, 0},
                [MS_COLOUR_GRAPH] = {73, COLOR_CYAN, 0},
                [MS_COLOUR_GRAPH_HIGH] = {ORANGE, COLOR_YELLOW, 0},
                [MS_COLOUR_ERROR] = {196, COLOR_RED, 0},
            },
        /* Blue, orange and grey are told apart with any kind of colour vision; letters do the rest.
         */
        [MS_SCHEME_COLOUR_BLIND] =
            {
                [MS_COLOUR_DEFAULT] = {-1, -1, 0},
                [MS_COLOUR_DIM] = {244, -1, A_DIM},
                [MS_COLOUR_TITLE] = {74, COLOR_BLUE, 0},
                [MS_COLOUR_TAB] = {244, -1, 0},
                [MS_COLOUR_TAB_ACTIVE] = {74, COLOR_BLUE, 0},
                [MS_COLOUR_SELECTED] = {74, COLOR_BLUE, 0},
                [MS_COLOUR_KEY] = {74, COLOR_BLUE, 0},
                [MS_COLOUR_WAITING] = {175, COLOR_MAGENTA, 0},
                [MS_COLOUR_MEMORY] = {166, COLOR_YELLOW, 0},
                [MS_COLOUR_CPU] = {221, COLOR_WHITE, 0},
                [MS_COLOUR_IO] = {74, COLOR_BLUE, 0},
                [MS_COLOUR_BALANCED] = {36, COLOR_CYAN, 0},
                [MS_COLOUR_LIGHT] = {246, -1, 0},
                [MS_COLOUR_ALERT_HIGH] = {166, COLOR_YELLOW, A_REVERSE},
                [MS_COLOUR_ALERT_MEDIUM] = {221, COLOR_YELLOW, 0},
                [MS_COLOUR_GRAPH] = {74, COLOR_BLUE, 0},
                [MS_COLOUR_GRAPH_HIGH] = {221, COLOR_YELLOW, 0},
                [MS_COLOUR_ERROR] = {166, COLOR_YELLOW, A_REVERSE},
            },
        [MS_SCHEME_MONO] =
            {
                [MS_COLOUR_DIM] = {-1, -1, A_DIM},
                [MS_COLOUR_TAB] = {-1, -1, A_DIM},
                [MS_COLOUR_TAB_ACTIVE] = {-1, -1, A_BOLD},
                [MS_COLOUR_SELECTED] = {-1, -1, A_BOLD},
                [MS_COLOUR_KEY] = {-1, -1, A_BOLD},
                [MS_COLOUR_ALERT_HIGH] = {-1, -1, A_REVERSE},
                [MS_COLOUR_ERROR] = {-1, -1, A_REVERSE},
                [MS_COLOUR_GRAPH_HIGH] = {-1, -1, A_BOLD},
            },
};

static void set_scheme(struct ms_terminal *terminal, enum ms_scheme scheme)
{
    if (terminal->scheme_set && terminal->scheme == scheme) {
        return;
    }
    terminal->scheme = scheme;
    terminal->scheme_set = true;
    if (!terminal->colours || scheme == MS_SCHEME_MONO) {
        return;
    }
    for (short colour = 0; colour < MS_COLOUR_COUNT; colour++) {
        const struct look *look = &looks[scheme][colour];
        const int own = terminal->own_colours[colour];
        const bool use_own = own != MS_COLOUR_OF_SCHEME && own < COLORS;
        init_pair((short)(colour + 1),
                  use_own         ? (short)own
                  : COLORS >= 256 ? look->many
                                  : look->few,
                  -1);
    }
}

void ms_terminal_set_colours(struct ms_terminal *terminal, const int colours[MS_COLOUR_COUNT])
{
    memcpy(terminal->own_colours, colours, sizeof terminal->own_colours);
    terminal->scheme_set = false;
}

static attr_t attributes_of(const struct look *look, unsigned attributes, bool many)
{
    attr_t result = look->attributes;
    if (many && (result & A_DIM) != 0) {
        result &= ~A_DIM; /* the colour is dim itself */
    }
    if ((attributes & MS_ATTRIBUTE_BOLD) != 0) {
        result |= A_BOLD;
    }
    if ((attributes & MS_ATTRIBUTE_REVERSE) != 0) {
        result |= A_REVERSE;
    }
    if ((attributes & MS_ATTRIBUTE_DIM) != 0) {
        result |= A_DIM;
    }
    if ((attributes & MS_ATTRIBUTE_UNDERLINE) != 0) {
        result |= A_UNDERLINE;
    }
    return result;
}

void ms_terminal_show(struct ms_terminal *terminal, const struct ms_grid *grid,
                      enum ms_scheme scheme)
{
    const enum ms_scheme used = terminal->colours ? scheme : MS_SCHEME_MONO;
    const bool coloured = used != MS_SCHEME_MONO;
    set_scheme(terminal, used);
    erase();
    for (int row = 0; row < ms_grid_rows(grid) && row < LINES; row++) {
        for (int column = 0; column < ms_grid_columns(grid) && column < COLS; column++) {
            const struct ms_cell *cell = ms_grid_at(grid, row, column);
            if (cell->character == 0 || (cell->character == L' ' && cell->attributes == 0)) {
                continue;
            }
            const wchar_t text[2] = {cell->character, 0};
            const attr_t attributes = attributes_of(&looks[used][cell->colour], cell->attributes,
                                                    coloured && COLORS >= 256);
            cchar_t out;
            setcchar(&out, text, attributes, coloured ? (short)(cell->colour + 1) : 0, NULL);
            mvadd_wch(row, column, &out);
        }
    }
    refresh();
}
