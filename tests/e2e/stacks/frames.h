/* The frames of frames.S, and what a program tells the judge about the stacks it knows. */
#ifndef STACKS_FRAMES_H
#define STACKS_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

struct step {
    void (*function)(struct step *);
    uintptr_t bytes; /* what the step wants; the last one leaves its stack pointer here */
};

/* name, bytes of stack without those of the step */
#define MIDDLE_FRAMES(X)                                                                           \
    X(fixed_a, 16)                                                                                 \
    X(fixed_b, 16)                                                                                 \
    X(fixed_c, 48)                                                                                 \
    X(fixed_d, 48)                                                                                 \
    X(fixed_e, 1040)                                                                               \
    X(pushes, 32)                                                                                  \
    X(dynamic_a, 16)                                                                               \
    X(dynamic_b, 16)                                                                               \
    X(kept, 16)                                                                                    \
    X(general, 32)                                                                                 \
    X(plausible, 32)                                                                               \
    X(sibling, 0)                                                                                  \
    X(by_rbx, 64)                                                                                  \
    X(by_expression, 16)                                                                           \
    X(without_cfi, 16)
#define LAST_FRAMES(X)                                                                             \
    X(leaf, 16)                                                                                    \
    X(leaf_general, 32)                                                                            \
    X(leaf_framed, 32)
#define SPECIAL_FRAMES(X)                                                                          \
    X(ballast, 16)                                                                                 \
    X(fiber, 0)                                                                                    \
    X(fiber_b, 0)                                                                                  \
    X(interrupted, 16)                                                                             \
    X(interrupted_framed, 16)

#define DECLARE_FRAME(name, size)                                                                  \
    void name(struct step *step);                                                                  \
    extern const char name##_return[] __attribute__((visibility("hidden")));
MIDDLE_FRAMES(DECLARE_FRAME)
LAST_FRAMES(DECLARE_FRAME)
SPECIAL_FRAMES(DECLARE_FRAME)
/* `before` is the step before the first: only its successor counts. */
void run_script(struct step *before);
extern const char run_script_return[] __attribute__((visibility("hidden")));
extern struct step *interrupted_step;

/* The innermost return addresses of the next allocation as the program knows them. */
struct expectation {
    unsigned count; /* 0: nothing is known */
    bool whole;     /* there are no frames outside those */
    const uintptr_t *frames;
};

/* Of the calling thread. The judge looks for it in the program. */
const struct expectation *expected_stack(void);

#endif
