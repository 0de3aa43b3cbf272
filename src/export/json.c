#include "export/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/json_parts.h"

static void write_session(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "start_unix_ns", ms_model_start_unix_ns(model));
    ms_json_member_u64(writer, "duration_ns", ms_model_now_ns(model) - ms_model_start_ns(model));
    ms_json_member_u64(writer, "interval_ns", ms_model_interval_ns(model));
    ms_json_object_end(writer);
}

/* In words, why some of the program is not in the figures; NULL when all of it is. */
static const char *untracked_reason(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->seen != MS_SEEN_FULL && process->seen_because[0] != '\0') {
            return process->seen_because;
        }
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (!thread->tracked) {
            return thread->probed ? "threads that were not selected are not tracked"
                                  : "threads without a record of the probe are not tracked";
        }
    }
    return NULL;
}

static void write_losses(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_losses *losses)
{
    const char *reason = untracked_reason(model);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "recorded", losses->recorded);
    ms_json_member_u64(writer, "lost", losses->lost);
    ms_json_member_u64(writer, "coarsened", losses->coarsened);
    ms_json_member_u64(writer, "owner_unknown", losses->owner_unknown);
    ms_json_member_u64(writer, "threads_folded", losses->threads_folded);
    ms_json_member_u64(writer, "not_classified", losses->not_classified);
    ms_json_member_u64(writer, "rates_refused", losses->rates_refused);
    ms_json_member_u64(writer, "misuse_missing", losses->misuse_missing);
    ms_json_member_u64(writer, "io_sites_missing", losses->io_sites_missing);
    ms_json_member_text_or_null(writer, "untracked_reason", reason != NULL ? reason : "");
    ms_json_object_end(writer);
}

/* null: nothing is traced. */
static void write_trace(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_trace *trace = ms_model_trace(model);
    const struct ms_trace_totals totals = ms_model_trace_totals(model);
    if (!totals.any) {
        ms_json_null(writer);
        return;
    }
    uint64_t sent = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        sent += ms_model_process(model, i)->trace.sent;
    }
    ms_json_object_begin(writer);
    ms_json_key(writer, "read");
    ms_json_bool(writer, trace->reading);
    ms_json_member_u64(writer, "events", totals.events);
    ms_json_member_u64(writer, "lost", totals.lost);
    ms_json_member_u64(writer, "sent", sent);
    ms_json_member_u64(writer, "batches", trace->batches);
    ms_json_member_u64(writer, "packet_bytes", trace->packet_bytes);
    ms_json_member_u64(writer, "refused", trace->refused);
    ms_json_member_text_or_null(writer, "because", totals.because);
    ms_json_object_end(writer);
}

static void write_totals(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_heap *totals)
{
    bool available = false;
    uint64_t error_bytes = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        available = available || process->seen != MS_SEEN_NONE;
        error_bytes += process->peak_error_bytes;
    }
    ms_json_heap_totals(writer, totals, available, error_bytes);
}

static void write_stacks(struct ms_json_writer *writer, const struct ms_model *model)
{
    struct ms_stack_check sum = {0};
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        ms_stack_check_add(&sum, &ms_model_process(model, i)->stacks);
    }
    ms_json_stack_check(writer, &sum);
}

static void section(struct ms_json_writer *writer, const char *name)
{
    ms_json_line(writer);
    ms_json_key(writer, name);
}

