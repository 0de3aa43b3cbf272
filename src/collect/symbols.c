/* See symbols.h. */
#include "collect/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/symbolizer.h"
#include "wire/clock.h"

enum { WINDOW = 16, RESTARTS_AT_MOST = 5, WORKER_SOCKET = 3, MODULES_AT_MOST = 1 << 20 };
#define HANG_NS            (5 * MS_NS_PER_S)
#define WORKER_SPACE_BYTES (UINT64_C(3) << 30)

struct question {
    struct ms_frame *frame;
    uint32_t module;
};

struct module {
    const char *path;
    pid_t pid;
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t build_id_bytes;
};

struct ms_symbols {
    pid_t worker;
    int socket;
    unsigned restarts;
    uint64_t waiting_since_ns; /* since the worker owes us an answer; 0: it owes none */
    uint64_t ended_cpu_ns;     /* of workers that are gone */
    /* questions[answered] .. [sent - 1] are with the worker, [sent] .. [count - 1] wait here */
    struct question *questions;
    size_t answered, sent, count, capacity;
    struct module *modules;
    size_t module_count, module_capacity;
};

static void close_from(unsigned first)
{
    if (syscall(SYS_close_range, first, ~0u, 0u) == 0) {
        return;
    }
    long limit = sysconf(_SC_OPEN_MAX);
    for (long i = first; i < (limit > 0 && limit < 65536 ? limit : 65536); i++) {
        close((int)i);
    }
}

/* Address space beyond what fork handed down; the DWARF of a browser is a gigabyte or two. */
static void limit_space(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm != NULL) {
        if (fscanf(statm, "%lu", &pages) != 1) {
            pages = 0;
        }
        fclose(statm);
    }
    rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + WORKER_SPACE_BYTES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && bytes < limit.rlim_max) {
        limit.rlim_cur = bytes;
        limit.rlim_max = bytes;
        (void)setrlimit(RLIMIT_AS, &limit);
    }
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

/* In the child: a group of its own, so that Ctrl-C and Ctrl-Z at the terminal are not for it. */
static void become_worker(int socket, pid_t parent) __attribute__((noreturn));
static void become_worker(int socket, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(0);
    }
    (void)prctl(PR_SET_NAME, "memscope-symbol");
    (void)setpgid(0, 0);
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (socket != WORKER_SOCKET && dup2(socket, WORKER_SOCKET) < 0) {
        _exit(1);
    }
    (void)fcntl(WORKER_SOCKET, F_SETFD, FD_CLOEXEC);
    close_from(WORKER_SOCKET + 1);
    int nothing = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) {
        if (nothing < 0 || dup2(nothing, i) < 0) {
            close(i);
        }
    }
    if (nothing > WORKER_SOCKET) {
        close(nothing);
    }
    if (nice(5) == -1) {
        errno = 0; /* a plain priority will do */
    }
    limit_space();
    ms_symbolizer_serve(WORKER_SOCKET);
}

static int start_worker(struct ms_symbols *symbols)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return -errno;
    }
    pid_t parent = getpid();
    pid_t worker = fork();
    if (worker == 0) {
        become_worker(pair[1], parent);
    }
    int error = errno;
    close(pair[1]);
    if (worker < 0) {
        close(pair[0]);
        return -error;
    }
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    symbols->worker = worker;
    symbols->socket = pair[0];
    return 0;
}

