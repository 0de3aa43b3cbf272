/* What of a recording stays when room is short. See ms_blocks_new. */
#include <stdlib.h>

#include "record/blocks_internal.h"

static bool is_fine(enum ms_block_type type)
{
    return type == MS_BLOCK_TICKS || type == MS_BLOCK_HISTORY || type == MS_BLOCK_SECONDS ||
           type == MS_BLOCK_OUTPUT || type == MS_BLOCK_TRACE;
}

struct ms_block_entry *ms_block_entry_next(struct ms_blocks *blocks)
{
    if (blocks->count == blocks->capacity) {
        const size_t capacity = blocks->capacity != 0 ? blocks->capacity * 2 : 64;
        struct ms_block_entry *const entries =
            reallocarray(blocks->entries, capacity, sizeof *entries);
        if (entries == NULL) {
            return NULL;
        }
        blocks->entries = entries;
        blocks->capacity = capacity;
    }
    return &blocks->entries[blocks->count];
}

uint64_t ms_block_place(const struct ms_blocks *blocks, const struct ms_block_entry *entry)
{
    if (blocks->rewriting) {
        return entry->at_before;
    }
    return entry->job <= blocks->jobs_done ? entry->at : MS_BLOCK_NOWHERE;
}

void ms_blocks_free_doomed(struct ms_blocks *blocks, uint64_t jobs_done)
{
    size_t kept = 0;
    for (size_t i = 0; i < blocks->doomed_count; i++) {
        if (blocks->doomed[i].job <= jobs_done) {
            free(blocks->doomed[i].stored);
        } else {
            blocks->doomed[kept++] = blocks->doomed[i];
        }
    }
    blocks->doomed_count = kept;
}

/* False: no memory; it stays then. */
static bool doom(struct ms_blocks *blocks, const struct ms_block_entry *entry)
{
    if (blocks->doomed_count == blocks->doomed_capacity) {
        const size_t capacity = blocks->doomed_capacity * 2 + 64;
        struct ms_block_doomed *const doomed =
            reallocarray(blocks->doomed, capacity, sizeof *doomed);
        if (doomed == NULL) {
            return false;
        }
        blocks->doomed = doomed;
        blocks->doomed_capacity = capacity;
    }
    blocks->doomed[blocks->doomed_count++] =
        (struct ms_block_doomed){.stored = entry->stored, .job = entry->job};
    return true;
}

/* A choice of what goes. */
struct coarsening {
    struct ms_blocks *blocks;
    bool *goes;
    bool all;               /* else only of what takes memory and is in no file */
    uint64_t bytes, target; /* of what stays */
    uint64_t state_bytes;   /* of that, of states */
    size_t next;            /* where the next segment begins that may have to become coarser */
    size_t last_state;      /* where the segment begins that goes on */
};

static uint64_t cost(const struct coarsening *coarsening, size_t index)
{
    const struct ms_block_entry *const entry = &coarsening->blocks->entries[index];
    if (coarsening->goes[index]) {
        return 0;
    }
    if (!coarsening->all &&
        (entry->stored == NULL || ms_block_place(coarsening->blocks, entry) != MS_BLOCK_NOWHERE)) {
        return 0;
    }
    return ms_block_whole_bytes(entry);
}

static void let_go(struct coarsening *coarsening, size_t index)
{
    const uint64_t bytes = cost(coarsening, index);
    const struct ms_block_info *const info = &coarsening->blocks->entries[index].info;
    if (bytes == 0) {
        return;
    }
    coarsening->goes[index] = true;
    coarsening->bytes -= bytes;
    coarsening->state_bytes -= info->type == MS_BLOCK_STATE ? bytes : 0;
    if (coarsening->blocks->coarse_until_ns < info->last_ns) {
        coarsening->blocks->coarse_until_ns = info->last_ns;
    }
}

/* What is fine between this block and the next state. */
static size_t let_fine_go(struct coarsening *coarsening, size_t index)
{
    const struct ms_block_entry *const entries = coarsening->blocks->entries;
    for (; index < coarsening->last_state && entries[index].info.type != MS_BLOCK_STATE; index++) {
        if (is_fine(entries[index].info.type)) {
            let_go(coarsening, index);
        }
    }
    return index;
}

static bool make_a_segment_coarser(struct coarsening *coarsening)
{
    const uint64_t before = coarsening->bytes;
    while (coarsening->next < coarsening->last_state && coarsening->bytes == before) {
        const size_t end = let_fine_go(coarsening, coarsening->next);
        coarsening->next = end + 1;
    }
    return coarsening->bytes < before;
}

/* Every second state of the older half, and what is fine behind it: it would be taken for what
 * follows the state before. */
