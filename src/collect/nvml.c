/* See nvml.h. */
#include "collect/nvml.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/nvml_calls.h"
#include "wire/clock.h"

#define USERS_AT_MOST  4096u /* rows that are asked for, whatever the driver says there are */
#define PCIE_NS        MS_NS_PER_S
#define NO_MEMORY_TOLD UINT64_MAX

struct device {
    void *handle;
    uint64_t last_sample_us; /* of processes' time */
    uint64_t pcie_ns;
};

struct ms_nvml {
    void *library;
    bool started;
    struct ms_nvml_calls call;
    struct device devices[MS_GPUS_MAX];
};

struct ms_nvml *ms_nvml_open(const char *library, char *because, size_t size)
{
    struct ms_nvml *nvml = calloc(1, sizeof *nvml);
    if (nvml == NULL) {
        (void)snprintf(because, size, "no memory");
        return NULL;
    }
    nvml->library = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    if (nvml->library == NULL) {
        const char *error = dlerror();
        const char *reason = error == NULL ? NULL : strstr(error, ": ");
        const bool absent = error != NULL && strstr(error, "No such file") != NULL;
        (void)snprintf(because, size, "%.60s: %.100s", library,
                       absent           ? "not installed (no NVIDIA driver)"
                       : reason != NULL ? reason + 2
                                        : "cannot be opened");
        free(nvml);
        return NULL;
    }
    const char *missing = ms_nvml_find_calls(nvml->library, &nvml->call);
    if (missing != NULL) {
        (void)snprintf(because, size, "%.60s has no %.60s", library, missing);
        (void)dlclose(nvml->library);
        free(nvml);
        return NULL;
    }
    return nvml;
}

void ms_nvml_close(struct ms_nvml *nvml)
{
    if (nvml != NULL) {
        if (nvml->started) {
            (void)nvml->call.shutdown();
        }
        (void)dlclose(nvml->library);
        free(nvml);
    }
}

static const char *error_text(int error)
{
    switch (error) {
    case MS_NVML_NOT_SUPPORTED:
        return "not supported";
    case MS_NVML_NO_PERMISSION:
        return "no permission";
    case MS_NVML_NOT_FOUND:
        return "not found";
    case MS_NVML_DRIVER_NOT_LOADED:
        return "the driver is not loaded";
    case MS_NVML_LIBRARY_NOT_FOUND:
        return "a library of the driver is missing";
    case MS_NVML_FUNCTION_NOT_FOUND:
        return "the driver is too old";
    case MS_NVML_GPU_IS_LOST:
        return "the GPU is lost (it fell off the bus, or hangs)";
    case MS_NVML_RESET_REQUIRED:
        return "the GPU needs a reset";
    case MS_NVML_VERSION_MISMATCH:
        return "library and driver are of different versions (restart after the update)";
    default:
        return "error";
    }
}

/* Adds "power: not supported"; a field that is not told disables nothing else. */
static void not_told(struct ms_gpu *gpu, const char *what, int error)
{
    const size_t used = strlen(gpu->because);
    (void)snprintf(gpu->because + used, sizeof gpu->because - used, "%s%s: %s",
                   used > 0 ? "; " : "", what, error_text(error));
    if (error == MS_NVML_GPU_IS_LOST || error == MS_NVML_RESET_REQUIRED) {
        gpu->lost = true;
    }
}

static double number_or_none(struct ms_gpu *gpu, const char *what, int error, double value)
{
    if (error != 0) {
        not_told(gpu, what, error);
        return (double)NAN;
    }
    return value;
}

static int start(struct ms_nvml *nvml)
{
    const struct ms_nvml_calls *call = &nvml->call;
    const int error = call->init();
    nvml->started = error == 0;
    return error;
}

