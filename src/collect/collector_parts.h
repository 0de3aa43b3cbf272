/*
 * What the files of the collector share: collector.c connects, takes messages and ticks,
 * collector_trace.c has the trace. For these two only.
 */
#ifndef MS_COLLECT_COLLECTOR_PARTS_H
#define MS_COLLECT_COLLECTOR_PARTS_H

#include "collect/collect.h"
#include "collect/cpu_samples.h"
#include "collect/machine_reader.h"
#include "collect/proc_file.h"
#include "collect/process_tree.h"
#include "collect/symbols.h"
#include "collect/target.h"
#include "collect/trace_reader.h"
#include "collect/trace_records.h"

struct ms_collector {
    struct ms_collect_options options;
    int socket;       /* -1: the keeper is gone */
    bool ended, lost; /* the program, the keeper */
    int exit_status;
    struct ms_message_session session;
    struct ms_model *model;
    struct ms_symbols *symbols;
    struct ms_cpu_samples *cpu_samples; /* NULL: CPU time is not sampled */
    struct ms_machine_reader *machine;
    struct ms_descriptor_budget budget;
    struct ms_thread_sources thread_sources;
    uint64_t probe_told_ns; /* when it was last said how much the probe sees */
    struct ms_process_tree *tree;
    struct ms_trace_reader *trace;          /* NULL: not asked for */
    struct ms_trace_records *trace_records; /* NULL: nobody wants its events */
    uint64_t trace_dropped;                 /* events, without memory */
    uint64_t trace_asked_ns;                /* 0: it need not be asked for again */
    bool tracking_answered;
    struct ms_tracking_answer tracking_answer;
    uint64_t output_dropped;
    uint64_t own_since_ns, own_cpu_ns;
    double own_cpu_pct;
    union ms_packet packet;
};

/* Where the session has no trace all of these do nothing. */

/* Makes what reads it, before the keeper is asked. 0 or -ENOMEM. */
int ms_collector_begin_trace(struct ms_collector *collector);
/* Asks the keeper for it. */
void ms_collector_ask_for_trace(struct ms_collector *collector, uint64_t now_ns);
/* What the keeper answered. Takes over the descriptor, -1: none. */
void ms_collector_take_trace(struct ms_collector *collector, const struct ms_message_trace *message,
                             int descriptor);
/* Reads so much of it at most. */
void ms_collector_read_trace(struct ms_collector *collector, size_t limit_bytes);
/* Hands on what was read, in ids of the model as it is now. */
void ms_collector_give_trace(struct ms_collector *collector);
/* Before a process is let go: what it sent is in the socket. `context`: the collector. */
void ms_collector_process_leaves(void *context, const struct ms_target *target);

#endif
