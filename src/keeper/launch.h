/*
 * What will be seen of a program, told before it starts: PATH and #! resolved, ELF header read.
 */
#ifndef MS_KEEPER_LAUNCH_H
#define MS_KEEPER_LAUNCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum ms_verdict { MS_VERDICT_FULL, MS_VERDICT_PARTIAL, MS_VERDICT_NONE };

struct ms_launch {
    char path[PATH_MAX];        /* what is executed: PATH searched as execvp does */
    char interpreter[PATH_MAX]; /* ELF program that will run: end of the #! chain, or path */
    enum ms_verdict verdict;
    bool preload;      /* put the probe into LD_PRELOAD? (false for musl, ASan, static...) */
    char because[256]; /* one line in words, "" for full; of a program that cannot run: why not */
    char mend[256];    /* what the user can do about it, "" if nothing */
};

/*
 * Looks at `program`. Returns 0 with *launch filled (verdict NONE is no error), -ENOENT when it or
 * its interpreter is not found, -EACCES when it is no executable file, -ENOEXEC when it is neither
 * ELF nor a script; `because` then says why. Opens regular files only.
 */
int ms_launch_look(const char *program, struct ms_launch *launch);

/*
 * The probe that belongs to this executable: build tree or installed. A path that LD_PRELOAD
 * would split (space, colon) is reached through a symbolic link in `ms_keeper_directory`.
 * Returns 0 or -ENOENT with *tried naming the places.
 */
int ms_launch_find_probe(char *path, size_t size, char *tried, size_t tried_size);

const char *ms_verdict_word(enum ms_verdict verdict); /* "full" "partial" "none" */

#endif
