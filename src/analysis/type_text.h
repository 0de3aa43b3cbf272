/*
 * Type names as people write them. C++: "std::__cxx11::basic_string<char, std::char_traits<char>,
 * std::allocator<char> >" is std::string; inline namespaces and default arguments of the standard
 * library's templates are left out. Rust: alloc::vec::Vec<u8, alloc::alloc::Global> is Vec<u8>;
 * names of the standard library stand without their modules, and a parameter that the name does not
 * tell (Vec<T>, Vec<_>) is Vec<?>.
 *
 * A text that was cut ends in "...". Bounded; the names may be hostile.
 */
#ifndef MS_ANALYSIS_TYPE_TEXT_H
#define MS_ANALYSIS_TYPE_TEXT_H

#include <stddef.h>

#include "analysis/symbol_path.h"

#define MS_TYPE_TEXT_MAX 512u

/* Both fill `out`, always terminated, and return it. */
char *ms_type_text_cpp(char *out, size_t size, struct ms_slice type);
char *ms_type_text_rust(char *out, size_t size, struct ms_slice type);

#endif
