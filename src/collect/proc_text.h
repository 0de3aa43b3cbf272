/*
 * Parsers of /proc files: pure, bounded by `bytes`, never trusting a name inside the text. A parser
 * that does not find what it wants returns false and leaves *out as it was.
 */
#ifndef MS_COLLECT_PROC_TEXT_H
#define MS_COLLECT_PROC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

struct ms_proc_stat {
    char name[64]; /* raw bytes between the first '(' and the last ')', cut */
    char state;
    uint32_t parent_pid;
    uint32_t threads; /* of the whole process */
    int32_t last_core;
    uint64_t minor_faults, major_faults;
    uint64_t user_ns, system_ns;
    uint64_t start_ticks; /* since boot, in ms_proc_tick_ns */
};

/* Nanoseconds of one clock tick of /proc. */
uint64_t ms_proc_tick_ns(void);

bool ms_proc_parse_stat(const char *text, size_t bytes, struct ms_proc_stat *out);
/* All zero is what a kernel writes that does not count: false. */
bool ms_proc_parse_schedstat(const char *text, size_t bytes, uint64_t *run_ns, uint64_t *wait_ns);
/* "voluntary_ctxt_switches" and its opposite of status. */
bool ms_proc_parse_switches(const char *text, size_t bytes, uint64_t *voluntary,
                            uint64_t *involuntary);

/* Figures of sched, whatever the prefix of their names. */
struct ms_proc_sched {
    uint64_t migrations, voluntary, involuntary;
};
bool ms_proc_parse_sched(const char *text, size_t bytes, struct ms_proc_sched *out);
/* "Cpus_allowed_list" of status: how many, and the list itself, cut at a comma to `size`. */
bool ms_proc_parse_affinity(const char *text, size_t bytes, uint32_t *count, char *list,
                            size_t size);

struct ms_proc_io {
    uint64_t read_chars_bytes, write_chars_bytes, read_calls, write_calls, read_storage_bytes,
        write_storage_bytes;
};
bool ms_proc_parse_io(const char *text, size_t bytes, struct ms_proc_io *out);

/* The number after `key` at the start of a line, as in "Pss:   12 kB". */
bool ms_proc_parse_key(const char *text, size_t bytes, const char *key, uint64_t *out);

/* Reads decimal digits at *cursor (spaces and tabs skipped first); saturates. */
bool ms_proc_number(const char **cursor, const char *end, uint64_t *out);

#endif
