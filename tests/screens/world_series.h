/*
 * The made-up session with figures of more kinds: I/O, network and waits for a core of each actor,
 * so that screens of rankings, correlations and focus have something to show.
 */
#ifndef MS_TESTS_SCREENS_WORLD_SERIES_H
#define MS_TESTS_SCREENS_WORLD_SERIES_H

#include "world.h"

/* About 4 KiB a call; readers receive half of theirs on sockets. No figure goes exactly with
 * another: pairs that are as strong as each other would have no order. */
static inline void world_series_act(struct world *world, size_t index)
{
    struct ms_thread *thread = ms_model_thread_mutable(world->model, world->threads[index]);
    if (thread == NULL || thread->end_ns != 0) {
        return;
    }
    struct ms_kernel_thread *kernel = &thread->kernel;
    kernel->read_chars_bytes = kernel->read_calls * (4096 + 64 * index);
    kernel->write_chars_bytes = kernel->read_calls * 512;
    kernel->run_queue_wait_ns =
        kernel->run_ns / 8 +
        (uint64_t)(1e6 * (double)world->tick + 1.5e7 * sin((double)world->tick / 25));
    kernel->minor_faults = thread->heap.bytes_allocated / 65536;
    thread->io.have = true;
    struct ms_io_figures *receive = &thread->io.of[MS_IO_KIND_RECEIVE];
    if (index % 3 == 2) {
        receive->calls = kernel->read_calls / 2;
        receive->bytes = kernel->read_chars_bytes / 2;
    }
    struct ms_io_figures *read = &thread->io.of[MS_IO_KIND_READ];
    read->calls = read->timed_calls = kernel->read_calls - receive->calls;
    read->bytes = kernel->read_chars_bytes - receive->bytes;
    read->timed_ns = read->calls * 38000;
    read->wait_ns = (double)read->timed_ns;
}

/* Lets `ticks` tenths of a second pass. */
static inline void world_series_run(struct world *world, uint64_t ticks)
{
    for (uint64_t i = 0; i < ticks; i++) {
        for (size_t t = 0; t < world->thread_count && !world->stopped; t++) {
            world_series_act(world, t);
        }
        world_run(world, 1);
    }
}

#endif
