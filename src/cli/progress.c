#include "cli/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "wire/clock.h"

#define SILENT_NS MS_NS_PER_S           /* what is faster needs no line */
#define EVERY_NS  (MS_NS_PER_S / 5)     /* between two lines */
#define KNOWN_NS  (MS_NS_PER_S * 3 / 5) /* before it the time left is a guess */

static volatile sig_atomic_t cancelled;
static struct sigaction before;
static sigset_t mask_before; /* whoever reads signals from a descriptor has blocked it */

static void cancel(int number)
{
    (void)number;
    cancelled = 1;
}

void ms_progress_begin(struct ms_progress *progress, const char *what)
{
    struct sigaction action = {.sa_handler = cancel};
    *progress = (struct ms_progress){
        .what = what, .terminal = isatty(STDERR_FILENO) == 1, .begun_ns = ms_monotonic_ns()};
    cancelled = 0;
    (void)sigaction(SIGINT, &action, &before);
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    /* One of before was meant for something else: the program that it ended. */
    (void)sigtimedwait(&interrupt, NULL, &(struct timespec){.tv_sec = 0});
    (void)sigprocmask(SIG_UNBLOCK, &interrupt, &mask_before);
}

char *ms_progress_text(char *out, unsigned size, uint64_t done, uint64_t all, uint64_t elapsed_ns)
{
    const double share = all > 0 ? (double)done / (double)all : 0;
    if (share > 0.005 && share < 1 && elapsed_ns >= KNOWN_NS) {
        const double left_s = (double)elapsed_ns / (double)MS_NS_PER_S * (1 - share) / share;
        (void)snprintf(out, size, "%.0f %%, %.0f s left", 100 * share, left_s < 1 ? 1 : left_s);
    } else {
        (void)snprintf(out, size, "%.0f %%", 100 * share);
    }
    return out;
}

bool ms_progress_tell(void *context, uint64_t done, uint64_t all)
{
    struct ms_progress *progress = context;
    const uint64_t now_ns = ms_monotonic_ns();
    if (progress->terminal && now_ns - progress->begun_ns >= SILENT_NS &&
        now_ns - progress->told_ns >= EVERY_NS) {
        char text[64];
        fprintf(stderr, "\r\033[K%s: %s (Ctrl-C cancels)", progress->what,
                ms_progress_text(text, sizeof text, done, all, now_ns - progress->begun_ns));
        fflush(stderr);
        progress->told_ns = now_ns;
        progress->shown = true;
    }
    return cancelled == 0;
}

void ms_progress_end(struct ms_progress *progress)
{
    (void)sigprocmask(SIG_SETMASK, &mask_before, NULL);
    (void)sigaction(SIGINT, &before, NULL);
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
