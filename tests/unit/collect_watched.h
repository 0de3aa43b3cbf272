/* A process whose probe has counted, and the model that it is read into; see collect_region_image.h
 * for its threads and stacks. */
#ifndef MS_TESTS_COLLECT_WATCHED_H
#define MS_TESTS_COLLECT_WATCHED_H

#include "collect/sites.h"
#include "collect/threads.h"
#include "collect_region_image.h"
#include "model/model.h"

enum { WATCHED_PROCESS = 128 };

struct watched {
    void *file; /* the region, to change what the probe wrote */
    struct ms_region_mapping mapping;
    struct ms_region_view view;
    struct ms_descriptor_budget budget;
    struct ms_model *model;
    struct ms_watched_threads *threads;
    struct ms_watched_sites *sites;
};

/* False: no memory. */
static inline bool watched_begin(struct watched *watched)
{
    *watched = (struct watched){.budget = {.limit = 64}};
    watched->file = image_new(&watched->mapping.bytes);
    if (watched->file == NULL) {
        return false;
    }
    watched->mapping.base = watched->file;
    image_fill(watched->file, "/bin/program");
    watched->model = ms_model_new(100000000, 0, 0);
    watched->threads = ms_watched_threads_new(WATCHED_PROCESS);
    watched->sites = ms_watched_sites_new(WATCHED_PROCESS, 0, NULL);
    return watched->model != NULL && watched->threads != NULL && watched->sites != NULL &&
           ms_model_add_process(watched->model, WATCHED_PROCESS) != NULL &&
           ms_region_view_init(&watched->view, &watched->mapping, 0) == 0;
}

static inline void watched_end(struct watched *watched)
{
    ms_watched_threads_free(watched->threads, &watched->budget);
    ms_watched_sites_free(watched->sites);
    ms_model_free(watched->model);
    munmap(watched->file, watched->mapping.bytes);
}

/* The threads that the probe has records of. 0 or -ENOMEM. */
static inline int watched_threads(struct watched *watched, uint64_t now_ns)
{
    return ms_watched_threads_records(watched->threads, watched->model, &watched->budget,
                                      &watched->view, now_ns, true);
}

#endif
