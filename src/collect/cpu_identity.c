/* See cpu_identity.h. */
#include "collect/cpu_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/cpu_list.h"
#include "collect/proc_file.h"
#include "collect/proc_text.h"

#define INDEXES_OF_A_CORE 8u

/* The value of "key\t: value", without what is white around it; 0 bytes when the key is missing. */
static size_t value_of(const char *text, size_t bytes, const char *key, const char **value)
{
    const char *end = text + bytes;
    const size_t key_bytes = strlen(key);
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        const char *stop = next == NULL ? end : next;
        if ((size_t)(stop - line) > key_bytes && memcmp(line, key, key_bytes) == 0) {
            const char *at = line + key_bytes;
            while (at < stop && (*at == ' ' || *at == '\t')) {
                at++;
            }
            if (at < stop && *at == ':') {
                at++;
                while (at < stop && (*at == ' ' || *at == '\t')) {
                    at++;
                }
                while (stop > at && (stop[-1] == ' ' || stop[-1] == '\t')) {
                    stop--;
                }
                *value = at;
                return (size_t)(stop - at);
            }
        }
        line = next == NULL ? end : next + 1;
    }
    return 0;
}

static void take_text(const char *text, size_t bytes, const char *key, char *out, size_t size)
{
    const char *value;
    const size_t found = value_of(text, bytes, key, &value);
    if (found > 0) {
        (void)snprintf(out, size, "%.*s", (int)(found < size ? found : size - 1), value);
    }
}

static bool take_number(const char *text, size_t bytes, const char *key, uint32_t *out)
{
    const char *value;
    uint64_t number;
    const size_t found = value_of(text, bytes, key, &value);
    if (found == 0 || !ms_proc_number(&value, value + found, &number) || number > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

/* "hypervisor" among the flags, as a word. */
static bool has_hypervisor_flag(const char *text, size_t bytes)
{
    static const char flag[] = "hypervisor";
    const char *value;
    const size_t found = value_of(text, bytes, "flags", &value);
    const char *end = found > 0 ? value + found : NULL;
    for (const char *at = found > 0 ? value : NULL; at < end;) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space == NULL ? end : space;
        if ((size_t)(stop - at) == sizeof flag - 1 && memcmp(at, flag, sizeof flag - 1) == 0) {
            return true;
        }
        at = stop + 1;
    }
    return false;
}

void ms_cpuinfo_parse(const char *text, size_t bytes, struct ms_cpuinfo *out)
{
    *out = (struct ms_cpuinfo){0};
    const char *gap = memmem(text, bytes, "\n\n", 2);
    bytes = gap == NULL ? bytes : (size_t)(gap - text);
    take_text(text, bytes, "vendor_id", out->vendor, sizeof out->vendor);
    take_text(text, bytes, "model name", out->brand, sizeof out->brand);
    /* "model" alone does not match "model name": a colon must follow. */
    out->have_numbers = take_number(text, bytes, "cpu family", &out->family) &&
                        take_number(text, bytes, "model", &out->model) &&
                        take_number(text, bytes, "stepping", &out->stepping);
    out->hypervisor = has_hypervisor_flag(text, bytes);
}

/* Equal but for white space: one of them may have it trimmed or doubled. */
static bool same_brand(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (*a == '\0' || *b == '\0') {
            return *a == *b;
        }
        if (*a++ != *b++) {
            return false;
        }
    }
}

static const char *why_not_believed(const struct ms_cpuinfo *kernel,
                                    const struct ms_cpuid_answer *library)
{
    if (!library->have) {
        return library->because;
    }
    if (strcmp(library->vendor, kernel->vendor) != 0 ||
        !same_brand(library->brand, kernel->brand) || !kernel->have_numbers ||
        library->family != kernel->family || library->model != kernel->model ||
        library->stepping != kernel->stepping) {
        return "libcpuid and the kernel do not agree which processor it is";
    }
    if (library->codename[0] == '\0') {
        return "libcpuid does not know this processor";
    }
    if (library->other_model_same_name) {
        return "libcpuid does not know this model, it names the nearest that it knows";
    }
    if (kernel->hypervisor || library->hypervisor[0] != '\0') {
        return "in a virtual machine the model may be another one than the processor's";
    }
    return "";
}

