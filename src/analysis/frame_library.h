/* The two halves of ms_frame_is_library: where the code lies, and what it is called. */
#ifndef MS_ANALYSIS_FRAME_LIBRARY_H
#define MS_ANALYSIS_FRAME_LIBRARY_H

#include <stdbool.h>

#include "model/model.h"

/* `process` may be NULL: then nothing is known to be the program's own. */
bool ms_module_is_library(const char *path, const struct ms_process *process);
/* Of the C++ or Rust standard library, by its demangled name; `crate` "" : not known. */
bool ms_function_is_library(const char *function, const char *crate);

#endif
