/* The menu of axes of the screen of correlations: figures of threads, then of processes, then none.
 */
#include <string.h>

#include "tui/correlations.h"

static struct ms_axis axis_of_line(size_t line)
{
    const size_t threads = (size_t)ms_series_count(MS_SERIES_OF_THREAD);
    return line < threads ? (struct ms_axis){MS_SERIES_OF_THREAD, (int)line}
                          : (struct ms_axis){MS_SERIES_OF_PROCESS, (int)(line - threads)};
}

static size_t line_of_axis(struct ms_axis axis)
{
    return (size_t)axis.series +
           (axis.of == MS_SERIES_OF_THREAD ? 0 : (size_t)ms_series_count(MS_SERIES_OF_THREAD));
}

static size_t axes(void)
{
    return (size_t)(ms_series_count(MS_SERIES_OF_THREAD) + ms_series_count(MS_SERIES_OF_PROCESS));
}

static const char *line_name(size_t line)
{
    if (line >= axes()) {
        return "none";
    }
    const struct ms_axis axis = axis_of_line(line);
    return ms_series_info(axis.of, axis.series)->name;
}

static const char *line_meaning(size_t line)
{
    static const char *const meanings[] = {
#define OF_THREAD(id, name, heading, unit, what)  "thread, " what,
#define OF_PROCESS(id, name, heading, unit, what) "process, " what,
        MS_THREAD_SERIES(OF_THREAD) MS_PROCESS_SERIES(OF_PROCESS)
#undef OF_THREAD
#undef OF_PROCESS
    };
    return line < axes() ? meanings[line] : "colour shows the role";
}

static struct ms_orders menu_of(const struct ms_tui *tui)
{
    return (struct ms_orders){
        .count = axes() + (tui->correlations->choosing == MS_AXIS_CHOICE_THIRD ? 1 : 0),
        .name = line_name,
        .meaning = line_meaning};
}

static void init_axis(struct ms_tui *tui, const struct ms_view *view)
{
    (void)view;
    const struct ms_correlations_view *correlations = tui->correlations;
    const struct ms_axis now = correlations->choosing == MS_AXIS_CHOICE_X   ? correlations->x
                               : correlations->choosing == MS_AXIS_CHOICE_Y ? correlations->y
                                                                            : correlations->third;
    const bool none = correlations->choosing == MS_AXIS_CHOICE_THIRD && !correlations->intensity;
    tui->state = (struct ms_dialog_state){.chosen = none ? axes() : line_of_axis(now)};
}

static void draw_axis(struct ms_tui *tui, const struct ms_view *view, struct ms_grid *grid)
{
    static const char *const titles[] = {"across (x)", "upwards (y)", "colour: intensity"};
    const struct ms_orders menu = menu_of(tui);
    ms_menu_draw(tui, view, grid, titles[tui->correlations->choosing], &menu);
}

/* The figure of the same name of the other table, or the one it begins with. */
static struct ms_axis in_table(struct ms_axis axis, enum ms_series_of of)
{
    if (axis.of == of) {
        return axis;
    }
    const char *name = ms_series_info(axis.of, axis.series)->name;
    for (int i = 0; i < ms_series_count(of); i++) {
        if (strcmp(ms_series_info(of, i)->name, name) == 0) {
            return (struct ms_axis){of, i};
        }
    }
    return (struct ms_axis){of, 0};
}

static void take_axis(struct ms_correlations_view *correlations, size_t line)
{
    const enum ms_axis_choice which = correlations->choosing;
    if (which == MS_AXIS_CHOICE_THIRD) {
        correlations->intensity = line < axes();
    }
    if (line >= axes()) {
        return;
    }
    const struct ms_axis axis = axis_of_line(line);
    /* A point is of one thing: all three figures are of threads, or all of processes. */
    correlations->x = which == MS_AXIS_CHOICE_X ? axis : in_table(correlations->x, axis.of);
    correlations->y = which == MS_AXIS_CHOICE_Y ? axis : in_table(correlations->y, axis.of);
    correlations->third =
        which == MS_AXIS_CHOICE_THIRD ? axis : in_table(correlations->third, axis.of);
}

static void key_axis(struct ms_tui *tui, const struct ms_view *view, enum ms_action action,
                     const struct ms_input *input, struct ms_command *command)
{
    (void)view;
    (void)command;
    if (action == MS_ACTION_ENTER) {
        take_axis(tui->correlations, tui->state.chosen);
    }
    if (action == MS_ACTION_ENTER || action == MS_ACTION_CANCEL) {
        tui->dialog = NULL;
        return;
    }
    const struct ms_orders menu = menu_of(tui);
    ms_menu_key(tui, action, input, &menu);
}

const struct ms_screen ms_dialog_axis = {
    .place = MS_PLACE_SORT, .init = init_axis, .draw = draw_axis, .key = key_axis};
