/*
 * The session as everybody right of the collector sees it: processes, threads, call sites and
 * their history. Filled by src/collect, read by analysis, screens and exports, which get it const.
 * No I/O, no clock: times are passed in. One thread uses a model.
 *
 * Strings live in the model and are arbitrary bytes from hostile sources: neutralise on output.
 * Pointers returned by lookups stay valid until the next call that adds a thing of that kind, or
 * ms_model_tick_end.
 */
#ifndef MS_MODEL_MODEL_H
#define MS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/activity.h"
#include "model/heap.h"
#include "model/histogram.h"
#include "model/history.h"
#include "model/machine.h"
#include "model/misuse.h"
#include "model/output.h"
#include "model/process.h"
#include "model/resources.h"
#include "model/series.h"
#include "model/site.h"
#include "model/source.h"
#include "model/thread.h"
#include "model/tracking.h"
#include "model/value.h"

#define MS_ENDED_THREADS_MAX 10000u   /* kept one by one; older ones are merged by name */
#define MS_USAGES_MAX        1000000u /* past it ended threads are merged earlier */
/* Names of merged threads; past it they are merged into the empty one of their process. */
#define MS_MERGED_NAMES_MAX 1000u
/* Ended processes are kept one by one up to so many, with so many call sites of theirs together;
 * older ones are merged by executable, of which there are at most so many with a name. */
#define MS_ENDED_PROCESSES_MAX 1000u
#define MS_ENDED_SITES_MAX     200000u
#define MS_MERGED_PROGRAMS_MAX 200u
/* Of all merged processes together; past it stacks that are new are added to their root sites. */
#define MS_MERGED_SITES_MAX 50000u
#define MS_SECOND_NS        UINT64_C(1000000000)
#define MS_WINDOW_NS        (10 * MS_SECOND_NS) /* that judgements look back over */

/* The trace as this viewer read it. */
struct ms_trace {
    bool asked; /* this viewer reads it, or tries to */
    bool reading;
    char because[128]; /* why it is not read, "" when it is */
    uint64_t events, batches, packet_bytes;
    uint64_t missing; /* numbers of events that never came */
    uint64_t refused; /* packets that were no batch */
};

/* Sum of what the probes sent and lost, and what came: what a line about the trace needs. */
struct ms_trace_totals {
    bool any;
    uint64_t events; /* read here when this viewer reads, else sent */
    uint64_t lost;
    uint64_t packet_bytes;
    const char *because; /* "" when it goes on */
};

struct ms_model; /* opaque; the arrays inside are reached by the functions below */

struct ms_model *ms_model_new(uint64_t interval_ns, uint64_t start_ns, uint64_t start_unix_ns);
void ms_model_free(struct ms_model *model); /* accepts NULL */

/* --- reading --- */
uint64_t ms_model_now_ns(const struct ms_model *model); /* time of the last tick */
uint64_t ms_model_start_ns(const struct ms_model *model);
uint64_t ms_model_start_unix_ns(const struct ms_model *model);
uint64_t ms_model_interval_ns(const struct ms_model *model);
/* Ticks so far; when ticks came late the missed ones count, so that tick * interval is time. */
uint64_t ms_model_ticks(const struct ms_model *model);
/* Number of the first tick there was; not 0 when the session was joined late. */
uint64_t ms_model_first_tick(const struct ms_model *model);
const struct ms_system *ms_model_system(const struct ms_model *model);
const struct ms_output *ms_model_output(const struct ms_model *model);
const struct ms_source_state *ms_model_source(const struct ms_model *model, enum ms_source source);

size_t ms_model_process_count(const struct ms_model *model);
const struct ms_process *ms_model_process(const struct ms_model *model, size_t index);
const struct ms_process *ms_model_process_by_id(const struct ms_model *model, uint32_t id);
/* The program itself: the first process, or what it became by exec. NULL: no process yet. */
const struct ms_process *ms_model_program(const struct ms_model *model);

/* Sums over the processes that lived at the time, MS_PROCESS_SERIES_COUNT of them, each NULL until
 * the first tick. What is of a control group is that of the largest one. */
const struct ms_history *const *ms_model_sum_history(const struct ms_model *model);

/* All threads, alive first in order of creation, then ended ones in order of their end. */
size_t ms_model_thread_count(const struct ms_model *model);
size_t ms_model_alive_count(const struct ms_model *model);
const struct ms_thread *ms_model_thread(const struct ms_model *model, size_t index);
const struct ms_thread *ms_model_thread_by_id(const struct ms_model *model, uint32_t id);

/*
 * The same rates over the last MS_WINDOW_NS or so, which judgements look at; of what is younger,
 * and of what has ended, over its life. Of a process: CPU time, faults, I/O, network and
 * allocations, which its ended threads are in, too. `span_ns` (may be NULL): how long that was, 0:
 * nothing is known yet.
 */
