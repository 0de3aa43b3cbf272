/*
 * NVIDIA's management library, found at run time; its calls may block for seconds while a GPU is
 * sick, so only a thread of its own may make them (gpu.h). Declarations are ours, from what the
 * library documents; names in comments are its.
 */
#ifndef MS_COLLECT_NVML_H
#define MS_COLLECT_NVML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/machine.h"

#define MS_NVML_LIBRARY "libnvidia-ml.so.1"

struct ms_nvml; /* opaque */

struct ms_nvml_result {
    int error;         /* of the library as a whole, enum ms_nvml_error; 0: none */
    char because[160]; /* when `error`, or when there is no GPU */
    bool ended;        /* nothing more can come: an error, no GPU, or all of them lost */
    size_t count, left_out;
    struct ms_gpu gpus[MS_GPUS_MAX]; /* without histories, process_id of users 0 */
    bool told_memory[MS_GPUS_MAX];   /* memory of processes is known: one not in users has none */
    bool told_time[MS_GPUS_MAX];     /* the same of their time */
};

/* nvmlReturn_t */
enum ms_nvml_error {
    MS_NVML_SUCCESS = 0,
    MS_NVML_INVALID_ARGUMENT = 2,
    MS_NVML_NOT_SUPPORTED = 3,
    MS_NVML_NO_PERMISSION = 4,
    MS_NVML_NOT_FOUND = 6,
    MS_NVML_INSUFFICIENT_SIZE = 7,
    MS_NVML_DRIVER_NOT_LOADED = 9,
    MS_NVML_LIBRARY_NOT_FOUND = 12,
    MS_NVML_FUNCTION_NOT_FOUND = 13,
    MS_NVML_GPU_IS_LOST = 15,
    MS_NVML_RESET_REQUIRED = 16,
    MS_NVML_VERSION_MISMATCH = 18
};

/* Opens the library; calls nothing of it. NULL: `because` (may be cut) is why. */
struct ms_nvml *ms_nvml_open(const char *library, char *because, size_t size);

/*
 * Reads all GPUs into *result, which holds what the last call left, zeros at first. The first call
 * starts the library. False: `ended`. Rates of PCIe sample for 20 ms each and are
 * taken at most once a second.
 */
bool ms_nvml_read(struct ms_nvml *nvml, struct ms_nvml_result *result, uint64_t now_ns);

void ms_nvml_close(struct ms_nvml *nvml);

#endif
