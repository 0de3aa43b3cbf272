/* Output ring: what is held, what is lost, against a plain array as the model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/ring.h"

#define CAPACITY 64u

/* The bytes from `from` on as one string of at most `limit`. */
static size_t read_back(const struct ms_ring *ring, uint64_t from, size_t limit, char *to)
{
    struct iovec parts[2];
    size_t count = ms_ring_peek(ring, from, limit, parts);
    assert_int_equal(parts[0].iov_len + parts[1].iov_len, count);
    if (count > 0) {
        memcpy(to, parts[0].iov_base, parts[0].iov_len);
        memcpy(to + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
    }
    return count;
}

static void empty_ring_holds_nothing(void **state)
{
    (void)state;
    struct ms_ring ring;
    char text[CAPACITY];
    assert_int_equal(ms_ring_init(&ring, CAPACITY), 0);
    assert_int_equal(ms_ring_oldest(&ring), 0);
    assert_int_equal(read_back(&ring, 0, CAPACITY, text), 0);
    assert_int_equal(read_back(&ring, 7, CAPACITY, text), 0);
    ms_ring_fini(&ring);
}

static void newest_bytes_are_held_whatever_the_sizes(void **state)
{
    (void)state;
    static char model[8192];
    struct ms_ring ring;
    char text[CAPACITY];
    size_t end = 0;
    for (size_t at = 0; at < sizeof(model); at++) {
        model[at] = (char)(at * 31 + at / 256);
    }
    assert_int_equal(ms_ring_init(&ring, CAPACITY), 0);
    for (size_t round = 0; end + 2 * CAPACITY < sizeof(model); round++) {
        size_t count = round * 7 % (CAPACITY + 20);
        ms_ring_put(&ring, model + end, count);
        end += count;
        assert_int_equal(ring.end, end);
        size_t oldest = (size_t)ms_ring_oldest(&ring);
        assert_int_equal(oldest, end > CAPACITY ? end - CAPACITY : 0);
        for (size_t from = oldest; from < end; from += 5) {
            size_t got = read_back(&ring, from, 23, text);
            assert_int_equal(got, end - from < 23 ? end - from : 23);
            assert_memory_equal(text, model + from, got);
        }
        assert_int_equal(read_back(&ring, end, CAPACITY, text), 0);
        if (oldest > 0) {
            assert_int_equal(read_back(&ring, oldest - 1, CAPACITY, text), 0);
        }
    }
    ms_ring_fini(&ring);
}

static void more_than_fits_keeps_the_last_bytes(void **state)
{
    (void)state;
    struct ms_ring ring;
    char big[3 * CAPACITY + 5];
    char text[CAPACITY];
    for (size_t at = 0; at < sizeof(big); at++) {
        big[at] = (char)at;
    }
    assert_int_equal(ms_ring_init(&ring, CAPACITY), 0);
    ms_ring_put(&ring, "abc", 3);
    ms_ring_put(&ring, big, sizeof(big));
    assert_int_equal(ring.end, 3 + sizeof(big));
    assert_int_equal(read_back(&ring, ms_ring_oldest(&ring), CAPACITY, text), CAPACITY);
    assert_memory_equal(text, big + sizeof(big) - CAPACITY, CAPACITY);
    ms_ring_fini(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_ring_holds_nothing),
        cmocka_unit_test(newest_bytes_are_held_whatever_the_sizes),
        cmocka_unit_test(more_than_fits_keeps_the_last_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
