/* One-way flows: pipelines, producers, fans. Sets of threads are in flow_sets.c. */
#include "analysis/flow_patterns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/flow_sets.h"
#include "model/figures.h"
#include "model/format.h"

#define SHARE_MIN      0.5
#define BACK_MAX       0.2
#define CONFIDENCE_MIN 0.3
#define POOL_LIFE_NS   (UINT64_C(256) << 20)

static const struct {
    const char *name, *words;
} kinds[] = {
#define MS_FLOW_PATTERN_ROW(id, json_name, text) {.name = (json_name), .words = (text)},
    MS_FLOW_PATTERN_KINDS(MS_FLOW_PATTERN_ROW)
#undef MS_FLOW_PATTERN_ROW
};

const char *ms_flow_pattern_name(enum ms_flow_pattern_kind kind)
{
    return kinds[kind].name;
}

const char *ms_flow_pattern_words(enum ms_flow_pattern_kind kind)
{
    return kinds[kind].words;
}

double ms_flow_confidence(double strength, uint64_t blocks, double most)
{
    const double n = (double)blocks;
    const double confidence = fmin(strength, 1) * n / (n + 100);
    return fmin(confidence, fmin(most, 0.99)); /* what is guessed from counts is never sure */
}

void ms_flow_found_add(struct ms_flow_found *found, const struct ms_flow_pattern *pattern)
{
    if (pattern->confidence < CONFIDENCE_MIN) {
        return;
    }
    size_t at = found->count;
    while (at > 0 && found->patterns[at - 1].confidence < pattern->confidence) {
        at--;
    }
    if (at >= MS_FLOW_PATTERNS_MAX) {
        return;
    }
    const size_t kept =
        found->count < MS_FLOW_PATTERNS_MAX ? found->count : MS_FLOW_PATTERNS_MAX - 1;
    memmove(&found->patterns[at + 1], &found->patterns[at],
            (kept - at) * sizeof found->patterns[0]);
    found->patterns[at] = *pattern;
    found->count = kept + 1;
}

uint64_t ms_flow_median_life_ns(const struct ms_histogram *lifetimes)
{
    const uint64_t all = ms_histogram_events(lifetimes);
    uint64_t below = 0;
    for (unsigned i = 0; i < MS_HISTOGRAM_LIFETIMES && all > 0; i++) {
        below += lifetimes->events[i];
        if (below * 2 >= all) {
            return i == 0 ? 0 : ms_lifetime_class_bound_ns(i - 1);
        }
    }
    return UINT64_MAX;
}

/* What is known of a node besides the matrix. */
struct ends {
    double out_threads; /* effective number of threads that free its blocks */
    double in_threads;  /* ... whose blocks it frees */
    uint32_t next;      /* the node that frees half of its blocks or more, or NO_NODE */
    uint32_t previous;  /* nodes that hand over to it so */
    bool used;
};

struct judge {
    const struct ms_flow_matrix *matrix;
    const struct ms_model *model;
    struct ms_flow_found *found;
    struct ends *ends;
};

static uint64_t between(const struct ms_flow_matrix *matrix, uint32_t from, uint32_t to)
{
    const struct ms_flow_edge *edge = ms_flow_between(matrix, from, to);
    return edge != NULL ? edge->sum.blocks : 0;
}

static double ratio(uint64_t part, uint64_t of)
{
    return of > 0 ? fmin((double)part / (double)of, 1) : 0;
}

static uint64_t without(uint64_t blocks, uint64_t part)
{
    return blocks > part ? blocks - part : 0;
}

/* What else than temporary blocks it freed: nobody could have handed those over. */
static uint64_t freed_by(const struct ms_flow_node *node)
{
    return without(node->own.blocks + node->mutual.blocks + node->taken.blocks, node->temporary);
}

/* Part of a node's freed blocks, temporary ones apart, or of its freed bytes, whichever is more. */
static double share_of(const struct ms_flow_sum *sum, const struct ms_flow_node *owner)
{
    return fmax(ratio(sum->blocks, without(owner->deallocations, owner->temporary)),
                ratio(sum->bytes, owner->bytes_freed));
}

/* "others" is nobody. */
static bool is_one_way(const struct judge *judge, const struct ms_flow_edge *edge)
{
    return edge->sum.blocks >= MS_FLOW_PATTERN_BLOCKS_MIN &&
           ms_flow_node(judge->matrix, edge->from)->threads > 0 &&
           ms_flow_node(judge->matrix, edge->to)->threads > 0 &&
           ratio(between(judge->matrix, edge->to, edge->from), edge->sum.blocks) <= BACK_MAX;
}

