/* Looking things up in the key table. */
#include "tui/keys.h"

#include <stdio.h>
#include <string.h>

static const struct ms_key_row rows[] = {
#define ROW(where, code, text, what, bar, line)                                                    \
    {.places = (where),                                                                            \
     .key = (code),                                                                                \
     .name = (text),                                                                               \
     .action = MS_ACTION_##what,                                                                   \
     .label = (bar),                                                                               \
     .help = (line)},
    MS_KEYS(ROW)
#undef ROW
};
static const size_t row_count = sizeof rows / sizeof rows[0];

const struct ms_key_row *ms_key_rows(size_t *count)
{
    *count = row_count;
    return rows;
}

const char *ms_place_name(enum ms_place place)
{
    static const struct {
        enum ms_place place;
        const char *name;
    } names[] = {
        /* clang-format off */
        {MS_PLACE_OVERVIEW, "Overview"},
        {MS_PLACE_FOCUS, "Focus"},
        {MS_PLACE_HOTSPOTS, "Hotspots"},
        {MS_PLACE_SITE, "Call site"},
        {MS_PLACE_RANKINGS, "Rankings"},
        {MS_PLACE_CORRELATIONS, "Correlations"},
        {MS_PLACE_LEAKS, "Leaks"},
        {MS_PLACE_FLOWS, "Flows"},
        {MS_PLACE_TYPES, "Types"},
        {MS_PLACE_DIFF, "Changes"},
        {MS_PLACE_PROCESSES, "Processes"},
        {MS_PLACE_TIMELINES, "Timelines"},
        {MS_PLACE_SYSTEM, "System"},
        {MS_PLACE_OUTPUT, "Output"},
        {MS_PLACE_HELP, "Help"},
        {MS_PLACE_TRACKING, "Tracking"},
        {MS_PLACE_SETUP, "Setup"},
        {MS_PLACE_SORT, "Sort"},
        {MS_PLACE_SIGNAL, "Signal"},
        {MS_PLACE_EXPORT, "Export"},
        {MS_PLACE_TIME, "Time"},
        {MS_PLACE_RECORD, "Record"},
        {MS_PLACE_MARK, "Mark"},
        {MS_PLACE_QUIT, "Quit"},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].place == place) {
            return names[i].name;
        }
    }
    return "";
}

enum ms_action ms_key_action(enum ms_place place, int key)
{
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].key == key && (rows[i].places & place) != 0) {
            return rows[i].action;
        }
    }
    return MS_ACTION_NONE;
}

bool ms_action_touches_program(enum ms_action action)
{
    return action == MS_ACTION_SIGNAL || action == MS_ACTION_KILL || action == MS_ACTION_TRACKING;
}

static bool leads_out(enum ms_action action)
{
    return action == MS_ACTION_QUIT || action == MS_ACTION_BACK || action == MS_ACTION_CANCEL;
}

static int label_width(const struct ms_key_row *row)
{
    return (int)(strlen(row->name) + 1 + strlen(row->label));
}

size_t ms_key_bar(enum ms_place place, int columns, bool readonly, struct ms_key_label *labels)
{
    const int gap = 2;
    size_t count = 0;
    int reserved = 0;
    for (size_t i = 0; i < row_count; i++) {
        if ((rows[i].places & place) != 0 && rows[i].label[0] != '\0' &&
            leads_out(rows[i].action)) {
            reserved += label_width(&rows[i]) + gap;
        }
    }
    int column = 1;
    for (size_t i = 0; i < row_count && count < MS_KEY_LABELS_MAX; i++) {
        const struct ms_key_row *row = &rows[i];
        if ((row->places & place) == 0 || row->label[0] == '\0' ||
            (readonly && ms_action_touches_program(row->action))) {
            continue;
        }
        const int width = label_width(row);
        const bool out = leads_out(row->action);
        if (column + width + (out ? 0 : gap + reserved) > columns + (out ? 0 : gap)) {
            continue;
        }
        labels[count++] = (struct ms_key_label){.row = row, .column = column, .width = width};
        column += width + gap;
        if (out) {
            reserved -= width + gap;
        }
    }
    return count;
}

size_t ms_key_names(size_t index, unsigned places, char *out, size_t size)
{
    size_t taken = 0;
    size_t length = 0;
    out[0] = '\0';
    if (index >= row_count || rows[index].help[0] == '\0') {
        return 0;
    }
    do {
        if ((rows[index + taken].places & places) != 0 && length < size) {
            const int more = snprintf(out + length, size - length, "%s%s", length > 0 ? " " : "",
                                      rows[index + taken].name);
            length += more > 0 ? (size_t)more : 0;
        }
        taken++;
    } while (index + taken < row_count && rows[index + taken].help[0] == '\0');
    return taken;
}
