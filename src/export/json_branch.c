/* Processes of the JSON report: what becomes of them, and the sums of their branches. */
#include "export/json_parts.h"

void ms_json_process_kin(struct ms_json_writer *writer, const struct ms_process *process)
{
    const bool merged = process->merged > 0;
    ms_json_member_u64_or_null(writer, "exec_of", process->exec_of != 0, process->exec_of);
    ms_json_member_u64_or_null(writer, "merged", merged, process->merged);
    ms_json_member_u64_or_null(writer, "merged_failed", merged, process->merged_failed);
    ms_json_member_u64_or_null(writer, "merged_status_unknown", merged, process->merged_unknown);
    ms_json_member_u64_or_null(writer, "merged_highest_peak_bytes", merged,
                               process->merged_peak_bytes);
}

void ms_json_branch(struct ms_json_writer *writer, const struct ms_tree *tree, uint32_t process_id)
{
    const struct ms_tree_row *row = NULL;
    for (size_t i = 0; i < tree->count && row == NULL; i++) {
        row = tree->rows[i].process_id == process_id ? &tree->rows[i] : NULL;
    }
    if (row == NULL) {
        ms_json_null(writer);
        return;
    }
    const struct ms_branch *branch = &row->branch;
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "depth", row->depth);
    ms_json_member_u64(writer, "processes", branch->alive + branch->ended);
    ms_json_member_u64(writer, "alive", branch->alive);
    ms_json_member_u64(writer, "not_seen_in_full", branch->partial + branch->none);
    ms_json_member_u64(writer, "threads", branch->threads);
    ms_json_member_u64(writer, "allocations", branch->heap.allocations);
    ms_json_member_u64(writer, "deallocations", branch->heap.deallocations);
    ms_json_member_u64(writer, "bytes_allocated", branch->heap.bytes_allocated);
    ms_json_member_u64(writer, "bytes_freed", branch->heap.bytes_freed);
    ms_json_member_u64(writer, "current_bytes", ms_heap_current_bytes(&branch->heap));
    ms_json_member_u64(writer, "sum_of_peaks_bytes", branch->heap.peak_bytes);
    ms_json_member_u64(writer, "rss_bytes", branch->rss_bytes);
    ms_json_member_u64(writer, "cpu_ns", branch->run_ns);
    ms_json_object_end(writer);
}
