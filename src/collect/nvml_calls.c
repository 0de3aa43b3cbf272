/* See nvml_calls.h. */
#include "collect/nvml_calls.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(sizeof(struct ms_nvml_memory_v2) == 40, "as the library has it");
_Static_assert(sizeof(struct ms_nvml_user) == MS_NVML_USER_BYTES, "as the library has it");
_Static_assert(sizeof(struct ms_nvml_user_time) == 32, "as the library has it");
_Static_assert(sizeof(struct ms_nvml_pci) == 68, "as the library has it");

/* `names`: NUL after each, an empty one at the end; the first that there is. */
static void *find(void *library, const char *names)
{
    for (; *names != '\0'; names += strlen(names) + 1) {
        void *found = dlsym(library, names);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

struct wanted {
    size_t place;
    bool needed;
    const char *names;
};
#define WANTED(member, needed, names)                                                              \
    {                                                                                              \
        offsetof(struct ms_nvml_calls, member), needed, names "\0"                                 \
    }

static const struct wanted wanted[] = {
    WANTED(init, true, "nvmlInit_v2\0nvmlInit"),
    WANTED(shutdown, true, "nvmlShutdown"),
    WANTED(count, true, "nvmlDeviceGetCount_v2\0nvmlDeviceGetCount"),
    WANTED(handle, true, "nvmlDeviceGetHandleByIndex_v2\0nvmlDeviceGetHandleByIndex"),
    WANTED(name, true, "nvmlDeviceGetName"),
    WANTED(uuid, false, "nvmlDeviceGetUUID"),
    WANTED(driver, false, "nvmlSystemGetDriverVersion"),
    WANTED(pci, false, "nvmlDeviceGetPciInfo_v3"),
    WANTED(utilization, false, "nvmlDeviceGetUtilizationRates"),
    WANTED(memory_v2, false, "nvmlDeviceGetMemoryInfo_v2"),
    WANTED(memory, false, "nvmlDeviceGetMemoryInfo"),
    WANTED(temperature, false, "nvmlDeviceGetTemperature"),
    WANTED(power, false, "nvmlDeviceGetPowerUsage"),
    WANTED(power_limit, false, "nvmlDeviceGetEnforcedPowerLimit"),
    WANTED(energy, false, "nvmlDeviceGetTotalEnergyConsumption"),
    WANTED(clock, false, "nvmlDeviceGetClockInfo"),
    WANTED(max_clock, false, "nvmlDeviceGetMaxClockInfo"),
    WANTED(pcie_throughput, false, "nvmlDeviceGetPcieThroughput"),
    WANTED(user_time, false, "nvmlDeviceGetProcessUtilization"),
    WANTED(mig, false, "nvmlDeviceGetMigMode"),
    WANTED(cores, false, "nvmlDeviceGetNumGpuCores"),
    WANTED(compute_capability, false, "nvmlDeviceGetCudaComputeCapability"),
};

static void find_users(void *library, const char *newer, const char *older,
                       struct ms_nvml_user_list *out)
{
    void *found = find(library, newer);
    out->row_bytes = MS_NVML_USER_V2_BYTES;
    if (found == NULL) {
        found = find(library, older);
        out->row_bytes = MS_NVML_USER_BYTES;
    }
    memcpy(&out->call, &found, sizeof out->call);
}

const char *ms_nvml_find_calls(void *library, struct ms_nvml_calls *out)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        void *found = find(library, wanted[i].names);
        if (found == NULL && wanted[i].needed) {
            return wanted[i].names;
        }
        memcpy((char *)out + wanted[i].place, &found, sizeof found);
    }
    find_users(library,
               "nvmlDeviceGetComputeRunningProcesses_v3\0nvmlDeviceGetComputeRunningProcesses_v2\0",
               "nvmlDeviceGetComputeRunningProcesses\0", &out->users[MS_NVML_COMPUTE]);
    find_users(
        library,
        "nvmlDeviceGetGraphicsRunningProcesses_v3\0nvmlDeviceGetGraphicsRunningProcesses_v2\0",
        "nvmlDeviceGetGraphicsRunningProcesses\0", &out->users[MS_NVML_GRAPHICS]);
    find_users(library,
               "nvmlDeviceGetMPSComputeRunningProcesses_v3\0"
               "nvmlDeviceGetMPSComputeRunningProcesses_v2\0",
               "nvmlDeviceGetMPSComputeRunningProcesses\0", &out->users[MS_NVML_MPS]);
    return NULL;
}

static unsigned cores_of_a_multiprocessor(int major, int minor)
{
    switch (major) {
    case 3:
        return 192;
    case 5:
        return 128;
    case 6:
        return minor == 0 ? 64 : 128;
    case 7:
        return 64;
    case 8:
        return minor == 0 ? 64 : 128;
    case 9:
    case 10:
    case 12:
        return 128;
    default:
        return 0;
    }
}

uint32_t ms_nvml_multiprocessors(const struct ms_nvml_calls *call, void *device)
{
    unsigned cores = 0;
    int major = 0;
    int minor = 0;
    if (call->cores == NULL || call->compute_capability == NULL ||
        call->cores(device, &cores) != 0 || call->compute_capability(device, &major, &minor) != 0) {
        return 0;
    }
    const unsigned each = cores_of_a_multiprocessor(major, minor);
    return each != 0 && cores % each == 0 ? cores / each : 0;
}
