#include "model/tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/index.h"

/* A process while its place is being found; positions are those of the model. */
struct place {
    const struct ms_process *process;
    struct ms_tree_row row;
    size_t parent; /* SIZE_MAX: none */
    uint64_t start_ns;
    double key;      /* NaN: sorted by start alone */
    size_t children; /* where they begin among the sorted ones */
    size_t child_count;
    bool placed;
};

struct building {
    struct place *places;
    size_t count;
    struct ms_index by_id;
    size_t *sorted; /* positions: by parent, then as siblings are shown */
    size_t *stack;
    bool ascending;
};

static size_t position_of(const struct building *building, uint32_t id)
{
    size_t cursor = 0;
    uint32_t position;
    while (id != 0 && ms_index_next(&building->by_id, ms_hash_pair(id, 0), &cursor, &position)) {
        if (building->places[position].process->id == id) {
            return position;
        }
    }
    return SIZE_MAX;
}

static void add_rate(double *sum, double rate)
{
    if (!isnan(rate)) {
        *sum = isnan(*sum) ? rate : *sum + rate;
    }
}

static struct ms_branch own_figures(const struct ms_process *process, uint32_t threads)
{
    const uint32_t count = process->merged > 0 ? process->merged : 1;
    const bool alive = process->end_ns == 0;
    struct ms_branch own = {
        .alive = alive ? count : 0,
        .ended = alive ? 0 : count,
        .partial = process->seen == MS_SEEN_PARTIAL ? 1 : 0,
        .none = process->seen == MS_SEEN_NONE ? 1 : 0,
        .threads = threads,
        .rss_bytes = alive && process->kernel.have_memory ? process->kernel.rss_bytes : 0,
        .run_ns = process->kernel.user_ns + process->kernel.system_ns,
        .cpu_pct = alive ? process->cpu_pct : NAN,
        .allocations_per_s = alive ? process->allocations_per_s : NAN,
    };
    ms_heap_add(&own.heap, &process->totals);
    own.left_bytes = alive ? 0 : ms_heap_current_bytes(&own.heap);
    return own;
}

static void add_branch(struct ms_branch *sum, const struct ms_branch *branch)
{
    sum->alive += branch->alive;
    sum->ended += branch->ended;
    sum->partial += branch->partial;
    sum->none += branch->none;
    sum->threads += branch->threads;
    ms_heap_add(&sum->heap, &branch->heap);
    sum->left_bytes += branch->left_bytes;
    sum->rss_bytes += branch->rss_bytes;
    sum->run_ns += branch->run_ns;
    add_rate(&sum->cpu_pct, branch->cpu_pct);
    add_rate(&sum->allocations_per_s, branch->allocations_per_s);
}

static int collect(struct building *building, const struct ms_model *model)
{
    for (size_t i = 0; i < building->count; i++) {
        const struct ms_process *process = ms_model_process(model, i);
        building->places[i] = (struct place){
            .process = process, .parent = SIZE_MAX, .start_ns = process->start_ns, .key = NAN};
        if (ms_index_add(&building->by_id, ms_hash_pair(process->id, 0), (uint32_t)i) != 0) {
            return -ENOMEM;
        }
    }
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        const size_t at = position_of(building, ms_model_thread(model, i)->process_id);
        if (at != SIZE_MAX) {
            building->places[at].row.threads++;
        }
    }
    return 0;
}

static void find_parents(struct building *building)
{
    for (size_t i = 0; i < building->count; i++) {
        struct place *place = &building->places[i];
        const size_t before = position_of(building, place->process->exec_of);
        place->row.by_exec = before != SIZE_MAX && before != i;
        place->parent =
            place->row.by_exec ? before : position_of(building, place->process->parent_id);
        if (place->parent == i) {
            place->parent = SIZE_MAX;
        }
        place->row.process_id = place->process->id;
        place->row.branch = own_figures(place->process, place->row.threads);
    }
}

static int compare(const void *a, const void *b, void *context)
{
    const struct building *building = context;
    const struct place *one = &building->places[*(const size_t *)a];
    const struct place *other = &building->places[*(const size_t *)b];
    if (one->parent != other->parent) {
        return one->parent < other->parent ? -1 : 1;
    }
    const int turned = building->ascending ? -1 : 1;
    if (isnan(one->key) != isnan(other->key)) {
        return isnan(one->key) ? 1 : -1;
    }
    if (!isnan(one->key) && one->key != other->key) {
        return one->key > other->key ? -turned : turned;
    }
    if (one->start_ns != other->start_ns) {
        return one->start_ns < other->start_ns ? -1 : 1;
    }
    return one->process->id < other->process->id ? -1 : one->process->id > other->process->id;
}

