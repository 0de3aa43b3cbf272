/*
 * A moment of a recording as --at names it: `end`, `peak`, a time since the recording began (`90`,
 * `1.5`, `1m30s`, `2h`), a share of it (`50%`), or a mark by its text, or the first mark that holds
 * the text. `mark:TEXT` is a mark whatever it looks like.
 */
#ifndef MS_CLI_AT_H
#define MS_CLI_AT_H

#include <stddef.h>
#include <stdint.h>

#include "record/recording.h"

/* Where times of a recording count from. */
uint64_t ms_at_begin_ns(const struct ms_recording_about *about);

/* The number of the tick that ends at a moment or last before it: tick n ends n + 1 intervals after
 * the start. */
uint64_t ms_at_tick_number(const struct ms_recording_about *about, uint64_t at_ns);

/* The tick to be shown of a moment: the same, but the last one from its own end on, as ticks that
 * came late lie behind where their number says. */
uint64_t ms_at_tick(const struct ms_recording_about *about, uint64_t at_ns);

/* `text` NULL is the end. 0; -EINVAL: no such moment; -errno of what reading says. Then `error`
 * says it in words; it may hold text of the recording, neutralised. */
int ms_at_find(const char *text, struct ms_recording *recording, uint64_t *at_ns, char *error,
               size_t error_bytes);

#endif
