/* See gpu.h. */
#include "collect/gpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/background.h"
#include "collect/drm.h"
#include "collect/nvml.h"
#include "collect/proc_file.h"
#include "collect/proc_text.h"
#include "wire/clock.h"

#define PROCESSES_MAX MS_DRM_PROCESSES_MAX /* that are joined */

/* A process that is watched, by the pids that a driver may know it by. */
struct pids {
    uint32_t process_id;
    pid_t pid, inner;
    bool present;
};

/* What one process uses, over all GPUs. */
struct use {
    uint64_t bytes;
    double pct; /* NaN: not told */
    bool found;
};

struct ms_gpu_reader {
    struct ms_gpu_options options;
    bool begun, nested; /* `nested`: we are not in the first pid namespace */
    struct ms_background *nvml_thread, *drm_thread;
    uint64_t nvml_ns, drm_ns; /* when the last answer came, or the thread began */
    bool nvml_answered, drm_answered;
    uint64_t join_ns; /* when processes are followed and joined next, at the latest */
    size_t count;
    struct pids pids[PROCESSES_MAX];
    struct ms_drm_input input;
    struct ms_nvml_result nvml;
    struct ms_drm_result drm;
};

static bool read_nvml(void *own, const void *input, void *result)
{
    (void)input;
    return ms_nvml_read(own, result, ms_monotonic_ns());
}

static void end_nvml(void *own)
{
    ms_nvml_close(own);
}

static bool read_drm(void *own, const void *input, void *result)
{
    ms_drm_read(own, input, result, ms_monotonic_ns());
    return true;
}

static void end_drm(void *own)
{
    ms_drm_free(own);
}

/* The first pid namespace has a number of its own (PROC_PID_INIT_INO of the kernel). */
static bool in_nested_namespace(void)
{
    char target[64];
    const ssize_t bytes = readlink("/proc/self/ns/pid", target, sizeof target - 1);
    if (bytes <= 0) {
        return false;
    }
    target[bytes] = '\0';
    return strcmp(target, "pid:[4026531836]") != 0;
}

struct ms_gpu_reader *ms_gpu_reader_new(const struct ms_gpu_options *options)
{
    struct ms_gpu_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        reader->options = *options;
        reader->options.period_ns = options->period_ns != 0 ? options->period_ns : MS_NS_PER_S;
        reader->nested = in_nested_namespace();
    }
    return reader;
}

void ms_gpu_reader_free(struct ms_gpu_reader *reader)
{
    if (reader != NULL) {
        ms_background_stop(reader->nvml_thread);
        ms_background_stop(reader->drm_thread);
        free(reader);
    }
}

static void start_nvml(struct ms_gpu_reader *reader, struct ms_model *model)
{
    char because[180];
    const struct ms_background_job job = {.result_bytes = sizeof reader->nvml,
                                          .period_ns = reader->options.period_ns,
                                          .read = read_nvml,
                                          .end = end_nvml};
    struct ms_nvml *nvml = ms_nvml_open(reader->options.nvml, because, sizeof because);
    if (nvml != NULL) {
        reader->nvml_thread = ms_background_start(&job, nvml);
        (void)snprintf(because, sizeof because, "no thread for it could be had");
    }
    const bool asked = reader->nvml_thread != NULL;
    ms_model_source_set(model, MS_SOURCE_NVIDIA_GPU,
                        asked ? MS_SOURCE_NOT_ASKED : MS_SOURCE_UNAVAILABLE,
                        asked ? "no answer yet" : because);
}

static void start_drm(struct ms_gpu_reader *reader, struct ms_model *model)
{
    char because[120];
    const struct ms_background_job job = {.result_bytes = sizeof reader->drm,
                                          .input_bytes = sizeof reader->input,
                                          .period_ns = 2 * reader->options.period_ns,
                                          .read = read_drm,
                                          .end = end_drm};
    if (ms_drm_any(reader->options.sys, because, sizeof because)) {
        struct ms_drm *drm = ms_drm_new(reader->options.proc, reader->options.sys);
        if (drm != NULL) {
            reader->drm_thread = ms_background_start(&job, drm);
        }
        (void)snprintf(because, sizeof because, "no thread for it could be had");
    }
    const bool asked = reader->drm_thread != NULL;
    ms_model_source_set(model, MS_SOURCE_DRM_GPU,
                        asked ? MS_SOURCE_NOT_ASKED : MS_SOURCE_UNAVAILABLE,
                        asked ? "no answer yet" : because);
}

