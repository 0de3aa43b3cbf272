/*
 * C++ that allocates where the stack is being unwound, and coroutines that go on under another
 * caller than the one that began them. exceptions ROUNDS. Prints "FUNCTION ALLOCATIONS" for the
 * functions of which it is known how many allocations were made below them.
 */
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

static void *volatile latest;

static NOINLINE void allocate(std::size_t bytes)
{
    void *block = std::malloc(bytes);
    latest = block;
    std::free(block);
}

struct at_the_end {
    unsigned depth;
    NOINLINE ~at_the_end()
    {
        allocate(depth + 20);
        try {
            std::string text(depth + 40, 'x'); /* allocates, and frees when it leaves */
            if (depth % 5 == 0) {
                throw std::runtime_error(text);
            }
        } catch (const std::runtime_error &error) {
            allocate(21 + error.what()[0] % 2u);
        }
    }
};

static NOINLINE unsigned thrower(unsigned depth)
{
    at_the_end guard{depth};
    if (depth == 0) {
        throw std::vector<int>(30);
    }
    unsigned result = thrower(depth - 1);
    allocate(22);
    return result + 1;
}

static NOINLINE unsigned passer(unsigned depth)
{
    try {
        return thrower(depth);
    } catch (const std::exception &) {
        allocate(23);
    } catch (...) {
        allocate(24);
        if (depth % 2 == 0) {
            throw;
        }
    }
    return 1;
}

static NOINLINE void catcher(unsigned depth)
{
    try {
        passer(depth);
    } catch (const std::vector<int> &values) {
        allocate(values.size());
    }
    try {
        latest = new char[static_cast<std::size_t>(-1) / 4 - depth];
    } catch (const std::bad_alloc &) {
        allocate(25);
    }
}

struct task {
    struct promise_type {
        task get_return_object()
        {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend()
        {
            return {};
        }
        std::suspend_always final_suspend() noexcept
        {
            return {};
        }
        void return_void()
        {
        }
        void unhandled_exception()
        {
            allocate(26);
        }
    };
    std::coroutine_handle<promise_type> handle;
};

static NOINLINE void in_coroutine(unsigned bytes)
{
    allocate(bytes);
    asm volatile(""); /* no sibling call */
}

static task steps(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        in_coroutine(i + 1);
        co_await std::suspend_always{};
    }
    std::string text(count + 60, 'y');
    throw std::runtime_error(text);
}

static NOINLINE void resume_left(std::coroutine_handle<> handle)
{
    handle.resume();
    asm volatile("");
}

static NOINLINE void resume_right(std::coroutine_handle<> handle)
{
    volatile char space[16];
    space[3] = 1;
    handle.resume();
    asm volatile("" : : "r"(space) : "memory");
}

static NOINLINE void resume_deep(std::coroutine_handle<> handle, unsigned depth)
{
    if (depth > 0) {
        resume_deep(handle, depth - 1);
        asm volatile("");
    } else {
        resume_left(handle);
    }
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 1;
    for (unsigned round = 0; round < rounds; round++) {
        catcher(round % 23);
        task task = steps(6);
        for (unsigned i = 0; i < 6; i++) {
            if (i % 3 == 0) {
                resume_left(task.handle);
            } else if (i % 3 == 1) {
                resume_right(task.handle);
            } else {
                resume_deep(task.handle, round % 50);
            }
        }
        task.handle.resume();
        task.handle.destroy();
    }
    std::printf("in_coroutine %u\nresume_right %u\nresume_left %u\n", 6 * rounds, 2 * rounds,
                4 * rounds);
    return 0;
}
