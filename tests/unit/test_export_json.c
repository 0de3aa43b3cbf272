#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/csv.h"
#include "export/json.h"
#include "export/json_writer.h"
#include "model/figures.h"
#include "model/marks.h"

#define START UINT64_C(7000000000000)
#define TENTH (MS_SECOND_NS / 10)

static const struct ms_export_options *options(void)
{
    static struct ms_export_options made;
    made = (struct ms_export_options){.program_version = "9.9.9",
                                      .thresholds = ms_thresholds_default()};
    return &made;
}

static char *folder; /* of its own, made and removed by the group */

static int make_folder(void **state)
{
    (void)state;
    static char template[] = "/tmp/memscope-test-XXXXXX";
    folder = mkdtemp(template);
    return folder != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Exit status of the check: 0 valid, 77 the validator is not installed. */
static int check_schema(const char *path)
{
    char command[512];
    (void)snprintf(command, sizeof(command),
                   "/usr/bin/python3 tests/unit/check_schema.py --strict %s", path);
    const int status = system(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void validate_with(const struct ms_model *model, const struct ms_export_options *how)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/report.json", folder);
    assert_int_equal(ms_export_write_file(path, false, MS_EXPORT_JSON, model, how), 0);
    const int status = check_schema(path);
    assert_int_equal(unlink(path), 0);
    if (status == 77) {
        skip();
    }
    assert_int_equal(status, 0);
}

static void validate(const struct ms_model *model)
{
    validate_with(model, options());
}

static char *written_with(const struct ms_model *model, const struct ms_export_options *how)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    assert_int_equal(ms_json_write(out, model, how), 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strlen(text), bytes);
    return text;
}

static char *written(const struct ms_model *model)
{
    return written_with(model, options());
}

static void check_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("%s is missing", part);
    }
}

/* Bytes of each kind that must not reach a report as they are. */
static const char hostile[] = "\"\\</script>\033]0;x\007\n\t\001\177\x80\xff\xc2\x9b"
                              "1m\xe2\x80\xae\xe2\x80\xa8\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf\xe2";

static struct ms_process *add_process(struct ms_model *model, uint32_t id)
{
    struct ms_process *process = ms_model_add_process(model, id);
    assert_non_null(process);
    process->pid = 4242;
    process->start_ns = START;
    process->start_unix_ns = UINT64_C(1700000000123456789);
    (void)snprintf(process->exe, sizeof(process->exe), "/bin/%s", hostile);
    static const char arguments[] = "./app\0\033[31m\xff\0\0--last";
    process->arguments = malloc(sizeof(arguments));
    assert_non_null(process->arguments);
    memcpy(process->arguments, arguments, sizeof(arguments));
    process->arguments_bytes = sizeof(arguments);
    process->kernel.have_memory = true;
    process->kernel.rss_bytes = 5000000;
    process->totals.bytes_allocated = UINT64_MAX;
    return process;
}

static const struct ms_site *add_site(struct ms_model *model, const char *function)
{
    struct ms_frame *malloc_frame = ms_model_add_frame(model);
    malloc_frame->function = "malloc";
    malloc_frame->module = "/lib/libc.so.6";
    struct ms_frame *caller = ms_model_add_frame(model);
    caller->function = ms_model_string(model, function);
    caller->file = ms_model_string(model, hostile);
    caller->line = 77;
    struct ms_frame *outer = ms_model_add_frame(model);
    outer->module = ms_model_string(model, hostile);
    outer->file_offset = 0x1234;
    caller->inlined_by = outer;
    const struct ms_frame *frames[] = {malloc_frame, caller};
    return ms_model_add_site(model, 128, frames, 2, MS_SITE_CUT_DEPTH);
}

