/* One byte from /dev/zero, again and again: nanoseconds a call, the best of several rounds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    const long calls = argc > 1 ? atol(argv[1]) : 20000;
    const int rounds = argc > 2 ? atoi(argv[2]) : 150;
    int zero = open("/dev/zero", O_RDONLY);
    double best = 1e18;
    char byte;
    for (int round = 0; round < rounds; round++) {
        const double start = now_ns();
        for (long i = 0; i < calls; i++) {
            if (read(zero, &byte, 1) != 1) {
                return 1;
            }
        }
        const double each = (now_ns() - start) / (double)calls;
        best = each < best ? each : best;
    }
    printf("%.2f\n", best);
    return 0;
}
