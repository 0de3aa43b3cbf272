/* What a session keeps of itself: in memory to look back at, in a file when that is wanted. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/at.h"
#include "cli/debug_log.h"
#include "cli/progress.h"
#include "cli/recorded.h"
#include "cli/session.h"
#include "export/export.h"
#include "model/format.h"
#include "tui/tui.h"
#include "wire/clock.h"

/* Of compressed ticks: some hours of an idle program, minutes of one with thousands of threads;
 * what is older becomes coarser. */
#define LOOK_BACK_BYTES (UINT64_C(64) << 20)

#define DISK_WAIT_NS (MS_NS_PER_S / 10) /* between two looks at Ctrl-C */

static bool to_file(const struct ms_options *options)
{
    return options->output_path != NULL || options->request == MS_REQUEST_RECORD;
}

static int complain(const char *path, int error)
{
    char shown[512];
    ms_format_safe(shown, sizeof shown, path, strlen(path), true);
    fprintf(stderr, "memscope-top: recording: %s: %s%s\n", shown, ms_export_error(error),
            error == -EEXIST ? "; --force overwrites it" : "");
    return MS_EXIT_FAILURE;
}

int ms_session_keep(struct ms_session *session)
{
    const struct ms_options *options = session->options;
    if (!session->live && !to_file(options)) {
        return 0; /* nobody will look back */
    }
    const struct ms_recorder_options recorder = {
        .program_version = MS_VERSION,
        .memory_bytes = session->live ? LOOK_BACK_BYTES : 0,
        .hide_arguments = options->hide_arguments,
        .output = true,
    };
    session->recorder = ms_recorder_new(&recorder);
    if (session->recorder == NULL) {
        fputs("memscope-top: out of memory\n", stderr);
        return MS_EXIT_FAILURE;
    }
    if (options->output_path != NULL) {
        struct stat before;
        const bool is_new = lstat(options->output_path, &before) != 0;
        const int result = ms_session_record(session, options->output_path, options->force);
        if (result != 0) {
            return complain(options->output_path, result);
        }
        session->recording_is_new = is_new;
    } else if (to_file(options) && access(".", W_OK) != 0) {
        return complain("this folder", -errno);
    }
    return 0;
}

void ms_session_keep_nothing(struct ms_session *session)
{
    ms_recorder_free(session->recorder);
    session->recorder = NULL;
    if (session->recording_is_new) {
        (void)unlink(session->options->output_path);
    }
}

int ms_session_name_recording(struct ms_session *session)
{
    char path[256];
    if (!to_file(session->options) || session->options->output_path != NULL) {
        return 0;
    }
    ms_tui_file_name(path, sizeof path, session->name, session->model, ".memscope");
    const int result = ms_session_record(session, path, false);
    return result != 0 ? complain(path, result) : 0;
}

int ms_session_record(struct ms_session *session, const char *path, bool overwrite)
{
    if (session->recorder == NULL) {
        return -ENOMEM;
    }
    return ms_recorder_keep(session->recorder, path, overwrite, session->options->max_bytes);
}

void ms_session_stop_recording(struct ms_session *session)
{
    session->recording_trouble_told = false;
    session->recording_stops = session->recorder != NULL;
}

bool ms_session_recording_stopped(struct ms_session *session, struct ms_session_recorded *recorded)
{
    if (session->recorder == NULL) {
        return false;
    }
    const struct ms_blocks_state state = ms_recorder_state(session->recorder);
    if (!state.finished) {
        return false;
    }
    const struct ms_recording_about about = ms_recording_about(ms_session_recording(session));
    (void)snprintf(recorded->path, sizeof recorded->path, "%s",
                   state.path != NULL ? state.path : "?");
    (void)ms_recorded_losses(recorded->losses, &state, ms_at_begin_ns(&about));
    recorded->result = ms_recorder_finish(session->recorder, session->model);
    return true;
}

int ms_session_mark(struct ms_session *session, uint64_t at_ns, const char *text)
{
    if (session->recorder == NULL) {
        return -ENODATA;
    }
    const int result = ms_collector_mark(session->collector, at_ns, text);
    return result != 0 ? result : ms_recorder_marks(session->recorder, session->model);
}

struct ms_recording *ms_session_recording(const struct ms_session *session)
{
    return session->recorder != NULL ? ms_recorder_recording(session->recorder) : NULL;
}