struct ms_thread_rates ms_model_thread_window(const struct ms_model *model,
                                              const struct ms_thread *thread, uint64_t *span_ns);
struct ms_thread_rates ms_model_process_window(const struct ms_model *model,
                                               const struct ms_process *process, uint64_t *span_ns);

/* Frame `index` (< depth) of a site, innermost first. */
const struct ms_frame *ms_site_frame(const struct ms_site *site, size_t index);
size_t ms_model_site_count(const struct ms_model *model);
const struct ms_site *ms_model_site(const struct ms_model *model, size_t index);
const struct ms_site *ms_model_site_by_id(const struct ms_model *model, uint32_t id);
/*
 * Which of ms_model_site it is, SIZE_MAX: it is gone. Sites are only ever added, at the end, until
 * some are merged with the processes of theirs: then ms_model_sites_version grows, and positions
 * are others; ids are not.
 */
size_t ms_model_site_position(const struct ms_model *model, uint32_t id);
uint64_t ms_model_sites_version(const struct ms_model *model);
/*
 * For who keeps something by position: where the site went that was at `position` until the last
 * merging, in the same order as before. SIZE_MAX: it is gone. Known to who has seen the version
 * before the present one, when ms_model_site_moves_known() of that; else begin anew.
 */
size_t ms_model_site_moved(const struct ms_model *model, size_t position);
bool ms_model_site_moves_known(const struct ms_model *model, uint64_t version);

size_t ms_model_usage_count(const struct ms_model *model);
const struct ms_usage *ms_model_usage(const struct ms_model *model, size_t index);
/* The first usage of a site (`previous` NULL) or the one after `previous`; NULL at the end. */
const struct ms_usage *ms_model_site_usage(const struct ms_model *model, uint32_t site_id,
                                           const struct ms_usage *previous);
/* The same over the usages of a thread; what was not sampled is among them. */
const struct ms_usage *ms_model_thread_usage(const struct ms_model *model, uint32_t thread_id,
                                             const struct ms_usage *previous);

/* What threads did at call stacks besides allocating, in no order. */
size_t ms_model_activity_count(const struct ms_model *model);
const struct ms_activity *ms_model_activity(const struct ms_model *model, size_t index);
/* The first of a thread (`previous` NULL) or the one after `previous`; NULL at the end. */
const struct ms_activity *ms_model_thread_activity(const struct ms_model *model, uint32_t thread_id,
                                                   const struct ms_activity *previous);
/* The same over those of a site. */
const struct ms_activity *ms_model_site_activity(const struct ms_model *model, uint32_t site_id,
                                                 const struct ms_activity *previous);

/* Grows whenever a site has work of this kind for the first time; see ms_model_sites_version, too.
 */
uint64_t ms_model_work_version(const struct ms_model *model, enum ms_work_kind kind);

/* Sites with MS_SITE_ACTIVITY. */
size_t ms_model_activity_site_count(const struct ms_model *model);
const struct ms_cpu_sampling *ms_model_cpu_sampling(const struct ms_model *model);

size_t ms_model_flow_count(const struct ms_model *model);
const struct ms_flow *ms_model_flow(const struct ms_model *model, size_t index);

/* By process, kind and the two sites; see misuse.h. */
size_t ms_model_misuse_count(const struct ms_model *model);
const struct ms_misuse *ms_model_misuse(const struct ms_model *model, size_t index);

/*
 * Grows whenever a frame got a name (a new one too), and when sites were merged: who keeps
 * something made of names or sites makes it anew then.
 */
uint64_t ms_model_names_version(const struct ms_model *model);
/*
 * For who writes names down: all frames by number, and the numbers of those that got names or
 * inlined ones, in that order (again when it happens again). When ms_model_names_unlisted grows,
 * any may have.
 */
size_t ms_model_frame_count(const struct ms_model *model);
const struct ms_frame *ms_model_frame(const struct ms_model *model, size_t number);
size_t ms_model_named_count(const struct ms_model *model);
uint32_t ms_model_named(const struct ms_model *model, size_t index);
uint64_t ms_model_names_unlisted(const struct ms_model *model);

const struct ms_trace *ms_model_trace(const struct ms_model *model);
struct ms_trace_totals ms_model_trace_totals(const struct ms_model *model);

/*
 * ms_tracking_text of the program, or if it has none of the first process that has, with its pid;
 * while anything lives, of what lives. NULL: everything is tracked exactly.
 */
const struct ms_process *ms_model_tracking_text(const struct ms_model *model, char *out,
                                                size_t size);

/* Sum over processes. */
void ms_model_totals(const struct ms_model *model, struct ms_heap *totals,
                     struct ms_losses *losses);

