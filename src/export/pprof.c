#include "export/pprof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/gzip.h"
#include "export/protobuf.h"
#include "export/stacks.h"
#include "model/figures.h"
#include "model/format.h"
#include "model/index.h"
#include "model/module.h"

/* Fields of https://github.com/google/pprof/blob/main/proto/profile.proto */
enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE,
    PROFILE_MAPPING,
    PROFILE_LOCATION,
    PROFILE_FUNCTION,
    PROFILE_STRING,
    PROFILE_TIME_NS = 9,
    PROFILE_DURATION_NS,
    PROFILE_PERIOD_TYPE,
    PROFILE_PERIOD,
    PROFILE_COMMENT,
    PROFILE_DEFAULT_TYPE
};
enum value_type_field { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT };
enum sample_field { SAMPLE_LOCATIONS = 1, SAMPLE_VALUES, SAMPLE_LABEL };
enum label_field { LABEL_KEY = 1, LABEL_TEXT, LABEL_NUMBER };
enum mapping_field {
    MAPPING_ID = 1,
    MAPPING_LIMIT = 3,
    MAPPING_FILE = 5,
    MAPPING_BUILD_ID,
    MAPPING_FUNCTIONS,
    MAPPING_FILES,
    MAPPING_LINES,
    MAPPING_INLINED
};
enum location_field { LOCATION_ID = 1, LOCATION_MAPPING, LOCATION_ADDRESS, LOCATION_LINE };
enum line_field { LINE_FUNCTION = 1, LINE_LINE };
enum function_field { FUNCTION_ID = 1, FUNCTION_NAME, FUNCTION_SYSTEM_NAME, FUNCTION_FILE };

/* Ids of locations: words of call_functions.h first, then frames by number. */
#define FIRST_FRAME_ID (MS_CALL_WORDS + 1)

/* X(id, name, unit) */
#define SAMPLE_TYPES(X)                                                                            \
    X(ALLOC_OBJECTS, "alloc_objects", "count")                                                     \
    X(ALLOC_SPACE, "alloc_space", "bytes")                                                         \
    X(INUSE_OBJECTS, "inuse_objects", "count")                                                     \
    X(INUSE_SPACE, "inuse_space", "bytes")                                                         \
    X(CPU, "cpu", "nanoseconds")

enum sample_type {
#define SAMPLE_TYPE_ID(id, name, unit) TYPE_##id,
    SAMPLE_TYPES(SAMPLE_TYPE_ID)
#undef SAMPLE_TYPE_ID
        TYPE_TOTAL
};

struct values {
    uint64_t of[TYPE_TOTAL];
};

struct profile {
    const struct ms_model *model;
    const struct ms_export_options *options;
    const struct ms_thresholds *thresholds;
    struct ms_baseline baseline;
    uint8_t *roles; /* by id of thread: enum ms_role + 1; 0: not judged yet */
    size_t roles_capacity;
    struct ms_stacks stacks;
    struct ms_gzip gzip;
    struct ms_chunks strings; /* char *, by index */
    struct ms_index string_by_text;
    uint32_t functions_told;
    uint8_t *frames_told; /* a bit for each frame */
    size_t frames_capacity;
    size_t types; /* with cpu or without */
    struct ms_protobuf message, inner, innermost, locations;
    int error;
};

static void fail(struct profile *profile, int error)
{
    profile->error = profile->error != 0 ? profile->error : error;
}

/* The message that was put together, as a field of the profile. */
static void put(struct profile *profile, enum profile_field field,
                const struct ms_protobuf *message)
{
    struct ms_protobuf head = {0};
    ms_protobuf_varint(&head, (uint64_t)field << 3 | 2);
    ms_protobuf_varint(&head, message->used);
    if (head.failed || message->failed) {
        fail(profile, -ENOMEM);
    } else {
        ms_gzip_write(&profile->gzip, head.bytes, head.used);
        ms_gzip_write(&profile->gzip, message->bytes, message->used);
        fail(profile, profile->gzip.error);
    }
    ms_protobuf_free(&head);
}

