/*
 * What the width of a call stack means in flame graphs: the table behind --weight, which folded
 * stacks and SVG take and which speedscope shows first.
 *
 * X(id, name, unit as speedscope calls it, what)
 */
#ifndef MS_EXPORT_WEIGHTS_H
#define MS_EXPORT_WEIGHTS_H

/* clang-format off */
#define MS_WEIGHTS(X)                                                                              \
    X(PEAK,  "peak",  "bytes",       "bytes live at the peak of the process")                      \
    X(LIVE,  "live",  "bytes",       "bytes live at the moment of the report")                     \
    X(TOTAL, "total", "bytes",       "bytes allocated")                                            \
    X(COUNT, "count", "none",        "blocks allocated")                                           \
    X(CPU,   "cpu",   "nanoseconds", "CPU time, by samples")
/* clang-format on */

enum ms_weight {
#define MS_WEIGHT_ID(id, name, unit, what) MS_WEIGHT_##id,
    MS_WEIGHTS(MS_WEIGHT_ID)
#undef MS_WEIGHT_ID
        MS_WEIGHT_TOTAL_COUNT
};

const char *ms_weight_name(enum ms_weight weight);
const char *ms_weight_unit(enum ms_weight weight);
const char *ms_weight_what(enum ms_weight weight);
/* MS_WEIGHT_TOTAL_COUNT: no such name. */
enum ms_weight ms_weight_by_name(const char *name);

#endif
