#include "model/source.h"

#include <stdio.h>

#include "model/internal.h"

static const struct {
    const char *name, *what;
} sources[MS_SOURCE_TOTAL] = {
#define MS_SOURCE_ROW(id, name_, what_) [MS_SOURCE_##id] = {.name = name_, .what = what_},
    MS_SOURCES(MS_SOURCE_ROW)
#undef MS_SOURCE_ROW
};

const char *ms_source_name(enum ms_source source)
{
    return sources[source].name;
}

const char *ms_source_what(enum ms_source source)
{
    return sources[source].what;
}

const struct ms_source_state *ms_model_source(const struct ms_model *model, enum ms_source source)
{
    return &model->sources[source];
}

void ms_model_source_set(struct ms_model *model, enum ms_source source,
                         enum ms_source_condition condition, const char *because)
{
    struct ms_source_state *state = &model->sources[source];
    state->condition = condition;
    (void)snprintf(state->because, sizeof state->because, "%.*s", (int)sizeof state->because - 1,
                   because != NULL ? because : "");
}
