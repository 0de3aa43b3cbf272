/* The names of a recording: see names_format.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/chunks.h"
#include "model/module.h"
#include "model/restore.h"
#include "record/layout.h"
#include "record/names_format.h"

/* Longer ones are damage, or cannot be told from it. */
#define INLINED_MAX  1024u
#define MODULES_MAX  (1u << 20)
#define UNKNOWN_NAME "unknown: its name was lost"

/* Things are numbered in the file, and lie one behind the other here: they are the same until a
 * block is lost. */
struct run {
    uint64_t first;
    uint32_t at, count;
};
struct runs {
    struct run *runs;
    size_t count, capacity;
};

/* Stacks as a tree: a frame and what called it. */
struct node {
    uint32_t frame; /* index */
    uint32_t outer; /* node + 1, 0: none */
};

struct stack {
    uint32_t site_id;
    uint32_t node; /* + 1 of the innermost frame, 0: no frames */
    uint32_t depth;
    uint32_t whole_depth; /* as recorded: one unknown frame may stand for several outer ones */
};

struct ms_names {
    struct ms_chunks strings; /* char * */
    struct ms_chunks frames;  /* struct ms_frame */
    struct ms_chunks modules; /* struct ms_module */
    struct ms_chunks nodes;
    struct ms_chunks stacks;
    struct runs string_runs, frame_runs, stack_runs;
    uint64_t bytes_max; /* 0: no limit */
    uint64_t string_bytes;
    bool refused;
    uint32_t unknown_frame; /* + 1, 0: there is none yet */
    size_t unknown;         /* references to what is not there */
    uint64_t version;
    uint32_t stack_of_site[MS_RESTORED_DEPTH_MAX];
    struct ms_lent_names lent;
};

struct ms_names *ms_names_new(void)
{
    struct ms_names *names = calloc(1, sizeof *names);
    if (names != NULL) {
        names->strings.element_bytes = sizeof(char *);
        names->frames.element_bytes = sizeof(struct ms_frame);
        names->modules.element_bytes = sizeof(struct ms_module);
        names->nodes.element_bytes = sizeof(struct node);
        names->stacks.element_bytes = sizeof(struct stack);
    }
    return names;
}

void ms_names_free(struct ms_names *names)
{
    if (names == NULL) {
        return;
    }
    for (size_t i = 0; i < names->strings.count; i++) {
        free(*(char **)ms_chunks_at(&names->strings, i));
    }
    ms_chunks_free(&names->strings);
    ms_chunks_free(&names->frames);
    ms_chunks_free(&names->modules);
    ms_chunks_free(&names->nodes);
    ms_chunks_free(&names->stacks);
    free(names->string_runs.runs);
    free(names->frame_runs.runs);
    free(names->stack_runs.runs);
    free(names);
}

size_t ms_names_unknown(const struct ms_names *names)
{
    return names->unknown;
}

void ms_names_limit_bytes(struct ms_names *names, uint64_t bytes_max)
{
    names->bytes_max = bytes_max;
}

bool ms_names_is_refused(const struct ms_names *names)
{
    return names->refused;
}

static uint64_t reckoned_bytes(const struct ms_names *names)
{
    return names->strings.count * (sizeof(char *) + 2 * sizeof(void *)) + names->string_bytes +
           names->frames.count * sizeof(struct ms_frame) +
           names->modules.count * sizeof(struct ms_module) +
           names->nodes.count * sizeof(struct node) + names->stacks.count * sizeof(struct stack) +
           (names->string_runs.capacity + names->frame_runs.capacity + names->stack_runs.capacity) *
               sizeof(struct run);
}

static bool has_room(struct ms_names *names)
{
    if (names->bytes_max != 0 && !names->refused) {
        names->refused = reckoned_bytes(names) > names->bytes_max;
    }
    return !names->refused;
}

/* --- numbers --- */

