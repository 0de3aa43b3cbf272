/* The region reader: exact on what a probe writes, harmless on what an attacker writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/sites.h"
#include "collect/threads.h"
#include "collect_region_image.h"
#include "model/figures.h"

static struct ms_region_mapping mapping;
static void *file;

static int make_image(void **state)
{
    (void)state;
    file = image_new(&mapping.bytes);
    mapping.base = file;
    if (file != NULL) {
        image_fill(file, "/bin/program");
    }
    return file == NULL;
}

static int drop_image(void **state)
{
    (void)state;
    munmap(file, mapping.bytes);
    return 0;
}

static void view_main(struct ms_region_view *view)
{
    assert_int_equal(ms_region_view_init(view, &mapping, 0), 0);
}

static void test_thread_record(void **state)
{
    (void)state;
    struct ms_region_view view;
    struct ms_region_thread_copy copy;
    view_main(&view);
    assert_true(ms_region_view_thread(&view, 1, &copy));
    assert_int_equal(copy.tid, 7001);
    assert_int_equal(copy.serial, 1);
    assert_string_equal(copy.name, "main");
    assert_true(copy.name_valid);
    assert_int_equal(copy.heap.allocations, 100);
    assert_int_equal(copy.heap.deallocations, 2);
    assert_int_equal(copy.heap.bytes_freed, 20);
    assert_int_equal(copy.own_deallocations, 1);
    assert_int_equal(copy.own_bytes_freed, 10);
    assert_int_equal(copy.heap.waste_bytes, 600 - 12);
    assert_int_equal(ms_heap_current_bytes(&copy.heap), 980);
    assert_false(ms_region_view_thread(&view, 0, &copy));
    assert_false(ms_region_view_thread(&view, 3, &copy));
    assert_false(ms_region_view_thread(&view, UINT32_MAX, &copy));
}

static void test_name_being_written(void **state)
{
    (void)state;
    struct ms_region_view view;
    struct ms_region_thread_copy copy;
    view_main(&view);
    struct ms_region_thread *threads = image_area(file, MS_AREA_THREADS);
    threads[1].name_version = 3;
    memset(threads[1].name, 'x', sizeof threads[1].name);
    assert_true(ms_region_view_thread(&view, 1, &copy));
    assert_false(copy.name_valid);
    assert_int_equal(strlen(copy.name), MS_THREAD_NAME - 1);
}

static void test_stack_bounds(void **state)
{
    (void)state;
    struct ms_region_view view;
    uint32_t pcs[MS_STACK_DEPTH_MAX];
    uint32_t flags;
    view_main(&view);
    assert_int_equal(ms_region_view_stack(&view, 1, pcs, &flags), 3);
    assert_int_equal(pcs[0], 1);
    assert_int_equal(flags, 0);
    assert_int_equal(ms_region_view_stack(&view, 5, pcs, &flags), 2);
    assert_int_equal(flags, MS_STACK_CUT_DEPTH);
    assert_int_equal(ms_region_view_stack(&view, 0, pcs, &flags), 0);
    assert_int_equal(ms_region_view_stack(&view, 8, pcs, &flags), 0);
    uint32_t *words = image_area(file, MS_AREA_STACKS);
    words[5] = 3; /* reaches one beyond the published mark */
    assert_int_equal(ms_region_view_stack(&view, 5, pcs, &flags), 0);
    words[5] = 255;
    assert_int_equal(ms_region_view_stack(&view, 5, pcs, &flags), 0);
}

/* Context 2 of thread 1: 20 allocations, of which 17 are in size class 3; 2 own frees, 1 by others.
 */
