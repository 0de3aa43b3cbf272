/*
 * Names of code addresses, from the ELF and DWARF of files that may be broken or hostile. Runs in a
 * process of its own, so that an endless loop or a crash in there costs names and nothing else.
 *
 * The packets on its socket (SOCK_SEQPACKET, one each way per question) are declared here for
 * symbols.c, the other end.
 */
#ifndef MS_COLLECT_SYMBOLIZER_H
#define MS_COLLECT_SYMBOLIZER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/region.h"

#define MS_SYMBOL_PATH_MAX     4096u
#define MS_SYMBOL_FUNCTION_MAX 1024u
#define MS_SYMBOL_FILE_MAX     512u
#define MS_SYMBOL_INLINES_MAX  16u /* frames at one address: inlined ones and their function */

struct ms_symbol_question {
    uint32_t id;
    uint32_t pid;           /* the file is looked for as that process sees it first */
    uint64_t address;       /* as in the file: run-time address - load bias */
    uint8_t build_id_bytes; /* 0: unknown, any file at `path` is believed */
    uint8_t build_id[MS_BUILD_ID_MAX];
    uint8_t reserved[3];
    uint32_t path_bytes; /* NUL included */
    char path[MS_SYMBOL_PATH_MAX];
};

/* Followed by `frames` times: uint32_t line, function, NUL, file, NUL; innermost first. */
struct ms_symbol_answer {
    uint32_t id;
    uint32_t frames; /* 0: nothing known */
};
#define MS_SYMBOL_ANSWER_MAX                                                                       \
    (sizeof(struct ms_symbol_answer) +                                                             \
     MS_SYMBOL_INLINES_MAX * (4u + MS_SYMBOL_FUNCTION_MAX + MS_SYMBOL_FILE_MAX))

/* The worker: answers questions from `socket` until the other end closes. */
void ms_symbolizer_serve(int socket) __attribute__((noreturn));

struct ms_symbolizer; /* opaque; the files it has open */

struct ms_symbolizer *ms_symbolizer_new(void); /* NULL: no memory */
void ms_symbolizer_free(struct ms_symbolizer *symbolizer);
/* Fills the answer, at most MS_SYMBOL_ANSWER_MAX bytes into `answer`; returns its bytes. */
size_t ms_symbolizer_answer(struct ms_symbolizer *symbolizer,
                            const struct ms_symbol_question *question, void *answer);

#endif
