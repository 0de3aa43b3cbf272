/* See pressure.h. */
#include "collect/pressure.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "collect/proc_text.h"

/* "name=" and nothing else must stand at the cursor. */
static bool take_name(const char **at, const char *end, const char *name)
{
    const size_t bytes = strlen(name);
    while (*at < end && **at == ' ') {
        ++*at;
    }
    if ((size_t)(end - *at) < bytes || memcmp(*at, name, bytes) != 0) {
        return false;
    }
    *at += bytes;
    return true;
}

/* "12.34": the kernel writes two decimals and no locale. */
static bool take_percent(const char **at, const char *end, const char *name, double *out)
{
    uint64_t whole;
    uint64_t hundredths;
    if (!take_name(at, end, name) || !ms_proc_number(at, end, &whole) || *at == end ||
        **at != '.') {
        return false;
    }
    ++*at;
    const char *from = *at;
    if (!ms_proc_number(at, end, &hundredths) || *at - from != 2 || whole > 100) {
        return false;
    }
    *out = (double)whole + (double)hundredths / 100.0;
    return true;
}

static bool take_line(const char *at, const char *end, double *avg10, double *avg60, uint64_t *us)
{
    double ten;
    double sixty;
    double unused;
    uint64_t total;
    if (!take_percent(&at, end, "avg10=", &ten) || !take_percent(&at, end, "avg60=", &sixty) ||
        !take_percent(&at, end, "avg300=", &unused) || !take_name(&at, end, "total=") ||
        !ms_proc_number(&at, end, &total)) {
        return false;
    }
    *avg10 = ten;
    *avg60 = sixty;
    *us = total;
    return true;
}

bool ms_pressure_parse(const char *text, size_t bytes, struct ms_stall *out)
{
    struct ms_stall stall = MS_STALL_NONE;
    bool found = false;
    const char *end = text + bytes;
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        if (next == NULL) {
            break; /* cut: its last number may be, too */
        }
        const char *at = line;
        if (take_name(&at, next, "some ")) {
            found |=
                take_line(at, next, &stall.some_avg10_pct, &stall.some_avg60_pct, &stall.some_us);
        } else if (take_name(&at, next, "full ")) {
            found |=
                take_line(at, next, &stall.full_avg10_pct, &stall.full_avg60_pct, &stall.full_us);
        }
        line = next + 1;
    }
    if (found) {
        *out = stall;
    }
    return found;
}

static int read_one(int *kept, struct ms_descriptor_budget *budget, int folder, const char *name,
                    struct ms_stall *out)
{
    char text[512];
    ssize_t bytes = ms_proc_read(budget, kept, folder, name, text, sizeof text);
    if (bytes < 0) {
        ms_proc_close(budget, kept);
        return (int)bytes;
    }
    return ms_pressure_parse(text, (size_t)bytes, out) ? 0 : -EPROTO;
}

int ms_pressure_read(struct ms_pressure_files *files, struct ms_descriptor_budget *budget,
                     enum ms_pressure_of of, int folder, struct ms_pressure *out)
{
    const bool machine = of == MS_PRESSURE_OF_MACHINE;
    struct ms_pressure fresh = MS_PRESSURE_NONE;
    const int cpu =
        read_one(&files->cpu, budget, folder, machine ? "cpu" : "cpu.pressure", &fresh.cpu);
    const int memory = read_one(&files->memory, budget, folder,
                                machine ? "memory" : "memory.pressure", &fresh.memory);
    const int io = read_one(&files->io, budget, folder, machine ? "io" : "io.pressure", &fresh.io);
    if (machine) {
        fresh.cpu.full_avg10_pct = fresh.cpu.full_avg60_pct = NAN;
        fresh.cpu.full_us = 0;
    }
    fresh.have = cpu == 0 || memory == 0 || io == 0;
    *out = fresh;
    return fresh.have ? 0 : cpu;
}

void ms_pressure_close(struct ms_pressure_files *files, struct ms_descriptor_budget *budget)
{
    ms_proc_close(budget, &files->cpu);
    ms_proc_close(budget, &files->memory);
    ms_proc_close(budget, &files->io);
}

const char *ms_pressure_because(int error, enum ms_pressure_of of)
{
    switch (error) {
    case -ENOENT:
        return of == MS_PRESSURE_OF_MACHINE
                   ? "this kernel has no /proc/pressure (CONFIG_PSI, since Linux 4.20)"
                   : "the control group has no cpu.pressure: it needs cgroup version 2, below its "
                     "root";
    case -EOPNOTSUPP:
        return "the kernel has it switched off: boot with psi=1";
    case -EACCES:
    case -EPERM:
        return "not allowed to read it";
    case -EPROTO:
        return "the kernel writes it in a way that is not known here";
    default:
        return "it cannot be read";
    }
}
