#include "analysis/types.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/format.h"

/* What is kept of a site: position in kinds + 1, and how sure that is. */
enum { TRUST_SHIFT = 30 };
#define KIND_MASK ((UINT32_C(1) << TRUST_SHIFT) - 1)

struct known_frame {
    const char *function; /* it was read when it had this name; NULL: never */
    struct ms_frame_type type;
};

struct ms_types {
    struct ms_words words;
    struct ms_chunks frames;      /* struct known_frame, by ms_frame.number */
    struct ms_chunks sites;       /* uint32_t, by position of the site */
    struct ms_chunks kinds;       /* struct ms_type_row without figures */
    struct ms_index by_name;      /* of kinds */
    const struct ms_model *model; /* of the last update; NULL: none */
    uint64_t names_version;       /* of the sweep that goes on, or was the last */
    uint64_t sites_version;
    size_t swept;             /* sites that it has read */
    struct ms_type_row *sums; /* by position in kinds, or by family */
    size_t sums_capacity;
    struct ms_type_row *rows;
    size_t row_count, rows_capacity;
    struct ms_type_row total, unknown;
};

struct ms_types *ms_types_new(void)
{
    struct ms_types *types = calloc(1, sizeof *types);
    if (types != NULL) {
        types->frames.element_bytes = sizeof(struct known_frame);
        types->sites.element_bytes = sizeof(uint32_t);
        types->kinds.element_bytes = sizeof(struct ms_type_row);
    }
    return types;
}

void ms_types_free(struct ms_types *types)
{
    if (types == NULL) {
        return;
    }
    ms_words_free(&types->words);
    ms_chunks_free(&types->frames);
    ms_chunks_free(&types->sites);
    ms_chunks_free(&types->kinds);
    ms_index_free(&types->by_name);
    free(types->sums);
    free(types->rows);
    free(types);
}

void ms_types_forget(struct ms_types *types)
{
    for (size_t i = 0; i < types->frames.count; i++) {
        ((struct known_frame *)ms_chunks_at(&types->frames, i))->function = NULL;
    }
    types->model = NULL;
}

static const struct ms_frame_type *frame_type(void *context, const struct ms_frame *frame)
{
    struct ms_types *types = context;
    while (types->frames.count <= frame->number) {
        if (ms_chunks_add(&types->frames) == NULL) {
            return NULL;
        }
    }
    struct known_frame *known = ms_chunks_at(&types->frames, frame->number);
    if (known->function != frame->function) {
        if (ms_frame_type_of(&known->type, frame, &types->words) != 0) {
            return NULL;
        }
        known->function = frame->function;
    }
    return &known->type;
}

/* The type's position in kinds; UINT32_MAX without memory. */
static uint32_t kind_of(struct ms_types *types, const struct ms_block_type *type)
{
    const uint32_t seed = (uint32_t)type->family * 8 + (uint32_t)type->language;
    const uint32_t hash = ms_hash_bytes(type->name, strlen(type->name), seed);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&types->by_name, hash, &cursor, &position)) {
        struct ms_type_row *kind = ms_chunks_at(&types->kinds, position);
        if (kind->name == type->name && kind->family == type->family &&
            kind->language == type->language) {
            return position;
        }
    }
    struct ms_type_row *kind = ms_chunks_add(&types->kinds);
    if (kind == NULL) {
        return UINT32_MAX;
    }
    position = (uint32_t)(types->kinds.count - 1);
    if (ms_index_add(&types->by_name, hash, position) != 0) {
        ms_chunks_drop_last(&types->kinds);
        return UINT32_MAX;
    }
    *kind = (struct ms_type_row){.name = type->name,
                                 .element = type->element,
                                 .family = type->family,
                                 .language = type->language,
                                 .unknown = type->unknown};
    return position;
}

