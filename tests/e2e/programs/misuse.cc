// Blocks that are released in a wrong or doubtful way, a known number of times from known places.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <new>
#include <pthread.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#define KEPT __attribute__((noinline))

namespace
{

// A call behind which there is something: it is no jump, so the caller is on the stack.
void go_on(const void *block = nullptr)
{
    __asm__ volatile("" ::"r"(block) : "memory");
}

using make_function = void *(size_t);
using drop_function = void(void *);

} // namespace

extern "C" {

KEPT void *by_malloc(size_t bytes)
{
    void *block = malloc(bytes);
    go_on(block);
    return block;
}

KEPT void *by_realloc(size_t bytes)
{
    void *block = realloc(malloc(1), bytes);
    go_on(block);
    return block;
}

KEPT void *by_new(size_t bytes)
{
    void *block = ::operator new(bytes);
    go_on(block);
    return block;
}

KEPT void *by_new_array(size_t bytes)
{
    char *block = new char[bytes];
    go_on(block);
    return block;
}

KEPT void drop_free(void *block)
{
    free(block);
    go_on();
}

KEPT void drop_realloc(void *block)
{
    free(realloc(block, 3000));
    go_on();
}

KEPT void drop_delete(void *block)
{
    ::operator delete(block);
    go_on();
}

KEPT void drop_sized_delete(void *block)
{
    ::operator delete(block, 40);
    go_on();
}

KEPT void drop_delete_array(void *block)
{
    ::operator delete[](block);
    go_on();
}

KEPT void drop_again(void *block)
{
    free(block);
    go_on();
}

}