static struct ms_model *model_of(unsigned threads, unsigned ticks)
{
    struct ms_model *model = ms_model_new(TENTH, START, UINT64_C(1700000000000000000));
    add_process(model, 128);
    for (unsigned i = 0; i < threads; i++) {
        struct ms_thread *thread = ms_model_add_thread(model, 128);
        thread->tid = (pid_t)(100 + i);
        (void)snprintf(thread->name, sizeof(thread->name), "%u%s", i, i % 3 == 0 ? hostile : "");
        thread->start_ns = START;
        thread->probed = i % 5 != 4;
        thread->tracked = i % 5 < 3;
        thread->kernel.have = i % 7; /* every mix of sources */
        thread->heap.allocations = i * 100;
        const struct ms_site *site = add_site(model, hostile);
        ms_model_usage_mutable(model, thread->id, site->id)->peak_bytes = i;
        if (i > 0) {
            ms_model_flow_mutable(model, 128, i % 4 == 0 ? 0 : i, i + 1)->bytes = i;
        }
    }
    for (uint64_t t = 1; t <= ticks; t++) {
        for (unsigned i = 1; i <= threads; i++) {
            struct ms_thread *thread = ms_model_thread_mutable(model, i);
            thread->kernel.run_ns += (i + t) % 11 * 1000000;
            thread->heap.bytes_allocated += (i + t) % 13 * 1000;
        }
        assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
    }
    for (unsigned i = 1; i <= threads / 2; i++) {
        ms_model_end_thread(model, i * 2, START + ticks * TENTH);
    }
    return model;
}

static void test_empty_model_is_valid(void **state)
{
    (void)state;
    struct ms_model *model = ms_model_new(TENTH, START, 0);
    validate(model);
    ms_model_free(model);
}

static void test_models_of_all_sizes_are_valid(void **state)
{
    (void)state;
    static const unsigned threads[] = {0, 1, 3, 500};
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        struct ms_model *model = model_of(threads[i], 40);
        validate(model);
        ms_model_free(model);
    }
}

static void test_long_runs_stay_bounded(void **state)
{
    (void)state;
    static const unsigned ticks[] = {1, 599, 600, 601, 6001, 70000};
    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        struct ms_model *model = model_of(2, ticks[i]);
        validate(model); /* maxItems 600 and equal lengths are checked there */
        ms_model_free(model);
    }
}

static void test_merged_threads_are_valid(void **state)
{
    (void)state;
    struct ms_model *model = model_of(3, 5);
    for (unsigned i = 0; i < MS_ENDED_THREADS_MAX + 100; i++) {
        struct ms_thread *thread = ms_model_add_thread(model, 128);
        thread->probed = thread->tracked = true;
        thread->start_ns = START;
        ms_model_usage_mutable(model, thread->id, 1)->allocations = 1;
        ms_model_flow_mutable(model, 128, thread->id, 1)->blocks = 1;
        ms_model_end_thread(model, thread->id, START + 5);
    }
    assert_int_equal(ms_model_tick_end(model, START + 6 * TENTH), 0);
    validate(model);
    ms_model_free(model);
}

static void test_what_is_tracked(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 3);
    struct ms_process_tracking *tracking =
        &ms_model_process_mutable(model, ms_model_process(model, 0)->id)->tracking;
    *tracking =
        (struct ms_process_tracking){.known = true,
                                     .changes = 3,
                                     .steps = 9,
                                     .steps_kept = 1,
                                     .asked = {.mode = MS_TRACK_AUTO,
                                               .depth = 64,
                                               .rate = {.interval = 10, .of_allocations = true}},
                                     .step[0] = {.at_ns = START + 500,
                                                 .sampled = true,
                                                 .depth = 8,
                                                 .rate = {.interval = 10, .of_allocations = true},
                                                 .because = "a table",
                                                 .in_force = true}};
    validate(model);
    char *text = written(model);
    check_contains(text,
                   "\"asked_mode\":\"auto\",\"asked_depth\":64,\"mode\":\"sampled\",\"depth\":8,"
                   "\"sample_interval_bytes\":null,\"sample_interval_allocations\":10");
    check_contains(text, "\"changes\":3,\"steps\":9,\"last_steps\":[{\"t_ns\":500,");
    free(text);
    ms_model_free(model);
}

