#include "record/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ms_output_writer_free(struct ms_output_writer *writer)
{
    free(writer->open);
    *writer = (struct ms_output_writer){0};
}

static int remember_open(struct ms_output_writer *writer, const char *open, size_t bytes)
{
    if (bytes > writer->open_capacity) {
        char *grown = realloc(writer->open, bytes);
        if (grown == NULL) {
            return -ENOMEM;
        }
        writer->open = grown;
        writer->open_capacity = bytes;
    }
    if (bytes > 0) {
        memcpy(writer->open, open, bytes);
    }
    writer->open_bytes = bytes;
    return 0;
}

static size_t common_bytes(const char *one, size_t one_bytes, const char *other, size_t other_bytes)
{
    size_t common = 0;
    while (common < one_bytes && common < other_bytes && one[common] == other[common]) {
        common++;
    }
    return common;
}

int ms_output_write(struct ms_output_writer *writer, const struct ms_output *output,
                    uint64_t now_ns, struct ms_pack *pack)
{
    const uint64_t total_bytes = ms_output_total_bytes(output);
    const uint64_t dropped_lines = ms_output_dropped_lines(output);
    const uint64_t dropped_bytes = ms_output_dropped_bytes(output);
    const bool captured = ms_output_captured(output);
    if (total_bytes == writer->total_bytes && dropped_bytes == writer->dropped_bytes &&
        captured == writer->captured) {
        return 0;
    }
    const size_t held = ms_output_line_count(output) - ms_output_is_open(output);
    const uint64_t end = dropped_lines + held;
    const uint64_t first = writer->lines > dropped_lines ? writer->lines : dropped_lines;
    ms_pack_u64(pack, now_ns);
    ms_pack_u64(pack, captured ? 1 : 0);
    ms_pack_u64(pack, total_bytes);
    ms_pack_u64(pack, dropped_lines);
    ms_pack_u64(pack, dropped_bytes);
    ms_pack_u64(pack, first);
    ms_pack_u64(pack, end - first);
    size_t bytes = 0;
    for (uint64_t line = first; line < end; line++) {
        const char *text = ms_output_line(output, (size_t)(line - dropped_lines), &bytes);
        ms_pack_text(pack, text, bytes);
    }
    const char *open = ms_output_line(output, held, &bytes);
    const size_t common = common_bytes(writer->open, writer->open_bytes, open, bytes);
    ms_pack_u64(pack, common);
    ms_pack_text(pack, open + common, bytes - common);
    writer->lines = end;
    writer->total_bytes = total_bytes;
    writer->dropped_lines = dropped_lines;
    writer->dropped_bytes = dropped_bytes;
    writer->captured = captured;
    return remember_open(writer, open, bytes) != 0 || pack->failed ? -ENOMEM : 0;
}

static int read_one(struct ms_output *output, struct ms_unpack *unpack, struct ms_pack *open)
{
    size_t bytes;
    const bool captured = ms_unpack_upto(unpack, 1) != 0;
    const uint64_t total_bytes = ms_unpack_u64(unpack);
    const uint64_t dropped_lines = ms_unpack_u64(unpack);
    const uint64_t dropped_bytes = ms_unpack_u64(unpack);
    const uint64_t first = ms_unpack_u64(unpack);
    const uint64_t count = ms_unpack_u64(unpack);
    const uint64_t held = ms_output_line_count(output) - ms_output_is_open(output);
    const char *known = ms_output_line(output, (size_t)held, &bytes);
    ms_pack_clear(open);
    ms_pack_bytes(open, known, bytes);
    if (unpack->failed || open->failed) {
        return open->failed ? -ENOMEM : -EBADMSG;
    }
    /* Lines of a lost block, or that were dropped between two looks: what is older went, too. */
    if (first > ms_output_dropped_lines(output) + held &&
        ms_output_restore_counts(output, "", 0, total_bytes, first, dropped_bytes) != 0) {
        return -ENOMEM;
    }
    for (uint64_t i = 0; i < count; i++) {
        const char *text = ms_unpack_text(unpack, &bytes);
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (ms_output_restore_line(output, text, bytes) != 0) {
            return -ENOMEM;
        }
    }
    size_t rest_bytes;
    const size_t common = (size_t)ms_unpack_upto(unpack, MS_OUTPUT_BYTES_MAX);
    const char *rest = ms_unpack_text(unpack, &rest_bytes);
    if (unpack->failed) {
        return -EBADMSG;
    }
    open->used = common < open->used ? common : open->used; /* less when it was in a lost block */
    ms_pack_bytes(open, rest, rest_bytes);
    if (open->failed) {
        return -ENOMEM;
    }
    const uint64_t dropped = ms_output_dropped_lines(output);
    ms_output_set_captured(output, captured);
    return ms_output_restore_counts(output, (const char *)open->bytes, open->used, total_bytes,
                                    dropped_lines > dropped ? dropped_lines : dropped,
                                    dropped_bytes);
}

int ms_output_read(struct ms_output *output, struct ms_unpack *unpack, uint64_t until_ns)
{
    struct ms_pack open = {0};
    int error = 0;
    while (error == 0 && !ms_unpack_done(unpack)) {
        const struct ms_unpack before = *unpack;
        const uint64_t at_ns = ms_unpack_u64(unpack);
        if (!unpack->failed && at_ns > until_ns) {
            *unpack = before;
            break;
        }
        error = read_one(output, unpack, &open);
    }
    ms_pack_free(&open);
    return error == 0 && unpack->failed ? -EBADMSG : error;
}
