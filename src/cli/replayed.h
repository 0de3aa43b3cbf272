/*
 * A recording that was gone through up to the moment of --at and judged at every tick as a live
 * session is: so judgements are those that the screen had shown. For export and report.
 */
#ifndef MS_CLI_REPLAYED_H
#define MS_CLI_REPLAYED_H

#include <stdbool.h>

#include "cli/options.h"
#include "record/recording.h"

struct ms_replayed {
    const struct ms_options *options;
    char name[512]; /* of the recording, neutralised */
    struct ms_recording *recording;
    struct ms_replay *replay; /* its model is the result */
    struct ms_suppressions *suppressions;
    struct ms_findings *findings;
    /* After every judged tick; 0 or -errno, which ends it. May be NULL. */
    int (*ticked)(void *context, const struct ms_model *model);
    void *context;
    uint64_t until_ns;
    int error;
    bool ticked_failed; /* it is of `ticked`, and not told: its owner knows what of */
};

/* options->arguments[0], not yet gone through. 0, or the exit status to leave with after a line on
 * stderr; ms_replayed_close in either case. */
int ms_replayed_open(struct ms_replayed *replayed, const struct ms_options *options);
/* With progress on a terminal. As above. */
int ms_replayed_go_through(struct ms_replayed *replayed);
void ms_replayed_close(struct ms_replayed *replayed);

#endif
