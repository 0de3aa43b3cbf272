/* The ring of marks between probe and reader: each is there, or known to be lost. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collect/marks.h"
#include "model/marks.h"
#include "probe/map.h"
#include "probe/mark.h"
#include "probe_region.h"

static struct ms_thread_state *thread;

static int start(void **state)
{
    (void)state;
    const struct ms_tracking tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32};
    thread = probe_region_start(&tracking);
    return thread == NULL ? -1 : 0;
}

/* What a viewer finds that comes now; of marks before it only that there were some. */
struct viewer {
    struct ms_region_view view;
    struct ms_watched_marks marks;
    struct ms_watched_threads *threads;
    struct ms_model *model;
};

static struct viewer viewer_new(void)
{
    struct viewer viewer = {.threads = ms_watched_threads_new(128),
                            .model = ms_model_new(1000000, 0, 0)};
    const struct ms_region_mapping mapping = {(const unsigned char *)ms_region,
                                              ms_region->region_bytes};
    assert_int_equal(ms_region_view_init(&viewer.view, &mapping, 0), 0);
    viewer.marks.next = ms_region->marks;
    return viewer;
}

static void read_marks_until(struct viewer *viewer, uint64_t end, bool last)
{
    const struct ms_watched_marks_room room = {.model = viewer->model,
                                               .view = &viewer->view,
                                               .threads = viewer->threads,
                                               .process_id = 128,
                                               .now_ns = UINT64_MAX / 2,
                                               .end = end};
    assert_int_equal(ms_watched_marks_read(&viewer->marks, &room, last), 0);
}

static void read_marks(struct viewer *viewer, bool last)
{
    read_marks_until(viewer, ms_region_view_marks(&viewer->view), last);
}

static void viewer_free(struct viewer *viewer)
{
    struct ms_descriptor_budget budget = {.limit = 16};
    ms_watched_threads_free(viewer->threads, &budget);
    ms_model_free(viewer->model);
}

static void test_text(void **state)
{
    (void)state;
    char text[400];
    struct viewer viewer = viewer_new();
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    errno = 33;
    ms_mark_set(thread, "one");
    ms_mark_set(NULL, NULL);
    ms_mark_set(thread, text);
    assert_int_equal(errno, 33);
    read_marks(&viewer, false);
    assert_int_equal(ms_model_mark_count(viewer.model), 3);
    const struct ms_mark *first = ms_model_mark(viewer.model, 0);
    assert_string_equal(first->text, "one");
    assert_true(first->by_program && first->process_id == 128 && first->at_ns > 0);
    assert_string_equal(ms_model_mark(viewer.model, 1)->text, "");
    assert_int_equal(strlen(ms_model_mark(viewer.model, 2)->text), MS_MARK_TEXT_BYTES - 1);
    read_marks(&viewer, true);
    assert_int_equal(ms_model_mark_count(viewer.model), 3); /* each once */
    assert_int_equal(viewer.marks.missing, 0);
    viewer_free(&viewer);
}

/* Set since the threads were read, perhaps by one that was not there then. */
static void test_newer_than_threads(void **state)
{
    (void)state;
    struct viewer viewer = viewer_new();
    ms_mark_set(thread, "before");
    const uint64_t end = ms_region_view_marks(&viewer.view);
    ms_mark_set(thread, "after");
    read_marks_until(&viewer, end, false);
    assert_int_equal(ms_model_mark_count(viewer.model), 1);
    read_marks(&viewer, false);
    assert_int_equal(ms_model_mark_count(viewer.model), 2);
    assert_string_equal(ms_model_mark(viewer.model, 1)->text, "after");
    assert_int_equal(viewer.marks.missing, 0);
    viewer_free(&viewer);
}

