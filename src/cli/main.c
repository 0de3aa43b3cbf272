/* memscope-top: what is asked for, and who does it. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/debug_log.h"
#include "cli/doctor.h"
#include "cli/joinable.h"
#include "cli/live.h"
#include "cli/options.h"
#include "cli/plain.h"
#include "cli/session.h"
#include "cli/tracking.h"

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    struct ms_options options;
    if (ms_options_parse(argc, argv, &options) != 0) {
        return MS_EXIT_USAGE;
    }
    if (options.debug_log_path != NULL) {
        int result = ms_debug_log_open(options.debug_log_path);
        if (result != 0) {
            fprintf(stderr, "memscope-top: --debug-log: %s: %s\n", options.debug_log_path,
                    strerror(-result));
            return MS_EXIT_FAILURE;
        }
    }
    switch (options.request) {
    case MS_REQUEST_HELP:
        ms_options_help(stdout);
        return 0;
    case MS_REQUEST_VERSION:
        puts("memscope-top " MS_VERSION);
        return 0;
    case MS_REQUEST_DOCTOR:
        return ms_doctor(options.arguments[0]);
    case MS_REQUEST_SET:
        return ms_tracking_set_and_leave(&options);
    case MS_REQUEST_RECORD:
        return ms_record(&options);
    case MS_REQUEST_VIEW:
        return ms_view(&options);
    case MS_REQUEST_EXPORT:
        return ms_export_recording(&options);
    case MS_REQUEST_DIFF:
        return ms_diff(&options);
    case MS_REQUEST_REPORT:
        return ms_report(&options);
    case MS_REQUEST_VERIFY:
        return ms_verify(&options);
    case MS_REQUEST_LIST:
        return ms_joinable_list();
    case MS_REQUEST_RUN:
    case MS_REQUEST_JOIN:
        break;
    }
    bool live = !options.plain && !options.quiet && ms_live_possible();
    return live ? ms_live(&options) : ms_plain(&options);
}
