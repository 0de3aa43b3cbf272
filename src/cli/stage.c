#include "cli/stage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/progress.h"
#include "cli/reports.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "collect/source_files.h"
#include "model/format.h"
#include "wire/clock.h"

#define DRAW_LIMIT_NS  (MS_NS_PER_S / 30) /* however fast keys come */
#define WRITING        "writing "
#define EXPORT_TOLD_NS (MS_NS_PER_S / 4) /* what is written faster is only said to be written */

void ms_stage_say(struct ms_stage *stage, bool error, const char *text)
{
    snprintf(stage->message, sizeof stage->message, "%s", text);
    stage->message_is_error = error;
}

void ms_stage_changed(struct ms_stage *stage)
{
    stage->next_draw_ns = 0;
}

bool ms_stage_editing(const struct ms_stage *stage)
{
    return stage->editor.pid > 0;
}

/* Of what is shown, which may have been over already then. */
static void status_of_past(const struct ms_model *model, struct ms_tui_status *status)
{
    const struct ms_process *program = ms_model_program(model);
    status->session = program == NULL || program->end_ns == 0 ? MS_TUI_LIVE : MS_TUI_ENDED;
    status->exit_status = 0;
    status->exit_signal = 0;
    if (status->session == MS_TUI_ENDED) {
        status->exit_status = program->exit_status;
        status->exit_signal = program->exit_status == -1 ? (int)program->exit_signal : 0;
    }
}

static struct ms_tui_status status_of(struct ms_stage *stage, struct ms_tui_time *time)
{
    struct ms_tui_status status = {
        .message = stage->message, .message_is_error = stage->message_is_error, .time = time};
    *time = *ms_moment_time(stage->moment);
    stage->owner.status(stage->owner.context, &status, time);
    if (ms_moment_away(stage->moment)) {
        time->runs = !time->file && status.session == MS_TUI_LIVE;
        status_of_past(ms_moment_model(stage->moment), &status);
    }
    return status;
}

static const struct ms_source_text *source_of(void *context, const struct ms_process *process,
                                              const char *file)
{
    const struct ms_stage *stage = context;
    /* A process of the past may be another one by now that has its number. */
    const bool lives = process->end_ns == 0 && !ms_moment_away(stage->moment);
    return ms_source_files_get(stage->sources, lives ? process->pid : 0, file);
}

static const struct ms_tui_changes *changes_since(void *context, size_t marks_back)
{
    const struct ms_stage *stage = context;
    return ms_since_mark_get(stage->since, marks_back);
}

static void edit(struct ms_stage *stage, const struct ms_command *command)
{
    char text[512];
    struct ms_editor_command editor;
    const struct ms_process *process =
        ms_model_process_by_id(ms_moment_model(stage->moment), command->process_id);
    if (command->path[0] == '\0') {
        ms_stage_say(
            stage, true,
            "no line information here: built without -g, or its debug file is not installed");
        return;
    }
    if (process == NULL) {
        return;
    }
    const struct ms_source_text *source = source_of(stage, process, command->path);
    if (source->path[0] == '\0') {
        snprintf(text, sizeof text, "%.300s %s", command->path, source->why);
        ms_stage_say(stage, true, text);
        return;
    }
    int result = ms_editor_make_command(&editor, ms_editor_choice(), source->path, command->line);
    if (result == 0) {
        ms_terminal_leave(stage->terminal);
        result = ms_editor_start(&stage->editor, &editor, ms_terminal_fd(stage->terminal));
        if (result != 0) {
            ms_terminal_return(stage->terminal);
        }
    }
    if (result != 0) {
        snprintf(text, sizeof text, "the editor does not start: %.200s: %s", editor.words[0],
                 strerror(-result));
        ms_stage_say(stage, true, text);
    }
}

