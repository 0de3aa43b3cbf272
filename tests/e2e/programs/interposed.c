/*
 * Names of the C library that are a program's own. The program counts who calls functions that it
 * has put in place of libc's; with -DLIBRARY: functions of a library that are something else.
 */
struct pair {
    long first, second;
};
struct large {
    double a, b, c;
};

#ifdef LIBRARY

long connect(const struct pair *pair, double times, long b, long c, long d, long e, long f, long g)
{
    return (long)((double)pair->first * times) + b + c + d + e + f + g;
}

double send(double a, double b)
{
    return a * b;
}

struct large select(const struct pair *pair, double by)
{
    return (struct large){(double)pair->first, by, (double)pair->second * by};
}

struct pair *splice(struct pair *to, const struct pair *from)
{
    to->first += from->first;
    return to;
}

long close(const struct pair *pair)
{
    return pair->second;
}

struct pair accept(long first, long second)
{
    return (struct pair){first, second};
}

#else

#include <sys/syscall.h>
#include <time.h>

long connect(const struct pair *pair, double times, long b, long c, long d, long e, long f, long g);
double send(double a, double b);
struct large select(const struct pair *pair, double by);
struct pair *splice(struct pair *to, const struct pair *from);
long close(const struct pair *pair);
struct pair accept(long first, long second);

int printf(const char *format, ...);
void *malloc(unsigned long bytes);
void free(void *block);
long syscall(long number, ...);
long write(int fd, const void *from, unsigned long bytes);
int pipe(int descriptors[2]);

static int calls;

#define OURS(name, number)                                                                         \
    long name(long a, long b, long c, long d, long e)                                              \
    {                                                                                              \
        calls++;                                                                                   \
        return syscall(number, a, b, c, d, e);                                                     \
    }
OURS(read, SYS_read)
OURS(pread, SYS_pread64)
OURS(openat, SYS_openat)
OURS(readlink, SYS_readlink)
OURS(fcntl, SYS_fcntl)
OURS(socket, SYS_socket)
OURS(getsockopt, SYS_getsockopt)
OURS(recvmsg, SYS_recvmsg)
OURS(poll, SYS_poll)

int clock_gettime(clockid_t clock, struct timespec *now)
{
    calls++;
    return (int)syscall(SYS_clock_gettime, clock, now);
}

int main(void)
{
    int ends[2];
    char byte;
    double sum = 0;
    if (pipe(ends) != 0) {
        return 1;
    }
    for (long i = 0; i < 2000; i++) {
        struct pair *one = malloc(sizeof *one);
        struct pair two = {i, 3};
        *one = (struct pair){1, 2};
        const struct large large = select(one, 2.5);
        const struct pair pair = accept(i, 5 * i);
        sum += (double)connect(one, 3.5, 1, 2, 3, 4, 5, 6) + send(1.5, 2) + large.a + large.b +
               large.c + (double)splice(one, &two)->first + (double)close(&two) +
               (double)(pair.second - pair.first);
        free(one);
        if (write(ends[1], "x", 1) != 1 || syscall(SYS_read, ends[0], &byte, 1) != 1) {
            return 2;
        }
    }
    return printf("%g, %d calls of ours\n", sum, calls) < 0;
}

#endif
