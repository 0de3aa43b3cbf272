/*
 * Functions as a call tree tells them apart: frames of one function are one whatever their line,
 * a frame without a name is one by itself, and some rows are said in words. Numbers from 1; what
 * a number stands for never changes, but a frame gets another one when it gets a name.
 */
#ifndef MS_ANALYSIS_CALL_FUNCTIONS_H
#define MS_ANALYSIS_CALL_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/chunks.h"
#include "model/index.h"
#include "model/model.h"

/* Rows that are no function. */
enum ms_call_words {
    MS_CALL_NO_STACK = 1, /* counted without a stack */
    MS_CALL_NOT_SAMPLED,
    MS_CALL_CUT,   /* outer frames that the depth or the tables left out */
    MS_CALL_NO_CFI /* outer frames that could not be found */
};
#define MS_CALL_WORDS 4u

struct ms_call_function {
    const char *function, *module; /* the model's */
    uint64_t offset;               /* of one without a name: in the file, or its address */
    const struct ms_frame *frame;  /* one of its frames; NULL: words */
    char *name;                    /* when it is not `function` */
    uint64_t hash;                 /* of what it is called: the same in every run */
    bool wrapper;                  /* allocates for its caller */
    bool folded;                   /* a run of library frames */
};

struct ms_call_frame_function {
    uint32_t function;
    uint32_t version;
};

struct ms_call_functions {
    struct ms_chunks list; /* struct ms_call_function; number - 1 */
    struct ms_index by_hash;
    struct ms_call_frame_function *of_frame; /* by number of the frame */
    size_t frames;
    uint32_t version; /* of the names */
    struct ms_chunks modules;
    struct ms_index module_by_path;
};

int ms_call_functions_open(struct ms_call_functions *functions); /* 0 or -ENOMEM */
void ms_call_functions_close(struct ms_call_functions *functions);
/* Names may have changed since: every frame is looked at again. */
void ms_call_functions_renew(struct ms_call_functions *functions);

/* Both: 0 without memory. The second is the run of library frames that begins with `frame`. */
uint32_t ms_call_function_of(struct ms_call_functions *functions, const struct ms_frame *frame);
uint32_t ms_call_function_folded(struct ms_call_functions *functions, const struct ms_frame *frame,
                                 const struct ms_process *process);
/* ms_frame_is_library, remembered for each module. */
bool ms_call_is_library(struct ms_call_functions *functions, const struct ms_frame *frame,
                        const struct ms_process *process);

static inline const struct ms_call_function *
ms_call_function_at(const struct ms_call_functions *functions, uint32_t number)
{
    return ms_chunks_at(&functions->list, number - 1);
}
const char *ms_call_function_name(const struct ms_call_function *function);

#endif
