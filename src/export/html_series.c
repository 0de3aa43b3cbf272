/*
 * Series over time: for each its layers (resolutions of the history), each as the points from the
 * first that is known to the last. Runs of one value are one point.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "export/html_parts.h"
#include "export/json_parts.h"

#define CORE_SERIES   100 /* in the column of the series: what is of no table of series.h */
#define GPU_SERIES    101
#define GPU_MEMORY    102
#define READ_AT_ONCE  4096u
#define LONGEST_LAYER (24u * 3600u) /* points of a history, at most: see history.h */
/* Tenths of a second of threads are written while less than so many points are. */
#define FINE_POINTS_MAX (MS_HTML_POINTS_MAX / 2)

struct layers {
    struct ms_html *html;
    struct ms_html_block *points; /* Float32 */
    struct ms_html_block *index;  /* Uint32: of, series, owner, layer, first, count, constant */
    double *read;
    uint64_t first_tick, end_tick, interval_ns;
};

static void write_layer(struct layers *layers, const uint32_t key[3], enum ms_resolution layer,
                        uint64_t first, size_t count)
{
    bool constant = true;
    for (size_t i = 1; i < count && constant; i++) {
        constant = layers->read[i] == layers->read[0] ||
                   (isnan(layers->read[i]) && isnan(layers->read[0]));
    }
    for (int i = 0; i < 3; i++) {
        ms_html_block_u32(layers->index, key[i]);
    }
    ms_html_block_u32(layers->index, (uint32_t)layer);
    ms_html_block_u32(layers->index, (uint32_t)first);
    ms_html_block_u32(layers->index, (uint32_t)count);
    ms_html_block_u32(layers->index, constant);
    for (size_t i = 0; i < (constant ? 1 : count); i++) {
        ms_html_block_f32(layers->points, (float)layers->read[i]);
    }
    layers->html->points += constant ? 1 : count;
}

/* Points of a layer, without the unknown ones at both ends. */
static void write_known(struct layers *layers, const uint32_t key[3],
                        const struct ms_history *history, enum ms_resolution layer, uint64_t oldest)
{
    const uint64_t step = ms_history_step(layers->interval_ns, layer);
    uint64_t first = layers->first_tick / step;
    const uint64_t end = (layers->end_tick + step - 1) / step;
    first = first > oldest ? first : oldest;
    if (end <= first) {
        return;
    }
    if (end - first > LONGEST_LAYER) {
        first = end - LONGEST_LAYER;
    }
    size_t count = (size_t)(end - first);
    if (ms_history_read_at(history, layer, first, count, layers->read) == 0) {
        return;
    }
    size_t skip = 0;
    while (isnan(layers->read[skip])) {
        skip++;
    }
    while (isnan(layers->read[count - 1])) {
        count--;
    }
    for (size_t i = skip; i < count; i++) {
        layers->read[i - skip] = layers->read[i];
    }
    write_layer(layers, key, layer, first + skip, count - skip);
}

/* A series over the bound is left out whole. */
static void write_series(struct layers *layers, enum ms_series_of of, uint32_t series,
                         uint32_t owner, const struct ms_history *history)
{
    const uint32_t key[3] = {(uint32_t)of, series, owner};
    if (history == NULL) {
        return;
    }
    layers->html->series++;
    if (layers->html->points >= MS_HTML_POINTS_MAX) {
        return;
    }
    layers->html->series_kept++;
    const uint64_t seconds =
        (layers->end_tick - layers->first_tick) * layers->interval_ns / MS_SECOND_NS;
    uint64_t first, end;
    ms_history_range(history, &first, &end);
    if (of != MS_SERIES_OF_THREAD || layers->html->points < FINE_POINTS_MAX) {
        write_known(layers, key, history, MS_RESOLUTION_FINE, first);
    }
    write_known(layers, key, history, MS_RESOLUTION_SECOND, 0);
    if (seconds > 3600) {
        write_known(layers, key, history, MS_RESOLUTION_TEN_SECONDS, 0);
    }
}

