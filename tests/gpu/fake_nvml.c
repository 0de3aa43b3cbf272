/*
 * NVIDIA's management library without a GPU. What it does stands in the environment variable
 * FAKE_NVML, as words separated by spaces, read at nvmlInit:
 *
 *   gpus=N            how many there are (1)
 *   init=CODE         nvmlInit fails with it
 *   CALL=CODE         a call fails: utilization, memory, temperature, power, clock, pcie, users,
 *                     time, handle
 *   lost=N            from the Nth reading of utilization on GPU 0 is lost
 *   hang=CALL         it does not return: init, utilization
 *   mig               GPU 0 is partitioned
 *   growing           the list of processes is longer each time it is asked for
 *   rows=FILE         lines "GPU PID BYTES PERCENT" of processes, read at each call; BYTES "-": not
 *                     told, PERCENT "-": no sample
 *
 * With OLD_DRIVER it has the functions of a driver of 2016: no version of any of them but the
 * first, whose rows are shorter.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS, INVALID = 2, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, LOST = 15 };
enum { ROWS_MAX = 512 };

struct row {
    int gpu;
    unsigned pid;
    unsigned long long bytes;
    int percent; /* -1: no sample */
};

static char script[512];
static pthread_mutex_t script_lock = PTHREAD_MUTEX_INITIALIZER;
static int gpus, readings, growth, initialised;
static struct row rows[ROWS_MAX];

static const char *word(const char *name)
{
    const size_t bytes = strlen(name);
    for (const char *at = script; (at = strstr(at, name)) != NULL; at += bytes) {
        const int begins = at == script || at[-1] == ' ';
        if (begins && (at[bytes] == '=' || at[bytes] == ' ' || at[bytes] == '\0')) {
            return at[bytes] == '=' ? at + bytes + 1 : at + bytes;
        }
    }
    return NULL;
}

static int code(const char *call)
{
    const char *value = word(call);
    return value == NULL ? SUCCESS : (int)strtol(value, NULL, 10);
}

static void hang_in(const char *call)
{
    pthread_mutex_lock(&script_lock); /* tests go on beside a call that hangs */
    const char *value = word("hang");
    const int hangs = value != NULL && strncmp(value, call, strlen(call)) == 0;
    pthread_mutex_unlock(&script_lock);
    while (hangs) {
        sleep(1);
    }
}

static int index_of(void *device)
{
    return (int)((char *)device - script); /* a handle is a place in `script` */
}

static int check(void *device, const char *call)
{
    const char *lost = word("lost");
    if (!initialised || device == NULL) {
        return INVALID;
    }
    if (lost != NULL && index_of(device) == 0 && readings >= (int)strtol(lost, NULL, 10)) {
        return LOST;
    }
    return code(call);
}