static void watch_editor(struct ms_stage *stage)
{
    char text[512];
    int exit_status;
    const enum ms_editor_state state = ms_editor_look(&stage->editor, &exit_status);
    if (state == MS_EDITOR_STOPPED) { /* ^Z is meant for us all */
        ms_terminal_stop();
        ms_editor_go_on(&stage->editor);
    } else if (state == MS_EDITOR_ENDED) {
        ms_terminal_return(stage->terminal);
        ms_stage_changed(stage);
        if (exit_status != 0) {
            snprintf(text, sizeof text, "the editor (%.200s) ended with status %d",
                     ms_editor_choice(), exit_status);
            ms_stage_say(stage, true, text);
        }
    }
}

/* What was changed in the setup holds at once, but for what needs another start. */
static void take_settings(struct ms_stage *stage)
{
    const struct ms_settings *settings = ms_tui_settings(stage->tui);
    const struct ms_thresholds thresholds = ms_settings_thresholds(settings);
    int colours[MS_COLOUR_COUNT];
    ms_settings_colours(settings, colours);
    ms_terminal_set_colours(stage->terminal, colours);
    ms_terminal_set_mouse(stage->terminal, ms_tui_mouse(stage->tui));
    ms_moment_set_thresholds(stage->moment, &thresholds);
    stage->draw_ns = (uint64_t)(settings->values[MS_SETTING_REFRESH] * (double)MS_NS_PER_S);
}

static void write_config(struct ms_stage *stage)
{
    char text[512];
    char usual[MS_CONFIG_PATH_MAX];
    const char *path = stage->options->config_path;
    if (path == NULL || strcmp(path, "no") == 0) {
        path = ms_config_usual_path(usual, sizeof usual);
    }
    if (*path == '\0') {
        ms_stage_say(stage, true,
                     "not written: neither XDG_CONFIG_HOME nor HOME is set; give --config=FILE");
        return;
    }
    const int result = ms_config_write(path, ms_tui_settings(stage->tui));
    if (result == 0) {
        snprintf(text, sizeof text, "settings written: %.400s", path);
    } else {
        snprintf(text, sizeof text, "settings not written: %.300s: %s", path, strerror(-result));
    }
    ms_stage_say(stage, result != 0, text);
}

static void start_export(struct ms_stage *stage, const struct ms_command *command)
{
    char text[512];
    const struct ms_export_options options =
        ms_reports_options(stage->options, ms_moment_findings(stage->moment));
    const int result =
        ms_export_job_start(&stage->job, ms_export_by_path(command->path), command->path,
                            command->overwrite, ms_moment_model(stage->moment), &options);
    if (result == -EBUSY) {
        ms_stage_say(stage, true, "another export is running; x cancels it");
    } else if (result != 0) {
        snprintf(text, sizeof text, "not written: %.300s: %s", command->path,
                 ms_export_error(result));
        ms_stage_say(stage, true, text);
    }
}

static bool nothing_else_said(const struct ms_stage *stage)
{
    return stage->message[0] == '\0' || strncmp(stage->message, WRITING, strlen(WRITING)) == 0;
}

/* How far it is, while nothing else is to be said, and what became of it. */
static void watch_export(struct ms_stage *stage, uint64_t now_ns)
{
    char text[512];
    char progress[64];
    int result;
    if (ms_export_job_look(&stage->job, &result)) {
        if (result == 0) {
            snprintf(text, sizeof text, "written: %.400s", stage->job.path);
        } else {
            snprintf(text, sizeof text, "not written: %.300s: %s", stage->job.path,
                     ms_export_error(result));
        }
        ms_stage_say(stage, result != 0, text);
        ms_stage_changed(stage);
    } else if (ms_export_job_runs(&stage->job) && now_ns - stage->job.begun_ns > EXPORT_TOLD_NS &&
               nothing_else_said(stage)) {
        snprintf(text, sizeof text, WRITING "%.300s %s (x cancels)", stage->job.path,
                 ms_progress_text(progress, sizeof progress, stage->job.done, stage->job.all,
                                  now_ns - stage->job.begun_ns));
        ms_stage_say(stage, false, text);
    }
}