static void write_machine(struct layers *layers)
{
    const struct ms_system *system = ms_model_system(layers->html->model);
    for (int s = 0; s < MS_SYSTEM_SERIES_COUNT; s++) {
        write_series(layers, MS_SERIES_OF_SYSTEM, (uint32_t)s, 0, system->history[s]);
    }
    for (uint32_t i = 0; i < system->cores && i < MS_CORES_MAX; i++) {
        write_series(layers, MS_SERIES_OF_SYSTEM, CORE_SERIES, i, system->core_history[i]);
    }
    for (uint32_t i = 0; i < system->gpu_count && system->gpus != NULL; i++) {
        write_series(layers, MS_SERIES_OF_SYSTEM, GPU_SERIES, i, system->gpus[i].history);
        write_series(layers, MS_SERIES_OF_SYSTEM, GPU_MEMORY, i, system->gpus[i].memory_history);
    }
}

static void write_processes(struct layers *layers)
{
    const struct ms_model *model = layers->html->model;
    const struct ms_history *const *sums = ms_model_sum_history(model);
    for (int s = 0; s < MS_PROCESS_SERIES_COUNT && ms_model_process_count(model) > 1; s++) {
        write_series(layers, MS_SERIES_OF_PROCESS, (uint32_t)s, 0, sums[s]);
    }
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        for (int s = 0; s < MS_PROCESS_SERIES_COUNT; s++) {
            if (i >= MS_HTML_PROCESSES_MAX) {
                layers->html->series += process->history[s] != NULL;
                continue;
            }
            write_series(layers, MS_SERIES_OF_PROCESS, (uint32_t)s, process->id,
                         process->history[s]);
        }
    }
}

static int by_peak(const void *left, const void *right)
{
    const struct ms_thread *a = *(const struct ms_thread *const *)left;
    const struct ms_thread *b = *(const struct ms_thread *const *)right;
    if (a->heap.peak_bytes != b->heap.peak_bytes) {
        return a->heap.peak_bytes > b->heap.peak_bytes ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Those with the highest peak first, so that the bound leaves out the small ones. */
static int write_threads(struct layers *layers)
{
    const struct ms_model *model = layers->html->model;
    const size_t count = ms_model_thread_count(model);
    const struct ms_thread **threads = malloc((count + 1) * sizeof(const struct ms_thread *));
    size_t kept = 0;
    int error = 0;
    if (threads == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (ms_chosen_has_thread(&layers->html->chosen, thread->id)) {
            threads[kept++] = thread;
        }
    }
    qsort(threads, kept, sizeof(const struct ms_thread *), by_peak);
    for (size_t i = 0; i < kept && error == 0; i++) {
        for (int s = 0; s < MS_SERIES_COUNT; s++) {
            write_series(layers, MS_SERIES_OF_THREAD, (uint32_t)s, threads[i]->id,
                         threads[i]->history[s]);
        }
        error = ms_html_progress(layers->html, 1);
    }
    free(threads);
    return error;
}

/* The index is kept aside until the points are written: blocks follow each other. */
int ms_html_series(struct ms_html *html)
{
    const struct ms_model *model = html->model;
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *aside = open_memstream(&text, &text_bytes);
    struct layers layers = {
        .html = html,
        .points = ms_html_block_open(html->out, "points"),
        .index = aside != NULL ? ms_html_block_open(aside, "series") : NULL,
        .read = malloc(LONGEST_LAYER * sizeof(double)),
        .first_tick = ms_model_first_tick(model),
        .end_tick = ms_model_ticks(model),
        .interval_ns = ms_model_interval_ns(model),
    };
    int error = -ENOMEM;
    if (layers.points != NULL && layers.index != NULL && layers.read != NULL) {
        write_machine(&layers);
        write_processes(&layers);
        error = write_threads(&layers);
    }
    const int points = ms_html_block_close(layers.points);
    const int index = ms_html_block_close(layers.index);
    if (aside != NULL && fclose(aside) == 0 && error == 0 &&
        fwrite(text, 1, text_bytes, html->out) != text_bytes) {
        error = -EIO;
    }
    free(text);
    free(layers.read);
    return error != 0 ? error : points != 0 ? points : index;
}
