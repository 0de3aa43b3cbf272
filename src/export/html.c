#include "export/html.h"

#include <errno.h>
#include <string.h>

#include "analysis/ranking.h"
#include "export/html_escape.h"
#include "export/html_parts.h"
#include "export/json.h"
#include "export/json_parts.h"
#include "export/text_parts.h"
#include "model/format.h"

#define SECTION(id) (1u << MS_SECTION_##id)

int ms_html_progress(struct ms_html *html, uint64_t more)
{
    const struct ms_export_options *options = html->options;
    html->done += more;
    if (more > 0 && html->done % 256 != 0) {
        return 0;
    }
    const bool goes_on =
        options->progress == NULL || options->progress(options->context, html->done, html->all);
    return goes_on ? 0 : -ECANCELED;
}

static bool has_section(const struct ms_html *html, uint32_t sections)
{
    return (html->sections & sections) != 0;
}

/* Columns of metrics, in the order in which "thread-figures" has them. */
static void write_metrics(struct ms_json_writer *writer)
{
    ms_json_array_begin(writer);
    for (int by = 0; by < MS_RANK_TOTAL; by++) {
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "name", ms_rank_name(by));
        ms_json_member_string(writer, "heading", ms_rank_heading(by));
        ms_json_member_string(writer, "unit", ms_unit_name(ms_rank_unit(by)));
        ms_json_member_string(writer, "meaning", ms_rank_meaning(by));
        ms_json_member_text_or_null(
            writer, "source",
            by < MS_METRIC_TOTAL ? ms_source_name(ms_metric_source((enum ms_metric)by)) : "");
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_series_tables(struct ms_json_writer *writer)
{
    ms_json_array_begin(writer);
    for (int of = MS_SERIES_OF_THREAD; of <= MS_SERIES_OF_SYSTEM; of++) {
        ms_json_array_begin(writer);
        for (int s = 0; s < ms_series_count((enum ms_series_of)of); s++) {
            const struct ms_series_info *info = ms_series_info((enum ms_series_of)of, s);
            ms_json_object_begin(writer);
            ms_json_member_string(writer, "name", info->name);
            ms_json_member_string(writer, "heading", info->heading);
            ms_json_member_string(writer, "unit", ms_unit_name((enum ms_unit)info->unit));
            ms_json_member_string(writer, "what", info->what);
            ms_json_object_end(writer);
        }
        ms_json_array_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_roles(struct ms_json_writer *writer)
{
    ms_json_array_begin(writer);
    for (int role = 0; role < MS_ROLE_TOTAL; role++) {
        const char letter[] = {ms_role_letter((enum ms_role)role), '\0'};
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "letter", letter);
        ms_json_member_string(writer, "name", ms_role_name((enum ms_role)role));
        ms_json_member_string(writer, "word", ms_role_word((enum ms_role)role));
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_rules(struct ms_json_writer *writer, const struct ms_export_options *options)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < options->thread_rule_count; i++) {
        ms_json_string(writer, options->thread_rules[i].text);
    }
    ms_json_array_end(writer);
}

static void write_left_out(struct ms_json_writer *writer, const struct ms_html *html)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "threads", html->threads);
    ms_json_member_u64(writer, "threads_filtered", html->threads_filtered);
    ms_json_key(writer, "thread_rules");
    write_rules(writer, html->options);
    ms_json_member_u64(writer, "sites", html->sites);
    ms_json_member_u64(writer, "sites_kept", html->sites_kept);
    ms_json_member_u64(writer, "usages", html->usages);
    ms_json_member_u64(writer, "usages_kept", html->usages_kept);
    ms_json_member_u64(writer, "series", html->series);
    ms_json_member_u64(writer, "series_kept", html->series_kept);
    ms_json_member_u64(writer, "points", html->points);
    ms_json_member_u64(writer, "points_most", MS_HTML_POINTS_MAX);
    ms_json_member_u64(writer, "processes_most", MS_HTML_PROCESSES_MAX);
    ms_json_object_end(writer);
}

