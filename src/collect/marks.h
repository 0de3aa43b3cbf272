/* Marks that a program sets: from the ring of its region into the model, each once. */
#ifndef MS_COLLECT_MARKS_H
#define MS_COLLECT_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/region_reader.h"
#include "collect/threads.h"
#include "model/model.h"

/* What was read of one process. */
struct ms_watched_marks {
    uint64_t next;    /* number of the first that was not read yet */
    uint32_t waited;  /* reads that found it still being written */
    uint64_t missing; /* numbers that nothing was found for */
};

/* Where to and where from. */
struct ms_watched_marks_room {
    struct ms_model *model;
    const struct ms_region_view *view;
    const struct ms_watched_threads *threads;
    uint32_t process_id;
    uint64_t now_ns;
    uint64_t end; /* ms_region_view_marks before `threads` were read: who set them is there */
};

/*
 * Takes over what is new before `end`, at most as many as the ring holds. One that is still being
 * written is waited for a few reads, and with it those behind it; `last`: for none. 0 or -ENOMEM.
 */
int ms_watched_marks_read(struct ms_watched_marks *marks, const struct ms_watched_marks_room *room,
                          bool last);

#endif