static void test_histograms_and_estimates(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 3);
    struct ms_usage *usage = ms_model_usage_mutable(model, 1, 1);
    usage->allocations = 7;
    const struct ms_usage_extra extra = {.sizes = {.events = {[0] = 3, [15] = 4}},
                                         .failed_calls = 2};
    assert_int_equal(ms_usage_put_extra(usage, &extra), 0);
    struct ms_process *process = ms_model_process_mutable(model, 128);
    process->stacks = (struct ms_stack_check){.walked = 1, .proven = 3};
    assert_int_equal(ms_model_tick_end(model, START + 9 * TENTH), 0);
    char *text = written(model);
    check_contains(text, "\"size_classes\":[3,0,0,0,0,0,0,0,0,0,0,0,0,0,0,4]");
    check_contains(text, "\"failed_calls\":2,");
    check_contains(text, "\"provenance\":\"measured\",\"sampled\":null");
    check_contains(text, "\"at_peak\":null");
    check_contains(text, "\"proven_share\":0.75,\"rechecked\":0");
    check_contains(text, "\"differed\":0,\"agreement\":null"); /* not yet */
    free(text);
    process->stacks.rechecked = 100000000;
    process->stacks.differed = 1;
    process->peak = (struct ms_peak){.epoch = 2, .bytes = 5, .error_bytes = 1, .at_ns = START + 4};
    struct ms_usage *sampled = ms_model_sampled_usage_mutable(model, 1, 1, 1);
    sampled->allocations = 1000;
    sampled->bytes_allocated = 64000;
    sampled->deallocations = 750;
    sampled->bytes_freed = 48000;
    const struct ms_usage_extra sample = {.samples = 100, .samples_freed = 75};
    assert_int_equal(ms_usage_put_extra(sampled, &sample), 0);
    assert_int_equal(ms_model_tick_end(model, START + 10 * TENTH), 0);
    validate(model);
    text = written(model);
    check_contains(text, "\"agreement\":0.99999999");
    check_contains(text, "\"at_peak\":{\"bytes\":5,\"error_bytes\":1,\"t_ns\":4}");
    /* 1.96 / sqrt(100), and of the 25 that live 1.96 / sqrt(25) */
    check_contains(text, "\"sampled\":{\"samples\":100,\"relative_error\":0.196,"
                         "\"live_samples\":25,\"live_relative_error\":0.392,"
                         "\"peak_relative_error\":null,\"at_peak_relative_error\":0.392}");
    check_contains(text, "\"thread_ids\":[1],"); /* once, although it has two usages */
    check_contains(text, "\"allocations\":1007,");
    free(text);
    /* What was left out of the sample is no call site. */
    const uint32_t root = ms_model_add_site(model, 128, NULL, 0, MS_SITE_ROOT)->id;
    usage = ms_model_usage_mutable(model, 1, root);
    usage->allocations = 123456;
    usage->deallocations = 23456;
    usage->bytes_allocated = 7000000;
    usage->bytes_freed = 1000000;
    usage->not_sampled = true;
    assert_int_equal(ms_model_tick_end(model, START + 11 * TENTH), 0);
    validate(model);
    text = written(model);
    check_contains(text, "\"not_sampled\":{\"allocations\":123456,\"deallocations\":23456,"
                         "\"bytes_allocated\":7000000,\"bytes_freed\":1000000}");
    assert_null(strstr(text, "no_stack"));
    free(text);
    ms_model_free(model);
}

