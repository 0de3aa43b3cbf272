/* What is judged: efficiency, bottlenecks, rankings, anomalies, limits, insights. */
#include <errno.h>
#include <math.h>

#include "analysis/bottleneck.h"
#include "analysis/efficiency.h"
#include "analysis/forecast.h"
#include "analysis/insights.h"
#include "analysis/ranking.h"
#include "export/json_parts.h"

#define TOP_RANKED 50u

static void member_share(struct ms_json_writer *writer, const char *name, double share)
{
    ms_json_key(writer, name);
    ms_json_fixed(writer, share, 4);
}

static void member_double(struct ms_json_writer *writer, const char *name, double value)
{
    ms_json_key(writer, name);
    ms_json_double(writer, value);
}

static void write_efficiency(struct ms_json_writer *writer, const struct ms_efficiency *efficiency)
{
    ms_json_key(writer, "efficiency_score");
    ms_json_fixed(writer, efficiency->score, 1);
    ms_json_key(writer, "efficiency_parts");
    ms_json_object_begin(writer);
    for (int i = 0; i < MS_EFFICIENCY_TOTAL; i++) {
        member_share(writer, ms_efficiency_part_info((enum ms_efficiency_part)i)->name,
                     efficiency->parts[i]);
    }
    ms_json_object_end(writer);
    ms_json_member_string(writer, "efficiency_reason", efficiency->sentence);
}

static void write_bottleneck(struct ms_json_writer *writer, const struct ms_bottleneck *bottleneck)
{
    const struct ms_resource_shares *shares = &bottleneck->shares;
    ms_json_member_string(writer, "bottleneck", ms_bottleneck_name(bottleneck->kind));
    ms_json_member_string(writer, "bottleneck_evidence", bottleneck->evidence);
    ms_json_key(writer, "resource_shares");
    ms_json_object_begin(writer);
    member_share(writer, "cpu", shares->cpu);
    member_share(writer, "run_queue", shares->run_queue);
    member_share(writer, "memory", shares->memory);
    member_share(writer, "io", shares->io);
    member_share(writer, "network", shares->network);
    member_share(writer, "gpu", shares->gpu);
    member_share(writer, "locks", shares->locks);
    ms_json_object_end(writer);
}

static void write_judgements(struct ms_json_writer *writer, const struct ms_efficiency *efficiency,
                             const struct ms_bottleneck *bottleneck)
{
    ms_json_key(writer, "judgements");
    ms_json_object_begin(writer);
    write_efficiency(writer, efficiency);
    write_bottleneck(writer, bottleneck);
    ms_json_object_end(writer);
}

void ms_json_thread_judgements(struct ms_json_writer *writer, const struct ms_model *model,
                               const struct ms_thread *thread)
{
    const struct ms_time_use use = ms_time_use_of_thread(model, thread);
    const struct ms_efficiency efficiency = ms_efficiency_of_use(&use);
    const struct ms_bottleneck bottleneck = ms_bottleneck_of_thread_use(model, thread, &use);
    write_judgements(writer, &efficiency, &bottleneck);
}

void ms_json_process_judgements(struct ms_json_writer *writer, const struct ms_model *model,
                                const struct ms_process *process)
{
    const struct ms_efficiency efficiency = ms_efficiency_of_process(model, process);
    const struct ms_bottleneck bottleneck = ms_bottleneck_of_process(model, process);
    write_judgements(writer, &efficiency, &bottleneck);
}

static void write_roles(struct ms_json_writer *writer, const struct ms_ranking *ranking)
{
    ms_json_array_begin(writer);
    for (int role = 0; role < MS_ROLE_TOTAL; role++) {
        if (ranking->role_count[role] > 0) {
            ms_json_object_begin(writer);
            ms_json_member_string(writer, "role", ms_role_name((enum ms_role)role));
            ms_json_member_u64(writer, "threads", ranking->role_count[role]);
            member_double(writer, "mean", ranking->role_mean[role]);
            ms_json_object_end(writer);
        }
    }
    ms_json_array_end(writer);
}

static void write_ranked(struct ms_json_writer *writer, const struct ms_ranked *row)
{
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "thread_id", row->thread_id);
    ms_json_member_u64(writer, "rank", row->rank);
    ms_json_member_string(writer, "role", ms_role_name(row->role));
    ms_json_member_u64(writer, "rank_in_role", row->rank_in_role);
    member_double(writer, "value", row->value.number);
    member_double(writer, "ratio_to_mean", row->ratio);
    member_double(writer, "share", row->share);
    ms_json_object_end(writer);
}

static void write_ranking(struct ms_json_writer *writer, const struct ms_ranking *ranking)
{
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "metric", ms_rank_name(ranking->by));
    ms_json_member_u64(writer, "threads", ranking->count);
    ms_json_member_u64(writer, "known", ranking->known);
    member_double(writer, "mean", ranking->mean);
    member_double(writer, "median", ranking->median);
    member_double(writer, "sum", ranking->sum);
    ms_json_key(writer, "roles");
    write_roles(writer, ranking);
    ms_json_key(writer, "rows");
    ms_json_array_begin(writer);
    for (size_t i = 0, written = 0; i < ranking->known && written < TOP_RANKED; i++) {
        if (ms_json_shows_thread(writer, ranking->rows[i].thread_id)) {
            write_ranked(writer, &ranking->rows[i]);
            written++;
        }
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}

