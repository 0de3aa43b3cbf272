/* See misuse.h. */
#include "collect/misuse.h"

#include <errno.h>
#include <stdlib.h>

/* What of an element is in the model already. */
struct seen_element {
    uint64_t count, samples, bytes;
};

struct ms_watched_misuse {
    uint32_t process_id;
    uint32_t misuses; /* of the header, when all was taken over */
    uint32_t element_count;
    struct seen_element *elements; /* NULL until there is one */
};

struct ms_watched_misuse *ms_watched_misuse_new(uint32_t process_id)
{
    struct ms_watched_misuse *misuse = calloc(1, sizeof *misuse);
    if (misuse != NULL) {
        misuse->process_id = process_id;
    }
    return misuse;
}

void ms_watched_misuse_free(struct ms_watched_misuse *misuse)
{
    if (misuse != NULL) {
        free(misuse->elements);
        free(misuse);
    }
}

/* Blocks of realloc are malloc's; ms_block_kind by ms_releaser. "": no mismatch. */
static const char *how_mismatched(uint32_t block_kind, uint32_t releaser)
{
    static const char *const how[4][4] = {
        [MS_BLOCK_MALLOC] = {"", "malloc released by delete", "", "malloc released by delete[]"},
        [MS_BLOCK_NEW] = {"new released by free", "", "new released by realloc",
                          "new released by delete[]"},
        [MS_BLOCK_REALLOC] = {"", "realloc released by delete", "", "realloc released by delete[]"},
        [MS_BLOCK_NEW_ARRAY] = {"new[] released by free", "new[] released by delete",
                                "new[] released by realloc", ""},
    };
    return releaser < MS_RELEASER_ANY ? how[block_kind][releaser] : "";
}

static bool model_kind(uint32_t kind, enum ms_misuse_kind *to)
{
    static const enum ms_misuse_kind kinds[] = {
        [MS_MISUSED_FREED_AGAIN] = MS_MISUSE_DOUBLE_FREE,
        [MS_MISUSED_OTHER_FAMILY] = MS_MISUSE_MISMATCH,
        [MS_MISUSED_OVERRUN] = MS_MISUSE_OVERRUN,
        [MS_MISUSED_OTHER_LIBRARY] = MS_MISUSE_OTHER_LIBRARY,
    };
    if (kind == 0 || kind >= sizeof kinds / sizeof kinds[0]) {
        return false;
    }
    *to = kinds[kind];
    return true;
}

/* The thread that released it, when its record is still its own. */
static uint32_t thread_of(const struct ms_watched_misuse_room *room, uint64_t first_thread)
{
    const uint32_t record = (uint32_t)(first_thread >> 32);
    uint32_t serial;
    uint64_t change;
    if (record == 0 || !ms_region_view_thread_peek(room->view, record, &serial, &change) ||
        serial != (uint32_t)first_thread) {
        return 0;
    }
    return ms_watched_threads_of_record(room->threads, record);
}

/* False: the site is not readable yet. A stack that is not known is site 0. */
static bool find_site(const struct ms_watched_misuse_room *room, uint32_t stack, bool released,
                      bool last, uint32_t *site)
{
    *site = 0;
    if (stack == 0 || room->sites == NULL) {
        return true;
    }
    *site = ms_watched_sites_of_stack(room->sites, room->model, room->view, room->symbols, stack,
                                      released);
    return *site != 0 || last;
}

/* 0, -EAGAIN (not all of it is readable yet) or -ENOMEM. */
static int take(struct ms_watched_misuse *watched, const struct ms_watched_misuse_room *room,
                uint32_t index, bool last)
{
    struct ms_region_misuse_copy copy;
    enum ms_misuse_kind kind;
    struct seen_element *seen = &watched->elements[index];
    if (!ms_region_view_misuse(room->view, index, &copy) || copy.count == seen->count ||
        !model_kind(copy.kind, &kind)) {
        return 0;
    }
    uint32_t allocated;
    uint32_t released;
    if (!find_site(room, copy.allocated_stack, false, last, &allocated) ||
        !find_site(room, copy.released_stack, true, last, &released)) {
        return -EAGAIN;
    }
    struct ms_misuse *misuse =
        ms_model_misuse_mutable(room->model, watched->process_id, kind, allocated, released);
    if (misuse == NULL) {
        return -ENOMEM;
    }
    misuse->count += copy.count - seen->count;
    misuse->samples += copy.samples - seen->samples;
    misuse->bytes += copy.bytes - seen->bytes;
    *seen = (struct seen_element){copy.count, copy.samples, copy.bytes};
    misuse->provenance = misuse->count == misuse->samples ? MS_MEASURED : MS_SAMPLED;
    if (misuse->first_seen_ns == 0 || copy.first_ns < misuse->first_seen_ns) {
        misuse->first_seen_ns = copy.first_ns;
        misuse->thread_id = thread_of(room, copy.first_thread);
    }
    if (copy.last_ns > misuse->last_seen_ns) {
        misuse->last_seen_ns = copy.last_ns;
    }
    if (kind == MS_MISUSE_MISMATCH && misuse->how[0] == '\0') {
        misuse->how = how_mismatched(copy.block_kind, copy.releaser);
    }
    return 0;
}

int ms_watched_misuse_read(struct ms_watched_misuse *misuse,
                           const struct ms_watched_misuse_room *room, uint32_t misuses, bool last)
{
    if (misuses == misuse->misuses && !last) {
        return 0;
    }
    const uint32_t count = ms_region_view_published(room->view, MS_AREA_MISUSES);
    if (misuse->elements == NULL && count > 0) {
        const uint32_t capacity = ms_region_view_capacity(room->view, MS_AREA_MISUSES);
        misuse->elements = calloc(capacity, sizeof *misuse->elements);
        misuse->element_count = misuse->elements == NULL ? 0 : capacity;
    }
    int result = misuse->elements == NULL && count > 0 ? -ENOMEM : 0;
    bool all = result == 0;
    for (uint32_t i = 1; i < count && i < misuse->element_count; i++) {
        const int error = take(misuse, room, i, last);
        all = all && error == 0;
        result = error == -ENOMEM ? error : result;
    }
    if (all) {
        misuse->misuses = misuses;
    }
    return result;
}
