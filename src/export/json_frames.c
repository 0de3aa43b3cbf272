#include "export/json_frames.h"

#include <stdlib.h>
#include <string.h>

#include "export/json_parts.h"
#include "model/format.h"

#define TEXT_BYTES_MAX (64u << 20)
#define TEXT_CHUNK     (256u << 10)
#define TEXTS_MAX      1024u /* chunks; more than TEXT_BYTES_MAX needs */

/* What is known of a frame, by its number. */
struct entry {
    const char *text; /* it and those inlined into it, with commas; NULL: not made yet */
    uint32_t bytes;
    /* What ms_frame_is_wrapper says, which compares with many patterns. */
    bool judged;
    bool wrapper;       /* the frame itself */
    uint16_t own_frame; /* first one that is no wrapper, of it and those inlined into it */
    uint16_t frames;    /* so many those are */
};

struct ms_json_frames {
    struct entry *entries;
    size_t capacity;
    char *chunks[TEXTS_MAX];
    size_t chunk_count, chunk_used, chunk_bytes, text_bytes;
};

struct ms_json_frames *ms_json_frames_new(void)
{
    return calloc(1, sizeof(struct ms_json_frames));
}

void ms_json_frames_free(struct ms_json_frames *frames)
{
    for (size_t i = 0; frames != NULL && i < frames->chunk_count; i++) {
        free(frames->chunks[i]);
    }
    if (frames != NULL) {
        free(frames->entries);
    }
    free(frames);
}

/* NULL: nothing can be kept of it. */
static struct entry *entry_of(struct ms_json_frames *frames, uint32_t number)
{
    if (frames != NULL && number >= frames->capacity) {
        size_t capacity = frames->capacity != 0 ? frames->capacity : 4096;
        while (capacity <= number) {
            capacity *= 2;
        }
        struct entry *entries = realloc(frames->entries, capacity * sizeof(*entries));
        if (entries == NULL) {
            return NULL;
        }
        memset(entries + frames->capacity, 0, (capacity - frames->capacity) * sizeof(*entries));
        frames->entries = entries;
        frames->capacity = capacity;
    }
    return frames != NULL ? &frames->entries[number] : NULL;
}

static char *room_for(struct ms_json_frames *frames, size_t bytes)
{
    if (frames->chunk_bytes - frames->chunk_used < bytes) {
        const size_t wanted = bytes > TEXT_CHUNK ? bytes : TEXT_CHUNK;
        char *chunk = frames->chunk_count < TEXTS_MAX && frames->text_bytes < TEXT_BYTES_MAX
                          ? malloc(wanted)
                          : NULL;
        if (chunk == NULL) {
            return NULL;
        }
        frames->chunks[frames->chunk_count++] = chunk;
        frames->chunk_used = 0;
        frames->chunk_bytes = wanted;
        frames->text_bytes += wanted;
    }
    char *room = frames->chunks[frames->chunk_count - 1] + frames->chunk_used;
    frames->chunk_used += bytes;
    return room;
}

static void write_frame(struct ms_json_writer *writer, const struct ms_frame *frame)
{
    ms_json_object_begin(writer);
    ms_json_member_text_or_null(writer, "function", frame->function);
    ms_json_member_text_or_null(writer, "file", frame->file);
    ms_json_member_u64_or_null(writer, "line", frame->line != 0, frame->line);
    ms_json_member_text_or_null(writer, "module", frame->module);
    ms_json_member_u64_or_null(writer, "offset", frame->module[0] != '\0', frame->file_offset);
    ms_json_member_bool(writer, "inlined", frame->inlined_by != NULL);
    ms_json_member_text_or_null(writer, "crate", frame->crate);
    ms_json_object_end(writer);
}

static void write_frames(struct ms_json_writer *writer, const struct ms_frame *frame,
                         struct entry *entry)
{
    const uint64_t position = ms_json_position(writer);
    for (const struct ms_frame *at = frame; at != NULL; at = at->inlined_by) {
        write_frame(writer, at);
    }
    size_t bytes = 0;
    const char *text = entry != NULL ? ms_json_text_since(writer, position, &bytes) : NULL;
    char *kept = text != NULL && bytes <= UINT32_MAX ? room_for(writer->frames, bytes) : NULL;
    if (kept != NULL) {
        memcpy(kept, text, bytes);
        entry->text = kept;
        entry->bytes = (uint32_t)bytes;
    }
}

static struct entry judge(const struct ms_frame *frame)
{
    struct entry entry = {.judged = true, .wrapper = ms_frame_is_wrapper(frame)};
    bool found = false;
    for (const struct ms_frame *at = frame; at != NULL && entry.frames < UINT16_MAX;
         at = at->inlined_by) {
        if (!found && !(at == frame ? entry.wrapper : ms_frame_is_wrapper(at))) {
            found = true;
            entry.own_frame = entry.frames;
        }
        entry.frames++;
    }
    entry.own_frame = found ? entry.own_frame : entry.frames;
    return entry;
}

static struct entry judged(struct ms_json_frames *frames, const struct ms_site *site, size_t index)
{
    struct entry *entry = entry_of(frames, site->frame_numbers[index]);
    if (entry == NULL) {
        return judge(ms_site_frame(site, index));
    }
    if (!entry->judged) {
        const struct entry found = judge(ms_site_frame(site, index));
        entry->judged = true;
        entry->wrapper = found.wrapper;
        entry->own_frame = found.own_frame;
        entry->frames = found.frames;
    }
    return *entry;
}

/* As ms_site_culprit_frame, as an index into `stack`, where inlined frames count. */
static uint64_t culprit_index(struct ms_json_frames *frames, const struct ms_site *site)
{
    const bool of_memory = (site->flags & MS_SITE_ACTIVITY) == 0;
    uint64_t before = 0;
    for (size_t i = 0; of_memory && i < site->depth; i++) {
        const struct entry entry = judged(frames, site, i);
        const bool called_by_wrapper = i + 1 < site->depth && judged(frames, site, i + 1).wrapper;
        if (entry.own_frame < entry.frames &&
            !(called_by_wrapper && ms_site_hides_wrapper(site, i))) {
            return before + entry.own_frame;
        }
        before += entry.frames;
    }
    return 0;
}

void ms_json_stack(struct ms_json_writer *writer, const struct ms_site *site)
{
    ms_json_key(writer, "stack");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < site->depth; i++) {
        struct entry *entry = entry_of(writer->frames, site->frame_numbers[i]);
        if (entry != NULL && entry->text != NULL) {
            ms_json_text(writer, entry->text, entry->bytes);
        } else {
            write_frames(writer, ms_site_frame(site, i), entry);
        }
    }
    ms_json_array_end(writer);
    ms_json_member_u64_or_null(writer, "culprit", site->depth > 0,
                               culprit_index(writer->frames, site));
}
