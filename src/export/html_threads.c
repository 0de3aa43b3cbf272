/* Threads: what is said of each in words, and all their figures as columns. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/bottleneck.h"
#include "analysis/efficiency.h"
#include "analysis/ranking.h"
#include "export/html_parts.h"
#include "export/json_parts.h"

static void write_thread(struct ms_json_writer *writer, const struct ms_html *html,
                         const struct ms_baseline *baseline, const struct ms_thread *thread)
{
    const struct ms_model *model = html->model;
    const struct ms_judgement judgement =
        ms_judge_against(&html->options->thresholds, baseline, thread);
    const struct ms_efficiency efficiency = ms_efficiency_of_thread(model, thread);
    const struct ms_bottleneck bottleneck = ms_bottleneck_of_thread(model, thread);
    ms_json_line(writer);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "id", thread->id);
    ms_json_member_u64(writer, "process_id", thread->process_id);
    ms_json_member_u64_or_null(writer, "tid", thread->tid > 0, (uint64_t)thread->tid);
    ms_json_key(writer, "name");
    ms_json_bytes(writer, thread->name, strnlen(thread->name, sizeof(thread->name)));
    ms_json_member_bool(writer, "tracked", thread->tracked && thread->probed);
    ms_json_member_u64(writer, "role", judgement.role);
    ms_json_member_string(writer, "role_reason", judgement.role_reason);
    ms_json_member_string(writer, "alert", ms_alert_name(judgement.alert));
    ms_json_member_string(writer, "alert_reason", judgement.alert_reason);
    ms_json_member_string(writer, "efficiency_reason", efficiency.sentence);
    ms_json_member_string(writer, "bottleneck", ms_bottleneck_name(bottleneck.kind));
    ms_json_member_string(writer, "bottleneck_evidence", bottleneck.evidence);
    ms_json_member_bool(writer, "ended", thread->end_ns != 0);
    ms_json_member_u64(writer, "merged", thread->merged);
    ms_json_object_end(writer);
}

static int write_words(struct ms_html *html)
{
    FILE *out = ms_html_block_stream(html->out, "threads");
    struct ms_json_writer writer;
    if (out == NULL || ms_json_writer_open(&writer, out) != 0) {
        if (out != NULL) {
            (void)fclose(out);
        }
        return -ENOMEM;
    }
    const struct ms_baseline baseline = ms_baseline_of(html->model);
    int error = 0;
    ms_json_array_begin(&writer);
    for (size_t i = 0; error == 0 && i < ms_model_thread_count(html->model); i++) {
        const struct ms_thread *thread = ms_model_thread(html->model, i);
        html->threads++;
        if (ms_chosen_has_thread(&html->chosen, thread->id)) {
            write_thread(&writer, html, &baseline, thread);
        } else {
            html->threads_filtered++;
        }
        error = ms_html_progress(html, 1);
    }
    ms_json_array_end(&writer);
    const int closed = ms_json_writer_close(&writer);
    error = error != 0 ? error : closed;
    if (fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    return error;
}

/* Of counts the exact integer, as the JSON export has it. */
static double figure_of(const struct ms_model *model, const struct ms_thread *thread, int by)
{
    if (by == MS_RANK_EFFICIENCY) {
        return ms_efficiency_of_thread(model, thread).score;
    }
    uint64_t integer;
    if (ms_metric_integer_of_thread(thread, (enum ms_metric)by, &integer)) {
        return (double)integer;
    }
    const struct ms_value value =
        ms_metric_of_thread(thread, (enum ms_metric)by, ms_model_now_ns(model));
    return value.available ? value.number : (double)NAN;
}

int ms_html_threads(struct ms_html *html)
{
    int error = write_words(html);
    if (error != 0) {
        return error;
    }
    struct ms_html_block *block = ms_html_block_open(html->out, "thread-figures");
    for (int by = 0; block != NULL && error == 0 && by < MS_RANK_TOTAL; by++) {
        for (size_t i = 0; i < ms_model_thread_count(html->model); i++) {
            const struct ms_thread *thread = ms_model_thread(html->model, i);
            if (ms_chosen_has_thread(&html->chosen, thread->id)) {
                ms_html_block_f64(block, figure_of(html->model, thread, by));
            }
        }
        error = ms_html_progress(html, 0);
    }
    const int closed = ms_html_block_close(block);
    return error != 0 ? error : closed;
}
