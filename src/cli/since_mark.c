#include "cli/since_mark.h"

#include <stdlib.h>

#include "analysis/diff.h"
#include "record/recording.h"
#include "wire/clock.h"

#define NOISE_NS    (30 * MS_NS_PER_S) /* looked at before each moment */
#define LOOK_NS     MS_NS_PER_S
#define LOOKS_KEPT  (2 * NOISE_NS) /* then the older half of the looks goes */
#define GAP_NS      (5 * MS_NS_PER_S)
#define ANEW_NS     MS_NS_PER_S
#define COST_TIMES  50u /* what is made costs one part in so many of the time */
#define FORGET_NS   (10 * MS_NS_PER_S)
#define NOTHING_YET "There is nothing to look back at yet."

/* Looks at a session, as old as `begun_ns` at most. */
struct looks {
    struct ms_diff_noise *noise;
    uint64_t begun_ns, looked_ns;
};

struct ms_since_mark {
    const struct ms_moment *moment;
    struct ms_replay *before;
    struct looks before_looks;
    uint64_t before_at_ns; /* that `before` was made for */
    struct looks now[2];   /* the second one begins later and takes the place of the first */
    uint64_t serial;       /* of the moment that `now` and `diff` are of */
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
    ms_replay_free(since->before);
    since->before = NULL;
    drop_looks(&since->before_looks);
}

static void drop_all(struct ms_since_mark *since)
{
    drop_before(since);
    drop_looks(&since->now[0]);
    drop_looks(&since->now[1]);
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

static void look_at_replay(void *context, const struct ms_model *model, bool anew)
{
    (void)anew; /* what was looked at is kept by name, not by model */
    look(context, model);
}

/* A replay at a moment, with looks at what lies before it; NULL when it cannot be read. */
static struct ms_replay *go_to(struct ms_recording *recording, uint64_t at_ns, struct looks *looks)
{
    const struct ms_replay_options options = {
        .ticked = look_at_replay, .context = looks, .warm_ns = NOISE_NS};
    const struct ms_recording_about about = ms_recording_about(recording);
    const uint64_t since_ns = at_ns > about.start_ns ? at_ns - about.start_ns : 0;
    const uint64_t ticks = about.interval_ns > 0 ? since_ns / about.interval_ns : 0;
    struct ms_replay *replay = ms_replay_new(recording, &options);
    /* Tick n ends n + 1 intervals after the start. */
    if (replay != NULL && ms_replay_seek(replay, ticks > 0 ? ticks - 1 : 0) != 0) {
        ms_replay_free(replay);
        replay = NULL;
    }
    return replay;
}

static void look_at_now(struct ms_since_mark *since, struct ms_recording *recording,
                        const struct ms_model *model)
{
    struct looks *now = since->now;
    const uint64_t now_ns = ms_model_now_ns(model);
    if (now[0].noise == NULL || since->serial != ms_moment_serial(since->moment) ||
        now_ns < now[0].looked_ns || now_ns > now[0].looked_ns + GAP_NS) {
        drop_looks(&now[0]);
        drop_looks(&now[1]);
        ms_replay_free(go_to(recording, now_ns, &now[0]));
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
    since->diff = ms_diff_new(
        &(struct ms_diff_side){.model = ms_replay_model(since->before),
                               .noise = since->before_looks.noise},
        &(struct ms_diff_side){.model = model, .noise = since->now[0].noise, .same_session = true});
    since->diff_of_ns = ms_model_now_ns(model);
    since->made_ns = ms_monotonic_ns();
    since->cost_ns = since->made_ns - begun_ns;
}

static const char *make_or_keep(struct ms_since_mark *since, struct ms_recording *recording,
                                size_t marks_back)
{
    const struct ms_model *model = ms_moment_model(since->moment);
    const uint64_t now_ns = ms_model_now_ns(model);
    const uint64_t serial = ms_moment_serial(since->moment);
    const uint64_t at_ns = choose(since, recording, now_ns, marks_back);
    if (since->before == NULL || since->before_at_ns != at_ns) {
        drop_before(since);
        since->before = go_to(recording, at_ns, &since->before_looks);
        since->before_at_ns = at_ns;
    }
    if (since->before == NULL) {
        return "That moment cannot be read.";
    }
    since->told.before_ns = ms_model_now_ns(ms_replay_model(since->before));
    if (since->told.before_ns >= now_ns) {
        return "Nothing lies before this moment that it could be compared with.";
    }
    const uint64_t age_ns = since->asked_ns - since->made_ns;
    const bool old =
        now_ns != since->diff_of_ns && age_ns >= ANEW_NS && age_ns >= COST_TIMES * since->cost_ns;
    if (since->diff == NULL || serial != since->serial || old) {
        look_at_now(since, recording, model);
        since->serial = serial;
        make(since, model);
    }
    return since->diff == NULL ? "There is no memory for this screen." : NULL;
}

const struct ms_tui_changes *ms_since_mark_get(struct ms_since_mark *since, size_t marks_back)
{
    struct ms_recording *recording = ms_moment_recording(since->moment);
    since->asked_ns = ms_monotonic_ns();
    since->told = (struct ms_tui_changes){.mark = ""};
    if (recording == NULL) {
        since->told.why = "Nothing is kept to look back at: there was no memory for it.";
    } else if (ms_recording_about(recording).last_ns == 0) {
        since->told.why = NOTHING_YET;
    } else {
        since->told.why = make_or_keep(since, recording, marks_back);
    }
    since->told.diff = since->told.why == NULL ? since->diff : NULL;
    return &since->told;
}

void ms_since_mark_rest(struct ms_since_mark *since, uint64_t now_ns)
{
    if (since->asked_ns != 0 && now_ns > since->asked_ns + FORGET_NS) {
        since->asked_ns = 0;
        drop_all(since);
    }
}
