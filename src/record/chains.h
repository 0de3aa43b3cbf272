/* The order in which a thread's and a site's usages or activities come, where it is not the one
 * that they get by being added in the order of their positions. */
#ifndef MS_RECORD_CHAINS_H
#define MS_RECORD_CHAINS_H

#include "model/changes.h"
#include "record/pack.h"

struct ms_model;

/* The orders of both; 0 or -ENOMEM. */
int ms_chains_write(struct ms_pack *pack, const struct ms_model *model, enum ms_changing kind);
/* After all were added. 0 or -EBADMSG. */
int ms_chains_read(struct ms_unpack *unpack, struct ms_model *model, enum ms_changing kind);

#endif
