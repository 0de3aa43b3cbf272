/* Folded stacks: "main;run;parse 4096", one call stack a line, outermost first, heaviest as they
 * come. Memory: a number for each function. */
#ifndef MS_EXPORT_FOLDED_H
#define MS_EXPORT_FOLDED_H

#include "export/export.h"

/* 0 or -errno. */
int ms_folded_write(FILE *out, const struct ms_model *model,
                    const struct ms_export_options *options);

#endif
