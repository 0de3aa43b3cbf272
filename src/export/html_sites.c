/*
 * Call sites with the most weight, in the order of their stacks from the outermost frame in: each
 * says how many frames it shares with the one before and then names its own, so that the page gets
 * the tree of stacks without anybody having built it here. What threads did at them follows.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/types.h"
#include "export/html_parts.h"
#include "export/json_parts.h"
#include "model/figures.h"
#include "model/format.h"

/* Columns of sites and of usages, Float64 each. The page reads their names from the report. */
enum figure {
    LIVE,
    AT_PEAK,
    TOTAL,
    COUNT,
    TEMPORARY,
    WASTE,
    CPU_MS,
    IO_CALLS,
    IO_BYTES,
    IO_WAIT_MS,
    SHOWN,
    /* Of what is estimated from a sample, in squared bytes; 0: it is exact. */
    LIVE_VARIANCE = SHOWN,
    AT_PEAK_VARIANCE,
    TOTAL_VARIANCE,
    FIGURES
};

/* Classes of weight by which the lightest that is kept is found: 64 for each power of 2. */
#define CLASSES_OF_POWER 64u
#define POWERS           64u
#define CLASSES          (CLASSES_OF_POWER * POWERS)

struct site_order {
    const struct ms_site *site;
    uint32_t class;
};

struct kept {
    struct ms_html *html;
    struct ms_types *types;
    struct ms_html_texts *frames; /* by their addresses */
    struct site_order *sites;
    size_t count;
    double totals[FIGURES], left_out[FIGURES];
    const struct ms_frame **path, **before; /* from the outermost in; room for `capacity` each */
    size_t path_count, before_count, capacity;
};

static const struct ms_peak *peak_of(const struct ms_model *model, uint32_t process_id)
{
    static const struct ms_peak none;
    const struct ms_process *process = ms_model_process_by_id(model, process_id);
    return process != NULL ? &process->peak : &none;
}

static void work_figures(const struct ms_work *work, double out[FIGURES])
{
    out[CPU_MS] = (double)work->cpu_ns / 1e6;
    out[IO_CALLS] = (double)work->io_calls;
    out[IO_BYTES] = (double)work->io_bytes;
    out[IO_WAIT_MS] = (double)work->io_wait_ns / 1e6;
}

static void usage_figures(const struct ms_model *model, const struct ms_usage *usage,
                          const struct ms_peak *peak, double out[FIGURES])
{
    memset(out, 0, FIGURES * sizeof(*out));
    if (usage->rate != 0) {
        struct ms_figures figures;
        ms_figures_of_usage(model, usage, &figures);
        out[LIVE_VARIANCE] = figures.live_variance;
        out[AT_PEAK_VARIANCE] = figures.at_peak_variance;
        out[TOTAL_VARIANCE] = figures.variance;
    }
    out[LIVE] = (double)ms_usage_current_bytes(usage);
    out[AT_PEAK] = (double)ms_usage_at_peak_bytes(usage, peak);
    out[TOTAL] = (double)usage->bytes_allocated;
    out[COUNT] = (double)usage->allocations;
    out[TEMPORARY] = (double)usage->temporary;
    out[WASTE] = (double)usage->waste_bytes;
}

static void add_figures(double sums[FIGURES], const double figures[FIGURES])
{
    for (int f = 0; f < FIGURES; f++) {
        sums[f] += figures[f];
    }
}

/* What the threads that were chosen did there; what no thread is known for counts, too. */
static void chosen_figures(const struct ms_html *html, const struct ms_site *site,
                           double out[FIGURES])
{
    const struct ms_peak *peak = peak_of(html->model, site->process_id);
    double figures[FIGURES];
    memset(out, 0, FIGURES * sizeof(*out));
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(html->model, site->id, usage)) != NULL) {
        if (ms_chosen_has_thread(&html->chosen, usage->thread_id)) {
            usage_figures(html->model, usage, peak, figures);
            add_figures(out, figures);
        }
    }
    const struct ms_activity *activity = NULL;
    while ((activity = ms_model_site_activity(html->model, site->id, activity)) != NULL) {
        if (ms_chosen_has_thread(&html->chosen, activity->thread_id)) {
            memset(figures, 0, sizeof(figures));
            work_figures(&activity->work, figures);
            add_figures(out, figures);
        }
    }
}

