/*
 * Which threads an export shows: those that pass all rules of its options (--only). Decided once,
 * so that every part of a document agrees. For src/export only.
 */
#ifndef MS_EXPORT_CHOSEN_H
#define MS_EXPORT_CHOSEN_H

#include "export/export.h"

struct ms_chosen {
    uint32_t *left_out; /* thread ids, ascending; NULL: none */
    size_t left_out_count;
};

/* 0 or -ENOMEM. */
int ms_chosen_init(struct ms_chosen *chosen, const struct ms_model *model,
                   const struct ms_export_options *options);
void ms_chosen_fini(struct ms_chosen *chosen);

bool ms_chosen_has_thread(const struct ms_chosen *chosen, uint32_t thread_id);

#endif
