/* The first of each kind, kept outside the region too: a forked child starts with an empty one. */
#include "probe/unseen.h"

#include <stdatomic.h>

#include "probe/map.h"
#include "probe/wiped.h"

#define NAME_MAX_BYTES 256u

static struct {
    _Atomic uint32_t state; /* 0: none, 1: being written, 2: valid */
    char name[NAME_MAX_BYTES];
} ways[MS_UNSEEN_WAYS];

static void publish(unsigned way)
{
    struct ms_region_header *region = ms_region;
    if (region != NULL && atomic_load(&region->unseen[way]) == 0) {
        uint32_t name = ms_string_store(ways[way].name);
        atomic_store(&region->unseen[way], name == 0 ? MS_UNSEEN_NAMELESS : name);
    }
}

void ms_unseen_note(enum ms_unseen way, const char *name)
{
    uint32_t unused = 0;
    if (!atomic_compare_exchange_strong(&ways[way].state, &unused, 1)) {
        return;
    }
    for (unsigned i = 0; i + 1 < NAME_MAX_BYTES && name[i] != '\0'; i++) {
        ways[way].name[i] = name[i];
    }
    atomic_store(&ways[way].state, 2);
    publish(way);
}

bool ms_sees_all_blocks(const struct ms_region_header *region)
{
    bool all = atomic_load_explicit(&ms_wiped->blocks_unseen, memory_order_relaxed) == 0;
    for (unsigned way = 0; way < MS_UNSEEN_WAYS; way++) {
        all = all && atomic_load_explicit(&region->unseen[way], memory_order_relaxed) == 0;
    }
    return all;
}

void ms_unseen_publish(void)
{
    for (unsigned way = 0; way < MS_UNSEEN_WAYS; way++) {
        if (atomic_load(&ways[way].state) == 2) {
            publish(way);
        }
    }
}
