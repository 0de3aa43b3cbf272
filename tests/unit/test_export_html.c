#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "analysis_session.h"
#include "export/html.h"
#include "export/html_block.h"

static struct ms_export_options options(void)
{
    return (struct ms_export_options){.program_version = "9.9.9",
                                      .sections = MS_SECTIONS_ALL,
                                      .thresholds = ms_thresholds_default()};
}

static char *written(const struct ms_model *model, const struct ms_export_options *how)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    assert_int_equal(ms_html_write(out, model, how), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);
    return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

/* What a block holds; NULL: there is none. The caller frees it. */
static char *unpacked(const char *page, const char *name, size_t *bytes)
{
    char mark[96];
    (void)snprintf(mark, sizeof(mark), "<script type=\"application/octet-stream\" id=\"%s\">",
                   name);
    const char *from = strstr(page, mark);
    if (from == NULL) {
        return NULL;
    }
    from += strlen(mark);
    const size_t count = strcspn(from, "<");
    assert_int_equal(count % 4, 0);
    unsigned char *packed = malloc(count / 4 * 3 + 1);
    size_t packed_bytes = 0;
    for (size_t i = 0; i < count; i += 4) {
        const uint32_t word = (uint32_t)digit_of(from[i]) << 18 |
                              (uint32_t)digit_of(from[i + 1]) << 12 |
                              (from[i + 2] != '=' ? (uint32_t)digit_of(from[i + 2]) << 6 : 0) |
                              (from[i + 3] != '=' ? (uint32_t)digit_of(from[i + 3]) : 0);
        packed[packed_bytes++] = (unsigned char)(word >> 16);
        packed[packed_bytes] = (unsigned char)(word >> 8);
        packed_bytes += from[i + 2] != '=';
        packed[packed_bytes] = (unsigned char)word;
        packed_bytes += from[i + 3] != '=';
    }
    const size_t room = 16u << 20;
    char *out = malloc(room);
    z_stream stream = {.next_in = packed,
                       .avail_in = (uInt)packed_bytes,
                       .next_out = (unsigned char *)out,
                       .avail_out = (uInt)(room - 1)};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    *bytes = stream.total_out;
    out[*bytes] = '\0';
    (void)inflateEnd(&stream);
    free(packed);
    return out;
}

static struct session small_session(void)
{
    struct session session = session_new();
    struct ms_thread *thread = session_thread(&session, "worker");
    const struct doing doing = {.user = 0.5, .allocations = 100};
    session_run(&session, thread, &doing, 5);
    return session;
}

static void a_block_gives_back_what_was_written(void **state)
{
    (void)state;
    for (size_t count = 0; count < 300000; count = 3 * count + 1) {
        char *text = NULL;
        size_t bytes = 0, got = 0;
        FILE *out = open_memstream(&text, &bytes);
        struct ms_html_block *block = ms_html_block_open(out, "x");
        uint32_t noise = 1;
        for (size_t i = 0; i < count; i++) {
            noise = noise * 1664525u + 1013904223u;
            ms_html_block_u32(block, noise);
        }
        assert_int_equal(ms_html_block_close(block), 0);
        assert_int_equal(fclose(out), 0);
        char *back = unpacked(text, "x", &got);
        assert_int_equal(got, 4 * count);
        noise = 1;
        for (size_t i = 0; i < count; i++) {
            uint32_t value;
            noise = noise * 1664525u + 1013904223u;
            memcpy(&value, back + 4 * i, sizeof(value));
            assert_int_equal(value, noise);
        }
        free(back);
        free(text);
    }
}

static void the_page_holds_figures_and_a_policy(void **state)
{
    (void)state;
    struct session session = small_session();
    const struct ms_export_options how = options();
    char *page = written(session.model, &how);
    size_t bytes = 0;
    char *threads = unpacked(page, "threads", &bytes);
    assert_non_null(strstr(threads, "\"name\":\"worker\""));
    free(threads);
    char *points = unpacked(page, "points", &bytes);
    assert_true(bytes > 10 * sizeof(float));
    free(points);
    assert_non_null(strstr(page, "default-src 'none'; script-src 'sha256-"));
    assert_null(strstr(page, "@TITLE@"));
    assert_non_null(strstr(page, "</html>"));
    free(page);
    session_free(&session);
}

static void the_title_is_text(void **state)
{
    (void)state;
    struct session session = small_session();
    struct ms_export_options how = options();
    how.title = "</title><script>alert(1)</script>\xe2\x80\xae\xff\"&";
    char *page = written(session.model, &how);
    assert_null(strstr(page, "alert(1)</script>"));
    assert_non_null(strstr(page, "<title>&#60;/title&#62;&#60;script&#62;alert(1)"));
    assert_null(strstr(page, "\xe2\x80\xae"));
    free(page);
    session_free(&session);
}

static void sections_that_are_not_asked_for_are_not_there(void **state)
{
    (void)state;
    struct session session = small_session();
    struct ms_export_options how = options();
    how.sections = 1u << MS_SECTION_THREADS;
    char *page = written(session.model, &how);
    size_t bytes = 0;
    assert_null(unpacked(page, "points", &bytes));
    assert_null(unpacked(page, "stacks", &bytes));
    char *about = unpacked(page, "page", &bytes);
    assert_non_null(strstr(about, "\"sections\":[\"threads\"]"));
    free(about);
    free(page);
    session_free(&session);
}

static bool go_no_further(void *context, uint64_t done, uint64_t all)
{
    (void)context;
    (void)done;
    (void)all;
    return false;
}

static void who_waits_can_cancel(void **state)
{
    (void)state;
    struct session session = small_session();
    struct ms_export_options how = options();
    how.progress = go_no_further;
    FILE *out = fopen("/dev/null", "w");
    assert_int_equal(ms_html_write(out, session.model, &how), -ECANCELED);
    assert_int_equal(fclose(out), 0);
    session_free(&session);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    struct session session = small_session();
    const struct ms_export_options how = options();
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    assert_int_equal(ms_html_write(out, session.model, &how), -ENOSPC);
    (void)fclose(out);
    session_free(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_gives_back_what_was_written),
        cmocka_unit_test(the_page_holds_figures_and_a_policy),
        cmocka_unit_test(the_title_is_text),
        cmocka_unit_test(sections_that_are_not_asked_for_are_not_there),
        cmocka_unit_test(who_waits_can_cancel),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
