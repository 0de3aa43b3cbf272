/*
 * measure FILE PROGRAM [ARG...]: runs the program and writes into FILE, one line of JSON for each
 * process that ended below it: name, exit status, seconds, CPU seconds of its own and of
 * the children that it waited for, highest resident KiB. Ends with the program's status.
 *
 * Linked statically, so that a profiler's preload passes it by and a forked child is small: the
 * kernel lets a program inherit the peak of the process image it replaced. It adopts orphans: a
 * keeper that outlives its viewer is counted too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct ended {
    char name[64];
    double own_seconds;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static size_t read_of(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

/* Of a process that ended and was not reaped yet. Its time comes twice: of all its threads in clock
 * ticks, and exact of its first thread alone. The larger is the better one. */
static void look_at(pid_t pid, struct ended *ended)
{
    char text[1024];
    *ended = (struct ended){.name = "?"};
    read_of(pid, "stat", text, sizeof(text));
    const char *first = strchr(text, '('), *last = strrchr(text, ')');
    if (first == NULL || last == NULL) {
        return;
    }
    size_t length = 0;
    for (const char *next = first + 1; next < last && length < sizeof(ended->name) - 1; next++) {
        ended->name[length++] = *next < ' ' || *next == '"' || *next == '\\' ? '?' : *next;
    }
    ended->name[length] = '\0';
    unsigned long user = 0, system = 0;
    sscanf(last + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    ended->own_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    unsigned long long exact_ns = 0;
    read_of(pid, "schedstat", text, sizeof(text));
    sscanf(text, "%llu", &exact_ns);
    if ((double)exact_ns / 1e9 > ended->own_seconds) {
        ended->own_seconds = (double)exact_ns / 1e9;
    }
}

static void write_line(FILE *file, const struct ended *ended, int status, double seconds,
                       const struct rusage *usage, int is_program)
{
    double all = seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime);
    double children = all > ended->own_seconds ? all - ended->own_seconds : 0;
    fprintf(file,
            "{\"program\": %s, \"name\": \"%s\", \"status\": %d, \"seconds\": %.6f, "
            "\"cpu_seconds\": %.6f, \"own_cpu_seconds\": %.6f, \"children_cpu_seconds\": %.6f, "
            "\"max_rss_kib\": %ld}\n",
            is_program ? "true" : "false", ended->name, status, seconds, all, all - children,
            children, usage->ru_maxrss);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    FILE *file = fopen(argv[1], "we");
    if (file == NULL) {
        perror(argv[1]);
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    double start = seconds_now();
    pid_t program = fork();
    if (program == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int result = 125;
    siginfo_t which = {0};
    while (waitid(P_ALL, 0, &which, WEXITED | WNOWAIT) == 0 || errno == EINTR) {
        struct ended ended;
        struct rusage usage = {0};
        int status = 0;
        double seconds = seconds_now() - start;
        look_at(which.si_pid, &ended);
        if (wait4(which.si_pid, &status, 0, &usage) != which.si_pid) {
            continue;
        }
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        write_line(file, &ended, code, seconds, &usage, which.si_pid == program);
        if (which.si_pid == program) {
            result = code;
        }
    }
    fclose(file);
    return result;
}
