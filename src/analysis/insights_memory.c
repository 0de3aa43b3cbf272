/* Insights about memory: likely leaks, churn, waste, misuse. */
#include <math.h>
#include <stdio.h>

#include "analysis/efficiency.h"
#include "analysis/insight_list.h"
#include "model/figures.h"

#define LEAKS_MAX           20u
#define SERIOUS_BYTES       1e8
#define SERIOUS_PER_S       1e6
#define CHURN_MAX           5u
#define CHURN_PER_S         50000.0 /* by the yardstick of efficiency, half a percent of a core */
#define CHURN_WARNING_PER_S 500000.0
#define WASTE_SHARE         0.25 /* of live bytes */
#define FRAGMENTED_SHARE    0.5
#define FRAGMENTED_BYTES    5e7
#define WASTE_BYTES         1e7

static void add_leaks(struct ms_insight_list *list)
{
    const struct ms_leaks *leaks = ms_findings_leaks(list->findings);
    size_t added = 0;
    for (size_t i = 0; i < ms_leaks_count(leaks) && added < LEAKS_MAX; i++) {
        const struct ms_leak *leak = ms_leaks_at(leaks, i);
        const struct ms_site *site = ms_model_site_by_id(list->model, leak->site_id);
        const struct ms_process *process = ms_model_process_by_id(list->model, leak->process_id);
        if (leak->suppressed || site == NULL || process == NULL || process->end_ns != 0 ||
            !ms_scope_has_site(list->scope, list->model, site)) {
            continue;
        }
        const bool serious =
            (double)leak->leaked_bytes >= SERIOUS_BYTES || leak->slope_bytes_per_s >= SERIOUS_PER_S;
        struct ms_insight *insight =
            ms_insight_add(list, MS_INSIGHT_LEAK,
                           serious ? MS_SEVERITY_SERIOUS : MS_SEVERITY_WARNING, 0, leak->site_id);
        if (insight == NULL) {
            continue;
        }
        char name[MS_INSIGHT_NAME_MAX];
        char grown[MS_FORMAT_MAX];
        char slope[MS_FORMAT_MAX];
        added++;
        insight->process_id = leak->process_id;
        insight->site_id = leak->site_id;
        insight->bytes = (double)leak->leaked_bytes;
        (void)snprintf(insight->what, sizeof(insight->what),
                       "likely leak at %s: %s so far, %s, %.0f %% sure",
                       ms_insight_site_name(list->model, leak->site_id, name, sizeof(name)),
                       ms_format_bytes(grown, sizeof(grown), (double)leak->leaked_bytes),
                       ms_format_bytes_rate(slope, sizeof(slope), leak->slope_bytes_per_s),
                       100 * leak->confidence);
        (void)snprintf(insight->advice, sizeof(insight->advice),
                       "free what this call site allocates, or limit the size of what holds it");
    }
}

/* What a call site allocates for a moment, a second: its rate times its share of such blocks. */
static double churn_of(const struct ms_model *model, const struct ms_site *site)
{
    if (site->heap.allocations == 0 || site->heap.temporary == 0) {
        return 0;
    }
    const double rate = ms_site_rates_of(model, site).allocations_per_s;
    return rate * (double)site->heap.temporary / (double)site->heap.allocations;
}

struct churn {
    const struct ms_site *site;
    double per_s;
};

/* The most first; returns how many. */
static size_t most_churn(const struct ms_insight_list *list, struct churn most[CHURN_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < ms_model_site_count(list->model); i++) {
        const struct ms_site *site = ms_model_site(list->model, i);
        /* Most sites are quiet: looked at before anything is reckoned. */
        if (!(site->allocations_per_s >= CHURN_PER_S)) {
            continue;
        }
        const double per_s = churn_of(list->model, site);
        const struct ms_process *process = ms_model_process_by_id(list->model, site->process_id);
        if (!(per_s >= CHURN_PER_S) || process == NULL || process->end_ns != 0 ||
            (site->flags & (MS_SITE_ROOT | MS_SITE_NOT_SAMPLED)) != 0 ||
            !ms_scope_has_site(list->scope, list->model, site)) {
            continue;
        }
        size_t at = count < CHURN_MAX ? count++ : CHURN_MAX;
        for (; at > 0 && per_s > most[at - 1].per_s; at--) {
            if (at < CHURN_MAX) {
                most[at] = most[at - 1];
            }
        }
        if (at < CHURN_MAX) {
            most[at] = (struct churn){.site = site, .per_s = per_s};
        }
    }
    return count;
}

static void add_churn(struct ms_insight_list *list)
{
    struct churn most[CHURN_MAX];
    const size_t count = most_churn(list, most);
    for (size_t i = 0; i < count; i++) {
        const struct ms_site *site = most[i].site;
        struct ms_insight *insight = ms_insight_add(
            list, MS_INSIGHT_CHURN,
            most[i].per_s >= CHURN_WARNING_PER_S ? MS_SEVERITY_WARNING : MS_SEVERITY_NOTE, 0,
            site->id);
        if (insight == NULL) {
            continue;
        }
        char name[MS_INSIGHT_NAME_MAX];
        char rate[MS_FORMAT_MAX];
        insight->process_id = site->process_id;
        insight->site_id = site->id;
        insight->ns_per_s = most[i].per_s * MS_EFFICIENCY_TEMPORARY_NS;
        ms_insight_site_name(list->model, site->id, name, sizeof(name));
        (void)snprintf(insight->what, sizeof(insight->what),
                       "%s temporary allocations a second at %s",
                       ms_format_count(rate, sizeof(rate), most[i].per_s), name);
        (void)snprintf(insight->advice, sizeof(insight->advice), "reuse the buffer in %s", name);
    }
}