static void identify(struct ms_nvml *nvml, size_t index, struct ms_gpu *gpu)
{
    const struct ms_nvml_calls *call = &nvml->call;
    struct device *device = &nvml->devices[index];
    memset(gpu, 0, sizeof *gpu);
    gpu->nvidia = true;
    const int error = call->handle((unsigned)index, &device->handle);
    if (error != 0) {
        not_told(gpu, "handle", error);
        gpu->lost = true;
        device->handle = NULL;
        (void)snprintf(gpu->name, sizeof gpu->name, "GPU %zu", index);
        return;
    }
    struct ms_nvml_pci pci = {0};
    if (call->name(device->handle, gpu->name, sizeof gpu->name) != 0) {
        (void)snprintf(gpu->name, sizeof gpu->name, "GPU %zu", index);
    }
    if (call->uuid != NULL) {
        (void)call->uuid(device->handle, gpu->uuid, sizeof gpu->uuid);
    }
    if (call->driver != NULL) {
        (void)call->driver(gpu->driver, sizeof gpu->driver);
    }
    if (call->pci != NULL && call->pci(device->handle, &pci) == 0) {
        (void)snprintf(gpu->pci, sizeof gpu->pci, "%.31s", pci.bus_id);
    }
    gpu->name[sizeof gpu->name - 1] = gpu->uuid[sizeof gpu->uuid - 1] = '\0';
    gpu->driver[sizeof gpu->driver - 1] = '\0';
    gpu->multiprocessors = ms_nvml_multiprocessors(call, device->handle);
}

static unsigned number(int (*call)(void *, unsigned *), void *handle, int *error)
{
    unsigned value = 0;
    *error = call == NULL ? MS_NVML_FUNCTION_NOT_FOUND : call(handle, &value);
    return value;
}

static double typed_number(int (*call)(void *, int, unsigned *), void *handle, int type, int *error)
{
    unsigned value = 0;
    *error = call == NULL ? MS_NVML_FUNCTION_NOT_FOUND : call(handle, type, &value);
    return value;
}

static void read_memory(const struct ms_nvml_calls *call, void *handle, struct ms_gpu *gpu)
{
    struct ms_nvml_memory_v2 newer = {.version = MS_NVML_MEMORY_V2};
    struct ms_nvml_memory older = {0};
    int error =
        call->memory_v2 == NULL ? MS_NVML_FUNCTION_NOT_FOUND : call->memory_v2(handle, &newer);
    gpu->memory_used_bytes = newer.used;
    gpu->memory_total_bytes = newer.total;
    if (error != 0 && call->memory != NULL) {
        error = call->memory(handle, &older);
        gpu->memory_used_bytes = older.used;
        gpu->memory_total_bytes = older.total;
    }
    if (error != 0) {
        gpu->memory_used_bytes = gpu->memory_total_bytes = 0;
        not_told(gpu, "memory", error);
    }
}

static void read_pcie(const struct ms_nvml_calls *call, struct device *device, struct ms_gpu *gpu,
                      uint64_t now_ns)
{
    if (device->pcie_ns != 0 && now_ns < device->pcie_ns + PCIE_NS) {
        return; /* those of the last time stay */
    }
    device->pcie_ns = now_ns;
    int error;
    double kilobytes =
        typed_number(call->pcie_throughput, device->handle, MS_NVML_PCIE_SENT, &error);
    gpu->pcie_sent_bytes_per_s = number_or_none(gpu, "PCIe", error, kilobytes * 1000);
    if (error != 0) {
        gpu->pcie_received_bytes_per_s = NAN;
        return;
    }
    kilobytes = typed_number(call->pcie_throughput, device->handle, MS_NVML_PCIE_RECEIVED, &error);
    gpu->pcie_received_bytes_per_s = number_or_none(gpu, "PCIe", error, kilobytes * 1000);
}

static void read_figures(const struct ms_nvml_calls *call, struct device *device,
                         struct ms_gpu *gpu, uint64_t now_ns)
{
    void *handle = device->handle;
    struct ms_nvml_utilization utilization = {0};
    unsigned long long energy_mj = 0;
    int error = call->utilization == NULL ? MS_NVML_FUNCTION_NOT_FOUND
                                          : call->utilization(handle, &utilization);
    gpu->pct = number_or_none(gpu, "utilization", error, utilization.gpu);
    gpu->memory_traffic_pct = error == 0 ? (double)utilization.memory : (double)NAN;
    read_memory(call, handle, gpu);
    double value = typed_number(call->temperature, handle, 0, &error);
    gpu->temperature_c = number_or_none(gpu, "temperature", error, value);
    value = number(call->power, handle, &error);
    gpu->power_w = number_or_none(gpu, "power", error, value / 1000);
    value = number(call->power_limit, handle, &error);
    gpu->power_limit_w = error == 0 ? value / 1000 : (double)NAN;
    value = typed_number(call->clock, handle, MS_NVML_CLOCK_SM, &error);
    gpu->sm_mhz = number_or_none(gpu, "clocks", error, value);
    value = typed_number(call->clock, handle, MS_NVML_CLOCK_MEMORY, &error);
    gpu->memory_mhz = error == 0 ? value : (double)NAN;
    value = typed_number(call->max_clock, handle, MS_NVML_CLOCK_SM, &error);
    gpu->sm_max_mhz = error == 0 ? value : (double)NAN;
    error = call->energy == NULL ? MS_NVML_FUNCTION_NOT_FOUND : call->energy(handle, &energy_mj);
    gpu->energy_mj = error == 0 ? (uint64_t)energy_mj : 0;
    read_pcie(call, device, gpu, now_ns);
}

