/*
 * Made-up sessions through the real writer, for what the page is to bear:
 *   world big FILE       5,000 threads, 60,000 call sites, series of seconds and tenths
 *   world hostile FILE   names of every kind that must stay text
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/html.h"
#include "model/figures.h"
#include "model/marks.h"

#define START     UINT64_C(1000000000000)
#define TENTH     (MS_SECOND_NS / 10)
#define PROCESS   1u
#define THREADS   5000u
#define SITES     60000u
#define FUNCTIONS 6000u
#define DEPTH     24u
#define TICKS     400u
#define BUSY      200u /* threads that do something, the others did once */

static uint64_t state = 88172645463325252u;
static uint64_t chance(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "world: %s\n", what);
        exit(1);
    }
}

static struct ms_model *new_model(void)
{
    struct ms_model *model = ms_model_new(TENTH, START, UINT64_C(1763690000000000000));
    must(model != NULL, "no memory");
    struct ms_process *process = ms_model_add_process(model, PROCESS);
    process->pid = 4242;
    process->start_ns = START;
    process->seen = MS_SEEN_FULL;
    process->kernel.have_memory = true;
    process->peak = (struct ms_peak){.epoch = 1, .bytes = 1, .at_ns = START};
    snprintf(process->exe, sizeof process->exe, "/usr/bin/app");
    ms_model_system_mutable(model)->cores = 8;
    return model;
}

static const struct ms_frame *new_frame(struct ms_model *model, const char *function,
                                        const char *file, const char *module, uint32_t line)
{
    struct ms_frame *frame = ms_model_add_frame(model);
    frame->address = 0x401000 + 16 * (uint64_t)line;
    frame->file_offset = 0x1000 + 16 * (uint64_t)line;
    frame->module = ms_model_string(model, module);
    frame->crate = "";
    frame->function = ms_model_string(model, function);
    frame->file = ms_model_string(model, file);
    frame->line = line;
    return frame;
}

static uint32_t add_thread(struct ms_model *model, const char *name, size_t bytes)
{
    struct ms_thread *thread = ms_model_add_thread(model, PROCESS);
    thread->tid = 4242 + (pid_t)thread->id;
    thread->probed = thread->tracked = true;
    thread->start_ns = START;
    thread->kernel.have = MS_HAVE_CPU | MS_HAVE_RUN_QUEUE | MS_HAVE_SWITCHES | MS_HAVE_IO;
    memcpy(thread->name, name, bytes < MS_NAME_MAX - 1 ? bytes : MS_NAME_MAX - 1);
    return thread->id;
}

static void use(struct ms_model *model, uint32_t thread, uint32_t site, uint64_t blocks,
                uint64_t block_bytes)
{
    struct ms_usage *usage = ms_model_usage_mutable(model, thread, site);
    must(usage != NULL, "no memory");
    usage->allocations += blocks;
    usage->bytes_allocated += blocks * block_bytes;
    usage->deallocations += blocks / 2;
    usage->bytes_freed += blocks / 2 * block_bytes;
    usage->at_peak_bytes += (blocks + 1) / 2 * block_bytes;
    usage->peak_epoch = 1;
    usage->temporary += blocks / 3;
    struct ms_heap *heap = &ms_model_thread_mutable(model, thread)->heap;
    heap->allocations += blocks;
    heap->bytes_allocated += blocks * block_bytes;
    heap->deallocations += blocks / 2;
    heap->bytes_freed += blocks / 2 * block_bytes;
    heap->temporary += blocks / 3;
    heap->peak_bytes = ms_heap_current_bytes(heap);
}

