/* Says that it is there and waits to be killed. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    puts("here");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
