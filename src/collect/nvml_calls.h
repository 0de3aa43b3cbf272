/* Functions and structures of NVIDIA's library as far as nvml.c needs them; for it alone. */
#ifndef MS_COLLECT_NVML_CALLS_H
#define MS_COLLECT_NVML_CALLS_H

#include <stddef.h>
#include <stdint.h>

enum { MS_NVML_CLOCK_SM = 1, MS_NVML_CLOCK_MEMORY = 2 };   /* nvmlClockType_t */
enum { MS_NVML_PCIE_SENT = 0, MS_NVML_PCIE_RECEIVED = 1 }; /* nvmlPcieUtilCounter_t */

struct ms_nvml_utilization { /* nvmlUtilization_t: percent of time */
    unsigned gpu, memory;
};

struct ms_nvml_memory { /* nvmlMemory_t */
    unsigned long long total, free, used;
};

struct ms_nvml_memory_v2 { /* nvmlMemory_v2_t */
    unsigned version;
    unsigned long long total, reserved, free, used;
};
#define MS_NVML_MEMORY_V2 ((unsigned)sizeof(struct ms_nvml_memory_v2) | 2U << 24)

struct ms_nvml_user { /* nvmlProcessInfo_v1_t, and what longer rows begin with */
    unsigned pid;
    unsigned long long used_memory;
};
#define MS_NVML_USER_BYTES    16u
#define MS_NVML_USER_V2_BYTES 24u /* two more numbers, of MIG */

struct ms_nvml_user_time { /* nvmlProcessUtilizationSample_t */
    unsigned pid;
    unsigned long long time_us;
    unsigned sm, memory, encoder, decoder; /* percent */
};

struct ms_nvml_pci { /* nvmlPciInfo_t */
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

struct ms_nvml_user_list {
    int (*call)(void *device, unsigned *count, void *rows);
    size_t row_bytes;
};
enum { MS_NVML_COMPUTE, MS_NVML_GRAPHICS, MS_NVML_MPS, MS_NVML_USER_LISTS };

/* NULL: the driver is too old for it. */
struct ms_nvml_calls {
    int (*init)(void); /* never NULL, as are shutdown, count, handle and name */
    int (*shutdown)(void);
    int (*count)(unsigned *out);
    int (*handle)(unsigned index, void **device);
    int (*name)(void *device, char *out, unsigned size);
    int (*uuid)(void *device, char *out, unsigned size);
    int (*driver)(char *out, unsigned size);
    int (*pci)(void *device, struct ms_nvml_pci *out);
    int (*utilization)(void *device, struct ms_nvml_utilization *out);
    int (*memory_v2)(void *device, struct ms_nvml_memory_v2 *inout);
    int (*memory)(void *device, struct ms_nvml_memory *out);
    int (*temperature)(void *device, int sensor, unsigned *out);
    int (*power)(void *device, unsigned *milliwatts);
    int (*power_limit)(void *device, unsigned *milliwatts);
    int (*energy)(void *device, unsigned long long *millijoules);
    int (*clock)(void *device, int type, unsigned *mhz);
    int (*max_clock)(void *device, int type, unsigned *mhz);
    int (*pcie_throughput)(void *device, int counter, unsigned *kilobytes_per_s);
    int (*user_time)(void *device, struct ms_nvml_user_time *rows, unsigned *count,
                     unsigned long long since_us);
    int (*mig)(void *device, unsigned *current, unsigned *pending);
    int (*cores)(void *device, unsigned *out);
    int (*compute_capability)(void *device, int *major, int *minor);
    struct ms_nvml_user_list users[MS_NVML_USER_LISTS];
};

/* Finds them in an open library. Returns NULL, or the name of one that must be and is not there. */
const char *ms_nvml_find_calls(void *library, struct ms_nvml_calls *out);

/* Streaming multiprocessors: cores by the number of them in one, which follows from the compute
 * capability (CUDA C++ Programming Guide, "Arithmetic Instructions"). 0: not told. */
uint32_t ms_nvml_multiprocessors(const struct ms_nvml_calls *call, void *device);

#endif
