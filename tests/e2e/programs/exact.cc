// A program that knows its own figures. Fifty named workers and thousands of short threads make
// seeded calls of every allocation function, free each other's blocks, and keep books beside the
// heap; at the end the books go to a file, and a test compares them with what was counted from
// outside, byte by byte.
//
//   exact FILE [SEED [ROUNDS [SHORT_THREADS]]]
//
// Phases are separated by barriers: in one phase a thread works on blocks of its own, in the next
// it frees a neighbour's. So every thread's peak is determined by the seed alone.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace
{

constexpr unsigned workers = 50;
constexpr unsigned short_threads_max = 20000;
constexpr unsigned batch = 90;
constexpr unsigned slots = 400;
constexpr unsigned outbox_slots = 64;

enum class Release { c_free, plain, sized, aligned, sized_aligned, nothrow, array, array_sized };

struct Books {
    uint64_t allocations, deallocations, bytes_allocated, bytes_freed, peak_bytes;
    uint64_t frees_for_others, bytes_freed_for_others, failed_calls, exceptions;
    std::atomic<uint64_t> remote_deallocations, remote_bytes;
    char name[16];

    uint64_t current() const
    {
        return bytes_allocated - bytes_freed - remote_bytes.load();
    }
};

struct Block {
    void *address;
    size_t bytes;
    size_t alignment;
    Release release;
    Books *owner;
};

struct Worker {
    Books books;
    uint64_t random;
    unsigned live;
    Block blocks[slots];
    unsigned out;
    Block outbox[outbox_slots];
    pthread_t thread;
};

// The books lie outside the heap, so that keeping them is no allocation.
template <typename T> T *outside_the_heap(size_t count)
{
    void *room = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        _exit(99);
    }
    return static_cast<T *>(room);
}

Worker *team;
Worker *shorts;
pthread_barrier_t barrier;
unsigned rounds = 40;
unsigned short_threads = 4950;

[[noreturn]] void fail(const char *what)
{
    (void)!write(2, what, strlen(what));
    (void)!write(2, "\n", 1);
    _exit(98);
}

