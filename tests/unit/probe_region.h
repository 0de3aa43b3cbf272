/* A region of the real shape for tests of the probe's rooms, mapped as the probe maps it. */
#ifndef MS_TESTS_PROBE_REGION_H
#define MS_TESTS_PROBE_REGION_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/map.h"
#include "probe/thread.h"
#include "probe/wiped.h"
#include "wire/layout.h"

/*
 * Maps a fresh region; `stack_words` and `pcs` make its areas smaller when not 0. Returns 0 or
 * -errno of the probe.
 */
static inline int probe_region_map(uint32_t stack_words, uint32_t pcs)
{
    static const struct ms_probe_config config = {
        .tracking = {.mode = MS_MODE_EXACT, .stack_depth = 64}};
    uint64_t bytes = ms_region_file_bytes();
    int descriptor = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0 || ftruncate(descriptor, (off_t)bytes) != 0) {
        return -1;
    }
    struct ms_region_header header = {0};
    ms_region_format(&header, 0, &config);
    if (pwrite(descriptor, &header, sizeof header, 0) != (ssize_t)sizeof header) {
        return -1;
    }
    fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    int result = ms_map_region(descriptor);
    close(descriptor);
    if (result == 0 && stack_words != 0) {
        ms_region->areas[MS_AREA_STACKS].capacity = stack_words;
    }
    if (result == 0 && pcs != 0) {
        ms_region->areas[MS_AREA_PCS].capacity = pcs;
    }
    return result;
}

/* A process that counts, and in which no thread has a state yet. The region is mapped. */
static inline bool probe_process_begin(void)
{
    ms_wiped = ms_private_pages(sizeof *ms_wiped, true);
    if (ms_wiped == NULL) {
        return false;
    }
    ms_wiped->key = 0x5eed;
    atomic_store(&ms_wiped->publish_step_bytes, 4096);
    ms_region->pid = (uint32_t)getpid();
    atomic_store(&ms_wiped->set_up, MS_SET_UP_DONE);
    ms_ready = MS_READY_COUNTING;
    return true;
}

/*
 * A fresh region in which the calling thread counts as `tracking` says, without an allocator: no
 * block carries a tag, so any address that is not in use can stand for one. Returns the state of
 * the thread, NULL when there is none.
 */
static inline struct ms_thread_state *probe_region_start(const struct ms_tracking *tracking)
{
    if (probe_region_map(0, 0) != 0) {
        return NULL;
    }
    ms_region->config.tracking = *tracking;
    if (!probe_process_begin()) {
        return NULL;
    }
    return ms_thread_enter();
}

#endif
