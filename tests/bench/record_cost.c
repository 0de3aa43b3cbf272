/*
 * What recordings cost, for record.py; a line of JSON on stdout.
 *
 * record_cost moment FILE WORK ROUNDS: the last moment of a recording written as JSON, as the JSON
 * that the report leaves out and a recording has, and as a recording of that moment alone, into the
 * folder WORK, ROUNDS times in turn.
 * record_cost ticks FILE WORK: the whole of it tick by tick, as JSON Lines and as a recording;
 * seconds are those of the thread that ticks.
 * record_cost make FILE MEGABYTES: a session of 200 threads with 50 call sites each, all in use,
 * through the recorder as fast as it goes, until the recording is so large.
 * record_cost open FILE: opens it, goes to its end, to its middle, and verifies it.
 *
 * Seconds are of CPU time of the process, all threads, where nothing else is said.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "analysis/findings.h"
#include "export/export.h"
#include "export/json_lines.h"
#include "export/json_writer.h"
#include "model/figures.h"
#include "record/recorder.h"
#include "record/recording.h"

#define NS_PER_S UINT64_C(1000000000)

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static long long file_bytes(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (long long)status.st_size : -1;
}

static struct ms_recording *open_recording(const char *path)
{
    struct ms_recording *recording;
    char why[200];
    if (ms_recording_open(path, &recording, why, sizeof why) != 0) {
        fprintf(stderr, "record_cost: %s: %s\n", path, why);
        exit(1);
    }
    return recording;
}

/* --- one moment --- */

static void judge(void *context, const struct ms_model *model, bool anew)
{
    (void)anew;
    (void)ms_findings_update(context, model);
}

static void write_json(const char *path, const struct ms_model *model,
                       const struct ms_export_options *options, const char *what)
{
    const double before_s = cpu_seconds();
    if (ms_export_write_file(path, true, MS_EXPORT_JSON, model, options) != 0) {
        fprintf(stderr, "record_cost: no JSON\n");
        exit(1);
    }
    const double used_s = cpu_seconds() - before_s;
    printf(", \"%s_s\": %.6f, \"%s_bytes\": %lld", what, used_s, what, file_bytes(path));
}

static void member_u64(struct ms_json_writer *writer, const char *name, uint64_t value)
{
    ms_json_key(writer, name);
    ms_json_u64(writer, value);
}

static void write_histogram(struct ms_json_writer *writer, const char *name,
                            const struct ms_histogram *histogram, unsigned classes)
{
    ms_json_key(writer, name);
    ms_json_array_begin(writer);
    for (unsigned i = 0; i < classes; i++) {
        ms_json_u64(writer, histogram->events[i]);
    }
    ms_json_array_end(writer);
}

/* As the report writes a call site, without its stack. */
static void write_context(struct ms_json_writer *writer, const struct ms_usage *usage)
{
    struct ms_usage_extra extra;
    ms_usage_get_extra(usage, &extra);
    ms_json_object_begin(writer);
    member_u64(writer, "thread_id", usage->thread_id);
    member_u64(writer, "site_id", usage->site_id);
    member_u64(writer, "current_bytes", ms_usage_current_bytes(usage));
    member_u64(writer, "peak_bytes", usage->peak_bytes);
    member_u64(writer, "at_peak_bytes", usage->at_peak_bytes);
    member_u64(writer, "allocations", usage->allocations);
    member_u64(writer, "deallocations", usage->deallocations);
    member_u64(writer, "bytes_allocated", usage->bytes_allocated);
    member_u64(writer, "bytes_freed", usage->bytes_freed);
    member_u64(writer, "waste_bytes", usage->waste_bytes);
    member_u64(writer, "temporary", usage->temporary);
    member_u64(writer, "reallocations", extra.reallocations);
    member_u64(writer, "failed_calls", extra.failed_calls);
    write_histogram(writer, "size_classes", &extra.sizes, MS_HISTOGRAM_SIZES);
    write_histogram(writer, "lifetime_classes", &extra.lifetimes, MS_HISTOGRAM_LIFETIMES);
    ms_json_object_end(writer);
}

