#include "record/histories.h"

#include <errno.h>
#include <math.h>

#include "model/restore.h"
#include "record/points.h"

struct writing {
    struct ms_pack *pack;
    enum ms_resolution resolution;
    uint64_t first, end;
    bool begun;
    float points[MS_HISTORIES_POSITIONS_MAX];
    struct ms_points_writer writer;
};

/* Which of the points there are; of coarse ones those from the first to the last that is known. */
static void find_span(const struct writing *writing, const struct ms_history *history,
                      uint64_t *first, uint64_t *end)
{
    *first = writing->first;
    *end = writing->end;
    if (writing->resolution == MS_RESOLUTION_FINE) {
        uint64_t held_first;
        uint64_t held_end;
        ms_history_range(history, &held_first, &held_end);
        *first = held_first > *first ? held_first : *first;
        *end = held_end < *end ? held_end : *end;
        return;
    }
    const float *points = writing->points;
    while (*first < *end && isnan(points[*first - writing->first])) {
        ++*first;
    }
    while (*end > *first && isnan(points[*end - 1 - writing->first])) {
        --*end;
    }
}

static uint64_t count_unknown(const float *points, uint64_t count)
{
    uint64_t unknown = 0;
    while (unknown < count && isnan(points[unknown])) {
        unknown++;
    }
    return unknown;
}

/* `count` of them, from position `first` on. */
static void write_points(struct writing *writing, const struct ms_history_name *name,
                         const float *points, uint64_t first, uint64_t count)
{
    struct ms_pack *pack = writing->pack;
    ms_pack_u64(pack, (uint64_t)name->of + 1);
    ms_pack_u64(pack, name->id);
    ms_pack_u64(pack, name->series);
    ms_pack_u64(pack, first - writing->first);
    ms_pack_u64(pack, count);
    ms_points_write(&writing->writer, pack, points, count);
}

static int write_history(void *context, const struct ms_history_name *name,
                         const struct ms_history *history)
{
    struct writing *writing = context;
    uint64_t first;
    uint64_t end;
    if (writing->resolution != MS_RESOLUTION_FINE) {
        ms_history_copy(history, writing->resolution, writing->first, writing->end - writing->first,
                        writing->points);
    }
    find_span(writing, history, &first, &end);
    if (first >= end) {
        return 0;
    }
    struct ms_pack *pack = writing->pack;
    if (!writing->begun) {
        ms_pack_u64(pack, writing->resolution);
        ms_pack_u64(pack, writing->first);
        ms_pack_u64(pack, writing->end - writing->first);
        writing->begun = true;
    }
    const float *points = writing->points;
    if (writing->resolution == MS_RESOLUTION_FINE) {
        ms_history_copy(history, writing->resolution, first, end - first, writing->points);
    } else {
        points += first - writing->first;
    }
    /* A rate is not known at first, and what is unknown is not so many steps. */
    const uint64_t unknown = count_unknown(points, end - first);
    if (unknown > 0 && first + unknown < end) {
        write_points(writing, name, points, first, unknown);
        write_points(writing, name, points + unknown, first + unknown, end - first - unknown);
    } else {
        write_points(writing, name, points, first, end - first);
    }
    return pack->failed ? -ENOMEM : 0;
}

int ms_histories_write(struct ms_pack *pack, const struct ms_model *model,
                       enum ms_resolution resolution, uint64_t first, uint64_t end)
{
    if (first >= end) {
        return 0;
    }
    struct writing writing;
    writing.pack = pack;
    writing.resolution = resolution;
    writing.first =
        end - first > MS_HISTORIES_POSITIONS_MAX ? end - MS_HISTORIES_POSITIONS_MAX : first;
    writing.end = end;
    writing.begun = false;
    const int error = ms_model_each_history(model, write_history, &writing);
    if (writing.begun) {
        ms_pack_u64(pack, 0);
    }
    return error != 0 ? error : pack->failed ? -ENOMEM : 0;
}

struct column {
    struct ms_history_name name;
    uint64_t skipped;
    struct ms_points points;
};

static int read_column(struct ms_unpack *unpack, uint64_t kind, uint64_t positions,
                       struct column *column)
{
    if (kind > MS_HISTORY_OF_TOTAL) {
        return -EBADMSG;
    }
    column->name.of = (enum ms_history_of)(kind - 1);
    column->name.id = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    column->name.series = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    column->skipped = ms_unpack_upto(unpack, positions);
    const size_t count = ms_unpack_upto(unpack, positions - column->skipped);
    return count > 0 ? ms_points_read(unpack, &column->points, count) : -EBADMSG;
}

static int count_history(void *context, const struct ms_history_name *name,
                         const struct ms_history *history)
{
    (void)name;
    (void)history;
    ++*(uint64_t *)context;
    return 0;
}

int ms_histories_read(struct ms_unpack *unpack, struct ms_model *model,
                      enum ms_resolution resolution, uint64_t end)
{
    float points[MS_HISTORIES_POSITIONS_MAX];
    struct column column;
    const uint64_t written = ms_unpack_upto(unpack, MS_RESOLUTION_COUNT - 1);
    const uint64_t first = ms_unpack_upto(unpack, UINT64_MAX / 4);
    const uint64_t positions = ms_unpack_upto(unpack, MS_HISTORIES_POSITIONS_MAX);
    if (unpack->failed || written != (uint64_t)resolution) {
        return -EBADMSG;
    }
    uint64_t budget = 0; /* each history once: else a small block could take hours */
    (void)ms_model_each_history(model, count_history, &budget);
    budget *= positions;
    int error = 0;
    uint64_t kind;
    while ((kind = ms_unpack_u64(unpack)) != 0 && error == 0) {
        error = read_column(unpack, kind, positions, &column);
        const uint64_t from = error == 0 ? first + column.skipped : end;
        struct ms_history *history = from < end ? ms_model_history(model, &column.name) : NULL;
        if (history != NULL && column.points.count > budget) {
            error = -EBADMSG;
        } else if (history != NULL) {
            budget -= column.points.count;
            const size_t count =
                end - from < column.points.count ? end - from : column.points.count;
            ms_points_get(&column.points, points, count);
            error = ms_history_fill(history, resolution, from, points, count);
            error = error == 0 && !ms_model_has_room(model) ? -ENOMEM : error;
        }
    }
    return error != 0 ? error : unpack->failed ? -EBADMSG : 0;
}
