/* The live screen: what screens ask for of a program that runs. */
#include "cli/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/session.h"
#include "cli/stage.h"
#include "wire/clock.h"

#define POLL_MAX 8
/* A program that was asked to end gets this long before it is killed. */
#define KILL_AFTER_NS (3 * MS_NS_PER_S)

struct live {
    struct ms_session session;
    struct ms_stage stage;
    struct ms_moment *moment;
    uint64_t kill_ns; /* SIGKILL at this time unless it has ended; UINT64_MAX: not asked */
    bool detached;
    bool tracking_asked; /* the keeper's answer is awaited */
    bool loss_told;
};

bool ms_live_possible(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

static bool runs_without_keeper(const struct live *live)
{
    const struct ms_process *program = ms_model_program(live->session.model);
    return ms_collector_state(live->session.collector) == MS_STATE_KEEPER_LOST && program != NULL &&
           program->end_ns == 0;
}

static void status_of(void *context, struct ms_tui_status *status, struct ms_tui_time *time)
{
    const struct live *live = context;
    struct ms_collector *collector = live->session.collector;
    status->session = MS_TUI_LIVE;
    status->own_cpu_pct = ms_collector_own_cpu_pct(collector);
    enum ms_session_state state = ms_collector_state(collector);
    const struct ms_process *program = ms_model_program(live->session.model);
    if (runs_without_keeper(live)) {
        status->session = MS_TUI_LOST;
    } else if (state != MS_STATE_RUNNING) {
        status->session = MS_TUI_ENDED;
        status->exit_status = state != MS_STATE_KEEPER_LOST ? ms_collector_exit_status(collector)
                              : program != NULL && program->exit_status >= 0
                                  ? (int)program->exit_status /* as its probe noted it */
                                  : -1;
        if (program != NULL && program->end_ns != 0 && program->exit_status == -1) {
            status->exit_signal = (int)program->exit_signal;
        }
    }
    ms_session_tell_recording(&live->session, time);
}

static void say(struct live *live, bool error, const char *text)
{
    ms_stage_say(&live->stage, error, text);
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
        snprintf(text, sizeof text, "tracking was not changed: %s", strerror(-result));
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
            snprintf(text, sizeof text, "tracking was not changed: %s", answer.why);
        } else {
            snprintf(text, sizeof text, "tracking changed: %s",
                     ms_tracking_settings_text(now, sizeof now, &answer.now, true));
        }
        say(live, answer.refused, text);
        ms_stage_changed(&live->stage);
    }
    while (ms_session_new_step(&live->session, text, sizeof text)) {
        say(live, false, text);
        ms_stage_changed(&live->stage);
    }
}

/* Once, when the keeper is gone: what is left. */
static void tell_loss(struct live *live)
{
    if (live->loss_told || !runs_without_keeper(live)) {
        return;
    }
    live->loss_told = true;
    say(live, true,
        "the keeper is gone: the program and its figures go on; lost: output, exit status, -p, "
        "tracking, "
        "execs");
    ms_stage_changed(&live->stage);
}

/* From now on in a file, too. */
static void record(struct live *live, const struct ms_command *command)
{
    char text[512];
    const int result = ms_session_record(&live->session, command->path, command->overwrite);
    if (result == 0) {
        snprintf(text, sizeof text, "recording to %.400s, including the history so far",
                 command->path);
    } else {
        snprintf(text, sizeof text, "recording failed: %.300s: %s", command->path,
                 ms_export_error(result));
    }
    say(live, result != 0, text);
}

/* A recording that was stopped, when its disk has all of it. */
static void tell_recorded(struct live *live)
{
    char text[512];
    struct ms_session_recorded recorded;
    if (!ms_session_recording_stopped(&live->session, &recorded)) {
        return;
    }
    if (recorded.result == 0) {
        snprintf(text, sizeof text, "recorded: %s%s; open it with: memscope-top view",
                 recorded.path, recorded.losses);
    } else {
        snprintf(text, sizeof text, "recording incomplete: %s: %s%s", recorded.path,
                 ms_export_error(recorded.result), recorded.losses);
    }
    say(live, recorded.result != 0, text);
    ms_stage_changed(&live->stage);
}

static void mark(struct live *live, const struct ms_command *command)
{
    char text[512];
    const int result = ms_session_mark(&live->session, command->time.at_ns, command->path);
    if (result != 0) {
        snprintf(text, sizeof text, "mark not set: %s",
                 result == -ENODATA ? "no history of the session is kept" : strerror(-result));
    } else {
        snprintf(text, sizeof text, "mark set%s%.300s; return to it in the time bar (r)",
                 command->path[0] != '\0' ? ": " : "", command->path);
    }
    say(live, result != 0, text);
}

