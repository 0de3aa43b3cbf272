/* A measured figure or the reason why there is none. */
#ifndef MS_MODEL_VALUE_H
#define MS_MODEL_VALUE_H

#include <stdbool.h>

enum ms_provenance { MS_MEASURED, MS_DERIVED, MS_SAMPLED, MS_UNAVAILABLE };

struct ms_value {
    double number; /* meaningful when available */
    bool available;
};

static inline struct ms_value ms_value_of(double number)
{
    return (struct ms_value){.number = number, .available = true};
}

static inline struct ms_value ms_value_none(void)
{
    return (struct ms_value){.number = 0, .available = false};
}

#endif