int ms_json_write(FILE *out, const struct ms_model *model, const struct ms_json_options *options)
{
    struct ms_json_writer writer;
    const int error = ms_json_writer_open(&writer, out);
    if (error != 0) {
        return error;
    }
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    struct ms_types *types = ms_json_types_of(model);
    ms_json_object_begin(&writer);
    ms_json_key(&writer, "memscope");
    ms_json_object_begin(&writer);
    ms_json_member_u64(&writer, "schema", MS_JSON_SCHEMA);
    ms_json_member_string(&writer, "version", options->program_version);
    ms_json_object_end(&writer);
    section(&writer, "session");
    write_session(&writer, model);
    section(&writer, "system");
    ms_json_system(&writer, model);
    section(&writer, "sources");
    ms_json_sources(&writer, model);
    section(&writer, "metrics");
    ms_json_metrics(&writer, model);
    section(&writer, "histograms");
    ms_json_histograms(&writer);
    section(&writer, "processes");
    ms_json_processes(&writer, model, options->hide_arguments);
    section(&writer, "threads");
    ms_json_threads(&writer, model, &options->thresholds);
    section(&writer, "sites");
    ms_json_sites(&writer, model, types);
    section(&writer, "types");
    ms_json_types(&writer, types);
    ms_types_free(types);
    section(&writer, "hotspots");
    ms_json_hotspots(&writer, model);
    section(&writer, "modules");
    ms_json_modules(&writer, model);
    section(&writer, "flows");
    ms_json_flows(&writer, model);
    section(&writer, "flow_totals");
    ms_json_flow_totals(&writer, model);
    section(&writer, "flow_patterns");
    ms_json_flow_patterns(&writer, model);
    section(&writer, "misuse");
    ms_json_misuse(&writer, model);
    section(&writer, "leaks");
    ms_json_leaks(&writer, model, options->findings);
    section(&writer, "timeline");
    ms_json_timeline(&writer, model);
    section(&writer, "correlations");
    ms_json_correlations(&writer, model);
    section(&writer, "rankings");
    ms_json_rankings(&writer, model, options->findings);
    section(&writer, "anomalies");
    ms_json_anomalies(&writer, model, options->findings);
    section(&writer, "limits");
    ms_json_limits(&writer, model);
    section(&writer, "insights");
    ms_json_insights(&writer, model, options->findings);
    section(&writer, "losses");
    write_losses(&writer, model, &losses);
    section(&writer, "trace");
    write_trace(&writer, model);
    section(&writer, "stacks");
    write_stacks(&writer, model);
    section(&writer, "totals");
    write_totals(&writer, model, &totals);
    ms_json_line(&writer);
    ms_json_object_end(&writer);
    ms_json_line(&writer);
    return ms_json_writer_close(&writer);
}

/* Takes over the descriptor. */
static int write_to(int fd, const struct ms_model *model, const struct ms_json_options *options)
{
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        const int error = -errno;
        close(fd);
        return error;
    }
    int error = ms_json_write(out, model, options);
    if (fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    return error;
}

/* As open() with O_CREAT would have made it, which mkostemp does not. */
static mode_t wanted_mode(const struct stat *existing)
{
    if (existing != NULL) {
        return existing->st_mode & 0777;
    }
    const mode_t mask = umask(077);
    umask(mask);
    return 0666 & ~mask;
}

static int move_into_place(const char *from, const char *to, bool overwrite)
{
    if (overwrite) {
        return rename(from, to) == 0 ? 0 : -errno;
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    /* A file system without that flag: a moment remains in which another may write the file. */
    if (access(to, F_OK) == 0) {
        return -EEXIST;
    }
    return rename(from, to) == 0 ? 0 : -errno;
}

static int write_beside(const char *path, const struct stat *existing, bool overwrite,
                        const struct ms_model *model, const struct ms_json_options *options)
{
    static const char suffix[] = ".part-XXXXXX";
    const size_t bytes = strlen(path);
    char *temporary = malloc(bytes + sizeof(suffix));
    if (temporary == NULL) {
        return -ENOMEM;
    }
    memcpy(temporary, path, bytes);
    memcpy(temporary + bytes, suffix, sizeof(suffix));
    const int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        const int error = -errno;
        free(temporary);
        return error;
    }
    (void)fchmod(fd, wanted_mode(existing));
    int error = write_to(fd, model, options);
    if (error == 0) {
        error = move_into_place(temporary, path, overwrite);
    }
    if (error != 0) {
        (void)unlink(temporary);
    }
    free(temporary);
    return error;
}

int ms_json_write_file(const char *path, bool overwrite, const struct ms_model *model,
                       const struct ms_json_options *options)
{
    struct stat existing;
    if (stat(path, &existing) != 0) {
        return errno == ENOENT ? write_beside(path, NULL, overwrite, model, options) : -errno;
    }
    if (S_ISDIR(existing.st_mode)) {
        return -EISDIR;
    }
    if (!S_ISREG(existing.st_mode)) { /* a pipe, a terminal, /dev/stdout: nothing to replace */
        const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return fd >= 0 ? write_to(fd, model, options) : -errno;
    }
    if (!overwrite) {
        return -EEXIST;
    }
    char *real = realpath(path, NULL); /* a link stays a link */
    if (real == NULL) {
        return -errno;
    }
    const int error = write_beside(real, &existing, true, model, options);
    free(real);
    return error;
}
