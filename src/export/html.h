/*
 * The report for a browser: one file with everything in it, that opens from disk. The page is
 * src/export/report/, the data lie in it as blocks of base64 of gzip, see html_block.h; so no
 * byte of the program's can end a block, and nothing of it is ever parsed as HTML but the title,
 * which is escaped.
 *
 * Bounds, said in the page where they hold: MS_HTML_SITES_MAX call sites and MS_HTML_USAGES_MAX
 * figures of threads at them, those with the most weight (the rest is summed up), and
 * MS_HTML_POINTS_MAX points of series, those of the machine and of processes first, then of the
 * threads with the highest peak. So a report has about 60 MB at most, besides what stacks and
 * names of those sites take. Memory of the writer: 20 bytes a site of the model, 16 a frame and a
 * text, and 1 MB.
 */
#ifndef MS_EXPORT_HTML_H
#define MS_EXPORT_HTML_H

#include "export/export.h"

#define MS_HTML_SITES_MAX     50000u
#define MS_HTML_USAGES_MAX    300000u
#define MS_HTML_POINTS_MAX    4000000u
#define MS_HTML_PROCESSES_MAX 1000u /* that have series */

/* 0 or -errno; -ECANCELED when progress says so. The stream is flushed, not closed. */
int ms_html_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options);

#endif
