/*
 * The machine: cores, memory, pressure, disks, interfaces, sensors, GPUs and what the processor is.
 * Filled by src/collect; NaN where a figure is missing, ms_model_source says why.
 */
#ifndef MS_MODEL_MACHINE_H
#define MS_MODEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/history.h"
#include "model/resources.h"
#include "model/series.h"

#define MS_CORES_MAX      1024u
#define MS_DISKS_MAX      32u
#define MS_INTERFACES_MAX 32u
#define MS_SENSORS_MAX    128u
#define MS_GPUS_MAX       16u
#define MS_GPU_USERS_MAX  256u
#define MS_GPU_STALE_NS   UINT64_C(5000000000) /* a GPU that did not answer for so long is stale */

struct ms_cache {
    uint32_t level;
    char kind; /* 'd', 'i', or 'u' for both */
    uint64_t bytes;
    uint32_t line_bytes;
    uint32_t instances; /* in the machine; 0 unknown */
};

struct ms_cpu_identity {
    bool have;
    char vendor[32], brand[64], codename[64]; /* codename "": not known, or not to be believed */
    char codename_because[120];               /* why it is not shown */
    uint32_t family, model, stepping;
    uint32_t packages, physical_cores, logical_cores; /* 0 unknown */
    struct ms_cache caches[8];
    size_t cache_count;
    char hypervisor[32]; /* "" none seen */
};

struct ms_core {
    float pct; /* busy, without I/O wait and steal; NaN: offline */
    float user_pct, system_pct, io_wait_pct, steal_pct;
    float mhz;    /* NaN: not told */
    int32_t node; /* NUMA; -1: not told */
};

struct ms_disk {
    char name[32];
    bool stacked;                       /* on other disks, a file or memory: left out of sums */
    uint64_t read_bytes, written_bytes; /* since the session began */
    double read_bytes_per_s, write_bytes_per_s, reads_per_s, writes_per_s;
    double busy_pct, wait_ms; /* share of time with I/O in flight; mean time of one */
    uint64_t in_flight;
};

struct ms_interface {
    char name[32];
    bool hardware; /* what it carries is on no other one: sums are of these, if there are any */
    uint64_t received_bytes, sent_bytes; /* since the session began */
    double received_bytes_per_s, sent_bytes_per_s, received_packets_per_s, sent_packets_per_s;
    uint64_t errors, dropped; /* since it came up, both ways */
};

enum ms_sensor_kind {
    MS_SENSOR_TEMPERATURE, /* degrees C */
    MS_SENSOR_FAN,         /* turns a minute */
    MS_SENSOR_POWER,       /* W */
    MS_SENSOR_VOLTAGE      /* V */
};
struct ms_sensor {
    enum ms_sensor_kind kind;
    char chip[32], label[48];
    double value, high, critical; /* NaN: not told */
};

/* A process as a GPU's driver knows it. */
struct ms_gpu_user {
    pid_t pid;           /* as the driver says; may be of another pid namespace */
    uint32_t process_id; /* of the model; 0: none of ours */
    uint64_t memory_bytes;
    bool have_memory;
    double pct, memory_pct; /* of the time a kernel of it ran; NaN: not told */
};

struct ms_gpu {
    char name[96], uuid[96], driver[64];
    char pci[32];
    bool nvidia, lost, partitioned; /* `partitioned`: MIG, no figures by process */
    uint64_t read_ns;               /* when it last answered; stale when long ago */
    double pct, memory_traffic_pct; /* of the time that a kernel ran, that memory was used */
    uint64_t memory_used_bytes, memory_total_bytes; /* total 0: not told */
    double sm_mhz, sm_max_mhz, memory_mhz, temperature_c, power_w, power_limit_w;
    double pcie_sent_bytes_per_s, pcie_received_bytes_per_s;
    uint32_t multiprocessors; /* 0: not told */
    uint64_t energy_mj;       /* since the driver was loaded; 0: not told */
    char because[160];        /* what it did not tell, and why; "" */
    size_t user_count;
    struct ms_gpu_user users[MS_GPU_USERS_MAX];
    struct ms_history *history, *memory_history; /* of pct and memory_used_bytes */
};

struct ms_system {
    char host[65];
    char kernel[65];
    char cpu_model[128];
    struct ms_cpu_identity identity;
    uint32_t cores, nodes; /* nodes 0: not told */
    struct ms_core core[MS_CORES_MAX];
    double cpu_pct; /* mean over cores */
    double user_pct, system_pct, io_wait_pct, steal_pct;
    double load_1, load_5, load_15; /* NaN: unavailable */
    uint64_t runnable, tasks;       /* of the machine; 0 unknown */
    uint64_t memory_total_bytes, memory_available_bytes, swap_total_bytes, swap_free_bytes;
    uint64_t page_cache_bytes;
    double mhz; /* mean over cores */
    struct ms_pressure pressure;
    size_t disk_count, interface_count, sensor_count, gpu_count;
    struct ms_disk disks[MS_DISKS_MAX];
    struct ms_interface interfaces[MS_INTERFACES_MAX];
    struct ms_sensor sensors[MS_SENSORS_MAX];
    struct ms_gpu *gpus; /* MS_GPUS_MAX of them; NULL: none was ever seen */
    struct ms_history *history[MS_SYSTEM_SERIES_COUNT];
    struct ms_history *core_history[MS_CORES_MAX]; /* busy of each core, NULL: none */
};

/* Of a GPU: it answers no more, or did not for MS_GPU_STALE_NS. Its figures are old then. */
bool ms_gpu_stale(const struct ms_gpu *gpu, uint64_t now_ns);

/* Bytes in and out of disks, and of interfaces but the loopback, per second; each byte once. NaN:
 * not told. */
double ms_system_disk_bytes_per_s(const struct ms_system *system);
double ms_system_network_bytes_per_s(const struct ms_system *system);

/* Sets every figure to "missing". */
void ms_machine_unknown(struct ms_system *system);

#endif
