/* A region as a probe would have written it, in memory of ours, for tests of src/collect. */
#ifndef MS_TESTS_COLLECT_REGION_IMAGE_H
#define MS_TESTS_COLLECT_REGION_IMAGE_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "collect/region_reader.h"
#include "wire/layout.h"

enum { IMAGE_THREADS = 4, IMAGE_CONTEXTS = 6, IMAGE_PCS = 5, IMAGE_MODULES = 2 };

static inline void *image_area(void *region, enum ms_area_id area)
{
    const struct ms_region_header *header = region;
    return (char *)region + header->areas[area].offset_bytes;
}

static inline void image_publish(struct ms_region_header *header, enum ms_area_id area,
                                 uint32_t count)
{
    header->areas[area].taken = count;
    header->areas[area].published = count;
}

/* A thread with `n` in all its figures: n allocations of 10 bytes, 1 freed by it, 1 by another. */
static inline void image_thread(struct ms_region_thread *record, uint32_t tid, uint32_t serial,
                                uint64_t n, const char *name)
{
    memset(record, 0, sizeof *record);
    record->own.allocations = n;
    record->own.bytes_allocated = n * 10;
    record->own.deallocations = 1;
    record->own.bytes_freed = 10;
    record->own.peak_bytes = n * 10;
    record->own.waste_allocated_bytes = n * 6;
    record->own.waste_freed_bytes = 6;
    record->remote.deallocations = 1;
    record->remote.bytes_freed = 10;
    record->remote.waste_freed_bytes = 6;
    record->tid = tid;
    record->serial = serial;
    record->tracked = 1;
    record->start_ns = 1000;
    record->name_version = 2;
    memcpy(record->name, name, strlen(name));
    record->state = MS_THREAD_ALIVE;
}

/*
 * Fills the main region: threads 1 (tid 7001, "main") and 2 (tid 7002, "worker"); contexts 1 (root
 * of thread 1), 2 and 3 (stacks 1 and 5 of thread 1), 4 (stack 1 of thread 2); stack 1 = pcs 1 2 3,
 * stack 5 = pcs 2 3, cut; module 1 = `path`.
 */
static inline void image_fill(void *region, const char *path)
{
    struct ms_region_header *header = region;
    struct ms_region_thread *threads = image_area(region, MS_AREA_THREADS);
    image_thread(&threads[1], 7001, 1, 100, "main");
    image_thread(&threads[2], 7002, 2, 50, "worker");
    threads[2].own.frees_for_others = 3;
    threads[2].own.bytes_freed_for_others = 30;
    threads[2].flows[0] = (struct ms_region_flow){1, 1, 3, 30};
    threads[2].flows_rest = (struct ms_region_flow){0, 0, 2, 16};
    image_publish(header, MS_AREA_THREADS, 3);

    struct ms_region_context *contexts = image_area(region, MS_AREA_CONTEXTS);
    const uint32_t stacks[IMAGE_CONTEXTS] = {0, 0, 1, 5, 1, 0};
    const uint32_t owners[IMAGE_CONTEXTS] = {0, 1, 1, 1, 2, 0};
    for (uint32_t i = 1; i < 5; i++) {
        memset(&contexts[i], 0, sizeof contexts[i]);
        contexts[i].allocations = 10 * i;
        contexts[i].bytes_allocated = 100 * i;
        contexts[i].deallocations = 2;
        contexts[i].bytes_freed = 20;
        contexts[i].remote.deallocations = 1;
        contexts[i].remote.bytes_freed = 10;
        contexts[i].peak_bytes = 100 * i;
        contexts[i].stack = stacks[i];
        contexts[i].generation = 1;
        contexts[i].thread = owners[i];
    }
    image_publish(header, MS_AREA_CONTEXTS, 5);

    struct ms_region_pc *pcs = image_area(region, MS_AREA_PCS);
    for (uint32_t i = 1; i < 4; i++) {
        pcs[i] = (struct ms_region_pc){.address = 0x7000000 + 0x100 * i, .module = i < 3 ? 1 : 0};
    }
    image_publish(header, MS_AREA_PCS, 4);
    const uint32_t words[] = {0, 3, 1, 2, 3, 2 | MS_STACK_CUT_DEPTH, 2, 3};
    memcpy(image_area(region, MS_AREA_STACKS), words, sizeof words);
    image_publish(header, MS_AREA_STACKS, 8);

    char *strings = image_area(region, MS_AREA_STRINGS);
    memcpy(strings + 1, path, strlen(path) + 1);
    image_publish(header, MS_AREA_STRINGS, (uint32_t)strlen(path) + 2);
    struct ms_region_module *modules = image_area(region, MS_AREA_MODULES);
    modules[1] = (struct ms_region_module){
        .base = 0x7000000, .end = 0x7100000, .load_bias = 0x7000000, .path = 1};
    image_publish(header, MS_AREA_MODULES, IMAGE_MODULES);

    header->pid = 7001;
    header->parent_pid = 1;
    header->peak_bytes = 1234;
    header->publish_step_bytes = 64;
    header->page_bytes_opened_kib = 8;
    header->state = MS_REGION_ACTIVE;
}

/* A zeroed, formatted main region; NULL when there is no memory. Sparse: costs what is touched. */
static inline void *image_new(uint64_t *bytes)
{
    static const struct ms_probe_config config = {
        .tracking = {.mode = MS_MODE_EXACT, .stack_depth = 32}};
    *bytes = ms_region_bytes(0);
    void *file = mmap(NULL, *bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (file == MAP_FAILED) {
        return NULL;
    }
    ms_region_format(file, 0, &config);
    return file;
}

#endif
