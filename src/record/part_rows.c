/* Who freed whose blocks, and wrong or doubtful uses of memory: see kept_rows.h. */
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

static const void *flow_at(const struct ms_model *model, size_t index)
{
    return ms_model_flow(model, index);
}

static int put_flow(struct ms_model *model, size_t position, void *row, const char *text)
{
    (void)text;
    return ms_model_put_flow(model, position, row);
}

static const struct ms_row_kind flows = {
    .changing = MS_CHANGING_FLOWS,
    .fields = &ms_fields_flow,
    .thing = "flow",
    .count = ms_model_flow_count,
    .at = flow_at,
    .add = ms_model_restore_flow,
    .forget = ms_model_forget_flows,
    .put = put_flow,
};

static const void *misuse_at(const struct ms_model *model, size_t index)
{
    return ms_model_misuse(model, index);
}

static const char *how(const void *row)
{
    return ((const struct ms_misuse *)row)->how;
}

static int put_misuse(struct ms_model *model, size_t position, void *row, const char *text)
{
    struct ms_misuse *misuse = row;
    misuse->how = text;
    return ms_model_put_misuse(model, position, misuse);
}

static const struct ms_row_kind misuses = {
    .changing = MS_CHANGING_MISUSES,
    .fields = &ms_fields_misuse,
    .thing = "misuse",
    .count = ms_model_misuse_count,
    .at = misuse_at,
    .text = how,
    .add = ms_model_restore_misuse,
    .forget = ms_model_forget_misuses,
    .put = put_misuse,
};

/* A part knows itself by its functions alone: one set for each kind. */
#define PART_OF(kind)                                                                              \
    static int write_##kind(struct ms_part_writer *writer, const struct ms_model *model,           \
                            bool state, struct ms_pack *pack)                                      \
    {                                                                                              \
        return ms_rows_write(&writer->rows, &(kind), model, state, pack);                          \
    }                                                                                              \
    static int read_##kind(struct ms_model *model, bool state, struct ms_unpack *unpack,           \
                           struct ms_fields_map *const *maps)                                      \
    {                                                                                              \
        (void)state;                                                                               \
        return ms_rows_read(&(kind), model, unpack, maps[0]);                                      \
    }                                                                                              \
    static size_t compare_##kind(const struct ms_model *one, const struct ms_model *other,         \
                                 void (*differs)(void *context, const char *what), void *context)  \
    {                                                                                              \
        return ms_rows_compare(&(kind), one, other, differs, context);                             \
    }                                                                                              \
    const struct ms_part_kind ms_part_##kind = {                                                   \
        .tables = tables_of_##kind,                                                                \
        .writer_new = writer_new,                                                                  \
        .writer_free = writer_free,                                                                \
        .write = write_##kind,                                                                     \
        .read = read_##kind,                                                                       \
        .compare = compare_##kind,                                                                 \
    };

static const struct ms_fields *const tables_of_flows[] = {&ms_fields_flow, NULL};
PART_OF(flows)

static const struct ms_fields *const tables_of_misuses[] = {&ms_fields_misuse, NULL};
PART_OF(misuses)