/* The next ones are `first` and on, and lie at `at`. 0, -ENOMEM, -EBADMSG: they go back. */
static int begin_run(struct runs *runs, uint64_t first, size_t at)
{
    const struct run *last = runs->count > 0 ? &runs->runs[runs->count - 1] : NULL;
    if (at >= UINT32_MAX || first >= UINT32_MAX ||
        (last != NULL && first < last->first + last->count)) {
        return -EBADMSG;
    }
    if (last != NULL && first == last->first + last->count &&
        at == (size_t)last->at + last->count) {
        return 0;
    }
    if (runs->count == runs->capacity) {
        const size_t capacity = runs->capacity != 0 ? 2 * runs->capacity : 4;
        struct run *grown = reallocarray(runs->runs, capacity, sizeof *grown);
        if (grown == NULL) {
            return -ENOMEM;
        }
        runs->runs = grown;
        runs->capacity = capacity;
    }
    runs->runs[runs->count++] = (struct run){.first = first, .at = (uint32_t)at};
    return 0;
}

/* Where a number lies; false: it was lost. */
static bool find_number(const struct runs *runs, uint64_t number, uint32_t *at)
{
    size_t low = 0;
    size_t high = runs->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct run *run = &runs->runs[middle];
        if (number < run->first) {
            high = middle;
        } else if (number - run->first >= run->count) {
            low = middle + 1;
        } else {
            *at = run->at + (uint32_t)(number - run->first);
            return true;
        }
    }
    return false;
}

static void count_one(struct runs *runs)
{
    runs->runs[runs->count - 1].count++;
}

/* --- strings --- */

static const char *string_of(struct ms_names *names, uint64_t number)
{
    uint32_t at;
    if (number == 0) {
        return "";
    }
    if (!find_number(&names->string_runs, number - 1, &at)) {
        names->unknown++;
        return "";
    }
    return *(char **)ms_chunks_at(&names->strings, at);
}

static int read_strings(struct ms_names *names, struct ms_unpack *unpack)
{
    const uint64_t first = ms_unpack_u64(unpack);
    const uint64_t count = ms_unpack_u64(unpack);
    int error =
        unpack->failed ? -EBADMSG : begin_run(&names->string_runs, first, names->strings.count);
    for (uint64_t i = 0; i < count && error == 0; i++) {
        size_t bytes;
        const char *text = ms_unpack_text(unpack, &bytes);
        if (unpack->failed || names->strings.count >= UINT32_MAX) {
            return -EBADMSG;
        }
        names->string_bytes += bytes;
        char *copy = has_room(names) ? malloc(bytes + 1) : NULL;
        char **slot = copy != NULL ? ms_chunks_add(&names->strings) : NULL;
        if (slot == NULL) {
            free(copy);
            return -ENOMEM;
        }
        memcpy(copy, text, bytes);
        copy[bytes] = '\0';
        *slot = copy;
        count_one(&names->string_runs);
    }
    return error;
}

/* --- frames --- */

static struct ms_frame *frame_at(const struct ms_names *names, uint32_t index)
{
    return ms_chunks_at(&names->frames, index);
}

static struct ms_frame *add_frame(struct ms_names *names)
{
    struct ms_frame *frame =
        names->frames.count < UINT32_MAX && has_room(names) ? ms_chunks_add(&names->frames) : NULL;
    if (frame != NULL) {
        frame->module = frame->crate = frame->function = frame->file = "";
        frame->number = (uint32_t)(names->frames.count - 1);
    }
    return frame;
}

/* What stands for all that were lost; false: no memory. */
static bool unknown_frame(struct ms_names *names, uint32_t *index)
{
    names->unknown++;
    if (names->unknown_frame == 0) {
        struct ms_frame *frame = add_frame(names);
        if (frame == NULL) {
            return false;
        }
        frame->function = UNKNOWN_NAME;
        names->unknown_frame = frame->number + 1;
    }
    *index = names->unknown_frame - 1;
    return true;
}

struct place {
    uint64_t address, bias;
};

