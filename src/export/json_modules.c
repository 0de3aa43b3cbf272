#include "export/json_parts.h"
#include "model/module.h"

void ms_json_modules(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_module_count(model); i++) {
        const struct ms_module *module = ms_model_module(model, i);
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "path", module->path);
        ms_json_member_text_or_null(writer, "build_id", module->build_id);
        ms_json_member_string(writer, "names", ms_module_names_name(module->names));
        ms_json_member_text_or_null(writer, "advice", module->advice);
        ms_json_object_end(writer);
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
}
