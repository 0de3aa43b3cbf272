#include "analysis/type_of_frames.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/type_rules.h"
#include "model/format.h"

#define NAME_OF(id, name, words)  [MS_TYPE_FAMILY_##id] = name,
#define WORDS_OF(id, name, words) [MS_TYPE_FAMILY_##id] = words,

const char *ms_type_family_name(enum ms_type_family family)
{
    static const char *const names[] = {MS_TYPE_FAMILIES(NAME_OF)};
    return names[family];
}

const char *ms_type_family_words(enum ms_type_family family)
{
    static const char *const words[] = {MS_TYPE_FAMILIES(WORDS_OF)};
    return words[family];
}

#define UNKNOWN_WORDS_OF(id, words, reason, advice)  [MS_TYPE_UNKNOWN_##id] = words,
#define UNKNOWN_REASON_OF(id, words, reason, advice) [MS_TYPE_UNKNOWN_##id] = reason,
#define UNKNOWN_ADVICE_OF(id, words, reason, advice) [MS_TYPE_UNKNOWN_##id] = advice,

const char *ms_type_unknown_words(enum ms_type_unknown unknown)
{
    static const char *const words[] = {MS_TYPE_UNKNOWNS(UNKNOWN_WORDS_OF)};
    return words[unknown];
}

const char *ms_type_unknown_reason(enum ms_type_unknown unknown)
{
    static const char *const reasons[] = {MS_TYPE_UNKNOWNS(UNKNOWN_REASON_OF)};
    return reasons[unknown];
}

const char *ms_type_unknown_advice(enum ms_type_unknown unknown)
{
    static const char *const advice[] = {MS_TYPE_UNKNOWNS(UNKNOWN_ADVICE_OF)};
    return advice[unknown];
}

const char *ms_type_language_name(enum ms_type_language language)
{
    static const char *const names[] = {[MS_TYPE_LANGUAGE_UNKNOWN] = "",
                                        [MS_TYPE_LANGUAGE_C] = "C",
                                        [MS_TYPE_LANGUAGE_CPP] = "C++",
                                        [MS_TYPE_LANGUAGE_RUST] = "Rust",
                                        [MS_TYPE_LANGUAGE_GLIB] = "GLib"};
    return names[language];
}

const char *ms_type_trust_name(enum ms_type_trust trust)
{
    static const char *const names[] = {[MS_TYPE_DERIVED] = "derived",
                                        [MS_TYPE_BEST_EFFORT] = "best_effort",
                                        [MS_TYPE_NOT_KNOWN] = "unavailable"};
    return names[trust];
}

static uint64_t bit(enum ms_type_kind kind)
{
    return UINT64_C(1) << kind;
}

/* Whether blocks of `inner` belong to `outer` when a function of `outer` calls one of `inner`. */
static bool type_encloses(enum ms_type_kind outer, enum ms_type_kind inner)
{
    const uint64_t arrays = bit(MS_KIND_RAW_VEC) | bit(MS_KIND_VEC);
    const uint64_t strings = bit(MS_KIND_RUST_STRING) | bit(MS_KIND_OS_STRING);
    const uint64_t boxes = bit(MS_KIND_BOX) | bit(MS_KIND_RC);
    const uint64_t shared = bit(MS_KIND_SHARED) | bit(MS_KIND_UNIQUE);
    const uint64_t whose[MS_KIND_TOTAL] = {
        [MS_KIND_VECTOR] = bit(MS_KIND_SPLIT_BUFFER),
        [MS_KIND_DEQUE] = bit(MS_KIND_SPLIT_BUFFER),
        [MS_KIND_FUTURE] = shared | bit(MS_KIND_STD_THREAD) | bit(MS_KIND_FUNCTION),
        [MS_KIND_STD_THREAD] = shared,
        [MS_KIND_REGEX] = shared | bit(MS_KIND_VECTOR) | bit(MS_KIND_STRING) | bit(MS_KIND_DEQUE) |
                          bit(MS_KIND_RB_TREE) | bit(MS_KIND_FUNCTION) | bit(MS_KIND_LOCALE),
        [MS_KIND_STREAM] = bit(MS_KIND_STRING) | bit(MS_KIND_C),
        [MS_KIND_LOCALE] = bit(MS_KIND_STRING),
        [MS_KIND_PATH] = bit(MS_KIND_STRING),
        [MS_KIND_VEC] = bit(MS_KIND_RAW_VEC),
        [MS_KIND_RUST_STRING] = arrays,
        [MS_KIND_OS_STRING] = arrays | bit(MS_KIND_RUST_STRING),
        [MS_KIND_VEC_DEQUE] = arrays,
        [MS_KIND_BINARY_HEAP] = arrays,
        [MS_KIND_IO_BUFFER] = arrays | bit(MS_KIND_BOX),
        [MS_KIND_SORT] = arrays,
        [MS_KIND_BOX] = arrays,
        [MS_KIND_RC] = bit(MS_KIND_BOX),
        [MS_KIND_BTREE] = bit(MS_KIND_BOX),
        [MS_KIND_LINKED_LIST] = bit(MS_KIND_BOX),
        [MS_KIND_CHANNEL] = boxes | arrays,
        [MS_KIND_TASK] = boxes,
        [MS_KIND_RUST_THREAD] = boxes | strings,
    };
    return (whose[outer] & bit(inner)) != 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool has_suffix(const char *text, const char *const *suffixes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ms_slice_ends(ms_slice_of(text), suffixes[i])) {
            return true;
        }
    }
    return false;
}

