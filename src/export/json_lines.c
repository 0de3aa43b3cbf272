#include "export/json_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "export/json.h"
#include "export/json_parts.h"

#define WAITING_MAX (4u << 20)
#define FLUSH_BYTES (64u << 10)
#define CLOSE_MS    1000

struct ms_json_lines {
    int fd;
    bool is_pipe; /* who reads may be slow */
    bool waits;
    struct ms_export_options options;
    bool begun;
    uint64_t dropped;
    uint64_t flushed_ns; /* of the model's time */
    char *waiting;
    size_t used;
    int error;
};

static int open_path(const char *path, bool overwrite)
{
    struct stat what;
    if (strcmp(path, "-") == 0) {
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    }
    /* Reading, too: then it opens although nobody reads yet, and a reader may leave and come. */
    const bool there = stat(path, &what) == 0;
    if (there && S_ISFIFO(what.st_mode)) {
        return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }
    if (there && !S_ISREG(what.st_mode)) {
        return open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    }
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (overwrite ? O_TRUNC : O_EXCL),
                0666);
}

/* Takes over the descriptor, also when it fails. */
static int lines_on(int fd, bool waits, const struct ms_export_options *options,
                    struct ms_json_lines **out)
{
    struct stat what;
    struct ms_json_lines *lines = calloc(1, sizeof(*lines));
    char *waiting = malloc(WAITING_MAX);
    if (lines == NULL || waiting == NULL) {
        free(waiting);
        free(lines);
        close(fd);
        return -ENOMEM;
    }
    *lines =
        (struct ms_json_lines){.fd = fd, .waits = waits, .options = *options, .waiting = waiting};
    lines->is_pipe = fstat(fd, &what) == 0 && (S_ISFIFO(what.st_mode) || S_ISSOCK(what.st_mode));
    *out = lines;
    return 0;
}

int ms_json_lines_open(const char *path, bool overwrite, const struct ms_export_options *options,
                       struct ms_json_lines **out)
{
    const int fd = open_path(path, overwrite);
    return fd >= 0 ? lines_on(fd, false, options, out) : -errno;
}

int ms_json_lines_open_stream(FILE *stream, const struct ms_export_options *options,
                              struct ms_json_lines **out)
{
    const int fd = fcntl(fileno(stream), F_DUPFD_CLOEXEC, 3);
    return fd >= 0 ? lines_on(fd, true, options, out) : -errno;
}

/* Of a pipe never more than it takes at once, whatever its flags, which may be shared with others.
 */
static bool has_room(const struct ms_json_lines *lines, int wait_ms)
{
    struct pollfd fd = {.fd = lines->fd, .events = POLLOUT};
    return !lines->is_pipe || (poll(&fd, 1, lines->waits ? -1 : wait_ms) == 1 &&
                               (fd.revents & (POLLOUT | POLLERR)) != 0);
}