static void write_sections(struct ms_json_writer *writer, const struct ms_html *html)
{
    ms_json_array_begin(writer);
    for (int i = 0; i < MS_SECTION_TOTAL; i++) {
        if ((html->sections & 1u << i) != 0) {
            ms_json_string(writer, ms_section_name((enum ms_section)i));
        }
    }
    ms_json_array_end(writer);
}

/* What the page needs to read the columns, and what it has to say of itself. */
static void write_page_members(struct ms_json_writer *writer, const struct ms_html *html)
{
    const struct ms_model *model = html->model;
    ms_json_member_text_or_null(writer, "title",
                                html->options->title != NULL ? html->options->title : "");
    ms_json_key(writer, "sections");
    write_sections(writer, html);
    ms_json_key(writer, "roles");
    write_roles(writer);
    ms_json_key(writer, "metrics");
    write_metrics(writer);
    ms_json_key(writer, "series");
    write_series_tables(writer);
    ms_json_key(writer, "layer_ns");
    ms_json_array_begin(writer);
    for (int i = 0; i < MS_RESOLUTION_COUNT; i++) {
        ms_json_u64(writer, ms_history_step(ms_model_interval_ns(model), (enum ms_resolution)i) *
                                ms_model_interval_ns(model));
    }
    ms_json_array_end(writer);
    ms_json_member_u64(writer, "first_ns",
                       ms_model_first_tick(model) * ms_model_interval_ns(model));
    ms_json_member_u64(writer, "end_ns", ms_model_ticks(model) * ms_model_interval_ns(model));
    const struct ms_process *program = ms_model_program(model);
    ms_json_member_u64_or_null(writer, "program_id", program != NULL,
                               program != NULL ? program->id : 0);
    const char *waiting = ms_findings_waiting_unavailable();
    ms_json_member_text_or_null(writer, "waiting_unavailable", waiting != NULL ? waiting : "");
    char why_none[256] = ""; /* no leak is likely: nothing grows, or it is too early to tell */
    const struct ms_findings *findings = html->options->findings;
    if (findings != NULL && ms_leaks_count(ms_findings_leaks(findings)) == 0) {
        ms_leaks_why_none(ms_findings_leaks(findings), model, why_none, sizeof(why_none));
    }
    ms_json_member_text_or_null(writer, "no_leak_because", why_none);
    ms_json_member_text_or_null(writer, "damage",
                                html->options->damage != NULL ? html->options->damage : "");
    ms_json_key(writer, "left_out");
    write_left_out(writer, html);
}