enum { TIMELINE_THREADS = 50 }; /* whose histories the report has */

/* One for each tick, as far as they are held; the report has 600 at most. */
static void write_series(struct ms_json_writer *writer, const char *metric, uint32_t thread_id,
                         const struct ms_history *history)
{
    static double points[600];
    uint64_t first;
    uint64_t end;
    ms_history_range(history, &first, &end);
    const size_t count = end - first < 600 ? (size_t)(end - first) : 600;
    (void)ms_history_read(history, MS_RESOLUTION_FINE, count, points);
    ms_json_object_begin(writer);
    ms_json_key(writer, "metric");
    ms_json_string(writer, metric);
    member_u64(writer, "thread_id", thread_id);
    ms_json_key(writer, "values");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < count; i++) {
        ms_json_fixed(writer, points[i], 3);
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}

/* What a recording has and the report leaves out: contexts, and histories of all but 50 threads. */
static void write_left_out(const char *path, const struct ms_model *model)
{
    struct ms_json_writer writer = {0};
    const double before_s = cpu_seconds();
    FILE *file = fopen(path, "w");
    if (file == NULL || ms_json_writer_open(&writer, file) != 0) {
        exit(1);
    }
    ms_json_array_begin(&writer);
    for (size_t i = 0; i < ms_model_usage_count(model); i++) {
        write_context(&writer, ms_model_usage(model, i));
    }
    for (size_t i = TIMELINE_THREADS; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        for (int s = 0; s < MS_SERIES_COUNT; s++) {
            if (thread->history[s] != NULL) {
                write_series(&writer, ms_series_info(MS_SERIES_OF_THREAD, s)->name, thread->id,
                             thread->history[s]);
            }
        }
    }
    ms_json_array_end(&writer);
    if (ms_json_writer_close(&writer) != 0 || fclose(file) != 0) {
        exit(1);
    }
    const double used_s = cpu_seconds() - before_s;
    printf(", \"left_out_s\": %.6f, \"left_out_bytes\": %lld", used_s, file_bytes(path));
}

static void write_moment(const char *path, const struct ms_model *model)
{
    const struct ms_recorder_options options = {.program_version = "bench", .output = true};
    const double before_s = cpu_seconds();
    struct ms_recorder *recorder = ms_recorder_new(&options);
    if (recorder == NULL || ms_recorder_keep(recorder, path, true, 0) != 0 ||
        ms_recorder_finish(recorder, model) != 0) {
        fprintf(stderr, "record_cost: no recording\n");
        exit(1);
    }
    ms_recorder_free(recorder);
    const double used_s = cpu_seconds() - before_s;
    printf(", \"moment_s\": %.6f, \"moment_bytes\": %lld", used_s, file_bytes(path));
}

static int measure_moment(const char *path, const char *work, int rounds)
{
    char json[512];
    char moment[512];
    char left_out[512];
    const struct ms_thresholds thresholds = ms_thresholds_default();
    struct ms_findings *findings = ms_findings_new(&thresholds, NULL);
    const struct ms_replay_options replaying = {.ticked = judge, .context = findings};
    struct ms_recording *recording = open_recording(path);
    struct ms_replay *replay = ms_replay_new(recording, &replaying);
    (void)snprintf(json, sizeof json, "%s/moment.json", work);
    (void)snprintf(moment, sizeof moment, "%s/moment.memscope", work);
    (void)snprintf(left_out, sizeof left_out, "%s/left-out.json", work);
    if (findings == NULL || replay == NULL || ms_replay_seek(replay, 0) != 0) {
        return 1;
    }
    while (ms_replay_step(replay) == 1) {
    }
    const struct ms_model *model = ms_replay_model(replay);
    const struct ms_recording_about about = ms_recording_about(recording);
    const struct ms_export_options plain = {.program_version = "bench", .thresholds = thresholds};
    struct ms_export_options judged = plain;
    judged.findings = findings;
    printf("{\"threads\": %zu, \"sites\": %zu, \"usages\": %zu, \"recording_bytes\": %lld, "
           "\"seconds\": %.3f, \"rounds\": [",
           ms_model_thread_count(model), ms_model_site_count(model), ms_model_usage_count(model),
           file_bytes(path), (double)(about.last_ns - about.start_ns) / 1e9);
    for (int round = 0; round < rounds; round++) {
        printf("%s{\"round\": %d", round > 0 ? ", " : "", round);
        write_json(json, model, &judged, "json");
        write_json("/dev/null", model, &judged, "json_nowhere");
        write_json(json, model, &plain, "plain");
        write_left_out(left_out, model);
        write_moment(moment, model);
        printf("}");
    }
    printf("]}\n");
    ms_replay_free(replay);
    ms_recording_close(recording);
    ms_findings_free(findings);
    return 0;
}

