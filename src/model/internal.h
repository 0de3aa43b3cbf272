/* What the files of src/model share; nobody else includes it. */
#ifndef MS_MODEL_INTERNAL_H
#define MS_MODEL_INTERNAL_H

#include "model/changes.h"
#include "model/chunks.h"
#include "model/id_pages.h"
#include "model/index.h"
#include "model/model.h"
#include "model/module.h"
#include "model/past.h"
#include "model/restore.h"
#include "model/words.h"

#define MS_NO_USAGE    UINT32_MAX
#define MS_NO_ACTIVITY UINT32_MAX

/* Stamps of the things of a list, by position, and what left it. */
struct ms_changes {
    uint32_t *of;       /* capacity of them */
    uint32_t *of_chunk; /* the newest of each MS_CHUNK_ELEMENTS */
    size_t capacity;
    uint32_t newest;
    struct ms_removal *removals;
    size_t removal_count, removal_capacity;
    uint64_t removals_before; /* that are forgotten */
};
/* Room for the stamps of so many things: before they are added. 0 or -ENOMEM. */
int ms_changes_reserve(struct ms_changes *changes, size_t count);
void ms_changes_mark(struct ms_changes *changes, size_t position, uint32_t stamp);
/* The thing at `from` now lies at `to`. */
void ms_changes_move(struct ms_changes *changes, size_t from, size_t to);
void ms_changes_removed(struct ms_changes *changes, uint32_t round, size_t position);
void ms_changes_free(struct ms_changes *changes);

struct ms_thread_record {
    struct ms_thread thread;
    struct ms_past *past; /* NULL once ended */
    uint32_t first_usage; /* position, or MS_NO_USAGE */
    uint32_t usage_count;
    uint32_t first_activity; /* position, or MS_NO_ACTIVITY */
    bool flat;               /* its rates are 0 where they are known, and stay so */
    bool has_not_sampled;    /* one of them is of what was not sampled */
    bool gone;               /* it is about to leave its list */
    uint32_t stamp;          /* when it was written last, see changes.h; not by derived figures */
};

struct ms_site_record {
    struct ms_site site;
    uint32_t first_usage;
    uint32_t first_activity;
    uint32_t merged_into; /* while sites are merged: id of the site that takes it over */
};

/* What most usages do without: up to a million of them should be small. */
struct ms_usage_detail {
    uint64_t reallocations, failed_calls;
    uint64_t samples, samples_freed;
    struct ms_histogram *sizes, *lifetimes; /* NULL: never needed; valid when home is 0 */
};

struct ms_usage_record {
    struct ms_usage usage;
    uint32_t next_of_thread, previous_of_thread;
    uint32_t next_of_site, previous_of_site;
};

/* Numbers of frames of many sites: half a pointer each, without an allocation for every site. */
struct ms_frame_numbers {
    struct ms_frame_numbers *next;
    size_t used, capacity;
    uint32_t numbers[];
};

struct ms_thread_page {
    uint32_t used;
    struct ms_thread_record *records[MS_ID_PAGE];
};

struct ms_site_page {
    uint32_t used;
    uint32_t positions[MS_ID_PAGE]; /* + 1; 0: no such site any more */
};

struct ms_sites {
    struct ms_chunks records; /* struct ms_site_record, without holes */
    struct ms_id_pages pages; /* struct ms_site_page */
    uint32_t next_id;
    uint64_t version;
    uint32_t *moved; /* by position before the last merging: position + 1; 0: gone */
    size_t moved_count, moved_capacity; /* count 0: not known */
    struct ms_frame_numbers *numbers;   /* newest first */
    size_t numbers_unused;              /* in it, of sites that are gone */
    size_t numbers_held;                /* of all, those included */
    struct ms_index merged_by_stack;    /* ids of the sites of merged processes */
    size_t merged_activity;             /* of them, that have MS_SITE_ACTIVITY */
    struct ms_changes changes;
    size_t activity; /* sites that have it */
};

struct ms_thread_list {
    struct ms_thread_record **records;
    size_t first, count, capacity; /* records[first .. first + count) */
};