static uint64_t worker_cpu_ns(const struct ms_symbols *symbols)
{
    clockid_t clock;
    struct timespec now;
    if (symbols->worker <= 0 || clock_getcpuclockid(symbols->worker, &clock) != 0 ||
        clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void stop_worker(struct ms_symbols *symbols)
{
    if (symbols->worker <= 0) {
        return;
    }
    symbols->ended_cpu_ns += worker_cpu_ns(symbols);
    (void)kill(symbols->worker, SIGKILL);
    while (waitpid(symbols->worker, NULL, 0) < 0 && errno == EINTR) {
    }
    close(symbols->socket);
    symbols->worker = -1;
    symbols->socket = -1;
    symbols->waiting_since_ns = 0;
}

struct ms_symbols *ms_symbols_start(void)
{
    struct ms_symbols *symbols = calloc(1, sizeof *symbols);
    if (symbols == NULL) {
        return NULL;
    }
    symbols->worker = -1;
    symbols->socket = -1;
    if (start_worker(symbols) != 0) {
        symbols->restarts = RESTARTS_AT_MOST;
    }
    return symbols;
}

void ms_symbols_free(struct ms_symbols *symbols)
{
    if (symbols == NULL) {
        return;
    }
    stop_worker(symbols);
    free(symbols->questions);
    free(symbols->modules);
    free(symbols);
}

uint32_t ms_symbols_module(struct ms_symbols *symbols, pid_t pid, const char *path,
                           const uint8_t *build_id, size_t build_id_bytes)
{
    if (symbols->module_count == symbols->module_capacity) {
        size_t capacity = symbols->module_capacity == 0 ? 32 : symbols->module_capacity * 2;
        struct module *grown =
            capacity > MODULES_AT_MOST ? NULL : realloc(symbols->modules, capacity * sizeof *grown);
        if (grown == NULL) {
            return 0;
        }
        symbols->modules = grown;
        symbols->module_capacity = capacity;
    }
    struct module *module = &symbols->modules[symbols->module_count++];
    *module = (struct module){.path = path, .pid = pid};
    if (build_id_bytes > 0 && build_id_bytes <= MS_BUILD_ID_MAX) {
        memcpy(module->build_id, build_id, build_id_bytes);
        module->build_id_bytes = (uint8_t)build_id_bytes;
    }
    return (uint32_t)symbols->module_count;
}

int ms_symbols_ask(struct ms_symbols *symbols, struct ms_frame *frame, uint32_t module)
{
    if (module == 0 || module > symbols->module_count) {
        return 0;
    }
    if (symbols->count == symbols->capacity) {
        /* Answered ones at the front make room first. */
        if (symbols->answered > 0) {
            memmove(symbols->questions, symbols->questions + symbols->answered,
                    (symbols->count - symbols->answered) * sizeof *symbols->questions);
            symbols->count -= symbols->answered;
            symbols->sent -= symbols->answered;
            symbols->answered = 0;
        }
        if (symbols->count > symbols->capacity / 2 || symbols->capacity == 0) {
            size_t capacity = symbols->capacity == 0 ? 256 : symbols->capacity * 2;
            struct question *grown =
                realloc(symbols->questions, capacity * sizeof *symbols->questions);
            if (grown == NULL) {
                return -ENOMEM;
            }
            symbols->questions = grown;
            symbols->capacity = capacity;
        }
    }
    symbols->questions[symbols->count++] = (struct question){.frame = frame, .module = module};
    return 0;
}

/* The worker died or hangs: the question at the front is to blame and gets no answer. */
static void restart(struct ms_symbols *symbols)
{
    bool blamed = symbols->sent > symbols->answered;
    stop_worker(symbols);
    if (blamed) {
        symbols->answered++;
    }
    symbols->sent = symbols->answered;
    if (symbols->restarts < RESTARTS_AT_MOST) {
        symbols->restarts++;
        (void)start_worker(symbols);
    }
    if (symbols->worker < 0) {
        symbols->answered = symbols->count;
        symbols->sent = symbols->count;
    }
}

static void send_questions(struct ms_symbols *symbols, uint64_t now_ns)
{
    static struct ms_symbol_question packet;
    while (symbols->sent < symbols->count && symbols->sent - symbols->answered < WINDOW) {
        const struct question *question = &symbols->questions[symbols->sent];
        const struct module *module = &symbols->modules[question->module - 1];
        packet.id = (uint32_t)symbols->sent;
        packet.pid = (uint32_t)module->pid;
        packet.address = question->frame->file_offset;
        packet.build_id_bytes = module->build_id_bytes;
        memcpy(packet.build_id, module->build_id, sizeof packet.build_id);
        size_t path_bytes = strnlen(module->path, sizeof packet.path - 1);
        memcpy(packet.path, module->path, path_bytes);
        packet.path[path_bytes] = '\0';
        packet.path_bytes = (uint32_t)path_bytes + 1;
        size_t bytes = offsetof(struct ms_symbol_question, path) + packet.path_bytes;
        if (send(symbols->socket, &packet, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            return; /* full: later; closed: found when reading */
        }
        if (symbols->sent == symbols->answered) {
            symbols->waiting_since_ns = now_ns;
        }
        symbols->sent++;
    }
}

/* Takes a NUL-terminated text of at most `left` bytes; NULL: there is none. */
static const char *take_text(const char **at, size_t *left)
{
    const char *text = *at;
    const char *end = memchr(text, '\0', *left);
    if (end == NULL) {
        return NULL;
    }
    *left -= (size_t)(end - text) + 1;
    *at = end + 1;
    return text;
}

static const char *keep(struct ms_model *model, const char *text)
{
    const char *kept = ms_model_string(model, text);
    return kept == NULL ? "" : kept;
}

static void name_frames(struct ms_model *model, struct ms_frame *frame, uint32_t frames,
                        const char *at, size_t left)
{
    const struct ms_frame first = *frame;
    ms_model_names_changed(model);
    for (uint32_t i = 0; i < frames && i < MS_SYMBOL_INLINES_MAX; i++) {
        uint32_t line;
        if (left < sizeof line) {
            return;
        }
        memcpy(&line, at, sizeof line);
        at += sizeof line;
        left -= sizeof line;
        const char *function = take_text(&at, &left);
        const char *file = function == NULL ? NULL : take_text(&at, &left);
        if (file == NULL) {
            return;
        }
        if (i > 0) {
            struct ms_frame *outer = ms_model_add_frame(model);
            if (outer == NULL) {
                return;
            }
            outer->address = first.address;
            outer->file_offset = first.file_offset;
            outer->module = first.module;
            frame->inlined_by = outer;
            frame = outer;
        }
        frame->function = keep(model, function);
        frame->file = keep(model, file);
        frame->line = line;
    }
}

/* false: the worker is gone, or talks nonsense. */
static bool read_answers(struct ms_symbols *symbols, struct ms_model *model, uint64_t now_ns)
{
    static char packet[MS_SYMBOL_ANSWER_MAX];
    for (;;) {
        ssize_t bytes = recv(symbols->socket, packet, sizeof packet, MSG_DONTWAIT);
        if (bytes < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        struct ms_symbol_answer answer;
        if ((size_t)bytes < sizeof answer) {
            return false;
        }
        memcpy(&answer, packet, sizeof answer);
        if (symbols->answered >= symbols->sent) {
            return false;
        }
        struct ms_frame *frame = symbols->questions[symbols->answered++].frame;
        name_frames(model, frame, answer.frames, packet + sizeof answer,
                    (size_t)bytes - sizeof answer);
        symbols->waiting_since_ns = symbols->sent > symbols->answered ? now_ns : 0;
    }
}

void ms_symbols_handle(struct ms_symbols *symbols, struct ms_model *model, uint64_t now_ns)
{
    if (symbols->worker < 0) {
        symbols->answered = symbols->sent = symbols->count;
        return;
    }
    if (!read_answers(symbols, model, now_ns) ||
        (symbols->waiting_since_ns != 0 && now_ns > symbols->waiting_since_ns &&
         now_ns - symbols->waiting_since_ns > HANG_NS)) {
        restart(symbols);
    }
    if (symbols->worker > 0) {
        send_questions(symbols, now_ns);
    }
}

size_t ms_symbols_pending(const struct ms_symbols *symbols)
{
    return symbols->count - symbols->answered;
}

int ms_symbols_descriptor(const struct ms_symbols *symbols)
{
    return symbols->socket;
}

uint64_t ms_symbols_cpu_ns(const struct ms_symbols *symbols)
{
    return symbols->ended_cpu_ns + worker_cpu_ns(symbols);
}

pid_t ms_symbols_worker(const struct ms_symbols *symbols)
{
    return symbols->worker;
}
