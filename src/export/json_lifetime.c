/* How long blocks lived and how large they were: by process, and where they are allocated. */
#include <errno.h>
#include <stdlib.h>

#include "export/json_parts.h"
#include "model/figures.h"
#include "model/format.h"

#define TOP_SITES 1000u

static void write_heap(struct ms_json_writer *writer, const struct ms_figures *figures,
                       const struct ms_heap *heap, bool available)
{
    ms_json_member_u64_or_null(writer, "allocations", available, heap->allocations);
    ms_json_member_u64_or_null(writer, "deallocations", available, heap->deallocations);
    ms_json_member_u64_or_null(writer, "temporary", available, heap->temporary);
    ms_json_member_u64_or_null(writer, "bytes_allocated", available, heap->bytes_allocated);
    ms_json_member_u64_or_null(writer, "current_bytes", available, ms_heap_current_bytes(heap));
    ms_json_classes(writer, figures, heap, available);
}

static void write_processes(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        struct ms_figures figures;
        ms_kept_figures_of_process(writer->figures, model, process->id, &figures);
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "process_id", process->id);
        write_heap(writer, &figures, &process->totals, process->seen != MS_SEEN_NONE);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

/* Most allocations first; those with as many by their ids. */
static int compare_sites(const void *left, const void *right)
{
    const struct ms_site *a = *(const struct ms_site *const *)left;
    const struct ms_site *b = *(const struct ms_site *const *)right;
    if (a->heap.allocations != b->heap.allocations) {
        return a->heap.allocations < b->heap.allocations ? 1 : -1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static bool is_counted(const struct ms_site *site)
{
    return (site->flags & (MS_SITE_NOT_SAMPLED | MS_SITE_RELEASE | MS_SITE_ACTIVITY)) == 0;
}

static void write_site(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_site *site)
{
    const struct ms_frame *frame = ms_site_culprit_frame(site);
    struct ms_figures figures;
    ms_kept_figures_of_site(writer->figures, model, site->id, &figures);
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "site_id", site->id);
    ms_json_member_u64(writer, "process_id", site->process_id);
    ms_json_member_text_or_null(writer, "function", frame != NULL ? frame->function : "");
    ms_json_member_text_or_null(writer, "module", frame != NULL ? frame->module : "");
    ms_json_member_text_or_null(writer, "file", frame != NULL ? frame->file : "");
    ms_json_member_u64_or_null(writer, "line", frame != NULL && frame->line != 0,
                               frame != NULL ? frame->line : 0);
    write_heap(writer, &figures, &site->heap, true);
    ms_json_member_string(writer, "provenance", figures.samples == 0 ? "measured" : "sampled");
    ms_json_object_end(writer);
}

/* Returns how many there are that could be written. */
static size_t write_sites(struct ms_json_writer *writer, const struct ms_model *model,
                          const struct ms_site **sites)
{
    size_t count = 0;
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        if (is_counted(site)) {
            sites[count++] = site;
        }
    }
    qsort(sites, count, sizeof(*sites), compare_sites);
    for (size_t i = 0; i < count && i < TOP_SITES; i++) {
        write_site(writer, model, sites[i]);
    }
    return count;
}

void ms_json_lifetime(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_site **sites = malloc((ms_model_site_count(model) + 1) * sizeof(*sites));
    ms_json_object_begin(writer);
    ms_json_key(writer, "processes");
    write_processes(writer, model);
    ms_json_line(writer);
    ms_json_key(writer, "sites");
    ms_json_array_begin(writer);
    const size_t count = sites != NULL ? write_sites(writer, model, sites) : 0;
    ms_json_array_end(writer);
    ms_json_member_u64(writer, "sites_left_out", count > TOP_SITES ? count - TOP_SITES : 0);
    ms_json_object_end(writer);
    if (sites == NULL && writer->error == 0) {
        writer->error = -ENOMEM;
    }
    free(sites);
}
