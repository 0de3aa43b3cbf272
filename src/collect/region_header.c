/* What the header of a region says: facts, what is to be tracked, and the steps down. */
#include "collect/region_words.h"

/* The three as of one epoch, unless a new one begins each time that we look. */
static void read_epoch(const struct ms_region_header *header, struct ms_region_facts *facts)
{
    for (int attempt = 0; attempt < 4; attempt++) {
        facts->peak_epoch = acquired_u32(LOAD(&header->peak_epoch));
        int64_t bytes = LOAD(&header->epoch_bytes);
        facts->epoch_bytes = bytes > 0 ? (uint64_t)bytes : 0;
        facts->epoch_ns = acquired_u64(LOAD(&header->epoch_ns));
        if (LOAD(&header->peak_epoch) == facts->peak_epoch) {
            return;
        }
    }
}

/* What follows from another is read before it, so that no share is above 1. */
static void read_stack_check(const struct ms_region_losses *losses, struct ms_stack_check *stacks)
{
    stacks->differed = acquired_u64(LOAD(&losses->recheck_differed));
    stacks->rechecked = acquired_u64(LOAD(&losses->rechecked));
    stacks->proven = LOAD(&losses->walks_saved);
    stacks->walked = LOAD(&losses->walks);
    stacks->interpreted = LOAD(&losses->stacks_interpreted);
    stacks->cut_no_cfi = LOAD(&losses->stacks_cut_no_cfi);
}

void ms_region_view_facts(const struct ms_region_view *view, struct ms_region_facts *facts)
{
    const struct ms_region_header *header = header_of(view);
    *facts = (struct ms_region_facts){0};
    facts->state = ms_region_view_state(view);
    facts->off_reason = LOAD(&header->off_reason);
    facts->untagged_reason = LOAD(&header->untagged_reason);
    facts->pid = LOAD(&header->pid);
    facts->parent_pid = LOAD(&header->parent_pid);
    facts->exe = LOAD(&header->exe);
    facts->allocator = LOAD(&header->allocator);
    for (unsigned way = 0; way < MS_UNSEEN_WAYS; way++) {
        facts->unseen[way] = LOAD(&header->unseen[way]);
    }
    facts->probe_bytes = (uint64_t)LOAD(&header->page_bytes_opened_kib) << 10;
    facts->start_ns = LOAD(&header->start_ns);
    facts->exec_ns = LOAD(&header->exec_ns);
    int64_t peak = LOAD(&header->peak_bytes);
    facts->peak_bytes = peak > 0 ? (uint64_t)peak : 0;
    facts->publish_step_bytes = LOAD(&header->publish_step_bytes);

    read_epoch(header, facts);
    facts->sampled = LOAD(&header->rates[1]) != 0;

    const struct ms_region_losses *losses = &header->losses;
    facts->untracked_allocations = LOAD(&losses->untracked_allocations);
    facts->side_table_full = LOAD(&losses->side_table_full);
    facts->coarsened_events = LOAD(&losses->coarsened_events);
    facts->busy_events = LOAD(&losses->busy_events);
    facts->damaged_tags = LOAD(&losses->damaged_tags);
    facts->stale_tags = LOAD(&losses->stale_tags);
    facts->threads_folded = LOAD(&losses->threads_folded);
    facts->untracked_children = LOAD(&losses->untracked_children);
    facts->details_missing = LOAD(&losses->details_missing);
    facts->rates_missing = LOAD(&losses->rates_missing);
    facts->misuse_missing = LOAD(&losses->misuse_missing);
    facts->io_sites_missing = LOAD(&losses->io_sites_missing);
    facts->io_threads_missing = LOAD(&losses->io_threads_missing);
    facts->io_counting = LOAD(&header->config.io);
    facts->misuses = acquired_u32(LOAD(&header->misuses));
    facts->slots_taken = LOAD(&header->slots_taken);
    facts->trace_events = LOAD(&header->trace_events);
    facts->trace_lost = LOAD(&header->trace_lost);
    facts->trace_state = LOAD(&header->trace_state);
    const uint32_t exit_note = acquired_u32(LOAD(&header->exit_note));
    facts->exit_ns = LOAD(&header->exit_ns);
    facts->exit_noted = (exit_note & MS_EXIT_NOTED) != 0;
    facts->exit_status = (uint8_t)exit_note;
    read_stack_check(losses, &facts->stacks);
    ms_region_read_own(&header->folded, &facts->folded);
    facts->folded.peak_bytes = 0;
}

uint64_t ms_region_view_tracking_peek(const struct ms_region_view *view)
{
    const struct ms_probe_config *config = &header_of(view)->config;
    uint32_t changes = acquired_u32(LOAD(&config->changes));
    return (uint64_t)LOAD(&config->steps) << 32 | changes;
}

static void read_steps(const struct ms_region_header *header, struct ms_region_tracking_copy *copy)
{
    copy->steps = acquired_u32(LOAD(&header->config.steps));
    uint32_t kept = copy->steps < MS_STEPS_KEPT ? copy->steps : MS_STEPS_KEPT;
    for (uint32_t number = copy->steps - kept; number != copy->steps; number++) {
        copy_words(&copy->step[copy->steps_kept++], &header->step[number % MS_STEPS_KEPT],
                   sizeof copy->step[0]);
    }
}

void ms_region_view_tracking(const struct ms_region_view *view,
                             struct ms_region_tracking_copy *copy)
{
    const struct ms_region_header *header = header_of(view);
    const struct ms_probe_config *config = &header->config;
    *copy = (struct ms_region_tracking_copy){0};
    copy->trace_allowed = LOAD(&config->trace_allowed) != 0;
    for (int attempt = 0; attempt < 4 && !copy->valid; attempt++) {
        copy->changes = acquired_u32(LOAD(&config->changes));
        copy_words(&copy->tracking, &config->tracking, sizeof copy->tracking);
        atomic_thread_fence(memory_order_acquire);
        copy->valid = copy->changes % 2 == 0 && LOAD(&config->changes) == copy->changes;
    }
    copy->tracking.selection[sizeof copy->tracking.selection - 1] = '\0';
    read_steps(header, copy);
}
