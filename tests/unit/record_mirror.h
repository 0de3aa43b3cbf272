/*
 * A model and its copy: what the parts of call sites write of the one is read into the other, tick
 * by tick. Threads and processes are copied by hand.
 */
#ifndef TEST_RECORD_MIRROR_H
#define TEST_RECORD_MIRROR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/changes.h"
#include "model/model.h"
#include "model/restore.h"
#include "record/layout.h"
#include "record/parts_sites.h"

enum { MIRROR_PARTS = 5, MIRROR_TABLES = 3 };

static const struct ms_part_kind *const mirror_kinds[MIRROR_PARTS] = {
    &ms_part_sites, &ms_part_usages, &ms_part_activities, &ms_part_flows, &ms_part_misuses};

struct mirror {
    const struct ms_model *model;
    struct ms_model *copy;
    struct ms_names_writer *names_writer;
    struct ms_names *names;
    struct ms_part_writer *writers[MIRROR_PARTS];
    struct ms_fields_map *maps[MIRROR_PARTS][MIRROR_TABLES + 1];
    struct ms_pack packs[MIRROR_PARTS], names_pack;
    size_t written_bytes; /* of the last tick */
};

/* A state is for a model that has nothing. */
static inline void mirror_copy_anew(struct mirror *mirror)
{
    ms_model_free(mirror->copy);
    mirror->copy =
        ms_model_new(ms_model_interval_ns(mirror->model), ms_model_start_ns(mirror->model),
                     ms_model_start_unix_ns(mirror->model));
    assert_non_null(mirror->copy);
    assert_int_equal(ms_names_lend(mirror->names, mirror->copy), 0);
}

static inline void mirror_open(struct mirror *mirror, const struct ms_model *model,
                               struct ms_names *names)
{
    *mirror = (struct mirror){.model = model, .names = names};
    if (names == NULL) {
        mirror->names_writer = ms_names_writer_new();
        mirror->names = ms_names_new();
        assert_non_null(mirror->names_writer);
        assert_non_null(mirror->names);
    }
    for (int p = 0; p < MIRROR_PARTS; p++) {
        mirror->writers[p] = mirror_kinds[p]->writer_new();
        assert_non_null(mirror->writers[p]);
        for (int t = 0; mirror_kinds[p]->tables[t] != NULL; t++) {
            struct ms_pack pack = {0};
            int error;
            ms_fields_describe(&pack, mirror_kinds[p]->tables[t]);
            struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
            mirror->maps[p][t] = ms_fields_map_new(&unpack, mirror_kinds[p]->tables[t], &error);
            assert_non_null(mirror->maps[p][t]);
            ms_pack_free(&pack);
        }
    }
    mirror_copy_anew(mirror);
}

static inline void mirror_close(struct mirror *mirror)
{
    ms_model_free(mirror->copy);
    for (int p = 0; p < MIRROR_PARTS; p++) {
        mirror_kinds[p]->writer_free(mirror->writers[p]);
        ms_pack_free(&mirror->packs[p]);
        for (int t = 0; t < MIRROR_TABLES; t++) {
            ms_fields_map_free(mirror->maps[p][t]);
        }
    }
    if (mirror->names_writer != NULL) {
        ms_names_writer_free(mirror->names_writer);
        ms_names_free(mirror->names);
    }
    ms_pack_free(&mirror->names_pack);
}

static inline void mirror_processes_and_threads(struct mirror *mirror)
{
    struct ms_model *copy = mirror->copy;
    const struct ms_model *model = mirror->model;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const uint32_t id = ms_model_process(model, i)->id;
        if (ms_model_process_by_id(copy, id) == NULL) {
            assert_non_null(ms_model_add_process(copy, id));
        }
    }
    size_t capacity = ms_model_thread_count(copy) + ms_model_process_count(copy) + 1;
    uint32_t *gone = calloc(capacity, sizeof *gone);
    assert_non_null(gone);
    size_t count = 0;
    for (size_t i = 0; i < ms_model_thread_count(copy); i++) {
        const uint32_t id = ms_model_thread(copy, i)->id;
        if (ms_model_thread_by_id(model, id) == NULL) {
            gone[count++] = id;
        }
    }
    ms_model_forget_threads(copy, gone, count);
    count = 0;
    for (size_t i = 0; i < ms_model_process_count(copy); i++) {
        const uint32_t id = ms_model_process(copy, i)->id;
        if (ms_model_process_by_id(model, id) == NULL) {
            gone[count++] = id;
        }
    }
    assert_int_equal(ms_model_forget_processes(copy, gone, count), 0);
    free(gone);
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (ms_model_thread_by_id(copy, thread->id) == NULL) {
            assert_non_null(ms_model_restore_thread(copy, thread->id, thread->process_id,
                                                    thread->merged > 0    ? MS_PLACE_MERGED
                                                    : thread->end_ns != 0 ? MS_PLACE_ENDED
                                                                          : MS_PLACE_ALIVE));
        }
    }
}

static inline void mirror_fail(void *context, const char *what)
{
    (void)context;
    print_error("differs: %s\n", what);
}

static inline size_t mirror_differences(const struct mirror *mirror)
{
    size_t different = 0;
    for (int p = 0; p < MIRROR_PARTS; p++) {
        different += mirror_kinds[p]->compare(mirror->model, mirror->copy, mirror_fail, NULL);
    }
    return different;
}

/* Writes; the packs hold it. */
static inline void mirror_write(struct mirror *mirror, bool state)
{
    mirror->written_bytes = 0;
    if (mirror->names_writer != NULL) {
        ms_pack_clear(&mirror->names_pack);
        assert_int_equal(ms_names_write(mirror->names_writer, mirror->model, &mirror->names_pack),
                         0);
    }
    for (int p = 0; p < MIRROR_PARTS; p++) {
        ms_pack_clear(&mirror->packs[p]);
        assert_int_equal(
            mirror_kinds[p]->write(mirror->writers[p], mirror->model, state, &mirror->packs[p]), 0);
        mirror->written_bytes += mirror->packs[p].used;
    }
}

static inline void mirror_read(struct mirror *mirror, bool state)
{
    if (mirror->names_writer != NULL) {
        struct ms_unpack names = ms_unpack_of(mirror->names_pack.bytes, mirror->names_pack.used);
        assert_int_equal(ms_names_read(mirror->names, &names), 0);
        assert_int_equal(ms_names_unknown(mirror->names), 0);
    }
    if (state) {
        mirror_copy_anew(mirror);
    }
    mirror_processes_and_threads(mirror);
    for (int p = 0; p < MIRROR_PARTS; p++) {
        if (mirror->packs[p].used > 0) {
            struct ms_unpack unpack = ms_unpack_of(mirror->packs[p].bytes, mirror->packs[p].used);
            assert_int_equal(mirror_kinds[p]->read(mirror->copy, state, &unpack, mirror->maps[p]),
                             0);
            assert_true(unpack.at == unpack.end && !unpack.failed);
        }
    }
    assert_int_equal(ms_model_tick_again(mirror->copy, ms_model_ticks(mirror->model) - 1,
                                         ms_model_now_ns(mirror->model)),
                     0);
}

static inline void mirror_tick(struct mirror *mirror, bool state)
{
    mirror_write(mirror, state);
    mirror_read(mirror, state);
    assert_int_equal(mirror_differences(mirror), 0);
}

/* A copy from nothing, of what there is now. */
static inline void mirror_check_state(const struct mirror *mirror)
{
    struct mirror anew;
    mirror_open(&anew, mirror->model, mirror->names);
    mirror_tick(&anew, true);
    mirror_close(&anew);
}

#endif
