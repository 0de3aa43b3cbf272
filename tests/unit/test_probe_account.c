/*
 * Accounting on a real region file, with the real allocator behind it but no hooks: sums of
 * threads and contexts, remote frees, peaks, the fork, the reuse of records.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe/account.h"
#include "probe/arena.h"
#include "probe/context.h"
#include "probe/event.h"
#include "probe/live.h"
#include "probe/map.h"
#include "probe/wiped.h"
#include "probe_region.h"
#include "wire/layout.h"

static struct ms_region_header *file;

/* What the initialisation does, less the keeper and the hooks. */
static int start(void **state)
{
    (void)state;
    uint64_t bytes = ms_region_file_bytes();
    int descriptor = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)bytes) != 0) {
        return -1;
    }
    file = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (file == MAP_FAILED) {
        return -1;
    }
    struct ms_probe_config config = {.tracking = {.mode = MS_MODE_COUNT_ONLY, .stack_depth = 8}};
    ms_region_format(file, 0, &config);
    if (ms_map_region(descriptor) != -EPROTO) {
        return -1; /* not sealed: must be refused */
    }
    if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 ||
        ms_map_region(descriptor) != 0) {
        return -1;
    }
    close(descriptor);
    ms_real.malloc = malloc;
    ms_real.free = free;
    ms_real.calloc = calloc;
    ms_real.realloc = realloc;
    ms_real.posix_memalign = posix_memalign;
    ms_real.malloc_usable_size = (size_t(*)(void *))ms_real_symbol("malloc_usable_size");
    ms_allocator_examine();
    if (!probe_process_begin()) {
        return -1;
    }
    return ms_thread_enter() == NULL ? -1 : 0;
}

static void *take(size_t bytes)
{
    void *block = ms_real.malloc(ms_size_with_tag(bytes));
    assert_non_null(block);
    static const struct ms_caller nobody;
    ms_block_allocated(ms_thread_enter(), &nobody, block, bytes, MS_BLOCK_MALLOC);
    return block;
}

static void give(void *block)
{
    ms_block_freed(ms_thread_enter(), block, NULL);
    ms_real.free(block);
}

static struct ms_thread_own own_sums(void)
{
    return ms_thread_enter()->record->own;
}

static void own_blocks_are_exact(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 24, 1000, 4096, 65504, 65520, 65521, 200000};
    const size_t count = sizeof sizes / sizeof sizes[0];
    void *blocks[sizeof sizes / sizeof sizes[0]];
    struct ms_thread_own before = own_sums();
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = take(sizes[i]);
        sum += sizes[i];
        assert_true(ms_block_usable(ms_thread_enter(), blocks[i]) >= sizes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        give(blocks[i]);
    }
    struct ms_thread_own after = own_sums();
    assert_int_equal(after.allocations - before.allocations, count);
    assert_int_equal(after.deallocations - before.deallocations, count);
    assert_int_equal(after.bytes_allocated - before.bytes_allocated, sum);
    assert_int_equal(after.bytes_freed - before.bytes_freed, sum);
    assert_int_equal(after.waste_allocated_bytes - before.waste_allocated_bytes,
                     after.waste_freed_bytes - before.waste_freed_bytes);
    assert_int_equal(after.peak_bytes, sum);
    assert_int_equal(after.foreign_frees, before.foreign_frees);
    /* The last block taken was the last one freed. */
    assert_int_equal(after.temporary - before.temporary, 1);
}

static void unknown_block_is_foreign_and_untouched(void **state)
{
    (void)state;
    struct ms_thread_own before = own_sums();
    void *block = ms_real.malloc(100);
    give(block);
    void *misaligned = (char *)ms_real.malloc(100) + 8;
    ms_block_freed(ms_thread_enter(), misaligned, NULL);
    ms_real.free((char *)misaligned - 8);
    assert_int_equal(own_sums().foreign_frees - before.foreign_frees, 2);
    if (!ms_allocator.glibc_headers) {
        return; /* what other allocators do with pointers that are none of theirs is their own */
    }
    before = own_sums();
    _Alignas(16) uint64_t local[64];
    for (size_t i = 0; i < 64; i++) {
        local[i] = 0x1001; /* looks like the size of a chunk */
    }
    ms_block_freed(ms_thread_enter(), &local[4], NULL);
    assert_int_equal(local[4], 0x1001);
    struct ms_thread_own after = own_sums();
    assert_int_equal(after.foreign_frees - before.foreign_frees, 1);
    assert_int_equal(after.deallocations, before.deallocations);
}

