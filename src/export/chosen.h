/*
 * Which threads an export shows: those that pass all rules of its options (--only). Decided once,
 * so that every part of a document agrees. For src/export only.
 */
#ifndef MS_EXPORT_CHOSEN_H
#define MS_EXPORT_CHOSEN_H

#include "export/export.h"
#include "model/figures.h"

struct ms_chosen {
    uint32_t *left_out; /* thread ids, ascending; NULL: none */
    size_t left_out_count;
};

/* 0 or -ENOMEM. */
int ms_chosen_init(struct ms_chosen *chosen, const struct ms_model *model,
                   const struct ms_export_options *options);
void ms_chosen_fini(struct ms_chosen *chosen);

bool ms_chosen_has_thread(const struct ms_chosen *chosen, uint32_t thread_id);

/* What the chosen threads did at a site; all that was done there when every thread is. */
struct ms_chosen_work {
    struct ms_heap heap; /* `peak_bytes` is the sum of the peaks of the threads */
    bool has_work;       /* besides allocating */
    uint64_t cpu_ns, io_wait_ns;
};
/* False: none of them was ever there. */
bool ms_chosen_at_site(const struct ms_chosen *chosen, const struct ms_model *model,
                       const struct ms_site *site, struct ms_chosen_work *out);
/* How exact that is. */
void ms_chosen_figures(const struct ms_chosen *chosen, const struct ms_model *model,
                       const struct ms_site *site, struct ms_figures *figures);

#endif
