/* memscope-top: what is asked for, and who does it. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/debug_log.h"
#include "cli/doctor.h"
#include "cli/joinable.h"
#include "cli/live.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/plain.h"
#include "cli/session.h"
#include "cli/tracking.h"
#include "export/export.h"

/* Whoever closed one of them does not want our files under its number. It reads nothing, and what
 * is written to it fails; a program that is started does not get it. */
static void hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) != fd) {
            return;
        }
    }
}

static int run(const struct ms_options *options)
{
    if (options->debug_log_path != NULL) {
        int result = ms_debug_log_open(options->debug_log_path);
        if (result != 0) {
            fprintf(stderr, "memscope-top: --debug-log: %s: %s\n", options->debug_log_path,
                    strerror(-result));
            return MS_EXIT_FAILURE;
        }
    }
    const int status = ms_outputs_check(options);
    if (status != 0) {
        return status;
    }
    switch (options->request) {
    case MS_REQUEST_HELP:
        ms_options_help(stdout, options->help_of);
        return 0;
    case MS_REQUEST_VERSION:
        puts("memscope-top " MS_VERSION);
        return 0;
    case MS_REQUEST_DOCTOR:
        return ms_doctor(options->arguments[0]);
    case MS_REQUEST_SET:
        return ms_tracking_set_and_leave(options);
    case MS_REQUEST_RECORD:
        return ms_record(options);
    case MS_REQUEST_VIEW:
        return ms_view(options);
    case MS_REQUEST_EXPORT:
        return ms_export_recording(options);
    case MS_REQUEST_DIFF:
        return ms_diff(options);
    case MS_REQUEST_REPORT:
        return ms_report(options);
    case MS_REQUEST_VERIFY:
        return ms_verify(options);
    case MS_REQUEST_LIST:
        return ms_joinable_list();
    case MS_REQUEST_RUN:
    case MS_REQUEST_JOIN:
        break;
    }
    const bool wanted = !options->plain && !options->quiet;
    const bool live = wanted && ms_live_possible();
    if (wanted && !live &&
        isatty(STDOUT_FILENO)) { /* else nobody knows what became of the screen */
        fputs("memscope-top: no live screen: TERM is not set, or dumb; figures follow at the end "
              "(--plain: every second)\n",
              stderr);
    }
    return live ? ms_live(options) : ms_plain(options);
}

/* What nobody else has told of: a page that is not whole must not pass for one. */
static int end_of_stdout(int status)
{
    errno = EIO;
    if ((fflush(stdout) == 0 && !ferror(stdout)) || (status != 0 && status != MS_EXIT_FOUND)) {
        return status;
    }
    fprintf(stderr, "memscope-top: standard output: %s\n", ms_export_error(-errno));
    return MS_EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct ms_options options;
    hold_standard_descriptors();
    /* A file that may not grow any more (ulimit -f) is told as any other failure of a write. What
     * a program finds that is started is what we were started with: src/keeper/program.c. */
    signal(SIGXFSZ, SIG_IGN);
    setlocale(LC_CTYPE, "");
    if (ms_options_parse(argc, argv, &options) != 0) {
        return MS_EXIT_USAGE;
    }
    return end_of_stdout(run(&options));
}
