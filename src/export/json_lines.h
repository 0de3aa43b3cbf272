/*
 * JSON Lines: a header, then a line for each tick with the figures of that tick; the contract is
 * docs/schema-lines.json. Written at least once a second, for who reads along. Of a live session a
 * reader of a pipe that is too slow never holds anything up: lines that find no room are dropped
 * and counted; a recording has time and waits. Memory: 4 MiB of lines that wait, at most. One
 * thread uses one.
 */
#ifndef MS_EXPORT_JSON_LINES_H
#define MS_EXPORT_JSON_LINES_H

#include "export/export.h"

struct ms_json_lines; /* opaque */

/*
 * While a program runs. `path`: a file that is made or, with `overwrite`, replaced at once; a FIFO,
 * read by whom it may; a device; "-": standard output. 0 or -errno. The options and what they point
 * to are kept.
 */
int ms_json_lines_open(const char *path, bool overwrite, const struct ms_export_options *options,
                       struct ms_json_lines **out);
/* Of a recording, as a part of ms_file_write: waits for a slow reader and drops no line. Past the
 * stream's buffer, which must be empty; the stream stays the caller's. As above. */
int ms_json_lines_open_stream(FILE *stream, const struct ms_export_options *options,
                              struct ms_json_lines **out);
/* After ms_model_tick_end. 0 or -errno of the first failure; then nothing more is written. */
int ms_json_lines_tick(struct ms_json_lines *lines, const struct ms_model *model);
/* Waits for a slow reader, for a second at most with a live program: -ETIMEDOUT when the last lines
 * were not read by then. Accepts NULL. 0 or -errno as above. */
int ms_json_lines_close(struct ms_json_lines *lines);

#endif
