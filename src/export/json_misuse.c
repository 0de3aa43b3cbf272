/* Misuse that was seen, for the JSON report. */
#include "export/json_parts.h"

/* Since the session began; a process may have begun before it. */
static uint64_t since_start_ns(const struct ms_model *model, uint64_t ns)
{
    const uint64_t start_ns = ms_model_start_ns(model);
    return ns > start_ns ? ns - start_ns : 0;
}

static void write_misuse(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_misuse *misuse)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "process_id", misuse->process_id);
    ms_json_member_string(writer, "kind", ms_misuse_name(misuse->kind));
    ms_json_member_text_or_null(writer, "how", misuse->how);
    ms_json_member_u64_or_null(writer, "allocated_site_id", misuse->allocated_site != 0,
                               misuse->allocated_site);
    ms_json_member_u64_or_null(writer, "released_site_id", misuse->released_site != 0,
                               misuse->released_site);
    ms_json_member_u64_or_null(writer, "thread_id", misuse->thread_id != 0, misuse->thread_id);
    ms_json_member_u64(writer, "count", misuse->count);
    ms_json_member_u64_or_null(writer, "bytes", misuse->bytes != 0, misuse->bytes);
    ms_json_member_string(writer, "provenance",
                          misuse->provenance == MS_SAMPLED ? "sampled" : "measured");
    ms_json_member_u64(writer, "samples", misuse->samples);
    ms_json_member_u64(writer, "first_seen_ns", since_start_ns(model, misuse->first_seen_ns));
    ms_json_member_u64(writer, "last_seen_ns", since_start_ns(model, misuse->last_seen_ns));
    ms_json_object_end(writer);
}

void ms_json_misuse(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_misuse_count(model); i++) {
        ms_json_line(writer);
        write_misuse(writer, model, ms_model_misuse(model, i));
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
}
