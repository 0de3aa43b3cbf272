/*
 * Two versions of a program, to be compared: changes ROUNDS STEADY GROWN SWING [new|late]
 * steady() and grown() hold so many blocks of 1000 bytes, swing() between none and so many, again
 * and again; fresh() 200 of them when asked for. With "late" it does so until SIGUSR1, then late()
 * holds 200.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 1000

static void *kept[100000];
static size_t kept_count;

/* Not inlined: each is a call site of its own. */
__attribute__((noinline)) static void keep(void *block)
{
    kept[kept_count++] = block;
}

__attribute__((noinline)) static void steady(long count)
{
    for (long i = 0; i < count; i++) {
        keep(malloc(BLOCK));
    }
}

__attribute__((noinline)) static void grown(long count)
{
    for (long i = 0; i < count; i++) {
        keep(malloc(BLOCK));
    }
}

__attribute__((noinline)) static void fresh(long count)
{
    for (long i = 0; i < count; i++) {
        keep(malloc(BLOCK));
    }
}

__attribute__((noinline)) static void late(long count)
{
    for (long i = 0; i < count; i++) {
        keep(malloc(BLOCK));
    }
}

__attribute__((noinline)) static void swing(void **blocks, long count)
{
    for (long i = 0; i < count; i++) {
        blocks[i] = malloc(BLOCK);
    }
}

static volatile sig_atomic_t told;

static void on_signal(int number)
{
    (void)number;
    told = 1;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        return 2;
    }
    const long rounds = atol(argv[1]);
    const long swinging = atol(argv[4]);
    void **blocks = calloc((size_t)swinging + 1, sizeof *blocks);
    steady(atol(argv[2]));
    grown(atol(argv[3]));
    if (argc > 5 && strcmp(argv[5], "new") == 0) {
        fresh(200);
    }
    const bool is_late = argc > 5 && strcmp(argv[5], "late") == 0;
    signal(SIGUSR1, on_signal);
    for (long round = 0; is_late ? !told : round < rounds; round++) {
        swing(blocks, swinging);
        usleep(700000);
        for (long i = 0; i < swinging; i++) {
            free(blocks[i]);
        }
        usleep(700000);
    }
    if (is_late) {
        late(200);
        sleep(600); /* to be looked at; the terminal that closes ends it */
    } else if (argc > 5) {
        swing(blocks, swinging);
    }
    usleep(1500000);
    _exit(0); /* nothing is freed at the end */
}
