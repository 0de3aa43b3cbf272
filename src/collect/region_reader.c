/* See region_reader.h. Every load from the region goes through the functions at the top. */
#include "collect/region_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "wire/layout.h"

_Static_assert(MS_SIZE_CLASSES == MS_HISTOGRAM_SIZES, "the model knows these classes");
_Static_assert(MS_LIFETIME_CLASSES == MS_HISTOGRAM_LIFETIMES, "the model knows these classes");
_Static_assert(MS_TICK_SHIFT == 20, "the model knows this tick");

#define WINDOW_MAX_BYTES (UINT64_C(256) << 20)

/* Volatile keeps the compiler from reading a hostile word twice; an aligned load is not torn. */
#define LOAD(pointer) (*(const volatile __typeof__(*(pointer)) *)(pointer))

static inline uint32_t acquired_u32(uint32_t value)
{
    atomic_thread_fence(memory_order_acquire);
    return value;
}

static inline uint64_t acquired_u64(uint64_t value)
{
    atomic_thread_fence(memory_order_acquire);
    return value;
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t subtract_floor(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* A copy that other threads may be writing to: word by word, each once. Multiples of 8 bytes. */
static void copy_words(void *to, const void *from, size_t bytes)
{
    const uint64_t *source = from;
    for (size_t i = 0; i < bytes / sizeof(uint64_t); i++) {
        uint64_t word = LOAD(&source[i]);
        memcpy((unsigned char *)to + i * sizeof word, &word, sizeof word);
    }
}

int ms_region_mapping_open(struct ms_region_mapping *file, int descriptor)
{
    *file = (struct ms_region_mapping){0};
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
        return -EPROTO;
    }
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode) || status.st_size < 0 ||
        (uint64_t)status.st_size != ms_region_file_bytes()) {
        return -EPROTO;
    }
    size_t bytes = (size_t)ms_region_bytes(0);
    void *base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    if (base == MAP_FAILED) {
        return -errno;
    }
    /* A restarted symbolizer needs none of this; a core file of ours would be huge. */
    (void)madvise(base, bytes, MADV_DONTFORK);
    (void)madvise(base, bytes, MADV_DONTDUMP);
    file->base = base;
    file->bytes = bytes;
    struct ms_region_view view;
    int result = ms_region_view_init(&view, file, 0);
    if (result != 0) {
        ms_region_mapping_close(file);
    }
    return result;
}

int ms_region_mapping_open_slot(struct ms_region_mapping *slot_mapping,
                                const struct ms_region_mapping *file, uint32_t slot)
{
    *slot_mapping = (struct ms_region_mapping){0};
    if (slot == 0 || slot > MS_REGION_SLOTS) {
        return -EINVAL;
    }
    struct ms_region_window window = {0, file->bytes};
    struct ms_region_window next = window;
    unsigned char *base = (unsigned char *)(uintptr_t)file->base;
    while (ms_region_window_next(&next, slot, WINDOW_MAX_BYTES)) {
        void *again =
            mremap(base + (next.from - window.from), 0, (size_t)next.bytes, MREMAP_MAYMOVE);
        int error = errno;
        if (base != file->base) {
            (void)munmap(base, (size_t)window.bytes);
        }
        if (again == MAP_FAILED) {
            return -error;
        }
        base = again;
        window = next;
    }
    uint64_t before = ms_region_slot_offset(slot) - window.from;
    if (before > 0) {
        (void)munmap(base, (size_t)before);
    }
    slot_mapping->base = base + before;
    slot_mapping->bytes = ms_region_bytes(slot);
    return 0;
}

void ms_region_mapping_keep_header(struct ms_region_mapping *file)
{
    if (file->base != NULL && file->bytes > MS_PAGE_BYTES &&
        munmap((void *)(uintptr_t)(file->base + MS_PAGE_BYTES),
               (size_t)(file->bytes - MS_PAGE_BYTES)) == 0) {
        file->bytes = MS_PAGE_BYTES;
    }
}

void ms_region_mapping_close(struct ms_region_mapping *file)
{
    if (file->base != NULL) {
        munmap((void *)(uintptr_t)file->base, (size_t)file->bytes);
    }
    *file = (struct ms_region_mapping){0};
}

uint64_t ms_region_mapping_slots_ready(const struct ms_region_mapping *file, uint32_t word)
{
    const struct ms_region_header *header = (const void *)file->base;
    return acquired_u64(LOAD(&header->slots_ready[word]));
}