static void site_figures(const struct ms_html *html, const struct ms_site *site,
                         double out[FIGURES])
{
    if (html->chosen.left_out_count > 0) {
        chosen_figures(html, site, out);
        return;
    }
    const struct ms_peak *peak = peak_of(html->model, site->process_id);
    double figures[FIGURES];
    memset(out, 0, FIGURES * sizeof(*out));
    out[LIVE] = (double)ms_heap_current_bytes(&site->heap);
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(html->model, site->id, usage)) != NULL) {
        usage_figures(html->model, usage, peak, figures);
        out[AT_PEAK] += figures[AT_PEAK];
        for (int f = SHOWN; f < FIGURES; f++) {
            out[f] += figures[f];
        }
    }
    out[TOTAL] = (double)site->heap.bytes_allocated;
    out[COUNT] = (double)site->heap.allocations;
    out[TEMPORARY] = (double)site->heap.temporary;
    out[WASTE] = (double)site->heap.waste_bytes;
    if (site->work != NULL) {
        work_figures(site->work, out);
    }
}

/* The largest share of all in any figure, as a class from 0: nothing. */
static uint32_t class_of(const double figures[FIGURES], const double totals[FIGURES])
{
    double share = 0;
    for (int i = 0; i < SHOWN; i++) {
        share = totals[i] > 0 ? fmax(share, figures[i] / totals[i]) : share;
    }
    if (share <= 0) {
        return 0;
    }
    int power;
    const double mantissa = frexp(fmin(share, 1), &power); /* 0.5..1 and at most 1 */
    const int above = power + (int)POWERS - 2;
    if (above < 0) {
        return 1;
    }
    const uint32_t part = (uint32_t)((mantissa - 0.5) * 2 * CLASSES_OF_POWER);
    const uint32_t class = (uint32_t)above * CLASSES_OF_POWER + part + 1;
    return class < CLASSES ? class : CLASSES - 1;
}

/* The lowest class of which, with all above it, at most `most` are. */
static uint32_t least_class(const uint32_t counts[CLASSES], uint64_t most)
{
    uint64_t sum = 0;
    uint32_t class = CLASSES;
    while (class > 0 && sum + counts[class - 1] <= most) {
        sum += counts[--class];
    }
    return class;
}

static bool is_zero(const double figures[FIGURES])
{
    for (int f = 0; f < FIGURES; f++) {
        if (figures[f] != 0) {
            return false;
        }
    }
    return true;
}

