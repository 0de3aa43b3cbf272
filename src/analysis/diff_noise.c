/* The spread of live bytes over several looks at a session, by what things are called. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/diff_things.h"
#include "model/chunks.h"
#include "model/index.h"

/* Of one look: what is called the same is summed up before it counts as one value. */
struct spread {
    uint64_t key;
    double sum;                     /* of the look that is going on */
    double mean, squares, products; /* of values, and with the number of their look, around means */
    uint32_t looks;                 /* that saw it, or 0 of it, after it was seen first */
    bool begun;                     /* seen in a look before this one */
};

struct spreads {
    struct ms_chunks list; /* struct spread */
    struct ms_index by_key;
};

struct ms_diff_noise {
    struct spreads of[2]; /* enum ms_diff_kind */
};

struct ms_diff_noise *ms_diff_noise_new(void)
{
    struct ms_diff_noise *noise = calloc(1, sizeof *noise);
    for (int kind = 0; noise != NULL && kind < 2; kind++) {
        noise->of[kind].list.element_bytes = sizeof(struct spread);
    }
    return noise;
}

void ms_diff_noise_free(struct ms_diff_noise *noise)
{
    for (int kind = 0; noise != NULL && kind < 2; kind++) {
        ms_chunks_free(&noise->of[kind].list);
        ms_index_free(&noise->of[kind].by_key);
    }
    free(noise);
}

static struct spread *find(const struct spreads *spreads, uint64_t key)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&spreads->by_key, (uint32_t)key, &cursor, &position)) {
        struct spread *spread = ms_chunks_at(&spreads->list, position);
        if (spread->key == key) {
            return spread;
        }
    }
    return NULL;
}

static struct spread *find_or_add(struct spreads *spreads, uint64_t key)
{
    struct spread *spread = find(spreads, key);
    if (spread != NULL) {
        return spread;
    }
    spread = ms_chunks_add(&spreads->list);
    if (spread != NULL &&
        ms_index_add(&spreads->by_key, (uint32_t)key, (uint32_t)(spreads->list.count - 1)) != 0) {
        ms_chunks_drop_last(&spreads->list);
        spread = NULL;
    }
    if (spread != NULL) {
        spread->key = key;
    }
    return spread;
}

/* The first look may have come in the middle of its start, which is no noise: it is left out.
 * Welford's recurrence: no large sums are subtracted from one another. */
static void end_look(struct spreads *spreads)
{
    for (size_t i = 0; i < spreads->list.count; i++) {
        struct spread *spread = ms_chunks_at(&spreads->list, i);
        if (!spread->begun) {
            spread->begun = true;
            spread->sum = 0;
            continue;
        }
        const double off = spread->sum - spread->mean;
        const double middle = (spread->looks - 1.0) / 2; /* of the numbers of the looks before */
        spread->products += off * (spread->looks - middle) * spread->looks / (spread->looks + 1.0);
        spread->looks++;
        spread->mean += off / spread->looks;
        spread->squares += off * (spread->sum - spread->mean);
        spread->sum = 0;
    }
}

static int look(struct spreads *spreads, struct ms_diff_names *names, enum ms_diff_kind kind)
{
    const size_t count = ms_diff_thing_count(names->model, kind);
    for (size_t i = 0; i < count; i++) {
        struct ms_diff_thing thing;
        if (!ms_diff_thing_at(names, kind, i, &thing)) {
            continue;
        }
        struct spread *spread = find_or_add(spreads, thing.key);
        if (spread == NULL) {
            return -ENOMEM;
        }
        spread->sum += thing.figures[MS_DIFF_LIVE];
    }
    end_look(spreads);
    return 0;
}

int ms_diff_noise_look(struct ms_diff_noise *noise, const struct ms_model *model)
{
    struct ms_diff_names names;
    int result = 0;
    ms_diff_names_open(&names, model);
    for (int kind = 0; result == 0 && kind < 2; kind++) {
        result = look(&noise->of[kind], &names, (enum ms_diff_kind)kind);
    }
    ms_diff_names_close(&names);
    return result;
}

double ms_diff_noise_of(const struct ms_diff_noise *noise, enum ms_diff_kind kind, uint64_t key)
{
    const struct spread *spread = noise != NULL ? find(&noise->of[kind], key) : NULL;
    if (spread == NULL || spread->looks < MS_DIFF_LOOKS_LEAST) {
        return NAN;
    }
    /* What a straight line through the looks leaves over: a leak or a step is no noise. */
    const double looks = spread->looks;
    const double spread_of_looks = looks * (looks * looks - 1) / 12;
    const double left = spread->squares - spread->products * spread->products / spread_of_looks;
    return left > 0 ? sqrt(left / (looks - 2)) : 0;
}