/* *inlined_by: number + 1 of the frame in the file. */
static int read_frame(struct ms_names *names, struct ms_unpack *unpack, struct place *place,
                      struct ms_frame *frame, uint64_t *inlined_by)
{
    place->address += (uint64_t)ms_unpack_i64(unpack);
    place->bias += (uint64_t)ms_unpack_i64(unpack);
    frame->address = place->address;
    frame->file_offset = place->address - place->bias;
    frame->module = string_of(names, ms_unpack_u64(unpack));
    frame->module_id = (uint32_t)ms_unpack_upto(unpack, MODULES_MAX);
    frame->function = string_of(names, ms_unpack_u64(unpack));
    frame->file = string_of(names, ms_unpack_u64(unpack));
    frame->line = (uint32_t)ms_unpack_upto(unpack, UINT32_MAX);
    frame->crate = string_of(names, ms_unpack_u64(unpack));
    *inlined_by = ms_unpack_upto(unpack, UINT32_MAX);
    return unpack->failed ? -EBADMSG : 0;
}

/* Chains must end: one that would lead back to `frame`, or on for too long, is not made. */
static int set_inlined_by(struct ms_names *names, struct ms_frame *frame, uint64_t inlined_by)
{
    uint32_t index;
    frame->inlined_by = NULL;
    if (inlined_by == 0) {
        return 0;
    }
    if (!find_number(&names->frame_runs, inlined_by - 1, &index)) {
        names->unknown++;
        return 0;
    }
    const struct ms_frame *outer = frame_at(names, index);
    uint32_t length = 0;
    for (const struct ms_frame *at = outer; at != NULL; at = at->inlined_by) {
        if (at == frame || ++length > INLINED_MAX) {
            return -EBADMSG;
        }
    }
    frame->inlined_by = outer;
    return 0;
}

static int read_frames(struct ms_names *names, struct ms_unpack *unpack)
{
    const uint64_t first = ms_unpack_u64(unpack);
    const uint64_t count =
        ms_unpack_upto(unpack, (uint64_t)(unpack->end - unpack->at)); /* each has bytes */
    const size_t at = names->frames.count;
    int error = unpack->failed ? -EBADMSG : begin_run(&names->frame_runs, first, at);
    uint32_t *outer = error == 0 ? calloc((size_t)count + 1, sizeof *outer) : NULL;
    if (outer == NULL) {
        return error != 0 ? error : -ENOMEM;
    }
    struct place place = {0};
    for (uint64_t i = 0; i < count && error == 0; i++) {
        struct ms_frame *frame = add_frame(names);
        uint64_t inlined_by = 0;
        error = frame == NULL ? -ENOMEM : read_frame(names, unpack, &place, frame, &inlined_by);
        outer[i] = (uint32_t)inlined_by;
        if (frame != NULL) {
            count_one(&names->frame_runs);
        }
    }
    for (uint64_t i = 0; i < count && error == 0; i++) {
        error = set_inlined_by(names, frame_at(names, (uint32_t)(at + i)), outer[i]);
    }
    free(outer);
    return error;
}

static int read_renamed(struct ms_names *names, struct ms_unpack *unpack)
{
    const uint64_t count = ms_unpack_upto(unpack, (uint64_t)(unpack->end - unpack->at));
    struct place place = {0};
    uint64_t number = 0;
    uint64_t *outer = calloc((size_t)count + 1, 2 * sizeof *outer);
    if (outer == NULL) {
        return -ENOMEM;
    }
    int error = unpack->failed ? -EBADMSG : 0;
    size_t known = 0;
    for (uint64_t i = 0; i < count && error == 0; i++) {
        struct ms_frame read = {0};
        uint64_t inlined_by;
        uint32_t index;
        number += ms_unpack_upto(unpack, UINT32_MAX);
        error = read_frame(names, unpack, &place, &read, &inlined_by);
        if (error == 0 && find_number(&names->frame_runs, number, &index)) {
            struct ms_frame *frame = frame_at(names, index);
            read.number = frame->number;
            *frame = read;
            outer[2 * known] = index;
            outer[2 * known++ + 1] = inlined_by;
        } else {
            names->unknown++;
        }
    }
    for (size_t i = 0; i < known && error == 0; i++) {
        error = set_inlined_by(names, frame_at(names, (uint32_t)outer[2 * i]), outer[2 * i + 1]);
    }
    free(outer);
    return error;
}

/* --- modules --- */

