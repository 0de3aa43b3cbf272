#include "export/diff.h"
#include "export/json_writer.h"
#include "model/format.h"

static void put_side(struct ms_json_writer *writer, const char *name, uint64_t at_ns)
{
    ms_json_object_begin(writer);
    ms_json_key(writer, "name");
    ms_json_string(writer, name);
    ms_json_key(writer, "at_ns");
    ms_json_u64(writer, at_ns);
    ms_json_object_end(writer);
}

static void put_figures(struct ms_json_writer *writer, const struct ms_diff_row *row)
{
    for (int measure = 0; measure < MS_DIFF_MEASURE_TOTAL; measure++) {
        ms_json_key(writer, ms_diff_measure_name((enum ms_diff_measure)measure));
        ms_json_object_begin(writer);
        ms_json_key(writer, "before");
        ms_json_double(writer, row->before[measure]);
        ms_json_key(writer, "after");
        ms_json_double(writer, row->after[measure]);
        ms_json_key(writer, "noise");
        ms_json_double(writer, row->noise[measure]);
        ms_json_key(writer, "verdict");
        ms_json_string(writer, ms_diff_verdict_name(row->verdict[measure]));
        ms_json_object_end(writer);
    }
}

static void put_frame(struct ms_json_writer *writer, const struct ms_frame *frame)
{
    char name[1024];
    ms_json_object_begin(writer);
    ms_json_key(writer, "function");
    ms_json_string(writer, ms_format_frame(name, sizeof name, frame));
    ms_json_key(writer, "file");
    ms_json_string(writer, frame->file);
    ms_json_key(writer, "line");
    ms_json_u64(writer, frame->line);
    ms_json_key(writer, "module");
    ms_json_string(writer, frame->module);
    ms_json_object_end(writer);
}

static void put_stack(struct ms_json_writer *writer, const struct ms_diff *diff,
                      const struct ms_diff_row *row)
{
    const bool after = row->after_count != 0;
    const struct ms_site *site = ms_model_site_by_id(
        after ? ms_diff_after(diff) : ms_diff_before(diff), after ? row->after_id : row->before_id);
    ms_json_key(writer, "stack");
    ms_json_array_begin(writer);
    for (uint32_t i = 0; site != NULL && i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            put_frame(writer, frame);
        }
    }
    ms_json_array_end(writer);
}

static void put_rows(struct ms_json_writer *writer, const struct ms_diff *diff,
                     enum ms_diff_kind kind, size_t most)
{
    const size_t count = ms_diff_count(diff, kind);
    ms_json_array_begin(writer);
    for (size_t i = 0; i < count && (most == 0 || i < most); i++) {
        char label[512];
        const struct ms_diff_row *row = ms_diff_row(diff, kind, i);
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_key(writer, "name");
        ms_json_string(writer, ms_diff_label(diff, kind, row, label, sizeof label));
        ms_json_key(writer, "before_count");
        ms_json_u64(writer, row->before_count);
        ms_json_key(writer, "after_count");
        ms_json_u64(writer, row->after_count);
        if (kind == MS_DIFF_SITES) {
            put_stack(writer, diff, row);
        }
        put_figures(writer, row);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

int ms_diff_write_json(FILE *out, const struct ms_diff *diff, const struct ms_diff_export *options)
{
    struct ms_json_writer writer;
    const int result = ms_json_writer_open(&writer, out);
    if (result != 0) {
        return result;
    }
    ms_json_object_begin(&writer);
    ms_json_key(&writer, "memscope_diff");
    ms_json_object_begin(&writer);
    ms_json_key(&writer, "schema");
    ms_json_u64(&writer, MS_DIFF_SCHEMA);
    ms_json_key(&writer, "version");
    ms_json_string(&writer, options->program_version);
    ms_json_object_end(&writer);
    ms_json_key(&writer, "before");
    put_side(&writer, options->before_name, options->before_ns);
    ms_json_key(&writer, "after");
    put_side(&writer, options->after_name, options->after_ns);
    ms_json_key(&writer, "totals");
    ms_json_object_begin(&writer);
    put_figures(&writer, ms_diff_totals(diff));
    ms_json_object_end(&writer);
    ms_json_key(&writer, "sites_changed");
    ms_json_u64(&writer, ms_diff_changed(diff, MS_DIFF_SITES));
    ms_json_key(&writer, "sites_compared");
    ms_json_u64(&writer, ms_diff_count(diff, MS_DIFF_SITES));
    ms_json_key(&writer, "sites");
    put_rows(&writer, diff, MS_DIFF_SITES, options->rows_most);
    ms_json_key(&writer, "threads");
    put_rows(&writer, diff, MS_DIFF_THREADS, options->rows_most);
    ms_json_object_end(&writer);
    return ms_json_writer_close(&writer);
}
