/* When a program held the most. See moment.h. */
#include <math.h>

#include "cli/moment_internal.h"

#define READ_AT_ONCE 256u

/* When a series was highest; 0: it has no points. */
static uint64_t highest_ns(const struct ms_model *model, const struct ms_history *history)
{
    const uint64_t interval_ns = ms_model_interval_ns(model);
    const uint64_t step = ms_history_step(interval_ns, MS_RESOLUTION_SECOND);
    const uint64_t count = ms_model_ticks(model) / step + 1;
    double points[READ_AT_ONCE];
    double highest = -INFINITY;
    uint64_t found_ns = 0;
    for (uint64_t first = 0; history != NULL && first < count; first += READ_AT_ONCE) {
        ms_history_read_at(history, MS_RESOLUTION_SECOND, first, READ_AT_ONCE, points);
        for (uint64_t i = 0; i < READ_AT_ONCE; i++) {
            if (points[i] > highest) {
                highest = points[i];
                found_ns = ms_model_start_ns(model) + (first + i + 1) * step * interval_ns;
            }
        }
    }
    const uint64_t now_ns = ms_model_now_ns(model);
    return found_ns < now_ns ? found_ns : now_ns;
}

uint64_t ms_moment_peak_ns(const struct ms_model *model, uint32_t process_id)
{
    const struct ms_process *most = NULL;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process_id != 0
                ? process->id == process_id
                : process->merged == 0 &&
                      (most == NULL || process->totals.peak_bytes > most->totals.peak_bytes)) {
            most = process;
        }
    }
    if (most == NULL) {
        return 0;
    }
    return most->peak.epoch != 0
               ? most->peak.at_ns
               : highest_ns(model, most->history[MS_PROCESS_SERIES_CURRENT_BYTES]);
}

/* Process 0 stands for the largest. */
void ms_moment_remember_peaks(struct ms_moment *moment, const struct ms_model *model)
{
    moment->peaks[moment->peak_count++] =
        (struct ms_moment_peak){.process_id = 0, .at_ns = ms_moment_peak_ns(model, 0)};
    for (size_t i = 0;
         i < ms_model_process_count(model) && moment->peak_count < MS_MOMENT_PEAKS_MAX; i++) {
        const uint32_t id = ms_model_process(model, i)->id;
        moment->peaks[moment->peak_count++] =
            (struct ms_moment_peak){.process_id = id, .at_ns = ms_moment_peak_ns(model, id)};
    }
}

uint64_t ms_moment_peak_known_ns(const struct ms_moment *moment, uint32_t process_id)
{
    if (moment->options.live != NULL) {
        return ms_moment_peak_ns(moment->options.live, process_id);
    }
    for (size_t i = 0; i < moment->peak_count; i++) {
        if (moment->peaks[i].process_id == process_id) {
            return moment->peaks[i].at_ns;
        }
    }
    return 0;
}
