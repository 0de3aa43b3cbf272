/*
 * What changed since somebody looked, for readers that write down a million things of which few
 * change: the model stamps what it writes, readers ask for what is stamped since. A reader is
 * const to the model, and there may be several.
 */
#ifndef MS_MODEL_CHANGES_H
#define MS_MODEL_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_model;

enum ms_changing {
    MS_CHANGING_SITES,
    MS_CHANGING_USAGES,
    MS_CHANGING_ACTIVITIES,
    MS_CHANGING_FLOWS,
    MS_CHANGING_MISUSES
};

/*
 * Stamps count the ends of ticks. Whatever changes now gets this one: who has looked keeps it, and
 * asks the next time for what has it or a later one.
 */
uint32_t ms_model_stamp(const struct ms_model *model);

/* The first position from `from` on whose thing changed or is new since then; SIZE_MAX: there is
 * none. Positions are those of ms_model_site, ms_model_usage... Of a site: its process, flags and
 * rates; its sums follow from its usages. */
size_t ms_model_changed(const struct ms_model *model, enum ms_changing kind, size_t from,
                        uint32_t since);

/*
 * What left its list: usages and activities one by one, the last one takes the place; then `round`
 * is how many there were before. Flows and misuses several in a round, with positions of before it
 * that ascend; those that remain close up. Sites: see ms_model_sites_version.
 */
struct ms_removal {
    uint32_t round;
    uint32_t position;
};
uint64_t ms_model_removal_count(const struct ms_model *model, enum ms_changing kind);
/* Those since there were `since`; false: it is too long ago, or never was. */
bool ms_model_removals(const struct ms_model *model, enum ms_changing kind, uint64_t since,
                       const struct ms_removal **out, size_t *count);

/*
 * The lists that ms_model_thread_usage, ms_model_site_usage and those of activities go through, by
 * position: the one after `position`, SIZE_MAX: none. The newest is the first; `of_thread`: of its
 * thread, else of its site.
 */
size_t ms_model_chain_first(const struct ms_model *model, enum ms_changing kind, bool of_thread,
                            uint32_t id);
size_t ms_model_chain_next(const struct ms_model *model, enum ms_changing kind, bool of_thread,
                           size_t position);

#endif