/* Without SIGPIPE: that the reader went is our matter, not that of the whole program. */
static ssize_t write_quietly(int fd, const char *bytes, size_t count)
{
    sigset_t pipe_signal;
    sigset_t before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const ssize_t written = write(fd, bytes, count);
    const int error = errno;
    if (written < 0 && error == EPIPE && !sigismember(&before, SIGPIPE)) {
        const struct timespec now = {0};
        while (sigtimedwait(&pipe_signal, NULL, &now) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void flush(struct ms_json_lines *lines, int wait_ms)
{
    const int64_t until = now_ms() + wait_ms;
    size_t at = 0;
    while (lines->error == 0 && at < lines->used && has_room(lines, wait_ms)) {
        wait_ms = wait_ms > 0 && until > now_ms() ? (int)(until - now_ms()) : 0;
        /* A pipe that is ready takes 4096 bytes without blocking (PIPE_BUF). */
        const size_t left = lines->used - at;
        const size_t part = lines->is_pipe && left > 4096 ? 4096 : left;
        const ssize_t written = write_quietly(lines->fd, lines->waiting + at, part);
        if (written > 0) {
            at += (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            break;
        } else if (written < 0 && errno != EINTR) {
            lines->error = -errno;
        }
    }
    memmove(lines->waiting, lines->waiting + at, lines->used - at);
    lines->used -= at;
}

static void write_history_members(struct ms_json_writer *writer, enum ms_series_of of,
                                  struct ms_history *const *history, int count)
{
    for (int i = 0; i < count; i++) {
        double value = NAN;
        if (history[i] != NULL) {
            (void)ms_history_read(history[i], MS_RESOLUTION_FINE, 1, &value);
        }
        const char *name = ms_series_info(of, i)->name;
        /* What there is an exact figure of stands there already. */
        if (of == MS_SERIES_OF_SYSTEM || strcmp(name, "current_bytes") != 0) {
            ms_json_member_fixed(writer, name, value);
        }
    }
}

static void write_heap(struct ms_json_writer *writer, const struct ms_heap *heap, bool available)
{
    ms_json_member_u64_or_null(writer, "current_bytes", available, ms_heap_current_bytes(heap));
    ms_json_member_u64_or_null(writer, "peak_bytes", available, heap->peak_bytes);
    ms_json_member_u64_or_null(writer, "allocations", available, heap->allocations);
    ms_json_member_u64_or_null(writer, "deallocations", available, heap->deallocations);
    ms_json_member_u64_or_null(writer, "bytes_allocated", available, heap->bytes_allocated);
    ms_json_member_u64_or_null(writer, "bytes_freed", available, heap->bytes_freed);
}

static void write_header(struct ms_json_writer *writer, const struct ms_json_lines *lines,
                         const struct ms_model *model)
{
    ms_json_object_begin(writer);
    ms_json_key(writer, "memscope");
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "schema", MS_JSON_SCHEMA);
    ms_json_member_string(writer, "version", lines->options.program_version);
    ms_json_object_end(writer);
    ms_json_member_string(writer, "document", "lines");
    ms_json_member_u64(writer, "start_unix_ns", ms_model_start_unix_ns(model));
    ms_json_member_u64(writer, "interval_ns", ms_model_interval_ns(model));
    ms_json_key(writer, "filters");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < lines->options.thread_rule_count; i++) {
        ms_json_string(writer, lines->options.thread_rules[i].text);
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
    ms_json_line(writer);
}

static void write_process(struct ms_json_writer *writer, const struct ms_process *process)
{
    char name[MS_PROCESS_NAME_MAX];
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "id", process->id);
    ms_json_key(writer, "pid");
    ms_json_i64(writer, process->pid);
    ms_json_member_string(writer, "name", ms_process_name(process, name, sizeof(name)));
    write_heap(writer, &process->totals, process->seen != MS_SEEN_NONE);
    write_history_members(writer, MS_SERIES_OF_PROCESS, process->history, MS_PROCESS_SERIES_COUNT);
    ms_json_object_end(writer);
}

static void write_thread(struct ms_json_writer *writer, const struct ms_thread *thread)
{
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "id", thread->id);
    ms_json_member_u64(writer, "process_id", thread->process_id);
    ms_json_member_u64_or_null(writer, "tid", thread->tid > 0, (uint64_t)thread->tid);
    ms_json_key(writer, "name");
    ms_json_bytes(writer, thread->name, strnlen(thread->name, sizeof(thread->name)));
    write_heap(writer, &thread->heap, thread->probed && thread->tracked);
    write_history_members(writer, MS_SERIES_OF_THREAD, thread->history, MS_SERIES_COUNT);
    ms_json_object_end(writer);
}

static void write_tick(struct ms_json_writer *writer, const struct ms_json_lines *lines,
                       const struct ms_model *model)
{
    const struct ms_export_options *options = &lines->options;
    ms_json_object_begin(writer);
    ms_json_member_u64(writer, "tick", ms_model_ticks(model) - 1);
    ms_json_member_u64(writer, "t_ns", ms_model_now_ns(model) - ms_model_start_ns(model));
    ms_json_member_u64(writer, "lines_dropped", lines->dropped);
    ms_json_key(writer, "system");
    ms_json_object_begin(writer);
    write_history_members(writer, MS_SERIES_OF_SYSTEM, ms_model_system(model)->history,
                          MS_SYSTEM_SERIES_COUNT);
    ms_json_object_end(writer);
    ms_json_key(writer, "processes");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_process_count(model); i++) {
        const struct ms_process *process = ms_model_process(model, i);
        if (process->end_ns == 0) {
            write_process(writer, process);
        }
    }
    ms_json_array_end(writer);
    ms_json_key(writer, "threads");
    ms_json_array_begin(writer);
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (options->thread_rule_count == 0 ||
            ms_rules_thread(options->thread_rules, options->thread_rule_count, model,
                            options->findings, thread)) {
            write_thread(writer, thread);
        }
    }
    ms_json_array_end(writer);
    ms_json_object_end(writer);
    ms_json_line(writer);
}

/* A line whole or not at all. */
static void take(struct ms_json_lines *lines, const struct ms_model *model,
                 void (*write)(struct ms_json_writer *writer, const struct ms_json_lines *lines,
                               const struct ms_model *model))
{
    struct ms_json_writer writer;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    int error = out != NULL ? ms_json_writer_open(&writer, out) : -ENOMEM;
    if (error == 0) {
        write(&writer, lines, model);
        error = ms_json_writer_close(&writer);
    }
    if (out != NULL && fclose(out) != 0 && error == 0) {
        error = -errno;
    }
    if (error == 0 && lines->used + bytes > WAITING_MAX) {
        flush(lines, 0);
    }
    if (error == 0 && lines->used + bytes <= WAITING_MAX) {
        memcpy(lines->waiting + lines->used, text, bytes);
        lines->used += bytes;
    } else {
        lines->dropped++;
    }
    free(text);
}

int ms_json_lines_tick(struct ms_json_lines *lines, const struct ms_model *model)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    if (lines->error != 0) {
        return lines->error;
    }
    if (!lines->begun) {
        take(lines, model, write_header);
        lines->begun = true;
    }
    take(lines, model, write_tick);
    if (lines->used >= FLUSH_BYTES || now_ns >= lines->flushed_ns + MS_SECOND_NS) {
        flush(lines, 0);
        lines->flushed_ns = now_ns;
    }
    return lines->error;
}

int ms_json_lines_close(struct ms_json_lines *lines)
{
    if (lines == NULL) {
        return 0;
    }
    flush(lines, CLOSE_MS);
    int error = lines->error == 0 && lines->used > 0 ? -ETIMEDOUT : lines->error;
    if (close(lines->fd) != 0 && error == 0) {
        error = -errno;
    }
    free(lines->waiting);
    free(lines);
    return error;
}
