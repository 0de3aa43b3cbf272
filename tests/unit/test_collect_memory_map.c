/* Parts of the memory map: as kernels write smaps, cut, made up, and of this process itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collect/memory_map.h"
#include "model/model.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* One mapping of smaps: resident, and the flags that the kernel writes. */
#define MAPPING(range, protection, name, rss, flags)                                               \
    range " " protection " 00000000 00:00 0                          " name "\n"                   \
          "Size:               9999 kB\nRss:       " rss " kB\nPss:       " rss " kB\n"            \
          "Pss_Dirty:  7 kB\nShared_Clean: 9 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 2 kB\n"       \
          "Anonymous: 77 kB\nSwap: 3 kB\nSwapPss: 5 kB\nVmFlags: rd mr " flags "\n"

static void sum(const char *text, struct ms_memory_hints *hints, struct ms_memory_map *map)
{
    struct ms_mappings mappings = {0};
    struct ms_smaps_parser parser = {.mappings = &mappings};
    assert_int_equal(ms_smaps_parse(&parser, text, strlen(text)), 0);
    ms_memory_map_sum(&mappings, hints, map);
    ms_mappings_free(&mappings);
}

static struct ms_memory_hints no_hints(void)
{
    return (struct ms_memory_hints){.stack_bytes = 8 * MIB, .mem = -1};
}

static void assert_resident(const struct ms_memory_map *map, enum ms_memory_part part, uint64_t kib)
{
    if (map->parts[part].resident_bytes != kib * KIB) {
        fail_msg("%s: %lu KiB, not %lu", ms_memory_part_name(part),
                 (unsigned long)(map->parts[part].resident_bytes / KIB), (unsigned long)kib);
    }
}

static void test_what_the_kernel_names(void **state)
{
    (void)state;
    struct ms_memory_hints hints = no_hints();
    struct ms_memory_map map = {.read_ns = 7};
    sum(MAPPING("1000-3000", "r-xp", "/usr/bin/my prog (deleted)", "8",
                "ex") MAPPING("5000-9000", "rw-p", "[heap]", "16",
                              "wr") MAPPING("10000-11000", "rw-s", "/dev/shm/x", "4", "sh")
            MAPPING("11000-12000", "rw-s", "/memfd:jit (deleted)", "40",
                    "sh") MAPPING("12000-13000", "rw-s", "/SYSV00000000 (deleted)", "400", "sh")
                MAPPING("13000-14000", "rw-s", "/dev/zero (deleted)", "4000",
                        "sh") MAPPING("20000-21000", "rw-s", "/dev/nvidia0", "5", "io")
                    MAPPING("21000-22000", "rw-s", "/dev/dri/renderD128", "50", "io") MAPPING(
                        "30000-31000", "rw-p", "[stack]", "6",
                        "gd") MAPPING("32000-33000", "r-xp", "[vdso]", "1",
                                      "ex") MAPPING("33000-34000", "r--p", "[vvar]", "0", "io")
                        MAPPING("34000-35000", "rw-s", "anon_inode:[io_uring]", "2", "sh") MAPPING(
                            "40000-41000", "rw-s", "/memfd:memscope-region (deleted)", "9", "sh")
                            MAPPING("41000-42000", "r-xp", "/x/libmemscope-probe.so", "90", "ex")
                                MAPPING("42000-43000", "rw-p", "", "900", "wr")
                                    MAPPING("50000-51000", "rw-p", "", "11", "wr")
                                        MAPPING("60000-61000", "rw-p",
                                                "[anon: glibc: malloc arena]", "12", "wr")
                                            MAPPING("70000-71000", "rw-p",
                                                    "[anon: glibc: pthread stack: 12]", "13", "wr")
                                                MAPPING("80000-81000", "rw-p",
                                                        "[anon:[heap] of mine]", "14", "wr"),
        &hints, &map);
    assert_true(map.have);
    assert_int_equal(map.read_ns, 7);
    assert_resident(&map, MS_MEMORY_PART_FILES, 8);
    assert_resident(&map, MS_MEMORY_PART_HEAP, 16 + 12);
    assert_resident(&map, MS_MEMORY_PART_SHARED, 4444);
    assert_resident(&map, MS_MEMORY_PART_DEVICES, 55);
    assert_resident(&map, MS_MEMORY_PART_STACKS, 6 + 13);
    assert_resident(&map, MS_MEMORY_PART_KERNEL, 3);
    assert_resident(&map, MS_MEMORY_PART_PROBE, 999);
    assert_resident(&map, MS_MEMORY_PART_ANONYMOUS, 11 + 14);
    assert_int_equal(map.all.mappings, 19);
    assert_int_equal(map.all.private_bytes, 19 * 3 * KIB);
    assert_int_equal(map.all.swapped_bytes, 19 * 3 * KIB);
    assert_int_equal(map.parts[MS_MEMORY_PART_FILES].mapped_bytes, 0x2000);
    assert_int_equal(map.parts[MS_MEMORY_PART_FILES].proportional_bytes, 8 * KIB);
}

