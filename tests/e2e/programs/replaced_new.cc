// Operator new and delete of the program's own, with a header in front: the forms that it does not
// replace are the C++ runtime's and end in these. What counts is malloc.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

void *operator new(std::size_t bytes)
{
    void *block = std::malloc(bytes + 32);
    if (block == nullptr) {
        throw std::bad_alloc();
    }
    return static_cast<char *>(block) + 32;
}

void operator delete(void *block) noexcept
{
    if (block != nullptr) {
        std::free(static_cast<char *>(block) - 32);
    }
}

void operator delete(void *block, std::size_t) noexcept
{
    operator delete(block);
}

int main()
{
    std::vector<std::string> names;
    for (unsigned i = 0; i < 1000; i++) {
        names.push_back(std::string(100, 'x'));
    }
    auto *kept = new char[500];
    kept[0] = 0;
    // The runtime's nothrow form calls ours, which our delete relies on.
    ::operator delete(::operator new(50, std::nothrow));
    std::puts("done");
    return 0;
}