static void failed_realloc_puts_the_owner_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {104, 100000};
    for (size_t i = 0; i < 2; i++) {
        struct ms_block_claim claim;
        void *block = take(sizes[i]);
        struct ms_thread_own before = own_sums();
        ms_block_claim(ms_thread_enter(), block, &claim, NULL);
        assert_true(claim.known);
        assert_int_equal(claim.tagged, i == 0 && ms_allocator.tags);
        ms_block_restore(block, &claim);
        give(block);
        struct ms_thread_own after = own_sums();
        assert_int_equal(after.bytes_freed - before.bytes_freed, sizes[i]);
        assert_int_equal(after.foreign_frees, before.foreign_frees);
    }
}

struct hand_over {
    void *blocks[100];
    uint32_t index;
    uint32_t serial;
};

static void *free_for_another(void *argument)
{
    struct hand_over *hand_over = argument;
    for (size_t i = 0; i < 100; i++) {
        give(hand_over->blocks[i]);
    }
    struct ms_region_thread *record = ms_thread_enter()->record;
    assert_int_equal(record->own.frees_for_others, 100);
    assert_int_equal(record->own.bytes_freed_for_others, 100 * 500);
    assert_int_equal(record->own.deallocations, 0);
    uint64_t blocks = 0;
    for (size_t i = 0; i < MS_FLOW_ENTRIES; i++) {
        if (record->flows[i].owner_thread == hand_over->index) {
            assert_int_equal(record->flows[i].owner_serial, hand_over->serial);
            assert_int_equal(record->flows[i].bytes, 100 * 500);
            blocks += record->flows[i].blocks;
        }
    }
    assert_int_equal(blocks, 100);
    ms_thread_exiting();
    return NULL;
}

static uint64_t remote_deallocations(const struct ms_region_thread *record)
{
    return atomic_load(&record->remote.deallocations) + record->remote.sole_deallocations;
}

/* The peak of the owner is exact although others freed: 500 bytes a block, 100 blocks, twice. */
static void remote_frees_debit_the_owner(void **state)
{
    (void)state;
    struct ms_region_thread *record = ms_thread_enter()->record;
    uint64_t live = record->own.bytes_allocated - record->own.bytes_freed -
                    ms_remote_bytes_freed(&record->remote);
    record->own.peak_bytes = live;
    for (unsigned round = 0; round < 2; round++) {
        static struct hand_over hand_over;
        hand_over.index = ms_thread_enter()->index;
        hand_over.serial = record->serial;
        uint64_t before = remote_deallocations(record);
        for (size_t i = 0; i < 100; i++) {
            hand_over.blocks[i] = take(500);
        }
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, free_for_another, &hand_over), 0);
        pthread_join(thread, NULL);
        assert_int_equal(remote_deallocations(record) - before, 100);
        assert_int_equal(record->own.peak_bytes, live + 100 * 500);
    }
}

/* A thread that only frees, and only what carries no tag, still follows clock and wishes. */
static void frees_of_any_block_lead_to_a_look(void **state)
{
    (void)state;
    enum { BLOCKS = MS_CLOCK_EVENTS + 1 };
    struct ms_thread_tracking *tracking = &ms_thread_enter()->tracking;
    void *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = take(100000);
    }
    tracking->look_ns = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        if (!ms_event_freed(blocks[i], false, MS_RELEASER_FREE)) {
            ms_block_freed(ms_thread_enter(), blocks[i], NULL);
        }
        ms_real.free(blocks[i]);
    }
    assert_int_not_equal(tracking->look_ns, 0);
}

