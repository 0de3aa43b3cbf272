#include "export/svg.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree.h"
#include "export/html_escape.h"
#include "export/stacks.h"
#include "export/stream.h"
#include "export/svg_parts.h"
#include "export/text_parts.h"
#include "export/top.h"
#include "model/format.h"

#define CHART_HEIGHT   300.0
#define THREADS_MAX    10u
#define THREAD_HEIGHT  18.0
#define LEVEL_HEIGHT   17.0
#define LEVELS_MAX     48u
#define LEAST_SHARE    0.002
#define LETTER_WIDTH   6.4 /* of the font at its size, about */
#define INNER_WIDTH    (MS_SVG_WIDTH - 2 * MS_SVG_MARGIN)
#define HEAD_HEIGHT    74.0
#define HEADING_HEIGHT 30.0

void ms_svg_text(FILE *out, double x, double y, double width, const char *look, const char *text)
{
    char cut[MS_STACK_NAME_MAX];
    const size_t letters = width > 0 ? (size_t)(width / LETTER_WIDTH) : sizeof cut;
    const size_t bytes = strlen(text);
    const bool fits = bytes <= letters || bytes < 4;
    /* Cut by bytes, then a broken last character left out: names are mostly ASCII. */
    ms_format_safe(cut, fits || letters > sizeof cut ? sizeof cut : letters - 2, text, bytes, true);
    fprintf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", look, x, y);
    ms_html_escape(out, cut);
    fputs(fits ? "</text>\n" : "...</text>\n", out);
}

void ms_svg_box(FILE *out, double x, double y, double width, double height, const char *colour)
{
    fprintf(out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"%s\"/>\n",
            x, y, width, height, colour);
}

static const char *role_colour(enum ms_role role)
{
    switch (role) {
    case MS_ROLE_WAITING:
        return "#a626a4";
    case MS_ROLE_MEMORY:
        return "#d1332e";
    case MS_ROLE_CPU:
        return "#d9730d";
    case MS_ROLE_IO:
        return "#2f6fd0";
    case MS_ROLE_BALANCED:
        return "#2c8a3e";
    default:
        return "#7a7f87";
    }
}

static void write_style(FILE *out)
{
    fputs("<style>text{font:11px sans-serif;fill:#20242a}.title{font-size:20px;font-weight:bold}"
          ".sub{font-size:12px;fill:#555c66}.head{font-size:14px;font-weight:bold}"
          ".middle{text-anchor:middle}.end{text-anchor:end}.strong{font-weight:bold}"
          ".rule{stroke:#d9dde2;fill:none}.surface{fill:#bcd6f5;stroke:none}"
          ".live{stroke:#1f6feb;fill:none;stroke-width:1.5}"
          ".rss{stroke:#8a5a00;fill:none;stroke-width:1.2;stroke-dasharray:5 3}"
          ".cpu{stroke:#d9730d;fill:none;stroke-width:1.2}.peak{fill:#d1332e}"
          ".frame{font-family:monospace;font-size:10.5px}</style>\n",
          out);
}

static void write_head(FILE *out, const struct ms_model *model,
                       const struct ms_export_options *options, double height)
{
    char name[MS_STACK_NAME_MAX] = "no program";
    char text[256];
    char figures[3][MS_FORMAT_MAX];
    struct ms_heap totals;
    struct ms_losses losses;
    const struct ms_process *program = ms_model_program(model);
    if (program != NULL) {
        ms_stacks_process(model, program->id, name);
    }
    ms_model_totals(model, &totals, &losses);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
            "viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n<title>",
            MS_SVG_WIDTH, height, MS_SVG_WIDTH, height);
    ms_html_escape(out, options->title != NULL ? options->title : name);
    fputs("</title>\n", out);
    write_style(out);
    fprintf(out, "<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>\n", MS_SVG_WIDTH, height);
    ms_svg_text(out, MS_SVG_MARGIN, 36, INNER_WIDTH / 2, "title",
                options->title != NULL ? options->title : name);
    const double peak =
        losses.recorded > 0 || totals.allocations > 0 ? (double)totals.peak_bytes : (double)NAN;
    char of[64] = "peak of live bytes";
    const size_t peaks = ms_text_peaks(model);
    if (peaks > 1) {
        snprintf(of, sizeof of, "sum of the peaks of %zu processes", peaks);
    }
    snprintf(text, sizeof text, "%s, %s %s, %zu threads, %s blocks allocated; memscope-top %s",
             ms_format_elapsed(figures[0], MS_FORMAT_MAX,
                               ms_model_now_ns(model) - ms_model_start_ns(model)),
             of, ms_format_bytes(figures[1], MS_FORMAT_MAX, peak), ms_model_thread_count(model),
             ms_format_count(figures[2], MS_FORMAT_MAX,
                             isnan(peak) ? (double)NAN : (double)totals.allocations),
             options->program_version);
    ms_svg_text(out, MS_SVG_MARGIN, 56, INNER_WIDTH, "sub", text);
}

