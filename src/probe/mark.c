/* See mark.h. */
#include "probe/mark.h"

#include <stdatomic.h>
#include <stddef.h>

#include "probe/intern.h"
#include "probe/map.h"
#include "probe/now.h"

static _Atomic uint64_t missed;

void ms_mark_missed(void)
{
    atomic_fetch_add_explicit(&missed, 1, memory_order_relaxed);
}

/* The next number; those that were missed before it have numbers, too, and no place. */
static uint64_t next_number(struct ms_region_header *region)
{
    uint64_t before = 0;
    if (MS_UNLIKELY(atomic_load_explicit(&missed, memory_order_relaxed) != 0)) {
        before = atomic_exchange_explicit(&missed, 0, memory_order_relaxed);
    }
    return atomic_fetch_add_explicit(&region->marks, before + 1, memory_order_relaxed) + before;
}

/* NULL: not even the first pages of the area could be opened. */
static struct ms_region_mark *place_of(struct ms_region_header *region, uint64_t number)
{
    const struct ms_region_area *area = &region->areas[MS_AREA_MARKS];
    uint32_t place = MS_MARK_PLACE(number, area->capacity);
    if (!ms_area_open(MS_AREA_MARKS, place + 1)) {
        const uint32_t published = atomic_load_explicit(&area->published, memory_order_relaxed);
        if (published < 2) {
            return NULL;
        }
        place = MS_MARK_PLACE(number, published);
    }
    return ms_region_element(region, MS_AREA_MARKS, place);
}

/* Byte by byte: behind the end of the text there may be nothing. */
static void copy_text(char *to, const char *text)
{
    size_t bytes = 0;
    for (; text != NULL && bytes < MS_MARK_TEXT_BYTES - 1 && text[bytes] != '\0'; bytes++) {
        to[bytes] = text[bytes];
    }
    to[bytes] = '\0';
}

void ms_mark_set(const struct ms_thread_state *state, const char *text)
{
    struct ms_region_header *region = __atomic_load_n(&ms_region, __ATOMIC_RELAXED);
    if (region == NULL) {
        return;
    }
    const uint64_t number = next_number(region);
    struct ms_region_mark *mark = place_of(region, number);
    if (mark == NULL) {
        return;
    }
    uint64_t version = atomic_load_explicit(&mark->version, memory_order_relaxed);
    if (version % 2 != 0 || version > MS_MARK_WRITING(number) ||
        !atomic_compare_exchange_strong(&mark->version, &version, MS_MARK_WRITING(number))) {
        return; /* somebody is writing there, perhaps the thread that our signal interrupted */
    }
    atomic_thread_fence(memory_order_release); /* that version is seen before what follows */
    mark->at_ns = ms_now_ns();
    mark->serial = state != NULL ? state->serial : 0;
    copy_text(mark->text, text);
    atomic_store_explicit(&mark->version, MS_MARK_WRITTEN(number), memory_order_release);
}
