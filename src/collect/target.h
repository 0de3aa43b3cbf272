/*
 * One process being watched: its region (if a probe counts in it), its /proc, and its part of the
 * model. Made when it is heard of; after its end it is read once more in full and let go.
 */
#ifndef MS_COLLECT_TARGET_H
#define MS_COLLECT_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collect/io.h"
#include "collect/marks.h"
#include "collect/misuse.h"
#include "collect/proc_process.h"
#include "collect/region_reader.h"
#include "collect/resources.h"
#include "collect/shared_code.h"
#include "collect/sites.h"
#include "collect/symbols.h"
#include "collect/threads.h"
#include "model/model.h"
#include "wire/message.h"

struct ms_target {
    uint32_t process_id;
    pid_t pid;
    pid_t parent_pid;    /* 0: not known yet */
    bool parent_found;   /* else the model has a forefather of it, or nothing */
    bool probe_expected; /* the session runs with the probe */
    bool has_view;
    bool same_namespace; /* thread ids in the records are those of our /proc */
    bool proc_gone;      /* /proc/PID is no more */
    bool ended;          /* its end is known */
    bool finished;       /* read for the last time; nothing is held any more */
    bool final_figures;  /* kernel figures came from the keeper */
    bool exit_noted;     /* it called exit, with this: */
    uint8_t exit_status;
    uint64_t exit_ns;
    bool exe_told; /* by its probe: /proc may show what it executed since */
    bool exe_looked_at;
    const char *allocator_inside; /* a function of one that its file has and does not export */
    struct ms_region_view view;
    struct ms_region_mapping slot_mapping; /* what the view of a forked child is of */
    struct ms_proc_process proc;
    struct ms_watched_threads *threads;
    struct ms_watched_sites *sites;
    struct ms_watched_misuse *misuse;
    struct ms_watched_marks marks;
    struct ms_watched_io *io;
    struct ms_watched_resources *resources;
    struct ms_process_kernel inherited; /* counted of what executed it, see ms_target_inherit */
    uint64_t heard_ns;                  /* when we heard of it first */
    uint64_t ended_ns;                  /* when we learned of its end */
    uint64_t gone_ns;                   /* when /proc said it was gone or a zombie, 0: neither */
    uint64_t ticks;
    uint64_t slow_rest_ns;           /* until the next read of sites and flows */
    uint64_t slow_ns, maps_ns;       /* last read of sites and flows; of smaps_rollup */
    uint64_t maps_mark;              /* ms_proc_memory_mark then */
    uint64_t sites_ns, sites_run_ns; /* last read of sites, and CPU time of the process before */
    uint64_t peak_seen_bytes;        /* highest current sum at a tick */
    uint64_t tracking_seen;          /* ms_region_view_tracking_peek of what the model has */
    uint64_t step_error_bytes;       /* most that threads had not published yet */
};

/* What a target is filled with and from. */
struct ms_target_room {
    struct ms_model *model;
    struct ms_symbols *symbols;            /* NULL: none */
    bool sites;                            /* call sites are read */
    struct ms_shared_code *code;           /* NULL: nothing is shared */
    struct ms_shared_resources *resources; /* NULL: they are not read */
    struct ms_descriptor_budget *budget;
    struct ms_thread_sources *thread_sources; /* of all processes */
    const struct ms_message_session *session;
    /* A process was read for the last time and is about to be let go. May be NULL. */
    void (*leaves)(void *context, const struct ms_target *target);
    void *leaves_context;
};

/*
 * Starts watching; `mapping` NULL: no region; that of a slot is taken over, that of a main region
 * must outlive the target. Its ms_process is made in the model. Returns 0; the error of a damaged
 * region: then the process is watched without it, and says so; or -ENOMEM: then nothing is held or
 * taken over, and it is no target.
 */
int ms_target_begin(struct ms_target *target, const struct ms_target_room *room,
                    uint32_t process_id, pid_t pid, const struct ms_region_mapping *mapping,
                    uint32_t slot, uint64_t now_ns);

/*
 * Looks for its parent, if that was not found yet: it may be heard of later than its child. One
 * that never allocated is not heard of at all: then its own parent is it, as long as /proc tells.
 */
void ms_target_find_parent(struct ms_target *target, const struct ms_target_room *room);

/*
 * `target` is what `older`, which is still watched, became by exec: the kernel goes on counting for
 * both together, so what it counted until `older` was read last is taken off.
 */
void ms_target_inherit(struct ms_target *target, const struct ms_target *older,
                       const struct ms_target_room *room);

/* One tick: what is due of records, /proc and sites. Returns 0 or -ENOMEM. */
int ms_target_tick(struct ms_target *target, const struct ms_target_room *room, uint64_t now_ns);

/* Its end as the keeper tells it. The last full reading follows. */
void ms_target_end_message(struct ms_target *target, const struct ms_target_room *room,
                           const struct ms_message_process_end *end);
/* Its end as far as we can tell. `by_exec`: the same pid goes on under another id. */
void ms_target_end(struct ms_target *target, const struct ms_target_room *room, uint64_t end_ns,
                   bool by_exec);
/* A full reading of sites and flows now. */
void ms_target_read_all(struct ms_target *target, const struct ms_target_room *room,
                        uint64_t now_ns);

/* Lets go of all that is held; the model keeps what was read. */
void ms_target_release(struct ms_target *target, const struct ms_target_room *room);

#endif