static const char *named(const struct ms_flow_node *node, char out[MS_FLOW_NAME_MAX + 24])
{
    if (node->group) {
        snprintf(out, MS_FLOW_NAME_MAX + 24, "%s (%u threads)", node->name, node->threads);
    } else {
        snprintf(out, MS_FLOW_NAME_MAX + 24, "%s",
                 node->name[0] != '\0' ? node->name : "(no name)");
    }
    return out;
}

static int percent(double share)
{
    return (int)(share * 100 + 0.5);
}

static void say_edge(const struct judge *judge, const struct ms_flow_edge *edge, char *out,
                     size_t size)
{
    const struct ms_flow_node *from = ms_flow_node(judge->matrix, edge->from);
    const struct ms_flow_node *to = ms_flow_node(judge->matrix, edge->to);
    char from_name[MS_FLOW_NAME_MAX + 24];
    char to_name[MS_FLOW_NAME_MAX + 24];
    char blocks[MS_FORMAT_MAX];
    char bytes[MS_FORMAT_MAX];
    snprintf(out, size,
             "%s freed %s blocks (%s) of %s, %d %% of those that were freed; "
             "%d %% as many went back",
             named(to, to_name), ms_format_count(blocks, sizeof blocks, (double)edge->sum.blocks),
             ms_format_bytes(bytes, sizeof bytes, (double)edge->sum.bytes), named(from, from_name),
             percent(share_of(&edge->sum, from)),
             percent(ratio(between(judge->matrix, edge->to, edge->from), edge->sum.blocks)));
}

static double strength_of(const struct judge *judge, const struct ms_flow_edge *edge)
{
    const struct ms_flow_node *from = ms_flow_node(judge->matrix, edge->from);
    return share_of(&edge->sum, from) *
           (1 - ratio(between(judge->matrix, edge->to, edge->from), edge->sum.blocks));
}

static struct ms_flow_pattern begin(const struct judge *judge, uint32_t node,
                                    enum ms_flow_pattern_kind kind)
{
    return (struct ms_flow_pattern){.kind = kind,
                                    .process_id = ms_flow_node(judge->matrix, node)->process_id,
                                    .balance = NAN,
                                    .balance_before = NAN};
}

static void put_node(struct ms_flow_pattern *pattern, uint32_t node)
{
    if (pattern->node_count < MS_FLOW_PATTERN_NODES_MAX) {
        pattern->nodes[pattern->node_count++] = node;
    }
}

static uint64_t median_life_of(const struct judge *judge, uint32_t node)
{
    struct ms_figures figures;
    ms_figures_of_thread(judge->model, ms_flow_node(judge->matrix, node)->thread_id, &figures);
    return ms_flow_median_life_ns(&figures.lifetimes);
}

static uint64_t crossed_in(const struct judge *judge, uint32_t process_id)
{
    uint64_t crossed = 0;
    for (size_t i = 0; i < ms_flow_nodes(judge->matrix); i++) {
        const struct ms_flow_node *node = ms_flow_node(judge->matrix, i);
        crossed += node->process_id == process_id ? node->given.blocks + node->mutual.blocks : 0;
    }
    return crossed;
}

/* A fan-out is a pool when one thread allocates all that crosses threads, long before it is freed.
 */
static void look_for_pool(const struct judge *judge, struct ms_flow_pattern *pattern)
{
    const uint32_t from = pattern->nodes[0];
    const uint64_t crossed = crossed_in(judge, pattern->process_id);
    const uint64_t given = ms_flow_node(judge->matrix, from)->given.blocks;
    const uint64_t life_ns = median_life_of(judge, from);
    if (ratio(given, crossed) < 0.9 || life_ns == UINT64_MAX || life_ns < POOL_LIFE_NS) {
        return;
    }
    pattern->kind = MS_FLOW_PATTERN_POOL;
    pattern->confidence = fmin(pattern->confidence, 0.7);
    const size_t used = strlen(pattern->evidence);
    snprintf(pattern->evidence + used, sizeof pattern->evidence - used,
             "; %d %% of all that crossed threads is its, and half of its blocks lived %.1f s or "
             "more",
             percent(ratio(given, crossed)), (double)life_ns / (double)MS_SECOND_NS);
}

