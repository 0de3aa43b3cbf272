/* A few thousand damaged regions of a fixed seed on every run; the fuzzer goes on from there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz_region.c"

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void test_damaged_regions(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    uint8_t input[8 * PATCH_BYTES];
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof input; i++) {
            input[i] = (uint8_t)next_random(&seed);
        }
        /* Marks far beyond what was written make a round slow: those come every 50th time. */
        for (size_t i = 0; i < sizeof input; i += PATCH_BYTES) {
            input[i] = (uint8_t)(round % 50 == 0 ? input[i] : 1 + input[i] % MS_AREA_COUNT);
            input[i + 3] &= round % 2 == 0 ? 0x1f : 0;
        }
        assert_int_equal(LLVMFuzzerTestOneInput(input, next_random(&seed) % sizeof input), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damaged_regions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
