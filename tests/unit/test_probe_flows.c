/* Blocks freed for their owners: counted by owner, whoever comes in between. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/account.h"
#include "probe_interrupted.h"
#include "probe_region.h"

#define BLOCKS      1000u /* more than a free has instructions once the owner was debited */
#define BLOCK_BYTES 500u

/* A thread that allocated blocks and ended. Without an allocator any address stands for one. */
struct owner {
    uint32_t number;
    uint32_t index, serial; /* of its record */
};

static struct owner owners[MS_FLOW_ENTRIES + 1];
static const struct owner *const one = &owners[0];
static const struct owner *const other = &owners[MS_FLOW_ENTRIES]; /* at the same flow entry */
static uint32_t freed;

static void *address_of(const struct owner *owner, uint32_t block)
{
    return (void *)((uintptr_t)(owner->number + 1) << 32 | (block + 1) * 64);
}

static void *own(void *argument)
{
    struct owner *owner = argument;
    struct ms_thread_state *state = ms_thread_enter();
    static const struct ms_caller nobody;
    owner->index = state->index;
    owner->serial = state->serial;
    for (uint32_t block = 0; block < BLOCKS; block++) {
        ms_block_allocated(state, &nobody, address_of(owner, block), BLOCK_BYTES, MS_BLOCK_MALLOC);
    }
    ms_thread_exiting();
    return NULL;
}

static int start(void **state)
{
    (void)state;
    static const struct ms_tracking tracking = {.mode = MS_MODE_COUNT_ONLY, .stack_depth = 8};
    if (probe_region_start(&tracking) == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i <= MS_FLOW_ENTRIES; i++) {
        pthread_t thread;
        owners[i].number = i;
        if (pthread_create(&thread, NULL, own, &owners[i]) != 0) {
            return -1;
        }
        pthread_join(thread, NULL);
    }
    return one->index % MS_FLOW_ENTRIES == other->index % MS_FLOW_ENTRIES ? 0 : -1;
}

static void free_for_one(void)
{
    ms_block_freed(ms_thread_state, address_of(one, freed), NULL);
}

static void free_for_other(void)
{
    ms_block_freed(ms_thread_state, address_of(other, freed), NULL);
}

static uint64_t freed_for(const struct ms_region_thread *record, const struct owner *owner)
{
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < MS_FLOW_ENTRIES; i++) {
        const struct ms_region_flow *flow = &record->flows[i];
        if (flow->owner_thread == owner->index && flow->owner_serial == owner->serial) {
            assert_int_equal(flow->bytes, flow->blocks * BLOCK_BYTES);
            blocks += flow->blocks;
        }
    }
    return blocks;
}

/* What is left to the owner of its blocks. */
static uint64_t live_blocks(const struct owner *owner)
{
    const struct ms_region_thread *record = ms_area_at(MS_AREA_THREADS, owner->index);
    return record->own.allocations - atomic_load(&record->remote.deallocations) -
           record->remote.sole_deallocations;
}

/* From then on it is counted for whom the block was freed. */
static bool one_is_debited(void)
{
    return live_blocks(one) != BLOCKS - freed;
}

/* The first free for an owner takes an entry. A handler in between takes one for another owner. */
static void test_handler_takes_an_entry_in_between(void **state)
{
    (void)state;
    struct ms_region_thread *record = ms_thread_enter()->record;
    for (bool interrupted = true; interrupted; freed++) {
        assert_true(freed < BLOCKS);
        memset(record->flows, 0, sizeof record->flows);
        interrupted = interrupted_after(freed + 1, free_for_one, free_for_other, one_is_debited);
        assert_int_equal(freed_for(record, one), 1);
        assert_int_equal(freed_for(record, other), 1);
        assert_int_equal(record->own.frees_for_others, 2 * (freed + 1));
        assert_int_equal(live_blocks(one), BLOCKS - (freed + 1));
        assert_int_equal(live_blocks(other), BLOCKS - (freed + 1));
    }
    assert_int_equal(record->flows_rest.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handler_takes_an_entry_in_between),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