static void test_figures_are_exact_and_the_unknown_is_null(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 3);
    struct ms_thread *thread = ms_model_thread_mutable(model, 1);
    thread->kernel.have = 0;
    thread->heap.bytes_allocated = UINT64_MAX - 1;
    thread->heap.bytes_freed = UINT64_C(9007199254740993); /* no double */
    char *text = written(model);
    check_contains(text, "\"schema\":1,\"version\":\"9.9.9\"");
    check_contains(text, "\"bytes_allocated\":18446744073709551614");
    check_contains(text, "\"bytes_freed\":9007199254740993");
    check_contains(text, "\"cpu_percent\":null");
    check_contains(text, "\"io_operations\":null");
    check_contains(text, "\"start_unix_ns\":1700000000123456789");
    check_contains(text, "\"exit_status\":null,\"signal\":null");
    check_contains(text, "\"argv\":[\"./app\",\"\\u001b[31m\xef\xbf\xbd\",\"\",\"--last\"]");
    for (const char *c = text; *c != '\0'; c++) {
        assert_true((unsigned char)*c >= 0x20 || *c == '\n');
        assert_int_not_equal(*c, 0x7f);
    }
    free(text);
    struct ms_process *process = ms_model_process_mutable(model, 128);
    process->end_ns = START + 9;
    process->exit_status = -1;
    process->exit_signal = 9;
    text = written(model);
    check_contains(text, "\"exit_status\":null,\"signal\":9");
    free(text);
    process->exit_status = 3;
    text = written(model);
    check_contains(text, "\"exit_status\":3,\"signal\":null");
    free(text);
    ms_model_free(model);
}

/* What the machine tells is in the timeline, what it does not is not there. */
static void test_timeline_of_the_machine(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 3);
    struct ms_system *system = ms_model_system_mutable(model);
    system->cores = 2;
    system->cpu_pct = 25;
    system->core[1].pct = 50;
    assert_int_equal(ms_model_tick_end(model, START + 4 * TENTH), 0);
    validate(model);
    char *text = written(model);
    check_contains(text,
                   "{\"metric\":\"system_cpu_percent\",\"process_id\":null,\"thread_id\":null,"
                   "\"values\":[null,null,null,25]}");
    check_contains(text, "{\"metric\":\"core_percent\",\"process_id\":null,\"thread_id\":null,"
                         "\"core\":1,\"values\":[null,null,null,50]}");
    assert_null(strstr(text, "\"thread_id\":null,\"core\":0"));
    assert_null(strstr(text, "\"metric\":\"system_load_1\""));
    free(text);
    ms_model_free(model);
}

static void fill_resources(struct ms_resources *resources)
{
    resources->map = (struct ms_memory_map){.have = true, .read_ns = START + 5, .live_bytes = 400};
    resources->map.parts[MS_MEMORY_PART_HEAP] =
        (struct ms_memory_figures){.resident_bytes = 1000, .mappings = 2};
    resources->limits = (struct ms_resource_limits){.have = true, .files = MS_NO_LIMIT};
    resources->cgroup = (struct ms_cgroup){.have = true,
                                           .have_memory = true,
                                           .version = 2,
                                           .memory_bytes = 77,
                                           .memory_max_bytes = MS_NO_LIMIT,
                                           .cpus = NAN,
                                           .pressure = {.have = true,
                                                        .cpu = {1.25, 2, NAN, NAN, 3, 0},
                                                        .memory = {NAN, NAN, NAN, NAN, 0, 0},
                                                        .io = {NAN, NAN, NAN, NAN, 0, 0}}};
    memset(resources->cgroup.path, '\xff', sizeof(resources->cgroup.path)); /* not ended either */
    resources->files = (struct ms_open_files){.have = true, .all = 9, .sockets = 2};
    resources->network = (struct ms_network){.have = true,
                                             .read_ns = START + 6,
                                             .sent_bytes = UINT64_MAX,
                                             .round_trip_us = NAN,
                                             .round_trip_max_us = 12.5,
                                             .kept = 2};
    resources->network.connections = calloc(2, sizeof(*resources->network.connections));
    assert_non_null(resources->network.connections);
    for (size_t i = 0; i < 2; i++) {
        struct ms_connection *connection = &resources->network.connections[i];
        connection->kind = i == 0 ? MS_CONNECTION_TCP : MS_CONNECTION_UNIX;
        (void)snprintf(connection->state, sizeof(connection->state), "established");
        (void)snprintf(connection->local, sizeof(connection->local), "%s", hostile);
        connection->round_trip_us = connection->round_trip_min_us = NAN;
    }
}

