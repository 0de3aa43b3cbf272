/* See sites.h. */
#include "collect/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect/id_map.h"
#include "model/figures.h"

/* Weight in the queue for names of a misuse: these are few, and first looked at. */
#define NAMED_SOON UINT64_MAX

#define PROBE_NAME "libmemscope-probe"

/* A context as it was when it was read last. */
struct seen_context {
    uint64_t change;
    uint32_t generation;
    uint32_t thread; /* record */
    uint32_t model_thread;
    uint32_t site;
};

struct seen_module {
    const char *path; /* NULL: not read yet */
    uint64_t load_bias;
    uint32_t code;           /* what it shares with other processes, 0: nothing */
    uint32_t symbols_module; /* 0: not asked yet */
};

struct ms_watched_sites {
    uint32_t process_id;
    pid_t pid;
    struct ms_shared_code *code;
    struct seen_context *contexts;
    uint32_t context_count;
    struct ms_frame **frames; /* index: pc */
    uint32_t frame_count;
    struct seen_module *modules;
    uint32_t module_count;
    struct ms_id_map site_of_stack;
    struct ms_id_map site_of_release;  /* of stacks that were no allocation's when they were met */
    struct ms_id_map site_of_activity; /* of stacks that were no allocation's either */
    uint32_t root_site;
    const char *probe_path; /* of our library in the process; NULL: not met yet */
};

/* What one pass works on. */
struct pass {
    struct ms_watched_sites *sites;
    struct ms_model *model;
    const struct ms_region_view *view;
    const struct ms_watched_threads *threads;
    struct ms_symbols *symbols;
    const struct ms_region_facts *facts;
    bool last;
};

struct ms_watched_sites *ms_watched_sites_new(uint32_t process_id, pid_t pid,
                                              struct ms_shared_code *code)
{
    struct ms_watched_sites *sites = calloc(1, sizeof *sites);
    if (sites != NULL) {
        sites->process_id = process_id;
        sites->pid = pid;
        sites->code = code;
    }
    return sites;
}

void ms_watched_sites_free(struct ms_watched_sites *sites)
{
    if (sites != NULL) {
        free(sites->contexts);
        free(sites->frames);
        free(sites->modules);
        ms_id_map_free(&sites->site_of_stack);
        ms_id_map_free(&sites->site_of_release);
        ms_id_map_free(&sites->site_of_activity);
        free(sites);
    }
}

/* Grows an array to `count` zeroed elements, with room for more. Returns 0 or -ENOMEM. */
static int grow_array(void **array, uint32_t *held, uint32_t count, size_t element_bytes)
{
    if (count <= *held) {
        return 0;
    }
    size_t room = (size_t)count + count / 2 + 64;
    char *grown = realloc(*array, room * element_bytes);
    if (grown == NULL) {
        return -ENOMEM;
    }
    memset(grown + (size_t)*held * element_bytes, 0, (room - *held) * element_bytes);
    *array = grown;
    *held = (uint32_t)room;
    return 0;
}

bool ms_is_probe_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && strncmp(slash + 1, PROBE_NAME, sizeof PROBE_NAME - 1) == 0;
}

/* The module of a pc; NULL: none, or out of memory. */
static const struct seen_module *module_of(const struct pass *pass, uint32_t index)
{
    struct ms_watched_sites *sites = pass->sites;
    struct ms_region_module module;
    char path[4096];
    if (!ms_region_view_module(pass->view, index, &module) ||
        grow_array((void **)&sites->modules, &sites->module_count, index + 1,
                   sizeof *sites->modules) != 0) {
        return NULL;
    }
    struct seen_module *seen = &sites->modules[index];
    if (seen->path == NULL) {
        (void)ms_region_view_string(pass->view, module.path, path, sizeof path);
        seen->path = ms_model_string(pass->model, path);
        if (seen->path == NULL) {
            return NULL;
        }
        if (ms_is_probe_path(seen->path)) {
            sites->probe_path = seen->path;
        }
        seen->load_bias = module.load_bias;
        seen->code =
            ms_shared_code_module(sites->code, &seen->path, module.build_id, module.build_id_bytes);
    }
    return seen;
}