static void put_number(struct profile *profile, enum profile_field field, uint64_t value)
{
    struct ms_protobuf number = {0};
    ms_protobuf_number(&number, field, value);
    ms_gzip_write(&profile->gzip, number.bytes, number.used);
    fail(profile, number.failed ? -ENOMEM : profile->gzip.error);
    ms_protobuf_free(&number);
}

/* Its index in the table of strings, written when it is new. Index 0 is "". */
static uint64_t string(struct profile *profile, const char *text)
{
    char safe[MS_STACK_NAME_MAX];
    const size_t bytes = ms_format_safe(safe, sizeof safe, text, strlen(text), true);
    const uint32_t hash = ms_hash_bytes(safe, bytes, 0);
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&profile->string_by_text, hash, &cursor, &position)) {
        if (strcmp(*(char **)ms_chunks_at(&profile->strings, position), safe) == 0) {
            return position;
        }
    }
    position = (uint32_t)profile->strings.count;
    char **slot = ms_chunks_add(&profile->strings);
    if (slot == NULL || (*slot = strdup(safe)) == NULL ||
        ms_index_add(&profile->string_by_text, hash, position) != 0) {
        fail(profile, -ENOMEM);
        return 0;
    }
    const struct ms_protobuf message = {.bytes = (uint8_t *)*slot, .used = bytes};
    put(profile, PROFILE_STRING, &message);
    return position;
}

static void put_type(struct profile *profile, enum profile_field field, const char *type,
                     const char *unit)
{
    const uint64_t type_index = string(profile, type);
    const uint64_t unit_index = string(profile, unit);
    ms_protobuf_clear(&profile->message);
    ms_protobuf_number(&profile->message, VALUE_TYPE_TYPE, type_index);
    ms_protobuf_number(&profile->message, VALUE_TYPE_UNIT, unit_index);
    put(profile, field, &profile->message);
}

/* All functions that have a number by now. */
static void put_functions(struct profile *profile)
{
    const struct ms_call_functions *functions = &profile->stacks.functions;
    while (profile->functions_told < functions->list.count) {
        const uint32_t number = ++profile->functions_told;
        const struct ms_call_function *function = ms_call_function_at(functions, number);
        const uint64_t name = string(profile, ms_call_function_name(function));
        const uint64_t file = string(profile, function->frame != NULL ? function->frame->file : "");
        ms_protobuf_clear(&profile->message);
        ms_protobuf_number(&profile->message, FUNCTION_ID, number);
        ms_protobuf_number(&profile->message, FUNCTION_NAME, name);
        ms_protobuf_number(&profile->message, FUNCTION_SYSTEM_NAME, name);
        ms_protobuf_number(&profile->message, FUNCTION_FILE, file);
        put(profile, PROFILE_FUNCTION, &profile->message);
    }
}

static void add_line(struct profile *profile, uint32_t function, uint32_t line)
{
    ms_protobuf_clear(&profile->innermost);
    ms_protobuf_number(&profile->innermost, LINE_FUNCTION, function);
    ms_protobuf_number(&profile->innermost, LINE_LINE, line);
    ms_protobuf_message(&profile->inner, LOCATION_LINE, &profile->innermost);
}

/* False: this frame was told before. */
static bool first_time(struct profile *profile, uint32_t number)
{
    const size_t byte = number / 8;
    if (byte >= profile->frames_capacity) {
        size_t capacity = profile->frames_capacity == 0 ? 1024 : profile->frames_capacity;
        while (capacity <= byte) {
            capacity *= 2;
        }
        uint8_t *grown = realloc(profile->frames_told, capacity);
        if (grown == NULL) {
            fail(profile, -ENOMEM);
            return false;
        }
        memset(grown + profile->frames_capacity, 0, capacity - profile->frames_capacity);
        profile->frames_told = grown;
        profile->frames_capacity = capacity;
    }
    const uint8_t bit = (uint8_t)(1u << number % 8);
    const bool first = (profile->frames_told[byte] & bit) == 0;
    profile->frames_told[byte] |= bit;
    return first;
}

