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
           (scope->site_id == 0 || scope->site_id == site->id) && site_matches(filter, site);
}

/* Sites of a thread: each once, though it may have used one at several rates. */
static uint32_t sites_of_thread(const struct ms_model *model, const struct ms_scope *scope,
                                struct ms_call_filter *filter, uint32_t *sites, bool *seen)
{
    uint32_t count = 0;
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_thread_usage(model, scope->thread_id, usage)) != NULL) {
        const uint32_t index = usage->site_id - 1;
        if (!seen[index]) {
            seen[index] = true;
            if (site_fits(scope, filter, ms_model_site(model, index))) {
                sites[count++] = index;
            }
        }
    }
    return count;
}

uint32_t *ms_call_sites_in(const struct ms_model *model, const struct ms_scope *scope,
                           struct ms_call_filter *filter, uint32_t *count)
{
    const size_t all = ms_model_site_count(model);
    uint32_t *sites = malloc((all + 1) * sizeof(*sites));
    *count = 0;
    if (sites == NULL) {
        return NULL;
    }
    if (scope->thread_id != 0) {
        bool *seen = calloc(all + 1, sizeof(*seen));
        if (seen == NULL) {
            free(sites);
            return NULL;
        }
        *count = sites_of_thread(model, scope, filter, sites, seen);
        free(seen);
    } else {
        for (uint32_t i = 0; i < all; i++) {
            if (site_fits(scope, filter, ms_model_site(model, i))) {
                sites[(*count)++] = i;
            }
        }
    }
    return sites;
}
