/*
 * Likely leaks: which call sites are watched, window by window, and what is told of those that
 * grow. The formula stands in leaks_growth.c.
 *
 * Windows are 5 s at first; when 24 of them are full they become 12 of twice the length, up to
 * 80 s: so the phases of a program's start are outgrown, and a program that runs for days is
 * judged by minutes. A window in which a site allocated nothing and its process did nothing at all
 * says nothing and is left out.
 *
 * What it costs. Of every site the floor of two windows is kept (12 bytes): only sites whose floor
 * rose are watched, at most WATCHED_MAX (1.8 kB each). When there are more, the quarter that rose
 * least goes at the end of a window. An update looks at what is watched and, once they were read
 * again, at SITES_A_LOOK more sites: with a million of them one is looked at every few seconds.
 */
#include "analysis/leaks.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/leaks_growth.h"
#include "model/chunks.h"
#include "model/figures.h"
#include "model/format.h"
#include "model/index.h"

#define WHY_MAX 112u /* of the reason, without the time that it is of */

#define WINDOW_NS     (5 * MS_SECOND_NS)
#define WINDOW_MAX_NS (80 * MS_SECOND_NS)
#define WATCHED_MAX   4096u
#define SITES_A_LOOK  20000u
#define QUIET_WINDOWS 6u /* without a rise: no longer watched */

#define SURE_ENOUGH       0.5
#define STILL_SURE        0.4 /* for what is one already */
#define OLD_BLOCKS_WEIGHT 0.25

#define IDLE_CPU_SHARE   0.01
#define IDLE_ALLOCATIONS 10u

#define IS_WATCHED UINT32_MAX

/* Of every site, in live blocks. */
struct glance {
    uint32_t floor_before, floor;
    uint32_t window; /* that `floor` is of; 0: never looked at; IS_WATCHED */
};

/* What a process had done when a window began. */
struct work {
    uint64_t frees, allocations;
    double cpu_s;
};

struct watched {
    uint64_t floor_bytes, floor_blocks, ceiling_bytes; /* of the window that is open */
    uint64_t begin_ns;
    uint64_t allocations;   /* of the site when it began */
    struct work work;       /* as it began */
    struct work floor_work; /* when the floor was seen */
    struct ms_growth growth;
    bool likely;
    bool ended; /* with its process: judged for the last time */
    struct ms_leak leak;
    char why[WHY_MAX];
};

struct ms_leaks {
    const struct ms_suppressions *suppressions;
    struct ms_chunks glances; /* index: position of the site */
    uint64_t sites_version;
    struct ms_chunks watched; /* struct watched */
    struct ms_index by_site;
    uint32_t *likely; /* positions in `watched`, in order */
    size_t likely_count, likely_capacity;
    uint64_t begin_ns, window_begin_ns, window_ns;
    uint32_t window;              /* number of the open one, from 1 */
    size_t next_site, sites_left; /* to be looked at since they were read */
    uint64_t sites_read_ns;
    uint64_t names_version;
};

struct ms_leaks *ms_leaks_new(const struct ms_suppressions *suppressions)
{
    struct ms_leaks *leaks = calloc(1, sizeof(*leaks));
    if (leaks != NULL) {
        leaks->suppressions = suppressions;
        leaks->glances.element_bytes = sizeof(struct glance);
        leaks->watched.element_bytes = sizeof(struct watched);
        leaks->window_ns = WINDOW_NS;
    }
    return leaks;
}

void ms_leaks_free(struct ms_leaks *leaks)
{
    if (leaks == NULL) {
        return;
    }
    ms_chunks_free(&leaks->glances);
    ms_chunks_free(&leaks->watched);
    ms_index_free(&leaks->by_site);
    free(leaks->likely);
    free(leaks);
}

static struct watched *watched_at(const struct ms_leaks *leaks, size_t position)
{
    return ms_chunks_at(&leaks->watched, position);
}

