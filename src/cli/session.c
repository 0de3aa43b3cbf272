/* Start, join, tick, close: shared by the live screen and the plain mode. */
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/debug_log.h"
#include "cli/reports.h"
#include "cli/rules.h"
#include "cli/tracking.h"
#include "collect/symbol_cache.h"
#include "collect/tracking.h"
#include "export/text.h"
#include "keeper/keeper.h"
#include "keeper/launch.h"
#include "model/format.h"
#include "wire/clock.h"

/* Names of functions that are still on their way at the end get this long: a report wants them all,
 * the summary shows three, and without either nobody waits. */
#define SETTLE_REPORT_NS  (10 * MS_NS_PER_S)
#define SETTLE_SUMMARY_NS MS_NS_PER_S

#define TRACE_WAIT_MS 1000 /* a viewer that reads nothing for so long holds nothing up any more */

const char *ms_session_program(const struct ms_message_session *about, char *out, size_t size)
{
    char name[MS_PROCESS_NAME_MAX];
    char exe[MS_SESSION_TEXT_MAX + 1];
    char argv0[MS_SESSION_TEXT_MAX + 1] = "";
    const size_t bytes =
        about->text_bytes < sizeof about->text ? about->text_bytes : sizeof about->text;
    const size_t exe_bytes = about->exe_bytes < bytes ? about->exe_bytes : bytes;
    snprintf(exe, sizeof exe, "%.*s", (int)exe_bytes, about->text);
    snprintf(argv0, sizeof argv0, "%.*s", (int)(bytes - exe_bytes), about->text + exe_bytes);
    ms_program_name(exe, argv0, name, sizeof name);
    ms_format_safe(out, size, name, strlen(name), true);
    return out;
}

static int look_at_program(const struct ms_options *options, struct ms_launch *launch)
{
    const char *program = options->arguments[0];
    const char *meant = options->command_near;
    char shown[512];
    ms_format_safe(shown, sizeof shown, program, strlen(program), true);
    const int result = ms_launch_look(program, launch);
    if (result == 0) {
        return 0;
    }
    char because[sizeof launch->because];
    ms_format_safe(because, sizeof because, launch->because, strlen(launch->because), true);
    const bool near = result == -ENOENT && meant != NULL;
    fprintf(stderr, "memscope-top: %s: %s%s%s%s%s\n", shown,
            result == -ENOENT ? "" : "cannot be run: ", because,
            near ? "; did you mean the command '" : "", near ? meant : "", near ? "'?" : "");
    return result == -ENOENT ? MS_EXIT_NOT_FOUND : MS_EXIT_CANNOT_RUN;
}

static int open_tee(const struct ms_options *options, bool live, int *descriptor)
{
    *descriptor = -1;
    if (options->tee_path == NULL) {
        return 0;
    }
    if (!live) {
        fprintf(stderr, "memscope-top: --tee needs the live screen; without it the "
                        "program writes to stdout as usual\n");
        return MS_EXIT_USAGE;
    }
    *descriptor = open(options->tee_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (*descriptor < 0) {
        fprintf(stderr, "memscope-top: --tee: %s: %s\n", options->tee_path, strerror(errno));
        return MS_EXIT_FAILURE;
    }
    return 0;
}

static int exec_failure(const char *program, int error, bool own)
{
    if (own) {
        fprintf(stderr, "memscope-top: cannot start: %s\n", strerror(error));
        return MS_EXIT_FAILURE;
    }
    char shown[512];
    ms_format_safe(shown, sizeof shown, program, strlen(program), true);
    fprintf(stderr, "memscope-top: %s: cannot be run: %s\n", shown, strerror(error));
    return error == ENOENT ? MS_EXIT_NOT_FOUND : MS_EXIT_CANNOT_RUN;
}

static void keeper_options_fill(struct ms_keeper_options *keeper, const struct ms_options *options,
                                bool live)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    if (live) {
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    }
    keeper->arguments = options->arguments;
    keeper->pty = live;
    keeper->stdin_from_terminal = options->stdin_from_terminal;
    keeper->rows = size.ws_row > 0 ? size.ws_row : 24;
    keeper->columns = size.ws_col > 0 ? size.ws_col : 80;
    ms_tracking_of_settings(&keeper->config.tracking, &options->tracking);
    keeper->config.follow_children = options->children;
    keeper->config.io = options->io;
    keeper->config.trace_allowed = options->tracking.mode == MS_TRACK_TRACE;
    keeper->config.trace_buffer_bytes = options->trace_buffer_bytes;
    keeper->config.trace_events_max = options->trace_events_max;
    keeper->config.trace_wait_ms = options->trace_waits ? TRACE_WAIT_MS : 0;
}