static void fill_histograms(void)
{
    struct ms_region_context *context =
        (struct ms_region_context *)image_area(file, MS_AREA_CONTEXTS) + 2;
    union ms_region_detail *details = image_area(file, MS_AREA_DETAILS);
    memset(details, 0, 8 * sizeof *details);
    context->size_home = 3 + 1;
    context->sizes = 1;
    details[1].histogram.events[0] = 1;
    details[1].histogram.events[3] = 99; /* of the home class: not looked at */
    details[1].histogram.events[15] = 2;
    context->lifetime_home = 0 + 1;
    context->lifetimes = 2;
    details[2].histogram.events[13] = 1;
    context->remote_lifetimes = (5 + 1) << MS_REMOTE_DETAIL_BITS;
    context->waste_allocated_bytes = 100;
    context->waste_freed_bytes = 20;
    context->remote.waste_freed_bytes = 30;
    context->temporary = 1;
    context->reallocations = 4;
    context->failed_calls = 5;
    image_publish(file, MS_AREA_DETAILS, 4);
}

static void test_histograms(void **state)
{
    (void)state;
    struct ms_region_view view;
    struct ms_region_context_copy copy;
    view_main(&view);
    fill_histograms();
    assert_true(ms_region_view_context(&view, 2, 0, &copy));
    const struct ms_histogram sizes = {.events = {[0] = 1, [3] = 17, [15] = 2}};
    const struct ms_histogram lifetimes = {.events = {[0] = 1, [5] = 1, [13] = 1}};
    assert_memory_equal(&copy.sizes, &sizes, sizeof sizes);
    assert_memory_equal(&copy.lifetimes, &lifetimes, sizeof lifetimes);
    assert_int_equal(copy.waste_bytes, 50);
    assert_int_equal(copy.temporary, 1);
    assert_int_equal(copy.reallocations, 4);
    assert_int_equal(copy.failed_calls, 5);
    /* No home, no events: context 3 has not said what its events were. */
    assert_true(ms_region_view_context(&view, 3, 0, &copy));
    assert_int_equal(ms_histogram_events(&copy.sizes), 0);
}

static void test_histograms_of_an_attacker(void **state)
{
    (void)state;
    struct ms_region_view view;
    struct ms_region_context_copy copy;
    struct ms_region_context *context =
        (struct ms_region_context *)image_area(file, MS_AREA_CONTEXTS) + 2;
    union ms_region_detail *details = image_area(file, MS_AREA_DETAILS);
    view_main(&view);
    fill_histograms();
    context->sizes = 4; /* not published */
    context->lifetimes = MS_DETAIL_NONE_LEFT;
    assert_true(ms_region_view_context(&view, 2, 0, &copy));
    assert_int_equal(ms_histogram_events(&copy.sizes), 0);
    assert_int_equal(ms_histogram_events(&copy.lifetimes), 1); /* that of others is known */
    context->sizes = 1;
    context->size_home = 17;
    context->lifetimes = 2;
    context->lifetime_home = MS_LIFETIME_CLASSES + 1;
    context->remote_lifetimes = UINT32_MAX;
    assert_true(ms_region_view_context(&view, 2, 0, &copy));
    assert_int_equal(ms_histogram_events(&copy.sizes), 0);
    assert_int_equal(ms_histogram_events(&copy.lifetimes), 0);
    /* More in other classes than there are events. */
    context->size_home = 1;
    details[1].histogram.events[5] = UINT64_MAX;
    details[1].histogram.events[6] = UINT64_MAX;
    assert_true(ms_region_view_context(&view, 2, 0, &copy));
    assert_int_equal(ms_histogram_events(&copy.sizes), 20);
    /* Freed more than was there. */
    context->waste_freed_bytes = UINT64_MAX;
    context->bytes_freed = UINT64_MAX;
    assert_true(ms_region_view_context(&view, 2, 0, &copy));
    assert_int_equal(copy.waste_bytes, 0);
    assert_int_equal(copy.at_peak_bytes, 0);
    context->rate = 200;
    context->estimate = UINT32_MAX;
    assert_true(ms_region_view_context(&view, 2, 0, &copy));
    assert_int_equal(copy.estimate.bytes_allocated, 0);
}