/* A module is asked about by this process only when it has code that no other had. */
static void ask_name(const struct pass *pass, struct ms_frame *frame, uint32_t index,
                     uint64_t bytes)
{
    struct seen_module *seen = &pass->sites->modules[index];
    struct ms_region_module module;
    if (pass->symbols == NULL || seen->path[0] != '/') {
        return;
    }
    if (seen->symbols_module == 0 && ms_region_view_module(pass->view, index, &module)) {
        seen->symbols_module =
            ms_symbols_module(pass->symbols, pass->model, pass->sites->pid, seen->path,
                              module.build_id, module.build_id_bytes);
    }
    if (seen->symbols_module != 0) {
        (void)ms_symbols_ask(pass->symbols, frame, seen->symbols_module, bytes);
    }
}

/* `bytes`: allocated at the call site that it is of; the largest get their names first. */
static struct ms_frame *frame_of(const struct pass *pass, uint32_t pc, uint64_t bytes)
{
    struct ms_watched_sites *sites = pass->sites;
    struct ms_region_pc copy;
    if (!ms_region_view_pc(pass->view, pc, &copy) ||
        grow_array((void **)&sites->frames, &sites->frame_count, pc + 1, sizeof(*sites->frames)) !=
            0) {
        return NULL;
    }
    if (sites->frames[pc] != NULL) {
        return sites->frames[pc];
    }
    const struct seen_module *module = copy.module == 0 ? NULL : module_of(pass, copy.module);
    /* The call lies before the return address: its line is the one meant. */
    const uint64_t file_offset = module == NULL ? 0 : copy.address - 1 - module->load_bias;
    struct ms_frame *frame =
        module == NULL ? NULL : ms_shared_code_find(sites->code, module->code, file_offset);
    if (frame != NULL) {
        sites->frames[pc] = frame;
        return frame;
    }
    frame = ms_model_add_frame(pass->model);
    if (frame == NULL) {
        return NULL;
    }
    sites->frames[pc] = frame;
    frame->address = copy.address;
    if (module != NULL) {
        frame->module = module->path;
        frame->file_offset = file_offset;
        ms_shared_code_add(sites->code, module->code, frame);
        ask_name(pass, frame, copy.module, bytes);
    }
    return frame;
}

static uint32_t site_flags(uint32_t stack_flags)
{
    uint32_t flags = 0;
    flags |= (stack_flags & MS_STACK_CUT_DEPTH) != 0 ? MS_SITE_CUT_DEPTH : 0u;
    flags |= (stack_flags & MS_STACK_CUT_NO_CFI) != 0 ? MS_SITE_CUT_NO_CFI : 0u;
    flags |= (stack_flags & MS_STACK_COARSENED) != 0 ? MS_SITE_COARSENED : 0u;
    return flags;
}

static uint32_t root_site(const struct pass *pass)
{
    if (pass->sites->root_site == 0) {
        const struct ms_site *site =
            ms_model_add_site(pass->model, pass->sites->process_id, NULL, 0, MS_SITE_ROOT);
        pass->sites->root_site = site == NULL ? 0 : site->id;
    }
    return pass->sites->root_site;
}

/*
 * A site of a stack that has none in `map`, with these flags besides its own; `bytes`: how much it
 * matters that it gets its names soon. 0: as site_of.
 */
static uint32_t new_site(const struct pass *pass, struct ms_id_map *map, uint32_t stack,
                         uint64_t bytes, uint32_t more_flags)
{
    uint32_t pcs[MS_STACK_DEPTH_MAX];
    const struct ms_frame *frames[MS_STACK_DEPTH_MAX];
    uint32_t flags;
    const uint32_t walked = ms_region_view_stack(pass->view, stack, pcs, &flags);
    uint32_t depth = 0;
    for (uint32_t i = 0; i < walked; i++) {
        frames[depth] = frame_of(pass, pcs[i], bytes);
        if (frames[depth] == NULL) {
            return 0;
        }
        /* pthread_create and others go through hooks of ours: no function of the program. */
        depth += frames[depth]->module != pass->sites->probe_path;
    }
    if (walked == 0) {
        return 0;
    }
    depth += depth == 0; /* cut within ours: better than nothing */
    const struct ms_site *site = ms_model_add_site(pass->model, pass->sites->process_id, frames,
                                                   depth, site_flags(flags) | more_flags);
    if (site == NULL || ms_id_map_set(map, stack, site->id) != 0) {
        return 0;
    }
    return site->id;
}