void ms_cpu_identity_judge(const struct ms_cpuinfo *kernel, const struct ms_cpuid_answer *library,
                           struct ms_cpu_identity *out)
{
    memcpy(out->vendor, kernel->vendor, sizeof out->vendor);
    memcpy(out->brand, kernel->brand, sizeof out->brand);
    out->family = kernel->family;
    out->model = kernel->model;
    out->stepping = kernel->stepping;
    out->have = kernel->brand[0] != '\0' || kernel->have_numbers;
    const char *because = why_not_believed(kernel, library);
    (void)snprintf(out->codename, sizeof out->codename, "%s",
                   because[0] == '\0' ? library->codename : "");
    (void)snprintf(out->codename_because, sizeof out->codename_because, "%.*s",
                   (int)sizeof out->codename_because - 1, because);
    memcpy(out->hypervisor, library->hypervisor, sizeof out->hypervisor);
    if (out->hypervisor[0] == '\0' && kernel->hypervisor) {
        (void)snprintf(out->hypervisor, sizeof out->hypervisor, "of unknown make");
    }
}

static bool read_text(const char *sys, const char *name, char *text, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "devices/system/cpu/%s", name);
    return ms_proc_read_in(sys, path, text, size) > 0;
}

static bool read_number(const char *sys, const char *name, uint64_t *out)
{
    char text[64];
    const char *at = text;
    return read_text(sys, name, text, sizeof text) && ms_proc_number(&at, at + strlen(at), out);
}

/* "48K"; the kernel writes no other unit. */
static bool read_cache(const char *sys, uint32_t core, uint32_t index, struct ms_cache *cache)
{
    char name[64];
    char text[4096];
    uint64_t level;
    uint64_t kib;
    uint64_t line = 0;
    (void)snprintf(name, sizeof name, "cpu%u/cache/index%u/shared_cpu_list", core, index);
    const char *at = text;
    uint64_t first;
    if (!read_text(sys, name, text, sizeof text) || !ms_proc_number(&at, at + strlen(at), &first)) {
        return false;
    }
    *cache = (struct ms_cache){.instances = first == core ? 1 : 0};
    if (cache->instances == 0) {
        return true; /* told by the first core that shares it */
    }
    (void)snprintf(name, sizeof name, "cpu%u/cache/index%u/level", core, index);
    if (!read_number(sys, name, &level)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "cpu%u/cache/index%u/size", core, index);
    if (!read_number(sys, name, &kib)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "cpu%u/cache/index%u/coherency_line_size", core, index);
    (void)read_number(sys, name, &line);
    (void)snprintf(name, sizeof name, "cpu%u/cache/index%u/type", core, index);
    if (!read_text(sys, name, text, sizeof text)) {
        return false;
    }
    cache->level = (uint32_t)level;
    cache->bytes = kib << 10;
    cache->line_bytes = (uint32_t)line;
    cache->kind = text[0] == 'D' ? 'd' : text[0] == 'I' ? 'i' : 'u';
    return true;
}

static void add_cache(struct ms_cpu_identity *out, const struct ms_cache *cache)
{
    for (size_t i = 0; i < out->cache_count; i++) {
        struct ms_cache *known = &out->caches[i];
        if (known->level == cache->level && known->kind == cache->kind &&
            known->bytes == cache->bytes) {
            known->instances++;
            return;
        }
    }
    if (out->cache_count < sizeof out->caches / sizeof out->caches[0]) {
        out->caches[out->cache_count++] = *cache;
    }
}

struct topology {
    const char *sys;
    struct ms_cpu_identity *out;
    uint64_t *packages;
    size_t package_count;
    bool whole; /* every core told its place */
};

