/* Threads that free each other's blocks: nodes joined by two-way flows are one set. */
#include "analysis/flow_sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/format.h"

#define TWO_WAY_MIN   0.25
#define CROSSED_MIN   0.02
#define MIXING_MIN    0.7
#define ONE_SIDED_MAX 0.3
#define CACHE_LIFE_NS (UINT64_C(64) << 20)
#define OWN_MIN       0.3
#define GAIN_MIN      0.05

/* A thread within its set. */
struct part {
    uint32_t set, thread;
    double own, out, in;
    uint64_t run_ns;
};

struct sums {
    double threads;
    double all, crossed, same; /* T, X, sum of a_i f_i */
    double net;                /* sum |out_i - in_i| */
    double out_squares, in_squares;
    double most_allocated, most_freed;
    double run_ns, most_run_ns;
    const struct part *gives, *takes; /* the most, net */
};

static uint32_t root_of(uint32_t *sets, uint32_t node)
{
    while (sets[node] != node) {
        sets[node] = sets[sets[node]];
        node = sets[node];
    }
    return node;
}

/* "others" is nobody, and no member of a set. */
static bool is_somebody(const struct ms_flow_matrix *matrix, uint32_t node)
{
    return ms_flow_node(matrix, node)->threads > 0;
}

static void join_two_way(const struct ms_flow_matrix *matrix, uint32_t *sets)
{
    for (size_t i = 0; i < ms_flow_edges(matrix); i++) {
        const struct ms_flow_edge *edge = ms_flow_edge(matrix, i);
        const struct ms_flow_edge *back = ms_flow_between(matrix, edge->to, edge->from);
        if (back == NULL || !is_somebody(matrix, edge->from) || !is_somebody(matrix, edge->to)) {
            continue;
        }
        const double there = (double)edge->sum.blocks;
        const double again = (double)back->sum.blocks;
        if (there + again >= MS_FLOW_PATTERN_BLOCKS_MIN &&
            fmin(there, again) >= TWO_WAY_MIN * fmax(there, again)) {
            sets[root_of(sets, edge->from)] = root_of(sets, edge->to);
        }
    }
}

static int compare_parts(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    if (a->set != b->set) {
        return a->set < b->set ? -1 : 1;
    }
    return (a->thread > b->thread) - (a->thread < b->thread);
}

/* Both ends of every flow within a set, then one entry for each thread. */
static size_t take_parts(const struct ms_flow_matrix *matrix, const struct ms_model *model,
                         uint32_t *sets, struct part *parts)
{
    size_t count = 0;
    for (size_t i = 0; i < ms_flow_pairs(matrix); i++) {
        const struct ms_flow_pair *pair = ms_flow_pair(matrix, i);
        const uint32_t set = root_of(sets, pair->from);
        if (set != root_of(sets, pair->to) || !is_somebody(matrix, pair->from)) {
            continue;
        }
        const double blocks = (double)pair->sum.blocks;
        parts[count++] = (struct part){.set = set, .thread = pair->from_thread, .out = blocks};
        parts[count++] = (struct part){.set = set, .thread = pair->to_thread, .in = blocks};
    }
    qsort(parts, count, sizeof *parts, compare_parts);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_parts(&parts[kept - 1], &parts[i]) == 0) {
            parts[kept - 1].out += parts[i].out;
            parts[kept - 1].in += parts[i].in;
            continue;
        }
        const struct ms_thread *thread = ms_model_thread_by_id(model, parts[i].thread);
        parts[kept] = parts[i];
        if (thread != NULL) {
            const uint64_t own = thread->own_deallocations;
            const uint64_t temporary = thread->heap.temporary;
            parts[kept].own = (double)(own > temporary ? own - temporary : 0);
            parts[kept].run_ns = thread->kernel.run_ns;
        }
        kept++;
    }
    return kept;
}