struct ms_threads {
    struct ms_thread_list alive, merged, ended;
    struct ms_id_pages pages; /* struct ms_thread_page */
    uint32_t next_id;
    struct ms_index merged_by_name; /* position in `merged` */
    uint32_t turn;                  /* counts ticks */
    size_t ended_with_history;      /* the newest so many of `ended` still have theirs */
    uint64_t removed;               /* so many have left their list for good */
    uint32_t *touched;              /* ids of those not alive that have `touched_stamp` */
    size_t touched_count, touched_capacity;
    uint32_t touched_stamp;
    bool touched_lost; /* there was no memory for some of them */
};

/* A usage written in this tick: its old values are off the sums of its site. */
struct ms_touched {
    uint32_t position;
    uint64_t allocations, bytes_allocated; /* the old ones */
};

struct ms_usages {
    struct ms_chunks records; /* struct ms_usage_record */
    struct ms_index by_pair;
    struct ms_touched *touched;
    size_t touched_count, touched_capacity;
    /* Before the end of a tick those with its stamp are the touched ones. */
    struct ms_changes changes;
    size_t detached; /* restored: their thread or site is gone, they are about to leave */
};

struct ms_activity_record {
    struct ms_activity activity;
    uint32_t next_of_thread, previous_of_thread;
    uint32_t next_of_site, previous_of_site;
};

struct ms_activities {
    struct ms_chunks records; /* struct ms_activity_record, without holes */
    struct ms_index by_pair;
    uint64_t sites_version[MS_WORK_KINDS];
    size_t most_records, most_sites; /* past them some are merged */
    struct ms_changes changes;
    size_t detached; /* as of usages */
};

struct ms_flows {
    struct ms_chunks records; /* struct ms_flow */
    struct ms_index by_pair;
    struct ms_changes changes;
    uint32_t rounds; /* of merging */
};

struct ms_misuses {
    struct ms_chunks records; /* struct ms_misuse */
    struct ms_index by_pair;
    struct ms_changes changes;
    uint32_t rounds; /* of merging */
};

struct ms_process_record {
    struct ms_process process;
    struct ms_past past;
    uint32_t stamp;            /* as of a thread */
    uint32_t attributed_epoch; /* peak that its threads know their share of */
    bool attributed_at_end;
    bool attribute_peak; /* in this tick */
    uint32_t site_count;
    uint32_t root_site;     /* of a merged one: takes what finds no room; 0: none yet */
    uint32_t activity_root; /* the same for sites with MS_SITE_ACTIVITY, of any process */
    bool stands_for_many;   /* made by merging */
    double run_queue_pct;   /* sum over its threads alive, of this tick; NaN: not told */
    uint64_t network_ns, network_received_bytes, network_sent_bytes; /* of the last look; 0 none */
    struct ms_process_record *merged_into; /* while processes are merged */
};

struct ms_marks {
    struct ms_mark *by_time; /* their texts are allocated */
    size_t count, capacity;
    uint64_t added, dropped;
};
void ms_marks_free(struct ms_marks *marks);

/* What a restored model may take, see ms_model_limit_bytes; what cannot be told from the numbers of
 * its things is added up here. */
struct ms_room {
    uint64_t bytes_max; /* 0: no limit, and nothing is added up */
    size_t history_bytes, argument_bytes;
    size_t usage_details;
    bool refused;
};

struct ms_model {
    uint64_t interval_ns, start_ns, start_unix_ns;
    uint64_t now_ns;
    uint64_t ticks, first_tick;
    struct ms_system system;
    struct ms_source_state sources[MS_SOURCE_TOTAL];
    struct ms_output *output;
    struct ms_trace trace;
    struct ms_history *sum_history[MS_PROCESS_SERIES_COUNT]; /* over the processes alive */
    struct ms_process_record **processes;
    size_t process_count, process_capacity;
    struct ms_index processes_by_id;
    uint32_t merged_programs;
    bool merging; /* some are to be merged, and there was no memory for it */
    uint64_t processes_removed;
    bool orphans; /* restored: processes are gone whose threads may be there still */
    struct ms_threads threads;
    struct ms_sites sites;
    struct ms_chunks frames; /* struct ms_frame; number = index */
    struct ms_words strings;
    struct ms_usages usages;
    struct ms_activities activities;
    struct ms_cpu_sampling cpu_sampling;
    struct ms_flows flows;
    struct ms_misuses misuses;
    struct ms_marks marks;
    struct ms_chunks modules; /* struct ms_module; id = index + 1 */
    struct ms_chunks named;   /* uint32_t: numbers of frames in the order in which they got names */
    uint64_t names_version;
    uint64_t names_unlisted; /* times that names changed which are not in `named` */
    uint32_t stamp;
    const struct ms_lent_names *lent; /* NULL: frames and modules are its own */
    struct ms_room room;
};