static const char *no_such_moment(const struct ms_tui_time *time, enum ms_time_what what, int by)
{
    const bool reading = time->file && time->anomalies_until_ns < time->last_ns;
    switch (what) {
    case MS_TIME_MARK:
        return by > 0 ? "no later mark (b sets one)" : "no earlier mark (b sets one)";
    case MS_TIME_ANOMALY:
        return reading  ? "none found so far; the recording is still being searched"
               : by > 0 ? "no later anomaly"
                        : "no earlier anomaly";
    case MS_TIME_PEAK:
        return "the time of its peak is not known";
    case MS_TIME_SPEED:
        return "no further speed";
    case MS_TIME_PLAY:
        return "this is live: it plays by itself";
    default:
        return by < 0 ? "nothing earlier is recorded" : "nothing later is recorded";
    }
}

static void travel(struct ms_stage *stage, const struct ms_time_wish *wish, uint64_t now_ns)
{
    const int result = ms_moment_ask(stage->moment, wish, now_ns);
    if (result == -ENODATA) {
        const struct ms_tui_time *time = ms_moment_time(stage->moment);
        ms_stage_say(stage, true, time->why != NULL ? time->why : "no history yet");
    } else if (result != 0) {
        const bool back = wish->by < 0 || wish->by_ns < 0 || wish->what == MS_TIME_FIRST;
        ms_stage_say(stage, false,
                     no_such_moment(ms_moment_time(stage->moment), wish->what, back ? -1 : 1));
    }
}

static void execute(struct ms_stage *stage, const struct ms_command *command, uint64_t now_ns)
{
    switch (command->type) {
    case MS_COMMAND_NONE:
        break;
    case MS_COMMAND_QUIT:
        stage->leave = true;
        break;
    case MS_COMMAND_EXPORT:
        start_export(stage, command);
        break;
    case MS_COMMAND_EDIT:
        edit(stage, command);
        break;
    case MS_COMMAND_SETTINGS:
        take_settings(stage);
        stage->owner.execute(stage->owner.context, command, now_ns);
        break;
    case MS_COMMAND_WRITE_CONFIG:
        write_config(stage);
        break;
    case MS_COMMAND_REDRAW:
        ms_terminal_redraw(stage->terminal);
        break;
    case MS_COMMAND_SUSPEND:
        ms_terminal_suspend(stage->terminal);
        break;
    case MS_COMMAND_TERMINAL:
        ms_terminal_set_mouse(stage->terminal, ms_tui_mouse(stage->tui));
        break;
    case MS_COMMAND_TIME:
        travel(stage, &command->time, now_ns);
        break;
    case MS_COMMAND_NOT_IN_THE_PAST:
        ms_stage_say(stage, true,
                     ms_moment_time(stage->moment)->file
                         ? "this is a recording: there is no program to act on"
                         : "not in the past: it acts on the running program; ^E goes back to live");
        break;
    case MS_COMMAND_TELL:
        ms_stage_say(stage, true, command->why);
        break;
    default:
        stage->owner.execute(stage->owner.context, command, now_ns);
        break;
    }
}

/* Screens keep things of a model; after a leap in time it is another one. */
static void follow_moment(struct ms_stage *stage)
{
    if (stage->drawn_serial != ms_moment_serial(stage->moment)) {
        stage->drawn_serial = ms_moment_serial(stage->moment);
        ms_tui_another_model(stage->tui);
    }
}