/* What a handler sees must not change what the event that it interrupted goes by. */
static void a_look_in_the_middle_of_an_event_changes_nothing(void **state)
{
    (void)state;
    struct ms_thread_state *thread = ms_thread_enter();
    struct ms_probe_config *config = &ms_region->config;
    ms_tracking_look(thread);
    uint32_t before = thread->tracking.stack_depth;
    config->tracking.stack_depth = before + 1;
    atomic_fetch_add(&config->changes, 2);
    thread->busy_stack_pointer = 1;
    ms_tracking_look(thread);
    assert_int_equal(thread->tracking.stack_depth, before);
    thread->busy_stack_pointer = 0;
    ms_tracking_look(thread);
    assert_int_equal(thread->tracking.stack_depth, before + 1);
    /* A mark that siglongjmp left does not make the thread deaf. */
    config->tracking.stack_depth = before;
    atomic_fetch_add(&config->changes, 2);
    thread->busy_stack_pointer = 1;
    for (unsigned i = 0; i < 1000; i++) {
        ms_tracking_look(thread);
    }
    thread->busy_stack_pointer = 0;
    assert_int_equal(thread->tracking.stack_depth, before);
}

static void *count_from_the_first_event(void *argument)
{
    const struct ms_thread_state *own = ms_thread_enter();
    bool counts = own->tracked && own->record->tracked != 0;
    give(take(10));
    *(uint64_t *)argument = counts ? own_sums().allocations : 0;
    ms_thread_exiting();
    return NULL;
}

/* A thread that begins while its wishes are being written counts all the same. */
static void unfinished_wishes_lose_no_event(void **state)
{
    (void)state;
    uint64_t counted = 0;
    pthread_t thread;
    atomic_fetch_add(&ms_region->config.changes, 1);
    assert_int_equal(pthread_create(&thread, NULL, count_from_the_first_event, &counted), 0);
    pthread_join(thread, NULL);
    atomic_fetch_add(&ms_region->config.changes, 1);
    assert_int_equal(counted, 1);
    assert_true(ms_thread_enter()->tracked);
}

static volatile sig_atomic_t climbed;

static void climb(int number)
{
    (void)number;
    ms_live_publish(1000000000);
    climbed = 1;
}

/* Whoever else is beginning an epoch: the peak that is attributed is the peak, to 1 %. */
static void no_climb_of_the_peak_is_lost(void **state)
{
    (void)state;
    const struct itimerval once = {.it_value = {.tv_usec = 20}};
    int64_t live = atomic_load(&ms_region->live_bytes);
    int64_t peak = atomic_load(&ms_region->peak_bytes);
    unsigned lost = 0;
    signal(SIGALRM, climb);
    for (unsigned round = 0; round < 1000; round++) {
        climbed = 0;
        setitimer(ITIMER_REAL, &once, NULL);
        while (!climbed) {
            atomic_store(&ms_region->live_bytes, 0);
            atomic_store(&ms_region->peak_bytes, 0);
            atomic_store(&ms_region->epoch_bytes, 0);
            ms_live_publish(1000000);
        }
        lost += atomic_load(&ms_region->peak_bytes) >
                atomic_load(&ms_region->epoch_bytes) / 100 * 101 + 100;
    }
    signal(SIGALRM, SIG_DFL);
    atomic_store(&ms_region->live_bytes, live);
    atomic_store(&ms_region->peak_bytes, peak);
    assert_int_equal(lost, 0);
}

/* A child that fork left in the middle of an event: every element is where it was, and empty. */
static void covered_region_keeps_its_shape(void **state)
{
    (void)state;
    struct ms_region_header *region = ms_region;
    uint32_t last = atomic_load(&region->areas[MS_AREA_CONTEXTS].taken) - 1;
    const struct ms_region_context *context = ms_area_at(MS_AREA_CONTEXTS, last);
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        ms_map_after_fork();
        bool same = ms_region != region && (const void *)ms_context_at(region, last) == context;
        _exit(same && context->thread == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void *one_short_life(void *argument)
{
    give(take(10));
    *(struct ms_thread_state **)argument = ms_thread_enter();
    ms_thread_exiting();
    return NULL;
}

/* Private memory of ended threads is used again, their records are not. */
static void states_are_pooled_records_stay(void **state)
{
    (void)state;
    uint32_t states_before = atomic_load(&ms_wiped->states_taken);
    uint32_t records_before = atomic_load(&ms_region->areas[MS_AREA_THREADS].taken);
    for (unsigned i = 0; i < 300; i++) {
        struct ms_thread_state *used = NULL;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, one_short_life, &used), 0);
        pthread_join(thread, NULL);
        assert_non_null(used);
    }
    assert_true(atomic_load(&ms_wiped->states_taken) - states_before < 20);
    assert_int_equal(atomic_load(&ms_region->areas[MS_AREA_THREADS].taken) - records_before, 300);
}