/* --- every tick --- */

static int measure_ticks(const char *path, const char *work)
{
    char lines_path[512];
    char copy_path[512];
    (void)snprintf(lines_path, sizeof lines_path, "%s/ticks.jsonl", work);
    (void)snprintf(copy_path, sizeof copy_path, "%s/ticks.memscope", work);
    const struct ms_replay_options replaying = {0};
    const struct ms_recorder_options options = {.program_version = "bench"};
    const struct ms_export_options plain = {.program_version = "bench",
                                            .thresholds = ms_thresholds_default()};
    struct ms_recording *recording = open_recording(path);
    struct ms_replay *replay = ms_replay_new(recording, &replaying);
    struct ms_recorder *recorder = ms_recorder_new(&options);
    struct ms_json_lines *lines = NULL;
    if (replay == NULL || recorder == NULL || ms_replay_seek(replay, 0) != 0 ||
        ms_recorder_keep(recorder, copy_path, true, 0) != 0 ||
        ms_json_lines_open(lines_path, true, &plain, &lines) != 0) {
        return 1;
    }
    double lines_s = 0;
    double record_s = 0;
    uint64_t ticks = 0;
    int error = 0;
    do {
        const struct ms_model *model = ms_replay_model(replay);
        const double before_s = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        error |= ms_recorder_tick(recorder, model);
        const double between_s = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        error |= ms_json_lines_tick(lines, model);
        lines_s += seconds_of(CLOCK_THREAD_CPUTIME_ID) - between_s;
        record_s += between_s - before_s;
        ticks++;
    } while (ms_replay_step(replay) == 1);
    const double before_s = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    error |= ms_recorder_finish(recorder, ms_replay_model(replay));
    record_s += seconds_of(CLOCK_THREAD_CPUTIME_ID) - before_s;
    error |= ms_json_lines_close(lines);
    printf("{\"ticks\": %" PRIu64 ", \"lines_s\": %.6f, \"lines_bytes\": %lld, \"record_s\": %.6f, "
           "\"record_bytes\": %lld}\n",
           ticks, lines_s, file_bytes(lines_path), record_s, file_bytes(copy_path));
    ms_recorder_free(recorder);
    ms_replay_free(replay);
    ms_recording_close(recording);
    return error != 0;
}

/* --- a large one --- */

enum { THREADS = 200, SITES_OF_THREAD = 50, FRAMES = 2000, DEPTH = 12 };

struct made {
    struct ms_model *model;
    uint64_t random, tick;
    uint32_t threads[THREADS], sites[THREADS * SITES_OF_THREAD];
};

static uint32_t draw(struct made *made, uint32_t below)
{
    made->random = made->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(made->random >> 33) % below;
}

static void make_frames(struct made *made, const struct ms_frame **frames)
{
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct ms_frame *frame = ms_model_add_frame(made->model);
        char name[64];
        (void)snprintf(name, sizeof name, "made::function_%" PRIu32 "(int)", i);
        frame->address = 0x400000 + UINT64_C(64) * i;
        frame->file_offset = UINT64_C(64) * i;
        frame->module = ms_model_string(made->model, "/usr/bin/made");
        frame->function = ms_model_string(made->model, name);
        frame->file = frame->crate = ms_model_string(made->model, "");
        frames[i] = frame;
    }
}

