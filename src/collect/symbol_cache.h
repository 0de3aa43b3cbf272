/*
 * Names of code addresses, kept on disk between sessions: one file for each build id, so that a
 * program that was watched before needs none of its DWARF read again. Only for modules whose lines
 * are known: what has no debug information is read from its symbol table at once, and finds its
 * debug information as soon as there is some.
 *
 * A file is a head and blocks, each appended by one write and with a checksum of its own, so that
 * several sessions may append and a cut one costs what was cut. A file that is damaged, of another
 * version, not ours, or writable by others, is not read and in the end replaced. Everything here
 * fails without harm: no folder, no room and no permission cost the cache only.
 *
 * Bounds: MS_SYMBOL_CACHE_FILE_MAX a file, MS_SYMBOL_CACHE_MAX all; past it the files that were not
 * used for longest go.
 */
#ifndef MS_COLLECT_SYMBOL_CACHE_H
#define MS_COLLECT_SYMBOL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define MS_SYMBOL_CACHE_FILE_MAX   (UINT64_C(16) << 20)
#define MS_SYMBOL_CACHE_MAX        (UINT64_C(256) << 20)
#define MS_SYMBOL_CACHE_FRAMES_MAX 64u

struct ms_cached_frame {
    uint32_t line;
    const char *function, *file, *crate; /* for people; alive as long as the cache */
};

/* The names of one build id, from the file and what was added since. */
struct ms_symbol_cache; /* opaque */

/*
 * `folder`: "" or NULL: nothing is read or written (NULL is returned). Made, with mode 0700, when
 * its parent is there. A build id of less than 8 bytes names nothing for sure: NULL as well.
 */
struct ms_symbol_cache *ms_symbol_cache_open(const char *folder, const uint8_t *build_id,
                                             size_t build_id_bytes);
void ms_symbol_cache_close(struct ms_symbol_cache *cache); /* flushes; accepts NULL */

/* Frames at an address, innermost first, at most MS_SYMBOL_CACHE_FRAMES_MAX into `out`; 0: not
 * known. */
size_t ms_symbol_cache_find(const struct ms_symbol_cache *cache, uint64_t address,
                            struct ms_cached_frame *out);
size_t ms_symbol_cache_count(const struct ms_symbol_cache *cache); /* addresses that are known */

/* Texts are copied. Written at the latest after 256 of them or by a flush. */
void ms_symbol_cache_add(struct ms_symbol_cache *cache, uint64_t address,
                         const struct ms_cached_frame *frames, size_t count);
void ms_symbol_cache_flush(struct ms_symbol_cache *cache); /* accepts NULL */

/* Makes the folder if need be. false: it is not ours alone, or may be put away by somebody else. */
bool ms_symbol_cache_prepare(const char *folder);
/* A file or folder (`kind`) that is ours and that nobody else may write to. */
bool ms_symbol_cache_is_private(int descriptor, mode_t kind, struct stat *status);

/* Removes the oldest files in `folder` until what is left fits `bytes`. Names of others stay. */
void ms_symbol_cache_prune(const char *folder, uint64_t bytes);

/*
 * The folder that is meant: `wanted` when it is a path, else $XDG_CACHE_HOME/memscope-top/symbols
 * or $HOME/.cache/memscope-top/symbols; "" when `wanted` is "no" or there is no such place.
 */
void ms_symbol_cache_folder(const char *wanted, char *out, size_t size);

/* For tests: takes the content of a file. false: it is none that can be believed. */
bool ms_symbol_cache_take(struct ms_symbol_cache *cache, void *bytes, size_t count);
struct ms_symbol_cache *ms_symbol_cache_new(const uint8_t *build_id, size_t build_id_bytes);

#endif