static bool in_cpp_library(const struct ms_frame *frame)
{
    return strstr(frame->file, "/include/c++/") != NULL || strstr(frame->file, "/c++/v1/") != NULL;
}

static enum ms_type_language language_of(const struct ms_frame *frame,
                                         const struct ms_symbol_path *path)
{
    static const char *const cpp[] = {".cc", ".cpp", ".cxx", ".C",   ".hpp",
                                      ".hh", ".hxx", ".tcc", ".cppm"};
    static const char *const rust[] = {".rs"};
    if (path->angled || (frame->crate != NULL && frame->crate[0] != '\0') ||
        has_suffix(frame->file, rust, 1) || strncmp(frame->function, "__rust_", 7) == 0 ||
        strncmp(frame->function, "__rdl_", 6) == 0) {
        return MS_TYPE_LANGUAGE_RUST;
    }
    if (path->called || path->cut || in_cpp_library(frame) ||
        has_suffix(frame->file, cpp, sizeof(cpp) / sizeof(cpp[0]))) {
        return MS_TYPE_LANGUAGE_CPP;
    }
    if (path->count == 1 && path->parts[0].arguments.bytes > 0) {
        return MS_TYPE_LANGUAGE_CPP;
    }
    return path->count > 1 ? MS_TYPE_LANGUAGE_RUST : MS_TYPE_LANGUAGE_C;
}

