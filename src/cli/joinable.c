#include "cli/joinable.h"

#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/session.h"
#include "collect/collect.h"
#include "keeper/keeper.h"
#include "model/format.h"
#include "wire/clock.h"

static int print_one(const char *socket_path, pid_t program, void *context)
{
    int *count = context;
    struct ms_collect_options options = {.ask_only = true, .interval_ns = 100 * MS_NS_PER_MS};
    struct ms_collector *collector;
    if (ms_collector_connect(socket_path, &options, &collector) != 0) {
        return 0;
    }
    const struct ms_message_session *about = ms_collector_session(collector);
    char exe[256];
    char name[256];
    char since[MS_FORMAT_MAX];
    ms_format_safe(exe, sizeof exe, about->text, strnlen(about->text, sizeof about->text), true);
    ms_session_program(about, name, sizeof name);
    const char *file = strrchr(exe, '/') != NULL ? strrchr(exe, '/') + 1 : exe;
    const bool other = strcmp(file, name) != 0; /* a link led to it */
    ms_format_elapsed(since, sizeof since, ms_monotonic_ns() - about->start_ns);
    if ((*count)++ == 0) {
        printf("\nprograms that -p can attach to:\n  %8s  %-12s %-8s %s\n", "PID", "SINCE",
               "VIEWERS", "PROGRAM");
    }
    printf("  %8d  %-12s %-8u %s%s%s%s%s\n", (int)program, since, about->viewers, other ? name : "",
           other ? " (" : "", exe, other ? ")" : "",
           (about->flags & MS_SESSION_ENDED) != 0 ? " (ended)" : "");
    ms_collector_free(collector);
    return 0;
}

int ms_joinable_list(void)
{
    ms_options_usage(stdout);
    int count = 0;
    (void)ms_keeper_each(print_one, &count);
    if (count == 0) {
        puts("\nNone of your programs is running under memscope-top.");
    }
    return MS_EXIT_USAGE;
}
