/* What is tracked of a process, and the steps down that its probe made. */
#include "export/json_parts.h"

static void write_rate(struct ms_json_writer *writer, bool sampled,
                       const struct ms_sample_rate *rate)
{
    ms_json_member_u64_or_null(writer, "sample_interval_bytes", sampled && !rate->of_allocations,
                               rate->interval);
    ms_json_member_u64_or_null(writer, "sample_interval_allocations",
                               sampled && rate->of_allocations, rate->interval);
}

static void write_step(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_step_down *step)
{
    const uint64_t start_ns = ms_model_start_ns(model);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "t_ns", step->at_ns > start_ns ? step->at_ns - start_ns : 0);
    ms_json_member_string(writer, "mode", step->sampled ? "sampled" : "exact");
    ms_json_member_u64(writer, "depth", step->depth);
    write_rate(writer, step->sampled, &step->rate);
    ms_json_member_string(writer, "because", step->because);
    ms_json_object_end(writer);
}

void ms_json_tracking(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_process_tracking *tracking)
{
    if (!tracking->known) {
        ms_json_null(writer);
        return;
    }
    const struct ms_tracking_settings *asked = &tracking->asked;
    const struct ms_step_down *step = ms_tracking_step(tracking);
    const bool sampled = step != NULL ? step->sampled : asked->mode == MS_TRACK_SAMPLED;
    ms_json_object_begin(writer);
    ms_json_member_string(writer, "asked_mode", ms_tracking_word(asked->mode));
    ms_json_member_u64(writer, "asked_depth", asked->depth);
    ms_json_member_string(writer, "mode",
                          step == NULL && asked->mode < MS_TRACK_EXACT
                              ? ms_tracking_word(asked->mode)
                          : sampled ? "sampled"
                                    : "exact");
    ms_json_member_u64(writer, "depth", step != NULL ? step->depth : asked->depth);
    write_rate(writer, sampled, step != NULL ? &step->rate : &asked->rate);
    ms_json_member_text_or_null(writer, "threads", asked->threads);
    ms_json_member_u64(writer, "changes", tracking->changes);
    ms_json_member_u64(writer, "steps", tracking->steps);
    ms_json_key(writer, "last_steps");
    ms_json_array_begin(writer);
    for (uint32_t i = 0; i < tracking->steps_kept; i++) {
        write_step(writer, model, &tracking->step[i]);
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
}
