/*
 * A page of text about a session, to paste into a bug: 80 columns, no escape sequence, ASCII unless
 * the locale is UTF-8. What is missing stands in it with its reason.
 */
#ifndef MS_EXPORT_REPORT_H
#define MS_EXPORT_REPORT_H

#include "export/export.h"

/* 0 or -errno. */
int ms_report_write(FILE *out, const struct ms_model *model,
                    const struct ms_export_options *options);

#endif
