#include "export/text.h"

#include <inttypes.h>
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/estimate.h"
#include "export/text_parts.h"
#include "export/top.h"
#include "model/figures.h"
#include "model/format.h"

#define NAME_CELLS 60u
#define TOP_SITES  3u

/* Neutralised, and cut with "..." past NAME_CELLS bytes: template names run to kilobytes. */
char *ms_text_name(char *out, size_t size, const char *name)
{
    const bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const size_t bytes = strlen(name);
    const size_t room = size < NAME_CELLS ? size : NAME_CELLS;
    if (bytes < room) {
        ms_format_safe(out, room, name, bytes, utf8);
        return out;
    }
    const size_t written = ms_format_safe(out, room - 3, name, bytes, utf8);
    memcpy(out + written, "...", 4);
    return out;
}

/* sigabbrev_np() is younger than the oldest glibc this runs on. */
static const char *signal_name(uint32_t number)
{
    static const char *const names[] = {
        [1] = "SIGHUP",   [2] = "SIGINT",   [3] = "SIGQUIT",  [4] = "SIGILL",   [5] = "SIGTRAP",
        [6] = "SIGABRT",  [7] = "SIGBUS",   [8] = "SIGFPE",   [9] = "SIGKILL",  [10] = "SIGUSR1",
        [11] = "SIGSEGV", [12] = "SIGUSR2", [13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM",
        [24] = "SIGXCPU", [25] = "SIGXFSZ", [31] = "SIGSYS",
    };
    return number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

/* Processes besides the program; what one was before exec is not another. */
static size_t other_processes(const struct ms_model *model)
{
    size_t count = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        count += !process->replaced_by_exec && process != ms_model_program(model);
    }
    return count;
}

void ms_text_status(FILE *out, const struct ms_model *model, const struct ms_process *process)
{
    char name[NAME_CELLS];
    char elapsed[MS_FORMAT_MAX];
    const bool named =
        process->arguments != NULL && process->arguments_bytes > 0 && process->arguments[0] != '\0';
    ms_text_name(name, sizeof(name), named ? process->arguments : process->exe);
    const uint64_t start_ns = ms_model_process(model, 0)->start_ns; /* before any exec */
    const uint64_t end_ns = process->end_ns != 0 ? process->end_ns : ms_model_now_ns(model);
    ms_format_elapsed(elapsed, sizeof(elapsed), end_ns > start_ns ? end_ns - start_ns : 0);
    fprintf(out, "%s ", name);
    if (process->end_ns == 0) {
        fprintf(out, "was running as pid %d", (int)process->pid);
    } else if (process->exit_status >= 0) {
        fprintf(out, "exited with status %d", (int)process->exit_status);
    } else if (process->exit_status == -1) {
        const char *signal = signal_name(process->exit_signal);
        if (signal != NULL) {
            fprintf(out, "killed by %s", signal);
        } else {
            fprintf(out, "killed by signal %" PRIu32, process->exit_signal);
        }
        fputs(process->core_dumped ? ", core dumped," : "", out);
    } else {
        fputs("ended, status unknown,", out);
    }
    fprintf(out, " after %s", elapsed);
    const size_t others = other_processes(model);
    if (others > 0) {
        fprintf(out, " (and %zu more process%s)", others, others == 1 ? "" : "es");
    }
    fputc('\n', out);
}

static void write_unseen(FILE *out, const struct ms_process *process)
{
    char because[sizeof(process->seen_because)];
    ms_format_safe(because, sizeof(because), process->seen_because,
                   strnlen(process->seen_because, sizeof(process->seen_because)), false);
    fprintf(out, "  heap not seen: %s\n", because[0] != '\0' ? because : "reason unknown");
}

size_t ms_text_peaks(const struct ms_model *model)
{
    size_t peaks = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        peaks += process->totals.peak_bytes == 0 ? 0 : process->merged > 0 ? process->merged : 1;
    }
    return peaks;
}

void ms_text_totals(FILE *out, const struct ms_model *model, const struct ms_heap *totals)
{
    char peak[MS_FORMAT_MAX];
    char error[MS_FORMAT_MAX];
    char allocations[MS_FORMAT_MAX];
    char allocated[MS_FORMAT_MAX];
    char current[MS_FORMAT_MAX];
    uint64_t error_bytes = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        error_bytes += ms_model_process(model, i)->peak_error_bytes;
    }
    fprintf(out, "  peak %s", ms_format_bytes(peak, sizeof(peak), (double)totals->peak_bytes));
    const size_t peaks = ms_text_peaks(model);
    if (peaks > 1) {
        fprintf(out, ", the sum of %zu processes", peaks);
    }
    if (error_bytes > 0) {
        fprintf(out, " (within %s)", ms_format_bytes(error, sizeof(error), (double)error_bytes));
    }
    const struct ms_process *program = ms_model_program(model);
    const bool runs = program != NULL && program->end_ns == 0;
    fprintf(out, ", %s allocations, %s allocated, %s %s\n",
            ms_format_count(allocations, sizeof(allocations), (double)totals->allocations),
            ms_format_bytes(allocated, sizeof(allocated), (double)totals->bytes_allocated),
            ms_format_bytes(current, sizeof(current), (double)ms_heap_current_bytes(totals)),
            runs ? "live" : "not freed");
}

