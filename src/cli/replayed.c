#include "cli/replayed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/at.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "model/format.h"

/* `anew`: what was judged before belongs to another model. */
static void take_tick(void *context, const struct ms_model *model, bool anew)
{
    struct ms_replayed *replayed = context;
    if (anew || replayed->findings == NULL) {
        const struct ms_thresholds thresholds =
            ms_settings_thresholds(&replayed->options->settings);
        ms_findings_free(replayed->findings);
        replayed->findings = ms_findings_new(&thresholds, replayed->suppressions);
    }
    const int error =
        replayed->findings != NULL ? ms_findings_update(replayed->findings, model) : -ENOMEM;
    replayed->error = replayed->error != 0 ? replayed->error : error;
    if (replayed->ticked != NULL && replayed->error == 0) {
        replayed->error = replayed->ticked(replayed->context, model);
        replayed->ticked_failed = replayed->error != 0;
    }
}

static int complain(const struct ms_replayed *replayed, const char *why)
{
    fprintf(stderr, "memscope-top: %s: %s\n", replayed->name, why);
    return MS_EXIT_FAILURE;
}

int ms_replayed_go_through(struct ms_replayed *replayed)
{
    const struct ms_recording_about about = ms_recording_about(replayed->recording);
    char what[600];
    struct ms_progress progress;
    (void)snprintf(what, sizeof what, "reading %s", replayed->name);
    ms_progress_begin(&progress, what);
    int result = ms_replay_seek(replayed->replay, about.first_tick);
    const uint64_t all_ns = replayed->until_ns - about.first_ns;
    while (result >= 0 && replayed->error == 0) {
        const uint64_t now_ns = ms_model_now_ns(ms_replay_model(replayed->replay));
        if (!ms_progress_tell(&progress, now_ns - about.first_ns, all_ns)) {
            result = -ECANCELED;
        } else if (now_ns >= replayed->until_ns ||
                   (result = ms_replay_step(replayed->replay)) == 0) {
            break;
        }
    }
    ms_progress_end(&progress);
    result = result >= 0 ? replayed->error : result;
    if (result == 0) {
        return 0;
    }
    if (replayed->ticked_failed && result == replayed->error) {
        return MS_EXIT_FAILURE;
    }
    const char *refused = ms_recording_refused(replayed->recording);
    complain(replayed, result == -EBADMSG ? "no moment in it can be read"
                       : refused != NULL  ? refused
                                          : ms_export_error(result));
    return result == -ECANCELED ? MS_EXIT_CANCELLED : MS_EXIT_FAILURE;
}

/* What must be right before hours of a recording are gone through. */
int ms_replayed_open(struct ms_replayed *replayed, const struct ms_options *options)
{
    const struct ms_replay_options replay = {.ticked = take_tick, .context = replayed};
    const char *path = options->arguments[0];
    char why[256];
    *replayed = (struct ms_replayed){.options = options};
    ms_format_safe(replayed->name, sizeof replayed->name, path, strlen(path), true);
    if (options->suppressions_path != NULL &&
        ms_suppressions_read(options->suppressions_path, &replayed->suppressions, why,
                             sizeof why) != 0) {
        fprintf(stderr, "memscope-top: --suppressions: %s\n", why);
        return MS_EXIT_USAGE;
    }
    if (ms_recording_open(path, &replayed->recording, why, sizeof why) != 0) {
        return complain(replayed, why);
    }
    const struct ms_recording_about about = ms_recording_about(replayed->recording);
    if (strcmp(about.condition, "whole") != 0 && !options->quiet) {
        fprintf(stderr, "memscope-top: %s: %s\n", replayed->name, about.condition);
    }
    if (ms_at_find(options->at, replayed->recording, &replayed->until_ns, why, sizeof why) != 0) {
        fprintf(stderr, "memscope-top: --at: %s\n", why);
        return MS_EXIT_USAGE;
    }
    replayed->replay = ms_replay_new(replayed->recording, &replay);
    return replayed->replay != NULL ? 0 : complain(replayed, "out of memory");
}

void ms_replayed_close(struct ms_replayed *replayed)
{
    ms_replay_free(replayed->replay);
    ms_recording_close(replayed->recording);
    ms_findings_free(replayed->findings);
    ms_suppressions_free(replayed->suppressions);
}
