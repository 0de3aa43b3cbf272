/*
 * What changed between a mark and the moment that is shown, for the screen of changes: a second
 * replay at the mark, and how much live bytes go up and down by themselves. Made when it is asked
 * for and at most so often that it costs 2 % of a core; put away some seconds after the last time.
 */
#ifndef MS_CLI_SINCE_MARK_H
#define MS_CLI_SINCE_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/moment.h"
#include "tui/changes.h"

struct ms_since_mark; /* opaque */

/* The moment must live longer. NULL: no memory. */
struct ms_since_mark *ms_since_mark_new(const struct ms_moment *moment);
void ms_since_mark_free(struct ms_since_mark *since); /* accepts NULL */

/* Since the mark that lies so many marks back, 0 the last one before what is shown; past the first
 * one: since the start. Never NULL; valid until the next call and as long as the moment stays.
 */
const struct ms_tui_changes *ms_since_mark_get(struct ms_since_mark *since, size_t marks_back);

/* It is not there yet: the last time that it was asked for, a slice of the way was gone. It is to
 * be asked for again soon. */
bool ms_since_mark_reads(const struct ms_since_mark *since);

/* To be called now and then: gives memory back that nobody has asked for lately. */
void ms_since_mark_rest(struct ms_since_mark *since, uint64_t now_ns);

#endif
