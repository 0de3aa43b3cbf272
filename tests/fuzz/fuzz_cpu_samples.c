/*
 * Forged records of the kernel's sampling: two rings are filled as the input says, read in the
 * order of time, and each record is taken as the sampler's process takes it, down to the unwinding
 * of a stack that a hostile program made, by the rules of this program. Records are 16 bytes of
 * input: kind, misc, how much of it there is, its time, a seed of what is in it, and one word.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/cpu_sampler.c"
#include "collect/perf_rings.c"
#include "fuzz.h"

enum { RECORD_INPUT = 16, RECORDS_MAX = 48, STACK_WORDS = 256 };

#define STACK_ADDRESS UINT64_C(0x7ffc00000000)

const size_t fuzz_bytes_max = RECORD_INPUT * (size_t)RECORDS_MAX;

static struct sampler sampler;
static int viewer; /* the other end of its socket */

static void need(bool good)
{
    if (!good) {
        abort();
    }
}

static void begin(void)
{
    int ends[2];
    need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    sampler.socket = ends[0];
    viewer = ends[1];
    sampler.frequency_hz = 99;
    sampler.status.keep_one_in = 1;
    sampler.rings = ms_perf_rings_new(sampler.frequency_hz, ms_unwinder_registers());
    need(sampler.rings != NULL);
    free(sampler.rings->of_core);
    sampler.rings->cores = 2;
    sampler.rings->of_core = calloc(2, sizeof *sampler.rings->of_core);
    const size_t bytes = (RING_PAGES + 1) * (size_t)sampler.rings->page_bytes;
    for (int i = 0; i < 2; i++) {
        struct ring *ring = &sampler.rings->of_core[i];
        ring->descriptor = -1;
        ring->page = calloc(1, bytes); /* its end is guarded: nothing is read behind a ring */
        need(ring->page != NULL);
        ring->data = (const uint8_t *)ring->page + sampler.rings->page_bytes;
    }
}