static int read_site(struct ms_types *types, size_t position)
{
    const struct ms_site *site = ms_model_site(types->model, position);
    struct ms_block_type type;
    if (ms_block_type_of(&type, site, &types->words, frame_type, types) != 0) {
        return -ENOMEM;
    }
    while (types->sites.count <= position) {
        if (ms_chunks_add(&types->sites) == NULL) {
            return -ENOMEM;
        }
    }
    const uint32_t kind = kind_of(types, &type);
    if (kind >= KIND_MASK) {
        return -ENOMEM;
    }
    *(uint32_t *)ms_chunks_at(&types->sites, position) = (kind + 1) | (uint32_t)type.trust
                                                                          << TRUST_SHIFT;
    return 0;
}

/* Ended processes were merged: what was read goes where its site went. */
static void move_sites(struct ms_types *types, const struct ms_model *model)
{
    size_t kept = 0;
    size_t swept = 0;
    if (types->model == model && ms_model_site_moves_known(model, types->sites_version)) {
        for (size_t i = 0; i < types->sites.count; i++) {
            if (ms_model_site_moved(model, i) != SIZE_MAX) {
                swept += i < types->swept;
                *(uint32_t *)ms_chunks_at(&types->sites, kept++) =
                    *(const uint32_t *)ms_chunks_at(&types->sites, i);
            }
        }
    }
    while (types->sites.count > kept) {
        ms_chunks_drop_last(&types->sites);
    }
    types->swept = swept;
    types->sites_version = ms_model_sites_version(model);
    types->model = model;
}

int ms_types_update(struct ms_types *types, const struct ms_model *model, size_t sites)
{
    const size_t count = ms_model_site_count(model);
    if (types->model != model || types->sites_version != ms_model_sites_version(model)) {
        move_sites(types, model);
    }
    /* A sweep is ended before the next begins, or names that keep coming would starve the rest. */
    if (types->swept >= count && types->names_version != ms_model_names_version(model)) {
        types->swept = 0;
    }
    if (types->swept == 0) {
        types->names_version = ms_model_names_version(model);
    }
    for (; types->swept < count && sites > 0; types->swept++, sites--) {
        if (read_site(types, types->swept) != 0) {
            return -ENOMEM;
        }
    }
    return types->swept < count || types->names_version != ms_model_names_version(model);
}

static uint32_t known_of(const struct ms_types *types, uint32_t site_id)
{
    if (types->model == NULL || types->sites_version != ms_model_sites_version(types->model)) {
        return 0;
    }
    const size_t position = ms_model_site_position(types->model, site_id);
    return position < types->sites.count ? *(const uint32_t *)ms_chunks_at(&types->sites, position)
                                         : 0;
}

int ms_types_of_site(struct ms_types *types, const struct ms_site *site, struct ms_block_type *type)
{
    if (known_of(types, site->id) == 0) {
        return -ENOENT;
    }
    return ms_block_type_of(type, site, &types->words, frame_type, types);
}

uint32_t ms_types_row_of_site(const struct ms_types *types, uint32_t site_id, bool families)
{
    const uint32_t known = known_of(types, site_id);
    if (known == 0) {
        return UINT32_MAX;
    }
    const uint32_t kind = (known & KIND_MASK) - 1;
    const struct ms_type_row *row = ms_chunks_at(&types->kinds, kind);
    return families ? (uint32_t)row->family : kind;
}

