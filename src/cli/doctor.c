/* Each check looks at the real thing it speaks of; nothing is run, nothing is changed. */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <langinfo.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/session.h"
#include "collect/hardware_counters.h"
#include "collect/machine_reader.h"
#include "collect/perf_event.h"
#include "collect/symbols.h"
#include "keeper/keeper.h"
#include "keeper/launch.h"
#include "model/format.h"
#include "wire/clock.h"

#define NAMES_WAIT_NS   (6 * MS_NS_PER_S)
#define MACHINE_WAIT_NS (2 * MS_NS_PER_S) /* for sensors and GPUs, which answer when they can */
#define MACHINE_STEP_NS (100 * MS_NS_PER_MS)

enum outcome { GOOD, LESS, BAD };

static const char *const marks[] = {[GOOD] = "ok", [LESS] = "less", [BAD] = "MISSING"};

/* One line: mark, subject, finding, and how to mend it when it is not good. Returns 1 when BAD. */
static int line(enum outcome outcome, const char *subject, const char *finding, const char *mend)
{
    char safe[2 * PATH_MAX]; /* a path may be in it */
    ms_format_safe(safe, sizeof safe, finding, strlen(finding), true);
    printf("  %-8s%-19s%s\n", marks[outcome], subject, safe);
    if (outcome != GOOD && mend != NULL && *mend != '\0') {
        ms_format_safe(safe, sizeof safe, mend, strlen(mend), true);
        printf("          %-19s-> %s\n", "", safe);
    }
    return outcome == BAD;
}

static bool readable(const char *path)
{
    char byte;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    ssize_t count = read(descriptor, &byte, 1);
    close(descriptor);
    return count == 1;
}

static int check_kernel(void)
{
    struct utsname name;
    char text[256];
    unsigned major = 0;
    unsigned minor = 0;
    if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
        return line(BAD, "kernel", "version unknown", "");
    }
    snprintf(text, sizeof text, "Linux %s %s, glibc %s", name.release, name.machine,
             gnu_get_libc_version());
    bool old = major < 5 || (major == 5 && minor < 10);
    return line(old ? BAD : GOOD, "system", text, "Linux 5.10 or later is needed");
}

static int check_probe(void)
{
    char path[4096];
    char tried[1024];
    if (ms_launch_find_probe(path, sizeof path, tried, sizeof tried) != 0) {
        char text[1100];
        snprintf(text, sizeof text, "not found: %s", tried);
        return line(BAD, "probe", text, "build or install memscope-top again");
    }
    return line(GOOD, "probe", path, "");
}

static int check_directory(void)
{
    char path[MS_SOCKET_PATH_MAX];
    int result = ms_keeper_directory(path, sizeof path);
    if (result != 0) {
        return line(BAD, "runtime folder", strerror(-result),
                    "set XDG_RUNTIME_DIR to a folder of your own with mode 0700");
    }
    return line(GOOD, "runtime folder", path, "");
}

static int check_memfd(void)
{
    int descriptor = memfd_create("memscope-top doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) {
        return line(BAD, "shared memory", strerror(errno), "memfd_create must be permitted");
    }
    close(descriptor);
    return line(GOOD, "shared memory", "memfd with seals", "");
}

static int check_proc(void)
{
    int missing = 0;
    missing += line(readable("/proc/self/schedstat") ? GOOD : LESS, "CPU per thread",
                    readable("/proc/self/schedstat") ? "schedstat: time on and waiting for a core"
                                                     : "no schedstat: CPU time in 10 ms steps",
                    "the kernel needs CONFIG_SCHEDSTATS");
    missing += line(readable("/proc/self/io") ? GOOD : LESS, "I/O per thread",
                    readable("/proc/self/io") ? "task io counters"
                                              : "no /proc/PID/io: I/O figures unavailable",
                    "the kernel needs CONFIG_TASK_IO_ACCOUNTING");
    missing += line(readable("/proc/self/smaps_rollup") ? GOOD : LESS, "PSS",
                    readable("/proc/self/smaps_rollup") ? "smaps_rollup"
                                                        : "no smaps_rollup: PSS unavailable",
                    "");
    return missing;
}

