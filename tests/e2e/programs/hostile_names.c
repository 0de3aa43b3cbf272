/* Threads and arguments with names that want to be markup; each thread does more than the one
 * before, and not the same all the time, so that figures change and go together. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {"</script><b>", "<img src=x>", "\"'><!--",
                                    "\xe2\x80\xae\xff\x01name"};
#define THREADS (sizeof names / sizeof names[0])

__attribute__((noinline)) static char *make_block(size_t bytes)
{
    char *block = malloc(bytes);
    return block != NULL ? memset(block, 1, bytes) : NULL;
}

__attribute__((noinline)) static void *keep_block(size_t bytes)
{
    return make_block(bytes);
}

__attribute__((noinline)) static void churn(size_t rounds, size_t bytes)
{
    for (size_t i = 0; i < rounds; i++) {
        free(make_block(bytes));
    }
}

static void *act(void *argument)
{
    const size_t index = (size_t)argument;
    prctl(PR_SET_NAME, names[index]);
    for (size_t i = 0; i < 50; i++) {
        churn(200 * (index + 1) * (1 + i / 10), 4000);
        void *volatile kept = keep_block(1000 * (index + 1));
        (void)kept;
        usleep(100000);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, act, (void *)i) != 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}
