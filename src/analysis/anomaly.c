#include "analysis/anomaly.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/median.h"
#include "model/format.h"

#define POINTS_LEAST  20u
#define REFRESH_EVERY 16u /* seconds after which what is usual is reckoned anew */
#define SEEN_TWICE    2u
#define AS_FAR        0.8 /* of a deviation: an earlier one counts as the same */
#define FAR_BEYOND    3.0 /* times the farthest before: what a single second must be */
#define LASTS_SECONDS 5u  /* in a row: then it need not be farther than all before */
#define MAD_SIGMA     0.6745
#define MEAN_SIGMA    1.2533

static size_t finite_of(const double *past, size_t count, double *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(past[i])) {
            out[kept++] = past[i];
        }
    }
    return kept;
}

/* Median and spread of `count` points, which are reordered and overwritten. */
static double spread_of(double *points, size_t count, double *median)
{
    *median = ms_median(points, count);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        points[i] = fabs(points[i] - *median);
        sum += points[i];
    }
    const double mad = ms_median(points, count);
    return mad > 0 ? mad / MAD_SIGMA : MEAN_SIGMA * sum / (double)(count > 0 ? count : 1);
}

static double z_of(double x, double median, double spread)
{
    if (spread > 0) {
        return (x - median) / spread;
    }
    return x > median ? (double)INFINITY : x < median ? -(double)INFINITY : (double)NAN;
}

double ms_robust_z(const double *past, size_t count, double x, double *median, double *deviation)
{
    double usual = (double)NAN;
    double spread = (double)NAN;
    double z = (double)NAN;
    double *points = malloc((count > 0 ? count : 1) * sizeof(*points));
    const size_t kept = points != NULL ? finite_of(past, count, points) : 0;
    if (kept >= POINTS_LEAST) {
        spread = spread_of(points, kept, &usual);
        z = isfinite(x) ? z_of(x, usual, spread) : (double)NAN;
    }
    free(points);
    if (median != NULL) {
        *median = usual;
    }
    if (deviation != NULL) {
        *deviation = spread;
    }
    return z;
}

/* One series; positions are those of seconds. */
struct watch {
    float median, spread;
    uint64_t reckoned; /* position at which these were, 0: never */
    uint64_t first;    /* what came before is not its past any more */
    uint64_t serial;   /* of the anomaly that goes on, 0: none */
    uint64_t began;    /* first of the seconds in a row that are beyond */
    uint64_t latest;   /* last second that was beyond */
    bool beyond, above;
};

struct watched {
    uint32_t id;
    bool seen; /* in this look */
    struct watch *watches;
};

struct list {
    struct watched *things; /* in order of id */
    size_t count, capacity;
};

struct ms_anomalies {
    struct list lists[3]; /* by enum ms_series_of */
    struct ms_anomaly kept[MS_ANOMALIES_KEPT];
    uint64_t serial; /* of the newest; the first is 1 */
    uint64_t looked; /* one past the position looked at last */
    size_t turn;     /* thing that the next look begins with */
};

struct ms_anomalies *ms_anomalies_new(void)
{
    return calloc(1, sizeof(struct ms_anomalies));
}

void ms_anomalies_free(struct ms_anomalies *anomalies)
{
    if (anomalies == NULL) {
        return;
    }
    for (int of = 0; of < 3; of++) {
        struct list *list = &anomalies->lists[of];
        for (size_t i = 0; i < list->count; i++) {
            free(list->things[i].watches);
        }
        free(list->things);
    }
    free(anomalies);
}

static struct ms_anomaly *by_serial(struct ms_anomalies *anomalies, uint64_t serial)
{
    return serial == 0 || serial + MS_ANOMALIES_KEPT <= anomalies->serial
               ? NULL
               : &anomalies->kept[serial % MS_ANOMALIES_KEPT];
}

size_t ms_anomalies_count(const struct ms_anomalies *anomalies)
{
    return anomalies->serial < MS_ANOMALIES_KEPT ? (size_t)anomalies->serial : MS_ANOMALIES_KEPT;
}

const struct ms_anomaly *ms_anomalies_at(const struct ms_anomalies *anomalies, size_t index)
{
    return &anomalies->kept[(anomalies->serial - index) % MS_ANOMALIES_KEPT];
}

