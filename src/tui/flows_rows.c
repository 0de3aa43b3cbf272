/* What the rows of screen f are: pairs and nodes of the matrix in scope, and the patterns. */
#include "tui/flows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/format.h"

#define UPDATE_NS      (MS_SECOND_NS / 2) /* flows are not read more often */
#define UPDATE_SLOW_NS (4 * MS_SECOND_NS)
#define JUDGE_NS       (2 * MS_SECOND_NS)
enum { MANY_FLOWS = 20000 };

static const struct {
    const char *name, *heading, *meaning;
} orders[] = {
    [MS_FLOW_ORDER_BLOCKS] = {"blocks", "BLOCKS", "freed blocks"},
    [MS_FLOW_ORDER_BYTES] = {"bytes", "BYTES", "freed bytes (as requested)"},
    [MS_FLOW_ORDER_BLOCK_RATE] = {"blocks_per_s", "BLOCKS/S", "blocks a second, over 10 s"},
    [MS_FLOW_ORDER_BYTE_RATE] = {"bytes_per_s", "BYTES/S", "bytes a second, over 10 s"},
    [MS_FLOW_ORDER_SHARE] = {"share", "SHARE", "share of the owner's freed blocks"},
};

static const char *order_name(size_t order)
{
    return orders[order].name;
}

static const char *order_meaning(size_t order)
{
    return orders[order].meaning;
}

const struct ms_orders ms_flow_orders = {
    .count = MS_FLOW_ORDER_COUNT, .name = order_name, .meaning = order_meaning};

const char *ms_flow_order_heading(enum ms_flow_order order)
{
    return orders[order].heading;
}

double ms_flow_figure(enum ms_flow_order order, const struct ms_flow_sum *sum,
                      const struct ms_flow_node *from)
{
    switch (order) {
    case MS_FLOW_ORDER_BLOCKS:
        return (double)sum->blocks;
    case MS_FLOW_ORDER_BYTES:
        return (double)sum->bytes;
    case MS_FLOW_ORDER_BLOCK_RATE:
        return sum->blocks_per_s;
    case MS_FLOW_ORDER_BYTE_RATE:
        return sum->bytes_per_s;
    case MS_FLOW_ORDER_SHARE:
    case MS_FLOW_ORDER_COUNT:
        break;
    }
    /* Counters are read a moment apart: no share is more than all. */
    return from->threads > 0 && from->deallocations > 0
               ? fmin(100.0 * (double)sum->blocks / (double)from->deallocations, 100)
               : NAN;
}

char *ms_flow_format(char *out, size_t size, enum ms_flow_order order, double figure)
{
    if (isnan(figure)) {
        snprintf(out, size, "n/a");
    } else if (order == MS_FLOW_ORDER_SHARE) {
        snprintf(out, size, figure > 0 && figure < 1 ? "<1%%" : "%.0f%%", figure);
    } else if (order == MS_FLOW_ORDER_BYTES || order == MS_FLOW_ORDER_BYTE_RATE) {
        ms_format_bytes(out, size, figure);
    } else {
        ms_format_count(out, size, figure);
    }
    return out;
}

const char *ms_flow_node_name(const struct ms_flow_node *node)
{
    return node->name[0] != '\0' ? node->name : "(no name)";
}

bool ms_flow_cell(const struct ms_flows_view *flows, uint32_t from, uint32_t to,
                  struct ms_flow_sum *sum)
{
    if (from == to) {
        const struct ms_flow_node *node = ms_flow_node(flows->matrix, from);
        *sum = node->own;
        sum->blocks += node->mutual.blocks;
        sum->bytes += node->mutual.bytes;
        sum->blocks_per_s += node->mutual.blocks_per_s;
        sum->bytes_per_s += node->mutual.bytes_per_s;
        return sum->blocks != 0;
    }
    const struct ms_flow_edge *edge = ms_flow_between(flows->matrix, from, to);
    *sum = edge != NULL ? edge->sum : (struct ms_flow_sum){.blocks = 0};
    return edge != NULL;
}