static void add_waste(struct ms_insight_list *list, const struct ms_process *process)
{
    const double waste = (double)process->totals.waste_bytes;
    const double live = (double)ms_heap_current_bytes(&process->totals);
    char name[MS_INSIGHT_NAME_MAX];
    char bytes[MS_FORMAT_MAX];
    if (process->seen == MS_SEEN_NONE || waste < WASTE_BYTES || waste < WASTE_SHARE * live) {
        return;
    }
    struct ms_insight *insight =
        ms_insight_add(list, MS_INSIGHT_WASTE, MS_SEVERITY_NOTE, 0, process->id);
    if (insight == NULL) {
        return;
    }
    insight->process_id = process->id;
    insight->bytes = waste;
    (void)snprintf(
        insight->what, sizeof(insight->what),
        "the allocator rounded live blocks of %s up by %s, %.0f %% of the requested bytes",
        ms_insight_process_name(process, name, sizeof(name)),
        ms_format_bytes(bytes, sizeof(bytes), waste), 100 * waste / live);
    (void)snprintf(insight->advice, sizeof(insight->advice),
                   "allocate many small things together, in arrays or a pool");
}

/* What the heap keeps resident beyond live blocks, their rounding and our tags. */
static void add_fragmentation(struct ms_insight_list *list, const struct ms_process *process)
{
    const struct ms_heap_parts parts = ms_heap_parts_of(process);
    const double unexplained = (double)parts.unexplained_bytes;
    char name[MS_INSIGHT_NAME_MAX];
    char bytes[MS_FORMAT_MAX];
    char resident[MS_FORMAT_MAX];
    if (!parts.have || unexplained < FRAGMENTED_BYTES ||
        unexplained < FRAGMENTED_SHARE * (double)parts.resident_bytes) {
        return;
    }
    struct ms_insight *insight =
        ms_insight_add(list, MS_INSIGHT_WASTE, MS_SEVERITY_NOTE, 1, process->id);
    if (insight == NULL) {
        return;
    }
    insight->process_id = process->id;
    insight->bytes = unexplained;
    (void)snprintf(
        insight->what, sizeof(insight->what),
        "of the resident heap of %s, %s, no live block accounts for %s: free lists, gaps "
        "between blocks",
        ms_insight_process_name(process, name, sizeof(name)),
        ms_format_bytes(resident, sizeof(resident), (double)parts.resident_bytes),
        ms_format_bytes(bytes, sizeof(bytes), unexplained));
    (void)snprintf(insight->advice, sizeof(insight->advice),
                   "malloc_trim returns free pages; allocate long-lived blocks "
                   "before short-lived ones");
}

static void add_misuse(struct ms_insight_list *list)
{
    for (size_t i = 0; i < ms_model_misuse_count(list->model); i++) {
        const struct ms_misuse *misuse = ms_model_misuse(list->model, i);
        const uint32_t site_id =
            misuse->released_site != 0 ? misuse->released_site : misuse->allocated_site;
        const struct ms_site *site = ms_model_site_by_id(list->model, site_id);
        if (misuse->kind == MS_MISUSE_OTHER_LIBRARY ||
            (site == NULL ? !ms_scope_is_all(list->scope)
                          : !ms_scope_has_site(list->scope, list->model, site))) {
            continue;
        }
        const bool serious = misuse->kind != MS_MISUSE_MISMATCH;
        struct ms_insight *insight = ms_insight_add(
            list, MS_INSIGHT_MISUSE, serious ? MS_SEVERITY_SERIOUS : MS_SEVERITY_WARNING,
            (unsigned)misuse->kind, site_id);
        if (insight == NULL) {
            continue;
        }
        char name[MS_INSIGHT_NAME_MAX];
        char count[MS_FORMAT_MAX];
        insight->process_id = misuse->process_id;
        insight->site_id = site_id;
        insight->bytes = misuse->bytes > 0 ? (double)misuse->bytes : (double)NAN;
        (void)snprintf(insight->what, sizeof(insight->what), "%s at %s, %s times%s%.60s",
                       ms_misuse_word(misuse->kind),
                       ms_insight_site_name(list->model, site_id, name, sizeof(name)),
                       ms_format_count(count, sizeof(count), (double)misuse->count),
                       misuse->how[0] != '\0' ? ": " : "", misuse->how);
        (void)snprintf(insight->advice, sizeof(insight->advice), "%s",
                       misuse->kind == MS_MISUSE_MISMATCH
                           ? "release it with the function that matches its allocation"
                       : misuse->kind == MS_MISUSE_DOUBLE_FREE
                           ? "find what freed it first; AddressSanitizer shows both places"
                           : "find what writes past its end; AddressSanitizer stops at the write");
    }
}

void ms_insights_of_memory(struct ms_insight_list *list)
{
    add_leaks(list);
    add_churn(list);
    for (size_t i = 0; i < ms_model_process_count(list->model); i++) {
        const struct ms_process *process = ms_model_process(list->model, i);
        if (process->end_ns == 0 && list->scope->thread_id == 0 && list->scope->site_id == 0 &&
            ms_scope_has_process(list->scope, list->model, process)) {
            add_waste(list, process);
            add_fragmentation(list, process);
        }
    }
    add_misuse(list);
}