int ms_region_view_init(struct ms_region_view *view, const struct ms_region_mapping *mapping,
                        uint32_t slot)
{
    if (slot > MS_REGION_SLOTS || mapping->bytes < ms_region_bytes(slot)) {
        return -EINVAL;
    }
    struct ms_region_header header;
    copy_words(&header, mapping->base, sizeof header);
    int result = ms_region_check(&header, ms_region_file_bytes());
    if (result != 0) {
        return result;
    }
    if (header.slot != slot) {
        return -EPROTO;
    }
    view->base = mapping->base;
    for (int area = 0; area < MS_AREA_COUNT; area++) {
        view->area_offset[area] = header.areas[area].offset_bytes;
        view->area_capacity[area] = header.areas[area].capacity;
    }
    return 0;
}

static const struct ms_region_header *header_of(const struct ms_region_view *view)
{
    return (const struct ms_region_header *)(const void *)view->base;
}

uint32_t ms_region_view_state(const struct ms_region_view *view)
{
    return acquired_u32(LOAD(&header_of(view)->state));
}

uint32_t ms_region_view_published(const struct ms_region_view *view, enum ms_area_id area)
{
    uint32_t published = acquired_u32(LOAD(&header_of(view)->areas[area].published));
    return published < view->area_capacity[area] ? published : view->area_capacity[area];
}

uint32_t ms_region_view_capacity(const struct ms_region_view *view, enum ms_area_id area)
{
    return view->area_capacity[area];
}

/* Element `index` of an area, or NULL: index 0 and what is not published do not exist. */
static const void *element(const struct ms_region_view *view, enum ms_area_id area, uint32_t index,
                           size_t bytes)
{
    if (index == 0 || index >= ms_region_view_published(view, area)) {
        return NULL;
    }
    return view->base + view->area_offset[area] + (uint64_t)index * bytes;
}

/* Frees before allocations, so that a block freed between two loads was also seen allocated. */
static void read_own(const struct ms_thread_own *own, struct ms_heap *heap)
{
    heap->deallocations = LOAD(&own->deallocations);
    heap->bytes_freed = LOAD(&own->bytes_freed);
    heap->frees_for_others = LOAD(&own->frees_for_others);
    heap->bytes_freed_for_others = LOAD(&own->bytes_freed_for_others);
    heap->foreign_frees = LOAD(&own->foreign_frees);
    heap->munmap_bytes = LOAD(&own->munmap_bytes);
    uint64_t waste_freed = LOAD(&own->waste_freed_bytes);
    atomic_thread_fence(memory_order_acquire);
    heap->allocations = LOAD(&own->allocations);
    heap->bytes_allocated = LOAD(&own->bytes_allocated);
    heap->peak_bytes = LOAD(&own->peak_bytes);
    heap->reallocations = LOAD(&own->reallocations);
    heap->failed_calls = LOAD(&own->failed_calls);
    heap->temporary = LOAD(&own->temporary);
    heap->mmap_bytes = LOAD(&own->mmap_bytes);
    heap->waste_bytes = subtract_floor(LOAD(&own->waste_allocated_bytes), waste_freed);
}

struct remote_copy {
    uint64_t deallocations, bytes_freed, waste_freed_bytes;
};

static struct remote_copy read_remote(const struct ms_remote *remote)
{
    struct remote_copy copy;
    copy.deallocations = acquired_u64(
        add_saturating(LOAD(&remote->deallocations), LOAD(&remote->sole_deallocations)));
    copy.bytes_freed = add_saturating(LOAD(&remote->bytes_freed), LOAD(&remote->sole_bytes_freed));
    copy.waste_freed_bytes =
        add_saturating(LOAD(&remote->waste_freed_bytes), LOAD(&remote->sole_waste_freed_bytes));
    atomic_thread_fence(memory_order_acquire);
    return copy;
}

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
    read_own(&header->folded, &facts->folded);
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

static void read_name(const struct ms_region_thread *record, struct ms_region_thread_copy *copy)
{
    for (int attempt = 0; attempt < 4 && !copy->name_valid; attempt++) {
        uint32_t version = acquired_u32(LOAD(&record->name_version));
        copy_words(copy->name, record->name, sizeof copy->name);
        atomic_thread_fence(memory_order_acquire);
        copy->name_version = version;
        copy->name_valid = (version & 1u) == 0 && LOAD(&record->name_version) == version;
    }
    copy->name[sizeof copy->name - 1] = '\0';
}

