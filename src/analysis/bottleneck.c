#include "analysis/bottleneck.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"

/* Less CPU time than this, of one core, tells nothing about what it is spent on. */
#define CPU_LEAST 0.01
/* Pages that come back from swap or files so often hold up whatever waits for them. */
#define MAJOR_FAULTS_LEAST 20.0
#define PRESSURE_LEAST_PCT 10.0
/* Of one core, of a GPU: so busy that it is what the program waits for. */
#define GPU_LEAST 0.6

static const struct {
    const char *name, *word;
} kinds[MS_BOTTLENECK_TOTAL] = {
#define MS_BOTTLENECK_ROW(id, name_, word_) [MS_BOTTLENECK_##id] = {name_, word_},
    MS_BOTTLENECKS(MS_BOTTLENECK_ROW)
#undef MS_BOTTLENECK_ROW
};

const char *ms_bottleneck_name(enum ms_bottleneck_kind kind)
{
    return kinds[kind].name;
}

const char *ms_bottleneck_word(enum ms_bottleneck_kind kind)
{
    return kinds[kind].word;
}

static double known(double value)
{
    return isnan(value) ? 0 : value;
}

/* Kernel time that no call explains, for each page fault; NaN: not known. */
static double kernel_s_of_fault(const struct ms_time_use *use)
{
    return (use->computing - use->user) / use->minor_faults;
}

double ms_memory_intensity(const struct ms_time_use *use)
{
    if (!(use->cpu >= CPU_LEAST) || (isnan(use->allocations) && isnan(use->minor_faults))) {
        return (double)NAN;
    }
    double fault_s = MS_MEMORY_FAULT_S;
    if (use->minor_faults > 0) {
        fault_s = fmin(fmax(fault_s, kernel_s_of_fault(use)), MS_MEMORY_FAULT_MOST_S);
    }
    const double spent =
        known(use->allocations) * MS_MEMORY_ALLOCATION_S + known(use->minor_faults) * fault_s;
    const double x = 2 * spent / use->cpu;
    return x / (1 + x);
}

/* What a judgement is made of: seconds of all threads for each second. */
struct demand {
    const struct ms_model *model;
    const struct ms_process *process;
    struct ms_time_use use;
    double computing, run_queue, files, sockets;
    bool idle_files, idle_sockets; /* the calls wait for others: nothing comes */
    bool of_process;
    char span[24];
};

static struct demand demand_of(const struct ms_model *model, const struct ms_process *process,
                               const struct ms_time_use *use, bool ended)
{
    struct demand demand = {
        .model = model,
        .process = process,
        .use = *use,
        .computing = isnan(use->computing) ? known(use->cpu) : use->computing,
        .run_queue = known(use->run_queue),
        .files = known(use->files),
        .sockets = known(use->sockets),
    };
    /* Waiting in read or recv for what never comes is idleness, not traffic. */
    demand.idle_files = demand.files > 0 && !(use->io_bytes > 0) && !(use->io_calls > 0);
    demand.idle_sockets = demand.sockets > 0 && !(use->socket_bytes > 0);
    demand.files = demand.idle_files ? 0 : demand.files;
    demand.sockets = demand.idle_sockets ? 0 : demand.sockets;
    const double seconds = (double)use->span_ns / 1e9;
    (void)snprintf(demand.span, sizeof(demand.span), "%s %.0f %s",
                   ended ? "its life of" : "the last", seconds < 1 ? ceil(seconds * 1e3) : seconds,
                   seconds < 1 ? "ms" : "s");
    return demand;
}

static double in_all(const struct demand *demand)
{
    return demand->computing + demand->run_queue + demand->files + demand->sockets;
}

__attribute__((format(printf, 2, 3))) static void say(struct ms_bottleneck *bottleneck,
                                                      const char *format, ...)
{
    const size_t used = strnlen(bottleneck->evidence, sizeof(bottleneck->evidence));
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(bottleneck->evidence + used, sizeof(bottleneck->evidence) - used, format,
                    arguments);
    va_end(arguments);
}

