// Allocates known numbers of known types, each in a function of its own, and says so on stdout as
// JSON: {"case": ["type", blocks, bytes, live blocks, live bytes]}. Everything live stays so.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

struct Order {
    long id = 0;
    double price = 0;
    char symbol[16] = "";
};

struct Big {
    long values[8] = {};
    long operator()() const { return values[3]; }
};

template <class T> void keep(T *thing)
{
    __asm__ volatile("" : : "r"(thing) : "memory");
}

static const char *between = "{";
static void report(const char *name, const char *type, size_t blocks, size_t bytes, size_t live,
                   size_t live_bytes)
{
    std::printf("%s\"%s\": [\"%s\", %zu, %zu, %zu, %zu]", between, name, type, blocks, bytes, live,
                live_bytes);
    between = ",\n";
}

// The containers themselves lie here, so that only what they allocate is counted.
static std::vector<Order> orders, reserved;
static std::string text;
static std::map<int, Order> tree;
static std::unordered_map<int, Order> table;
static std::list<Order> chain;
static std::unique_ptr<Order> owned[5];
static std::shared_ptr<Order> shared[7];
static std::function<long()> closure;

#define CASE __attribute__((noinline)) void

CASE case_vector()
{
    size_t blocks = 0, slots = 0;
    for (int i = 0; i < 100; i++) {
        const size_t before = orders.capacity();
        orders.push_back(Order());
        if (orders.capacity() != before) {
            blocks++;
            slots += orders.capacity();
        }
    }
    report("case_vector", "std::vector<Order>", blocks, slots * sizeof(Order), 1,
           orders.capacity() * sizeof(Order));
}

CASE case_reserve()
{
    reserved.reserve(77);
    const size_t bytes = 77 * sizeof(Order);
    report("case_reserve", "std::vector<Order>", 1, bytes, 1, bytes);
}

CASE case_string()
{
    text.reserve(200);
    report("case_string", "std::string", 1, 201, 1, 201);
}

CASE case_map()
{
    for (int i = 0; i < 10; i++) {
        tree[i].id = i;
    }
    const size_t bytes = 10 * sizeof(std::_Rb_tree_node<std::pair<const int, Order>>);
    report("case_map", "std::map<int, Order>", 10, bytes, 10, bytes);
}

CASE case_hash_map()
{
    table.reserve(100);
    for (int i = 0; i < 20; i++) {
        table[i].id = i;
    }
    const size_t bytes = table.bucket_count() * sizeof(void *) +
                         20 * sizeof(std::__detail::_Hash_node<std::pair<const int, Order>, false>);
    report("case_hash_map", "std::unordered_map<int, Order>", 21, bytes, 21, bytes);
}

CASE case_list()
{
    for (int i = 0; i < 6; i++) {
        chain.push_back(Order());
    }
    const size_t bytes = 6 * sizeof(std::_List_node<Order>);
    report("case_list", "std::list<Order>", 6, bytes, 6, bytes);
}

CASE case_deque()
{
    alignas(std::deque<Order>) static char place[sizeof(std::deque<Order>)];
    auto *queue = new (place) std::deque<Order>; // a map of 8 chunks and one chunk of 512 bytes
    for (size_t i = 0; i < 3 * (512 / sizeof(Order)); i++) {
        queue->push_back(Order());
    }
    const size_t bytes = 8 * sizeof(void *) + 4 * 512;
    report("case_deque", "std::deque<Order>", 5, bytes, 5, bytes);
}

CASE case_unique()
{
    for (auto &one : owned) {
        one = std::make_unique<Order>();
    }
    report("case_unique", "std::unique_ptr<Order>", 5, 5 * sizeof(Order), 5, 5 * sizeof(Order));
}

CASE case_shared()
{
    for (auto &one : shared) {
        one = std::make_shared<Order>();
    }
    using counted = std::_Sp_counted_ptr_inplace<Order, std::allocator<Order>, __gnu_cxx::_S_atomic>;
    report("case_shared", "std::shared_ptr<Order>", 7, 7 * sizeof(counted), 7, 7 * sizeof(counted));
}

CASE case_function()
{
    closure = Big();
    report("case_function", "std::function<long ()>", 1, sizeof(Big), 1, sizeof(Big));
}

CASE case_temporary_string()
{
    for (int i = 0; i < 4; i++) {
        std::string passing(100 + i, 'x');
        __asm__ volatile("" : : "r"(passing.data()) : "memory");
    }
    report("case_temporary_string", "std::string", 4, 101 + 102 + 103 + 104, 0, 0);
}

CASE case_new()
{
    for (int i = 0; i < 3; i++) {
        keep(new Order());
    }
    report("case_new", "unknown (C++ new or malloc)", 3, 3 * sizeof(Order), 3, 3 * sizeof(Order));
}

CASE case_strdup()
{
    static char *copy = strdup("twelve bytes");
    __asm__ volatile("" : : "r"(copy) : "memory");
    report("case_strdup", "C string", 1, 13, 1, 13);
}

int main()
{
    static char buffer[8192];
    std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer); // or the first report would allocate one
    case_vector();
    case_reserve();
    case_string();
    case_map();
    case_hash_map();
    case_list();
    case_deque();
    case_unique();
    case_shared();
    case_function();
    case_temporary_string();
    case_new();
    case_strdup();
    std::printf("}\n");
    std::fflush(stdout);
    _Exit(0); // destructors would free what is to be live at the end
}