static void write_legend(FILE *out, double y)
{
    static const struct {
        const char *look, *text;
    } lines[] = {{"live", "live bytes"}, {"rss", "resident memory"}, {"cpu", "CPU, of one core"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const double x = MS_SVG_WIDTH - MS_SVG_MARGIN - 450 + 150 * (double)i;
        fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fh22\"/>\n", lines[i].look, x, y - 4);
        ms_svg_text(out, x + 28, y, 0, "start", lines[i].text);
    }
}

static void write_thread(FILE *out, const struct ms_thread *thread, double y, double highest,
                         enum ms_role role)
{
    char name[MS_NAME_MAX + 16];
    char text[MS_FORMAT_MAX + 64];
    char peak[MS_FORMAT_MAX];
    const double width = highest > 0 ? (double)thread->heap.peak_bytes / highest * 560 : 0;
    const bool known = thread->probed && thread->tracked;
    snprintf(name, sizeof name, "%.*s", (int)strnlen(thread->name, sizeof thread->name),
             thread->name);
    ms_svg_text(out, MS_SVG_MARGIN, y + 13, 200, "start", *name != '\0' ? name : "?");
    ms_svg_box(out, MS_SVG_MARGIN + 210, y + 2, known ? fmax(width, 1) : 0, THREAD_HEIGHT - 4,
               role_colour(role));
    snprintf(
        text, sizeof text, "%s, %s",
        ms_format_bytes(peak, sizeof peak, known ? (double)thread->heap.peak_bytes : (double)NAN),
        ms_role_word(role));
    ms_svg_text(out, MS_SVG_MARGIN + 216 + (known ? fmax(width, 1) : 0), y + 13, 0, "start", text);
}

static void write_threads(FILE *out, const struct ms_model *model,
                          const struct ms_export_options *options,
                          const struct ms_thread *const *top, size_t count, double y)
{
    const struct ms_baseline baseline = ms_baseline_of(model);
    char head[512];
    size_t used = (size_t)snprintf(head, sizeof head, "Threads with the highest peaks");
    for (size_t i = 0; i < options->thread_rule_count && used < sizeof head; i++) {
        used +=
            (size_t)snprintf(head + used, sizeof head - used, "%s%s",
                             i == 0 ? ", of those with " : " and ", options->thread_rules[i].text);
    }
    ms_svg_text(out, MS_SVG_MARGIN, y + 18, 0, "head", head);
    for (size_t i = 0; i < count; i++) {
        const struct ms_judgement judgement =
            ms_judge_against(&options->thresholds, &baseline, top[i]);
        write_thread(out, top[i], y + HEADING_HEIGHT + THREAD_HEIGHT * (double)i,
                     (double)top[0]->heap.peak_bytes, judgement.role);
    }
}

static enum ms_site_figure figure_of(enum ms_weight weight)
{
    switch (weight) {
    case MS_WEIGHT_LIVE:
        return MS_SITE_FIGURE_LIVE;
    case MS_WEIGHT_TOTAL:
        return MS_SITE_FIGURE_ALLOCATED;
    case MS_WEIGHT_COUNT:
        return MS_SITE_FIGURE_COUNT;
    case MS_WEIGHT_CPU:
        return MS_SITE_FIGURE_CPU;
    default:
        return MS_SITE_FIGURE_AT_PEAK;
    }
}

/* The same name has the same colour in every picture. */
static void flame_colour(char out[16], const struct ms_call_row *row)
{
    unsigned hash = 2166136261u;
    for (const char *at = row->name; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    }
    snprintf(out, 16, "#%02x%02x%02x", 236 + hash % 16, 150 + hash / 16 % 70,
             90 + hash / 2048 % 50);
}

struct flames {
    struct ms_call_tree *tree;
    enum ms_site_figure figure;
    double total;
    uint32_t levels;
};

