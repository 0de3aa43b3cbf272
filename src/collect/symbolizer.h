/*
 * Names of code addresses, from the ELF and DWARF of files that may be broken or hostile. Runs in a
 * process of its own, so that an endless loop or a crash in there costs names and nothing else.
 *
 * The packets on its socket (SOCK_SEQPACKET, one each way per question, in order) are declared here
 * for symbols.c, the other end.
 */
#ifndef MS_COLLECT_SYMBOLIZER_H
#define MS_COLLECT_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/module.h"
#include "wire/region.h"

#define MS_SYMBOL_PATH_MAX     4096u
#define MS_SYMBOL_FUNCTION_MAX 2048u
#define MS_SYMBOL_FILE_MAX     512u
#define MS_SYMBOL_CRATE_MAX    64u
#define MS_SYMBOL_INLINES_MAX  32u /* frames at one address: inlined ones and their function */

/* What is wanted, from quick to slow. */
enum ms_symbol_depth {
    MS_SYMBOL_OPEN,  /* only open the file, while its process is there */
    MS_SYMBOL_QUICK, /* the function by the symbol table, or all of it from the cache */
    MS_SYMBOL_FULL,  /* lines and inlined frames, by debug information on this machine */
    MS_SYMBOL_DEPTHS
};

struct ms_symbol_question {
    uint32_t id;
    uint32_t pid;           /* the file is looked for as that process sees it first */
    uint64_t address;       /* as in the file: run-time address - load bias */
    uint8_t build_id_bytes; /* 0: unknown, any file at `path` is believed */
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t depth; /* enum ms_symbol_depth */
    uint8_t reserved[2];
    uint32_t path_bytes; /* NUL included */
    char path[MS_SYMBOL_PATH_MAX];
};

/* Followed by `frames` times: uint32_t line, function, NUL, file, NUL, crate, NUL; innermost first.
 */
struct ms_symbol_answer {
    uint32_t id;
    uint32_t frames; /* 0: nothing known */
    uint8_t names;   /* enum ms_module_names of the module, ASKING: not looked at yet */
    uint8_t why;     /* enum ms_module_why */
    uint8_t final;   /* a deeper question would give no more */
    uint8_t reserved;
};
#define MS_SYMBOL_ANSWER_MAX                                                                       \
    (sizeof(struct ms_symbol_answer) +                                                             \
     MS_SYMBOL_INLINES_MAX *                                                                       \
         (4u + MS_SYMBOL_FUNCTION_MAX + MS_SYMBOL_FILE_MAX + MS_SYMBOL_CRATE_MAX))

struct ms_symbolizer_options {
    const char *cache_folder; /* as of symbol_cache.h, "" none; borrowed */
    bool fetch;               /* ask debuginfod for what is not on this machine */
};

/* The worker: answers questions from `socket` until the other end closes. */
void ms_symbolizer_serve(int socket, const struct ms_symbolizer_options *options)
    __attribute__((noreturn));

#endif
