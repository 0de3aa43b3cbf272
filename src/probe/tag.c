/* The rare half of the tag: keeping it over a realloc, and what is left of one. */
#include "probe/tag.h"

struct ms_tag_words ms_tag_save(const void *block, size_t usable)
{
    const ms_tag_word *tag = ms_tag_at(block, usable);
    return (struct ms_tag_words){tag[0], tag[1]};
}

void ms_tag_restore(void *block, size_t usable, const struct ms_tag_words *words)
{
    ms_tag_word *tag = ms_tag_at(block, usable);
    tag[0] = words->first;
    tag[1] = words->second;
}

/* The first word is lost: a slack is tried, which the hash grows with evenly. */
static bool read_overwritten(uint64_t key, const void *block, size_t usable,
                             struct ms_tag_owner *to)
{
    uint64_t second = ms_tag_at(block, usable)[1];
    uint64_t owner = second & MS_TAG_OWNER_MASK;
    size_t room = usable - MS_TAG_BYTES;
    size_t end = room < MS_TAG_SLACK_TRIED ? room : MS_TAG_SLACK_TRIED;
    for (size_t slack = 0; slack <= end; slack++) {
        if ((ms_tag_hash(key, (uintptr_t)block, owner, slack) ^ second) >> 40 == 0) {
            *to = (struct ms_tag_owner){.context = ms_tag_context((uint32_t)owner),
                                        .generation = ms_tag_generation((uint32_t)owner),
                                        .requested_bytes = room - slack,
                                        .waste_bytes = slack,
                                        .damaged = true};
            return to->context != 0;
        }
    }
    return false;
}

enum ms_tag_trace ms_tag_read_otherwise(uint64_t key, const void *block, size_t usable,
                                        bool overwritten, struct ms_tag_owner *to)
{
    const ms_tag_word *tag = ms_tag_at(block, usable);
    if (!ms_tag_may_tell(tag[1])) {
        return MS_TAG_NO_TRACE;
    }
    if ((tag[1] >> 31 & 0x1ff) != 0) {
        struct ms_tag_words live = {tag[0], tag[1] ^ MS_TAG_FREED};
        return ms_tag_read_words(key, block, usable, live, to) ? MS_TAG_OF_FREED : MS_TAG_NO_TRACE;
    }
    return overwritten && read_overwritten(key, block, usable, to) ? MS_TAG_OVERWRITTEN
                                                                   : MS_TAG_NO_TRACE;
}
