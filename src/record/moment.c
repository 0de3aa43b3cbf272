#include "record/moment.h"

#include <errno.h>

int ms_moment_writer_init(struct ms_moment_writer *writer)
{
    for (uint32_t i = 0; i < MS_PART_TOTAL; i++) {
        writer->parts[i] = ms_parts[i]->writer_new();
        if (writer->parts[i] == NULL) {
            ms_moment_writer_free(writer);
            return -ENOMEM;
        }
    }
    return 0;
}

void ms_moment_writer_free(struct ms_moment_writer *writer)
{
    for (uint32_t i = 0; i < MS_PART_TOTAL; i++) {
        if (writer->parts[i] != NULL) {
            ms_parts[i]->writer_free(writer->parts[i]);
            writer->parts[i] = NULL;
        }
    }
    ms_pack_free(&writer->scratch);
}

int ms_moment_write(struct ms_moment_writer *writer, const struct ms_model *model, bool state,
                    struct ms_pack *pack)
{
    int error = 0;
    for (uint32_t i = 0; i < MS_PART_TOTAL; i++) {
        ms_pack_clear(&writer->scratch);
        const int failed = ms_parts[i]->write(writer->parts[i], model, state, &writer->scratch);
        error = error == 0 ? failed : error;
        if (writer->scratch.failed) {
            error = -ENOMEM;
        } else if (writer->scratch.used > 0) {
            ms_pack_u64(pack, i + 1);
            ms_pack_u64(pack, writer->scratch.used);
            ms_pack_bytes(pack, writer->scratch.bytes, writer->scratch.used);
        }
    }
    ms_pack_u64(pack, 0);
    return error == 0 && pack->failed ? -ENOMEM : error;
}

int ms_moment_read(struct ms_model *model, bool state, struct ms_unpack *unpack,
                   const struct ms_about *about)
{
    uint64_t part;
    int error = 0;
    while (error == 0 && (part = ms_unpack_u64(unpack)) != 0) {
        const size_t length = ms_unpack_upto(unpack, (uint64_t)(unpack->end - unpack->at));
        const uint8_t *bytes = ms_unpack_bytes(unpack, length);
        if (bytes == NULL) {
            return -EBADMSG;
        }
        if (part > MS_PART_TOTAL || about->maps[part - 1] == NULL) {
            continue;
        }
        struct ms_unpack inside = ms_unpack_of(bytes, length);
        error = ms_parts[part - 1]->read(model, state, &inside, about->maps[part - 1]);
        error = error == 0 && inside.failed ? -EBADMSG : error;
    }
    return error != 0 ? error : unpack->failed ? -EBADMSG : 0;
}