static void add_handover(const struct judge *judge, const struct ms_flow_edge *edge)
{
    struct ms_flow_pattern pattern = begin(judge, edge->from, MS_FLOW_PATTERN_PRODUCER_CONSUMER);
    put_node(&pattern, edge->from);
    put_node(&pattern, edge->to);
    pattern.blocks = edge->sum.blocks;
    pattern.bytes = edge->sum.bytes;
    pattern.confidence = ms_flow_confidence(strength_of(judge, edge), pattern.blocks, 1);
    say_edge(judge, edge, pattern.evidence, sizeof pattern.evidence);
    if (edge->from_threads < 1.5 && edge->to_threads >= 2) {
        pattern.kind = MS_FLOW_PATTERN_FAN_OUT;
        look_for_pool(judge, &pattern);
    } else if (edge->from_threads >= 2 && edge->to_threads < 1.5) {
        pattern.kind = MS_FLOW_PATTERN_FAN_IN;
    }
    ms_flow_found_add(judge->found, &pattern);
}

/* Follows the handovers from a node that nobody hands over to. */
static void add_chain(const struct judge *judge, uint32_t first)
{
    struct ms_flow_pattern pattern = begin(judge, first, MS_FLOW_PATTERN_PIPELINE);
    uint32_t node = first;
    size_t length = 1;
    double least = 1;
    size_t used = 0;
    put_node(&pattern, first);
    while (judge->ends[node].next != MS_FLOW_NO_NODE && !judge->ends[node].used) {
        const uint32_t next = judge->ends[node].next;
        const struct ms_flow_edge *edge = ms_flow_between(judge->matrix, node, next);
        const double share = share_of(&edge->sum, ms_flow_node(judge->matrix, node));
        char blocks[MS_FORMAT_MAX];
        judge->ends[node].used = true;
        least = fmin(least, strength_of(judge, edge));
        pattern.blocks += edge->sum.blocks;
        pattern.bytes += edge->sum.bytes;
        used += (size_t)snprintf(pattern.evidence + used, sizeof pattern.evidence - used,
                                 "%s%.40s freed %d %% of %.40s (%s)", length > 1 ? ", " : "",
                                 ms_flow_node(judge->matrix, next)->name, percent(share),
                                 ms_flow_node(judge->matrix, node)->name,
                                 ms_format_count(blocks, sizeof blocks, (double)edge->sum.blocks));
        used = used < sizeof pattern.evidence ? used : sizeof pattern.evidence - 1;
        put_node(&pattern, next);
        length++;
        node = next;
    }
    if (length > 2) {
        pattern.confidence = ms_flow_confidence(least, pattern.blocks / (uint64_t)(length - 1), 1);
        ms_flow_found_add(judge->found, &pattern);
    } else if (length == 2) {
        add_handover(judge, ms_flow_between(judge->matrix, first, node));
    }
}

/* One thread and many at the other end, none of which stands out. */
static void add_fan(const struct judge *judge, uint32_t hub, bool out)
{
    const struct ms_flow_node *node = ms_flow_node(judge->matrix, hub);
    const struct ms_flow_sum *sum = out ? &node->given : &node->taken;
    const uint64_t returned = out ? node->taken.blocks : node->given.blocks;
    const double threads = out ? judge->ends[hub].out_threads : judge->ends[hub].in_threads;
    const double share = out ? share_of(sum, node) : ratio(sum->blocks, freed_by(node));
    const double back = ratio(returned, sum->blocks);
    if (node->threads != 1 || sum->blocks < MS_FLOW_PATTERN_BLOCKS_MIN || share < SHARE_MIN ||
        back > BACK_MAX || threads < 2) {
        return;
    }
    struct ms_flow_pattern pattern =
        begin(judge, hub, out ? MS_FLOW_PATTERN_FAN_OUT : MS_FLOW_PATTERN_FAN_IN);
    if (out) {
        put_node(&pattern, hub);
    }
    for (size_t i = 0; i < ms_flow_edges(judge->matrix); i++) {
        const struct ms_flow_edge *edge = ms_flow_edge(judge->matrix, i);
        const uint32_t other = out ? edge->to : edge->from;
        if ((out ? edge->from : edge->to) == hub &&
            pattern.node_count + 1 < MS_FLOW_PATTERN_NODES_MAX &&
            ms_flow_node(judge->matrix, other)->threads > 0) {
            put_node(&pattern, other);
        }
    }
    if (!out) {
        put_node(&pattern, hub);
    }
    char blocks[MS_FORMAT_MAX];
    char bytes[MS_FORMAT_MAX];
    pattern.blocks = sum->blocks;
    pattern.bytes = sum->bytes;
    pattern.confidence = ms_flow_confidence(share * (1 - back), sum->blocks, 1);
    snprintf(pattern.evidence, sizeof pattern.evidence,
             out ? "%2$d %% of the freed blocks of %1$s were freed by others (%3$s blocks, %4$s), "
                   "evenly as by %5$.1f threads; %6$d %% as many went back"
                 : "%2$d %% of what %1$s freed were others' blocks (%3$s blocks, %4$s), evenly as "
                   "of %5$.1f threads; %6$d %% as many went back",
             node->name, percent(share),
             ms_format_count(blocks, sizeof blocks, (double)sum->blocks),
             ms_format_bytes(bytes, sizeof bytes, (double)sum->bytes), threads, percent(back));
    if (out) {
        look_for_pool(judge, &pattern);
    }
    ms_flow_found_add(judge->found, &pattern);
}

