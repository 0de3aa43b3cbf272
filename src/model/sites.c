#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

#define NUMBERS_A_BLOCK 16384u

const char *ms_model_string(struct ms_model *model, const char *text)
{
    return ms_words_intern(&model->strings, text);
}

size_t ms_model_name_bytes(const struct ms_model *model)
{
    return model->strings.bytes + model->frames.count * sizeof(struct ms_frame);
}

struct ms_frame *ms_model_add_frame(struct ms_model *model)
{
    struct ms_frame *frame = ms_chunks_add(&model->frames);
    if (frame != NULL) {
        frame->module = frame->crate = frame->function = frame->file = "";
        frame->number = (uint32_t)(model->frames.count - 1);
        model->names_version++;
    }
    return frame;
}

uint64_t ms_model_names_version(const struct ms_model *model)
{
    return model->names_version + (model->lent != NULL ? *model->lent->version : 0);
}

void ms_model_names_changed(struct ms_model *model)
{
    model->names_version++;
    model->names_unlisted++;
}

void ms_model_frame_named(struct ms_model *model, const struct ms_frame *frame)
{
    uint32_t *number = ms_chunks_add(&model->named);
    if (number == NULL) {
        ms_model_names_changed(model);
        return;
    }
    *number = frame->number;
    model->names_version++;
}

static const struct ms_chunks *frames_of(const struct ms_model *model)
{
    return model->lent != NULL ? model->lent->frames : &model->frames;
}

size_t ms_model_frame_count(const struct ms_model *model)
{
    return frames_of(model)->count;
}

const struct ms_frame *ms_model_frame(const struct ms_model *model, size_t number)
{
    return ms_chunks_at(frames_of(model), number);
}

size_t ms_model_named_count(const struct ms_model *model)
{
    return model->named.count;
}

uint32_t ms_model_named(const struct ms_model *model, size_t index)
{
    return *(const uint32_t *)ms_chunks_at(&model->named, index);
}

uint64_t ms_model_names_unlisted(const struct ms_model *model)
{
    return model->names_unlisted;
}

size_t ms_model_site_position(const struct ms_model *model, uint32_t id)
{
    const struct ms_sites *sites = &model->sites;
    const struct ms_site_page *page = ms_id_page(&sites->pages, id);
    const uint32_t position = page != NULL ? page->positions[id % MS_ID_PAGE] : 0;
    return position != 0 ? position - 1 : SIZE_MAX;
}

uint64_t ms_model_sites_version(const struct ms_model *model)
{
    return model->sites.version;
}

size_t ms_model_site_moved(const struct ms_model *model, size_t position)
{
    const struct ms_sites *sites = &model->sites;
    return position < sites->moved_count && sites->moved[position] != 0 ? sites->moved[position] - 1
                                                                        : SIZE_MAX;
}

bool ms_model_site_moves_known(const struct ms_model *model, uint64_t version)
{
    const struct ms_sites *sites = &model->sites;
    return version + 1 == sites->version && sites->moved_count != 0;
}

struct ms_site_record *ms_sites_find(const struct ms_model *model, uint32_t id)
{
    const size_t position = ms_model_site_position(model, id);
    return position != SIZE_MAX ? ms_chunks_at(&model->sites.records, position) : NULL;
}

static void leave_id(struct ms_sites *sites, uint32_t id)
{
    struct ms_site_page *page = ms_id_page(&sites->pages, id);
    page->positions[id % MS_ID_PAGE] = 0;
    if (--page->used == 0) {
        ms_id_page_drop(&sites->pages, id);
    }
}

static struct ms_frame_numbers *add_block(struct ms_frame_numbers **blocks, size_t capacity)
{
    struct ms_frame_numbers *block = malloc(sizeof(*block) + capacity * sizeof(block->numbers[0]));
    if (block != NULL) {
        *block = (struct ms_frame_numbers){.next = *blocks, .capacity = capacity};
        *blocks = block;
    }
    return block;
}

