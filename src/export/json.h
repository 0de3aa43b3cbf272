/*
 * JSON export of a model: the contract of docs/schema.json. Streams: memory use does not depend on
 * the size of the model. Numbers are exact integers where the model has integers; what is
 * unavailable is null; bytes that are no UTF-8 become U+FFFD.
 */
#ifndef MS_EXPORT_JSON_H
#define MS_EXPORT_JSON_H

#include <stdio.h>

#include "export/export.h"

#define MS_JSON_SCHEMA 1

/* Writes one document to `out` and flushes it. Returns 0 or -errno of the write. */
int ms_json_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options);

#endif
