/* See perf_rings.h. */
#include "collect/perf_rings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S     UINT64_C(1000000000)
#define RING_PAGES   128u /* with its header what anybody may lock of each core by default */
#define LISTINGS     4    /* of threads that are born meanwhile */
#define RECORD_BYTES 65536u

struct ring {
    int descriptor; /* -1: none of this core */
    struct perf_event_mmap_page *page;
    const uint8_t *data;
    uint64_t tail; /* what was read */
    bool has_next; /* `next_ns` is of the record at `tail` */
    uint64_t next_ns;
};

struct ms_perf_rings {
    uint32_t frequency_hz;
    uint64_t registers;
    bool without_kernel;
    long page_bytes;
    struct ring *of_core;
    int cores;
    struct ring *pending; /* of which a record was given out: it is to be skipped */
    uint64_t pending_bytes;
    uint8_t record[RECORD_BYTES];
};

struct ms_perf_rings *ms_perf_rings_new(uint32_t frequency_hz, uint64_t registers)
{
    struct ms_perf_rings *rings = calloc(1, sizeof *rings);
    const long cores = sysconf(_SC_NPROCESSORS_CONF);
    if (rings == NULL) {
        return NULL;
    }
    rings->frequency_hz = frequency_hz;
    rings->registers = registers;
    rings->page_bytes = sysconf(_SC_PAGESIZE);
    rings->cores = cores > 0 ? (int)cores : 1;
    rings->of_core = calloc((size_t)rings->cores, sizeof(*rings->of_core));
    if (rings->of_core == NULL) {
        free(rings);
        return NULL;
    }
    for (int i = 0; i < rings->cores; i++) {
        rings->of_core[i].descriptor = -1;
    }
    /* One descriptor for each thread there is and core. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return rings;
}

void ms_perf_rings_free(struct ms_perf_rings *rings)
{
    if (rings == NULL) {
        return;
    }
    for (int i = 0; i < rings->cores; i++) {
        if (rings->of_core[i].page != NULL) {
            (void)munmap(rings->of_core[i].page, (RING_PAGES + 1) * (size_t)rings->page_bytes);
        }
    }
    free(rings->of_core);
    free(rings);
}

bool ms_perf_rings_with_kernel(const struct ms_perf_rings *rings)
{
    return !rings->without_kernel;
}

/* The descriptor or -errno. */
static int open_event(const struct ms_perf_rings *rings, pid_t tid, int core)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = NS_PER_S / rings->frequency_hz,
        .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_REGS_USER |
                       PERF_SAMPLE_STACK_USER,
        .sample_regs_user = rings->registers,
        .sample_stack_user = MS_PERF_STACK_BYTES,
        .inherit = 1,
        .sample_id_all = 1,
        .mmap = 1,
        .mmap2 = 1,
        .comm = 1,
        .comm_exec = 1,
        .task = 1,
        .exclude_hv = 1,
        .exclude_kernel = rings->without_kernel,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .wakeup_watermark = UINT32_MAX, /* nobody waits for it */
    };
    const long descriptor =
        syscall(SYS_perf_event_open, &attributes, tid, core, -1, PERF_FLAG_FD_CLOEXEC);
    return descriptor >= 0 ? (int)descriptor : -errno;
}

static int begin_ring(const struct ms_perf_rings *rings, struct ring *ring, int descriptor)
{
    void *memory = mmap(NULL, (RING_PAGES + 1) * (size_t)rings->page_bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) {
        return -errno;
    }
    ring->descriptor = descriptor;
    ring->page = memory;
    ring->data = (const uint8_t *)memory + rings->page_bytes;
    return 0;
}

static int attach_to_core(struct ms_perf_rings *rings, pid_t tid, int core)
{
    struct ring *ring = &rings->of_core[core];
    int descriptor = open_event(rings, tid, core);
    if ((descriptor == -EACCES || descriptor == -EPERM) && !rings->without_kernel) {
        rings->without_kernel = true;
        descriptor = open_event(rings, tid, core);
    }
    if (descriptor == -ENODEV || descriptor == -ENXIO) {
        return 0; /* a core that is not there, or off */
    }
    if (descriptor < 0) {
        return descriptor;
    }
    int result = 0;
    if (ring->descriptor < 0) {
        result = begin_ring(rings, ring, descriptor);
    } else if (syscall(SYS_ioctl, descriptor, PERF_EVENT_IOC_SET_OUTPUT, ring->descriptor) != 0) {
        result = -errno;
    }
    if (result != 0) {
        close(descriptor);
    }
    return result;
}

