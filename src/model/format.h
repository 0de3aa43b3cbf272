/*
 * Figures and names as people read them; used by screens, text and reasons, so that all agree.
 * Every function fills `out` (always terminated, cut when short) and returns it.
 */
#ifndef MS_MODEL_FORMAT_H
#define MS_MODEL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/metric.h"

#define MS_FORMAT_MAX 32u

/* 6 cells at most, 10^3 steps: "0", "912", "1.21k", "84.1k", "3.40M". */
char *ms_format_count(char *out, size_t size, double count);
/* "0B" "912B" "1.21kB" "418MB" "2.1GB"; steps of 10^3: MB are 10^6 bytes. */
char *ms_format_bytes(char *out, size_t size, double bytes);
/* with a sign and "/s": "+2.1MB/s" */
char *ms_format_bytes_rate(char *out, size_t size, double bytes_per_s);
/* "00:01:12", "3d 04:05:06" */
char *ms_format_elapsed(char *out, size_t size, uint64_t ns);
/* In the unit of the metric; "n/a" when none. */
char *ms_format_value(char *out, size_t size, struct ms_value value, enum ms_unit unit);

/*
 * Hostile bytes to something a terminal may get: control characters (C0, DEL, C1), broken UTF-8
 * and bidirectional or zero-width format characters become '?' ; the rest is kept. `utf8` false:
 * everything beyond ASCII becomes '?'. Returns bytes written without NUL; cuts only between
 * characters.
 */
size_t ms_format_safe(char *out, size_t size, const char *bytes, size_t count, bool utf8);

/* Name of a frame for people: "function", else "module+0x1f", else "0x7f..". Not neutralised. */
char *ms_format_frame(char *out, size_t size, const struct ms_frame *frame);

/* First frame of a site that is not an allocator or wrapper (malloc, operator new, xmalloc,
 * std::allocator ...): index into frames; 0 when all are. */
size_t ms_site_culprit(const struct ms_site *site);
/* The same, past wrappers that were inlined into it; NULL: the site has no stack. */
const struct ms_frame *ms_site_culprit_frame(const struct ms_site *site);
/* An allocator or wrapper: a function that allocates for its caller. */
bool ms_frame_is_wrapper(const struct ms_frame *frame);
/* A function without a name that a wrapper of its module called: part of that wrapper. */
bool ms_site_hides_wrapper(const struct ms_site *site, size_t index);

/* Whether function, file or module of one of its frames holds a text, whatever the case. */
bool ms_site_holds(const struct ms_site *site, const char *text);

#endif
