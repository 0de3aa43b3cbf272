/*
 * Ended processes that are too many are merged by executable, so that a build that runs for days
 * stays bounded. What adds up is added up exactly; what had an order in time is gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "model/internal.h"

/* Merging looks at all sites and threads: so many at a time. */
#define BATCH (MS_ENDED_PROCESSES_MAX / 8)

/* Numbers of processes come from the keeper and count up; these count down. */
#define LAST_ID UINT32_MAX

static bool may_merge(const struct ms_model *model, const struct ms_process_record *record)
{
    const struct ms_process *process = &record->process;
    const struct ms_process *first = &model->processes[0]->process;
    /* The program is what its first process became, by however many execs. */
    const bool program =
        process == first || (process->pid == first->pid && !process->replaced_by_exec);
    return process->end_ns != 0 && !record->stands_for_many && !program;
}

static struct ms_process_record *find_merged(const struct ms_model *model, const char *exe)
{
    for (size_t i = 0; i < model->process_count; i++) {
        struct ms_process_record *record = model->processes[i];
        if (record->stands_for_many && strcmp(record->process.exe, exe) == 0) {
            return record;
        }
    }
    return NULL;
}

/* What stands for all ended processes of this executable; NULL without memory. */
static struct ms_process_record *merged_for(struct ms_model *model,
                                            const struct ms_process *process)
{
    struct ms_process_record *record = find_merged(model, process->exe);
    if (record != NULL) {
        return record;
    }
    const char *exe = process->exe;
    if (model->merged_programs >= MS_MERGED_PROGRAMS_MAX) {
        exe = "";
        record = find_merged(model, exe);
        if (record != NULL) {
            return record;
        }
    }
    struct ms_process *merged = ms_model_add_process(model, LAST_ID - model->merged_programs);
    if (merged == NULL) {
        return NULL;
    }
    model->merged_programs++;
    record = model->processes[model->process_count - 1];
    record->stands_for_many = true;
    memcpy(merged->exe, exe, strlen(exe) + 1);
    merged->parent_id = model->processes[0]->process.id;
    merged->start_ns = process->start_ns;
    merged->start_unix_ns = process->start_unix_ns;
    merged->end_ns = process->end_ns;
    merged->exit_status = 0;
    merged->seen = process->seen;
    memcpy(merged->seen_because, process->seen_because, sizeof(merged->seen_because));
    memcpy(merged->allocator, process->allocator, sizeof(merged->allocator));
    merged->peak.epoch = 1; /* usages carry what was live at the peak of theirs */
    record->attributed_epoch = 1;
    record->attributed_at_end = true;
    merged->kernel.have_io = true;
    merged->trace.because = "";
    return record;
}

static void add_kernel(struct ms_process_kernel *sum, const struct ms_process_kernel *kernel)
{
    sum->have_io = sum->have_io && kernel->have_io;
    if (kernel->peak_rss_bytes > sum->peak_rss_bytes) {
        sum->peak_rss_bytes = kernel->peak_rss_bytes;
    }
#define ADD(figure) sum->figure += kernel->figure;
    MS_KERNEL_SUMS(ADD)
#undef ADD
}

static void add_status(struct ms_process *sum, const struct ms_process *process)
{
    const bool unknown = process->exit_status == -2 && !process->replaced_by_exec;
    const bool failed = process->exit_status == -1 || process->exit_status > 0;
    sum->merged_unknown += unknown ? 1 : 0;
    sum->merged_failed += failed ? 1 : 0;
    if (sum->merged_unknown + sum->merged_failed > 0) {
        sum->exit_status = -2; /* no one status is that of all */
    }
    if (process->seen > sum->seen) { /* the worst there was, with its reason */
        sum->seen = process->seen;
        memcpy(sum->seen_because, process->seen_because, sizeof(sum->seen_because));
    }
}

static void add_process(struct ms_process *sum, const struct ms_process *process)
{
    add_status(sum, process);
    ms_heap_add(&sum->totals, &process->totals);
    sum->peak_error_bytes += process->peak_error_bytes;
    sum->peak.bytes += process->peak.bytes;
    sum->peak.error_bytes += process->peak.error_bytes;
    if (process->totals.peak_bytes > sum->merged_peak_bytes) {
        sum->merged_peak_bytes = process->totals.peak_bytes;
    }
    ms_losses_add(&sum->losses, &process->losses);
    ms_stack_check_add(&sum->stacks, &process->stacks);
    add_kernel(&sum->kernel, &process->kernel);
    sum->trace.begun = sum->trace.begun || process->trace.begun;
    sum->trace.sent += process->trace.sent;
    sum->trace.lost += process->trace.lost;
    if (process->start_ns < sum->start_ns) {
        sum->start_ns = process->start_ns;
        sum->start_unix_ns = process->start_unix_ns;
    }
    sum->end_ns = process->end_ns > sum->end_ns ? process->end_ns : sum->end_ns;
    sum->merged_life_ns +=
        process->end_ns > process->start_ns ? process->end_ns - process->start_ns : 0;
    sum->merged++;
}

