/* The few that a report tells of when there are many. For src/export only. */
#ifndef MS_EXPORT_TOP_H
#define MS_EXPORT_TOP_H

#include "export/chosen.h"
#include "model/model.h"

/* Of the highest peaks, first the highest; at most `capacity`. Both return how many. `chosen`: only
 * of those threads; NULL: of all. */
size_t ms_top_threads(const struct ms_model *model, const struct ms_chosen *chosen,
                      const struct ms_thread **out, size_t capacity);
/* Only sites that ever held something, by those threads; what was left out of a sample is none. */
size_t ms_top_sites(const struct ms_model *model, const struct ms_chosen *chosen,
                    const struct ms_site **out, size_t capacity);

#endif
