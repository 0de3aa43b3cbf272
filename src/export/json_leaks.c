/* Likely leaks, and what was not freed at exit. */
#include <math.h>
#include <stdlib.h>

#include "analysis/leaks.h"
#include "analysis/rule.h"
#include "export/json_parts.h"
#include "model/figures.h"

static void write_leak(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_leak *leak)
{
    const struct ms_process *process = ms_model_process_by_id(model, leak->process_id);
    const bool ended = process != NULL && process->end_ns != 0;
    const uint64_t until_ns = ended ? process->end_ns : ms_model_now_ns(model);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "site_id", leak->site_id);
    ms_json_member_u64(writer, "process_id", leak->process_id);
    ms_json_member_bool(writer, "ended", ended);
    ms_json_member_u64(writer, "live_bytes", leak->live_bytes);
    ms_json_member_u64(writer, "live_blocks", leak->live_blocks);
    ms_json_member_u64(writer, "leaked_bytes", leak->leaked_bytes);
    ms_json_member_u64(writer, "leaked_blocks", leak->leaked_blocks);
    ms_json_member_u64(writer, "age_ns", until_ns > leak->since_ns ? until_ns - leak->since_ns : 0);
    ms_json_member_fixed(writer, "slope_bytes_per_s", leak->slope_bytes_per_s);
    ms_json_member_u64(writer, "windows", leak->windows);
    ms_json_key(writer, "confidence");
    ms_json_fixed(writer, leak->confidence, 3);
    ms_json_member_bool(writer, "suppressed", leak->suppressed);
    ms_json_member_string(writer, "reason", leak->reason);
    ms_json_object_end(writer);
}

static const char *why_not_judged(const struct ms_model *model, const struct ms_findings *findings)
{
    const char *because;
    const double count =
        ms_session_metric(MS_SESSION_METRIC_LIKELY_LEAKS, model, findings, &because);
    const bool found = findings != NULL && ms_leaks_count(ms_findings_leaks(findings)) > 0;
    return isnan(count) && !found ? because : NULL;
}

/* An empty list says that nothing grows; where nothing was seen nobody can say that. */
static void write_likely(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_findings *findings)
{
    const char *not_judged = why_not_judged(model, findings);
    ms_json_member_text_or_null(writer, "not_judged_because", not_judged != NULL ? not_judged : "");
    ms_json_key(writer, "likely");
    if (not_judged != NULL) {
        ms_json_null(writer);
        return;
    }
    const struct ms_leaks *leaks = ms_findings_leaks(findings);
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_leaks_count(leaks); i++) {
        ms_json_line(writer);
        write_leak(writer, model, ms_leaks_at(leaks, i));
    }
    ms_json_array_end(writer);
}

static void write_error(struct ms_json_writer *writer, bool estimated, double variance,
                        uint64_t bytes)
{
    ms_json_member_fixed(writer, "relative_error",
                         estimated ? ms_figures_relative_error(variance, bytes) : (double)NAN);
}

static void write_not_freed_sites(struct ms_json_writer *writer, const struct ms_not_freed *sites,
                                  size_t count)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < count; i++) {
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_u64(writer, "site_id", sites[i].site_id);
        ms_json_member_u64(writer, "bytes", sites[i].bytes);
        ms_json_member_u64(writer, "blocks", sites[i].blocks);
        ms_json_member_bool(writer, "estimated", sites[i].estimated);
        write_error(writer, sites[i].estimated, sites[i].variance, sites[i].bytes);
        ms_json_member_bool(writer, "suppressed", sites[i].suppressed);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_not_freed(struct ms_json_writer *writer, const struct ms_model *model,
                            const struct ms_suppressions *suppressions)
{
    static const struct ms_scope all;
    const struct ms_not_freed_sum sum = ms_not_freed_sum(model, &all, suppressions);
    if (!sum.known) {
        ms_json_null(writer);
        return;
    }
    ms_json_object_begin(writer);
    ms_json_key(writer, "totals");
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "bytes", sum.bytes);
    ms_json_member_u64(writer, "blocks", sum.blocks);
    ms_json_member_u64(writer, "sites", sum.sites);
    ms_json_member_u64(writer, "suppressed_bytes", sum.suppressed_bytes);
    ms_json_member_u64(writer, "suppressed_blocks", sum.suppressed_blocks);
    ms_json_member_u64(writer, "suppressed_sites", sum.suppressed_sites);
    ms_json_member_bool(writer, "estimated", sum.estimated);
    write_error(writer, sum.estimated, sum.variance, sum.bytes);
    ms_json_member_u64(writer, "exact_bytes", sum.exact_bytes);
    ms_json_object_end(writer);
    ms_json_key(writer, "sites");
    struct ms_not_freed *sites = malloc(MS_JSON_TOP_NOT_FREED * sizeof(*sites));
    if (sites != NULL) {
        const size_t count =
            ms_not_freed_sites(model, &all, suppressions, sites, MS_JSON_TOP_NOT_FREED);
        write_not_freed_sites(writer, sites,
                              count < MS_JSON_TOP_NOT_FREED ? count : MS_JSON_TOP_NOT_FREED);
    } else {
        ms_json_null(writer);
    }
    free(sites);
    ms_json_object_end(writer);
}

void ms_json_leaks(struct ms_json_writer *writer, const struct ms_model *model,
                   const struct ms_findings *findings)
{
    ms_json_object_begin(writer);
    write_likely(writer, model, findings);
    ms_json_line(writer);
    ms_json_key(writer, "not_freed");
    write_not_freed(writer, model, findings != NULL ? ms_findings_suppressions(findings) : NULL);
    ms_json_object_end(writer);
}