static void tick(struct ms_model *model, uint64_t number, struct ms_findings *findings)
{
    struct ms_process *process = ms_model_process_mutable(model, PROCESS);
    process->totals = (struct ms_heap){0};
    process->kernel.rss_bytes = 0;
    for (size_t i = 0; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        ms_heap_add(&process->totals, &thread->heap);
        process->kernel.user_ns += i < BUSY ? TENTH / 20 : 0;
    }
    process->kernel.rss_bytes = ms_heap_current_bytes(&process->totals) * 5 / 4 + chance(4u << 20);
    process->kernel.virtual_bytes = 2 * process->kernel.rss_bytes;
    must(ms_model_tick_end(model, START + (number + 1) * TENTH) == 0, "no memory");
    must(ms_findings_update(findings, model) == 0, "no memory");
}

/* Stacks that share their outer part, as those of real programs do. */
static void add_sites(struct ms_model *model, uint32_t sites[SITES])
{
    static const struct ms_frame *frames[FUNCTIONS];
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        char function[96], file[64], module[64];
        snprintf(function, sizeof function, "library_%u::Component<%u>::operation_%u(int)", i % 12,
                 i % 97, i);
        snprintf(file, sizeof file, "/src/library_%u/component_%u.cc", i % 12, i % 97);
        snprintf(module, sizeof module, "/usr/lib/liblibrary_%u.so", i % 12);
        frames[i] = new_frame(model, function, file, module, i % 3000 + 1);
    }
    for (uint32_t i = 0; i < SITES; i++) {
        const struct ms_frame *stack[DEPTH];
        for (uint32_t d = 0; d < DEPTH; d++) {
            const uint64_t variety = d < 3 ? 1 : d < 8 ? 1 + i % 6 : d < 16 ? 1 + i % 700 : i;
            stack[DEPTH - 1 - d] = frames[(variety * 2654435761u + d * 97) % FUNCTIONS];
        }
        sites[i] = ms_model_add_site(model, PROCESS, stack, DEPTH, 0)->id;
    }
}

static void run_big(struct ms_model *model, struct ms_findings *findings)
{
    static uint32_t sites[SITES], threads[THREADS];
    add_sites(model, sites);
    for (uint32_t i = 0; i < THREADS; i++) {
        char name[32];
        snprintf(name, sizeof name, i < BUSY ? "worker-%u" : "pool-%u", i);
        threads[i] = add_thread(model, name, strlen(name));
    }
    for (uint32_t i = 0; i < SITES; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            use(model, threads[chance(k == 0 ? BUSY : THREADS)], sites[i],
                1 + chance(400000 / (i + 20)), 16u << chance(9));
        }
    }
    for (uint64_t t = 0; t < TICKS; t++) {
        for (uint32_t i = 0; i < BUSY; i++) {
            struct ms_thread *thread = ms_model_thread_mutable(model, threads[i]);
            const double load = 0.5 + 0.45 * sin((double)t / (20 + i) + i);
            thread->kernel.run_ns += (uint64_t)(load * (double)TENTH * (i % 7 + 1) / 8);
            thread->kernel.user_ns = thread->kernel.run_ns;
            thread->kernel.read_calls += (uint64_t)(load * (i % 11));
            thread->heap.allocations += (uint64_t)(load * 100 * (i % 5 + 1));
            thread->heap.bytes_allocated += (uint64_t)(load * 64000 * (i % 5 + 1)) + chance(999);
            thread->heap.bytes_freed =
                thread->heap.bytes_allocated - (uint64_t)((1 + load) * 100000 * (i + 1));
            thread->heap.deallocations = thread->heap.allocations * 9 / 10;
            const uint64_t live = ms_heap_current_bytes(&thread->heap);
            thread->heap.peak_bytes =
                live > thread->heap.peak_bytes ? live : thread->heap.peak_bytes;
        }
        tick(model, t, findings);
    }
}