/*
 * The usages of one thread with the most `key` first, at most `capacity` into `out` (pointers valid
 * until the model changes). Returns how many there are in all. What was not sampled is none.
 */
enum ms_usage_key { MS_USAGE_CURRENT, MS_USAGE_PEAK, MS_USAGE_ALLOCATED, MS_USAGE_COUNT };
size_t ms_model_thread_usages(const struct ms_model *model, uint32_t thread_id,
                              enum ms_usage_key key, const struct ms_usage **out, size_t capacity);

/* --- writing: src/collect and tests only --- */
/* All add functions return the new object, or NULL without memory. */
/*
 * One with an `end_ns` has ended for good: past MS_ENDED_PROCESSES_MAX or MS_ENDED_SITES_MAX the
 * next ms_model_tick_end merges the oldest of them (never the program) by executable, with their
 * threads, sites, flows and misuse. Their ids are gone from then on, lookups of them give NULL;
 * their children become children of their parents.
 */
struct ms_process *ms_model_add_process(struct ms_model *model, uint32_t id);
struct ms_process *ms_model_process_mutable(struct ms_model *model, uint32_t id);
struct ms_thread *ms_model_add_thread(struct ms_model *model, uint32_t process_id);
struct ms_thread *ms_model_thread_mutable(struct ms_model *model, uint32_t id);
/*
 * Moves the thread to the ended ones. Past MS_ENDED_THREADS_MAX the next ms_model_tick_end merges
 * the oldest by process and name: their ids are gone from then on, lookups of them give NULL.
 */
void ms_model_end_thread(struct ms_model *model, uint32_t id, uint64_t end_ns);
struct ms_system *ms_model_system_mutable(struct ms_model *model);
struct ms_output *ms_model_output_mutable(struct ms_model *model);
/* `because` may be NULL when it is available; cut when too long. */
void ms_model_source_set(struct ms_model *model, enum ms_source source,
                         enum ms_source_condition condition, const char *because);
struct ms_trace *ms_model_trace_mutable(struct ms_model *model);

/* Interned string, alive as long as the model. NULL without memory. */
const char *ms_model_string(struct ms_model *model, const char *text);
/* Memory of all interned strings and frames. */
size_t ms_model_name_bytes(const struct ms_model *model);
/* A new frame, zeroed, alive as long as the model; the collector fills and later names it. */
struct ms_frame *ms_model_add_frame(struct ms_model *model);
/* The frames are those of this model; the list of them is copied. */
struct ms_site *ms_model_add_site(struct ms_model *model, uint32_t process_id,
                                  const struct ms_frame *const *frames, uint32_t depth,
                                  uint32_t flags);
/*
 * The usage of (thread, site), made when there is none; to be written before the next
 * ms_model_tick_end, which adds what changed to the site's sums (cost follows the usages touched in
 * the tick). NULL without memory and when the thread or the site is not known (merged).
 */
struct ms_usage *ms_model_usage_mutable(struct ms_model *model, uint32_t thread_id,
                                        uint32_t site_id);
struct ms_usage *ms_model_sampled_usage_mutable(struct ms_model *model, uint32_t thread_id,
                                                uint32_t site_id, uint8_t rate);
struct ms_cpu_sampling *ms_model_cpu_sampling_mutable(struct ms_model *model);
/*
 * Adds to what a thread did at a site, and to the sums of the site. -ENOMEM; -ESRCH when the thread
 * or the site is not known (merged: a site is to be added anew then).
 */
int ms_model_add_work(struct ms_model *model, uint32_t thread_id, uint32_t site_id,
                      const struct ms_work *work);
/* Made when there is none. NULL without memory and when a thread other than 0 is not known. */
struct ms_flow *ms_model_flow_mutable(struct ms_model *model, uint32_t process_id,
                                      uint32_t from_thread, uint32_t to_thread);

/* Made when there is none. NULL without memory. */
struct ms_misuse *ms_model_misuse_mutable(struct ms_model *model, uint32_t process_id,
                                          enum ms_misuse_kind kind, uint32_t allocated_site,
                                          uint32_t released_site);
/* After frames were named or their inlined ones changed: of one frame, or of whichever. */
void ms_model_frame_named(struct ms_model *model, const struct ms_frame *frame);
void ms_model_names_changed(struct ms_model *model);

/*
 * Ends a tick: sets the time, derives all rates from the counters of this and earlier ticks (the
 * window is one second, or the life so far of what is younger), site sums from the usages written
 * in this tick, and appends the histories. Rates of what has ended are NaN. Returns 0 or -ENOMEM:
 * then histories have gaps, counters and sums are right.
 */
int ms_model_tick_end(struct ms_model *model, uint64_t now_ns);

#endif