/* First and last pid of a "NSpid:" line of /proc/PID/status; false when there is none. */
static bool gpu_parse_pids(const char *text, size_t bytes, pid_t *outer, pid_t *inner)
{
    static const char key[] = "\nNSpid:";
    const char *line = memmem(text, bytes, key, sizeof key - 1);
    if (line == NULL) {
        return false;
    }
    const char *at = line + sizeof key - 1;
    const char *end = memchr(at, '\n', (size_t)(text + bytes - at));
    uint64_t number;
    if (end == NULL || !ms_proc_number(&at, end, &number) || number > INT32_MAX) {
        return false;
    }
    *outer = *inner = (pid_t)number;
    while (ms_proc_number(&at, end, &number) && number <= INT32_MAX) {
        *inner = (pid_t)number;
    }
    return true;
}

static void read_pids(const struct ms_gpu_reader *reader, struct pids *pids)
{
    char path[32];
    char text[4096];
    pid_t outer;
    (void)snprintf(path, sizeof path, "%d/status", (int)pids->pid);
    const ssize_t bytes = ms_proc_read_in(reader->options.proc, path, text, sizeof text);
    if (bytes <= 0 || !gpu_parse_pids(text, (size_t)bytes, &outer, &pids->inner)) {
        pids->inner = pids->pid;
    }
}

/* Follows the processes that live; what is known of one is read once. */
static void follow_processes(struct ms_gpu_reader *reader, const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        struct pids *pids = NULL;
        if (process->end_ns != 0 || process->pid <= 0) {
            continue;
        }
        for (size_t k = 0; k < reader->count && pids == NULL; k++) {
            pids = reader->pids[k].process_id == process->id ? &reader->pids[k] : NULL;
        }
        if (pids == NULL) {
            if (reader->count == PROCESSES_MAX) {
                break;
            }
            pids = &reader->pids[reader->count++];
            *pids = (struct pids){.process_id = process->id, .pid = process->pid};
            read_pids(reader, pids);
        }
        pids->present = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->pids[i].present) {
            reader->pids[kept] = reader->pids[i];
            reader->pids[kept++].present = false;
        }
    }
    reader->count = kept;
}

static uint32_t process_of(const struct ms_gpu_reader *reader, pid_t pid)
{
    uint32_t within = 0;
    unsigned matches = 0;
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->pids[i].pid == pid) {
            return reader->pids[i].process_id;
        }
        if (reader->pids[i].inner == pid) {
            within = reader->pids[i].process_id;
            matches++;
        }
    }
    return matches == 1 ? within : 0;
}

/* The place of a GPU in the model, which it keeps. NULL: no room. */
static struct ms_gpu *place_of(struct ms_system *system, const struct ms_gpu *gpu, size_t index)
{
    if (system->gpus == NULL) {
        system->gpus = calloc(MS_GPUS_MAX, sizeof *system->gpus);
        if (system->gpus == NULL) {
            return NULL;
        }
    }
    size_t same = 0;
    for (size_t i = 0; i < system->gpu_count; i++) {
        struct ms_gpu *known = &system->gpus[i];
        if (known->nvidia == gpu->nvidia && strcmp(known->pci, gpu->pci) == 0 &&
            (gpu->pci[0] != '\0' || same++ == index)) {
            return known;
        }
    }
    return system->gpu_count < MS_GPUS_MAX ? &system->gpus[system->gpu_count++] : NULL;
}

static void put_gpu(struct ms_system *system, const struct ms_gpu *gpu, size_t index)
{
    struct ms_gpu *place = place_of(system, gpu, index);
    if (place != NULL) {
        struct ms_history *history = place->history;
        struct ms_history *memory_history = place->memory_history;
        memcpy(place, gpu, sizeof *place);
        place->history = history;
        place->memory_history = memory_history;
    }
}

static void add_use(struct use *use, const struct ms_gpu_user *user)
{
    use->found = true;
    use->bytes += user->have_memory ? user->memory_bytes : 0;
    if (!isnan(user->pct)) {
        use->pct = (isnan(use->pct) ? 0 : use->pct) + user->pct;
    }
}

