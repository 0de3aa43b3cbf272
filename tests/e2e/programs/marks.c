/*
 * Sets marks in all places that there are; also a C++ program, and a library with PLUGIN. Which:
 * the first argument. Prints nothing but what goes wrong.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <memscope.h>

#ifdef PLUGIN
#ifdef __cplusplus
extern "C"
#endif
    __attribute__((visibility("default"))) void
    plugin_marks(void);
void plugin_marks(void)
{
    memscope_mark("in a plugin");
}
#else
static void rest(long milliseconds)
{
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

__attribute__((constructor)) static void before_main(void)
{
    memscope_mark("before main");
}

static void *in_thread(void *text)
{
    memscope_mark((const char *)text);
    return NULL;
}

static void threads(void)
{
    static char texts[8][16];
    pthread_t thread[8];
    for (int i = 0; i < 8; i++) {
        snprintf(texts[i], sizeof texts[i], "thread %d", i);
        pthread_create(&thread[i], NULL, in_thread, texts[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], NULL);
    }
}

static void handler(int number)
{
    (void)number;
    memscope_mark("in a handler");
}

/* The handler interrupts marks as they are set, too. */
static void handlers(void)
{
    signal(SIGPROF, handler);
    const struct timespec period = {0, 200000};
    timer_t timer;
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGPROF;
    const struct itimerspec each = {period, period};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &each, NULL);
    for (int i = 0; i < 2000; i++) {
        memscope_mark("interrupted");
        if (i % 100 == 0) {
            rest(2);
        }
    }
    timer_delete(timer);
}

static void forks(void)
{
    memscope_mark("parent");
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            memscope_mark("child");
            free(malloc(10));
            _exit(0);
        }
    }
    while (wait(NULL) > 0) {
    }
    memscope_mark("parent again");
}

/* The text ends where the page does; and texts of all lengths and kinds. */
static void texts(void)
{
    char *pages =
        (char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    strcpy(pages + 4096 - 5, "edge");
    memscope_mark(pages + 4096 - 5);
    memscope_mark("");
    memscope_mark(NULL);
    memscope_mark("\033[31m<script>\"\\\n\xff\xc3");
    static char text[100000];
    memset(text, 'x', sizeof text - 1);
    memscope_mark(text);
    for (size_t i = 0; i + 3 < sizeof text; i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }
    memscope_mark(text); /* 167 is 55 times 3 and 2 more */
    errno = 77;
    memscope_mark("errno");
    if (errno != 77) {
        puts("errno changed");
    }
}

static void many(long count, long at_once)
{
    char text[32];
    for (long i = 0; i < count; i++) {
        snprintf(text, sizeof text, "number %ld", i);
        memscope_mark(text);
        if (i % at_once == at_once - 1) {
            printf("%ld\n", i + 1);
            fflush(stdout);
            (void)getchar(); /* until they were read */
        }
    }
}

static void cost(void)
{
    enum { ROUNDS = 20, EACH = 4000 };
    double best_ns = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int i = 0; i < EACH; i++) {
            memscope_mark("what a mark costs, some words");
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        const double took_ns =
            (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
        best_ns = took_ns / EACH < best_ns ? took_ns / EACH : best_ns;
    }
    fprintf(stderr, "%.0f\n", best_ns);
}

/* Without a probe: with `marks` the same loop sets them. */
__attribute__((noinline)) static void branches(long count, int marks)
{
    for (long i = 0; i < count; i++) {
        if (marks) {
            memscope_mark("never");
        }
        __asm__ volatile("" ::: "memory");
    }
}

static void plugin(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void (*call)(void) = NULL;
    if (library == NULL) {
        puts(dlerror());
        return;
    }
    *(void **)&call = dlsym(library, "plugin_marks");
    call();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    memscope_mark("main");
    if (strcmp(what, "threads") == 0) {
        threads();
    } else if (strcmp(what, "handlers") == 0) {
        handlers();
    } else if (strcmp(what, "forks") == 0) {
        forks();
    } else if (strcmp(what, "texts") == 0) {
        texts();
    } else if (strcmp(what, "many") == 0) {
        many(atol(argv[2]), atol(argv[3]));
    } else if (strcmp(what, "cost") == 0) {
        cost();
    } else if (strcmp(what, "branches") == 0) {
        branches(atol(argv[2]), atoi(argv[3]));
    } else if (strcmp(what, "plugin") == 0) {
        plugin(argv[2]);
    } else if (strcmp(what, "killed") == 0) {
        memscope_mark("the last words");
        kill(getpid(), SIGKILL);
    } else if (strcmp(what, "waits") == 0) {
        rest(1500);
        memscope_mark("half way");
        rest(1500);
    }
    return 0;
}
#endif