static const char *because(const struct ms_model *model, enum ms_source source)
{
    const struct ms_source_state *state = ms_model_source(model, source);
    return state->because[0] != '\0' ? state->because : "not measured";
}

static bool too_few_cores(const struct demand *demand)
{
    const double runnable = known(demand->use.cpu) + demand->run_queue;
    return demand->run_queue >= MS_HELD_UP_CORES &&
           demand->run_queue >= MS_HELD_UP_CORES * runnable;
}

/* Why it waits for cores: the narrowest that there is. */
static void say_which_cores(struct ms_bottleneck *bottleneck, const struct demand *demand,
                            uint32_t allowed)
{
    const struct ms_cgroup *cgroup = &demand->process->resources.cgroup;
    const struct ms_system *system = ms_model_system(demand->model);
    const double throttled =
        ms_model_process_window(demand->model, demand->process, NULL).throttled_pct;
    if (cgroup->have && isfinite(cgroup->cpus) && throttled > 1) {
        say(bottleneck, "; its control group may use %.3g cores and was throttled %.0f %% of it",
            cgroup->cpus, fmin(throttled, 100));
    } else if (allowed > 0 && allowed < system->cores) {
        say(bottleneck, "; its affinity allows %u of %u cores", allowed, system->cores);
    } else if (system->cpu_pct > 0) {
        say(bottleneck, "; the %u cores of the machine are %.0f %% busy", system->cores,
            system->cpu_pct);
    }
}

static void judge_cores(struct ms_bottleneck *bottleneck, const struct demand *demand,
                        uint32_t allowed)
{
    const struct ms_time_use *use = &demand->use;
    bottleneck->kind = MS_BOTTLENECK_CORES;
    if (demand->of_process) {
        say(bottleneck, "its threads ran on %.2g cores and could have used %.2g more in %s",
            known(use->cpu), use->run_queue, demand->span);
    } else {
        say(bottleneck, "waiting for a core %.0f %% of %s, running %.0f %%", 100 * use->run_queue,
            demand->span, 100 * known(use->cpu));
    }
    say_which_cores(bottleneck, demand, allowed);
}

/* Its pages are taken away and have to come back: nothing else holds it up as much. */
static bool short_of_memory(struct ms_bottleneck *bottleneck, const struct demand *demand)
{
    const struct ms_cgroup *cgroup = &demand->process->resources.cgroup;
    const struct ms_system *system = ms_model_system(demand->model);
    const bool of_group = cgroup->have && cgroup->pressure.have;
    const double stall = of_group                ? cgroup->pressure.memory.some_avg10_pct
                         : system->pressure.have ? system->pressure.memory.some_avg10_pct
                                                 : (double)NAN;
    if (!(demand->use.major_faults >= MAJOR_FAULTS_LEAST) || !(stall >= PRESSURE_LEAST_PCT)) {
        return false;
    }
    bottleneck->kind = MS_BOTTLENECK_MEMORY;
    say(bottleneck,
        "%.0f page faults a second wait for I/O; tasks of the %s wait for memory %.0f %% of the "
        "time",
        demand->use.major_faults, of_group ? "control group" : "machine", stall);
    return true;
}