static int check_terminal(void)
{
    const char *term = getenv("TERM");
    if (!isatty(STDOUT_FILENO)) {
        return line(LESS, "terminal", "stdout is not a terminal: no live screen",
                    "run memscope-top in a terminal");
    }
    if (term == NULL || *term == '\0' || strcmp(term, "dumb") == 0) {
        return line(LESS, "terminal", "TERM is not set or dumb: no live screen", "set TERM");
    }
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return line(utf8 ? GOOD : LESS, "terminal",
                utf8 ? term : "the locale is not UTF-8: ASCII graphs only",
                "use a UTF-8 locale, such as LANG=C.UTF-8");
}

/* What is read of the machine itself; in the order of the table. */
static const enum ms_source of_machine[] = {
    MS_SOURCE_HARDWARE_COUNTERS, MS_SOURCE_CPU_SAMPLES,  MS_SOURCE_PRESSURE, MS_SOURCE_CORES,
    MS_SOURCE_FREQUENCY,         MS_SOURCE_CPU_IDENTITY, MS_SOURCE_DISKS,    MS_SOURCE_INTERFACES,
    MS_SOURCE_SENSORS,           MS_SOURCE_NVIDIA_GPU,   MS_SOURCE_DRM_GPU};
#define OF_MACHINE (sizeof of_machine / sizeof of_machine[0])

static bool all_answered(const struct ms_model *model)
{
    for (size_t i = 0; i < OF_MACHINE; i++) {
        if (ms_model_source(model, of_machine[i])->condition == MS_SOURCE_NOT_ASKED) {
            return false;
        }
    }
    return true;
}

/* "unavailable" with its reason is nothing wrong: most machines lack some of it. */
static void print_source(const struct ms_model *model, enum ms_source source)
{
    const struct ms_source_state *state = ms_model_source(model, source);
    char finding[400];
    const char *word = state->condition == MS_SOURCE_AVAILABLE ? ""
                       : state->condition == MS_SOURCE_PARTIAL ? ", partly: "
                                                               : " unavailable: ";
    (void)snprintf(finding, sizeof finding, "%s%s%s", ms_source_what(source), word, state->because);
    line(state->condition == MS_SOURCE_AVAILABLE ? GOOD : LESS, ms_source_name(source), finding,
         "");
}

static void print_machine(const struct ms_model *model)
{
    const struct ms_system *system = ms_model_system(model);
    char text[256];
    (void)snprintf(text, sizeof text, "%s%s%s%s%s",
                   system->identity.brand[0] != '\0' ? system->identity.brand : system->cpu_model,
                   system->identity.codename[0] != '\0' ? ", " : "", system->identity.codename,
                   system->identity.hypervisor[0] != '\0' ? ", hypervisor " : "",
                   system->identity.hypervisor);
    line(GOOD, "processor", text, "");
    for (size_t i = 0; i < system->gpu_count; i++) {
        (void)snprintf(text, sizeof text, "%s %s", system->gpus[i].name, system->gpus[i].pci);
        line(GOOD, "GPU", text, "");
    }
    for (size_t i = 0; i < OF_MACHINE; i++) {
        print_source(model, of_machine[i]);
    }
}

/* Of itself: a program of the same user can be counted and sampled as this one. */
static void try_perf_events(struct ms_model *model, struct ms_descriptor_budget *budget)
{
    struct ms_counting counting;
    struct ms_thread_counting thread;
    struct ms_hardware_counters counters = {0};
    char because[200] = "";
    ms_counting_init(&counting);
    ms_thread_counting_init(&thread);
    (void)ms_thread_counting_read(&counting, &thread, budget, gettid(), &counters);
    ms_counting_tell(&counting, model);
    ms_thread_counting_close(&counting, &thread, budget);
    const int error = ms_perf_try_clock();
    if (error != 0) {
        ms_perf_because(error, ms_perf_paranoid(), because, sizeof because);
    }
    ms_model_source_set(model, MS_SOURCE_CPU_SAMPLES,
                        error == 0 ? MS_SOURCE_AVAILABLE : MS_SOURCE_UNAVAILABLE, because);
}

