/* The parser of drm.h: lines "drm-KEY:\tVALUE [UNIT]" of fdinfo. */
#include <stdio.h>
#include <string.h>

#include "collect/drm.h"
#include "collect/proc_text.h"

#define REGIONS_MAX 16u

/* One kind of memory. Newer keys say more: what is resident counts, else "memory", else total. */
struct region {
    char name[24];
    int rank;
    uint64_t bytes;
};

struct regions {
    size_t count;
    struct region of[REGIONS_MAX];
};

static bool begins(const char **at, const char *end, const char *prefix)
{
    const size_t bytes = strlen(prefix);
    if ((size_t)(end - *at) < bytes || memcmp(*at, prefix, bytes) != 0) {
        return false;
    }
    *at += bytes;
    return true;
}

/* Copies up to the colon; false when that does not fit, or is empty. */
static bool take_name(const char **at, const char *end, char *name, size_t size)
{
    const char *colon = memchr(*at, ':', (size_t)(end - *at));
    if (colon == NULL || colon == *at || (size_t)(colon - *at) >= size) {
        return false;
    }
    memcpy(name, *at, (size_t)(colon - *at));
    name[colon - *at] = '\0';
    *at = colon + 1;
    return true;
}

static void take_text(const char *at, const char *end, char *out, size_t size)
{
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    (void)snprintf(out, size, "%.*s", (int)((size_t)(end - at) < size ? (size_t)(end - at) : size),
                   at);
}

static uint64_t take_bytes(const char *at, const char *end, uint64_t number)
{
    unsigned shift = 0;
    while (at < end && *at == ' ') {
        at++;
    }
    if (begins(&at, end, "KiB")) {
        shift = 10;
    } else if (begins(&at, end, "MiB")) {
        shift = 20;
    } else if (begins(&at, end, "GiB")) {
        shift = 30;
    }
    return number <= UINT64_MAX >> shift ? number << shift : UINT64_MAX;
}

static struct ms_drm_engine *engine_named(struct ms_drm_client *client, const char *name)
{
    for (size_t i = 0; i < client->engine_count; i++) {
        if (strcmp(client->engines[i].name, name) == 0) {
            return &client->engines[i];
        }
    }
    if (client->engine_count == MS_DRM_ENGINES_MAX) {
        return NULL;
    }
    struct ms_drm_engine *engine = &client->engines[client->engine_count++];
    *engine = (struct ms_drm_engine){.capacity = 1};
    (void)snprintf(engine->name, sizeof engine->name, "%s", name);
    return engine;
}

static void take_engine(struct ms_drm_client *client, const char *at, const char *end)
{
    enum {
        BUSY,
        CYCLES,
        ALL,
        CAPACITY
    } what = begins(&at, end, "engine-capacity-") ? CAPACITY
             : begins(&at, end, "engine-")        ? BUSY
             : begins(&at, end, "total-cycles-")  ? ALL
                                                  : CYCLES;
    char name[24];
    uint64_t number;
    if ((what == CYCLES && !begins(&at, end, "cycles-")) ||
        !take_name(&at, end, name, sizeof name) || !ms_proc_number(&at, end, &number)) {
        return;
    }
    struct ms_drm_engine *engine = engine_named(client, name);
    if (engine == NULL) {
        return;
    }
    switch (what) {
    case BUSY:
        engine->busy = engine->by_cycles ? engine->busy : number;
        break;
    case CYCLES:
        engine->by_cycles = true;
        engine->busy = number;
        break;
    case ALL:
        engine->all = number;
        break;
    case CAPACITY:
        engine->capacity = number > 0 && number <= UINT32_MAX ? (uint32_t)number : 1;
        break;
    }
}

static void take_region(struct regions *regions, int rank, const char *at, const char *end)
{
    char name[24];
    uint64_t number;
    if (!take_name(&at, end, name, sizeof name) || !ms_proc_number(&at, end, &number)) {
        return;
    }
    size_t i = 0;
    while (i < regions->count && strcmp(regions->of[i].name, name) != 0) {
        i++;
    }
    if (i == REGIONS_MAX) {
        return;
    }
    struct region *region = &regions->of[i];
    if (i == regions->count) {
        regions->count++;
        *region = (struct region){.rank = -1};
        (void)snprintf(region->name, sizeof region->name, "%s", name);
    }
    if (rank > region->rank) {
        region->rank = rank;
        region->bytes = take_bytes(at, end, number);
    }
}

static bool is_own_memory(const struct region *region)
{
    return strncmp(region->name, "vram", 4) == 0 || strncmp(region->name, "local", 5) == 0;
}

static void sum_regions(const struct regions *regions, struct ms_drm_client *client)
{
    bool own = false;
    for (size_t i = 0; i < regions->count; i++) {
        own |= is_own_memory(&regions->of[i]);
    }
    for (size_t i = 0; i < regions->count; i++) {
        if (!own || is_own_memory(&regions->of[i])) {
            client->have_bytes = true;
            if (__builtin_add_overflow(client->bytes, regions->of[i].bytes, &client->bytes)) {
                client->bytes = UINT64_MAX;
            }
        }
    }
}

static void take_line(struct ms_drm_client *client, struct regions *regions, const char *at,
                      const char *end)
{
    if (begins(&at, end, "driver:")) {
        take_text(at, end, client->driver, sizeof client->driver);
    } else if (begins(&at, end, "pdev:")) {
        take_text(at, end, client->device, sizeof client->device);
    } else if (begins(&at, end, "client-id:")) {
        client->have_id = ms_proc_number(&at, end, &client->id);
    } else if (begins(&at, end, "resident-")) {
        take_region(regions, 2, at, end);
    } else if (begins(&at, end, "memory-")) {
        take_region(regions, 1, at, end);
    } else if (end - at > 13 && memcmp(at, "total-cycles-", 13) != 0 &&
               begins(&at, end, "total-")) {
        take_region(regions, 0, at, end);
    } else {
        take_engine(client, at, end);
    }
}

bool ms_drm_parse(const char *text, size_t bytes, struct ms_drm_client *out)
{
    const char *end = text + bytes;
    struct regions regions = {0};
    *out = (struct ms_drm_client){0};
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        if (next == NULL) {
            break; /* cut: its number may be, too */
        }
        const char *at = line;
        if (begins(&at, next, "drm-")) {
            take_line(out, &regions, at, next);
        }
        line = next + 1;
    }
    sum_regions(&regions, out);
    return out->driver[0] != '\0';
}
