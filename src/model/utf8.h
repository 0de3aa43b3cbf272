/* UTF-8 from sources that may hold anything. */
#ifndef MS_MODEL_UTF8_H
#define MS_MODEL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the valid character at `bytes` (count > 0) and its code point; 0 when it is broken:
 * cut, overlong, a surrogate, beyond U+10FFFF. */
size_t ms_utf8_decode(const char *bytes, size_t count, uint32_t *code);

/* Bytes of the broken sequence at `bytes`: its lead byte and the continuation bytes that would
 * belong to it, or a run of stray continuation bytes. At least 1. */
size_t ms_utf8_broken_length(const char *bytes, size_t count);

/* Characters that make a terminal or a reader see something else than what is there: controls,
 * bidirectional and zero-width format characters, line separators, tags, non-characters. */
bool ms_utf8_harmful(uint32_t code);

#endif