/* NULL: the site is gone, or too new. */
static struct glance *glance_of(const struct ms_leaks *leaks, const struct ms_model *model,
                                uint32_t site_id)
{
    const size_t position = ms_model_site_position(model, site_id);
    return position < leaks->glances.count ? ms_chunks_at(&leaks->glances, position) : NULL;
}

static uint32_t hash_of(uint32_t site_id)
{
    return ms_hash_pair(site_id, 1);
}

static uint64_t live_blocks(const struct ms_site *site)
{
    return site->heap.allocations > site->heap.deallocations
               ? site->heap.allocations - site->heap.deallocations
               : 0;
}

static uint32_t clamped(uint64_t number)
{
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static struct work work_of(const struct ms_process *process)
{
    struct work work = {.cpu_s = NAN};
    if (process != NULL) {
        const struct ms_process_kernel *kernel = &process->kernel;
        work.frees = process->totals.deallocations;
        work.allocations = process->totals.allocations;
        if (kernel->user_ns + kernel->system_ns > 0) {
            work.cpu_s = (double)(kernel->user_ns + kernel->system_ns) / 1e9;
        }
    }
    return work;
}

static void open_window(struct watched *watched, const struct ms_site *site,
                        const struct work *work, uint64_t now_ns)
{
    watched->begin_ns = now_ns;
    watched->work = watched->floor_work = *work;
    watched->allocations = site->heap.allocations;
    watched->floor_bytes = watched->ceiling_bytes = ms_heap_current_bytes(&site->heap);
    watched->floor_blocks = live_blocks(site);
}

static void look_at_watched(struct watched *watched, const struct ms_site *site,
                            const struct work *work)
{
    const uint64_t bytes = ms_heap_current_bytes(&site->heap);
    const uint64_t blocks = live_blocks(site);
    watched->leak.live_bytes = bytes;
    watched->leak.live_blocks = blocks;
    if (watched->ended) {
        return;
    }
    watched->floor_bytes = bytes < watched->floor_bytes ? bytes : watched->floor_bytes;
    if (blocks < watched->floor_blocks) {
        watched->floor_blocks = blocks;
        watched->floor_work = *work;
    }
    watched->ceiling_bytes = bytes > watched->ceiling_bytes ? bytes : watched->ceiling_bytes;
}

/* The site's floor rose: from now on all of it is kept. */
static int watch(struct ms_leaks *leaks, const struct ms_model *model, const struct ms_site *site)
{
    if (leaks->watched.count >= WATCHED_MAX) {
        return 0;
    }
    const struct ms_process *process = ms_model_process_by_id(model, site->process_id);
    if (process == NULL || process->end_ns != 0) {
        return 0;
    }
    struct watched *watched = ms_chunks_add(&leaks->watched);
    if (watched == NULL) {
        return -ENOMEM;
    }
    if (ms_index_add(&leaks->by_site, hash_of(site->id), (uint32_t)(leaks->watched.count - 1)) !=
        0) {
        ms_chunks_drop_last(&leaks->watched);
        return -ENOMEM;
    }
    watched->leak = (struct ms_leak){.site_id = site->id, .process_id = site->process_id};
    const struct work work = work_of(process);
    open_window(watched, site, &work, ms_model_now_ns(model));
    look_at_watched(watched, site, &work);
    glance_of(leaks, model, site->id)->window = IS_WATCHED;
    return 0;
}

static void unwatch(struct ms_leaks *leaks, const struct ms_model *model, size_t position)
{
    struct watched *watched = watched_at(leaks, position);
    const uint32_t site_id = watched->leak.site_id;
    const uint32_t floor = clamped(watched->floor_blocks);
    struct glance *glance = glance_of(leaks, model, site_id);
    if (glance != NULL) {
        *glance = (struct glance){.floor_before = floor, .floor = floor, .window = leaks->window};
    }
    ms_index_remove(&leaks->by_site, hash_of(site_id), (uint32_t)position);
    const size_t last = leaks->watched.count - 1;
    if (position != last) {
        *watched = *watched_at(leaks, last);
        ms_index_move(&leaks->by_site, hash_of(watched->leak.site_id), (uint32_t)last,
                      (uint32_t)position);
    }
    ms_chunks_drop_last(&leaks->watched);
}

static int glance_at(struct ms_leaks *leaks, const struct ms_model *model, size_t position)
{
    const struct ms_site *site = ms_model_site(model, position);
    struct glance *glance = ms_chunks_at(&leaks->glances, position);
    if (glance->window == IS_WATCHED || (site->flags & MS_SITE_NOT_SAMPLED) != 0) {
        return 0;
    }
    const uint32_t blocks = clamped(live_blocks(site));
    if (glance->window == leaks->window) {
        glance->floor = blocks < glance->floor ? blocks : glance->floor;
        return 0;
    }
    const bool rose =
        glance->window != 0 && glance->floor > glance->floor_before && blocks >= glance->floor;
    /* The first floor is that of the window in which the site came up: nothing to rise from. */
    glance->floor_before = glance->window != 0 ? glance->floor : blocks;
    glance->floor = blocks;
    glance->window = leaks->window;
    return rose ? watch(leaks, model, site) : 0;
}

/* When call sites were read last, in any process; 0: that is not known. */
static uint64_t newest_reading_ns(const struct ms_model *model)
{
    uint64_t newest_ns = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const uint64_t read_ns = ms_model_process(model, i)->sites_read_ns;
        newest_ns = read_ns > newest_ns ? read_ns : newest_ns;
    }
    return newest_ns;
}

