/* Sleeps while it is relocated: the probe starts 1.4 s after exec, as on a busy machine. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

static int work(void)
{
    free(malloc(100));
    return 5;
}

/* Nothing else is relocated yet: no function can be called. */
__attribute__((used)) static int (*choose(void))(void)
{
    const struct timespec wait = {.tv_sec = 1, .tv_nsec = 400000000};
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_nanosleep), "D"(&wait), "S"(0)
                     : "rcx", "r11", "memory");
    return work;
}

int chosen(void) __attribute__((ifunc("choose")));

int main(void)
{
    return chosen();
}