static int compare_stacks(const void *left, const void *right)
{
    const struct ms_site *a = ((const struct site_order *)left)->site;
    const struct ms_site *b = ((const struct site_order *)right)->site;
    if (a->process_id != b->process_id) {
        return a->process_id < b->process_id ? -1 : 1;
    }
    for (uint32_t i = 1; i <= a->depth && i <= b->depth; i++) {
        const uint32_t x = a->frame_numbers[a->depth - i];
        const uint32_t y = b->frame_numbers[b->depth - i];
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return a->depth != b->depth ? (a->depth < b->depth ? -1 : 1)
                                : (a->id > b->id) - (a->id < b->id);
}

/* What somebody points at by its id is kept whatever its weight. */
static bool is_named(const struct ms_html *html, const struct ms_site *site)
{
    if ((site->flags & MS_SITE_RELEASE) != 0) {
        return true;
    }
    return html->options->findings != NULL &&
           ms_leaks_of_site(ms_findings_leaks(html->options->findings), site->id) != NULL;
}

/* Figures of a site that is to be in the page; false: it was left out of a sample, or none of the
 * chosen threads was there and nobody points at it. */
static bool wanted(const struct ms_html *html, const struct ms_site *site, double figures[FIGURES])
{
    if ((site->flags & MS_SITE_NOT_SAMPLED) != 0) {
        return false;
    }
    site_figures(html, site, figures);
    return html->chosen.left_out_count == 0 || !is_zero(figures) || is_named(html, site);
}

/* All wanted sites with their classes of weight, counted by them. Returns how many. */
static size_t weigh(struct kept *kept, uint32_t counts[CLASSES])
{
    const struct ms_html *html = kept->html;
    const size_t all = ms_model_site_count(html->model);
    double figures[FIGURES];
    for (size_t i = 0; i < all; i++) {
        if (wanted(html, ms_model_site(html->model, i), figures)) {
            add_figures(kept->totals, figures);
        }
    }
    size_t count = 0;
    for (size_t i = 0; i < all; i++) {
        const struct ms_site *site = ms_model_site(html->model, i);
        if (wanted(html, site, figures)) {
            const uint32_t class =
                is_named(html, site) ? CLASSES - 1 : class_of(figures, kept->totals);
            counts[class]++;
            kept->sites[count++] = (struct site_order){site, class};
        }
    }
    return count;
}

static int choose(struct kept *kept)
{
    double figures[FIGURES];
    uint32_t *counts = calloc(CLASSES, sizeof(*counts));
    kept->sites = malloc((ms_model_site_count(kept->html->model) + 1) * sizeof(*kept->sites));
    if (counts == NULL || kept->sites == NULL) {
        free(counts);
        return -ENOMEM;
    }
    const size_t written = weigh(kept, counts);
    const uint32_t least = least_class(counts, MS_HTML_SITES_MAX);
    free(counts);
    for (size_t i = 0; i < written; i++) {
        if (kept->sites[i].class >= least) {
            kept->sites[kept->count++] = kept->sites[i];
            continue;
        }
        site_figures(kept->html, kept->sites[i].site, figures);
        add_figures(kept->left_out, figures);
    }
    kept->html->sites = written;
    kept->html->sites_kept = kept->count;
    qsort(kept->sites, kept->count, sizeof(*kept->sites), compare_stacks);
    return 0;
}

static int add_to_path(struct kept *kept, const struct ms_frame *frame)
{
    if (kept->path_count == kept->capacity) {
        const size_t capacity = kept->capacity > 0 ? 2 * kept->capacity : 256;
        const struct ms_frame **path = reallocarray(kept->path, capacity, sizeof(*path));
        kept->path = path != NULL ? path : kept->path;
        const struct ms_frame **before = reallocarray(kept->before, capacity, sizeof(*before));
        kept->before = before != NULL ? before : kept->before;
        if (path == NULL || before == NULL) {
            return -ENOMEM;
        }
        kept->capacity = capacity;
    }
    kept->path[kept->path_count++] = frame;
    return 0;
}

/* Frames of a site from the outermost in, inlined ones as levels of their own. */
static int path_of(struct kept *kept, const struct ms_site *site)
{
    const struct ms_frame **swap = kept->before;
    kept->before = kept->path;
    kept->before_count = kept->path_count;
    kept->path = swap;
    kept->path_count = 0;
    int error = 0;
    for (uint32_t i = site->depth; i > 0 && error == 0; i--) {
        const size_t from = kept->path_count;
        for (const struct ms_frame *frame = ms_site_frame(site, i - 1); frame != NULL && error == 0;
             frame = frame->inlined_by) {
            error = add_to_path(kept, frame);
        }
        for (size_t a = from, b = kept->path_count; error == 0 && a + 1 < b; a++, b--) {
            const struct ms_frame *one = kept->path[a];
            kept->path[a] = kept->path[b - 1];
            kept->path[b - 1] = one;
        }
    }
    return error;
}

static int write_stacks(struct kept *kept)
{
    struct ms_html_block *block = ms_html_block_open(kept->html->out, "stacks");
    int error = block != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; i < kept->count && error == 0; i++) {
        error = path_of(kept, kept->sites[i].site);
        const bool other =
            i == 0 || kept->sites[i].site->process_id != kept->sites[i - 1].site->process_id;
        size_t shared = 0;
        while (!other && shared < kept->path_count && shared < kept->before_count &&
               kept->path[shared] == kept->before[shared]) {
            shared++;
        }
        ms_html_block_u32(block, (uint32_t)shared);
        ms_html_block_u32(block, (uint32_t)(kept->path_count - shared));
        for (size_t k = shared; k < kept->path_count; k++) {
            ms_html_block_u32(block, ms_html_thing(kept->frames, kept->path[k]));
        }
        error = error != 0 ? error : ms_html_progress(kept->html, 1);
    }
    const int closed = ms_html_block_close(block);
    return error != 0 ? error : closed;
}

