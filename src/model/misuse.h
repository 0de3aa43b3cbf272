/*
 * Wrong or doubtful uses of memory that the probe saw in passing. The program's behaviour stayed as
 * it was; these are counted by what happened and by the two call stacks concerned.
 */
#ifndef MS_MODEL_MISUSE_H
#define MS_MODEL_MISUSE_H

#include <stdint.h>

#include "model/value.h"

/* X(id, json_name, word, meaning) */
#define MS_MISUSES(X)                                                                              \
    X(DOUBLE_FREE, "double_free", "double free", "a block was freed that was free already")        \
    X(MISMATCH, "mismatch", "mismatch",                                                            \
      "a block of malloc, new or new[] was released by a function of another family")              \
    X(OVERRUN, "overrun", "overrun",                                                               \
      "bytes behind the requested end of a block were written; noticed when it was released")      \
    X(OTHER_LIBRARY, "other_library", "other library",                                             \
      "a block allocated in one library was freed in another; often meant, so it is no error")

enum ms_misuse_kind {
#define MS_MISUSE_ID(id, name, word, meaning) MS_MISUSE_##id,
    MS_MISUSES(MS_MISUSE_ID)
#undef MS_MISUSE_ID
        MS_MISUSE_TOTAL
};

const char *ms_misuse_name(enum ms_misuse_kind kind); /* JSON */
const char *ms_misuse_word(enum ms_misuse_kind kind); /* screen */
const char *ms_misuse_meaning(enum ms_misuse_kind kind);

/* One kind at one pair of call stacks of one process. */
struct ms_misuse {
    uint32_t process_id;
    enum ms_misuse_kind kind;
    uint32_t allocated_site; /* model ids; 0: not known */
    uint32_t released_site;  /* where it was released, or released the second time */
    uint32_t thread_id;      /* that released it the first time this was seen; 0: not known */
    uint64_t count;
    uint64_t bytes;                       /* requested, sum over the blocks; 0: not known */
    enum ms_provenance provenance;        /* of `count`: measured, or scaled from a sample */
    uint64_t samples;                     /* of a sampled count: how many were seen */
    uint64_t first_seen_ns, last_seen_ns; /* CLOCK_MONOTONIC */
    const char *how; /* a literal: "new[] released by free"; "" when the kind says it all */
};

#endif
