/*
 * The path of a site in a call tree: the functions of its stack, inlined ones too, from its
 * culprit (the function to blame, past malloc and wrappers) out to its callers, or the other way
 * round. A path is not kept but walked: a position in it is four bytes.
 */
#ifndef MS_ANALYSIS_CALL_PATHS_H
#define MS_ANALYSIS_CALL_PATHS_H

#include "analysis/call_functions.h"

struct ms_call_position {
    uint16_t frame; /* index in the stack; = depth: the words about what was cut */
    uint8_t level;  /* inlined_by so many times */
    bool end;
};

struct ms_call_path {
    const struct ms_site *site;
    const struct ms_process *process;
    struct ms_call_position culprit;
    bool from_callees; /* outermost first */
    bool fold_libraries;
};

/* The culprit and the first position. Returns 0 or -ENOMEM. */
int ms_call_path_culprit(struct ms_call_functions *functions, const struct ms_site *site,
                         struct ms_call_position *culprit);
struct ms_call_position ms_call_path_start(const struct ms_call_path *path);
/*
 * The function at a position (of which `end` is not set), which moves past it; past a whole run of
 * library frames when these are folded. 0: no memory.
 */
uint32_t ms_call_path_take(struct ms_call_functions *functions, const struct ms_call_path *path,
                           struct ms_call_position *at);
/* What a stack lacks at its outer end, enum ms_call_words; 0: nothing. */
uint32_t ms_call_words_of(const struct ms_site *site);
/* NULL: words. */
const struct ms_frame *ms_call_path_frame(const struct ms_call_path *path,
                                          struct ms_call_position at);

#endif
