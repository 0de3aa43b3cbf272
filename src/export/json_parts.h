/* The parts of a JSON report, one function each. For src/export only. */
#ifndef MS_EXPORT_JSON_PARTS_H
#define MS_EXPORT_JSON_PARTS_H

#include "analysis/types.h"
#include "export/chosen.h"
#include "export/json.h"
#include "export/json_writer.h"
#include "model/figures.h"
#include "model/tree.h"

/* What each costs, for the progress. */
#define MS_JSON_UNITS_OF_SITE     8u
#define MS_JSON_UNITS_OF_HOTSPOTS 2u /* by site */
#define MS_JSON_UNITS_OF_THREAD   4u

static inline bool ms_json_shows_thread(const struct ms_json_writer *writer, uint32_t thread_id)
{
    return writer->chosen == NULL || ms_chosen_has_thread(writer->chosen, thread_id);
}

/* Each writes the value that belongs to its key. */
/* json_machine.c */
void ms_json_system(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_sources(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_metrics(struct ms_json_writer *writer, const struct ms_model *model);
/* What it was by exec, and whether it stands for several. */
void ms_json_process_kin(struct ms_json_writer *writer, const struct ms_process *process);
/* Sums of its branch. */
void ms_json_branch(struct ms_json_writer *writer, const struct ms_tree *tree, uint32_t process_id);
void ms_json_processes(struct ms_json_writer *writer, const struct ms_model *model,
                       bool hide_arguments);
/* null: not known. */
void ms_json_tracking(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_process_tracking *tracking);
void ms_json_threads(struct ms_json_writer *writer, const struct ms_model *model,
                     const struct ms_thresholds *thresholds);
/* json_sites.c */
/* Why its stack is not whole, as docs/schema.json has it; "": it is. */
const char *ms_json_truncated(const struct ms_site *site);
void ms_json_sites(struct ms_json_writer *writer, const struct ms_model *model,
                   struct ms_types *types);
/* json_io.c. null: not seen. */
void ms_json_thread_io(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_thread *thread);
/* Without memory the document ends in an error. */
void ms_json_hotspots(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_modules(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_flows(struct ms_json_writer *writer, const struct ms_model *model);
/* json_flows.c */
void ms_json_flow_totals(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_flow_patterns(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_misuse(struct ms_json_writer *writer, const struct ms_model *model);
/* json_marks.c */
void ms_json_marks(struct ms_json_writer *writer, const struct ms_model *model);
/* `findings` may be NULL: what is judged while a program runs is null then. */
void ms_json_leaks(struct ms_json_writer *writer, const struct ms_model *model,
                   const struct ms_findings *findings);
/* json_judgements.c; null where `findings` is NULL. */
void ms_json_rankings(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_findings *findings);
void ms_json_anomalies(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_findings *findings);
void ms_json_limits(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_insights(struct ms_json_writer *writer, const struct ms_model *model,
                      const struct ms_findings *findings);
/* json_judgements.c: the member `judgements` of an open object. */
void ms_json_thread_judgements(struct ms_json_writer *writer, const struct ms_model *model,
                               const struct ms_thread *thread);
void ms_json_process_judgements(struct ms_json_writer *writer, const struct ms_model *model,
                                const struct ms_process *process);
void ms_json_timeline(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_correlations(struct ms_json_writer *writer, const struct ms_model *model);

/* json_types.c. All types of the model, summed up; NULL without memory: the others accept that, and
 * the document ends in an error. */
struct ms_types *ms_json_types_of(const struct ms_model *model);
void ms_json_types(struct ms_json_writer *writer, const struct ms_types *types);
/* Members of an open object. */
void ms_json_site_type(struct ms_json_writer *writer, struct ms_types *types,
                       const struct ms_site *site);

/* Members of an object that is open. */
void ms_json_member_string(struct ms_json_writer *writer, const char *name, const char *text);
/* "" becomes null. */
void ms_json_member_text_or_null(struct ms_json_writer *writer, const char *name, const char *text);
void ms_json_member_u64(struct ms_json_writer *writer, const char *name, uint64_t value);
void ms_json_member_u64_or_null(struct ms_json_writer *writer, const char *name, bool available,
                                uint64_t value);
void ms_json_member_bool(struct ms_json_writer *writer, const char *name, bool value);
void ms_json_member_fixed(struct ms_json_writer *writer, const char *name, double value);
/* Totals of a process or of all; all null when not `available`. */
void ms_json_heap_totals(struct ms_json_writer *writer, const struct ms_heap *heap, bool available,
                         uint64_t peak_error_bytes);

/* json_memory.c: values */
void ms_json_histograms(struct ms_json_writer *writer);
void ms_json_stack_check(struct ms_json_writer *writer, const struct ms_stack_check *check);
/* json_memory.c: members */
void ms_json_classes(struct ms_json_writer *writer, const struct ms_figures *figures,
                     const struct ms_heap *heap, bool available);
void ms_json_not_sampled(struct ms_json_writer *writer, const struct ms_figures *figures);
void ms_json_site_figures(struct ms_json_writer *writer, const struct ms_model *model,
                          const struct ms_site *site);
void ms_json_process_figures(struct ms_json_writer *writer, const struct ms_model *model,
                             const struct ms_process *process, const struct ms_figures *figures);

/* json_lifetime.c, json_boundaries.c: values */
void ms_json_lifetime(struct ms_json_writer *writer, const struct ms_model *model);
void ms_json_boundaries(struct ms_json_writer *writer, const struct ms_model *model);

/* json_resources.c: values */
void ms_json_resources(struct ms_json_writer *writer, const struct ms_model *model,
                       const struct ms_process *process);

#define MS_JSON_TOP_NOT_FREED 1000u /* sites whose blocks were not freed */

#endif