/* Would a process that uses a GPU of NVIDIA's be in one of the lists, under a pid that we know? */
static bool nvml_tells_all(const struct ms_gpu_reader *reader, uint64_t now_ns, bool *time)
{
    bool memory = reader->nvml_answered && reader->nvml.error == 0 && reader->nvml.count > 0;
    *time = memory;
    for (size_t i = 0; i < reader->nvml.count; i++) {
        const bool fresh = !ms_gpu_stale(&reader->nvml.gpus[i], now_ns);
        memory &= fresh && reader->nvml.told_memory[i];
        *time &= fresh && reader->nvml.told_time[i];
    }
    return memory;
}

static void join_process(struct ms_gpu_reader *reader, struct ms_process *process, uint64_t now_ns)
{
    struct use use = {.pct = NAN};
    const struct {
        struct ms_gpu *gpus;
        size_t count;
    } sources[] = {{reader->nvml.gpus, reader->nvml.count}, {reader->drm.gpus, reader->drm.count}};
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < sources[s].count; i++) {
            const struct ms_gpu *gpu = &sources[s].gpus[i];
            for (size_t k = 0; k < gpu->user_count && !ms_gpu_stale(gpu, now_ns); k++) {
                if (gpu->users[k].process_id == process->id) {
                    add_use(&use, &gpu->users[k]);
                }
            }
        }
    }
    bool time;
    const bool told = nvml_tells_all(reader, now_ns, &time) && !reader->nested;
    const bool drm_told = reader->drm_answered && !reader->drm.refused && reader->drm.count > 0 &&
                          reader->nvml.count == 0;
    process->have_gpu = use.found || told || drm_told;
    process->gpu_bytes = process->have_gpu ? use.bytes : 0;
    process->gpu_pct = use.found ? use.pct : (told && time) || drm_told ? 0 : (double)NAN;
}

/* Once told, a figure must end when the process does. */
static void join_processes(struct ms_gpu_reader *reader, struct ms_model *model, uint64_t now_ns)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *known = ms_model_process(model, i);
        if (known->end_ns != 0 && !known->have_gpu) {
            continue;
        }
        struct ms_process *process = ms_model_process_mutable(model, known->id);
        if (process != NULL && process->end_ns == 0) {
            join_process(reader, process, now_ns);
        } else if (process != NULL && process->have_gpu) {
            process->have_gpu = false;
            process->gpu_pct = NAN;
        }
    }
}

static void tell_nvml(const struct ms_gpu_reader *reader, struct ms_model *model, size_t unmatched)
{
    const struct ms_nvml_result *result = &reader->nvml;
    char because[200] = "";
    if (result->error != 0 || result->count == 0) {
        ms_model_source_set(model, MS_SOURCE_NVIDIA_GPU, MS_SOURCE_UNAVAILABLE, result->because);
        return;
    }
    if (result->left_out > 0) {
        (void)snprintf(because, sizeof because, "%zu more GPUs than are kept; ", result->left_out);
    }
    for (size_t i = 0; i < result->count; i++) {
        const struct ms_gpu *gpu = &result->gpus[i];
        const size_t used = strlen(because);
        if (gpu->because[0] != '\0') {
            (void)snprintf(because + used, sizeof because - used, "%sGPU %zu: %s",
                           used > 0 ? "; " : "", i, gpu->because);
        }
    }
    if (reader->nested && unmatched > 0) {
        const size_t used = strlen(because);
        (void)snprintf(because + used, sizeof because - used,
                       "%s%zu processes under pids of another namespace (in a container)",
                       used > 0 ? "; " : "", unmatched);
    }
    ms_model_source_set(model, MS_SOURCE_NVIDIA_GPU,
                        because[0] != '\0' ? MS_SOURCE_PARTIAL : MS_SOURCE_AVAILABLE, because);
}

static void take_nvml(struct ms_gpu_reader *reader, struct ms_model *model, uint64_t now_ns)
{
    struct ms_nvml_result *result = &reader->nvml;
    size_t unmatched = 0;
    reader->nvml_ns = now_ns;
    reader->nvml_answered = true;
    for (size_t i = 0; i < result->count; i++) {
        struct ms_gpu *gpu = &result->gpus[i];
        for (size_t k = 0; k < gpu->user_count; k++) {
            gpu->users[k].process_id = process_of(reader, gpu->users[k].pid);
            unmatched += gpu->users[k].process_id == 0 ? 1 : 0;
        }
        put_gpu(ms_model_system_mutable(model), gpu, i);
    }
    tell_nvml(reader, model, unmatched);
}