namespace
{

void rounds(int count, make_function *make, drop_function *drop, size_t bytes)
{
    for (int i = 0; i < count; i++) {
        drop(make(bytes));
    }
}

// Each pair another number of times. 100,000 bytes carry no tag.
void mismatches()
{
    rounds(3, by_new, drop_free, 40);
    rounds(5, by_new_array, drop_free, 40);
    rounds(7, by_malloc, drop_delete, 40);
    rounds(11, by_realloc, drop_delete_array, 40);
    rounds(13, by_new, drop_delete_array, 40);
    rounds(17, by_new_array, drop_sized_delete, 40);
    rounds(19, by_new, drop_realloc, 40);
    rounds(23, by_malloc, drop_delete_array, 40);
    rounds(29, by_new, drop_free, 100000);
    std::thread([] {
        pthread_setname_np(pthread_self(), "second");
        rounds(31, by_new_array, drop_delete, 100000);
    }).join();
}

// One byte, and the eight of a number one past the end. 8 of 24 usable bytes: harmless in itself.
void overruns()
{
    for (int i = 0; i < 10; i++) {
        auto *block = static_cast<char *>(by_malloc(8));
        memset(block + 8, 0, i < 4 ? 1 : 8);
        drop_free(block);
        block = static_cast<char *>(by_new(5));
        memset(block + 5, 7, 4);
        drop_realloc(block);
    }
}

template <typename T> void use(T *object)
{
    go_on(object);
}

struct alignas(64) aligned {
    char bytes[192];
};

// Everything that is as it should be.
void proper()
{
    for (size_t bytes : {1, 24, 40, 1000, 5000, 70000, 200000}) {
        rounds(50, by_malloc, drop_free, bytes);
        rounds(50, by_realloc, drop_realloc, bytes);
        rounds(50, by_new, drop_delete, bytes);
        rounds(50, by_new_array, drop_delete_array, bytes);
        ::operator delete(::operator new(bytes, std::nothrow), std::nothrow);
        ::operator delete[](::operator new[](bytes, std::nothrow), std::nothrow);
        free(calloc(3, bytes));
        free(aligned_alloc(64, bytes * 64));
        void *block = nullptr;
        if (posix_memalign(&block, 256, bytes) == 0) {
            free(block);
        }
        // All that malloc_usable_size gives may be written.
        auto *whole = static_cast<char *>(malloc(bytes));
        memset(whole, 1, bytes);
        free(whole);
        delete new aligned();
        delete[] new aligned[bytes / 100 + 1];
        delete[] new std::string[bytes / 100 + 1];
        std::string text(bytes, 'x');
        std::map<int, std::string> map;
        for (int i = 0; i < 100; i++) {
            map[i] = text.substr(0, 50) + std::to_string(i);
        }
        auto shared = std::make_shared<std::vector<std::string>>(20, text.substr(0, 30));
        use(shared.get());
        char *line = nullptr;
        size_t room = 0;
        FILE *file = fopen("/proc/self/status", "r");
        while (file != nullptr && getline(&line, &room, file) > 0) {
        }
        if (file != nullptr) {
            fclose(file);
        }
        free(line);
        free(strdup("text"));
        char *printed = nullptr;
        if (asprintf(&printed, "%zu", bytes) > 0) {
            free(printed);
        }
    }
}

int doubles(const std::string &what)
{
    if (what == "large") {
        void *block = by_malloc(100000);
        void *behind = by_malloc(3000);
        drop_free(block);
        drop_again(block);
        drop_free(behind);
    } else if (what == "realloc") {
        void *block = by_malloc(100);
        void *behind = by_malloc(3000);
        void *moved = realloc(block, 5000);
        drop_again(block);
        drop_free(moved);
        drop_free(behind);
    } else if (what == "new") {
        void *block = by_new(100);
        drop_delete(block);
        drop_again(block);
    } else {
        void *block = by_malloc(100);
        drop_free(block);
        drop_again(block);
    }
    return 0;
}

void named(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

// Blocks that are allocated uncounted, on the places of counted ones, are freed but once.
void unseen()
{
    for (int i = 0; i < 100; i++) {
        named("counted");
        void *kept = by_malloc(200);
        drop_free(by_malloc(200));
        named("uncounted");
        drop_free(by_malloc(216));
        drop_free(realloc(kept, 210));
    }
}

// Nothing of the first word of the tag is left.
void overwrite(int times)
{
    for (int i = 0; i < times; i++) {
        auto *block = static_cast<char *>(by_malloc(8));
        memset(block + 8, 0xff, 8);
        drop_free(block);
    }
}

void inherited()
{
    overwrite(5);
    pid_t child = fork();
    if (child == 0) {
        overwrite(6);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
}

int libraries(const char *path, int count)
{
    void *library = dlopen(path, RTLD_NOW);
    if (library == nullptr) {
        return 1;
    }
    auto *make = reinterpret_cast<make_function *>(dlsym(library, "library_malloc"));
    auto *drop = reinterpret_cast<drop_function *>(dlsym(library, "library_free"));
    auto *copy = reinterpret_cast<char *(*)(const char *)>(dlsym(library, "library_strdup"));
    for (int i = 0; i < count; i++) {
        drop_free(make(100));
        drop(by_malloc(50));
        drop(make(60));
        drop_free(by_malloc(70));
        drop_free(copy("text of the C library"));
    }
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    std::string what = argc > 1 ? argv[1] : "";
    if (what == "mismatches") {
        mismatches();
    } else if (what == "overruns") {
        overruns();
    } else if (what == "proper") {
        std::thread other(proper);
        proper();
        other.join();
    } else if (what == "double") {
        return doubles(argc > 2 ? argv[2] : "");
    } else if (what == "unseen") {
        unseen();
    } else if (what == "inherited") {
        inherited();
    } else if (what == "libraries" && argc > 3) {
        return libraries(argv[2], atoi(argv[3]));
    } else if (what == "killed") {
        rounds(1000, by_new_array, drop_free, 40);
        raise(SIGKILL);
    } else if (what == "fork") {
        rounds(2, by_malloc, drop_delete, 40);
        pid_t child = fork();
        if (child == 0) {
            rounds(3, by_new_array, drop_free, 40);
            _exit(0);
        }
        waitpid(child, nullptr, 0);
    } else {
        return 2;
    }
    puts("done");
    return 0;
}