static void write_top_sites(FILE *out, const struct ms_model *model)
{
    const struct ms_site *top[TOP_SITES];
    const size_t count = ms_top_sites(model, NULL, top, TOP_SITES);
    if (count == 0) {
        return;
    }
    fputs("  top sites by peak:", out);
    for (size_t i = 0; i < count; i++) {
        char raw[1024] = "(no stack)";
        char name[NAME_CELLS];
        char peak[MS_ESTIMATE_MAX];
        if (top[i]->depth > 0) {
            ms_format_frame(raw, sizeof(raw), ms_site_culprit_frame(top[i]));
        }
        struct ms_figures figures;
        ms_figures_of_site(model, top[i]->id, &figures);
        const struct ms_estimate estimate =
            ms_estimate_of_peak(model, top[i], &top[i]->heap, &figures);
        fprintf(out, "%s %s %s", i > 0 ? ";" : "", ms_text_name(name, sizeof(name), raw),
                ms_estimate_words(peak, &estimate));
    }
    fputc('\n', out);
}

/* "likely leaks 2: parse_row +12kB/s; not freed at exit 3.2MB, 4.01k blocks (1.1kB suppressed)" */
static void write_leaks(FILE *out, const struct ms_model *model, const struct ms_findings *findings)
{
    static const struct ms_scope all;
    const struct ms_leaks *leaks = ms_findings_leaks(findings);
    const struct ms_not_freed_sum sum =
        ms_not_freed_sum(model, &all, ms_findings_suppressions(findings));
    char bytes[MS_FORMAT_MAX];
    char blocks[MS_FORMAT_MAX];
    size_t count = 0;
    for (; count < ms_leaks_count(leaks) && !ms_leaks_at(leaks, count)->suppressed; count++) {
    }
    if (count > 0) {
        char raw[1024] = "(no stack)";
        char name[NAME_CELLS];
        const struct ms_leak *first = ms_leaks_at(leaks, 0);
        const struct ms_site *site = ms_model_site_by_id(model, first->site_id);
        if (site->depth > 0) {
            ms_format_frame(raw, sizeof(raw), ms_site_culprit_frame(site));
        }
        fprintf(out, "  likely leaks %zu: %s %s%s", count, ms_text_name(name, sizeof(name), raw),
                ms_format_bytes_rate(bytes, sizeof(bytes), first->slope_bytes_per_s),
                count > 1 ? ", ..." : "");
    }
    if (sum.known && sum.blocks > 0) {
        char not_freed[MS_ESTIMATE_MAX];
        const struct ms_estimate estimate = ms_estimate_of_not_freed(&sum);
        fprintf(out, "%snot freed at exit %s, %s%s blocks at %zu site%s", count > 0 ? "; " : "  ",
                ms_estimate_words(not_freed, &estimate), sum.estimated ? "~" : "",
                ms_format_count(blocks, sizeof(blocks), (double)sum.blocks), sum.sites,
                sum.sites == 1 ? "" : "s");
        if (sum.suppressed_blocks > 0) {
            fprintf(out, " (%s suppressed)",
                    ms_format_bytes(bytes, sizeof(bytes), (double)sum.suppressed_bytes));
        }
    }
    if (count > 0 || (sum.known && sum.blocks > 0)) {
        fputc('\n', out);
    }
}

void ms_text_losses(FILE *out, const struct ms_losses *losses)
{
    fprintf(out, "  events lost %" PRIu64, losses->lost);
    if (losses->coarsened > 0) {
        fprintf(out, ", without their whole stack %" PRIu64, losses->coarsened);
    }
    if (losses->owner_unknown > 0) {
        fprintf(out, ", frees without owner %" PRIu64, losses->owner_unknown);
    }
    if (losses->not_classified > 0) {
        fprintf(out, ", without a histogram %" PRIu64, losses->not_classified);
    }
    fputc('\n', out);
}

