/* Is a recording whole and consistent? */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/at.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "model/format.h"
#include "record/recording.h"

#define FINDINGS_SHOWN 100u

struct checking {
    struct ms_progress progress;
    const char *path;
    size_t shown;
};

static void told(void *context, const char *finding)
{
    struct checking *checking = context;
    char shown[512];
    if (checking->shown++ < FINDINGS_SHOWN) {
        if (checking->progress.shown) { /* its line would stand before this one */
            fputs("\r\033[K", stderr);
        }
        ms_format_safe(shown, sizeof shown, finding, strlen(finding), true);
        printf("%s: %s\n", checking->path, shown);
    }
}

static bool progress(void *context, uint64_t done, uint64_t all)
{
    struct checking *checking = context;
    return ms_progress_tell(&checking->progress, done, all);
}

static void tell_whole(const struct checking *checking, struct ms_recording *recording)
{
    char bytes[MS_FORMAT_MAX];
    char duration[MS_FORMAT_MAX];
    const struct ms_recording_about about = ms_recording_about(recording);
    ms_format_bytes(bytes, sizeof bytes, (double)about.bytes);
    ms_format_elapsed(duration, sizeof duration, about.last_ns - ms_at_begin_ns(&about));
    printf("%s: complete and consistent: %s, %s, ticks %" PRIu64 " to %" PRIu64 "\n",
           checking->path, bytes, duration, about.first_tick, about.last_tick);
}

int ms_verify(const struct ms_options *options)
{
    char path[512];
    char why[512] = "";
    struct ms_recording *recording = NULL;
    ms_format_safe(path, sizeof path, options->files[0], strlen(options->files[0]), true);
    int result = ms_recording_open(options->files[0], &recording, why, sizeof why);
    if (result != 0) {
        fprintf(stderr, "memscope-top: %s: %s\n", path, why);
        /* A damaged recording is a finding; a file that cannot be read is none. */
        return result == -ENODATA ? MS_EXIT_FOUND : MS_EXIT_FAILURE;
    }
    struct checking checking = {.path = path};
    ms_progress_begin(&checking.progress, "verifying");
    result = ms_recording_verify(recording, told, progress, &checking);
    ms_progress_end(&checking.progress);
    if (checking.shown > FINDINGS_SHOWN) {
        printf("%s: and %zu more\n", path, checking.shown - FINDINGS_SHOWN);
    }
    if (result == 0) {
        tell_whole(&checking, recording);
    } else if (result == -ECANCELED) {
        fputs("memscope-top: verification was cancelled\n", stderr);
    } else if (result < 0) {
        const char *refused = ms_recording_refused(recording);
        fprintf(stderr, "memscope-top: %s: cannot be verified: %s\n", path,
                refused != NULL ? refused : strerror(-result));
    }
    ms_recording_close(recording);
    return result == 0            ? 0
           : result == -ECANCELED ? MS_EXIT_CANCELLED
           : result < 0           ? MS_EXIT_FAILURE
                                  : MS_EXIT_FOUND;
}
