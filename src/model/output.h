/*
 * The program's own output as lines: bounded (MS_OUTPUT_LINES_MAX lines, MS_OUTPUT_BYTES_MAX
 * bytes), oldest dropped and counted. Bytes are kept raw; whoever shows them neutralises them.
 */
#ifndef MS_MODEL_OUTPUT_H
#define MS_MODEL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_OUTPUT_LINES_MAX 20000u
#define MS_OUTPUT_BYTES_MAX (8u << 20)

struct ms_output; /* opaque */

struct ms_output *ms_output_new(void);
void ms_output_free(struct ms_output *output); /* accepts NULL */

/* Appends raw bytes. "\r\n" and "\n" end a line; a lone "\r" starts the line anew, as on a
 * terminal. A line is cut at 64 KiB. Returns 0 or -ENOMEM. */
int ms_output_append(struct ms_output *output, const char *bytes, size_t count);
/* Bytes that never reached us (the keeper's ring overran). */
void ms_output_add_dropped(struct ms_output *output, uint64_t bytes);

size_t ms_output_line_count(const struct ms_output *output);
/* Line `index` (0 = oldest held), not NUL-terminated; *bytes is its length. */
const char *ms_output_line(const struct ms_output *output, size_t index, size_t *bytes);
uint64_t ms_output_total_bytes(const struct ms_output *output);
uint64_t ms_output_dropped_lines(const struct ms_output *output);
uint64_t ms_output_dropped_bytes(const struct ms_output *output);
/* Whether the program's output comes here at all (pty) or goes where it always goes. */
bool ms_output_captured(const struct ms_output *output);
void ms_output_set_captured(struct ms_output *output, bool captured);

/* The last line has no end yet. */
bool ms_output_is_open(const struct ms_output *output);

/* --- from a recording --- */
/* A line with its end. 0 or -ENOMEM. */
int ms_output_restore_line(struct ms_output *output, const char *bytes, size_t count);
/* After the lines: the open one, and the counts of then. What was dropped by then is. 0 or -ENOMEM.
 */
int ms_output_restore_counts(struct ms_output *output, const char *open, size_t open_bytes,
                             uint64_t total_bytes, uint64_t dropped_lines, uint64_t dropped_bytes);

#endif