/* Looks at as many sites as an update may, from where the last one stopped. */
static int glance_at_next(struct ms_leaks *leaks, const struct ms_model *model)
{
    const size_t count = ms_model_site_count(model);
    while (leaks->glances.count < count) {
        if (ms_chunks_add(&leaks->glances) == NULL) {
            break;
        }
    }
    const size_t known = leaks->glances.count;
    int error = known < count ? -ENOMEM : 0;
    const uint64_t read_ns = newest_reading_ns(model);
    if (read_ns == 0 || read_ns != leaks->sites_read_ns) {
        leaks->sites_read_ns = read_ns;
        leaks->sites_left = known;
    }
    leaks->sites_left = leaks->sites_left < known ? leaks->sites_left : known;
    for (size_t looked = 0; leaks->sites_left > 0 && looked < SITES_A_LOOK; looked++) {
        leaks->sites_left--;
        leaks->next_site = leaks->next_site < known ? leaks->next_site : 0;
        const int result = glance_at(leaks, model, leaks->next_site++);
        error = error != 0 ? error : result;
    }
    return error;
}

static bool said_nothing(const struct watched *watched, const struct ms_site *site,
                         const struct work *work, double seconds)
{
    const double cpu_s = work->cpu_s - watched->work.cpu_s;
    return site->heap.allocations == watched->allocations &&
           work->allocations - watched->work.allocations < IDLE_ALLOCATIONS &&
           (isnan(cpu_s) || cpu_s < IDLE_CPU_SHARE * seconds);
}

/* The share of growth and old frees that is old frees: blocks that lived for half the age of the
 * growth and were freed all the same. */
static double old_frees_share(const struct ms_figures *figures,
                              const struct ms_growth_verdict *verdict)
{
    double old = 0;
    for (unsigned class = 1; class < MS_HISTOGRAM_LIFETIMES; class ++) {
        if (ms_lifetime_class_bound_ns(class - 1) >= verdict->age_ns / 2) {
            old += (double)figures->lifetimes.events[class];
        }
    }
    const double kept = (double)verdict->blocks;
    return old + kept > 0 ? old / (old + kept) : 0;
}

