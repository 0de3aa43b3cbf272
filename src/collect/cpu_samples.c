/* See cpu_samples.h. */
#include "collect/cpu_samples.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collect/cpu_sample_message.h"
#include "collect/cpu_sampler.h"
#include "collect/id_map.h"
#include "collect/perf_event.h"
#include "collect/sites.h"
#include "collect/symbol_worker.h"
#include "model/chunks.h"
#include "model/index.h"
#include "wire/clock.h"

#define SETTLED_NS   (MS_NS_PER_S / 2) /* until processes and threads have been heard of */
#define GIVEN_UP_NS  (3 * MS_NS_PER_S)
#define SILENT_NS    (10 * MS_NS_PER_S) /* the sampler says something every second */
#define STARTS_MAX   3u
#define WAITING_MAX  32768u
#define SOCKET_BYTES (1 << 20)
#define LAST_WORD_MS 250
#define NAMES_WEIGHT (UINT64_C(1) << 20) /* among the bytes that call sites of memory have */

struct module {
    const char *path; /* the model's */
    int32_t pid;
    uint8_t build_id_bytes;
    uint8_t build_id[MS_BUILD_ID_MAX];
    bool is_probe;
    uint32_t code;           /* what it shares with others, 0: nothing */
    uint32_t symbols_module; /* 0: not asked yet */
};

/* A frame that is not shared: of a module without build id, or of none. */
struct own_frame {
    uint64_t place;
    uint32_t of; /* module, or process when there is none */
    bool in_module;
    struct ms_frame *frame;
};

struct ms_cpu_samples {
    uint32_t frequency_hz;
    struct ms_symbol_worker worker;
    uint32_t starts;
    uint64_t heard_ns;
    struct ms_cpu_status status;
    bool told;            /* the sampler said how it is */
    uint64_t lost_before; /* by samplers that are gone */
    uint64_t lost_here;
    struct ms_id_map watched; /* processes of the model that this sampler was told */
    struct module *modules;   /* by number - 1 */
    size_t module_count;
    struct ms_chunks own_frames;
    struct ms_index own_by_place;
    struct ms_index sites; /* ids, by hash of process and frames */
    uint64_t sites_version;
    struct ms_cpu_sample **waiting; /* as they came */
    size_t waiting_count, waiting_capacity;
    union ms_cpu_message message;
};

static void serve(int socket, const void *options)
{
    ms_cpu_sampler_serve(socket, options);
}

static void start_worker(struct ms_cpu_samples *samples, uint64_t now_ns)
{
    const struct ms_cpu_sampler_options options = {.frequency_hz = samples->frequency_hz};
    const int size = SOCKET_BYTES;
    samples->starts++;
    samples->heard_ns = now_ns;
    samples->module_count = 0;
    ms_id_map_free(&samples->watched);
    samples->watched = (struct ms_id_map){0};
    if (ms_worker_start(&samples->worker, "memscope-sample", serve, &options) == 0) {
        (void)setsockopt(samples->worker.socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
}

struct ms_cpu_samples *ms_cpu_samples_start(uint32_t frequency_hz)
{
    struct ms_cpu_samples *samples = calloc(1, sizeof *samples);
    if (samples != NULL) {
        samples->frequency_hz =
            frequency_hz < MS_CPU_SAMPLES_HZ_MAX ? frequency_hz : MS_CPU_SAMPLES_HZ_MAX;
        samples->own_frames.element_bytes = sizeof(struct own_frame);
        samples->worker.pid = samples->worker.socket = -1;
        start_worker(samples, ms_monotonic_ns());
    }
    return samples;
}

void ms_cpu_samples_free(struct ms_cpu_samples *samples)
{
    if (samples == NULL) {
        return;
    }
    ms_symbol_worker_kill(&samples->worker);
    ms_id_map_free(&samples->watched);
    ms_chunks_free(&samples->own_frames);
    ms_index_free(&samples->own_by_place);
    ms_index_free(&samples->sites);
    for (size_t i = 0; i < samples->waiting_count; i++) {
        free(samples->waiting[i]);
    }
    free(samples->waiting);
    free(samples->modules);
    free(samples);
}

uint64_t ms_cpu_samples_cpu_ns(const struct ms_cpu_samples *samples)
{
    return samples == NULL ? 0 : ms_symbol_worker_cpu_ns(&samples->worker);
}

/* --- frames and sites --- */

static struct ms_frame *find_own(const struct ms_cpu_samples *samples, const struct own_frame *like,
                                 uint32_t hash)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&samples->own_by_place, hash, &cursor, &position)) {
        const struct own_frame *own = ms_chunks_at(&samples->own_frames, position);
        if (own->place == like->place && own->of == like->of && own->in_module == like->in_module) {
            return own->frame;
        }
    }
    return NULL;
}