static bool let_states_go(struct coarsening *coarsening)
{
    const struct ms_block_entry *const entries = coarsening->blocks->entries;
    size_t states = 0;
    for (size_t i = 0; i < coarsening->last_state; i++) {
        states += entries[i].info.type == MS_BLOCK_STATE && cost(coarsening, i) > 0;
    }
    const size_t half = states > 3 ? states / 2 : states;
    size_t seen = 0;
    bool any = false;
    for (size_t i = 0; i < coarsening->last_state && seen < half; i++) {
        if (entries[i].info.type == MS_BLOCK_STATE && cost(coarsening, i) > 0) {
            /* Of the last one the first goes: nothing is left but what goes on. */
            if (seen++ % 2 == 1 || states == 1) {
                let_go(coarsening, i);
                let_fine_go(coarsening, i + 1);
                any = true;
            }
        }
    }
    return any;
}

/* The last resort: of the segment that goes on nothing can go but what its ticks do not need. The
 * moments stay as fine as they are. */
static bool let_trace_go(struct coarsening *coarsening)
{
    const struct ms_blocks *const blocks = coarsening->blocks;
    const uint64_t coarse_until_ns = blocks->coarse_until_ns;
    for (size_t i = coarsening->last_state; i < blocks->count; i++) {
        if (blocks->entries[i].info.type == MS_BLOCK_TRACE && cost(coarsening, i) > 0) {
            let_go(coarsening, i);
            coarsening->blocks->coarse_until_ns = coarse_until_ns;
            return true;
        }
    }
    return false;
}

static void choose(struct coarsening *coarsening)
{
    const struct ms_blocks *const blocks = coarsening->blocks;
    for (size_t i = 0; i < blocks->count; i++) {
        const bool state = blocks->entries[i].info.type == MS_BLOCK_STATE;
        coarsening->bytes += cost(coarsening, i);
        coarsening->state_bytes += state ? cost(coarsening, i) : 0;
        coarsening->last_state = state ? i : coarsening->last_state;
    }
    while (coarsening->bytes > coarsening->target) {
        if (coarsening->state_bytes > coarsening->target / 2 && let_states_go(coarsening)) {
            continue;
        }
        if (!make_a_segment_coarser(coarsening) && !let_states_go(coarsening) &&
            !let_trace_go(coarsening)) {
            break;
        }
    }
}

static void remove_chosen(struct ms_blocks *blocks, const bool *goes)
{
    size_t kept = 0;
    for (size_t i = 0; i < blocks->count; i++) {
        struct ms_block_entry *const entry = &blocks->entries[i];
        if (goes[i] && entry->stored != NULL) {
            if (entry->job <= blocks->jobs_done || blocks->writer == NULL) {
                free(entry->stored);
            } else if (!doom(blocks, entry)) {
                blocks->entries[kept++] = *entry;
                continue;
            }
            blocks->memory_bytes -= ms_block_whole_bytes(entry);
        }
        if (!goes[i]) {
            blocks->entries[kept++] = *entry;
        }
    }
    blocks->removed += blocks->count - kept;
    blocks->count = kept;
    blocks->first_in_memory = 0;
}

static uint64_t coarsen(struct ms_blocks *blocks, bool all, uint64_t target)
{
    struct coarsening coarsening = {.blocks = blocks, .all = all, .target = target};
    coarsening.goes = calloc(blocks->count + 1, sizeof *coarsening.goes);
    if (coarsening.goes == NULL) {
        return UINT64_MAX;
    }
    choose(&coarsening);
    remove_chosen(blocks, coarsening.goes);
    free(coarsening.goes);
    return coarsening.bytes;
}

uint64_t ms_blocks_coarsen_all(struct ms_blocks *blocks, uint64_t target)
{
    return coarsen(blocks, true, target);
}

void ms_blocks_fit_memory(struct ms_blocks *blocks)
{
    while (blocks->memory_bytes > blocks->memory_bytes_max &&
           blocks->first_in_memory < blocks->count) {
        struct ms_block_entry *const entry = &blocks->entries[blocks->first_in_memory];
        if (entry->stored != NULL) {
            const bool needed = blocks->writer != NULL && entry->job > blocks->jobs_done;
            if (needed || ms_block_place(blocks, entry) == MS_BLOCK_NOWHERE) {
                break;
            }
            free(entry->stored);
            entry->stored = NULL;
            blocks->memory_bytes -= ms_block_whole_bytes(entry);
        }
        blocks->first_in_memory++;
    }
    /* What still waits for a file that works is no loss. */
    const bool file_works =
        blocks->writer != NULL && blocks->error == 0 &&
        (!blocks->finishing ||
         blocks->memory_bytes <= blocks->memory_bytes_max + blocks->waiting_bytes_max);
    if (blocks->memory_bytes > blocks->memory_bytes_max && !file_works) {
        coarsen(blocks, false, blocks->memory_bytes_max - blocks->memory_bytes_max / 16);
    }
}