/* What is not there is null, no limit too; whatever a path or a name of a socket holds. */
static void test_resources(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 2);
    struct ms_process *process = ms_model_process_mutable(model, ms_model_process(model, 0)->id);
    assert_non_null(process);
    char *text = written(model);
    check_contains(text, "\"resources\":{\"memory_map\":null,\"heap\":null,"
                         "\"heap_unavailable_because\":\"the memory map was not read\","
                         "\"limits\":null,\"cgroup\":null,\"open_files\":null,"
                         "\"network\":null}");
    free(text);
    process->seen = MS_SEEN_FULL;
    (void)snprintf(process->allocator, sizeof(process->allocator), "/lib/libc.so.6");
    fill_resources(&process->resources);
    text = written(model);
    check_contains(text, "\"unexplained_bytes\":600,\"fragmentation\":0.6");
    check_contains(text, "\"files\":null,\"processes\":0}");
    check_contains(text, "\"memory_bytes\":77,\"memory_max_bytes\":null,");
    check_contains(text, "\"swap_bytes\":null,");
    check_contains(text, "\"cpu\":{\"some_avg10_percent\":1.25,");
    check_contains(text, "\"full_us\":null}");
    check_contains(text, "\"sent_bytes\":18446744073709551615,");
    check_contains(text, "\"kind\":\"unix\"");
    free(text);
    validate(model);
    ms_model_free(model);
}

static char *table_with(const struct ms_model *model, const struct ms_export_options *how,
                        const char *table)
{
    struct ms_export_options wanted = *how;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    wanted.csv_table = table;
    assert_int_equal(ms_csv_write(out, model, &wanted), 0);
    fclose(out);
    return text;
}

static char *exported(const struct ms_model *model, const struct ms_export_options *how,
                      enum ms_export format)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_int_equal(ms_export_write(out, format, model, how), 0);
    fclose(out);
    return text;
}

/* Of a number in a document, the first after a name. */
static double number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

/* The same leaks and the same blocks in words and on the time axis as in JSON. */
static void check_leaks_of_others(const struct ms_model *model,
                                  const struct ms_export_options *judged, const char *json)
{
    const double duration_ns = (double)(ms_model_now_ns(model) - ms_model_start_ns(model));
    const double age_ns = number_after(strstr(json, "\"leaks\""), "\"age_ns\":");
    const struct ms_findings *findings = judged->findings;
    assert_true(ms_session_metric(MS_SESSION_METRIC_LIKELY_LEAKS, model, findings, NULL) == 1);
    assert_true(ms_session_metric(MS_SESSION_METRIC_LIKELY_LEAK_BYTES, model, findings, NULL) ==
                250000);
    assert_true(ms_session_metric(MS_SESSION_METRIC_NOT_FREED_BYTES, model, findings, NULL) ==
                449000);
    char *text = exported(model, judged, MS_EXPORT_PERFETTO);
    const char *leak = strstr(text, "\"likely leak begins: parse_row\"");
    assert_non_null(leak);
    assert_true(age_ns > 0 &&
                fabs(1e3 * number_after(leak, "\"ts\":") - (duration_ns - age_ns)) < 1);
    check_contains(leak, "\"leaked_bytes\":250000");
    free(text);
    text = exported(model, judged, MS_EXPORT_TEXT);
    check_contains(text, "  likely     1\n   - +10.0kB/s, sure to 94 %: grew in");
    check_contains(text, "  not freed  449kB\n");
    check_contains(text, "in 4.49k blocks of 1 call site; 898kB suppressed\n   - 449kB in 4.49k");
    free(text);
}

static void add_mark(struct ms_model *model, uint64_t at_ns, const char *text)
{
    const struct ms_mark mark = {.at_ns = at_ns, .text = text};
    assert_int_equal(ms_model_add_mark(model, &mark), 0);
}

