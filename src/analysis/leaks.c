/*
 * Likely leaks: which call sites are watched, and for how long a window lasts. leaks_watched.c has
 * what is known of one of them; the formula stands in leaks_growth.c.
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
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/leaks_watched.h"
#include "model/chunks.h"
#include "model/index.h"

#define WINDOW_NS     (5 * MS_SECOND_NS)
#define WINDOW_MAX_NS (80 * MS_SECOND_NS)
#define WATCHED_MAX   4096u
#define SITES_A_LOOK  20000u

#define IS_WATCHED UINT32_MAX

/* Of every site, in live blocks. */
struct glance {
    uint32_t floor_before, floor;
    uint32_t window; /* that `floor` is of; 0: never looked at; IS_WATCHED */
};

struct ms_leaks {
    const struct ms_suppressions *suppressions;
    struct ms_chunks glances; /* index: position of the site */
    uint64_t sites_version;
    struct ms_chunks watched; /* struct ms_leak_watched */
    struct ms_index by_site;
    uint32_t *likely; /* positions in `watched`, in order */
    size_t likely_count, likely_capacity;
    uint64_t begin_ns, looked_ns, window_begin_ns, window_ns;
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
        leaks->watched.element_bytes = sizeof(struct ms_leak_watched);
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

static struct ms_leak_watched *watched_at(const struct ms_leaks *leaks, size_t position)
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

static uint32_t clamped(uint64_t number)
{
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
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
    struct ms_leak_watched *watched = ms_chunks_add(&leaks->watched);
    if (watched == NULL) {
        return -ENOMEM;
    }
    if (ms_index_add(&leaks->by_site, hash_of(site->id), (uint32_t)(leaks->watched.count - 1)) !=
        0) {
        ms_chunks_drop_last(&leaks->watched);
        return -ENOMEM;
    }
    watched->leak = (struct ms_leak){.site_id = site->id, .process_id = site->process_id};
    const struct ms_leak_work work = ms_leak_work_of(process);
    ms_leak_watched_open(watched, site, &work, ms_model_now_ns(model));
    ms_leak_watched_look(watched, site, &work);
    glance_of(leaks, model, site->id)->window = IS_WATCHED;
    return 0;
}

static void unwatch(struct ms_leaks *leaks, const struct ms_model *model, size_t position)
{
    struct ms_leak_watched *watched = watched_at(leaks, position);
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
    const uint32_t blocks = clamped(ms_leak_live_blocks(site));
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
        rises[i] = ms_leak_watched_rise(watched_at(leaks, i));
    }
    qsort(rises, count, sizeof(*rises), by_rise);
    const double limit = rises[count / 4];
    free(rises);
    for (size_t i = count; i-- > 0;) {
        const struct ms_leak_watched *watched = watched_at(leaks, i);
        if ((!watched->likely || watched->ended) && ms_leak_watched_rise(watched) <= limit) {
            unwatch(leaks, model, i);
        }
    }
}

static void close_windows(struct ms_leaks *leaks, const struct ms_model *model)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    const bool longer = leaks->window_ns < WINDOW_MAX_NS &&
                        now_ns - leaks->begin_ns >= MS_GROWTH_WINDOWS * leaks->window_ns;
    const struct ms_leak_windows windows = {.begin_ns = leaks->window_begin_ns,
                                            .length_ns = leaks->window_ns,
                                            .suppressions = leaks->suppressions};
    for (size_t i = leaks->watched.count; i-- > 0;) {
        struct ms_leak_watched *watched = watched_at(leaks, i);
        if (!ms_leak_watched_close(watched, model, &windows)) {
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
    const uint64_t now_ns = ms_model_now_ns(model);
    const double since_s = (double)(now_ns - leaks->looked_ns) / 1e9;
    leaks->looked_ns = now_ns;
    uint32_t process_id = 0;
    bool process_ended = false;
    struct ms_leak_work work = {0};
    for (size_t i = leaks->watched.count; i-- > 0;) {
        struct ms_leak_watched *watched = watched_at(leaks, i);
        const struct ms_site *site = ms_model_site_by_id(model, watched->leak.site_id);
        if (watched->leak.process_id != process_id) {
            process_id = watched->leak.process_id;
            const struct ms_process *process = ms_model_process_by_id(model, process_id);
            process_ended = process == NULL || process->end_ns != 0;
            work = ms_leak_work_of(process);
            work.held_up_s = ms_leak_held_up(process) * since_s;
        }
        if (!process_ended || watched->ended) {
            ms_leak_watched_look(watched, site, &work);
        } else if (watched->likely) {
            ms_leak_watched_look(watched, site, &work);
            watched->ended = true; /* what was judged stands, with the figures of the end */
            ms_leak_watched_say_when(watched, leaks->window_ns, now_ns);
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
        leaks->begin_ns = leaks->looked_ns = leaks->window_begin_ns = now_ns;
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
        const struct ms_leak_watched *watched = watched_at(leaks, position);
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

/* What comes after the end of the last process is no time in which anything could have leaked. */
static uint64_t lived_ns(const struct ms_model *model)
{
    const uint64_t start_ns = ms_model_start_ns(model);
    uint64_t end_ns = start_ns;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const uint64_t ended_ns = ms_model_process(model, i)->end_ns;
        end_ns = ended_ns > end_ns ? ended_ns : end_ns;
    }
    return end_ns - start_ns;
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
        longest_ns = verdict.had_ns > longest_ns ? verdict.had_ns : longest_ns;
    }
    if (ms_leaks_count(leaks) > 0) {
        (void)snprintf(out, size, "%zu", ms_leaks_count(leaks));
    } else if (!anything_lives(model)) {
        (void)snprintf(out, size, "No call site was judged to leak while the program ran (%u s).",
                       (unsigned)(lived_ns(model) / MS_SECOND_NS));
    } else if (growing > 0) {
        (void)snprintf(out, size,
                       "%zu call site%s grew recently, for %u s at most: not long or not steadily "
                       "enough yet to be a likely leak (%u s at least).",
                       growing, growing == 1 ? "" : "s", (unsigned)(longest_ns / MS_SECOND_NS),
                       least_s);
    } else {
        const uint64_t needed_ns = MS_GROWTH_AGE_MIN_NS + 2 * WINDOW_NS;
        const uint64_t since_ns = leaks->window != 0 ? ms_model_now_ns(model) - leaks->begin_ns : 0;
        if (since_ns < needed_ns) {
            (void)snprintf(
                out, size,
                "Too early to judge, for another %u s. A likely leak is a call site whose "
                "lowest live bytes per %u s window keep growing for at least %u s.",
                (unsigned)((needed_ns - since_ns + MS_SECOND_NS - 1) / MS_SECOND_NS),
                (unsigned)(WINDOW_NS / MS_SECOND_NS), least_s);
        } else {
            (void)snprintf(out, size,
                           "No call site keeps growing. A single buffer that "
                           "realloc keeps enlarging is not judged: sort screen 5 by growth.");
        }
    }
}
