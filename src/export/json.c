#include "export/json.h"

#include "export/json_frames.h"
#include "export/json_parts.h"

/* What the parts need. */
struct whole {
    const struct ms_model *model;
    const struct ms_export_options *options;
    struct ms_types *types; /* NULL: not needed, or no memory */
    enum ms_json_document document;
    uint32_t sections;
    struct ms_heap totals;
    struct ms_losses losses;
};

static void write_session(struct ms_json_writer *writer, const struct ms_model *model)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "start_unix_ns", ms_model_start_unix_ns(model));
    ms_json_member_u64(writer, "duration_ns", ms_model_now_ns(model) - ms_model_start_ns(model));
    ms_json_member_u64(writer, "interval_ns", ms_model_interval_ns(model));
    ms_json_object_end(writer);
}

/* In words, why some of the program is not in the figures; NULL when all of it is. */
static const char *untracked_reason(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->seen != MS_SEEN_FULL && process->seen_because[0] != '\0') {
            return process->seen_because;
        }
    }
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (!thread->tracked) {
            return thread->probed ? "threads that were not selected are not tracked"
                                  : "threads without a record of the probe are not tracked";
        }
    }
    return NULL;
}

static void write_losses(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_losses *losses)
{
    const char *reason = untracked_reason(model);
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "recorded", losses->recorded);
    ms_json_member_u64(writer, "lost", losses->lost);
    ms_json_member_u64(writer, "coarsened", losses->coarsened);
    ms_json_member_u64(writer, "owner_unknown", losses->owner_unknown);
    ms_json_member_u64(writer, "threads_folded", losses->threads_folded);
    ms_json_member_u64(writer, "not_classified", losses->not_classified);
    ms_json_member_u64(writer, "rates_refused", losses->rates_refused);
    ms_json_member_u64(writer, "misuse_missing", losses->misuse_missing);
    ms_json_member_u64(writer, "marks_missing", losses->marks_missing);
    ms_json_member_u64(writer, "io_sites_missing", losses->io_sites_missing);
    ms_json_member_text_or_null(writer, "untracked_reason", reason != NULL ? reason : "");
    ms_json_object_end(writer);
}

/* null: nothing is traced. */
static void write_trace(struct ms_json_writer *writer, const struct ms_model *model)
{
    const struct ms_trace *trace = ms_model_trace(model);
    const struct ms_trace_totals totals = ms_model_trace_totals(model);
    if (!totals.any) {
        ms_json_null(writer);
        return;
    }
    uint64_t sent = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        sent += ms_model_process(model, i)->trace.sent;
    }
    ms_json_object_begin(writer);
    ms_json_key(writer, "read");
    ms_json_bool(writer, trace->reading);
    ms_json_member_u64(writer, "events", totals.events);
    ms_json_member_u64(writer, "lost", totals.lost);
    ms_json_member_u64(writer, "sent", sent);
    ms_json_member_u64(writer, "batches", trace->batches);
    ms_json_member_u64(writer, "packet_bytes", trace->packet_bytes);
    ms_json_member_u64(writer, "refused", trace->refused);
    ms_json_member_text_or_null(writer, "because", totals.because);
    ms_json_object_end(writer);
}

static void write_totals(struct ms_json_writer *writer, const struct ms_model *model,
                         const struct ms_heap *totals)
{
    bool available = false;
    uint64_t error_bytes = 0;
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        available = available || process->seen != MS_SEEN_NONE;
        error_bytes += process->peak_error_bytes;
    }
    ms_json_heap_totals(writer, totals, available, error_bytes);
}

static void write_stacks(struct ms_json_writer *writer, const struct ms_model *model)
{
    struct ms_stack_check sum = {0};
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        ms_stack_check_add(&sum, &ms_model_process(model, i)->stacks);
    }
    ms_json_stack_check(writer, &sum);
}

static void part_session(struct ms_json_writer *writer, const struct whole *whole)
{
    write_session(writer, whole->model);
}

static void part_system(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_system(writer, whole->model);
}

static void part_sources(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_sources(writer, whole->model);
}

static void part_metrics(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_metrics(writer, whole->model);
}

static void part_histograms(struct ms_json_writer *writer, const struct whole *whole)
{
    (void)whole;
    ms_json_histograms(writer);
}

static void part_processes(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_processes(writer, whole->model, whole->options->hide_arguments);
}

static void part_threads(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_threads(writer, whole->model, &whole->options->thresholds);
}

static void part_sites(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_sites(writer, whole->model, whole->types);
}

static void part_types(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_types(writer, whole->types);
}

static void part_hotspots(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_hotspots(writer, whole->model);
}

static void part_lifetime(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_lifetime(writer, whole->model);
}

static void part_modules(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_modules(writer, whole->model);
}

static void part_boundaries(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_boundaries(writer, whole->model);
}

static void part_flows(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_flows(writer, whole->model);
}

static void part_flow_totals(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_flow_totals(writer, whole->model);
}

static void part_flow_patterns(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_flow_patterns(writer, whole->model);
}

static void part_misuse(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_misuse(writer, whole->model);
}

