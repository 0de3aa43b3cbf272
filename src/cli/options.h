/* The command line, read once into a struct. */
#ifndef MS_CLI_OPTIONS_H
#define MS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "analysis/rule.h"
#include "export/export.h"
#include "model/tracking.h"
#include "tui/settings.h"
#include "wire/region.h"

#define MS_RULES_MAX         16u
#define MS_COMMAND_FILES_MAX 2u

enum ms_request {
    MS_REQUEST_RUN,    /* start arguments[0] */
    MS_REQUEST_JOIN,   /* -p */
    MS_REQUEST_SET,    /* set -p PID: change what is tracked, and leave */
    MS_REQUEST_LIST,   /* nothing named: usage and what can be joined */
    MS_REQUEST_DOCTOR, /* doctor [PROGRAM] */
    MS_REQUEST_RECORD, /* record -o FILE PROGRAM: no screen */
    MS_REQUEST_VIEW,   /* view FILE */
    MS_REQUEST_EXPORT, /* export FILE --json OUT ... */
    MS_REQUEST_DIFF,   /* diff A B */
    MS_REQUEST_REPORT, /* report FILE */
    MS_REQUEST_VERIFY, /* verify FILE */
    MS_REQUEST_HELP,
    MS_REQUEST_VERSION
};

struct ms_options {
    enum ms_request request;
    enum ms_request help_of; /* a command that HELP is about; else MS_REQUEST_RUN */
    /* Of the program, or the files that a command is about; NULL-terminated; points into argv. */
    char *const *arguments;
    const char *command_near; /* that the program's name may be a slip of; NULL: none */
    char *files[MS_COMMAND_FILES_MAX + 1];
    pid_t pid;
    const char *output_path; /* of a recording; NULL: none */
    uint64_t max_bytes;      /* of it; 0: no limit */
    bool force;
    const char *at;                           /* moment of a recording; NULL: its end */
    const char *export_path[MS_EXPORT_TOTAL]; /* by enum ms_export; NULL: not asked for */
    const char *json_set_prefix; /* of the names of all JSON documents; NULL: not asked for */
    const char *json_lines_path;
    uint32_t sections;                         /* bits of enum ms_section */
    struct ms_rule thread_rules[MS_RULES_MAX]; /* --only */
    size_t thread_rule_count;
    struct ms_rule fail_rules[MS_RULES_MAX]; /* --fail-on */
    size_t fail_rule_count;
    const char *csv_table; /* NULL: threads */
    enum ms_weight weight; /* of call stacks */
    const char *title;
    struct ms_tracking_settings tracking;
    /* What of it the command line asks for, enum ms_tracking_part: what a running program that is
     * joined gets; the environment changes none. */
    uint32_t tracking_parts;
    unsigned trace_buffer_bytes;
    uint64_t trace_events_max; /* 0: no limit */
    bool trace_waits;          /* a full socket holds the program up, for a second at most */
    uint32_t io;               /* enum ms_io_counting */
    bool children;
    uint64_t interval_ns;
    uint64_t delay_ns;    /* of --plain: 0 is its default */
    uint64_t duration_ns; /* 0: no limit */
    bool plain, quiet;
    const char *tee_path;
    bool stdin_from_terminal;
    bool hide_arguments;
    const char *filter;
    bool readonly;
    bool colours;            /* false: none at all, whatever the settings say */
    const char *config_path; /* "no" or a file; NULL: where it usually is */
    /* The configuration file, then what environment and command line say of it. */
    struct ms_settings settings;
    uint64_t settings_given; /* bits of those that the file did not decide */
    const char *suppressions_path;
    const char *debug_log_path;
    const char *symbol_cache; /* "no" or an absolute path; NULL: where it usually is */
    bool debuginfod;
    unsigned cpu_samples_hz; /* 0: CPU time is not sampled */
};

/*
 * Reads the configuration file, then MEMSCOPE_* variables (MEMSCOPE_JSON for --json, and so on; a
 * switch is on when its variable is 1, yes or true), then argv; stops at the first word that is no
 * option. Returns 0, or -EINVAL after one line on stderr that says what is wrong and what to do.
 * Strings are borrowed.
 */
int ms_options_parse(int argc, char **argv, struct ms_options *options);

void ms_options_usage(FILE *out);
/* Of one command, or all for a request that is none. */
void ms_options_help(FILE *out, enum ms_request request);

#endif