/* The judgement stands when nothing was learnt since, but is told to be old. */
static void say_when(const struct ms_leaks *leaks, struct watched *watched, uint64_t now_ns)
{
    const struct ms_growth *growth = &watched->growth;
    const uint64_t rest_ns = now_ns - growth->windows[growth->count - 1].end_ns;
    char when[MS_LEAK_REASON_MAX - WHY_MAX] = "";
    /* Of a process that ended within a window, that window tells nothing. */
    if (rest_ns > (watched->ended ? 2 * leaks->window_ns : 0)) {
        (void)snprintf(when, sizeof(when),
                       "as of %" PRIu64 " s %s, idle since: ", rest_ns / MS_SECOND_NS,
                       watched->ended ? "before its end" : "ago");
    } else if (watched->ended) {
        (void)snprintf(when, sizeof(when), "as of its end: ");
    }
    (void)snprintf(watched->leak.reason, sizeof(watched->leak.reason), "%s%s", when, watched->why);
}

static void say_why(struct watched *watched, const struct ms_growth_verdict *verdict,
                    const struct ms_figures *figures, uint64_t window_ns)
{
    char rate[MS_FORMAT_MAX];
    char kept[48] = "";
    if (!isnan(verdict->kept)) {
        const double percent = verdict->kept * 100;
        (void)snprintf(kept, sizeof(kept), "; %.*f %% of what it allocates stays",
                       percent < 10 && percent > 0 ? 1 : 0, percent);
    }
    (void)snprintf(watched->why, sizeof(watched->why), "grew in %u of %u windows of %u s, %s%s%s",
                   (unsigned)verdict->rises, (unsigned)verdict->spans,
                   (unsigned)(window_ns / MS_SECOND_NS),
                   ms_format_bytes_rate(rate, sizeof(rate), verdict->slope_bytes_per_s), kept,
                   figures->samples > 0 ? "; estimated from a sample" : "");
}

/* What the sample's error, and blocks that were freed late, take from the confidence. */
static double trust_in(const struct ms_figures *figures, const struct ms_growth_verdict *verdict,
                       const struct ms_leak *leak)
{
    double trust = 1 - OLD_BLOCKS_WEIGHT * old_frees_share(figures, verdict);
    if (figures->samples > 0 && leak->live_bytes > 0) {
        const double share = (double)verdict->bytes / (double)leak->live_bytes;
        const double error = ms_figures_relative_error(
            figures->live_variance * (share < 1 ? share : 1), verdict->bytes);
        trust *= isnan(error) || error > 1 ? 0 : 1 - error;
    }
    return trust;
}

static void judge(struct ms_leaks *leaks, const struct ms_model *model, struct watched *watched,
                  const struct ms_site *site)
{
    struct ms_growth_verdict verdict = ms_growth_judge(&watched->growth);
    const bool was_likely = watched->likely;
    const double limit = was_likely ? STILL_SURE : SURE_ENOUGH;
    watched->likely = false;
    if (!verdict.grows || verdict.confidence < limit) {
        return;
    }
    struct ms_figures figures;
    ms_figures_of_site(model, site->id, &figures);
    verdict.confidence *= trust_in(&figures, &verdict, &watched->leak);
    if (verdict.confidence < limit) {
        return;
    }
    watched->likely = true;
    struct ms_leak *leak = &watched->leak;
    leak->judged_ns = was_likely ? leak->judged_ns : ms_model_now_ns(model);
    leak->leaked_bytes = verdict.bytes;
    leak->leaked_blocks = verdict.blocks;
    leak->since_ns = verdict.since_ns;
    leak->slope_bytes_per_s = verdict.slope_bytes_per_s;
    leak->windows = verdict.rises;
    leak->confidence = verdict.confidence;
    leak->suppressed = ms_suppressions_match(leaks->suppressions, site);
    say_why(watched, &verdict, &figures, leaks->window_ns);
    say_when(leaks, watched, ms_model_now_ns(model));
}