static int begin_sums(struct ms_types *types, bool families)
{
    const size_t count = families ? MS_TYPE_FAMILY_TOTAL : types->kinds.count;
    if (count > types->sums_capacity) {
        struct ms_type_row *grown = realloc(types->sums, (count + 64) * sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        types->sums = grown;
        types->sums_capacity = count + 64;
    }
    for (size_t i = 0; i < count; i++) {
        if (families) {
            types->sums[i] =
                (struct ms_type_row){.name = ms_type_family_words((enum ms_type_family)i),
                                     .element = "",
                                     .family = (enum ms_type_family)i};
        } else {
            types->sums[i] = *(struct ms_type_row *)ms_chunks_at(&types->kinds, i);
        }
        types->sums[i].id = (uint32_t)i;
    }
    return 0;
}

static void add(struct ms_type_row *row, const struct ms_heap *heap, enum ms_type_trust trust,
                bool estimated)
{
    row->current_bytes += ms_heap_current_bytes(heap);
    row->current_blocks +=
        heap->allocations > heap->deallocations ? heap->allocations - heap->deallocations : 0;
    row->bytes_allocated += heap->bytes_allocated;
    row->allocations += heap->allocations;
    row->sites++;
    row->trust = trust > row->trust ? trust : row->trust;
    row->estimated = row->estimated || estimated;
}

/* What is done with every site of a scope, and what it has there. */
typedef void (*site_visitor)(void *context, const struct ms_site *site, const struct ms_heap *heap,
                             bool estimated);

static bool is_estimated(const struct ms_model *model, const struct ms_site *site)
{
    const struct ms_usage *usage = ms_model_site_usage(model, site->id, NULL);
    return usage != NULL && usage->rate != 0;
}

/* A thread may have several usages of one site, one for each rate: they are one site. */
static void visit_thread(const struct ms_model *model, const struct ms_scope *scope,
                         site_visitor visit, void *context)
{
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_thread_usage(model, scope->thread_id, usage)) != NULL) {
        const struct ms_site *site = ms_model_site_by_id(model, usage->site_id);
        if (site != NULL && ms_scope_has_usage(scope, model, usage) &&
            ms_usage_stands_for_pair(model, usage)) {
            struct ms_heap heap;
            ms_scope_site_heap(scope, model, site, &heap);
            visit(context, site, &heap, usage->rate != 0);
        }
    }
}

static void visit_sites(const struct ms_model *model, const struct ms_scope *scope,
                        site_visitor visit, void *context)
{
    if (scope->thread_id != 0) {
        visit_thread(model, scope, visit, context);
        return;
    }
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        if (ms_scope_has_site(scope, model, site)) {
            visit(context, site, &site->heap, is_estimated(model, site));
        }
    }
}

struct summing {
    struct ms_types *types;
    bool families;
};

static void sum_site(void *context, const struct ms_site *site, const struct ms_heap *heap,
                     bool estimated)
{
    const struct summing *summing = context;
    struct ms_types *types = summing->types;
    const uint32_t known = known_of(types, site->id);
    if (known == 0 || (heap->allocations == 0 && heap->bytes_allocated == 0)) {
        return;
    }
    struct ms_type_row *row =
        &types->sums[ms_types_row_of_site(types, site->id, summing->families)];
    const enum ms_type_trust trust = (enum ms_type_trust)(known >> TRUST_SHIFT);
    add(row, heap, trust, estimated);
    add(&types->total, heap, MS_TYPE_DERIVED, estimated);
    if (row->family == MS_TYPE_FAMILY_UNKNOWN) {
        add(&types->unknown, heap, trust, estimated);
    }
}

