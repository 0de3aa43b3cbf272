/* The screens of a recording. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/at.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/stage.h"
#include "model/format.h"
#include "wire/clock.h"

struct viewing {
    struct ms_recording *recording;
    struct ms_suppressions *suppressions; /* NULL: none */
    struct ms_moment *moment;
    struct ms_stage stage;
    char name[256];
};

/* Session and exit status are those of the moment, which the stage knows. */
static void status_of(void *context, struct ms_tui_status *status, struct ms_tui_time *time)
{
    (void)context;
    (void)time;
    status->session = MS_TUI_ENDED;
    status->own_cpu_pct = NAN;
}

static void execute(void *context, const struct ms_command *command, uint64_t now_ns)
{
    struct viewing *viewing = context;
    (void)now_ns;
    if (command->type == MS_COMMAND_MARK) {
        ms_stage_say(&viewing->stage, true, "no mark set: marks can only be set while recording");
    } else if (command->type == MS_COMMAND_RECORD) {
        ms_stage_say(&viewing->stage, true, "this already is a recording");
    }
}

static void loop(struct viewing *viewing)
{
    struct ms_stage *stage = &viewing->stage;
    while (!stage->leave) {
        struct pollfd fds[MS_STAGE_POLL_FDS];
        ms_stage_poll_fds(stage, fds);
        const int wait_ms = ms_stage_wait_ms(ms_monotonic_ns(), ms_stage_next_ns(stage));
        if (poll(fds, MS_STAGE_POLL_FDS, wait_ms) < 0 && errno != EINTR) {
            return;
        }
        ms_stage_handle(stage, fds);
        ms_stage_draw(stage);
    }
}

static int complain(const char *path, const char *why)
{
    char shown[512];
    ms_format_safe(shown, sizeof shown, path, strlen(path), true);
    fprintf(stderr, "memscope-top: %s: %s\n", shown, why);
    return MS_EXIT_FAILURE;
}

static int read_suppressions(struct viewing *viewing, const struct ms_options *options)
{
    char error[256];
    if (options->suppressions_path != NULL &&
        ms_suppressions_read(options->suppressions_path, &viewing->suppressions, error,
                             sizeof error) != 0) {
        (void)complain(options->suppressions_path, error);
        return MS_EXIT_USAGE;
    }
    return 0;
}

/* Opens the file and goes to the moment that is asked for. */
static int open_recording(struct viewing *viewing, const struct ms_options *options)
{
    const char *path = options->files[0];
    char why[512] = "";
    int result = ms_recording_open(path, &viewing->recording, why, sizeof why);
    if (result != 0) {
        return complain(path, why);
    }
    uint64_t at_ns;
    result = ms_at_find(options->at, viewing->recording, &at_ns, why, sizeof why);
    if (result != 0) {
        (void)complain("--at", why);
        return result == -EINVAL ? MS_EXIT_USAGE : MS_EXIT_FAILURE;
    }
    const struct ms_recording_about about = ms_recording_about(viewing->recording);
    ms_format_safe(viewing->name, sizeof viewing->name, about.program, strlen(about.program), true);
    const struct ms_moment_options moment = {
        .recording = viewing->recording,
        .thresholds = ms_settings_thresholds(&options->settings),
        .suppressions = viewing->suppressions,
    };
    viewing->moment = ms_moment_new(&moment);
    if (viewing->moment == NULL) {
        return complain(path, "out of memory");
    }
    /* Its end first: that knows when the most was held. */
    ms_moment_ask_at_ns(viewing->moment, about.last_ns);
    result = ms_moment_go(viewing->moment, ms_monotonic_ns());
    if (result >= 0 && at_ns != about.last_ns) {
        ms_moment_ask_at_ns(viewing->moment, at_ns);
        result = ms_moment_go(viewing->moment, ms_monotonic_ns());
    }
    const char *refused = ms_recording_refused(viewing->recording);
    return result >= 0 ? 0
                       : complain(path, result == -EBADMSG ? "no moment near this one can be read"
                                        : refused != NULL  ? refused
                                                           : strerror(-result));
}

/* What is wrong with the file is the first thing that is told. */
static void tell_condition(struct viewing *viewing)
{
    char text[512];
    const struct ms_recording_about about = ms_recording_about(viewing->recording);
    if (strcmp(about.condition, "whole") != 0) {
        snprintf(text, sizeof text, "this recording is incomplete: %.400s", about.condition);
        ms_stage_say(&viewing->stage, true, text);
    }
}

int ms_view(const struct ms_options *options)
{
    struct viewing viewing = {.recording = NULL};
    int status = ms_stage_possible(true);
    status = status != 0 ? status : read_suppressions(&viewing, options);
    status = status != 0 ? status : open_recording(&viewing, options);
    if (status == 0) {
        const struct ms_stage_owner owner = {
            .status = status_of, .execute = execute, .context = &viewing};
        status = ms_stage_open(&viewing.stage, options, viewing.name, &owner, viewing.moment);
        if (status == 0) {
            tell_condition(&viewing);
            loop(&viewing);
        }
        ms_stage_close(&viewing.stage);
    }
    ms_moment_free(viewing.moment);
    ms_recording_close(viewing.recording);
    ms_suppressions_free(viewing.suppressions);
    return status;
}