/* Returns whether it is to be watched on. */
static bool close_window(struct ms_leaks *leaks, const struct ms_model *model,
                         struct watched *watched)
{
    if (watched->ended) {
        return true;
    }
    const uint64_t now_ns = ms_model_now_ns(model);
    const struct ms_site *site = ms_model_site_by_id(model, watched->leak.site_id);
    const struct work work = work_of(ms_model_process_by_id(model, watched->leak.process_id));
    const double seconds = (double)(now_ns - watched->begin_ns) / 1e9;
    /* One that was opened in the middle of the window would be shorter than the others. */
    const bool whole = watched->begin_ns <= leaks->window_begin_ns;
    if (whole && !said_nothing(watched, site, &work, seconds)) {
        const struct ms_growth_window window = {
            .end_ns = now_ns,
            .floor_bytes = watched->floor_bytes,
            .floor_blocks = watched->floor_blocks,
            .ceiling_bytes = watched->ceiling_bytes,
            .seconds = (float)seconds,
            .allocations = (float)(site->heap.allocations - watched->allocations),
            .work_blocks = (double)watched->floor_work.frees,
            .work_cpu_s = watched->floor_work.cpu_s,
        };
        ms_growth_append(&watched->growth, &window);
        judge(leaks, model, watched, site);
    } else if (watched->likely) {
        say_when(leaks, watched, now_ns);
    }
    open_window(watched, site, &work, now_ns);
    return watched->likely || watched->growth.count < QUIET_WINDOWS ||
           ms_growth_rose(&watched->growth, QUIET_WINDOWS);
}

static double rose_by(const struct watched *watched)
{
    const struct ms_growth *growth = &watched->growth;
    return growth->count == 0 ? 0
                              : (double)growth->windows[growth->count - 1].floor_bytes -
                                    (double)growth->windows[0].floor_bytes;
}

static int by_rise(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Room for others: what rose least goes. */
static void make_room(struct ms_leaks *leaks, const struct ms_model *model)
{
    const size_t count = leaks->watched.count;
    double *rises = count >= WATCHED_MAX ? malloc(count * sizeof(*rises)) : NULL;
    if (rises == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        rises[i] = rose_by(watched_at(leaks, i));
    }
    qsort(rises, count, sizeof(*rises), by_rise);
    const double limit = rises[count / 4];
    free(rises);
    for (size_t i = count; i-- > 0;) {
        const struct watched *watched = watched_at(leaks, i);
        if ((!watched->likely || watched->ended) && rose_by(watched) <= limit) {
            unwatch(leaks, model, i);
        }
    }
}

static void close_windows(struct ms_leaks *leaks, const struct ms_model *model)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    const bool longer = leaks->window_ns < WINDOW_MAX_NS &&
                        now_ns - leaks->begin_ns >= MS_GROWTH_WINDOWS * leaks->window_ns;
    for (size_t i = leaks->watched.count; i-- > 0;) {
        struct watched *watched = watched_at(leaks, i);
        if (!close_window(leaks, model, watched)) {
            unwatch(leaks, model, i);
        } else if (longer && !watched->ended) {
            ms_growth_join_pairs(&watched->growth);
        }
    }
    make_room(leaks, model);
    leaks->window_ns *= longer ? 2 : 1;
    leaks->window_begin_ns = now_ns;
    leaks->window++;
}

static int by_sureness(const void *left, const void *right, void *of)
{
    const struct ms_leaks *leaks = of;
    const struct ms_leak *a = &watched_at(leaks, *(const uint32_t *)left)->leak;
    const struct ms_leak *b = &watched_at(leaks, *(const uint32_t *)right)->leak;
    if (a->suppressed != b->suppressed) {
        return a->suppressed ? 1 : -1;
    }
    /* In steps of a tenth: otherwise rows would swap for nothing. */
    const int a_tenths = (int)lround(a->confidence * 10);
    const int b_tenths = (int)lround(b->confidence * 10);
    if (a_tenths != b_tenths) {
        return a_tenths > b_tenths ? -1 : 1;
    }
    if (a->slope_bytes_per_s != b->slope_bytes_per_s) {
        return a->slope_bytes_per_s > b->slope_bytes_per_s ? -1 : 1;
    }
    return a->site_id < b->site_id ? -1 : 1;
}