/* Each at its time, whatever writes it. */
static void test_marks_of_all_formats(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 3);
    add_mark(model, START + 2 * MS_SECOND_NS / 10, "here");
    char *text = exported(model, options(), MS_EXPORT_JSON);
    check_contains(text, "\"at_ns\":200000000,\"text\":\"here\"");
    free(text);
    text = exported(model, options(), MS_EXPORT_PERFETTO);
    const char *mark = strstr(text, "\"cat\":\"mark\"");
    assert_non_null(mark);
    assert_true(number_after(mark, "\"ts\":") == 200000);
    free(text);
    ms_model_free(model);
    model = model_of(1, 40);
    add_mark(model, START + 3 * MS_SECOND_NS, "later");
    text = exported(model, options(), MS_EXPORT_TEXT);
    check_contains(text, "\nMARKS\n  00:00:03   by the user: later\n");
    free(text);
    ms_model_free(model);
}

static void test_leaks(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 1);
    struct ms_suppressions *suppressions;
    char error[160];
    assert_int_equal(ms_suppressions_parse("leak:known\n", &suppressions, error, sizeof(error)), 0);
    struct ms_export_options judged = *options();
    struct ms_findings *findings = ms_findings_new(&judged.thresholds, suppressions);
    judged.findings = findings;
    const uint32_t thread = ms_model_thread(model, 0)->id;
    const uint32_t leaky = add_site(model, "parse_row")->id;
    const uint32_t known = add_site(model, "known")->id;
    struct ms_process *process = ms_model_process_mutable(model, 128);
    process->seen = MS_SEEN_FULL;
    for (uint64_t t = 2; t <= 450; t++) {
        struct ms_usage *usage = ms_model_usage_mutable(model, thread, leaky);
        usage->allocations += 10;
        usage->bytes_allocated += 1000;
        usage = ms_model_usage_mutable(model, thread, known);
        usage->allocations += 10;
        usage->bytes_allocated += 2000;
        process->totals.allocations += 20;
        assert_int_equal(ms_model_tick_end(model, START + t * TENTH), 0);
        assert_int_equal(ms_findings_update(findings, model), 0);
    }
    char expected[128];
    char *text = written_with(model, &judged);
    (void)snprintf(expected, sizeof(expected),
                   "\"leaks\":{\"not_judged_because\":null,\"likely\":[\n{\"site_id\":%u,", leaky);
    check_contains(text, expected);
    check_contains(text, "\"slope_bytes_per_s\":10000,");
    check_contains(text, "\"suppressed\":true,\"reason\":\"grew in ");
    check_contains(text, "\"not_freed\":null"); /* nothing has ended */
    free(text);
    text = table_with(model, &judged, "leaks");
    (void)snprintf(expected, sizeof(expected), "\r\n%u,128,parse_row,", leaky);
    check_contains(text, expected);
    check_contains(text,
                   ",77,449000,4490,250000,2500,10000,5,0.938,false,\"grew in 5 of 5 windows");
    check_contains(text, ",77,898000,4490,500000,2500,20000,5,0.938,true,");
    free(text);
    process->end_ns = ms_model_now_ns(model);
    process->totals.bytes_allocated = 449000 + 898000;
    text = written_with(model, &judged);
    check_contains(text, "\"ended\":true");
    check_contains(text, "\"sites\":2,\"suppressed_bytes\":898000,\"suppressed_blocks\":4490,"
                         "\"suppressed_sites\":1,\"estimated\":false,\"relative_error\":null,"
                         "\"exact_bytes\":1347000}");
    (void)snprintf(expected, sizeof(expected),
                   "{\"site_id\":%u,\"bytes\":449000,\"blocks\":4490,\"estimated\":false", leaky);
    check_contains(text, expected);
    free(text);
    text = written_with(model, &judged);
    check_leaks_of_others(model, &judged, text);
    free(text);
    validate_with(model, &judged);
    ms_findings_free(findings);
    ms_suppressions_free(suppressions);
    ms_model_free(model);
}

