#include "export/report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/call_paths.h"
#include "analysis/insights.h"
#include "export/estimate.h"
#include "export/paragraph.h"
#include "export/stream.h"
#include "export/text_parts.h"
#include "export/top.h"
#include "model/figures.h"
#include "model/format.h"
#include "model/marks.h"

#define LABEL_COLUMNS 13u
#define THREADS_MAX   10u
#define SITES_MAX     5u
#define LEAKS_MAX     5u
#define INSIGHTS_MAX  10u
#define FRAMES_MAX    6u
#define MISUSES_MAX   5u
#define MARKS_MAX     20u
#define NAME_BYTES    1024u

struct page {
    FILE *out;
    const struct ms_model *model;
    const struct ms_export_options *options;
    const struct ms_findings *findings; /* NULL: nothing was judged on the way */
    struct ms_call_functions functions;
    struct ms_chosen chosen; /* threads */
    bool no_memory;
};

static void line(const struct page *page, const char *label, const char *text)
{
    ms_paragraph_write(page->out, label, LABEL_COLUMNS, text, strlen(text));
}

static void heading(const struct page *page, const char *text)
{
    fprintf(page->out, "\n%s\n", text);
}

/* argv with blanks between the words; NULL without memory. */
static char *arguments_of(const struct ms_process *process)
{
    char *joined = malloc(process->arguments_bytes + 1);
    if (joined != NULL) {
        for (size_t i = 0; i < process->arguments_bytes; i++) {
            joined[i] = process->arguments[i] != '\0' ? process->arguments[i] : ' ';
        }
        size_t bytes = process->arguments_bytes;
        while (bytes > 0 && joined[bytes - 1] == ' ') {
            bytes--;
        }
        joined[bytes] = '\0';
    }
    return joined;
}

static void write_program(struct page *page, const struct ms_process *program)
{
    line(page, "Program", program->exe[0] != '\0' ? program->exe : "not known");
    if (page->options->hide_arguments) {
        line(page, "Arguments", "left out (--no-args)");
    } else if (program->arguments == NULL) {
        line(page, "Arguments", "not known");
    } else {
        char *arguments = arguments_of(program);
        page->no_memory = page->no_memory || arguments == NULL;
        line(page, "Arguments", arguments != NULL ? arguments : "");
        free(arguments);
    }
    char *text = NULL;
    size_t bytes = 0;
    FILE *status = open_memstream(&text, &bytes);
    if (status != NULL) {
        ms_text_status(status, page->model, program);
        fclose(status);
        line(page, "Result", text);
    }
    page->no_memory = page->no_memory || status == NULL;
    free(text);
}

static void write_when(const struct page *page)
{
    char text[128] = "not known";
    const time_t start = (time_t)(ms_model_start_unix_ns(page->model) / MS_SECOND_NS);
    struct tm parts;
    if (start > 0 && gmtime_r(&start, &parts) != NULL) {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
    }
    line(page, "Started", text);
}

static void write_machine(const struct page *page)
{
    const struct ms_system *system = ms_model_system(page->model);
    char memory[MS_FORMAT_MAX];
    char text[512];
    snprintf(text, sizeof text, "%s, Linux %s, %" PRIu32 " cores, %s, %s of memory",
             system->host[0] != '\0' ? system->host : "host not known",
             system->kernel[0] != '\0' ? system->kernel : "(version not known)", system->cores,
             system->cpu_model[0] != '\0' ? system->cpu_model : "processor not known",
             ms_format_bytes(memory, sizeof memory,
                             system->memory_total_bytes > 0 ? (double)system->memory_total_bytes
                                                            : (double)NAN));
    line(page, "Machine", text);
}

