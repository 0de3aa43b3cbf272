/*
 * Points of all histories of a model, series by series. For src/record only.
 *
 * Written form: resolution, first position, positions; then of each series that has points there:
 * kind + 1, id, row, positions skipped, how many points, and these (record/points.h). A 0 ends it.
 * A series comes twice where its first points are not known: those apart. Runs of equal points cost
 * next to nothing.
 */
#ifndef MS_RECORD_HISTORIES_H
#define MS_RECORD_HISTORIES_H

#include <stdint.h>

#include "model/histories.h"
#include "record/points.h"

#define MS_HISTORIES_POSITIONS_MAX MS_POINTS_MAX

/* The points first .. end - 1 of a resolution, of more than the maximum the last ones. Nothing is
 * written when no series has any. 0 or -ENOMEM. */
int ms_histories_write(struct ms_pack *pack, const struct ms_model *model,
                       enum ms_resolution resolution, uint64_t first, uint64_t end);

/*
 * Fills the histories that the model has (ms_model_begin_histories was called) with what was
 * written of this resolution, up to point end - 1. 0, -ENOMEM or -EBADMSG: then some were filled.
 */
int ms_histories_read(struct ms_unpack *unpack, struct ms_model *model,
                      enum ms_resolution resolution, uint64_t end);

#endif
