#include "model/marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

void ms_marks_free(struct ms_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        free((char *)(uintptr_t)marks->by_time[i].text);
    }
    free(marks->by_time);
    *marks = (struct ms_marks){0};
}

static void drop_oldest(struct ms_marks *marks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)(uintptr_t)marks->by_time[i].text);
    }
    marks->count -= count;
    marks->dropped += count;
    memmove(marks->by_time, marks->by_time + count, marks->count * sizeof *marks->by_time);
}

static int make_room(struct ms_marks *marks)
{
    if (marks->count < marks->capacity) {
        return 0;
    }
    if (marks->count == MS_MODEL_MARKS_MAX) {
        drop_oldest(marks, MS_MODEL_MARKS_MAX / 4);
        return 0;
    }
    const size_t capacity = marks->capacity == 0 ? 16 : marks->capacity * 2;
    struct ms_mark *more = reallocarray(marks->by_time, capacity, sizeof *more);
    if (more == NULL) {
        return -ENOMEM;
    }
    marks->by_time = more;
    marks->capacity = capacity;
    return 0;
}

int ms_model_add_mark(struct ms_model *model, const struct ms_mark *mark)
{
    struct ms_marks *marks = &model->marks;
    char *text = make_room(marks) == 0 ? strndup(mark->text, MS_MARK_TEXT_MAX) : NULL;
    if (text == NULL) {
        return -ENOMEM;
    }
    size_t at = marks->count++;
    for (; at > 0 && marks->by_time[at - 1].at_ns > mark->at_ns; at--) {
        marks->by_time[at] = marks->by_time[at - 1];
    }
    marks->by_time[at] = *mark;
    marks->by_time[at].text = text;
    marks->by_time[at].number = marks->added++;
    return 0;
}

size_t ms_model_mark_count(const struct ms_model *model)
{
    return model->marks.count;
}

const struct ms_mark *ms_model_mark(const struct ms_model *model, size_t index)
{
    return &model->marks.by_time[index];
}

uint64_t ms_model_marks_added(const struct ms_model *model)
{
    return model->marks.added;
}

uint64_t ms_model_marks_dropped(const struct ms_model *model)
{
    return model->marks.dropped;
}