static int start_program(struct ms_session *session, char *socket_path, size_t size)
{
    const struct ms_options *options = session->options;
    struct ms_launch launch;
    int result = look_at_program(options, &launch);
    if (result != 0) {
        return result;
    }
    char probe[PATH_MAX] = "";
    char tried[1024];
    if (launch.preload && ms_launch_find_probe(probe, sizeof probe, tried, sizeof tried) != 0) {
        fprintf(stderr,
                "memscope-top: the probe library is missing (looked for %s); rebuild or reinstall "
                "memscope-top\n",
                tried);
        return MS_EXIT_FAILURE;
    }
    if (launch.verdict != MS_VERDICT_FULL && !options->quiet && !session->live) {
        fprintf(stderr, "memscope-top: %s can be tracked only partly or not at all: %s\n",
                options->arguments[0], launch.because);
    }
    struct ms_keeper_options keeper = {.program = launch.path,
                                       .probe = launch.preload ? probe : NULL};
    keeper_options_fill(&keeper, options, session->live);
    result = open_tee(options, session->live, &keeper.tee);
    if (result != 0) {
        return result;
    }
    struct ms_keeper_started started;
    bool own_failure = false;
    result = ms_keeper_start(&keeper, &started, &own_failure);
    if (keeper.tee >= 0) {
        close(keeper.tee);
    }
    if (result != 0) {
        return exec_failure(options->arguments[0], -result, own_failure);
    }
    ms_debug_log("started pid %d under keeper %d, verdict %s", (int)started.program,
                 (int)started.keeper, ms_verdict_word(launch.verdict));
    snprintf(socket_path, size, "%s", started.socket_path);
    return 0;
}

int ms_session_find(pid_t pid, char *socket_path, size_t size)
{
    int result = ms_keeper_find(pid, socket_path, size);
    if (result == -ENOENT) {
        fprintf(stderr,
                "memscope-top: %d cannot be attached to: you did not start it under memscope-top "
                "(memscope-top without arguments lists your programs)\n",
                (int)pid);
        return MS_EXIT_FAILURE;
    }
    if (result != 0) {
        fprintf(stderr, "memscope-top: cannot attach to %d: %s\n", (int)pid, strerror(-result));
        return MS_EXIT_FAILURE;
    }
    return 0;
}

/* Somebody will read about call sites, screen or not. */
static bool wants_report(const struct ms_options *options)
{
    return options->output_path != NULL || options->request == MS_REQUEST_RECORD ||
           options->fail_rule_count > 0 || options->json_lines_path != NULL ||
           ms_reports_wanted(options);
}

static int read_suppressions(struct ms_session *session)
{
    const char *path = session->options->suppressions_path;
    char error[256];
    if (path != NULL &&
        ms_suppressions_read(path, &session->suppressions, error, sizeof error) != 0) {
        char shown[512];
        ms_format_safe(shown, sizeof shown, path, strlen(path), true);
        fprintf(stderr, "memscope-top: --suppressions: %s: %s\n", shown, error);
        return MS_EXIT_USAGE;
    }
    return 0;
}

