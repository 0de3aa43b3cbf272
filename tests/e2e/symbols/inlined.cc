// Much debug information from little source: templates of the standard library, inlined deeply.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace app
{
struct Node {
    std::string name;
    std::vector<std::unique_ptr<Node>> children;
    std::map<std::string, int> attributes;
};

using Words = std::unordered_map<int, std::string>;

template <int N> struct Deep {
    static int go(std::vector<int> &values, Words &words)
    {
        std::sort(values.begin(), values.end(), [](int a, int b) { return a % N < b % N; });
        for (int value : values) {
            words[value * N] = std::to_string(value);
        }
        return static_cast<int>(words.size()) + Deep<N - 1>::go(values, words);
    }
};

template <> struct Deep<1> {
    static int go(std::vector<int> &values, Words &)
    {
        return static_cast<int>(values.size());
    }
};

int use(int count)
{
    std::vector<int> values;
    for (int i = 0; i < count; i++) {
        values.push_back((i * 7919) % 1000);
    }
    Words words;
    int sum = Deep<24>::go(values, words);
    std::regex pattern("([a-z]+)([0-9]*)");
    std::smatch match;
    std::string text = "abc123";
    if (std::regex_match(text, match, pattern)) {
        sum += static_cast<int>(match.size());
    }
    auto root = std::make_unique<Node>();
    root->attributes["x"] = 1;
    for (int i = 0; i < count; i++) {
        root->children.push_back(std::make_unique<Node>());
        root->children.back()->name = std::string(40, 'a');
    }
    std::function<int(int)> fibonacci = [&](int k) {
        return k < 2 ? k : fibonacci(k - 1) + fibonacci(k - 2);
    };
    std::ostringstream out;
    out << fibonacci(10) << sum;
    return static_cast<int>(out.str().size());
}
} // namespace app

#ifdef PROGRAM
int main(int argc, char **)
{
    std::cout << app::use(argc * 100) << "\n";
}
#endif