static void add_release(const struct judge *judge, const struct ms_flow_edge *edge)
{
    const struct ms_flow_node *from = ms_flow_node(judge->matrix, edge->from);
    const struct ms_flow_node *to = ms_flow_node(judge->matrix, edge->to);
    const double of_freed = ratio(edge->sum.blocks, freed_by(to));
    if (to->threads != 1 || edge->from_threads >= 2 || of_freed < 0.9 ||
        without(to->allocations, to->temporary) > edge->sum.blocks / 10) {
        return;
    }
    struct ms_flow_pattern pattern = begin(judge, edge->from, MS_FLOW_PATTERN_RELEASE);
    char name[MS_FLOW_NAME_MAX + 24];
    char blocks[MS_FORMAT_MAX];
    char bytes[MS_FORMAT_MAX];
    char allocated[MS_FORMAT_MAX];
    put_node(&pattern, edge->from);
    put_node(&pattern, edge->to);
    pattern.blocks = edge->sum.blocks;
    pattern.bytes = edge->sum.bytes;
    pattern.confidence = ms_flow_confidence(of_freed, edge->sum.blocks, 1);
    snprintf(
        pattern.evidence, sizeof pattern.evidence,
        "%d %% of what %s freed were blocks of %s (%s blocks, %s; %d %% of all freed blocks of "
        "the latter); it allocated %s itself",
        percent(of_freed), to->name, named(from, name),
        ms_format_count(blocks, sizeof blocks, (double)edge->sum.blocks),
        ms_format_bytes(bytes, sizeof bytes, (double)edge->sum.bytes),
        percent(share_of(&edge->sum, from)),
        ms_format_count(allocated, sizeof allocated, (double)to->allocations));
    ms_flow_found_add(judge->found, &pattern);
}

struct tally {
    uint32_t node, thread;
    double blocks;
};

static int compare_tallies(const void *left, const void *right)
{
    const struct tally *a = left;
    const struct tally *b = right;
    if (a->node != b->node) {
        return a->node < b->node ? -1 : 1;
    }
    return (a->thread > b->thread) - (a->thread < b->thread);
}

/* Effective numbers of threads at the other end of each node. */
static void count_ends(const struct judge *judge, struct tally *tallies, bool out)
{
    size_t count = 0;
    for (size_t i = 0; i < ms_flow_pairs(judge->matrix); i++) {
        const struct ms_flow_pair *pair = ms_flow_pair(judge->matrix, i);
        if (pair->from != pair->to) {
            tallies[count++] = (struct tally){.node = out ? pair->from : pair->to,
                                              .thread = out ? pair->to_thread : pair->from_thread,
                                              .blocks = (double)pair->sum.blocks};
        }
    }
    qsort(tallies, count, sizeof *tallies, compare_tallies);
    for (size_t i = 0; i < count;) {
        const uint32_t node = tallies[i].node;
        double all = 0;
        double squares = 0;
        while (i < count && tallies[i].node == node) {
            const uint32_t thread = tallies[i].thread;
            double blocks = 0;
            for (; i < count && tallies[i].node == node && tallies[i].thread == thread; i++) {
                blocks += tallies[i].blocks;
            }
            all += blocks;
            squares += blocks * blocks;
        }
        *(out ? &judge->ends[node].out_threads : &judge->ends[node].in_threads) =
            squares > 0 ? all * all / squares : 0;
    }
}