static void begin_session(struct made *made)
{
    const struct ms_frame *frames[FRAMES];
    made->model = ms_model_new(NS_PER_S / 10, NS_PER_S, UINT64_C(1700000000) * NS_PER_S);
    make_frames(made, frames);
    struct ms_process *process = ms_model_add_process(made->model, 1);
    (void)snprintf(process->exe, sizeof process->exe, "/usr/bin/made");
    process->pid = 100;
    process->start_ns = NS_PER_S;
    process->kernel.have_memory = true;
    process->trace.because = "";
    for (uint32_t t = 0; t < THREADS; t++) {
        struct ms_thread *thread = ms_model_add_thread(made->model, 1);
        (void)snprintf(thread->name, sizeof thread->name, "worker-%" PRIu32, t);
        thread->tid = (pid_t)(1000 + t);
        thread->tracked = thread->probed = true;
        thread->start_ns = NS_PER_S;
        thread->kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_IO;
        made->threads[t] = thread->id;
    }
    for (uint32_t s = 0; s < THREADS * SITES_OF_THREAD; s++) {
        const struct ms_frame *stack[DEPTH];
        for (uint32_t i = 0; i < DEPTH; i++) {
            stack[i] = frames[i > DEPTH / 2 ? FRAMES - 1 - i : draw(made, FRAMES)];
        }
        made->sites[s] = ms_model_add_site(made->model, 1, stack, DEPTH, 0)->id;
    }
}

/* Call sites are read once a second, as the collector does. */
static void use_sites(struct made *made, uint32_t t)
{
    for (uint32_t s = t * SITES_OF_THREAD; s < (t + 1) * SITES_OF_THREAD; s++) {
        struct ms_usage *usage =
            ms_model_usage_mutable(made->model, made->threads[t], made->sites[s]);
        const uint32_t count = 1 + draw(made, 1000);
        usage->allocations += count;
        usage->bytes_allocated += (uint64_t)count * (16 + draw(made, 500));
        const uint64_t live = usage->bytes_allocated - usage->bytes_freed;
        usage->deallocations += usage->allocations > usage->deallocations + 100 ? count / 2 : 0;
        usage->peak_bytes = live > usage->peak_bytes ? live : usage->peak_bytes;
        usage->bytes_freed += draw(made, (uint32_t)(live / 2 + 1));
    }
}

static void work(struct made *made, uint32_t t)
{
    struct ms_thread *thread = ms_model_thread_mutable(made->model, made->threads[t]);
    struct ms_process *process = ms_model_process_mutable(made->model, 1);
    const uint32_t count = draw(made, 10000);
    const uint64_t bytes = (uint64_t)count * draw(made, 500);
    const uint64_t freed = thread->heap.bytes_allocated - thread->heap.bytes_freed;
    thread->kernel.run_ns += draw(made, 100000000);
    thread->kernel.user_ns = thread->kernel.run_ns / 2;
    thread->kernel.voluntary_switches += draw(made, 3);
    thread->heap.allocations += count;
    thread->heap.bytes_allocated += bytes;
    thread->heap.bytes_freed += freed;
    process->totals.allocations += count;
    process->totals.bytes_allocated += bytes;
    process->totals.bytes_freed += freed;
}