static void test_live_at_the_peak(void **state)
{
    (void)state;
    struct ms_region_view view;
    struct ms_region_context_copy copy;
    struct ms_region_context *context =
        (struct ms_region_context *)image_area(file, MS_AREA_CONTEXTS) + 2;
    view_main(&view);
    context->peak_epoch = 7;
    context->live_at_peak_bytes = 150;
    context->remote.peak_epoch = 7;
    context->freed_at_peak_bytes = 5;
    assert_true(ms_region_view_context(&view, 2, 7, &copy));
    assert_true(copy.at_peak_fixed);
    assert_int_equal(copy.at_peak_bytes, 145);
    context->remote.peak_epoch = 6; /* nobody freed since: 10 as of now */
    assert_true(ms_region_view_context(&view, 2, 7, &copy));
    assert_int_equal(copy.at_peak_bytes, 140);
    context->peak_epoch = 6;
    context->remote.peak_epoch = 7;
    assert_true(ms_region_view_context(&view, 2, 7, &copy));
    assert_true(copy.at_peak_fixed);
    assert_int_equal(copy.at_peak_bytes, 200 - 20 - 5);
    assert_true(ms_region_view_context(&view, 2, 8, &copy));
    assert_false(copy.at_peak_fixed);
    assert_int_equal(copy.at_peak_bytes, 170);
}

static void test_string_without_end(void **state)
{
    (void)state;
    struct ms_region_view view;
    char text[8];
    view_main(&view);
    assert_int_equal(ms_region_view_string(&view, 1, text, sizeof text), 7);
    assert_string_equal(text, "/bin/pr");
    char *strings = image_area(file, MS_AREA_STRINGS);
    memset(strings, 'a', 14);
    char long_text[64];
    /* "/bin/program" and its NUL are 13 bytes from offset 1: the mark ends the string. */
    assert_int_equal(ms_region_view_string(&view, 1, long_text, sizeof long_text), 13);
    assert_int_equal(ms_region_view_string(&view, 14, long_text, sizeof long_text), 0);
}

static void test_published_beyond_capacity(void **state)
{
    (void)state;
    struct ms_region_view view;
    struct ms_region_header *header = file;
    view_main(&view);
    uint32_t capacity = header->areas[MS_AREA_MODULES].capacity;
    header->areas[MS_AREA_MODULES].published = UINT32_MAX;
    /* The reader keeps to what it checked, even when the header says otherwise later. */
    header->areas[MS_AREA_MODULES].capacity = UINT32_MAX;
    header->areas[MS_AREA_MODULES].offset_bytes = UINT64_MAX / 2;
    assert_int_equal(ms_region_view_published(&view, MS_AREA_MODULES), capacity);
    struct ms_region_module module;
    assert_false(ms_region_view_module(&view, capacity, &module));
    assert_true(ms_region_view_module(&view, 1, &module));
    assert_int_equal(module.load_bias, 0x7000000);
    struct ms_region_view again;
    assert_int_equal(ms_region_view_init(&again, &mapping, 0), -EPROTO);
}

static void test_build_id_too_long(void **state)
{
    (void)state;
    struct ms_region_view view;
    struct ms_region_module module;
    view_main(&view);
    struct ms_region_module *modules = image_area(file, MS_AREA_MODULES);
    modules[1].build_id_bytes = 200;
    assert_true(ms_region_view_module(&view, 1, &module));
    assert_int_equal(module.build_id_bytes, 0);
}

/* Writes the header of `slot` into a region file, as a child that claims it. */
static void put_slot(int descriptor, uint32_t slot, uint32_t says)
{
    const struct ms_probe_config config = {.tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32}};
    struct ms_region_header header;
    memset(&header, 0, sizeof header);
    ms_region_format(&header, says, &config);
    header.pid = 7000 + slot;
    header.state = MS_REGION_CLAIMED;
    assert_int_equal(pwrite(descriptor, &header, sizeof header, (off_t)ms_region_slot_offset(slot)),
                     sizeof header);
}