static struct sums sum_up(const struct part *parts, size_t count)
{
    struct sums sums = {.threads = (double)count};
    for (size_t i = 0; i < count; i++) {
        const struct part *part = &parts[i];
        const double allocated = part->own + part->out;
        const double freed = part->own + part->in;
        sums.all += allocated;
        sums.crossed += part->out;
        sums.same += allocated * freed;
        sums.net += fabs(part->out - part->in);
        sums.out_squares += part->out * part->out;
        sums.in_squares += part->in * part->in;
        sums.most_allocated = fmax(sums.most_allocated, allocated);
        sums.most_freed = fmax(sums.most_freed, freed);
        sums.run_ns += (double)part->run_ns;
        sums.most_run_ns = fmax(sums.most_run_ns, (double)part->run_ns);
        if (sums.gives == NULL || part->out - part->in > sums.gives->out - sums.gives->in) {
            sums.gives = part;
        }
        if (sums.takes == NULL || part->in - part->out > sums.takes->in - sums.takes->out) {
            sums.takes = part;
        }
    }
    return sums;
}

static int percent(double share)
{
    return (int)(share * 100 + 0.5);
}

static const char *name_of(const struct ms_model *model, const struct part *part)
{
    const struct ms_thread *thread = ms_model_thread_by_id(model, part->thread);
    return thread != NULL ? thread->name : "(gone)";
}

static uint64_t median_life(const struct ms_model *model, const struct part *parts, size_t count)
{
    struct ms_histogram lifetimes = {.events = {0}};
    for (size_t i = 0; i < count; i++) {
        struct ms_figures figures;
        ms_figures_of_thread(model, parts[i].thread, &figures);
        ms_histogram_add(&lifetimes, &figures.lifetimes);
    }
    return ms_flow_median_life_ns(&lifetimes);
}

static double effective(double all, double squares)
{
    return squares > 0 ? all * all / squares : 0;
}

static void judge_mixed(const struct ms_model *model, const struct part *parts, size_t count,
                        const struct sums *sums, double mixing, double one_sided,
                        struct ms_flow_pattern *pattern)
{
    const uint64_t life_ns = median_life(model, parts, count);
    const bool lives = life_ns != UINT64_MAX && life_ns >= CACHE_LIFE_NS;
    char life[48];
    pattern->kind = lives ? MS_FLOW_PATTERN_SHARED_CACHE : MS_FLOW_PATTERN_EXCHANGE;
    pattern->confidence =
        ms_flow_confidence(fmin(mixing, 1) * (1 - one_sided), pattern->blocks, lives ? 0.9 : 1);
    if (life_ns == UINT64_MAX) {
        snprintf(life, sizeof life, "how long they live is not known");
    } else if (life_ns == 0) {
        snprintf(life, sizeof life, "half of them live less than 1 ms");
    } else {
        snprintf(life, sizeof life, "half of them live %.3g s or more", (double)life_ns / 1e9);
    }
    snprintf(
        pattern->evidence, sizeof pattern->evidence,
        "%zu threads: %d %% of their freed blocks were freed by another of them, %d %% of what "
        "it were if all freed at random; %d %% of it one-sided; %s",
        count, percent(sums->crossed / sums->all), percent(mixing), percent(one_sided), life);
}

static void judge_stealing(const struct ms_model *model, size_t count, const struct sums *sums,
                           struct ms_flow_pattern *pattern)
{
    const double before = sums->all / sums->threads / sums->most_allocated;
    const double after = sums->all / sums->threads / sums->most_freed;
    char cpu[48] = "";
    if ((sums->all - sums->crossed) / sums->all < OWN_MIN || after < before + GAIN_MIN) {
        return;
    }
    if (sums->most_run_ns > 0) {
        snprintf(cpu, sizeof cpu, ", CPU time %d %%",
                 percent(sums->run_ns / sums->threads / sums->most_run_ns));
    }
    pattern->kind = MS_FLOW_PATTERN_WORK_STEALING;
    pattern->balance = after;
    pattern->balance_before = before;
    pattern->confidence = ms_flow_confidence((after - before) / 0.2, pattern->blocks, 0.8);
    char gave[MS_FORMAT_MAX];
    char took[MS_FORMAT_MAX];
    snprintf(
        pattern->evidence, sizeof pattern->evidence,
        "%zu threads freed %d %% of their blocks for each other, which made them more even "
        "(mean / most): allocated %d %%, freed %d %%%s; %.40s gave %s more than it took, %.40s "
        "took %s more than it gave",
        count, percent(sums->crossed / sums->all), percent(before), percent(after), cpu,
        name_of(model, sums->gives),
        ms_format_count(gave, sizeof gave, sums->gives->out - sums->gives->in),
        name_of(model, sums->takes),
        ms_format_count(took, sizeof took, sums->takes->in - sums->takes->out));
}