enum { SLOTS = 64, EXCHANGES = 600 };
static void *_Atomic slots[SLOTS];
static _Atomic uint64_t exchanged;

/* Frees what others left, in the same places where it leaves its own. */
static void *exchange(void *argument)
{
    uint64_t random = (uintptr_t)argument * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (unsigned i = 0; i < EXCHANGES && ms_thread_enter() != NULL; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        void *other = atomic_exchange(&slots[random >> 58], take(random >> 40 & 1023));
        atomic_fetch_add(&exchanged, 1);
        if (other != NULL) {
            if (!ms_event_freed(other, false, MS_RELEASER_FREE)) {
                ms_block_freed(ms_thread_enter(), other, NULL);
            }
            ms_real.free(other);
        }
    }
    ms_thread_exiting();
    return NULL;
}

static void add_record(struct ms_thread_own *sum, const struct ms_thread_own *own,
                       const struct ms_remote *remote)
{
    sum->allocations += own->allocations;
    sum->bytes_allocated += own->bytes_allocated;
    sum->waste_allocated_bytes += own->waste_allocated_bytes;
    sum->foreign_frees += own->foreign_frees;
    sum->deallocations += own->deallocations;
    sum->bytes_freed += own->bytes_freed;
    sum->waste_freed_bytes += own->waste_freed_bytes;
    if (remote != NULL) {
        sum->deallocations += atomic_load(&remote->deallocations) + remote->sole_deallocations;
        sum->bytes_freed += ms_remote_bytes_freed(remote);
        sum->waste_freed_bytes +=
            atomic_load(&remote->waste_freed_bytes) + remote->sole_waste_freed_bytes;
    }
}

static struct ms_thread_own process_sum(void)
{
    struct ms_thread_own sum = {0};
    uint32_t taken = atomic_load(&ms_region->areas[MS_AREA_THREADS].taken);
    for (uint32_t i = 1; i < taken; i++) {
        const struct ms_region_thread *record = ms_area_at(MS_AREA_THREADS, i);
        add_record(&sum, &record->own, &record->remote);
    }
    add_record(&sum, &ms_region->folded, NULL);
    return sum;
}

/* Records are folded and used again, so their numbers stand for many threads one after another. */
static void exact_while_records_are_used_again(void **state)
{
    (void)state;
    struct ms_region_area *area = &ms_region->areas[MS_AREA_THREADS];
    uint32_t capacity = area->capacity;
    uint64_t stale = atomic_load(&ms_region->losses.stale_tags);
    uint64_t folded = atomic_load(&ms_region->losses.threads_folded);
    struct ms_thread_own before = process_sum();
    area->capacity = atomic_load(&area->taken) + 6;
    for (uintptr_t round = 0; round < 250; round++) {
        pthread_t threads[4];
        for (uintptr_t i = 0; i < 4; i++) {
            void *number = (void *)(round * 4 + i);
            assert_int_equal(pthread_create(&threads[i], NULL, exchange, number), 0);
        }
        for (size_t i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
        }
    }
    for (size_t i = 0; i < SLOTS; i++) {
        void *left = atomic_exchange(&slots[i], NULL);
        if (left != NULL) {
            give(left);
        }
    }
    area->capacity = capacity;
    struct ms_thread_own after = process_sum();
    assert_true(atomic_load(&ms_region->losses.threads_folded) > folded);
    assert_int_equal(atomic_load(&ms_region->losses.stale_tags), stale);
    assert_int_equal(after.foreign_frees, before.foreign_frees);
    assert_int_equal(after.allocations - before.allocations, atomic_load(&exchanged));
    assert_int_equal(after.deallocations - before.deallocations, atomic_load(&exchanged));
    assert_int_equal(after.bytes_freed - before.bytes_freed,
                     after.bytes_allocated - before.bytes_allocated);
    assert_int_equal(after.waste_freed_bytes - before.waste_freed_bytes,
                     after.waste_allocated_bytes - before.waste_allocated_bytes);
}