static void fail(struct ms_json_writer *writer, int error)
{
    writer->error = writer->error != 0 ? writer->error : error;
}

void ms_json_rankings(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_findings *findings)
{
    static const int by[] = {MS_METRIC_PEAK_BYTES,      MS_METRIC_CURRENT_BYTES,
                             MS_METRIC_BYTES_ALLOCATED, MS_METRIC_ALLOCATIONS,
                             MS_METRIC_CPU_PCT,         MS_METRIC_IO_OPERATIONS,
                             MS_RANK_EFFICIENCY};
    static const struct ms_scope all;
    if (findings == NULL) {
        ms_json_null(writer);
        return;
    }
    ms_json_array_begin(writer);
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        struct ms_ranking ranking;
        const int error = ms_ranking_of(model, findings, &all, by[i], false, &ranking);
        if (error != 0) {
            fail(writer, error);
            break;
        }
        write_ranking(writer, &ranking);
        ms_ranking_free(&ranking);
    }
    ms_json_line(writer);
    ms_json_array_end(writer);
}

static const char *const tables[] = {
    [MS_SERIES_OF_THREAD] = "thread",
    [MS_SERIES_OF_PROCESS] = "process",
    [MS_SERIES_OF_SYSTEM] = "system",
};

void ms_json_anomalies(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_findings *findings)
{
    if (findings == NULL) {
        ms_json_null(writer);
        return;
    }
    const struct ms_anomalies *anomalies = ms_findings_anomalies(findings);
    const uint64_t start_ns = ms_model_start_ns(model);
    char text[256];
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_anomalies_count(anomalies); i++) {
        const struct ms_anomaly *anomaly = ms_anomalies_at(anomalies, i);
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "of", tables[anomaly->of]);
        ms_json_member_string(writer, "metric", ms_series_info(anomaly->of, anomaly->series)->name);
        ms_json_member_u64_or_null(writer, "process_id", anomaly->process_id != 0,
                                   anomaly->process_id);
        ms_json_member_u64_or_null(writer, "thread_id", anomaly->thread_id != 0,
                                   anomaly->thread_id);
        ms_json_member_u64(writer, "t_ns", anomaly->at_ns - start_ns);
        ms_json_member_u64_or_null(writer, "end_ns", anomaly->end_ns != 0,
                                   anomaly->end_ns - start_ns);
        member_double(writer, "value", anomaly->value);
        member_double(writer, "median", anomaly->median);
        member_double(writer, "z", anomaly->z);
        ms_json_member_string(writer, "text", ms_anomaly_text(anomaly, model, text, sizeof(text)));
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
}

static void write_limit(struct ms_json_writer *writer, const struct ms_process *process,
                        const struct ms_forecast *forecast)
{
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "process_id", process->id);
    ms_json_member_string(writer, "limit", ms_limit_name(forecast->kind));
    member_double(writer, "used", forecast->used);
    member_double(writer, "most", forecast->limit);
    member_double(writer, "slope_per_s", forecast->slope_per_s);
    ms_json_member_bool(writer, "grows", isfinite(forecast->seconds_left));
    member_double(writer, "seconds_left", forecast->seconds_left);
    member_double(writer, "seconds_left_low", forecast->low_s);
    member_double(writer, "seconds_left_high", forecast->high_s);
    ms_json_key(writer, "confidence");
    ms_json_fixed(writer, forecast->confidence, 3);
    ms_json_member_string(writer, "text", forecast->sentence);
    ms_json_object_end(writer);
}

void ms_json_limits(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        struct ms_forecast forecasts[MS_LIMIT_TOTAL];
        const struct ms_process *process = ms_model_process(model, i);
        const size_t count = ms_forecast_of(model, process, forecasts);
        for (size_t k = 0; k < count; k++) {
            write_limit(writer, process, &forecasts[k]);
        }
    }
    ms_json_array_end(writer);
}

void ms_json_insights(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_findings *findings)
{
    static const struct ms_scope all;
    struct ms_insights insights;
    if (findings == NULL) {
        ms_json_null(writer);
        return;
    }
    ms_json_array_begin(writer);
    const int error =
        ms_insights_of(model, findings, ms_findings_anomalies(findings), &all, &insights);
    for (size_t i = 0; error == 0 && i < insights.count; i++) {
        const struct ms_insight *insight = &insights.rows[i];
        ms_json_line(writer);
        ms_json_object_begin(writer);
        ms_json_member_string(writer, "kind", ms_insight_kind_name(insight->kind));
        ms_json_member_string(writer, "severity", ms_severity_name(insight->severity));
        ms_json_member_u64_or_null(writer, "process_id", insight->process_id != 0,
                                   insight->process_id);
        ms_json_member_u64_or_null(writer, "thread_id", insight->thread_id != 0,
                                   insight->thread_id);
        ms_json_member_u64_or_null(writer, "site_id", insight->site_id != 0, insight->site_id);
        member_double(writer, "bytes", insight->bytes);
        member_double(writer, "ns_per_s", insight->ns_per_s);
        ms_json_member_string(writer, "what", insight->what);
        ms_json_member_string(writer, "advice", insight->advice);
        ms_json_object_end(writer);
    }
    ms_json_array_end(writer);
    if (error != 0) {
        fail(writer, error);
    } else {
        ms_insights_free(&insights);
    }
}