/* 64 MiB aligned, its tail reserved; the tail may have grown together with a guard behind it. */
static void test_arenas(void **state)
{
    (void)state;
    struct ms_memory_hints hints = no_hints();
    struct ms_memory_map map = {0};
    sum(MAPPING("7f0000000000-7f0000021000", "rw-p", "", "100", "wr")
            MAPPING("7f0000021000-7f0004000000", "---p", "", "0", "me")
                MAPPING("7f0010000000-7f0010021000", "rw-p", "", "200", "wr")
                    MAPPING("7f0010021000-7f0014001000", "---p", "", "0", "me")
                        MAPPING("7f0014001000-7f0014801000", "rw-p", "", "8", "wr")
        /* aligned, but nothing is reserved behind it: no arena */
        MAPPING("7f0020000000-7f0020021000", "rw-p", "", "1000", "wr")
        /* reserved, but not to the end of 64 MiB */
        MAPPING("7f0030000000-7f0030021000", "rw-p", "", "2000", "wr")
            MAPPING("7f0030021000-7f0031000000", "---p", "", "0", "me"),
        &hints, &map);
    assert_resident(&map, MS_MEMORY_PART_HEAP, 300);
    assert_int_equal(map.parts[MS_MEMORY_PART_HEAP].mapped_bytes, 128 * MIB + 4 * KIB);
    assert_resident(&map, MS_MEMORY_PART_STACKS, 8);
    assert_resident(&map, MS_MEMORY_PART_ANONYMOUS, 3000);
}

static void test_stacks_of_threads(void **state)
{
    (void)state;
    struct ms_memory_hints hints = no_hints();
    struct ms_memory_map map = {0};
    sum(/* by its size */
        MAPPING("10000000-10001000", "---p", "", "0", "me")
            MAPPING("10001000-10801000", "rw-p", "", "16", "wr")
        /* by the kernel's flag, whatever its size */
        MAPPING("10801000-10802000", "---p", "", "0", "me nh")
            MAPPING("10802000-10812000", "rw-p", "", "32", "wr nh")
        /* the flag and the size, the guard inside: two of them in one mapping */
        MAPPING("20000000-21002000", "rw-p", "", "64", "wr nh")
        /* a guard alone proves nothing, nor does a size alone */
        MAPPING("30000000-30001000", "---p", "", "0", "me")
            MAPPING("30001000-30009000", "rw-p", "", "1000", "wr")
                MAPPING("40000000-40800000", "rw-p", "", "2000", "wr")
        /* a guard that is not beside it */
        MAPPING("50000000-50001000", "---p", "", "0", "me")
            MAPPING("50002000-50802000", "rw-p", "", "4000", "wr"),
        &hints, &map);
    assert_resident(&map, MS_MEMORY_PART_STACKS, 16 + 32 + 64);
    assert_resident(&map, MS_MEMORY_PART_ANONYMOUS, 7000);
    assert_int_equal(map.parts[MS_MEMORY_PART_STACKS].mappings, 5); /* two guards are of it */
}

