/*
 * Marks: moments with a name, set by the user while watching or by the program itself
 * (include/memscope.h). One list for both, by time.
 */
#ifndef MS_MODEL_MARKS_H
#define MS_MODEL_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ms_model;

#define MS_MARK_TEXT_MAX 4096u
/* A model keeps the latest ones: from this many on a quarter goes, the oldest. */
#define MS_MODEL_MARKS_MAX 16384u

struct ms_mark {
    uint64_t tick;       /* of a recording: the recorded one when it was known; else 0 */
    uint64_t at_ns;      /* CLOCK_MONOTONIC */
    const char *text;    /* hostile; "" none */
    bool by_program;     /* else by the user */
    uint32_t process_id; /* 0: by the user, or not known */
    uint32_t thread_id;  /* likewise */
    uint64_t number;     /* of a model: how many were added before it */
};

/* Takes a copy, of the text up to MS_MARK_TEXT_MAX bytes; `number` is given. 0 or -ENOMEM. */
int ms_model_add_mark(struct ms_model *model, const struct ms_mark *mark);

size_t ms_model_mark_count(const struct ms_model *model);
const struct ms_mark *ms_model_mark(const struct ms_model *model, size_t index); /* by time */
uint64_t ms_model_marks_added(const struct ms_model *model);                     /* ever */
uint64_t ms_model_marks_dropped(const struct ms_model *model); /* of them, for want of room */

#endif
