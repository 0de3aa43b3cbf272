/*
 * Children and threads of the unusual kinds:
 *   family vfork      a vfork child allocates in its parent's memory before it ends
 *   family chroot     children in an empty root directory, with nobody's rights when it can
 *   family rawexit    threads that leave by the system call, without any clean-up
 *   family oldcreate  a thread made by the pthread_create of programs linked long ago
 *   family reuse      1,000 threads one after the other, with the same pthread_t and other tids
 *   family c11        threads of <threads.h>, which do not come through pthread_create
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

static void *volatile sink;

static void churn(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        sink = malloc(i % 500 + 1);
        free((void *)sink);
    }
}

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int vfork_allocates(void)
{
    churn(10);
    for (int i = 0; i < 50; i++) {
        pid_t child = vfork();
        if (child == 0) {
            churn(100);
            sink = malloc(1000); /* the parent's from now on */
            _exit(i % 3);
        }
        int status = wait_for(child);
        free((void *)sink);
        if (status != i % 3) {
            return 1;
        }
    }
    puts("50 children lent memory");
    return 0;
}

static int change_root(void)
{
    char folder[] = "/tmp/memscope-root-XXXXXX";
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    churn(10);
    int parent = open("/tmp", O_PATH | O_CLOEXEC);
    int entered = chroot(folder);
    unlinkat(parent, folder + strlen("/tmp/"), AT_REMOVEDIR);
    close(parent);
    printf("chroot %d, setuid %d\n", entered, entered == 0 ? setgid(65534) | setuid(65534) : 0);
    fflush(stdout);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            churn(1000);
            execl("/bin/true", "true", (char *)NULL);
            _exit(errno == ENOENT ? 21 : 22);
        }
        printf("child gave %d\n", wait_for(child));
    }
    return 0;
}

static void *leave_raw(void *argument)
{
    churn(1000);
    sink = malloc(123);
    syscall(SYS_exit, 0);
    return argument;
}

static int rawexit(void)
{
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, leave_raw, NULL) != 0 ||
            pthread_join(thread, NULL) != 0) {
            return 1;
        }
        free((void *)sink);
    }
    puts("20 threads left");
    return 0;
}

#ifdef __x86_64__
int old_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
__asm__(".symver old_create,pthread_create@GLIBC_2.2.5");
#else
#define old_create pthread_create
#endif

static void *work(void *rounds)
{
    churn((unsigned)(uintptr_t)rounds);
    return rounds;
}

static int oldcreate(void)
{
    pthread_t thread;
    void *result = NULL;
    if (old_create(&thread, NULL, work, (void *)(uintptr_t)500) != 0 ||
        pthread_join(thread, &result) != 0) {
        return 1;
    }
    printf("%d rounds\n", (int)(uintptr_t)result);
    return 0;
}

static int reuse(void)
{
    pthread_t first = 0, thread;
    unsigned same = 0;
    for (int i = 0; i < 1000; i++) {
        if (pthread_create(&thread, NULL, work, (void *)(uintptr_t)(i % 40)) != 0) {
            return 1;
        }
        pthread_join(thread, NULL);
        first = i == 0 ? thread : first;
        same += thread == first;
    }
    puts(same > 900 ? "one pthread_t" : "many");
    return 0;
}

static int work_c11(void *rounds)
{
    churn((unsigned)(uintptr_t)rounds);
    return 7;
}

static int c11(void)
{
    for (int i = 0; i < 20; i++) {
        thrd_t thread;
        int result = 0;
        if (thrd_create(&thread, work_c11, (void *)(uintptr_t)500) != thrd_success ||
            thrd_join(thread, &result) != thrd_success || result != 7) {
            return 1;
        }
    }
    puts("20 threads");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } cases[] = {{"vfork", vfork_allocates}, {"chroot", change_root}, {"rawexit", rawexit},
                 {"oldcreate", oldcreate},   {"reuse", reuse},        {"c11", c11}};
    for (unsigned i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            return cases[i].run();
        }
    }
    return 2;
}
