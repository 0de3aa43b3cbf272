/*
 * All histories of a model by name, so that a recording can hold them and give them back. For
 * src/record only.
 */
#ifndef MS_MODEL_HISTORIES_H
#define MS_MODEL_HISTORIES_H

#include <stdint.h>

#include "model/model.h"

enum ms_history_of { /* in the order in which they are gone through */
                     MS_HISTORY_OF_SUM,
                     MS_HISTORY_OF_SYSTEM,
                     MS_HISTORY_OF_CORE,
                     MS_HISTORY_OF_GPU, /* series 0: load, 1: memory */
                     MS_HISTORY_OF_PROCESS,
                     MS_HISTORY_OF_THREAD,
                     MS_HISTORY_OF_TOTAL
};

struct ms_history_name {
    enum ms_history_of of;
    uint32_t id;     /* of a process or thread; number of a core or GPU; 0 */
    uint32_t series; /* row of the table of its kind; 0 */
};

/* Calls `each` for all that exist, ended ones of the same kind in no order; ends when it returns
 * other than 0, and returns that. */
int ms_model_each_history(const struct ms_model *model,
                          int (*each)(void *context, const struct ms_history_name *name,
                                      const struct ms_history *history),
                          void *context);

/*
 * Restoring: makes an empty one of each that a model with these things has; they are filled, then
 * ended: those in which nothing is are dropped again, the others go on behind what they hold. 0 or
 * -ENOMEM.
 */
int ms_model_begin_histories(struct ms_model *model);
int ms_model_end_histories(struct ms_model *model);

/* NULL: there is none. */
struct ms_history *ms_model_history(struct ms_model *model, const struct ms_history_name *name);

#endif
