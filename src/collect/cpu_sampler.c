/* See cpu_sampler.h. */
#include "collect/cpu_sampler.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "collect/cpu_sample_message.h"
#include "collect/perf_rings.h"
#include "collect/sample_unwinder.h"
#include "wire/clock.h"

#define DRAIN_MS        200 /* at most; before half of a ring of some 30 samples is full */
#define DRAIN_SAMPLES   15
#define STATUS_NS       MS_NS_PER_S
#define COST_HIGH       0.010 /* of a core: fewer samples are unwound from there on */
#define COST_LOW        0.002
#define KEEP_ONE_IN_MAX 64u

struct sampler {
    int socket;
    uint32_t frequency_hz;
    struct ms_perf_rings *rings;
    struct ms_unwinder *unwinder;
    struct ms_cpu_status status;
    bool attached; /* to some process */
    uint32_t modules_sent;
    uint32_t skipped; /* samples since the last one that was kept */
    uint64_t status_ns, cpu_ns;
    union ms_cpu_message message;
};

static bool send_message(struct sampler *sampler, const void *message, size_t bytes)
{
    return send(sampler->socket, message, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes;
}

static void send_status(struct sampler *sampler)
{
    sampler->status.type = MS_CPU_STATUS;
    sampler->status.kernel = ms_perf_rings_with_kernel(sampler->rings);
    (void)send_message(sampler, &sampler->status, sizeof sampler->status);
}

/* False: the viewer does not know the newest of them, so no sample may name it. */
static bool send_modules(struct sampler *sampler, pid_t pid)
{
    const struct ms_unwind_module_info *info;
    while ((info = ms_unwinder_module(sampler->unwinder, sampler->modules_sent + 1)) != NULL) {
        struct ms_cpu_module *module = &sampler->message.module;
        *module = (struct ms_cpu_module){.type = MS_CPU_MODULE,
                                         .number = sampler->modules_sent + 1,
                                         .pid = pid,
                                         .build_id_bytes = info->build_id_bytes};
        memcpy(module->build_id, info->build_id, sizeof module->build_id);
        (void)stpncpy(module->path, info->path, sizeof module->path - 1);
        if (!send_message(sampler, module, sizeof *module)) {
            return false;
        }
        sampler->modules_sent++;
    }
    return true;
}

/* --- records of the kernel --- */

struct sample_record {
    uint64_t ip;
    int32_t pid, tid;
    uint64_t time_ns;
    uint64_t abi;
    const uint64_t *registers; /* NULL: there were none */
    const uint8_t *stack;
    uint64_t stack_bytes;
};

/* False: it is cut short. */
static bool read_sample(const struct perf_event_header *header, struct sample_record *sample)
{
    const uint64_t *words = (const uint64_t *)(const void *)(header + 1);
    const size_t count = (header->size - sizeof *header) / 8;
    const size_t registers = (size_t)__builtin_popcountll(ms_unwinder_registers());
    size_t at = 4;
    if (count < 5) {
        return false;
    }
    *sample = (struct sample_record){.ip = words[0], .time_ns = words[2], .abi = words[3]};
    memcpy(&sample->pid, &words[1], sizeof sample->pid);
    memcpy(&sample->tid, (const char *)&words[1] + 4, sizeof sample->tid);
    if (sample->abi != PERF_SAMPLE_REGS_ABI_NONE) {
        sample->registers = words + at;
        at += registers;
    }
    if (at >= count) {
        return false;
    }
    const uint64_t room = words[at++];
    if (room / 8 > count - at) {
        return false;
    }
    sample->stack = (const uint8_t *)(words + at);
    at += room / 8;
    sample->stack_bytes = room != 0 && at < count && words[at] <= room ? words[at] : 0;
    return true;
}

static uint32_t walk(struct sampler *sampler, const struct sample_record *record,
                     struct ms_cpu_sample *sample)
{
    struct ms_unwound frames[MS_CPU_SAMPLE_DEPTH];
    enum ms_unwind_end end = MS_UNWIND_CUT_NO_CFI;
    uint32_t depth = 0;
    if (!ms_unwinder_knows(sampler->unwinder, record->pid)) { /* its first thread has ended */
        ms_unwinder_add(sampler->unwinder, record->pid);
    }
    if (record->abi == PERF_SAMPLE_REGS_ABI_64) {
        const struct ms_unwind_input input = {.pid = record->pid,
                                              .registers = record->registers,
                                              .stack = record->stack,
                                              .stack_bytes = record->stack_bytes};
        depth = ms_unwinder_walk(sampler->unwinder, &input, frames, MS_CPU_SAMPLE_DEPTH, &end);
    }
    sample->flags |= end == MS_UNWIND_CUT_DEPTH ? (uint32_t)MS_CPU_CUT_DEPTH : 0;
    sample->flags |= end == MS_UNWIND_CUT_NO_CFI ? (uint32_t)MS_CPU_CUT_NO_CFI : 0;
    for (uint32_t i = 0; i < depth; i++) {
        sample->frames[i] = (struct ms_cpu_frame){.address = frames[i].address,
                                                  .file_offset = frames[i].file_offset,
                                                  .module = frames[i].module};
    }
    return depth;
}

static void take_sample(struct sampler *sampler, const struct perf_event_header *header)
{
    struct sample_record record;
    if (!read_sample(header, &record)) {
        sampler->status.lost++;
        return;
    }
    if (++sampler->skipped < sampler->status.keep_one_in) {
        return;
    }
    struct ms_cpu_sample *sample = &sampler->message.sample;
    const bool known = send_modules(sampler, record.pid);
    *sample =
        (struct ms_cpu_sample){.type = MS_CPU_SAMPLE,
                               .pid = record.pid,
                               .tid = record.tid,
                               .time_ns = record.time_ns,
                               .weight_ns = MS_NS_PER_S / sampler->frequency_hz * sampler->skipped};
    sampler->skipped = 0;
    sample->depth = walk(sampler, &record, sample);
    const size_t bytes =
        offsetof(struct ms_cpu_sample, frames) + sample->depth * sizeof(sample->frames[0]);
    if (!known || !send_message(sampler, sample, bytes)) {
        sampler->status.lost++;
    }
}

static void take_task(struct sampler *sampler, const struct perf_event_header *header)
{
    struct {
        uint32_t pid, parent_pid, tid, parent_tid;
    } task;
    if (header->size < sizeof *header + sizeof task) {
        return;
    }
    memcpy(&task, header + 1, sizeof task);
    if (header->type == PERF_RECORD_FORK && task.pid != task.parent_pid) {
        ms_unwinder_fork(sampler->unwinder, (pid_t)task.parent_pid, (pid_t)task.pid);
    } else if (header->type == PERF_RECORD_EXIT && task.pid == task.tid) {
        ms_unwinder_end(sampler->unwinder, (pid_t)task.pid);
    }
}

static void take_map(struct sampler *sampler, const struct perf_event_header *header)
{
    struct {
        uint32_t pid, tid;
        uint64_t address, bytes, file_offset;
        uint32_t major, minor;
        uint64_t inode, generation;
        uint32_t protection, flags;
    } map;
    const size_t fixed = sizeof *header + sizeof map;
    if (header->size < fixed + 16 || (header->misc & PERF_RECORD_MISC_MMAP_BUILD_ID) != 0) {
        return;
    }
    memcpy(&map, header + 1, sizeof map);
    const char *path = (const char *)header + fixed;
    if (memchr(path, '\0', header->size - fixed) != NULL) {
        ms_unwinder_map(sampler->unwinder, (pid_t)map.pid, map.address, map.bytes, map.file_offset,
                        map.inode, path);
    }
}

static void take_record(struct sampler *sampler, const struct perf_event_header *header)
{
    const uint64_t *words = (const uint64_t *)(const void *)(header + 1);
    switch (header->type) {
    case PERF_RECORD_SAMPLE:
        take_sample(sampler, header);
        break;
    case PERF_RECORD_MMAP2:
        take_map(sampler, header);
        break;
    case PERF_RECORD_COMM:
        if ((header->misc & PERF_RECORD_MISC_COMM_EXEC) != 0) {
            ms_unwinder_exec(sampler->unwinder, (pid_t)(uint32_t)words[0]);
        }
        break;
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT:
        take_task(sampler, header);
        break;
    case PERF_RECORD_LOST:
        sampler->status.lost += header->size >= sizeof *header + 16 ? words[1] : 1;
        break;
    case PERF_RECORD_THROTTLE:
        sampler->status.throttled++;
        break;
    default:
        break;
    }
}

static void drain(struct sampler *sampler)
{
    /* What is younger may come in another ring before what is older. */
    const uint64_t until_ns = ms_monotonic_ns();
    struct ms_perf_record record;
    while (ms_perf_rings_next(sampler->rings, until_ns, &record)) {
        take_record(sampler, record.header);
    }
}

/* A process that was born of a sampled one is sampled already. */
static void watch(struct sampler *sampler, pid_t pid)
{
    drain(sampler);
    if (pid <= 0 || ms_unwinder_knows(sampler->unwinder, pid)) {
        return;
    }
    ms_unwinder_add(sampler->unwinder, pid);
    const int result = ms_perf_rings_attach(sampler->rings, pid);
    ms_unwinder_add(sampler->unwinder, pid); /* what it mapped meanwhile */
    if (result == 0) {
        sampler->attached = true;
        sampler->status.error = 0;
    } else if (result == -ESRCH) {
        ms_unwinder_end(sampler->unwinder, pid);
    } else if (sampler->attached || result == -EMFILE || result == -ENFILE) {
        sampler->status.not_all = true;
    } else {
        sampler->status.error = -result;
    }
    send_status(sampler);
}

/* False: the viewer is gone. */
static bool take_messages(struct sampler *sampler)
{
    struct ms_cpu_watch wanted;
    for (;;) {
        const ssize_t bytes = recv(sampler->socket, &wanted, sizeof wanted, MSG_DONTWAIT);
        if (bytes < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        if (bytes == 0) {
            return false;
        }
        if (bytes == (ssize_t)sizeof wanted && wanted.type == MS_CPU_WATCH) {
            watch(sampler, (pid_t)wanted.pid);
        }
    }
}

static uint64_t own_cpu_ns(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0
               ? 0
               : (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void look_at_cost(struct sampler *sampler, uint64_t now_ns)
{
    const uint64_t cpu_ns = own_cpu_ns();
    const double cost = (double)(cpu_ns - sampler->cpu_ns) / (double)(now_ns - sampler->status_ns);
    uint32_t *keep_one_in = &sampler->status.keep_one_in;
    if (cost > COST_HIGH && *keep_one_in < KEEP_ONE_IN_MAX) {
        *keep_one_in *= 2;
    } else if (cost<COST_LOW && * keep_one_in> 1) {
        *keep_one_in /= 2;
    }
    sampler->cpu_ns = cpu_ns;
    sampler->status_ns = now_ns;
}

static void serve(struct sampler *sampler)
{
    sampler->status_ns = ms_monotonic_ns();
    sampler->cpu_ns = own_cpu_ns();
    const int ring_ms = (int)(DRAIN_SAMPLES * 1000 / sampler->frequency_hz);
    for (;;) {
        struct pollfd wanted = {.fd = sampler->socket, .events = POLLIN};
        const int ready = poll(&wanted, 1, ring_ms < DRAIN_MS ? ring_ms : DRAIN_MS);
        if (ready > 0 && !take_messages(sampler)) {
            return;
        }
        drain(sampler);
        const uint64_t now_ns = ms_monotonic_ns();
        if (now_ns >= sampler->status_ns + STATUS_NS) {
            look_at_cost(sampler, now_ns);
            send_status(sampler);
        }
    }
}

void ms_cpu_sampler_serve(int socket, const struct ms_cpu_sampler_options *options)
{
    struct sampler *sampler = calloc(1, sizeof *sampler);
    if (sampler == NULL) {
        return;
    }
    sampler->socket = socket;
    sampler->frequency_hz = options->frequency_hz;
    sampler->status.keep_one_in = 1;
    sampler->rings = ms_perf_rings_new(options->frequency_hz, ms_unwinder_registers());
    sampler->unwinder = ms_unwinder_new();
    if (sampler->rings != NULL && sampler->unwinder != NULL) {
        serve(sampler);
    }
    ms_perf_rings_free(sampler->rings);
    ms_unwinder_free(sampler->unwinder);
    free(sampler);
}
