/*
 * Start of the probe: at the first call of the malloc family after libc works, at the latest in
 * our constructor, so that what the constructors of other libraries allocate is counted exactly.
 */
#include "probe/init.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "probe/account.h"
#include "probe/allocator.h"
#include "probe/map.h"
#include "probe/now.h"
#include "probe/process.h"
#include "probe/stack.h"
#include "probe/system_call.h"
#include "probe/thread.h"
#include "probe/trace.h"
#include "probe/wiped.h"

#define MAIN_STACK_MAX_BYTES (UINT64_C(128) << 20) /* mmap keeps at least this away from it */

enum init_state { INIT_NOT, INIT_RUNNING, INIT_DONE };

static _Atomic uint32_t init_state;

/* Until we are relocated this holds something else than the address of itself. */
static void *volatile self_pointer = (void *)&self_pointer;

extern char __libc_single_threaded __attribute__((weak));
extern void *__libc_stack_end __attribute__((weak));
extern char **environ;

bool ms_initialising(void)
{
    return atomic_load_explicit(&init_state, memory_order_relaxed) == INIT_RUNNING;
}

bool ms_relocated(void)
{
    return self_pointer == (void *)&self_pointer;
}

/*
 * libc sets this flag in its early initialisation, which precedes all constructors but not the
 * IFUNC resolvers; it has the environment only after its own constructor.
 */
static bool libc_works(void)
{
    return (&__libc_single_threaded == NULL || __libc_single_threaded) && environ != NULL;
}

static void turn_off(uint32_t reason)
{
    struct ms_region_header *region = ms_region;
    if (region != NULL) {
        region->off_reason = reason;
        atomic_store_explicit(&region->state, MS_REGION_OFF, memory_order_release);
    }
}

/* Bounds of the main thread's stack as far as it may grow. */
static void find_main_stack(uintptr_t *low, uintptr_t *high)
{
    struct rlimit limit;
    *low = 0;
    *high = 0;
    if (&__libc_stack_end == NULL || __libc_stack_end == NULL) {
        return;
    }
    uint64_t bytes = MAIN_STACK_MAX_BYTES;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < bytes) {
        bytes = limit.rlim_cur;
    }
    *high = (uintptr_t)__libc_stack_end;
    *low = *high > bytes ? *high - bytes : 0;
}

/* Region, tables and the main thread. Returns whether this process counts. */
static bool start_counting(int descriptor)
{
    uintptr_t low;
    uintptr_t high;
    if (ms_map_region(descriptor) != 0) {
        return false;
    }
    ms_wiped = ms_private_pages(sizeof *ms_wiped, true);
    if (ms_wiped == NULL) {
        turn_off(MS_OFF_NO_MEMORY);
        return false;
    }
    ms_identity_read();
    (void)ms_stack_init(ms_identity_random()); /* without it every capture returns 0 */
    ms_own_hooks_init();
    ms_allocator_examine();
    ms_process_set_up();
    atomic_store(&ms_wiped->set_up, MS_SET_UP_DONE);
    struct ms_thread_state *state = ms_thread_enter();
    if (state == NULL) {
        turn_off(MS_OFF_NO_MEMORY);
        return false;
    }
    find_main_stack(&low, &high);
    state->stack.stack_low = low;
    state->stack.stack_high = high;
    if (state->tracked) {
        ms_account_arena(state);
    }
    return true;
}

static void initialise(void)
{
    uint32_t expected = INIT_NOT;
    if (!atomic_compare_exchange_strong(&init_state, &expected, INIT_RUNNING)) {
        return;
    }
    int saved_errno = errno;
    unsigned char ready = MS_READY_OFF;
    ms_environment_hide();
    ms_now_init();
    bool found = ms_real_resolve();
    ms_process_hooks_init();
    ms_thread_hooks_init();
    ms_map_hooks_init();
    ms_dlopen_hooks_init();
    ms_io_hooks_init();
    int descriptor = ms_handshake_begin();
    if (descriptor >= 0) {
        if (found && start_counting(descriptor)) {
            ready = MS_READY_COUNTING;
        } else if (!found && ms_map_region(descriptor) == 0) {
            turn_off(MS_OFF_NO_REAL_MALLOC);
        }
        (void)ms_system_call(SYS_close, descriptor, 0, 0, 0, 0, 0);
        ms_handshake_finish();
    }
    if (found) {
        __atomic_store_n(&ms_ready, ready, __ATOMIC_RELEASE);
    }
    atomic_store(&init_state, INIT_DONE);
    errno = saved_errno;
}

enum ms_gate ms_gate_slow(void)
{
    unsigned char ready = __atomic_load_n(&ms_ready, __ATOMIC_ACQUIRE);
    if (ready == MS_READY_NOT) {
        if (!ms_relocated() || atomic_load(&init_state) != INIT_NOT || !libc_works()) {
            return MS_GATE_ARENA;
        }
        initialise();
        ready = __atomic_load_n(&ms_ready, __ATOMIC_ACQUIRE);
    }
    return ready == MS_READY_COUNTING ? MS_GATE_COUNT
           : ready == MS_READY_OFF    ? MS_GATE_REAL
                                      : MS_GATE_ARENA;
}

__attribute__((constructor)) static void construct(void)
{
    if (ms_ready == MS_READY_NOT) {
        initialise();
    } else if (ms_ready == MS_READY_COUNTING && ms_region != NULL &&
               ms_allocator.reason == MS_UNTAGGED_SELF_TEST) {
        /* tcmalloc's malloc_usable_size says 0 until its own constructor has run; now it has. */
        ms_allocator_examine();
        ms_region->untagged_reason = ms_allocator.reason;
    }
}

__attribute__((destructor)) static void finish(void)
{
    ms_trace_flush_all(true);
}
