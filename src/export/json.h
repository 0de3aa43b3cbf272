/*
 * JSON export of a model: the contract of docs/schema.json. Streams: memory use does not depend on
 * the size of the model. Numbers are exact integers where the model has integers; what is
 * unavailable is null; bytes that are no UTF-8 become U+FFFD.
 */
#ifndef MS_EXPORT_JSON_H
#define MS_EXPORT_JSON_H

#include <stdio.h>

#include "analysis/findings.h"
#include "model/model.h"

#define MS_JSON_SCHEMA 1

struct ms_json_options {
    const char *program_version; /* of memscope-top */
    bool hide_arguments;         /* --no-args: argv becomes null */
    struct ms_thresholds thresholds;
    const struct ms_findings *findings; /* judgements made on the way; NULL: none, they are null */
};

/* Writes one document to `out` and flushes it. Returns 0 or -errno of the write. */
int ms_json_write(FILE *out, const struct ms_model *model, const struct ms_json_options *options);

/*
 * Writes to `path` through a temporary file in the same folder and a rename, so that a full disk
 * or a kill leaves no half file. `overwrite`: false gives -EEXIST for an existing file.
 */
int ms_json_write_file(const char *path, bool overwrite, const struct ms_model *model,
                       const struct ms_json_options *options);

#endif