/* Unfolds what is wide enough to be seen. 0 or -ENOMEM. */
static int build_flames(struct flames *flames, const struct ms_model *model, enum ms_weight weight)
{
    *flames = (struct flames){.figure = figure_of(weight), .tree = ms_call_tree_new()};
    const struct ms_call_options options = {.shape = MS_CALL_CALLEES, .sort = flames->figure};
    if (flames->tree == NULL || ms_call_tree_update(flames->tree, model, &options, 0, 0) != 0) {
        return -ENOMEM;
    }
    ms_call_tree_unfold_share(flames->tree, LEAST_SHARE);
    if (ms_call_tree_update(flames->tree, model, &options, 0, 0) != 0) {
        return -ENOMEM;
    }
    flames->total = ms_call_tree_total(flames->tree)->inclusive[flames->figure];
    for (size_t i = 0; i < ms_call_tree_rows(flames->tree); i++) {
        const struct ms_call_row *row = ms_call_tree_row(flames->tree, i);
        if (row->depth < LEVELS_MAX &&
            row->inclusive[flames->figure] >= LEAST_SHARE * flames->total &&
            row->depth >= flames->levels) {
            flames->levels = row->depth + 1;
        }
    }
    return 0;
}

static void write_flame(FILE *out, const struct flames *flames, const struct ms_call_row *row,
                        double x, double y, double width)
{
    char colour[16];
    char figure[MS_FORMAT_MAX];
    const enum ms_unit unit = ms_site_figure_info(flames->figure)->unit;
    const double value = row->inclusive[flames->figure];
    flame_colour(colour, row);
    fputs("<g><title>", out);
    ms_html_escape(out, row->name);
    fprintf(out, ", %s, %.1f %%</title>",
            ms_format_value(figure, sizeof figure, ms_value_of(value), unit),
            100 * value / flames->total);
    ms_svg_box(out, x, y, fmax(width - 0.5, 0.5), LEVEL_HEIGHT - 1, colour);
    if (width > 30) {
        ms_svg_text(out, x + 3, y + 12, width - 6, "frame", row->name);
    }
    fputs("</g>\n", out);
}

/* Rows come depth first, so where the next one of a level begins is known. */
static void write_flames(FILE *out, const struct flames *flames, enum ms_weight weight,
                         bool all_threads, double y)
{
    double next[LEVELS_MAX + 1] = {MS_SVG_MARGIN};
    char text[200];
    snprintf(text, sizeof text, "Call stacks by %s, callers above%s", ms_weight_what(weight),
             all_threads ? "" : "; of all threads, also of those that are left out above");
    ms_svg_text(out, MS_SVG_MARGIN, y + 18, 0, "head", text);
    if (!(flames->total > 0)) {
        ms_svg_text(out, MS_SVG_MARGIN, y + HEADING_HEIGHT + 12, 0, "start",
                    "none: nothing of it was seen, or no call stacks were kept");
        return;
    }
    for (size_t i = 0; i < ms_call_tree_rows(flames->tree); i++) {
        const struct ms_call_row *row = ms_call_tree_row(flames->tree, i);
        const double share = row->inclusive[flames->figure] / flames->total;
        if (row->depth >= LEVELS_MAX || !(share > 0)) {
            continue;
        }
        const double x = next[row->depth];
        const double width = share * INNER_WIDTH;
        next[row->depth] = x + width;
        next[row->depth + 1] = x;
        if (share >= LEAST_SHARE) {
            write_flame(out, flames, row, x, y + HEADING_HEIGHT + LEVEL_HEIGHT * row->depth, width);
        }
    }
}

static void write_picture(FILE *out, const struct ms_model *model,
                          const struct ms_export_options *options, const struct ms_chosen *chosen,
                          const struct flames *flames)
{
    const struct ms_thread *top[THREADS_MAX];
    const size_t count = ms_top_threads(model, chosen, top, THREADS_MAX);
    const double threads_y = HEAD_HEIGHT + CHART_HEIGHT;
    const double flames_y =
        threads_y + HEADING_HEIGHT + THREAD_HEIGHT * (double)count + MS_SVG_MARGIN;
    const double levels = flames->levels > 0 ? flames->levels : 1;
    write_head(out, model, options,
               flames_y + HEADING_HEIGHT + LEVEL_HEIGHT * levels + MS_SVG_MARGIN);
    write_legend(out, HEAD_HEIGHT - 4);
    ms_svg_timeline(
        out, model,
        (struct ms_svg_area){
            .x = MS_SVG_MARGIN, .y = HEAD_HEIGHT, .width = INNER_WIDTH, .height = CHART_HEIGHT});
    write_threads(out, model, options, top, count, threads_y);
    write_flames(out, flames, options->weight, options->thread_rule_count == 0, flames_y);
    fputs("</svg>\n", out);
}

int ms_svg_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options)
{
    struct flames flames = {.tree = NULL};
    struct ms_chosen chosen;
    int error = ms_chosen_init(&chosen, model, options);
    if (error != 0) {
        return error;
    }
    error = build_flames(&flames, model, options->weight);
    if (error == 0) {
        write_picture(out, model, options, &chosen, &flames);
    }
    ms_call_tree_free(flames.tree);
    ms_chosen_fini(&chosen);
    return ms_stream_end(out, error);
}
