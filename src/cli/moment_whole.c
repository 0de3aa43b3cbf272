/* All of a file, gone through while nothing else is asked for. See moment_internal.h. */
#include "cli/moment_internal.h"
#include "wire/clock.h"

#define SLICE_NS      (MS_NS_PER_S / 100)
#define BETWEEN_NS    (MS_NS_PER_S / 100)
#define SLICES_A_DRAW 25u

void ms_moment_leave_whole(struct ms_moment_whole *whole)
{
    ms_replay_free(whole->replay);
    whole->replay = NULL;
    ms_findings_free(whole->findings);
    whole->findings = NULL;
    whole->next_ns = UINT64_MAX;
}

/* Not before there is something to look at; the session itself has judged all of a live one. */
uint64_t ms_moment_whole_next_ns(const struct ms_moment *moment)
{
    return moment->options.live == NULL && moment->away ? moment->whole.next_ns : UINT64_MAX;
}

static void keep_anomalies(struct ms_moment_whole *whole)
{
    const struct ms_anomalies *anomalies =
        whole->findings != NULL ? ms_findings_anomalies(whole->findings) : NULL;
    const size_t count = anomalies != NULL ? ms_anomalies_count(anomalies) : 0;
    for (size_t i = 0; i < count && whole->known_count < MS_MOMENT_EVENTS_MAX; i++) {
        whole->known[whole->known_count++] = ms_anomalies_at(anomalies, i)->at_ns;
    }
}

static void ticked_whole(void *context, const struct ms_model *model, bool anew)
{
    struct ms_moment *moment = context;
    struct ms_moment_whole *whole = &moment->whole;
    if (anew) {
        keep_anomalies(whole);
        ms_findings_free(whole->findings);
        whole->findings =
            ms_findings_new(&moment->options.thresholds, moment->options.suppressions);
        whole->from_ns = ms_model_now_ns(model);
    }
    whole->failed = whole->findings == NULL || ms_findings_update(whole->findings, model) != 0;
    whole->until_ns = ms_model_now_ns(model);
}

/* Who looks at the end gets what was judged from the begin on. */
static void finish_whole(struct ms_moment *moment)
{
    struct ms_moment_whole *whole = &moment->whole;
    keep_anomalies(whole);
    if (!moment->playing && !moment->wished && moment->away && !whole->failed &&
        ms_replay_tick(moment->replay) == ms_replay_tick(whole->replay)) {
        ms_replay_free(moment->replay);
        ms_findings_free(moment->findings);
        moment->replay = whole->replay;
        moment->findings = whole->findings;
        moment->judged_from_ns = whole->from_ns;
        ms_replay_take_over(moment->replay, ms_moment_ticked, moment);
        whole->replay = NULL;
        whole->findings = NULL;
        moment->serial++;
    }
    ms_moment_leave_whole(whole);
}

int ms_moment_go_through_whole(struct ms_moment *moment)
{
    struct ms_moment_whole *whole = &moment->whole;
    const uint64_t until_ns = ms_monotonic_ns() + SLICE_NS;
    int result = 1;
    if (whole->replay == NULL) {
        const struct ms_replay_options options = {.ticked = ticked_whole, .context = moment};
        whole->replay = ms_replay_new(moment->options.recording, &options);
        if (whole->replay == NULL ||
            ms_replay_seek(whole->replay,
                           ms_recording_about(moment->options.recording).first_tick) != 0) {
            ms_moment_leave_whole(whole); /* what is looked at is judged all the same */
            return 0;
        }
    }
    while (result == 1 && !whole->failed && ms_monotonic_ns() < until_ns) {
        result = ms_replay_step(whole->replay);
    }
    if (result != 1 || whole->failed) {
        whole->failed = whole->failed || result != 0;
        if (!whole->failed) {
            whole->until_ns = ms_recording_about(moment->options.recording).last_ns;
        }
        finish_whole(moment);
        return 1;
    }
    whole->next_ns = ms_monotonic_ns() + BETWEEN_NS;
    return ++whole->slices % SLICES_A_DRAW == 0;
}
