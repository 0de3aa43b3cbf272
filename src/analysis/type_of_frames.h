/*
 * What a call site allocates, read from the functions on its call stack.
 *
 * Every function is looked at by itself first (ms_frame_type_of): one that hands memory on (malloc,
 * std::allocator<T>::allocate), one of a type's own (std::vector<Order>::reserve,
 * g_hash_table_new), or any other. Then the frames are walked from the inside out
 * (ms_block_type_of): behind the allocators the first type is it; what encloses it may say it
 * better (Rust's RawVec belongs to a Vec, that to a String; std::_Rb_tree to a std::multimap); any
 * other function ends the walk.
 *
 * How sure: derived when functions that were inlined are told (debug information) or when the
 * function allocates nothing but its own type; best effort when something inlined could have
 * allocated in its place, and where compilers fold equal functions of several types into one.
 *
 * Pure. Strings are interned in `words` and live as long.
 */
#ifndef MS_ANALYSIS_TYPE_OF_FRAMES_H
#define MS_ANALYSIS_TYPE_OF_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"
#include "model/words.h"

/* X(id, json_name, words) */
#define MS_TYPE_FAMILIES(X)                                                                        \
    X(CONTAINER, "container", "container")                                                         \
    X(HASH_MAP, "hash_map", "hash map")                                                            \
    X(TREE, "tree", "tree")                                                                        \
    X(STRING, "string", "string")                                                                  \
    X(C_STRING, "c_string", "C string")                                                            \
    X(SMART_POINTER, "smart_pointer", "smart pointer")                                             \
    X(OBJECT, "object", "object")                                                                  \
    X(ARRAY, "array", "array")                                                                     \
    X(CLOSURE, "closure", "closure")                                                               \
    X(TASK, "task", "async task")                                                                  \
    X(THREAD, "thread", "thread")                                                                  \
    X(CHANNEL, "channel", "channel")                                                               \
    X(EXCEPTION, "exception", "exception")                                                         \
    X(STREAM, "stream", "file or stream")                                                          \
    X(RUNTIME, "runtime", "runtime")                                                               \
    X(UNKNOWN, "unknown", "unknown")

enum ms_type_family {
#define MS_TYPE_FAMILY_ID(id, name, text) MS_TYPE_FAMILY_##id,
    MS_TYPE_FAMILIES(MS_TYPE_FAMILY_ID)
#undef MS_TYPE_FAMILY_ID
        MS_TYPE_FAMILY_TOTAL
};
const char *ms_type_family_name(enum ms_type_family family);  /* JSON */
const char *ms_type_family_words(enum ms_type_family family); /* screen */

enum ms_type_language {
    MS_TYPE_LANGUAGE_UNKNOWN,
    MS_TYPE_LANGUAGE_C,
    MS_TYPE_LANGUAGE_CPP,
    MS_TYPE_LANGUAGE_RUST,
    MS_TYPE_LANGUAGE_GLIB
};
const char *ms_type_language_name(enum ms_type_language language); /* "C++"; unknown: "" */

enum ms_type_trust { MS_TYPE_DERIVED, MS_TYPE_BEST_EFFORT, MS_TYPE_NOT_KNOWN };
const char *ms_type_trust_name(enum ms_type_trust trust); /* JSON */

/* X(id, short words, reason, what to do), of a type that is not known; of NO_NAMES the module is
 * part of the type's name. */
/* clang-format off */
#define MS_TYPE_UNKNOWNS(X)                                                                        \
    X(NONE, "", "", "")                                                                            \
    X(NO_NAMES, "no names", "names are missing: install the debug symbols of the module, or do not strip it", "install its debug symbols") \
    X(NO_STACK, "no call stack", "events without a call stack: in signal handlers, or the tables were full", "signal handlers, or full tables") \
    X(NOT_SAMPLED, "not sampled", "left out of the sample: only mode exact sees the call stack of every block", "mode exact sees all (M)") \
    X(C, "C malloc", "from C code, or from main built without -g: malloc is told no type", "malloc is told no type") \
    X(CPP, "C++ new or malloc", "new does not tell its type, and inlined containers show with debug information only: compile with -g", "compile with -g") \
    X(RUST, "Rust value", "what was inlined is told by debug information only: build with debug = 1", "build with debug = 1") \
    X(LIBRARY, "inside a library", "a function of a standard library that serves many types", "it serves many types")
/* clang-format on */

enum ms_type_unknown {
#define MS_TYPE_UNKNOWN_ID(id, words, reason, advice) MS_TYPE_UNKNOWN_##id,
    MS_TYPE_UNKNOWNS(MS_TYPE_UNKNOWN_ID)
#undef MS_TYPE_UNKNOWN_ID
        MS_TYPE_UNKNOWN_TOTAL
};
const char *ms_type_unknown_words(enum ms_type_unknown unknown);
const char *ms_type_unknown_reason(enum ms_type_unknown unknown);
const char *ms_type_unknown_advice(enum ms_type_unknown unknown); /* a few words */

/* What one function says. For the walk below; kinds are numbers of its own. */
enum ms_frame_role {
    MS_FRAME_OTHER,     /* the program's, or nothing is known of it */
    MS_FRAME_UNNAMED,   /* no name */
    MS_FRAME_ALLOCATOR, /* hands memory on; `name`: what the block holds, as it was told */
    MS_FRAME_TYPE,      /* allocates for `name` */
    MS_FRAME_LIBRARY    /* of a standard library; it could be any type */
};

struct ms_frame_type {
    uint8_t role, kind, family, language;
    bool sure;           /* allocates its own type and nothing else */
    bool open;           /* some type argument is not told */
    const char *name;    /* "std::vector<Order>"; NULL: none */
    const char *element; /* "Order"; "" or NULL: none or not told */
};

/* Of one function, without the ones that it is inlined into. 0 or -ENOMEM. */
int ms_frame_type_of(struct ms_frame_type *type, const struct ms_frame *frame,
                     struct ms_words *words);

struct ms_block_type {
    const char *name;    /* "std::vector<Order>", "unknown (C malloc)" */
    const char *element; /* "" when there is none or it is not told */
    enum ms_type_family family;
    enum ms_type_language language;
    enum ms_type_trust trust;
    enum ms_type_unknown unknown;
    const struct ms_frame *evidence; /* the function that tells, or that tells nothing; or NULL */
    const struct ms_frame *user; /* the first that is not the type's own: who wanted it; or NULL */
};

/* Looks a frame up, so that frames are read once and not for each site; `context` is its own. */
typedef const struct ms_frame_type *(*ms_frame_type_source)(void *context,
                                                            const struct ms_frame *frame);

/* 0 or -ENOMEM (also when `source` returned NULL). */
int ms_block_type_of(struct ms_block_type *type, const struct ms_site *site, struct ms_words *words,
                     ms_frame_type_source source, void *context);

#endif
