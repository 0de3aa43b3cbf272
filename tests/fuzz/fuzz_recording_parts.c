/*
 * Hostile states and ticks of each part of a recording: real ones are written once, then the input
 * says which of their bytes become what. Byte 0 chooses the part, byte 1 the moment that is
 * damaged, byte 2 how much of it is there at all, or that it is of the large world; what follows is
 * as in change.h.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/record_session.h"
#include "../unit/recorded_session.h"
#include "change.h"
#include "fuzz.h"
#include "model/format.h"
#include "record/columns.h"
#include "record/layout.h"

enum { MOMENTS = 3, TABLES_MAX = 16, CONTROL_BYTES = 3, WARM_UP_TICKS = 60, MANY_TICKS = 400 };
enum { MANY_CHOSEN = 0xc5 }; /* no edge, which mutations like to put there */

const size_t fuzz_bytes_max = CONTROL_BYTES + 4 * (size_t)CHANGES_MAX;

/* One that is rich in processes and threads, one that has call sites and what hangs on them, and
 * one with more threads and usages than columns have at once: slow (30 ms), so it is rare. */
enum world_id { OF_THREADS, OF_SITES, OF_MANY, WORLDS };

static struct world {
    struct ms_model *model;
    struct ms_pack written[MOMENTS][MS_PART_TOTAL]; /* the first one is a state */
    uint64_t ticks[MOMENTS], times_ns[MOMENTS];
    struct ms_names *names; /* of one with call sites */
} worlds[WORLDS];
static struct session session;
static struct record_session with_sites[WORLDS];
static struct ms_fields_map *maps[MS_PART_TOTAL][TABLES_MAX];

static void need(bool good)
{
    if (!good) {
        abort();
    }
}

static void tick(enum world_id world)
{
    if (world == OF_THREADS) {
        session_tick(&session);
    } else {
        record_session_tick(&with_sites[world]);
    }
}

static void begin_sites(enum world_id id, const struct record_session *shape, int ticks)
{
    struct record_session *of = &with_sites[id];
    *of = record_session_new(1);
    of->threads_most = shape->threads_most;
    of->sites_most = shape->sites_most;
    of->short_lived = shape->short_lived;
    for (int i = 0; i < ticks; i++) {
        tick(id);
    }
    worlds[id].model = of->model;
    struct ms_misuse *misuse =
        ms_model_misuse_mutable(of->model, 1, MS_MISUSE_MISMATCH, of->sites[0], of->sites[1]);
    misuse->count = 1;
    misuse->how = "new[] released by free";
}

static void begin_worlds(void)
{
    session = session_new(9);
    session.threads = 4;
    session.threads_a_tick = 1;
    session.processes_a_tick = 1;
    for (int i = 0; i < 12; i++) {
        tick(OF_THREADS);
    }
    worlds[OF_THREADS].model = session.model;
    const struct record_session few = {.threads_most = 4, .sites_most = 6};
    const struct record_session many = {.threads_most = 24, .sites_most = 60, .short_lived = 2};
    begin_sites(OF_SITES, &few, WARM_UP_TICKS);
    begin_sites(OF_MANY, &many, MANY_TICKS);
    need(ms_model_usage_count(with_sites[OF_MANY].model) > MS_COLUMN_THINGS &&
         ms_model_thread_count(with_sites[OF_MANY].model) > MS_COLUMN_THINGS);
}

static void map_all(void)
{
    for (int p = 0; p < MS_PART_TOTAL; p++) {
        for (int t = 0; ms_parts[p]->tables[t] != NULL; t++) {
            struct ms_pack pack = {0};
            int error;
            ms_fields_describe(&pack, ms_parts[p]->tables[t]);
            struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
            maps[p][t] = ms_fields_map_new(&unpack, ms_parts[p]->tables[t], &error);
            need(maps[p][t] != NULL);
            ms_pack_free(&pack);
        }
    }
}

static void write_world(enum world_id id)
{
    struct world *world = &worlds[id];
    struct ms_part_writer *writers[MS_PART_TOTAL];
    for (int p = 0; p < MS_PART_TOTAL; p++) {
        writers[p] = ms_parts[p]->writer_new();
        need(writers[p] != NULL);
    }
    for (int m = 0; m < MOMENTS; m++) {
        if (m == MOMENTS - 1) { /* who knows nothing of before writes all usages anew */
            ms_parts[MS_PART_USAGES]->writer_free(writers[MS_PART_USAGES]);
            writers[MS_PART_USAGES] = ms_parts[MS_PART_USAGES]->writer_new();
            need(writers[MS_PART_USAGES] != NULL);
        }
        for (int p = 0; p < MS_PART_TOTAL; p++) {
            need(ms_parts[p]->write(writers[p], world->model, m == 0, &world->written[m][p]) == 0);
            need(m > 0 || id == OF_THREADS || world->written[m][p].used > 1);
        }
        world->ticks[m] = ms_model_ticks(world->model) - 1;
        world->times_ns[m] = ms_model_now_ns(world->model);
        tick(id);
    }
    for (int p = 0; p < MS_PART_TOTAL; p++) {
        ms_parts[p]->writer_free(writers[p]);
    }
}

