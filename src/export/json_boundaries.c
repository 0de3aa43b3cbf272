/*
 * Memory that crossed libraries: allocated by code of one module because code of another called it.
 * The allocating module is that of the frame to blame, the calling one that of the first frame
 * further out that lies in another; frames of no module (JIT) are passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_parts.h"
#include "model/format.h"

struct crossing {
    uint32_t process_id;
    const char *allocated_in, *called_from;
    uint64_t sites, allocations, deallocations, bytes_allocated, current_bytes;
};

struct crossings {
    struct crossing *rows; /* ascending */
    size_t count, capacity;
};

static int compare(const struct crossing *a, const struct crossing *b)
{
    if (a->process_id != b->process_id) {
        return a->process_id < b->process_id ? -1 : 1;
    }
    const int order =
        a->allocated_in == b->allocated_in ? 0 : strcmp(a->allocated_in, b->allocated_in);
    return order != 0 || a->called_from == b->called_from ? order
                                                          : strcmp(a->called_from, b->called_from);
}

/* false: it did not cross, or the stack does not tell. */
static bool find_crossing(const struct ms_site *site, struct crossing *found)
{
    if (site->depth == 0) {
        return false;
    }
    size_t at = ms_site_culprit(site);
    const char *own = ms_site_frame(site, at)->module;
    while (own[0] != '\0' && ++at < site->depth) {
        const char *module = ms_site_frame(site, at)->module;
        if (module != own && module[0] != '\0' && strcmp(module, own) != 0) {
            *found = (struct crossing){
                .process_id = site->process_id, .allocated_in = own, .called_from = module};
            return true;
        }
    }
    return false;
}

static struct crossing *row_of(struct crossings *crossings, const struct crossing *found)
{
    size_t low = 0;
    size_t high = crossings->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = compare(&crossings->rows[middle], found);
        if (order == 0) {
            return &crossings->rows[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    if (crossings->count == crossings->capacity) {
        const size_t capacity = crossings->capacity != 0 ? 2 * crossings->capacity : 64;
        struct crossing *rows = realloc(crossings->rows, capacity * sizeof(*rows));
        if (rows == NULL) {
            return NULL;
        }
        crossings->rows = rows;
        crossings->capacity = capacity;
    }
    memmove(&crossings->rows[low + 1], &crossings->rows[low],
            (crossings->count - low) * sizeof(*crossings->rows));
    crossings->count++;
    crossings->rows[low] = *found;
    return &crossings->rows[low];
}

static int sum_up(struct crossings *crossings, const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        struct crossing found;
        if ((site->flags & (MS_SITE_NOT_SAMPLED | MS_SITE_RELEASE | MS_SITE_ACTIVITY)) != 0 ||
            !find_crossing(site, &found)) {
            continue;
        }
        struct crossing *row = row_of(crossings, &found);
        if (row == NULL) {
            return -ENOMEM;
        }
        row->sites++;
        row->allocations += site->heap.allocations;
        row->deallocations += site->heap.deallocations;
        row->bytes_allocated += site->heap.bytes_allocated;
        row->current_bytes += ms_heap_current_bytes(&site->heap);
    }
    return 0;
}

void ms_json_boundaries(struct ms_json_writer *writer, const struct ms_model *model)
{
    struct crossings crossings = {.rows = NULL};
    const int error = sum_up(&crossings, model);
    ms_json_array_begin(writer);
    for (size_t i = 0; i < crossings.count; i++) {
        const struct crossing *row = &crossings.rows[i];
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "process_id", row->process_id);
        ms_json_member_string(writer, "allocated_in", row->allocated_in);
        ms_json_member_string(writer, "called_from", row->called_from);
        ms_json_member_u64(writer, "sites", row->sites);
        ms_json_member_u64(writer, "allocations", row->allocations);
        ms_json_member_u64(writer, "deallocations", row->deallocations);
        ms_json_member_u64(writer, "bytes_allocated", row->bytes_allocated);
        ms_json_member_u64(writer, "current_bytes", row->current_bytes);
        ms_json_object_end(writer);
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
    free(crossings.rows);
    if (error != 0 && writer->error == 0) {
        writer->error = error;
    }
}
