/*
 * The loop. It sleeps until something happens; while processes with a probe live it wakes twice a
 * second, since a forked child that claims a slot cannot call us.
 */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "keeper/processes.h"
#include "keeper/pty.h"
#include "keeper/regions.h"
#include "keeper/session.h"
#include "keeper/viewers.h"
#include "wire/clock.h"

#define EVENTS_A_ROUND   64
#define SCANS_A_FULL_ONE 10u

static void read_signals(struct ms_keeper *keeper)
{
    struct signalfd_siginfo info;
    while (read(keeper->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
    }
    ms_processes_reap(keeper);
}

/* A pty that nobody has open is ready for ever: it is left to the timer then. */
static void watch_terminal(struct ms_keeper *keeper)
{
    if (keeper->terminal < 0 || keeper->terminal_watched == !keeper->terminal_ended) {
        return;
    }
    if (keeper->terminal_ended) {
        epoll_ctl(keeper->epoll, EPOLL_CTL_DEL, keeper->terminal, NULL);
    } else {
        ms_session_watch_fd(keeper, keeper->terminal, EPOLLIN, MS_EVENT(MS_EVENT_TERMINAL, 0));
    }
    keeper->terminal_watched = !keeper->terminal_ended;
}

static void handle(struct ms_keeper *keeper, uint64_t event, uint32_t events)
{
    uint32_t which = MS_EVENT_WHICH(event);
    switch (MS_EVENT_KIND(event)) {
    case MS_EVENT_CHILD:
        read_signals(keeper);
        break;
    case MS_EVENT_LISTENER:
        ms_clients_accept(keeper);
        break;
    case MS_EVENT_TERMINAL:
        ms_pty_drain(keeper);
        break;
    case MS_EVENT_CLIENT:
        ms_clients_handle(keeper, which, events);
        break;
    case MS_EVENT_PROCESS:
        ms_processes_check(keeper, which);
        break;
    case MS_EVENT_STRAY:
        ms_processes_stray_ended(keeper, which);
        break;
    }
}

static void tick(struct ms_keeper *keeper, uint64_t now_ns)
{
    keeper->next_scan_ns = now_ns + MS_KEEPER_SCAN_NS;
    keeper->scans++;
    ms_clients_expire(keeper, now_ns);
    if (keeper->terminal >= 0) {
        ms_pty_flush_input(keeper);
    }
    if (!keeper->tree_ended) {
        bool all = keeper->scans % SCANS_A_FULL_ONE == 0 || ms_processes_strays(keeper) > 0;
        ms_processes_check_all(keeper);
        ms_regions_scan(keeper, all);
    }
}

/* Is anything to be looked at that does not announce itself? */
static bool needs_ticks(const struct ms_keeper *keeper)
{
    bool clients = false;
    for (uint32_t index = 0; index < MS_KEEPER_CLIENTS_MAX; index++) {
        clients |=
            keeper->clients[index] != NULL && keeper->clients[index]->role == MS_CLIENT_UNKNOWN;
    }
    return clients || keeper->listener_paused || keeper->input_bytes > 0 ||
           (!keeper->tree_ended && (keeper->probed || !keeper->program_alive));
}

/* Until when does the keeper stay although nothing lives? 0: not past now. */
static uint64_t stay_until_ns(const struct ms_keeper *keeper)
{
    if (ms_clients_viewers(keeper) > 0) {
        return UINT64_MAX;
    }
    return keeper->viewer_came ? 0 : keeper->tree_ended_ns + MS_KEEPER_LINGER_NS;
}

static int timeout_ms(const struct ms_keeper *keeper, uint64_t now_ns)
{
    uint64_t until_ns = UINT64_MAX;
    if (needs_ticks(keeper)) {
        until_ns = keeper->next_scan_ns;
    }
    if (keeper->tree_ended && stay_until_ns(keeper) < until_ns) {
        until_ns = stay_until_ns(keeper);
    }
    if (until_ns == UINT64_MAX) {
        return -1;
    }
    return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns) / MS_NS_PER_MS) + 1;
}

void ms_keeper_loop(struct ms_keeper *keeper)
{
    /* The program may have ended before SIGCHLD was looked for. */
    ms_processes_reap(keeper);
    for (;;) {
        ms_session_check_tree(keeper);
        watch_terminal(keeper);
        ms_clients_pump(keeper);
        uint64_t now_ns = ms_monotonic_ns();
        if (keeper->tree_ended && stay_until_ns(keeper) <= now_ns) {
            return;
        }
        struct epoll_event events[EVENTS_A_ROUND];
        int count = epoll_wait(keeper->epoll, events, EVENTS_A_ROUND, timeout_ms(keeper, now_ns));
        for (int at = 0; at < count; at++) {
            handle(keeper, events[at].data.u64, events[at].events);
        }
        now_ns = ms_monotonic_ns();
        if (needs_ticks(keeper) && now_ns >= keeper->next_scan_ns) {
            tick(keeper, now_ns);
        }
    }
}
