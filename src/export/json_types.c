/* What the program allocates: types, and the type of each call site. */
#include "export/json_parts.h"

#include <errno.h>
#include <stdint.h>

static void write_type(struct ms_json_writer *writer, const struct ms_type_row *row)
{
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "type", row->name);
    ms_json_member_string(writer, "family", ms_type_family_name(row->family));
    ms_json_member_text_or_null(writer, "language", ms_type_language_name(row->language));
    ms_json_member_text_or_null(writer, "element", row->element);
    ms_json_member_u64(writer, "current_bytes", row->current_bytes);
    ms_json_member_u64(writer, "current_blocks", row->current_blocks);
    ms_json_member_u64(writer, "bytes_allocated", row->bytes_allocated);
    ms_json_member_u64(writer, "allocations", row->allocations);
    ms_json_member_u64(writer, "sites", row->sites);
    ms_json_member_string(writer, "provenance", ms_type_trust_name(row->trust));
    ms_json_member_bool(writer, "estimated", row->estimated);
    ms_json_member_text_or_null(writer, "unknown_because", ms_type_unknown_reason(row->unknown));
    ms_json_object_end(writer);
}

void ms_json_types(struct ms_json_writer *writer, const struct ms_types *types)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; types != NULL && i < ms_types_count(types); i++) {
        ms_json_line(writer);
        write_type(writer, ms_types_at(types, i));
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
    if (types == NULL && writer->error == 0) {
        writer->error = -ENOMEM;
    }
}

struct ms_types *ms_json_types_of(const struct ms_model *model)
{
    static const struct ms_scope all;
    struct ms_types *types = ms_types_new();
    int more = types == NULL ? -1 : 1;
    while (more > 0) {
        more = ms_types_update(types, model, SIZE_MAX);
    }
    if (more == 0 && ms_types_distribute(types, model, &all, false) == 0) {
        return types;
    }
    ms_types_free(types);
    return NULL;
}

void ms_json_site_type(struct ms_json_writer *writer, struct ms_types *types,
                       const struct ms_site *site)
{
    char evidence[2048];
    struct ms_block_type type;
    const bool read = types != NULL && ms_types_of_site(types, site, &type) == 0;
    ms_json_key(writer, "type");
    if (!read || type.family == MS_TYPE_FAMILY_UNKNOWN) {
        ms_json_null(writer);
    } else {
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "name", type.name);
        ms_json_member_string(writer, "family", ms_type_family_name(type.family));
        ms_json_member_text_or_null(writer, "language", ms_type_language_name(type.language));
        ms_json_member_text_or_null(writer, "element", type.element);
        ms_json_member_string(writer, "provenance", ms_type_trust_name(type.trust));
        ms_json_member_text_or_null(writer, "evidence",
                                    ms_type_evidence(evidence, sizeof evidence, &type));
        ms_json_object_end(writer);
    }
    ms_json_member_text_or_null(writer, "type_unknown_because",
                                read ? ms_type_unknown_reason(type.unknown) : "no memory");
}
