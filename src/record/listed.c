#include "record/listed.h"

#include <errno.h>

#include "model/restore.h"
#include "record/chains.h"

void ms_listed_free(struct ms_listed *listed)
{
    ms_moves_free(&listed->moves);
}

enum ms_listed_news ms_listed_look(struct ms_listed *listed, const struct ms_list_kind *kind,
                                   const struct ms_model *model, bool state)
{
    const size_t count = kind->count(model);
    const struct ms_removal *removed = NULL;
    size_t removed_count = 0;
    if (state || !listed->begun ||
        !ms_model_removals(model, kind->changing, listed->removals, &removed, &removed_count) ||
        ms_moves_find(&listed->moves, listed->count, count, removed, removed_count) != 0) {
        (void)ms_moves_find(&listed->moves, 0, count, NULL, 0);
        listed->since = 0;
        return MS_LISTED_ANEW;
    }
    return removed_count > 0 || count != listed->count ||
                   ms_model_changed(model, kind->changing, 0, listed->since) != SIZE_MAX
               ? MS_LISTED_CHANGED
               : MS_LISTED_SAME;
}

struct identifying {
    const struct ms_list_kind *kind;
    const struct ms_model *model;
    uint32_t site_id;
};

static void identity(void *context, struct ms_pack *pack, size_t position)
{
    struct identifying *identifying = context;
    if (position == SIZE_MAX) {
        ms_pack_u64(pack, 0);
    } else {
        identifying->kind->identity(identifying->model, position, pack, &identifying->site_id);
    }
}

int ms_listed_write(const struct ms_listed *listed, const struct ms_list_kind *kind,
                    const struct ms_model *model, bool anew, struct ms_pack *pack)
{
    struct identifying identifying = {.kind = kind, .model = model};
    ms_pack_u64(pack, anew ? 1 : 0);
    ms_moves_write(&listed->moves, pack, identity, &identifying);
    return anew ? ms_chains_write(pack, model, kind->changing) : 0;
}

void ms_listed_took(struct ms_listed *listed, const struct ms_list_kind *kind,
                    const struct ms_model *model)
{
    listed->begun = true;
    listed->count = kind->count(model);
    listed->removals = ms_model_removal_count(model, kind->changing);
    listed->since = ms_model_stamp(model);
}

/* --- reading --- */

struct reading {
    const struct ms_list_kind *kind;
    struct ms_model *model;
    uint32_t site_id;
};

static int add(void *context, struct ms_unpack *unpack)
{
    struct reading *reading = context;
    return reading->kind->add(reading->model, unpack, &reading->site_id);
}

static int forget(void *context, size_t position)
{
    const struct reading *reading = context;
    return reading->kind->forget(reading->model, position);
}

int ms_listed_read(const struct ms_list_kind *kind, struct ms_model *model,
                   struct ms_unpack *unpack, bool *anew)
{
    struct reading reading = {.kind = kind, .model = model};
    int error = 0;
    *anew = ms_unpack_upto(unpack, 1) != 0;
    while (*anew && kind->count(model) > 0 && error == 0) {
        error = kind->forget(model, kind->count(model) - 1);
    }
    error = error != 0 ? error : ms_moves_read(unpack, add, forget, &reading);
    return *anew && error == 0 ? ms_chains_read(unpack, model, kind->changing) : error;
}

/* --- comparison --- */

size_t ms_listed_compare_order(const struct ms_list_kind *kind, const struct ms_model *one,
                               const struct ms_model *other, size_t position,
                               const struct ms_difference *difference)
{
    for (int of_thread = 0; of_thread < 2; of_thread++) {
        if (ms_model_chain_next(one, kind->changing, of_thread != 0, position) !=
            ms_model_chain_next(other, kind->changing, of_thread != 0, position)) {
            return ms_difference_in(difference, "order among those of its thread or site");
        }
    }
    return 0;
}