/* Room for `depth` numbers; NULL without memory. */
static uint32_t *room_for_numbers(struct ms_frame_numbers **blocks, uint32_t depth)
{
    struct ms_frame_numbers *block = *blocks;
    if (block == NULL || block->capacity - block->used < depth) {
        block = add_block(blocks, depth > NUMBERS_A_BLOCK ? depth : NUMBERS_A_BLOCK);
        if (block == NULL) {
            return NULL;
        }
    }
    uint32_t *numbers = block->numbers + block->used;
    block->used += depth;
    return numbers;
}

/* The last of the list; *numbers is room for those of its frames. */
static struct ms_site_record *add_record(struct ms_model *model, uint32_t id, uint32_t process_id,
                                         uint32_t depth, uint32_t flags, uint32_t **numbers)
{
    struct ms_sites *sites = &model->sites;
    struct ms_site_page *page = ms_id_page_make(&sites->pages, id, sizeof(*page));
    *numbers = page == NULL ? NULL : room_for_numbers(&sites->numbers, depth);
    const bool room =
        *numbers != NULL && ms_changes_reserve(&sites->changes, sites->records.count + 1) == 0;
    struct ms_site_record *record = room ? ms_chunks_add(&sites->records) : NULL;
    if (record == NULL) {
        return NULL;
    }
    record->first_usage = MS_NO_USAGE;
    record->first_activity = MS_NO_ACTIVITY;
    record->site = (struct ms_site){
        .id = id,
        .process_id = process_id,
        .depth = depth,
        .flags = flags,
        .frame_numbers = *numbers,
        .frames = frames_of(model),
    };
    sites->next_id = id;
    sites->numbers_held += depth;
    page->positions[id % MS_ID_PAGE] = (uint32_t)sites->records.count;
    page->used++;
    ms_changes_mark(&sites->changes, sites->records.count - 1, model->stamp);
    sites->activity += (flags & MS_SITE_ACTIVITY) != 0;
    struct ms_process_record *process = ms_process_record_of(model, process_id);
    if (process != NULL) {
        process->site_count++;
    }
    return record;
}

struct ms_site *ms_model_add_site(struct ms_model *model, uint32_t process_id,
                                  const struct ms_frame *const *frames, uint32_t depth,
                                  uint32_t flags)
{
    uint32_t *numbers;
    struct ms_site_record *record =
        add_record(model, model->sites.next_id + 1, process_id, depth, flags, &numbers);
    if (record == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < depth; i++) {
        numbers[i] = frames[i]->number;
    }
    return &record->site;
}

struct ms_site *ms_model_restore_site(struct ms_model *model, uint32_t id, uint32_t process_id,
                                      const uint32_t *frame_numbers, uint32_t depth, uint32_t flags)
{
    uint32_t *numbers;
    struct ms_site_record *record = id <= model->sites.next_id || !ms_model_has_room(model)
                                        ? NULL
                                        : add_record(model, id, process_id, depth, flags, &numbers);
    if (record == NULL) {
        return NULL;
    }
    if (depth > 0) { /* else there may be no array */
        memcpy(numbers, frame_numbers, depth * sizeof(*numbers));
    }
    return &record->site;
}

const struct ms_frame *ms_site_frame(const struct ms_site *site, size_t index)
{
    return ms_chunks_at(site->frames, site->frame_numbers[index]);
}

size_t ms_model_site_count(const struct ms_model *model)
{
    return model->sites.records.count;
}

const struct ms_site *ms_model_site(const struct ms_model *model, size_t index)
{
    const struct ms_site_record *record = ms_chunks_at(&model->sites.records, index);
    return &record->site;
}

const struct ms_site *ms_model_site_by_id(const struct ms_model *model, uint32_t id)
{
    const struct ms_site_record *record = ms_sites_find(model, id);
    return record != NULL ? &record->site : NULL;
}

static uint32_t stack_hash(uint32_t process_id, const struct ms_site *site)
{
    return ms_hash_bytes((const char *)site->frame_numbers,
                         site->depth * sizeof(site->frame_numbers[0]), process_id ^ site->flags);
}