static void take_drm(struct ms_gpu_reader *reader, struct ms_model *model, uint64_t now_ns)
{
    const struct ms_drm_result *result = &reader->drm;
    char because[160];
    reader->drm_ns = now_ns;
    reader->drm_answered = true;
    for (size_t i = 0; i < result->count; i++) {
        put_gpu(ms_model_system_mutable(model), &result->gpus[i], i);
    }
    if (result->count == 0) {
        (void)snprintf(because, sizeof because, "its driver tells nothing of its use (%s)",
                       result->names[0] != '\0' ? result->names : "NVIDIA's: see NVML");
        ms_model_source_set(model, MS_SOURCE_DRM_GPU, MS_SOURCE_UNAVAILABLE, because);
    } else if (result->refused) {
        ms_model_source_set(model, MS_SOURCE_DRM_GPU, MS_SOURCE_PARTIAL,
                            "not allowed to look at the descriptors of a process");
    } else {
        ms_model_source_set(model, MS_SOURCE_DRM_GPU, MS_SOURCE_AVAILABLE, NULL);
    }
}

/* A thread that is still there and has not answered for long. */
static void tell_silence(struct ms_model *model, enum ms_source source, bool answered,
                         uint64_t since_ns, uint64_t now_ns)
{
    char because[120];
    if (now_ns > since_ns + MS_GPU_STALE_NS) {
        (void)snprintf(because, sizeof because, "no answer for %" PRIu64 " s: the driver hangs",
                       (now_ns - since_ns) / MS_NS_PER_S);
        ms_model_source_set(model, source, answered ? MS_SOURCE_PARTIAL : MS_SOURCE_UNAVAILABLE,
                            because);
    }
}

static void give_processes(struct ms_gpu_reader *reader)
{
    reader->input.count = reader->count;
    for (size_t i = 0; i < reader->count; i++) {
        reader->input.processes[i].pid = reader->pids[i].pid;
        reader->input.processes[i].process_id = reader->pids[i].process_id;
    }
    ms_background_give(reader->drm_thread, &reader->input);
}

static bool ask_drm(struct ms_gpu_reader *reader, struct ms_model *model, uint64_t now_ns)
{
    if (reader->drm_thread == NULL) {
        return false;
    }
    if (ms_background_take(reader->drm_thread, &reader->drm)) {
        take_drm(reader, model, now_ns);
        return true;
    }
    tell_silence(model, MS_SOURCE_DRM_GPU, reader->drm_answered, reader->drm_ns, now_ns);
    return false;
}

static bool ask_nvml(struct ms_gpu_reader *reader, struct ms_model *model, uint64_t now_ns)
{
    if (reader->nvml_thread == NULL) {
        return false;
    }
    if (!ms_background_take(reader->nvml_thread, &reader->nvml)) {
        tell_silence(model, MS_SOURCE_NVIDIA_GPU, reader->nvml_answered, reader->nvml_ns, now_ns);
        return false;
    }
    follow_processes(reader, model); /* whoever is in the answer must be known */
    take_nvml(reader, model, now_ns);
    if (reader->nvml.ended) {
        ms_background_stop(reader->nvml_thread);
        reader->nvml_thread = NULL;
    }
    return true;
}

void ms_gpu_read(struct ms_gpu_reader *reader, struct ms_model *model, uint64_t now_ns)
{
    if (!reader->begun) {
        reader->begun = true;
        reader->nvml_ns = reader->drm_ns = now_ns;
        start_nvml(reader, model);
        start_drm(reader, model);
    }
    if (reader->nvml_thread == NULL && reader->drm_thread == NULL) {
        return;
    }
    const bool drm_came = ask_drm(reader, model, now_ns);
    const bool nvml_came = ask_nvml(reader, model, now_ns);
    if (!drm_came && !nvml_came && now_ns < reader->join_ns) {
        return;
    }
    reader->join_ns = now_ns + MS_NS_PER_S;
    follow_processes(reader, model);
    if (reader->drm_thread != NULL) {
        give_processes(reader);
    }
    join_processes(reader, model, now_ns);
}