int ms_frame_type_of(struct ms_frame_type *type, const struct ms_frame *frame,
                     struct ms_words *words)
{
    static const struct ms_type_draft nothing;
    struct ms_type_draft draft = nothing;
    struct ms_symbol_path path;
    memset(type, 0, sizeof *type);
    if (frame->function[0] == '\0') {
        type->role = MS_FRAME_UNNAMED;
        return 0;
    }
    ms_symbol_path_parse(&path, frame->function);
    const enum ms_type_language language = language_of(frame, &path);
    if (language == MS_TYPE_LANGUAGE_RUST) {
        ms_type_rules_rust(&draft, &path);
    } else if (language == MS_TYPE_LANGUAGE_CPP) {
        ms_type_rules_cpp(&draft, &path, in_cpp_library(frame));
    }
    if (draft.role == MS_FRAME_OTHER && !path.called && path.count <= 1) {
        ms_type_rules_c(&draft, frame->function, base_name(frame->module));
        if (draft.role == MS_FRAME_OTHER) {
            draft.language = language;
            draft.role = ms_frame_is_wrapper(frame) ? MS_FRAME_ALLOCATOR : MS_FRAME_OTHER;
        }
    }
    type->role = (uint8_t)draft.role;
    type->kind = (uint8_t)draft.kind;
    type->family = (uint8_t)draft.family;
    type->language =
        (uint8_t)(draft.language != MS_TYPE_LANGUAGE_UNKNOWN ? draft.language : language);
    type->sure = draft.sure;
    type->open = strchr(draft.name, '?') != NULL;
    if (draft.name[0] != '\0') {
        type->name = ms_words_intern(words, draft.name);
        type->element = ms_words_intern(words, draft.element);
        if (type->name == NULL || type->element == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

struct walk {
    struct ms_words *words;
    const struct ms_frame_type *hint; /* of the allocator closest to the type; NULL: none */
    const struct ms_frame_type *found;
    const struct ms_frame *evidence;
    const struct ms_frame *unnamed; /* the innermost frame without a name that was passed */
    const struct ms_frame *last;    /* where the walk ended */
    const struct ms_frame_type *last_type;
    bool differed; /* two functions of one block name different types */
    enum ms_type_language allocator_language;
};

static bool same_module(const struct ms_frame *a, const struct ms_frame *b)
{
    return strcmp(a->module, b->module) == 0;
}

/* std::vector<std::vector<int>>: what is inside of it is no vector of its own kind's making. */
static bool holds(const struct ms_frame_type *outer, const struct ms_frame_type *inner)
{
    const size_t bytes = strlen(inner->name);
    return outer->element != inner->element && strncmp(outer->element, inner->name, bytes) == 0;
}

/* Whether `type`, of a function that called the one of walk->found, is the better name. */
static bool takes_over(struct walk *walk, const struct ms_frame_type *type)
{
    const struct ms_frame_type *found = walk->found;
    if (type->kind != found->kind) {
        return type_encloses(type->kind, found->kind);
    }
    if (type->kind == MS_KIND_C || holds(type, found)) {
        return false;
    }
    if (type->element != found->element && type->element[0] != '\0' && found->element[0] != '\0') {
        walk->differed = true;
    }
    return !type->open || found->open;
}

/* Whether the walk goes on behind `frame`. */
static bool step(struct walk *walk, const struct ms_frame *frame, const struct ms_frame_type *type)
{
    walk->last = frame;
    walk->last_type = type;
    if (walk->unnamed != NULL && !same_module(walk->unnamed, frame)) {
        return false;
    }
    switch ((enum ms_frame_role)type->role) {
    case MS_FRAME_UNNAMED:
        if (walk->unnamed == NULL) {
            walk->unnamed = frame;
        }
        return walk->found == NULL && frame->module[0] != '\0';
    case MS_FRAME_ALLOCATOR:
        if (walk->found == NULL) {
            walk->allocator_language = (enum ms_type_language)type->language;
            if (type->name != NULL) {
                walk->hint = type;
                walk->evidence = frame;
            }
        }
        return true;
    case MS_FRAME_TYPE:
        if (walk->found == NULL) {
            walk->found = type;
            walk->evidence = frame;
            return true;
        }
        if (takes_over(walk, type)) {
            walk->found = type;
            walk->evidence = frame;
            return true;
        }
        /* A less telling function of the same type does not end it. */
        return type->kind == walk->found->kind && type->open;
    case MS_FRAME_OTHER:
    case MS_FRAME_LIBRARY:
        return false;
    }
    return false;
}

/*
 * What std::allocator<T> was told and what the container says of its elements: 1 the same, -1 not,
 * 0 nothing to compare (a deque's map of blocks, a hash table's buckets).
 */
static int hint_agrees(const struct walk *walk)
{
    const struct ms_frame_type *hint = walk->hint;
    const struct ms_frame_type *found = walk->found;
    if (hint == NULL || hint->element[0] == '\0' || found->element[0] == '\0') {
        return 0;
    }
    if (hint->element == found->element) {
        return 1;
    }
    const bool comparable = hint->kind != MS_KIND_NONE ? hint->kind == found->kind
                                                       : (found->kind == MS_KIND_VECTOR &&
                                                          strcmp(found->element, "bool") != 0) ||
                                                             found->kind == MS_KIND_STRING;
    return comparable ? -1 : 0;
}

static enum ms_type_trust trust_of(const struct walk *walk)
{
    const struct ms_frame_type *found = walk->found;
    if (walk->differed || hint_agrees(walk) < 0 || walk->unnamed != NULL) {
        return MS_TYPE_BEST_EFFORT;
    }
    if (found->language == MS_TYPE_LANGUAGE_RUST) {
        /* LLVM keeps one of several equal functions: what a name says of parameters may be of
         * another type. */
        return found->sure || found->open ? MS_TYPE_DERIVED : MS_TYPE_BEST_EFFORT;
    }
    return found->sure || hint_agrees(walk) > 0 || walk->evidence->line != 0 ? MS_TYPE_DERIVED
                                                                             : MS_TYPE_BEST_EFFORT;
}

/* "gtk_button_new_with_label" -> "GtkButton"; false: no such name. */
static bool object_name(char *out, size_t size, const char *function)
{
    const char *end = strstr(function, "_new");
    if (end == NULL || end == function || (end[4] != '\0' && end[4] != '_')) {
        return false;
    }
    size_t used = 0;
    bool upper = true;
    for (const char *at = function; at < end && used + 1 < size; at++) {
        if (*at == '_') {
            upper = true;
        } else {
            out[used++] = upper ? (char)toupper((unsigned char)*at) : *at;
            upper = false;
        }
    }
    out[used] = '\0';
    return used > 0;
}

static int unknown_type(struct ms_block_type *type, struct ms_words *words,
                        enum ms_type_unknown unknown, enum ms_type_language language,
                        const struct ms_frame *frame)
{
    char name[MS_TYPE_TEXT_MAX];
    if (unknown == MS_TYPE_UNKNOWN_NO_NAMES && frame->module[0] != '\0') {
        (void)snprintf(name, sizeof name, "unknown (no names in %s)", base_name(frame->module));
    } else {
        (void)snprintf(name, sizeof name, "unknown (%s)", ms_type_unknown_words(unknown));
    }
    *type = (struct ms_block_type){.name = ms_words_intern(words, name),
                                   .element = "",
                                   .family = MS_TYPE_FAMILY_UNKNOWN,
                                   .language = language,
                                   .trust = MS_TYPE_NOT_KNOWN,
                                   .unknown = unknown,
                                   .evidence = frame,
                                   .user = frame};
    return type->name == NULL ? -ENOMEM : 0;
}

static int known_type(struct ms_block_type *type, const struct walk *walk)
{
    char name[MS_TYPE_TEXT_MAX];
    const struct ms_frame_type *found = walk->found;
    *type = (struct ms_block_type){.name = found->name,
                                   .element = found->element,
                                   .family = (enum ms_type_family)found->family,
                                   .language = (enum ms_type_language)found->language,
                                   .trust = trust_of(walk),
                                   .evidence = walk->evidence};
    if (found->kind == MS_KIND_GOBJECT && walk->last_type->role == MS_FRAME_OTHER &&
        object_name(name, sizeof name, walk->last->function)) {
        type->name = ms_words_intern(walk->words, name);
        type->trust = MS_TYPE_BEST_EFFORT;
        type->evidence = walk->last;
    }
    return type->name == NULL ? -ENOMEM : 0;
}

static int conclude(struct ms_block_type *type, struct walk *walk)
{
    if (walk->found == NULL && walk->hint != NULL && walk->unnamed == NULL) {
        walk->found = walk->hint;
    }
    if (walk->found != NULL) {
        const int error = known_type(type, walk);
        /* The walk ends at the first function that is none of the type's, if the stack has one. */
        type->user = walk->last_type != walk->found ? walk->last : walk->evidence;
        return error;
    }
    if (walk->unnamed != NULL) {
        return unknown_type(type, walk->words, MS_TYPE_UNKNOWN_NO_NAMES, MS_TYPE_LANGUAGE_UNKNOWN,
                            walk->unnamed);
    }
    enum ms_type_language language = (enum ms_type_language)walk->last_type->language;
    if (walk->allocator_language > MS_TYPE_LANGUAGE_C) {
        language = walk->allocator_language;
    }
    enum ms_type_unknown unknown = language == MS_TYPE_LANGUAGE_CPP    ? MS_TYPE_UNKNOWN_CPP
                                   : language == MS_TYPE_LANGUAGE_RUST ? MS_TYPE_UNKNOWN_RUST
                                                                       : MS_TYPE_UNKNOWN_C;
    if (walk->last_type->role == MS_FRAME_LIBRARY) {
        unknown = MS_TYPE_UNKNOWN_LIBRARY;
    }
    return unknown_type(type, walk->words, unknown, language, walk->last);
}

int ms_block_type_of(struct ms_block_type *type, const struct ms_site *site, struct ms_words *words,
                     ms_frame_type_source source, void *context)
{
    struct walk walk = {.words = words};
    if ((site->flags & MS_SITE_NOT_SAMPLED) != 0) {
        return unknown_type(type, words, MS_TYPE_UNKNOWN_NOT_SAMPLED, MS_TYPE_LANGUAGE_UNKNOWN,
                            NULL);
    }
    if (site->depth == 0 || (site->flags & MS_SITE_ROOT) != 0) {
        return unknown_type(type, words, MS_TYPE_UNKNOWN_NO_STACK, MS_TYPE_LANGUAGE_UNKNOWN, NULL);
    }
    bool more = true;
    for (size_t i = 0; more && i < site->depth; i++) {
        for (const struct ms_frame *frame = ms_site_frame(site, i); more && frame != NULL;
             frame = frame->inlined_by) {
            const struct ms_frame_type *frame_type = source(context, frame);
            if (frame_type == NULL) {
                return -ENOMEM;
            }
            more = step(&walk, frame, frame_type);
        }
    }
    return conclude(type, &walk);
}