static struct ms_gpu_user *user_of(struct ms_gpu *gpu, unsigned pid)
{
    for (size_t i = 0; i < gpu->user_count; i++) {
        if (gpu->users[i].pid == (pid_t)pid) {
            return &gpu->users[i];
        }
    }
    if (gpu->user_count == MS_GPU_USERS_MAX) {
        return NULL;
    }
    struct ms_gpu_user *user = &gpu->users[gpu->user_count++];
    *user = (struct ms_gpu_user){.pid = (pid_t)pid, .pct = NAN, .memory_pct = NAN};
    return user;
}

/* A process may be in several of the lists (compute, graphics, MPS) with one amount: not a sum. */
static void add_user(struct ms_gpu *gpu, unsigned pid, uint64_t bytes)
{
    struct ms_gpu_user *user = pid == 0 ? NULL : user_of(gpu, pid);
    if (user != NULL && bytes != NO_MEMORY_TOLD) {
        user->memory_bytes = bytes > user->memory_bytes ? bytes : user->memory_bytes;
        user->have_memory = true;
    }
}

/* One list of processes, of either size of its rows, grown until it fits. Returns an error. */
static int read_users(const struct ms_nvml_user_list *list, void *handle, struct ms_gpu *gpu)
{
    unsigned count = 0;
    int error = list->call(handle, &count, NULL);
    if (error == 0 && count == 0) {
        return 0;
    }
    for (int tries = 0; tries < 4; tries++) {
        unsigned room = count < USERS_AT_MOST - 16 ? count + 16 : USERS_AT_MOST;
        char *rows = calloc(room, list->row_bytes);
        if (rows == NULL) {
            return MS_NVML_INSUFFICIENT_SIZE;
        }
        count = room;
        error = list->call(handle, &count, rows);
        for (unsigned i = 0; error == 0 && i < count && i < room; i++) {
            struct ms_nvml_user row; /* the longer row begins with the shorter one */
            memcpy(&row, rows + i * list->row_bytes, sizeof row);
            add_user(gpu, row.pid, row.used_memory);
        }
        free(rows);
        if (error != MS_NVML_INSUFFICIENT_SIZE) {
            break;
        }
    }
    return error;
}

static bool read_user_memory(const struct ms_nvml_calls *call, void *handle, struct ms_gpu *gpu)
{
    bool told = false;
    int first_error = MS_NVML_FUNCTION_NOT_FOUND;
    for (size_t i = 0; i < MS_NVML_USER_LISTS; i++) {
        if (call->users[i].call != NULL) {
            const int error = read_users(&call->users[i], handle, gpu);
            told |= error == 0 && i == 0;
            first_error = i == 0 ? error : first_error;
        }
    }
    if (!told) {
        not_told(gpu, "processes", first_error);
    }
    for (size_t i = 0; i < gpu->user_count; i++) {
        told &= gpu->users[i].have_memory;
    }
    return told;
}

/* Shares of time since the last call; without a sample nothing ran. Rows that cannot be are
 * dropped: old ones, shares above 100, processes that the lists do not name. */
