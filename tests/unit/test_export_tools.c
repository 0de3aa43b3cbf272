/* Files for other tools, of a made-up session whose names are hostile. */
#include <errno.h>

#include "analysis_session.h"
#include "export/csv_row.h"
#include "export/export.h"
#include "export/protobuf.h"
#include "export/span.h"

#define HOSTILE "</text><script>alert(1)</script>&\"'\033[2J;\n\xff"

static const struct ms_frame *frame(struct session *session, const char *function, uint32_t line)
{
    struct ms_frame *made = ms_model_add_frame(session->model);
    assert_non_null(made);
    made->address = 0x400000 + line;
    made->file_offset = 0x1000 + line;
    made->module = ms_model_string(session->model, "/usr/bin/app");
    made->function = ms_model_string(session->model, function);
    made->file = ms_model_string(session->model, *function != '\0' ? "/src/app.c" : "");
    made->crate = "";
    made->line = line;
    return made;
}

static struct ms_site *site(struct session *session, uint32_t thread_id, const char *function,
                            uint64_t bytes, uint32_t flags)
{
    struct ms_frame *inlined = (struct ms_frame *)frame(session, function, 7);
    inlined->inlined_by = frame(session, "outer", 9);
    const struct ms_frame *frames[] = {inlined, frame(session, "", 40), frame(session, "main", 60)};
    struct ms_site *made = ms_model_add_site(session->model, PROCESS, frames, 3, flags);
    struct ms_usage *usage = ms_model_usage_mutable(session->model, thread_id, made->id);
    *usage = (struct ms_usage){.thread_id = usage->thread_id,
                               .site_id = usage->site_id,
                               .allocations = 3,
                               .deallocations = 1,
                               .bytes_allocated = bytes,
                               .bytes_freed = bytes / 4,
                               .peak_bytes = bytes};
    return made;
}

/* One site by a thread with a hostile name, one whose outer frames are missing. */
static struct session world(void)
{
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, HOSTILE);
    thread->heap = (struct ms_heap){.allocations = 6,
                                    .deallocations = 2,
                                    .bytes_allocated = 1400,
                                    .bytes_freed = 350,
                                    .peak_bytes = 1300};
    const uint32_t id = thread->id;
    site(&session, id, HOSTILE, 1000, 0);
    site(&session, id, "leaf", 400, MS_SITE_CUT_DEPTH);
    static const struct doing nothing = {.user = 0.5};
    session_run(&session, ms_model_thread_mutable(session.model, id), &nothing, 3);
    return session;
}

static struct ms_export_options options_of(enum ms_weight weight)
{
    return (struct ms_export_options){
        .program_version = "1.2", .weight = weight, .thresholds = ms_thresholds_default()};
}

static char *written(const struct session *session, enum ms_export format, enum ms_weight weight)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    const struct ms_export_options options = options_of(weight);
    assert_int_equal(ms_export_write(out, format, session->model, &options), 0);
    fclose(out);
    return text;
}

static void test_folded_names_hold_no_separator(void **state)
{
    (void)state;
    struct session session = world();
    char *text = written(&session, MS_EXPORT_FOLDED, MS_WEIGHT_TOTAL);
    assert_string_equal(text,
                        "main;app+0x1028;outer;</text><script>alert(1)</script>&\"'?[2J:?? 1000\n"
                        "(outer frames left out);main;app+0x1028;outer;leaf 400\n");
    free(text);
    text = written(&session, MS_EXPORT_FOLDED, MS_WEIGHT_LIVE);
    assert_non_null(strstr(text, "leaf 300\n"));
    free(text);
    text = written(&session, MS_EXPORT_FOLDED, MS_WEIGHT_CPU);
    assert_string_equal(text, "");
    free(text);
    session_free(&session);
}