/* A thread id that went into another; sorted by `from`. */
struct ms_merge {
    uint32_t from, into;
};
/* `id` when it went nowhere. */
uint32_t ms_merged_id(const struct ms_merge *merges, size_t count, uint32_t id);

/* It changes now. */
void ms_thread_mark(struct ms_model *model, struct ms_thread_record *record);
struct ms_thread_record *ms_threads_find(const struct ms_threads *threads, uint32_t id);
/* A new one counts towards the room of its model. NULL without memory. */
struct ms_history *ms_model_new_history(struct ms_model *model);
/* Restored ones: nobody is of a process that is gone. */
bool ms_threads_have_processes(struct ms_model *model);
void ms_threads_free(struct ms_threads *threads);
/* Merges what is too old; may run only between the sums of one tick and the writes of the next. */
int ms_threads_merge_old(struct ms_model *model);
/* Rates and histories of the threads alive. `tick` and the `repeat` ticks before it get the value.
 */
int ms_threads_tick(struct ms_model *model, uint64_t tick, uint64_t repeat);
/* The same of processes, and of the sums over those alive. */
int ms_processes_tick(struct ms_model *model, uint64_t tick, uint64_t repeat);
void ms_process_rates_none(struct ms_process *process); /* none is known */
/* Appends to *history, made when NULL. */
int ms_model_append(struct ms_model *model, struct ms_history **history, uint64_t tick,
                    uint64_t repeat, double value);

/* Histories of the machine, its cores and GPUs. */
int ms_machine_tick(struct ms_model *model, uint64_t tick, uint64_t repeat);
void ms_machine_free(struct ms_system *system);

/*
 * Gives the threads of processes that have `merged_into` to those; their sites have it too. Fills
 * `merges`, which has room for all threads that have ended; sorted. Returns 0 or -ENOMEM: then it
 * was done for some of them.
 */
int ms_threads_merge_processes(struct ms_model *model, struct ms_merge *merges, size_t *count);

/* Adds what was written in this tick to the sums of its sites. */
void ms_usages_settle(struct ms_model *model);
/* Gives the usages of one thread to another; settled before. */
int ms_usages_merge(struct ms_model *model, struct ms_thread_record *from,
                    struct ms_thread_record *into);
void ms_usages_free(struct ms_usages *usages);
/* Its position, or MS_NO_USAGE. */
uint32_t ms_usages_find(const struct ms_model *model, uint32_t thread_id, uint32_t site_id,
                        uint8_t rate);
/* Appends one, which is the first of its thread and site; the site is known. MS_NO_USAGE: no
 * memory. */
uint32_t ms_usages_add(struct ms_model *model, struct ms_thread_record *thread, uint32_t site_id,
                       uint8_t rate);
/* It is nobody's any more, all 0, and keeps its position until it is dropped. */
void ms_usages_detach(struct ms_model *model, struct ms_thread_record *thread, uint32_t position);
/* The last one takes its place. `thread` is its own; NULL: it is detached. */
void ms_usages_drop(struct ms_model *model, struct ms_thread_record *thread, uint32_t position);
/* Becomes the first of its thread, or with `thread` NULL of its site. */
void ms_usages_put_first(struct ms_model *model, struct ms_thread_record *thread,
                         uint32_t position);
void ms_usages_note_not_sampled(struct ms_model *model, const struct ms_usage *usage);
/* The opposite of ms_usage_add_to_heap. */
void ms_usage_take_from_heap(const struct ms_usage *usage, struct ms_heap *sum);

/* As those of usages. */
uint32_t ms_activities_find(const struct ms_model *model, uint32_t thread_id, uint32_t site_id);
uint32_t ms_activities_add(struct ms_model *model, struct ms_thread_record *thread,
                           struct ms_site_record *site);
