/* The rare half of the tag: keeping it over a realloc. */
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
