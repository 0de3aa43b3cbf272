/* See background.h. */
#include "collect/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/clock.h"

#define STOP_WAIT_NS (100 * MS_NS_PER_MS)

struct ms_background {
    struct ms_background_job job;
    void *own;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping, finished, abandoned, fresh;
    char *shared, *shared_input; /* under the lock */
    char *result, *input;        /* the thread's */
};

static void destroy(struct ms_background *background)
{
    pthread_cond_destroy(&background->changed);
    pthread_mutex_destroy(&background->lock);
    free(background->shared);
    free(background->shared_input);
    free(background->result);
    free(background->input);
    free(background);
}

static struct timespec deadline(uint64_t from_now_ns)
{
    const uint64_t at_ns = ms_monotonic_ns() + from_now_ns;
    return (struct timespec){.tv_sec = (time_t)(at_ns / MS_NS_PER_S),
                             .tv_nsec = (long)(at_ns % MS_NS_PER_S)};
}

/* With the lock held. */
static void wait_for_next(struct ms_background *background)
{
    const struct timespec until = deadline(background->job.period_ns);
    while (!background->stopping &&
           pthread_cond_timedwait(&background->changed, &background->lock, &until) == 0) {
    }
}

static void *run(void *argument)
{
    struct ms_background *background = argument;
    const struct ms_background_job *job = &background->job;
    bool more = true;
    pthread_mutex_lock(&background->lock);
    while (more && !background->stopping) {
        memcpy(background->input, background->shared_input, job->input_bytes);
        pthread_mutex_unlock(&background->lock);
        more = job->read(background->own, background->input, background->result);
        pthread_mutex_lock(&background->lock);
        memcpy(background->shared, background->result, job->result_bytes);
        background->fresh = true;
        if (more) {
            wait_for_next(background);
        }
    }
    pthread_mutex_unlock(&background->lock);
    job->end(background->own);
    pthread_mutex_lock(&background->lock);
    background->finished = true;
    pthread_cond_broadcast(&background->changed);
    const bool abandoned = background->abandoned;
    pthread_mutex_unlock(&background->lock);
    if (abandoned) {
        destroy(background);
    }
    return NULL;
}

static bool start_thread(struct ms_background *background)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&background->thread, NULL, run, background);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

struct ms_background *ms_background_start(const struct ms_background_job *job, void *own)
{
    struct ms_background *background = calloc(1, sizeof *background);
    if (background == NULL) {
        job->end(own);
        return NULL;
    }
    background->job = *job;
    background->own = own;
    background->shared = calloc(1, job->result_bytes);
    background->result = calloc(1, job->result_bytes);
    background->shared_input = calloc(1, job->input_bytes + 1);
    background->input = calloc(1, job->input_bytes + 1);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&background->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&background->lock, NULL);
    if (background->shared == NULL || background->result == NULL ||
        background->shared_input == NULL || background->input == NULL ||
        !start_thread(background)) {
        job->end(own);
        destroy(background);
        return NULL;
    }
    return background;
}

void ms_background_give(struct ms_background *background, const void *input)
{
    pthread_mutex_lock(&background->lock);
    memcpy(background->shared_input, input, background->job.input_bytes);
    pthread_mutex_unlock(&background->lock);
}

bool ms_background_take(struct ms_background *background, void *result)
{
    pthread_mutex_lock(&background->lock);
    const bool fresh = background->fresh;
    if (fresh) {
        memcpy(result, background->shared, background->job.result_bytes);
        background->fresh = false;
    }
    pthread_mutex_unlock(&background->lock);
    return fresh;
}

void ms_background_stop(struct ms_background *background)
{
    if (background == NULL) {
        return;
    }
    const struct timespec until = deadline(STOP_WAIT_NS);
    pthread_mutex_lock(&background->lock);
    background->stopping = true;
    pthread_cond_broadcast(&background->changed);
    while (!background->finished &&
           pthread_cond_timedwait(&background->changed, &background->lock, &until) == 0) {
    }
    const pthread_t thread = background->thread;
    if (!background->finished) {
        background->abandoned = true; /* all of it is the thread's from now on */
        pthread_mutex_unlock(&background->lock);
        pthread_detach(thread);
        return;
    }
    pthread_mutex_unlock(&background->lock);
    pthread_join(thread, NULL);
    destroy(background);
}
