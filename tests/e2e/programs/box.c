/*
 * A preload library that puts any program into a box before its main: $BOX is "mlockall", or what a
 * seccomp filter does to calls that no program of the tests makes but a library inside it might:
 * "kill", "trap" or "errno". "hurry" in front of it: in a constructor that runs before the others.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int denied[] = {
    SYS_memfd_create, SYS_socket,    SYS_connect, SYS_sendmsg,    SYS_sendto,  SYS_recvmsg,
    SYS_ftruncate,    SYS_fallocate, SYS_tgkill,  SYS_pidfd_open, SYS_mlockall};

static void filter(unsigned verdict)
{
    enum { CALLS = sizeof denied / sizeof *denied };
    struct sock_filter program[2 * CALLS + 2];
    unsigned short n = 0;
    program[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < CALLS; i++) {
        program[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)denied[i], 0, 1);
        program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
    }
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog whole = {n, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) != 0) {
        _exit(124);
    }
}

static void close_box(const char *how)
{
    if (strcmp(how, "mlockall") == 0 && mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        _exit(123);
    } else if (strcmp(how, "kill") == 0) {
        filter(SECCOMP_RET_KILL_PROCESS);
    } else if (strcmp(how, "trap") == 0) {
        filter(SECCOMP_RET_TRAP);
    } else if (strcmp(how, "errno") == 0) {
        filter(SECCOMP_RET_ERRNO | EPERM);
    }
}

__attribute__((constructor(101))) static void early(void)
{
    const char *how = getenv("BOX");
    if (how != NULL && strncmp(how, "hurry", 5) == 0) {
        close_box(how + 5);
    }
}

__attribute__((constructor)) static void late(void)
{
    const char *how = getenv("BOX");
    if (how != NULL && strncmp(how, "hurry", 5) != 0) {
        free(malloc(1)); /* what most libraries have done by now */
        close_box(how);
    }
}
