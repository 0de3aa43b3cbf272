/* See marks.h. */
#include "collect/marks.h"

#include <errno.h>
#include <string.h>

#include "model/marks.h"
#include "model/utf8.h"

/* Of some 100 ms: the writer was stopped in between, or jumped out of it. */
#define READS_WAITED 3u

/* A text that filled its room may end within a character. */
static void drop_cut_character(char *text)
{
    const size_t length = strlen(text);
    if (length + 1 < MS_MARK_TEXT_BYTES) {
        return;
    }
    size_t lead = length - 1;
    while (lead > 0 && length - lead < 4 && ((unsigned char)text[lead] & 0xc0) == 0x80) {
        lead--;
    }
    uint32_t code;
    if (((unsigned char)text[lead] & 0xc0) == 0xc0 &&
        ms_utf8_decode(text + lead, length - lead, &code) == 0) {
        text[lead] = '\0';
    }
}

static int add(const struct ms_watched_marks_room *room, struct ms_region_mark_copy *copy)
{
    const uint64_t start_ns = ms_model_start_ns(room->model);
    /* Later than now by what this reading takes is all right, and by more a lie. */
    const uint64_t latest_ns = room->now_ns + ms_model_interval_ns(room->model);
    uint64_t at_ns = copy->at_ns > start_ns ? copy->at_ns : start_ns;
    at_ns = at_ns < latest_ns ? at_ns : latest_ns;
    drop_cut_character(copy->text);
    const struct ms_mark mark = {
        .at_ns = at_ns,
        .text = copy->text,
        .by_program = true,
        .process_id = room->process_id,
        .thread_id =
            copy->serial == 0 ? 0 : ms_watched_threads_of_serial(room->threads, copy->serial),
    };
    return ms_model_add_mark(room->model, &mark);
}

static void miss(struct ms_watched_marks *marks, uint64_t count)
{
    marks->missing += count;
    marks->next += count;
}

int ms_watched_marks_read(struct ms_watched_marks *marks, const struct ms_watched_marks_room *room,
                          bool last)
{
    const uint64_t end = room->end;
    const uint32_t capacity = ms_region_view_capacity(room->view, MS_AREA_MARKS);
    if (end <= marks->next || capacity < 2) {
        return 0;
    }
    if (end - marks->next > capacity - 1) {
        miss(marks, end - marks->next - (capacity - 1));
    }
    while (marks->next < end) {
        struct ms_region_mark_copy copy;
        const enum ms_region_mark_found found = ms_region_view_mark(room->view, marks->next, &copy);
        if (found == MS_REGION_MARK_NOT_YET && !last && marks->waited < READS_WAITED) {
            marks->waited++;
            return 0;
        }
        marks->waited = 0;
        if (found != MS_REGION_MARK_THERE) {
            miss(marks, 1);
            continue;
        }
        if (add(room, &copy) != 0) {
            return -ENOMEM;
        }
        marks->next++;
    }
    return 0;
}
