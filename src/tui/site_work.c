#include "tui/site_work.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/format.h"
#include "tui/chart.h"

enum { USERS_MAX = 32 };

static void say(const struct ms_work *work, char *out, size_t size)
{
    char time[MS_FORMAT_MAX];
    char bytes[MS_FORMAT_MAX];
    char count[MS_FORMAT_MAX];
    int used = 0;
    out[0] = '\0';
    if (work->cpu_samples > 0) {
        const struct ms_value value = {.number = (double)work->cpu_ns / 1e6, .available = true};
        ms_format_value(time, sizeof time, value, MS_UNIT_MS);
        ms_format_count(count, sizeof count, (double)work->cpu_samples);
        used = snprintf(out, size, "CPU %s  samples %s  right within %.0f %%  ", time, count,
                        196 / sqrt((double)work->cpu_samples));
    }
    if (work->io_calls > 0 && (size_t)used < size) {
        const struct ms_value value = {.number = (double)work->io_wait_ns / 1e6, .available = true};
        ms_format_value(time, sizeof time, value, MS_UNIT_MS);
        ms_format_bytes(bytes, sizeof bytes, (double)work->io_bytes);
        ms_format_count(count, sizeof count, (double)work->io_calls);
        (void)snprintf(out + used, size - (size_t)used, "I/O calls %s  bytes %s  in them %s", count,
                       bytes, time);
    }
}

static struct ms_work of_scope(const struct ms_model *model, const struct ms_site *site,
                               uint32_t thread_id)
{
    struct ms_work sum = {0};
    const struct ms_activity *activity = NULL;
    while ((activity = ms_model_site_activity(model, site->id, activity)) != NULL) {
        if (thread_id == 0 || thread_id == activity->thread_id) {
            ms_work_add(&sum, &activity->work);
        }
    }
    return sum;
}

double ms_site_work_ms(const struct ms_model *model, const struct ms_site *site, uint32_t thread_id)
{
    const struct ms_work work = of_scope(model, site, thread_id);
    return (double)(work.cpu_samples > 0 ? work.cpu_ns : work.io_wait_ns) / 1e6;
}

void ms_site_work_draw(const struct ms_view *view, struct ms_grid *grid, int row,
                       const struct ms_site *site, uint32_t thread_id)
{
    char text[256];
    const struct ms_work work = of_scope(view->model, site, thread_id);
    say(&work, text, sizeof text);
    ms_grid_put(grid, row, 1, view->columns - 2, text);
}

static uint64_t weight(const struct ms_work *work)
{
    return work->cpu_ns + work->io_wait_ns;
}

/* Returns how many of them there are in all. */
static size_t list_users(const struct ms_model *model, const struct ms_site *site,
                         uint32_t thread_id, const struct ms_activity **users, size_t *count)
{
    size_t all = 0;
    const struct ms_activity *activity = NULL;
    *count = 0;
    while ((activity = ms_model_site_activity(model, site->id, activity)) != NULL) {
        if (thread_id != 0 && thread_id != activity->thread_id) {
            continue;
        }
        all++;
        size_t at = *count;
        while (at > 0 && weight(&users[at - 1]->work) < weight(&activity->work)) {
            at--;
        }
        if (at == USERS_MAX) {
            continue;
        }
        const size_t behind = (*count < USERS_MAX ? *count : USERS_MAX - 1) - at;
        memmove(users + at + 1, users + at, behind * sizeof(*users));
        users[at] = activity;
        *count += *count < USERS_MAX;
    }
    return all;
}

void ms_site_work_draw_users(const struct ms_tui *tui, const struct ms_view *view,
                             struct ms_grid *grid, struct ms_area area, const struct ms_site *site)
{
    const struct ms_activity *users[USERS_MAX];
    size_t count;
    char heading[80];
    const size_t all = list_users(view->model, site, tui->scope.thread_id, users, &count);
    snprintf(heading, sizeof heading, "threads here: %zu", all);
    ms_theme_heading(tui, grid, area.row, 0, area.columns, heading);
    const int name_width = area.columns >= 72 ? 32 : area.columns / 2 - 2;
    for (size_t i = 0; i < count && (int)i + 1 < area.rows; i++) {
        char text[256];
        const int row = area.row + 1 + (int)i;
        const struct ms_thread *thread = ms_model_thread_by_id(view->model, users[i]->thread_id);
        say(&users[i]->work, text, sizeof text);
        ms_grid_pen(grid, thread != NULL && thread->end_ns == 0 ? MS_COLOUR_DEFAULT : MS_COLOUR_DIM,
                    0);
        ms_grid_printf(grid, row, 2, name_width, "%s (tid %d)", thread != NULL ? thread->name : "?",
                       thread != NULL ? (int)thread->tid : 0);
        ms_grid_put(grid, row, 2 + name_width, area.columns - name_width - 2, text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
}
