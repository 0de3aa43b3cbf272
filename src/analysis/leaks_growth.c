/*
 * The formula of a likely leak.
 *
 * Blocks that are freed again make what is live go up and down; blocks that are not make its floor
 * rise. floor(i) is the least that was live in window i. A run ends with the newest window and
 * reaches back as long as floors rise, in blocks and in bytes; one window in six may fail to, not
 * the newest two. A run grows when
 *
 *     it has 3 rises or more, lasts 25 s or more (of windows for most of which the process was held
 *     up, only what it had counts: what fills is not full sooner than the process comes to it), and
 *     rose by 8 kB or 128 blocks,
 *     its last floor is above the ceiling of the window that it began in (else the site only
 *     swings), and above every floor before (else it fills up again what it had freed), unless the
 *     run is twice as long as all before it.
 *
 * How sure that is, from the rates of rise r(1..n) in blocks a second:
 *
 *     confidence = length x steadiness x constancy
 *     length     = 1 - 2^-(n-1)
 *     steadiness = z^2 / (z^2 + 16), z = mean(r) / (deviation(r) / sqrt(n)): little for a random
 *                  walk, 1 for equal rises; r is for each second, or for each unit of the
 *                  process's work, as below, where it is steadier so: a program whose load
 *                  changes leaks unsteadily in time, but not by what it does
 *     constancy  = (d - 0.75) / 0.25 within 0..1, d = how much of its pace the growth keeps: mean
 *                  of the later half of r over that of the earlier, divided by the same of the
 *                  process's work where that fell by a tenth or more (blocks it frees and CPU
 *                  time between the floors, whichever fell more), plus its standard error. A leak
 * loses a constant share of the work; a cache that fills loses less and less.
 *
 * The slope is that of the least squares line through the floors.
 */
#include "analysis/leaks_growth.h"

#include <math.h>
#include <string.h>

#include "analysis/leaks.h"

#define BYTES_MIN  8000u
#define BLOCKS_MIN 128u

#define WINDOWS_PER_FAILURE 6u

#define PACE_STOPS 0.75
#define PACE_HOLDS 1.00

#define WORK_MIN_BLOCKS 100.0 /* in half a run: fewer say nothing about how busy a process is */
#define WORK_MIN_CPU_S  0.2
#define FELL_TO         0.90 /* work that fell by less did not fall */
#define EXCUSE_MIN      0.05

void ms_growth_append(struct ms_growth *growth, const struct ms_growth_window *window)
{
    if (growth->count == MS_GROWTH_WINDOWS) {
        growth->count--;
        memmove(growth->windows, growth->windows + 1, growth->count * sizeof(*growth->windows));
    }
    growth->windows[growth->count++] = *window;
}

static struct ms_growth_window joined(const struct ms_growth_window *a,
                                      const struct ms_growth_window *b)
{
    const struct ms_growth_window *lower = b->floor_blocks < a->floor_blocks ? b : a;
    return (struct ms_growth_window){
        .end_ns = b->end_ns,
        .floor_bytes = a->floor_bytes < b->floor_bytes ? a->floor_bytes : b->floor_bytes,
        .floor_blocks = a->floor_blocks < b->floor_blocks ? a->floor_blocks : b->floor_blocks,
        .ceiling_bytes = a->ceiling_bytes > b->ceiling_bytes ? a->ceiling_bytes : b->ceiling_bytes,
        .seconds = a->seconds + b->seconds,
        .held_up_s = a->held_up_s + b->held_up_s,
        .allocations = a->allocations + b->allocations,
        .work_blocks = lower->work_blocks,
        .work_cpu_s = lower->work_cpu_s,
    };
}

void ms_growth_join_pairs(struct ms_growth *growth)
{
    const uint32_t odd = growth->count % 2;
    for (uint32_t pair = 0; pair < growth->count / 2; pair++) {
        const struct ms_growth_window *first = &growth->windows[odd + 2 * pair];
        growth->windows[pair] = joined(first, first + 1);
    }
    growth->count /= 2;
}

static bool rises_into(const struct ms_growth *growth, uint32_t index)
{
    const struct ms_growth_window *window = &growth->windows[index];
    return window->floor_blocks > window[-1].floor_blocks &&
           window->floor_bytes > window[-1].floor_bytes;
}

bool ms_growth_rose(const struct ms_growth *growth, uint32_t windows)
{
    for (uint32_t i = growth->count; i-- > 1 && windows > 0; windows--) {
        if (rises_into(growth, i)) {
            return true;
        }
    }
    return false;
}