/* More than there is room for: the newest stay. */
static void test_round_and_round(void **state)
{
    (void)state;
    enum { ALL = 9000, KEPT = 4095 };
    struct viewer viewer = viewer_new();
    for (int i = 0; i < ALL; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        ms_mark_set(thread, text);
    }
    read_marks(&viewer, false);
    assert_int_equal(ms_model_mark_count(viewer.model), KEPT);
    assert_int_equal(viewer.marks.missing, ALL - KEPT);
    assert_string_equal(ms_model_mark(viewer.model, 0)->text, "4905");
    assert_string_equal(ms_model_mark(viewer.model, KEPT - 1)->text, "8999");
    viewer_free(&viewer);
}

/* A writer that never ends costs its place and itself; those behind it wait a little. */
static void test_stopped_writer(void **state)
{
    (void)state;
    struct viewer viewer = viewer_new();
    const uint64_t number = ms_region->marks++;
    const uint32_t place = MS_MARK_PLACE(number, ms_region->areas[MS_AREA_MARKS].capacity);
    struct ms_region_mark *mark = ms_area_at(MS_AREA_MARKS, place);
    mark->version = MS_MARK_WRITING(number);
    ms_mark_set(thread, "behind it");
    read_marks(&viewer, false);
    assert_int_equal(ms_model_mark_count(viewer.model), 0);
    for (int i = 0; i < 5; i++) {
        read_marks(&viewer, false);
    }
    assert_int_equal(ms_model_mark_count(viewer.model), 1);
    assert_int_equal(viewer.marks.missing, 1);
    for (int i = 0; i < 4094; i++) {
        ms_mark_set(thread, "again there");
    }
    assert_int_equal(mark->version, MS_MARK_WRITING(number)); /* nobody writes to another's place */
    read_marks(&viewer, true);
    assert_int_equal(viewer.marks.missing, 2);
    viewer_free(&viewer);
}

static void test_missed(void **state)
{
    (void)state;
    struct viewer viewer = viewer_new();
    ms_mark_missed();
    ms_mark_missed();
    ms_mark_set(thread, "after them");
    read_marks(&viewer, true);
    assert_int_equal(ms_model_mark_count(viewer.model), 1);
    assert_int_equal(viewer.marks.missing, 2);
    viewer_free(&viewer);
}

/* Whoever sets them, and whenever they are read: none twice, none torn, all accounted for. */
#if defined(__SANITIZE_THREAD__) /* which compares each race that is meant with all before */
enum { WRITERS = 4, EACH = 1000 };
#else
enum { WRITERS = 4, EACH = 20000 };
#endif

static void *write_many(void *letter)
{
    char text[MS_MARK_TEXT_BYTES];
    memset(text, *(const char *)letter, sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < EACH; i++) {
        ms_mark_set(NULL, text);
    }
    return NULL;
}

static void test_at_once(void **state)
{
    (void)state;
    static const char letters[] = "abcd";
    pthread_t writers[WRITERS];
    struct viewer viewer = viewer_new();
    for (int i = 0; i < WRITERS; i++) {
        pthread_create(&writers[i], NULL, write_many, (void *)(uintptr_t)&letters[i]);
    }
    while (viewer.marks.missing + ms_model_marks_added(viewer.model) < WRITERS * EACH) {
        read_marks(&viewer, false);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i], NULL);
    }
    read_marks(&viewer, true);
    assert_int_equal(viewer.marks.missing + ms_model_marks_added(viewer.model), WRITERS * EACH);
    assert_true(ms_model_marks_added(viewer.model) > 0);
    for (size_t i = 0; i < ms_model_mark_count(viewer.model); i++) {
        const char *text = ms_model_mark(viewer.model, i)->text;
        assert_int_equal(strspn(text, (const char[]){text[0], '\0'}), MS_MARK_TEXT_BYTES - 1);
    }
    viewer_free(&viewer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),           cmocka_unit_test(test_round_and_round),
        cmocka_unit_test(test_stopped_writer), cmocka_unit_test(test_missed),
        cmocka_unit_test(test_at_once),        cmocka_unit_test(test_newer_than_threads),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
