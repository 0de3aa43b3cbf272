/* What a fuzzer has for the driver. Without a fuzzing engine: driver.c. */
#ifndef MS_TESTS_FUZZ_H
#define MS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* More of an input is not looked at: no mutation is spent on it. Optional: 4096. */
extern const size_t fuzz_bytes_max __attribute__((weak));

#endif
