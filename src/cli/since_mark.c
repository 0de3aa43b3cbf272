#include "cli/since_mark.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/diff.h"
#include "cli/approach.h"
#include "record/recording.h"
#include "wire/clock.h"

#define NOISE_NS    (30 * MS_NS_PER_S) /* looked at at least, as far as it is there */
#define LOOK_NS     MS_NS_PER_S
#define LOOKS_KEPT  (2 * NOISE_NS) /* then the older half of the looks goes */
#define GAP_NS      (5 * MS_NS_PER_S)
#define ANEW_NS     MS_NS_PER_S
#define COST_TIMES  50u /* what is made costs one part in so many of the time */
#define FORGET_NS   (10 * MS_NS_PER_S)
#define SLICE_NS    (MS_NS_PER_S / 50) /* of reading, each time that a screen asks */
#define NOTHING_YET "No history yet."

/* Looks at a session, as old as `begun_ns` at most. */
struct looks {
    struct ms_diff_noise *noise;
    uint64_t begun_ns, looked_ns;
};

struct ms_since_mark {
    const struct ms_moment *moment;
    struct ms_approach before;
    uint64_t before_at_ns;       /* that `before` was made for */
    struct ms_approach to_now;   /* only for how it went up and down before now */
    struct looks now[2];         /* the second one begins later and takes the place of the first */
    struct ms_diff_swing *swing; /* before now */
    bool reading;
    char why[96];
    uint64_t serial, diff_serial; /* of the moments that `now` and `diff` are of */
    struct ms_diff *diff;
    uint64_t diff_of_ns; /* time of the model it was made of */
    uint64_t made_ns, cost_ns, asked_ns;
    struct ms_tui_changes told;
};

struct ms_since_mark *ms_since_mark_new(const struct ms_moment *moment)
{
    struct ms_since_mark *since = calloc(1, sizeof *since);
    if (since != NULL) {
        since->moment = moment;
    }
    return since;
}

static void drop_looks(struct looks *looks)
{
    ms_diff_noise_free(looks->noise);
    *looks = (struct looks){.noise = NULL};
}

static void drop_diff(struct ms_since_mark *since)
{
    ms_diff_free(since->diff);
    since->diff = NULL;
    since->told.diff = NULL;
}

static void drop_before(struct ms_since_mark *since)
{
    drop_diff(since);
    ms_approach_drop(&since->before);
}

static void drop_now(struct ms_since_mark *since)
{
    ms_approach_drop(&since->to_now);
    drop_looks(&since->now[0]);
    drop_looks(&since->now[1]);
    ms_diff_swing_free(since->swing);
    since->swing = NULL;
}

static void drop_all(struct ms_since_mark *since)
{
    drop_before(since);
    drop_now(since);
}

void ms_since_mark_free(struct ms_since_mark *since)
{
    if (since != NULL) {
        drop_all(since);
        free(since);
    }
}

static void look(struct looks *looks, const struct ms_model *model)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    if (looks->noise == NULL) {
        looks->noise = ms_diff_noise_new();
        looks->begun_ns = now_ns;
    } else if (now_ns < looks->looked_ns + LOOK_NS) {
        return;
    }
    if (looks->noise != NULL) {
        looks->looked_ns = now_ns;
        (void)ms_diff_noise_look(looks->noise, model); /* without memory: not known */
    }
}

/* A slice of the way to a moment. True when it is there, or, with *error, will never be. */
static bool go_on(struct ms_since_mark *since, struct ms_approach *way,
                  struct ms_recording *recording, uint64_t at_ns, int *error)
{
    *error = way->replay == NULL ? ms_approach_begin(way, recording, at_ns) : 0;
    const int result = *error == 0 ? ms_approach_go(way, SLICE_NS) : *error;
    if (result < 0) {
        ms_approach_drop(way);
        *error = result;
    }
    since->reading = result == 1;
    return result != 1;
}

/* How it went before this moment is read once, and looked at from then on. False: not yet. */
static bool look_at_now(struct ms_since_mark *since, struct ms_recording *recording,
                        const struct ms_model *model)
{
    struct looks *now = since->now;
    const uint64_t now_ns = ms_model_now_ns(model);
    const bool known = now[0].noise != NULL && since->serial == ms_moment_serial(since->moment) &&
                       now_ns >= now[0].looked_ns && now_ns <= now[0].looked_ns + GAP_NS;
    if (!known) {
        int error;
        if (since->to_now.replay == NULL || since->serial != ms_moment_serial(since->moment)) {
            drop_now(since);
            since->serial = ms_moment_serial(since->moment);
        }
        if (!go_on(since, &since->to_now, recording, now_ns, &error)) {
            return false;
        }
        now[0] = (struct looks){.noise = since->to_now.noise,
                                .begun_ns = since->to_now.begun_ns,
                                .looked_ns = since->to_now.looked_ns};
        since->swing = since->to_now.swing;
        since->to_now.noise = NULL;
        since->to_now.swing = NULL;
        ms_approach_drop(&since->to_now);
    }
    look(&now[0], model);
    if (now_ns > now[0].begun_ns + LOOKS_KEPT - NOISE_NS) {
        look(&now[1], model);
    }
    if (now_ns > now[0].begun_ns + LOOKS_KEPT && now[1].noise != NULL) {
        drop_looks(&now[0]);
        now[0] = now[1];
        now[1] = (struct looks){.noise = NULL};
    }
    return true;
}