/* Starts or joins the program, and connects to its keeper. */
static int connect_collector(struct ms_session *session)
{
    const struct ms_options *options = session->options;
    char socket_path[MS_SOCKET_PATH_MAX];
    bool join = options->pid != 0;
    int result = join ? ms_session_find(options->pid, socket_path, sizeof socket_path)
                      : start_program(session, socket_path, sizeof socket_path);
    if (result != 0) {
        return result;
    }
    /* Without a screen, a line or a report nobody reads about call sites. */
    bool shown = !options->quiet || wants_report(options);
    char symbol_cache[PATH_MAX];
    ms_symbol_cache_folder(options->symbol_cache, symbol_cache, sizeof symbol_cache);
    struct ms_collect_options collect = {.interval_ns = options->interval_ns,
                                         .children = options->children,
                                         .trace = options->tracking.mode == MS_TRACK_TRACE,
                                         .sites = shown,
                                         .symbols = shown,
                                         .symbol_cache = symbol_cache,
                                         .debuginfod = options->debuginfod,
                                         .cpu_samples_hz = shown ? options->cpu_samples_hz : 0};
    if (collect.trace && session->recorder != NULL) {
        collect.trace_events = ms_session_keep_trace;
        collect.trace_context = session;
    }
    result = ms_collector_connect(socket_path, &collect, &session->collector);
    if (result != 0) {
        fprintf(stderr, "memscope-top: the keeper of the program does not answer: %s\n",
                strerror(-result));
        return MS_EXIT_FAILURE;
    }
    result = join && options->tracking_parts != 0
                 ? ms_tracking_change(session->collector, options, NULL)
                 : 0;
    if (result != 0) {
        ms_collector_free(session->collector);
        session->collector = NULL;
    }
    return result;
}

static int open_lines(struct ms_session *session)
{
    const struct ms_options *options = session->options;
    if (options->json_lines_path == NULL) {
        return 0;
    }
    const struct ms_export_options wanted = ms_reports_options(options, session->findings);
    const int error = ms_json_lines_open(options->json_lines_path, true, &wanted, &session->lines);
    if (error != 0) {
        fprintf(stderr, "memscope-top: --json-lines: %s: %s; the program keeps running\n",
                options->json_lines_path, ms_export_error(error));
        return MS_EXIT_FAILURE;
    }
    return 0;
}

static void close_lines(struct ms_session *session)
{
    const int error = ms_json_lines_close(session->lines);
    session->lines = NULL;
    if (error != 0) {
        fprintf(stderr, "memscope-top: --json-lines: %s: %s\n", session->options->json_lines_path,
                ms_export_error(error));
    }
}

/* Before anything was shown. The program goes on by itself, if it runs. */
static int give_up(struct ms_session *session, int result)
{
    if (session->collector != NULL) {
        (void)ms_collector_detach(session->collector);
        ms_collector_free(session->collector);
    }
    ms_session_keep_nothing(session);
    ms_findings_free(session->findings);
    ms_suppressions_free(session->suppressions);
    return result;
}

int ms_session_open(struct ms_session *session, const struct ms_options *options, bool live)
{
    *session = (struct ms_session){.options = options, .live = live, .leave_ns = UINT64_MAX};
    bool join = options->pid != 0;
    int result = read_suppressions(session);
    if (result == 0 && !join) { /* before a file is opened for nothing */
        struct ms_launch launch;
        result = look_at_program(options, &launch);
    }
    result = result != 0 ? result : ms_session_keep(session);
    result = result != 0 ? result : connect_collector(session);
    if (result != 0) {
        return give_up(session, result);
    }
    const struct ms_thresholds thresholds = ms_settings_thresholds(&options->settings);
    session->model = ms_collector_model(session->collector);
    session->findings = ms_findings_new(&thresholds, session->suppressions);
    if (session->findings == NULL) {
        fputs("memscope-top: out of memory\n", stderr);
        return give_up(session, MS_EXIT_FAILURE);
    }
    result = open_lines(session);
    if (result != 0) {
        return give_up(session, result);
    }
    ms_session_program(ms_collector_session(session->collector), session->name,
                       sizeof session->name);
    /* The program runs already: what fails from here on is told, and it is watched all the same. */
    session->status = ms_session_name_recording(session);
    session->next_tick_ns = ms_monotonic_ns();
    session->step_told_ns = join ? session->next_tick_ns : 0;
    if (options->duration_ns != 0) {
        session->leave_ns = session->next_tick_ns + options->duration_ns;
    }
    return 0;
}

size_t ms_session_poll_fds(const struct ms_session *session, struct pollfd *fds, size_t used,
                           size_t capacity)
{
    return used + ms_collector_poll_fds(session->collector, fds + used, capacity - used);
}

