#include "record/part_pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/fields_tables.h"

void ms_pack_string(struct ms_pack *pack, const char *text)
{
    ms_pack_u64(pack, text != NULL);
    if (text != NULL) {
        ms_pack_text(pack, text, strlen(text));
    }
}

int ms_unpack_string(struct ms_unpack *unpack, struct ms_model *model, const char **out)
{
    char copy[MS_LITERAL_BYTES_MAX];
    *out = NULL;
    if (ms_unpack_upto(unpack, 1) == 0) {
        return unpack->failed ? -EBADMSG : 0;
    }
    size_t bytes;
    const char *text = ms_unpack_text(unpack, &bytes);
    if (unpack->failed || bytes >= sizeof copy) {
        return -EBADMSG;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    *out = ms_model_string(model, copy);
    return *out != NULL ? 0 : -ENOMEM;
}

void ms_pack_ids(struct ms_pack *pack, const uint32_t *ids, size_t count)
{
    uint32_t last = 0;
    ms_pack_u64(pack, count);
    for (size_t i = 0; i < count; i++) {
        ms_pack_i64(pack, (int64_t)ids[i] - (int64_t)last);
        last = ids[i];
    }
}

int ms_unpack_ids(struct ms_unpack *unpack, uint32_t **ids, size_t *count)
{
    *ids = NULL;
    /* Each takes a byte at least. */
    *count = (size_t)ms_unpack_upto(unpack, (uint64_t)(unpack->end - unpack->at));
    if (unpack->failed) {
        return -EBADMSG;
    }
    if (*count == 0) {
        return 0;
    }
    *ids = reallocarray(NULL, *count, sizeof **ids);
    if (*ids == NULL) {
        return -ENOMEM;
    }
    uint32_t last = 0;
    for (size_t i = 0; i < *count; i++) {
        last += (uint32_t)ms_unpack_i64(unpack);
        (*ids)[i] = last;
    }
    if (unpack->failed) {
        free(*ids);
        *ids = NULL;
        return -EBADMSG;
    }
    return 0;
}

int ms_id_list_add(struct ms_id_list *list, uint32_t id)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity != 0 ? 2 * list->capacity : 64;
        uint32_t *ids = reallocarray(list->ids, capacity, sizeof *ids);
        if (ids == NULL) {
            return -ENOMEM;
        }
        list->ids = ids;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return 0;
}

/* Each as a change of the one before, the oldest first: little moves between two. */
static void write_ring(struct ms_pack *pack, const struct ms_sample *ring, uint32_t size,
                       uint32_t newest, uint32_t count)
{
    const struct ms_sample *before = NULL;
    for (uint32_t back = count; back-- > 0;) {
        const struct ms_sample *sample = &ring[(newest + size - back) % size];
        (void)ms_fields_write(pack, &ms_fields_sample, before, sample);
        before = sample;
    }
}

static int read_ring(struct ms_unpack *unpack, const struct ms_fields_map *map,
                     struct ms_sample *ring, uint32_t size, uint32_t newest, uint32_t count)
{
    struct ms_sample sample;
    memset(&sample, 0, sizeof sample);
    for (uint32_t back = count; back-- > 0;) {
        if (ms_fields_read(unpack, map, &sample) != 0) {
            return -EBADMSG;
        }
        ring[(newest + size - back) % size] = sample;
    }
    return 0;
}

void ms_past_write(struct ms_pack *pack, const struct ms_past *past)
{
    (void)ms_fields_write(pack, &ms_fields_past, NULL, past);
    write_ring(pack, past->samples, MS_PAST_SAMPLES, past->newest, past->count);
    write_ring(pack, past->sparse, MS_PAST_SPARSE, past->sparse_newest, past->sparse_count);
}

int ms_past_read(struct ms_unpack *unpack, const struct ms_fields_map *past_map,
                 const struct ms_fields_map *sample_map, struct ms_past *past)
{
    memset(past, 0, sizeof *past);
    if (ms_fields_read(unpack, past_map, past) != 0 ||
        read_ring(unpack, sample_map, past->samples, MS_PAST_SAMPLES, past->newest, past->count) !=
            0) {
        return -EBADMSG;
    }
    return read_ring(unpack, sample_map, past->sparse, MS_PAST_SPARSE, past->sparse_newest,
                     past->sparse_count);
}