static void find_handovers(const struct judge *judge)
{
    for (size_t i = 0; i < ms_flow_edges(judge->matrix); i++) {
        const struct ms_flow_edge *edge = ms_flow_edge(judge->matrix, i);
        const struct ms_flow_node *from = ms_flow_node(judge->matrix, edge->from);
        struct ends *ends = &judge->ends[edge->from];
        if (is_one_way(judge, edge) && share_of(&edge->sum, from) >= SHARE_MIN &&
            (ends->next == MS_FLOW_NO_NODE ||
             between(judge->matrix, edge->from, ends->next) < edge->sum.blocks)) {
            ends->next = edge->to;
        }
    }
    for (size_t i = 0; i < ms_flow_nodes(judge->matrix); i++) {
        if (judge->ends[i].next != MS_FLOW_NO_NODE) {
            judge->ends[judge->ends[i].next].previous++;
        }
    }
}

/* Several that hand over to one thread are one fan-in, not many producers. */
static void leave_fans(const struct judge *judge)
{
    for (size_t i = 0; i < ms_flow_nodes(judge->matrix); i++) {
        struct ends *ends = &judge->ends[i];
        const uint32_t next = ends->next;
        if (next != MS_FLOW_NO_NODE && judge->ends[next].previous > 1 &&
            judge->ends[next].in_threads >= 2 && ms_flow_node(judge->matrix, next)->threads == 1) {
            ends->next = MS_FLOW_NO_NODE;
        }
    }
}

static void name_one_way_flows(const struct judge *judge)
{
    const size_t nodes = ms_flow_nodes(judge->matrix);
    for (uint32_t i = 0; i < nodes; i++) {
        if (judge->ends[i].next != MS_FLOW_NO_NODE && judge->ends[i].previous == 0) {
            add_chain(judge, i);
        }
    }
    for (uint32_t i = 0; i < nodes; i++) {
        if (judge->ends[i].next == MS_FLOW_NO_NODE) {
            add_fan(judge, i, true);
        }
        if (judge->ends[i].previous != 1) {
            add_fan(judge, i, false);
        }
    }
    for (size_t i = 0; i < ms_flow_edges(judge->matrix); i++) {
        const struct ms_flow_edge *edge = ms_flow_edge(judge->matrix, i);
        if (judge->ends[edge->from].next != edge->to && is_one_way(judge, edge)) {
            add_release(judge, edge);
        }
    }
}

size_t ms_flow_patterns(const struct ms_flow_matrix *matrix, const struct ms_model *model,
                        struct ms_flow_pattern *out, size_t capacity)
{
    struct ms_flow_found found = {.count = 0};
    const size_t nodes = ms_flow_nodes(matrix);
    struct judge judge = {.matrix = matrix, .model = model, .found = &found};
    struct tally *tallies = calloc(ms_flow_pairs(matrix) + 1, sizeof *tallies);
    judge.ends = calloc(nodes + 1, sizeof *judge.ends);
    if (tallies != NULL && judge.ends != NULL) {
        for (size_t i = 0; i < nodes; i++) {
            judge.ends[i].next = MS_FLOW_NO_NODE;
        }
        count_ends(&judge, tallies, true);
        count_ends(&judge, tallies, false);
        find_handovers(&judge);
        leave_fans(&judge);
        name_one_way_flows(&judge);
        ms_flow_sets(matrix, model, &found);
    }
    free(tallies);
    free(judge.ends);
    const size_t count = found.count < capacity ? found.count : capacity;
    memcpy(out, found.patterns, count * sizeof *out);
    return count;
}

void ms_flow_patterns_why_none(const struct ms_flow_matrix *matrix, char *out, size_t size)
{
    const struct ms_flow_totals *totals = ms_flow_matrix_totals(matrix);
    const uint64_t crossed = totals->crossed.blocks;
    const uint64_t all = crossed + totals->own.blocks;
    if (crossed == 0) {
        snprintf(out, size, "%s", ms_flow_why_none(matrix));
    } else if (crossed < MS_FLOW_PATTERN_BLOCKS_MIN) {
        snprintf(out, size, "%u block%s crossed threads; patterns are looked for from %u on.",
                 (unsigned)crossed, crossed == 1 ? "" : "s", MS_FLOW_PATTERN_BLOCKS_MIN);
    } else {
        snprintf(out, size, "%.1f %% of what was freed crossed threads, in no known pattern.",
                 100 * ratio(crossed, all));
    }
}
