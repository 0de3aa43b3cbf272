/*
 * An export while the live view goes on: a child process has the model as it is at the moment (copy
 * on write), writes the file and tells how far it is. It has no terminal, no descriptor of the
 * viewer and no signal of it. It ends when the viewer is gone, and leaves no half file.
 */
#ifndef MS_CLI_EXPORT_JOB_H
#define MS_CLI_EXPORT_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "export/export.h"

struct ms_export_job {
    pid_t pid;    /* 0: none */
    int progress; /* pipe to read from */
    bool cancelled;
    uint64_t begun_ns, cancelled_ns, done, all;
    char path[4096];
};

/* A zeroed struct is no job. 0; -EBUSY: one is going on; -EEXIST at once; -errno. `options` without
 * progress. */
int ms_export_job_start(struct ms_export_job *job, enum ms_export format, const char *path,
                        bool overwrite, const struct ms_model *model,
                        const struct ms_export_options *options);
static inline bool ms_export_job_runs(const struct ms_export_job *job)
{
    return job->pid != 0;
}

/* Takes in what it told. true: it is over, with `result` 0 or -errno; -EOWNERDEAD: it was killed.
 */
bool ms_export_job_look(struct ms_export_job *job, int *result);
/* It ends soon, with -ECANCELED; one that does not see it is killed after a second, by looking. */
void ms_export_job_cancel(struct ms_export_job *job);
/* Cancels it and waits for its end. What became of it; 0 also when there was none. */
int ms_export_job_end(struct ms_export_job *job);

#endif
