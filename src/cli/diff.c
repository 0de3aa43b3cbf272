/* `diff A B`: what changed from one recording to another, or with A twice from one moment of it to
 * another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/diff.h"
#include "cli/at.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "export/diff.h"
#include "export/file.h"
#include "model/format.h"
#include "record/recording.h"

/* How live bytes go up and down is looked at in so much before the moment, a second apart. */
#define NOISE_NS      (30 * MS_SECOND_NS)
#define ROWS_OF_TEXT  20u
#define ROWS_OF_PAGES 1000u

struct side {
    const char *path;
    struct ms_recording *recording;
    struct ms_replay *replay;
    struct ms_diff_noise *noise;
    uint64_t looked_ns;
    uint64_t at_ns; /* since its session began */
};

static void look(void *context, const struct ms_model *model, bool anew)
{
    struct side *side = context;
    const uint64_t now_ns = ms_model_now_ns(model);
    (void)anew;
    if (side->looked_ns == 0 || now_ns >= side->looked_ns + MS_SECOND_NS) {
        side->looked_ns = now_ns;
        (void)ms_diff_noise_look(side->noise, model); /* without memory: not known */
    }
}

static int complain(const char *path, const char *why)
{
    char safe[512];
    ms_format_safe(safe, sizeof safe, path, strlen(path), true);
    fprintf(stderr, "memscope-top: %s: %s\n", safe, why);
    return MS_EXIT_FAILURE;
}

static int open_side(struct side *side, const char *path, const char *at)
{
    char why[256];
    side->path = path;
    if (ms_recording_open(path, &side->recording, why, sizeof why) != 0) {
        return complain(path, why);
    }
    uint64_t tick;
    int result = ms_at_tick(at, side->recording, &tick, why, sizeof why);
    if (result != 0) {
        return complain(path, why);
    }
    const struct ms_replay_options options = {.ticked = look, .context = side, .warm_ns = NOISE_NS};
    side->noise = ms_diff_noise_new();
    side->replay = ms_replay_new(side->recording, &options);
    result =
        side->noise == NULL || side->replay == NULL ? -ENOMEM : ms_replay_seek(side->replay, tick);
    if (result != 0) {
        return complain(path, strerror(-result));
    }
    const struct ms_model *model = ms_replay_model(side->replay);
    side->at_ns = ms_model_now_ns(model) - ms_model_start_ns(model);
    return 0;
}

static void close_side(struct side *side)
{
    ms_replay_free(side->replay);
    ms_recording_close(side->recording);
    ms_diff_noise_free(side->noise);
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
            status = complain(path, result == -EEXIST ? "exists already; --force replaces it"
                                                      : strerror(-result));
        }
    }
    if (!any) {
        page->options.rows_most = ROWS_OF_TEXT;
        const int result = ms_diff_write_text(stdout, page->diff, &page->options);
        return result != 0 ? complain("standard output", strerror(-result)) : 0;
    }
    return status;
}

int ms_diff(const struct ms_options *options)
{
    struct side before = {0};
    struct side after = {0};
    int status = open_side(&before, options->arguments[0], options->at);
    status = status == 0 ? open_side(&after, options->arguments[1], options->at) : status;
    if (status == 0) {
        struct ms_diff *diff = ms_diff_new(
            &(struct ms_diff_side){.model = ms_replay_model(before.replay), .noise = before.noise},
            &(struct ms_diff_side){.model = ms_replay_model(after.replay), .noise = after.noise});
        struct page page = {.diff = diff,
                            .options = {.program_version = MS_VERSION,
                                        .before_name = before.path,
                                        .after_name = after.path,
                                        .before_ns = before.at_ns,
                                        .after_ns = after.at_ns}};
        status =
            diff != NULL ? write_pages(options, &page) : complain(before.path, "out of memory");
        ms_diff_free(diff);
    }
    close_side(&before);
    close_side(&after);
    return status;
}