/* An empty list would say that nothing grew. */
static void test_leaks_of_memory_that_was_not_seen(void **state)
{
    (void)state;
    struct ms_model *model = model_of(1, 0);
    struct ms_export_options judged = *options();
    struct ms_findings *findings = ms_findings_new(&judged.thresholds, NULL);
    struct ms_process *process = ms_model_process_mutable(model, 128);
    process->seen = MS_SEEN_NONE;
    process->totals = (struct ms_heap){0};
    process->replaced_by_exec = false;
    (void)snprintf(process->seen_because, sizeof(process->seen_because), "it is static");
    assert_int_equal(ms_findings_update(findings, model), 0);
    judged.findings = findings;
    char *text = written_with(model, &judged);
    check_contains(text, "\"leaks\":{\"not_judged_because\":\"it is static\",\"likely\":null");
    free(text);
    validate_with(model, &judged);
    judged.findings = NULL;
    process->seen = MS_SEEN_FULL;
    text = written_with(model, &judged);
    check_contains(text,
                   "\"not_judged_because\":\"nothing was judged on the way\",\"likely\":null");
    free(text);
    ms_findings_free(findings);
    ms_model_free(model);
}

static void test_arguments_can_be_hidden(void **state)
{
    (void)state;
    struct ms_model *model = model_of(0, 1);
    struct ms_export_options hiding = *options();
    hiding.hide_arguments = true;
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    assert_int_equal(ms_json_write(out, model, &hiding), 0);
    fclose(out);
    check_contains(text, "\"argv\":null");
    assert_null(strstr(text, "--last"));
    free(text);
    ms_model_free(model);
}

static void check_file(const char *path, const char *begin, mode_t mode)
{
    struct stat info;
    char text[16] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_memory_equal(text, begin, strlen(begin));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, mode);
}

static void test_files_are_whole_or_not_there(void **state)
{
    (void)state;
    struct ms_model *model = model_of(2, 3);
    char path[256];
    char other[256];
    (void)snprintf(path, sizeof(path), "%s/a.json", folder);
    (void)snprintf(other, sizeof(other), "%s/link.json", folder);
    const mode_t mask = umask(027);
    assert_int_equal(ms_export_write_file(path, false, MS_EXPORT_JSON, model, options()), 0);
    umask(mask);
    check_file(path, "{\"memscope\"", 0640);
    assert_int_equal(ms_export_write_file(path, false, MS_EXPORT_JSON, model, options()), -EEXIST);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("precious", file) >= 0);
    fclose(file);
    assert_int_equal(ms_export_write_file(path, false, MS_EXPORT_JSON, model, options()), -EEXIST);
    check_file(path, "precious", 0640);
    assert_int_equal(symlink("a.json", other), 0);
    assert_int_equal(ms_export_write_file(other, true, MS_EXPORT_JSON, model, options()), 0);
    check_file(path, "{\"memscope\"", 0640); /* through the link, which is still one */
    assert_int_equal(unlink(other), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ms_export_write_file(folder, true, MS_EXPORT_JSON, model, options()), -EISDIR);
    assert_int_equal(
        ms_export_write_file("/nonexistent/x.json", true, MS_EXPORT_JSON, model, options()),
        -ENOENT);
    assert_int_equal(ms_export_write_file("/dev/null", false, MS_EXPORT_JSON, model, options()), 0);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(ms_export_write_file("/dev/full", true, MS_EXPORT_JSON, model, options()),
                         -ENOSPC);
    }
    ms_model_free(model);
}

static void check_number(double value, unsigned decimals, const char *expected)
{
    char text[64] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    struct ms_json_writer writer;
    assert_int_equal(ms_json_writer_open(&writer, out), 0);
    if (decimals > 6) {
        ms_json_double(&writer, value);
    } else {
        ms_json_fixed(&writer, value, decimals);
    }
    assert_int_equal(ms_json_writer_close(&writer), 0);
    fclose(out);
    assert_string_equal(text, expected);
}

