/*
 * A library to preload into memscope-top: what a test says with files in the folder $UNLUCKY holds
 * for recordings (*.memscope) and for the calendar.
 *
 *   hang   fsync and fdatasync do not come back as long as it is there
 *   eio    they, and writes, fail with EIO
 *   clock  CLOCK_REALTIME is so many seconds off
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int wished(const char *what, char *path, size_t size)
{
    const char *folder = getenv("UNLUCKY");
    return folder != NULL && snprintf(path, size, "%s/%s", folder, what) < (int)size &&
           access(path, F_OK) == 0;
}

/* One without a name yet is a recording too: nothing else that we write anew has none. */
static int is_recording(int descriptor)
{
    char link[64];
    char path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, ".memscope") != NULL || strstr(path, "/#") != NULL;
}

static int fails(int descriptor)
{
    char path[512];
    if (!is_recording(descriptor) || !wished("eio", path, sizeof path)) {
        return 0;
    }
    errno = EIO;
    return 1;
}

static void hang(int descriptor)
{
    char path[512];
    while (is_recording(descriptor) && wished("hang", path, sizeof path)) {
        usleep(5000);
    }
}

int fsync(int descriptor)
{
    hang(descriptor);
    return fails(descriptor) ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(descriptor);
}

int fdatasync(int descriptor)
{
    hang(descriptor);
    return fails(descriptor) ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(descriptor);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (real == NULL) {
        real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    }
    return fails(descriptor) ? -1 : real(descriptor, bytes, count, at);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    char path[512];
    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    const int result = real(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME && wished("clock", path, sizeof path)) {
        FILE *file = fopen(path, "r");
        long seconds = 0;
        if (file != NULL && fscanf(file, "%ld", &seconds) == 1) {
            now->tv_sec += seconds;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    return result;
}
