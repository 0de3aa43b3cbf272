#include "cli/tracking.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/debug_log.h"
#include "cli/session.h"
#include "keeper/keeper.h"
#include "model/format.h"
#include "wire/clock.h"

#define ANSWER_WITHIN_NS (2 * MS_NS_PER_S)

static int unchanged(const char *why)
{
    char shown[256];
    ms_format_safe(shown, sizeof shown, why, strlen(why), false);
    fprintf(stderr, "memscope-top: tracking was not changed: %s\n", shown);
    return MS_EXIT_FAILURE;
}

int ms_tracking_change(struct ms_collector *collector, const struct ms_options *options,
                       struct ms_tracking_settings *now)
{
    int result = ms_collector_set_tracking(collector, options->tracking_parts, &options->tracking);
    uint64_t until_ns = ms_monotonic_ns() + ANSWER_WITHIN_NS;
    struct ms_tracking_answer answer;
    for (;;) {
        if (ms_collector_tracking_answer(collector, &answer)) {
            break;
        }
        uint64_t now_ns = ms_monotonic_ns();
        if (result != 0) {
            return unchanged("the keeper of the program is gone");
        }
        if (now_ns >= until_ns) {
            return unchanged("the keeper of the program does not answer");
        }
        struct pollfd fds[4];
        size_t count = ms_collector_poll_fds(collector, fds, 4);
        (void)poll(fds, (nfds_t)count, (int)((until_ns - now_ns) / MS_NS_PER_MS) + 1);
        result = ms_collector_handle(collector);
    }
    if (answer.refused) {
        return unchanged(answer.why);
    }
    ms_debug_log("tracking changed, parts %#x", options->tracking_parts);
    if (now != NULL) {
        *now = answer.now;
    }
    return 0;
}

int ms_tracking_set_and_leave(const struct ms_options *options)
{
    char socket_path[MS_SOCKET_PATH_MAX];
    int status = ms_session_find(options->pid, socket_path, sizeof socket_path);
    if (status != 0) {
        return status;
    }
    struct ms_collect_options ask = {.ask_only = true, .interval_ns = 100 * MS_NS_PER_MS};
    struct ms_collector *collector;
    int result = ms_collector_connect(socket_path, &ask, &collector);
    if (result != 0) {
        return unchanged(strerror(-result));
    }
    struct ms_tracking_settings now;
    status = ms_tracking_change(collector, options, &now);
    if (status == 0 && !options->quiet) {
        char text[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
        char shown[sizeof text];
        ms_tracking_settings_text(text, sizeof text, &now, true);
        ms_format_safe(shown, sizeof shown, text, strlen(text), false);
        printf("pid %d: %s\n", (int)options->pid, shown);
    }
    ms_collector_free(collector);
    return status;
}