static int blocks_of(int descriptor)
{
    struct stat status;
    assert_int_equal(fstat(descriptor, &status), 0);
    return (int)status.st_blocks;
}

static void test_slots(void **state)
{
    (void)state;
    int descriptor = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(descriptor, (off_t)ms_region_file_bytes()), 0);
    assert_int_equal(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    struct ms_region_header *header = file;
    header->slots_ready[15] = UINT64_C(1) << 63;
    header->losses.untracked_children = 9;
    header->slots_taken = MS_REGION_SLOTS;
    assert_int_equal(pwrite(descriptor, file, MS_PAGE_BYTES, 0), MS_PAGE_BYTES);
    put_slot(descriptor, 1, 1);
    put_slot(descriptor, 2, 3);
    put_slot(descriptor, MS_REGION_SLOTS, MS_REGION_SLOTS);

    struct ms_region_mapping main_region;
    struct ms_region_mapping slot;
    struct ms_region_view view;
    struct ms_region_facts facts;
    int blocks = blocks_of(descriptor);
    assert_int_equal(ms_region_mapping_open(&main_region, descriptor), 0);
    assert_int_equal(ms_region_view_init(&view, &main_region, 0), 0);
    ms_region_view_facts(&view, &facts);
    assert_int_equal(facts.untracked_children, 9);
    assert_int_equal(facts.slots_taken, MS_REGION_SLOTS);
    assert_int_equal(ms_region_mapping_slots_ready(&main_region, 0), 0);
    assert_int_equal(ms_region_mapping_slots_ready(&main_region, 15), UINT64_C(1) << 63);
    assert_int_equal(ms_region_mapping_open_slot(&slot, &main_region, 0), -EINVAL);
    assert_int_equal(ms_region_mapping_open_slot(&slot, &main_region, MS_REGION_SLOTS + 1),
                     -EINVAL);
    const uint32_t good[] = {1, MS_REGION_SLOTS};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ms_region_mapping_open_slot(&slot, &main_region, good[i]), 0);
        assert_int_equal(slot.bytes, ms_region_bytes(good[i]));
        assert_int_equal(ms_region_view_init(&view, &slot, good[i]), 0);
        assert_int_equal(ms_region_view_init(&view, &slot, 0), -EINVAL); /* too small */
        ms_region_view_facts(&view, &facts);
        assert_int_equal(facts.pid, 7000 + good[i]);
        assert_int_equal(facts.state, MS_REGION_CLAIMED);
        assert_int_equal(ms_region_view_published(&view, MS_AREA_THREADS), 0);
        ms_region_mapping_close(&slot);
    }
    assert_int_equal(ms_region_mapping_open_slot(&slot, &main_region, 2), 0);
    assert_int_equal(ms_region_view_init(&view, &slot, 2), -EPROTO); /* says it is another */
    ms_region_mapping_close(&slot);
    assert_int_equal(blocks_of(descriptor), blocks);
    ms_region_mapping_close(&main_region);
    close(descriptor);
}

static void test_mapping_wants_seals(void **state)
{
    (void)state;
    struct ms_region_mapping opened;
    int descriptor = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, (off_t)ms_region_file_bytes()), 0);
    assert_int_equal(ms_region_mapping_open(&opened, descriptor), -EPROTO);
    assert_int_equal(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    assert_int_equal(ms_region_mapping_open(&opened, descriptor), -EPROTO); /* no header */
    assert_int_equal(pwrite(descriptor, file, MS_PAGE_BYTES, 0), MS_PAGE_BYTES);
    assert_int_equal(ms_region_mapping_open(&opened, descriptor), 0);
    ms_region_mapping_close(&opened);
    close(descriptor);

    descriptor = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(descriptor, (off_t)ms_region_file_bytes() - MS_PAGE_BYTES), 0);
    assert_int_equal(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    assert_int_equal(ms_region_mapping_open(&opened, descriptor), -EPROTO);
    close(descriptor);

    char path[] = "/tmp/memscope-test-region-XXXXXX";
    descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    unlink(path);
    assert_int_equal(ftruncate(descriptor, (off_t)ms_region_file_bytes()), 0);
    assert_int_equal(ms_region_mapping_open(&opened, descriptor), -EPROTO);
    close(descriptor);
}