static int read_modules(struct ms_names *names, struct ms_unpack *unpack)
{
    const uint64_t count = ms_unpack_u64(unpack);
    for (uint64_t i = 0; i < count && !unpack->failed; i++) {
        const uint64_t id = ms_unpack_upto(unpack, MODULES_MAX);
        struct ms_module module = {.id = (uint32_t)id};
        module.path = string_of(names, ms_unpack_u64(unpack));
        module.build_id = string_of(names, ms_unpack_u64(unpack));
        module.names = (enum ms_module_names)ms_unpack_upto(unpack, MS_NAMES_TOTAL - 1);
        module.why = (enum ms_module_why)ms_unpack_upto(unpack, MS_WHY_NO_SYMBOLIZER);
        module.advice = string_of(names, ms_unpack_u64(unpack));
        /* Ids count up: one far beyond is the first after what was lost, or makes no sense. */
        if (unpack->failed || id == 0 || id > names->modules.count + count + 1024) {
            return -EBADMSG;
        }
        while (names->modules.count < id) {
            struct ms_module *added = has_room(names) ? ms_chunks_add(&names->modules) : NULL;
            if (added == NULL) {
                return -ENOMEM;
            }
            *added = (struct ms_module){.id = (uint32_t)names->modules.count,
                                        .path = "",
                                        .build_id = "",
                                        .names = MS_NAMES_NONE,
                                        .why = MS_WHY_MISSING,
                                        .advice = ""};
        }
        *(struct ms_module *)ms_chunks_at(&names->modules, (size_t)id - 1) = module;
    }
    return unpack->failed ? -EBADMSG : 0;
}

/* --- stacks --- */

static int add_node(struct ms_names *names, uint32_t frame, uint32_t outer, uint32_t *node)
{
    const bool room = names->nodes.count < UINT32_MAX - 1 && has_room(names);
    struct node *added = room ? ms_chunks_add(&names->nodes) : NULL;
    if (added == NULL) {
        return -ENOMEM;
    }
    *added = (struct node){.frame = frame, .outer = outer};
    *node = (uint32_t)names->nodes.count;
    return 0;
}

/* The outermost `shared` frames of a stack before, as a node + 1. */
static int shared_node(struct ms_names *names, uint64_t number, uint64_t shared, uint32_t *node)
{
    uint32_t at;
    *node = 0;
    if (!find_number(&names->stack_runs, number, &at)) {
        uint32_t unknown;
        return unknown_frame(names, &unknown) ? add_node(names, unknown, 0, node) : -ENOMEM;
    }
    const struct stack *stack = ms_chunks_at(&names->stacks, at);
    *node = stack->node;
    for (uint64_t left = stack->whole_depth; left > shared && *node != 0; left--) {
        const uint32_t outer = ((const struct node *)ms_chunks_at(&names->nodes, *node - 1))->outer;
        if (outer == 0 && stack->depth < stack->whole_depth) {
            break; /* the one that stands for the rest */
        }
        *node = outer;
    }
    return 0;
}

static uint32_t depth_of(const struct ms_names *names, uint32_t node)
{
    uint32_t depth = 0;
    for (; node != 0; depth++) {
        node = ((const struct node *)ms_chunks_at(&names->nodes, node - 1))->outer;
    }
    return depth;
}

/* *frame: the number in the file that was read last. */
static int read_stack(struct ms_names *names, struct ms_unpack *unpack, uint64_t number,
                      uint64_t *frame, struct stack *stack)
{
    const uint64_t back = ms_unpack_upto(unpack, MS_NAMES_WINDOW);
    const uint64_t shared = back != 0 ? ms_unpack_upto(unpack, MS_RESTORED_DEPTH_MAX) : 0;
    const uint64_t more = ms_unpack_upto(unpack, MS_RESTORED_DEPTH_MAX);
    uint32_t node = 0;
    if (unpack->failed || back > number) {
        return -EBADMSG;
    }
    int error = back != 0 ? shared_node(names, number - back, shared, &node) : 0;
    for (uint64_t i = 0; i < more && error == 0; i++) {
        *frame += (uint64_t)ms_unpack_i64(unpack);
        uint32_t index;
        if (unpack->failed) {
            return -EBADMSG;
        }
        if (!find_number(&names->frame_runs, *frame, &index) && !unknown_frame(names, &index)) {
            return -ENOMEM;
        }
        error = add_node(names, index, node, &node);
    }
    stack->node = node;
    stack->depth = error == 0 ? depth_of(names, node) : 0;
    stack->whole_depth = (uint32_t)(shared + more);
    return error == 0 && stack->depth > MS_RESTORED_DEPTH_MAX ? -EBADMSG : error;
}

