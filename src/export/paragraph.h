/* Text of any origin as lines of a page. For src/export only. */
#ifndef MS_EXPORT_PARAGRAPH_H
#define MS_EXPORT_PARAGRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MS_PAGE_COLUMNS 80u

/* Whether the locale is UTF-8: else everything beyond ASCII is '?'. */
bool ms_paragraph_utf8(void);

/*
 * `label` (ours, or "") padded to `indent` columns, then the text, broken at blanks, its further
 * lines as far in. Neutralised. A word that is longer than a line is broken.
 */
void ms_paragraph_write(FILE *out, const char *label, size_t indent, const char *text,
                        size_t bytes);

/* Neutralised, in exactly `columns`; what is too long ends in "~". */
void ms_paragraph_cell(FILE *out, const char *text, size_t columns);

#endif