bool ms_region_view_thread(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_thread_copy *copy)
{
    const struct ms_region_thread *record = element(view, MS_AREA_THREADS, index, sizeof *record);
    if (record == NULL) {
        return false;
    }
    *copy = (struct ms_region_thread_copy){0};
    copy->state = acquired_u32(LOAD(&record->state));
    copy->tid = LOAD(&record->tid);
    copy->serial = LOAD(&record->serial);
    copy->root_context = LOAD(&record->root_context);
    copy->tracked = LOAD(&record->tracked) != 0;
    copy->start_ns = LOAD(&record->start_ns);
    copy->end_ns = LOAD(&record->end_ns);
    copy_words(&copy->final_usage, &record->final_usage, sizeof copy->final_usage);
    read_name(record, copy);

    struct remote_copy remote = read_remote(&record->remote);
    read_own(&record->own, &copy->heap);
    struct ms_heap *heap = &copy->heap;
    copy->own_deallocations = heap->deallocations;
    copy->own_bytes_freed = heap->bytes_freed;
    heap->deallocations = add_saturating(heap->deallocations, remote.deallocations);
    heap->bytes_freed = add_saturating(heap->bytes_freed, remote.bytes_freed);
    heap->waste_bytes = subtract_floor(heap->waste_bytes, remote.waste_freed_bytes);
    return copy->state != MS_THREAD_FREE && copy->serial != 0;
}

bool ms_region_view_thread_peek(const struct ms_region_view *view, uint32_t index, uint32_t *serial,
                                uint64_t *change)
{
    const struct ms_region_thread *record = element(view, MS_AREA_THREADS, index, sizeof *record);
    if (record == NULL) {
        return false;
    }
    uint32_t state = acquired_u32(LOAD(&record->state));
    *serial = LOAD(&record->serial);
    *change = LOAD(&record->own.allocations) + LOAD(&record->own.deallocations) +
              LOAD(&record->own.frees_for_others) + LOAD(&record->own.foreign_frees) +
              LOAD(&record->own.failed_calls) + LOAD(&record->own.mmap_bytes) +
              LOAD(&record->own.munmap_bytes) + LOAD(&record->remote.deallocations) +
              LOAD(&record->remote.sole_deallocations) +
              ((uint64_t)LOAD(&record->name_version) << 32) + ((uint64_t)state << 56) +
              (LOAD(&record->end_ns) != 0);
    return state != MS_THREAD_FREE && *serial != 0;
}

uint32_t ms_region_view_flows(const struct ms_region_view *view, uint32_t index,
                              struct ms_region_flow *out)
{
    const struct ms_region_thread *record = element(view, MS_AREA_THREADS, index, sizeof *record);
    if (record == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i <= MS_FLOW_ENTRIES; i++) {
        const struct ms_region_flow *flow =
            i < MS_FLOW_ENTRIES ? &record->flows[i] : &record->flows_rest;
        copy_words(&out[i], flow, sizeof *flow);
    }
    return MS_FLOW_ENTRIES + 1;
}

/*
 * Adds the events of one histogram: those of other classes than `home` (class + 1) are in the
 * detail, the rest of `total` is of home. Adds nothing when that is not known.
 */
static void add_histogram(const struct ms_region_view *view, uint32_t home, uint32_t index,
                          uint64_t total, uint32_t classes, struct ms_histogram *sum)
{
    if (home == 0 || home > classes || index == MS_DETAIL_NONE_LEFT) {
        return;
    }
    uint64_t others = 0;
    if (index != 0) {
        const union ms_region_detail *detail =
            element(view, MS_AREA_DETAILS, index, sizeof *detail);
        if (detail == NULL) {
            return;
        }
        for (uint32_t i = 0; i < classes; i++) {
            uint64_t events = i + 1 == home ? 0 : LOAD(&detail->histogram.events[i]);
            events = events > total - others ? total - others : events;
            sum->events[i] += events;
            others += events;
        }
    }
    sum->events[home - 1] += total - others;
}

static void read_estimate(const struct ms_region_view *view, uint32_t index,
                          struct ms_region_estimate_copy *copy)
{
    const union ms_region_detail *detail = element(view, MS_AREA_DETAILS, index, sizeof *detail);
    if (detail == NULL) {
        return;
    }
    const struct ms_region_estimate *estimate = &detail->estimate;
    uint64_t deallocations = LOAD(&estimate->remote_deallocations);
    copy->bytes_freed = LOAD(&estimate->remote_bytes_freed);
    deallocations = add_saturating(deallocations, LOAD(&estimate->deallocations));
    copy->bytes_freed = add_saturating(copy->bytes_freed, LOAD(&estimate->bytes_freed));
    atomic_thread_fence(memory_order_acquire);
    const double unit = 1.0 / (double)(1u << MS_ESTIMATE_SHIFT);
    copy->deallocations = (double)deallocations * unit;
    copy->allocations = (double)LOAD(&estimate->allocations) * unit;
    copy->bytes_allocated = LOAD(&estimate->bytes_allocated);
}

