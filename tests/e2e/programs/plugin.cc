// A C++ library that a C program opens at run time: it throws through frames of its own.
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

__attribute__((noinline)) int sink(int depth, int number)
{
    // Short enough to need no memory: what is measured is throwing, past destructors.
    std::string text(static_cast<size_t>(depth) % 8, 'x');
    if (depth > 0) {
        return sink(depth - 1, number) + static_cast<int>(text.size()) * 0;
    }
    throw std::runtime_error("thrown by the plugin");
}

} // namespace

extern "C" double plugin_run(int throws)
{
    std::vector<int> caught;
    for (int i = 0; i < throws; i++) {
        try {
            sink(10, i);
        } catch (const std::exception &) {
            caught.push_back(1);
        }
    }
    return static_cast<double>(caught.size());
}
