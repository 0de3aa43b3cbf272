/* What the sampler's process and the viewer say to each other; packets of native layout. */
#ifndef MS_COLLECT_CPU_SAMPLE_MESSAGE_H
#define MS_COLLECT_CPU_SAMPLE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/region.h"

#define MS_CPU_SAMPLE_DEPTH 127u
#define MS_CPU_SAMPLE_PATH  4096u

enum ms_cpu_sample_message_type {
    MS_CPU_WATCH, /* viewer: sample this process and all that comes of it */
    MS_CPU_STATUS,
    MS_CPU_MODULE, /* sent before the first sample that has a frame in it */
    MS_CPU_SAMPLE
};

struct ms_cpu_watch {
    uint32_t type;
    int32_t pid;
};

/* Once a second, and when something cannot be done. */
struct ms_cpu_status {
    uint32_t type;
    int32_t error;        /* of perf_event_open, > 0: nothing is sampled; 0: none */
    bool kernel;          /* time in the kernel is sampled too */
    bool not_all;         /* some threads could not be attached to */
    uint32_t keep_one_in; /* so that the sampler stays cheap */
    uint64_t lost;        /* samples so far, lost in the kernel's rings or on the way */
    uint64_t throttled;   /* times that the kernel held samples back */
};

struct ms_cpu_module {
    uint32_t type;
    uint32_t number; /* from 1 */
    int32_t pid;     /* a process that has it mapped */
    uint8_t build_id_bytes;
    uint8_t build_id[MS_BUILD_ID_MAX];
    char path[MS_CPU_SAMPLE_PATH];
};

struct ms_cpu_frame {
    uint64_t address;     /* in the process: the instruction that ran, or a return address */
    uint64_t file_offset; /* as of ms_frame: to be looked up as it is */
    uint32_t module;      /* 0: none */
    uint32_t unused;
};

enum ms_cpu_sample_flag { MS_CPU_CUT_DEPTH = 1, MS_CPU_CUT_NO_CFI = 2 };

struct ms_cpu_sample {
    uint32_t type;
    int32_t pid, tid;
    uint32_t flags, depth;
    uint64_t time_ns;                                /* CLOCK_MONOTONIC */
    uint64_t weight_ns;                              /* of CPU time that it stands for */
    struct ms_cpu_frame frames[MS_CPU_SAMPLE_DEPTH]; /* innermost first; only `depth` are sent */
};

union ms_cpu_message {
    uint32_t type;
    struct ms_cpu_watch watch;
    struct ms_cpu_status status;
    struct ms_cpu_module module;
    struct ms_cpu_sample sample;
};

#endif