struct watched_process {
    struct ms_model *model;
    struct ms_watched_threads *threads;
    struct ms_watched_sites *sites;
    struct ms_descriptor_budget budget;
    struct ms_region_view view;
};

static void begin(struct watched_process *process)
{
    process->budget = (struct ms_descriptor_budget){.limit = 16};
    process->model = ms_model_new(100000000, 0, 0);
    process->threads = ms_watched_threads_new(128);
    process->sites = ms_watched_sites_new(128, 0);
    assert_non_null(ms_model_add_process(process->model, 128));
    view_main(&process->view);
}

static void read_once(struct watched_process *process, uint64_t now_ns)
{
    struct ms_region_facts facts;
    ms_region_view_facts(&process->view, &facts);
    assert_int_equal(ms_watched_threads_records(process->threads, process->model, &process->budget,
                                                &process->view, now_ns, true),
                     0);
    assert_int_equal(ms_watched_sites_read(process->sites, process->model, &process->view,
                                           process->threads, NULL, &facts, false),
                     0);
    ms_watched_threads_flows(process->threads, process->model, &process->view);
    assert_int_equal(ms_model_tick_end(process->model, now_ns), 0);
}

static void end(struct watched_process *process)
{
    ms_watched_threads_free(process->threads, &process->budget);
    ms_watched_sites_free(process->sites);
    ms_model_free(process->model);
}

static void test_into_the_model(void **state)
{
    (void)state;
    struct watched_process process;
    begin(&process);
    read_once(&process, 5000);
    assert_int_equal(ms_model_thread_count(process.model), 2);
    const struct ms_thread *worker = ms_model_thread(process.model, 1);
    assert_string_equal(worker->name, "worker");
    assert_true(worker->probed);
    assert_int_equal(worker->heap.allocations, 50);

    /* A root, the stack of three and the cut one: two threads share the second. */
    assert_int_equal(ms_model_site_count(process.model), 3);
    assert_int_equal(ms_model_usage_count(process.model), 4);
    const struct ms_site *shared = ms_model_site(process.model, 1);
    assert_int_equal(shared->depth, 3);
    assert_int_equal(shared->heap.allocations, 20 + 40);
    assert_int_equal(ms_heap_current_bytes(&shared->heap), 200 + 400 - 60);
    assert_int_equal(ms_site_frame(shared, 0)->file_offset, 0xff);
    assert_string_equal(ms_site_frame(shared, 0)->module, "/bin/program");
    assert_string_equal(ms_site_frame(shared, 2)->module, "");
    assert_int_equal(ms_model_site(process.model, 2)->flags, MS_SITE_CUT_DEPTH);
    assert_int_equal(ms_model_site(process.model, 0)->flags, MS_SITE_ROOT);

    assert_int_equal(ms_model_flow_count(process.model), 2);
    const struct ms_flow *flow = ms_model_flow(process.model, 0);
    assert_int_equal(flow->from_thread, ms_model_thread(process.model, 0)->id);
    assert_int_equal(flow->to_thread, worker->id);
    assert_int_equal(flow->bytes, 30);
    assert_int_equal(ms_model_flow(process.model, 1)->from_thread, 0);
    end(&process);
}

