// A program for any allocator: only what every malloc promises, and what jemalloc, tcmalloc and
// mimalloc export besides, when they are there. Named workers keep books beside the heap, which go
// to a file at the end. Blocks are filled up to what malloc_usable_size promises, and checked.
//
//   allocators FILE SEED WORKERS WHAT [MODULE now|lazy|deep]
//
// WHAT: "plain" (malloc, calloc, realloc, free), "family" (C and C++), "own" (also the allocator's
// own functions), "heap" (mimalloc's heaps). MODULE is opened when blocks are there already, and
// frees half of the rest by size.
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <new>

#define WEAK __attribute__((weak))
extern "C" {
WEAK void *mallocx(size_t, int);
WEAK void *rallocx(void *, size_t, int);
WEAK size_t xallocx(void *, size_t, size_t, int);
WEAK size_t sallocx(const void *, int);
WEAK size_t nallocx(size_t, int);
WEAK void dallocx(void *, int);
WEAK void sdallocx(void *, size_t, int);
WEAK void *tc_malloc(size_t);
WEAK void *tc_realloc(void *, size_t);
WEAK void *tc_new(size_t);
WEAK void tc_free(void *);
WEAK void tc_free_sized(void *, size_t);
WEAK void tc_delete_sized(void *, size_t);
WEAK size_t tc_malloc_size(void *);
WEAK void *mi_malloc(size_t);
WEAK void *mi_zalloc(size_t);
WEAK void *mi_rezalloc(void *, size_t);
WEAK void *mi_malloc_aligned(size_t, size_t);
WEAK size_t mi_usable_size(const void *);
WEAK void mi_free(void *);
WEAK void mi_free_size(void *, size_t);
WEAK void *mi_heap_new(void);
WEAK void *mi_heap_malloc(void *, size_t);
}

namespace
{

constexpr unsigned slots = 300;

enum class Release { c_free, plain, sized, array, aligned, own, own_sized };

struct Block {
    unsigned char *address;
    size_t bytes;
    Release release;
};

struct Worker {
    uint64_t allocations, deallocations, bytes_allocated, bytes_freed, reallocations;
    uint64_t random;
    char name[16];
    unsigned live;
    Block blocks[slots];
};

const char *what;
Worker workers[64];
pthread_barrier_t full;
void (*consume)(void *, size_t);

[[noreturn]] void fail(const char *message)
{
    (void)!write(2, message, strlen(message));
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
    uint64_t kind = draw(w) % 16;
    return kind < 12 ? 1 + draw(w) % 600 : kind < 15 ? 1 + draw(w) % 9000 : 1 + draw(w) % 200000;
}

bool plain()
{
    return strcmp(what, "plain") == 0;
}

bool own()
{
    return !plain() && strcmp(what, "family") != 0;
}

void enter(Worker *w, Block block)
{
    if (block.address == nullptr) {
        fail("an allocation failed");
    }
    w->allocations++;
    w->bytes_allocated += block.bytes;
    size_t usable = plain() ? block.bytes : malloc_usable_size(block.address);
    if (usable < block.bytes) {
        fail("less usable than requested");
    }
    memset(block.address, 0xa5, usable);
    w->blocks[w->live++] = block;
}

void check(const Block &block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (block.address[i] != 0xa5) {
            fail("a block has other contents");
        }
    }
}

void strike(Worker *w, const Block &block)
{
    w->deallocations++;
    w->bytes_freed += block.bytes;
}

// With what the allocator itself exports.
Block allocate_own(Worker *w, size_t n)
{
    bool sized = draw(w) % 2 == 0;
    void *p = nullptr;
    if (mallocx != nullptr) {
        p = mallocx(n, draw(w) % 4 == 0 ? 6 : 0); // aligned to 64 bytes or not
        if (sallocx(p, 0) < n) {
            fail("sallocx says less than requested");
        }
        sized = false;
    } else if (tc_malloc != nullptr) {
        p = sized ? tc_malloc(n) : tc_new(n);
        if (tc_malloc_size(p) < n) {
            fail("tc_malloc_size says less than requested");
        }
    } else if (mi_malloc != nullptr) {
        p = draw(w) % 2 ? mi_malloc(n) : mi_malloc_aligned(n, 64);
        if (mi_usable_size(p) < n) {
            fail("mi_usable_size says less than requested");
        }
    }
    return {static_cast<unsigned char *>(p), n, sized ? Release::own_sized : Release::own};
}

