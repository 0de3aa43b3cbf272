/* What functions of each language say of the type they allocate. For type_of_frames.c only. */
#ifndef MS_ANALYSIS_TYPE_RULES_H
#define MS_ANALYSIS_TYPE_RULES_H

#include "analysis/symbol_path.h"
#include "analysis/type_of_frames.h"
#include "analysis/type_text.h"

/* Families of functions that belong to one type; a kind may enclose others (type_of_frames.c). */
enum ms_type_kind {
    MS_KIND_NONE,
    /* C++ */
    MS_KIND_VECTOR,
    MS_KIND_SPLIT_BUFFER, /* of libc++: vector and deque */
    MS_KIND_DEQUE,
    MS_KIND_LIST,
    MS_KIND_STRING,
    MS_KIND_RB_TREE,
    MS_KIND_HASH_TABLE,
    MS_KIND_SHARED,
    MS_KIND_UNIQUE,
    MS_KIND_FUNCTION,
    MS_KIND_ANY,
    MS_KIND_FUTURE,
    MS_KIND_STD_THREAD,
    MS_KIND_REGEX,
    MS_KIND_STREAM,
    MS_KIND_LOCALE,
    MS_KIND_PATH,
    MS_KIND_TEMPORARY_BUFFER,
    MS_KIND_CLASS, /* with an operator new of its own */
    /* Rust */
    MS_KIND_RAW_VEC,
    MS_KIND_VEC,
    MS_KIND_RUST_STRING,
    MS_KIND_OS_STRING, /* with CString and PathBuf */
    MS_KIND_VEC_DEQUE,
    MS_KIND_BINARY_HEAP,
    MS_KIND_BOX,
    MS_KIND_RC,
    MS_KIND_RAW_TABLE,
    MS_KIND_BTREE,
    MS_KIND_LINKED_LIST,
    MS_KIND_CHANNEL,
    MS_KIND_TASK,
    MS_KIND_RUST_THREAD,
    MS_KIND_IO_BUFFER,
    MS_KIND_SORT,
    /* C: one idiom is as good as another */
    MS_KIND_C,
    MS_KIND_GOBJECT,
    MS_KIND_TOTAL
};

/* A type as a rule makes it; `name` and `element` are filled from it and interned. */
struct ms_type_draft {
    enum ms_frame_role role;
    enum ms_type_kind kind;
    enum ms_type_family family;
    enum ms_type_language language;
    bool sure;
    char name[MS_TYPE_TEXT_MAX];
    char element[MS_TYPE_TEXT_MAX];
};

/* Each fills `draft`, zeroed before, with role MS_FRAME_OTHER when it knows nothing. */
/* `in_library`: its source is of the standard library, whatever its name says. */
void ms_type_rules_cpp(struct ms_type_draft *draft, const struct ms_symbol_path *path,
                       bool in_library);
void ms_type_rules_rust(struct ms_type_draft *draft, const struct ms_symbol_path *path);
/* `module`: base name of the file that the function is in. */
void ms_type_rules_c(struct ms_type_draft *draft, const char *function, const char *module);

#endif