/* Blocks that others freed, as the model has them. */
static uint64_t flow_blocks_into(const struct ms_model *model, uint32_t to_thread)
{
    uint64_t blocks = 0;
    for (size_t i = 0; i < ms_model_flow_count(model); i++) {
        const struct ms_flow *flow = ms_model_flow(model, i);
        blocks += flow->to_thread == to_thread ? flow->blocks : 0;
    }
    return blocks;
}

/* What a thread freed is counted once, whatever becomes of the owner that it freed for. */
static void test_flows_of_an_owner_that_was_merged(void **state)
{
    (void)state;
    struct watched_process process;
    struct ms_region_thread *threads = image_area(file, MS_AREA_THREADS);
    begin(&process);
    read_once(&process, 5000);
    const uint32_t worker = ms_model_thread(process.model, 1)->id;
    assert_int_equal(flow_blocks_into(process.model, worker), 5);
    threads[1].end_ns = 6000;
    threads[1].state = MS_THREAD_GONE;
    read_once(&process, 6000);
    for (uint32_t i = 0; i < MS_ENDED_THREADS_MAX + 1; i++) {
        struct ms_thread *thread = ms_model_add_thread(process.model, 128);
        assert_non_null(thread);
        ms_model_end_thread(process.model, thread->id, 6500);
    }
    read_once(&process, 7000);
    assert_int_equal(flow_blocks_into(process.model, worker), 5);
    threads[2].own.frees_for_others = 9;
    threads[2].flows[0].blocks = 7;
    threads[2].flows[0].bytes = 70;
    read_once(&process, 8000);
    assert_int_equal(flow_blocks_into(process.model, worker), 9);
    /* A table entry that fills later changes nothing of the others. */
    threads[2].own.frees_for_others = 10;
    threads[2].flows[0].blocks = 8;
    read_once(&process, 9000);
    assert_int_equal(flow_blocks_into(process.model, worker), 10);
    end(&process);
}

/* A thread may be merged in the tick in which it ends, long before flows are read the next time. */
static void test_flows_are_read_when_a_thread_ends(void **state)
{
    (void)state;
    struct watched_process process;
    struct ms_region_thread *threads = image_area(file, MS_AREA_THREADS);
    begin(&process);
    read_once(&process, 5000);
    const uint32_t worker = ms_model_thread(process.model, 1)->id;
    threads[2].own.frees_for_others = 13;
    threads[2].flows[0].blocks = 11;
    threads[2].end_ns = 6000;
    threads[2].state = MS_THREAD_GONE;
    assert_int_equal(ms_watched_threads_records(process.threads, process.model, &process.budget,
                                                &process.view, 6000, false),
                     0);
    assert_int_equal(flow_blocks_into(process.model, worker), 13);
    end(&process);
}

