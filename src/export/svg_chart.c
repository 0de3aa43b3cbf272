/* Totals over time of the picture. */
#include <inttypes.h>
#include <math.h>

#include "export/span.h"
#include "export/svg_parts.h"
#include "model/format.h"

#define POINTS_MAX  900u
#define AXIS_WIDTH  64.0
#define CPU_HEIGHT  60.0
#define GAP         34.0
#define TICKS       4
#define ROUND_STEPS 3

struct chart {
    FILE *out;
    struct ms_svg_area area; /* within the axes */
    struct ms_span span;
    uint64_t interval_ns;
    double highest; /* of the axis */
};

static double x_of(const struct chart *chart, size_t index)
{
    const double last = chart->span.count > 1 ? (double)(chart->span.count - 1) : 1;
    return chart->area.x + chart->area.width * (double)index / last;
}

static double y_of(const struct chart *chart, double value)
{
    return chart->area.y + chart->area.height * (1 - value / chart->highest);
}

/* 1, 2 or 5 times a power of ten, and so that TICKS of them hold the value. */
static double round_up(double value)
{
    static const double steps[ROUND_STEPS] = {1, 2, 5};
    const double least = value / TICKS;
    double power = pow(10, floor(log10(least > 0 ? least : 1)));
    for (;; power *= 10) {
        for (size_t i = 0; i < ROUND_STEPS; i++) {
            if (steps[i] * power >= least) {
                return steps[i] * power * TICKS;
            }
        }
    }
}

static double highest_of(const struct chart *chart, const struct ms_history *history, size_t *at)
{
    double highest = NAN;
    for (size_t i = 0; i < chart->span.count; i++) {
        const double value = ms_span_point(history, &chart->span, i);
        if (!isnan(value) && !(value <= highest)) {
            highest = value;
            *at = i;
        }
    }
    return highest;
}

/* A line that is broken where nothing is known; `look` of the path. */
static void write_line(const struct chart *chart, const struct ms_history *history,
                       const char *look)
{
    const char *pen = "M";
    fprintf(chart->out, "<path class=\"%s\" d=\"", look);
    for (size_t i = 0; i < chart->span.count; i++) {
        const double value = ms_span_point(history, &chart->span, i);
        if (isnan(value)) {
            pen = "M";
            continue;
        }
        fprintf(chart->out, "%s%.1f %.1f", pen, x_of(chart, i), y_of(chart, value));
        pen = "L";
    }
    fputs("\"/>\n", chart->out);
}

/* The surface below a line, a piece for each run of known points. */
static void write_surface(const struct chart *chart, const struct ms_history *history)
{
    const double base = y_of(chart, 0);
    size_t begun = SIZE_MAX;
    fputs("<path class=\"surface\" d=\"", chart->out);
    for (size_t i = 0; i <= chart->span.count; i++) {
        const double value =
            i < chart->span.count ? ms_span_point(history, &chart->span, i) : (double)NAN;
        if (!isnan(value)) {
            if (begun == SIZE_MAX) {
                begun = i;
                fprintf(chart->out, "M%.1f %.1f", x_of(chart, i), base);
            }
            fprintf(chart->out, "L%.1f %.1f", x_of(chart, i), y_of(chart, value));
        } else if (begun != SIZE_MAX) {
            fprintf(chart->out, "L%.1f %.1fZ", x_of(chart, i - 1), base);
            begun = SIZE_MAX;
        }
    }
    fputs("\"/>\n", chart->out);
}

static void write_axis(const struct chart *chart, int ticks, bool bytes)
{
    for (int tick = 0; tick <= ticks; tick++) {
        char text[MS_FORMAT_MAX];
        const double value = chart->highest * tick / ticks;
        const double y = y_of(chart, value);
        fprintf(chart->out, "<path class=\"rule\" d=\"M%.1f %.1fH%.1f\"/>\n", chart->area.x, y,
                chart->area.x + chart->area.width);
        if (bytes) {
            ms_format_bytes(text, sizeof text, value);
        } else {
            snprintf(text, sizeof text, "%.0f %%", value);
        }
        ms_svg_text(chart->out, chart->area.x - 6, y + 4, 0, "end", text);
    }
}