static uint64_t random_word(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* An address of code or of the stack, small, or any: what a stack holds. */
static uint64_t word_of_stack(uint64_t *state)
{
    static const uint64_t code[] = {(uint64_t)(uintptr_t)&LLVMFuzzerTestOneInput,
                                    (uint64_t)(uintptr_t)&ms_perf_rings_next,
                                    (uint64_t)(uintptr_t)&ms_unwinder_walk};
    const uint64_t word = random_word(state);
    switch (word % 8) {
    case 0:
        return word;
    case 1:
        return (word >> 8) % 65536;
    case 2:
    case 3:
    case 4:
        return STACK_ADDRESS + (word >> 8) % STACK_WORDS * 8;
    default:
        return code[(word >> 8) % 3] + (word >> 16) % 512;
    }
}

static size_t fill_sample(uint64_t *words, const uint8_t *input, uint64_t time_ns, uint64_t *state)
{
    const size_t registers = (size_t)__builtin_popcountll(ms_unwinder_registers());
    size_t at = 0;
    words[at++] = word_of_stack(state);
    words[at++] = (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)getpid();
    words[at++] = time_ns;
    words[at++] = input[1] % 8 == 0 ? input[1] / 8 % 4 : PERF_SAMPLE_REGS_ABI_64;
    for (size_t i = 0; i < registers; i++) {
        words[at++] = word_of_stack(state);
    }
    words[at++] = input[1] % 8 == 1 ? random_word(state) : STACK_WORDS * 8;
    for (size_t i = 0; i < STACK_WORDS; i++) {
        words[at++] = word_of_stack(state);
    }
    words[at++] = input[1] % 8 == 2 ? random_word(state) : random_word(state) % (STACK_WORDS * 8);
    return at;
}

/* pid, tid; address, length, offset; device, inode; protection, flags; name; then tid and time. */
static size_t fill_map(uint64_t *words, uint64_t time_ns, uint64_t *state)
{
    static const char *const names[] = {"/proc/self/exe", "/bin/true", "/nonexistent",
                                        "//anon",         "[vdso]",    ""};
    char name[32] = "";
    words[0] = (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)getpid();
    for (size_t i = 1; i < 8; i++) {
        words[i] = word_of_stack(state);
    }
    (void)snprintf(name, sizeof name, "%s", names[random_word(state) % 6]);
    memcpy(&words[8], name, sizeof name);
    words[12] = words[0];
    words[13] = time_ns;
    return 14;
}

static size_t fill(uint64_t *words, struct perf_event_header *header, const uint8_t *input)
{
    static const uint32_t kinds[] = {PERF_RECORD_SAMPLE, PERF_RECORD_SAMPLE, PERF_RECORD_SAMPLE,
                                     PERF_RECORD_MMAP2,  PERF_RECORD_COMM,   PERF_RECORD_FORK,
                                     PERF_RECORD_EXIT,   PERF_RECORD_LOST};
    uint64_t state;
    memcpy(&state, input + 8, sizeof state);
    state |= 1;
    const uint64_t time_ns = input[3];
    size_t count = 4;
    header->type = input[0] % 16 < 8 ? kinds[input[0] % 8] : input[0];
    header->misc = (uint16_t)(input[1] << 8);
    if (header->type == PERF_RECORD_SAMPLE) {
        count = fill_sample(words, input, time_ns, &state);
    } else if (header->type == PERF_RECORD_MMAP2) {
        count = fill_map(words, time_ns, &state);
    } else {
        for (size_t i = 0; i < count; i++) {
            words[i] = word_of_stack(&state);
        }
        words[0] = (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)getpid();
        words[count - 1] = time_ns;
    }
    const size_t bytes = sizeof *header + count * sizeof *words;
    header->size = (uint16_t)(input[2] % 4 == 0   ? input[2] * (size_t)input[4] / 64
                              : input[2] % 4 == 1 ? bytes - input[4] % bytes
                                                  : bytes);
    return bytes;
}

static void put(struct ring *ring, uint64_t at, const void *bytes, size_t count)
{
    const size_t size = RING_PAGES * (size_t)sampler.rings->page_bytes;
    uint8_t *const data = (uint8_t *)ring->page + sampler.rings->page_bytes;
    for (size_t i = 0; i < count; i++) {
        data[(at + i) % size] = ((const uint8_t *)bytes)[i];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t words[64 + STACK_WORDS];
    char message[sizeof(union ms_cpu_message)];
    if (sampler.rings == NULL) {
        begin();
    }
    sampler.unwinder = ms_unwinder_new();
    need(sampler.unwinder != NULL);
    sampler.modules_sent = 0;
    ms_unwinder_add(sampler.unwinder, getpid());
    for (; size >= RECORD_INPUT; data += RECORD_INPUT, size -= RECORD_INPUT) {
        struct perf_event_header header;
        struct ring *ring = &sampler.rings->of_core[data[5] % 2];
        const size_t bytes = fill(words, &header, data);
        put(ring, ring->page->data_head, &header, sizeof header);
        put(ring, ring->page->data_head + sizeof header, words, bytes - sizeof header);
        /* The kernel says how far it is; a forged one may say anything. */
        ring->page->data_head += data[6] == 0 ? data[7] * 1000u : header.size;
    }
    drain(&sampler);
    for (int i = 0; i < 2; i++) {
        struct ring *ring = &sampler.rings->of_core[i];
        need(ring->has_next || ring->tail == ring->page->data_head);
        ring->tail = ring->page->data_tail = ring->page->data_head; /* what is of the future */
        ring->has_next = false;
    }
    skip_pending(sampler.rings);
    while (recv(viewer, message, sizeof message, MSG_DONTWAIT) > 0) {
    }
    ms_unwinder_free(sampler.unwinder);
    return 0;
}