static void test_figures_into_the_model(void **state)
{
    (void)state;
    struct watched_process process;
    struct ms_region_header *header = file;
    struct ms_region_context *contexts = image_area(file, MS_AREA_CONTEXTS);
    fill_histograms();
    header->peak_epoch = 7;
    contexts[2].peak_epoch = 7;
    contexts[2].remote.peak_epoch = 7;
    contexts[2].live_at_peak_bytes = 150;
    contexts[4].size_home = 2 + 1; /* the same stack, by thread 2 */
    begin(&process);
    struct ms_process *of = ms_model_process_mutable(process.model, 128);
    of->peak = (struct ms_peak){.epoch = 7, .bytes = 900};
    read_once(&process, 5000);
    struct ms_figures figures;
    ms_figures_of_site(process.model, 2, &figures);
    assert_int_equal(figures.sizes.events[3], 17);
    assert_int_equal(figures.sizes.events[2], 40);
    assert_int_equal(ms_histogram_events(&figures.lifetimes), 3);
    assert_int_equal(figures.at_peak_bytes, 150 + 370);
    assert_int_equal(figures.samples, 0);
    const struct ms_heap *heap = &ms_model_site(process.model, 1)->heap;
    assert_int_equal(heap->waste_bytes, 50);
    assert_int_equal(heap->temporary, 1);
    assert_int_equal(heap->reallocations, 4);
    assert_int_equal(heap->failed_calls, 5);
    /* Thread 1 has the root (100 - 30) and the cut stack (300 - 30) beside it. */
    const struct ms_thread *thread = ms_model_thread(process.model, 0);
    assert_true(thread->at_peak_known);
    assert_int_equal(thread->at_peak_bytes, 150 + 70 + 270);
    ms_figures_of_process(process.model, 128, &figures);
    assert_int_equal(ms_histogram_events(&figures.sizes), 60);

    /* A failed call alone is a change; what was live at the peak stays when more is live. */
    contexts[2].failed_calls++;
    contexts[2].bytes_allocated += 1000;
    read_once(&process, 6000);
    assert_int_equal(heap->failed_calls, 6);
    ms_figures_of_site(process.model, 2, &figures);
    assert_int_equal(figures.at_peak_bytes, 150 + 370);
    /* A new peak: what has not changed since then is what is live now, without being read. */
    of->peak.epoch = 8;
    header->peak_epoch = 8;
    read_once(&process, 7000);
    ms_figures_of_site(process.model, 2, &figures);
    assert_int_equal(figures.at_peak_bytes, 1170 + 370);
    assert_int_equal(thread->at_peak_bytes, 1170 + 70 + 270);
    end(&process);
}

static void test_estimates_into_the_model(void **state)
{
    (void)state;
    struct watched_process process;
    struct ms_region_context *contexts = image_area(file, MS_AREA_CONTEXTS);
    union ms_region_detail *details = image_area(file, MS_AREA_DETAILS);
    fill_histograms();
    contexts[2].rate = 1;
    contexts[2].estimate = 3;
    details[3].estimate =
        (struct ms_region_estimate){.allocations = 2000 << MS_ESTIMATE_SHIFT,
                                    .bytes_allocated = 20000,
                                    .deallocations = 200 << MS_ESTIMATE_SHIFT,
                                    .bytes_freed = 2000,
                                    .remote_deallocations = 100 << MS_ESTIMATE_SHIFT,
                                    .remote_bytes_freed = 1000};
    begin(&process);
    read_once(&process, 5000);
    const struct ms_heap *heap = &ms_model_site(process.model, 1)->heap;
    assert_int_equal(heap->allocations, 2000 + 40); /* and those that thread 2 counted in full */
    assert_int_equal(heap->deallocations, 300 + 3);
    assert_int_equal(heap->bytes_allocated, 20000 + 400);
    assert_int_equal(ms_heap_current_bytes(heap), 17000 + 370);
    assert_int_equal(heap->temporary, 100); /* 1 of 20 in the sample */
    assert_int_equal(heap->peak_bytes, 20000 + 400);
    struct ms_figures figures;
    ms_figures_of_usage(process.model, ms_model_site_usage(process.model, 2, NULL), &figures);
    ms_figures_of_site(process.model, 2, &figures);
    assert_int_equal(figures.samples, 20);
    assert_int_equal(figures.live_samples, 17);
    assert_int_equal(figures.sizes.events[3], 17); /* of the sample */
    const double error = ms_figures_relative_error(figures.variance, 20000);
    assert_true(fabs(error - 1.96 / sqrt(20)) < 1e-9);
    /* The same stack counted in full from now on is another context of the same site. */
    contexts[5] = contexts[4];
    contexts[5].thread = 1;
    image_publish(file, MS_AREA_CONTEXTS, 6);
    read_once(&process, 6000);
    assert_int_equal(heap->allocations, 2000 + 40 + 40);
    size_t pairs = 0;
    const struct ms_usage *usage = NULL;
    while ((usage = ms_model_site_usage(process.model, 2, usage)) != NULL) {
        pairs += ms_usage_stands_for_pair(process.model, usage);
    }
    assert_int_equal(pairs, 2);
    end(&process);
}