Block allocate(Worker *w, size_t n)
{
    void *p = nullptr;
    Release release = Release::c_free;
    switch (plain() ? draw(w) % 2 * 9 : draw(w) % (own() ? 16 : 12)) {
    case 0:
        p = calloc(n, 1);
        for (size_t i = 0; i < n; i++) {
            if (static_cast<unsigned char *>(p)[i] != 0) {
                fail("calloc is not zero");
            }
        }
        break;
    case 1:
        p = realloc(nullptr, n);
        break;
    case 2:
        p = posix_memalign(&p, size_t{8} << draw(w) % 7, n) == 0 ? p : nullptr;
        break;
    case 3:
        n = (n + 63) / 64 * 64;
        p = aligned_alloc(64, n);
        break;
    case 4:
        p = memalign(128, n);
        break;
    case 5:
        p = n % 16 == 0 ? valloc(n) : malloc(n);
        break;
    case 6:
        p = ::operator new(n);
        release = draw(w) % 2 ? Release::plain : Release::sized;
        break;
    case 7:
        p = ::operator new[](n);
        release = Release::array;
        break;
    case 8:
        p = ::operator new (n, std::align_val_t{64});
        release = Release::aligned;
        break;
    case 12:
    case 13:
    case 14:
    case 15:
        return allocate_own(w, n);
    default:
        p = malloc(n);
        break;
    }
    return {static_cast<unsigned char *>(p), n, release};
}

void release_own(const Block &block)
{
    if (dallocx != nullptr) {
        dallocx(block.address, 0);
    } else if (tc_malloc != nullptr) {
        tc_delete_sized(block.address, block.bytes);
    } else {
        mi_free(block.address);
    }
}

// The size is what was asked for, as jemalloc and tcmalloc demand.
void release_own_sized(const Block &block)
{
    if (sdallocx != nullptr) {
        sdallocx(block.address, block.bytes, 0);
    } else if (tc_malloc != nullptr) {
        tc_free_sized(block.address, block.bytes);
    } else {
        mi_free_size(block.address, block.bytes);
    }
}

void release(Worker *w, unsigned which)
{
    Block block = w->blocks[which];
    w->blocks[which] = w->blocks[--w->live];
    check(block, block.bytes);
    strike(w, block);
    bool from_c = block.release == Release::c_free;
    switch (from_c && own() && draw(w) % 2 ? Release::own_sized : block.release) {
    case Release::plain:
        ::operator delete(block.address);
        break;
    case Release::sized:
        ::operator delete(block.address, block.bytes);
        break;
    case Release::array:
        ::operator delete[](block.address, block.bytes);
        break;
    case Release::aligned:
        ::operator delete (block.address, block.bytes, std::align_val_t{64});
        break;
    case Release::own:
        release_own(block);
        break;
    case Release::own_sized:
        // A size does not tell an alignment.
        reinterpret_cast<uintptr_t>(block.address) % 64 == 0 ? free(block.address)
                                                             : release_own_sized(block);
        break;
    default:
        free(block.address);
        break;
    }
}

void resize(Worker *w, unsigned which)
{
    Block block = w->blocks[which];
    if (block.release != Release::c_free) {
        return;
    }
    w->blocks[which] = w->blocks[--w->live];
    size_t n = draw_size(w);
    size_t kept = n < block.bytes ? n : block.bytes;
    strike(w, block);
    bool by_own = own() && draw(w) % 2;
    void *moved = by_own && rallocx != nullptr      ? rallocx(block.address, n, 0)
                  : by_own && tc_realloc != nullptr ? tc_realloc(block.address, n)
                                                    : realloc(block.address, n);
    block = {static_cast<unsigned char *>(moved), n, Release::c_free};
    check(block, kept);
    w->reallocations++;
    enter(w, block);
}