static void execute(void *context, const struct ms_command *command, uint64_t now_ns)
{
    struct live *live = context;
    switch (command->type) {
    case MS_COMMAND_DETACH_QUIT:
        live->detached = true;
        live->stage.leave = true;
        break;
    case MS_COMMAND_KILL_QUIT:
        send_signal(live, 0, SIGTERM);
        live->kill_ns = now_ns + KILL_AFTER_NS;
        say(live, false, "ending the program (SIGTERM, after 3 s SIGKILL) ...");
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
    case MS_COMMAND_SETTINGS: {
        const struct ms_thresholds thresholds =
            ms_settings_thresholds(ms_tui_settings(live->stage.tui));
        ms_findings_set_thresholds(live->session.findings, &thresholds);
        break;
    }
    case MS_COMMAND_RECORD:
        record(live, command);
        break;
    case MS_COMMAND_RECORD_STOP:
        ms_session_stop_recording(&live->session);
        say(live, false, "recording stopped; still writing to disk ...");
        break;
    case MS_COMMAND_MARK:
        mark(live, command);
        break;
    default:
        break;
    }
}

static void tell_window_size(void *context)
{
    const struct live *live = context;
    int rows;
    int columns;
    ms_terminal_size(live->stage.terminal, &rows, &columns);
    (void)ms_collector_window_size(live->session.collector, (unsigned)rows, (unsigned)columns);
}

static void end_program_when_asked(struct live *live, uint64_t now_ns)
{
    if (live->kill_ns == UINT64_MAX) {
        return;
    }
    if (ms_collector_state(live->session.collector) != MS_STATE_RUNNING &&
        !runs_without_keeper(live)) {
        live->stage.leave = true;
    } else if (now_ns >= live->kill_ns) {
        send_signal(live, 0, SIGKILL);
        live->kill_ns = now_ns + KILL_AFTER_NS;
    }
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int wait_ms(const struct live *live)
{
    uint64_t until = earliest(live->session.next_tick_ns, live->kill_ns);
    if (!ms_stage_editing(&live->stage)) {
        until = earliest(until, live->session.leave_ns);
    }
    return ms_stage_wait_ms(ms_monotonic_ns(), earliest(until, ms_stage_next_ns(&live->stage)));
}

/* INT, TERM and HUP end the viewer, never the program: that runs on under its keeper. */
static void loop(struct live *live)
{
    while (!live->stage.leave) {
        struct pollfd fds[POLL_MAX];
        ms_stage_poll_fds(&live->stage, fds);
        size_t count = ms_session_poll_fds(&live->session, fds, MS_STAGE_POLL_FDS, POLL_MAX);
        if (poll(fds, count, wait_ms(live)) < 0 && errno != EINTR) {
            return;
        }
        ms_stage_handle(&live->stage, fds);
        const uint64_t now_ns = ms_monotonic_ns();
        if (live->stage.terminal_gone) {
            live->detached = true;
            return;
        }
        if (ms_session_step(&live->session, now_ns) != 0) {
            say(live, true, "out of memory: figures are no longer updated");
        }
        tell_tracking(live);
        tell_loss(live);
        tell_recorded(live);
        end_program_when_asked(live, now_ns);
        if (now_ns >= live->session.leave_ns && !ms_stage_editing(&live->stage)) {
            live->detached = ms_collector_state(live->session.collector) == MS_STATE_RUNNING;
            live->stage.leave = true;
        }
        ms_stage_draw(&live->stage);
    }
}

static int open_stage(struct live *live)
{
    const struct ms_stage_owner owner = {
        .status = status_of, .execute = execute, .resized = tell_window_size, .context = live};
    const struct ms_moment_options moment = {
        .live = live->session.model,
        .live_findings = live->session.findings,
        .recording = ms_session_recording(&live->session),
        .thresholds = *ms_findings_thresholds(live->session.findings),
        .suppressions = live->session.suppressions,
    };
    live->moment = ms_moment_new(&moment);
    if (live->moment == NULL) {
        fputs("memscope-top: out of memory\n", stderr);
        return MS_EXIT_FAILURE;
    }
    return ms_stage_open(&live->stage, live->session.options, live->session.name, &owner,
                         live->moment);
}

int ms_live(const struct ms_options *options)
{
    struct live live = {.kill_ns = UINT64_MAX};
    /* Asked first: a program is not to be started that nobody can see. */
    int status = ms_stage_possible(false);
    status = status != 0 ? status : ms_session_open(&live.session, options, true);
    if (status != 0) {
        return status;
    }
    const int screen = open_stage(&live);
    if (screen == 0) {
        tell_window_size(&live);
        loop(&live);
    } else {
        live.detached = true;
    }
    ms_stage_close(&live.stage);
    ms_moment_free(live.moment);
    if (live.detached) {
        (void)ms_collector_detach(live.session.collector);
    }
    bool running = ms_collector_state(live.session.collector) == MS_STATE_RUNNING;
    if (running && !options->quiet) {
        const struct ms_message_session *about = ms_collector_session(live.session.collector);
        fprintf(stderr,
                "memscope-top: the program keeps running; attach to it with: memscope-top -p %u\n",
                about->pid);
    }
    status = ms_session_close(&live.session, running);
    return screen != 0 ? screen : status;
}
