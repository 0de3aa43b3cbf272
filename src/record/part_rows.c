/* Who freed whose blocks: see kept_rows.h. */
#include <stdlib.h>

#include "model/restore.h"
#include "record/fields_sites.h"
#include "record/kept_rows.h"
#include "record/parts_sites.h"

struct ms_part_writer {
    struct ms_row_writer rows;
};

static struct ms_part_writer *writer_new(void)
{
    return calloc(1, sizeof(struct ms_part_writer));
}

static void writer_free(struct ms_part_writer *writer)
{
    if (writer != NULL) {
        ms_row_writer_free(&writer->rows);
        free(writer);
    }
}

static const void *row_at(const struct ms_model *model, size_t index)
{
    return ms_model_flow(model, index);
}

static int put(struct ms_model *model, size_t position, void *row, const char *text)
{
    (void)text;
    return ms_model_put_flow(model, position, row);
}

static const struct ms_row_kind kind = {
    .changing = MS_CHANGING_FLOWS,
    .fields = &ms_fields_flow,
    .thing = "flow",
    .count = ms_model_flow_count,
    .at = row_at,
    .add = ms_model_restore_flow,
    .forget = ms_model_forget_flows,
    .put = put,
};

static int write_part(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                      struct ms_pack *pack)
{
    return ms_rows_write(&writer->rows, &kind, model, state, pack);
}

static int read_part(struct ms_model *model, bool state, struct ms_unpack *unpack,
                     struct ms_fields_map *const *maps)
{
    (void)state;
    return ms_rows_read(&kind, model, unpack, maps[0]);
}

static size_t compare_part(const struct ms_model *one, const struct ms_model *other,
                           void (*differs)(void *context, const char *what), void *context)
{
    return ms_rows_compare(&kind, one, other, differs, context);
}

static const struct ms_fields *const tables[] = {&ms_fields_flow, NULL};
const struct ms_part_kind ms_part_flows = {
    .tables = tables,
    .writer_new = writer_new,
    .writer_free = writer_free,
    .write = write_part,
    .read = read_part,
    .compare = compare_part,
};
