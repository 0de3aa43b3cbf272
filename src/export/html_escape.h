/* Text in a page of HTML or in XML: references by number are the same in both. */
#ifndef MS_EXPORT_HTML_ESCAPE_H
#define MS_EXPORT_HTML_ESCAPE_H

#include <stdio.h>

/* As text of an element or a quoted attribute: markup is escaped, and what is control, broken or
 * deceives (see ms_format_safe) is neutralised. Past some thousand bytes it is cut. */
void ms_html_escape(FILE *out, const char *text);

#endif
