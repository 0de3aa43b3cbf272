#include "model/resources.h"

#include <math.h>
#include <string.h>

#include "model/model.h"

#define TAG_BYTES 16u

static const struct {
    const char *name, *heading, *meaning;
} parts[MS_MEMORY_PART_TOTAL] = {
#define MS_MEMORY_PART_ROW(id, name_, heading_, meaning_)                                          \
    [MS_MEMORY_PART_##id] = {.name = name_, .heading = heading_, .meaning = meaning_},
    MS_MEMORY_PARTS(MS_MEMORY_PART_ROW)
#undef MS_MEMORY_PART_ROW
};

const char *ms_memory_part_name(enum ms_memory_part part)
{
    return parts[part].name;
}

const char *ms_memory_part_heading(enum ms_memory_part part)
{
    return parts[part].heading;
}

const char *ms_memory_part_meaning(enum ms_memory_part part)
{
    return parts[part].meaning;
}

bool ms_path_is_of_glibc(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2", 6) == 0;
}

static const char *why_no_heap_parts(const struct ms_process *process)
{
    if (!process->resources.map.have) {
        return "the memory map was not read";
    }
    if (process->seen == MS_SEEN_NONE) {
        return "its heap is not seen";
    }
    if (!ms_path_is_of_glibc(process->allocator)) {
        return "memory of this allocator cannot be told from other anonymous memory";
    }
    const struct ms_process_tracking *tracking = &process->tracking;
    if (tracking->known &&
        (tracking->asked.threads[0] != '\0' || tracking->asked.mode == MS_TRACK_OFF)) {
        return "not all threads are tracked";
    }
    return "";
}

struct ms_heap_parts ms_heap_parts_of(const struct ms_process *process)
{
    const struct ms_memory_map *map = &process->resources.map;
    struct ms_heap_parts heap = {.fragmentation = NAN, .because = why_no_heap_parts(process)};
    if (heap.because[0] != '\0') {
        return heap;
    }
    heap.have = true;
    heap.resident_bytes = map->parts[MS_MEMORY_PART_HEAP].resident_bytes;
    heap.live_bytes = map->live_bytes;
    heap.rounding_bytes = map->rounding_bytes;
    heap.tags_bytes = map->live_blocks * TAG_BYTES;
    heap.unexplained_bytes =
        (int64_t)(heap.resident_bytes - heap.live_bytes - heap.rounding_bytes - heap.tags_bytes);
    if (heap.resident_bytes > 0) {
        const double used = (double)heap.live_bytes / (double)heap.resident_bytes;
        heap.fragmentation = used < 1 ? 1 - used : 0;
    }
    return heap;
}