static struct ms_frame *keep_own(struct ms_cpu_samples *samples, const struct own_frame *like,
                                 uint32_t hash, struct ms_frame *frame)
{
    struct own_frame *own = ms_chunks_add(&samples->own_frames);
    if (own != NULL) {
        *own = *like;
        own->frame = frame;
        (void)ms_index_add(&samples->own_by_place, hash, (uint32_t)samples->own_frames.count - 1);
    }
    return frame;
}

static void ask_name(struct module *module, const struct ms_cpu_samples_room *room,
                     struct ms_frame *frame)
{
    if (room->symbols == NULL || module->path[0] != '/') {
        return;
    }
    if (module->symbols_module == 0) {
        module->symbols_module =
            ms_symbols_module(room->symbols, room->model, module->pid, module->path,
                              module->build_id, module->build_id_bytes);
    }
    if (module->symbols_module != 0) {
        (void)ms_symbols_ask(room->symbols, frame, module->symbols_module, NAMES_WEIGHT);
    }
}

/* NULL without memory. */
static struct ms_frame *frame_of(struct ms_cpu_samples *samples,
                                 const struct ms_cpu_samples_room *room, uint32_t process_id,
                                 const struct ms_cpu_frame *sampled)
{
    const bool in_module = sampled->module != 0 && sampled->module <= samples->module_count;
    struct module *module = in_module ? &samples->modules[sampled->module - 1] : NULL;
    const struct own_frame own = {.place = in_module ? sampled->file_offset : sampled->address,
                                  .of = in_module ? sampled->module : process_id,
                                  .in_module = in_module};
    const uint32_t hash =
        ms_hash_pair(ms_hash_pair((uint32_t)own.place, (uint32_t)(own.place >> 32)), own.of);
    const bool shared = in_module && module->code != 0;
    struct ms_frame *frame =
        shared ? ms_shared_code_find(room->code, module->code, sampled->file_offset)
               : find_own(samples, &own, hash);
    if (frame != NULL) {
        return frame;
    }
    frame = ms_model_add_frame(room->model);
    if (frame == NULL) {
        return NULL;
    }
    frame->address = sampled->address;
    if (in_module) {
        frame->module = module->path;
        frame->file_offset = sampled->file_offset;
        ask_name(module, room, frame);
    }
    if (shared) {
        ms_shared_code_add(room->code, module->code, frame);
        return frame;
    }
    return keep_own(samples, &own, hash, frame);
}

/* Hooks of ours are no functions of the program; but what runs in one itself is shown. */
static bool is_hook(const struct ms_cpu_samples *samples, const struct ms_cpu_frame *frame)
{
    return frame->module != 0 && frame->module <= samples->module_count &&
           samples->modules[frame->module - 1].is_probe;
}

/* Sites that were merged are not found again. */
static void look_at_merges(struct ms_cpu_samples *samples, const struct ms_model *model)
{
    if (samples->sites_version != ms_model_sites_version(model)) {
        ms_index_clear(&samples->sites);
        samples->sites_version = ms_model_sites_version(model);
    }
}

static bool is_site_of(const struct ms_site *site, uint32_t process_id, uint32_t flags,
                       const uint32_t *numbers, uint32_t depth)
{
    return site != NULL && site->process_id == process_id && site->flags == flags &&
           site->depth == depth &&
           memcmp(site->frame_numbers, numbers, depth * sizeof *numbers) == 0;
}