static void test_record_reused(void **state)
{
    (void)state;
    struct watched_process process;
    begin(&process);
    read_once(&process, 5000);
    struct ms_region_thread *threads = image_area(file, MS_AREA_THREADS);
    image_thread(&threads[2], 7003, 9, 70, "next");
    read_once(&process, 6000);
    assert_int_equal(ms_model_thread_count(process.model), 3);
    assert_int_equal(ms_model_alive_count(process.model), 2);
    const struct ms_thread *old = ms_model_thread(process.model, 2);
    assert_string_equal(old->name, "worker");
    assert_int_equal(old->heap.allocations, 50);
    assert_int_equal(old->end_ns, 6000);
    assert_true(old->last_seen_before_end_ns > 0);
    assert_string_equal(ms_model_thread(process.model, 1)->name, "next");
    end(&process);
}

static void test_short_threads_are_exact(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct watched_process process;
    struct ms_region_thread *threads = image_area(file, MS_AREA_THREADS);
    for (uint32_t i = 1; i <= COUNT; i++) {
        image_thread(&threads[i], 8000 + i, i, 7, "short");
        threads[i].end_ns = 4000;
        threads[i].final_usage.user_ns = 123;
        threads[i].state = MS_THREAD_EXITING;
    }
    image_publish(file, MS_AREA_THREADS, COUNT + 1);
    begin(&process);
    read_once(&process, 5000);
    assert_int_equal(ms_model_thread_count(process.model), COUNT);
    assert_int_equal(ms_model_alive_count(process.model), 0);
    struct ms_threads_sum sum;
    ms_watched_threads_sum(process.threads, process.model, &sum);
    assert_int_equal(sum.heap.allocations, 7 * COUNT);
    const struct ms_thread *last = ms_model_thread(process.model, COUNT - 1);
    assert_int_equal(last->end_ns, 4000);
    assert_int_equal(last->last_seen_before_end_ns, 0);
    assert_int_equal(last->kernel.user_ns, 123);

    /* A block of an ended thread freed later by another is still debited to it. */
    threads[COUNT].remote.deallocations = 2;
    threads[COUNT].remote.bytes_freed = 20;
    read_once(&process, 6000);
    assert_int_equal(ms_model_thread(process.model, COUNT - 1)->heap.deallocations, 3);
    end(&process);
}

static void test_context_reused(void **state)
{
    (void)state;
    struct watched_process process;
    begin(&process);
    read_once(&process, 5000);
    struct ms_region_context *contexts = image_area(file, MS_AREA_CONTEXTS);
    contexts[4].generation++;
    contexts[4].stack = 5;
    contexts[4].allocations = 1;
    contexts[4].bytes_allocated = 64;
    contexts[4].deallocations = contexts[4].bytes_freed = 0;
    contexts[4].remote.deallocations = contexts[4].remote.bytes_freed = 0;
    read_once(&process, 6000);
    assert_int_equal(ms_model_usage_count(process.model), 5);
    /* What the old context had counted stays with its site. */
    assert_int_equal(ms_model_site(process.model, 1)->heap.allocations, 60);
    assert_int_equal(ms_model_site(process.model, 2)->heap.allocations, 31);
    end(&process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_thread_record, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_name_being_written, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_stack_bounds, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_histograms, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_histograms_of_an_attacker, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_live_at_the_peak, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_string_without_end, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_published_beyond_capacity, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_build_id_too_long, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_slots, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_mapping_wants_seals, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_into_the_model, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_flows_of_an_owner_that_was_merged, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_flows_are_read_when_a_thread_ends, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_figures_into_the_model, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_estimates_into_the_model, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_record_reused, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_short_threads_are_exact, make_image, drop_image),
        cmocka_unit_test_setup_teardown(test_context_reused, make_image, drop_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