/* 0: not readable yet, or no memory. */
static uint32_t site_of(const struct pass *pass, uint32_t stack, uint64_t bytes)
{
    if (stack == 0) {
        return root_site(pass);
    }
    uint32_t site = ms_id_map_find(&pass->sites->site_of_stack, stack);
    if (site == 0) {
        site = new_site(pass, &pass->sites->site_of_stack, stack, bytes, 0);
    }
    return site == 0 && pass->last ? root_site(pass) : site;
}

uint32_t ms_watched_sites_of_stack(struct ms_watched_sites *sites, struct ms_model *model,
                                   const struct ms_region_view *view, struct ms_symbols *symbols,
                                   uint32_t stack, bool released)
{
    const struct pass pass = {.sites = sites, .model = model, .view = view, .symbols = symbols};
    uint32_t site = ms_id_map_find(&sites->site_of_stack, stack);
    if (site == 0 && released) {
        site = ms_id_map_find(&sites->site_of_release, stack);
    }
    if (site != 0 || stack == 0) {
        return site;
    }
    return released ? new_site(&pass, &sites->site_of_release, stack, NAMED_SOON, MS_SITE_RELEASE)
                    : new_site(&pass, &sites->site_of_stack, stack, NAMED_SOON, 0);
}

uint32_t ms_watched_sites_of_activity(struct ms_watched_sites *sites, struct ms_model *model,
                                      const struct ms_region_view *view, struct ms_symbols *symbols,
                                      uint32_t stack)
{
    const struct pass pass = {.sites = sites, .model = model, .view = view, .symbols = symbols};
    if (stack == 0) {
        return root_site(&pass);
    }
    uint32_t site = ms_id_map_find(&sites->site_of_stack, stack);
    site = site != 0 ? site : ms_id_map_find(&sites->site_of_activity, stack);
    return site != 0 ? site : new_site(&pass, &sites->site_of_activity, stack, 0, MS_SITE_ACTIVITY);
}

void ms_watched_sites_of_context(struct ms_watched_sites *sites, struct ms_model *model,
                                 const struct ms_region_view *view,
                                 const struct ms_watched_threads *threads,
                                 struct ms_symbols *symbols, uint32_t context, uint32_t *thread_id,
                                 uint32_t *site_id)
{
    uint32_t record;
    uint32_t generation;
    uint64_t change;
    struct ms_region_context_copy copy;
    *thread_id = *site_id = 0;
    if (context == 0 || context >= ms_region_view_published(view, MS_AREA_CONTEXTS) ||
        !ms_region_view_context_peek(view, context, &record, &generation, &change)) {
        return;
    }
    const struct seen_context *seen =
        context < sites->context_count ? &sites->contexts[context] : NULL;
    if (seen != NULL && seen->site != 0 && seen->generation == generation &&
        seen->thread == record) {
        *thread_id = seen->model_thread;
        *site_id = seen->site;
        return;
    }
    *thread_id = ms_watched_threads_of_record(threads, record);
    if (ms_region_view_context(view, context, 0, &copy) && copy.stack != 0) {
        *site_id = ms_watched_sites_of_stack(sites, model, view, symbols, copy.stack, false);
    }
}

static uint64_t scaled(uint64_t number, double factor)
{
    const double product = (double)number * factor;
    return product < 0x1p63 ? (uint64_t)(product + 0.5) : UINT64_MAX;
}

/*
 * A sampled context counts the blocks of the sample; what they stand for is estimated. Where there
 * is no estimate, the sample is scaled as its bytes (or blocks) are.
 */