static void test_hostile(void **state)
{
    (void)state;
    struct ms_memory_hints hints = no_hints();
    struct ms_memory_map map = {0};
    char text[4096];
    memset(text, 'n', sizeof text);
    static const char begin[] = "1000-2000 rw-p 00000000 00:00 5      /";
    memcpy(text, begin, sizeof begin - 1);
    memcpy(text + 3000, "\nRss: 4 kB\n", sizeof "\nRss: 4 kB\n");
    sum(text, &hints, &map);
    assert_resident(&map, MS_MEMORY_PART_FILES, 4);

    sum("Rss: 8 kB\n\n\n-\nzzz\n1000\n1000-\n1000-500 rw-p 0 0 0 \n2000-3000\n"
        "fffffffffffffffff-2 rw-p 00 00:00 0 \nRss: 8 kB\n"
        "5000-6000 rw-p 00000000 00:00\nRss: 8 kB\n"
        "1000-2000 rw-p 00000000 00:00 0 \nRss: 99999999999999999999999 kB\nRss: x kB\nVmFlags:\n"
        "VmFlags: w\n",
        &hints, &map);
    assert_int_equal(map.all.mappings, 1); /* the last; what follows the others is nobody's */
    assert_int_equal(map.all.resident_bytes, 0);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    const char *whole = MAPPING("1000-3000", "r-xp", "/usr/bin/x", "8", "ex")
        MAPPING("5000-9000", "rw-p", "[heap]", "16", "wr");
    struct ms_memory_hints hints = no_hints();
    for (size_t cut = 0; cut <= strlen(whole); cut++) {
        struct ms_mappings mappings = {0};
        struct ms_smaps_parser parser = {.mappings = &mappings};
        struct ms_memory_map map = {0};
        char *first = malloc(cut + 1); /* so that a sanitizer sees a step too far */
        assert_non_null(first);
        memcpy(first, whole, cut);
        assert_int_equal(ms_smaps_parse(&parser, first, cut), 0);
        assert_true(mappings.count <= 2);
        assert_int_equal(ms_smaps_parse(&parser, whole + cut, strlen(whole) - cut), 0);
        ms_memory_map_sum(&mappings, &hints, &map);
        assert_resident(&map, MS_MEMORY_PART_FILES, 8);
        assert_resident(&map, MS_MEMORY_PART_HEAP, 16);
        ms_mappings_free(&mappings);
        free(first);
    }
}

static struct ms_memory_map read_own(bool glibc)
{
    struct ms_memory_map map = {0};
    struct ms_mappings mappings = {0};
    struct rlimit stack;
    assert_int_equal(getrlimit(RLIMIT_STACK, &stack), 0);
    struct ms_memory_hints hints = {
        .stack_bytes = stack.rlim_cur, .glibc_allocator = glibc, .mem = -1};
    const int folder = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder >= 0);
    assert_int_equal(ms_memory_map_read(folder, &mappings, &hints, &map), 0);
    close(folder);
    ms_mappings_free(&mappings);
    return map;
}

static uint64_t own_resident_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    uint64_t sum_kib = 0;
    unsigned long kib;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        sum_kib += sscanf(line, "Rss: %lu kB", &kib) == 1 ? kib : 0;
    }
    (void)fclose(file);
    return sum_kib * KIB;
}

/* Sanitizers keep shadows of memory and blocks of their own, which are anonymous memory here. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOWED 1
#else
#define SHADOWED 0
#endif

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Known amounts of each kind in this very process come out in their parts. */
static void test_known_amounts(void **state)
{
    (void)state;
    const struct ms_memory_map before = read_own(true);
    char *mapped = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(mapped != MAP_FAILED && shared != MAP_FAILED);
    memset(mapped, 1, 4 * MIB);
    memset(shared, 1, 2 * MIB);
    const struct ms_memory_map after = read_own(true);
    for (int i = 0; i < MS_MEMORY_PART_TOTAL; i++) {
        const uint64_t expected = i == MS_MEMORY_PART_ANONYMOUS ? 4 * MIB
                                  : i == MS_MEMORY_PART_SHARED  ? 2 * MIB
                                                                : 0;
        const uint64_t change = after.parts[i].resident_bytes - before.parts[i].resident_bytes;
        const bool judged = !SHADOWED || i != MS_MEMORY_PART_ANONYMOUS;
        if (judged && distance(change, expected) > 128 * KIB) {
            fail_msg("%s grew by %ld KiB", ms_memory_part_name((enum ms_memory_part)i),
                     (long)change / 1024);
        }
    }
    assert_int_equal(after.parts[MS_MEMORY_PART_SHARED].mapped_bytes -
                         before.parts[MS_MEMORY_PART_SHARED].mapped_bytes,
                     8 * MIB);
    assert_true(distance(after.all.resident_bytes, own_resident_bytes()) <= 256 * KIB);
    munmap(mapped, 16 * MIB);
    munmap(shared, 8 * MIB);
}

static pthread_barrier_t there, enough;

static void *use_stack(void *argument)
{
    volatile char buffer[1 << 20];
    for (size_t at = 0; at < sizeof buffer; at += 4 * KIB) {
        buffer[at] = 1;
    }
    pthread_barrier_wait(&there);
    pthread_barrier_wait(&enough);
    (void)buffer[0];
    return argument;
}

enum { THREADS = 4 };

