/* Values that were looked up before; some are forgotten. All zero is empty. Any thread. */
#ifndef STACKS_KNOWN_H
#define STACKS_KNOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define KNOWN_BITS 15u

struct known {
    _Atomic uint64_t values[1u << KNOWN_BITS];
};

static inline _Atomic uint64_t *known_place(struct known *known, uint64_t value)
{
    return &known->values[value * UINT64_C(0x9e3779b97f4a7c15) >> (64 - KNOWN_BITS)];
}

static inline bool is_known(struct known *known, uint64_t value)
{
    return atomic_load_explicit(known_place(known, value), memory_order_relaxed) == value;
}

static inline void make_known(struct known *known, uint64_t value)
{
    atomic_store_explicit(known_place(known, value), value, memory_order_relaxed);
}

#endif
