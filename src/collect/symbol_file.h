/*
 * One ELF file opened for its symbols and DWARF. Used in the symbolizer's process only: may take
 * long, and a broken file may crash the libraries underneath.
 */
#ifndef MS_COLLECT_SYMBOL_FILE_H
#define MS_COLLECT_SYMBOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect/file_root.h"
#include "model/module.h"

struct ms_symbol_file; /* opaque */

struct ms_symbol_wanted {
    const struct ms_file_root *root; /* must live as long as the file */
    const char *path;                /* as the process names it */
    const uint8_t *build_id;
    size_t build_id_bytes; /* 0: unknown, any file at `path` is believed */
    /* Asked when debug information is nowhere on this machine; -1: it has none. NULL: not asked. */
    int (*fetch)(const uint8_t *build_id, size_t build_id_bytes);
};

/*
 * Opens a regular file only, never blocking in open. NULL: not there, not regular, not ELF, another
 * file; *why then says which.
 */
struct ms_symbol_file *ms_symbol_file_open(const struct ms_symbol_wanted *wanted,
                                           enum ms_module_why *why);
void ms_symbol_file_close(struct ms_symbol_file *file); /* accepts NULL */

struct ms_symbol_place {
    const char *function; /* as in the file (mangled), alive as long as the file; "" unknown */
    const char *source;   /* path, "" unknown */
    const char *folder;   /* that a relative path starts from, "" none */
    uint32_t line;        /* 0 unknown */
};

/* The function at `address` (as in the file) by the symbol table of the file itself, "" unknown.
 * Reads nothing else, so it is quick. */
const char *ms_symbol_file_symbol(struct ms_symbol_file *file, uint64_t address);

/* Frames at `address`, innermost first, at most `capacity`; returns how many. Looks for separate
 * debug information the first time. */
size_t ms_symbol_file_find(struct ms_symbol_file *file, uint64_t address,
                           struct ms_symbol_place *out, size_t capacity);

/* What names the file can give; MS_NAMES_ASKING until ms_symbol_file_find looked for it. */
enum ms_module_names ms_symbol_file_names(const struct ms_symbol_file *file);

#endif
