/*
 * Hostile columns of a table with every kind of field, read as it was written and by who knows less
 * of it: what sound sessions rarely have much of (floating point, texts that are alike) is here.
 * Byte 0 chooses what was written, byte 1 how many there seem to be; what follows is as in
 * change.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "fuzz.h"
#include "record/columns.h"

struct thing {
    uint8_t state;
    uint16_t port;
    uint32_t id;
    int32_t core;
    uint64_t calls[3];
    int64_t balance;
    float share[2];
    double load;
    char name[12], kind[8];
};

#define F(member) MS_FIELD(struct thing, member)
static const struct ms_field rows[] = {
    F(state),
    F(port),
    F(id),
    F(core),
    MS_FIELD_ARRAY(struct thing, calls),
    F(balance),
    MS_FIELD_ARRAY(struct thing, share),
    F(load),
    F(name),
    F(kind),
};
static const struct ms_fields fields = MS_FIELDS_ALL(struct thing, "thing", rows);
static const struct ms_field few_rows[] = {MS_FIELD_UPTO(struct thing, id, 1000), F(load), F(kind)};
static const struct ms_fields few_fields = MS_FIELDS_ALL(struct thing, "thing", few_rows);

enum { SHAPES = 4, CONTROL_BYTES = 2 };
static const size_t counts[SHAPES] = {1, 5, 40, MS_COLUMN_THINGS};
static struct ms_pack written[SHAPES];
static struct ms_fields_map *maps[2];

const size_t fuzz_bytes_max = CONTROL_BYTES + 4 * (size_t)CHANGES_MAX;

static void need(bool good)
{
    if (!good) {
        abort();
    }
}

static void fill(struct thing *thing, size_t i)
{
    memset(thing, 0, sizeof *thing);
    thing->state = (uint8_t)(i % 3);
    thing->port = 443;
    thing->id = (uint32_t)i + 1;
    thing->core = i % 20 == 7 ? -1 : 0;
    thing->calls[0] = i * i;
    thing->calls[1] = i * i + i % 5;
    thing->calls[2] = i % 30 == 3 ? UINT64_MAX : 0;
    thing->balance = -(int64_t)(i * 1000);
    thing->share[0] = (float)i / 7;
    thing->load = i % 9 == 2 ? 1e300 : (double)i / 3;
    memcpy(thing->name, "worker", 6);
    thing->kind[0] = (char)('a' + i % 26);
}

static void write_once(void)
{
    static struct thing things[MS_COLUMN_THINGS];
    const void *at[MS_COLUMN_THINGS];
    const struct ms_fields *const ours[] = {&fields, &few_fields};
    struct ms_columns *columns = ms_columns_new(&fields);
    need(columns != NULL);
    for (size_t i = 0; i < MS_COLUMN_THINGS; i++) {
        fill(&things[i], i);
        at[i] = &things[i];
    }
    for (size_t s = 0; s < SHAPES; s++) {
        ms_columns_write(columns, &written[s], at, counts[s]);
        need(!written[s].failed);
    }
    ms_columns_free(columns);
    for (size_t m = 0; m < 2; m++) {
        struct ms_pack pack = {0};
        int error;
        ms_fields_describe(&pack, &fields);
        struct ms_unpack unpack = ms_unpack_of(pack.bytes, pack.used);
        maps[m] = ms_fields_map_new(&unpack, ours[m], &error);
        need(maps[m] != NULL);
        ms_pack_free(&pack);
    }
}

/* Each thing lies apart, so that a byte too far in any of them is seen. */
static void read_into(const uint8_t *bytes, size_t size, const struct ms_fields_map *map,
                      size_t count, bool sound)
{
    struct ms_unpack unpack = ms_unpack_of(bytes, size);
    void *things[MS_COLUMN_THINGS];
    for (size_t i = 0; i < count; i++) {
        things[i] = calloc(1, sizeof(struct thing));
        need(things[i] != NULL);
        ms_fields_begin(map, things[i]);
    }
    const int error = ms_columns_read(&unpack, map, things, count);
    need(!sound || (error == 0 && unpack.at == unpack.end));
    for (size_t i = 0; i < count; i++) {
        const struct thing *thing = things[i];
        need(memchr(thing->name, 0, sizeof thing->name) != NULL &&
             memchr(thing->kind, 0, sizeof thing->kind) != NULL);
        free(things[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (maps[0] == NULL) {
        write_once();
    }
    if (size < CONTROL_BYTES) {
        return 0;
    }
    /* The whole 512 are rare: they take as long as all the others. */
    const size_t shape = data[0] % 32 == 31 ? SHAPES - 1 : data[0] % (SHAPES - 1);
    const size_t count = data[1] < 16 ? data[1] : counts[shape];
    const struct ms_pack *pack = &written[shape];
    uint8_t *copy = malloc(pack->used + CHANGES_ROOM);
    need(copy != NULL);
    memcpy(copy, pack->bytes, pack->used);
    const size_t bytes = change(copy, pack->used, data + CONTROL_BYTES, size - CONTROL_BYTES);
    copy = realloc(copy, bytes + (bytes == 0 ? 1 : 0));
    need(copy != NULL);
    const bool sound = size < CONTROL_BYTES + 4 && count == counts[shape];
    read_into(copy, bytes, maps[data[0] / 32 % 4 == 3], count, sound);
    free(copy);
    return 0;
}