static int most_live_first(const void *left, const void *right)
{
    const struct ms_type_row *a = left;
    const struct ms_type_row *b = right;
    if (a->current_bytes != b->current_bytes) {
        return a->current_bytes < b->current_bytes ? 1 : -1;
    }
    if (a->bytes_allocated != b->bytes_allocated) {
        return a->bytes_allocated < b->bytes_allocated ? 1 : -1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static int keep_rows(struct ms_types *types, bool families)
{
    const size_t count = families ? MS_TYPE_FAMILY_TOTAL : types->kinds.count;
    if (count > types->rows_capacity) {
        struct ms_type_row *grown = realloc(types->rows, (count + 64) * sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        types->rows = grown;
        types->rows_capacity = count + 64;
    }
    types->row_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (types->sums[i].sites > 0) {
            types->rows[types->row_count++] = types->sums[i];
        }
    }
    if (types->row_count > 0) {
        qsort(types->rows, types->row_count, sizeof *types->rows, most_live_first);
    }
    return 0;
}

int ms_types_distribute(struct ms_types *types, const struct ms_model *model,
                        const struct ms_scope *scope, bool families)
{
    types->total = (struct ms_type_row){.name = "", .element = ""};
    types->unknown = types->total;
    types->unknown.family = MS_TYPE_FAMILY_UNKNOWN;
    if (begin_sums(types, families) != 0) {
        return -ENOMEM;
    }
    struct summing summing = {types, families};
    visit_sites(model, scope, sum_site, &summing);
    return keep_rows(types, families);
}

double ms_type_figure_of(const struct ms_type_row *row, enum ms_type_figure figure)
{
    switch (figure) {
    case MS_TYPE_FIGURE_LIVE:
        return (double)row->current_bytes;
    case MS_TYPE_FIGURE_BLOCKS:
        return (double)row->current_blocks;
    case MS_TYPE_FIGURE_TOTAL:
        return (double)row->bytes_allocated;
    case MS_TYPE_FIGURE_ALLOCATIONS:
        return (double)row->allocations;
    case MS_TYPE_FIGURE_SITES:
    case MS_TYPE_FIGURE_COUNT:
        break;
    }
    return (double)row->sites;
}

struct picking {
    const struct ms_types *types;
    uint32_t id;
    bool families;
    enum ms_type_figure figure;
    struct ms_type_site *out;
    size_t capacity, kept, found;
};

/* Keeps the largest in order: few are kept of many. */
static void pick_site(void *context, const struct ms_site *site, const struct ms_heap *heap,
                      bool estimated)
{
    struct picking *picking = context;
    if (ms_types_row_of_site(picking->types, site->id, picking->families) != picking->id ||
        (heap->allocations == 0 && heap->bytes_allocated == 0)) {
        return;
    }
    struct ms_type_site picked = {.site_id = site->id};
    add(&picked.sums, heap, MS_TYPE_DERIVED, estimated);
    picking->found++;
    const double figure = ms_type_figure_of(&picked.sums, picking->figure);
    size_t at = picking->kept;
    while (at > 0 && ms_type_figure_of(&picking->out[at - 1].sums, picking->figure) < figure) {
        at--;
    }
    if (at == picking->capacity) {
        return;
    }
    picking->kept += picking->kept < picking->capacity;
    memmove(&picking->out[at + 1], &picking->out[at],
            (picking->kept - 1 - at) * sizeof picking->out[0]);
    picking->out[at] = picked;
}

size_t ms_types_sites(const struct ms_types *types, const struct ms_model *model,
                      const struct ms_scope *scope, uint32_t id, bool families,
                      enum ms_type_figure figure, struct ms_type_site *out, size_t capacity)
{
    struct picking picking = {.types = types,
                              .id = id,
                              .families = families,
                              .figure = figure,
                              .out = out,
                              .capacity = capacity};
    visit_sites(model, scope, pick_site, &picking);
    return picking.found;
}

size_t ms_types_count(const struct ms_types *types)
{
    return types->row_count;
}

const struct ms_type_row *ms_types_at(const struct ms_types *types, size_t index)
{
    return &types->rows[index];
}

const struct ms_type_row *ms_types_total(const struct ms_types *types)
{
    return &types->total;
}

const struct ms_type_row *ms_types_unknown(const struct ms_types *types)
{
    return &types->unknown;
}

char *ms_type_evidence(char *out, size_t size, const struct ms_block_type *type)
{
    char name[2048];
    const struct ms_frame *frame = type->evidence;
    out[0] = '\0';
    if (frame == NULL) {
        return out;
    }
    (void)ms_format_frame(name, sizeof name, frame);
    if (frame->file[0] != '\0') {
        const char *slash = strrchr(frame->file, '/');
        (void)snprintf(out, size, "%s at %s:%" PRIu32, name,
                       slash != NULL ? slash + 1 : frame->file, frame->line);
    } else {
        (void)snprintf(out, size, "%s", name);
    }
    return out;
}
