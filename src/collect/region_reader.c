/* Where the areas of a region are, the figures that threads and contexts share, misuses and marks.
 */
#include <errno.h>

#include "collect/region_words.h"
#include "wire/layout.h"

int ms_region_view_init(struct ms_region_view *view, const struct ms_region_mapping *mapping,
                        uint32_t slot)
{
    if (slot > MS_REGION_SLOTS || mapping->bytes < ms_region_bytes(slot)) {
        return -EINVAL;
    }
    struct ms_region_header header;
    copy_words(&header, mapping->base, sizeof header);
    int result = ms_region_check(&header, ms_region_file_bytes());
    if (result != 0) {
        return result;
    }
    if (header.slot != slot) {
        return -EPROTO;
    }
    view->base = mapping->base;
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        view->area_offset[area] = header.areas[area].offset_bytes;
        view->area_capacity[area] = header.areas[area].capacity;
    }
    return 0;
}

uint32_t ms_region_view_state(const struct ms_region_view *view)
{
    return acquired_u32(LOAD(&header_of(view)->state));
}

uint32_t ms_region_view_published(const struct ms_region_view *view, enum ms_area_id area)
{
    return published_of(view, area);
}

uint32_t ms_region_view_capacity(const struct ms_region_view *view, enum ms_area_id area)
{
    return view->area_capacity[area];
}

void ms_region_read_own(const struct ms_thread_own *own, struct ms_heap *heap)
{
    heap->deallocations = LOAD(&own->deallocations);
    heap->bytes_freed = LOAD(&own->bytes_freed);
    heap->frees_for_others = LOAD(&own->frees_for_others);
    heap->bytes_freed_for_others = LOAD(&own->bytes_freed_for_others);
    heap->foreign_frees = LOAD(&own->foreign_frees);
    heap->munmap_bytes = LOAD(&own->munmap_bytes);
    uint64_t waste_freed = LOAD(&own->waste_freed_bytes);
    atomic_thread_fence(memory_order_acquire);
    heap->allocations = LOAD(&own->allocations);
    heap->bytes_allocated = LOAD(&own->bytes_allocated);
    heap->peak_bytes = LOAD(&own->peak_bytes);
    heap->reallocations = LOAD(&own->reallocations);
    heap->failed_calls = LOAD(&own->failed_calls);
    heap->temporary = LOAD(&own->temporary);
    heap->mmap_bytes = LOAD(&own->mmap_bytes);
    heap->waste_bytes = subtract_floor(LOAD(&own->waste_allocated_bytes), waste_freed);
}

struct ms_region_remote_copy ms_region_read_remote(const struct ms_remote *remote)
{
    struct ms_region_remote_copy copy;
    copy.deallocations = acquired_u64(
        add_saturating(LOAD(&remote->deallocations), LOAD(&remote->sole_deallocations)));
    copy.bytes_freed = add_saturating(LOAD(&remote->bytes_freed), LOAD(&remote->sole_bytes_freed));
    copy.waste_freed_bytes =
        add_saturating(LOAD(&remote->waste_freed_bytes), LOAD(&remote->sole_waste_freed_bytes));
    atomic_thread_fence(memory_order_acquire);
    return copy;
}

bool ms_region_view_misuse(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_misuse_copy *copy)
{
    const struct ms_region_misuse *misuse = element(view, MS_AREA_MISUSES, index, sizeof *misuse);
    const uint64_t identity = misuse == NULL ? 0 : LOAD(&misuse->identity);
    if (identity == 0) {
        return false;
    }
    *copy = (struct ms_region_misuse_copy){
        .kind = MS_MISUSE_KIND(identity),
        .block_kind = MS_MISUSE_BLOCK_KIND(identity),
        .releaser = MS_MISUSE_RELEASER(identity),
        .allocated_stack = MS_MISUSE_ALLOCATED(identity),
        .released_stack = MS_MISUSE_RELEASED(identity),
        .count = acquired_u64(LOAD(&misuse->count)),
    };
    copy->samples = LOAD(&misuse->samples);
    copy->bytes = LOAD(&misuse->bytes);
    copy->first_ns = LOAD(&misuse->first_ns);
    copy->last_ns = LOAD(&misuse->last_ns);
    copy->first_thread = LOAD(&misuse->first_thread);
    return copy->count != 0;
}

uint64_t ms_region_view_marks(const struct ms_region_view *view)
{
    return acquired_u64(LOAD(&header_of(view)->marks));
}

static enum ms_region_mark_found read_mark(const struct ms_region_mark *mark, uint64_t number,
                                           struct ms_region_mark_copy *copy)
{
    const uint64_t version = mark == NULL ? 0 : acquired_u64(LOAD(&mark->version));
    if (version != MS_MARK_WRITTEN(number)) {
        return version > MS_MARK_WRITTEN(number) ? MS_REGION_MARK_LOST : MS_REGION_MARK_NOT_YET;
    }
    copy->at_ns = LOAD(&mark->at_ns);
    copy->serial = LOAD(&mark->serial);
    copy_words(copy->text, mark->text, sizeof copy->text);
    copy->text[sizeof copy->text - 1] = '\0';
    atomic_thread_fence(memory_order_acquire);
    return LOAD(&mark->version) == version ? MS_REGION_MARK_THERE : MS_REGION_MARK_LOST;
}

enum ms_region_mark_found ms_region_view_mark(const struct ms_region_view *view, uint64_t number,
                                              struct ms_region_mark_copy *copy)
{
    const uint32_t elements[] = {ms_region_view_capacity(view, MS_AREA_MARKS),
                                 ms_region_view_published(view, MS_AREA_MARKS)};
    enum ms_region_mark_found found = MS_REGION_MARK_NOT_YET;
    for (int i = 0; i < 2 && elements[i] >= 2 && found != MS_REGION_MARK_THERE; i++) {
        const struct ms_region_mark *mark =
            element(view, MS_AREA_MARKS, MS_MARK_PLACE(number, elements[i]), sizeof *mark);
        const enum ms_region_mark_found here = read_mark(mark, number, copy);
        found = here == MS_REGION_MARK_NOT_YET ? found : here;
    }
    return found;
}
