/*
 * Texts of a report, each written once and known by its number. They are told apart by their
 * address, since the model keeps each text once; a text must stay where it is until all are
 * written. For src/export only.
 */
#ifndef MS_EXPORT_HTML_TEXTS_H
#define MS_EXPORT_HTML_TEXTS_H

#include <stdint.h>
#include <stdio.h>

#define MS_HTML_TEXT_MAX 4096u /* longer ones are cut, and end in "..." */

struct ms_html_texts; /* opaque: 16 to 40 bytes a text */

struct ms_html_texts *ms_html_texts_new(void); /* NULL: no memory */
void ms_html_texts_free(struct ms_html_texts *texts);
/* 0 is the empty text, and what there was no memory for; see ms_html_texts_write. */
uint32_t ms_html_text(struct ms_html_texts *texts, const char *text);
/* The same for anything else that is told apart by its address; numbers from 1 in order of asking.
 */
uint32_t ms_html_thing(struct ms_html_texts *things, const void *thing);
uint32_t ms_html_things(const struct ms_html_texts *things);
const void *ms_html_thing_at(const struct ms_html_texts *things, uint32_t number);
int ms_html_texts_error(const struct ms_html_texts *texts); /* 0 or -ENOMEM */
/* All of them as a JSON array of strings; the first is "". 0 or -errno. */
int ms_html_texts_write(const struct ms_html_texts *texts, FILE *out);

#endif
