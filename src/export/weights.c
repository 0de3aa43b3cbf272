#include "export/weights.h"

#include <string.h>

static const struct {
    const char *name, *unit, *what;
} weights[MS_WEIGHT_TOTAL_COUNT] = {
#define WEIGHT_ROW(id, name, unit, what) {name, unit, what},
    MS_WEIGHTS(WEIGHT_ROW)
#undef WEIGHT_ROW
};

const char *ms_weight_name(enum ms_weight weight)
{
    return weights[weight].name;
}

const char *ms_weight_unit(enum ms_weight weight)
{
    return weights[weight].unit;
}

const char *ms_weight_what(enum ms_weight weight)
{
    return weights[weight].what;
}

enum ms_weight ms_weight_by_name(const char *name)
{
    int weight = 0;
    while (weight < MS_WEIGHT_TOTAL_COUNT && strcmp(weights[weight].name, name) != 0) {
        weight++;
    }
    return (enum ms_weight)weight;
}