/* What is tracked when that is not exact, all threads, 32 frames. */
void ms_text_tracking(FILE *out, const struct ms_model *model, const char *before,
                      const char *after)
{
    char text[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
    char safe[sizeof(text)];
    const struct ms_process *of = ms_model_tracking_text(model, text, sizeof(text));
    if (of == NULL) {
        return;
    }
    ms_format_safe(safe, sizeof(safe), text, strlen(text), false);
    fprintf(out, "%stracked %s", before, safe);
    if (of->tracking.steps > 0) {
        fprintf(out, ", steps down %" PRIu32, of->tracking.steps);
    }
    fputs(after, out);
}

/* "trace: N events, M lost, X MB" and why it does not go on; nothing when nothing is traced. */
void ms_text_trace(FILE *out, const struct ms_model *model, const char *before)
{
    const struct ms_trace_totals totals = ms_model_trace_totals(model);
    if (!totals.any) {
        return;
    }
    char bytes[MS_FORMAT_MAX];
    fprintf(out, "%strace: %" PRIu64 " events, %" PRIu64 " lost, %s", before, totals.events,
            totals.lost, ms_format_bytes(bytes, sizeof(bytes), (double)totals.packet_bytes));
    if (totals.because[0] != '\0') {
        fprintf(out, " (%s)", totals.because);
    }
    fputc('\n', out);
}

/*
 * "misuse: 2 double free, 1 mismatch"; nothing when there is none. Memory that passes from library
 * to library is often meant, so it is no news here.
 */
void ms_text_misuse(FILE *out, const struct ms_model *model)
{
    uint64_t counts[MS_MISUSE_TOTAL] = {0};
    for (size_t i = 0; i < ms_model_misuse_count(model); i++) {
        const struct ms_misuse *misuse = ms_model_misuse(model, i);
        counts[misuse->kind] += misuse->count;
    }
    const char *before = "  misuse:";
    for (int kind = 0; kind < MS_MISUSE_TOTAL; kind++) {
        if (kind != MS_MISUSE_OTHER_LIBRARY && counts[kind] > 0) {
            fprintf(out, "%s %" PRIu64 " %s", before, counts[kind],
                    ms_misuse_word((enum ms_misuse_kind)kind));
            before = ",";
        }
    }
    fputs(before[0] == ',' ? "\n" : "", out);
}

/* Only when it is bad news: the closing lines are few. */
void ms_text_wrong_stacks(FILE *out, const struct ms_model *model)
{
    struct ms_stack_check sum = {0};
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        ms_stack_check_add(&sum, &ms_model_process(model, i)->stacks);
    }
    if (sum.differed > 0) {
        fprintf(out,
                "  CALL STACKS ARE WRONG: %" PRIu64 " of %" PRIu64
                " rechecked ones differed; please report this\n",
                sum.differed, sum.rechecked);
    }
}

void ms_text_summary(FILE *out, const struct ms_model *model, const struct ms_findings *findings,
                     const char *file)
{
    if (ms_model_process_count(model) == 0) {
        fputs("memscope-top: no process was seen\n", out);
        return;
    }
    const struct ms_process *program = ms_model_program(model);
    fputs("memscope-top: ", out);
    ms_text_status(out, model, program);
    struct ms_heap totals;
    struct ms_losses losses;
    ms_model_totals(model, &totals, &losses);
    if (program->seen == MS_SEEN_NONE && totals.allocations == 0) {
        write_unseen(out, program);
    } else {
        ms_text_totals(out, model, &totals);
        write_top_sites(out, model);
        if (findings != NULL) {
            write_leaks(out, model, findings);
        }
        ms_text_losses(out, &losses);
        ms_text_misuse(out, model);
        ms_text_tracking(out, model, "  ", "\n");
        ms_text_trace(out, model, "  ");
        ms_text_wrong_stacks(out, model);
    }
    if (file != NULL) {
        char name[4096];
        const bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        ms_format_safe(name, sizeof(name), file, strlen(file), utf8);
        fprintf(out, "  written: %s\n", name);
    }
}

/* Adds what is known; NaN stays NaN until something is. */
static void add_known(double *sum, double value)
{
    if (!isnan(value)) {
        *sum = isnan(*sum) ? value : *sum + value;
    }
}

void ms_text_status_line(FILE *out, const struct ms_model *model)
{
    double live = NAN;
    double growth = NAN;
    double cpu = NAN;
    double rss = NAN;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->end_ns != 0) {
            continue;
        }
        add_known(&live, process->seen != MS_SEEN_NONE
                             ? (double)ms_heap_current_bytes(&process->totals)
                             : NAN);
        add_known(&growth, process->growth_per_s);
        add_known(&cpu, process->cpu_pct);
        add_known(&rss, process->kernel.have_memory ? (double)process->kernel.rss_bytes : NAN);
    }
    char elapsed[MS_FORMAT_MAX];
    char figures[4][MS_FORMAT_MAX];
    const uint64_t ns = ms_model_now_ns(model) - ms_model_start_ns(model);
    const struct ms_value cpu_value = isnan(cpu) ? ms_value_none() : ms_value_of(cpu);
    fprintf(out, "%s threads %zu live %s %s cpu %s%s rss %s",
            ms_format_elapsed(elapsed, sizeof(elapsed), ns), ms_model_alive_count(model),
            ms_format_bytes(figures[0], sizeof(figures[0]), live),
            ms_format_bytes_rate(figures[1], sizeof(figures[1]), growth),
            ms_format_value(figures[2], sizeof(figures[2]), cpu_value, MS_UNIT_PERCENT),
            cpu_value.available ? "%" : "", ms_format_bytes(figures[3], sizeof(figures[3]), rss));
    ms_text_tracking(out, model, " ", "");
    fputc('\n', out);
    ms_text_trace(out, model, "");
}