/* Marks the oldest. */
static int choose(struct ms_model *model)
{
    size_t ended = 0;
    size_t sites = 0;
    for (size_t i = 0; i < model->process_count; i++) {
        const struct ms_process_record *record = model->processes[i];
        if (may_merge(model, record)) {
            ended++;
            sites += record->site_count;
        }
    }
    if (ended <= MS_ENDED_PROCESSES_MAX + BATCH && (sites <= MS_ENDED_SITES_MAX || ended < 2)) {
        return 0;
    }
    for (size_t i = 0, count = model->process_count; i < count; i++) {
        struct ms_process_record *record = model->processes[i];
        /* The newest stays, whatever its size: somebody may be looking at how it ended. */
        if (ended < 2 || (ended <= MS_ENDED_PROCESSES_MAX && sites <= MS_ENDED_SITES_MAX * 3 / 4)) {
            break;
        }
        if (!may_merge(model, record)) {
            continue;
        }
        record->merged_into = merged_for(model, &record->process);
        if (record->merged_into == NULL) {
            return -ENOMEM;
        }
        model->merging = true;
        sites -= record->site_count;
        ended--;
    }
    return 0;
}

/* Children of a process that is gone go to its parent. What a damaged region says of parents may
 * lead around in a circle. */
static uint32_t remaining_parent(const struct ms_model *model, uint32_t parent_id)
{
    const struct ms_process_record *parent = ms_process_record_of(model, parent_id);
    for (size_t steps = 0; parent != NULL && parent->merged_into != NULL; steps++) {
        if (steps == model->process_count) {
            return 0;
        }
        parent_id = parent->process.parent_id;
        parent = ms_process_record_of(model, parent_id);
    }
    return parent_id;
}

int ms_processes_drop_merged(struct ms_model *model)
{
    size_t kept = 0;
    int error = 0;
    ms_index_clear(&model->processes_by_id);
    for (size_t i = 0; i < model->process_count; i++) {
        struct ms_process_record *record = model->processes[i];
        if (record->merged_into != NULL) {
            model->processes_removed++;
            ms_process_record_free(record);
            continue;
        }
        if (ms_index_add(&model->processes_by_id, ms_hash_pair(record->process.id, 0),
                         (uint32_t)kept) != 0) {
            error = -ENOMEM;
        }
        model->processes[kept++] = record;
    }
    model->process_count = kept;
    return error;
}

static int drop_processes(struct ms_model *model)
{
    for (size_t i = 0; i < model->process_count; i++) {
        struct ms_process_record *record = model->processes[i];
        if (record->merged_into == NULL) {
            struct ms_process *process = &record->process;
            const uint32_t parent_id = remaining_parent(model, process->parent_id);
            const struct ms_process_record *before = ms_process_record_of(model, process->exec_of);
            const bool lost = before == NULL || before->merged_into != NULL;
            const uint32_t exec_of = lost ? 0 : process->exec_of;
            if (parent_id != process->parent_id || exec_of != process->exec_of) {
                record->stamp = model->stamp;
            }
            process->parent_id = parent_id;
            process->exec_of = exec_of;
        }
    }
    for (size_t i = 0; i < model->process_count; i++) {
        struct ms_process_record *record = model->processes[i];
        if (record->merged_into != NULL) {
            add_process(&record->merged_into->process, &record->process);
            record->merged_into->stamp = model->stamp;
        }
    }
    return ms_processes_drop_merged(model);
}

/* What was done before memory ran out is not done twice when it is tried again. */
static int merge_chosen(struct ms_model *model, struct ms_merge *merges)
{
    size_t count = 0;
    if (ms_sites_merge(model) != 0) {
        return -ENOMEM;
    }
    const int error = ms_threads_merge_processes(model, merges, &count);
    if (ms_flows_merge(model, merges, count) != 0 || ms_misuses_merge(model, merges, count) != 0 ||
        error != 0) {
        return -ENOMEM;
    }
    ms_sites_drop_merged(model);
    model->names_version++;
    model->merging = false;
    return drop_processes(model);
}

int ms_processes_merge_old(struct ms_model *model)
{
    if (!model->merging && choose(model) != 0) {
        return -ENOMEM;
    }
    if (!model->merging) {
        return 0;
    }
    const size_t threads = model->threads.ended.count + model->threads.merged.count;
    struct ms_merge *merges = reallocarray(NULL, threads + 1, sizeof(*merges));
    const int error = merges != NULL ? merge_chosen(model, merges) : -ENOMEM;
    free(merges);
    return error;
}
