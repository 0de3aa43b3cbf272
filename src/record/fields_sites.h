/* Tables of fields of call sites and what hangs on them. For src/record only. */
#ifndef MS_RECORD_FIELDS_SITES_H
#define MS_RECORD_FIELDS_SITES_H

#include "record/fields.h"

extern const struct ms_fields ms_fields_site;
extern const struct ms_fields ms_fields_site_sums; /* to compare: they follow from usages */
extern const struct ms_fields ms_fields_usage;
extern const struct ms_fields ms_fields_usage_identity;
extern const struct ms_fields ms_fields_usage_extra;
extern const struct ms_fields ms_fields_activity;
extern const struct ms_fields ms_fields_cpu_sampling;
extern const struct ms_fields ms_fields_flow;
extern const struct ms_fields ms_fields_misuse;

#endif