static int write_page_block(struct ms_html *html)
{
    struct ms_json_writer writer;
    FILE *out = ms_html_block_stream(html->out, "page");
    int error = out != NULL ? ms_json_writer_open(&writer, out) : -ENOMEM;
    if (error == 0) {
        ms_json_object_begin(&writer);
        write_page_members(&writer, html);
        ms_json_object_end(&writer);
        error = ms_json_writer_close(&writer);
    }
    if (out != NULL && fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    return error;
}

/* All that is no column is the JSON export of those sections. */
static int write_report_block(struct ms_html *html)
{
    struct ms_export_options options = *html->options;
    options.sections = html->sections &
                       ~(SECTION(THREADS) | SECTION(SITES) | SECTION(TIMELINE) | SECTION(RANKINGS));
    options.sections |= SECTION(PROCESSES);
    options.progress = NULL;
    FILE *out = ms_html_block_stream(html->out, "report");
    if (out == NULL) {
        return -ENOMEM;
    }
    int error = ms_json_write(out, html->model, &options);
    if (fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    return error;
}

static int write_blocks(struct ms_html *html)
{
    int error = write_report_block(html);
    if (error == 0) {
        error = ms_html_threads(html);
    }
    if (error == 0 && has_section(html, SECTION(TIMELINE) | SECTION(CORRELATIONS))) {
        error = ms_html_series(html);
    }
    if (error == 0 && has_section(html, SECTION(SITES) | SECTION(LEAKS) | SECTION(TYPES))) {
        error = ms_html_sites(html);
    }
    return error == 0 ? write_page_block(html) : error;
}

static void write_title(const struct ms_html *html)
{
    char name[MS_PROCESS_NAME_MAX] = "";
    const struct ms_process *program = ms_model_program(html->model);
    if (html->options->title != NULL) {
        ms_html_escape(html->out, html->options->title);
        return;
    }
    if (program != NULL) {
        ms_html_escape(html->out, ms_process_name(program, name, sizeof(name)));
        (void)fputs(" - ", html->out);
    }
    (void)fputs("memscope-top", html->out);
}

/* What a browser shows that runs no script. */
static void write_totals(const struct ms_html *html)
{
    char watched[MS_FORMAT_MAX], peak[MS_FORMAT_MAX], live[MS_FORMAT_MAX], count[MS_FORMAT_MAX];
    const struct ms_model *model = html->model;
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    bool available = false;
    for (size_t i = 0; i < ms_model_process_count(model) && !available; i++) {
        available = ms_model_process(model, i)->seen != MS_SEEN_NONE;
    }
    const uint64_t watched_ns = ms_model_now_ns(model) - ms_model_start_ns(model);
    (void)fprintf(html->out, "Watched for %s: %zu threads in %zu processes; ",
                  ms_format_elapsed(watched, sizeof(watched), watched_ns),
                  ms_model_thread_count(model), ms_model_process_count(model));
    if (!available) {
        (void)fputs("their memory was not seen.", html->out);
        return;
    }
    (void)fprintf(html->out, "live at the end %s, %s %s, %s allocations.",
                  ms_format_bytes(live, sizeof(live), (double)ms_heap_current_bytes(&totals)),
                  ms_text_peaks(model) > 1 ? "peak of each process, in all," : "peak",
                  ms_format_bytes(peak, sizeof(peak), (double)totals.peak_bytes),
                  ms_format_count(count, sizeof(count), (double)totals.allocations));
}

/* Writes the page up to a mark; returns what follows it. */
static const char *write_until(FILE *out, const char *from, const char *mark)
{
    const size_t all = (size_t)(ms_html_page_end - from);
    const char *at = memmem(from, all, mark, strlen(mark));
    const size_t bytes = at != NULL ? (size_t)(at - from) : all;
    (void)fwrite(from, 1, bytes, out);
    return at != NULL ? at + strlen(mark) : ms_html_page_end;
}

int ms_html_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options)
{
    struct ms_html html = {
        .out = out,
        .model = model,
        .options = options,
        .sections = options->sections != 0 ? options->sections : MS_SECTIONS_ALL,
        .texts = ms_html_texts_new(),
        .all = 2 * ms_model_thread_count(model) + ms_model_site_count(model),
    };
    if (html.texts == NULL) {
        return -ENOMEM;
    }
    int error = ms_chosen_init(&html.chosen, model, options);
    if (error != 0) {
        ms_html_texts_free(html.texts);
        return error;
    }
    errno = 0;
    const char *rest = write_until(out, ms_html_page, "@TITLE@");
    write_title(&html);
    rest = write_until(out, rest, "@TOTALS@");
    write_totals(&html);
    rest = write_until(out, rest, "@DATA@");
    error = write_blocks(&html);
    if (error == 0) {
        (void)fwrite(rest, 1, (size_t)(ms_html_page_end - rest), out);
        if (fflush(out) != 0 || ferror(out) != 0) {
            error = errno != 0 ? -errno : -EIO;
        }
    }
    ms_chosen_fini(&html.chosen);
    ms_html_texts_free(html.texts);
    return error;
}