/* The site of the merged process with the same stack, or NULL. */
static struct ms_site_record *find_merged(const struct ms_model *model, uint32_t process_id,
                                          const struct ms_site *like)
{
    size_t cursor = 0;
    uint32_t id;
    while (
        ms_index_next(&model->sites.merged_by_stack, stack_hash(process_id, like), &cursor, &id)) {
        struct ms_site_record *record = ms_sites_find(model, id);
        if (record != NULL && record->site.process_id == process_id &&
            record->site.depth == like->depth && record->site.flags == like->flags &&
            memcmp(record->site.frame_numbers, like->frame_numbers,
                   like->depth * sizeof(like->frame_numbers[0])) == 0) {
            return record;
        }
    }
    return NULL;
}

/* What finds no room of its own goes to the root site, made when there is none. */
static struct ms_site_record *root_of(struct ms_model *model, struct ms_process_record *process)
{
    if (process->root_site == 0) {
        const struct ms_site *root = ms_model_add_site(model, process->process.id, NULL, 0,
                                                       MS_SITE_ROOT | MS_SITE_COARSENED);
        process->root_site = root != NULL ? root->id : 0;
    }
    return ms_sites_find(model, process->root_site);
}

struct ms_site_record *ms_site_activity_root(struct ms_model *model,
                                             struct ms_process_record *process)
{
    if (process->activity_root == 0) {
        const struct ms_site *root =
            ms_model_add_site(model, process->process.id, NULL, 0,
                              MS_SITE_ROOT | MS_SITE_COARSENED | MS_SITE_ACTIVITY);
        process->activity_root = root != NULL ? root->id : 0;
    }
    return ms_sites_find(model, process->activity_root);
}

int ms_site_merge(struct ms_site_record *into, struct ms_site_record *site)
{
    if (site->site.work != NULL && into->site.work == NULL) {
        into->site.work = calloc(1, sizeof(*into->site.work));
        if (into->site.work == NULL) {
            return -ENOMEM;
        }
    }
    if (site->site.work != NULL) {
        ms_work_add(into->site.work, site->site.work);
    }
    ms_heap_add(&into->site.heap, &site->site.heap);
    site->merged_into = into->site.id;
    return 0;
}

/* Stacks of memory and of samples have their limits apart, so that neither crowds out the other. */
static bool no_room_to_merge(const struct ms_sites *sites, bool activity)
{
    return activity ? sites->merged_activity >= MS_MERGED_ACTIVITY_SITES_MAX
                    : sites->merged_by_stack.count - sites->merged_activity >= MS_MERGED_SITES_MAX;
}

static int merge_site(struct ms_model *model, size_t position, struct ms_process_record *from)
{
    struct ms_process_record *into = from->merged_into;
    struct ms_site_record *record = ms_chunks_at(&model->sites.records, position);
    struct ms_site_record *known = find_merged(model, into->process.id, &record->site);
    const bool activity = (record->site.flags & MS_SITE_ACTIVITY) != 0;
    if (known == NULL && no_room_to_merge(&model->sites, activity)) {
        /* Chunks do not move: `record` still holds. */
        known = activity ? ms_site_activity_root(model, into) : root_of(model, into);
        if (known == NULL) {
            return -ENOMEM;
        }
    }
    if (known != NULL) {
        return ms_site_merge(known, record);
    }
    if (ms_index_add(&model->sites.merged_by_stack, stack_hash(into->process.id, &record->site),
                     record->site.id) != 0) {
        return -ENOMEM;
    }
    record->site.process_id = into->process.id;
    ms_changes_mark(&model->sites.changes, position, model->stamp);
    model->sites.merged_activity += activity;
    into->site_count++;
    from->site_count--;
    return 0;
}