static void test_numbers(void **state)
{
    (void)state;
    /* A locale with a decimal comma must not change anything; without it the test is weaker. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    check_number(0, 3, "0");
    check_number(0.5, 3, "0.5");
    check_number(-12.3456, 3, "-12.346");
    check_number(-0.0001, 3, "0");
    check_number(99.9996, 3, "100");
    check_number(1234.05, 2, "1234.05");
    check_number(7, 0, "7");
    check_number(0.000001, 6, "0.000001");
    check_number(NAN, 3, "null");
    check_number(INFINITY, 3, "null");
    check_number(1e20, 3, "1e+20");
    check_number(0.25, 9, "0.25");
    check_number(-1.5e-9, 9, "-1.5e-09");
    check_number(NAN, 9, "null");
    setlocale(LC_ALL, "C");
}

/* As llround and printf do it. */
static void print_fixed(FILE *out, double value)
{
    char text[64];
    const long long rounded = llround(fabs(value) * 1e3);
    int length = snprintf(text, sizeof(text), "%s%lld.%03lld", value < 0 && rounded > 0 ? "-" : "",
                          rounded / 1000, rounded % 1000);
    while (text[length - 1] == '0') {
        text[--length] = '\0';
    }
    text[text[length - 1] == '.' ? length - 1 : length] = '\0';
    fputs(text, out);
}

/* Nine digits are those of printf, whatever lies behind them; three places those of llround. */
static void test_numbers_are_rounded_as_printf_does(void **state)
{
    (void)state;
    char *texts[2] = {NULL, NULL};
    size_t bytes[2];
    FILE *written = open_memstream(&texts[0], &bytes[0]);
    FILE *expected = open_memstream(&texts[1], &bytes[1]);
    struct ms_json_writer writer;
    assert_int_equal(ms_json_writer_open(&writer, written), 0);
    uint64_t random = 1;
    for (int i = 0; i < 2000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const double scale = pow(10, (int)(random >> 60) - 4);
        const double halves = (double)(random >> 20 & 0xffffff) / 2;
        const double any = (double)(random >> 11) / 9007199254740992.0 * scale;
        const double values[] = {any, -any, halves, halves / 1e3, 1e8 - halves / 1e7};
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            ms_json_line(&writer);
            ms_json_array_begin(&writer);
            ms_json_double(&writer, values[v]);
            ms_json_fixed(&writer, values[v], 3);
            ms_json_array_end(&writer);
            fprintf(expected, "\n%s[%.9g,", i == 0 && v == 0 ? "" : ",", values[v]);
            print_fixed(expected, values[v]);
            fputs("]", expected);
        }
    }
    assert_int_equal(ms_json_writer_close(&writer), 0);
    fclose(written);
    fclose(expected);
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}

static void test_strings_longer_than_the_buffer(void **state)
{
    (void)state;
    const size_t count = 1000000;
    char *long_name = malloc(count);
    char *text = NULL;
    size_t bytes;
    memset(long_name, 'y', count);
    long_name[count - 1] = '\n';
    FILE *out = open_memstream(&text, &bytes);
    struct ms_json_writer writer;
    assert_int_equal(ms_json_writer_open(&writer, out), 0);
    ms_json_bytes(&writer, long_name, count);
    assert_int_equal(ms_json_writer_close(&writer), 0);
    fclose(out);
    assert_int_equal(bytes, count - 1 + 6 + 2);
    assert_string_equal(text + bytes - 9, "yy\\u000a\"");
    free(text);
    free(long_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_model_is_valid),
        cmocka_unit_test(test_models_of_all_sizes_are_valid),
        cmocka_unit_test(test_long_runs_stay_bounded),
        cmocka_unit_test(test_merged_threads_are_valid),
        cmocka_unit_test(test_what_is_tracked),
        cmocka_unit_test(test_histograms_and_estimates),
        cmocka_unit_test(test_figures_are_exact_and_the_unknown_is_null),
        cmocka_unit_test(test_timeline_of_the_machine),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_leaks),
        cmocka_unit_test(test_marks_of_all_formats),
        cmocka_unit_test(test_leaks_of_memory_that_was_not_seen),
        cmocka_unit_test(test_arguments_can_be_hidden),
        cmocka_unit_test(test_files_are_whole_or_not_there),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_are_rounded_as_printf_does),
        cmocka_unit_test(test_strings_longer_than_the_buffer),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
