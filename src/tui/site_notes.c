#include "tui/site_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/types.h"
#include "model/module.h"
#include "tui/site_work.h"
#include "tui/stack.h"
#include "tui/why_none.h"

/* The first function of the stack that has no name, of an object that is known; NULL: all have. */
static const struct ms_frame *nameless_frame(const struct ms_site *site)
{
    for (uint32_t i = 0; i < site->depth; i++) {
        const struct ms_frame *frame = ms_site_frame(site, i);
        if (frame->function[0] == '\0' && frame->module[0] != '\0') {
            return frame;
        }
    }
    return NULL;
}

static void say_nameless(const struct ms_model *model, const struct ms_frame *frame, char *out,
                         size_t size)
{
    const struct ms_module *module = ms_model_module_of(model, frame);
    const char *slash = strrchr(frame->module, '/');
    const char *name = slash != NULL ? slash + 1 : frame->module;
    if (module != NULL && module->names == MS_NAMES_ASKING) {
        snprintf(out, size, "function names of %.200s are still being read", name);
    } else if (module != NULL && module->advice[0] != '\0') {
        snprintf(out, size, "%s", module->advice);
    } else {
        snprintf(out, size,
                 "no function names for %.200s: it is stripped; install its debug package or build "
                 "with -g",
                 name);
    }
}

/* What is missing of the stack; false: nothing is. */
static bool say_missing(const struct ms_model *model, const struct ms_site *site, char *out,
                        size_t size)
{
    const struct ms_frame *nameless = nameless_frame(site);
    if ((site->flags & (MS_SITE_ROOT | MS_SITE_NOT_SAMPLED)) != 0) {
        snprintf(out, size, "%s", ms_why_no_stack(model, site));
    } else if ((site->flags & MS_SITE_COARSENED) != 0) {
        snprintf(out, size, "outer frames are missing: the tables are full");
    } else if ((site->flags & MS_SITE_CUT_NO_CFI) != 0) {
        snprintf(out, size,
                 "the stack ends early: code without unwind information (generated at run time?)");
    } else if ((site->flags & MS_SITE_CUT_DEPTH) != 0) {
        snprintf(out, size, "outer frames are cut off: --depth or M keeps more");
    } else if (nameless != NULL) {
        say_nameless(model, nameless, out, size);
    } else {
        return false;
    }
    return true;
}

/* Of one site alone: the functions of one stack are read anew in no time. */
struct reading {
    struct ms_words words;
    struct ms_frame_type *types; /* one for each level that was asked for */
    size_t count, capacity;
};

static const struct ms_frame_type *read_type(void *context, const struct ms_frame *frame)
{
    struct reading *reading = context;
    if (reading->count == reading->capacity) {
        return NULL;
    }
    struct ms_frame_type *type = &reading->types[reading->count++];
    return ms_frame_type_of(type, frame, &reading->words) == 0 ? type : NULL;
}

/* "" without memory. */
static void say_type(const struct ms_site *site, char *out, size_t size)
{
    char evidence[1024];
    struct ms_block_type type;
    struct reading reading = {.words.texts.element_bytes = sizeof(char *),
                              .capacity = ms_stack_levels(site) + (size_t)1};
    out[0] = '\0';
    reading.types = calloc(reading.capacity, sizeof *reading.types);
    if (reading.types != NULL &&
        ms_block_type_of(&type, site, &reading.words, read_type, &reading) == 0) {
        if (type.family == MS_TYPE_FAMILY_UNKNOWN) {
            snprintf(out, size, "type unknown: %s", ms_type_unknown_reason(type.unknown));
        } else {
            ms_type_evidence(evidence, sizeof evidence, &type);
            snprintf(out, size, "type %s, %s by %s", type.name,
                     type.trust == MS_TYPE_DERIVED ? "known" : "likely,", evidence);
        }
    }
    free(reading.types);
    ms_words_free(&reading.words);
}

static int put(struct ms_grid *grid, int row, int rows, enum ms_colour colour, const char *text)
{
    const struct ms_area area = {
        .row = row, .column = 1, .rows = rows, .columns = ms_grid_columns(grid) - 2};
    ms_grid_pen(grid, colour, 0);
    int used = 1;
    if (rows > 1) {
        used = ms_theme_text(grid, area, text);
    } else { /* cut, as it has no second row to go on in */
        ms_grid_put(grid, row, area.column, area.columns, text);
    }
    ms_grid_pen(grid, MS_COLOUR_DEFAULT, 0);
    return used;
}

int ms_site_notes_draw(const struct ms_view *view, struct ms_grid *grid, int row, int rows,
                       const struct ms_site *site)
{
    enum { WRAPPED = 4 }; /* rows from which a sentence may have two */
    const int each = rows >= WRAPPED ? 2 : 1;
    char text[2048];
    int used = 0;
    if (rows > 0 && say_missing(view->model, site, text, sizeof text)) {
        used += put(grid, row, each, MS_COLOUR_ALERT_MEDIUM, text);
    } else if (rows > 0) {
        const struct ms_process *process = ms_model_process_by_id(view->model, site->process_id);
        snprintf(text, sizeof text, "of process %d   %.300s",
                 process != NULL ? (int)process->pid : 0, process != NULL ? process->exe : "");
        used += put(grid, row, 1, MS_COLOUR_DIM, text);
    }
    if (rows - used > 0 && site->depth > 0 && !ms_site_is_work(site)) {
        say_type(site, text, sizeof text);
        used += put(grid, row + used, rows - used < each ? rows - used : each, MS_COLOUR_DIM, text);
    }
    return used;
}
