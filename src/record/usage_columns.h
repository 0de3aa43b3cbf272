/*
 * All usages written anew, as columns (record/columns.h): what a state has, and a tick in which
 * they cannot be told from those before. Written form: MS_USAGES_IN_COLUMNS, where a tick has 0
 * (and a state of version 1 of the format 1); how many there are; who they are, as columns of the
 * table `usage identity`; the order of chains; for each MS_COLUMN_THINGS of them columns of the
 * table `usage`, runs that say which of them have figures of `usage extra`, by turns how many have
 * none and how many have, and columns of those.
 */
#ifndef MS_RECORD_USAGE_COLUMNS_H
#define MS_RECORD_USAGE_COLUMNS_H

#include "model/figures.h"
#include "record/columns.h"

enum { MS_USAGES_IN_COLUMNS = 2 };

struct ms_usage_columns;                             /* opaque: a writer */
struct ms_usage_columns *ms_usage_columns_new(void); /* NULL: no memory */
void ms_usage_columns_free(struct ms_usage_columns *columns);
int ms_usage_columns_write(struct ms_usage_columns *columns, const struct ms_model *model,
                           struct ms_pack *pack); /* 0 or -ENOMEM */

/* What follows MS_USAGES_IN_COLUMNS, into a model that has no usages. 0, -ENOMEM or -EBADMSG. */
int ms_usage_columns_read(struct ms_model *model, struct ms_unpack *unpack,
                          const struct ms_fields_map *identities,
                          const struct ms_fields_map *figures, const struct ms_fields_map *extras);

#endif
