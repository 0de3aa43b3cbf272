/*
 * Without a screen memscope-top behaves as a wrapper: Ctrl-C reaches the program by itself since it
 * shares our process group; a signal sent to us by kill(1) is passed on.
 */
#include "cli/plain.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/debug_log.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "export/text.h"
#include "wire/clock.h"

#define POLL_MAX 8

/* Returns whether to leave: there is no program any more that the signal could be meant for. */
static bool pass_signals_on(struct ms_session *session, int signals)
{
    bool by_terminal;
    int number;
    while ((number = ms_signals_next(signals, &by_terminal)) != 0) {
        if (ms_collector_state(session->collector) != MS_STATE_RUNNING) {
            return true;
        }
        if (!by_terminal && !session->options->readonly) {
            ms_debug_log("passing signal %d on", number);
            (void)ms_collector_signal(session->collector, 0, number);
        }
    }
    return false;
}

static int wait_ms(const struct ms_session *session, uint64_t now_ns)
{
    uint64_t until =
        session->next_tick_ns < session->leave_ns ? session->next_tick_ns : session->leave_ns;
    return until <= now_ns ? 0 : (int)((until - now_ns + MS_NS_PER_MS - 1) / MS_NS_PER_MS);
}

static void tell_steps(struct ms_session *session)
{
    char line[256];
    while (ms_session_new_step(session, line, sizeof line)) {
        if (!session->options->quiet) {
            fprintf(stderr, "memscope-top: %s\n", line);
        }
    }
}

int ms_plain(const struct ms_options *options)
{
    struct ms_session session;
    int status = ms_session_open(&session, options, false);
    if (status != 0) {
        return status;
    }
    int signals = ms_signals_open();
    uint64_t line_ns = options->delay_ns != 0 ? options->delay_ns : MS_NS_PER_S;
    uint64_t next_line_ns = ms_monotonic_ns() + line_ns;
    bool detached = false;
    bool leave = false;
    while (!ms_session_over(&session) && !detached && !leave) {
        struct pollfd fds[POLL_MAX] = {{.fd = signals, .events = POLLIN}};
        size_t count = ms_session_poll_fds(&session, fds, 1, POLL_MAX);
        if (poll(fds, count, wait_ms(&session, ms_monotonic_ns())) < 0 && errno != EINTR) {
            break;
        }
        leave = pass_signals_on(&session, signals);
        uint64_t now_ns = ms_monotonic_ns();
        if (ms_session_step(&session, now_ns) != 0) {
            fputs("memscope-top: out of memory; the program keeps running\n", stderr);
            detached = true;
        }
        tell_steps(&session);
        if (options->plain && !options->quiet && now_ns >= next_line_ns) {
            ms_text_status_line(stderr, session.model);
            next_line_ns = now_ns + line_ns;
        }
        if (now_ns >= session.leave_ns) {
            detached = true;
        }
    }
    if (detached) {
        (void)ms_collector_detach(session.collector);
    }
    if (signals >= 0) {
        close(signals);
    }
    return ms_session_close(&session, detached);
}
