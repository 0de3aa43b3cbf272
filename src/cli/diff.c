/* `diff A B`: what changed from one recording to another, or with A twice from one moment of it to
 * another. Each side is FILE or FILE@MOMENT. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/diff.h"
#include "cli/approach.h"
#include "cli/at.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "export/diff.h"
#include "export/file.h"
#include "model/format.h"
#include "record/recording.h"
#include "wire/clock.h"

#define SLICE_NS      (MS_NS_PER_S / 50) /* between two looks at Ctrl-C */
#define ROWS_OF_TEXT  20u
#define ROWS_OF_PAGES 1000u

struct side {
    const char *name; /* as it was given */
    struct ms_recording *recording;
    struct ms_approach way;
    uint64_t at_ns; /* since its session began */
};

static int complain(const char *name, const char *why)
{
    char safe[512];
    ms_format_safe(safe, sizeof safe, name, strlen(name), true);
    fprintf(stderr, "memscope-top: %s: %s\n", safe, why);
    return MS_EXIT_FAILURE;
}

/*
 * FILE@MOMENT, as FILE@90 or FILE@mark:before, unless there is a file that is called so. Both file
 * names and marks may hold an @: the longest file name that there is counts. Returns the path, to
 * be freed, NULL without memory; `moment` stays when none is given.
 */
static char *split(const char *name, const char **moment)
{
    char *path = strdup(name);
    char *at = path != NULL && access(path, F_OK) != 0 ? strrchr(path, '@') : NULL;
    while (at != NULL) {
        *at = '\0';
        if (at != path && access(path, F_OK) == 0) {
            *moment = name + (at - path) + 1;
            return path;
        }
        char *before = strrchr(path, '@');
        *at = before == NULL ? '@' : '\0';
        at = before;
    }
    if (path != NULL) {
        memcpy(path, name, strlen(name) + 1); /* there is none: the message has all of it */
    }
    return path;
}

static int go_to(struct side *side, uint64_t at_ns)
{
    char what[600];
    char safe[512];
    struct ms_progress progress;
    int result = ms_approach_begin(&side->way, side->recording, at_ns);
    if (result != 0) {
        return result;
    }
    ms_format_safe(safe, sizeof safe, side->name, strlen(side->name), true);
    snprintf(what, sizeof what, "reading %s", safe);
    ms_progress_begin(&progress, what);
    do {
        result = ms_approach_go(&side->way, SLICE_NS);
        if (!ms_progress_tell(&progress, ms_approach_done(&side->way), 1000)) {
            result = -ECANCELED;
        }
    } while (result == 1);
    ms_progress_end(&progress);
    return result;
}

static int open_side(struct side *side, const char *name, const struct ms_options *options)
{
    char why[512] = "";
    const char *moment = options->at;
    uint64_t at_ns = 0;
    char *path = split(name, &moment);
    side->name = name;
    if (path == NULL) {
        return complain(name, "out of memory");
    }
    int result = ms_recording_open(path, &side->recording, why, sizeof why);
    free(path);
    if (result != 0) {
        return complain(name, why);
    }
    const char *condition = ms_recording_about(side->recording).condition;
    if (strcmp(condition, "whole") != 0 && !options->quiet) {
        (void)complain(name, condition);
    }
    result = ms_at_find(moment, side->recording, &at_ns, why, sizeof why);
    if (result != 0) {
        (void)complain(name, why);
        return result == -EINVAL ? MS_EXIT_USAGE : MS_EXIT_FAILURE;
    }
    result = go_to(side, at_ns);
    if (result != 0) {
        const char *refused = ms_recording_refused(side->recording);
        (void)complain(name, result == -EBADMSG ? "no moment near this one can be read"
                             : refused != NULL  ? refused
                                                : ms_export_error(result));
        return result == -ECANCELED ? MS_EXIT_CANCELLED : MS_EXIT_FAILURE;
    }
    const struct ms_model *model = ms_replay_model(side->way.replay);
    side->at_ns = ms_model_now_ns(model) - ms_model_start_ns(model);
    return 0;
}

/* The moments of one run, not of two. */
static bool same_session(const struct side *before, const struct side *after)
{
    const struct ms_recording_about one = ms_recording_about(before->recording);
    const uint64_t start_ns = one.start_ns;
    const uint64_t start_unix_ns = one.start_unix_ns;
    const struct ms_recording_about other = ms_recording_about(after->recording);
    return start_ns == other.start_ns && start_unix_ns == other.start_unix_ns;
}

static void close_side(struct side *side)
{
    ms_approach_drop(&side->way);
    ms_recording_close(side->recording);
}

struct page {
    const struct ms_diff *diff;
    struct ms_diff_export options;
    int (*write)(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options);
};

static int write_page(FILE *out, const void *context)
{
    const struct page *page = context;
    return page->write(out, page->diff, &page->options);
}

static int write_pages(const struct ms_options *options, struct page *page)
{
    static const struct {
        enum ms_export format;
        size_t rows_most;
        int (*write)(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options);
    } pages[] = {{MS_EXPORT_TEXT, ROWS_OF_TEXT, ms_diff_write_text},
                 {MS_EXPORT_JSON, 0, ms_diff_write_json},
                 {MS_EXPORT_HTML, ROWS_OF_PAGES, ms_diff_write_html}};
    bool any = false;
    int status = 0;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const char *path = options->export_path[pages[i].format];
        if (path == NULL) {
            continue;
        }
        any = true;
        page->write = pages[i].write;
        page->options.rows_most = pages[i].rows_most;
        const int result = ms_file_write(path, options->force, write_page, page);
        if (result != 0) {
            status = complain(path, result == -EEXIST ? "already exists; --force overwrites it"
                                                      : ms_export_error(result));
        }
    }
    if (!any) {
        page->options.rows_most = ROWS_OF_TEXT;
        const int result = ms_diff_write_text(stdout, page->diff, &page->options);
        return result != 0 ? complain("standard output", ms_export_error(result)) : 0;
    }
    return status;
}

int ms_diff(const struct ms_options *options)
{
    struct side before = {0};
    struct side after = {0};
    int status = open_side(&before, options->arguments[0], options);
    status = status == 0 ? open_side(&after, options->arguments[1], options) : status;
    if (status == 0) {
        struct ms_diff *diff =
            ms_diff_new(&(struct ms_diff_side){.model = ms_replay_model(before.way.replay),
                                               .noise = before.way.noise,
                                               .swing = before.way.swing},
                        &(struct ms_diff_side){.model = ms_replay_model(after.way.replay),
                                               .noise = after.way.noise,
                                               .swing = after.way.swing,
                                               .same_session = same_session(&before, &after)});
        struct page page = {.diff = diff,
                            .options = {.program_version = MS_VERSION,
                                        .before_name = before.name,
                                        .after_name = after.name,
                                        .before_ns = before.at_ns,
                                        .after_ns = after.at_ns}};
        status =
            diff != NULL ? write_pages(options, &page) : complain(before.name, "out of memory");
        ms_diff_free(diff);
    }
    close_side(&before);
    close_side(&after);
    return status;
}
