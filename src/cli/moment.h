/*
 * The moment that is shown: now, of a live program; one that is over, of what was recorded of it;
 * one of a file. Whoever draws or exports takes model and findings from here and need not know.
 *
 * Wishes are kept and done at the next ms_moment_go, so that many of them cost one seek.
 */
#ifndef MS_CLI_MOMENT_H
#define MS_CLI_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/findings.h"
#include "record/recording.h"
#include "tui/tui.h"

struct ms_moment; /* opaque */

struct ms_moment_options {
    const struct ms_model *live; /* NULL: of a file, which has no present */
    const struct ms_findings *live_findings;
    struct ms_recording *recording; /* NULL: nothing can be looked back at */
    struct ms_thresholds thresholds;
    const struct ms_suppressions *suppressions; /* may be NULL */
};

/* What is pointed to must live as long. NULL: no memory. */
struct ms_moment *ms_moment_new(const struct ms_moment_options *options);
void ms_moment_free(struct ms_moment *moment); /* accepts NULL */

/* Never NULL; valid until the next ms_moment_go. */
const struct ms_model *ms_moment_model(const struct ms_moment *moment);
const struct ms_findings *ms_moment_findings(const struct ms_moment *moment);
struct ms_recording *ms_moment_recording(const struct ms_moment *moment); /* NULL: none */
/* Another number: the model is another one than before. */
uint64_t ms_moment_serial(const struct ms_moment *moment);
bool ms_moment_away(const struct ms_moment *moment); /* not the present */

void ms_moment_set_thresholds(struct ms_moment *moment, const struct ms_thresholds *thresholds);

/* --- wishes --- */
/* 0; -ENOENT: there is no such moment (no mark, no anomaly, nothing later); -ENODATA: nothing was
 * recorded. */
int ms_moment_ask(struct ms_moment *moment, const struct ms_time_wish *wish, uint64_t now_ns);
void ms_moment_ask_at_ns(struct ms_moment *moment, uint64_t at_ns);

/*
 * Does what was asked for and goes on playing. Returns 1 when the moment is another one, 0, or
 * -errno: the moment stays as it was.
 */
int ms_moment_go(struct ms_moment *moment, uint64_t now_ns);
/* When to go on; UINT64_MAX: not before something is asked for. */
uint64_t ms_moment_next_ns(const struct ms_moment *moment);

/* What screens are told of it; valid until the next call of anything here. */
const struct ms_tui_time *ms_moment_time(struct ms_moment *moment);

/* When the program held the most, as far as is known: of a process, 0: of the one that held the
 * most of all. 0: not known. */
uint64_t ms_moment_peak_ns(const struct ms_model *model, uint32_t process_id);

#endif