static const char *type_of(const struct kept *kept, const struct ms_site *site)
{
    struct ms_block_type type;
    return kept->types != NULL && ms_types_of_site(kept->types, site, &type) == 0 ? type.name : "";
}

/* Uint32: id, process, flags, frame to blame, type. */
static int write_words(struct kept *kept)
{
    struct ms_html_block *block = ms_html_block_open(kept->html->out, "sites");
    for (size_t i = 0; i < kept->count && block != NULL; i++) {
        const struct ms_site *site = kept->sites[i].site;
        const struct ms_frame *culprit = ms_site_culprit_frame(site);
        ms_html_block_u32(block, site->id);
        ms_html_block_u32(block, site->process_id);
        ms_html_block_u32(block, site->flags);
        ms_html_block_u32(block, culprit != NULL ? ms_html_thing(kept->frames, culprit) : 0);
        ms_html_block_u32(block, ms_html_text(kept->html->texts, type_of(kept, site)));
    }
    return ms_html_block_close(block);
}

static int write_figures(struct kept *kept)
{
    struct ms_html_block *block = ms_html_block_open(kept->html->out, "site-figures");
    double figures[FIGURES];
    for (size_t i = 0; i < kept->count && block != NULL; i++) {
        site_figures(kept->html, kept->sites[i].site, figures);
        for (int f = 0; f < FIGURES; f++) {
            ms_html_block_f64(block, figures[f]);
        }
    }
    return ms_html_block_close(block);
}

/* Uint32: function, file, line, module, crate, inlined; then the offset as two halves. */
static int write_frames(struct kept *kept)
{
    struct ms_html_block *block = ms_html_block_open(kept->html->out, "frames");
    struct ms_html_texts *texts = kept->html->texts;
    for (uint32_t i = 1; i <= ms_html_things(kept->frames) && block != NULL; i++) {
        const struct ms_frame *frame = ms_html_thing_at(kept->frames, i);
        const uint64_t offset = frame->module[0] != '\0' ? frame->file_offset : frame->address;
        ms_html_block_u32(block, ms_html_text(texts, frame->function));
        ms_html_block_u32(block, ms_html_text(texts, frame->file));
        ms_html_block_u32(block, frame->line);
        ms_html_block_u32(block, ms_html_text(texts, frame->module));
        ms_html_block_u32(block, ms_html_text(texts, frame->crate));
        ms_html_block_u32(block, frame->inlined_by != NULL);
        ms_html_block_u32(block, (uint32_t)offset);
        ms_html_block_u32(block, (uint32_t)(offset >> 32));
    }
    return ms_html_block_close(block);
}

/* What each usage or activity at a kept site comes to; `visit` gets those that are kept. */
typedef void visitor(struct kept *kept, void *context, uint32_t site, uint32_t thread,
                     const double figures[FIGURES]);