/* Index of the window that the newest run began in; the newest one when there is no run. */
static uint32_t run_start(const struct ms_growth *growth, uint32_t *rises)
{
    const uint32_t newest = growth->count - 1;
    uint32_t start = newest;
    uint32_t failures = 0;
    uint32_t so_far = 0;
    *rises = 0;
    for (uint32_t i = newest; i > 0; i--) {
        if (rises_into(growth, i)) {
            so_far++;
        } else if (++failures == 2 && so_far == 0) {
            break;
        }
        if (rises_into(growth, i) && failures * WINDOWS_PER_FAILURE <= so_far + failures) {
            start = i - 1;
            *rises = so_far;
        }
    }
    return start;
}

/* The run is no return to what the site once had. */
static bool breaks_new_ground(const struct ms_growth *growth, uint32_t start)
{
    const struct ms_growth_window *newest = &growth->windows[growth->count - 1];
    if (newest->floor_bytes <= growth->windows[start].ceiling_bytes) {
        return false;
    }
    const uint32_t spans = growth->count - 1 - start;
    if (spans >= 2 * start) {
        return true;
    }
    for (uint32_t i = 0; i < start; i++) {
        if (growth->windows[i].floor_bytes >= newest->floor_bytes) {
            return false;
        }
    }
    return true;
}

/* The rises of a run. */
struct rises {
    uint32_t count;
    double rate[MS_GROWTH_WINDOWS]; /* blocks a second */
    double mean, deviation;
    double scatter; /* deviation from a straight line through the rates */
};

static void take_rises(const struct ms_growth *growth, uint32_t start, struct rises *rises)
{
    *rises = (struct rises){.count = growth->count - 1 - start};
    const double n = rises->count;
    double sum = 0;
    for (uint32_t i = 0; i < rises->count; i++) {
        const struct ms_growth_window *window = &growth->windows[start + 1 + i];
        const double blocks = (double)window->floor_blocks - (double)window[-1].floor_blocks;
        rises->rate[i] = blocks / (window->seconds > 0 ? (double)window->seconds : 1);
        sum += rises->rate[i];
    }
    rises->mean = sum / n;
    double squares = 0;
    double products = 0;
    double spread = 0;
    for (uint32_t i = 0; i < rises->count; i++) {
        const double x = i - (n - 1) / 2;
        const double y = rises->rate[i] - rises->mean;
        squares += y * y;
        products += x * y;
        spread += x * x;
    }
    rises->deviation = n > 1 ? sqrt(squares / (n - 1)) : 0;
    const double rest = squares - (spread > 0 ? products * products / spread : 0);
    rises->scatter = n > 2 && rest > 0 ? sqrt(rest / (n - 2)) : 0;
}

static double work_between(const struct ms_growth_window *from, const struct ms_growth_window *to,
                           bool of_cpu)
{
    return of_cpu ? to->work_cpu_s - from->work_cpu_s : to->work_blocks - from->work_blocks;
}

/* Later half over earlier half; 1 when there is too little to tell. */
static double excuse_of(const struct ms_growth *growth, uint32_t start, bool of_cpu)
{
    const uint32_t newest = growth->count - 1;
    const uint32_t half = (newest - start) / 2;
    const struct ms_growth_window *windows = growth->windows;
    const double early = work_between(&windows[start], &windows[start + half], of_cpu);
    const double late = work_between(&windows[newest - half], &windows[newest], of_cpu);
    if (!(early >= (of_cpu ? WORK_MIN_CPU_S : WORK_MIN_BLOCKS)) || !(late < FELL_TO * early)) {
        return 1;
    }
    return late / early > EXCUSE_MIN ? late / early : EXCUSE_MIN;
}

