/*
 * Filling a model from a recording instead of from a live program: things come with the ids that
 * they had, what was merged and is gone is told and not decided here, and a tick derives rates and
 * histories as ms_model_tick_end does, without merging anything. For src/record only.
 */
#ifndef MS_MODEL_RESTORE_H
#define MS_MODEL_RESTORE_H

#include "model/chunks.h"
#include "model/model.h"
#include "model/past.h"

/*
 * So many bytes may the model take, as reckoned from what things take: a few bytes of a recording
 * can tell of millions of them. Before anything is restored; 0: as many as it likes. Past it
 * nothing more is added (-ENOMEM or NULL), and ms_model_is_refused says why.
 */
void ms_model_limit_bytes(struct ms_model *model, uint64_t bytes_max);
bool ms_model_has_room(struct ms_model *model); /* false from then on */
bool ms_model_is_refused(const struct ms_model *model);

/* What an added thing is put at the end of. */
enum ms_thread_place { MS_PLACE_ALIVE, MS_PLACE_ENDED, MS_PLACE_MERGED };

/* All give NULL without memory, or when there is one of this id already. */
struct ms_thread *ms_model_restore_thread(struct ms_model *model, uint32_t id, uint32_t process_id,
                                          enum ms_thread_place place);

/* NULL: there is none. Merged ones, too. */
struct ms_thread *ms_model_restored_thread(struct ms_model *model, uint32_t id);

/* NULL without memory. */
struct ms_process *ms_model_restore_process(struct ms_model *model, uint32_t id);
/* A copy; `text` NULL: none are known. 0 or -ENOMEM. */
int ms_model_put_arguments(struct ms_model *model, struct ms_process *process, const char *text,
                           size_t bytes);

/* Takes them away without giving what they hold to others. Unknown ids do nothing. */
void ms_model_forget_threads(struct ms_model *model, const uint32_t *ids, size_t count);
/* Their threads must be forgotten, too, before the end of the tick. 0 or -ENOMEM. */
int ms_model_forget_processes(struct ms_model *model, const uint32_t *ids, size_t count);

/* --- call sites and what threads did there --- */

/*
 * Names that belong to somebody else, for a model that has none of its own. They may grow and
 * change: then *version grows. `stack` gives the frames of a site, innermost first, in memory that
 * is valid until the next call, at most MS_RESTORED_DEPTH_MAX; NULL without memory.
 */
#define MS_RESTORED_DEPTH_MAX 1024u
struct ms_lent_names {
    const struct ms_chunks *frames;  /* struct ms_frame; number = index */
    const struct ms_chunks *modules; /* struct ms_module; id = index + 1 */
    const uint64_t *version;
    const uint32_t *(*stack)(void *context, uint32_t site_id, uint32_t *depth);
    void *context;
};
/* *names lives as long as the model. */
void ms_model_lend_names(struct ms_model *model, const struct ms_lent_names *names);
/* NULL: nobody lends any. */
const struct ms_lent_names *ms_model_lent_names(const struct ms_model *model);

/* Sites come in the order of their ids. NULL also when there is a higher id already. */
struct ms_site *ms_model_restore_site(struct ms_model *model, uint32_t id, uint32_t process_id,
                                      const uint32_t *frame_numbers, uint32_t depth,
                                      uint32_t flags);
/* Takes over what a site does not have from its names or usages: process, flags, rates. */
void ms_model_put_site(struct ms_model *model, size_t position, const struct ms_site *site);
/* Those of several are gone together, when ms_model_sites_forgotten says that they are all. */
void ms_model_forget_site(struct ms_model *model, uint32_t id);
void ms_model_sites_forgotten(struct ms_model *model);

/*
 * Usages and activities lie at positions as in the model that was recorded: what is added comes
 * last, and the last one takes the place of one that is gone. When a thread or site is forgotten
 * its own become nobody's, and must be forgotten, too: until none is left the model is not whole.
 * `thread_id` 0: one that is nobody's, for it will be gone before somebody looks.
 * 0; -ENOMEM; -EBADMSG: there is no such thread, site or position.
 */
int ms_model_restore_usage(struct ms_model *model, uint32_t thread_id, uint32_t site_id,
                           uint8_t rate);
