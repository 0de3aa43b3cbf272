#include <string.h>

#include "export/diff.h"
#include "export/paragraph.h"
#include "export/stream.h"
#include "export/text_parts.h"
#include "model/format.h"

char *ms_diff_moment(char *out, size_t size, uint64_t at_ns)
{
    return ms_format_elapsed(out, size, at_ns + MS_SECOND_NS / 2); /* the nearest second */
}

static void put_head(FILE *out, const char *what, const char *name, uint64_t at_ns)
{
    char safe[256];
    char elapsed[MS_FORMAT_MAX];
    ms_format_safe(safe, sizeof safe, name, strlen(name), ms_paragraph_utf8());
    fprintf(out, "%s %s at %s\n", what, safe, ms_diff_moment(elapsed, sizeof elapsed, at_ns));
}

static void put_row(FILE *out, enum ms_diff_measure measure, const struct ms_diff_row *row,
                    const char *label)
{
    char before[MS_FORMAT_MAX];
    char after[MS_FORMAT_MAX];
    char change[MS_FORMAT_MAX];
    char noise[MS_FORMAT_MAX];
    fprintf(
        out, "  %-6s %9s %9s %9s %8s  %s\n", ms_diff_verdict_word(row->verdict[measure]),
        ms_diff_change(change, sizeof change, measure, row->before[measure], row->after[measure]),
        ms_diff_figure(before, sizeof before, measure, row->before[measure]),
        ms_diff_figure(after, sizeof after, measure, row->after[measure]),
        ms_diff_figure(noise, sizeof noise, measure, row->noise[measure]), label);
}

static void put_table(FILE *out, const struct ms_diff *diff, enum ms_diff_kind kind,
                      const char *title, const struct ms_diff_export *options)
{
    const size_t changed = ms_diff_changed(diff, kind);
    const size_t all = ms_diff_count(diff, kind);
    const size_t most = options->rows_most != 0 ? options->rows_most : changed;
    fprintf(out, "\n%s: %zu of %zu changed%s\n", title, changed, all,
            changed == 0 ? "; what differs is noise" : "");
    if (changed > 0) {
        fprintf(out, "  %-6s %9s %9s %9s %8s\n", "live", "change", "before", "after", "noise");
    }
    for (size_t i = 0; i < changed && i < most; i++) {
        char label[256];
        char safe[256];
        const struct ms_diff_row *row = ms_diff_row(diff, kind, i);
        ms_diff_label(diff, kind, row, label, sizeof label);
        put_row(out, MS_DIFF_LIVE, row, ms_text_name(safe, sizeof safe, label));
    }
    if (changed > most) {
        fprintf(out, "  and %zu more\n", changed - most);
    }
}

int ms_diff_write_text(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options)
{
    put_head(out, "before:", options->before_name, options->before_ns);
    put_head(out, "after: ", options->after_name, options->after_ns);
    fprintf(out, "\ntotals\n  %-6s %9s %9s %9s %8s\n", "", "change", "before", "after", "noise");
    for (int measure = 0; measure < MS_DIFF_MEASURE_TOTAL; measure++) {
        put_row(out, (enum ms_diff_measure)measure, ms_diff_totals(diff),
                ms_diff_measure_what((enum ms_diff_measure)measure));
    }
    put_table(out, diff, MS_DIFF_SITES, "call sites", options);
    put_table(out, diff, MS_DIFF_THREADS, "threads", options);
    return ms_stream_end(out, 0);
}