/* What was live when the epoch began: each part as it is now, unless it was kept. */
static void read_at_peak(const struct ms_region_context *context, uint32_t epoch,
                         uint64_t live_own_bytes, uint64_t freed_by_others_bytes,
                         struct ms_region_context_copy *copy)
{
    bool others_fixed = acquired_u32(LOAD(&context->remote.peak_epoch)) == epoch;
    uint64_t freed = others_fixed ? LOAD(&context->freed_at_peak_bytes) : freed_by_others_bytes;
    bool own_fixed = acquired_u32(LOAD(&context->peak_epoch)) == epoch;
    uint64_t live = own_fixed ? LOAD(&context->live_at_peak_bytes) : live_own_bytes;
    copy->at_peak_bytes = subtract_floor(live, freed);
    copy->at_peak_fixed = own_fixed || others_fixed;
}

bool ms_region_view_context(const struct ms_region_view *view, uint32_t index, uint32_t epoch,
                            struct ms_region_context_copy *copy)
{
    const struct ms_region_context *context =
        element(view, MS_AREA_CONTEXTS, index, sizeof *context);
    if (context == NULL) {
        return false;
    }
    *copy = (struct ms_region_context_copy){0};
    copy->thread = acquired_u32(LOAD(&context->thread));
    copy->generation = LOAD(&context->generation);
    copy->stack = LOAD(&context->stack);
    copy->rate = LOAD(&context->rate);
    if (copy->rate != 0) {
        read_estimate(view, LOAD(&context->estimate), &copy->estimate);
    }
    struct remote_copy remote = read_remote(&context->remote);
    uint64_t deallocations = LOAD(&context->deallocations);
    uint64_t bytes_freed = LOAD(&context->bytes_freed);
    uint64_t waste_freed =
        add_saturating(LOAD(&context->waste_freed_bytes), remote.waste_freed_bytes);
    copy->temporary = LOAD(&context->temporary);
    atomic_thread_fence(memory_order_acquire);
    copy->allocations = LOAD(&context->allocations);
    copy->bytes_allocated = LOAD(&context->bytes_allocated);
    copy->waste_bytes = subtract_floor(LOAD(&context->waste_allocated_bytes), waste_freed);
    copy->peak_bytes = LOAD(&context->peak_bytes);
    copy->reallocations = LOAD(&context->reallocations);
    copy->failed_calls = LOAD(&context->failed_calls);
    read_at_peak(context, epoch, subtract_floor(copy->bytes_allocated, bytes_freed),
                 remote.bytes_freed, copy);
    add_histogram(view, LOAD(&context->size_home), LOAD(&context->sizes), copy->allocations,
                  MS_SIZE_CLASSES, &copy->sizes);
    add_histogram(view, LOAD(&context->lifetime_home), LOAD(&context->lifetimes), deallocations,
                  MS_LIFETIME_CLASSES, &copy->lifetimes);
    uint32_t of_others = LOAD(&context->remote_lifetimes);
    uint32_t index_of_others = of_others & MS_REMOTE_DETAIL_NONE_LEFT;
    add_histogram(view, of_others >> MS_REMOTE_DETAIL_BITS,
                  index_of_others == MS_REMOTE_DETAIL_NONE_LEFT ? MS_DETAIL_NONE_LEFT
                                                                : index_of_others,
                  remote.deallocations, MS_LIFETIME_CLASSES, &copy->lifetimes);
    copy->deallocations = add_saturating(deallocations, remote.deallocations);
    copy->bytes_freed = add_saturating(bytes_freed, remote.bytes_freed);
    return copy->thread != 0;
}

bool ms_region_view_context_peek(const struct ms_region_view *view, uint32_t index,
                                 uint32_t *thread, uint32_t *generation, uint64_t *change)
{
    const struct ms_region_context *context =
        element(view, MS_AREA_CONTEXTS, index, sizeof *context);
    if (context == NULL) {
        return false;
    }
    *thread = acquired_u32(LOAD(&context->thread));
    *generation = LOAD(&context->generation);
    *change = LOAD(&context->allocations) + LOAD(&context->deallocations) +
              LOAD(&context->remote.deallocations) + LOAD(&context->remote.sole_deallocations) +
              LOAD(&context->failed_calls);
    return *thread != 0;
}