static void scale_sample(struct ms_region_context_copy *copy)
{
    const struct ms_region_estimate_copy *estimate = &copy->estimate;
    const double blocks =
        copy->allocations > 0 ? estimate->allocations / (double)copy->allocations : 0;
    const double bytes = copy->bytes_allocated > 0
                             ? (double)estimate->bytes_allocated / (double)copy->bytes_allocated
                             : 0;
    copy->allocations = scaled(1, estimate->allocations);
    copy->deallocations = scaled(1, estimate->deallocations);
    copy->bytes_allocated = estimate->bytes_allocated;
    copy->bytes_freed = estimate->bytes_freed;
    copy->peak_bytes = scaled(copy->peak_bytes, bytes);
    copy->at_peak_bytes = scaled(copy->at_peak_bytes, bytes);
    copy->waste_bytes = scaled(copy->waste_bytes, bytes);
    copy->temporary = scaled(copy->temporary, blocks);
    copy->reallocations = scaled(copy->reallocations, blocks);
    copy->failed_calls = scaled(copy->failed_calls, blocks);
}

static void take_figures(struct ms_usage *usage, struct ms_region_context_copy *copy,
                         uint32_t epoch)
{
    struct ms_usage_extra extra = {.sizes = copy->sizes, .lifetimes = copy->lifetimes};
    if (copy->rate != 0) {
        extra.samples = copy->allocations;
        extra.samples_freed = copy->deallocations;
        scale_sample(copy);
    }
    usage->allocations = copy->allocations;
    usage->deallocations = copy->deallocations;
    usage->bytes_allocated = copy->bytes_allocated;
    usage->bytes_freed = copy->bytes_freed;
    usage->peak_bytes = copy->peak_bytes;
    usage->waste_bytes = copy->waste_bytes;
    usage->temporary = copy->temporary;
    usage->at_peak_bytes = copy->at_peak_bytes;
    usage->peak_epoch = copy->at_peak_fixed ? epoch : 0;
    extra.reallocations = copy->reallocations;
    extra.failed_calls = copy->failed_calls;
    (void)ms_usage_put_extra(usage, &extra);
}

static void take_context(const struct pass *pass, uint32_t index, uint64_t change)
{
    struct seen_context *seen = &pass->sites->contexts[index];
    struct ms_region_context_copy copy;
    if (!ms_region_view_context(pass->view, index, pass->facts->peak_epoch, &copy)) {
        return;
    }
    if (seen->site == 0 || seen->generation != copy.generation || seen->thread != copy.thread) {
        uint32_t model_thread = ms_watched_threads_of_record(pass->threads, copy.thread);
        uint32_t site = model_thread == 0 ? 0 : site_of(pass, copy.stack, copy.bytes_allocated);
        if (site == 0) {
            return;
        }
        *seen = (struct seen_context){.generation = copy.generation,
                                      .thread = copy.thread,
                                      .model_thread = model_thread,
                                      .site = site};
    }
    struct ms_usage *usage = ms_model_sampled_usage_mutable(pass->model, seen->model_thread,
                                                            seen->site, (uint8_t)copy.rate);
    if (usage != NULL) {
        take_figures(usage, &copy, pass->facts->peak_epoch);
        /* Once a process samples, what has no stack can no longer be told from what is left out. */
        usage->not_sampled = copy.stack == 0 && pass->facts->sampled;
    }
    seen->change = change;
}

int ms_watched_sites_read(struct ms_watched_sites *sites, struct ms_model *model,
                          const struct ms_region_view *view,
                          const struct ms_watched_threads *threads, struct ms_symbols *symbols,
                          const struct ms_region_facts *facts, bool last)
{
    const struct pass pass = {sites, model, view, threads, symbols, facts, last};
    uint32_t count = ms_region_view_published(view, MS_AREA_CONTEXTS);
    int result = grow_array((void **)&sites->contexts, &sites->context_count, count,
                            sizeof *sites->contexts);
    for (uint32_t i = 1; result == 0 && i < count; i++) {
        const struct seen_context *seen = &sites->contexts[i];
        uint32_t thread;
        uint32_t generation;
        uint64_t change;
        if (ms_region_view_context_peek(view, i, &thread, &generation, &change) && change != 0 &&
            (last || change != seen->change || generation != seen->generation ||
             thread != seen->thread)) {
            take_context(&pass, i, change);
        }
    }
    return result;
}
