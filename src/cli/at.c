#include "cli/at.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/moment.h"
#include "model/format.h"
#include "wire/clock.h"

#define MARK_PREFIX "mark:"

uint64_t ms_at_begin_ns(const struct ms_recording_about *about)
{
    return about->first_ns > about->interval_ns ? about->first_ns - about->interval_ns : 0;
}

/* "1h2m3.5s", "90"; false: no time. */
static bool read_time(const char *text, double *seconds)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    enum { UNITS = sizeof units / sizeof units[0] };
    size_t next = 0; /* units come in order, each once */
    *seconds = 0;
    do {
        char *end;
        if (!isdigit((unsigned char)*text) && *text != '.') {
            return false;
        }
        const double number = strtod(text, &end);
        if (end == text || !isfinite(number)) {
            return false;
        }
        if (*end == '\0') { /* seconds need no unit */
            *seconds += number;
            return next < UNITS;
        }
        while (next < UNITS && units[next].unit != *end) {
            next++;
        }
        if (next == UNITS) {
            return false;
        }
        *seconds += number * units[next++].seconds;
        text = end + 1;
    } while (*text != '\0');
    return true;
}

static bool read_share(const char *text, double *share)
{
    char *end;
    if (!isdigit((unsigned char)*text) && *text != '.') {
        return false;
    }
    *share = strtod(text, &end) / 100;
    return strcmp(end, "%") == 0 && *share >= 0 && *share <= 1;
}

static int no_mark(const char *text, const struct ms_recording *recording, char *error,
                   size_t error_bytes)
{
    char shown[128];
    const size_t count = ms_recording_mark_count(recording);
    ms_format_safe(shown, sizeof shown, text, strlen(text), true);
    int length =
        snprintf(error, error_bytes,
                 "not a moment: '%s'; give end, peak, a time such as 1m30s, a share such as 50%%%s",
                 shown, count > 0 ? ", or a mark:" : "; it has no marks");
    for (size_t i = 0; i < count && length > 0 && (size_t)length < error_bytes; i++) {
        const struct ms_mark mark = ms_recording_mark(recording, i);
        if (mark.text[0] != '\0') {
            ms_format_safe(shown, sizeof shown, mark.text, strlen(mark.text), true);
            length += snprintf(error + length, error_bytes - (size_t)length, " '%s'", shown);
        }
    }
    return -EINVAL;
}

static int find_mark(const char *text, const struct ms_recording *recording, uint64_t *at_ns,
                     char *error, size_t error_bytes)
{
    const size_t count = ms_recording_mark_count(recording);
    for (int exactly = 1; exactly >= 0 && *text != '\0'; exactly--) {
        for (size_t i = 0; i < count; i++) {
            const struct ms_mark mark = ms_recording_mark(recording, i);
            if (exactly ? strcmp(mark.text, text) == 0 : strstr(mark.text, text) != NULL) {
                *at_ns = mark.at_ns;
                return 0;
            }
        }
    }
    return no_mark(text, recording, error, error_bytes);
}

uint64_t ms_at_tick_number(const struct ms_recording_about *about, uint64_t at_ns)
{
    const uint64_t interval_ns = about->interval_ns > 0 ? about->interval_ns : 1;
    const uint64_t ticks = at_ns > about->start_ns ? (at_ns - about->start_ns) / interval_ns : 0;
    return ticks > 0 ? ticks - 1 : 0;
}

uint64_t ms_at_tick(const struct ms_recording_about *about, uint64_t at_ns)
{
    return at_ns >= about->last_ns ? about->last_tick : ms_at_tick_number(about, at_ns);
}

/* Its end knows when the most was held. */
static int find_peak(struct ms_recording *recording, uint64_t *at_ns, char *error,
                     size_t error_bytes)
{
    const struct ms_replay_options options = {.ticked = NULL};
    struct ms_replay *replay = ms_replay_new(recording, &options);
    const int result =
        replay != NULL ? ms_replay_seek(replay, ms_recording_about(recording).last_tick) : -ENOMEM;
    *at_ns = result == 0 ? ms_moment_peak_ns(ms_replay_model(replay), 0) : 0;
    ms_replay_free(replay);
    if (result != 0) {
        const char *refused = ms_recording_refused(recording);
        snprintf(error, error_bytes, "its last moment cannot be read: %s",
                 refused != NULL ? refused : strerror(-result));
        return result;
    }
    if (*at_ns == 0) {
        snprintf(error, error_bytes, "the time of its peak is not known");
        return -EINVAL;
    }
    return 0;
}

int ms_at_find(const char *text, struct ms_recording *recording, uint64_t *at_ns, char *error,
               size_t error_bytes)
{
    const struct ms_recording_about about = ms_recording_about(recording);
    const uint64_t begin_ns = ms_at_begin_ns(&about);
    const double whole_ns = (double)(about.last_ns - begin_ns);
    double number;
    *at_ns = about.last_ns;
    if (text == NULL || strcmp(text, "end") == 0) {
        return 0;
    }
    if (strcmp(text, "peak") == 0) {
        return find_peak(recording, at_ns, error, error_bytes);
    }
    if (read_share(text, &number)) {
        *at_ns = begin_ns + (uint64_t)(whole_ns * number);
        return 0;
    }
    if (read_time(text, &number)) {
        const double ns = number * (double)MS_NS_PER_S;
        if (ns > whole_ns) {
            snprintf(error, error_bytes, "%.64s is beyond its end: it is %.1f s long", text,
                     whole_ns / (double)MS_NS_PER_S);
            return -EINVAL;
        }
        *at_ns = begin_ns + (uint64_t)ns;
        return 0;
    }
    const bool prefixed = strncmp(text, MARK_PREFIX, strlen(MARK_PREFIX)) == 0;
    return find_mark(text + (prefixed ? strlen(MARK_PREFIX) : 0), recording, at_ns, error,
                     error_bytes);
}