static struct watched *find_or_add(struct list *list, uint32_t id, int series)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (list->things[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < list->count && list->things[low].id == id) {
        return &list->things[low];
    }
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity != 0 ? 2 * list->capacity : 16;
        struct watched *things = reallocarray(list->things, capacity, sizeof(*things));
        if (things == NULL) {
            return NULL;
        }
        list->things = things;
        list->capacity = capacity;
    }
    struct watch *watches = calloc((size_t)series, sizeof(*watches));
    if (watches == NULL) {
        return NULL;
    }
    memmove(&list->things[low + 1], &list->things[low],
            (list->count - low) * sizeof(*list->things));
    list->things[low] = (struct watched){.id = id, .watches = watches};
    list->count++;
    return &list->things[low];
}

/* A change below this is none that anybody should be told, however steady the series was. */
static double least_change(int unit, double median)
{
    const double usual = fabs(median);
    switch ((enum ms_unit)unit) {
    case MS_UNIT_PERCENT:
        return 10;
    case MS_UNIT_BYTES:
        return fmax(1e6, usual / 10);
    case MS_UNIT_BYTES_PER_S:
        return fmax(1e6, usual / 4);
    case MS_UNIT_RATE:
        return fmax(100, usual / 4);
    case MS_UNIT_COUNT:
        return fmax(20, usual / 10);
    case MS_UNIT_RATIO:
    case MS_UNIT_MS:
    case MS_UNIT_US:
    case MS_UNIT_INDEX:
        break;
    }
    return fmax(1, usual / 4);
}

/* What a look is at. */
struct look {
    struct ms_anomalies *anomalies;
    const struct ms_model *model;
    uint64_t position;
    size_t left; /* series that may still be looked at */
    enum ms_series_of of;
    uint32_t process_id, thread_id;
};

static uint64_t time_of(const struct ms_model *model, uint64_t position)
{
    const uint64_t interval_ns = ms_model_interval_ns(model);
    return ms_model_start_ns(model) +
           position * ms_history_step(interval_ns, MS_RESOLUTION_SECOND) * interval_ns;
}

static size_t read_past(const struct look *look, const struct watch *watch,
                        const struct ms_history *history, double points[MS_ANOMALY_WINDOW])
{
    uint64_t first = look->position > MS_ANOMALY_WINDOW ? look->position - MS_ANOMALY_WINDOW : 0;
    first = watch->first > first ? watch->first : first;
    const size_t count = (size_t)(look->position - first);
    ms_history_read_at(history, MS_RESOLUTION_SECOND, first, count, points);
    return count;
}

/* False: too little is known. */
static bool reckon(const struct look *look, struct watch *watch, const struct ms_history *history)
{
    double points[MS_ANOMALY_WINDOW];
    double median;
    const size_t count = finite_of(points, read_past(look, watch, history, points), points);
    watch->reckoned = 0;
    if (count < MS_ANOMALY_LEAST_PAST) {
        return false;
    }
    watch->spread = (float)spread_of(points, count, &median);
    watch->median = (float)median;
    watch->reckoned = look->position;
    return true;
}

/* The farthest that the past went to the same side, and how many times about as far as now. */
static void compare_with_past(const struct look *look, const struct watch *watch,
                              const struct ms_history *history, double deviation, double *farthest,
                              unsigned *times)
{
    double points[MS_ANOMALY_WINDOW];
    const size_t count = read_past(look, watch, history, points);
    const double sign = deviation < 0 ? -1 : 1;
    bool inside = true;
    *farthest = 0;
    *times = 0;
    for (size_t i = 0; i < count; i++) {
        const double past = sign * (points[i] - (double)watch->median);
        const bool as_far = past >= AS_FAR * fabs(deviation);
        /* The seconds in a row that the present one belongs to are not its past. */
        const uint64_t position = look->position - count + i;
        if (watch->beyond && position >= watch->began) {
            break;
        }
        *times += as_far && inside ? 1u : 0u;
        inside = !as_far;
        *farthest = past > *farthest ? past : *farthest;
    }
}

static void begin(const struct look *look, struct watch *watch, int series, double x, double z)
{
    struct ms_anomalies *anomalies = look->anomalies;
    watch->serial = ++anomalies->serial;
    *by_serial(anomalies, watch->serial) = (struct ms_anomaly){
        .at_ns = time_of(look->model, watch->began),
        .of = look->of,
        .series = series,
        .process_id = look->process_id,
        .thread_id = look->thread_id,
        .value = x,
        .median = (double)watch->median,
        .z = z,
    };
}

