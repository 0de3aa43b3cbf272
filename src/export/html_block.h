/*
 * A block of data in the page: `<script type="application/octet-stream" id="NAME">`, inside it
 * base64 of gzip of what is written here. The browser runs no such script; the page takes it as
 * text, and DecompressionStream and typed arrays do the rest. Numbers are little endian.
 * For src/export only.
 */
#ifndef MS_EXPORT_HTML_BLOCK_H
#define MS_EXPORT_HTML_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ms_html_block; /* opaque: about 400 KB while it is open */

/* `name` is ours: plain ASCII. Returns NULL without memory. */
struct ms_html_block *ms_html_block_open(FILE *out, const char *name);
void ms_html_block_put(struct ms_html_block *block, const void *bytes, size_t count);
void ms_html_block_u32(struct ms_html_block *block, uint32_t value);
void ms_html_block_f32(struct ms_html_block *block, float value);
/* NaN: none. */
void ms_html_block_f64(struct ms_html_block *block, double value);
/* Ends and frees it; accepts NULL (-ENOMEM). 0 or the first -errno. */
int ms_html_block_close(struct ms_html_block *block);

/*
 * The same for whoever writes to a stream: closing the stream ends the block. What fclose returns
 * tells of errors. NULL: no memory.
 */
FILE *ms_html_block_stream(FILE *out, const char *name);

#endif