void ms_activities_detach(struct ms_model *model, uint32_t position);
void ms_activities_drop(struct ms_model *model, uint32_t position);
void ms_activities_put_first(struct ms_model *model, uint32_t position, bool of_thread);
/* To the sums of a site. 0 or -ENOMEM. */
int ms_site_add_work(struct ms_model *model, struct ms_site *site, const struct ms_work *work);

/* What a thread that is forgotten did is nobody's from now on: see restore.h. */
void ms_thread_detach(struct ms_model *model, struct ms_thread_record *thread);

/* As ms_usages_merge, for what they did besides allocating. */
int ms_activities_merge(struct ms_model *model, struct ms_thread_record *from,
                        struct ms_thread_record *into);
/* Past what is kept, stacks that little was sampled at become one of their process. */
int ms_activities_merge_old(struct ms_model *model);
void ms_activities_init(struct ms_model *model);
void ms_activities_free(struct ms_activities *activities);

void ms_usage_detail_free(struct ms_usage_detail *detail); /* accepts NULL */
/* Made when there is none, with all of `extra` but the histograms. NULL: no memory. */
struct ms_usage_detail *ms_usage_detail_put(struct ms_usage *usage,
                                            const struct ms_usage_extra *extra);
/* Made when `home` does not tell all; one that is there stays, as a site that needed it once needs
 * it again. 0 or -ENOMEM. */
int ms_usage_keep_histogram(struct ms_histogram **kept, uint8_t home,
                            const struct ms_histogram *histogram);

/* Gives threads their share of peaks that are new; after the sums of the tick. */
void ms_peaks_attribute(struct ms_model *model);
struct ms_process_record *ms_process_record_of(const struct ms_model *model, uint32_t id);
void ms_losses_add(struct ms_losses *sum, const struct ms_losses *losses);

int ms_flows_merge(struct ms_model *model, const struct ms_merge *merges, size_t count);
void ms_flows_free(struct ms_flows *flows);
/* Lets the flow at a position be found. 0, -EBADMSG (there is another of that key) or -ENOMEM: then
 * it is not found. */
int ms_flows_enter(struct ms_flows *flows, uint32_t position);
/* The same, after it is replaced by one of any key. */
int ms_flows_put(struct ms_flows *flows, uint32_t position, const struct ms_flow *flow);

/* Threads, processes and sites of it that were merged; the same ways of counting as when added. */
int ms_misuses_merge(struct ms_model *model, const struct ms_merge *merges, size_t count);
void ms_misuses_free(struct ms_misuses *misuses);
int ms_misuses_enter(struct ms_misuses *misuses, uint32_t position);
int ms_misuses_put(struct ms_misuses *misuses, uint32_t position, const struct ms_misuse *misuse);

struct ms_site_record *ms_sites_find(const struct ms_model *model, uint32_t id); /* or NULL */
/* Sites of ended processes go to what these are merged into; at first only `merged_into` says so.
 */
int ms_sites_merge(struct ms_model *model);
/* Gives what is known of `site` itself to `into`. 0 or -ENOMEM: then nothing happened. */
int ms_site_merge(struct ms_site_record *into, struct ms_site_record *site);
/* Of a process: takes what has no stack of its own any more, made when there is none; or NULL. */
struct ms_site_record *ms_site_activity_root(struct ms_model *model,
                                             struct ms_process_record *process);
/* Removes those that went into another; no usage refers to them any more. */
void ms_sites_drop_merged(struct ms_model *model);
void ms_sites_free(struct ms_model *model);

void ms_process_record_free(struct ms_process_record *record);
/* Frees those that have `merged_into`. 0 or -ENOMEM: then some are not found by their id. */
int ms_processes_drop_merged(struct ms_model *model);
/* Merges what is too old; at the same time as ms_threads_merge_old. */
int ms_processes_merge_old(struct ms_model *model);

/* thread_rates.c */
void ms_rates_none(struct ms_thread_rates *rates); /* none is known */
/* Those over the last second, of a thread that is alive. */
void ms_thread_rate(struct ms_thread_record *record, uint64_t now_ns);
/* All rates, each by the given way of looking back: ms_past_rate or ms_past_window_rate. */
typedef double ms_rate_function(const struct ms_past *past, const struct ms_sample *now,
                                enum ms_counter counter);
struct ms_thread_rates ms_rates_of(const struct ms_past *past, const struct ms_sample *now,
                                   ms_rate_function *rate);

#endif