bool ms_region_view_misuse(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_misuse_copy *copy)
{
    const struct ms_region_misuse *misuse = element(view, MS_AREA_MISUSES, index, sizeof *misuse);
    const uint64_t identity = misuse == NULL ? 0 : LOAD(&misuse->identity);
    if (identity == 0) {
        return false;
    }
    *copy = (struct ms_region_misuse_copy){
        .kind = MS_MISUSE_KIND(identity),
        .block_kind = MS_MISUSE_BLOCK_KIND(identity),
        .releaser = MS_MISUSE_RELEASER(identity),
        .allocated_stack = MS_MISUSE_ALLOCATED(identity),
        .released_stack = MS_MISUSE_RELEASED(identity),
        .count = acquired_u64(LOAD(&misuse->count)),
    };
    copy->samples = LOAD(&misuse->samples);
    copy->bytes = LOAD(&misuse->bytes);
    copy->first_ns = LOAD(&misuse->first_ns);
    copy->last_ns = LOAD(&misuse->last_ns);
    copy->first_thread = LOAD(&misuse->first_thread);
    return copy->count != 0;
}

uint64_t ms_region_view_marks(const struct ms_region_view *view)
{
    return acquired_u64(LOAD(&header_of(view)->marks));
}

static enum ms_region_mark_found read_mark(const struct ms_region_mark *mark, uint64_t number,
                                           struct ms_region_mark_copy *copy)
{
    const uint64_t version = mark == NULL ? 0 : acquired_u64(LOAD(&mark->version));
    if (version != MS_MARK_WRITTEN(number)) {
        return version > MS_MARK_WRITTEN(number) ? MS_REGION_MARK_LOST : MS_REGION_MARK_NOT_YET;
    }
    copy->at_ns = LOAD(&mark->at_ns);
    copy->serial = LOAD(&mark->serial);
    copy_words(copy->text, mark->text, sizeof copy->text);
    copy->text[sizeof copy->text - 1] = '\0';
    atomic_thread_fence(memory_order_acquire);
    return LOAD(&mark->version) == version ? MS_REGION_MARK_THERE : MS_REGION_MARK_LOST;
}

enum ms_region_mark_found ms_region_view_mark(const struct ms_region_view *view, uint64_t number,
                                              struct ms_region_mark_copy *copy)
{
    const uint32_t elements[] = {ms_region_view_capacity(view, MS_AREA_MARKS),
                                 ms_region_view_published(view, MS_AREA_MARKS)};
    enum ms_region_mark_found found = MS_REGION_MARK_NOT_YET;
    for (int i = 0; i < 2 && elements[i] >= 2 && found != MS_REGION_MARK_THERE; i++) {
        const struct ms_region_mark *mark =
            element(view, MS_AREA_MARKS, MS_MARK_PLACE(number, elements[i]), sizeof *mark);
        const enum ms_region_mark_found here = read_mark(mark, number, copy);
        found = here == MS_REGION_MARK_NOT_YET ? found : here;
    }
    return found;
}

static void read_kinds(uint64_t to[MS_REGION_IO_KINDS], const uint64_t from[MS_REGION_IO_KINDS])
{
    for (int kind = 0; kind < MS_REGION_IO_KINDS; kind++) {
        to[kind] = LOAD(&from[kind]);
    }
}

bool ms_region_view_thread_io(const struct ms_region_view *view, uint32_t index,
                              struct ms_region_thread_io_copy *copy)
{
    const struct ms_region_thread_io *io = element(view, MS_AREA_THREAD_IO, index, sizeof *io);
    const uint64_t serial = io == NULL ? 0 : acquired_u64(LOAD(&io->serial));
    if (serial == 0 || serial > UINT32_MAX) {
        return false;
    }
    *copy = (struct ms_region_thread_io_copy){.serial = (uint32_t)serial};
    const uint64_t in_call = LOAD(&io->in_call);
    copy->in_call = in_call != 0 && MS_IN_CALL_KIND(in_call) < MS_REGION_IO_KINDS;
    if (copy->in_call) {
        copy->in_call_kind = MS_IN_CALL_KIND(in_call);
        copy->in_call_begin_ns = MS_IN_CALL_BEGIN_NS(in_call);
    }
    read_kinds(copy->weighed_ns, io->weighed_ns);
    read_kinds(copy->weighed_calls, io->weighed_calls);
    read_kinds(copy->timed_ns, io->timed_ns);
    read_kinds(copy->timed_calls, io->timed_calls);
    read_kinds(copy->errors, io->errors);
    read_kinds(copy->would_block, io->would_block);
    copy->more_received = LOAD(&io->more_received);
    copy->more_sent = LOAD(&io->more_sent);
    read_kinds(copy->bytes, io->bytes);
    atomic_thread_fence(memory_order_acquire);
    read_kinds(copy->calls, io->calls);
    atomic_thread_fence(memory_order_acquire);
    return LOAD(&io->serial) == serial;
}

