/* Call sites: frames, stacks made of them, what a thread did at one, and whose blocks it freed. */
#ifndef MS_MODEL_SITE_H
#define MS_MODEL_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/activity.h"
#include "model/heap.h"

/* One frame of a call stack, named as well as it can be at the moment. */
struct ms_frame {
    uint64_t address; /* return address in the process (in the first of several that share it) */
    uint64_t file_offset; /* address - 1 - load bias: what addr2line wants, plus nothing */
    const char *module;   /* path, "" = none (JIT) */
    const char *crate;    /* Rust: the crate of the function; "" = none or unknown */
    const char *function; /* demangled; "" until known: then show module+0xoffset */
    const char *file;     /* "" = unknown */
    uint32_t line;        /* 0 = unknown */
    uint32_t number;      /* of our own: ms_model_add_frame sets it, for the model only */
    uint32_t module_id;   /* of module.h, 0: none */
    const struct ms_frame *inlined_by; /* next outer frame at the same address, or NULL */
};

struct ms_chunks;

/*
 * A call site: one interned call stack of one process, or of all merged ones of an executable.
 * Frames are shared by all processes that run the same code: equal frame numbers are equal stacks,
 * whatever the process.
 */
struct ms_site {
    uint32_t id; /* of our own, from 1, never reused; may exceed the count of sites */
    uint32_t process_id;
    uint32_t depth;
    uint32_t flags;                 /* enum ms_site_flag */
    const uint32_t *frame_numbers;  /* innermost first; read them by ms_site_frame */
    const struct ms_chunks *frames; /* of the model */
    struct ms_heap heap; /* sum over threads; peak is an upper bound (sum of exact peaks) */
    /* Between the two last times that sites were read, if that is when it changed. */
    uint64_t changed_ns;
    float allocations_per_s, bytes_allocated_per_s;
    struct ms_work *work; /* sum over threads; NULL: nothing but memory */
};

enum ms_site_flag {
    MS_SITE_CUT_DEPTH = 1,
    MS_SITE_CUT_NO_CFI = 2,
    MS_SITE_COARSENED = 4,
    MS_SITE_ROOT = 8,         /* events counted without a stack: signal handler, tables full */
    MS_SITE_NOT_SAMPLED = 16, /* a root that holds what was left out of a sample: no call site */
    MS_SITE_RELEASE = 32,     /* blocks were released here, see misuse.h: all its figures are 0 */
    MS_SITE_ACTIVITY = 64     /* see activity.h */
};

/*
 * What one thread did at one site; exact, or of a sampled usage (`rate` is not 0) estimated from
 * the sample that `detail` knows. A thread has one for each rate that it was sampled at.
 */
struct ms_usage {
    uint32_t thread_id;
    uint32_t site_id;
    uint64_t allocations, deallocations;
    uint64_t bytes_allocated, bytes_freed;
    uint64_t peak_bytes;
    uint64_t waste_bytes;
    uint64_t temporary;
    uint64_t at_peak_bytes; /* live at the peak; read it by ms_usage_at_peak_bytes */
    uint32_t peak_epoch;    /* of what peak that is; of a later one it is what is live now */
    uint8_t rate;
    uint8_t size_home, lifetime_home; /* class + 1 of all events; 0: in the detail, or none */
    bool not_sampled; /* blocks that were left out of the sample: exact, but no call site's */
    struct ms_usage_detail *detail; /* NULL: nothing in it; see figures.h */
};

/* Blocks of from_thread freed by to_thread. */
struct ms_flow {
    uint32_t process_id;
    uint32_t from_thread; /* model ids; 0: a thread no longer told apart */
    uint32_t to_thread;
    uint64_t blocks, bytes;
};

#endif
