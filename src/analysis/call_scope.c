#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_parts.h"

enum match { UNKNOWN, DIFFERENT, MATCHES };

int ms_call_filter_set(struct ms_call_filter *filter, const char *text)
{
    char *copy = NULL;
    if (text != NULL && text[0] != '\0') {
        copy = strdup(text);
        if (copy == NULL) {
            return -ENOMEM;
        }
    }
    free(filter->text);
    filter->text = copy;
    ms_call_filter_renew(filter);
    return 0;
}

void ms_call_filter_renew(struct ms_call_filter *filter)
{
    if (filter->frames > 0) {
        memset(filter->of_frame, UNKNOWN, filter->frames);
    }
}

void ms_call_filter_free(struct ms_call_filter *filter)
{
    free(filter->text);
    free(filter->of_frame);
}

static bool frame_matches(struct ms_call_filter *filter, const struct ms_frame *frame)
{
    if (frame->number >= filter->frames) {
        const size_t room = (size_t)frame->number * 2 + 1024;
        uint8_t *grown = realloc(filter->of_frame, room);
        if (grown != NULL) {
            memset(grown + filter->frames, UNKNOWN, room - filter->frames);
            filter->of_frame = grown;
            filter->frames = room;
        }
    }
    const bool remembered = frame->number < filter->frames;
    if (remembered && filter->of_frame[frame->number] != UNKNOWN) {
        return filter->of_frame[frame->number] == MATCHES;
    }
    const bool matches = strcasestr(frame->function, filter->text) != NULL ||
                         strcasestr(frame->file, filter->text) != NULL ||
                         strcasestr(frame->module, filter->text) != NULL;
    if (remembered) {
        filter->of_frame[frame->number] = matches ? MATCHES : DIFFERENT;
    }
    return matches;
}

static bool site_matches(struct ms_call_filter *filter, const struct ms_site *site)
{
    if (filter->text == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); frame != NULL;
             frame = frame->inlined_by) {
            if (frame_matches(filter, frame)) {
                return true;
            }
        }
    }
    return false;
}

static bool site_fits(const struct ms_scope *scope, struct ms_call_filter *filter,
                      const struct ms_site *site)
{
    return (scope->process_id == 0 || scope->process_id == site->process_id) &&
           (scope->site_id == 0 || scope->site_id == site->id) &&
           (site->flags & MS_SITE_RELEASE) == 0 && site_matches(filter, site);
}

static bool has_figures(const struct ms_site *site, enum ms_site_figure_kind kind)
{
    return kind == MS_FIGURES_MEMORY
               ? (site->flags & MS_SITE_ACTIVITY) == 0 || site->heap.allocations > 0
               : ms_work_has(site->work, ms_call_work_kind(kind));
}

/* Sites of a thread: each once, though it may have used one at several rates. */
static uint32_t sites_of_thread(const struct ms_model *model, const struct ms_scope *scope,
                                struct ms_call_filter *filter, uint32_t *sites, bool *seen)
{
    uint32_t count = 0;
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_thread_usage(model, scope->thread_id, usage)) != NULL) {
        const uint32_t index = (uint32_t)ms_model_site_position(model, usage->site_id);
        if (!seen[index]) {
            seen[index] = true;
            if (site_fits(scope, filter, ms_model_site(model, index))) {
                sites[count++] = index;
            }
        }
    }
    return count;
}

static uint32_t active_sites_of_thread(const struct ms_model *model, const struct ms_scope *scope,
                                       enum ms_work_kind kind, struct ms_call_filter *filter,
                                       uint32_t *sites)
{
    uint32_t count = 0;
    const struct ms_activity *activity = NULL;
    while ((activity = ms_model_thread_activity(model, scope->thread_id, activity)) != NULL) {
        const uint32_t index = (uint32_t)ms_model_site_position(model, activity->site_id);
        if (ms_work_has(&activity->work, kind) &&
            site_fits(scope, filter, ms_model_site(model, index))) {
            sites[count++] = index;
        }
    }
    return count;
}

static bool list_thread(const struct ms_model *model, const struct ms_scope *scope,
                        enum ms_site_figure_kind kind, struct ms_call_filter *filter,
                        uint32_t *sites, uint32_t *count)
{
    if (kind != MS_FIGURES_MEMORY) {
        *count = active_sites_of_thread(model, scope, ms_call_work_kind(kind), filter, sites);
        return true;
    }
    bool *seen = calloc(ms_model_site_count(model) + 1, sizeof(*seen));
    if (seen != NULL) {
        *count = sites_of_thread(model, scope, filter, sites, seen);
    }
    free(seen);
    return seen != NULL;
}

uint32_t *ms_call_sites_in(const struct ms_model *model, const struct ms_scope *scope,
                           enum ms_site_figure_kind kind, struct ms_call_filter *filter,
                           uint32_t *count)
{
    const size_t all = ms_model_site_count(model);
    uint32_t *sites = malloc((all + 1) * sizeof(*sites));
    *count = 0;
    if (sites == NULL) {
        return NULL;
    }
    if (scope->thread_id != 0) {
        if (!list_thread(model, scope, kind, filter, sites, count)) {
            free(sites);
            return NULL;
        }
        return sites;
    }
    for (uint32_t i = 0; i < all; i++) {
        const struct ms_site *site = ms_model_site(model, i);
        if (has_figures(site, kind) && site_fits(scope, filter, site)) {
            sites[(*count)++] = i;
        }
    }
    return sites;
}

uint64_t ms_call_sites_version(const struct ms_model *model, uint32_t thread_id,
                               enum ms_site_figure_kind kind)
{
    uint64_t count = 0;
    if (kind != MS_FIGURES_MEMORY) {
        const struct ms_activity *activity = NULL;
        while (thread_id != 0 &&
               (activity = ms_model_thread_activity(model, thread_id, activity)) != NULL) {
            count += ms_work_has(&activity->work, ms_call_work_kind(kind));
        }
        return thread_id != 0 ? count : ms_model_work_version(model, ms_call_work_kind(kind));
    }
    const struct ms_usage *usage = NULL;
    while (thread_id != 0 && (usage = ms_model_thread_usage(model, thread_id, usage)) != NULL) {
        count++;
    }
    return count + ms_model_site_count(model) - ms_model_activity_site_count(model);
}
