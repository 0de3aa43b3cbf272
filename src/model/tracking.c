#include "model/tracking.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word, *meaning;
} modes[MS_TRACK_MODES] = {
    [MS_TRACK_OFF] = {"off", "nothing is counted; frees of known blocks still are"},
    [MS_TRACK_COUNTERS] = {"counters", "every call on its thread, no call stacks"},
    [MS_TRACK_EXACT] = {"exact", "every call with its call stack"},
    [MS_TRACK_AUTO] = {"auto", "exact while cheap, then less, which is said"},
    [MS_TRACK_SAMPLED] = {"sampled", "exact totals, call stacks of a sample"},
    [MS_TRACK_TRACE] = {"trace", "exact, and every event in order"},
};

const char *ms_tracking_word(enum ms_tracking_mode mode)
{
    return modes[mode].word;
}

const char *ms_tracking_meaning(enum ms_tracking_mode mode)
{
    return modes[mode].meaning;
}

const struct ms_step_down *ms_tracking_step(const struct ms_process_tracking *tracking)
{
    const struct ms_step_down *last =
        tracking->steps_kept > 0 ? &tracking->step[tracking->steps_kept - 1] : NULL;
    return last != NULL && last->in_force ? last : NULL;
}

char *ms_sample_rate_text(char *out, size_t size, const struct ms_sample_rate *rate)
{
    static const char suffixes[] = "KMG";
    if (rate->of_allocations) {
        snprintf(out, size, "%.3g%%", 100.0 / (double)rate->interval);
        return out;
    }
    uint64_t value = rate->interval;
    int suffix = -1;
    while (suffix < 2 && value != 0 && value % 1024 == 0) {
        value /= 1024;
        suffix++;
    }
    snprintf(out, size, "%" PRIu64 "%.*s", value, suffix >= 0 ? 1 : 0,
             suffix >= 0 ? suffixes + suffix : "");
    return out;
}

bool ms_sample_rate_read(const char *text, struct ms_sample_rate *rate)
{
    static const char suffixes[] = "KMG";
    char *end;
    const double value = strtod(text, &end);
    if (end == text || text + strspn(text, "0123456789.") != end || !isfinite(value)) {
        return false;
    }
    const bool percent = strcmp(end, "%") == 0;
    double interval = percent ? round(100 / value) : value;
    if (percent && (value <= 0 || value > 100)) {
        return false;
    }
    if (!percent && *end != '\0') {
        const char upper = *end >= 'a' && *end <= 'z' ? (char)(*end - 'a' + 'A') : *end;
        const char *suffix = strchr(suffixes, upper);
        if (suffix == NULL || end[1] != '\0') {
            return false;
        }
        interval *= (double)(UINT64_C(1) << (10 * (suffix - suffixes + 1)));
    }
    if (interval < 1 || interval > (double)MS_SAMPLE_INTERVAL_MAX || interval != floor(interval)) {
        return false;
    }
    *rate = (struct ms_sample_rate){.interval = (uint64_t)interval, .of_allocations = percent};
    return true;
}

/* Appends after a comma; what does not fit is left out. */
static void add_part(char *out, size_t size, const char *part)
{
    const size_t length = strlen(out);
    snprintf(out + length, size - length, "%s%s", length > 0 ? ", " : "", part);
}

static void add_mode(char *out, size_t size, enum ms_tracking_mode mode,
                     const struct ms_sample_rate *rate)
{
    char rate_text[32];
    char part[64];
    switch (mode) {
    case MS_TRACK_EXACT:
        return;
    case MS_TRACK_SAMPLED:
        snprintf(part, sizeof part, "sampled %s",
                 ms_sample_rate_text(rate_text, sizeof rate_text, rate));
        break;
    case MS_TRACK_COUNTERS:
        snprintf(part, sizeof part, "counters only");
        break;
    case MS_TRACK_OFF:
        snprintf(part, sizeof part, "tracking off");
        break;
    default:
        snprintf(part, sizeof part, "%s", ms_tracking_word(mode));
        break;
    }
    add_part(out, size, part);
}

static void add_depth(char *out, size_t size, enum ms_tracking_mode mode, uint32_t depth)
{
    char part[32];
    if (depth != MS_DEPTH_DEFAULT && mode != MS_TRACK_OFF && mode != MS_TRACK_COUNTERS) {
        snprintf(part, sizeof part, "depth %" PRIu32, depth);
        add_part(out, size, part);
    }
}

static void add_threads(char *out, size_t size, const char *threads)
{
    char part[MS_THREADS_LIST_MAX + 16];
    if (threads[0] != '\0') {
        snprintf(part, sizeof part, "threads %s", threads);
        add_part(out, size, part);
    }
}

char *ms_tracking_settings_text(char *out, size_t size, const struct ms_tracking_settings *settings,
                                bool full)
{
    out[0] = '\0';
    if (full && settings->mode == MS_TRACK_EXACT) {
        add_part(out, size, "exact");
    }
    add_mode(out, size, settings->mode, &settings->rate);
    add_depth(out, size, settings->mode, settings->depth);
    add_threads(out, size, settings->threads);
    return out;
}

char *ms_step_down_text(char *out, size_t size, const struct ms_step_down *step)
{
    char part[32];
    out[0] = '\0';
    add_mode(out, size, step->sampled ? MS_TRACK_SAMPLED : MS_TRACK_EXACT, &step->rate);
    snprintf(part, sizeof part, "depth %" PRIu32, step->depth);
    add_part(out, size, part);
    const size_t length = strlen(out);
    snprintf(out + length, size - length, " (auto: %s)", step->because);
    return out;
}

char *ms_tracking_text(char *out, size_t size, const struct ms_process_tracking *tracking)
{
    out[0] = '\0';
    if (!tracking->known) {
        return out;
    }
    const struct ms_step_down *step = ms_tracking_step(tracking);
    if (step == NULL) {
        return ms_tracking_settings_text(out, size, &tracking->asked, false);
    }
    ms_step_down_text(out, size, step);
    add_threads(out, size, tracking->asked.threads);
    return out;
}
