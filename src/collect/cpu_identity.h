/*
 * What the processor is: the kernel's word (/proc/cpuinfo, /sys), and libcpuid's where the two
 * agree. Caches are those of /sys, which knows who shares them; libcpuid's only where it is silent.
 * libcpuid knows the processors that there were when it was released; what it says of a later one
 * is the nearest that it knows, which may be 15 years off.
 */
#ifndef MS_COLLECT_CPU_IDENTITY_H
#define MS_COLLECT_CPU_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* Fills identity and sets the source CPU_IDENTITY. `proc` and `sys`: /proc and /sys but for tests.
 * Some milliseconds with hundreds of cores: once. */
void ms_cpu_identity_read(struct ms_model *model, const char *proc, const char *sys);

/* The first processor of /proc/cpuinfo; 0 and "" for what it does not name. */
struct ms_cpuinfo {
    char vendor[32], brand[64];
    uint32_t family, model, stepping;
    bool have_numbers; /* family, model and stepping */
    bool hypervisor;   /* it runs in a virtual machine */
};
void ms_cpuinfo_parse(const char *text, size_t bytes, struct ms_cpuinfo *out);

/* What libcpuid says of a processor; `other_model_same_name` when it gives the same codename to a
 * model that does not exist: then the number of the model did not matter for it. */
struct ms_cpuid_answer {
    bool have;
    char vendor[32], brand[64], codename[64];
    uint32_t family, model, stepping;
    bool other_model_same_name;
    char hypervisor[32];
    struct ms_cache caches[5]; /* of the core that was asked; how many there are it does not know */
    size_t cache_count;
    char because[100]; /* when not `have` */
};
void ms_cpuid_ask(struct ms_cpuid_answer *out);

/* Takes over what both agree in, and the codename when it can be believed; else says why not. */
void ms_cpu_identity_judge(const struct ms_cpuinfo *kernel, const struct ms_cpuid_answer *library,
                           struct ms_cpu_identity *out);

/* Caches of all cores, as /sys tells them, and packages and physical cores. False: not there. */
bool ms_cpu_topology_read(const char *sys, struct ms_cpu_identity *out);

#endif