static void take_keys(struct ms_stage *stage, uint64_t now_ns)
{
    follow_moment(stage);
    while (!ms_stage_editing(stage) && !stage->leave) {
        struct ms_input input = ms_terminal_read(stage->terminal);
        if (input.key == MS_KEY_NONE) {
            return;
        }
        if (input.key == 'x' && ms_export_job_runs(&stage->job) && !ms_tui_typing(stage->tui)) {
            ms_export_job_cancel(&stage->job);
            ms_stage_changed(stage);
            continue;
        }
        if (input.key != MS_KEY_RESIZE) {
            stage->message[0] = '\0';
        } else if (stage->owner.resized != NULL) {
            stage->owner.resized(stage->owner.context);
        }
        int rows;
        int columns;
        ms_terminal_size(stage->terminal, &rows, &columns);
        struct ms_tui_time time;
        struct ms_tui_status status = status_of(stage, &time);
        struct ms_command command = {.type = MS_COMMAND_NONE};
        ms_tui_key(stage->tui, &input, ms_moment_model(stage->moment),
                   ms_moment_findings(stage->moment), &status, rows, columns, &command);
        execute(stage, &command, now_ns);
        ms_stage_changed(stage);
    }
}

static void take_signals(struct ms_stage *stage)
{
    bool by_terminal;
    int number;
    while ((number = ms_signals_next(stage->signals, &by_terminal)) != 0) {
        if (number == SIGTERM || number == SIGHUP || number == SIGINT) {
            stage->terminal_gone = true;
            stage->leave = true;
        }
    }
}

static void go_on_in_time(struct ms_stage *stage, uint64_t now_ns)
{
    char text[256];
    if (now_ns < ms_moment_next_ns(stage->moment)) {
        return;
    }
    const int result = ms_moment_go(stage->moment, now_ns);
    if (result < 0) {
        snprintf(text, sizeof text, "this moment cannot be shown: %s",
                 result == -EBADMSG ? "the recording is damaged there" : strerror(-result));
        ms_stage_say(stage, true, text);
    }
    if (result != 0) {
        ms_stage_changed(stage);
    }
}

void ms_stage_poll_fds(const struct ms_stage *stage, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = ms_stage_editing(stage) ? stage->editor.ended
                                                           : ms_terminal_fd(stage->terminal),
                             .events = POLLIN};
    fds[1] = (struct pollfd){.fd = stage->signals, .events = POLLIN};
}

static uint64_t draw_at_ns(const struct ms_stage *stage)
{
    const uint64_t earliest = stage->last_draw_ns + DRAW_LIMIT_NS;
    return stage->next_draw_ns > earliest ? stage->next_draw_ns : earliest;
}

uint64_t ms_stage_next_ns(const struct ms_stage *stage)
{
    if (ms_stage_editing(stage)) {
        return UINT64_MAX;
    }
    const uint64_t draw_ns = draw_at_ns(stage);
    const uint64_t time_ns = ms_moment_next_ns(stage->moment);
    return time_ns < draw_ns ? time_ns : draw_ns;
}

void ms_stage_handle(struct ms_stage *stage, const struct pollfd *fds)
{
    if (!ms_stage_editing(stage) && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        stage->terminal_gone = true;
        stage->leave = true;
        return;
    }
    take_signals(stage);
    if (ms_stage_editing(stage)) {
        watch_editor(stage);
    }
    const uint64_t now_ns = ms_monotonic_ns();
    take_keys(stage, now_ns);
    watch_export(stage, now_ns);
    if (!ms_stage_editing(stage)) {
        go_on_in_time(stage, now_ns);
    }
}