static size_t read_rows(int gpu)
{
    char path[256] = "";
    char line[128];
    const char *value = word("rows");
    size_t count = 0;
    if (value != NULL) {
        snprintf(path, sizeof path, "%.*s", (int)strcspn(value, " "), value);
    }
    FILE *file = fopen(path, "r");
    while (file != NULL && count < ROWS_MAX && fgets(line, sizeof line, file) != NULL) {
        char bytes[32];
        char percent[32];
        struct row row;
        if (sscanf(line, "%d %u %31s %31s", &row.gpu, &row.pid, bytes, percent) == 4 &&
            row.gpu == gpu) {
            row.bytes = bytes[0] == '-' ? ~0ULL : strtoull(bytes, NULL, 10);
            row.percent = percent[0] == '-' ? -1 : (int)strtol(percent, NULL, 10);
            rows[count++] = row;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    if (word("growing") != NULL) {
        growth += 10;
        for (int i = 0; i < growth && count < ROWS_MAX; i++) {
            rows[count++] = (struct row){gpu, 100000U + (unsigned)i, 1024, -1};
        }
    }
    return count;
}

static int write_users(void *device, unsigned *count, char *out, size_t row_bytes)
{
    const int error = check(device, "users");
    if (error != SUCCESS) {
        return error;
    }
    const size_t there = read_rows(index_of(device));
    const unsigned room = *count;
    *count = (unsigned)there;
    if (there > room || out == NULL) {
        return there == 0 ? SUCCESS : INSUFFICIENT_SIZE;
    }
    for (size_t i = 0; i < there; i++) {
        memset(out + i * row_bytes, 0xff, row_bytes);
        memcpy(out + i * row_bytes, &rows[i].pid, sizeof rows[i].pid);
        memcpy(out + i * row_bytes + 8, &rows[i].bytes, sizeof rows[i].bytes);
    }
    return SUCCESS;
}

static int init(void)
{
    const char *value = getenv("FAKE_NVML");
    pthread_mutex_lock(&script_lock);
    snprintf(script, sizeof script, "%s", value == NULL ? "" : value);
    pthread_mutex_unlock(&script_lock);
    hang_in("init");
    gpus = word("gpus") != NULL ? code("gpus") : 1;
    readings = growth = 0;
    initialised += code("init") == SUCCESS;
    return code("init");
}

int nvmlShutdown(void)
{
    initialised--; /* counted, as the real one does */
    return SUCCESS;
}

static int count_of(unsigned *out)
{
    *out = (unsigned)gpus;
    return SUCCESS;
}

static int handle_of(unsigned index, void **device)
{
    *device = script + index;
    return index == 0 ? code("handle") : SUCCESS;
}

int nvmlDeviceGetName(void *device, char *out, unsigned size)
{
    snprintf(out, size, "NVIDIA Test %c", 'A' + index_of(device));
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *out, unsigned size)
{
    snprintf(out, size, "GPU-%d", index_of(device));
    return SUCCESS;
}

int nvmlSystemGetDriverVersion(char *out, unsigned size)
{
    snprintf(out, size, "560.35.03");
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned *out)
{
    hang_in("utilization");
    if (index_of(device) == 0) {
        readings++;
    }
    out[0] = 42;
    out[1] = 17;
    return check(device, "utilization");
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *out)
{
    out[0] = 80ULL << 30;
    out[1] = 60ULL << 30;
    out[2] = 20ULL << 30;
    return check(device, "memory");
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *out)
{
    *out = 61;
    return sensor == 0 ? check(device, "temperature") : INVALID;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *out)
{
    *out = 123456;
    return check(device, "power");
}

int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *out)
{
    *out = 700000;
    return check(device, "power");
}

int nvmlDeviceGetClockInfo(void *device, int type, unsigned *out)
{
    *out = type == 1 ? 1980 : 2619;
    return check(device, "clock");
}

int nvmlDeviceGetMaxClockInfo(void *device, int type, unsigned *out)
{
    *out = type == 1 ? 2000 : 2700;
    return check(device, "clock");
}

int nvmlDeviceGetPcieThroughput(void *device, int counter, unsigned *out)
{
    *out = counter == 0 ? 1000 : 2000;
    return check(device, "pcie");
}

#ifdef OLD_DRIVER

int nvmlInit(void)
{
    return init();
}

int nvmlDeviceGetCount(unsigned *out)
{
    return count_of(out);
}

int nvmlDeviceGetHandleByIndex(unsigned index, void **device)
{
    return handle_of(index, device);
}

int nvmlDeviceGetComputeRunningProcesses(void *device, unsigned *count, void *out)
{
    return write_users(device, count, out, 16);
}

#else

int nvmlInit_v2(void)
{
    return init();
}

int nvmlDeviceGetCount_v2(unsigned *out)
{
    return count_of(out);
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    return handle_of(index, device);
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, void *out)
{
    return write_users(device, count, out, 24);
}

/* A process that computes and draws is in both lists, with the same memory. */
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned *count, void *out)
{
    return write_users(device, count, out, 24);
}

int nvmlDeviceGetPciInfo_v3(void *device, char *out)
{
    memset(out, 0, 68);
    snprintf(out + 36, 32, "00000000:%02X:00.0", index_of(device) + 1);
    return SUCCESS;
}

struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory_v2 *out)
{
    if (out->version != 0x02000028) {
        return 25; /* NVML_ERROR_ARGUMENT_VERSION_MISMATCH */
    }
    out->total = 80ULL << 30;
    out->reserved = 1ULL << 30;
    out->free = 59ULL << 30;
    out->used = 20ULL << 30;
    return check(device, "memory");
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *out)
{
    *out = 987654321;
    return check(device, "power");
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending)
{
    *current = *pending = word("mig") != NULL && index_of(device) == 0;
    return SUCCESS;
}

int nvmlDeviceGetNumGpuCores(void *device, unsigned *out)
{
    (void)device;
    *out = 16896;
    return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor)
{
    (void)device;
    *major = 9;
    *minor = 0;
    return SUCCESS;
}

struct sample {
    unsigned pid;
    unsigned long long time_us;
    unsigned sm, memory, encoder, decoder;
};

int nvmlDeviceGetProcessUtilization(void *device, struct sample *out, unsigned *count,
                                    unsigned long long since_us)
{
    const int error = check(device, "time");
    if (error != SUCCESS) {
        return error;
    }
    static unsigned long long now_us = 1000000;
    const size_t there = read_rows(index_of(device));
    size_t samples = 0;
    for (size_t i = 0; i < there; i++) {
        samples += rows[i].percent >= 0;
    }
    if (samples == 0) {
        return NOT_FOUND;
    }
    if (out == NULL || *count < samples + 1) {
        *count = (unsigned)samples + 1;
        return INSUFFICIENT_SIZE;
    }
    now_us += 1000000;
    *count = 0;
    for (size_t i = 0; i < there; i++) {
        if (rows[i].percent >= 0) {
            out[(*count)++] =
                (struct sample){rows[i].pid, now_us, (unsigned)rows[i].percent, 5, 0, 0};
        }
    }
    /* Drivers leave old rows in it, too. */
    out[(*count)++] = (struct sample){there > 0 ? rows[0].pid : 1, since_us, 99, 99, 0, 0};
    return SUCCESS;
}

#endif
