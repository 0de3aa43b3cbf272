/* The one file that knows libcpuid, which there is on x86 only. */
#include <stdio.h>
#include <string.h>

#include "collect/cpu_identity.h"

#if defined __has_include
#if __has_include(<libcpuid/libcpuid.h>)
#define MS_HAVE_CPUID 1
#include <libcpuid/libcpuid.h>
#endif
#endif

#ifdef MS_HAVE_CPUID

static void ignore_warning(const char *text)
{
    (void)text; /* its place would be the terminal */
}

static const char *hypervisor_name(hypervisor_vendor_t vendor)
{
    switch (vendor) {
    case HYPERVISOR_NONE:
        return "";
    case HYPERVISOR_BHYVE:
        return "bhyve";
    case HYPERVISOR_HYPERV:
        return "Hyper-V";
    case HYPERVISOR_KVM:
        return "KVM";
    case HYPERVISOR_PARALLELS:
        return "Parallels";
    case HYPERVISOR_QEMU:
        return "QEMU";
    case HYPERVISOR_VIRTUALBOX:
        return "VirtualBox";
    case HYPERVISOR_VMWARE:
        return "VMware";
    case HYPERVISOR_XEN:
        return "Xen";
    default:
        return "of unknown make";
    }
}

/* Its tables are matched by points, so a model that is in none of them gets the name of one that
 * shares other numbers with it. Only the upper half is changed: the lower is matched alone, too. */
static bool named_whatever_the_model(const struct cpu_raw_data_t *raw, const char *codename)
{
    struct cpu_raw_data_t other = *raw;
    struct cpu_id_t id;
    const uint32_t extended_model = UINT32_C(0xf) << 16;
    if ((other.basic_cpuid[1][0] & extended_model) == extended_model) {
        other.basic_cpuid[1][0] &= ~(UINT32_C(1) << 16);
    } else {
        other.basic_cpuid[1][0] |= extended_model;
    }
    return cpu_identify(&other, &id) != 0 || strcmp(id.cpu_codename, codename) == 0;
}

static void take_caches(const struct cpu_id_t *id, struct ms_cpuid_answer *out)
{
    const struct {
        uint32_t level;
        char kind;
        int32_t kib, line_bytes;
    } told[] = {{1, 'd', id->l1_data_cache, id->l1_data_cacheline},
                {1, 'i', id->l1_instruction_cache, id->l1_instruction_cacheline},
                {2, 'u', id->l2_cache, id->l2_cacheline},
                {3, 'u', id->l3_cache, id->l3_cacheline},
                {4, 'u', id->l4_cache, id->l4_cacheline}};
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        if (told[i].kib > 0) {
            out->caches[out->cache_count++] = (struct ms_cache){
                .level = told[i].level,
                .kind = told[i].kind,
                .bytes = (uint64_t)told[i].kib << 10,
                .line_bytes = told[i].line_bytes > 0 ? (uint32_t)told[i].line_bytes : 0};
        }
    }
}

void ms_cpuid_ask(struct ms_cpuid_answer *out)
{
    struct cpu_raw_data_t raw;
    struct cpu_id_t id;
    *out = (struct ms_cpuid_answer){0};
    (void)cpuid_set_warn_function(ignore_warning);
    int error = cpuid_present() != 0 ? cpuid_get_raw_data(&raw) : ERR_NO_CPUID;
    error = error == 0 ? cpu_identify(&raw, &id) : error;
    if (error != 0) {
        (void)snprintf(out->because, sizeof out->because, "libcpuid %s: %s", cpuid_lib_version(),
                       cpuid_error());
        return;
    }
    out->have = true;
    (void)snprintf(out->vendor, sizeof out->vendor, "%.31s", id.vendor_str);
    (void)snprintf(out->brand, sizeof out->brand, "%.63s", id.brand_str);
    (void)snprintf(out->codename, sizeof out->codename, "%.63s", id.cpu_codename);
    out->family = (uint32_t)id.ext_family;
    out->model = (uint32_t)id.ext_model;
    out->stepping = (uint32_t)id.stepping;
    take_caches(&id, out);
    out->other_model_same_name = named_whatever_the_model(&raw, id.cpu_codename);
    (void)snprintf(out->hypervisor, sizeof out->hypervisor, "%s",
                   hypervisor_name(cpuid_get_hypervisor(&raw, &id)));
}

#else

void ms_cpuid_ask(struct ms_cpuid_answer *out)
{
    *out = (struct ms_cpuid_answer){0};
    (void)snprintf(out->because, sizeof out->because, "built without libcpuid");
}

#endif
