/* What flows come to in each process, and the patterns in them. */
#include <math.h>
#include <string.h>

#include "analysis/flow_patterns.h"
#include "export/json_parts.h"

/* false: without memory, or a process without a thread that was tracked. */
static bool matrix_of(struct ms_flow_matrix *matrix, const struct ms_model *model,
                      const struct ms_flow_index *by_process, size_t index)
{
    const struct ms_process *process = ms_model_process(model, index);
    const struct ms_scope scope = {.process_id = process->id};
    return process->seen != MS_SEEN_NONE && matrix != NULL &&
           ms_flow_matrix_update_indexed(matrix, model, by_process, NULL, &scope,
                                         MS_FLOW_BY_NAME) == 0;
}

static void write_totals(struct ms_json_writer *writer, const struct ms_flow_matrix *matrix,
                         uint32_t process_id, const char *because)
{
    const struct ms_flow_totals *totals = ms_flow_matrix_totals(matrix);
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "process_id", process_id);
    ms_json_member_u64(writer, "own_blocks", totals->own.blocks);
    ms_json_member_u64(writer, "own_bytes", totals->own.bytes);
    ms_json_member_u64(writer, "crossed_blocks", totals->crossed.blocks);
    ms_json_member_u64(writer, "crossed_bytes", totals->crossed.bytes);
    ms_json_member_u64(writer, "owner_not_told_apart_blocks", totals->others.blocks);
    ms_json_member_u64(writer, "owner_not_told_apart_bytes", totals->others.bytes);
    ms_json_member_text_or_null(writer, "no_pattern_because", because);
    ms_json_object_end(writer);
}

void ms_json_flow_totals(struct ms_json_writer *writer, const struct ms_model *model)
{
    struct ms_flow_matrix *matrix = ms_flow_matrix_new();
    struct ms_flow_index *by_process =
        ms_flow_index_new(model); /* without memory it takes longer */
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        if (matrix_of(matrix, model, by_process, i)) {
            struct ms_flow_pattern first;
            char because[200] = "";
            if (ms_flow_patterns(matrix, model, &first, 1) == 0) {
                ms_flow_patterns_why_none(matrix, because, sizeof because);
            }
            write_totals(writer, matrix, ms_model_process(model, i)->id, because);
        }
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
    ms_flow_matrix_free(matrix);
    ms_flow_index_free(by_process);
}

static void write_node(struct ms_json_writer *writer, const struct ms_flow_node *node)
{
    ms_json_object_begin(writer);
    ms_json_key(writer, "name");
    ms_json_bytes(writer, node->name, strnlen(node->name, sizeof node->name));
    ms_json_member_u64(writer, "threads", node->threads);
    ms_json_member_u64_or_null(writer, "thread_id", node->thread_id != 0, node->thread_id);
    ms_json_object_end(writer);
}

static void write_pattern(struct ms_json_writer *writer, const struct ms_flow_matrix *matrix,
                          const struct ms_flow_pattern *pattern)
{
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "process_id", pattern->process_id);
    ms_json_member_string(writer, "pattern", ms_flow_pattern_name(pattern->kind));
    ms_json_member_fixed(writer, "confidence", pattern->confidence);
    ms_json_member_u64(writer, "blocks", pattern->blocks);
    ms_json_member_u64(writer, "bytes", pattern->bytes);
    ms_json_member_fixed(writer, "balance", pattern->balance);
    ms_json_member_fixed(writer, "balance_before", pattern->balance_before);
    ms_json_key(writer, "nodes");
    ms_json_array_begin(writer);
    for (uint32_t i = 0; i < pattern->node_count; i++) {
        write_node(writer, ms_flow_node(matrix, pattern->nodes[i]));
    }
    ms_json_array_end(writer);
    ms_json_key(writer, "evidence");
    ms_json_bytes(writer, pattern->evidence, strnlen(pattern->evidence, sizeof pattern->evidence));
    ms_json_object_end(writer);
}

void ms_json_flow_patterns(struct ms_json_writer *writer, const struct ms_model *model)
{
    struct ms_flow_matrix *matrix = ms_flow_matrix_new();
    struct ms_flow_index *by_process =
        ms_flow_index_new(model); /* without memory it takes longer */
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        struct ms_flow_pattern patterns[MS_FLOW_PATTERNS_MAX];
        const size_t count = matrix_of(matrix, model, by_process, i)
                                 ? ms_flow_patterns(matrix, model, patterns, MS_FLOW_PATTERNS_MAX)
                                 : 0;
        for (size_t at = 0; at < count; at++) {
            write_pattern(writer, matrix, &patterns[at]);
        }
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
    ms_flow_matrix_free(matrix);
    ms_flow_index_free(by_process);
}