static int make(const char *path, uint64_t megabytes)
{
    const struct ms_recorder_options options = {.program_version = "bench"};
    struct made made = {.random = 1};
    struct ms_recorder *recorder = ms_recorder_new(&options);
    if (recorder == NULL || ms_recorder_keep(recorder, path, true, 0) != 0) {
        return 1;
    }
    begin_session(&made);
    const double before_s = cpu_seconds();
    double record_s = 0;
    struct ms_blocks_state state = {0};
    while (state.file_bytes < megabytes * 1000000 && state.error == 0) {
        for (uint32_t t = 0; t < THREADS; t++) {
            work(&made, t);
            if (made.tick % 10 == t % 10) {
                use_sites(&made, t);
            }
        }
        const uint64_t now_ns = 2 * NS_PER_S + made.tick++ * NS_PER_S / 10;
        (void)ms_model_tick_end(made.model, now_ns);
        const double tick_s = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        (void)ms_recorder_tick(recorder, made.model);
        record_s += seconds_of(CLOCK_THREAD_CPUTIME_ID) - tick_s;
        state = ms_recorder_state(recorder);
        /* The disk is to keep up: nothing is dropped. */
        while (made.tick % 100 == 0 && (uint64_t)file_bytes(path) + 8000000 < state.file_bytes &&
               state.error == 0) {
            const struct timespec while_ = {.tv_nsec = 1000000};
            (void)nanosleep(&while_, NULL);
            state = ms_recorder_state(recorder);
        }
    }
    const int error = ms_recorder_finish(recorder, made.model);
    printf("{\"error\": %d, \"ticks\": %" PRIu64 ", \"bytes\": %lld, \"cpu_s\": %.3f, "
           "\"record_s\": %.3f, \"dropped\": %" PRIu64 "}\n",
           error, made.tick, file_bytes(path), cpu_seconds() - before_s, record_s,
           state.dropped_blocks);
    ms_recorder_free(recorder);
    ms_model_free(made.model);
    return error != 0;
}

/* --- reading --- */

static void tell_finding(void *context, const char *finding)
{
    (void)context;
    fprintf(stderr, "record_cost: %s\n", finding);
}

static void tell(const char *what, double *wall_s, double *cpu_s)
{
    const double wall_now_s = seconds_of(CLOCK_MONOTONIC);
    const double cpu_now_s = cpu_seconds();
    printf("\"%s_wall_s\": %.4f, \"%s_s\": %.4f, ", what, wall_now_s - *wall_s, what,
           cpu_now_s - *cpu_s);
    *wall_s = wall_now_s;
    *cpu_s = cpu_now_s;
}

static int measure_open(const char *path)
{
    double wall_s = seconds_of(CLOCK_MONOTONIC);
    double cpu_s = cpu_seconds();
    printf("{");
    struct ms_recording *recording = open_recording(path);
    tell("open", &wall_s, &cpu_s);
    const struct ms_replay_options replaying = {0};
    struct ms_replay *replay = ms_replay_new(recording, &replaying);
    const struct ms_recording_about about = ms_recording_about(recording);
    int error = ms_replay_seek(replay, about.last_tick);
    tell("end", &wall_s, &cpu_s);
    error |= ms_replay_seek(replay, about.first_tick / 2 + about.last_tick / 2);
    tell("middle", &wall_s, &cpu_s);
    ms_replay_free(replay);
    const int findings = ms_recording_verify(recording, tell_finding, NULL, NULL);
    tell("verify", &wall_s, &cpu_s);
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("\"bytes\": %lld, \"findings\": %d, \"ticks\": %" PRIu64 ", \"rss_kb\": %ld}\n",
           file_bytes(path), findings, about.last_tick, usage.ru_maxrss);
    ms_recording_close(recording);
    return error != 0 || findings != 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "moment") == 0) {
        return measure_moment(argv[2], argv[3], atoi(argv[4]));
    }
    if (argc == 4 && strcmp(argv[1], "ticks") == 0) {
        return measure_ticks(argv[2], argv[3]);
    }
    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        return make(argv[2], strtoull(argv[3], NULL, 10));
    }
    if (argc == 3 && strcmp(argv[1], "open") == 0) {
        return measure_open(argv[2]);
    }
    fputs("usage: record_cost moment FILE WORK ROUNDS | ticks FILE WORK | make FILE MEGABYTES | "
          "open FILE\n",
          stderr);
    return 2;
}