static void each_usage(struct kept *kept, visitor *visit, void *context)
{
    const struct ms_model *model = kept->html->model;
    double figures[FIGURES];
    for (size_t i = 0; i < kept->count; i++) {
        const struct ms_site *site = kept->sites[i].site;
        const struct ms_peak *peak = peak_of(model, site->process_id);
        const struct ms_usage *usage = NULL;
        while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
            if (!ms_chosen_has_thread(&kept->html->chosen, usage->thread_id)) {
                continue;
            }
            usage_figures(model, usage, peak, figures);
            visit(kept, context, (uint32_t)i, usage->thread_id, figures);
        }
        const struct ms_activity *activity = NULL;
        while ((activity = ms_model_site_activity(model, site->id, activity)) != NULL) {
            if (!ms_chosen_has_thread(&kept->html->chosen, activity->thread_id)) {
                continue;
            }
            memset(figures, 0, sizeof(figures));
            work_figures(&activity->work, figures);
            visit(kept, context, (uint32_t)i, activity->thread_id, figures);
        }
    }
}

static void count_usage(struct kept *kept, void *context, uint32_t site, uint32_t thread,
                        const double figures[FIGURES])
{
    (void)site;
    (void)thread;
    uint32_t *counts = context;
    counts[class_of(figures, kept->totals)]++;
    kept->html->usages++;
}

struct usage_writer {
    struct ms_html_block *block;
    uint32_t least;
};

/* Float64: site (by its place), thread, figures. */
static void write_usage(struct kept *kept, void *context, uint32_t site, uint32_t thread,
                        const double figures[FIGURES])
{
    const struct usage_writer *writer = context;
    if (class_of(figures, kept->totals) < writer->least) {
        return;
    }
    ms_html_block_f64(writer->block, site);
    ms_html_block_f64(writer->block, thread);
    for (int f = 0; f < FIGURES; f++) {
        ms_html_block_f64(writer->block, figures[f]);
    }
    kept->html->usages_kept++;
}

static int write_usages(struct kept *kept)
{
    uint32_t *counts = calloc(CLASSES, sizeof(*counts));
    if (counts == NULL) {
        return -ENOMEM;
    }
    each_usage(kept, count_usage, counts);
    struct usage_writer writer = {.block = ms_html_block_open(kept->html->out, "usages"),
                                  .least = least_class(counts, MS_HTML_USAGES_MAX)};
    free(counts);
    if (writer.block != NULL) {
        each_usage(kept, write_usage, &writer);
    }
    return ms_html_block_close(writer.block);
}

static int write_left_out(struct kept *kept)
{
    struct ms_html_block *block = ms_html_block_open(kept->html->out, "sites-left-out");
    for (int f = 0; f < FIGURES && block != NULL; f++) {
        ms_html_block_f64(block, kept->left_out[f]);
    }
    return ms_html_block_close(block);
}

int ms_html_sites(struct ms_html *html)
{
    struct kept kept = {
        .html = html, .types = ms_json_types_of(html->model), .frames = ms_html_texts_new()};
    static int (*const parts[])(struct kept *) = {choose,        write_stacks, write_words,
                                                  write_figures, write_frames, write_usages,
                                                  write_left_out};
    int error = kept.frames != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && error == 0; i++) {
        error = parts[i](&kept);
        error = error != 0 ? error : ms_html_progress(html, 0);
    }
    if (error == 0 && kept.frames != NULL) {
        error = ms_html_texts_error(kept.frames);
    }
    if (error == 0) { /* names of types are theirs, so they are written before they go */
        FILE *out = ms_html_block_stream(html->out, "texts");
        error = out == NULL ? -ENOMEM : ms_html_texts_write(html->texts, out);
        if (out != NULL && fclose(out) != 0 && error == 0) {
            error = -errno;
        }
    }
    ms_html_texts_free(kept.frames);
    ms_types_free(kept.types);
    free(kept.sites);
    free(kept.path);
    free(kept.before);
    return error;
}
