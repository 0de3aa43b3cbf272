/*
 * A preload library that puts any program into a box before its main: $BOX is "mlockall", or what a
 * seccomp filter does to forbidden calls: "kill", "trap" or "errno". Forbidden are those that no
 * program of the tests makes but a library inside it might; with "only" in front of it, all but
 * what allocating, threads and write need. With "hurry" in front of all: in a constructor that runs
 * before those of other libraries.
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

static const int denied[] = {SYS_memfd_create, SYS_socket,     SYS_connect,   SYS_sendmsg,
                             SYS_sendto,       SYS_recvmsg,    SYS_ftruncate, SYS_fallocate,
                             SYS_tgkill,       SYS_pidfd_open, SYS_mlockall};

static const int allowed[] = {SYS_read,
                              SYS_write,
                              SYS_openat, /* glibc reads in /sys how many arenas there may be */
                              SYS_close,
                              SYS_brk,
                              SYS_mmap,
                              SYS_munmap,
                              SYS_mremap,
                              SYS_mprotect,
                              SYS_madvise,
                              SYS_futex,
                              SYS_clone,
                              SYS_clone3,
                              SYS_set_robust_list,
                              SYS_rseq,
                              SYS_rt_sigprocmask,
                              SYS_rt_sigreturn,
                              SYS_rt_sigaction,
                              SYS_sched_getaffinity,
                              SYS_exit,
                              SYS_exit_group,
                              SYS_wait4,
                              SYS_prctl};

enum { CALLS_MAX = 64 };

static void filter(const int *calls, unsigned count, unsigned listed, unsigned verdict)
{
    struct sock_filter program[2 * CALLS_MAX + 2];
    unsigned short n = 0;
    program[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < count && i < CALLS_MAX; i++) {
        program[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed);
    }
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
    struct sock_fprog whole = {n, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) != 0) {
        _exit(124);
    }
}

static unsigned verdict_named(const char *how)
{
    return strcmp(how, "kill") == 0   ? SECCOMP_RET_KILL_PROCESS
           : strcmp(how, "trap") == 0 ? SECCOMP_RET_TRAP
                                      : SECCOMP_RET_ERRNO | EPERM;
}

static void close_box(const char *how)
{
    if (strcmp(how, "mlockall") == 0) {
        if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
            _exit(123);
        }
    } else if (strncmp(how, "only", 4) == 0) {
        filter(allowed, sizeof allowed / sizeof *allowed, SECCOMP_RET_ALLOW,
               verdict_named(how + 4));
    } else if (strcmp(how, "none") != 0) {
        filter(denied, sizeof denied / sizeof *denied, verdict_named(how), SECCOMP_RET_ALLOW);
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
