/*
 * Hostile states and ticks of processes, threads and the machine: a real one is written once, then
 * the input says which of its bytes become what. Bytes 0 and 1 choose the part and the moment that
 * are damaged, the third how much of it is there at all; what follows is as in change.h.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/record_session.h"
#include "change.h"
#include "fuzz.h"
#include "record/parts.h"

enum { PARTS = 3, MOMENTS = 4, TABLES_MAX = 16, CONTROL_BYTES = 3 };

const size_t fuzz_bytes_max = CONTROL_BYTES + 4 * (size_t)CHANGES_MAX;

static const struct ms_part_kind *const parts[PARTS] = {
    &ms_part_processes,
    &ms_part_threads,
    &ms_part_system,
};
static struct ms_pack written[MOMENTS][PARTS]; /* the first one is a state */
static uint64_t ticks[MOMENTS], times_ns[MOMENTS];
static struct ms_fields_map *maps[PARTS][TABLES_MAX];
static struct session session;

static void write_once(void)
{
    struct ms_part_writer *writers[PARTS];
    session = session_new(9);
    session.threads = 4;
    session.threads_a_tick = 1;
    session.processes_a_tick = 1;
    for (int i = 0; i < 12; i++) {
        session_tick(&session);
    }
    for (int p = 0; p < PARTS; p++) {
        writers[p] = parts[p]->writer_new();
        for (int t = 0; parts[p]->tables[t] != NULL; t++) {
            struct ms_pack pack = {0};
            int error;
            ms_fields_describe(&pack, parts[p]->tables[t]);
            struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
            maps[p][t] = ms_fields_map_new(&unpack, parts[p]->tables[t], &error);
            ms_pack_free(&pack);
        }
    }
    for (int m = 0; m < MOMENTS; m++) {
        for (int p = 0; p < PARTS; p++) {
            if (parts[p]->write(writers[p], session.model, m == 0, &written[m][p]) != 0) {
                abort();
            }
        }
        ticks[m] = ms_model_ticks(session.model) - 1;
        times_ns[m] = ms_model_now_ns(session.model);
        session_tick(&session);
    }
    for (int p = 0; p < PARTS; p++) {
        parts[p]->writer_free(writers[p]);
    }
}

/* A copy of its exact size: the sanitizer sees every byte behind it. */
static uint8_t *damaged(const struct ms_pack *pack, const uint8_t *data, size_t size, size_t *bytes)
{
    uint8_t *copy = malloc(pack->used + CHANGES_ROOM);
    if (copy == NULL) {
        abort();
    }
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

/* What screens ask of a model. */
static void look(const struct ms_model *model)
{
    char text[MS_TRACKING_TEXT_MAX];
    unsigned told = 0;
    (void)ms_models_compare(session.model, model, ignore, &told);
    (void)ms_model_tracking_text(model, text, sizeof text);
    (void)ms_model_trace_totals(model);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        (void)ms_process_name(ms_model_process(model, i), text, sizeof text);
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        if (ms_model_process_by_id(model, ms_model_thread(model, i)->process_id) == NULL) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (session.model == NULL) {
        write_once();
    }
    if (size <= CONTROL_BYTES) {
        return 0;
    }
    const int wanted = data[0] % PARTS;
    struct ms_model *model = ms_model_new(SESSION_TICK_NS, SESSION_START_NS, 77);
    int error = model != NULL ? 0 : -1;
    for (int m = 0; m < MOMENTS && error == 0; m++) {
        for (int p = 0; p < PARTS && error == 0; p++) {
            /* Threads need their processes, the others nobody. */
            if (p != wanted && !(p == 0 && wanted == 1)) {
                continue;
            }
            size_t bytes = written[m][p].used;
            const bool hit = p == wanted && data[1] % MOMENTS == m;
            uint8_t *copy = hit ? damaged(&written[m][p], data, size, &bytes) : NULL;
            struct ms_unpack unpack = ms_unpack_of(hit ? copy : written[m][p].bytes, bytes);
            error = bytes > 0 ? parts[p]->read(model, m == 0, &unpack, maps[p]) : 0;
            free(copy);
        }
        if (error == 0 && m > 0) {
            error = ms_model_tick_again(model, ticks[m], times_ns[m]);
        }
        /* What is before the damage is as it was written. */
        if (error == 0 && m >= data[1] % MOMENTS) {
            look(model);
        }
    }
    ms_model_free(model);
    return 0;
}
