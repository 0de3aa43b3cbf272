/*
 * One ELF file opened for its symbols and DWARF. Used in the symbolizer's process only: may take
 * long, and a broken file may crash the libraries underneath.
 */
#ifndef MS_COLLECT_SYMBOL_FILE_H
#define MS_COLLECT_SYMBOL_FILE_H

#include <stddef.h>
#include <stdint.h>

struct ms_symbol_file; /* opaque */

/*
 * Opens a regular file only, never blocking in open. `build_id_bytes` > 0: the file must carry this
 * build id. NULL: not there, not regular, not ELF, another file.
 */
struct ms_symbol_file *ms_symbol_file_open(const char *path, const uint8_t *build_id,
                                           size_t build_id_bytes);
void ms_symbol_file_close(struct ms_symbol_file *file); /* accepts NULL */

struct ms_symbol_place {
    const char *function; /* as in the file (mangled), alive as long as the file; "" unknown */
    const char *source;   /* path, "" unknown */
    const char *folder;   /* that a relative path starts from, "" none */
    uint32_t line;        /* 0 unknown */
};

/* Frames at `address` (as in the file), innermost first, at most `capacity`; returns how many. */
size_t ms_symbol_file_find(struct ms_symbol_file *file, uint64_t address,
                           struct ms_symbol_place *out, size_t capacity);

#endif