/* Everything that a name can be made of to get out of where it stands. */
static const char *const hostile[] = {
    "</script><script>alert('script')</script>",
    "<!--<script>",
    "--></style></title><svg onload=alert('svg')>",
    "<img src=x onerror=alert('img')>",
    "\"'`><iframe srcdoc=\"<script>parent.alert('frame')</script>\">",
    "javascript:alert('url')",
    "{{constructor.constructor('alert(1)')()}}",
    "\xe2\x80\xae reversed \xe2\x80\xa6 \xe2\x81\xa6 isolated",
    "\xed\xa0\x80 lone surrogate \xed\xbf\xbf and \xff\xfe bytes \xc0\xaf",
    "__proto__",
    "constructor",
    "\033[31m escape \007 bell \001",
    "]]>\\u003c/script\\u003e\\\\",
};
#define HOSTILE (sizeof hostile / sizeof hostile[0])

static void run_hostile(struct ms_model *model, struct ms_findings *findings)
{
    struct ms_process *process = ms_model_process_mutable(model, PROCESS);
    snprintf(process->exe, sizeof process->exe, "/tmp/%s/%s", hostile[3], hostile[0]);
    static const char arguments[] = "<script>alert('argv')</script>\0</script><script>alert(2)";
    process->arguments = malloc(sizeof arguments);
    must(process->arguments != NULL, "no memory");
    memcpy(process->arguments, arguments, sizeof arguments);
    process->arguments_bytes = sizeof arguments;
    snprintf(process->seen_because, sizeof process->seen_because, "%s", hostile[3]);
    process->seen = MS_SEEN_PARTIAL;
    ms_model_source_set(model, MS_SOURCE_SENSORS, MS_SOURCE_UNAVAILABLE, hostile[3]);
    static char longest[100001];
    memset(longest, 'A', sizeof longest - 1);
    memcpy(longest, hostile[0], strlen(hostile[0]));
    uint32_t threads[HOSTILE], sites[HOSTILE + 1];
    for (size_t i = 0; i <= HOSTILE; i++) {
        const char *name = i < HOSTILE ? hostile[i] : longest;
        const struct ms_frame *stack[] = {new_frame(model, name, name, name, (uint32_t)i + 1),
                                          new_frame(model, "main", "main.c", "/bin/app", 1)};
        sites[i] = ms_model_add_site(model, PROCESS, stack, 2, 0)->id;
    }
    for (size_t i = 0; i < HOSTILE; i++) {
        threads[i] = add_thread(model, hostile[i], strlen(hostile[i]));
        use(model, threads[i], sites[i], 1000 * (i + 1), 100);
        use(model, threads[i], sites[HOSTILE], 10, 100);
    }
    struct ms_flow *flow = ms_model_flow_mutable(model, PROCESS, threads[0], threads[3]);
    must(flow != NULL, "no memory");
    flow->blocks = 100;
    flow->bytes = 100000;
    const struct ms_mark mark = {.at_ns = ms_model_start_ns(model) + 4200000000u,
                                 .text = hostile[0],
                                 .by_program = true,
                                 .process_id = PROCESS,
                                 .thread_id = threads[1]};
    must(ms_model_add_mark(model, &mark) == 0, "no memory");
    for (uint64_t t = 0; t < 100; t++) {
        for (size_t i = 0; i < HOSTILE; i++) {
            ms_model_thread_mutable(model, threads[i])->kernel.run_ns += chance(TENTH);
        }
        tick(model, t, findings);
    }
}

int main(int argc, char **argv)
{
    must(argc == 3, "world big|hostile FILE");
    const bool big = strcmp(argv[1], "big") == 0;
    const struct ms_thresholds thresholds = ms_thresholds_default();
    struct ms_model *model = new_model();
    struct ms_findings *findings = ms_findings_new(&thresholds, NULL);
    must(findings != NULL, "no memory");
    (big ? run_big : run_hostile)(model, findings);
    const struct ms_export_options options = {.program_version = "9.9.9",
                                              .title = big ? NULL : hostile[2],
                                              .sections = MS_SECTIONS_ALL,
                                              .thresholds = thresholds,
                                              .findings = findings};
    const int error = ms_export_write_file(argv[2], true, MS_EXPORT_HTML, model, &options);
    must(error == 0, "not written");
    ms_findings_free(findings);
    ms_model_free(model);
    return 0;
}
