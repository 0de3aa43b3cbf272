/* What the files of the screen of processes share: processes.c draws and takes keys,
 * processes_rows.c has its rows. */
#ifndef MS_TUI_PROCESSES_H
#define MS_TUI_PROCESSES_H

#include "tui/screen.h"

enum ms_processes_column {
    MS_PROCESSES_START,
    MS_PROCESSES_CPU,
    MS_PROCESSES_LIVE,
    MS_PROCESSES_PEAK,
    MS_PROCESSES_RATE,
    MS_PROCESSES_RSS,
    MS_PROCESSES_THREADS,
    MS_PROCESSES_AGE,
    MS_PROCESSES_ALLOCATIONS,
    MS_PROCESSES_COLUMNS
};

/* Names of orders are those of columns. */
struct ms_processes_column_info {
    const char *name, *heading, *meaning;
    int width;
};
extern const struct ms_processes_column_info ms_processes_columns[MS_PROCESSES_COLUMNS];

extern const struct ms_orders ms_processes_orders;

/* Takes over what the model has now, and sorts. */
void ms_processes_update(struct ms_tui *tui, const struct ms_model *model);
const struct ms_tree_row *ms_processes_row(const struct ms_processes_state *state, uint64_t id);

bool ms_processes_is_folded(const struct ms_processes_state *state, uint32_t id);
void ms_processes_set_folded(struct ms_processes_state *state, uint32_t id, bool folded);
/* Whether the row stands for all below it, too. */
bool ms_processes_shows_branch(const struct ms_processes_state *state,
                               const struct ms_tree_row *row);

/* NaN: there is none. Of a row: what it shows, its process or its branch. */
double ms_processes_branch_figure(const struct ms_branch *branch, enum ms_processes_column column);
double ms_processes_figure(const struct ms_processes_state *state, const struct ms_process *process,
                           const struct ms_tree_row *row, uint64_t now_ns,
                           enum ms_processes_column column);

void ms_processes_state_text(const struct ms_process *process, char *out, size_t size);
const char *ms_processes_seen_text(const struct ms_process *process);
/* Program and arguments, as they would be typed. */
void ms_processes_command(const struct ms_process *process, char *out, size_t size);
bool ms_processes_fits(const struct ms_process *process, const char *filter);

#endif
