#include "export/folded.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "export/stacks.h"
#include "export/stream.h"

/* What separates frames is in no name. */
static void write_name(FILE *out, char *name)
{
    for (char *at = name; (at = strchr(at, ';')) != NULL;) {
        *at = ':';
    }
    fputs(*name != '\0' ? name : "?", out);
}

static int write_stack(FILE *out, const struct ms_model *model, struct ms_stacks *stacks,
                       const struct ms_site *site, uint64_t weight)
{
    char name[MS_STACK_NAME_MAX];
    const int error = ms_stacks_of_site(stacks, site);
    if (error != 0) {
        return error;
    }
    if (stacks->several) {
        write_name(out, ms_stacks_process(model, site->process_id, name));
        fputc(';', out);
    }
    for (size_t i = 0; i < stacks->count; i++) {
        fputs(i > 0 ? ";" : "", out);
        write_name(out, ms_stacks_name(stacks, stacks->functions_of[i], name));
    }
    fprintf(out, " %" PRIu64 "\n", weight);
    return ms_stream_error(out);
}

int ms_folded_write(FILE *out, const struct ms_model *model,
                    const struct ms_export_options *options)
{
    struct ms_stacks stacks;
    int error = ms_stacks_open(&stacks, model, options);
    if (error != 0) {
        return error;
    }
    const size_t count = ms_model_site_count(model);
    for (size_t i = 0; i < count && error == 0; i++) {
        const struct ms_site *site = ms_model_site(model, i);
        const uint64_t weight = ms_stacks_weight(&stacks, model, site, options->weight, 0);
        if (weight > 0) {
            error = write_stack(out, model, &stacks, site, weight);
        }
        if (error == 0 && !ms_stacks_go_on(options, i, count)) {
            error = -ECANCELED;
        }
    }
    ms_stacks_close(&stacks);
    return ms_stream_end(out, error);
}
