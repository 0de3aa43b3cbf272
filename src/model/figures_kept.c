/* Figures of sites and processes that are asked for more than once. */
#include <stdlib.h>

#include "model/figures.h"

/* Below so many usages for each site adding them up again costs less than keeping the sums. */
#define USAGES_OF_SITE_LEAST 4u

struct ms_kept_figures {
    const struct ms_model *model;
    bool tried;                   /* to add all up */
    struct ms_figures *sites;     /* by position; NULL: not kept */
    struct ms_figures *processes; /* by position; NULL: no memory */
};

struct ms_kept_figures *ms_kept_figures_new(const struct ms_model *model)
{
    struct ms_kept_figures *kept = calloc(1, sizeof(*kept));
    if (kept != NULL) {
        kept->model = model;
    }
    return kept;
}

void ms_kept_figures_free(struct ms_kept_figures *kept)
{
    if (kept != NULL) {
        free(kept->sites);
        free(kept->processes);
        free(kept);
    }
}

static void add(struct ms_figures *sum, const struct ms_figures *figures)
{
    ms_histogram_add(&sum->sizes, &figures->sizes);
    ms_histogram_add(&sum->lifetimes, &figures->lifetimes);
    sum->at_peak_bytes += figures->at_peak_bytes;
    sum->samples += figures->samples;
    sum->live_samples += figures->live_samples;
    sum->variance += figures->variance;
    sum->live_variance += figures->live_variance;
    sum->at_peak_variance += figures->at_peak_variance;
    sum->peak_variance += figures->peak_variance;
    sum->peaks += figures->peaks;
    sum->sampled = sum->sampled || figures->sampled;
    sum->not_sampled_allocations += figures->not_sampled_allocations;
    sum->not_sampled_deallocations += figures->not_sampled_deallocations;
    sum->not_sampled_bytes_allocated += figures->not_sampled_bytes_allocated;
    sum->not_sampled_bytes_freed += figures->not_sampled_bytes_freed;
}

static size_t process_position(const struct ms_model *model, uint32_t id)
{
    size_t i = 0;
    while (i < ms_model_process_count(model) && ms_model_process(model, i)->id != id) {
        i++;
    }
    return i;
}

static void add_all(struct ms_kept_figures *kept)
{
    const struct ms_model *model = kept->model;
    const size_t sites = ms_model_site_count(model);
    const size_t processes = ms_model_process_count(model);
    kept->tried = true;
    if (ms_model_usage_count(model) >= USAGES_OF_SITE_LEAST * sites) {
        kept->sites = calloc(sites + 1, sizeof(*kept->sites));
    }
    kept->processes = calloc(processes + 1, sizeof(*kept->processes));
    if (kept->processes == NULL) {
        free(kept->sites);
        kept->sites = NULL;
        return;
    }
    uint32_t process_id = 0;
    size_t position = processes;
    for (size_t i = 0; i < sites; i++) {
        const struct ms_site *site = ms_model_site(model, i);
        struct ms_figures one;
        struct ms_figures *figures = kept->sites != NULL ? &kept->sites[i] : &one;
        ms_figures_of_site(model, site->id, figures);
        if (site->process_id != process_id) {
            process_id = site->process_id;
            position = process_position(model, process_id);
        }
        if (position < processes) {
            add(&kept->processes[position], figures);
        }
    }
}

void ms_kept_figures_of_site(struct ms_kept_figures *kept, const struct ms_model *model,
                             uint32_t site_id, struct ms_figures *figures)
{
    if (kept != NULL && !kept->tried) {
        add_all(kept);
    }
    const size_t position = ms_model_site_position(model, site_id);
    if (kept != NULL && kept->sites != NULL && position != SIZE_MAX) {
        *figures = kept->sites[position];
    } else {
        ms_figures_of_site(model, site_id, figures);
    }
}

void ms_kept_figures_of_process(struct ms_kept_figures *kept, const struct ms_model *model,
                                uint32_t process_id, struct ms_figures *figures)
{
    if (kept != NULL && !kept->tried) {
        add_all(kept);
    }
    const size_t position = process_position(model, process_id);
    if (kept != NULL && kept->processes != NULL && position < ms_model_process_count(model)) {
        *figures = kept->processes[position];
    } else {
        ms_figures_of_process(model, process_id, figures);
    }
}
