/*
 * States and records of threads, used again when their threads are gone: each by one thread at a
 * time, whoever is stopped where.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "probe/account.h"
#include "probe_interrupted.h"
#include "probe_region.h"

#define STRIDE 3u /* what is between the look and the taking is longer than that */

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
    for (uint32_t instructions = 1; stopped; instructions += STRIDE) {
        assert_true(probe_process_begin());
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

static uint32_t next_looked_at;
static uint32_t serial_of_third; /* 0: it found no record */
static struct ms_region_thread *record;

/* Somebody looks at the record, which is still that of the first thread. */
static bool somebody_looks_at_record(void)
{
    return atomic_load(&ms_wiped->record_cursor) != next_looked_at && record->serial != 0 &&
           atomic_load(&record->state) != MS_THREAD_FREE && serial_of_third == 0;
}

/* The record is another thread's, and that one ends with a block that lives. */
static void record_gets_another_owner(void)
{
    atomic_store(&ms_wiped->record_cursor, next_looked_at);
    begin(&third, 0, NULL, NULL);
    if (third.state != NULL) {
        static const struct ms_caller nobody;
        serial_of_third = third.state->serial;
        assert_ptr_equal(third.state->record, record);
        ms_block_allocated(third.state, &nobody, (void *)4096, 100, MS_BLOCK_MALLOC);
    }
    end(&third);
    begin(&fourth, 0, NULL, NULL); /* sees that the third has gone, and says so in its record */
    end(&fourth);
}

/*
 * All records are taken, and one is of a thread that has ended. The second thread is stopped while
 * it looks at that one. Meanwhile the third takes it, and it is no longer one to be taken.
 */
static void test_record_taken_while_another_looks(void **state)
{
    (void)state;
    struct ms_region_area *area = &ms_region->areas[MS_AREA_THREADS];
    const uint32_t capacity = area->capacity;
    bool stopped = true;
    for (uint32_t instructions = 1; stopped; instructions += STRIDE) {
        area->capacity = capacity;
        assert_true(probe_process_begin());
        begin(&first, 0, NULL, NULL);
        record = first.state->record;
        next_looked_at = first.state->index - 1;
        serial_of_third = 0;
        end(&first);
        area->capacity = first.state->index + 1;
        atomic_store(&area->taken, area->capacity);
        for (uint32_t i = 1; i < first.state->index; i++) {
            memset(ms_area_at(MS_AREA_THREADS, i), 0, sizeof *record); /* nobody's, not to be had */
        }
        atomic_store(&ms_wiped->record_cursor, next_looked_at);
        begin(&second, instructions, somebody_looks_at_record, record_gets_another_owner);
        stopped = second.stopped;
        if (serial_of_third != 0) {
            assert_int_equal(record->serial, serial_of_third);
            assert_int_equal(record->own.allocations, 1);
        }
        end(&second);
    }
    area->capacity = capacity;
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
        cmocka_unit_test(test_record_taken_while_another_looks),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
