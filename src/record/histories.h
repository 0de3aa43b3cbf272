/*
 * Points of all histories of a model, series by series. For src/record only.
 *
 * Written form: resolution, first position, positions; then of each series that has points there:
 * kind + 1, id, row, positions skipped, points, the first point (4 bytes), and of the others what
 * differs from the point before: the XOR of their bits, all first bytes, all second ones and so on,
 * where a mask says which of these four rows are not all 0 and so are there; or, where that is
 * shorter and all points are such, a difference of integers, in steps of the history. A 0 ends it.
 * Nothing is rounded here. Runs of equal points cost next to nothing.
 */
#ifndef MS_RECORD_HISTORIES_H
#define MS_RECORD_HISTORIES_H

#include <stdint.h>

#include "model/histories.h"
#include "record/pack.h"

#define MS_HISTORIES_POSITIONS_MAX 10000u /* more than a ring has */

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
