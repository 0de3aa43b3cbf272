/*
 * From the name of a symbol as the linker knows it to one for people. Pure functions on hostile
 * text: names of any length and content.
 */
#ifndef MS_COLLECT_SYMBOL_NAME_H
#define MS_COLLECT_SYMBOL_NAME_H

#include <stddef.h>

/*
 * Writes the function as its source names it: C++ and Rust demangled, without the hash of Rust's
 * legacy names, and without suffixes that only say how a compiler split or cloned it (.llvm.123,
 * .isra.0, .constprop.1, .part.2, .cold, .lto_priv.0). What makes it another function stays:
 * "worker(int) [clone .actor]". What is cut for want of room ends in "...". `size` >= 4.
 */
void ms_symbol_readable(const char *name, char *out, size_t size);

/*
 * Writes the Rust crate that the function was written in, "" for other languages. In `<T as
 * Trait>::f` of legacy names that is a guess, as the name does not say it: the crate of T, or of
 * the trait when T has none or only T is the standard library's, since one of both holds the code.
 */
void ms_symbol_crate(const char *name, char *out, size_t size);

#endif