/* By the same readers that a session uses. */
static void check_machine(void)
{
    struct ms_descriptor_budget budget;
    struct ms_model *model = ms_model_new(MACHINE_STEP_NS, 0, 0);
    struct ms_machine_reader *reader = model == NULL ? NULL : ms_machine_reader_new(model);
    ms_descriptor_budget_init(&budget);
    if (reader != NULL) {
        try_perf_events(model, &budget);
        const uint64_t until_ns = ms_monotonic_ns() + MACHINE_WAIT_NS;
        do {
            (void)poll(NULL, 0, (int)(MACHINE_STEP_NS / MS_NS_PER_MS));
            ms_machine_read(reader, &budget, model, ms_monotonic_ns());
        } while (!all_answered(model) && ms_monotonic_ns() < until_ns);
        print_machine(model);
    }
    ms_machine_reader_free(reader, &budget);
    ms_model_free(model);
}

/* What names its code has, by the same symbolizer that a session uses. */
static int check_names(const char *path)
{
    struct ms_symbols *symbols = ms_symbols_start(NULL);
    struct ms_model *model = ms_model_new(0, 0, 0);
    struct ms_frame *frame = model == NULL ? NULL : ms_model_add_frame(model);
    const struct ms_module *module = NULL;
    if (symbols != NULL && frame != NULL &&
        ms_symbols_ask(symbols, frame, ms_symbols_module(symbols, model, 0, path, NULL, 0), 0) ==
            0) {
        uint64_t until_ns = ms_monotonic_ns() + NAMES_WAIT_NS;
        while (ms_symbols_pending(symbols) > 0 && ms_monotonic_ns() < until_ns) {
            struct pollfd fds[2];
            ms_symbols_handle(symbols, model, ms_monotonic_ns());
            (void)poll(fds, (nfds_t)ms_symbols_poll_fds(symbols, fds, 2), 50);
        }
        module = ms_model_module_of(model, frame);
    }
    static const char *const findings[MS_NAMES_TOTAL] = {
        [MS_NAMES_ASKING] = "could not be determined in time",
        [MS_NAMES_LINES] = "functions, inlined ones, files and lines",
        [MS_NAMES_SYMBOLS] = "functions only",
        [MS_NAMES_EXPORTS] = "exported functions only",
        [MS_NAMES_NONE] = "none: shown as module and offset"};
    const enum ms_module_names names = module == NULL ? MS_NAMES_ASKING : module->names;
    int result = line(names == MS_NAMES_LINES ? GOOD : LESS, "function names", findings[names],
                      module == NULL ? "" : module->advice);
    ms_symbols_free(symbols);
    ms_model_free(model);
    return result;
}

static int check_program(const char *program)
{
    struct ms_launch launch;
    char shown[512];
    ms_format_safe(shown, sizeof shown, program, strlen(program), true);
    printf("\n%s\n", shown);
    int result = ms_launch_look(program, &launch);
    if (result != 0) {
        char because[sizeof launch.because];
        ms_format_safe(because, sizeof because, launch.because, strlen(launch.because), true);
        line(BAD, "runnable", because, result == -ENOENT ? "give the path of the program" : "");
        return result == -ENOENT ? MS_EXIT_NOT_FOUND : MS_EXIT_CANNOT_RUN;
    }
    line(GOOD, "path", launch.path, "");
    if (strcmp(launch.path, launch.interpreter) != 0) {
        line(GOOD, "runs in", launch.interpreter, "");
    }
    char finding[320];
    snprintf(finding, sizeof finding, "%s%s%s", ms_verdict_word(launch.verdict),
             *launch.because != '\0' ? ": " : "", launch.because);
    enum outcome outcome = launch.verdict == MS_VERDICT_FULL      ? GOOD
                           : launch.verdict == MS_VERDICT_PARTIAL ? LESS
                                                                  : BAD;
    return line(outcome, "memory is seen", finding, launch.mend) + check_names(launch.interpreter);
}

int ms_doctor(const char *program)
{
    puts("this machine");
    int bad = check_kernel() + check_probe() + check_directory() + check_memfd() + check_proc() +
              check_terminal();
    check_machine();
    int status = program != NULL ? check_program(program) : 0;
    if (status > 1) {
        return status;
    }
    return bad > 0 || status > 0 ? 1 : 0;
}