uint64_t draw(Worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

size_t draw_size(Worker *w)
{
    uint64_t dice = draw(w) % 1000;
    if (dice < 20) {
        return 0;
    }
    if (dice < 800) {
        return draw(w) % 512;
    }
    if (dice < 900) {
        return size_t{16} << (draw(w) % 9); // exactly a size class
    }
    if (dice < 985) {
        return draw(w) % 8192;
    }
    return draw(w) % 300000;
}

void enter(Worker *w, const Block &block)
{
    Books &b = w->books;
    b.allocations++;
    b.bytes_allocated += block.bytes;
    if (b.current() > b.peak_bytes) {
        b.peak_bytes = b.current();
    }
}

void strike(Worker *w, const Block &block)
{
    if (block.owner == &w->books) {
        w->books.deallocations++;
        w->books.bytes_freed += block.bytes;
        return;
    }
    block.owner->remote_bytes += block.bytes;
    block.owner->remote_deallocations++;
    w->books.frees_for_others++;
    w->books.bytes_freed_for_others += block.bytes;
}

__attribute__((noinline)) Block allocate(Worker *w, size_t n)
{
    static const std::align_val_t wide{64};
    Block block = {nullptr, n, 0, Release::c_free, &w->books};
    void *p = nullptr;
    switch (draw(w) % 18) {
    case 0:
    case 1:
    case 2:
        p = malloc(n);
        break;
    case 3:
        p = calloc(n / 8, 8);
        block.bytes = n / 8 * 8;
        break;
    case 4:
        p = realloc(nullptr, n);
        break;
    case 5:
        p = reallocarray(nullptr, n / 4, 4);
        block.bytes = n / 4 * 4;
        break;
    case 6:
        if (posix_memalign(&p, size_t{8} << (draw(w) % 8), n) != 0) {
            p = nullptr;
        }
        break;
    case 7:
        p = aligned_alloc(32, n);
        break;
    case 8:
        p = memalign(128, n);
        break;
    case 9:
        p = n % 8 == 0 ? valloc(n) : malloc(n);
        break;
    case 10:
        p = n % 8 == 0 ? pvalloc(n) : malloc(n);
        break;
    case 11:
        p = ::operator new(n);
        block.release = draw(w) % 2 ? Release::plain : Release::sized;
        break;
    case 12:
        p = ::operator new[](n);
        block.release = draw(w) % 2 ? Release::array : Release::array_sized;
        break;
    case 13:
        p = ::operator new(n, std::nothrow);
        block.release = Release::nothrow;
        break;
    case 14:
        p = ::operator new[](n, std::nothrow);
        block.release = Release::array;
        break;
    case 15:
        p = ::operator new(n, wide);
        block.alignment = 64;
        block.release = draw(w) % 2 ? Release::aligned : Release::sized_aligned;
        break;
    case 16:
        p = ::operator new[](n, wide);
        block.alignment = 64;
        block.release = Release::aligned;
        break;
    default:
        p = ::operator new(n, wide, std::nothrow);
        block.alignment = 64;
        block.release = Release::aligned;
        break;
    }
    if (p == nullptr || (block.alignment && reinterpret_cast<uintptr_t>(p) % block.alignment)) {
        fail("exact: an allocation failed or is not aligned");
    }
    // A program may use all that malloc_usable_size grants.
    size_t usable = malloc_usable_size(p);
    if (usable < block.bytes) {
        fail("exact: less usable than requested");
    }
    memset(p, 0xa5, draw(w) % 4 == 0 ? usable : block.bytes);
    block.address = p;
    enter(w, block);
    return block;
}

__attribute__((noinline)) void release(Worker *w, const Block &block)
{
    strike(w, block);
    void *p = block.address;
    std::align_val_t alignment{block.alignment};
    switch (block.release) {
    case Release::c_free:
        if (draw(w) % 16 == 0 && block.bytes > 0) {
            if (realloc(p, 0) != nullptr) { // a deallocation, as glibc does it
                fail("exact: realloc to nothing gave something");
            }
        } else {
            free(p);
        }
        break;
    case Release::plain:
        ::operator delete(p);
        break;
    case Release::sized:
        ::operator delete(p, block.bytes);
        break;
    case Release::aligned:
        ::operator delete(p, alignment);
        break;
    case Release::sized_aligned:
        ::operator delete(p, block.bytes, alignment);
        break;
    case Release::nothrow:
        ::operator delete(p, std::nothrow);
        break;
    case Release::array:
        ::operator delete[](p);
        break;
    case Release::array_sized:
        ::operator delete[](p, block.bytes);
        break;
    }
}

// Whoever reallocates a block owns the new one; the old one's owner is debited.
__attribute__((noinline)) Block resize(Worker *w, Block block)
{
    size_t n = draw_size(w) + 1;
    size_t keep = n < block.bytes ? n : block.bytes;
    strike(w, block);
    bool array = draw(w) % 4 == 0;
    if (array) {
        n = (n + 15) / 16 * 16;
    }
    auto *p = static_cast<unsigned char *>(array ? reallocarray(block.address, n / 16, 16)
                                                 : realloc(block.address, n));
    if (p == nullptr) {
        fail("exact: realloc failed");
    }
    for (size_t i = 0; i < keep; i++) {
        if (p[i] != 0xa5) {
            fail("exact: realloc lost bytes");
        }
    }
    memset(p, 0xa5, n);
    block = {p, n, 0, Release::c_free, &w->books};
    enter(w, block);
    return block;
}

// A new that fails throws, and those that may not throw catch it. The exception is a block that
// libstdc++ allocates and frees: its own 128 bytes in front of the object.
void expect_exception(Worker *w, bool failed)
{
    if (!failed) {
        fail("exact: something impossible was allocated");
    }
    Block exception = {nullptr, 128 + sizeof(std::bad_alloc), 0, Release::c_free, &w->books};
    enter(w, exception);
    strike(w, exception);
    w->books.exceptions++;
    w->books.failed_calls++;
}

void failing_news(Worker *w, size_t too_much)
{
    expect_exception(w, ::operator new(too_much, std::nothrow) == nullptr);
    expect_exception(w, ::operator new[](too_much, std::nothrow) == nullptr);
    expect_exception(w, ::operator new (too_much, std::align_val_t{64}, std::nothrow) == nullptr);
    bool thrown = false;
    try {
        ::operator delete(::operator new(too_much));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    expect_exception(w, thrown);
}

// Requests that must fail are counted apart.
void failing_calls(Worker *w)
{
    free(nullptr);
    ::operator delete(nullptr);
    volatile size_t too_much = SIZE_MAX / 2; // volatile: gcc knows better otherwise
    void *p = nullptr;
    if (malloc(too_much) != nullptr || calloc(too_much, 16) != nullptr ||
        reallocarray(nullptr, too_much, 16) != nullptr || posix_memalign(&p, 3, 8) == 0) {
        fail("exact: something impossible was allocated");
    }
    w->books.failed_calls += 4;
    if (w->live > 0 && w->blocks[0].release == Release::c_free) {
        if (realloc(w->blocks[0].address, too_much) != nullptr) {
            fail("exact: realloc to something impossible");
        }
        w->books.failed_calls++;
    }
    failing_news(w, too_much);
}

void own_work(Worker *w, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        unsigned which = w->live ? static_cast<unsigned>(draw(w) % w->live) : 0;
        switch (draw(w) % 8) {
        case 0:
        case 1:
        case 2:
        case 3:
            if (w->live < slots) {
                w->blocks[w->live++] = allocate(w, draw_size(w));
                break;
            }
            [[fallthrough]];
        case 4:
        case 5:
            if (w->live) {
                release(w, w->blocks[which]);
                w->blocks[which] = w->blocks[--w->live];
            }
            break;
        case 6:
            if (w->live && w->blocks[which].release == Release::c_free) {
                w->blocks[which] = resize(w, w->blocks[which]);
            }
            break;
        default:
            if (w->live && w->out < outbox_slots) {
                w->outbox[w->out++] = w->blocks[which];
                w->blocks[which] = w->blocks[--w->live];
            }
            break;
        }
    }
    failing_calls(w);
}

void free_of(Worker *w, Worker *other)
{
    for (unsigned i = 0; i < other->out; i++) {
        Block block = other->outbox[i];
        if (block.release == Release::c_free && w->live < slots && draw(w) % 8 == 0) {
            w->blocks[w->live++] = resize(w, block);
        } else {
            release(w, block);
        }
    }
    other->out = 0;
}

void *work(void *argument)
{
    auto *w = static_cast<Worker *>(argument);
    pthread_setname_np(pthread_self(), w->books.name);
    auto self = static_cast<unsigned>(w - team);
    for (unsigned round = 0; round < rounds; round++) {
        own_work(w, 100);
        pthread_barrier_wait(&barrier);
        // resize() allocates for us while a neighbour frees ours: only one of two may do that at
        // a time, or the peak would depend on who was first.
        if (self % 2 == round % 2) {
            free_of(w, &team[(self + 1) % workers]);
        }
        pthread_barrier_wait(&barrier);
    }
    return nullptr;
}

void *work_briefly(void *argument)
{
    auto *w = static_cast<Worker *>(argument);
    pthread_setname_np(pthread_self(), w->books.name);
    own_work(w, 20);
    return nullptr;
}

void *collect_shorts(void *argument)
{
    auto *w = static_cast<Worker *>(argument);
    pthread_setname_np(pthread_self(), w->books.name);
    for (unsigned i = 0; i < short_threads; i++) {
        free_of(w, &shorts[i]);
    }
    return nullptr;
}

void start(Worker *w, void *(*routine)(void *), uint64_t seed, const char *kind, unsigned number)
{
    w->random = seed * UINT64_C(0x9e3779b97f4a7c15) + number * UINT64_C(0xbf58476d1ce4e5b9) + 1;
    snprintf(w->books.name, sizeof w->books.name, "%s-%04u", kind, number);
    if (pthread_create(&w->thread, nullptr, routine, w) != 0) {
        fail("exact: pthread_create");
    }
}

void put(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
void put(int fd, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (write(fd, line, static_cast<size_t>(length)) != length) {
        fail("exact: the books could not be written");
    }
}

void report(int fd, const Worker *w, const char *separator)
{
    const Books &b = w->books;
    put(fd,
        "%s\n{\"name\":\"%s\",\"allocations\":%lu,\"deallocations\":%lu,\"bytes_allocated\":%lu,"
        "\"bytes_freed\":%lu,\"current_bytes\":%lu,\"peak_bytes\":%lu,\"frees_for_others\":%lu,"
        "\"bytes_freed_for_others\":%lu,\"failed_calls\":%lu,\"exceptions\":%lu}",
        separator, b.name, b.allocations, b.deallocations + b.remote_deallocations.load(),
        b.bytes_allocated, b.bytes_freed + b.remote_bytes.load(), b.current(), b.peak_bytes,
        b.frees_for_others, b.bytes_freed_for_others, b.failed_calls, b.exceptions);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2) {
        fail("usage: exact FILE [SEED [ROUNDS [SHORT_THREADS]]]");
    }
    uint64_t seed = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1;
    rounds = argc > 3 ? static_cast<unsigned>(strtoul(argv[3], nullptr, 10)) : rounds;
    short_threads = argc > 4 ? static_cast<unsigned>(strtoul(argv[4], nullptr, 10)) : short_threads;
    if (short_threads > short_threads_max) {
        fail("exact: too many threads");
    }
    team = outside_the_heap<Worker>(workers + 1);
    shorts = outside_the_heap<Worker>(short_threads + 1);
    pthread_barrier_init(&barrier, nullptr, workers);

    for (unsigned i = 0; i < workers; i++) {
        start(&team[i], work, seed, "worker", i);
    }
    for (unsigned first = 0; first < short_threads; first += batch) {
        unsigned end = first + batch < short_threads ? first + batch : short_threads;
        for (unsigned i = first; i < end; i++) {
            start(&shorts[i], work_briefly, seed, "short", i);
        }
        for (unsigned i = first; i < end; i++) {
            pthread_join(shorts[i].thread, nullptr);
        }
    }
    for (unsigned i = 0; i < workers; i++) {
        pthread_join(team[i].thread, nullptr);
    }
    start(&team[workers], collect_shorts, seed, "collector", 0);
    pthread_join(team[workers].thread, nullptr);

    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        fail("exact: the file of the books cannot be written");
    }
    put(fd, "{\"threads\":[");
    for (unsigned i = 0; i <= workers; i++) {
        report(fd, &team[i], i ? "," : "");
    }
    for (unsigned i = 0; i < short_threads; i++) {
        report(fd, &shorts[i], ",");
    }
    put(fd, "\n]}\n");
    close(fd);
    return 0;
}
