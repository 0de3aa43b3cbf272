/* Executes what the screens ask for: the screens themselves know neither clock nor descriptor. */
#include "cli/live.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/debug_log.h"
#include "cli/editor.h"
#include "cli/export_job.h"
#include "cli/progress.h"
#include "cli/reports.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "collect/source_files.h"
#include "tui/terminal.h"
#include "tui/tui.h"
#include "wire/clock.h"

#define POLL_MAX       8
#define DRAW_LIMIT_NS  (MS_NS_PER_S / 30) /* however fast keys come */
#define EXPORT_TOLD_NS (MS_NS_PER_S / 4)  /* what is written faster is only said to be written */
/* A program that was asked to end gets this long before it is killed. */
#define KILL_AFTER_NS (3 * MS_NS_PER_S)

struct live {
    struct ms_session session;
    struct ms_terminal *terminal;
    struct ms_tui *tui;
    struct ms_grid *grid;
    struct ms_source_files *sources;
    struct ms_export_job job;
    struct ms_editor editor; /* while it runs the terminal is its own; ticks go on */
    int signals;
    uint64_t draw_ns; /* interval */
    uint64_t next_draw_ns, last_draw_ns;
    uint64_t kill_ns; /* SIGKILL at this time unless it has ended; UINT64_MAX: not asked */
    bool leave;
    bool detached;
    bool tracking_asked; /* the keeper's answer is awaited */
    char message[512];
    bool message_is_error;
};