static void judge_computing(struct ms_bottleneck *bottleneck, const struct demand *demand)
{
    const struct ms_time_use *use = &demand->use;
    char allocations[MS_FORMAT_MAX];
    char faults[MS_FORMAT_MAX];
    if (demand->of_process) {
        say(bottleneck, "its %s %.2g cores", use->threads == 1 ? "thread uses" : "threads use",
            use->cpu);
    } else {
        say(bottleneck, "on a core %.0f %% of %s", 100 * use->cpu, demand->span);
    }
    if (ms_memory_intensity(use) >= 0.5) {
        bottleneck->kind = MS_BOTTLENECK_MEMORY;
        say(bottleneck,
            ", with %s allocations and %s page faults per second of it: by their number%s "
            "memory management dominates",
            ms_format_count(allocations, sizeof(allocations), use->allocations / use->cpu),
            ms_format_count(faults, sizeof(faults), use->minor_faults / use->cpu),
            kernel_s_of_fault(use) > MS_MEMORY_FAULT_S ? " and the kernel's time" : "");
        return;
    }
    bottleneck->kind = MS_BOTTLENECK_CPU;
    if (use->user >= 0) {
        say(bottleneck, ", %.0f %% of that in its own code", 100 * use->user / use->cpu);
    }
}

static void judge_calls(struct ms_bottleneck *bottleneck, const struct demand *demand,
                        enum ms_bottleneck_kind kind)
{
    const struct ms_time_use *use = &demand->use;
    const bool files = kind == MS_BOTTLENECK_IO;
    const double calls = files ? use->files : use->sockets;
    const double blocked = files ? use->files_blocked : use->sockets_blocked;
    const double bytes = files ? use->io_bytes : use->socket_bytes;
    char rate[MS_FORMAT_MAX];
    bottleneck->kind = kind;
    if (demand->of_process) {
        say(bottleneck, "%.2g of its threads at a time are in calls on %s", calls,
            files ? "files" : "sockets");
    } else {
        say(bottleneck, "in calls on %s %.0f %% of %s", files ? "files" : "sockets", 100 * calls,
            demand->span);
    }
    if (calls > 0 && !isnan(blocked)) {
        say(bottleneck, ", %.0f %% of that blocked", 100 * blocked / calls);
    }
    if (bytes > 0) {
        say(bottleneck, ", %sB/s", ms_format_count(rate, sizeof(rate), bytes));
    }
}

/* Without times of calls: off a core, doing I/O, while tasks wait for I/O. */
static bool may_wait_for_io(struct ms_bottleneck *bottleneck, const struct demand *demand,
                            double off_core)
{
    const struct ms_cgroup *cgroup = &demand->process->resources.cgroup;
    const struct ms_system *system = ms_model_system(demand->model);
    const bool of_group = cgroup->have && cgroup->pressure.have;
    const double stall = of_group                ? cgroup->pressure.io.some_avg10_pct
                         : system->pressure.have ? system->pressure.io.some_avg10_pct
                                                 : (double)NAN;
    if (!isnan(demand->use.files) || !(demand->use.io_calls >= 1) ||
        !(stall >= PRESSURE_LEAST_PCT) || !(off_core >= MS_HELD_UP_LEAST)) {
        return false;
    }
    bottleneck->kind = MS_BOTTLENECK_IO;
    say(bottleneck,
        "off a core %.0f %% of %s with %.0f I/O calls a second, while tasks of the %s wait for I/O "
        "%.0f %% of the time; the time of calls is not known",
        100 * off_core, demand->span, demand->use.io_calls, of_group ? "control group" : "machine",
        stall);
    return true;
}

static void judge_rest(struct ms_bottleneck *bottleneck, const struct demand *demand)
{
    const struct ms_time_use *use = &demand->use;
    const double threads = use->presence > 0 ? use->presence : 1;
    const double off_core = fmax(0, 1 - (known(use->cpu) + known(use->run_queue)) / threads);
    const double waits_for_others = known(use->poll) + (demand->idle_files ? use->files : 0) +
                                    (demand->idle_sockets ? use->sockets : 0);
    const char *of = demand->of_process ? "its threads' time" : demand->span;
    if (may_wait_for_io(bottleneck, demand, off_core)) {
        return;
    }
    if (waits_for_others >= 0.5 * threads) {
        bottleneck->kind = MS_BOTTLENECK_IDLE;
        say(bottleneck,
            "waiting for others %.0f %% of %s: in poll or similar, or in calls that "
            "receive nothing",
            100 * fmin(1, waits_for_others / threads), of);
        return;
    }
    const bool busy_waiting = use->switches >= MS_HELD_UP_SWITCHES;
    bottleneck->kind = busy_waiting ? MS_BOTTLENECK_UNKNOWN : MS_BOTTLENECK_IDLE;
    say(bottleneck, "off a core %.0f %% of %s", 100 * off_core, of);
    if (busy_waiting) {
        say(bottleneck, " with %.0f context switches a second", use->switches);
    }
    say(bottleneck, ": %s, or waiting for locks (%s)",
        busy_waiting ? "timers, other threads" : "idle", ms_findings_waiting_unavailable());
}