static void end(struct ms_anomalies *anomalies, struct watch *watch, uint64_t end_ns)
{
    struct ms_anomaly *anomaly = by_serial(anomalies, watch->serial);
    if (anomaly != NULL) {
        anomaly->end_ns = end_ns;
    }
    watch->serial = 0;
}

static void go_on(struct ms_anomalies *anomalies, const struct watch *watch, double x, double z)
{
    struct ms_anomaly *anomaly = by_serial(anomalies, watch->serial);
    if (anomaly != NULL &&
        fabs(x - (double)watch->median) > fabs(anomaly->value - anomaly->median)) {
        anomaly->value = x;
        anomaly->z = z;
    }
}

static void back_inside(const struct look *look, struct watch *watch)
{
    /* One second inside does not end it: a spike is often notched. */
    if (watch->serial != 0 && look->position - watch->latest >= 2) {
        end(look->anomalies, watch, time_of(look->model, watch->latest + 1));
    }
    if (watch->serial == 0) {
        watch->beyond = false;
    }
}

static bool is_anomaly(const struct look *look, const struct watch *watch,
                       const struct ms_history *history, double x, double z)
{
    const double deviation = x - (double)watch->median;
    double farthest;
    unsigned times;
    const uint64_t seconds = look->position - watch->began + 1;
    if (fabs(z) < (seconds > 1 ? MS_ANOMALY_TWICE_Z : MS_ANOMALY_ONCE_Z)) {
        return false;
    }
    compare_with_past(look, watch, history, deviation, &farthest, &times);
    const double beyond = seconds == 1              ? FAR_BEYOND * farthest
                          : seconds < LASTS_SECONDS ? farthest
                                                    : 0;
    return times < SEEN_TWICE && fabs(deviation) > beyond;
}

static void look_at(const struct look *look, struct watch *watch, const struct ms_history *history,
                    int series)
{
    double x;
    if (ms_history_read_at(history, MS_RESOLUTION_SECOND, look->position, 1, &x) == 0) {
        back_inside(look, watch);
        return;
    }
    const bool stale = watch->reckoned == 0 || look->position - watch->reckoned >= REFRESH_EVERY;
    if (watch->serial == 0 && stale && !reckon(look, watch, history)) {
        return;
    }
    const int unit = ms_series_info(look->of, series)->unit;
    double z = z_of(x, (double)watch->median, (double)watch->spread);
    const double least = least_change(unit, (double)watch->median);
    if (!(fabs(x - (double)watch->median) >= least) || !(fabs(z) >= MS_ANOMALY_TWICE_Z)) {
        back_inside(look, watch);
        return;
    }
    const bool above = x > (double)watch->median;
    if (!watch->beyond || watch->above != above) {
        if (watch->serial != 0) {
            end(look->anomalies, watch, time_of(look->model, look->position));
        }
        watch->began = look->position;
        if (watch->reckoned != look->position && reckon(look, watch, history)) {
            z = z_of(x, (double)watch->median, (double)watch->spread);
        }
    }
    watch->beyond = true;
    watch->above = above;
    watch->latest = look->position;
    if (watch->serial != 0) {
        go_on(look->anomalies, watch, x, z);
    } else if (is_anomaly(look, watch, history, x, z)) {
        begin(look, watch, series, x, z);
    }
    if (look->position - watch->began >= MS_ANOMALY_LONGEST) {
        end(look->anomalies, watch, time_of(look->model, look->position));
        watch->first = watch->began;
        watch->reckoned = 0;
        watch->beyond = false;
    }
}

static int look_at_thing(struct look *look, uint32_t id, struct ms_history *const *histories)
{
    const int series = ms_series_count(look->of);
    struct watched *watched = find_or_add(&look->anomalies->lists[look->of], id, series);
    if (watched == NULL) {
        return -ENOMEM;
    }
    watched->seen = true;
    if (look->left < (size_t)series) {
        return 0;
    }
    look->left -= (size_t)series;
    for (int i = 0; i < series; i++) {
        if (histories[i] != NULL) {
            look_at(look, &watched->watches[i], histories[i], i);
        }
    }
    return 0;
}

static int look_at_threads(struct look *look)
{
    const size_t count = ms_model_alive_count(look->model);
    int error = 0;
    look->of = MS_SERIES_OF_THREAD;
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread =
            ms_model_thread(look->model, (look->anomalies->turn + i) % count);
        look->process_id = thread->process_id;
        look->thread_id = thread->id;
        error = look_at_thing(look, thread->id, thread->history) != 0 ? -ENOMEM : error;
    }
    look->anomalies->turn += MS_ANOMALY_LOOKS_MAX / MS_SERIES_COUNT;
    return error;
}

