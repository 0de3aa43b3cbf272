// Burns CPU time as optimised C++ does it: virtual calls, templates, a lambda in std::function, and
// a destructor while an exception passes. No frame pointers. burns MS
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#define OWN __attribute__((noinline, noclone))

static volatile unsigned long sink;

static double cpu_ms()
{
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

template <typename Number> OWN void churn(double ms)
{
    const double end = cpu_ms() + ms;
    Number sum = 1;
    while (cpu_ms() < end) {
        for (int i = 0; i < 20000; i++) {
            sum = sum * 3 + static_cast<Number>(i);
        }
        sink = sink + static_cast<unsigned long>(sum);
    }
}

struct Shape {
    virtual ~Shape() = default;
    virtual void draw(double ms) = 0;
};
struct Circle : Shape {
    OWN void draw(double ms) override
    {
        churn<unsigned long>(ms);
        sink = sink + 1;
    }
};
struct Cleanup {
    double ms;
    OWN ~Cleanup()
    {
        churn<unsigned short>(ms);
        sink = sink + 1;
    }
};

OWN static void throws(double ms)
{
    Cleanup cleanup{ms};
    throw 1;
}

int main(int count, char **arguments)
{
    while (getchar() != EOF) { // not before somebody looks
    }
    const double ms = count > 1 ? atof(arguments[1]) : 100;
    std::vector<std::unique_ptr<Shape>> shapes;
    shapes.push_back(std::make_unique<Circle>());
    for (auto &shape : shapes) {
        shape->draw(ms);
    }
    std::function<void(double)> call = [](double time) {
        churn<unsigned int>(time);
        sink = sink + 1;
    };
    call(ms);
    try {
        throws(ms);
    } catch (int) {
    }
    return 0;
}
