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
    bool all;                                 /* else only of what takes memory and is in no file */
    bool segment_is_over;                     /* nothing follows what is there but a new state */
    uint64_t bytes, target;                   /* of what stays */
    uint64_t type_bytes[MS_BLOCK_TYPE_TOTAL]; /* of that */
    size_t next;       /* where the next segment begins that may have to become coarser */
    size_t last_state; /* where the last segment begins */
    size_t end;        /* of what may become coarser */
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
    coarsening->type_bytes[info->type] -= bytes;
    if ((is_fine(info->type) || info->type == MS_BLOCK_STATE) &&
        coarsening->blocks->coarse_until_ns < info->last_ns) {
        coarsening->blocks->coarse_until_ns = info->last_ns;
    }
}

/* What is fine between this block and the next state. */
static size_t let_fine_go(struct coarsening *coarsening, size_t index)
{
    const struct ms_block_entry *const entries = coarsening->blocks->entries;
    for (; index < coarsening->end && entries[index].info.type != MS_BLOCK_STATE; index++) {
        if (is_fine(entries[index].info.type)) {
            let_go(coarsening, index);
        }
    }
    return index;
}

static bool make_a_segment_coarser(struct coarsening *coarsening)
{
    const uint64_t before = coarsening->bytes;
    while (coarsening->next < coarsening->end && coarsening->bytes == before) {
        const size_t end = let_fine_go(coarsening, coarsening->next);
        coarsening->next = end + 1;
    }
    return coarsening->bytes < before;
}

/* Every second block of this type of the older half, of a state with what is fine behind it: it
 * would be taken for what follows the state before. The last state stays. */
static bool thin_out(struct coarsening *coarsening, enum ms_block_type type)
{
    const struct ms_block_entry *const entries = coarsening->blocks->entries;
    const size_t end = type == MS_BLOCK_STATE ? coarsening->last_state : coarsening->blocks->count;
    size_t count = 0;
    for (size_t i = 0; i < end; i++) {
        count += entries[i].info.type == type && cost(coarsening, i) > 0;
    }
    const size_t half = count > 3 ? count / 2 : count;
    size_t seen = 0;
    bool any = false;
    for (size_t i = 0; i < end && seen < half; i++) {
        if (entries[i].info.type == type && cost(coarsening, i) > 0) {
            /* Of the last one the first goes: nothing is left of them then. */
            if (seen++ % 2 == 1 || count == 1) {
                let_go(coarsening, i);
                if (type == MS_BLOCK_STATE) {
                    let_fine_go(coarsening, i + 1);
                }
                any = true;
            }
        }
    }
    return any;
}

/* The first says how all others are to be read, the last knows the program best. */
static void let_middle_abouts_go(struct coarsening *coarsening)
{
    const struct ms_blocks *const blocks = coarsening->blocks;
    bool is_first = true;
    size_t last = 0;
    for (size_t i = 0; i < blocks->count; i++) {
        if (blocks->entries[i].info.type == MS_BLOCK_ABOUT) {
            if (last > 0) {
                let_go(coarsening, last);
            }
            last = is_first ? 0 : i;
            is_first = false;
        }
    }
}

/* What grows with the time, beside its share of the room. */
static bool let_shares_go(struct coarsening *coarsening)
{
    const uint64_t target = coarsening->target;
    const uint64_t *const bytes = coarsening->type_bytes;
    return (bytes[MS_BLOCK_STATE] > target / 2 && thin_out(coarsening, MS_BLOCK_STATE)) ||
           (bytes[MS_BLOCK_COARSE] > target / 4 && thin_out(coarsening, MS_BLOCK_COARSE)) ||
           (bytes[MS_BLOCK_MARKS] > target / 8 && thin_out(coarsening, MS_BLOCK_MARKS));
}

/* A new state follows: what is there of the last segment is not needed for it. */
static bool let_last_state_go(struct coarsening *coarsening)
{
    const uint64_t before = coarsening->bytes;
    if (coarsening->segment_is_over && coarsening->last_state < coarsening->blocks->count &&
        coarsening->blocks->entries[coarsening->last_state].info.type == MS_BLOCK_STATE) {
        let_go(coarsening, coarsening->last_state);
        let_fine_go(coarsening, coarsening->last_state + 1);
    }
    return coarsening->bytes < before;
}

/* Of the segment that goes on nothing can go but what its ticks do not need. The
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
        const enum ms_block_type type = blocks->entries[i].info.type;
        coarsening->bytes += cost(coarsening, i);
        coarsening->type_bytes[type] += cost(coarsening, i);
        coarsening->last_state = type == MS_BLOCK_STATE ? i : coarsening->last_state;
    }
    coarsening->end = coarsening->segment_is_over ? blocks->count : coarsening->last_state;
    if (coarsening->bytes > coarsening->target) {
        let_middle_abouts_go(coarsening);
    }
    while (coarsening->bytes > coarsening->target) {
        if (!let_shares_go(coarsening) && !make_a_segment_coarser(coarsening) &&
            !thin_out(coarsening, MS_BLOCK_STATE) && !let_last_state_go(coarsening) &&
            !let_trace_go(coarsening) && !thin_out(coarsening, MS_BLOCK_COARSE) &&
            !thin_out(coarsening, MS_BLOCK_MARKS)) {
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

static uint64_t coarsen(struct ms_blocks *blocks, bool all, bool segment_is_over, uint64_t target)
{
    struct coarsening coarsening = {
        .blocks = blocks, .all = all, .segment_is_over = segment_is_over, .target = target};
    coarsening.goes = calloc(blocks->count + 1, sizeof *coarsening.goes);
    if (coarsening.goes == NULL) {
        return UINT64_MAX;
    }
    choose(&coarsening);
    remove_chosen(blocks, coarsening.goes);
    free(coarsening.goes);
    return coarsening.bytes;
}

uint64_t ms_blocks_coarsen_all(struct ms_blocks *blocks, bool segment_is_over, uint64_t target)
{
    return coarsen(blocks, true, segment_is_over, target);
}

uint64_t ms_blocks_last_segment_bytes(const struct ms_blocks *blocks)
{
    uint64_t bytes = 0;
    for (size_t i = blocks->count; i > 0; i--) {
        const struct ms_block_entry *const entry = &blocks->entries[i - 1];
        const bool is_state = entry->info.type == MS_BLOCK_STATE;
        bytes += is_state || is_fine(entry->info.type) ? ms_block_whole_bytes(entry) : 0;
        if (is_state) {
            return bytes;
        }
    }
    return 0;
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
        coarsen(blocks, false, false, blocks->memory_bytes_max - blocks->memory_bytes_max / 16);
    }
}