static void write_times(const struct chart *chart)
{
    for (int tick = 0; tick <= TICKS; tick++) {
        char text[MS_FORMAT_MAX];
        const size_t index = (chart->span.count - 1) * (size_t)tick / TICKS;
        const uint64_t ns = ms_span_point_ns(&chart->span, index, chart->interval_ns);
        if (ns < 10 * MS_SECOND_NS) {
            snprintf(text, sizeof text, "%.1f s", (double)ns / 1e9);
        } else {
            ms_format_elapsed(text, sizeof text, ns);
        }
        ms_svg_text(chart->out, x_of(chart, index), chart->area.y + chart->area.height + 16, 0,
                    tick == 0      ? "start"
                    : tick < TICKS ? "middle"
                                   : "end",
                    text);
    }
}

static void write_peak(const struct chart *chart, double value, size_t at)
{
    char bytes[MS_FORMAT_MAX];
    char elapsed[MS_FORMAT_MAX];
    char text[2 * MS_FORMAT_MAX + 16];
    const double x = x_of(chart, at);
    const double y = y_of(chart, value);
    ms_format_elapsed(elapsed, sizeof elapsed,
                      ms_span_point_ns(&chart->span, at, chart->interval_ns));
    snprintf(text, sizeof text, "peak %s at %s", ms_format_bytes(bytes, sizeof bytes, value),
             elapsed);
    fprintf(chart->out, "<circle class=\"peak\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x, y);
    ms_svg_text(chart->out, x, y - 8, 0,
                x > chart->area.x + chart->area.width - 100 ? "end strong"
                : x < chart->area.x + 100                   ? "start strong"
                                                            : "middle strong",
                text);
}

static void write_bytes(struct chart *chart, const struct ms_history *live,
                        const struct ms_history *rss)
{
    size_t at = 0;
    size_t unused = 0;
    const double peak = highest_of(chart, live, &at);
    const double resident = highest_of(chart, rss, &unused);
    const double most = fmax(isnan(peak) ? 0 : peak, isnan(resident) ? 0 : resident);
    chart->highest = round_up(most);
    write_axis(chart, TICKS, true);
    write_surface(chart, live);
    write_line(chart, live, "live");
    write_line(chart, rss, "rss");
    if (!isnan(peak)) {
        write_peak(chart, peak, at);
    }
    if (isnan(most) || most == 0) {
        ms_svg_text(chart->out, chart->area.x + 12, chart->area.y + 20, 0, "start",
                    "nothing is known of live bytes over time");
    }
}

static void write_cpu(struct chart *chart, const struct ms_history *cpu)
{
    size_t unused = 0;
    const double most = highest_of(chart, cpu, &unused);
    chart->highest = isnan(most) || most < 100 ? 100 : ceil(most / 100) * 100;
    write_axis(chart, 1, false);
    write_line(chart, cpu, "cpu");
}

void ms_svg_timeline(FILE *out, const struct ms_model *model, struct ms_svg_area area)
{
    const struct ms_history *const *sums = ms_model_sum_history(model);
    struct chart chart = {.out = out,
                          .area = {.x = area.x + AXIS_WIDTH,
                                   .y = area.y + 14,
                                   .width = area.width - AXIS_WIDTH,
                                   .height = area.height - CPU_HEIGHT - 2 * GAP},
                          .span = ms_span_of(model, POINTS_MAX),
                          .interval_ns = ms_model_interval_ns(model)};
    if (chart.span.count == 0) {
        ms_svg_text(out, area.x, area.y + 20, 0, "start", "it ended before the first tick");
        return;
    }
    write_bytes(&chart, sums[MS_PROCESS_SERIES_CURRENT_BYTES], sums[MS_PROCESS_SERIES_RSS_BYTES]);
    chart.area.y += chart.area.height + GAP - 10;
    chart.area.height = CPU_HEIGHT;
    write_cpu(&chart, sums[MS_PROCESS_SERIES_CPU_PCT]);
    write_times(&chart);
}