/* Which moment is compared with; fills in what is told of it. */
static uint64_t choose(struct ms_since_mark *since, struct ms_recording *recording, uint64_t now_ns,
                       size_t marks_back)
{
    struct ms_tui_changes *told = &since->told;
    size_t marks = 0;
    const size_t count = ms_recording_mark_count(recording);
    while (marks < count && ms_recording_mark(recording, marks).at_ns < now_ns) {
        marks++;
    }
    told->marks = marks;
    told->marks_back = marks_back < marks ? marks_back : marks;
    told->mark = "";
    if (told->marks_back == marks) {
        return ms_recording_about(recording).first_ns;
    }
    const struct ms_mark mark = ms_recording_mark(recording, marks - 1 - told->marks_back);
    told->mark = mark.text;
    return mark.at_ns;
}

static void make(struct ms_since_mark *since, const struct ms_model *model)
{
    const uint64_t begun_ns = ms_monotonic_ns();
    drop_diff(since);
    since->diff = ms_diff_new(&(struct ms_diff_side){.model = ms_replay_model(since->before.replay),
                                                     .noise = since->before.noise,
                                                     .swing = since->before.swing},
                              &(struct ms_diff_side){.model = model,
                                                     .noise = since->now[0].noise,
                                                     .swing = since->swing,
                                                     .same_session = true});
    since->diff_of_ns = ms_model_now_ns(model);
    since->made_ns = ms_monotonic_ns();
    since->cost_ns = since->made_ns - begun_ns;
}

static const char *still_reading(struct ms_since_mark *since)
{
    const unsigned done = since->before.there ? 500 + ms_approach_done(&since->to_now) / 2
                                              : ms_approach_done(&since->before) / 2;
    (void)snprintf(since->why, sizeof since->why, "Reading the earlier state: %u %%. Esc cancels.",
                   done / 10);
    return since->why;
}

static const char *make_or_keep(struct ms_since_mark *since, struct ms_recording *recording,
                                size_t marks_back)
{
    const struct ms_model *model = ms_moment_model(since->moment);
    const uint64_t now_ns = ms_model_now_ns(model);
    const uint64_t serial = ms_moment_serial(since->moment);
    const uint64_t at_ns = choose(since, recording, now_ns, marks_back);
    if (since->before_at_ns != at_ns) {
        drop_before(since);
        since->before_at_ns = at_ns;
    }
    if (at_ns >= now_ns) {
        return "There is no earlier moment to compare with.";
    }
    if (!since->before.there) {
        int error;
        if (!go_on(since, &since->before, recording, at_ns, &error)) {
            return still_reading(since);
        }
        if (error != 0) {
            return error == -ENOMEM ? "Out of memory for this screen."
                                    : "That moment cannot be read.";
        }
    }
    since->told.before_ns = ms_model_now_ns(ms_replay_model(since->before.replay));
    if (since->told.before_ns >= now_ns) {
        return "There is no earlier moment to compare with.";
    }
    const uint64_t age_ns = since->asked_ns - since->made_ns;
    const bool old =
        now_ns != since->diff_of_ns && age_ns >= ANEW_NS && age_ns >= COST_TIMES * since->cost_ns;
    if (since->diff == NULL || serial != since->diff_serial || old) {
        if (serial != since->diff_serial) {
            drop_diff(since); /* its model is gone */
        }
        if (!look_at_now(since, recording, model)) {
            return still_reading(since);
        }
        since->diff_serial = serial;
        make(since, model);
    }
    return since->diff == NULL ? "Out of memory for this screen." : NULL;
}

const struct ms_tui_changes *ms_since_mark_get(struct ms_since_mark *since, size_t marks_back)
{
    struct ms_recording *recording = ms_moment_recording(since->moment);
    since->asked_ns = ms_monotonic_ns();
    since->told = (struct ms_tui_changes){.mark = ""};
    since->reading = false;
    if (recording == NULL) {
        since->told.why = "No history is kept: out of memory.";
    } else if (ms_recording_about(recording).last_ns == 0) {
        since->told.why = NOTHING_YET;
    } else {
        since->told.why = make_or_keep(since, recording, marks_back);
    }
    since->told.diff = since->told.why == NULL ? since->diff : NULL;
    return &since->told;
}

bool ms_since_mark_reads(const struct ms_since_mark *since)
{
    return since->reading;
}

void ms_since_mark_rest(struct ms_since_mark *since, uint64_t now_ns)
{
    if (since->asked_ns != 0 && now_ns > since->asked_ns + FORGET_NS) {
        since->asked_ns = 0;
        since->reading = false;
        drop_all(since);
    }
}