/* One address with the functions that share it, the innermost first. */
static void put_location(struct profile *profile, const struct ms_frame *frame)
{
    ms_protobuf_clear(&profile->inner);
    ms_protobuf_number(&profile->inner, LOCATION_ID, frame->number + FIRST_FRAME_ID);
    ms_protobuf_number(&profile->inner, LOCATION_MAPPING, frame->module_id);
    /* In the file: mappings begin at 0, so that addresses of several processes agree. */
    ms_protobuf_number(&profile->inner, LOCATION_ADDRESS,
                       frame->module_id != 0 ? frame->file_offset : frame->address);
    for (const struct ms_frame *level = frame; level != NULL; level = level->inlined_by) {
        const uint32_t function = ms_call_function_of(&profile->stacks.functions, level);
        fail(profile, function == 0 ? -ENOMEM : 0);
        add_line(profile, function, level->line);
    }
    put(profile, PROFILE_LOCATION, &profile->inner);
    put_functions(profile);
}

static void put_words(struct profile *profile)
{
    put_functions(profile);
    for (uint32_t word = 1; word <= MS_CALL_WORDS; word++) {
        ms_protobuf_clear(&profile->inner);
        ms_protobuf_number(&profile->inner, LOCATION_ID, word);
        add_line(profile, word, 0);
        put(profile, PROFILE_LOCATION, &profile->inner);
    }
}

/* Ids of the locations of a site, packed, the innermost first. */
static void locations_of(struct profile *profile, const struct ms_site *site)
{
    ms_protobuf_clear(&profile->locations);
    for (size_t i = 0; i < site->depth; i++) {
        const struct ms_frame *frame = ms_site_frame(site, i);
        if (first_time(profile, frame->number)) {
            put_location(profile, frame);
        }
        ms_protobuf_varint(&profile->locations, frame->number + FIRST_FRAME_ID);
    }
    const uint32_t words = ms_call_words_of(site);
    if (words != 0) {
        ms_protobuf_varint(&profile->locations, words);
    }
}

static void add_label(struct profile *profile, const char *key, const char *text, uint64_t number)
{
    const uint64_t key_index = string(profile, key);
    const uint64_t text_index = text != NULL ? string(profile, text) : 0;
    ms_protobuf_clear(&profile->innermost);
    ms_protobuf_number(&profile->innermost, LABEL_KEY, key_index);
    ms_protobuf_number(&profile->innermost, LABEL_TEXT, text_index);
    ms_protobuf_number(&profile->innermost, LABEL_NUMBER, number);
    ms_protobuf_message(&profile->inner, SAMPLE_LABEL, &profile->innermost);
}

/* Judged once, not for each of its call sites. */
static enum ms_role role_of(struct profile *profile, const struct ms_thread *thread)
{
    if (thread->id >= profile->roles_capacity) {
        const size_t capacity = (size_t)thread->id * 2 + 64;
        uint8_t *grown = realloc(profile->roles, capacity);
        if (grown == NULL) {
            fail(profile, -ENOMEM);
            return (enum ms_role)0;
        }
        memset(grown + profile->roles_capacity, 0, capacity - profile->roles_capacity);
        profile->roles = grown;
        profile->roles_capacity = capacity;
    }
    uint8_t *role = &profile->roles[thread->id];
    if (*role == 0) {
        *role =
            (uint8_t)(ms_judge_against(profile->thresholds, &profile->baseline, thread).role + 1);
    }
    return (enum ms_role)(*role - 1);
}

static void add_labels(struct profile *profile, uint32_t thread_id)
{
    const struct ms_thread *thread = ms_model_thread_by_id(profile->model, thread_id);
    if (thread == NULL) {
        return;
    }
    const struct ms_process *process = ms_model_process_by_id(profile->model, thread->process_id);
    char name[MS_NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)strnlen(thread->name, sizeof thread->name),
             thread->name);
    add_label(profile, "thread", *name != '\0' ? name : "?", 0);
    add_label(profile, "role", ms_role_name(role_of(profile, thread)), 0);
    if (thread->tid > 0) {
        add_label(profile, "tid", NULL, (uint64_t)thread->tid);
    }
    if (process != NULL && process->pid > 0) {
        add_label(profile, "pid", NULL, (uint64_t)process->pid);
    }
}