static int compare_rows(const void *left, const void *right)
{
    const struct ms_flow_row *a = left;
    const struct ms_flow_row *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

const struct ms_flow_row *ms_flow_row_of(const struct ms_flows_view *flows, uint64_t id)
{
    const struct ms_flow_row wanted = {.id = id};
    return flows->pair_count == 0 ? NULL
                                  : bsearch(&wanted, flows->pairs, flows->pair_count,
                                            sizeof *flows->pairs, compare_rows);
}

void ms_flows_view_free(struct ms_flows_view *flows)
{
    if (flows != NULL) {
        ms_flow_past_free(flows->past);
        ms_flow_matrix_free(flows->matrix);
        ms_flow_matrix_free(flows->by_name);
        ms_listing_fini(&flows->listing);
        free(flows->pairs);
        free(flows->shown);
        free(flows);
    }
}

static struct ms_flows_view *flows_view_new(void)
{
    struct ms_flows_view *flows = calloc(1, sizeof *flows);
    if (flows != NULL) {
        ms_listing_init(&flows->listing, MS_FLOW_ORDER_BLOCKS);
        flows->past = ms_flow_past_new();
        flows->matrix = ms_flow_matrix_new();
        flows->by_name = ms_flow_matrix_new();
        if (flows->past == NULL || flows->matrix == NULL || flows->by_name == NULL) {
            ms_flows_view_free(flows);
            flows = NULL;
        }
    }
    return flows;
}

void ms_flows_view_forget(struct ms_flows_view *flows)
{
    if (flows == NULL) {
        return;
    }
    struct ms_flow_past *past = ms_flow_past_new();
    if (past != NULL) { /* else rates are wrong for as long as they look back */
        ms_flow_past_free(flows->past);
        flows->past = past;
    }
    flows->updated_ns = flows->judged_ns = 0;
}

void ms_flows_watch(struct ms_tui *tui, const struct ms_model *model)
{
    if (tui->flows == NULL) {
        tui->flows = flows_view_new();
    }
    if (tui->flows != NULL) {
        ms_flow_past_update(tui->flows->past, model);
    }
}

static bool fits(const struct ms_flows_view *flows, uint32_t node)
{
    const char *filter = flows->listing.filter.text;
    return filter[0] == '\0' ||
           strcasestr(ms_flow_node_name(ms_flow_node(flows->matrix, node)), filter) != NULL;
}

static bool add_pair(struct ms_flows_view *flows, uint32_t from, uint32_t to,
                     const struct ms_flow_sum *sum)
{
    if (flows->pair_count == flows->pair_capacity) {
        const size_t capacity = flows->pair_capacity * 2 + 64;
        struct ms_flow_row *grown = reallocarray(flows->pairs, capacity, sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        flows->pairs = grown;
        flows->pair_capacity = capacity;
    }
    const uint64_t a = ms_flow_node(flows->matrix, from)->key;
    const uint64_t b = ms_flow_node(flows->matrix, to)->key;
    const uint64_t mixed = (a * UINT64_C(0x9e3779b97f4a7c15)) ^ (b * UINT64_C(0xc2b2ae3d27d4eb4f));
    flows->pairs[flows->pair_count++] =
        (struct ms_flow_row){.id = mixed != 0 ? mixed : 1, .from = from, .to = to, .sum = *sum};
    return true;
}

/* Edges and what groups did among themselves, as far as the filter lets through. */
static void take_pairs(struct ms_flows_view *flows)
{
    flows->pair_count = 0;
    for (size_t i = 0; i < ms_flow_edges(flows->matrix); i++) {
        const struct ms_flow_edge *edge = ms_flow_edge(flows->matrix, i);
        if ((fits(flows, edge->from) || fits(flows, edge->to)) &&
            !add_pair(flows, edge->from, edge->to, &edge->sum)) {
            break;
        }
    }
    for (uint32_t i = 0; i < ms_flow_nodes(flows->matrix); i++) {
        const struct ms_flow_node *node = ms_flow_node(flows->matrix, i);
        if (node->mutual.blocks != 0 && fits(flows, i) && !add_pair(flows, i, i, &node->mutual)) {
            break;
        }
    }
    if (flows->pair_count > 0) {
        qsort(flows->pairs, flows->pair_count, sizeof *flows->pairs, compare_rows);
    }
}

static void sort_pairs(struct ms_flows_view *flows, uint64_t now_ns)
{
    struct ms_row_key *keys = calloc(flows->pair_count + 1, sizeof *keys);
    if (keys == NULL) {
        return;
    }
    for (size_t i = 0; i < flows->pair_count; i++) {
        const struct ms_flow_row *row = &flows->pairs[i];
        const double figure = ms_flow_figure((enum ms_flow_order)flows->listing.order, &row->sum,
                                             ms_flow_node(flows->matrix, row->from));
        keys[i] = (struct ms_row_key){
            .id = row->id, .figure = isnan(figure) ? 0 : figure, .known = !isnan(figure)};
    }
    ms_rows_sort(&flows->listing.rows, keys, flows->pair_count, flows->listing.ascending, now_ns);
    free(keys);
}

/* Those in a pair that is shown; without a filter those that only free their own after them. */
static void take_nodes(struct ms_flows_view *flows)
{
    const size_t count = ms_flow_nodes(flows->matrix);
    bool *in_pair = calloc(count + 1, sizeof *in_pair);
    if (count > flows->shown_capacity) {
        uint32_t *grown = reallocarray(flows->shown, count, sizeof *grown);
        if (grown == NULL) {
            free(in_pair);
            return;
        }
        flows->shown = grown;
        flows->shown_capacity = count;
    }
    flows->shown_count = 0;
    for (size_t i = 0; i < flows->pair_count && in_pair != NULL; i++) {
        in_pair[flows->pairs[i].from] = in_pair[flows->pairs[i].to] = true;
    }
    for (uint32_t pass = 0; pass < 2 && in_pair != NULL; pass++) {
        for (uint32_t i = 0; i < count; i++) {
            if (pass == 0 ? in_pair[i]
                          : !in_pair[i] && flows->scope.thread_id == 0 && fits(flows, i)) {
                flows->shown[flows->shown_count++] = i;
            }
        }
    }
    free(in_pair);
}

static bool same_scope(const struct ms_scope *a, const struct ms_scope *b)
{
    return a->process_id == b->process_id && a->thread_id == b->thread_id &&
           a->site_id == b->site_id;
}

static bool is_about(const struct ms_flows_view *flows, const struct ms_flow_pattern *pattern)
{
    const uint32_t thread_id = flows->scope.thread_id;
    const uint32_t node = thread_id != 0 ? ms_flow_node_of(flows->by_name, thread_id) : 0;
    bool about = thread_id == 0;
    for (uint32_t i = 0; i < pattern->node_count && !about; i++) {
        about = pattern->nodes[i] == node;
    }
    return about;
}

/* Patterns are judged of whole processes, and shown when the thread in focus takes part. */
static void judge(struct ms_flows_view *flows, const struct ms_model *model)
{
    const struct ms_scope scope = {.process_id = flows->scope.process_id};
    size_t kept = 0;
    flows->pattern_count = 0;
    if (flows->scope.site_id != 0 ||
        ms_flow_matrix_update(flows->by_name, model, NULL, &scope, MS_FLOW_BY_NAME) != 0) {
        return;
    }
    const size_t count =
        ms_flow_patterns(flows->by_name, model, flows->patterns, MS_FLOW_PATTERNS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (is_about(flows, &flows->patterns[i])) {
            flows->patterns[kept++] = flows->patterns[i];
        }
    }
    flows->pattern_count = kept;
    if (count > 0) {
        snprintf(flows->why_no_pattern, sizeof flows->why_no_pattern,
                 "The thread in focus is not part of a pattern.");
    } else {
        ms_flow_patterns_why_none(flows->by_name, flows->why_no_pattern,
                                  sizeof flows->why_no_pattern);
    }
}

void ms_flows_view_update(struct ms_tui *tui, const struct ms_model *model)
{
    struct ms_flows_view *flows = tui->flows;
    const uint64_t now_ns = ms_model_now_ns(model);
    const uint64_t pause_ns = ms_model_flow_count(model) > MANY_FLOWS ? UPDATE_SLOW_NS : UPDATE_NS;
    const bool other = !same_scope(&flows->scope, &tui->scope) || flows->updated_ns == 0;
    flows->scope = tui->scope;
    if (other || now_ns >= flows->updated_ns + pause_ns) {
        (void)ms_flow_matrix_update(flows->matrix, model, flows->past, &tui->scope,
                                    flows->grouping);
        flows->updated_ns = now_ns;
    }
    if (other || now_ns >= flows->judged_ns + (pause_ns > JUDGE_NS ? pause_ns : JUDGE_NS)) {
        judge(flows, model);
        flows->judged_ns = now_ns;
    }
    take_pairs(flows);
    sort_pairs(flows, now_ns);
    take_nodes(flows);
    ms_flow_matrix_follow(flows);
}