static int attach_thread(struct ms_perf_rings *rings, pid_t tid)
{
    for (int core = 0; core < rings->cores; core++) {
        const int result = attach_to_core(rings, tid, core);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static bool is_among(const pid_t *tids, size_t count, pid_t tid)
{
    for (size_t i = 0; i < count; i++) {
        if (tids[i] == tid) {
            return true;
        }
    }
    return false;
}

/* Attaches to the threads that are listed and not yet among `tids`; *count grows by them. */
static int attach_listed(struct ms_perf_rings *rings, pid_t pid, pid_t **tids, size_t *count)
{
    char name[64];
    int result = 0;
    (void)snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(name);
    if (folder == NULL) {
        return -ESRCH;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL && result == 0;) {
        const pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid <= 0 || is_among(*tids, *count, tid)) {
            continue;
        }
        pid_t *grown = reallocarray(*tids, *count + 1, sizeof(**tids));
        if (grown == NULL) {
            result = -ENOMEM;
            break;
        }
        *tids = grown;
        grown[(*count)++] = tid;
        result = attach_thread(rings, tid);
        result = result == -ESRCH ? 0 : result; /* it ended meanwhile */
    }
    closedir(folder);
    return result;
}

int ms_perf_rings_attach(struct ms_perf_rings *rings, pid_t pid)
{
    pid_t *tids = NULL;
    size_t count = 0;
    size_t before = 0;
    int result = 0;
    /* What an attached thread starts from now on is sampled; what the others did is listed. */
    for (int i = 0; i < LISTINGS && result == 0 && (i == 0 || count > before); i++) {
        before = count;
        result = attach_listed(rings, pid, &tids, &count);
    }
    free(tids);
    return result;
}

static void copy_out(const struct ms_perf_rings *rings, const struct ring *ring, uint64_t from,
                     void *to, size_t bytes)
{
    const size_t size = RING_PAGES * (size_t)rings->page_bytes;
    const size_t at = (size_t)(from % size);
    const size_t first = bytes < size - at ? bytes : size - at;
    memcpy(to, ring->data + at, first);
    memcpy((uint8_t *)to + first, ring->data, bytes - first);
}

static uint64_t head_of(const struct ring *ring)
{
    return __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
}

/* False: nothing there. Where the kernel wrote nonsense all of it is skipped. */
static bool look_at_next(const struct ms_perf_rings *rings, struct ring *ring)
{
    struct perf_event_header header;
    const uint64_t head = head_of(ring);
    if (ring->has_next || head == ring->tail) {
        return ring->has_next;
    }
    copy_out(rings, ring, ring->tail, &header, sizeof header);
    if (header.size < sizeof header + 8 || header.size > head - ring->tail) {
        ring->tail = head;
        __atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE); /* else it stays full */
        return false;
    }
    /* A sample has it behind ip and tid; all else ends with tid and time. */
    const uint64_t at = header.type == PERF_RECORD_SAMPLE ? sizeof header + 16 : header.size - 8u;
    copy_out(rings, ring, ring->tail + at, &ring->next_ns, sizeof ring->next_ns);
    ring->has_next = true;
    return true;
}

static void skip_pending(struct ms_perf_rings *rings)
{
    struct ring *ring = rings->pending;
    if (ring != NULL) {
        ring->tail += rings->pending_bytes;
        ring->has_next = false;
        __atomic_store_n(&ring->page->data_tail, ring->tail, __ATOMIC_RELEASE);
        rings->pending = NULL;
    }
}

bool ms_perf_rings_next(struct ms_perf_rings *rings, uint64_t until_ns,
                        struct ms_perf_record *record)
{
    struct ring *oldest = NULL;
    skip_pending(rings);
    for (int i = 0; i < rings->cores; i++) {
        struct ring *ring = &rings->of_core[i];
        if (ring->page != NULL && look_at_next(rings, ring) && ring->next_ns <= until_ns &&
            (oldest == NULL || ring->next_ns < oldest->next_ns)) {
            oldest = ring;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    struct perf_event_header header;
    copy_out(rings, oldest, oldest->tail, &header, sizeof header);
    copy_out(rings, oldest, oldest->tail, rings->record, header.size);
    rings->pending = oldest;
    rings->pending_bytes = header.size;
    *record =
        (struct ms_perf_record){.header = (const void *)rings->record, .time_ns = oldest->next_ns};
    return true;
}