static void released_context_takes_no_late_debit(void **state)
{
    (void)state;
    struct ms_thread_state *thread = ms_thread_enter();
    uint32_t index = ms_context_of(thread, 77, 0);
    assert_int_not_equal(index, 0);
    assert_int_equal(ms_context_of(thread, 77, 0), index);
    struct ms_region_context *context = ms_area_at(MS_AREA_CONTEXTS, index);
    uint32_t rest = context->next;
    void *block = ms_real.malloc(120);
    uint32_t owner = ms_tag_owner_word(index, context->generation);
    if (ms_allocator.tags) {
        ms_tag_write(thread->key, block,
                     ms_taggable_usable_fresh(block, ms_allocator.glibc_headers), 104, owner,
                     MS_BLOCK_MALLOC, 0);
    } else {
        struct ms_side_entry entry = {owner, 0, 104, 0};
        assert_true(ms_side_table_insert(&ms_wiped->side_table, (uintptr_t)block, &entry));
    }
    thread->record->first_context = rest;
    context->next = 0;
    ms_context_release(index);
    uint64_t stale = atomic_load(&ms_region->losses.stale_tags);
    give(block);
    assert_int_equal(atomic_load(&ms_region->losses.stale_tags), stale + 1);
    assert_int_equal(context->deallocations, 0);
    /* The map still names it: as at the end of a thread, it is emptied. */
    ms_context_map_clear(&thread->contexts);
}

static void arena_blocks_count_once(void **state)
{
    (void)state;
    void *freed = ms_arena_take(100, 16, false);
    void *kept = ms_arena_take(50, 64, false);
    void *ours = ms_arena_take(1000, 16, true);
    assert_true(ms_arena_holds(kept) && ms_arena_holds(freed) && !ms_arena_holds(&kept));
    assert_int_equal((uintptr_t)kept & 63, 0);
    assert_null(ms_arena_take(MS_ARENA_BYTES, 16, false));
    ms_arena_header(freed)->live = 0;
    struct ms_thread_own before = own_sums();
    ms_account_arena(ms_thread_enter());
    ms_arena_block_freed(ms_thread_enter(), kept);
    ms_arena_block_freed(ms_thread_enter(), kept);
    ms_arena_block_freed(ms_thread_enter(), ours);
    struct ms_thread_own after = own_sums();
    assert_int_equal(after.allocations - before.allocations, 2);
    assert_int_equal(after.deallocations - before.deallocations, 2);
    assert_int_equal(after.bytes_freed - before.bytes_freed, 150);
}

static void strings_and_areas(void **state)
{
    (void)state;
    uint32_t offset = ms_string_store("/usr/bin/true");
    assert_string_equal(ms_area_at(MS_AREA_STRINGS, offset), "/usr/bin/true");
    assert_int_equal(ms_area_take(MS_AREA_MODULES, 5000), 0);
    const struct ms_region_area *area = &ms_region->areas[MS_AREA_MODULES];
    while (ms_area_take(MS_AREA_MODULES, 1) != 0) {
    }
    assert_int_equal(atomic_load(&area->taken), area->capacity);
    assert_int_equal(atomic_load(&area->published), area->capacity);
}

/* The address space of a child: a slot of its own, nothing of the parent's blocks or counts. */
static void child_counts_in_its_own_slot(void **state)
{
    (void)state;
    void *inherited = take(300);
    struct ms_thread_own before = own_sums();
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        struct ms_region_header *parents = ms_region;
        if (ms_thread_state->key != 0) {
            _exit(1);
        }
        ms_map_after_fork();
        if (ms_region == NULL || ms_region == parents || ms_region->slot != 1) {
            _exit(2);
        }
        ms_wiped->key = 0xc417d;
        atomic_store(&ms_wiped->publish_step_bytes, 4096);
        atomic_store(&ms_wiped->set_up, MS_SET_UP_DONE);
        give(inherited);
        give(take(11));
        /* A hot path that fork interrupted: its pointer must not reach the parent's memory. */
        ((struct ms_region_header *)parents)->pid = 1;
        _exit(own_sums().foreign_frees == 1 && own_sums().bytes_freed == 11 ? 0 : 3);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    struct ms_thread_own after = own_sums();
    assert_memory_equal(&after, &before, sizeof after);
    assert_int_equal(ms_region->pid, getpid());
    const struct ms_region_header *slot = (const void *)((char *)file + ms_region_slot_offset(1));
    assert_int_equal(ms_region_check(slot, ms_region_file_bytes()), 0);
    assert_int_equal(slot->config.tracking.stack_depth, 8);
    assert_int_equal(slot->pid, child);
    assert_int_equal(atomic_load(&slot->state), MS_REGION_CLAIMED);
    assert_int_equal(atomic_load(&slot->areas[MS_AREA_THREADS].taken), 2);
    give(inherited);
}