bool ms_live_possible(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

static void say(struct live *live, bool error, const char *text)
{
    snprintf(live->message, sizeof live->message, "%s", text);
    live->message_is_error = error;
}

static struct ms_tui_status status_of(const struct live *live)
{
    struct ms_collector *collector = live->session.collector;
    struct ms_tui_status status = {
        .session = MS_TUI_LIVE,
        .own_cpu_pct = ms_collector_own_cpu_pct(collector),
        .message = live->message,
        .message_is_error = live->message_is_error,
    };
    enum ms_session_state state = ms_collector_state(collector);
    if (state == MS_STATE_KEEPER_LOST) {
        status.session = MS_TUI_LOST;
    } else if (state != MS_STATE_RUNNING) {
        int exit_status = ms_collector_exit_status(collector);
        const struct ms_process *program = ms_model_program(live->session.model);
        status.session = MS_TUI_ENDED;
        status.exit_status = exit_status;
        if (program != NULL && program->end_ns != 0 && program->exit_status == -1) {
            status.exit_signal = (int)program->exit_signal;
        }
    }
    return status;
}

static void start_export(struct live *live, const struct ms_command *command)
{
    char text[512];
    const struct ms_export_options options =
        ms_reports_options(live->session.options, live->session.findings);
    const int result =
        ms_export_job_start(&live->job, ms_export_by_path(command->path), command->path,
                            command->overwrite, live->session.model, &options);
    if (result == -EBUSY) {
        say(live, true, "another file is being written; x cancels that");
    } else if (result != 0) {
        snprintf(text, sizeof text, "not written: %.300s: %s", command->path,
                 ms_export_error(result));
        say(live, true, text);
    }
}

/* How far it is, while nothing else is to be said, and what became of it. */
static void watch_export(struct live *live, uint64_t now_ns)
{
    char text[512];
    char progress[64];
    int result;
    if (ms_export_job_look(&live->job, &result)) {
        if (result == 0) {
            snprintf(text, sizeof text, "written: %.400s", live->job.path);
        } else {
            snprintf(text, sizeof text, "not written: %.300s: %s", live->job.path,
                     ms_export_error(result));
        }
        say(live, result != 0, text);
        live->next_draw_ns = 0;
    } else if (ms_export_job_runs(&live->job) && now_ns - live->job.begun_ns > EXPORT_TOLD_NS) {
        snprintf(text, sizeof text, "writing %.300s %s (x cancels)", live->job.path,
                 ms_progress_text(progress, sizeof progress, live->job.done, live->job.all,
                                  now_ns - live->job.begun_ns));
        say(live, false, text);
    }
}

static void send_signal(struct live *live, uint32_t process_id, int number)
{
    char text[128];
    int result = ms_collector_signal(live->session.collector, process_id, number);
    if (result == 0) {
        snprintf(text, sizeof text, "SIG%s sent", sigabbrev_np(number));
    } else {
        snprintf(text, sizeof text, "signal not sent: %s", strerror(-result));
    }
    say(live, result != 0, text);
}

static void ask_tracking(struct live *live, const struct ms_tracking_settings *wanted)
{
    char text[128];
    int result = ms_collector_set_tracking(live->session.collector, MS_TRACKING_PARTS, wanted);
    live->tracking_asked = result == 0;
    if (result != 0) {
        snprintf(text, sizeof text, "what is tracked was not changed: %s", strerror(-result));
        say(live, true, text);
    }
}

/* The keeper's answer, and what probes did by themselves. */
static void tell_tracking(struct live *live)
{
    char text[512];
    char now[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
    struct ms_tracking_answer answer;
    if (live->tracking_asked && ms_collector_tracking_answer(live->session.collector, &answer)) {
        live->tracking_asked = false;
        if (answer.refused) {
            snprintf(text, sizeof text, "what is tracked was not changed: %s", answer.why);
        } else {
            snprintf(text, sizeof text, "tracked from now on: %s",
                     ms_tracking_settings_text(now, sizeof now, &answer.now, true));
        }
        say(live, answer.refused, text);
        live->next_draw_ns = 0;
    }
    while (ms_session_new_step(&live->session, text, sizeof text)) {
        say(live, false, text);
        live->next_draw_ns = 0;
    }
}

static const struct ms_source_text *source_of(void *context, const struct ms_process *process,
                                              const char *file)
{
    return ms_source_files_get(context, process->end_ns == 0 ? process->pid : 0, file);
}

static bool editing(const struct live *live)
{
    return live->editor.pid > 0;
}

static void edit(struct live *live, const struct ms_command *command)
{
    char text[512];
    struct ms_editor_command editor;
    const struct ms_process *process =
        ms_model_process_by_id(live->session.model, command->process_id);
    if (command->path[0] == '\0') {
        say(live, true,
            "no line information here: built without -g, or its debug file is not installed");
        return;
    }
    if (process == NULL || live->kill_ns != UINT64_MAX) {
        return;
    }
    const struct ms_source_text *source = source_of(live->sources, process, command->path);
    if (source->path[0] == '\0') {
        snprintf(text, sizeof text, "%.300s %s", command->path, source->why);
        say(live, true, text);
        return;
    }
    int result = ms_editor_make_command(&editor, ms_editor_choice(), source->path, command->line);
    if (result == 0) {
        ms_terminal_leave(live->terminal);
        result = ms_editor_start(&live->editor, &editor, ms_terminal_fd(live->terminal));
        if (result != 0) {
            ms_terminal_return(live->terminal);
        }
    }
    if (result != 0) {
        snprintf(text, sizeof text, "the editor does not start: %.200s: %s", editor.words[0],
                 strerror(-result));
        say(live, true, text);
    }
}

static void watch_editor(struct live *live)
{
    char text[512];
    int exit_status;
    const enum ms_editor_state state = ms_editor_look(&live->editor, &exit_status);
    if (state == MS_EDITOR_STOPPED) { /* ^Z is meant for us all */
        ms_terminal_stop();
        ms_editor_go_on(&live->editor);
    } else if (state == MS_EDITOR_ENDED) {
        ms_terminal_return(live->terminal);
        live->next_draw_ns = 0;
        if (exit_status != 0) {
            snprintf(text, sizeof text, "the editor (%.200s) ended with status %d",
                     ms_editor_choice(), exit_status);
            say(live, true, text);
        }
    }
}

/* What was changed in the setup holds at once, but for what needs another start. */
static void take_settings(struct live *live)
{
    const struct ms_settings *settings = ms_tui_settings(live->tui);
    const struct ms_thresholds thresholds = ms_settings_thresholds(settings);
    int colours[MS_COLOUR_COUNT];
    ms_settings_colours(settings, colours);
    ms_terminal_set_colours(live->terminal, colours);
    ms_terminal_set_mouse(live->terminal, ms_tui_mouse(live->tui));
    ms_findings_set_thresholds(live->session.findings, &thresholds);
    live->draw_ns = (uint64_t)(settings->values[MS_SETTING_REFRESH] * (double)MS_NS_PER_S);
}

static void write_config(struct live *live)
{
    char text[512];
    char usual[MS_CONFIG_PATH_MAX];
    const char *path = live->session.options->config_path;
    if (path == NULL || strcmp(path, "no") == 0) {
        path = ms_config_usual_path(usual, sizeof usual);
    }
    if (*path == '\0') {
        say(live, true, "not written: neither XDG_CONFIG_HOME nor HOME is set; give --config=FILE");
        return;
    }
    const int result = ms_config_write(path, ms_tui_settings(live->tui));
    if (result == 0) {
        snprintf(text, sizeof text, "settings written: %.400s", path);
    } else {
        snprintf(text, sizeof text, "settings not written: %.300s: %s", path, strerror(-result));
    }
    say(live, result != 0, text);
}

static void execute(struct live *live, const struct ms_command *command, uint64_t now_ns)
{
    switch (command->type) {
    case MS_COMMAND_NONE:
        break;
    case MS_COMMAND_QUIT:
        live->leave = true;
        break;
    case MS_COMMAND_DETACH_QUIT:
        live->detached = true;
        live->leave = true;
        break;
    case MS_COMMAND_KILL_QUIT:
        send_signal(live, 0, SIGTERM);
        live->kill_ns = now_ns + KILL_AFTER_NS;
        say(live, false, "ending the program (SIGTERM, after 3 s SIGKILL) ...");
        break;
    case MS_COMMAND_EXPORT:
        start_export(live, command);
        break;
    case MS_COMMAND_SIGNAL:
        send_signal(live, command->process_id, command->signal);
        break;
    case MS_COMMAND_INPUT:
        (void)ms_collector_input(live->session.collector, command->path, strlen(command->path));
        break;
    case MS_COMMAND_TRACKING:
        ask_tracking(live, &command->tracking);
        break;
    case MS_COMMAND_EDIT:
        edit(live, command);
        break;
    case MS_COMMAND_SETTINGS:
        take_settings(live);
        break;
    case MS_COMMAND_WRITE_CONFIG:
        write_config(live);
        break;
    case MS_COMMAND_REDRAW:
        ms_terminal_redraw(live->terminal);
        break;
    case MS_COMMAND_SUSPEND:
        ms_terminal_suspend(live->terminal);
        break;
    case MS_COMMAND_TERMINAL:
        ms_terminal_set_mouse(live->terminal, ms_tui_mouse(live->tui));
        break;
    }
}

static void tell_window_size(struct live *live)
{
    int rows;
    int columns;
    ms_terminal_size(live->terminal, &rows, &columns);
    (void)ms_collector_window_size(live->session.collector, (unsigned)rows, (unsigned)columns);
}

static void take_keys(struct live *live, uint64_t now_ns)
{
    while (!editing(live)) {
        struct ms_input input = ms_terminal_read(live->terminal);
        if (input.key == MS_KEY_NONE) {
            return;
        }
        if (input.key == 'x' && ms_export_job_runs(&live->job)) {
            ms_export_job_cancel(&live->job);
            live->next_draw_ns = 0;
            continue;
        }
        if (input.key == MS_KEY_RESIZE) {
            tell_window_size(live);
        } else {
            live->message[0] = '\0';
        }
        int rows;
        int columns;
        ms_terminal_size(live->terminal, &rows, &columns);
        struct ms_tui_status status = status_of(live);
        struct ms_command command = {.type = MS_COMMAND_NONE};
        ms_tui_key(live->tui, &input, live->session.model, live->session.findings, &status, rows,
                   columns, &command);
        execute(live, &command, now_ns);
        live->next_draw_ns = 0;
    }
}

static void draw(struct live *live, uint64_t now_ns)
{
    int rows;
    int columns;
    ms_terminal_size(live->terminal, &rows, &columns);
    if ((rows != ms_grid_rows(live->grid) || columns != ms_grid_columns(live->grid)) &&
        ms_grid_resize(live->grid, rows, columns) != 0) {
        return;
    }
    struct ms_tui_status status = status_of(live);
    ms_tui_draw(live->tui, live->session.model, live->session.findings, &status, live->grid);
    ms_terminal_show(live->terminal, live->grid, ms_tui_scheme(live->tui));
    live->last_draw_ns = now_ns;
    live->next_draw_ns = now_ns + live->draw_ns;
}

/* INT, TERM and HUP end the viewer, never the program: that runs on under its keeper. */
static void take_signals(struct live *live)
{
    bool by_terminal;
    int number;
    while ((number = ms_signals_next(live->signals, &by_terminal)) != 0) {
        if (number == SIGTERM || number == SIGHUP || number == SIGINT) {
            live->detached = true;
            live->leave = true;
        }
    }
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int wait_ms(const struct live *live, uint64_t now_ns)
{
    uint64_t draw_at = live->next_draw_ns;
    if (draw_at < live->last_draw_ns + DRAW_LIMIT_NS) {
        draw_at = live->last_draw_ns + DRAW_LIMIT_NS;
    }
    uint64_t until = live->session.next_tick_ns;
    if (!editing(live)) {
        until = earliest(earliest(until, draw_at), live->session.leave_ns);
    }
    until = earliest(until, live->kill_ns);
    return until <= now_ns ? 0 : (int)((until - now_ns + MS_NS_PER_MS - 1) / MS_NS_PER_MS);
}

static void end_program_when_asked(struct live *live, uint64_t now_ns)
{
    if (live->kill_ns == UINT64_MAX) {
        return;
    }
    if (ms_collector_state(live->session.collector) != MS_STATE_RUNNING) {
        live->leave = true;
    } else if (now_ns >= live->kill_ns) {
        send_signal(live, 0, SIGKILL);
        live->kill_ns = now_ns + KILL_AFTER_NS;
    }
}

static void loop(struct live *live)
{
    while (!live->leave) {
        struct pollfd fds[POLL_MAX] = {
            {.fd = editing(live) ? live->editor.ended : ms_terminal_fd(live->terminal),
             .events = POLLIN},
            {.fd = live->signals, .events = POLLIN},
        };
        size_t count = ms_session_poll_fds(&live->session, fds, 2, POLL_MAX);
        if (poll(fds, count, wait_ms(live, ms_monotonic_ns())) < 0 && errno != EINTR) {
            return;
        }
        uint64_t now_ns = ms_monotonic_ns();
        if (!editing(live) && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
            live->detached = true; /* the terminal is gone */
            return;
        }
        take_signals(live);
        if (editing(live)) {
            watch_editor(live);
        }
        take_keys(live, now_ns);
        if (ms_session_step(&live->session, now_ns) != 0) {
            say(live, true, "out of memory: figures stand still");
        }
        tell_tracking(live);
        watch_export(live, now_ns);
        end_program_when_asked(live, now_ns);
        if (now_ns >= live->session.leave_ns && !editing(live)) {
            live->detached = ms_collector_state(live->session.collector) == MS_STATE_RUNNING;
            live->leave = true;
        }
        now_ns = ms_monotonic_ns();
        if (!editing(live) && now_ns >= live->next_draw_ns &&
            now_ns >= live->last_draw_ns + DRAW_LIMIT_NS) {
            draw(live, now_ns);
        }
    }
}

static int open_screen(struct live *live)
{
    const struct ms_options *options = live->session.options;
    const char *why = "";
    const bool mouse = options->settings.values[MS_SETTING_MOUSE] != 0;
    int result = ms_terminal_open(&live->terminal, mouse, options->colours, &why);
    if (result != 0) {
        fprintf(stderr, "memscope-top: no live screen on this terminal: %s; use --plain\n", why);
        return MS_EXIT_FAILURE;
    }
    struct ms_tui_options tui = {
        .glyphs = ms_terminal_glyphs(),
        .settings = &options->settings,
        .readonly = options->readonly,
        .stdin_from_terminal = options->stdin_from_terminal,
        .filter = options->filter,
        .program = live->session.name,
        .source = source_of,
        .source_context = live->sources,
    };
    live->tui = ms_tui_new(&tui);
    live->grid = ms_grid_new(24, 80);
    if (live->tui == NULL || live->grid == NULL || live->sources == NULL) {
        ms_terminal_close(live->terminal);
        live->terminal = NULL;
        fputs("memscope-top: out of memory\n", stderr);
        return MS_EXIT_FAILURE;
    }
    take_settings(live);
    return 0;
}

int ms_live(const struct ms_options *options)
{
    struct live live = {.kill_ns = UINT64_MAX};
    /* Asked first: a program is not to be started that nobody can see. */
    const char *why;
    if (ms_terminal_check(&why) != 0) {
        fprintf(stderr, "memscope-top: no live screen on this terminal: %s; use --plain\n", why);
        return MS_EXIT_FAILURE;
    }
    int status = ms_session_open(&live.session, options, true);
    if (status != 0) {
        return status;
    }
    live.signals = ms_signals_open();
    live.sources = ms_source_files_new();
    int screen = open_screen(&live);
    if (screen == 0) {
        tell_window_size(&live);
        loop(&live);
    } else {
        live.detached = true;
    }
    ms_export_job_end(&live.job);
    ms_editor_end(&live.editor);
    ms_terminal_close(live.terminal);
    ms_tui_free(live.tui);
    ms_source_files_free(live.sources);
    ms_grid_free(live.grid);
    if (live.detached) {
        (void)ms_collector_detach(live.session.collector);
    }
    if (live.signals >= 0) {
        close(live.signals);
    }
    bool running = ms_collector_state(live.session.collector) == MS_STATE_RUNNING;
    if (running && !options->quiet) {
        const struct ms_message_session *about = ms_collector_session(live.session.collector);
        fprintf(stderr, "memscope-top: the program runs on; join it with: memscope-top -p %u\n",
                about->pid);
    }
    status = ms_session_close(&live.session, running);
    return screen != 0 ? screen : status;
}