void ms_stage_draw(struct ms_stage *stage)
{
    int rows;
    int columns;
    const uint64_t now_ns = ms_monotonic_ns();
    if (ms_stage_editing(stage) || now_ns < draw_at_ns(stage)) {
        return;
    }
    ms_terminal_size(stage->terminal, &rows, &columns);
    if ((rows != ms_grid_rows(stage->grid) || columns != ms_grid_columns(stage->grid)) &&
        ms_grid_resize(stage->grid, rows, columns) != 0) {
        return;
    }
    follow_moment(stage);
    struct ms_tui_time time;
    struct ms_tui_status status = status_of(stage, &time);
    ms_tui_draw(stage->tui, ms_moment_model(stage->moment), ms_moment_findings(stage->moment),
                &status, stage->grid);
    ms_terminal_show(stage->terminal, stage->grid, ms_tui_scheme(stage->tui));
    ms_since_mark_rest(stage->since, now_ns);
    stage->last_draw_ns = now_ns;
    /* What stands still is drawn when something is asked for. */
    const bool still = time.file && !time.playing && !ms_export_job_runs(&stage->job);
    stage->next_draw_ns = ms_since_mark_reads(stage->since) ? 0
                          : still                           ? UINT64_MAX
                                                            : now_ns + stage->draw_ns;
}

int ms_stage_wait_ms(uint64_t now_ns, uint64_t until_ns)
{
    const uint64_t longest_ms = 3600 * UINT64_C(1000);
    const uint64_t ms =
        until_ns <= now_ns ? 0 : (until_ns - now_ns + MS_NS_PER_MS - 1) / MS_NS_PER_MS;
    return (int)(ms < longest_ms ? ms : longest_ms);
}

static int no_screen(const char *why, bool file)
{
    fprintf(stderr, "memscope-top: no live screen on this terminal: %s; use %s\n", why,
            file ? "memscope-top report, or export" : "--plain");
    return MS_EXIT_FAILURE;
}

int ms_stage_possible(bool file)
{
    const char *why;
    return ms_terminal_check(&why) != 0 ? no_screen(why, file) : 0;
}

int ms_stage_open(struct ms_stage *stage, const struct ms_options *options, const char *program,
                  const struct ms_stage_owner *owner, struct ms_moment *moment)
{
    const char *why = "";
    const bool mouse = options->settings.values[MS_SETTING_MOUSE] != 0;
    *stage = (struct ms_stage){.options = options, .owner = *owner, .moment = moment};
    stage->signals = ms_signals_open();
    stage->sources = ms_source_files_new();
    stage->since = ms_since_mark_new(moment);
    if (ms_terminal_open(&stage->terminal, mouse, options->colours, &why) != 0) {
        return no_screen(why, ms_moment_time(moment)->file);
    }
    struct ms_tui_options tui = {
        .glyphs = ms_terminal_glyphs(),
        .settings = &options->settings,
        .readonly = options->readonly,
        .stdin_from_terminal = options->stdin_from_terminal,
        .filter = options->filter,
        .program = program,
        .source = source_of,
        .source_context = stage,
        .changes = changes_since,
        .changes_context = stage,
    };
    stage->tui = ms_tui_new(&tui);
    stage->grid = ms_grid_new(24, 80);
    if (stage->tui == NULL || stage->grid == NULL || stage->sources == NULL ||
        stage->since == NULL) {
        ms_terminal_close(stage->terminal);
        stage->terminal = NULL;
        fputs("memscope-top: out of memory\n", stderr);
        return MS_EXIT_FAILURE;
    }
    take_settings(stage);
    return 0;
}

/* Who leaves cancels what is being written; said where it is still seen when the screen is gone. */
static void end_export(struct ms_stage *stage)
{
    const int result = ms_export_job_end(&stage->job);
    if (result != 0) {
        char path[512];
        ms_format_safe(path, sizeof path, stage->job.path, strlen(stage->job.path), true);
        fprintf(stderr, "memscope-top: not written: %s: %s\n", path,
                result == -ECANCELED ? "you quit before it was complete" : ms_export_error(result));
    }
}

void ms_stage_close(struct ms_stage *stage)
{
    ms_editor_end(&stage->editor);
    ms_terminal_close(stage->terminal);
    end_export(stage);
    ms_tui_free(stage->tui);
    ms_since_mark_free(stage->since);
    ms_source_files_free(stage->sources);
    ms_grid_free(stage->grid);
    if (stage->signals > 0) {
        close(stage->signals);
    }
}
