/* Moments that the user or the program named, for the JSON report. */
#include "export/json_parts.h"
#include "model/marks.h"

void ms_json_marks(struct ms_json_writer *writer, const struct ms_model *model)
{
    const uint64_t start_ns = ms_model_start_ns(model);
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_mark_count(model); i++) {
        const struct ms_mark *mark = ms_model_mark(model, i);
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "at_ns", mark->at_ns > start_ns ? mark->at_ns - start_ns : 0);
        ms_json_member_string(writer, "text", mark->text);
        ms_json_key(writer, "by_program");
        ms_json_bool(writer, mark->by_program);
        ms_json_member_u64_or_null(writer, "thread_id", mark->thread_id != 0, mark->thread_id);
        ms_json_member_u64_or_null(writer, "process_id", mark->process_id != 0, mark->process_id);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}
