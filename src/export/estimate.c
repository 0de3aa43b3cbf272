#include "export/estimate.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"

struct ms_estimate ms_estimate_of_peak(const struct ms_model *model, const struct ms_site *site,
                                       const struct ms_heap *heap, const struct ms_figures *figures)
{
    uint64_t at_most;
    const bool bounded = ms_site_peak_at_most(model, site, heap->peak_bytes, figures, &at_most);
    return (struct ms_estimate){
        .bytes = heap->peak_bytes,
        .sampled = figures->samples > 0,
        .error_bytes = ms_figures_error_bytes(figures->peak_variance),
        .upper_bound = figures->peaks > 1,
        .at_most_bytes = bounded ? at_most : UINT64_MAX,
    };
}

struct ms_estimate ms_estimate_of_live(const struct ms_heap *heap, const struct ms_figures *figures)
{
    return (struct ms_estimate){
        .bytes = ms_heap_current_bytes(heap),
        .sampled = figures->samples > 0,
        .error_bytes = ms_figures_error_bytes(figures->live_variance),
        .at_most_bytes = UINT64_MAX,
    };
}

struct ms_estimate ms_estimate_of_not_freed(const struct ms_not_freed_sum *sum)
{
    return (struct ms_estimate){
        .bytes = sum->bytes,
        .sampled = sum->estimated,
        .error_bytes = ms_figures_error_bytes(sum->variance),
        .at_most_bytes = sum->exact_bytes,
    };
}

char *ms_estimate_words(char out[MS_ESTIMATE_MAX], const struct ms_estimate *estimate)
{
    char bytes[MS_FORMAT_MAX];
    char error[MS_FORMAT_MAX] = "";
    char most[MS_FORMAT_MAX];
    /* What is exact may differ from another exact figure by what came between two readings. */
    const bool above =
        (estimate->sampled || estimate->upper_bound) && estimate->bytes > estimate->at_most_bytes;
    ms_format_bytes(bytes, sizeof bytes, (double)estimate->bytes);
    ms_format_bytes(most, sizeof most, (double)estimate->at_most_bytes);
    if (above && estimate->upper_bound) {
        snprintf(out, MS_ESTIMATE_MAX, "at most %s", most);
        return out;
    }
    const bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    const bool uncertain = estimate->sampled && estimate->error_bytes > 0;
    if (uncertain) {
        ms_format_bytes(error, sizeof error, estimate->error_bytes);
    }
    snprintf(out, MS_ESTIMATE_MAX, "%s%s%s%s%s%s%s", estimate->upper_bound ? "at most " : "",
             estimate->sampled ? "~" : "", bytes,
             !uncertain ? ""
             : utf8     ? " \u00b1"
                        : " +-",
             uncertain ? error : "", above ? ", at most " : "", above ? most : "");
    return out;
}
