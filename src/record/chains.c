#include "record/chains.h"

#include <errno.h>
#include <stdlib.h>

#include "model/model.h"
#include "model/restore.h"

struct numbers {
    uint32_t *of;
    size_t count, capacity;
};

static int add(struct numbers *numbers, uint32_t number)
{
    if (numbers->count == numbers->capacity) {
        const size_t capacity = numbers->capacity != 0 ? 2 * numbers->capacity : 64;
        uint32_t *of = reallocarray(numbers->of, capacity, sizeof *of);
        if (of == NULL) {
            return -ENOMEM;
        }
        numbers->of = of;
        numbers->capacity = capacity;
    }
    numbers->of[numbers->count++] = number;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const uint32_t of_a = *(const uint32_t *)a;
    const uint32_t of_b = *(const uint32_t *)b;
    return of_a < of_b ? -1 : of_a > of_b;
}

static uint32_t id_of(const struct ms_model *model, enum ms_changing kind, bool of_thread,
                      size_t position)
{
    if (kind == MS_CHANGING_USAGES) {
        const struct ms_usage *usage = ms_model_usage(model, position);
        return of_thread ? usage->thread_id : usage->site_id;
    }
    const struct ms_activity *activity = ms_model_activity(model, position);
    return of_thread ? activity->thread_id : activity->site_id;
}

/* Threads or sites with one that comes before a later one. */
static int find_unusual(const struct ms_model *model, enum ms_changing kind, bool of_thread,
                        struct numbers *ids)
{
    const size_t count =
        kind == MS_CHANGING_USAGES ? ms_model_usage_count(model) : ms_model_activity_count(model);
    for (size_t i = 0; i < count; i++) {
        const size_t next = ms_model_chain_next(model, kind, of_thread, i);
        if (next != SIZE_MAX && next > i && add(ids, id_of(model, kind, of_thread, i)) != 0) {
            return -ENOMEM;
        }
    }
    if (ids->count > 1) {
        qsort(ids->of, ids->count, sizeof *ids->of, compare);
    }
    return 0;
}

/* Those that must be put first, one after the other. */
static int write_chain(struct ms_pack *pack, const struct ms_model *model, enum ms_changing kind,
                       bool of_thread, uint32_t id, struct numbers *chain)
{
    chain->count = 0;
    for (size_t at = ms_model_chain_first(model, kind, of_thread, id); at != SIZE_MAX;
         at = ms_model_chain_next(model, kind, of_thread, at)) {
        if (add(chain, (uint32_t)at) != 0) {
            return -ENOMEM;
        }
    }
    size_t left = chain->count;
    while (left > 1 && chain->of[left - 2] > chain->of[left - 1]) {
        left--;
    }
    uint32_t before = 0;
    ms_pack_u64(pack, left > 0 ? left - 1 : 0);
    for (size_t i = left > 0 ? left - 1 : 0; i-- > 0;) {
        ms_pack_i64(pack, (int64_t)chain->of[i] - (int64_t)before);
        before = chain->of[i];
    }
    return 0;
}

static int write_chains(struct ms_pack *pack, const struct ms_model *model, enum ms_changing kind,
                        bool of_thread)
{
    struct numbers ids = {0};
    struct numbers chain = {0};
    int error = find_unusual(model, kind, of_thread, &ids);
    size_t different = 0;
    for (size_t i = 0; i < ids.count; i++) {
        different += i == 0 || ids.of[i] != ids.of[i - 1];
    }
    ms_pack_u64(pack, different);
    for (size_t i = 0; i < ids.count && error == 0; i++) {
        if (i == 0 || ids.of[i] != ids.of[i - 1]) {
            error = write_chain(pack, model, kind, of_thread, ids.of[i], &chain);
        }
    }
    free(ids.of);
    free(chain.of);
    return error;
}

int ms_chains_write(struct ms_pack *pack, const struct ms_model *model, enum ms_changing kind)
{
    const int error = write_chains(pack, model, kind, true);
    return error != 0 ? error : write_chains(pack, model, kind, false);
}

static int read_chains(struct ms_unpack *unpack, struct ms_model *model, enum ms_changing kind,
                       bool of_thread)
{
    const uint64_t chains = ms_unpack_u64(unpack);
    for (uint64_t i = 0; i < chains && !unpack->failed; i++) {
        const uint64_t count = ms_unpack_u64(unpack);
        uint64_t position = 0;
        for (uint64_t k = 0; k < count && !unpack->failed; k++) {
            position += (uint64_t)ms_unpack_i64(unpack);
            const int error = unpack->failed ? -EBADMSG
                              : kind == MS_CHANGING_USAGES
                                  ? ms_model_put_usage_first(model, (size_t)position, of_thread)
                                  : ms_model_put_activity_first(model, (size_t)position, of_thread);
            if (error != 0) {
                return error;
            }
        }
    }
    return unpack->failed ? -EBADMSG : 0;
}

int ms_chains_read(struct ms_unpack *unpack, struct ms_model *model, enum ms_changing kind)
{
    const int error = read_chains(unpack, model, kind, true);
    return error != 0 ? error : read_chains(unpack, model, kind, false);
}
