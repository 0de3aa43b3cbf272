#include "probe/now.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include "probe/loaded_object.h"
#include "probe/map.h"
#include "probe/system_call.h"
#include "wire/clock.h"

#if defined(__x86_64__)
#define VDSO_FUNCTION "__vdso_clock_gettime"
#else
#define VDSO_FUNCTION "__kernel_clock_gettime"
#endif

bool ms_now_stands;

typedef int clock_function(clockid_t, struct timespec *);

static clock_function *ask_vdso; /* NULL: the kernel is asked */
static uint64_t stands_at_ns;

void ms_now_init(void)
{
    int counter = PR_TSC_ENABLE;
    (void)ms_system_call(SYS_prctl, PR_GET_TSC, (long)&counter, 0, 0, 0, 0);
    const uintptr_t base = getauxval(AT_SYSINFO_EHDR);
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)base;
    if (base == 0 || counter != PR_TSC_ENABLE || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
        return;
    }
    /* It is linked to lie at 0. */
    const struct dl_phdr_info object = {
        .dlpi_addr = base,
        .dlpi_phdr = (const ElfW(Phdr) *)(base + header->e_phoff),
        .dlpi_phnum = header->e_phnum,
    };
    struct ms_object_tables tables;
    const ElfW(Sym) *found = ms_object_tables_read(&object, &tables)
                                 ? ms_object_definition(&tables, VDSO_FUNCTION)
                                 : NULL;
    if (found != NULL) {
        ask_vdso = (clock_function *)(base + found->st_value);
    }
}

static void stand_still(void)
{
    __atomic_store_n(&stands_at_ns, ms_now_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&ms_now_stands, true, __ATOMIC_RELEASE);
}

void ms_now_avoid_counter(void)
{
    if (ms_map_quiet()) {
        stand_still();
    }
    __atomic_store_n(&ask_vdso, NULL, __ATOMIC_RELEASE);
}

/* Clocks that the vDSO cannot read, so that it asks the kernel each time. */
static bool clock_is_the_kernels(void)
{
    static const char *const such[] = {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"};
    char name[32] = "";
    const long file =
        ms_system_call(SYS_openat, AT_FDCWD,
                       (long)"/sys/devices/system/clocksource/clocksource0/current_clocksource",
                       O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (file < 0) {
        return false;
    }
    const long bytes = ms_system_call(SYS_read, file, (long)name, sizeof name - 1, 0, 0, 0);
    (void)ms_system_call(SYS_close, file, 0, 0, 0, 0, 0);
    name[bytes > 0 ? bytes - 1 : 0] = '\0';
    for (size_t i = 0; i < sizeof such / sizeof *such; i++) {
        if (strcmp(name, such[i]) == 0) {
            return true;
        }
    }
    return false;
}

void ms_now_enter_quiet(void)
{
    if (ask_vdso == NULL || clock_is_the_kernels()) {
        stand_still();
    }
}

uint64_t ms_now_ns(void)
{
    if (MS_UNLIKELY(__atomic_load_n(&ms_now_stands, __ATOMIC_ACQUIRE))) {
        return __atomic_load_n(&stands_at_ns, __ATOMIC_RELAXED);
    }
    struct timespec now;
    clock_function *ask = __atomic_load_n(&ask_vdso, __ATOMIC_RELAXED);
    if (MS_UNLIKELY(ask == NULL || ask(CLOCK_MONOTONIC, &now) != 0)) {
        (void)ms_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
    }
    return (uint64_t)now.tv_sec * MS_NS_PER_S + (uint64_t)now.tv_nsec;
}
