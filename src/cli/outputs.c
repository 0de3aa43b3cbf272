#include "cli/outputs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/session.h"
#include "export/file.h"
#include "export/json.h"
#include "model/format.h"

#define OUTPUTS_MAX (MS_EXPORT_TOTAL + MS_JSON_DOCUMENT_TOTAL + 3)

struct output {
    const char *option; /* without dashes */
    const char *path;
};

struct outputs {
    struct output of[OUTPUTS_MAX];
    size_t count;
    char set[MS_JSON_DOCUMENT_TOTAL][PATH_MAX]; /* names of --json-set */
};

static void add(struct outputs *outputs, const char *option, const char *path)
{
    if (path != NULL) {
        outputs->of[outputs->count++] = (struct output){option, path};
    }
}

static void collect(struct outputs *outputs, const struct ms_options *options)
{
    for (int i = 0; i < MS_EXPORT_TOTAL; i++) {
        add(outputs, ms_export_name((enum ms_export)i), options->export_path[i]);
    }
    add(outputs, "json-lines", options->json_lines_path);
    add(outputs, "output", options->output_path);
    add(outputs, "tee", options->tee_path);
    for (int i = 0; i < MS_JSON_DOCUMENT_TOTAL && options->json_set_prefix != NULL; i++) {
        (void)snprintf(outputs->set[i], sizeof outputs->set[i], "%s_%s.json",
                       options->json_set_prefix, ms_json_document_name((enum ms_json_document)i));
        add(outputs, "json-set", outputs->set[i]);
    }
}

/* Where a file would be made: its folder without links, and its name. NULL: nowhere. */
static char *place_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    char *real = folder != NULL ? realpath(folder, NULL) : NULL;
    char *place = NULL;
    if (real != NULL && asprintf(&place, "%s/%s", real, slash != NULL ? slash + 1 : path) < 0) {
        place = NULL;
    }
    free(real);
    free(folder);
    return place;
}

static bool same_file(const char *a, const char *b)
{
    struct stat one;
    struct stat other;
    const bool one_there = stat(a, &one) == 0;
    const bool other_there = stat(b, &other) == 0;
    if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0) {
        return strcmp(a, b) == 0;
    }
    if (one_there != other_there) {
        return false;
    }
    if (one_there) {
        return S_ISREG(one.st_mode) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
    }
    char *place = place_of(a);
    char *other_place = place_of(b);
    const bool same = place != NULL && other_place != NULL && strcmp(place, other_place) == 0;
    free(place);
    free(other_place);
    return same;
}

static void safe(char *out, size_t size, const char *path)
{
    const char *shown = strcmp(path, "-") == 0 ? "standard output" : path;
    ms_format_safe(out, size, shown, strlen(shown), true);
}

static int check_apart(const struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++) {
        for (size_t j = i + 1; j < outputs->count; j++) {
            char shown[512];
            if (!same_file(outputs->of[i].path, outputs->of[j].path)) {
                continue;
            }
            safe(shown, sizeof shown, outputs->of[j].path);
            fprintf(stderr,
                    "memscope-top: --%s and --%s would both be written to %s; give each a file of "
                    "its own\n",
                    outputs->of[i].option, outputs->of[j].option, shown);
            return MS_EXIT_USAGE;
        }
    }
    return 0;
}

/* `input` may be FILE@MOMENT, as diff has it. */
static bool is_input(const char *output, const char *input)
{
    char file[PATH_MAX];
    const char *at = strrchr(input, '@');
    if (same_file(output, input)) {
        return true;
    }
    if (at == NULL || (size_t)(at - input) >= sizeof file) {
        return false;
    }
    (void)snprintf(file, sizeof file, "%.*s", (int)(at - input), input);
    return same_file(output, file);
}

static int check_inputs(const struct outputs *outputs, const struct ms_options *options)
{
    const char *inputs[] = {options->files[0], options->files[1], options->suppressions_path};
    for (size_t i = 0; i < outputs->count; i++) {
        for (size_t j = 0; j < sizeof inputs / sizeof inputs[0]; j++) {
            char shown[512];
            if (inputs[j] == NULL || strcmp(outputs->of[i].path, "-") == 0 ||
                !is_input(outputs->of[i].path, inputs[j])) {
                continue;
            }
            safe(shown, sizeof shown, outputs->of[i].path);
            fprintf(stderr, "memscope-top: --%s: %s is the input; choose another output file\n",
                    outputs->of[i].option, shown);
            return MS_EXIT_USAGE;
        }
    }
    return 0;
}

static int check_new(const struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++) {
        char shown[512];
        if (ms_file_replaces(outputs->of[i].path)) {
            safe(shown, sizeof shown, outputs->of[i].path);
            fprintf(stderr, "memscope-top: --%s: %s: it already exists; --force overwrites it\n",
                    outputs->of[i].option, shown);
            return MS_EXIT_FAILURE;
        }
    }
    return 0;
}

int ms_outputs_check(const struct ms_options *options)
{
    struct outputs outputs = {.count = 0};
    const bool of_recordings = options->request == MS_REQUEST_EXPORT ||
                               options->request == MS_REQUEST_REPORT ||
                               options->request == MS_REQUEST_DIFF;
    collect(&outputs, options);
    int status = check_apart(&outputs);
    if (of_recordings) {
        status = status == 0 ? check_inputs(&outputs, options) : status;
        status = status == 0 && !options->force ? check_new(&outputs) : status;
    }
    return status;
}
