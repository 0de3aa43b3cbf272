/*
 * A demangled function name taken apart into the parts of its path: of the C++ name
 * "Order& std::vector<Order, A>::emplace_back<Order>(Order&&)" these are std, vector<Order, A> and
 * emplace_back<Order>; of the Rust name "<alloc::vec::Vec<u8> as Clone>::clone" they are alloc,
 * vec, Vec<u8> and clone, and the trait is told apart. Names may be hostile, or cut at the end.
 *
 * Slices point into the text that was given. No memory is allocated.
 */
#ifndef MS_ANALYSIS_SYMBOL_PATH_H
#define MS_ANALYSIS_SYMBOL_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Part of a text, not terminated. */
struct ms_slice {
    const char *at;
    size_t bytes;
};

struct ms_slice ms_slice_of(const char *text);
bool ms_slice_is(struct ms_slice slice, const char *text);
bool ms_slice_starts(struct ms_slice slice, const char *prefix);
bool ms_slice_ends(struct ms_slice slice, const char *suffix);

struct ms_path_part {
    struct ms_slice name;
    struct ms_slice arguments; /* between < and >; empty: none */
};

#define MS_PATH_PARTS_MAX 16u

struct ms_symbol_path {
    size_t count; /* 0: nothing could be made of it */
    struct ms_path_part parts[MS_PATH_PARTS_MAX];
    struct ms_slice trait; /* Rust: TRAIT of <TYPE as TRAIT>; empty: none */
    bool called;           /* with a list of parameters, as C++ names are */
    bool angled;           /* begins with <TYPE>, as only Rust names do */
    bool cut;              /* brackets are not closed: the name was longer */
};

/* Of a function. */
void ms_symbol_path_parse(struct ms_symbol_path *path, const char *function);
/* Of a type, "std::pair<int const, Order>": `path` without `trait` and `called`. */
void ms_type_path_parse(struct ms_symbol_path *path, struct ms_slice type);

/* Argument `index` of a list as in ms_path_part; empty: there are not as many. */
struct ms_slice ms_path_argument(struct ms_slice arguments, size_t index);

#endif