static bool read_user_time(const struct ms_nvml_calls *call, struct device *device,
                           struct ms_gpu *gpu)
{
    unsigned count = 0;
    int error = call->user_time == NULL
                    ? MS_NVML_FUNCTION_NOT_FOUND
                    : call->user_time(device->handle, NULL, &count, device->last_sample_us);
    struct ms_nvml_user_time *rows = NULL;
    if (error == MS_NVML_INSUFFICIENT_SIZE && count > 0) {
        count = count < USERS_AT_MOST ? count : USERS_AT_MOST;
        rows = calloc(count, sizeof *rows);
        const unsigned room = count;
        error = rows == NULL
                    ? MS_NVML_INSUFFICIENT_SIZE
                    : call->user_time(device->handle, rows, &count, device->last_sample_us);
        count = count < room ? count : room;
    } else if (error == 0) {
        count = 0;
    }
    if (error != 0 && error != MS_NVML_NOT_FOUND) {
        not_told(gpu, "time of processes", error);
        free(rows);
        return false;
    }
    for (size_t i = 0; i < gpu->user_count; i++) {
        gpu->users[i].pct = gpu->users[i].memory_pct = 0;
    }
    uint64_t newest_us = device->last_sample_us;
    for (unsigned i = 0; rows != NULL && error == 0 && i < count; i++) {
        const struct ms_nvml_user_time *row = &rows[i];
        if (row->pid == 0 || row->time_us <= device->last_sample_us || row->sm > 100 ||
            row->memory > 100) {
            continue;
        }
        newest_us = row->time_us > newest_us ? row->time_us : newest_us;
        for (size_t k = 0; k < gpu->user_count; k++) {
            if (gpu->users[k].pid == (pid_t)row->pid) {
                gpu->users[k].pct = row->sm;
                gpu->users[k].memory_pct = row->memory;
            }
        }
    }
    device->last_sample_us = newest_us;
    free(rows);
    return true;
}

/* MIG: its shares of time are not told by process, and those of the whole not at all. */
static bool is_partitioned(const struct ms_nvml_calls *call, void *handle)
{
    unsigned current = 0;
    unsigned pending = 0;
    return call->mig != NULL && call->mig(handle, &current, &pending) == 0 && current == 1;
}

static void read_gpu(struct ms_nvml *nvml, size_t index, struct ms_nvml_result *result,
                     uint64_t now_ns)
{
    const struct ms_nvml_calls *call = &nvml->call;
    struct device *device = &nvml->devices[index];
    struct ms_gpu *gpu = &result->gpus[index];
    result->told_memory[index] = result->told_time[index] = false;
    if (device->handle == NULL || gpu->lost) {
        return; /* a lost GPU does not come back before the driver is loaded anew */
    }
    gpu->because[0] = '\0';
    gpu->user_count = 0;
    gpu->partitioned = is_partitioned(call, device->handle);
    read_figures(call, device, gpu, now_ns);
    if (gpu->partitioned) {
        const size_t used = strlen(gpu->because);
        (void)snprintf(gpu->because + used, sizeof gpu->because - used,
                       "%spartitioned (MIG): no figures of processes", used > 0 ? "; " : "");
    } else if (!gpu->lost) {
        result->told_memory[index] = read_user_memory(call, device->handle, gpu);
        result->told_time[index] = read_user_time(call, device, gpu);
    }
    if (!gpu->lost) {
        gpu->read_ns = now_ns;
    }
}

static bool begin(struct ms_nvml *nvml, struct ms_nvml_result *result)
{
    unsigned count = 0;
    result->error = start(nvml);
    if (result->error == 0) {
        result->error = nvml->call.count(&count);
    }
    if (result->error != 0) {
        (void)snprintf(result->because, sizeof result->because, "%s (NVML error %d)",
                       error_text(result->error), result->error);
        return false;
    }
    if (count == 0) {
        (void)snprintf(result->because, sizeof result->because, "the driver has no GPU");
        return false;
    }
    result->count = count < MS_GPUS_MAX ? count : MS_GPUS_MAX;
    result->left_out = count - result->count;
    for (size_t i = 0; i < result->count; i++) {
        identify(nvml, i, &result->gpus[i]);
    }
    return true;
}

bool ms_nvml_read(struct ms_nvml *nvml, struct ms_nvml_result *result, uint64_t now_ns)
{
    bool any = false;
    if (nvml->started || begin(nvml, result)) {
        for (size_t i = 0; i < result->count; i++) {
            read_gpu(nvml, i, result, now_ns);
            any |= !result->gpus[i].lost;
        }
    }
    result->ended = !any;
    return any;
}