int ms_model_forget_usage(struct ms_model *model, size_t position);
/* The figures of a usage; its thread, site, rate and `detail` stay. The sums of the site follow.
 * `extra` NULL: it has nothing but its homes. */
struct ms_usage_extra;
int ms_model_put_usage(struct ms_model *model, size_t position, const struct ms_usage *figures,
                       const struct ms_usage_extra *extra);
int ms_model_restore_activity(struct ms_model *model, uint32_t thread_id, uint32_t site_id);
int ms_model_forget_activity(struct ms_model *model, size_t position);
int ms_model_put_activity(struct ms_model *model, size_t position, const struct ms_work *work);
/* Each becomes the first of its thread, or of its site: the last one that was added is. */
int ms_model_put_usage_first(struct ms_model *model, size_t position, bool of_thread);
int ms_model_put_activity_first(struct ms_model *model, size_t position, bool of_thread);

/* Flows and misuses: at the end, whatever their keys. Positions to forget ascend, and are of before
 * any of them was. `how` is copied. */
int ms_model_restore_flow(struct ms_model *model);
int ms_model_put_flow(struct ms_model *model, size_t position, const struct ms_flow *flow);
int ms_model_forget_flows(struct ms_model *model, const uint32_t *positions, size_t count);
int ms_model_restore_misuse(struct ms_model *model);
int ms_model_put_misuse(struct ms_model *model, size_t position, const struct ms_misuse *misuse);
int ms_model_forget_misuses(struct ms_model *model, const uint32_t *positions, size_t count);

/* Nothing of it is nobody's. */
bool ms_model_is_whole(const struct ms_model *model);

/* --- what threads and processes are written down by; see changes.h, too --- */

/* Of ms_model_thread: after those that are alive come so many merged ones, then the ended ones. */
size_t ms_model_merged_count(const struct ms_model *model);
/* How many have left for good. */
uint64_t ms_model_threads_removed(const struct ms_model *model);
uint64_t ms_model_processes_removed(const struct ms_model *model);
/* When it was written last; figures that a tick derives are not meant. */
uint32_t ms_model_thread_stamp(const struct ms_thread *thread);
uint32_t ms_model_process_stamp(const struct ms_process *process);
/* Ids of those not alive (some may be gone) that changed since the stamp `since`; false: it is not
 * known which, all are to be looked at. */
bool ms_model_threads_touched(const struct ms_model *model, uint32_t since, const uint32_t **ids,
                              size_t *count);

/* --- ticks --- */

/* What later ticks go on from, besides all that is shown. */
struct ms_inside {
    uint64_t now_ns, ticks, first_tick;
    uint32_t next_thread_id; /* the last one given */
    uint32_t turn;
    uint32_t merged_programs;
    uint32_t ended_with_history;
};
struct ms_inside ms_model_inside(const struct ms_model *model);
void ms_model_put_inside(struct ms_model *model, const struct ms_inside *inside);

struct ms_process_inside {
    uint32_t attributed_epoch;
    bool attributed_at_end, stands_for_many;
    double run_queue_pct;
    uint64_t network_ns, network_received_bytes, network_sent_bytes;
};
/* The process is of this model. */
struct ms_process_inside ms_model_process_inside(const struct ms_process *process);
void ms_model_put_process_inside(struct ms_process *process,
                                 const struct ms_process_inside *inside);

/* Its rates hold still. */
bool ms_model_thread_is_flat(const struct ms_thread *thread);
void ms_model_put_thread_flat(struct ms_thread *thread, bool flat);

/* Of a thread (NULL once it has ended) or process: what its rates come from. */
const struct ms_past *ms_model_thread_past(const struct ms_thread *thread);
struct ms_past *ms_model_thread_past_mutable(struct ms_thread *thread);
const struct ms_past *ms_model_process_past(const struct ms_process *process);
struct ms_past *ms_model_process_past_mutable(struct ms_process *process);

/*
 * Ends a tick that was recorded: `tick` and `now_ns` are those of then. Everything that
 * ms_model_tick_end derives is derived, but the shares of threads in peaks, which are written down;
 * nothing is merged. 0, -ENOMEM or -EBADMSG: it is not later than the last one, or a thread has no
 * process.
 */
int ms_model_tick_again(struct ms_model *model, uint64_t tick, uint64_t now_ns);

#endif
