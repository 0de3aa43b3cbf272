/* See block_writer.h. */
#include "record/block_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/block_file.h"

enum { STACK_BYTES = 256 * 1024 };

struct job {
    struct job *next;
    uint64_t number;
    struct ms_block_piece *pieces; /* of a file written anew; NULL: `one` is appended */
    size_t count;
    struct ms_block_piece one;
};

struct ms_block_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock. */
    struct job *first, *last;
    uint64_t numbers;
    struct ms_block_written written;
    bool begun, stop, drain, paused;
    /* The thread's. */
    struct ms_block_file file; /* that is being written; of the first job made by the caller */
    int source;                /* that pieces of the next file refer to */
    uint64_t end;              /* of the file: behind its last whole block */
    bool dirty;
    uint64_t synced_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool asked_to_stop(struct ms_block_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const bool stop = writer->stop && !writer->drain;
    pthread_mutex_unlock(&writer->lock);
    return stop;
}

static void tell_begun(struct ms_block_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->begun = true;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

static int write_pieces(struct ms_block_writer *writer, struct ms_block_file *file,
                        const struct job *job, uint64_t *end)
{
    int error = 0;
    *end = 0;
    for (size_t i = 0; i < job->count && error == 0; i++) {
        const struct ms_block_piece *const piece = &job->pieces[i];
        if (asked_to_stop(writer)) {
            return -ECANCELED;
        }
        error = piece->bytes != NULL
                    ? ms_block_file_write(file, *end, piece->bytes, piece->count)
                    : ms_block_file_copy(file, *end, writer->source, piece->from, piece->count);
        *end += piece->count;
        if (i == 0 && error == 0 && job->number == 1) {
            tell_begun(writer);
        }
    }
    return error;
}

/* The file as a whole: all that was before is in it, then it takes its place. */
static int write_anew(struct ms_block_writer *writer, const struct job *job)
{
    const bool is_first = job->number == 1;
    struct ms_block_file next = {.fd = -1};
    int error = 0;
    if (is_first) {
        next = writer->file;
    } else {
        error = ms_block_file_beside(&writer->file, &next);
    }
    uint64_t end = 0;
    if (error == 0) {
        error = write_pieces(writer, &next, job, &end);
    }
    if (error == 0) {
        error = ms_block_file_take_place(&next, is_first ? NULL : &writer->file);
    }
    if (error != 0) {
        /* What was written of a first file in its place is worth keeping. */
        if (!next.in_place) {
            ms_block_file_give_up(&next);
        }
        if (is_first) {
            writer->file = next;
        }
        return error;
    }
    if (!is_first) {
        writer->file.fd = -1; /* the caller's now, as the source of what it still reads */
        ms_block_file_give_up(&writer->file);
    }
    writer->file = next;
    writer->source = next.fd;
    writer->end = end;
    writer->dirty = true;
    return 0;
}

static int append(struct ms_block_writer *writer, const struct job *job)
{
    const int error =
        ms_block_file_write(&writer->file, writer->end, job->one.bytes, job->one.count);
    if (error != 0) {
        (void)!ftruncate(writer->file.fd, (off_t)writer->end);
        return error;
    }
    writer->end += job->one.count;
    writer->dirty = true;
    return 0;
}

static int sync_file(struct ms_block_writer *writer)
{
    writer->synced_ns = now_ns();
    writer->dirty = false;
    return fdatasync(writer->file.fd) == 0 || errno == EINVAL ? 0 : -errno;
}

/* With the lock held: until there is something to do; false when nothing more will be. */
static bool wait_for_job(struct ms_block_writer *writer)
{
    for (;;) {
        if (writer->stop && (!writer->drain || (writer->first == NULL && !writer->paused))) {
            return false;
        }
        if (writer->first != NULL && !writer->paused) {
            return true;
        }
        if (!writer->dirty) {
            pthread_cond_wait(&writer->changed, &writer->lock);
            continue;
        }
        const uint64_t at_ns = writer->synced_ns + MS_BLOCK_SYNC_EVERY_NS;
        const struct timespec until = {.tv_sec = (time_t)(at_ns / 1000000000u),
                                       .tv_nsec = (long)(at_ns % 1000000000u)};
        if (now_ns() >= at_ns ||
            pthread_cond_timedwait(&writer->changed, &writer->lock, &until) == ETIMEDOUT) {
            return true;
        }
    }
}

static void free_job(struct job *job)
{
    free(job->pieces);
    free(job);
}

/* The first job, or a sync that is due. */
static int do_next(struct ms_block_writer *writer, struct job *job)
{
    int error = 0;
    if (job != NULL) {
        error = job->pieces != NULL ? write_anew(writer, job) : append(writer, job);
    }
    if (error == 0 && writer->dirty && now_ns() >= writer->synced_ns + MS_BLOCK_SYNC_EVERY_NS) {
        error = sync_file(writer);
    }
    return error;
}

static void *run(void *argument)
{
    struct ms_block_writer *const writer = argument;
    int error = 0;
    pthread_mutex_lock(&writer->lock);
    while (error == 0 && wait_for_job(writer)) {
        /* It stays in the queue while it is being done: what waits is what may get lost. */
        struct job *const job = writer->paused ? NULL : writer->first;
        pthread_mutex_unlock(&writer->lock);
        error = do_next(writer, job);
        pthread_mutex_lock(&writer->lock);
        if (job != NULL && error == 0) {
            writer->first = job->next;
            writer->last = writer->first != NULL ? writer->last : NULL;
            writer->written.waiting_bytes -= job->one.count;
            writer->written.jobs = job->number;
            if (job->pieces != NULL) {
                writer->written.fd = writer->file.fd;
                writer->written.files++;
            }
            free_job(job);
        }
    }
    if (error == 0 && writer->drain && writer->file.fd >= 0) {
        pthread_mutex_unlock(&writer->lock);
        error = fsync(writer->file.fd) == 0 || errno == EINVAL ? 0 : -errno;
        pthread_mutex_lock(&writer->lock);
    }
    writer->written.error = error;
    writer->written.ended = true;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* No signal is the thread's to handle: one of the viewer would be late, SIGXFSZ would end it. */
static int start_thread(struct ms_block_writer *writer)
{
    sigset_t all;
    sigset_t before;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&writer->thread, &attributes, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

static uint64_t enqueue(struct ms_block_writer *writer, const struct job *model)
{
    struct job *const job = malloc(sizeof *job);
    if (job == NULL) {
        free(model->pieces);
        return 0;
    }
    *job = *model;
    pthread_mutex_lock(&writer->lock);
    const uint64_t number = ++writer->numbers;
    job->number = number;
    if (writer->last != NULL) {
        writer->last->next = job;
    } else {
        writer->first = job;
    }
    writer->last = job;
    writer->written.waiting_bytes += job->one.count;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    return number;
}

static struct ms_block_writer *new_writer(int source)
{
    struct ms_block_writer *const writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&writer->lock, NULL);
    writer->file.fd = -1;
    writer->source = source;
    writer->written.fd = -1;
    writer->synced_ns = now_ns();
    return writer;
}

static void free_writer(struct ms_block_writer *writer)
{
    while (writer->first != NULL) {
        struct job *const next = writer->first->next;
        free_job(writer->first);
        writer->first = next;
    }
    if (writer->file.fd >= 0 && writer->file.fd == writer->written.fd) {
        writer->file.fd = -1; /* the caller's */
    }
    ms_block_file_give_up(&writer->file);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

int ms_block_writer_begin(const char *path, bool overwrite, struct ms_block_piece *pieces,
                          size_t count, int source, struct ms_block_writer **out)
{
    struct ms_block_writer *const writer = new_writer(source);
    if (writer == NULL) {
        free(pieces);
        return -ENOMEM;
    }
    int error = ms_block_file_make(path, overwrite, &writer->file);
    if (error != 0) {
        free(pieces);
    } else if (enqueue(writer, &(struct job){.pieces = pieces, .count = count}) == 0) {
        error = -ENOMEM;
    } else {
        error = start_thread(writer);
    }
    if (error != 0) {
        ms_block_file_remove(&writer->file);
        free_writer(writer);
        return error;
    }
    pthread_mutex_lock(&writer->lock);
    while (!writer->begun && !writer->written.ended) {
        pthread_cond_wait(&writer->changed, &writer->lock);
    }
    error = writer->begun ? 0 : writer->written.error;
    pthread_mutex_unlock(&writer->lock);
    if (error != 0) {
        pthread_join(writer->thread, NULL);
        ms_block_file_remove(&writer->file);
        free_writer(writer);
        return error;
    }
    *out = writer;
    return 0;
}

uint64_t ms_block_writer_append(struct ms_block_writer *writer, const uint8_t *bytes,
                                uint64_t count)
{
    return enqueue(writer, &(struct job){.one = {.bytes = bytes, .count = count}});
}

uint64_t ms_block_writer_rewrite(struct ms_block_writer *writer, struct ms_block_piece *pieces,
                                 size_t count)
{
    return enqueue(writer, &(struct job){.pieces = pieces, .count = count});
}

struct ms_block_written ms_block_writer_state(struct ms_block_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const struct ms_block_written written = writer->written;
    pthread_mutex_unlock(&writer->lock);
    return written;
}

static void ask_to_stop(struct ms_block_writer *writer, bool drain, bool paused)
{
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    writer->drain = drain;
    writer->paused = writer->paused && paused;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}

void ms_block_writer_close(struct ms_block_writer *writer)
{
    ask_to_stop(writer, true, true);
}

struct ms_block_written ms_block_writer_wait(struct ms_block_writer *writer, uint64_t wait_ns)
{
    const uint64_t at_ns = now_ns() + wait_ns;
    const struct timespec until = {.tv_sec = (time_t)(at_ns / 1000000000u),
                                   .tv_nsec = (long)(at_ns % 1000000000u)};
    int result = 0;
    pthread_mutex_lock(&writer->lock);
    while (!writer->written.ended && result != ETIMEDOUT) {
        result = pthread_cond_timedwait(&writer->changed, &writer->lock, &until);
    }
    const struct ms_block_written written = writer->written;
    pthread_mutex_unlock(&writer->lock);
    return written;
}

struct ms_block_written ms_block_writer_end(struct ms_block_writer *writer, bool drain)
{
    ask_to_stop(writer, drain, false);
    pthread_join(writer->thread, NULL);
    const struct ms_block_written written = writer->written;
    free_writer(writer);
    return written;
}

void ms_block_writer_pause(struct ms_block_writer *writer, bool pause)
{
    pthread_mutex_lock(&writer->lock);
    writer->paused = pause;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
}