static void test_several_processes_come_first_in_a_stack(void **state)
{
    (void)state;
    struct session session = world();
    struct ms_process *other = ms_model_add_process(session.model, PROCESS + 1);
    other->pid = 101;
    snprintf(other->exe, sizeof other->exe, "/usr/bin/other;one");
    struct ms_thread *thread = ms_model_add_thread(session.model, PROCESS + 1);
    const struct ms_frame *frames[] = {frame(&session, "go", 1)};
    const uint32_t id = ms_model_add_site(session.model, PROCESS + 1, frames, 1, 0)->id;
    ms_model_usage_mutable(session.model, thread->id, id)->allocations = 5;
    session_tick(&session);
    char *text = written(&session, MS_EXPORT_FOLDED, MS_WEIGHT_COUNT);
    assert_non_null(strstr(text, "other:one 101;go 5\n"));
    assert_int_equal(strncmp(text, "app 100;main;", 13), 0);
    free(text);
    session_free(&session);
}

static void test_svg_is_text_only(void **state)
{
    (void)state;
    struct session session = world();
    char *text = written(&session, MS_EXPORT_SVG, MS_WEIGHT_TOTAL);
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#34;&#39;?[2J"));
    assert_null(strchr(text, '\033'));
    assert_string_equal(text + strlen(text) - 7, "</svg>\n");
    free(text);
    session_free(&session);
}

static void test_json_of_tools_escapes(void **state)
{
    (void)state;
    static const enum ms_export formats[] = {MS_EXPORT_SPEEDSCOPE, MS_EXPORT_PERFETTO};
    struct session session = world();
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        char *text = written(&session, formats[i], MS_WEIGHT_TOTAL);
        for (const char *at = text; *at != '\0'; at++) {
            assert_true((unsigned char)*at >= 0x20 || *at == '\n');
        }
        assert_non_null(strstr(text, "&\\\"'"));
        free(text);
    }
    session_free(&session);
}

static void test_the_page_is_80_columns_of_text(void **state)
{
    (void)state;
    struct session session = world();
    static const char arguments[] = "app\0--name\0" HOSTILE;
    session.process->arguments = malloc(sizeof arguments);
    memcpy(session.process->arguments, arguments, sizeof arguments);
    session.process->arguments_bytes = sizeof arguments;
    char *text = written(&session, MS_EXPORT_TEXT, MS_WEIGHT_PEAK);
    size_t columns = 0;
    for (const char *at = text; *at != '\0'; at++) {
        assert_true(*at == '\n' || ((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f));
        columns = *at == '\n' ? 0 : columns + 1;
        assert_in_range(columns, 0, 80);
    }
    assert_non_null(strstr(text, "Arguments    app --name </text>"));
    assert_non_null(strstr(text, "unavailable: nothing was judged on the way"));
    assert_non_null(strstr(text, "app.c:7"));
    free(text);
    struct ms_export_options options = options_of(MS_WEIGHT_PEAK);
    options.hide_arguments = true;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    assert_int_equal(ms_export_write(out, MS_EXPORT_TEXT, session.model, &options), 0);
    fclose(out);
    assert_null(strstr(text, "--name"));
    free(text);
    session_free(&session);
}

static bool no_further(void *context, uint64_t done, uint64_t all)
{
    (void)done;
    (void)all;
    (*(unsigned *)context)++;
    return false;
}

static const enum ms_export formats[] = {MS_EXPORT_PPROF,    MS_EXPORT_SPEEDSCOPE, MS_EXPORT_FOLDED,
                                         MS_EXPORT_PERFETTO, MS_EXPORT_SVG,        MS_EXPORT_TEXT};

static void test_a_full_disk_and_a_cancel_are_told(void **state)
{
    (void)state;
    struct session session = world();
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct ms_export_options options = options_of(MS_WEIGHT_TOTAL);
        FILE *full = fopen("/dev/full", "w");
        assert_int_equal(ms_export_write(full, formats[i], session.model, &options), -ENOSPC);
        fclose(full);
        unsigned asked = 0;
        options.progress = no_further;
        options.context = &asked;
        FILE *nowhere = fopen("/dev/null", "w");
        const int result = ms_export_write(nowhere, formats[i], session.model, &options);
        assert_int_equal(result, asked > 0 ? -ECANCELED : 0);
        fclose(nowhere);
    }
    session_free(&session);
}