int ms_sites_merge(struct ms_model *model)
{
    const size_t count = model->sites.records.count;
    for (size_t i = 0; i < count; i++) {
        const struct ms_site *site = ms_model_site(model, i);
        struct ms_process_record *process = ms_process_record_of(model, site->process_id);
        const bool done =
            ((const struct ms_site_record *)ms_chunks_at(&model->sites.records, i))->merged_into !=
            0;
        if (process != NULL && process->merged_into != NULL && !done &&
            merge_site(model, i, process) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* Without memory the old blocks stay as they are. */
static void compact_numbers(struct ms_sites *sites)
{
    struct ms_frame_numbers *blocks = NULL;
    size_t total = 0;
    for (size_t i = 0; i < sites->records.count; i++) {
        const struct ms_site_record *record = ms_chunks_at(&sites->records, i);
        total += record->site.depth;
    }
    if (add_block(&blocks, total > 0 ? total : 1) == NULL) {
        return;
    }
    for (size_t i = 0; i < sites->records.count; i++) {
        struct ms_site *site = &((struct ms_site_record *)ms_chunks_at(&sites->records, i))->site;
        uint32_t *numbers = room_for_numbers(&blocks, site->depth);
        memcpy(numbers, site->frame_numbers, site->depth * sizeof(*numbers));
        site->frame_numbers = numbers;
    }
    while (sites->numbers != NULL) {
        struct ms_frame_numbers *next = sites->numbers->next;
        free(sites->numbers);
        sites->numbers = next;
    }
    sites->numbers = blocks;
    sites->numbers_unused = 0;
    sites->numbers_held = total;
}

/* Without memory nobody is told where sites went. */
static void begin_moves(struct ms_sites *sites)
{
    const size_t count = sites->records.count;
    sites->moved_count = 0;
    if (count > sites->moved_capacity) {
        free(sites->moved);
        sites->moved = calloc(count, sizeof(*sites->moved));
        sites->moved_capacity = sites->moved != NULL ? count : 0;
    }
    if (count <= sites->moved_capacity) {
        sites->moved_count = count;
    }
}

/* One of a merged process makes room there; others are not found. */
static void forget_merged(struct ms_sites *sites, const struct ms_site *site)
{
    const size_t count = sites->merged_by_stack.count;
    ms_index_remove(&sites->merged_by_stack, stack_hash(site->process_id, site), site->id);
    sites->merged_activity -= sites->merged_by_stack.count < count;
}

void ms_sites_drop_merged(struct ms_model *model)
{
    struct ms_sites *sites = &model->sites;
    size_t kept = 0;
    size_t numbers = 0;
    sites->version++;
    begin_moves(sites);
    for (size_t i = 0; i < sites->records.count; i++) {
        const struct ms_site_record *record = ms_chunks_at(&sites->records, i);
        if (record->merged_into != 0) {
            sites->numbers_unused += record->site.depth;
            sites->activity -= (record->site.flags & MS_SITE_ACTIVITY) != 0;
            free(record->site.work);
            forget_merged(sites, &record->site);
            leave_id(sites, record->site.id);
            if (i < sites->moved_count) {
                sites->moved[i] = 0;
            }
            continue;
        }
        if (i < sites->moved_count) {
            sites->moved[i] = (uint32_t)kept + 1;
        }
        numbers += record->site.depth;
        if (kept != i) {
            *(struct ms_site_record *)ms_chunks_at(&sites->records, kept) = *record;
            ms_changes_move(&sites->changes, i, kept);
        }
        struct ms_site_page *page = ms_id_page(&sites->pages, record->site.id);
        page->positions[record->site.id % MS_ID_PAGE] = (uint32_t)++kept;
    }
    while (sites->records.count > kept) {
        ms_chunks_drop_last(&sites->records);
    }
    if (sites->numbers_unused > numbers + NUMBERS_A_BLOCK) {
        compact_numbers(sites);
    }
}

void ms_sites_free(struct ms_model *model)
{
    struct ms_sites *sites = &model->sites;
    while (sites->numbers != NULL) {
        struct ms_frame_numbers *next = sites->numbers->next;
        free(sites->numbers);
        sites->numbers = next;
    }
    for (size_t i = 0; i < sites->records.count; i++) {
        free(((const struct ms_site_record *)ms_chunks_at(&sites->records, i))->site.work);
    }
    ms_id_pages_free(&sites->pages);
    free(sites->moved);
    ms_index_free(&sites->merged_by_stack);
    ms_changes_free(&sites->changes);
    ms_chunks_free(&model->named);
    ms_chunks_free(&sites->records);
    ms_chunks_free(&model->frames);
    ms_words_free(&model->strings);
}