static void judge(struct ms_bottleneck *bottleneck, const struct demand *demand, uint32_t allowed)
{
    if (short_of_memory(bottleneck, demand)) {
        return;
    }
    if (too_few_cores(demand)) {
        judge_cores(bottleneck, demand, allowed);
        return;
    }
    const struct {
        double amount;
        enum ms_bottleneck_kind kind;
    } parts[] = {{demand->computing, MS_BOTTLENECK_CPU},
                 {demand->files, MS_BOTTLENECK_IO},
                 {demand->sockets, MS_BOTTLENECK_NETWORK}};
    size_t first = 0;
    double second = 0;
    for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const bool higher = parts[i].amount > parts[first].amount;
        second = fmax(second, higher ? parts[first].amount : parts[i].amount);
        first = higher ? i : first;
    }
    if (parts[first].amount < MS_HELD_UP_LEAST) {
        judge_rest(bottleneck, demand);
    } else if (second >= MS_HELD_UP_NEAR * parts[first].amount && second >= MS_HELD_UP_LEAST) {
        bottleneck->kind = MS_BOTTLENECK_BALANCED;
        say(bottleneck, "of %s, computing %.0f %%, in calls on files %.0f %%, on sockets %.0f %%",
            demand->of_process ? "one thread's time" : demand->span, 100 * demand->computing,
            100 * demand->files, 100 * demand->sockets);
    } else if (parts[first].kind == MS_BOTTLENECK_CPU) {
        judge_computing(bottleneck, demand);
    } else {
        judge_calls(bottleneck, demand, parts[first].kind);
    }
}

/* `thread` NULL: of a process. */
static struct ms_bottleneck nothing_known(const struct ms_model *model,
                                          const struct ms_thread *thread,
                                          const struct ms_time_use *use, bool ended)
{
    const double none = (double)NAN;
    struct ms_bottleneck bottleneck = {
        .kind = MS_BOTTLENECK_UNKNOWN,
        .shares = {none, none, none, none, none, none, none},
    };
    char why[200] = "";
    if (use->span_ns == 0 && !ended) {
        say(&bottleneck, "nothing is known about it yet");
        return bottleneck;
    }
    if (thread != NULL) {
        ms_source_unavailable_because(model, thread, MS_SOURCE_SCHEDSTAT, why, sizeof(why));
    }
    if (why[0] != '\0') {
        say(&bottleneck, "CPU time is not known: %s", why);
    } else if (ms_model_source(model, MS_SOURCE_SCHEDSTAT)->condition == MS_SOURCE_AVAILABLE) {
        say(&bottleneck, "CPU time is not known%s",
            ended ? ": it ended before it was read" : " yet");
    } else {
        say(&bottleneck, "CPU time is not known: %s", because(model, MS_SOURCE_SCHEDSTAT));
    }
    return bottleneck;
}

static double share(double part, double all)
{
    if (isnan(part)) {
        return part;
    }
    return all > 0 ? fmin(1, part / all) : 0;
}

struct ms_bottleneck ms_bottleneck_of_thread(const struct ms_model *model,
                                             const struct ms_thread *thread)
{
    const struct ms_time_use use = ms_time_use_of_thread(model, thread);
    return ms_bottleneck_of_thread_use(model, thread, &use);
}