/* 0 without memory. */
static uint32_t site_of(struct ms_cpu_samples *samples, const struct ms_cpu_samples_room *room,
                        uint32_t process_id, const struct ms_cpu_sample *sample)
{
    const struct ms_frame *frames[MS_CPU_SAMPLE_DEPTH];
    uint32_t numbers[MS_CPU_SAMPLE_DEPTH];
    uint32_t depth = 0;
    bool inside = true; /* of hooks, from the innermost frame on */
    for (uint32_t i = 0; i < sample->depth; i++) {
        inside = inside && is_hook(samples, &sample->frames[i]);
        if (!inside && is_hook(samples, &sample->frames[i])) {
            continue;
        }
        frames[depth] = frame_of(samples, room, process_id, &sample->frames[i]);
        if (frames[depth] == NULL) {
            return 0;
        }
        numbers[depth] = frames[depth]->number;
        depth++;
    }
    uint32_t flags = MS_SITE_ACTIVITY;
    flags |= (sample->flags & MS_CPU_CUT_DEPTH) != 0 ? MS_SITE_CUT_DEPTH : 0u;
    flags |= (sample->flags & MS_CPU_CUT_NO_CFI) != 0 ? MS_SITE_CUT_NO_CFI : 0u;
    flags |= depth == 0 ? MS_SITE_ROOT : 0u;
    look_at_merges(samples, room->model);
    const uint32_t hash = ms_hash_pair(
        ms_hash_bytes((const char *)numbers, depth * sizeof numbers[0], flags), process_id);
    size_t cursor = 0;
    uint32_t id;
    while (ms_index_next(&samples->sites, hash, &cursor, &id)) {
        if (is_site_of(ms_model_site_by_id(room->model, id), process_id, flags, numbers, depth)) {
            return id;
        }
    }
    const struct ms_site *site = ms_model_add_site(room->model, process_id, frames, depth, flags);
    if (site == NULL) {
        return 0;
    }
    (void)ms_index_add(&samples->sites, hash, site->id);
    return site->id;
}

/* --- whose a sample is --- */

/* The last of this pid that had begun by then. */
static const struct ms_process *process_of(const struct ms_model *model, pid_t pid,
                                           uint64_t time_ns)
{
    const struct ms_process *first = NULL;
    for (size_t i = ms_model_process_count(model); i-- > 0;) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->pid == pid && process->merged == 0) {
            first = process;
            if (process->start_ns <= time_ns) {
                break;
            }
        }
    }
    return first;
}

static bool is_thread(const struct ms_thread *thread, uint32_t process_id, pid_t tid)
{
    return thread->process_id == process_id && thread->tid == tid;
}

/* Of threads alive, else of those that ended last. */
static uint32_t thread_of(const struct ms_model *model, uint32_t process_id, pid_t tid,
                          uint64_t time_ns)
{
    const size_t alive = ms_model_alive_count(model);
    const size_t all = ms_model_thread_count(model);
    uint32_t found = 0;
    for (size_t i = 0; i < alive; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (is_thread(thread, process_id, tid)) {
            found = thread->id;
            if (thread->start_ns <= time_ns) {
                return found;
            }
        }
    }
    for (size_t i = all; i-- > alive;) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->merged == 0 && is_thread(thread, process_id, tid)) {
            return thread->id;
        }
        if (thread->end_ns + GIVEN_UP_NS < time_ns) {
            break;
        }
    }
    return found;
}

/* False: nobody knows whose it is, yet. */
static bool take_sample(struct ms_cpu_samples *samples, const struct ms_cpu_samples_room *room,
                        const struct ms_cpu_sample *sample)
{
    const struct ms_process *process = process_of(room->model, sample->pid, sample->time_ns);
    if (process == NULL) {
        return false;
    }
    const uint32_t process_id = process->id;
    const uint32_t thread_id = thread_of(room->model, process_id, sample->tid, sample->time_ns);
    const uint32_t site_id = thread_id == 0 ? 0 : site_of(samples, room, process_id, sample);
    const struct ms_work work = {.cpu_samples = 1, .cpu_ns = sample->weight_ns};
    if (site_id == 0 || ms_model_add_work(room->model, thread_id, site_id, &work) != 0) {
        return false;
    }
    ms_model_cpu_sampling_mutable(room->model)->samples++;
    return true;
}

