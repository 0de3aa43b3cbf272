/*
 * The threads in the order in which they are shown: filtered, sorted, with a selection that stays
 * on its thread, not on its line. Threads that live come first. The order stands still for some
 * seconds after the user moved, so that rows do not run away from under the finger.
 */
#ifndef MS_TUI_LIST_H
#define MS_TUI_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/findings.h"
#include "model/metric.h"
#include "model/model.h"

#define MS_LIST_HOLD_NS (3 * MS_SECOND_NS)

struct ms_list {
    enum ms_metric sort;
    bool ascending;
    bool follow; /* false: the selection keeps its line */
    uint32_t *ids;
    size_t count, capacity;
    bool chosen;       /* by the user; until then the first one is selected */
    uint32_t selected; /* 0: none */
    size_t position;   /* of the selected one */
    size_t top;        /* first shown */
    uint64_t hold_until_ns;
};

void ms_list_init(struct ms_list *list);
void ms_list_fini(struct ms_list *list);

/* Takes over what the model has now. Without memory the order of before stays. */
void ms_list_update(struct ms_list *list, const struct ms_model *model,
                    const struct ms_findings *findings, const char *filter);

/* Moves the selection and holds the order. */
void ms_list_move(struct ms_list *list, long by, uint64_t now_ns);
void ms_list_select(struct ms_list *list, size_t position, uint64_t now_ns);
/* Lets the next update sort at once. */
void ms_list_release(struct ms_list *list);

/* Scrolls so that the selection is among `shown` items; `across` items make a line. */
void ms_list_scroll(struct ms_list *list, size_t shown, size_t across);

/* Whether a thread fits a filter: its name, tid or role holds the text, whatever the case. */
bool ms_list_fits(const struct ms_thread *thread, const struct ms_judgement *judgement,
                  const char *filter);

#endif