bool ms_region_view_thread_io_peek(const struct ms_region_view *view, uint32_t index,
                                   uint32_t *serial, uint64_t *change)
{
    const struct ms_region_thread_io *io = element(view, MS_AREA_THREAD_IO, index, sizeof *io);
    if (io == NULL) {
        return false;
    }
    *serial = (uint32_t)acquired_u64(LOAD(&io->serial));
    *change = LOAD(&io->in_call);
    for (int kind = 0; kind < MS_REGION_IO_KINDS; kind++) {
        *change += LOAD(&io->calls[kind]);
    }
    return *serial != 0;
}

bool ms_region_view_io_site(const struct ms_region_view *view, uint32_t index,
                            struct ms_region_io_site_copy *copy)
{
    const struct ms_region_io_site *site = element(view, MS_AREA_IO_SITES, index, sizeof *site);
    const uint64_t identity = site == NULL ? 0 : acquired_u64(LOAD(&site->identity));
    if (identity == 0 || MS_IO_SITE_KIND(identity) >= MS_REGION_IO_KINDS) {
        return false;
    }
    *copy = (struct ms_region_io_site_copy){
        .serial = MS_IO_SITE_SERIAL(identity),
        .stack = MS_IO_SITE_STACK(identity),
        .kind = MS_IO_SITE_KIND(identity),
        .samples = acquired_u64(LOAD(&site->samples)),
    };
    copy->wait_ns = LOAD(&site->wait_ns);
    copy->bytes = LOAD(&site->bytes);
    copy->calls = LOAD(&site->calls);
    return copy->samples != 0;
}

uint32_t ms_region_view_stack(const struct ms_region_view *view, uint32_t stack,
                              uint32_t pcs[MS_STACK_DEPTH_MAX], uint32_t *flags)
{
    const uint32_t *words = element(view, MS_AREA_STACKS, stack, sizeof *words);
    *flags = 0;
    if (words == NULL) {
        return 0;
    }
    uint32_t word = LOAD(words);
    uint32_t depth = MS_STACK_DEPTH(word);
    uint32_t beyond = ms_region_view_published(view, MS_AREA_STACKS) - stack - 1;
    if (depth > MS_STACK_DEPTH_MAX || depth > beyond) {
        return 0;
    }
    for (uint32_t i = 0; i < depth; i++) {
        pcs[i] = LOAD(&words[1 + i]);
    }
    *flags = word & ~0xffu;
    return depth;
}

bool ms_region_view_pc(const struct ms_region_view *view, uint32_t index, struct ms_region_pc *copy)
{
    const void *pc = element(view, MS_AREA_PCS, index, sizeof *copy);
    if (pc == NULL) {
        return false;
    }
    copy_words(copy, pc, sizeof *copy);
    return true;
}

bool ms_region_view_module(const struct ms_region_view *view, uint32_t index,
                           struct ms_region_module *copy)
{
    const void *module = element(view, MS_AREA_MODULES, index, sizeof *copy);
    if (module == NULL) {
        return false;
    }
    copy_words(copy, module, sizeof *copy);
    if (copy->build_id_bytes > MS_BUILD_ID_MAX) {
        copy->build_id_bytes = 0;
    }
    return true;
}

size_t ms_region_view_string(const struct ms_region_view *view, uint32_t offset, char *out,
                             size_t size)
{
    size_t length = 0;
    const char *text = element(view, MS_AREA_STRINGS, offset, 1);
    if (text != NULL) {
        uint32_t left = ms_region_view_published(view, MS_AREA_STRINGS) - offset;
        while (length + 1 < size && length < left) {
            char byte = LOAD(&text[length]);
            if (byte == '\0') {
                break;
            }
            out[length++] = byte;
        }
    }
    out[length] = '\0';
    return length;
}