static void take_waiting(struct ms_cpu_samples *samples, const struct ms_cpu_samples_room *room,
                         uint64_t now_ns, bool last)
{
    size_t kept = 0;
    for (size_t i = 0; i < samples->waiting_count; i++) {
        struct ms_cpu_sample *sample = samples->waiting[i];
        const bool ripe = last || sample->time_ns + SETTLED_NS <= now_ns;
        const bool done = ripe && take_sample(samples, room, sample);
        const bool given_up = !done && (last || sample->time_ns + GIVEN_UP_NS <= now_ns);
        samples->lost_here += given_up;
        if (done || given_up) {
            free(sample);
        } else {
            samples->waiting[kept++] = sample;
        }
    }
    samples->waiting_count = kept;
}

/* --- the sampler --- */

static void take_module(struct ms_cpu_samples *samples, const struct ms_cpu_samples_room *room,
                        struct ms_cpu_module *message)
{
    message->path[sizeof message->path - 1] = '\0';
    const char *path = ms_model_string(room->model, message->path);
    if (path == NULL || message->number != samples->module_count + 1 ||
        message->build_id_bytes > MS_BUILD_ID_MAX) {
        return;
    }
    if ((samples->module_count & (samples->module_count - 1)) == 0) {
        struct module *grown =
            reallocarray(samples->modules,
                         samples->module_count == 0 ? 1 : 2 * samples->module_count, sizeof *grown);
        if (grown == NULL) {
            return;
        }
        samples->modules = grown;
    }
    struct module *module = &samples->modules[samples->module_count++];
    *module = (struct module){.path = path,
                              .pid = message->pid,
                              .build_id_bytes = message->build_id_bytes,
                              .is_probe = ms_is_probe_path(path)};
    memcpy(module->build_id, message->build_id, sizeof module->build_id);
    module->code =
        ms_shared_code_module(room->code, &module->path, module->build_id, module->build_id_bytes);
}

static bool make_room(struct ms_cpu_samples *samples)
{
    if (samples->waiting_count < samples->waiting_capacity) {
        return true;
    }
    if (samples->waiting_count >= WAITING_MAX) {
        return false;
    }
    const size_t capacity = samples->waiting_capacity == 0 ? 64 : 2 * samples->waiting_capacity;
    struct ms_cpu_sample **grown =
        reallocarray(samples->waiting, capacity, sizeof(*samples->waiting));
    if (grown == NULL) {
        return false;
    }
    samples->waiting = grown;
    samples->waiting_capacity = capacity;
    return true;
}

static void keep_sample(struct ms_cpu_samples *samples, size_t bytes)
{
    const struct ms_cpu_sample *sample = &samples->message.sample;
    const size_t fixed = offsetof(struct ms_cpu_sample, frames);
    if (bytes < fixed || sample->depth > MS_CPU_SAMPLE_DEPTH ||
        bytes != fixed + sample->depth * sizeof(sample->frames[0])) {
        return;
    }
    struct ms_cpu_sample *copy = make_room(samples) ? malloc(bytes) : NULL;
    if (copy == NULL) {
        samples->lost_here++;
        return;
    }
    memcpy(copy, sample, bytes);
    samples->waiting[samples->waiting_count++] = copy;
}

/* False: nothing more is there. */
static bool receive(struct ms_cpu_samples *samples, const struct ms_cpu_samples_room *room,
                    uint64_t now_ns)
{
    const ssize_t bytes =
        recv(samples->worker.socket, &samples->message, sizeof samples->message, MSG_DONTWAIT);
    if (bytes < 0) {
        return errno == EINTR;
    }
    if (bytes == 0) {
        ms_symbol_worker_kill(&samples->worker);
        return false;
    }
    samples->heard_ns = now_ns;
    const uint32_t type = bytes >= 4 ? samples->message.type : MS_CPU_WATCH;
    if (type == MS_CPU_SAMPLE) {
        keep_sample(samples, (size_t)bytes);
    } else if (type == MS_CPU_MODULE && bytes == (ssize_t)sizeof samples->message.module) {
        take_module(samples, room, &samples->message.module);
    } else if (type == MS_CPU_STATUS && bytes == (ssize_t)sizeof samples->message.status) {
        samples->status = samples->message.status;
        samples->told = true;
    }
    return true;
}