void ms_session_keep_tick(struct ms_session *session)
{
    if (session->recorder == NULL) {
        return;
    }
    const int result = ms_recorder_tick(session->recorder, session->model);
    if (result != 0) {
        ms_debug_log("recording: %s", strerror(-result));
    }
    if (session->recording_stops) {
        session->recording_stops = false;
        ms_recorder_finish_begin(session->recorder, session->model);
    }
    const struct ms_blocks_state state = ms_recorder_state(session->recorder);
    if (state.error != 0 && !session->recording_trouble_told) {
        session->recording_trouble_told = true;
        if (!session->live) {
            (void)complain(state.path != NULL ? state.path : "?", state.error);
            fputs("memscope-top: recording has stopped; the program keeps running\n", stderr);
        }
    }
}

void ms_session_keep_trace(void *context, const struct ms_trace_record *events, size_t count)
{
    const struct ms_session *session = context;
    if (ms_recorder_trace(session->recorder, events, count) == -ENOMEM) {
        ms_debug_log("recording: no memory for the trace");
    }
}

void ms_session_tell_recording(const struct ms_session *session, struct ms_tui_time *time)
{
    if (session->recorder == NULL) {
        return;
    }
    const struct ms_blocks_state state = ms_recorder_state(session->recorder);
    time->recording = state.path;
    time->recording_bytes = state.file_bytes;
    time->recording_waiting_bytes = state.waiting_bytes;
    time->recording_ends = state.finishing || session->recording_stops;
    time->recording_problem = state.error != 0 ? ms_export_error(state.error) : NULL;
}

static void tell_recorded(const struct ms_session *session, const char *path,
                          const struct ms_blocks_state *at_end)
{
    char shown[512];
    char bytes[MS_FORMAT_MAX];
    char duration[MS_FORMAT_MAX];
    struct stat file;
    const struct ms_recording_about about = ms_recording_about(ms_session_recording(session));
    const uint64_t begin_ns = ms_at_begin_ns(&about);
    const bool known = stat(path, &file) == 0;
    ms_format_safe(shown, sizeof shown, path, strlen(path), true);
    ms_format_bytes(bytes, sizeof bytes, known ? (double)file.st_size : (double)NAN);
    ms_format_elapsed(duration, sizeof duration,
                      about.last_ns > begin_ns ? about.last_ns - begin_ns : 0);
    fprintf(stderr, "memscope-top: recorded: %s, %s, %s", shown, bytes, duration);
    char losses[MS_RECORDED_LOSSES_MAX];
    fputs(ms_recorded_losses(losses, at_end, begin_ns), stderr);
    fprintf(stderr, "; open it with: memscope-top view %s\n", shown);
}

/* Until that is done. False: cancelled. */
static bool wait_for_disk(const struct ms_session *session, const char *path,
                          bool (*is_done)(struct ms_recorder *, uint64_t))
{
    char what[600];
    char shown[512];
    struct ms_progress progress;
    const uint64_t all = ms_recorder_state(session->recorder).waiting_bytes;
    ms_format_safe(shown, sizeof shown, path, strlen(path), true);
    snprintf(what, sizeof what, "waiting for the disk: %s", shown);
    ms_progress_begin(&progress, what);
    bool finished;
    bool cancelled = false;
    while (!(finished = is_done(session->recorder, DISK_WAIT_NS)) && !cancelled) {
        const uint64_t waiting = ms_recorder_state(session->recorder).waiting_bytes;
        cancelled = !ms_progress_tell(&progress, waiting < all ? all - waiting : 0, all);
    }
    ms_progress_end(&progress);
    return finished;
}

void ms_session_finish_recording(struct ms_session *session, int *status)
{
    if (session->recorder == NULL) {
        return;
    }
    const char *const recorded = ms_recorder_state(session->recorder).path;
    char *path = recorded != NULL ? strdup(recorded) : NULL;
    bool finished = path == NULL || wait_for_disk(session, path, ms_recorder_settle);
    if (finished) {
        ms_recorder_finish_begin(session->recorder, session->model);
        finished = path == NULL || wait_for_disk(session, path, ms_recorder_finish_wait);
    }
    if (!finished) {
        (void)complain(path, -ECANCELED);
        fputs("memscope-top: what has reached the disk can be viewed\n", stderr);
        *status = MS_EXIT_CANCELLED;
        free(path);
        session->recorder = NULL; /* its thread still writes out of it, until we are gone */
        return;
    }
    /* What comes last may be dropped, too, or make what is older coarser. */
    const struct ms_blocks_state state = ms_recorder_state(session->recorder);
    const int result = ms_recorder_finish(session->recorder, session->model);
    if (path != NULL && result != 0) {
        if (!session->recording_trouble_told || session->live) {
            (void)complain(path, result);
        }
        *status = *status == 0 ? MS_EXIT_FAILURE : *status;
    } else if (path != NULL && !session->options->quiet) {
        tell_recorded(session, path, &state);
    }
    free(path);
    ms_recorder_free(session->recorder);
    session->recorder = NULL;
}
