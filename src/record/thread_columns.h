/*
 * All threads of a state, as columns (record/columns.h) of the table `thread`, in the order in
 * which the model has them. For one thread.
 */
#ifndef MS_RECORD_THREAD_COLUMNS_H
#define MS_RECORD_THREAD_COLUMNS_H

#include "model/model.h"
#include "record/columns.h"

void ms_thread_columns_write(struct ms_columns *columns, const struct ms_model *model,
                             struct ms_pack *pack);
/* Into threads that were restored and nothing is known of yet. 0, -ENOMEM or -EBADMSG. */
int ms_thread_columns_read(struct ms_model *model, struct ms_unpack *unpack,
                           const struct ms_fields_map *map);

#endif