static void watch_new(struct ms_cpu_samples *samples, const struct ms_model *model)
{
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        const struct ms_cpu_watch message = {.type = MS_CPU_WATCH, .pid = process->pid};
        if (process->end_ns == 0 && process->pid > 0 &&
            ms_id_map_find(&samples->watched, process->id) == 0 &&
            send(samples->worker.socket, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL) ==
                (ssize_t)sizeof message) {
            (void)ms_id_map_set(&samples->watched, process->id, 1);
        }
    }
}

static void restart_if_dead(struct ms_cpu_samples *samples, uint64_t now_ns)
{
    ms_symbol_worker_reap(&samples->worker, 0);
    if (samples->worker.pid > 0 && now_ns > samples->heard_ns + SILENT_NS) {
        ms_symbol_worker_kill(&samples->worker);
    }
    if (samples->worker.pid <= 0 && samples->starts < STARTS_MAX) {
        samples->lost_before += samples->status.lost;
        samples->status.lost = 0;
        /* What waits refers to modules of the one before. */
        for (size_t i = 0; i < samples->waiting_count; i++) {
            free(samples->waiting[i]);
        }
        samples->lost_before += samples->waiting_count;
        samples->waiting_count = 0;
        start_worker(samples, now_ns);
    }
}

/* --- what is said of it --- */

static void tell_partial(const struct ms_cpu_sampling *sampling, bool not_all, char *out,
                         size_t size)
{
    int used = 0;
    out[0] = '\0';
    if (!sampling->kernel) {
        used += snprintf(out, size,
                         "time in the kernel is not seen (kernel.perf_event_paranoid=1 or "
                         "CAP_PERFMON)");
    }
    if (not_all && (size_t)used < size) {
        used +=
            snprintf(out + used, size - (size_t)used,
                     "%ssome threads are not sampled: another user's, or too many files are open",
                     used > 0 ? "; " : "");
    }
    if (sampling->keep_one_in > 1 && (size_t)used < size) {
        (void)snprintf(out + used, size - (size_t)used,
                       "%sto stay cheap one of %u samples is looked at", used > 0 ? "; " : "",
                       (unsigned)sampling->keep_one_in);
    }
}

static void tell(const struct ms_cpu_samples *samples, struct ms_model *model)
{
    char because[200];
    struct ms_cpu_sampling *sampling = ms_model_cpu_sampling_mutable(model);
    if (samples->worker.pid <= 0) {
        *sampling = (struct ms_cpu_sampling){.samples = sampling->samples, .lost = sampling->lost};
        ms_model_source_set(model, MS_SOURCE_CPU_SAMPLES, MS_SOURCE_UNAVAILABLE,
                            "the process that samples ended several times");
        return;
    }
    if (!samples->told) {
        return;
    }
    if (samples->status.error != 0) {
        ms_perf_because(-samples->status.error, ms_perf_paranoid(), because, sizeof because);
        ms_model_source_set(model, MS_SOURCE_CPU_SAMPLES, MS_SOURCE_UNAVAILABLE, because);
        return;
    }
    sampling->frequency_hz = samples->frequency_hz;
    sampling->keep_one_in = samples->status.keep_one_in;
    sampling->kernel = samples->status.kernel;
    sampling->throttled = samples->status.throttled;
    sampling->lost = samples->lost_before + samples->lost_here + samples->status.lost;
    tell_partial(sampling, samples->status.not_all, because, sizeof because);
    ms_model_source_set(model, MS_SOURCE_CPU_SAMPLES,
                        because[0] != '\0' ? MS_SOURCE_PARTIAL : MS_SOURCE_AVAILABLE, because);
}

void ms_cpu_samples_read(struct ms_cpu_samples *samples, const struct ms_cpu_samples_room *room,
                         uint64_t now_ns, bool last)
{
    if (samples->worker.pid > 0) {
        watch_new(samples, room->model);
        if (last) { /* the sampler reads its rings a few times a second */
            (void)poll(NULL, 0, LAST_WORD_MS);
        }
        while (receive(samples, room, now_ns)) {
        }
    }
    take_waiting(samples, room, now_ns, last);
    restart_if_dead(samples, now_ns);
    tell(samples, room->model);
}
