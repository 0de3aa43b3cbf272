/* A C program that opens a C++ plugin and lets it throw N times; prints nanoseconds per throw. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    double (*run)(int) = plugin ? (double (*)(int))dlsym(plugin, "plugin_run") : NULL;
    int throws = atoi(argv[2]);
    if (!run || throws < 1) {
        return 2;
    }
    run(10);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    double caught = run(throws);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    printf("%.1f\n", ns / caught);
    return caught == throws ? 0 : 1;
}
