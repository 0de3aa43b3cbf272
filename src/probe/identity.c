/* What a process is to the viewer, and the key by which it knows its own tags. */
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "probe/allocator.h"
#include "probe/direct.h"
#include "probe/live.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/system_call.h"
#include "probe/thread.h"
#include "probe/unseen.h"
#include "probe/wiped.h"

static uint64_t key_seed;
static uint32_t forks; /* between this process and the one that was started by exec */
static char exe_path[4096];
static const char *allocator_path;

static uint64_t mix(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

uint64_t ms_identity_random(void)
{
    return mix(key_seed ^ UINT64_C(0x5bf0363587a7c1e3));
}

void ms_process_set_up(void)
{
    struct ms_region_header *region = ms_region;
    uint64_t key = mix(key_seed + ++forks);
    ms_wiped->key = key == 0 ? 1 : key;
    /* Empty, unless an event that a handler interrupted to fork went on in the child. */
    memset(&ms_wiped->side_table, 0, sizeof ms_wiped->side_table);
    atomic_store(&ms_wiped->free_contexts, 0);
    ms_live_begin();
    region->untagged_reason = ms_allocator.reason;
    region->start_ns = ms_now_ns();
    if (!ms_map_quiet()) {
        region->pid = (uint32_t)ms_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
        region->parent_pid = (uint32_t)ms_system_call(SYS_getppid, 0, 0, 0, 0, 0, 0);
    }
    region->exe = exe_path[0] == '\0' ? 0 : ms_string_store(exe_path);
    region->allocator = allocator_path == NULL ? 0 : ms_string_store(allocator_path);
    ms_unseen_publish();
    atomic_store_explicit(&region->state, MS_REGION_ACTIVE, memory_order_release);
}

void ms_identity_read(void)
{
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    if (random != NULL) {
        memcpy(&key_seed, random + 8, sizeof key_seed);
    }
    /* Not the canary of the program itself, which lies in the same 16 bytes. */
    key_seed = mix(key_seed ^ (uint64_t)getpid() << 32 ^ ms_now_ns());
    ssize_t length = ms_direct_readlink("/proc/self/exe", exe_path, sizeof exe_path - 1);
    exe_path[length > 0 ? length : 0] = '\0';
    allocator_path = ms_allocator_path();
}
