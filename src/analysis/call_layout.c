#include "analysis/call_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Well spread, so that neither order nor nesting of functions makes two paths one key. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint64_t ms_call_key(const struct ms_call_layout *layout, uint64_t key, uint32_t function)
{
    return mix(key * 3 + ms_call_function_at(layout->functions, function)->hash);
}

struct ms_call_path ms_call_layout_path(const struct ms_call_layout *layout, uint32_t site)
{
    const struct ms_site *of = ms_model_site(layout->model, site);
    return (struct ms_call_path){
        .site = of,
        .process =
            layout->fold_libraries ? ms_model_process_by_id(layout->model, of->process_id) : NULL,
        .culprit = layout->culprits[site],
        .from_callees = layout->shape != MS_CALL_CALLERS,
        .fold_libraries = layout->fold_libraries,
    };
}

static int grow(void **array, size_t *capacity, size_t wanted, size_t element_bytes)
{
    if (wanted <= *capacity) {
        return 0;
    }
    const size_t room = wanted + wanted / 2 + 64;
    char *grown = reallocarray(*array, room, element_bytes);
    if (grown == NULL) {
        return -ENOMEM;
    }
    memset(grown + *capacity * element_bytes, 0, (room - *capacity) * element_bytes);
    *array = grown;
    *capacity = room;
    return 0;
}

static int add_node(struct ms_call_layout *layout, const struct ms_call_node *node)
{
    size_t capacity = layout->node_capacity;
    if (grow((void **)&layout->nodes, &capacity, (size_t)layout->node_count + 1,
             sizeof(*layout->nodes)) != 0) {
        return -ENOMEM;
    }
    layout->node_capacity = (uint32_t)capacity;
    layout->nodes[layout->node_count++] = *node;
    return 0;
}

/* Where the culprits are and the paths begin. */
static int begin_paths(struct ms_call_layout *layout)
{
    for (uint32_t rank = 0; rank < layout->sites; rank++) {
        const uint32_t index = layout->order[rank];
        const struct ms_site *site = ms_model_site(layout->model, index);
        if (ms_call_path_culprit(layout->functions, site, &layout->culprits[index]) != 0) {
            return -ENOMEM;
        }
        const struct ms_call_path path = ms_call_layout_path(layout, index);
        layout->positions[index] = ms_call_path_start(&path);
        layout->not_sampled += (site->flags & MS_SITE_NOT_SAMPLED) != 0;
    }
    layout->steps += 2 * (uint64_t)layout->sites;
    return 0;
}

struct ms_call_layout *ms_call_layout_new(const struct ms_model *model,
                                          struct ms_call_functions *functions,
                                          const struct ms_call_options *options, uint32_t *sites,
                                          uint32_t count)
{
    struct ms_call_layout *layout = calloc(1, sizeof(*layout));
    if (layout == NULL) {
        free(sites);
        return NULL;
    }
    const size_t all = ms_model_site_count(model) + 1;
    layout->model = model;
    layout->sites_version = ms_model_sites_version(model);
    layout->functions = functions;
    layout->shape = options->shape;
    layout->kind = ms_site_figure_info(options->sort)->kind;
    layout->fold_libraries = options->fold_libraries;
    layout->order = sites;
    layout->sites = count;
    layout->culprits = calloc(all, sizeof(*layout->culprits));
    layout->positions = calloc(all, sizeof(*layout->positions));
    layout->sums = calloc((size_t)count + 1, sizeof(*layout->sums));
    layout->taken = malloc(((size_t)count + 1) * sizeof(*layout->taken));
    layout->moved = malloc(((size_t)count + 1) * sizeof(*layout->moved));
    const struct ms_call_node top = {
        .key = mix((uint64_t)options->shape + 1), .parent = MS_CALL_NONE, .hi = count};
    if (layout->culprits == NULL || layout->positions == NULL || layout->sums == NULL ||
        layout->taken == NULL || layout->moved == NULL || add_node(layout, &top) != 0 ||
        begin_paths(layout) != 0) {
        ms_call_layout_free(layout);
        return NULL;
    }
    return layout;
}

void ms_call_layout_free(struct ms_call_layout *layout)
{
    if (layout != NULL) {
        free(layout->order);
        free(layout->culprits);
        free(layout->positions);
        free(layout->sums);
        free(layout->nodes);
        free(layout->occurrences);
        free(layout->taken);
        free(layout->moved);
        free(layout->moved_sums);
        free(layout->child_of);
        free(layout->fill);
        free(layout);
    }
}