static void part_marks(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_marks(writer, whole->model);
}

static void part_leaks(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_leaks(writer, whole->model, whole->options->findings);
}

static void part_timeline(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_timeline(writer, whole->model);
}

static void part_correlations(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_correlations(writer, whole->model);
}

static void part_rankings(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_rankings(writer, whole->model, whole->options->findings);
}

static void part_anomalies(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_anomalies(writer, whole->model, whole->options->findings);
}

static void part_limits(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_limits(writer, whole->model);
}

static void part_insights(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_insights(writer, whole->model, whole->options->findings);
}

static void part_losses(struct ms_json_writer *writer, const struct whole *whole)
{
    write_losses(writer, whole->model, &whole->losses);
}

static void part_trace(struct ms_json_writer *writer, const struct whole *whole)
{
    write_trace(writer, whole->model);
}

static void part_stacks(struct ms_json_writer *writer, const struct whole *whole)
{
    write_stacks(writer, whole->model);
}

static void part_totals(struct ms_json_writer *writer, const struct whole *whole)
{
    write_totals(writer, whole->model, &whole->totals);
}

#define IN(document) (1u << MS_JSON_##document)
#define IN_ALL       (IN(DOCUMENT_TOTAL) - 1)
#define ALWAYS       MS_SECTION_TOTAL

/* In this order; `documents`: in which besides the comprehensive one. */
static const struct {
    const char *name;
    enum ms_section section; /* ALWAYS: it cannot be left out */
    unsigned documents;
    void (*write)(struct ms_json_writer *writer, const struct whole *whole);
} parts[] = {
    {"session", ALWAYS, IN_ALL, part_session},
    {"system", MS_SECTION_SYSTEM, IN(PERFORMANCE), part_system},
    {"sources", MS_SECTION_SYSTEM, IN(PERFORMANCE), part_sources},
    {"metrics", ALWAYS, IN_ALL, part_metrics},
    {"histograms", ALWAYS, IN(MEMORY) | IN(LIFETIME) | IN(RANKINGS) | IN(PERFORMANCE),
     part_histograms},
    {"processes", MS_SECTION_PROCESSES, IN(RANKINGS) | IN(MEMORY) | IN(PERFORMANCE),
     part_processes},
    {"threads", MS_SECTION_THREADS, IN(RANKINGS) | IN(MEMORY) | IN(PERFORMANCE), part_threads},
    {"sites", MS_SECTION_SITES, IN(MEMORY), part_sites},
    {"types", MS_SECTION_TYPES, IN(TYPES), part_types},
    {"hotspots", MS_SECTION_SITES, IN(MEMORY) | IN(PERFORMANCE), part_hotspots},
    {"lifetime", MS_SECTION_LIFETIME, IN(LIFETIME), part_lifetime},
    {"modules", MS_SECTION_BOUNDARIES, IN(BOUNDARIES), part_modules},
    {"boundaries", MS_SECTION_BOUNDARIES, IN(BOUNDARIES), part_boundaries},
    {"flows", MS_SECTION_FLOWS, IN(MEMORY) | IN(BOUNDARIES), part_flows},
    {"flow_totals", MS_SECTION_FLOWS, IN(MEMORY) | IN(BOUNDARIES), part_flow_totals},
    {"flow_patterns", MS_SECTION_FLOWS, IN(MEMORY) | IN(BOUNDARIES), part_flow_patterns},
    {"misuse", MS_SECTION_BOUNDARIES, IN(BOUNDARIES), part_misuse},
    {"marks", ALWAYS, IN_ALL, part_marks},
    {"leaks", MS_SECTION_LEAKS, IN(MEMORY), part_leaks},
    {"timeline", MS_SECTION_TIMELINE, IN(PERFORMANCE), part_timeline},
    {"correlations", MS_SECTION_CORRELATIONS, IN(PERFORMANCE), part_correlations},
    {"rankings", MS_SECTION_RANKINGS, IN(RANKINGS), part_rankings},
    {"anomalies", MS_SECTION_INSIGHTS, IN(PERFORMANCE), part_anomalies},
    {"limits", MS_SECTION_INSIGHTS, IN(PERFORMANCE), part_limits},
    {"insights", MS_SECTION_INSIGHTS, IN(PERFORMANCE), part_insights},
    {"losses", ALWAYS, IN_ALL, part_losses},
    {"trace", ALWAYS, IN_ALL, part_trace},
    {"stacks", ALWAYS, IN_ALL, part_stacks},
    {"totals", ALWAYS, IN_ALL, part_totals},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static const char *const document_names[MS_JSON_DOCUMENT_TOTAL] = {
#define DOCUMENT_NAME(id, name, what) name,
    MS_JSON_DOCUMENTS(DOCUMENT_NAME)
#undef DOCUMENT_NAME
};

const char *ms_json_document_name(enum ms_json_document document)
{
    return document_names[document];
}

/* Is a part of that section in documents of this kind? */
static bool belongs(size_t part, enum ms_json_document document)
{
    return ((parts[part].documents | IN(COMPREHENSIVE)) & 1u << document) != 0;
}

static bool is_asked_for(const struct whole *whole, enum ms_section section)
{
    return section == ALWAYS || (whole->sections & 1u << section) != 0;
}

static void write_section_names(struct ms_json_writer *writer, const struct whole *whole,
                                const char *name, bool written)
{
    ms_json_key(writer, name);
    ms_json_array_begin(writer);
    for (int section = 0; section < MS_SECTION_TOTAL; section++) {
        bool belonging = false;
        for (size_t i = 0; i < PARTS; i++) {
            belonging = belonging || (parts[i].section == (enum ms_section)section &&
                                      belongs(i, whole->document));
        }
        if (belonging && is_asked_for(whole, (enum ms_section)section) == written) {
            ms_json_string(writer, ms_section_name((enum ms_section)section));
        }
    }
    ms_json_array_end(writer);
}

/* What is in the document, and what was left out of it. */
static void write_contents(struct ms_json_writer *writer, const struct whole *whole)
{
    const struct ms_export_options *options = whole->options;
    ms_json_line(writer);
    ms_json_member_string(writer, "document", ms_json_document_name(whole->document));
    ms_json_key(writer, "sections");
    ms_json_object_begin(writer);
    write_section_names(writer, whole, "written", true);
    write_section_names(writer, whole, "left_out", false);
    ms_json_object_end(writer);
    ms_json_line(writer);
    ms_json_key(writer, "filters");
    ms_json_object_begin(writer);
    ms_json_key(writer, "threads");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < options->thread_rule_count; i++) {
        ms_json_string(writer, options->thread_rules[i].text);
    }
    ms_json_array_end(writer);
    ms_json_member_u64(writer, "threads_left_out", writer->chosen->left_out_count);
    ms_json_object_end(writer);
}