static int read_stacks(struct ms_names *names, struct ms_unpack *unpack)
{
    const uint64_t first = ms_unpack_u64(unpack);
    uint64_t site_id = ms_unpack_upto(unpack, UINT32_MAX);
    const uint64_t count = ms_unpack_u64(unpack);
    uint64_t frame = 0;
    int error =
        unpack->failed ? -EBADMSG : begin_run(&names->stack_runs, first, names->stacks.count);
    for (uint64_t i = 0; i < count && error == 0; i++) {
        const uint64_t gap = ms_unpack_upto(unpack, UINT32_MAX);
        site_id += gap;
        struct stack read = {.site_id = (uint32_t)site_id};
        const struct stack *last =
            names->stacks.count > 0 ? ms_chunks_at(&names->stacks, names->stacks.count - 1) : NULL;
        if (unpack->failed || gap == 0 || site_id > UINT32_MAX ||
            (last != NULL && last->site_id >= site_id)) {
            return -EBADMSG;
        }
        error = read_stack(names, unpack, first + i, &frame, &read);
        struct stack *stack = error == 0 && has_room(names) ? ms_chunks_add(&names->stacks) : NULL;
        if (stack == NULL) {
            return error != 0 ? error : -ENOMEM;
        }
        *stack = read;
        count_one(&names->stack_runs);
    }
    return error;
}

int ms_names_read(struct ms_names *names, struct ms_unpack *unpack)
{
    int error = 0;
    while (error == 0 && !ms_unpack_done(unpack)) {
        switch (ms_unpack_u64(unpack)) {
        case MS_NAMES_STRINGS:
            error = read_strings(names, unpack);
            break;
        case MS_NAMES_FRAMES:
            error = read_frames(names, unpack);
            break;
        case MS_NAMES_RENAMED:
            error = read_renamed(names, unpack);
            break;
        case MS_NAMES_MODULES:
            error = read_modules(names, unpack);
            break;
        case MS_NAMES_STACKS:
            error = read_stacks(names, unpack);
            break;
        default:
            error = -EBADMSG;
        }
        error = error == 0 && !has_room(names) ? -ENOMEM : error; /* sections may be empty */
    }
    names->version++;
    return error == 0 && unpack->failed ? -EBADMSG : error;
}

/* --- for models --- */

static const uint32_t *stack_of(void *context, uint32_t site_id, uint32_t *depth)
{
    struct ms_names *names = context;
    size_t low = 0;
    size_t high = names->stacks.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (((const struct stack *)ms_chunks_at(&names->stacks, middle))->site_id < site_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct stack *stack =
        low < names->stacks.count ? ms_chunks_at(&names->stacks, low) : NULL;
    if (stack == NULL || stack->site_id != site_id) {
        *depth = 1;
        return unknown_frame(names, &names->stack_of_site[0]) ? names->stack_of_site : NULL;
    }
    *depth = stack->depth;
    uint32_t node = stack->node;
    for (uint32_t i = 0; i < stack->depth; i++) {
        const struct node *at = ms_chunks_at(&names->nodes, node - 1);
        names->stack_of_site[i] = at->frame;
        node = at->outer;
    }
    return names->stack_of_site;
}

int ms_names_lend(struct ms_names *names, struct ms_model *model)
{
    names->lent = (struct ms_lent_names){.frames = &names->frames,
                                         .modules = &names->modules,
                                         .version = &names->version,
                                         .stack = stack_of,
                                         .context = names};
    ms_model_lend_names(model, &names->lent);
    return 0;
}
