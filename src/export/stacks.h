/*
 * The call stack of a site as flame graphs want it: functions from the outermost in, inlined ones
 * too, in words where frames are missing. For src/export only.
 */
#ifndef MS_EXPORT_STACKS_H
#define MS_EXPORT_STACKS_H

#include "analysis/call_paths.h"
#include "export/chosen.h"
#include "export/export.h"

#define MS_STACK_NAME_MAX 4096u

struct ms_stacks {
    struct ms_call_functions functions;
    bool several; /* processes have sites: each stack begins with the name of its process */
    struct ms_chosen chosen; /* threads whose work is told */
    uint32_t *functions_of;  /* of the last stack, outermost first: numbers of `functions` */
    size_t count, capacity;
};

/* 0 or -ENOMEM. */
int ms_stacks_open(struct ms_stacks *stacks, const struct ms_model *model,
                   const struct ms_export_options *options);
void ms_stacks_close(struct ms_stacks *stacks);

/* Of a site by all threads that are told; `thread_id` not 0: by that one. 0 for what was left out
 * of a sample. */
uint64_t ms_stacks_weight(const struct ms_stacks *stacks, const struct ms_model *model,
                          const struct ms_site *site, enum ms_weight weight, uint32_t thread_id);
/* Of all sites. */
uint64_t ms_stacks_weight_sum(const struct ms_stacks *stacks, const struct ms_model *model,
                              enum ms_weight weight, uint32_t thread_id);

/* Fills functions_of. 0 or -ENOMEM. */
int ms_stacks_of_site(struct ms_stacks *stacks, const struct ms_site *site);
/* The name of a function as valid text without controls, cut when very long. */
char *ms_stacks_name(const struct ms_stacks *stacks, uint32_t function,
                     char out[MS_STACK_NAME_MAX]);
/* Of the process of a site, likewise. */
char *ms_stacks_process(const struct ms_model *model, uint32_t process_id,
                        char out[MS_STACK_NAME_MAX]);

/* Tells how far it is, now and then. False: it is to end with -ECANCELED. */
bool ms_stacks_go_on(const struct ms_export_options *options, uint64_t done, uint64_t all);

#endif
