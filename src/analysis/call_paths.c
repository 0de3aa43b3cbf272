#include "analysis/call_paths.h"

#include <errno.h>

#include "model/format.h"

#define OUTER_CUT (MS_SITE_CUT_DEPTH | MS_SITE_CUT_NO_CFI | MS_SITE_COARSENED)
#define LEVEL_MAX 255u

static const struct ms_frame *frame_at(const struct ms_site *site, struct ms_call_position at)
{
    const struct ms_frame *frame = ms_site_frame(site, at.frame);
    for (unsigned i = 0; i < at.level && frame->inlined_by != NULL; i++) {
        frame = frame->inlined_by;
    }
    return frame;
}

const struct ms_frame *ms_call_path_frame(const struct ms_call_path *path,
                                          struct ms_call_position at)
{
    return at.frame < path->site->depth ? frame_at(path->site, at) : NULL;
}

/* The outermost of the functions that share an address. */
static struct ms_call_position outermost_of(const struct ms_site *site, uint32_t frame)
{
    struct ms_call_position at = {.frame = (uint16_t)frame};
    for (const struct ms_frame *level = ms_site_frame(site, frame);
         level->inlined_by != NULL && at.level < LEVEL_MAX; level = level->inlined_by) {
        at.level++;
    }
    return at;
}

static void step_out(const struct ms_call_path *path, struct ms_call_position *at)
{
    const struct ms_site *site = path->site;
    if (at->frame >= site->depth) {
        at->end = true;
    } else if (frame_at(site, *at)->inlined_by != NULL && at->level < LEVEL_MAX) {
        at->level++;
    } else {
        at->frame++;
        at->level = 0;
        at->end = at->frame == site->depth && (site->flags & OUTER_CUT) == 0;
    }
}

static void step_in(const struct ms_call_path *path, struct ms_call_position *at)
{
    const struct ms_call_position culprit = path->culprit;
    if (path->site->depth == 0 || at->frame < culprit.frame ||
        (at->frame == culprit.frame && at->level <= culprit.level)) {
        at->end = true;
    } else if (at->frame < path->site->depth && at->level > 0) {
        at->level--;
    } else {
        *at = outermost_of(path->site, at->frame - 1u);
    }
}

static void step(const struct ms_call_path *path, struct ms_call_position *at)
{
    if (path->from_callees) {
        step_in(path, at);
    } else {
        step_out(path, at);
    }
}

int ms_call_path_culprit(struct ms_call_functions *functions, const struct ms_site *site,
                         struct ms_call_position *culprit)
{
    const struct ms_call_path path = {.site = site};
    *culprit = (struct ms_call_position){0};
    struct ms_call_position at = {0};
    if ((site->flags & MS_SITE_ACTIVITY) != 0) { /* what runs is to blame, an allocator too */
        return 0;
    }
    while (at.frame < site->depth) {
        const uint32_t function = ms_call_function_of(functions, frame_at(site, at));
        if (function == 0) {
            return -ENOMEM;
        }
        if (!ms_call_function_at(functions, function)->wrapper &&
            !ms_site_hides_wrapper(site, at.frame)) {
            *culprit = at;
            return 0;
        }
        step_out(&path, &at);
    }
    return 0;
}

struct ms_call_position ms_call_path_start(const struct ms_call_path *path)
{
    const struct ms_site *site = path->site;
    if (!path->from_callees || site->depth == 0) {
        return path->culprit;
    }
    if ((site->flags & OUTER_CUT) != 0) {
        return (struct ms_call_position){.frame = (uint16_t)site->depth};
    }
    return outermost_of(site, site->depth - 1);
}

static uint32_t words_of(const struct ms_site *site)
{
    if (site->depth == 0) {
        return (site->flags & MS_SITE_NOT_SAMPLED) != 0 ? MS_CALL_NOT_SAMPLED : MS_CALL_NO_STACK;
    }
    return (site->flags & MS_SITE_CUT_NO_CFI) != 0 ? MS_CALL_NO_CFI : MS_CALL_CUT;
}

uint32_t ms_call_words_of(const struct ms_site *site)
{
    return site->depth == 0 || (site->flags & OUTER_CUT) != 0 ? words_of(site) : 0;
}

uint32_t ms_call_path_take(struct ms_call_functions *functions, const struct ms_call_path *path,
                           struct ms_call_position *at)
{
    const struct ms_frame *frame = ms_call_path_frame(path, *at);
    if (frame == NULL) {
        step(path, at);
        return words_of(path->site);
    }
    step(path, at);
    if (!path->fold_libraries || !ms_call_is_library(functions, frame, path->process)) {
        return ms_call_function_of(functions, frame);
    }
    const struct ms_frame *next;
    while (!at->end && (next = ms_call_path_frame(path, *at)) != NULL &&
           ms_call_is_library(functions, next, path->process)) {
        step(path, at);
    }
    return ms_call_function_folded(functions, frame, path->process);
}
