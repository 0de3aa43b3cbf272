#include "record/moment.h"

#include <errno.h>

#include "model/restore.h"
#include "record/parts.h"

int ms_moment_writer_init(struct ms_moment_writer *writer, bool hide_arguments)
{
    for (uint32_t i = 0; i < MS_PART_TOTAL; i++) {
        writer->parts[i] = ms_parts[i]->writer_new();
        if (writer->parts[i] == NULL) {
            ms_moment_writer_free(writer);
            return -ENOMEM;
        }
    }
    if (hide_arguments) {
        ms_part_processes_hide_arguments(writer->parts[MS_PART_PROCESSES]);
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

int ms_tick_rows_begin(struct ms_tick_rows *rows, const uint8_t *raw, size_t bytes)
{
    rows->unpack = ms_unpack_of(raw, bytes);
    rows->tick = ms_unpack_u64(&rows->unpack);
    rows->now_ns = ms_unpack_u64(&rows->unpack);
    return rows->unpack.failed ? -EBADMSG : 0;
}

/* 1, 0 or -EBADMSG. Ticks and times only go on. */
static int begin_row(struct ms_tick_rows *rows)
{
    if (ms_unpack_done(&rows->unpack)) {
        return rows->unpack.failed ? -EBADMSG : 0;
    }
    const uint64_t ticks = ms_unpack_u64(&rows->unpack);
    if (ticks == 0) {
        return rows->unpack.failed ? -EBADMSG : 0;
    }
    const int64_t later_ns = ms_unpack_i64(&rows->unpack);
    if (rows->unpack.failed || later_ns < 0 || rows->tick + ticks < ticks ||
        rows->tick + ticks > MS_TICK_MAX || rows->now_ns + (uint64_t)later_ns < rows->now_ns) {
        rows->unpack.failed = true;
        return -EBADMSG;
    }
    rows->tick += ticks;
    rows->now_ns += (uint64_t)later_ns;
    return 1;
}

uint64_t ms_tick_rows_peek(const struct ms_tick_rows *rows)
{
    struct ms_tick_rows ahead = *rows;
    return begin_row(&ahead) == 1 ? ahead.tick : UINT64_MAX;
}

int ms_tick_rows_skip(struct ms_tick_rows *rows)
{
    const int begun = begin_row(rows);
    if (begun != 1) {
        return begun;
    }
    while (ms_unpack_u64(&rows->unpack) != 0) {
        (void)ms_unpack_bytes(
            &rows->unpack,
            ms_unpack_upto(&rows->unpack, (uint64_t)(rows->unpack.end - rows->unpack.at)));
    }
    return rows->unpack.failed ? -EBADMSG : 1;
}

int ms_tick_rows_next(struct ms_tick_rows *rows, struct ms_model *model,
                      const struct ms_about *about)
{
    const int begun = begin_row(rows);
    if (begun != 1) {
        return begun;
    }
    const int error = ms_moment_read(model, false, &rows->unpack, about);
    if (error != 0) {
        return error;
    }
    return ms_model_tick_again(model, rows->tick, rows->now_ns) != 0 ? -ENOMEM : 1;
}