static void write_tracked(const struct page *page)
{
    char text[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
    if (ms_model_tracking_text(page->model, text, sizeof text) == NULL) {
        snprintf(text, sizeof text, "every call, with its call stack");
    }
    line(page, "Tracked", text);
}

static void write_head(struct page *page)
{
    char version[64];
    const struct ms_process *program = ms_model_program(page->model);
    snprintf(version, sizeof version, "memscope-top %s", page->options->program_version);
    if (page->options->title != NULL) {
        ms_paragraph_write(page->out, "", 0, page->options->title, strlen(page->options->title));
        fputc('\n', page->out);
    }
    line(page, "Report of", version);
    if (program != NULL) {
        write_program(page, program);
    }
    write_when(page);
    write_machine(page);
    write_tracked(page);
}

static void session_line(const struct page *page, const char *label, enum ms_session_metric metric)
{
    const char *because;
    const double value = ms_session_metric(metric, page->model, page->findings, &because);
    char figure[MS_FORMAT_MAX];
    char text[400];
    if (isnan(value)) {
        snprintf(text, sizeof text, "unavailable: %s", because);
    } else {
        const enum ms_unit unit = ms_session_metric_unit(metric);
        snprintf(text, sizeof text, "%s%s%s%s%s",
                 ms_format_value(figure, sizeof figure, ms_value_of(value), unit),
                 unit == MS_UNIT_PERCENT ? "%" : "", because != NULL ? " (" : "",
                 because != NULL ? because : "", because != NULL ? ")" : "");
    }
    line(page, label, text);
}

static void write_peak(const struct page *page, const struct ms_process *program)
{
    char text[200];
    char bytes[MS_FORMAT_MAX];
    char error[MS_FORMAT_MAX];
    char elapsed[MS_FORMAT_MAX];
    const struct ms_peak *peak = &program->peak;
    const uint64_t start_ns = ms_model_start_ns(page->model);
    if (peak->epoch == 0) {
        return;
    }
    ms_format_elapsed(elapsed, sizeof elapsed, peak->at_ns > start_ns ? peak->at_ns - start_ns : 0);
    snprintf(text, sizeof text, "at %s of the session: %s, within %s", elapsed,
             ms_format_bytes(bytes, sizeof bytes, (double)peak->bytes),
             ms_format_bytes(error, sizeof error, (double)peak->error_bytes));
    line(page, "  of program", text);
}

static void write_totals(const struct page *page)
{
    const struct ms_process *program = ms_model_program(page->model);
    heading(page, "TOTALS of all processes");
    session_line(page, "  Peak", MS_SESSION_METRIC_PEAK_BYTES);
    const size_t peaks = ms_text_peaks(page->model);
    if (peaks > 1) {
        char text[96];
        snprintf(text, sizeof text, "the sum of %zu processes, each at its own time", peaks);
        line(page, "", text);
    }
    if (program != NULL) {
        write_peak(page, program);
    }
    session_line(page, "  Live", MS_SESSION_METRIC_CURRENT_BYTES);
    session_line(page, "  Allocated", MS_SESSION_METRIC_BYTES_ALLOCATED);
    session_line(page, "  Blocks", MS_SESSION_METRIC_ALLOCATIONS);
    session_line(page, "  Temporary", MS_SESSION_METRIC_TEMPORARY_PCT);
    session_line(page, "  Peak RSS", MS_SESSION_METRIC_PEAK_RSS_BYTES);
    session_line(page, "  CPU time", MS_SESSION_METRIC_CPU_MS);
    session_line(page, "  Processes", MS_SESSION_METRIC_PROCESSES);
    session_line(page, "  Threads", MS_SESSION_METRIC_THREADS);
}

static void metric_cell(const struct page *page, const struct ms_thread *thread,
                        enum ms_metric metric)
{
    char text[MS_FORMAT_MAX];
    const struct ms_value value = ms_metric_of_thread(thread, metric, ms_model_now_ns(page->model));
    fprintf(page->out, " %8s",
            ms_format_value(text, sizeof text, value, ms_metric_info(metric)->unit));
}

static void write_thread(const struct page *page, const struct ms_thread *thread,
                         const struct ms_baseline *baseline)
{
    char name[MS_NAME_MAX + 24];
    const struct ms_judgement judgement =
        ms_judge_against(&page->options->thresholds, baseline, thread);
    int used = snprintf(name, sizeof name, "%.*s", (int)strnlen(thread->name, sizeof thread->name),
                        thread->name);
    if (thread->merged > 0) {
        snprintf(name + used, sizeof name - (size_t)used, " x%" PRIu32, thread->merged);
    }
    fputs("  ", page->out);
    ms_paragraph_cell(page->out, *name != '\0' ? name : "?", 16);
    fprintf(page->out, " %7d %-8s %-6s", (int)thread->tid, ms_role_word(judgement.role),
            ms_alert_name(judgement.alert));
    metric_cell(page, thread, MS_METRIC_PEAK_BYTES);
    metric_cell(page, thread, MS_METRIC_CURRENT_BYTES);
    metric_cell(page, thread, MS_METRIC_ALLOCATIONS);
    metric_cell(page, thread, MS_METRIC_USER_MS);
    fputc('\n', page->out);
}

static void write_threads(const struct page *page)
{
    const struct ms_thread *top[THREADS_MAX];
    const struct ms_baseline baseline = ms_baseline_of(page->model);
    const size_t count = ms_top_threads(page->model, &page->chosen, top, THREADS_MAX);
    char text[80];
    snprintf(text, sizeof text, "THREADS with the highest peaks, %zu of %zu", count,
             ms_model_thread_count(page->model));
    heading(page, text);
    for (size_t i = 0; i < page->options->thread_rule_count; i++) {
        fprintf(page->out, "  only those with %s\n", page->options->thread_rules[i].text);
    }
    fprintf(page->out, "  %-16s %7s %-8s %-6s %8s %8s %8s %8s\n", "name", "tid", "role", "alert",
            "peak", "live", "blocks", "user");
    for (size_t i = 0; i < count; i++) {
        write_thread(page, top[i], &baseline);
    }
}

static void write_frame(const struct page *page, const char *name, const struct ms_frame *frame,
                        bool folded)
{
    char place[NAME_BYTES] = "";
    if (frame != NULL && !folded && frame->file[0] != '\0') {
        const char *slash = strrchr(frame->file, '/');
        snprintf(place, sizeof place, "%s:%" PRIu32, slash != NULL ? slash + 1 : frame->file,
                 frame->line);
    }
    fputs("     ", page->out);
    if (place[0] == '\0') {
        ms_paragraph_cell(page->out, name, strlen(name) < 75 ? strlen(name) : 75);
    } else {
        ms_paragraph_cell(page->out, name, 46);
        fputc(' ', page->out);
        ms_paragraph_cell(page->out, place, strlen(place) < 28 ? strlen(place) : 28);
    }
    fputc('\n', page->out);
}

/* From the function to blame out, a run of library functions as one. */
static void write_stack(struct page *page, const struct ms_site *site)
{
    struct ms_call_path path = {.site = site,
                                .process = ms_model_process_by_id(page->model, site->process_id),
                                .fold_libraries = true};
    if (ms_call_path_culprit(&page->functions, site, &path.culprit) != 0) {
        page->no_memory = true;
        return;
    }
    struct ms_call_position at = ms_call_path_start(&path);
    for (size_t i = 0; i < FRAMES_MAX && !at.end; i++) {
        const struct ms_frame *frame = ms_call_path_frame(&path, at);
        const uint32_t number = ms_call_path_take(&page->functions, &path, &at);
        if (number == 0) {
            page->no_memory = true;
            return;
        }
        const struct ms_call_function *function = ms_call_function_at(&page->functions, number);
        write_frame(page, ms_call_function_name(function), frame, function->folded);
    }
    fputs(at.end ? "" : "     ...\n", page->out);
}

static void write_sites(struct page *page)
{
    const struct ms_site *top[SITES_MAX];
    const size_t count = ms_top_sites(page->model, &page->chosen, top, SITES_MAX);
    heading(page, "CALL SITES with the highest peaks");
    if (page->options->thread_rule_count > 0) {
        fputs("  only what those threads did there that fit the rules above\n", page->out);
    }
    if (count == 0) {
        fputs("  none: nothing was allocated, or no call stacks were kept\n", page->out);
    }
    for (size_t i = 0; i < count; i++) {
        char peak_words[MS_ESTIMATE_MAX];
        char live_words[MS_ESTIMATE_MAX];
        char blocks[MS_FORMAT_MAX];
        char text[2 * MS_ESTIMATE_MAX + MS_FORMAT_MAX + 32];
        char number[32];
        struct ms_chosen_work work;
        struct ms_figures figures;
        (void)ms_chosen_at_site(&page->chosen, page->model, top[i], &work);
        ms_chosen_figures(&page->chosen, page->model, top[i], &figures);
        const struct ms_estimate peak =
            ms_estimate_of_peak(page->model, top[i], &work.heap, &figures);
        const struct ms_estimate live = ms_estimate_of_live(&work.heap, &figures);
        const uint64_t allocations = work.heap.allocations;
        snprintf(number, sizeof number, "  %zu.", i + 1);
        snprintf(text, sizeof text, "peak %s; live %s; %s%s block%s",
                 ms_estimate_words(peak_words, &peak), ms_estimate_words(live_words, &live),
                 figures.samples > 0 ? "~" : "",
                 ms_format_count(blocks, sizeof blocks, (double)allocations),
                 allocations == 1 ? "" : "s");
        ms_paragraph_write(page->out, number, 5, text, strlen(text));
        write_stack(page, top[i]);
    }
}

static void write_likely_leaks(struct page *page)
{
    session_line(page, "  likely", MS_SESSION_METRIC_LIKELY_LEAKS);
    const struct ms_leaks *leaks =
        page->findings != NULL ? ms_findings_leaks(page->findings) : NULL;
    const size_t count = leaks != NULL ? ms_leaks_count(leaks) : 0;
    for (size_t i = 0; i < count && i < LEAKS_MAX; i++) {
        const struct ms_leak *leak = ms_leaks_at(leaks, i);
        const struct ms_site *site = ms_model_site_by_id(page->model, leak->site_id);
        char text[MS_LEAK_REASON_MAX + 64];
        char rate[MS_FORMAT_MAX];
        if (leak->suppressed || site == NULL) {
            continue;
        }
        snprintf(text, sizeof text, "%s, sure to %.0f %%: %s",
                 ms_format_bytes_rate(rate, sizeof rate, leak->slope_bytes_per_s),
                 100 * leak->confidence, leak->reason);
        ms_paragraph_write(page->out, "   -", 5, text, strlen(text));
        write_stack(page, site);
    }
}

static void write_not_freed(struct page *page)
{
    static const struct ms_scope all;
    struct ms_not_freed top[LEAKS_MAX];
    const struct ms_suppressions *suppressions =
        page->findings != NULL ? ms_findings_suppressions(page->findings) : NULL;
    const struct ms_not_freed_sum sum = ms_not_freed_sum(page->model, &all, suppressions);
    char bytes[MS_FORMAT_MAX];
    char blocks[MS_FORMAT_MAX];
    char text[200];
    session_line(page, "  not freed", MS_SESSION_METRIC_NOT_FREED_BYTES);
    if (!sum.known || sum.sites == 0) {
        return;
    }
    snprintf(text, sizeof text, "in %s%s blocks of %zu call site%s; %s suppressed",
             sum.estimated ? "~" : "",
             ms_format_count(blocks, sizeof blocks, (double)(sum.blocks - sum.suppressed_blocks)),
             sum.sites - sum.suppressed_sites, sum.sites - sum.suppressed_sites == 1 ? "" : "s",
             ms_format_bytes(bytes, sizeof bytes, (double)sum.suppressed_bytes));
    line(page, "", text);
    if (sum.estimated) {
        char words[MS_ESTIMATE_MAX];
        struct ms_estimate estimate = ms_estimate_of_not_freed(&sum);
        estimate.at_most_bytes = UINT64_MAX; /* said in other words */
        snprintf(text, sizeof text, "exactly %s with what is suppressed (call sites: %s)",
                 ms_format_bytes(bytes, sizeof bytes, (double)sum.exact_bytes),
                 ms_estimate_words(words, &estimate));
        line(page, "", text);
    }
    const size_t there = ms_not_freed_sites(page->model, &all, suppressions, top, LEAKS_MAX);
    for (size_t i = 0; i < there && i < LEAKS_MAX && !top[i].suppressed; i++) {
        const struct ms_site *site = ms_model_site_by_id(page->model, top[i].site_id);
        char words[MS_ESTIMATE_MAX];
        const struct ms_estimate estimate = {
            .bytes = top[i].bytes,
            .sampled = top[i].estimated,
            .error_bytes = ms_figures_error_bytes(top[i].variance),
            .at_most_bytes = sum.exact_bytes,
        };
        fprintf(page->out, "   - %s in %s%s block%s\n", ms_estimate_words(words, &estimate),
                top[i].estimated ? "~" : "",
                ms_format_count(blocks, sizeof blocks, (double)top[i].blocks),
                top[i].blocks == 1 ? "" : "s");
        if (site != NULL) {
            write_stack(page, site);
        }
    }
}

static void write_misuses(struct page *page)
{
    const size_t count = ms_model_misuse_count(page->model);
    size_t told = 0;
    for (size_t i = 0; i < count && told < MISUSES_MAX; i++) {
        const struct ms_misuse *misuse = ms_model_misuse(page->model, i);
        if (misuse->kind == MS_MISUSE_OTHER_LIBRARY) {
            continue;
        }
        if (told++ == 0) {
            heading(page, "MISUSE");
            ms_text_misuse(page->out, page->model);
        }
        const struct ms_site *released = ms_model_site_by_id(page->model, misuse->released_site);
        const struct ms_site *allocated = ms_model_site_by_id(page->model, misuse->allocated_site);
        fprintf(page->out, "   - %s, %" PRIu64 " times%s%s\n", ms_misuse_word(misuse->kind),
                misuse->count, misuse->how[0] != '\0' ? ": " : "", misuse->how);
        if (released != NULL) {
            fputs("     released at\n", page->out);
            write_stack(page, released);
        }
        if (allocated != NULL) {
            fputs("     allocated at\n", page->out);
            write_stack(page, allocated);
        }
    }
}

/* The latest, and how many there are. */
static void write_marks(const struct page *page)
{
    const size_t count = ms_model_mark_count(page->model);
    const uint64_t start_ns = ms_model_start_ns(page->model);
    if (count == 0) {
        return;
    }
    heading(page, "MARKS");
    if (count > MARKS_MAX) {
        fprintf(page->out, "  the latest %u of %zu\n", MARKS_MAX, count);
    }
    for (size_t i = count > MARKS_MAX ? count - MARKS_MAX : 0; i < count; i++) {
        const struct ms_mark *mark = ms_model_mark(page->model, i);
        char when[MS_FORMAT_MAX];
        char text[96];
        ms_format_elapsed(when, sizeof when, mark->at_ns > start_ns ? mark->at_ns - start_ns : 0);
        ms_format_safe(text, sizeof text, mark->text, strlen(mark->text), true);
        fprintf(page->out, "  %-9s  %s%s\n", when, mark->by_program ? "" : "by the user: ", text);
    }
}

static void write_insights(struct page *page)
{
    static const struct ms_scope all;
    struct ms_insights insights;
    heading(page, "INSIGHTS");
    if (page->findings == NULL) {
        fputs("  unavailable: nothing was judged on the way\n", page->out);
        return;
    }
    if (ms_insights_of(page->model, page->findings, ms_findings_anomalies(page->findings), &all,
                       &insights) != 0) {
        page->no_memory = true;
        return;
    }
    for (size_t i = 0; i < insights.count && i < INSIGHTS_MAX; i++) {
        const struct ms_insight *insight = &insights.rows[i];
        char text[sizeof insight->what + sizeof insight->advice + 32];
        snprintf(text, sizeof text, "%s: %s", ms_severity_name(insight->severity), insight->what);
        ms_paragraph_write(page->out, "  -", 4, text, strlen(text));
        ms_paragraph_write(page->out, "", 4, insight->advice, strlen(insight->advice));
    }
    if (insights.count > INSIGHTS_MAX) {
        fprintf(page->out, "  and %zu more\n", insights.count - INSIGHTS_MAX);
    }
    fputs(insights.count == 0 ? "  none\n" : "", page->out);
    ms_insights_free(&insights);
}

static void write_missing(struct page *page)
{
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(page->model, &totals, &losses);
    heading(page, "WHAT IS MISSING");
    ms_text_losses(page->out, &losses);
    ms_text_trace(page->out, page->model, "  ");
    ms_text_wrong_stacks(page->out, page->model);
    for (size_t i = 0; i < ms_model_process_count(page->model); i++) {
        const struct ms_process *process = ms_model_process(page->model, i);
        if (process->seen != MS_SEEN_FULL && process->seen_because[0] != '\0') {
            char name[MS_PROCESS_NAME_MAX];
            char text[MS_PROCESS_NAME_MAX + sizeof process->seen_because + 64];
            snprintf(text, sizeof text, "heap of %s (%d) seen %s: %s",
                     ms_process_name(process, name, sizeof name), (int)process->pid,
                     process->seen == MS_SEEN_NONE ? "not at all" : "in part",
                     process->seen_because);
            ms_paragraph_write(page->out, "  -", 4, text, strlen(text));
        }
    }
    for (int i = 0; i < MS_SOURCE_TOTAL; i++) {
        const enum ms_source source = (enum ms_source)i;
        const struct ms_source_state *state = ms_model_source(page->model, source);
        if (state->because[0] != '\0') {
            char text[sizeof state->because + 160];
            snprintf(text, sizeof text, "%s%s: %s", ms_source_what(source),
                     state->condition == MS_SOURCE_PARTIAL ? ", in part" : "", state->because);
            ms_paragraph_write(page->out, "  -", 4, text, strlen(text));
        }
    }
}

int ms_report_write(FILE *out, const struct ms_model *model,
                    const struct ms_export_options *options)
{
    struct page page = {
        .out = out, .model = model, .options = options, .findings = options->findings};
    int opened = ms_chosen_init(&page.chosen, model, options);
    if (opened != 0) {
        return opened;
    }
    opened = ms_call_functions_open(&page.functions);
    if (opened != 0) {
        ms_chosen_fini(&page.chosen);
        return opened;
    }
    write_head(&page);
    if (ms_model_process_count(model) > 0) {
        write_totals(&page);
        write_threads(&page);
        write_sites(&page);
        heading(&page, "LEAKS");
        write_likely_leaks(&page);
        write_not_freed(&page);
        write_misuses(&page);
        write_marks(&page);
        write_insights(&page);
    }
    write_missing(&page);
    ms_call_functions_close(&page.functions);
    ms_chosen_fini(&page.chosen);
    return ms_stream_end(out, page.no_memory ? -ENOMEM : 0);
}