/* What a thread did at the site of the locations. */
static void put_sample(struct profile *profile, uint32_t thread_id, const struct values *values)
{
    bool any = false;
    ms_protobuf_clear(&profile->innermost);
    for (size_t i = 0; i < profile->types; i++) {
        ms_protobuf_varint(&profile->innermost, values->of[i]);
        any = any || values->of[i] != 0;
    }
    if (!any || !ms_chosen_has_thread(&profile->stacks.chosen, thread_id)) {
        return;
    }
    ms_protobuf_clear(&profile->inner);
    ms_protobuf_message(&profile->inner, SAMPLE_LOCATIONS, &profile->locations);
    ms_protobuf_message(&profile->inner, SAMPLE_VALUES, &profile->innermost);
    add_labels(profile, thread_id);
    put(profile, PROFILE_SAMPLE, &profile->inner);
}

static void put_site(struct profile *profile, const struct ms_site *site)
{
    const struct ms_usage *usage = NULL;
    const struct ms_activity *activity = NULL;
    if ((site->flags & MS_SITE_NOT_SAMPLED) != 0) {
        return;
    }
    locations_of(profile, site);
    while ((usage = ms_model_site_usage(profile->model, site->id, usage)) != NULL) {
        const bool live = usage->allocations > usage->deallocations;
        const struct values values = {
            .of = {[TYPE_ALLOC_OBJECTS] = usage->allocations,
                   [TYPE_ALLOC_SPACE] = usage->bytes_allocated,
                   [TYPE_INUSE_OBJECTS] = live ? usage->allocations - usage->deallocations : 0,
                   [TYPE_INUSE_SPACE] = ms_usage_current_bytes(usage)}};
        put_sample(profile, usage->thread_id, &values);
    }
    while ((activity = ms_model_site_activity(profile->model, site->id, activity)) != NULL) {
        const struct values values = {.of = {[TYPE_CPU] = activity->work.cpu_ns}};
        put_sample(profile, activity->thread_id, &values);
    }
}

static void put_mapping(struct profile *profile, const struct ms_module *module)
{
    const bool lines = module->names == MS_NAMES_LINES;
    const uint64_t file = string(profile, module->path);
    const uint64_t build_id = string(profile, module->build_id);
    ms_protobuf_clear(&profile->message);
    ms_protobuf_number(&profile->message, MAPPING_ID, module->id);
    ms_protobuf_number(&profile->message, MAPPING_LIMIT, UINT64_MAX);
    ms_protobuf_number(&profile->message, MAPPING_FILE, file);
    ms_protobuf_number(&profile->message, MAPPING_BUILD_ID, build_id);
    /* What is not known here pprof may look up itself. */
    ms_protobuf_number(&profile->message, MAPPING_FUNCTIONS,
                       lines || module->names == MS_NAMES_SYMBOLS);
    ms_protobuf_number(&profile->message, MAPPING_FILES, lines);
    ms_protobuf_number(&profile->message, MAPPING_LINES, lines);
    ms_protobuf_number(&profile->message, MAPPING_INLINED, lines);
    put(profile, PROFILE_MAPPING, &profile->message);
}

/* pprof takes the first one for the program. */
static void put_mappings(struct profile *profile)
{
    const struct ms_process *program = ms_model_program(profile->model);
    const size_t count = ms_model_module_count(profile->model);
    for (int others = 0; others < 2; others++) {
        for (size_t i = 0; i < count; i++) {
            const struct ms_module *module = ms_model_module(profile->model, i);
            const bool is_program = program != NULL && strcmp(module->path, program->exe) == 0;
            if (is_program != (others != 0)) {
                put_mapping(profile, module);
            }
        }
    }
}

static void put_comment(struct profile *profile, const char *text)
{
    put_number(profile, PROFILE_COMMENT, string(profile, text));
}

