/*
 * A file on the disk that takes its place only when it is whole, and how bytes get into it. It is
 * readable by its owner alone: recordings hold arguments and output of programs. For src/record
 * only.
 */
#ifndef MS_RECORD_BLOCK_FILE_H
#define MS_RECORD_BLOCK_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct ms_block_file {
    int fd;
    char *path;      /* its place */
    char *temporary; /* beside it, where it is now; NULL: it has no name, or is in its place */
    bool in_place;
};

/*
 * Beside `path` when something is there and may be overwritten, else in its place. Errors as of
 * ms_block_writer_begin; nothing is left then.
 *
 * Beside is a file without a name (O_TMPFILE), so that nothing is left of it when we are killed;
 * where the file system has none, "PATH.new-" and six letters.
 */
int ms_block_file_make(const char *path, bool overwrite, struct ms_block_file *out);
/* A new one that is to take the place of `file`. */
int ms_block_file_beside(const struct ms_block_file *file, struct ms_block_file *out);
/*
 * Forces it to the disk and renames it, if it is not in its place yet. `successor_of` (may be
 * NULL): the file that is to be there; -ESTALE when another one is there by now.
 */
int ms_block_file_take_place(struct ms_block_file *file, const struct ms_block_file *successor_of);
/* Closes it (unless fd is -1) and frees; a temporary is removed, one in its place stays. */
void ms_block_file_give_up(struct ms_block_file *file);
/* Removes it wherever it is; give_up is still to follow. */
void ms_block_file_remove(struct ms_block_file *file);

/* 0 or -errno; never SIGXFSZ where that is blocked. */
int ms_block_file_write(const struct ms_block_file *file, uint64_t at, const uint8_t *bytes,
                        uint64_t count);
int ms_block_file_copy(const struct ms_block_file *file, uint64_t at, int source, uint64_t from,
                       uint64_t count);
/* All of `count` bytes: 0, -ENODATA when the file ends before, or -errno. Of any descriptor. */
int ms_block_file_read(int fd, uint64_t at, void *bytes, uint64_t count);

#endif
