/*
 * What changed between two moments as text for a terminal or a bug, as JSON (docs/schema-diff.json)
 * and as a page of HTML without any script. Streams; memory does not grow with the diff.
 */
#ifndef MS_EXPORT_DIFF_H
#define MS_EXPORT_DIFF_H

#include <stdint.h>
#include <stdio.h>

#include "analysis/diff.h"

#define MS_DIFF_SCHEMA 1

struct ms_diff_export {
    const char *program_version;
    const char *before_name, *after_name; /* of files or marks; hostile */
    uint64_t before_ns, after_ns;         /* since the sessions began */
    size_t rows_most;                     /* of each kind, changed ones first; 0: all */
};

/* All return 0 or -errno; the stream is flushed. The text is terminal-safe. */
int ms_diff_write_text(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options);
int ms_diff_write_json(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options);
int ms_diff_write_html(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options);

/* "00:01:12", to the nearest second. */
char *ms_diff_moment(char *out, size_t size, uint64_t at_ns);

#endif