static void test_stacks_of_own_threads(void **state)
{
    (void)state;
    const struct ms_memory_map before = read_own(true);
    pthread_t threads[THREADS];
    assert_int_equal(pthread_barrier_init(&there, NULL, THREADS + 1), 0);
    assert_int_equal(pthread_barrier_init(&enough, NULL, THREADS + 1), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_stack, NULL), 0);
    }
    pthread_barrier_wait(&there);
    const struct ms_memory_map after = read_own(true);
    pthread_barrier_wait(&enough);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
#if !SHADOWED
    const uint64_t change = after.parts[MS_MEMORY_PART_STACKS].resident_bytes -
                            before.parts[MS_MEMORY_PART_STACKS].resident_bytes;
    assert_true(change >= THREADS * MIB && change <= THREADS * (MIB + 128 * KIB));
#else
    (void)before;
    (void)after;
#endif
}

#if !SHADOWED
/* A block that malloc maps by itself is told from other anonymous memory by its header. */
static void test_blocks_mapped_by_malloc(void **state)
{
    (void)state;
    const struct ms_memory_map before = read_own(true);
    enum { BLOCKS = 3 };
    char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(40 * MIB); /* above the highest threshold */
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, 2 * MIB);
    }
    const struct ms_memory_map after = read_own(true);
    const struct ms_memory_map unsure = read_own(false);
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    const uint64_t change = after.parts[MS_MEMORY_PART_HEAP].resident_bytes -
                            before.parts[MS_MEMORY_PART_HEAP].resident_bytes;
    assert_true(distance(change, BLOCKS * 2 * MIB) <= 256 * KIB);
    assert_true(unsure.parts[MS_MEMORY_PART_ANONYMOUS].resident_bytes >= BLOCKS * 2 * MIB);
}
#endif

static void test_no_such_process(void **state)
{
    (void)state;
    struct ms_memory_map map = {.read_ns = 3};
    struct ms_mappings mappings = {0};
    struct ms_memory_hints hints = no_hints();
    const int folder = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(ms_memory_map_read(folder, &mappings, &hints, &map), -ENOENT);
    assert_false(map.have);
    close(folder);
}

static struct ms_process a_process(void)
{
    struct ms_process process = {.seen = MS_SEEN_FULL};
    (void)snprintf(process.allocator, sizeof process.allocator, "/lib/libc.so.6");
    process.resources.map = (struct ms_memory_map){
        .have = true, .live_bytes = 600, .live_blocks = 10, .rounding_bytes = 50};
    process.resources.map.parts[MS_MEMORY_PART_HEAP].resident_bytes = 1000;
    return process;
}

/* Live, rounding, tags and the rest add up to what is resident; else it says why not. */
static void test_heap_parts(void **state)
{
    (void)state;
    struct ms_process process = a_process();
    struct ms_heap_parts heap = ms_heap_parts_of(&process);
    assert_true(heap.have);
    assert_int_equal(heap.tags_bytes, 160);
    assert_int_equal(heap.unexplained_bytes, 1000 - 600 - 50 - 160);
    assert_float_equal(heap.fragmentation, 0.4, 1e-12);

    process.resources.map.live_bytes = 2000; /* not resident */
    heap = ms_heap_parts_of(&process);
    assert_int_equal(heap.unexplained_bytes, 1000 - 2000 - 50 - 160);
    assert_true(heap.fragmentation == 0);

    process = a_process();
    process.resources.map.have = false;
    assert_string_equal(ms_heap_parts_of(&process).because, "the memory map was not read");
    process = a_process();
    process.seen = MS_SEEN_NONE;
    assert_false(ms_heap_parts_of(&process).have);
    process = a_process();
    (void)snprintf(process.allocator, sizeof process.allocator, "/lib/libjemalloc.so.2");
    assert_false(ms_heap_parts_of(&process).have);
    process = a_process();
    process.tracking.known = true;
    process.tracking.asked.mode = MS_TRACK_EXACT;
    assert_true(ms_heap_parts_of(&process).have);
    (void)snprintf(process.tracking.asked.threads, sizeof process.tracking.asked.threads, "even");
    assert_false(ms_heap_parts_of(&process).have);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_kernel_names),
        cmocka_unit_test(test_arenas),
        cmocka_unit_test(test_stacks_of_threads),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_known_amounts),
        cmocka_unit_test(test_stacks_of_own_threads),
#if !SHADOWED
        cmocka_unit_test(test_blocks_mapped_by_malloc),
#endif
        cmocka_unit_test(test_no_such_process),
        cmocka_unit_test(test_heap_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