/* What the values are, since no field says how they were come by. */
static void put_comments(struct profile *profile)
{
    char text[512];
    char tracking[MS_TRACKING_TEXT_MAX + MS_THREADS_LIST_MAX];
    snprintf(text, sizeof text, "memscope-top %s", profile->options->program_version);
    put_comment(profile, text);
    if (ms_model_tracking_text(profile->model, tracking, sizeof tracking) != NULL) {
        snprintf(text, sizeof text,
                 "tracked %s; values of sampled call stacks are estimates, scaled already",
                 tracking);
        put_comment(profile, text);
    }
    const struct ms_cpu_sampling *sampling = ms_model_cpu_sampling(profile->model);
    if (profile->types == TYPE_TOTAL) {
        snprintf(text, sizeof text,
                 "cpu: %u samples a second of each thread that runs, times their period%s",
                 sampling->frequency_hz, sampling->kernel ? "" : "; without time in the kernel");
        put_comment(profile, text);
    }
}

static void put_head(struct profile *profile)
{
    static const char *const types[][2] = {
#define TYPE_NAMES(id, name, unit) {name, unit},
        SAMPLE_TYPES(TYPE_NAMES)
#undef TYPE_NAMES
    };
    (void)string(profile, "");
    for (size_t i = 0; i < profile->types; i++) {
        put_type(profile, PROFILE_SAMPLE_TYPE, types[i][0], types[i][1]);
    }
    const struct ms_process *program = ms_model_program(profile->model);
    const struct ms_tracking_settings *asked = program != NULL ? &program->tracking.asked : NULL;
    const bool sampled = asked != NULL && asked->mode == MS_TRACK_SAMPLED;
    const bool blocks = sampled && asked->rate.of_allocations;
    put_type(profile, PROFILE_PERIOD_TYPE, blocks ? "objects" : "space",
             blocks ? "count" : "bytes");
    put_number(profile, PROFILE_PERIOD, sampled ? asked->rate.interval : 1);
    put_number(profile, PROFILE_TIME_NS, ms_model_start_unix_ns(profile->model));
    put_number(profile, PROFILE_DURATION_NS,
               ms_model_now_ns(profile->model) - ms_model_start_ns(profile->model));
    put_number(profile, PROFILE_DEFAULT_TYPE, string(profile, types[TYPE_INUSE_SPACE][0]));
    put_comments(profile);
}

static void put_all(struct profile *profile)
{
    const size_t count = ms_model_site_count(profile->model);
    put_head(profile);
    put_words(profile);
    for (size_t i = 0; i < count && profile->error == 0; i++) {
        put_site(profile, ms_model_site(profile->model, i));
        fail(profile, ms_stacks_go_on(profile->options, i, count) ? 0 : -ECANCELED);
    }
    put_mappings(profile);
}

static bool any_cpu(const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_activity_count(model); i++) {
        if (ms_model_activity(model, i)->work.cpu_ns > 0) {
            return true;
        }
    }
    return false;
}

static void let_go(struct profile *profile)
{
    for (size_t i = 0; i < profile->strings.count; i++) {
        free(*(char **)ms_chunks_at(&profile->strings, i));
    }
    ms_chunks_free(&profile->strings);
    ms_index_free(&profile->string_by_text);
    free(profile->frames_told);
    free(profile->roles);
    ms_protobuf_free(&profile->message);
    ms_protobuf_free(&profile->inner);
    ms_protobuf_free(&profile->innermost);
    ms_protobuf_free(&profile->locations);
    ms_stacks_close(&profile->stacks);
}

int ms_pprof_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options)
{
    struct profile profile = {.model = model,
                              .options = options,
                              .thresholds = &options->thresholds,
                              .baseline = ms_baseline_of(model),
                              .strings = {.element_bytes = sizeof(char *)},
                              .types = any_cpu(model) ? TYPE_TOTAL : TYPE_CPU};
    int error = ms_stacks_open(&profile.stacks, model, options);
    if (error != 0) {
        return error;
    }
    error = ms_gzip_open(&profile.gzip, out);
    if (error == 0) {
        put_all(&profile);
        error = ms_gzip_close(&profile.gzip);
    }
    let_go(&profile);
    return profile.error != 0 ? profile.error : error;
}