static double constancy(const struct ms_growth *growth, uint32_t start, const struct rises *rises)
{
    const uint32_t half = rises->count / 2;
    double early = 0;
    double late = 0;
    for (uint32_t i = 0; i < half; i++) {
        early += rises->rate[i] / half;
        late += rises->rate[rises->count - half + i] / half;
    }
    if (half == 0 || !(early > 0)) {
        return 1;
    }
    const double work = excuse_of(growth, start, false);
    const double cpu = excuse_of(growth, start, true);
    const double pace = late / early / (work < cpu ? work : cpu);
    const double error = pace * rises->scatter / rises->mean * sqrt(2.0 / half);
    const double share = (pace + error - PACE_STOPS) / (PACE_HOLDS - PACE_STOPS);
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* Deviation of the rises for each unit of work over their mean; infinite: the work cannot tell. */
static double deviation_by_work(const struct ms_growth *growth, uint32_t start, bool of_cpu)
{
    const uint32_t newest = growth->count - 1;
    const double n = newest - start;
    double sum = 0;
    double squares = 0;
    if (n < 2 || !(work_between(&growth->windows[start], &growth->windows[newest], of_cpu) >=
                   2 * (of_cpu ? WORK_MIN_CPU_S : WORK_MIN_BLOCKS))) {
        return INFINITY;
    }
    for (uint32_t i = start + 1; i <= newest; i++) {
        const struct ms_growth_window *window = &growth->windows[i];
        const double work = work_between(window - 1, window, of_cpu);
        if (!(work > 0)) {
            return INFINITY;
        }
        const double share =
            ((double)window->floor_blocks - (double)window[-1].floor_blocks) / work;
        sum += share;
        squares += share * share;
    }
    const double variance = (squares - sum * sum / n) / (n - 1);
    return sum > 0 ? sqrt(variance > 0 ? variance : 0) / (sum / n) : INFINITY;
}

static double steadiness(const struct ms_growth *growth, uint32_t start, const struct rises *rises)
{
    const double by_time = rises->deviation / rises->mean;
    const double by_blocks = deviation_by_work(growth, start, false);
    const double by_cpu = deviation_by_work(growth, start, true);
    const double least = fmin(by_time, fmin(by_blocks, by_cpu));
    return 1 / (1 + 16 * least * least / rises->count);
}

static double slope_of(const struct ms_growth *growth, uint32_t start)
{
    const uint32_t count = growth->count - start;
    double x_sum = 0;
    double y_sum = 0;
    const uint64_t zero_ns = growth->windows[start].end_ns;
    for (uint32_t i = start; i < growth->count; i++) {
        x_sum += (double)(growth->windows[i].end_ns - zero_ns) / 1e9;
        y_sum += (double)growth->windows[i].floor_bytes;
    }
    double products = 0;
    double spread = 0;
    for (uint32_t i = start; i < growth->count; i++) {
        const double x = (double)(growth->windows[i].end_ns - zero_ns) / 1e9 - x_sum / count;
        products += x * ((double)growth->windows[i].floor_bytes - y_sum / count);
        spread += x * x;
    }
    return spread > 0 ? products / spread : 0;
}

static uint64_t had_ns(const struct ms_growth *growth, uint32_t start, uint64_t age_ns)
{
    double held_up_s = 0;
    for (uint32_t i = start + 1; i < growth->count; i++) {
        held_up_s += (double)growth->windows[i].held_up_s;
    }
    const double had = (double)age_ns - held_up_s * 1e9;
    return held_up_s > 0 ? (uint64_t)fmax(0, had) : age_ns;
}

struct ms_growth_verdict ms_growth_judge(const struct ms_growth *growth)
{
    struct ms_growth_verdict verdict = {0};
    if (growth->count < 2) {
        return verdict;
    }
    const uint32_t start = run_start(growth, &verdict.rises);
    const struct ms_growth_window *first = &growth->windows[start];
    const struct ms_growth_window *newest = &growth->windows[growth->count - 1];
    verdict.spans = growth->count - 1 - start;
    verdict.since_ns = first->end_ns;
    verdict.age_ns = newest->end_ns - first->end_ns;
    verdict.had_ns = had_ns(growth, start, verdict.age_ns);
    if (verdict.rises < MS_LEAK_WINDOWS_MIN || verdict.had_ns < MS_GROWTH_AGE_MIN_NS ||
        newest->floor_bytes <= first->floor_bytes || newest->floor_blocks <= first->floor_blocks ||
        !breaks_new_ground(growth, start)) {
        return verdict;
    }
    verdict.bytes = newest->floor_bytes - first->floor_bytes;
    verdict.blocks = newest->floor_blocks - first->floor_blocks;
    if (verdict.bytes < BYTES_MIN && verdict.blocks < BLOCKS_MIN) {
        return verdict;
    }
    double allocations = 0;
    for (uint32_t i = start + 1; i < growth->count; i++) {
        allocations += (double)growth->windows[i].allocations;
    }
    struct rises rises;
    take_rises(growth, start, &rises);
    verdict.grows = true;
    verdict.slope_bytes_per_s = slope_of(growth, start);
    verdict.kept = allocations > 0 ? (double)verdict.blocks / allocations : NAN;
    verdict.kept = verdict.kept > 1 ? 1 : verdict.kept;
    verdict.confidence = (1 - exp2(1.0 - rises.count)) * steadiness(growth, start, &rises) *
                         constancy(growth, start, &rises);
    return verdict;
}
