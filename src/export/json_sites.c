/* Call sites of the JSON report. */
#include "export/json_frames.h"
#include "export/json_parts.h"
#include "model/figures.h"

static void write_work_members(struct ms_json_writer *writer, const struct ms_work *work)
{
    ms_json_member_u64(writer, "cpu_samples", work->cpu_samples);
    ms_json_member_fixed(writer, "cpu_ms", (double)work->cpu_ns / 1e6);
    ms_json_member_u64(writer, "io_calls", work->io_calls);
    ms_json_member_u64(writer, "io_bytes", work->io_bytes);
    ms_json_member_fixed(writer, "io_wait_ms", (double)work->io_wait_ns / 1e6);
    ms_json_member_u64(writer, "io_samples", work->io_samples);
}

/* What was done at a site besides allocating, and by whom. */
static void write_work(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_site *site)
{
    ms_json_key(writer, "work");
    if (site->work == NULL) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    write_work_members(writer, site->work);
    ms_json_key(writer, "threads");
    ms_json_array_begin(writer);
    const struct ms_activity *activity = NULL;
    while ((activity = ms_model_site_activity(model, site->id, activity)) != NULL) {
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "thread_id", activity->thread_id);
        write_work_members(writer, &activity->work);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}

const char *ms_json_truncated(const struct ms_site *site)
{
    const uint32_t flags = site->flags;
    if ((flags & MS_SITE_ROOT) != 0) {
        return "no_stack";
    }
    if ((flags & MS_SITE_COARSENED) != 0) {
        return "tables_full";
    }
    if ((flags & MS_SITE_CUT_NO_CFI) != 0) {
        return "no_unwind_information";
    }
    return (flags & MS_SITE_CUT_DEPTH) != 0 ? "depth" : "";
}

static void write_site(struct ms_json_writer *writer, const struct ms_model *model,
                       struct ms_types *types, const struct ms_site *site)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "id", site->id);
    ms_json_member_u64(writer, "process_id", site->process_id);
    ms_json_key(writer, "thread_ids");
    ms_json_array_begin(writer);
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
        if (ms_usage_stands_for_pair(model, usage)) {
            ms_json_u64(writer, usage->thread_id);
        }
    }
    ms_json_array_end(writer);
    ms_json_stack(writer, site);
    ms_json_member_text_or_null(writer, "truncated", ms_json_truncated(site));
    ms_json_site_type(writer, types, site);
    ms_json_member_bool(writer, "releases_only", (site->flags & MS_SITE_RELEASE) != 0);
    ms_json_member_u64(writer, "current_bytes", ms_heap_current_bytes(&site->heap));
    ms_json_member_u64(writer, "peak_bytes", site->heap.peak_bytes);
    ms_json_member_u64(writer, "allocations", site->heap.allocations);
    ms_json_member_u64(writer, "deallocations", site->heap.deallocations);
    ms_json_member_u64(writer, "bytes_allocated", site->heap.bytes_allocated);
    ms_json_member_u64(writer, "bytes_freed", site->heap.bytes_freed);
    ms_json_site_figures(writer, model, site);
    write_work(writer, model, site);
    ms_json_object_end(writer);
}

void ms_json_sites(struct ms_json_writer *writer, const struct ms_model *model,
                   struct ms_types *types)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_site_count(model); i++) {
        const struct ms_site *site = ms_model_site(model, i);
        ms_json_advance(writer, MS_JSON_UNITS_OF_SITE);
        if ((site->flags & MS_SITE_NOT_SAMPLED) == 0) {
            ms_json_line(writer);
            write_site(writer, model, types, site);
        }
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
}
