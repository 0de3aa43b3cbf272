/* A page without scripts: tables, in which a call stack opens by itself. */
#include "export/diff.h"
#include "export/html_escape.h"
#include "export/stream.h"
#include "model/format.h"

/* No script may run whatever a name holds: the policy allows none, and names are escaped. */
static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>memscope-top: what changed</title>\n<style>\n"
    ":root{--back:#fff;--text:#1c2128;--dim:#5b6470;--line:#d8dde3;--grew:#b3261e;--less:#1a7f37}\n"
    "@media (prefers-color-scheme:dark){:root{--back:#14181d;--text:#e3e8ee;--dim:#9aa5b1;"
    "--line:#2c343d;--grew:#ff8a80;--less:#6ddc8b}}\n"
    "body{background:var(--back);color:var(--text);font:15px/1.45 system-ui,sans-serif;"
    "margin:2rem auto;padding:0 1rem;max-width:76rem}\n"
    "h1{font-size:1.35rem}h2{font-size:1.1rem;margin-top:2rem}p,caption{color:var(--dim)}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}\n"
    "th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:right;"
    "font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "th{color:var(--dim);font-weight:600}\n"
    "th:last-child,td:last-child{text-align:left;white-space:normal;overflow-wrap:anywhere;"
    "width:50%}\n"
    "td:first-child,th:first-child{text-align:left}\n"
    ".grew,.new{color:var(--grew)}.shrank,.gone{color:var(--less)}.same{color:var(--dim)}\n"
    "summary{cursor:pointer}\n"
    "pre{margin:.3rem 0 .3rem 1rem;white-space:pre-wrap;color:var(--dim);font-size:.85rem}\n"
    "</style>\n</head>\n<body>\n";

static void put_figures(FILE *out, enum ms_diff_measure measure, const struct ms_diff_row *row)
{
    char text[MS_FORMAT_MAX];
    const double figures[] = {row->before[measure], row->after[measure], row->noise[measure]};
    fprintf(out, "<td class=\"%s\">%s</td><td class=\"%s\">%s</td>",
            ms_diff_verdict_name(row->verdict[measure]),
            ms_diff_verdict_word(row->verdict[measure]),
            ms_diff_verdict_name(row->verdict[measure]),
            ms_diff_change(text, sizeof text, measure, row->before[measure], row->after[measure]));
    for (int i = 0; i < 3; i++) {
        fprintf(out, "<td>%s</td>", ms_diff_figure(text, sizeof text, measure, figures[i]));
    }
}

static void put_stack(FILE *out, const struct ms_diff *diff, const struct ms_diff_row *row)
{
    const bool after = row->after_count != 0;
    const struct ms_site *site = ms_model_site_by_id(
        after ? ms_diff_after(diff) : ms_diff_before(diff), after ? row->after_id : row->before_id);
    fputs("<pre>", out);
    for (uint32_t i = 0; site != NULL && i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            char name[1024];
            ms_html_escape(out, ms_format_frame(name, sizeof name, frame));
            if (*frame->file != '\0') {
                fputs("  ", out);
                ms_html_escape(out, frame->file);
                fprintf(out, ":%u", frame->line);
            }
            putc('\n', out);
        }
    }
    fputs("</pre>", out);
}

static void put_label(FILE *out, const struct ms_diff *diff, enum ms_diff_kind kind,
                      const struct ms_diff_row *row)
{
    char label[512];
    ms_diff_label(diff, kind, row, label, sizeof label);
    if (kind == MS_DIFF_SITES) {
        fputs("<details><summary>", out);
        ms_html_escape(out, label);
        fputs("</summary>", out);
        put_stack(out, diff, row);
        fputs("</details>", out);
    } else {
        ms_html_escape(out, label);
    }
}

static void put_table(FILE *out, const struct ms_diff *diff, enum ms_diff_kind kind,
                      const char *title, size_t most)
{
    const size_t changed = ms_diff_changed(diff, kind);
    fprintf(out,
            "<h2>%s</h2>\n<p>%zu of %zu changed by live bytes; what differs less is noise.</p>\n",
            title, changed, ms_diff_count(diff, kind));
    if (changed == 0) {
        return;
    }
    fputs("<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">live</th><th "
          "scope=\"col\">change</th><th scope=\"col\">before</th><th scope=\"col\">after</th><th "
          "scope=\"col\">noise</th><th scope=\"col\">name</th></tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < changed && (most == 0 || i < most); i++) {
        const struct ms_diff_row *row = ms_diff_row(diff, kind, i);
        fputs("<tr>", out);
        put_figures(out, MS_DIFF_LIVE, row);
        fputs("<td>", out);
        put_label(out, diff, kind, row);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody>\n</table></div>\n", out);
    if (most != 0 && changed > most) {
        fprintf(out,
                "<p>The %zu with the largest changes; %zu more are left out here: "
                "<code>--json</code> has all.</p>\n",
                most, changed - most);
    }
}

static void put_side(FILE *out, const char *what, const char *name, uint64_t at_ns)
{
    char elapsed[MS_FORMAT_MAX];
    fprintf(out, "%s ", what);
    ms_html_escape(out, name);
    fprintf(out, " at %s", ms_diff_moment(elapsed, sizeof elapsed, at_ns));
}

int ms_diff_write_html(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options)
{
    fputs(head, out);
    fputs("<h1>What changed</h1>\n<p>", out);
    put_side(out, "Before:", options->before_name, options->before_ns);
    fputs("<br>", out);
    put_side(out, "After:", options->after_name, options->after_ns);
    fputs(
        "</p>\n<h2>Totals</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\"></th><th "
        "scope=\"col\">change</th><th scope=\"col\">before</th><th scope=\"col\">after</th><th "
        "scope=\"col\">noise</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n",
        out);
    for (int measure = 0; measure < MS_DIFF_MEASURE_TOTAL; measure++) {
        fputs("<tr>", out);
        put_figures(out, (enum ms_diff_measure)measure, ms_diff_totals(diff));
        fprintf(out, "<td>%s</td></tr>\n", ms_diff_measure_what((enum ms_diff_measure)measure));
    }
    fputs("</tbody>\n</table></div>\n", out);
    put_table(out, diff, MS_DIFF_SITES, "Call sites", options->rows_most);
    put_table(out, diff, MS_DIFF_THREADS, "Threads", options->rows_most);
    fprintf(out, "<p>memscope-top %s</p>\n</body>\n</html>\n", options->program_version);
    return ms_stream_end(out, 0);
}
