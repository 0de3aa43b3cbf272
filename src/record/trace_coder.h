/*
 * Events of a trace, short: time as the difference to the one before, a free as a reference to the
 * block that it frees, an allocation's place as a reference to the same place before, its address
 * by what malloc gives next: what was freed last of that size. Writer and reader remember the same
 * things, from the beginning of a block on.
 *
 * A block begins with how many events of the session were lost before it on their way into the
 * recording (u64), which is the writer's to write.
 *
 * Written form: flags + 1; time; of a free of a remembered block its slot; else the place (slot of
 * it, or process, thread and site), bytes unless they are those of the place before, and the
 * address as a difference unless it is the expected one; who did it, unless it is the thread of the
 * block.
 */
#ifndef MS_RECORD_TRACE_CODER_H
#define MS_RECORD_TRACE_CODER_H

#include "model/trace.h"
#include "record/pack.h"

#define MS_TRACE_BLOCK_EVENTS_MAX (1u << 20) /* a reader refuses more */

struct ms_trace_coder; /* opaque; some 700 KB */

struct ms_trace_coder *ms_trace_coder_new(void); /* NULL: no memory */
void ms_trace_coder_free(struct ms_trace_coder *coder);
void ms_trace_coder_begin(struct ms_trace_coder *coder); /* a block */

void ms_trace_coder_write(struct ms_trace_coder *coder, struct ms_pack *pack,
                          const struct ms_trace_record *event);
/* All of a block, its events by time: those of one thread come in their order. `each` returns false
 * to end. `lost` of it. 0, -ENOMEM or -EBADMSG: then `each` got what is before the damage. */
int ms_trace_block_read(struct ms_unpack *unpack, uint64_t *lost,
                        bool (*each)(void *context, const struct ms_trace_record *event),
                        void *context);

#endif
