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
