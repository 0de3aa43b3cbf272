#include "export/chosen.h"

#include <errno.h>
#include <stdlib.h>

static int compare_ids(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

int ms_chosen_init(struct ms_chosen *chosen, const struct ms_model *model,
                   const struct ms_export_options *options)
{
    *chosen = (struct ms_chosen){.left_out = NULL};
    const size_t count = ms_model_thread_count(model);
    if (options->thread_rule_count == 0 || count == 0) {
        return 0;
    }
    chosen->left_out = malloc(count * sizeof(*chosen->left_out));
    if (chosen->left_out == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (!ms_rules_thread(options->thread_rules, options->thread_rule_count, model,
                             options->findings, thread)) {
            chosen->left_out[chosen->left_out_count++] = thread->id;
        }
    }
    qsort(chosen->left_out, chosen->left_out_count, sizeof(*chosen->left_out), compare_ids);
    return 0;
}

void ms_chosen_fini(struct ms_chosen *chosen)
{
    free(chosen->left_out);
    *chosen = (struct ms_chosen){.left_out = NULL};
}

bool ms_chosen_has_thread(const struct ms_chosen *chosen, uint32_t thread_id)
{
    return chosen->left_out_count == 0 ||
           bsearch(&thread_id, chosen->left_out, chosen->left_out_count, sizeof(thread_id),
                   compare_ids) == NULL;
}

static bool has_thread(const void *context, uint32_t thread_id)
{
    return ms_chosen_has_thread(context, thread_id);
}

void ms_chosen_figures(const struct ms_chosen *chosen, const struct ms_model *model,
                       const struct ms_site *site, struct ms_figures *figures)
{
    ms_figures_of_site_by(model, site->id, has_thread, chosen, figures);
}

bool ms_chosen_at_site(const struct ms_chosen *chosen, const struct ms_model *model,
                       const struct ms_site *site, struct ms_chosen_work *out)
{
    bool any = chosen->left_out_count == 0;
    *out = (struct ms_chosen_work){.has_work = false};
    if (any) {
        out->heap = site->heap;
    } else {
        const struct ms_usage *usage = NULL;
        while ((usage = ms_model_site_usage(model, site->id, usage)) != NULL) {
            if (ms_chosen_has_thread(chosen, usage->thread_id)) {
                ms_usage_add_to_heap(usage, &out->heap);
                any = true;
            }
        }
    }
    const struct ms_activity *activity = NULL;
    while (site->work != NULL &&
           (activity = ms_model_site_activity(model, site->id, activity)) != NULL) {
        if (ms_chosen_has_thread(chosen, activity->thread_id)) {
            out->cpu_ns += activity->work.cpu_ns;
            out->io_wait_ns += activity->work.io_wait_ns;
            out->has_work = any = true;
        }
    }
    if (chosen->left_out_count == 0 && site->work != NULL) {
        out->has_work = true;
        out->cpu_ns = site->work->cpu_ns;
        out->io_wait_ns = site->work->io_wait_ns;
    }
    return any;
}
