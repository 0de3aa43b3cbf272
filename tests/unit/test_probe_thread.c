/* States of threads, used again when their threads are gone: each by one thread at a time. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "probe_interrupted.h"
#include "probe_region.h"

/*
 * A thread that takes a state. It stops where `stops_at` says (0: it does not stop), and once it
 * has one it stays until it is told to go.
 */
struct actor {
    uint32_t stops_at; /* of the instructions at which `stops_where` is true */
    bool (*stops_where)(void);
    void (*when_stopped)(void);
    bool stopped;
    struct ms_thread_state *state;
    uint32_t tid;
    sem_t ready, go;
    pthread_t thread;
};

static struct actor first, second, third, fourth;
static struct ms_thread_state *disputed;

/* Somebody has taken it, and may still give it back. */
static bool somebody_asks(void)
{
    const uint32_t bits = (1u << MS_STATE_USE_BITS) - 1;
    return (atomic_load(&disputed->use) & bits) == MS_STATE_TAKEN_OVER;
}

/* It has a new owner, who is setting it up. */
static bool somebody_owns(void)
{
    return somebody_asks() && disputed->key == 0;
}

static __thread struct actor *self;

static void enter(void)
{
    self->state = ms_thread_enter();
}

static void *act(void *argument)
{
    self = argument;
    self->tid = (uint32_t)syscall(SYS_gettid);
    if (self->stops_at == 0) {
        enter();
    } else {
        self->stopped =
            interrupted_after(self->stops_at, enter, self->when_stopped, self->stops_where);
    }
    sem_post(&self->ready);
    sem_wait(&self->go);
    ms_thread_exiting();
    return NULL;
}

static void begin(struct actor *actor, uint32_t stops_at, bool (*stops_where)(void),
                  void (*when_stopped)(void))
{
    *actor = (struct actor){
        .stops_at = stops_at, .stops_where = stops_where, .when_stopped = when_stopped};
    sem_init(&actor->ready, 0, 0);
    sem_init(&actor->go, 0, 0);
    assert_int_equal(pthread_create(&actor->thread, NULL, act, actor), 0);
    sem_wait(&actor->ready);
}

/* Until the kernel does not know it either. */
static void end(struct actor *actor)
{
    sem_post(&actor->go);
    assert_int_equal(pthread_join(actor->thread, NULL), 0);
    while (syscall(SYS_tgkill, getpid(), actor->tid, 0) == 0) {
        sched_yield();
    }
}

static void stay_stopped(void)
{
    sem_post(&self->ready);
    sem_wait(&self->go);
}

/* The thread of the state ends, and another begins, which is stopped as soon as it has taken it. */
static void owner_ends_and_another_begins(void)
{
    end(&first);
    begin(&third, 1, somebody_owns, stay_stopped);
}

/*
 * The second thread finds the state of the first, which lives, and is stopped before it has put it
 * back. Meanwhile the first ends, and the third takes its state. That is not to be undone: else the
 * fourth would take it, too.
 */
static void test_state_taken_while_another_asks(void **state)
{
    (void)state;
    bool stopped = true;
    for (uint32_t instructions = 1; stopped; instructions++) {
        ms_wiped = ms_private_pages(sizeof *ms_wiped, true);
        assert_non_null(ms_wiped);
        ms_wiped->key = 0x5eed;
        atomic_store(&ms_wiped->set_up, MS_SET_UP_DONE);
        begin(&first, 0, NULL, NULL);
        disputed = first.state;
        assert_non_null(disputed);
        begin(&second, instructions, somebody_asks, owner_ends_and_another_begins);
        stopped = second.stopped;
        begin(&fourth, 0, NULL, NULL);
        sem_post(&third.go);
        sem_wait(&third.ready);
        assert_non_null(second.state);
        assert_non_null(third.state);
        assert_non_null(fourth.state);
        assert_ptr_not_equal(second.state, third.state);
        assert_ptr_not_equal(second.state, fourth.state);
        assert_ptr_not_equal(third.state, fourth.state);
        end(&second);
        end(&third);
        end(&fourth);
    }
}

static int start(void **state)
{
    (void)state;
    static const struct ms_tracking tracking = {.mode = MS_MODE_COUNT_ONLY, .stack_depth = 8};
    return probe_region_start(&tracking) == NULL ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_taken_while_another_asks),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
