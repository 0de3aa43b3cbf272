/*
 * Allocates as early and as late as a program can, and ends in the way that is asked for:
 *   ends return|exit|_exit|quick_exit|raw|abort|segv|overflow|kill|pthread_exit|thread_exits|term
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *early, *earlier, *late[8];
static unsigned late_count;

/* Before every constructor, the probe's too. */
static void before_all(int argc, char **argv, char **environment)
{
    (void)argc;
    (void)argv;
    (void)environment;
    earlier = malloc(1001);
    free(calloc(3, 7));
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **,
                                                                              char **) = before_all;

__attribute__((constructor(101))) static void construct(void)
{
    early = realloc(malloc(2002), 3003);
}

static void keep_late(const char *who)
{
    void *block = malloc(4004 + late_count);
    late[late_count++ % 8] = block;
    free(malloc(50));
    (void)!write(1, who, strlen(who));
}

/* After main, after atexit functions, after the destructors of most libraries. */
__attribute__((destructor(101))) static void destruct(void)
{
    keep_late("destructor\n");
    free(early);
    free(earlier);
}

static void at_exit(void)
{
    keep_late("atexit\n");
}

static void at_quick_exit_too(void)
{
    keep_late("at_quick_exit\n");
}

static pthread_key_t key;

static void key_destroyed(void *block)
{
    free(block);
    keep_late("destructor of a key\n");
}

__attribute__((noinline)) static int overflow(int depth)
{
    volatile char frame[65536];
    frame[0] = (char)depth;
    return depth < 1 << 20 ? overflow(depth + 1) + frame[0] : 0;
}

static void *leave(void *how)
{
    pthread_setspecific(key, malloc(60));
    if (strcmp(how, "thread_exits") == 0) {
        exit(5);
    }
    return NULL;
}

static void *outlive(void *how)
{
    (void)how;
    usleep(20000);
    keep_late("a thread after main\n");
    return NULL;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "return";
    pthread_t thread;
    pthread_key_create(&key, key_destroyed);
    atexit(at_exit);
    at_quick_exit(at_quick_exit_too);
    for (unsigned i = 0; i < 1000; i++) {
        late[7] = malloc(i);
        if (i % 10) {
            free(late[7]);
        }
    }
    pthread_create(&thread, NULL, leave, (void *)how);
    pthread_join(thread, NULL);
    volatile int *nowhere = NULL;
    if (strcmp(how, "exit") == 0) {
        exit(3);
    } else if (strcmp(how, "_exit") == 0) {
        _exit(4);
    } else if (strcmp(how, "quick_exit") == 0) {
        quick_exit(6);
    } else if (strcmp(how, "raw") == 0) {
        syscall(SYS_exit_group, 7);
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "segv") == 0) {
        *nowhere = 1;
    } else if (strcmp(how, "overflow") == 0) {
        overflow(0);
    } else if (strcmp(how, "kill") == 0) {
        raise(SIGKILL);
    } else if (strcmp(how, "term") == 0) {
        raise(SIGTERM);
    } else if (strcmp(how, "pthread_exit") == 0) {
        pthread_create(&thread, NULL, outlive, NULL);
        pthread_setspecific(key, malloc(70));
        pthread_exit(NULL);
    }
    return 2;
}
