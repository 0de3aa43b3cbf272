/* Parts of the model that hang on call sites. For src/record only. */
#ifndef MS_RECORD_PARTS_SITES_H
#define MS_RECORD_PARTS_SITES_H

#include "record/layout.h"

extern const struct ms_part_kind ms_part_sites;
extern const struct ms_part_kind ms_part_usages;
extern const struct ms_part_kind ms_part_activities;
extern const struct ms_part_kind ms_part_flows;
extern const struct ms_part_kind ms_part_misuses;

/* Tells `differs` of each field by what the thing is called: "site 7: heap.allocations". */
struct ms_difference {
    const char *thing;
    size_t number;
    void (*differs)(void *context, const char *what);
    void *context;
};
void ms_difference_in_field(void *difference, const struct ms_field *field, uint32_t element);
/* Of something that no table has; returns 1. */
size_t ms_difference_in(const struct ms_difference *difference, const char *what);

#endif