static void take_core(void *own, uint32_t core, uint32_t of)
{
    struct topology *topology = own;
    struct ms_cpu_identity *out = topology->out;
    char name[64];
    char siblings[4096];
    uint64_t package;
    uint64_t first;
    (void)of;
    if (core >= MS_CORES_MAX) {
        return;
    }
    out->logical_cores++;
    (void)snprintf(name, sizeof name, "cpu%u/topology/thread_siblings_list", core);
    const char *at = siblings;
    if (!read_text(topology->sys, name, siblings, sizeof siblings) ||
        !ms_proc_number(&at, at + strlen(at), &first)) {
        topology->whole = false;
    } else if (first == core) {
        out->physical_cores++;
        (void)snprintf(name, sizeof name, "cpu%u/topology/physical_package_id", core);
        topology->whole &= read_number(topology->sys, name, &package);
        size_t i = 0;
        while (i < topology->package_count && topology->packages[i] != package) {
            i++;
        }
        if (topology->whole && i == topology->package_count && i < MS_CORES_MAX) {
            topology->packages[topology->package_count++] = package;
        }
    }
    for (uint32_t index = 0; index < INDEXES_OF_A_CORE; index++) {
        struct ms_cache cache;
        if (!read_cache(topology->sys, core, index, &cache)) {
            break;
        }
        if (cache.instances > 0) {
            add_cache(out, &cache);
        }
    }
}

bool ms_cpu_topology_read(const char *sys, struct ms_cpu_identity *out)
{
    char online[4096];
    uint64_t packages[MS_CORES_MAX];
    struct topology topology = {.sys = sys, .out = out, .packages = packages, .whole = true};
    out->packages = out->physical_cores = out->logical_cores = 0;
    out->cache_count = 0;
    if (!read_text(sys, "online", online, sizeof online)) {
        return false;
    }
    ms_cpu_list_each(online, strlen(online), 0, take_core, &topology);
    out->packages = (uint32_t)topology.package_count;
    if (!topology.whole) {
        out->packages = out->physical_cores = 0;
    }
    return out->logical_cores > 0;
}

/* Adds one thing that is missing. */
static void add_because(char *because, size_t size, const char *what, const char *why)
{
    const size_t used = strlen(because);
    (void)snprintf(because + used, size - used, "%s%s%s", used > 0 ? "; " : "", what, why);
}

static void tell(struct ms_model *model, bool topology, bool sys_caches)
{
    const struct ms_cpu_identity *identity = &ms_model_system(model)->identity;
    char because[200] = "";
    if (!identity->have) {
        add_because(because, sizeof because, "/proc/cpuinfo does not name the processor", "");
    }
    if (!topology) {
        add_because(because, sizeof because, "no /sys/devices/system/cpu: cores not counted", "");
    }
    if (!sys_caches) {
        add_because(because, sizeof because, "/sys tells no caches",
                    identity->cache_count > 0 ? ", they are libcpuid's" : "");
    }
    if (identity->codename_because[0] != '\0') {
        add_because(because, sizeof because, "no codename: ", identity->codename_because);
    }
    const bool nothing = !identity->have && !topology && identity->cache_count == 0;
    ms_model_source_set(model, MS_SOURCE_CPU_IDENTITY,
                        nothing              ? MS_SOURCE_UNAVAILABLE
                        : because[0] == '\0' ? MS_SOURCE_AVAILABLE
                                             : MS_SOURCE_PARTIAL,
                        because);
}

void ms_cpu_identity_read(struct ms_model *model, const char *proc, const char *sys)
{
    struct ms_cpu_identity *identity = &ms_model_system_mutable(model)->identity;
    struct ms_cpuinfo kernel;
    struct ms_cpuid_answer library;
    char text[8192]; /* the first core; the rest repeats it */
    const ssize_t bytes = ms_proc_read_in(proc, "cpuinfo", text, sizeof text);
    ms_cpuinfo_parse(text, bytes > 0 ? (size_t)bytes : 0, &kernel);
    ms_cpuid_ask(&library);
    ms_cpu_identity_judge(&kernel, &library, identity);
    const bool topology = ms_cpu_topology_read(sys, identity);
    const bool sys_caches = identity->cache_count > 0;
    if (!sys_caches) {
        memcpy(identity->caches, library.caches, library.cache_count * sizeof library.caches[0]);
        identity->cache_count = library.cache_count;
    }
    tell(model, topology, sys_caches);
}
