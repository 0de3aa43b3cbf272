/* Sorting by keys that are read once per update; positions of before serve while it is held. */
#include "tui/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    uint32_t id;
    bool ended;
    bool known;
    double key; /* small comes first */
};

struct place {
    uint32_t id;
    uint32_t position;
};

void ms_list_init(struct ms_list *list)
{
    *list = (struct ms_list){.sort = MS_METRIC_PEAK_BYTES, .follow = true};
}

void ms_list_fini(struct ms_list *list)
{
    free(list->ids);
    list->ids = NULL;
    list->count = list->capacity = 0;
}

bool ms_list_fits(const struct ms_thread *thread, const struct ms_judgement *judgement,
                  const char *filter)
{
    char tid[16];
    snprintf(tid, sizeof tid, "%d", (int)thread->tid);
    return filter[0] == '\0' || strcasestr(thread->name, filter) != NULL ||
           strstr(tid, filter) != NULL || strcasestr(ms_role_word(judgement->role), filter) != NULL;
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    if (a->ended != b->ended) {
        return a->ended ? 1 : -1;
    }
    if (a->known != b->known) {
        return a->known ? -1 : 1;
    }
    if (a->key < b->key || a->key > b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Gives every row the position that it had as its key; new ones come after those. */
static void keep_positions(const struct ms_list *list, struct row *rows, size_t count)
{
    struct place *places = malloc((list->count + 1) * sizeof *places);
    if (places == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        places[i] = (struct place){.id = list->ids[i], .position = (uint32_t)i};
    }
    qsort(places, list->count, sizeof *places, compare_places);
    for (size_t i = 0; i < count; i++) {
        const struct place wanted = {.id = rows[i].id};
        const struct place *found =
            bsearch(&wanted, places, list->count, sizeof *places, compare_places);
        rows[i].known = found != NULL;
        rows[i].key = found != NULL ? found->position : 0;
    }
    free(places);
}

static size_t collect(const struct ms_list *list, const struct ms_model *model,
                      const struct ms_findings *findings, const char *filter, struct row *rows)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    const size_t threads = ms_model_thread_count(model);
    size_t count = 0;
    for (size_t i = 0; i < threads; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (filter[0] != '\0' &&
            !ms_list_fits(thread, ms_findings_of(findings, thread->id), filter)) {
            continue;
        }
        const struct ms_value value = ms_metric_of_thread(thread, list->sort, now_ns);
        rows[count++] = (struct row){
            .id = thread->id,
            .ended = thread->end_ns != 0,
            .known = value.available,
            .key = !value.available  ? 0
                   : list->ascending ? value.number
                                     : -value.number,
        };
    }
    return count;
}

static void find_selection(struct ms_list *list)
{
    if (list->count == 0) {
        list->position = 0;
        return;
    }
    if (!list->chosen) {
        list->position = 0;
    } else if (list->follow && list->selected != 0) {
        for (size_t i = 0; i < list->count; i++) {
            if (list->ids[i] == list->selected) {
                list->position = i;
                return;
            }
        }
    }
    if (list->position >= list->count) {
        list->position = list->count - 1;
    }
    list->selected = list->ids[list->position];
}

void ms_list_update(struct ms_list *list, const struct ms_model *model,
                    const struct ms_findings *findings, const char *filter)
{
    const size_t threads = ms_model_thread_count(model);
    if (threads > list->capacity) {
        const size_t capacity = threads + threads / 2 + 16;
        uint32_t *ids = realloc(list->ids, capacity * sizeof *ids);
        if (ids == NULL) {
            return;
        }
        list->ids = ids;
        list->capacity = capacity;
    }
    struct row *rows = malloc((threads + 1) * sizeof *rows);
    if (rows == NULL) {
        return;
    }
    const size_t count = collect(list, model, findings, filter, rows);
    if (ms_model_now_ns(model) < list->hold_until_ns) {
        keep_positions(list, rows, count);
    }
    qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 0; i < count; i++) {
        list->ids[i] = rows[i].id;
    }
    list->count = count;
    free(rows);
    find_selection(list);
}

void ms_list_select(struct ms_list *list, size_t position, uint64_t now_ns)
{
    if (position >= list->count) {
        return;
    }
    list->position = position;
    list->selected = list->ids[position];
    list->chosen = true;
    list->hold_until_ns = now_ns + MS_LIST_HOLD_NS;
}

void ms_list_move(struct ms_list *list, long by, uint64_t now_ns)
{
    if (list->count == 0) {
        return;
    }
    const long last = (long)list->count - 1;
    long position = (long)list->position;
    if (by > last - position) {
        position = last;
    } else if (by < -position) {
        position = 0;
    } else {
        position += by;
    }
    ms_list_select(list, (size_t)position, now_ns);
}

void ms_list_release(struct ms_list *list)
{
    list->hold_until_ns = 0;
}

void ms_list_scroll(struct ms_list *list, size_t shown, size_t across)
{
    if (across == 0 || shown < across) {
        list->top = 0;
        return;
    }
    const size_t lines = shown / across;
    const size_t all = (list->count + across - 1) / across;
    const size_t line = list->position / across;
    size_t top = list->top / across;
    if (top + lines > all) {
        top = all > lines ? all - lines : 0;
    }
    if (line < top) {
        top = line;
    } else if (line >= top + lines) {
        top = line - lines + 1;
    }
    list->top = top * across;
}