static void write_parts(struct ms_json_writer *writer, const struct whole *whole)
{
    ms_json_object_begin(writer);
    ms_json_key(writer, "memscope");
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "schema", MS_JSON_SCHEMA);
    ms_json_member_string(writer, "version", whole->options->program_version);
    ms_json_object_end(writer);
    write_contents(writer, whole);
    for (size_t i = 0; i < PARTS && writer->error == 0; i++) {
        if (belongs(i, whole->document) && is_asked_for(whole, parts[i].section)) {
            ms_json_line(writer);
            ms_json_key(writer, parts[i].name);
            parts[i].write(writer, whole);
        }
    }
    ms_json_line(writer);
    ms_json_object_end(writer);
    ms_json_line(writer);
}

/* So much there is to do, in the units of ms_json_advance. */
static uint64_t units_of(const struct whole *whole)
{
    static const uint64_t of_sites[MS_JSON_DOCUMENT_TOTAL] = {
        [MS_JSON_COMPREHENSIVE] = MS_JSON_UNITS_OF_SITE + MS_JSON_UNITS_OF_HOTSPOTS,
        [MS_JSON_MEMORY] = MS_JSON_UNITS_OF_SITE + MS_JSON_UNITS_OF_HOTSPOTS,
        [MS_JSON_PERFORMANCE] = MS_JSON_UNITS_OF_HOTSPOTS,
    };
    const uint64_t by_site = is_asked_for(whole, MS_SECTION_SITES) ? of_sites[whole->document] : 0;
    return 1 + by_site * ms_model_site_count(whole->model) +
           MS_JSON_UNITS_OF_THREAD * ms_model_thread_count(whole->model);
}

static bool needs_types(const struct whole *whole)
{
    return (is_asked_for(whole, MS_SECTION_SITES) &&
            (whole->document == MS_JSON_COMPREHENSIVE || whole->document == MS_JSON_MEMORY)) ||
           (is_asked_for(whole, MS_SECTION_TYPES) &&
            (whole->document == MS_JSON_COMPREHENSIVE || whole->document == MS_JSON_TYPES));
}

int ms_json_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options)
{
    struct ms_json_writer writer;
    struct ms_chosen chosen;
    struct whole whole = {.model = model,
                          .options = options,
                          .document = (enum ms_json_document)options->json_document,
                          .sections = options->sections != 0 ? options->sections : MS_SECTIONS_ALL};
    int error = ms_chosen_init(&chosen, model, options);
    error = error != 0 ? error : ms_json_writer_open(&writer, out);
    if (error != 0) {
        ms_chosen_fini(&chosen);
        return error;
    }
    writer.chosen = &chosen;
    writer.frames = ms_json_frames_new();
    writer.figures = ms_kept_figures_new(model);
    writer.progress = options->progress;
    writer.context = options->context;
    writer.all = units_of(&whole);
    ms_model_totals(model, &whole.totals, &whole.losses);
    whole.types = needs_types(&whole) ? ms_json_types_of(model) : NULL;
    write_parts(&writer, &whole);
    ms_types_free(whole.types);
    error = ms_json_writer_close(&writer);
    ms_json_frames_free(writer.frames);
    ms_kept_figures_free(writer.figures);
    ms_chosen_fini(&chosen);
    return error;
}