static void sort(struct building *building)
{
    for (size_t i = 0; i < building->count; i++) {
        building->sorted[i] = i;
        building->places[i].child_count = 0;
    }
    qsort_r(building->sorted, building->count, sizeof(*building->sorted), compare, building);
    for (size_t i = 0; i < building->count; i++) {
        const size_t parent = building->places[building->sorted[i]].parent;
        if (parent != SIZE_MAX) {
            struct place *place = &building->places[parent];
            place->children = place->child_count++ == 0 ? i : place->children;
        }
    }
}

/* Appends the branch of a root to the rows. */
static void lay_out(struct building *building, size_t root, struct ms_tree_row *rows, size_t *count,
                    size_t *row_of)
{
    size_t pending = 0;
    building->stack[pending++] = root;
    while (pending > 0) {
        const size_t at = building->stack[--pending];
        struct place *place = &building->places[at];
        if (place->placed) {
            continue;
        }
        place->placed = true;
        const bool is_root = at == root;
        struct ms_tree_row *row = &rows[*count];
        *row = place->row;
        row->parent = is_root ? SIZE_MAX : row_of[place->parent];
        row->depth = is_root ? 0 : rows[row->parent].depth + 1;
        row->rows = 1;
        row_of[at] = (*count)++;
        for (size_t i = place->child_count; i-- > 0;) {
            const size_t child = building->sorted[place->children + i];
            if (!building->places[child].placed) {
                building->places[child].row.last = i + 1 == place->child_count;
                building->stack[pending++] = child;
            }
        }
    }
}

static void sum_up(struct ms_tree_row *rows, size_t count, struct ms_branch *total)
{
    *total = (struct ms_branch){.cpu_pct = NAN, .allocations_per_s = NAN};
    for (size_t i = count; i-- > 0;) {
        const struct ms_tree_row *row = &rows[i];
        add_branch(row->parent == SIZE_MAX ? total : &rows[row->parent].branch, &row->branch);
        if (row->parent != SIZE_MAX) {
            rows[row->parent].rows += row->rows;
        }
    }
}

static void lay_out_all(struct building *building, struct ms_tree_row *rows, size_t *row_of)
{
    size_t count = 0;
    for (size_t i = 0; i < building->count; i++) {
        if (building->places[building->sorted[i]].parent == SIZE_MAX) {
            lay_out(building, building->sorted[i], rows, &count, row_of);
        }
    }
    /* Parents that are each other's children: no tree, but not to be lost. */
    for (size_t i = 0; i < building->count; i++) {
        if (!building->places[i].placed) {
            lay_out(building, i, rows, &count, row_of);
        }
    }
}

static int build(struct building *building, struct ms_tree *tree, const struct ms_model *model,
                 ms_tree_key *key, const void *context)
{
    if (collect(building, model) != 0) {
        return -ENOMEM;
    }
    const size_t count = building->count;
    if (tree->capacity < count) {
        struct ms_tree_row *rows = reallocarray(tree->rows, count + count / 2, sizeof(*rows));
        if (rows == NULL) {
            return -ENOMEM;
        }
        tree->rows = rows;
        tree->capacity = count + count / 2;
    }
    size_t *row_of = reallocarray(NULL, count + 1, sizeof(*row_of));
    if (row_of == NULL) {
        return -ENOMEM;
    }
    find_parents(building);
    sort(building);
    lay_out_all(building, tree->rows, row_of);
    tree->count = count;
    sum_up(tree->rows, count, &tree->total);
    if (key != NULL) { /* keys may be sums of branches, which are known only now */
        for (size_t i = 0; i < count; i++) {
            struct place *place = &building->places[i];
            place->key = key(place->process, &tree->rows[row_of[i]], context);
            place->placed = false;
            place->row.last = false;
        }
        sort(building);
        lay_out_all(building, tree->rows, row_of);
        sum_up(tree->rows, count, &tree->total);
    }
    free(row_of);
    return 0;
}

int ms_tree_update(struct ms_tree *tree, const struct ms_model *model, ms_tree_key *key,
                   const void *context, bool ascending)
{
    const size_t count = ms_model_process_count(model);
    struct building building = {
        .places = calloc(count + 1, sizeof(*building.places)),
        .count = count,
        .sorted = calloc(count + 1, sizeof(*building.sorted)),
        .stack = calloc(count + 1, sizeof(*building.stack)),
        .ascending = ascending && key != NULL,
    };
    int error = -ENOMEM;
    if (building.places != NULL && building.sorted != NULL && building.stack != NULL) {
        error = build(&building, tree, model, key, context);
    }
    free(building.places);
    free(building.sorted);
    free(building.stack);
    ms_index_free(&building.by_id);
    return error;
}

void ms_tree_fini(struct ms_tree *tree)
{
    free(tree->rows);
    *tree = (struct ms_tree){0};
}