/* Those that are new since the last tick. */
static void log_leaks(struct ms_session *session)
{
    const struct ms_leaks *leaks = ms_findings_leaks(session->findings);
    const uint64_t last_ns = session->leaks_logged_ns;
    for (size_t i = 0; i < ms_leaks_count(leaks); i++) {
        const struct ms_leak *leak = ms_leaks_at(leaks, i);
        if (leak->judged_ns > last_ns) {
            ms_debug_log("likely leak at site %u of process %u, confidence %.2f: %s",
                         (unsigned)leak->site_id, (unsigned)leak->process_id, leak->confidence,
                         leak->reason);
        }
    }
    session->leaks_logged_ns = ms_model_now_ns(session->model);
}

static void write_line(struct ms_session *session)
{
    if (session->lines != NULL && ms_json_lines_tick(session->lines, session->model) != 0 &&
        !session->live) { /* a screen is told when it is left */
        close_lines(session);
    }
}

int ms_session_step(struct ms_session *session, uint64_t now_ns)
{
    int result = ms_collector_handle(session->collector);
    if (result != 0) {
        ms_debug_log("keeper: %s", strerror(-result));
    }
    if (now_ns < session->next_tick_ns) {
        return 0;
    }
    result = ms_collector_tick(session->collector, now_ns);
    if (result == 0) {
        result = ms_findings_update(session->findings, session->model);
        log_leaks(session);
        write_line(session);
        ms_session_keep_tick(session);
    }
    session->next_tick_ns += session->options->interval_ns;
    if (session->next_tick_ns < now_ns) {
        session->next_tick_ns = now_ns + session->options->interval_ns;
    }
    return result;
}

/* The first step down that was not told yet. */
static const struct ms_step_down *next_step(const struct ms_session *session,
                                            const struct ms_process **of)
{
    const struct ms_step_down *first = NULL;
    for (size_t i = 0; i < ms_model_process_count(session->model); i++) {
        const struct ms_process *process = ms_model_process(session->model, i);
        for (uint32_t at = 0; at < process->tracking.steps_kept; at++) {
            const struct ms_step_down *step = &process->tracking.step[at];
            if (step->at_ns > session->step_told_ns &&
                (first == NULL || step->at_ns < first->at_ns)) {
                first = step;
                *of = process;
            }
        }
    }
    return first;
}

bool ms_session_new_step(struct ms_session *session, char *out, size_t size)
{
    const struct ms_process *process;
    const struct ms_step_down *step = next_step(session, &process);
    if (step == NULL) {
        return false;
    }
    char text[MS_TRACKING_TEXT_MAX];
    snprintf(out, size, "pid %d steps down: %s", (int)process->pid,
             ms_step_down_text(text, sizeof text, step));
    session->step_told_ns = step->at_ns;
    return true;
}

bool ms_session_over(const struct ms_session *session)
{
    enum ms_session_state state = ms_collector_state(session->collector);
    return state == MS_STATE_TREE_ENDED || state == MS_STATE_KEEPER_LOST;
}

static void tell_loss(const struct ms_session *session)
{
    const struct ms_process *program = ms_model_program(session->model);
    const bool runs = program != NULL && program->end_ns == 0;
    fprintf(stderr, "memscope-top: the keeper of the program was lost; %s\n",
            !session->live ? "figures end here"
            : runs         ? "the program keeps running, and nothing can attach to it any more"
                           : "the exit status of the program is not certain");
}

int ms_session_close(struct ms_session *session, bool detached)
{
    const struct ms_options *options = session->options;
    ms_collector_settle(session->collector, wants_report(options) ? SETTLE_REPORT_NS
                                            : options->quiet      ? 0
                                                                  : SETTLE_SUMMARY_NS);
    (void)ms_findings_update(session->findings, session->model);
    int status = detached ? 0 : ms_collector_exit_status(session->collector);
    if (ms_collector_state(session->collector) == MS_STATE_KEEPER_LOST && !detached) {
        tell_loss(session);
        status = MS_EXIT_FAILURE;
    }
    status = status == 0 ? session->status : status;
    close_lines(session);
    const char *written = NULL;
    const int report_status = ms_reports_write(options, session->model, session->findings,
                                               ms_session_recording(session), true, &written);
    status = status != 0 ? status : report_status;
    if (!options->quiet) {
        ms_text_summary(stderr, session->model, session->findings, written);
    }
    ms_session_finish_recording(session, &status);
    status = ms_rules_check(options, session->model, session->findings, status);
    ms_findings_free(session->findings);
    ms_suppressions_free(session->suppressions);
    ms_collector_free(session->collector);
    return status;
}