static int list_likely(struct ms_leaks *leaks)
{
    leaks->likely_count = 0;
    for (size_t i = 0; i < leaks->watched.count; i++) {
        if (!watched_at(leaks, i)->likely) {
            continue;
        }
        if (leaks->likely_count == leaks->likely_capacity) {
            const size_t capacity = leaks->likely_capacity * 2 + 64;
            uint32_t *grown = realloc(leaks->likely, capacity * sizeof(*grown));
            if (grown == NULL) {
                return -ENOMEM;
            }
            leaks->likely = grown;
            leaks->likely_capacity = capacity;
        }
        leaks->likely[leaks->likely_count++] = (uint32_t)i;
    }
    if (leaks->likely_count > 1) {
        qsort_r(leaks->likely, leaks->likely_count, sizeof(*leaks->likely), by_sureness, leaks);
    }
    return 0;
}

static void look_at_all_watched(struct ms_leaks *leaks, const struct ms_model *model, bool renamed)
{
    uint32_t process_id = 0;
    bool process_ended = false;
    struct work work = {0};
    for (size_t i = leaks->watched.count; i-- > 0;) {
        struct watched *watched = watched_at(leaks, i);
        const struct ms_site *site = ms_model_site_by_id(model, watched->leak.site_id);
        if (watched->leak.process_id != process_id) {
            process_id = watched->leak.process_id;
            const struct ms_process *process = ms_model_process_by_id(model, process_id);
            process_ended = process == NULL || process->end_ns != 0;
            work = work_of(process);
        }
        if (!process_ended || watched->ended) {
            look_at_watched(watched, site, &work);
        } else if (watched->likely) {
            look_at_watched(watched, site, &work);
            watched->ended = true; /* what was judged stands, with the figures of the end */
            say_when(leaks, watched, ms_model_now_ns(model));
        } else {
            unwatch(leaks, model, i);
            continue;
        }
        if (renamed && watched->likely) {
            watched->leak.suppressed = ms_suppressions_match(leaks->suppressions, site);
        }
    }
}

/* Glances go where their sites went. Where that is not known they begin again. */
static void move_glances(struct ms_leaks *leaks, const struct ms_model *model)
{
    size_t kept = 0;
    if (ms_model_site_moves_known(model, leaks->sites_version)) {
        for (size_t i = 0; i < leaks->glances.count; i++) {
            if (ms_model_site_moved(model, i) != SIZE_MAX) {
                *(struct glance *)ms_chunks_at(&leaks->glances, kept++) =
                    *(const struct glance *)ms_chunks_at(&leaks->glances, i);
            }
        }
    }
    while (leaks->glances.count > kept) {
        ms_chunks_drop_last(&leaks->glances);
    }
}

/* Ended processes were merged: sites have other positions. */
static void find_sites_again(struct ms_leaks *leaks, const struct ms_model *model)
{
    move_glances(leaks, model);
    while (leaks->glances.count < ms_model_site_count(model) &&
           ms_chunks_add(&leaks->glances) != NULL) {
    }
    for (size_t i = leaks->watched.count; i-- > 0;) {
        const struct ms_leak *leak = &watched_at(leaks, i)->leak;
        const struct ms_site *site = ms_model_site_by_id(model, leak->site_id);
        struct glance *glance = glance_of(leaks, model, leak->site_id);
        if (site == NULL || site->process_id != leak->process_id || glance == NULL) {
            unwatch(leaks, model, i);
        } else {
            glance->window = IS_WATCHED;
        }
    }
    leaks->sites_version = ms_model_sites_version(model);
}