static void write_names(enum world_id id)
{
    struct ms_pack pack = {0};
    struct ms_names_writer *writer = ms_names_writer_new();
    worlds[id].names = ms_names_new();
    need(ms_names_write(writer, with_sites[id].model, &pack) == 0);
    struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
    need(ms_names_read(worlds[id].names, &unpack) == 0);
    ms_pack_free(&pack);
    ms_names_writer_free(writer);
}

static void write_once(void)
{
    begin_worlds();
    map_all();
    for (int id = 0; id < WORLDS; id++) {
        write_world((enum world_id)id);
        if (id != OF_THREADS) {
            write_names((enum world_id)id);
        }
    }
}

/* A copy of its exact size: the sanitizer sees every byte behind it. */
static uint8_t *damaged(const struct ms_pack *pack, const uint8_t *data, size_t size, size_t *bytes)
{
    uint8_t *copy = malloc(pack->used + CHANGES_ROOM);
    need(copy != NULL);
    if (pack->used > 0) {
        memcpy(copy, pack->bytes, pack->used);
    }
    *bytes = data[2] < 16 ? pack->used * data[2] / 16 : pack->used;
    *bytes = change(copy, *bytes, data + CONTROL_BYTES, size - CONTROL_BYTES);
    return realloc(copy, *bytes + (*bytes == 0 ? 1 : 0));
}

static void ignore(void *context, const char *what)
{
    (void)what;
    ++*(unsigned *)context;
}

/* What screens ask of a model; to compare it with all of another costs more than to read it. */
static void look(const struct ms_model *model, const struct ms_model *other)
{
    char text[MS_TRACKING_TEXT_MAX];
    unsigned told = 0;
    if (other != NULL) {
        (void)ms_models_compare(other, model, ignore, &told);
    }
    (void)ms_model_tracking_text(model, text, sizeof text);
    (void)ms_model_trace_totals(model);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        (void)ms_process_name(ms_model_process(model, i), text, sizeof text);
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        need(ms_model_process_by_id(model, ms_model_thread(model, i)->process_id) != NULL);
    }
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        const struct ms_usage *usage = NULL;
        while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
            need(usage->site_id == site->id);
        }
        (void)ms_site_holds(site, "nowhere");
    }
}

/* One part of one moment. */
static int read_part(struct ms_model *model, const struct world *world, int moment, int part,
                     const uint8_t *data, size_t size)
{
    const struct ms_pack *written = &world->written[moment][part];
    size_t bytes = written->used;
    uint8_t *copy = data != NULL ? damaged(written, data, size, &bytes) : NULL;
    struct ms_unpack unpack = ms_unpack_of(copy != NULL ? copy : written->bytes, bytes);
    int error = bytes > 0 ? ms_parts[part]->read(model, moment == 0, &unpack, maps[part]) : 0;
    error = error == 0 && unpack.failed ? -1 : error;
    free(copy);
    return error;
}

/* Call sites and their kin need threads, those their processes, the machine nobody. */
static bool is_read(enum world_id world, int part, int wanted)
{
    return part == wanted || (part == MS_PART_PROCESSES && wanted != MS_PART_SYSTEM) ||
           (world != OF_THREADS && part != MS_PART_SYSTEM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (session.model == NULL) {
        write_once();
    }
    if (size <= CONTROL_BYTES) {
        return 0;
    }
    const enum world_id id = data[2] == MANY_CHOSEN ? OF_MANY
                             : data[0] % 8 < 3      ? OF_THREADS
                                                    : OF_SITES;
    const struct world *world = &worlds[id];
    const int wanted = data[0] % 8;
    const int hit = data[1] % MOMENTS;
    struct ms_model *model = ms_model_new(SESSION_TICK_NS, SESSION_START_NS, 77);
    need(model != NULL && (id == OF_THREADS || ms_names_lend(world->names, model) == 0));
    int error = 0;
    for (int m = 0; m < MOMENTS && error == 0; m++) {
        for (int p = 0; p < MS_PART_TOTAL && error == 0; p++) {
            if (is_read(id, p, wanted)) {
                error = read_part(model, world, m, p, p == wanted && m == hit ? data : NULL, size);
            }
        }
        if (error == 0 && m > 0) {
            error = ms_model_tick_again(model, world->ticks[m], world->times_ns[m]);
        }
        need(error == 0 || m >= hit);
        /* What is before the damage is as it was written. */
        if (error == 0 && m >= hit) {
            look(model, m + 1 == MOMENTS && data[1] >= 0xe0 ? world->model : NULL);
        }
    }
    ms_model_free(model);
    return 0;
}
