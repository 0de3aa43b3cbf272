#include "export/top.h"

#include <string.h>

/* Where something of this peak belongs among those held; `capacity`: nowhere. */
static size_t place(const uint64_t *peaks, size_t held, uint64_t peak)
{
    size_t at = held;
    while (at > 0 && peaks[at - 1] < peak) {
        at--;
    }
    return at;
}

#define PEAKS_MAX 64u

/* Makes room at `at` in both lists. */
static void shift(const void **out, uint64_t *peaks, size_t at, size_t held)
{
    memmove(out + at + 1, out + at, (held - at) * sizeof *out);
    memmove(peaks + at + 1, peaks + at, (held - at) * sizeof *peaks);
}

static size_t insert(const void **out, uint64_t *peaks, size_t held, size_t capacity,
                     const void *thing, uint64_t peak)
{
    const size_t at = place(peaks, held, peak);
    if (at == capacity) {
        return held;
    }
    shift(out, peaks, at, held < capacity ? held : capacity - 1);
    out[at] = thing;
    peaks[at] = peak;
    return held < capacity ? held + 1 : capacity;
}

size_t ms_top_threads(const struct ms_model *model, const struct ms_chosen *chosen,
                      const struct ms_thread **out, size_t capacity)
{
    uint64_t peaks[PEAKS_MAX];
    size_t held = 0;
    capacity = capacity < PEAKS_MAX ? capacity : PEAKS_MAX;
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (chosen == NULL || ms_chosen_has_thread(chosen, thread->id)) {
            held =
                insert((const void **)out, peaks, held, capacity, thread, thread->heap.peak_bytes);
        }
    }
    return held;
}

static uint64_t peak_of(const struct ms_model *model, const struct ms_chosen *chosen,
                        const struct ms_site *site)
{
    if (chosen == NULL || chosen->left_out_count == 0) {
        return site->heap.peak_bytes;
    }
    uint64_t peak_bytes = 0;
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
        peak_bytes += ms_chosen_has_thread(chosen, usage->thread_id) ? usage->peak_bytes : 0;
    }
    return peak_bytes;
}

size_t ms_top_sites(const struct ms_model *model, const struct ms_chosen *chosen,
                    const struct ms_site **out, size_t capacity)
{
    uint64_t peaks[PEAKS_MAX];
    size_t held = 0;
    capacity = capacity < PEAKS_MAX ? capacity : PEAKS_MAX;
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        const uint64_t peak_bytes = peak_of(model, chosen, site);
        if (peak_bytes > 0 && (site->flags & MS_SITE_NOT_SAMPLED) == 0) {
            held = insert((const void **)out, peaks, held, capacity, site, peak_bytes);
        }
    }
    return held;
}