// Zeroes that the allocator promises behind a block of zeroes, where a tag may have been.
void grow_zeroed(Worker *w)
{
    unsigned char *p = nullptr;
    size_t first = 20 + draw(w) % 300;
    size_t second = first + 400;
    if (mallocx != nullptr) {
        p = static_cast<unsigned char *>(mallocx(first, 0x40));
        p = static_cast<unsigned char *>(rallocx(p, second, 0x40));
    } else if (mi_zalloc != nullptr) {
        p = static_cast<unsigned char *>(mi_zalloc(first));
        p = static_cast<unsigned char *>(mi_rezalloc(p, second));
    } else {
        return;
    }
    w->allocations += 2;
    w->bytes_allocated += first + second;
    w->deallocations += 2;
    w->bytes_freed += first + second;
    w->reallocations++;
    for (size_t i = 0; i < second; i++) {
        if (p[i] != 0) {
            fail("grown by something else than zeroes");
        }
    }
    free(p);
}

void *work(void *argument)
{
    auto *w = static_cast<Worker *>(argument);
    pthread_setname_np(pthread_self(), w->name);
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t dice = draw(w) % 8;
        if (w->live < 20 || (dice < 4 && w->live < slots)) {
            enter(w, allocate(w, draw_size(w)));
        } else if (dice < 7) {
            release(w, static_cast<unsigned>(draw(w) % w->live));
        } else {
            resize(w, static_cast<unsigned>(draw(w) % w->live));
        }
        if (own() && i % 64 == 0) {
            grow_zeroed(w);
        }
    }
    pthread_barrier_wait(&full);
    pthread_barrier_wait(&full); // now the module is there
    for (unsigned i = 0; consume != nullptr && i < w->live; i += 2) {
        const Block &block = w->blocks[i];
        if (block.release == Release::c_free && reinterpret_cast<uintptr_t>(block.address) % 64) {
            strike(w, block);
            consume(block.address, block.bytes);
            w->blocks[i] = w->blocks[--w->live];
        }
    }
    return nullptr;
}

void open_module(char **argv)
{
    const char *how = argv[6];
    int mode = strcmp(how, "now") == 0 ? RTLD_NOW : RTLD_LAZY;
    void *handle = dlopen(argv[5], mode | (strcmp(how, "deep") == 0 ? RTLD_DEEPBIND : 0));
    if (handle == nullptr) {
        fail(dlerror());
    }
    *reinterpret_cast<void **>(&consume) = dlsym(handle, "consume");
}

void write_books(const char *path, unsigned count)
{
    FILE *file = fopen(path, "w");
    if (file == nullptr) {
        fail("the books cannot be written");
    }
    fprintf(file, "{");
    for (unsigned i = 0; i < count; i++) {
        const Worker *w = &workers[i];
        fprintf(file,
                "%s\"%s\": {\"allocations\": %lu, \"deallocations\": %lu, \"bytes_allocated\": %lu,"
                " \"bytes_freed\": %lu, \"current_bytes\": %lu, \"reallocations\": %lu}",
                i ? ", " : "", w->name, w->allocations, w->deallocations, w->bytes_allocated,
                w->bytes_freed, w->bytes_allocated - w->bytes_freed, w->reallocations);
    }
    fprintf(file, "}\n");
    fclose(file);
}

} // namespace

int main(int argc, char **argv)
{
    pthread_t threads[64];
    if (argc != 5 && argc != 7) {
        return 2;
    }
    unsigned count = static_cast<unsigned>(atoi(argv[3]));
    what = argv[4];
    pthread_barrier_init(&full, nullptr, count + 1);
    for (unsigned i = 0; i < count; i++) {
        workers[i].random = strtoull(argv[2], nullptr, 10) * 1000003 + i + 1;
        snprintf(workers[i].name, sizeof workers[i].name, "worker-%u", i);
        if (pthread_create(&threads[i], nullptr, work, &workers[i]) != 0) {
            fail("no thread");
        }
    }
    pthread_barrier_wait(&full);
    if (strcmp(what, "heap") == 0 && mi_heap_new != nullptr) {
        free(mi_heap_malloc(mi_heap_new(), 100));
    }
    if (argc == 7) {
        open_module(argv);
    }
    pthread_barrier_wait(&full);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], nullptr);
    }
    write_books(argv[1], count);
    return 0;
}