/* Claims a slot in this forked child, in a child of it, and so on; ends the process. */
static void claim_and_end(uint32_t expected, int generations)
{
    for (;;) {
        ms_map_after_fork();
        if ((ms_region == NULL ? 0 : ms_region->slot) != expected) {
            _exit(1);
        }
        pid_t child = generations-- > 0 ? fork() : -1;
        if (child != 0) {
            int status = 0;
            _exit(child > 0 && (waitpid(child, &status, 0) != child || status != 0) ? 2 : 0);
        }
        expected++;
    }
}

static void fork_and_claim(uint32_t expected, int generations)
{
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        claim_and_end(expected, generations);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static uint64_t used_address_space(void)
{
    unsigned long long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%llu", &pages), 1);
    (void)fclose(statm);
    return (uint64_t)pages * 4096;
}

static bool ready(uint32_t slot)
{
    return (atomic_load(&file->slots_ready[(slot - 1) / 64]) >> (slot - 1) % 64 & 1) != 0;
}

/* Grandchildren claim from the same file; far slots as well; who finds none is counted. */
static void slots_run_out_and_say_so(void **state)
{
    (void)state;
    fork_and_claim(2, 2);
    assert_int_equal(atomic_load(&file->slots_taken), 4);
    assert_true(ready(1) && ready(4) && !ready(5));
    atomic_store(&file->slots_taken, MS_REGION_SLOTS - 1);
    fork_and_claim(MS_REGION_SLOTS, 0);
    assert_true(ready(MS_REGION_SLOTS) && !ready(MS_REGION_SLOTS - 1));
    assert_int_equal(atomic_load(&file->losses.untracked_children), 0);
    fork_and_claim(0, 0);
    fork_and_claim(0, 0);
    assert_int_equal(atomic_load(&file->losses.untracked_children), 2);
    assert_int_equal(atomic_load(&file->slots_taken), MS_REGION_SLOTS);
}

/* With little address space: reached in steps, or counted as missed; never a fault. */
static void slots_need_little_address_space(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    print_message("not under AddressSanitizer, which reserves terabytes\n");
    return;
#endif
    atomic_store(&file->slots_taken, MS_REGION_SLOTS - 2);
    uint64_t missed = atomic_load(&file->losses.untracked_children);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    struct rlimit small = {used_address_space() + (UINT64_C(600) << 20), limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    fork_and_claim(MS_REGION_SLOTS - 1, 0);
    small.rlim_cur = used_address_space() + (UINT64_C(20) << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    fork_and_claim(0, 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    assert_int_equal(atomic_load(&file->losses.untracked_children), missed + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_blocks_are_exact),
        cmocka_unit_test(unknown_block_is_foreign_and_untouched),
        cmocka_unit_test(failed_realloc_puts_the_owner_back),
        cmocka_unit_test(remote_frees_debit_the_owner),
        cmocka_unit_test(frees_of_any_block_lead_to_a_look),
        cmocka_unit_test(a_look_in_the_middle_of_an_event_changes_nothing),
        cmocka_unit_test(unfinished_wishes_lose_no_event),
        cmocka_unit_test(no_climb_of_the_peak_is_lost),
        cmocka_unit_test(states_are_pooled_records_stay),
        cmocka_unit_test(exact_while_records_are_used_again),
        cmocka_unit_test(released_context_takes_no_late_debit),
        cmocka_unit_test(arena_blocks_count_once),
        cmocka_unit_test(strings_and_areas),
        cmocka_unit_test(child_counts_in_its_own_slot),
        cmocka_unit_test(slots_run_out_and_say_so),
        cmocka_unit_test(slots_need_little_address_space),
        cmocka_unit_test(covered_region_keeps_its_shape),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