/* Takes the next function of each site in [ended, hi); notes in its child how many there are,
 * and of these how many end. */
static int count_children(struct ms_call_layout *layout, uint32_t parent)
{
    const struct ms_call_node above = layout->nodes[parent];
    const uint32_t first = layout->node_count;
    for (uint32_t rank = above.ended; rank < above.hi; rank++) {
        const uint32_t index = layout->order[rank];
        const struct ms_call_path path = ms_call_layout_path(layout, index);
        const uint16_t frame = layout->positions[index].frame;
        const uint32_t function =
            ms_call_path_take(layout->functions, &path, &layout->positions[index]);
        if (function == 0 || grow((void **)&layout->child_of, &layout->child_of_capacity,
                                  (size_t)function + 1, sizeof(*layout->child_of)) != 0) {
            return -ENOMEM;
        }
        if (layout->child_of[function] == 0) {
            const struct ms_call_node node = {
                .key = ms_call_key(layout, above.key, function),
                .function = function,
                .parent = parent,
                .depth = parent == 0 ? 0 : above.depth + 1,
                .site_id = path.site->id,
                .frame = frame,
            };
            if (add_node(layout, &node) != 0) {
                return -ENOMEM;
            }
            layout->child_of[function] = layout->node_count - first;
        }
        const uint32_t child = layout->child_of[function] - 1;
        layout->taken[rank] = child;
        layout->nodes[first + child].hi++;
        layout->nodes[first + child].ended += layout->positions[index].end;
    }
    layout->steps += above.hi - above.ended;
    return 0;
}

static void forget_children(struct ms_call_layout *layout, uint32_t first)
{
    for (uint32_t i = first; i < layout->node_count; i++) {
        layout->child_of[layout->nodes[i].function] = 0;
    }
}

/* From counts to ranks; `fill` gets where the next site of each child goes. */
static void place_children(struct ms_call_layout *layout, uint32_t parent, uint32_t first)
{
    uint32_t rank = layout->nodes[parent].ended;
    for (uint32_t i = first; i < layout->node_count; i++) {
        struct ms_call_node *child = &layout->nodes[i];
        const uint32_t count = child->hi;
        const uint32_t ended = child->ended;
        child->lo = rank;
        child->ended = rank + ended;
        child->hi = rank + count;
        child->expandable = ended < count;
        layout->fill[2 * (i - first)] = child->lo;
        layout->fill[2 * (i - first) + 1] = child->ended;
        rank += count;
    }
}

static void move_sites(struct ms_call_layout *layout, uint32_t lo, uint32_t hi, bool with_sums)
{
    for (uint32_t rank = lo; rank < hi; rank++) {
        const uint32_t index = layout->order[rank];
        const uint32_t child = layout->taken[rank];
        const uint32_t to = layout->fill[2 * child + !layout->positions[index].end]++;
        layout->moved[to] = index;
        if (with_sums) {
            layout->moved_sums[to] = (struct ms_call_sums){0};
            ms_call_sums_add_range(&layout->moved_sums[to], layout, rank, rank + 1);
        }
    }
    memcpy(layout->order + lo, layout->moved + lo, (hi - lo) * sizeof(*layout->order));
    for (uint32_t rank = lo; with_sums && rank < hi; rank++) {
        layout->sums[rank + 1] = layout->sums[rank];
        ms_call_sums_add(&layout->sums[rank + 1], &layout->moved_sums[rank]);
    }
}

int ms_call_layout_split(struct ms_call_layout *layout, uint32_t node)
{
    const uint32_t first = layout->node_count;
    const int error = count_children(layout, node);
    forget_children(layout, first);
    const uint32_t children = layout->node_count - first;
    const bool with_sums = layout->has_sums;
    if (with_sums && layout->moved_sums == NULL) {
        layout->moved_sums = malloc(((size_t)layout->sites + 1) * sizeof(*layout->moved_sums));
    }
    if (error != 0 || (with_sums && layout->moved_sums == NULL) ||
        grow((void **)&layout->fill, &layout->fill_capacity, 2 * (size_t)children,
             sizeof(*layout->fill)) != 0) {
        return -ENOMEM;
    }
    place_children(layout, node, first);
    layout->nodes[node].first_child = first;
    layout->nodes[node].children = children;
    move_sites(layout, layout->nodes[node].ended, layout->nodes[node].hi, with_sums);
    return 0;
}
