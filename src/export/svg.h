/*
 * A picture of a session: totals over time with the peak, the threads of the highest peaks with
 * their roles, and a flame graph of the call stacks of all threads by --weight, what is below 0.2 %
 * left out. No script, no font of its own, its own background. At most about 1 MB.
 */
#ifndef MS_EXPORT_SVG_H
#define MS_EXPORT_SVG_H

#include "export/export.h"

/* 0 or -errno. */
int ms_svg_write(FILE *out, const struct ms_model *model, const struct ms_export_options *options);

#endif