static int look_at_processes(struct look *look)
{
    int error = 0;
    look->of = MS_SERIES_OF_PROCESS;
    look->thread_id = 0;
    for (size_t i = 0; i < ms_model_process_count(look->model); i++) {
        const struct ms_process *process = ms_model_process(look->model, i);
        if (process->end_ns == 0) {
            look->process_id = process->id;
            error = look_at_thing(look, process->id, process->history) != 0 ? -ENOMEM : error;
        }
    }
    return error;
}

/* What has ended takes its anomalies along. */
static void forget_ended(struct ms_anomalies *anomalies, enum ms_series_of of, uint64_t now_ns)
{
    struct list *list = &anomalies->lists[of];
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct watched *watched = &list->things[i];
        if (watched->seen) {
            watched->seen = false;
            list->things[kept++] = *watched;
            continue;
        }
        for (int s = 0; s < ms_series_count(of); s++) {
            end(anomalies, &watched->watches[s], now_ns);
        }
        free(watched->watches);
    }
    list->count = kept;
}

int ms_anomalies_update(struct ms_anomalies *anomalies, const struct ms_model *model)
{
    const uint64_t step = ms_history_step(ms_model_interval_ns(model), MS_RESOLUTION_SECOND);
    const uint64_t whole = ms_model_ticks(model) / step;
    if (whole == 0 || whole <= anomalies->looked) {
        return 0;
    }
    anomalies->looked = whole;
    struct look look = {
        .anomalies = anomalies,
        .model = model,
        .position = whole - 1,
        .left = MS_ANOMALY_LOOKS_MAX,
    };
    look.of = MS_SERIES_OF_SYSTEM;
    int error = look_at_thing(&look, 0, ms_model_system(model)->history);
    error = look_at_processes(&look) != 0 ? -ENOMEM : error;
    error = look_at_threads(&look) != 0 ? -ENOMEM : error;
    for (int of = 0; of < 3; of++) {
        forget_ended(anomalies, (enum ms_series_of)of, ms_model_now_ns(model));
    }
    return error;
}

static void subject(const struct ms_anomaly *anomaly, const struct ms_model *model, char *out,
                    size_t size)
{
    const struct ms_thread *thread =
        anomaly->thread_id != 0 ? ms_model_thread_by_id(model, anomaly->thread_id) : NULL;
    const struct ms_process *process = ms_model_process_by_id(model, anomaly->process_id);
    if (thread != NULL) {
        (void)snprintf(out, size, "%.64s", thread->name);
    } else if (anomaly->thread_id != 0) {
        (void)snprintf(out, size, "a thread that is gone");
    } else if (anomaly->process_id == 0) {
        (void)snprintf(out, size, "the machine");
    } else if (process != NULL) {
        char name[MS_PROCESS_NAME_MAX];
        (void)snprintf(out, size, "%s (pid %d)", ms_process_name(process, name, sizeof(name)),
                       (int)process->pid);
    } else {
        (void)snprintf(out, size, "a process that is gone");
    }
}

static char *figure(char *out, size_t size, double value, int unit)
{
    ms_format_value(out, size, ms_value_of(value), (enum ms_unit)unit);
    const size_t used = strlen(out);
    (void)snprintf(out + used, size - used, "%s",
                   unit == MS_UNIT_PERCENT ? " %"
                   : unit == MS_UNIT_RATE  ? "/s"
                                           : "");
    return out;
}

char *ms_anomaly_text(const struct ms_anomaly *anomaly, const struct ms_model *model, char *out,
                      size_t size)
{
    const struct ms_series_info *info = ms_series_info(anomaly->of, anomaly->series);
    char who[100];
    char value[MS_FORMAT_MAX + 4];
    char usual[MS_FORMAT_MAX + 4];
    char z[24] = "";
    subject(anomaly, model, who, sizeof(who));
    if (isfinite(anomaly->z)) {
        (void)snprintf(z, sizeof(z), " (z %.1f)", anomaly->z);
    }
    (void)snprintf(out, size, "%s of %s %s, usually %s%s", info->heading, who,
                   figure(value, sizeof(value), anomaly->value, info->unit),
                   figure(usual, sizeof(usual), anomaly->median, info->unit), z);
    return out;
}
