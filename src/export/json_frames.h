/*
 * Call stacks in JSON. The same frames stand in thousands of stacks, so the text of each is made
 * once and kept, in 64 MiB at most: what does not fit is made anew each time. For src/export only.
 */
#ifndef MS_EXPORT_JSON_FRAMES_H
#define MS_EXPORT_JSON_FRAMES_H

#include "export/json_writer.h"
#include "model/model.h"

struct ms_json_frames; /* opaque */

struct ms_json_frames *ms_json_frames_new(void);         /* NULL: no memory */
void ms_json_frames_free(struct ms_json_frames *frames); /* accepts NULL */

/* Members `stack` and `culprit` of an open object; writer->frames may be NULL. */
void ms_json_stack(struct ms_json_writer *writer, const struct ms_site *site);

#endif