struct ms_bottleneck ms_bottleneck_of_thread_use(const struct ms_model *model,
                                                 const struct ms_thread *thread,
                                                 const struct ms_time_use *use)
{
    static const struct ms_process no_process;
    struct ms_bottleneck bottleneck = nothing_known(model, thread, use, thread->end_ns != 0);
    if (isnan(use->cpu)) {
        return bottleneck;
    }
    const struct ms_process *process = ms_model_process_by_id(model, thread->process_id);
    const struct demand demand =
        demand_of(model, process != NULL ? process : &no_process, use, thread->end_ns != 0);
    bottleneck.evidence[0] = '\0';
    bottleneck.shares = (struct ms_resource_shares){
        .cpu = share(use->cpu, 1),
        .run_queue = share(use->run_queue, 1),
        .memory = ms_memory_intensity(use),
        .io = share(use->files, 1),
        .network = share(use->sockets, 1),
        .gpu = (double)NAN,
        .locks = (double)NAN,
    };
    judge(&bottleneck, &demand,
          (thread->kernel.have & MS_HAVE_AFFINITY) != 0 ? thread->kernel.cores_allowed : 0);
    return bottleneck;
}

/* The most that one of its threads may use; 0: not known. */
static uint32_t cores_allowed(const struct ms_model *model, const struct ms_process *process)
{
    uint32_t most = 0;
    for (size_t i = 0; i < ms_model_alive_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->process_id == process->id && (thread->kernel.have & MS_HAVE_AFFINITY) != 0 &&
            thread->kernel.cores_allowed > most) {
            most = thread->kernel.cores_allowed;
        }
    }
    return most;
}

static double capacity_of(const struct ms_model *model, const struct ms_process *process,
                          uint32_t allowed)
{
    const struct ms_system *system = ms_model_system(model);
    const struct ms_cgroup *cgroup = &process->resources.cgroup;
    double cores = system->cores > 0 ? (double)system->cores : (double)NAN;
    cores = allowed > 0 ? fmin(cores, (double)allowed) : cores;
    return cgroup->have ? fmin(cores, cgroup->cpus) : cores;
}

struct ms_bottleneck ms_bottleneck_of_process(const struct ms_model *model,
                                              const struct ms_process *process)
{
    const struct ms_time_use use = ms_time_use_of_process(model, process);
    struct ms_bottleneck bottleneck = nothing_known(model, NULL, &use, process->end_ns != 0);
    if (isnan(use.cpu)) {
        return bottleneck;
    }
    struct demand demand = demand_of(model, process, &use, process->end_ns != 0);
    demand.of_process = true;
    const uint32_t allowed = cores_allowed(model, process);
    const double all = in_all(&demand);
    bottleneck.evidence[0] = '\0';
    bottleneck.shares = (struct ms_resource_shares){
        .cpu = share(use.cpu, capacity_of(model, process, allowed)),
        .run_queue = isnan(use.run_queue) ? (double)NAN : share(demand.run_queue, all),
        .memory = ms_memory_intensity(&use),
        .io = isnan(use.files) ? (double)NAN : share(demand.files, all),
        .network = isnan(use.sockets) ? (double)NAN : share(demand.sockets, all),
        .gpu = process->gpu_pct / 100,
        .locks = (double)NAN,
    };
    if (bottleneck.shares.gpu >= GPU_LEAST && demand.computing < bottleneck.shares.gpu) {
        bottleneck.kind = MS_BOTTLENECK_GPU;
        say(&bottleneck,
            "kernels of it run on a GPU %.0f %% of the time, its threads use %.2g cores",
            process->gpu_pct, use.cpu);
        return bottleneck;
    }
    judge(&bottleneck, &demand, allowed);
    return bottleneck;
}