/* Threads of one name are of one node; so are those that nobody named when they are many. */
static bool is_one_role(const struct ms_flow_matrix *matrix, const struct ms_flow_pattern *pattern)
{
    char first[MS_FLOW_NAME_MAX];
    char other[MS_FLOW_NAME_MAX];
    ms_flow_role_name(ms_flow_node(matrix, pattern->nodes[0])->name, first);
    for (uint32_t i = 1; i < pattern->node_count; i++) {
        ms_flow_role_name(ms_flow_node(matrix, pattern->nodes[i])->name, other);
        if (strcmp(first, other) != 0) {
            return false;
        }
    }
    return true;
}

static void judge_set(const struct ms_flow_matrix *matrix, const struct ms_model *model,
                      uint32_t *sets, const struct part *parts, size_t count,
                      struct ms_flow_found *found)
{
    const struct sums sums = sum_up(parts, count);
    if (count < 2 || sums.crossed < MS_FLOW_PATTERN_BLOCKS_MIN ||
        sums.crossed < CROSSED_MIN * sums.all) {
        return;
    }
    const double by_chance = 1 - sums.same / (sums.all * sums.all);
    const double mixing = by_chance > 0 ? sums.crossed / sums.all / by_chance : 0;
    const double one_sided = sums.net / (2 * sums.crossed);
    struct ms_flow_pattern pattern = {.balance = NAN, .balance_before = NAN};
    for (uint32_t i = 0; i < ms_flow_nodes(matrix); i++) {
        if (root_of(sets, i) == parts[0].set) {
            pattern.process_id = ms_flow_node(matrix, i)->process_id;
            if (pattern.node_count < MS_FLOW_PATTERN_NODES_MAX) {
                pattern.nodes[pattern.node_count++] = i;
            }
        }
    }
    for (size_t i = 0; i < ms_flow_pairs(matrix); i++) {
        const struct ms_flow_pair *pair = ms_flow_pair(matrix, i);
        if (root_of(sets, pair->from) == parts[0].set && root_of(sets, pair->to) == parts[0].set) {
            pattern.blocks += pair->sum.blocks;
            pattern.bytes += pair->sum.bytes;
        }
    }
    if (mixing >= MIXING_MIN && one_sided <= ONE_SIDED_MAX &&
        effective(sums.crossed, sums.out_squares) >= 1.5 &&
        effective(sums.crossed, sums.in_squares) >= 1.5) {
        judge_mixed(model, parts, count, &sums, mixing, one_sided, &pattern);
    } else if (is_one_role(matrix, &pattern)) {
        judge_stealing(model, count, &sums, &pattern);
    }
    ms_flow_found_add(found, &pattern);
}

void ms_flow_sets(const struct ms_flow_matrix *matrix, const struct ms_model *model,
                  struct ms_flow_found *found)
{
    const size_t nodes = ms_flow_nodes(matrix);
    uint32_t *sets = calloc(nodes + 1, sizeof *sets);
    struct part *parts = calloc(2 * ms_flow_pairs(matrix) + 1, sizeof *parts);
    if (sets != NULL && parts != NULL) {
        for (uint32_t i = 0; i < nodes; i++) {
            sets[i] = i;
        }
        join_two_way(matrix, sets);
        const size_t count = take_parts(matrix, model, sets, parts);
        for (size_t first = 0; first < count;) {
            size_t end = first + 1;
            while (end < count && parts[end].set == parts[first].set) {
                end++;
            }
            judge_set(matrix, model, sets, &parts[first], end - first, found);
            first = end;
        }
    }
    free(sets);
    free(parts);
}
