/*
 * What is inside blocks, and the two ways between it and a model. For src/record only.
 *
 * Ids are those of the model. A state names everything that exists, in the order in which the model
 * has it; ticks go on from there: what was added, what changed, what is gone, and the time.
 * Figures that the model derives from others at the end of a tick (rates, sums of sites, histories)
 * are not written: ms_model_tick_again derives them anew, from the same counters by the same code.
 * What it needs of the past for that (struct ms_past) is part of a state.
 */
#ifndef MS_RECORD_LAYOUT_H
#define MS_RECORD_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"
#include "record/fields.h"
#include "record/pack.h"

/* A part of the model that is written and read by one pair of files: X(id, name, what) */
#define MS_PARTS(X)                                                                                \
    X(PROCESSES, "processes", "processes and their past")                                          \
    X(THREADS, "threads", "threads and their past")                                                \
    X(SYSTEM, "system", "the machine, GPUs and sources")                                           \
    X(SITES, "sites", "call sites that exist")                                                     \
    X(USAGES, "usages", "what threads allocated at call sites")                                    \
    X(ACTIVITIES, "activities", "what threads did at call sites besides")                          \
    X(FLOWS, "flows", "who freed whose blocks")                                                    \
    X(MISUSES, "misuses", "wrong or doubtful uses of memory")

enum ms_part {
#define MS_PART_ID(id, name, what) MS_PART_##id,
    MS_PARTS(MS_PART_ID)
#undef MS_PART_ID
        MS_PART_TOTAL
};

/*
 * A writer of one part remembers what it wrote last (its shadow) and writes what differs. With
 * `state` it writes everything, as if nothing was written before. It writes nothing at all, not
 * even a 0, when nothing differs: then the part is left out of the tick.
 */
struct ms_part_writer; /* opaque, of the part */
struct ms_part_kind {
    const struct ms_fields *const
        *tables; /* that it uses, NULL-terminated; described in the file */
    struct ms_part_writer *(*writer_new)(void); /* NULL: no memory */
    void (*writer_free)(struct ms_part_writer *writer);
    int (*write)(struct ms_part_writer *writer, const struct ms_model *model, bool state,
                 struct ms_pack *pack); /* 0 or -ENOMEM */
    /*
     * Takes over into a model what `write` wrote; with `state` the model has nothing of the part
     * yet. `maps`: one for each of `tables`. 0, -ENOMEM or -EBADMSG.
     */
    int (*read)(struct ms_model *model, bool state, struct ms_unpack *unpack,
                struct ms_fields_map *const *maps);
    /* Calls `differs` for what is not the same in the two; returns how often. Names the thing and
     * the field: "thread 3: heap.allocations". */
    size_t (*compare)(const struct ms_model *one, const struct ms_model *other,
                      void (*differs)(void *context, const char *what), void *context);
};
extern const struct ms_part_kind *const ms_parts[MS_PART_TOTAL];

/* Names are of no moment: all that the file holds are known from the beginning on. */
struct ms_names_writer; /* opaque: how far it has written */
struct ms_names_writer *ms_names_writer_new(void);
void ms_names_writer_free(struct ms_names_writer *writer);
/* What is new or renamed since the last call; writes nothing when nothing is. To be called in every
 * tick, before what refers to it: a site may be gone by the next. 0 or -ENOMEM. */
int ms_names_write(struct ms_names_writer *writer, const struct ms_model *model,
                   struct ms_pack *pack);
/*
 * The names of a recording, for any number of models made from it: call stacks by site id, frames
 * by number, modules. Grows by blocks. A block that is missing costs the names in it: what refers
 * to them is shown as unknown, and counted.
 */
struct ms_names; /* opaque */
struct ms_names *ms_names_new(void);
void ms_names_free(struct ms_names *names);
/* As ms_model_limit_bytes, of names. */
void ms_names_limit_bytes(struct ms_names *names, uint64_t bytes_max);
bool ms_names_is_refused(const struct ms_names *names);
/* What one call or several in a row wrote. 0, -ENOMEM or -EBADMSG: what came before stays. */
int ms_names_read(struct ms_names *names, struct ms_unpack *unpack);
/* How often something referred to a name that is not there. */
size_t ms_names_unknown(const struct ms_names *names);
/* A model without anything yet shows frames and modules of `names`, which must live as long; sites
 * of it find their stacks there. */
int ms_names_lend(struct ms_names *names, struct ms_model *model);

/* Field by field; histories and rates too. Returns how many differ. */
size_t ms_models_compare(const struct ms_model *one, const struct ms_model *other,
                         void (*differs)(void *context, const char *what), void *context);

#endif
