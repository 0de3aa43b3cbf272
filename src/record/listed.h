/*
 * What usages and activities have in common: both are lists of things of a thread and a call site
 * that lie without holes (record/moves.h), in an order of their thread and of their site
 * (record/chains.h). Written form: 1 when everything is written anew, else 0; what came and went;
 * after all came anew the order of chains. What follows, figures, is each one's own.
 */
#ifndef MS_RECORD_LISTED_H
#define MS_RECORD_LISTED_H

#include "record/moves.h"
#include "record/parts_sites.h"

struct ms_list_kind {
    enum ms_changing changing;
    size_t (*count)(const struct ms_model *model);
    /* Who the thing at a position is. `site_id`: of the one written before, to be set. */
    void (*identity)(const struct ms_model *model, size_t position, struct ms_pack *pack,
                     uint32_t *site_id);
    /* Reads that and adds it; a thread id of 0 stands for one that is gone again. */
    int (*add)(struct ms_model *model, struct ms_unpack *unpack, uint32_t *site_id);
    int (*forget)(struct ms_model *model, size_t position);
};

struct ms_listed { /* all 0: nothing written yet */
    struct ms_moves moves;
    size_t count; /* that was written */
    uint64_t removals;
    uint32_t since; /* what changed from this stamp on is to be written; 0: all */
    bool begun;
};
void ms_listed_free(struct ms_listed *listed);

enum ms_listed_news {
    MS_LISTED_SAME,    /* nothing came, went or changed */
    MS_LISTED_CHANGED, /* since what was written last */
    MS_LISTED_ANEW,    /* all is to be written */
};
/* Sets `moves` and `since`. */
enum ms_listed_news ms_listed_look(struct ms_listed *listed, const struct ms_list_kind *kind,
                                   const struct ms_model *model, bool state);
/* What came and went; 0 or -ENOMEM. */
int ms_listed_write(const struct ms_listed *listed, const struct ms_list_kind *kind,
                    const struct ms_model *model, bool anew, struct ms_pack *pack);
/* All was written. */
void ms_listed_took(struct ms_listed *listed, const struct ms_list_kind *kind,
                    const struct ms_model *model);

/* What ms_listed_write wrote. 0, -ENOMEM, -EBADMSG. */
int ms_listed_read(const struct ms_list_kind *kind, struct ms_model *model,
                   struct ms_unpack *unpack, bool *anew);
/* The place of the thing at a position among those of its thread and of its site. */
size_t ms_listed_compare_order(const struct ms_list_kind *kind, const struct ms_model *one,
                               const struct ms_model *other, size_t position,
                               const struct ms_difference *difference);

#endif
