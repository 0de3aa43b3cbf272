#include "model/resources.h"

static const struct {
    const char *name, *heading, *meaning;
} parts[MS_MEMORY_PART_TOTAL] = {
#define MS_MEMORY_PART_ROW(id, name_, heading_, meaning_)                                          \
    [MS_MEMORY_PART_##id] = {.name = name_, .heading = heading_, .meaning = meaning_},
    MS_MEMORY_PARTS(MS_MEMORY_PART_ROW)
#undef MS_MEMORY_PART_ROW
};

const char *ms_memory_part_name(enum ms_memory_part part)
{
    return parts[part].name;
}

const char *ms_memory_part_heading(enum ms_memory_part part)
{
    return parts[part].heading;
}

const char *ms_memory_part_meaning(enum ms_memory_part part)
{
    return parts[part].meaning;
}
