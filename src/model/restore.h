/*
 * Filling a model from a recording instead of from a live program: things come with the ids that
 * they had, what was merged and is gone is told and not decided here, and a tick derives rates and
 * histories as ms_model_tick_end does, without merging anything. For src/record only.
 */
#ifndef MS_MODEL_RESTORE_H
#define MS_MODEL_RESTORE_H

#include "model/model.h"
#include "model/past.h"

/* What an added thing is put at the end of. */
enum ms_thread_place { MS_PLACE_ALIVE, MS_PLACE_ENDED, MS_PLACE_MERGED };

/* All give NULL without memory, or when there is one of this id already. */
struct ms_thread *ms_model_restore_thread(struct ms_model *model, uint32_t id, uint32_t process_id,
                                          enum ms_thread_place place);
/* Of a call stack that the names hold. */
struct ms_site *ms_model_restore_site(struct ms_model *model, uint32_t id, uint32_t process_id,
                                      const uint32_t *frame_numbers, uint32_t depth,
                                      uint32_t flags);

/* Takes them away without giving what they hold to others. Unknown ids do nothing. */
void ms_model_forget_thread(struct ms_model *model, uint32_t id);
void ms_model_forget_process(struct ms_model *model, uint32_t id);
void ms_model_forget_site(struct ms_model *model, uint32_t id);

/* Of a thread (NULL once it has ended) or process: what its rates come from. */
struct ms_past *ms_model_thread_past(struct ms_model *model, uint32_t thread_id);
struct ms_past *ms_model_process_past(struct ms_model *model, uint32_t process_id);

/*
 * Ends a tick that was recorded: `tick` and `now_ns` are those of then. Everything that
 * ms_model_tick_end derives is derived; nothing is merged. 0 or -ENOMEM.
 */
int ms_model_tick_again(struct ms_model *model, uint64_t tick, uint64_t now_ns);

#endif