static void test_a_session_without_anything(void **state)
{
    (void)state;
    struct session session = {.model = ms_model_new(TENTH, START, 0)};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        free(written(&session, formats[i], MS_WEIGHT_PEAK));
    }
    session_free(&session);
}

static void test_protocol_buffers_by_hand(void **state)
{
    (void)state;
    struct ms_protobuf message = {0};
    struct ms_protobuf inner = {0};
    ms_protobuf_number(&message, 1, 150);
    ms_protobuf_number(&message, 2, 0);
    ms_protobuf_bytes(&message, 2, "testing", 7);
    ms_protobuf_number(&inner, 1, UINT64_MAX);
    ms_protobuf_message(&message, 3, &inner);
    static const uint8_t wanted[] = {0x08, 0x96, 0x01, 0x12, 0x07, 't',  'e',  's',  't',
                                     'i',  'n',  'g',  0x1a, 0x0b, 0x08, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    assert_int_equal(message.used, sizeof wanted);
    assert_memory_equal(message.bytes, wanted, sizeof wanted);
    ms_protobuf_free(&message);
    ms_protobuf_free(&inner);
}

/* Points of a series that are too many are means; each is at the time of its first. */
static void test_points_are_means_at_their_time(void **state)
{
    (void)state;
    struct ms_history *history = ms_history_new(TENTH);
    for (uint64_t tick = 0; tick < 12; tick++) {
        assert_int_equal(ms_history_append(history, tick, tick == 6 ? (double)NAN : (double)tick),
                         0);
    }
    const struct ms_span span = {
        .resolution = MS_RESOLUTION_FINE, .step = 1, .first = 3, .stride = 3, .count = 3};
    static const double means[] = {4, 7.5, 10}; /* of 3 4 5, of 7 8, of 9 10 11 */
    double points[3];
    ms_span_points(history, &span, 0, 3, points);
    for (size_t i = 0; i < 3; i++) {
        assert_true(ms_span_point(history, &span, i) == means[i] && points[i] == means[i]);
        assert_int_equal(ms_span_point_ns(&span, i, TENTH), (3 + 3 * i) * TENTH);
    }
    ms_history_free(history);
}

/* What a cell of a table is when a spreadsheet has read it. */
static void test_cells_are_text(void **state)
{
    (void)state;
    static const char *const cells[][2] = {
        {"plain", "plain"}, {"a,b", "\"a,b\""}, {"a\"b", "\"a\"\"b\""},
        {"=1", "\"'=1\""},  {"+1", "\"'+1\""},  {"-1", "\"'-1\""},
        {"@f", "\"'@f\""},  {"1@f", "1@f"},     {"a\r\n", "a??"},
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        char *text = NULL;
        size_t bytes;
        struct ms_csv csv = {.out = open_memstream(&text, &bytes)};
        ms_csv_text(&csv, cells[i][0]);
        fclose(csv.out);
        assert_string_equal(text, cells[i][1]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folded_names_hold_no_separator),
        cmocka_unit_test(test_several_processes_come_first_in_a_stack),
        cmocka_unit_test(test_svg_is_text_only),
        cmocka_unit_test(test_json_of_tools_escapes),
        cmocka_unit_test(test_the_page_is_80_columns_of_text),
        cmocka_unit_test(test_a_full_disk_and_a_cancel_are_told),
        cmocka_unit_test(test_a_session_without_anything),
        cmocka_unit_test(test_protocol_buffers_by_hand),
        cmocka_unit_test(test_cells_are_text),
        cmocka_unit_test(test_points_are_means_at_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
