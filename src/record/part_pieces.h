/* What several parts write the same way. For src/record only. */
#ifndef MS_RECORD_PART_PIECES_H
#define MS_RECORD_PART_PIECES_H

#include "model/model.h"
#include "model/past.h"
#include "record/fields.h"
#include "record/pack.h"

#define MS_LITERAL_BYTES_MAX 4096u

/* A string that may be NULL. */
void ms_pack_string(struct ms_pack *pack, const char *text);
/* As one of the model's own strings. 0, -ENOMEM or -EBADMSG. */
int ms_unpack_string(struct ms_unpack *unpack, struct ms_model *model, const char **out);

/* Ids in any order; a list of them begins with how many there are. */
void ms_pack_ids(struct ms_pack *pack, const uint32_t *ids, size_t count);
/* *ids is to be freed, NULL when there are none. 0, -ENOMEM or -EBADMSG. */
int ms_unpack_ids(struct ms_unpack *unpack, uint32_t **ids, size_t *count);

/* Ids in a list that grows. */
struct ms_id_list {
    uint32_t *ids;
    size_t count, capacity;
};
int ms_id_list_add(struct ms_id_list *list, uint32_t id); /* 0 or -ENOMEM */

/* All of a past. */
void ms_past_write(struct ms_pack *pack, const struct ms_past *past);
int ms_past_read(struct ms_unpack *unpack, const struct ms_fields_map *past_map,
                 const struct ms_fields_map *sample_map, struct ms_past *past);

/* Reads a u64 that must fit. */

#endif