int ms_leaks_update(struct ms_leaks *leaks, const struct ms_model *model)
{
    if (leaks->sites_version != ms_model_sites_version(model)) {
        find_sites_again(leaks, model);
    }
    const uint64_t now_ns = ms_model_now_ns(model);
    if (leaks->window == 0) {
        leaks->begin_ns = leaks->window_begin_ns = now_ns;
        leaks->window = 1;
    }
    const uint64_t names_version = ms_model_names_version(model);
    look_at_all_watched(leaks, model, names_version != leaks->names_version);
    leaks->names_version = names_version;
    if (now_ns - leaks->window_begin_ns >= leaks->window_ns) {
        close_windows(leaks, model);
    }
    const int glance_error = glance_at_next(leaks, model);
    const int list_error = list_likely(leaks);
    return glance_error != 0 ? glance_error : list_error;
}

size_t ms_leaks_count(const struct ms_leaks *leaks)
{
    return leaks->likely_count;
}

const struct ms_leak *ms_leaks_at(const struct ms_leaks *leaks, size_t index)
{
    return &watched_at(leaks, leaks->likely[index])->leak;
}

const struct ms_leak *ms_leaks_of_site(const struct ms_leaks *leaks, uint32_t site_id)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&leaks->by_site, hash_of(site_id), &cursor, &position)) {
        const struct watched *watched = watched_at(leaks, position);
        if (watched->leak.site_id == site_id) {
            return watched->likely ? &watched->leak : NULL;
        }
    }
    return NULL;
}

static bool anything_lives(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        if (ms_model_process(model, i)->end_ns == 0) {
            return true;
        }
    }
    return false;
}

void ms_leaks_why_none(const struct ms_leaks *leaks, const struct ms_model *model, char *out,
                       size_t size)
{
    const unsigned least_s = (unsigned)(MS_GROWTH_AGE_MIN_NS / MS_SECOND_NS);
    uint64_t longest_ns = 0;
    size_t growing = 0;
    for (size_t i = 0; i < leaks->watched.count; i++) {
        const struct ms_growth_verdict verdict = ms_growth_judge(&watched_at(leaks, i)->growth);
        growing += verdict.rises > 0;
        longest_ns = verdict.age_ns > longest_ns ? verdict.age_ns : longest_ns;
    }
    const uint64_t ran_ns = ms_model_now_ns(model) - ms_model_start_ns(model);
    if (ms_leaks_count(leaks) > 0) {
        (void)snprintf(out, size, "%zu", ms_leaks_count(leaks));
    } else if (!anything_lives(model)) {
        (void)snprintf(out, size, "No call site was judged to leak while the program lived (%u s).",
                       (unsigned)(ran_ns / MS_SECOND_NS));
    } else if (growing > 0) {
        (void)snprintf(out, size,
                       "%zu call site%s grew lately, for %u s at most: not long or not steadily "
                       "enough yet to be a likely leak (%u s at least).",
                       growing, growing == 1 ? "" : "s", (unsigned)(longest_ns / MS_SECOND_NS),
                       least_s);
    } else {
        const uint64_t needed_ns = MS_GROWTH_AGE_MIN_NS + 2 * WINDOW_NS;
        const uint64_t since_ns = leaks->window != 0 ? ms_model_now_ns(model) - leaks->begin_ns : 0;
        if (since_ns < needed_ns) {
            (void)snprintf(
                out, size,
                "Too early to judge, for %u s more: a likely leak is a call site whose "
                "least live bytes of each window of %u s keep growing, for %u s at least.",
                (unsigned)((needed_ns - since_ns + MS_SECOND_NS - 1) / MS_SECOND_NS),
                (unsigned)(WINDOW_NS / MS_SECOND_NS), least_s);
        } else {
            (void)snprintf(out, size,
                           "No call site keeps growing by blocks that stay. A single buffer that "
                           "realloc makes ever larger is not judged: sort screen 5 by growth.");
        }
    }
}
